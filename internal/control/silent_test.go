package control_test

import (
	"errors"
	"net"
	"testing"
	"time"

	"github.com/namelet/namelet/internal/control"
)

func TestStatusOfSilentServer(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	started := time.Now()
	_, err = control.NewClient(l.Addr().String(), "").Status(t.Context())
	if !errors.Is(err, control.ErrSilent) || time.Since(started) > 20*time.Second {
		t.Errorf("after %v: %v", time.Since(started), err)
	}
}
