package control_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/namelet/namelet/internal/control"
	"github.com/namelet/namelet/internal/guestlog"
	"github.com/namelet/namelet/internal/resolve"
	"github.com/namelet/namelet/rr"
)

// note is a line of a guest in a zone.
func note(label, zone, line string) resolve.Note {
	apex := rr.MustParseName(zone)
	return resolve.Note{Label: label, Zone: apex, At: apex, Line: line}
}

// logging is a tenancy with the guest shop and a journal.
func logging(t *testing.T, e control.Endpoint) (tenancy, *guestlog.Journal) {
	t.Helper()
	e.Journal = guestlog.New(guestlog.DefaultBounds)
	tn := newTenancy(t, e)
	for _, module := range []string{"one", "two"} {
		if _, err := tn.store.PutGuest(t.Context(), "shop", []byte(module)); err != nil {
			t.Fatal(err)
		}
	}
	return tn, e.Journal
}

// lines reads the logs of a guest, without following it.
func lines(t *testing.T, c *control.Client, q control.GuestLogsQuery) (all []string, code control.Code) {
	t.Helper()
	err := c.GuestLogs(t.Context(), q, func(l control.GuestLogLine) error {
		all = append(all, fmt.Sprintf("%s@%d %s %s", l.Guest, l.Version, l.Zone, l.Line))
		return nil
	})
	return all, codeOf(t, err)
}

func TestLogsOfTenant(t *testing.T) {
	tn, journal := logging(t, control.Endpoint{Token: secret("admin")})
	journal.Note(note("shop@1", "a.example", "mine"))
	journal.Note(note("shop@1", "b.example", "theirs"))
	journal.Note(note("shop@2", "a.example", "newer"))
	admin := control.NewClient(tn.address, "admin")
	defer admin.Close()
	if all, _ := lines(t, admin, control.GuestLogsQuery{Guest: "shop"}); len(all) != 3 {
		t.Errorf("all: %q", all)
	}
	if all, _ := lines(t, admin, control.GuestLogsQuery{Guest: "shop", Version: 1, Zone: "B.example"}); len(all) != 1 || !strings.HasSuffix(all[0], "theirs") {
		t.Errorf("of one version in a zone: %q", all)
	}
	tenant := tn.holder(t, control.TokenRequest{Name: "tenant", Scopes: []string{"guests"}, Zones: []string{"a.example"}, Guests: []string{"shop"}})
	if all, _ := lines(t, tenant, control.GuestLogsQuery{Guest: "shop"}); len(all) != 2 || strings.Contains(strings.Join(all, " "), "theirs") {
		t.Errorf("a tenant sees %q, want what is of its zone", all)
	}
	reader := tn.holder(t, control.TokenRequest{Name: "reader", Scopes: []string{"read", "records"}})
	zoned := tn.holder(t, control.TokenRequest{Name: "zoned", Scopes: []string{"guests"}, Zones: []string{"a.example"}})
	for name, tt := range map[string]struct {
		c    *control.Client
		q    control.GuestLogsQuery
		want control.Code
	}{
		"no such guest":      {admin, control.GuestLogsQuery{Guest: "nobody"}, control.CodeNotFound},
		"no such version":    {admin, control.GuestLogsQuery{Guest: "shop", Version: 99}, control.CodeNotFound},
		"without the scope":  {reader, control.GuestLogsQuery{Guest: "shop"}, control.CodeForbidden},
		"another's guest":    {zoned, control.GuestLogsQuery{Guest: "shop"}, control.CodeForbidden},
		"another's zone":     {tenant, control.GuestLogsQuery{Guest: "shop", Zone: "b.example"}, control.CodeForbidden},
		"followed elsewhere": {tenant, control.GuestLogsQuery{Guest: "theirs", Follow: true}, control.CodeForbidden},
	} {
		if _, code := lines(t, tt.c, tt.q); code != tt.want {
			t.Errorf("%s: code %q, want %q", name, code, tt.want)
		}
	}
}

var errEnough = errors.New("enough")

func TestLogsAreFollowed(t *testing.T) {
	ending := make(chan struct{})
	tn, journal := logging(t, control.Endpoint{Token: secret("admin"), Ending: ending})
	c := control.NewClient(tn.address, "admin")
	defer c.Close()
	journal.Note(note("shop@1", "a.example", "0"))
	seen := 0
	err := c.GuestLogs(t.Context(), control.GuestLogsQuery{Guest: "shop", Follow: true}, func(l control.GuestLogLine) error {
		if l.Line != fmt.Sprint(seen) {
			t.Errorf("line %q, want %d", l.Line, seen)
		}
		if seen++; seen == 5 {
			return errEnough
		}
		journal.Note(note("shop@1", "a.example", fmt.Sprint(seen)))
		return nil
	})
	if !errors.Is(err, errEnough) {
		t.Errorf("following ended with %v after %d lines", err, seen)
	}
	ctx, cancel := context.WithCancel(t.Context())
	err = c.GuestLogs(ctx, control.GuestLogsQuery{Guest: "shop", Follow: true}, func(control.GuestLogLine) error {
		cancel()
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("following ended with %v, want that it was canceled", err)
	}
	// The server's end is that of the stream.
	response := follow(t, tn, "admin")
	close(ending)
	done := make(chan error, 1)
	go func() { _, err := bufio.NewReader(response).ReadString(0); done <- err }()
	select {
	case <-done:
	case <-time.After(5 * time.Second):
		t.Error("the stream goes on after the server's end")
	}
}

// follow begins to follow the guest shop, and returns the connection after the header.
func follow(t *testing.T, tn tenancy, token string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", tn.address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	body := `{"guest":"shop","follow":true}`
	fmt.Fprintf(conn, "POST /v1/guest/logs HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", token, len(body), body)
	status := make([]byte, len("HTTP/1.1 200"))
	if _, err := conn.Read(status); err != nil {
		t.Fatal(err)
	}
	if got := string(status); got != "HTTP/1.1 200" {
		t.Errorf("answer %q", got)
	}
	return conn
}

func TestFollowersAreBounded(t *testing.T) {
	tn, _ := logging(t, control.Endpoint{Token: secret("admin")})
	var all []net.Conn
	for range 16 {
		all = append(all, follow(t, tn, "admin"))
	}
	c := control.NewClient(tn.address, "admin")
	defer c.Close()
	if _, code := lines(t, c, control.GuestLogsQuery{Guest: "shop", Follow: true}); code != control.CodeBusy {
		t.Errorf("one follower more: code %q, want busy", code)
	}
	if _, code := lines(t, c, control.GuestLogsQuery{Guest: "shop"}); code != "" {
		t.Errorf("without following: code %q", code)
	}
	for _, conn := range all {
		conn.Close()
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		err := c.GuestLogs(ctx, control.GuestLogsQuery{Guest: "shop", Follow: true}, func(control.GuestLogLine) error { return nil })
		cancel()
		if errors.Is(err, context.DeadlineExceeded) {
			return // it followed
		}
		if time.Now().After(deadline) {
			t.Fatalf("followers that went away keep their places: %v", err)
		}
	}
}

// A tenant that follows as often as it may leaves others their places.
func TestFollowersOfTenant(t *testing.T) {
	tn, _ := logging(t, control.Endpoint{Token: secret("admin")})
	made, err := tn.service.CreateToken(t.Context(), control.TokenRequest{Name: "tenant", Scopes: []string{"guests"}, Zones: []string{"a.example"}, Guests: []string{"shop"}})
	if err != nil {
		t.Fatal(err)
	}
	for range 8 {
		follow(t, tn, made.Secret)
	}
	c := control.NewClient(tn.address, made.Secret)
	defer c.Close()
	_, code := lines(t, c, control.GuestLogsQuery{Guest: "shop", Follow: true})
	if code != control.CodeBusy {
		t.Errorf("one more of the tenant: code %q, want busy", code)
	}
	for range 8 {
		follow(t, tn, "admin")
	}
}

// Who follows a guest does so for as long as its token is good.
func TestFollowEndsWithToken(t *testing.T) {
	tn, journal := logging(t, control.Endpoint{Token: secret("admin")})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	c := tn.holder(t, control.TokenRequest{Name: "brief", Scopes: []string{"guests"}})
	journal.Note(note("shop@1", "a.example", "first"))
	first, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		seen := 0
		ended <- c.GuestLogs(ctx, control.GuestLogsQuery{Guest: "shop", Follow: true}, func(control.GuestLogLine) error {
			if seen++; seen == 1 {
				close(first)
			}
			return nil
		})
	}()
	select {
	case <-first:
	case err := <-ended:
		t.Fatalf("it ended before there was anything: %v", err)
	}
	select {
	case err := <-ended:
		t.Fatalf("it ended while the token was good: %v", err)
	case <-time.After(3 * time.Second):
	}
	if err := tn.service.DeleteToken(ctx, control.TokenName{Name: "brief"}); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; codeOf(t, err) != control.CodeUnauthenticated {
		t.Errorf("it ended with %v, want that the token is not known", err)
	}
}
