package control_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/namelet/namelet/internal/control"
	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/store"
)

// secret is a token that stays as it is.
func secret(text string) func() string { return func() string { return text } }

// tenancy is an endpoint with two zones.
type tenancy struct {
	service *control.Service
	store   *store.Store
	address string
}

func newTenancy(t *testing.T, e control.Endpoint) tenancy {
	t.Helper()
	s, st := newServiceOn(t)
	ctx := t.Context()
	for _, zone := range []string{"a.example.", "b.example."} {
		if _, err := s.ImportZone(ctx, control.ZoneImport{Zone: zone}, zoneSets(t, zone, "www 60 A 192.0.2.1\n")); err != nil {
			t.Fatal(err)
		}
	}
	server := httptest.NewServer(control.Handler(s, e))
	t.Cleanup(server.Close)
	return tenancy{s, st, strings.TrimPrefix(server.URL, "http://")}
}

// holder makes a token and a client that shows it.
func (tn tenancy) holder(t *testing.T, q control.TokenRequest) *control.Client {
	t.Helper()
	made, err := tn.service.CreateToken(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	client := control.NewClient(tn.address, made.Secret)
	t.Cleanup(func() { client.Close() })
	return client
}

// codeOf is the code of an error; empty for none.
func codeOf(t *testing.T, err error) control.Code {
	t.Helper()
	var e *control.Error
	if err != nil && !errors.As(err, &e) {
		t.Fatalf("error %v is a %T", err, err)
	}
	if e == nil {
		return ""
	}
	return e.Code
}

// A tenant's token is for its own zone and guests, whatever the operation; what it
// may do fails only further on.
func TestTenantToken(t *testing.T) {
	tn := newTenancy(t, control.Endpoint{Token: secret("admin")})
	ctx := t.Context()
	c := tn.holder(t, control.TokenRequest{Name: "tenant", Scopes: []string{"guests", "records"}, Zones: []string{"a.example"}, Guests: []string{"shop", "team-*"}})
	junk := []byte("\x00asm\x01\x00\x00\x00")
	push := func(guest string) func() error {
		return func() error { _, err := c.PushGuest(ctx, control.GuestPush{Guest: guest}, junk); return err }
	}
	attach := func(q control.Attachment) func() error {
		return func() error { _, err := c.Attach(ctx, q); return err }
	}
	put := func(zone string) func() error {
		return func() error {
			_, err := c.SetRecords(ctx, control.RecordSetRequest{Zone: zone, Set: control.RecordSet{Name: "x", Type: "A", TTL: 1, Data: []string{"192.0.2.1"}}})
			return err
		}
	}
	for name, tt := range map[string]struct {
		do   func() error
		want control.Code
	}{
		"own guest":          {push("shop"), control.CodeModule},
		"guest by prefix":    {push("team-1"), control.CodeModule},
		"another's guest":    {push("theirs"), control.CodeForbidden},
		"path for a guest":   {push("../shop"), control.CodeForbidden},
		"attach at home":     {attach(control.Attachment{At: "www.a.example", Guest: "shop"}), control.CodeNotFound},
		"attach elsewhere":   {attach(control.Attachment{At: "www.b.example", Guest: "shop"}), control.CodeForbidden},
		"attach by its zone": {attach(control.Attachment{Zone: "b.example", At: "www.b.example", Guest: "shop"}), control.CodeForbidden},
		"attach over zones":  {attach(control.Attachment{Zone: "a.example", At: "www.b.example", Guest: "shop"}), control.CodeNotFound},
		"another's code":     {attach(control.Attachment{At: "a.example", Guest: "theirs"}), control.CodeForbidden},
		"look into another":  {attach(control.Attachment{At: "a.example", Guest: "shop", Grants: []string{"b.example."}}), control.CodeForbidden},
		"detach elsewhere":   {func() error { return c.Detach(ctx, control.AttachmentPoint{At: "b.example"}) }, control.CodeForbidden},
		"records at home":    {put("A.Example"), ""},
		"records elsewhere":  {put("b.example"), control.CodeForbidden},
		"records, no name":   {put("b..example"), control.CodeInvalid},
		"delete elsewhere":   {func() error { return c.DeleteZone(ctx, control.ZoneName{Zone: "b.example"}) }, control.CodeForbidden},
		"export elsewhere":   {func() error { _, err := c.ExportZone(ctx, control.ZoneName{Zone: "b.example"}); return err }, control.CodeForbidden},
		"export at home":     {func() error { _, err := c.ExportZone(ctx, control.ZoneName{Zone: "a.example"}); return err }, ""},
		"import elsewhere": {func() error {
			_, err := c.ImportZone(ctx, control.ZoneImport{Zone: "c.example"}, zoneSets(t, "c.example.", ""))
			return err
		}, control.CodeForbidden},
		"delete another's guest": {func() error { return c.DeleteGuest(ctx, control.GuestVersionName{Guest: "theirs", Version: 1}) }, control.CodeForbidden},
		"delete its own guest":   {func() error { return c.DeleteGuest(ctx, control.GuestVersionName{Guest: "shop", Version: 1}) }, control.CodeNotFound},
		"delete no version":      {func() error { return c.DeleteGuest(ctx, control.GuestVersionName{Guest: "shop"}) }, control.CodeInvalid},
		"another token": {func() error {
			_, err := c.CreateToken(ctx, control.TokenRequest{Name: "x", Scopes: []string{"admin"}})
			return err
		}, control.CodeForbidden},
		"delete its own token": {func() error { return c.DeleteToken(ctx, control.TokenName{Name: "tenant"}) }, control.CodeForbidden},
		"all tokens":           {func() error { _, err := c.Tokens(ctx); return err }, control.CodeForbidden},
		"the audit":            {func() error { _, err := c.Audit(ctx, control.AuditQuery{}); return err }, control.CodeForbidden},
		"a backup":             {func() error { _, err := c.BackupStore(ctx, &strings.Builder{}); return err }, control.CodeForbidden},
		"which server":         {func() error { _, err := c.Status(ctx); return err }, ""},
	} {
		if got := codeOf(t, tt.do()); got != tt.want {
			t.Errorf("%s: code %q, want %q", name, got, tt.want)
		}
	}
	zones, err := c.Zones(ctx)
	if err != nil || len(zones) != 1 || zones[0].Name != "a.example." {
		t.Errorf("it sees the zones %v, error %v", zones, err)
	}
}

// A tenant cannot have back by a rollback what it could not attach: another's guest, or
// a look into another's zone that was taken away.
func TestTenantRollback(t *testing.T) {
	tn := newTenancy(t, control.Endpoint{Token: secret("admin")})
	ctx := t.Context()
	c := tn.holder(t, control.TokenRequest{Name: "tenant", Scopes: []string{"guests"}, Zones: []string{"a.example"}, Guests: []string{"shop"}})
	for _, guest := range []string{"shop", "theirs"} {
		if _, err := tn.store.PutGuest(ctx, guest, []byte(guest)); err != nil {
			t.Fatal(err)
		}
	}
	zone, other := rr.MustParseName("a.example."), rr.MustParseName("b.example.")
	plain := store.Attachment{Zone: zone, At: zone, Guest: "shop"}
	granted, theirs, configured := plain, plain, plain
	granted.Grants = []rr.Name{other}
	theirs.Guest = "theirs"
	configured.Values = map[string]string{"k": "v"}
	configured.Grants = granted.Grants
	for name, tt := range map[string]struct {
		before, now store.Attachment
		want        control.Code
	}{
		"a grant that was taken away": {granted, plain, control.CodeForbidden},
		"a grant that it has":         {granted, configured, ""},
		"another's guest":             {theirs, plain, control.CodeForbidden},
		"from another's guest":        {plain, theirs, ""},
	} {
		for _, a := range []store.Attachment{tt.before, tt.now} {
			if _, err := tn.store.Attach(ctx, a); err != nil {
				t.Fatal(name, err)
			}
		}
		made, err := c.RollBack(ctx, control.RollbackRequest{Zone: "a.example"})
		if got := codeOf(t, err); got != tt.want || err == nil && made.Guest != tt.before.Guest {
			t.Errorf("%s: %+v, error %v, want code %q", name, made, err, tt.want)
		}
		if err := tn.store.Detach(ctx, zone, zone, store.ScopeSubtree); err != nil {
			t.Fatal(err)
		}
	}
}

// What limits a token also limits what it is shown: of other zones not even that they
// are there, and of others' guests no configuration.
func TestTenantSees(t *testing.T) {
	tn := newTenancy(t, control.Endpoint{Token: secret("admin")})
	ctx := t.Context()
	for _, guest := range []string{"shop", "theirs"} {
		if _, err := tn.store.PutGuest(ctx, guest, []byte(guest)); err != nil {
			t.Fatal(err)
		}
	}
	for zone, guest := range map[string]string{"a.example.": "shop", "b.example.": "theirs"} {
		name := rr.MustParseName(zone)
		if _, err := tn.store.Attach(ctx, store.Attachment{Zone: name, At: name, Guest: guest, Values: map[string]string{"secret": "x"}}); err != nil {
			t.Fatal(err)
		}
	}
	zoned := tn.holder(t, control.TokenRequest{Name: "zoned", Scopes: []string{"guests"}, Zones: []string{"a.example"}, Guests: []string{"shop"}})
	for _, at := range []string{"x.b.example", "x.none.example"} {
		want := "token zoned is not for the zone around " + at + ". if there is one"
		if err := zoned.Detach(ctx, control.AttachmentPoint{At: at}); codeOf(t, err) != control.CodeForbidden || err.Error() != want {
			t.Errorf("detach %s: error %v, want %s", at, err, want)
		}
		if _, err := zoned.Attach(ctx, control.Attachment{At: at, Guest: "shop"}); codeOf(t, err) != control.CodeForbidden || err.Error() != want {
			t.Errorf("attach %s: error %v, want %s", at, err, want)
		}
	}
	inB := func() error {
		_, err := zoned.Attach(ctx, control.Attachment{Zone: "a.example", At: "www.b.example", Guest: "shop"})
		return err
	}
	if err := inB(); err == nil || strings.Contains(err.Error(), "served too") {
		t.Errorf("a zone elsewhere is told of: %v", err)
	}
	byGuest := tn.holder(t, control.TokenRequest{Name: "by-guest", Scopes: []string{"guests"}, Guests: []string{"shop"}})
	for name, c := range map[string]*control.Client{"zoned": zoned, "by guest": byGuest} {
		all, err := c.Attachments(ctx)
		if err != nil || len(all) != 1 || all[0].Guest != "shop" {
			t.Errorf("%s: attachments %+v, error %v", name, all, err)
		}
		states, err := c.GuestStatus(ctx, control.GuestStatusQuery{})
		if err != nil || len(states) != 1 || states[0].Attachment.Guest != "shop" {
			t.Errorf("%s: states %+v, error %v", name, states, err)
		}
	}
}

// Scopes, expiry and deletion of tokens without limits.
func TestTokenScopes(t *testing.T) {
	tn := newTenancy(t, control.Endpoint{Token: secret("admin")})
	ctx := t.Context()
	reader := tn.holder(t, control.TokenRequest{Name: "reader", Scopes: []string{"read"}})
	if _, err := reader.Zones(ctx); err != nil {
		t.Error(err)
	}
	remove := func(c *control.Client) control.Code {
		return codeOf(t, c.DeleteZone(ctx, control.ZoneName{Zone: "none.example"}))
	}
	if got := remove(reader); got != control.CodeForbidden {
		t.Errorf("a reader deletes: code %q", got)
	}
	if got := remove(tn.holder(t, control.TokenRequest{Name: "pusher", Scopes: []string{"guests"}})); got != control.CodeForbidden {
		t.Errorf("a pusher deletes: code %q", got)
	}
	admin := tn.holder(t, control.TokenRequest{Name: "admin", Scopes: []string{"admin"}})
	if got := remove(admin); got != control.CodeNotFound {
		t.Errorf("an admin deletes: code %q", got)
	}
	if err := admin.DeleteToken(ctx, control.TokenName{Name: "reader"}); err != nil {
		t.Error(err)
	}
	if _, err := reader.Zones(ctx); codeOf(t, err) != control.CodeUnauthenticated {
		t.Errorf("a deleted token: error %v", err)
	}
	soon := time.Now().Add(200 * time.Millisecond)
	brief := tn.holder(t, control.TokenRequest{Name: "brief", Scopes: []string{"read"}, Expires: &soon})
	time.Sleep(time.Until(soon.Add(10 * time.Millisecond)))
	if _, err := brief.Zones(ctx); codeOf(t, err) != control.CodeUnauthenticated || !strings.Contains(err.Error(), "expired") {
		t.Errorf("an expired token: error %v", err)
	}
	all, err := admin.Tokens(ctx)
	if err != nil || len(all) != 3 || all[1].Name != "brief" || !all[1].Expired || all[0].Expired {
		t.Errorf("tokens %+v, error %v", all, err)
	}
	// A wrong token is refused also where none is needed.
	open := newTenancy(t, control.Endpoint{})
	stranger := control.NewClient(open.address, "namelet_admin_"+strings.Repeat("0", 64))
	if _, err := stranger.Zones(ctx); codeOf(t, err) != control.CodeUnauthenticated {
		t.Errorf("a wrong token: error %v", err)
	}
}

// An endpoint that others reach lets nobody in without a token, by any Host.
func TestClosedEndpoint(t *testing.T) {
	tn := newTenancy(t, control.Endpoint{Closed: true})
	c := tn.holder(t, control.TokenRequest{Name: "reader", Scopes: []string{"read"}})
	if _, err := c.Zones(t.Context()); err != nil {
		t.Error(err)
	}
	status, text := do(t, tn.address, "POST", "/v1/zone/list", "{}", func(r *http.Request) { r.Host = "dns.example:8053" })
	if status != http.StatusUnauthorized || !strings.Contains(text, `"code":"unauthenticated"`) || !strings.Contains(text, `"request_id":`) {
		t.Errorf("without a token: %d %s", status, text)
	}
	for name, change := range map[string]func(*http.Request){
		"two tokens":     func(r *http.Request) { r.Header["Authorization"] = []string{"Bearer a", "Bearer b"} },
		"another kind":   func(r *http.Request) { r.SetBasicAuth("a", "b") },
		"an empty one":   func(r *http.Request) { r.Header.Set("Authorization", "Bearer ") },
		"a path in it":   func(r *http.Request) { r.Header.Set("Authorization", "Bearer namelet_../x_"+strings.Repeat("0", 64)) },
		"a long one":     func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+strings.Repeat("a", 30<<10)) },
		"a short secret": func(r *http.Request) { r.Header.Set("Authorization", "Bearer namelet_reader_") },
	} {
		if status, text := do(t, tn.address, "POST", "/v1/zone/list", "{}", change); status != http.StatusUnauthorized {
			t.Errorf("%s: %d %s", name, status, text)
		}
	}
}

// Each change is in the audit with who made it and under which request, and what
// changed nothing is not.
func TestAudit(t *testing.T) {
	tn := newTenancy(t, control.Endpoint{})
	ctx := t.Context()
	c := tn.holder(t, control.TokenRequest{Name: "tenant", Scopes: []string{"records"}, Zones: []string{"a.example"}})
	// The name of the zone may be written in many ways, which must not hide the entry.
	set := control.RecordSetRequest{Zone: `\065.EXAMPLE`, Set: control.RecordSet{Name: "x", Type: "A", TTL: 1, Data: []string{"192.0.2.1"}}}
	for range 2 { // the second changes nothing
		if _, err := c.SetRecords(ctx, set); err != nil {
			t.Fatal(err)
		}
	}
	_ = c.DeleteZone(ctx, control.ZoneName{Zone: "b.example"}) // refused
	status, _ := do(t, tn.address, "POST", "/v1/zone/delete", `{"zone":"b.example."}`, func(r *http.Request) { r.Header.Set("X-Request-Id", "my.request-1") })
	if status != http.StatusOK {
		t.Fatalf("status %d", status)
	}
	got, err := tn.service.Audit(ctx, control.AuditQuery{})
	if err != nil || len(got) != 2 {
		t.Fatalf("%+v, error %v", got, err)
	}
	for i, want := range []string{"anybody on this machine 127.0.0.1 zone/delete [b.example.] my.request-1", "token tenant 127.0.0.1 record/set [a.example.] " + got[1].RequestID} {
		e := got[i]
		if text := fmt.Sprintf("%s %s %s %v %s", e.Who, e.From, e.Operation, e.Subjects, e.RequestID); text != want || e.RequestID == "" || time.Since(e.Time) > time.Minute {
			t.Errorf("got %s at %v, want %s", text, e.Time, want)
		}
	}
	for _, q := range []control.AuditQuery{{Subject: "a.example."}, {Subject: "A.example"}, {Who: "tenant"}, {RequestID: got[1].RequestID}} {
		if one, err := tn.service.Audit(ctx, q); err != nil || len(one) != 1 || one[0].Operation != "record/set" {
			t.Errorf("%+v: %+v, error %v", q, one, err)
		}
	}
	if _, err := tn.service.Audit(ctx, control.AuditQuery{Limit: 10_001}); codeOf(t, err) != control.CodeInvalid {
		t.Errorf("a large limit: error %v", err)
	}
}

// Who comes too often is refused for a while; who needs no token is not.
func TestRate(t *testing.T) {
	tn := newTenancy(t, control.Endpoint{Rate: 5})
	c := tn.holder(t, control.TokenRequest{Name: "reader", Scopes: []string{"read"}})
	free := control.NewClient(tn.address, "")
	refused := 0
	for range 20 {
		if _, err := c.Zones(t.Context()); codeOf(t, err) == control.CodeRate {
			refused++
		}
		if _, err := free.Zones(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if refused < 10 {
		t.Errorf("%d of 20 were refused", refused)
	}
	status, text := do(t, tn.address, "POST", "/v1/zone/list", "{}", func(r *http.Request) { r.Header.Set("Authorization", "Bearer wrong") })
	if status != http.StatusTooManyRequests {
		t.Errorf("another from the same address: %d %s", status, text)
	}
	time.Sleep(500 * time.Millisecond)
	if _, err := c.Zones(t.Context()); err != nil {
		t.Errorf("later: %v", err)
	}
}

// Nothing that a caller shows lets it in but a token.
func FuzzCredentials(f *testing.F) {
	service := newService(f)
	made, err := service.CreateToken(f.Context(), control.TokenRequest{Name: "reader", Scopes: []string{"read"}})
	if err != nil {
		f.Fatal(err)
	}
	handler := control.Handler(service, control.Endpoint{Closed: true, Token: secret("file")})
	for _, shown := range []string{"Bearer " + made.Secret, "bearer " + made.Secret + " ", "Bearer file", "Basic YTpi", "Bearer namelet_reader_" + strings.Repeat("0", 64), "Bearer namelet__"} {
		f.Add(shown, "localhost", "id", "")
	}
	f.Fuzz(func(t *testing.T, shown, host, id, origin string) {
		r := httptest.NewRequest("POST", "http://127.0.0.1/v1/zone/list", strings.NewReader("{}"))
		r.Host = host
		r.Header = http.Header{"Content-Type": {"application/json"}, "Authorization": {shown}, "X-Request-Id": {id}}
		if origin != "" {
			r.Header.Set("Origin", origin)
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		kind, text, _ := strings.Cut(shown, " ")
		text = strings.TrimSpace(text)
		if right := strings.EqualFold(kind, "Bearer") && (text == made.Secret || text == "file"); w.Code == http.StatusOK && !right {
			t.Fatalf("%q was let in", shown)
		} else if w.Code == http.StatusUnauthorized && right {
			t.Fatalf("%q was not let in: %s", shown, w.Body)
		}
		if got := w.Header().Get("X-Request-Id"); got == "" || len(got) > 64 || got != id && len(got) != 24 {
			t.Fatalf("request id %q became %q", id, got)
		}
	})
}
