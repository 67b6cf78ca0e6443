package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/namelet/namelet/internal/control"
)

// Bounds of what a server may have more after a round of hostile uploads than after the one before.
const (
	moreMemory = 32 << 20  // bytes, of the process; a round sends a gigabyte
	moreHeap   = 64 << 20  // bytes, resident or not: with what the server makes when it is first needed
	moreStore  = 256 << 10 // bytes, of the store's file, where the tokens that are made are audited
)

// TestHostileFootprint sends everything hostile to a server of its own, again and again: all of it is refused, each with a
// problem document, while queries are answered, and disk and memory are where they were.
func TestHostileFootprint(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("what a process has is read from /proc")
	}
	h := newHostile(t)
	queries := askAlong(t, config{Listen: h.addresses["RESPONDER_LISTEN"]})
	h.round(t) // what is there once all was refused once stays, as machine code of modules that are good
	before := h.footprint(t)
	t.Logf("after one round: %v", before)
	for round := range 2 {
		stalled := func() {}
		if round == 0 {
			stalled = h.stall(t)
		}
		h.round(t)
		stalled()
		// The system has what is freed back a little later.
		now := h.footprint(t)
		for deadline := time.Now().Add(20 * time.Second); now.memory > before.memory+moreMemory && time.Now().Before(deadline); now = h.footprint(t) {
			time.Sleep(100 * time.Millisecond)
		}
		t.Logf("after one more:  %v", now)
		if now.store > before.store+moreStore || now.cache != before.cache || now.temp != 0 {
			t.Errorf("disk: got %v, want %v", now, before)
		}
		if now.memory > before.memory+moreMemory || now.heap > before.heap+moreHeap {
			t.Errorf("memory: got %v, want %v", now, before)
		}
	}
	asked, longest := queries()
	t.Logf("%d refused; %d queries beside, the longest %v", h.refused.Load(), asked, longest)
	if asked == 0 || longest > 5*time.Second { // what is meant is that one is not held up by what is sent beside
		t.Errorf("%d queries beside, the longest took %v", asked, longest)
	}
}

// hostile is a server and what is sent to it.
type hostile struct {
	*crashTest
	pid         int
	cache, temp string
	modules     [][]byte
	bomb        []byte
	tokens      map[string]string // who may not push, and what is shown
	refused     atomic.Int64
}

func newHostile(t *testing.T) *hostile {
	t.Helper()
	h := &hostile{
		crashTest: &crashTest{dir: t.TempDir(), addresses: serverAddresses(t)},
		cache:     t.TempDir(), temp: t.TempDir(),
	}
	h.settings = []string{"RESPONDER_GUEST_CACHE=" + h.cache, "TMPDIR=" + h.temp, "RESPONDER_RRL_RATE=0", "GOGC=10"} // so that the heap is little more than what is in use
	h.client = control.NewClient(h.addresses["RESPONDER_CONTROL_LISTEN"], "")
	t.Cleanup(func() { h.client.Close() })
	h.pid = h.start(t).Process.Pid
	attachCounter(t, config{ControlListen: h.addresses["RESPONDER_CONTROL_LISTEN"]})
	bases := hostileModules(t)
	for i := range hostilePushes(t) / 4 {
		h.modules = append(h.modules, mutate(rand.New(rand.NewPCG(2, uint64(i))), bases))
	}
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := io.Copy(w, io.LimitReader(zeros{}, 100<<20)); err != nil || w.Close() != nil {
		t.Fatal(err)
	}
	h.bomb = packed.Bytes()
	h.makeTokens(t)
	return h
}

// makeTokens makes tokens that are of no use for a push.
func (h *hostile) makeTokens(t *testing.T) {
	t.Helper()
	soon := time.Now().Add(2 * time.Second)
	h.tokens = map[string]string{"nobody's": "nonsense"}
	for name, q := range map[string]control.TokenRequest{
		"expired": {Scopes: []string{"guests"}, Guests: []string{"g"}, Expires: &soon},
		"reader":  {Scopes: []string{"read"}},
		"records": {Scopes: []string{"records"}},
		"other":   {Scopes: []string{"guests"}, Guests: []string{"other"}},
	} {
		q.Name = name
		made, err := h.client.CreateToken(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		h.tokens[name] = made.Secret
	}
	time.Sleep(time.Until(soon))
}

// round sends everything once.
func (h *hostile) round(t *testing.T) {
	t.Helper()
	for i, module := range h.modules {
		_, err := h.client.PushGuest(t.Context(), control.GuestPush{Guest: fmt.Sprint("m", i)}, module)
		if err != nil && !errors.Is(err, &control.Error{Code: control.CodeModule}) && !errors.Is(err, &control.Error{Code: control.CodeInvalid}) {
			t.Errorf("module %d: %v", i, err)
		}
	}
	for range 3 {
		h.refuse(t, "100 MB", "g", io.LimitReader(zeros{}, 100<<20), nil, http.StatusRequestEntityTooLarge)
	}
	for _, coding := range []string{"gzip", "deflate", "br", "zstd", "gzip, gzip", "x-gzip"} {
		h.refuse(t, "a bomb in "+coding, "g", bytes.NewReader(h.bomb), http.Header{"Content-Encoding": {coding}}, http.StatusUnsupportedMediaType)
	}
	h.refuse(t, "a bomb as the module", "g", bytes.NewReader(h.bomb), nil, http.StatusUnprocessableEntity)
	for who, token := range h.tokens {
		want := http.StatusForbidden
		if who == "expired" || who == "nobody's" {
			want = http.StatusUnauthorized
		}
		h.refuse(t, "the token "+who, "g", bytes.NewReader(h.modules[0]), http.Header{"Authorization": {"Bearer " + token}}, want)
	}
	for _, name := range []string{
		"..", ".", "../../etc/passwd", `..\..\x`, "/etc/passwd", "a/b", "%2e%2e%2f", "a%2fb", "a\x00b", "a\nb", " ", "A", "ä", "аdmin", "\u202egpj", "g\u0301",
		"a@1", "-a", "a.", strings.Repeat("a", 256), strings.Repeat("ä", 3000),
	} {
		h.refuse(t, "the name "+strconv.QuoteToASCII(name[:min(len(name), 20)]), name, bytes.NewReader(h.modules[0]), nil, http.StatusBadRequest)
	}
	h.refuse(t, "the name of 9000", strings.Repeat("a", 9000), bytes.NewReader(h.modules[0]), nil, http.StatusRequestEntityTooLarge)
	smuggle(t, config{ControlListen: h.addresses["RESPONDER_CONTROL_LISTEN"]})
	h.settle(t)
}

// refuse pushes what has to be refused with a status.
func (h *hostile) refuse(t *testing.T, what, guest string, body io.Reader, header http.Header, status int) {
	t.Helper()
	request := fmt.Sprintf(`{"guest":%s}`, jsonText(t, guest))
	target := "http://" + h.addresses["RESPONDER_CONTROL_LISTEN"] + "/v1/guest/push?" + url.Values{"request": {request}}.Encode()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, target, body)
	if err != nil {
		t.Fatal(err)
	}
	if header != nil {
		r.Header = header.Clone()
	}
	r.Header.Set("Content-Type", "application/wasm")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	if p := readProblem(t, what, response); response.StatusCode != status {
		t.Errorf("%s: got status %d (%s), want %d", what, response.StatusCode, p.Detail, status)
	}
	h.refused.Add(1)
}

// stall opens connections that send half of a request, a few in each way, and nothing more. The result waits until the
// server has ended all of them, which it has to within a time.
func (h *hostile) stall(t *testing.T) func() {
	t.Helper()
	const each = 100 // with half of a header; four have half of a body, as many as are taken in at a time
	begun := time.Now()
	ended := make(chan error, each+4)
	head := "POST /v1/guest/push?request=%7B%22guest%22:%22g%22%7D HTTP/1.1\r\nHost: localhost\r\n"
	open := func(text string) {
		conn, err := net.Dial("tcp", h.addresses["RESPONDER_CONTROL_LISTEN"])
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			defer conn.Close()
			_ = conn.SetDeadline(begun.Add(time.Minute))
			_, err := io.WriteString(conn, text)
			if err == nil {
				_, err = io.Copy(io.Discard, conn)
			}
			ended <- err
		}()
	}
	for range each {
		open(head + "X-Slow: ")
	}
	for range 4 {
		open(head + "Content-Type: application/wasm\r\nContent-Length: 1000\r\n\r\n\x00asm")
	}
	return func() {
		for range each + 4 {
			if err := <-ended; errors.Is(err, os.ErrDeadlineExceeded) {
				t.Error("a connection that stalls is kept for a minute")
			}
		}
	}
}

// footprint is what a server has, in bytes.
type footprint struct{ store, cache, temp, memory, heap int64 }

func (f footprint) String() string {
	return fmt.Sprintf("store %d KiB, machine code %d KiB, temporary files %d, memory %d MiB, of it heap %d MiB", f.store>>10, f.cache>>10, f.temp, f.memory>>20, f.heap>>20)
}

func (h *hostile) footprint(t *testing.T) footprint {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", h.pid))
	if err != nil {
		t.Fatal(err)
	}
	return footprint{
		store: folderBytes(t, h.dir), cache: folderBytes(t, h.cache), temp: folderBytes(t, h.temp),
		memory: 1024 * number(t, `VmRSS:\s+(\d+) kB`, string(status)),
		heap:   number(t, `(?m)^go_memstats_heap_alloc_bytes ([0-9.e+]+)$`, h.metrics(t)),
	}
}

func (h *hostile) metrics(t *testing.T) string {
	t.Helper()
	response, err := http.Get("http://" + h.addresses["RESPONDER_METRICS_LISTEN"] + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// settle waits until no process tries a module.
func (h *hostile) settle(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		children, err := filepath.Glob(filepath.Join(h.cache, "trial-*"))
		if err != nil {
			t.Fatal(err)
		}
		if len(children) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%v is left", children)
		}
	}
}

// number is what the first group of a pattern finds.
func number(t *testing.T, pattern, text string) int64 {
	t.Helper()
	found := regexp.MustCompile(pattern).FindStringSubmatch(text)
	if found == nil {
		t.Fatalf("nothing fits %s", pattern)
	}
	n, err := strconv.ParseFloat(found[1], 64)
	if err != nil {
		t.Fatal(err)
	}
	return int64(n)
}

// folderBytes is how many bytes a folder's files have on the disk.
func folderBytes(t *testing.T, dir string) (n int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			n += info.Size()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}
