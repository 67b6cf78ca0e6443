package control_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/namelet/namelet/internal/control"
	"github.com/namelet/namelet/internal/guestlog"
	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/runtime"
	"github.com/namelet/namelet/store"
	"github.com/namelet/namelet/store/memory"
	"github.com/namelet/namelet/store/zonefile"
)

// operations are what both a Service and a Client do.
type operations interface {
	Zones(context.Context) ([]control.Zone, error)
	Zone(context.Context, control.ZoneName) (control.Zone, error)
	SetZone(context.Context, control.ZoneSet) (control.Zone, error)
	ImportZone(context.Context, control.ZoneImport, []rr.Set) (control.Zone, error)
	ImportZoneWatched(context.Context, control.ZoneImport, []rr.Set, func(control.ImportProgress)) (control.Zone, error)
	ExportZone(context.Context, control.ZoneName) ([]rr.Set, error)
	DeleteZone(context.Context, control.ZoneName) error
	Records(context.Context, control.RecordQuery) (control.Records, error)
	SetRecords(context.Context, control.RecordSetRequest) (control.Change, error)
	DeleteRecords(context.Context, control.RecordDeleteRequest) (control.Change, error)
	ApplyRecords(context.Context, control.RecordApply) (control.Change, error)
	Guests(context.Context) ([]control.GuestVersion, error)
	PushGuest(context.Context, control.GuestPush, []byte) (control.GuestVersion, error)
	Attachments(context.Context) ([]control.Attachment, error)
	Attach(context.Context, control.Attachment) (control.Attachment, error)
	DeleteGuest(context.Context, control.GuestVersionName) error
	Detach(context.Context, control.AttachmentPoint) error
	Tokens(context.Context) ([]control.Token, error)
	CreateToken(context.Context, control.TokenRequest) (control.NewToken, error)
	DeleteToken(context.Context, control.TokenName) error
	Audit(context.Context, control.AuditQuery) ([]control.AuditEntry, error)
	CheckStore(context.Context) (control.StoreCheck, error)
	BackupStore(context.Context, io.Writer) (control.Backup, error)
}

func newService(t testing.TB) *control.Service {
	t.Helper()
	s, _ := newServiceOn(t)
	return s
}

// newServiceOn gives the store of the service, too.
func newServiceOn(t testing.TB) (*control.Service, *store.Store) {
	t.Helper()
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
	return control.NewService(s, e), s
}

func newClient(t testing.TB, endpoint control.Endpoint, token string) (*control.Client, string) {
	t.Helper()
	server := httptest.NewServer(control.Handler(newService(t), endpoint))
	t.Cleanup(server.Close)
	address := strings.TrimPrefix(server.URL, "http://")
	client := control.NewClient(address, token)
	t.Cleanup(func() { client.Close() })
	return client, address
}

func zoneSets(t testing.TB, origin, text string) []rr.Set {
	t.Helper()
	sets, err := zonefile.Parse(strings.NewReader("@ 60 SOA ns h 5 1 1 1 1\n@ 60 NS ns\n"+text), zonefile.Options{Origin: rr.MustParseName(origin)})
	if err != nil {
		t.Fatal(err)
	}
	return sets
}

// script does one operation after the other and gives what came of each.
func script(t *testing.T, ops operations) []any {
	var came []any
	ctx := t.Context()
	note := func(v any, err error) {
		var e *control.Error
		if err != nil && !errors.As(err, &e) {
			t.Errorf("error %v is a %T, want a *control.Error", err, err)
		}
		if e != nil {
			v = string(e.Code) + ": " + e.Error()
		}
		came = append(came, v)
	}
	yes, no := true, false
	zones := func() { v, err := ops.Zones(ctx); note(v, err) }
	imports := func(q control.ZoneImport, sets []rr.Set) { v, err := ops.ImportZone(ctx, q, sets); note(v, err) }
	set := func(q control.RecordSetRequest) { v, err := ops.SetRecords(ctx, q); note(v, err) }
	remove := func(q control.RecordDeleteRequest) { v, err := ops.DeleteRecords(ctx, q); note(v, err) }
	list := func(q control.RecordQuery) { v, err := ops.Records(ctx, q); note(v, err) }
	attach := func(a control.Attachment) { v, err := ops.Attach(ctx, a); note(v, err) }
	const a, b = "a.example.", "b.example."
	rec := func(name, typ string, ttl uint32, data ...string) control.RecordSet {
		return control.RecordSet{Name: name, Type: typ, TTL: ttl, Data: data}
	}

	zones()
	imports(control.ZoneImport{Zone: a, ZoneSettings: control.ZoneSettings{Fallback: "servfail", SerialStyle: "date"}}, zoneSets(t, a, "WwW 60 TXT \"\\255 ;\"\n"))
	imports(control.ZoneImport{Zone: b, ZoneSettings: control.ZoneSettings{Private: &yes}}, zoneSets(t, b, ""))
	imports(control.ZoneImport{Zone: a}, zoneSets(t, a, "www 60 A 192.0.2.1\n"))
	imports(control.ZoneImport{Zone: a, Force: true}, zoneSets(t, a, "WwW 60 A 192.0.2.1\n"))
	imports(control.ZoneImport{Zone: a}, zoneSets(t, a, "d 60 DNAME x.\nd 60 NS y.\n"))
	imports(control.ZoneImport{Zone: a, ZoneSettings: control.ZoneSettings{Fallback: "last-bad"}}, zoneSets(t, a, ""))
	imports(control.ZoneImport{Zone: "a..b"}, zoneSets(t, a, ""))
	zones()
	v, err := ops.Zone(ctx, control.ZoneName{Zone: "B.example"})
	note(v, err)
	v, err = ops.Zone(ctx, control.ZoneName{Zone: "c.example"})
	note(v, err)

	set(control.RecordSetRequest{Zone: a, Set: rec("x."+a, "MX", 60, "10 mail", "20 mail.b.example.")})
	set(control.RecordSetRequest{Zone: a, Set: rec("x."+a, "MX", 60, "10"), IfVersion: 3})
	set(control.RecordSetRequest{Zone: a, Set: rec("x."+a, "A", 60, "192.0.2.1"), IfVersion: 2})
	set(control.RecordSetRequest{Zone: a, Set: rec("x."+b, "A", 60, "192.0.2.1")})
	set(control.RecordSetRequest{Zone: a, Set: rec("x."+a, "CNAME", 60, "y")})
	set(control.RecordSetRequest{Zone: a, Set: rec("x."+a, "", 60, "y")})
	set(control.RecordSetRequest{Zone: a, Set: rec("x."+a, "ANY", 60, "y")})
	set(control.RecordSetRequest{Zone: a, Set: rec("cut."+a, "NS", 60, "ns.cut")})
	set(control.RecordSetRequest{Zone: a, Set: rec("cut."+a, "DNAME", 60, "y")})
	list(control.RecordQuery{Zone: a})
	list(control.RecordQuery{Zone: a, Name: "x." + a, Type: "mx"})
	list(control.RecordQuery{Zone: a, Name: "none." + a})
	list(control.RecordQuery{Zone: "c.example."})
	remove(control.RecordDeleteRequest{Zone: a, Name: "x." + a, Type: "A"})
	remove(control.RecordDeleteRequest{Zone: a, Name: a, Type: "NS"})
	remove(control.RecordDeleteRequest{Zone: a, Name: "x." + a})
	remove(control.RecordDeleteRequest{Zone: a, Name: "cut." + a, Type: "NS"})

	g, err := ops.PushGuest(ctx, control.GuestPush{Guest: "g"}, []byte("\x00asm\x01\x00\x00\x00"))
	note(g, err)
	gs, err := ops.Guests(ctx)
	note(gs, err)
	attach(control.Attachment{At: a, Guest: "g"})
	attach(control.Attachment{At: "www.nowhere.", Guest: "g"})
	attach(control.Attachment{At: a, Guest: "g", Scope: "some"})
	attach(control.Attachment{At: a, Guest: "g", Lookups: 65})
	attach(control.Attachment{At: a, Guest: "g", Memory: 1025})
	as, err := ops.Attachments(ctx)
	note(as, err)
	note(nil, ops.Detach(ctx, control.AttachmentPoint{At: "www." + a, Scope: control.ScopeName}))

	sets, err := ops.ExportZone(ctx, control.ZoneName{Zone: a})
	var text strings.Builder
	if err := zonefile.Write(&text, rr.MustParseName(a), sets); err != nil {
		t.Error(err)
	}
	note(text.String(), err)
	imports(control.ZoneImport{Zone: b, ZoneSettings: control.ZoneSettings{Private: &no}}, zoneSets(t, b, ""))
	note(nil, ops.DeleteZone(ctx, control.ZoneName{Zone: b}))
	note(nil, ops.DeleteZone(ctx, control.ZoneName{Zone: b}))
	apply := func(q control.RecordApply) { v, err := ops.ApplyRecords(ctx, q); note(v, err) }
	put := func(s control.RecordSet) control.RecordChange { return control.RecordChange{Set: &s} }
	drop := func(name, typ string) control.RecordChange {
		return control.RecordChange{Delete: &control.RecordName{Name: name, Type: typ}}
	}
	apply(control.RecordApply{Zone: a, Changes: []control.RecordChange{drop("x", ""), put(rec("x", "A", 60, "192.0.2.1")), put(rec("y", "NS", 60, "ns")), drop("none", "A")}})
	apply(control.RecordApply{Zone: a, Changes: []control.RecordChange{put(rec("z", "A", 60, "192.0.2.1")), put(rec("y", "DNAME", 60, "ns"))}})
	apply(control.RecordApply{Zone: a, Changes: []control.RecordChange{drop("y", ""), put(rec("y", "DNAME", 60, "ns"))}})
	apply(control.RecordApply{Zone: a, Changes: []control.RecordChange{drop("y", "DNAME")}, IfVersion: 1})
	apply(control.RecordApply{Zone: a, Changes: []control.RecordChange{drop("x", "A"), {}}})
	apply(control.RecordApply{Zone: a, Changes: []control.RecordChange{drop("@", ""), put(rec("@", "TXT", 60, "kept"))}})
	apply(control.RecordApply{Zone: a, Changes: []control.RecordChange{drop("@", "NS")}})
	apply(control.RecordApply{Zone: a, Changes: make([]control.RecordChange, 10001)})
	apply(control.RecordApply{Zone: a})
	list(control.RecordQuery{Zone: a})
	zones()
	settings := func(q control.ZoneSet) { v, err := ops.SetZone(ctx, q); note(v, err) }
	stale, never, wrong := 90.5, 0.0, -1.0
	settings(control.ZoneSet{Zone: a, ZoneSettings: control.ZoneSettings{SerialStyle: "unix", MaxStale: &stale, Residency: "lookup", ClientSubnet: &no}})
	settings(control.ZoneSet{Zone: a, ZoneSettings: control.ZoneSettings{MaxStale: &never, Private: &yes, ClientSubnet: &yes}, IfVersion: 9})
	settings(control.ZoneSet{Zone: a, ZoneSettings: control.ZoneSettings{MaxStale: &never, ClientSubnet: &yes}})
	settings(control.ZoneSet{Zone: a, ZoneSettings: control.ZoneSettings{MaxStale: &wrong}})
	settings(control.ZoneSet{Zone: a, ZoneSettings: control.ZoneSettings{SerialStyle: "no"}})
	settings(control.ZoneSet{Zone: a, ZoneSettings: control.ZoneSettings{Residency: "no"}})
	settings(control.ZoneSet{Zone: "c.example"})
	watched := func(q control.ZoneImport, sets []rr.Set) {
		v, err := ops.ImportZoneWatched(ctx, q, sets, func(p control.ImportProgress) {
			if p.Done < 0 || p.Done > p.Total {
				t.Errorf("progress %+v", p)
			}
		})
		note(v, err)
	}
	watched(control.ZoneImport{Zone: b}, zoneSets(t, b, ""))
	watched(control.ZoneImport{Zone: b}, zoneSets(t, b, "other TXT x\n"))
	watched(control.ZoneImport{Zone: b, Force: true}, zoneSets(t, b, "d 60 DNAME x.\nd 60 NS y.\n"))
	note(nil, ops.DeleteZone(ctx, control.ZoneName{Zone: b}))
	zones()
	check, err := ops.CheckStore(ctx)
	check.Rows = 0 // and in the backup: a store reclaims some in its own time
	note(check, err)
	var saved strings.Builder
	kept, err := ops.BackupStore(ctx, &saved)
	note([]any{kept.Rows > 0, kept.Bytes == int64(saved.Len())}, err)
	return came
}

// What is done on the store and what is done through a server come to the same,
// errors included.
func TestServiceAndClientAreOne(t *testing.T) {
	local := script(t, newService(t))
	client, _ := newClient(t, control.Endpoint{}, "")
	remote := script(t, client)
	ignoreTimes := cmpopts.IgnoreFields(control.Zone{}, "Changed")
	if diff := cmp.Diff(local, remote, ignoreTimes); diff != "" {
		t.Errorf("a Client differs from a Service (-service +client):\n%s", diff)
	}
	last := local[len(local)-3].([]control.Zone)
	if len(last) != 1 || last[0].SerialStyle != "unix" || last[0].MaxStale != 0 || last[0].Residency != "lookup" || !last[0].ClientSubnet || last[0].Fallback != "servfail" {
		t.Errorf("settings came to %+v", last)
	}
	applied := map[string]bool{}
	for _, step := range local {
		if text, ok := step.(string); ok {
			applied[text] = true
		}
	}
	for _, want := range []string{
		"invalid: zone a.example.: y.a.example. DNAME: stands beside NS below the apex (RFC 6672 section 2.3)",
		"invalid: change 2: want one of set and delete",
		"too-large: 10001 changes at once, more than 10000",
	} {
		if !applied[want] {
			t.Errorf("no change was refused with %q", want)
		}
	}
	for i, want := range map[int]string{
		3:  "serial-lower: zone a.example.: serial 5 is that of other content: raise it, or force",
		5:  "invalid: zone a.example.: d.a.example. DNAME: stands beside NS below the apex (RFC 6672 section 2.3)",
		6:  `invalid: fallback "last-bad": want static, servfail or last-good`,
		10: "not-found: zone c.example.: not found",
		13: "conflict: zone a.example. is at version 3, not 2: read it again",
		19: "invalid: zone a.example.: cut.a.example. DNAME: stands beside NS below the apex (RFC 6672 section 2.3)",
		24: "not-found: x.a.example. A: not found",
		25: "invalid: zone a.example.: a.example. NS: is missing at the apex (RFC 1034 section 4.2.1)",
	} {
		if got := local[i]; got != want {
			t.Errorf("step %d: got %v, want %s", i, got, want)
		}
	}
}

// Names of records are relative to the zone, as the names in their data are.
func TestRecordNamesAreRelative(t *testing.T) {
	s, ctx := newService(t), t.Context()
	const zone = "apps.example" // names of zones are absolute in either form
	if _, err := s.ImportZone(ctx, control.ZoneImport{Zone: zone}, zoneSets(t, "apps.example.", "")); err != nil {
		t.Fatal(err)
	}
	for given, want := range map[string]string{
		"shop": "shop.apps.example.", "a.b": "a.b.apps.example.", "full.apps.example.": "full.apps.example.",
		"half.apps.example": "half.apps.example.apps.example.", "@": "apps.example.",
	} {
		set := control.RecordSet{Name: given, Type: "MX", TTL: 60, Data: []string{"10 mail"}}
		if _, err := s.SetRecords(ctx, control.RecordSetRequest{Zone: zone, Set: set}); err != nil {
			t.Errorf("set %s: %v", given, err)
			continue
		}
		found, err := s.Records(ctx, control.RecordQuery{Zone: zone, Name: given, Type: "MX"})
		set.Name, set.Data = want, []string{"10 mail.apps.example."}
		if diff := cmp.Diff([]control.RecordSet{set}, found.Sets); err != nil || diff != "" {
			t.Errorf("%s: error %v, listed (-want +got):\n%s", given, err, diff)
		}
		if _, err := s.DeleteRecords(ctx, control.RecordDeleteRequest{Zone: zone, Name: given, Type: "MX"}); err != nil {
			t.Errorf("delete %s: %v", given, err)
		}
	}
	for _, given := range []string{"", "a..b", "www.elsewhere.example."} {
		_, err := s.SetRecords(ctx, control.RecordSetRequest{Zone: zone, Set: control.RecordSet{Name: given, Type: "A", TTL: 60, Data: []string{"192.0.2.1"}}})
		if !errors.Is(err, &control.Error{Code: control.CodeInvalid}) {
			t.Errorf("set %q: error %v, want code invalid", given, err)
		}
	}
}

// do sends a request that a Client would not send.
func do(t *testing.T, address, method, path, body string, change func(*http.Request)) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, "http://"+address+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if change != nil {
		change(r)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

// A page in a browser on this machine must not be able to change anything.
func TestHandlerRefuses(t *testing.T) {
	_, address := newClient(t, control.Endpoint{}, "")
	header := func(key, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(key, value) }
	}
	const list = "/v1/zone/list"
	for _, tt := range []struct {
		name, method, path, body string
		change                   func(*http.Request)
		want                     int
	}{
		{"a good request", "POST", list, "{}", nil, 200},
		{"by the name localhost", "POST", list, "{}", func(r *http.Request) { r.Host = "localhost:8053" }, 200},
		{"by IPv6", "POST", list, "{}", func(r *http.Request) { r.Host = "[::1]:8053" }, 200},
		{"a name that leads here", "POST", list, "{}", func(r *http.Request) { r.Host = "attacker.example" }, 403},
		{"a name that looks like one", "POST", list, "{}", func(r *http.Request) { r.Host = "127.0.0.1.attacker.example:8053" }, 403},
		{"another origin", "POST", list, "{}", header("Origin", "https://attacker.example"), 403},
		{"another site", "POST", list, "{}", header("Sec-Fetch-Site", "cross-site"), 403},
		{"a form", "POST", list, "{}", header("Content-Type", "text/plain"), 415},
		{"a form for an import", "POST", "/v1/zone/import?request=%7B%7D", "{}", header("Content-Type", "application/x-www-form-urlencoded"), 415},
		{"no media type", "POST", list, "{}", func(r *http.Request) { r.Header.Del("Content-Type") }, 415},
		{"GET", "GET", list, "", nil, 405},
		{"a preflight", "OPTIONS", list, "", nil, 405},
		{"a method of nobody", "FROB", list, "", nil, 405},
		{"POST of what is read", "POST", "/v1/status", "{}", nil, 405},
		{"HEAD of what is read", "HEAD", "/v1/status", "", nil, 200},
		{"two slashes", "POST", "/v1//zone/list", "{}", nil, 404},
		{"up and down", "POST", "/v1/x/../zone/list", "{}", nil, 404},
		{"a slash in another way", "POST", "/v1/zone%2flist", "{}", nil, 404},
		{"a letter in another way", "POST", "/v1/zone/%6cist", "{}", nil, 404},
		{"a slash at the end", "POST", list + "/", "{}", nil, 404},
		{"an unknown path", "POST", "/v1/nonsense", "{}", nil, 404},
		{"no JSON", "POST", list, "{", nil, 400},
		{"two values", "POST", list, "{}{}", nil, 400},
		{"an unknown field", "POST", "/v1/zone/show", `{"zone":"a","x":1}`, nil, 400},
		{"a long parameter", "POST", "/v1/zone/import?request=" + strings.Repeat("a", 9<<10), "", header("Content-Type", "text/dns"), 413},
		{"too much", "POST", "/v1/zone/show", `{"zone":"` + strings.Repeat("a", 2<<20) + `"}`, nil, 413},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, text := do(t, address, tt.method, tt.path, tt.body, tt.change)
			if status != tt.want {
				t.Errorf("status %d, want %d: %s", status, tt.want, text)
			}
			if status != 200 && !strings.Contains(text, `"detail":`) {
				t.Errorf("the error is no problem: %s", text)
			}
		})
	}
}

func TestToken(t *testing.T) {
	endpoint := control.Endpoint{Token: secret("right"), Status: control.Status{Store: "memory:"}}
	for token, want := range map[string]control.Code{"right": "", "wrong": control.CodeUnauthenticated, "": control.CodeUnauthenticated} {
		client, _ := newClient(t, endpoint, token)
		_, err := client.Zones(t.Context())
		var e *control.Error
		if (want == "") != (err == nil) || (want != "" && !errors.As(err, &e)) || (e != nil && e.Code != want) {
			t.Errorf("token %q: error %v, want code %q", token, err, want)
		}
		if status, err := client.Status(t.Context()); want == "" && (err != nil || status.Store != "memory:") {
			t.Errorf("status %v, error %v", status, err)
		}
	}
}

func TestLoopback(t *testing.T) {
	for address, want := range map[string]bool{
		"127.0.0.1:8053": true, "[::1]:0": true, "localhost:8053": true, "127.9.9.9:1": true,
		"0.0.0.0:8053": false, ":8053": false, "[::]:8053": false, "192.0.2.1:8053": false, "example.com:1": false,
	} {
		if got, err := control.Loopback(address); err != nil || got != want {
			t.Errorf("%s: %v, error %v, want %v", address, got, err, want)
		}
	}
	if _, err := control.Loopback("127.0.0.1"); !errors.Is(err, &control.Error{Code: control.CodeInvalid}) {
		t.Errorf("without a port: error %v", err)
	}
}

// A client tells that nobody is there, that somebody else is, and that the server
// went away before it answered.
func TestClientWithoutServer(t *testing.T) {
	gone := httptest.NewServer(http.NotFoundHandler())
	address := strings.TrimPrefix(gone.URL, "http://")
	if _, err := control.NewClient(address, "").Zones(t.Context()); !errors.Is(err, control.ErrUnreachable) {
		t.Errorf("another server: error %v, want ErrUnreachable", err)
	}
	gone.Close()
	if _, err := control.NewClient(address, "").Zones(t.Context()); !errors.Is(err, control.ErrUnreachable) {
		t.Errorf("no server: error %v, want ErrUnreachable", err)
	}
	rude := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	defer rude.Close()
	_, err := control.NewClient(strings.TrimPrefix(rude.URL, "http://"), "").Zones(t.Context())
	if !errors.Is(err, &control.Error{Code: control.CodeUnknown}) {
		t.Errorf("a server that goes away: error %v, want code unknown", err)
	}
}

// An import whose body breaks off changes nothing.
func TestImportCutShort(t *testing.T) {
	client, address := newClient(t, control.Endpoint{}, "")
	body := io.MultiReader(strings.NewReader("@ 60 SOA ns h 5 1 1 1 1\n@ 60 NS ns\n"), brokenReader{})
	r, err := http.NewRequestWithContext(t.Context(), "POST", "http://"+address+`/v1/zone/import?request={"zone":"a.example"}`, body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "text/dns")
	if response, err := http.DefaultClient.Do(r); err == nil {
		response.Body.Close()
		t.Errorf("status %d for a request that broke off", response.StatusCode)
	}
	if zones, err := client.Zones(t.Context()); err != nil || len(zones) != 0 {
		t.Errorf("zones %v, error %v, want none", zones, err)
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errors.New("broken off") }

// Whatever is sent, the answer is a result or a problem, and never a fault of the
// server.
func FuzzHandler(f *testing.F) {
	over := make(chan struct{}) // so that nothing is followed
	close(over)
	journal := guestlog.New(guestlog.DefaultBounds)
	journal.Note(note("g@1", "a.", "hello"))
	handler := control.Handler(newService(f), control.Endpoint{Explain: alias, Journal: journal, Ending: over})
	f.Add("/v1/guest/logs", "application/json", "", []byte(`{"guest":"g","version":1,"zone":"a.","since":"2026-01-01T00:00:00Z","after":1,"follow":true}`))
	f.Add("/v1/query/trace", "application/json", "", []byte(`{"name":"x.a.","type":"TXT","from":"::1","client":"192.0.2.0/24","transport":"tcp","dnssec":true}`))
	f.Add("/v1/record/set", "application/json", "", []byte(`{"zone":"a.","set":{"name":"b.a.","type":"TXT","TTL":1,"data":["x"]}}`))
	f.Add("/v1/zone/import", "text/dns", `{"zone":"a."}`, []byte("@ 60 SOA ns h 5 1 1 1 1\n@ 60 NS ns\n"))
	f.Add("/v1/guest/push", "application/wasm", `{"guest":"g"}`, []byte("\x00asm\x01\x00\x00\x00"))
	f.Add("/v1/guest/attach", "application/json", "", []byte(`{"at":"a.","guest":"g","config":{"k":"v"}}`))
	f.Add("/v1/zone/export", "application/json", "", []byte(`{"zone":"a."}`))
	f.Add("/v1/zone/import", "text/dns", `{"zone":"b.","progress":true,"serial_style":"date"}`, []byte("@ 60 SOA ns h 5 1 1 1 1\n@ 60 NS ns\n"))
	f.Add("/v1/zone/set", "application/json", "", []byte(`{"zone":"a.","max_stale_seconds":1e300,"residency":"lookup","client_subnet":false}`))
	f.Add("/v1/record/apply", "application/json", "", []byte(`{"zone":"a.","changes":[{"set":{"name":"@","type":"DNAME","TTL":1,"data":["x"]}},{"delete":{"name":"b"}}]}`))
	f.Add("/v1/store/check", "application/json", "", []byte(`{}`))
	f.Add("/v1/token/create", "application/json", "", []byte(`{"name":"t","scopes":["guests"],"zones":["a."],"guests":["g*"],"expires":"2100-01-01T00:00:00Z"}`))
	f.Add("/v1/token/delete", "application/json", "", []byte(`{"name":"t"}`))
	f.Add("/v1/audit/list", "application/json", "", []byte(`{"limit":1,"subject":"a.","who":"t"}`))
	f.Add("/v1/store/backup", "application/json", "", []byte(`{}`))
	f.Fuzz(func(t *testing.T, path, mediaType, request string, body []byte) {
		r := httptest.NewRequest("POST", "http://127.0.0.1/v1/", strings.NewReader(string(body)))
		r.URL.Path = path
		q := r.URL.Query()
		q.Set("request", request)
		r.URL.RawQuery = q.Encode()
		r.Header.Set("Content-Type", mediaType)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code >= 500 || (w.Code >= 400 && w.Header().Get("Content-Type") != "application/problem+json") {
			t.Fatalf("status %d, %s: %s", w.Code, w.Header().Get("Content-Type"), w.Body)
		}
	})
}
