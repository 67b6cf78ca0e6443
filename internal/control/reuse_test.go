package control_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/namelet/namelet/internal/control"
)

// Callers of one client that take turns keep their connections.
func TestClientKeepsConnections(t *testing.T) {
	var opened atomic.Int64
	server := httptest.NewUnstartedServer(control.Handler(newService(t), control.Endpoint{}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	client := control.NewClient(strings.TrimPrefix(server.URL, "http://"), "")
	t.Cleanup(func() { client.Close() })
	const callers, calls = 16, 50
	var group sync.WaitGroup
	for range callers {
		group.Go(func() {
			for range calls {
				if _, err := client.Zones(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	// A caller that finds no idle connection opens one, and may be given another that
	// came free meanwhile; what was opened is kept.
	if n := opened.Load(); n > 64 {
		t.Errorf("%d calls by %d callers opened %d connections", callers*calls, callers, n)
	}
}
