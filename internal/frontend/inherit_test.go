package frontend

import (
	"net"
	"os"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// sockets opens one of each kind on one address, as files.
func sockets(t *testing.T, networks ...string) []*os.File {
	t.Helper()
	e, err := bind(t.Context(), "127.0.0.1:0", 1)
	if err != nil {
		t.Fatal(err)
	}
	defer e.close()
	var files []*os.File
	for _, network := range networks {
		var f *os.File
		if network == "udp" {
			f, err = e.udp[0].File()
		} else {
			f, err = e.tcp.File()
		}
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	return files
}

// Sockets that were opened before are answered on, by all workers, and are open still
// when the server has ended, for the next one.
func TestInheritedSockets(t *testing.T) {
	files := sockets(t, "udp", "tcp")
	keep, err := net.FileListener(files[1])
	if err != nil {
		t.Fatal(err)
	}
	defer keep.Close()
	t.Run("serve", func(t *testing.T) {
		s := serve(t, Config{Listen: []string{}, Sockets: files, Workers: 3}, example(t))
		if len(s.Addrs()) != 1 || s.Addrs()[0] != addrOf(keep.Addr()) {
			t.Fatalf("got %v, want %v", s.Addrs(), keep.Addr())
		}
		for _, network := range []string{"udp", "tcp"} {
			for range 10 {
				r, _, err := (&dns.Client{Net: network}).ExchangeContext(t.Context(), new(dns.Msg).SetQuestion("www.example.", dns.TypeA), s.Addrs()[0].String())
				if err != nil || len(r.Answer) != 1 {
					t.Fatalf("%s: got %v, %v", network, r, err)
				}
			}
		}
	})
	conn, err := net.Dial("tcp", keep.Addr().String()) // the kernel takes it for whoever comes
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
}

// The caches take no more than they may, however many sockets there are for a worker.
func TestInheritedSocketsShareTheCache(t *testing.T) {
	const all = 8 << 20
	s := serve(t, Config{Listen: []string{}, Sockets: sockets(t, "udp", "udp", "udp", "tcp"), Workers: 1, CacheBytes: all}, example(t))
	if got, want := s.cacheConfig().Bytes, all/4; got != want { // one for each of UDP, and the shared one
		t.Errorf("a cache has %d octets, want %d", got, want)
	}
}

func TestInheritedSocketsThatLackSome(t *testing.T) {
	for _, test := range []struct{ networks, why string }{
		{"udp", "there is none of TCP beside it"}, {"tcp", "there is none of UDP beside it"}, {"udp tcp tcp", "a second one of TCP"},
	} {
		_, err := Listen(t.Context(), Config{Sockets: sockets(t, strings.Fields(test.networks)...)}, example(t))
		if err == nil || !strings.Contains(err.Error(), test.why) {
			t.Errorf("%s: got %v, want %q", test.networks, err, test.why)
		}
	}
	pipe, other, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if _, err := Listen(t.Context(), Config{Sockets: []*os.File{pipe}}, example(t)); err == nil {
		t.Error("a pipe was taken for a socket")
	}
}
