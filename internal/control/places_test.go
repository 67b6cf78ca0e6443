package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/namelet/namelet/runtime"
	"github.com/namelet/namelet/store"
	"github.com/namelet/namelet/store/memory"
)

// Who waits for a place is told so after a while, or is let in when one is left.
func TestPlaces(t *testing.T) {
	p := newPlaces(1, "%d uploads%s are there", 50*time.Millisecond)
	leave, err := p.take(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.take(t.Context()); !errors.Is(err, &Error{Code: CodeBusy}) {
		t.Errorf("no place: got %v, want code busy", err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.take(gone); !errors.Is(err, &Error{Code: CodeCanceled}) {
		t.Errorf("a request that ended: got %v, want code canceled", err)
	}
	leave()
	if _, err := p.take(t.Context()); err != nil {
		t.Errorf("a place that was left: %v", err)
	}
}

// A tenant has half of the places, and leaves nothing behind; who has no limits has all.
func TestPlacesOfTenants(t *testing.T) {
	p := newPlaces(4, "%d uploads%s are there", 20*time.Millisecond)
	as := func(c caller) context.Context { return withCaller(t.Context(), &c) }
	one, two, free := as(caller{name: "token one", guests: []string{"a"}}), as(caller{name: "token two", guests: []string{"b"}}), as(caller{name: "token free"})
	var leaves []func()
	take := func(ctx context.Context, want Code) {
		t.Helper()
		leave, err := p.take(ctx)
		if want == "" && err != nil || want != "" && !errors.Is(err, &Error{Code: want}) {
			t.Errorf("error %v, want code %q", err, want)
		}
		if err == nil {
			leaves = append(leaves, leave)
		}
	}
	take(one, "")
	take(one, "")
	take(one, CodeBusy)
	take(two, "")
	take(free, "")
	take(two, CodeBusy) // its share has room, and no place is left
	for _, leave := range leaves {
		leave()
	}
	if len(p.shares) != 0 || len(p.taken) != 0 {
		t.Errorf("all have left: shares %v, %d places", p.shares, len(p.taken))
	}
	leaves = nil
	for range 4 {
		take(free, "")
	}
	take(free, CodeBusy)
}

// Uploads that stall, in all places at once, fail soon, and the places are free.
func TestStalledUploads(t *testing.T) {
	s, err := store.New(t.Context(), memory.New(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	e, err := runtime.New(t.Context(), runtime.Config{Interpreter: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close(context.Background()) })
	server := httptest.NewServer(Handler(NewService(s, e), Endpoint{patience: 200 * time.Millisecond}))
	t.Cleanup(server.Close)
	address := strings.TrimPrefix(server.URL, "http://")

	const zone = "@ 60 SOA ns h 5 1 1 1 1\n@ 60 NS ns\n"
	failed := make(chan error, maxLarge)
	for i := range maxLarge {
		target := pathZoneImport + "?request=%7B%22zone%22:%22a.%22%7D"
		mediaType := typeZone
		if i%2 == 1 {
			target, mediaType = pathGuestPush+"?request=%7B%22guest%22:%22g%22%7D", typeModule
		}
		head := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: %s\r\nContent-Length: 100000\r\n\r\n", target, address, mediaType)
		go func() { failed <- stall(address, head+zone) }()
	}
	for range maxLarge {
		if err := <-failed; err != nil {
			t.Error(err)
		}
	}
	if t.Failed() {
		return
	}
	response, err := http.Post(server.URL+pathZoneImport+"?request=%7B%22zone%22:%22a.%22%7D", typeZone, strings.NewReader(zone))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Errorf("an import after them: status %d", response.StatusCode)
	}
}

// stall sends the begin of a request and no more, and wants to be told that this is
// too slow.
func stall(address, text string) error {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		return err
	}
	if _, err := conn.Write([]byte(text)); err != nil {
		return err
	}
	answer := make([]byte, 4096)
	n, err := conn.Read(answer)
	if err != nil {
		return err
	}
	head, body, _ := strings.Cut(string(answer[:n]), "\r\n\r\n")
	var p Problem
	if err := json.Unmarshal([]byte(body), &p); err != nil {
		return fmt.Errorf("%w: %s", err, answer[:n])
	}
	if p.Code != CodeCanceled || p.Status != http.StatusServiceUnavailable || !strings.Contains(p.Detail, "too slowly") {
		return fmt.Errorf("got %+v after %q, want the code canceled", p, head)
	}
	return nil
}
