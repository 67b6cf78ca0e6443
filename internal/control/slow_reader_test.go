package control

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/namelet/namelet/internal/guestlog"
	"github.com/namelet/namelet/internal/resolve"
	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/runtime"
	"github.com/namelet/namelet/store"
	"github.com/namelet/namelet/store/memory"
)

// narrow has connections take little that nobody reads.
type narrow struct{ net.Listener }

func (l narrow) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err == nil {
		err = c.(*net.TCPConn).SetWriteBuffer(4096)
	}
	return c, err
}

// Who follows a guest and does not read has his connection closed, and his place is
// another's.
func TestFollowerThatDoesNotRead(t *testing.T) {
	s, err := store.New(t.Context(), memory.New(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	if _, err := s.PutGuest(t.Context(), "shop", []byte("module")); err != nil {
		t.Fatal(err)
	}
	e, err := runtime.New(t.Context(), runtime.Config{Interpreter: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close(context.Background()) })
	journal := guestlog.New(guestlog.DefaultBounds)
	server := httptest.NewUnstartedServer(Handler(NewService(s, e), Endpoint{Journal: journal, patience: 200 * time.Millisecond}))
	server.Listener = narrow{server.Listener}
	server.Start()
	t.Cleanup(server.Close)
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.(*net.TCPConn).SetReadBuffer(4096); err != nil {
		t.Fatal(err)
	}
	body := `{"guest":"shop","follow":true}`
	fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", pathGuestLogs, len(body), body)
	in := bufio.NewReaderSize(conn, 16)
	if status, err := in.ReadString('\n'); err != nil || !strings.Contains(status, "200") {
		t.Fatalf("answer %q: %v", status, err)
	}
	apex := rr.MustParseName("a.example")
	for range 10 { // while nothing is read
		for range 200 {
			journal.Note(resolve.Note{Label: "shop@1", Zone: apex, At: apex, Line: strings.Repeat("x", 1000)})
		}
		time.Sleep(followPause)
	}
	if err := conn.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(io.Discard, in)
	if late, ok := err.(net.Error); ok && late.Timeout() {
		t.Error("the answer still goes on")
	}
}
