package frontend

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/internal/resolve"
)

// httpsClient makes an HTTP client, for HTTP/2 or 1.1.
func httpsClient(trust *tls.Config, http2 bool) *http.Client {
	trust = trust.Clone()
	trust.NextProtos = nil
	protocols := new(http.Protocols)
	protocols.SetHTTP1(!http2)
	protocols.SetHTTP2(http2)
	return &http.Client{Transport: &http.Transport{TLSClientConfig: trust, Protocols: protocols}, Timeout: patience}
}

// dohURL is where a server answers over HTTPS, with parameters.
func dohURL(s *Server, query string) string {
	return "https://" + s.HTTPSAddrs()[0].String() + "/dns-query?" + query
}

// get fetches from the server and checks the status.
func get(t *testing.T, client *http.Client, url string, wantStatus int) (http.Header, []byte) {
	t.Helper()
	response, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	b, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != wantStatus {
		t.Fatalf("got %v, %v, %q, want %d", response.Status, err, b, wantStatus)
	}
	return response.Header, b
}

func getMessage(t *testing.T, client *http.Client, s *Server, msg []byte) []byte {
	t.Helper()
	_, b := get(t, client, dohURL(s, "dns="+base64.RawURLEncoding.EncodeToString(msg)), 200)
	return b
}

func TestHTTPS(t *testing.T) {
	s, trust := secured(t, Config{}, example(t))
	query := question(t, 0, "www.example.", dns.TypeA)
	want := exchangeOn(t, dial(t, "tcp", s.Addrs()[0]), query)
	for name, client := range map[string]*http.Client{"HTTP/2.0": httpsClient(trust, true), "HTTP/1.1": httpsClient(trust, false)} {
		t.Run(name, func(t *testing.T) {
			if got := getMessage(t, client, s, query); !bytes.Equal(got, want) {
				t.Errorf("GET: got %x, want %x", got, want)
			}
			response, err := client.Post(dohURL(s, ""), "application/dns-message", bytes.NewReader(query))
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			if got, err := io.ReadAll(response.Body); !bytes.Equal(got, want) || response.Proto != name || response.Header.Get("Cache-Control") != "private, max-age=60" {
				t.Errorf("POST: got %s %v, %x, %v", response.Proto, response.Header, got, err)
			}
			_, b := get(t, client, dohURL(s, "name=www.example&type=A"), 200)
			var answer struct {
				Status int
				AA     bool
				Answer []struct {
					TTL  int
					Data string
				}
			}
			if err := json.Unmarshal(b, &answer); err != nil || !answer.AA || len(answer.Answer) != 1 || answer.Answer[0].Data != "127.0.0.1" {
				t.Errorf("JSON: got %s, %v", b, err)
			}
			get(t, client, dohURL(s, "dns=AAAA"), 400)
			get(t, client, strings.Replace(dohURL(s, ""), "dns-query", "", 1), 404)
			get(t, client, dohURL(s, "dns="+strings.Repeat("A", 8000)), 414)
			_, b = get(t, client, dohURL(s, "name=elsewhere"), 200)
			if !strings.HasPrefix(string(b), `{"Status":5,`) {
				t.Errorf("outside the zones: got %s", b)
			}
		})
	}
	if got := answered(scrape(t, s.Metrics()), "https", "NOERROR"); got != 6 {
		t.Errorf("counted %v queries, want 6", got)
	}
}

// Many requests of one HTTP/2 connection are answered beside each other.
func TestHTTPSStreams(t *testing.T) {
	g := newGate()
	s, trust := secured(t, Config{TCP: TCPConfig{Workers: 4, InFlight: 8}}, g)
	client := httpsClient(trust, true)
	get(t, client, dohURL(s, "name=a"), 200) // opens the connection
	var slow sync.WaitGroup
	for range 3 {
		slow.Go(func() { get(t, client, dohURL(s, "name=a&type=TXT"), 200) })
	}
	g.wait(t, 3)
	for range 20 {
		get(t, client, dohURL(s, "name=a"), 200)
	}
	close(g.open)
	slow.Wait()
	if got := s.metrics.tcp.accepted.Load(); got != 1 {
		t.Errorf("used %d connections, want 1", got)
	}
}

// Requests beyond what may be served at once are refused, and their places are
// given back.
func TestHTTPSRequestLimit(t *testing.T) {
	g := newGate()
	s, trust := secured(t, Config{TCP: TCPConfig{Workers: 8, Connections: 1}}, g)
	client := httpsClient(trust, true)
	get(t, client, dohURL(s, "name=a"), 200)
	var slow sync.WaitGroup
	for range requestsPerConnection {
		slow.Go(func() { get(t, client, dohURL(s, "name=a&type=TXT"), 200) })
	}
	g.wait(t, requestsPerConnection)
	get(t, client, dohURL(s, "name=a"), 503)
	close(g.open)
	slow.Wait()
	get(t, client, dohURL(s, "name=a"), 200)
}

func TestHTTPSConnectionLimits(t *testing.T) {
	s, trust := secured(t, Config{TCP: TCPConfig{ClientConnections: 1}}, example(t))
	first, second := httpsClient(trust, true), httpsClient(trust, true)
	get(t, first, dohURL(s, "name=www.example"), 200)
	if _, err := second.Get(dohURL(s, "name=www.example")); err == nil {
		t.Error("the second connection was served")
	}
	first.CloseIdleConnections()
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		if response, err := second.Get(dohURL(s, "name=www.example")); err == nil {
			response.Body.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the place of a closed connection was not given back")
		}
	}
}

// Requests that have begun before Shutdown are answered; idle connections do not
// hold it up.
func TestHTTPSShutdown(t *testing.T) {
	for name, http2 := range map[string]bool{"HTTP/2": true, "HTTP/1.1": false} {
		t.Run(name, func(t *testing.T) {
			g := newGate()
			config := Config{Listen: []string{"127.0.0.1:0"}, TLS: TLSConfig{HTTPSListen: []string{"127.0.0.1:0"}}, TCP: TCPConfig{Workers: 2}}
			trust := &tls.Config{RootCAs: certificate(t, &config.TLS), ServerName: serverName}
			s, err := Listen(t.Context(), config, g)
			if err != nil {
				t.Fatal(err)
			}
			var running sync.WaitGroup
			running.Go(func() {
				if err := s.Serve(); err != nil {
					t.Errorf("serve: %v", err)
				}
			})
			get(t, httpsClient(trust, http2), dohURL(s, "name=a"), 200)
			silent := dial(t, "tcp", s.HTTPSAddrs()[0])
			running.Go(func() { get(t, httpsClient(trust, http2), dohURL(s, "name=a&type=TXT"), 200) })
			g.wait(t, 1)
			running.Go(func() {
				ctx, cancel := context.WithTimeout(context.Background(), patience)
				defer cancel()
				if err := s.Shutdown(ctx); err != nil {
					t.Errorf("shutdown: %v", err)
				}
			})
			<-s.draining
			close(g.open)
			running.Wait()
			closed(t, silent)
		})
	}
}

// A request that takes longer than a shutdown may is cut.
func TestHTTPSShutdownDeadline(t *testing.T) {
	g := newGate()
	config := Config{Listen: []string{"127.0.0.1:0"}, TLS: TLSConfig{HTTPSListen: []string{"127.0.0.1:0"}}}
	trust := &tls.Config{RootCAs: certificate(t, &config.TLS), ServerName: serverName}
	s, err := Listen(t.Context(), config, g)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve() }()
	failed := make(chan error, 1)
	go func() {
		_, err := httpsClient(trust, true).Get(dohURL(s, "name=a&type=TXT"))
		failed <- err
	}()
	g.wait(t, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := s.Shutdown(ctx); err == nil {
		t.Error("the shutdown did not end by its deadline")
	}
	if err := <-failed; err == nil {
		t.Error("the request was not cut")
	}
	close(g.open)
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// The client of a request is the other end of the connection.
func TestHTTPSClient(t *testing.T) {
	r := make(reporter, 1)
	s, trust := secured(t, Config{}, r)
	get(t, httpsClient(trust, true), dohURL(s, "name=a"), 200)
	want := resolve.Client{Addr: netip.MustParseAddr("127.0.0.1"), Transport: hostabi.TransportHTTPS}
	if got := <-r; got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}
