package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/namelet/namelet/internal/control"
	"github.com/namelet/namelet/store"
)

// hostilePushes is how many mutated modules are pushed; NAMELET_TEST_PUSHES says otherwise.
func hostilePushes(t *testing.T) int {
	text := os.Getenv("NAMELET_TEST_PUSHES")
	if text == "" {
		return 200
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("NAMELET_TEST_PUSHES: %v", err)
	}
	return n
}

// TestMutatedModules pushes modules that were damaged in every way: each becomes a version or is refused with
// a code that says it is the module's fault; queries are answered meanwhile, and nothing is left of those refused.
func TestMutatedModules(t *testing.T) {
	c := startServer(t)
	attachCounter(t, c)
	bases := hostileModules(t)
	client := control.NewClient(c.ControlListen, "")
	defer client.Close()
	before := heap()
	queries := askAlong(t, c)
	var taken, refused atomic.Int64
	each(hostilePushes(t), 8, func(i int) {
		random := rand.New(rand.NewPCG(1, uint64(i)))
		module := mutate(random, bases)
		_, err := client.PushGuest(t.Context(), control.GuestPush{Guest: fmt.Sprint("m", i%50)}, module)
		switch {
		case err == nil:
			taken.Add(1)
		case errors.Is(err, &control.Error{Code: control.CodeModule}), errors.Is(err, &control.Error{Code: control.CodeInvalid}):
			refused.Add(1)
			for _, sign := range []string{"crashed", "killed", "to try it"} {
				if strings.Contains(err.Error(), sign) {
					t.Errorf("module %d took its trial down: %v", i, err)
				}
			}
		default:
			t.Errorf("module %d: %v", i, err)
		}
	})
	asked, longest := queries()
	t.Logf("%d taken, %d refused; %d queries beside, the longest %v", taken.Load(), refused.Load(), asked, longest)
	if taken.Load() == 0 || refused.Load() == 0 {
		t.Errorf("%d taken, %d refused: the mutations are no test", taken.Load(), refused.Load())
	}
	if grown := heap() - before; grown > 32<<20+8<<10*taken.Load() {
		t.Errorf("the heap has grown by %d bytes", grown)
	}
	files, err := filepath.Glob(filepath.Join(c.GuestCache, "*", "*"))
	left, err2 := filepath.Glob(filepath.Join(c.GuestCache, "trial-*"))
	if err != nil || err2 != nil || len(left) > 0 || int64(len(files)) > taken.Load()+1 {
		t.Errorf("%d files of machine code for %d versions, %v left (%v, %v)", len(files), taken.Load(), left, err, err2)
	}
}

// each calls do for 0 to n-1, several at a time.
func each(n, together int, do func(i int)) {
	var next atomic.Int64
	var group sync.WaitGroup
	for range together {
		group.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				do(i)
			}
		})
	}
	group.Wait()
}

// heap is what is in use, in bytes.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// askAlong asks the server without a pause until the result is called, which says how often, and how long the
// longest answer took. A question without the right answer fails the test.
func askAlong(t *testing.T, c config) func() (asked int, longest time.Duration) {
	ctx, end := context.WithCancel(t.Context())
	done := make(chan struct{})
	var asked int
	var longest time.Duration
	go func() {
		defer close(done)
		for ; ctx.Err() == nil; asked++ {
			m := new(dns.Msg).SetQuestion("www.m.example.", dns.TypeA)
			begun := time.Now()
			client := dns.Client{Timeout: 2 * time.Second}
			answer, _, err := client.Exchange(m, c.Listen)
			if err != nil || len(answer.Answer) != 1 {
				t.Errorf("query beside the pushes: %v, %v", answer, err)
				return
			}
			longest = max(longest, time.Since(begun))
			time.Sleep(time.Millisecond)
		}
	}()
	return func() (int, time.Duration) {
		end()
		<-done
		return asked, longest
	}
}

// goodModules is how many of hostileModules are good, the last ones.
const goodModules = 3

// hostileModules are the hostile guests and some good ones, all of them small.
func hostileModules(t *testing.T) [][]byte {
	t.Helper()
	files, err := filepath.Glob("../../guests/hostile/*.wat")
	if err != nil || len(files) == 0 {
		t.Fatalf("no hostile guests: %v", err)
	}
	files = append(files, "../../runtime/testdata/fixed.wat", "../../runtime/testdata/callbacks.wat", "../../internal/trial/testdata/client.wat")
	var modules [][]byte
	dir := t.TempDir()
	for i, file := range files {
		out := filepath.Join(dir, strconv.Itoa(i))
		if text, err := exec.Command("wat2wasm", "--enable-all", "--no-check", "-o", out, file).CombinedOutput(); err != nil {
			t.Fatalf("wat2wasm %s: %v: %s (apt-get install wabt)", file, err, text)
		}
		module, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		modules = append(modules, module)
	}
	return modules
}

// mutate damages a module a few times, or none.
func mutate(random *rand.Rand, bases [][]byte) []byte {
	pick := func() []byte {
		if random.IntN(2) == 0 {
			return bases[len(bases)-1-random.IntN(goodModules)] // what the inspection does not stop at once
		}
		return bases[random.IntN(len(bases))]
	}
	module := slices.Clone(pick())
	for range random.IntN(5) {
		at := random.IntN(len(module) + 1)
		switch random.IntN(7) {
		case 0: // a bit
			if at < len(module) {
				module[at] ^= 1 << random.IntN(8)
			}
		case 1: // an octet
			if at < len(module) {
				module[at] = byte(random.Uint32())
			}
		case 2: // the end
			module = module[:at]
		case 3: // a hole
			module = slices.Delete(module, at, min(len(module), at+random.IntN(16)))
		case 4: // a part twice
			module = slices.Insert(module, at, module[at:min(len(module), at+random.IntN(64))]...)
		case 5: // a large number
			module = slices.Insert(module, at, 0xff, 0xff, 0xff, 0xff, 0x0f)
		case 6: // the end of another
			other := pick()
			module = append(module[:at:at], other[random.IntN(len(other)):]...)
		}
	}
	return module
}

// TestPushesAtOnce pushes from many clients at the same time: each has its version or is told that the server is busy.
func TestPushesAtOnce(t *testing.T) {
	c := startServer(t)
	attachCounter(t, c)
	module := good(t)
	queries := askAlong(t, c)
	var taken, busy atomic.Int64
	clients := min(hostilePushes(t)/2, 1000)
	each(clients, clients, func(i int) {
		client := control.NewClient(c.ControlListen, "")
		defer client.Close()
		_, err := client.PushGuest(t.Context(), control.GuestPush{Guest: fmt.Sprint("p", i)}, module)
		switch {
		case err == nil:
			taken.Add(1)
		case errors.Is(err, &control.Error{Code: control.CodeBusy}):
			busy.Add(1)
		default:
			t.Errorf("push %d: %v", i, err)
		}
	})
	asked, longest := queries()
	t.Logf("%d clients: %d taken, %d told to wait; %d queries beside, the longest %v", clients, taken.Load(), busy.Load(), asked, longest)
	if taken.Load() == 0 {
		t.Error("none was taken")
	}
}

// TestHostileRequests sends what no client would: each is refused with a problem document, and the server goes on.
func TestHostileRequests(t *testing.T) {
	c := startServer(t)
	attachCounter(t, c)
	queries := askAlong(t, c)
	nested := strings.Repeat("[", 1<<20)
	for _, tt := range []struct {
		name, request string
		body          io.Reader
		header        string // "name: value"
		status        int
		code          control.Code
	}{
		{"100 MB", `{"guest":"g"}`, io.LimitReader(zeros{}, 100<<20), "", http.StatusRequestEntityTooLarge, control.CodeTooLarge},
		{"a little too large", `{"guest":"g"}`, io.LimitReader(zeros{}, store.MaxGuestBytes+1), "", http.StatusRequestEntityTooLarge, control.CodeTooLarge},
		{"a bomb", `{"guest":"g"}`, bytes.NewReader([]byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0}), "Content-Encoding: gzip", http.StatusUnsupportedMediaType, control.CodeMediaType},
		{"nothing", `{"guest":"g"}`, strings.NewReader(""), "", http.StatusUnprocessableEntity, control.CodeModule},
		{"a path as the name", `{"guest":"../../etc/passwd"}`, strings.NewReader("x"), "", http.StatusBadRequest, control.CodeInvalid},
		{"a zero in the name", `{"guest":"a\u0000b"}`, strings.NewReader("x"), "", http.StatusBadRequest, control.CodeInvalid},
		{"no name", `{}`, strings.NewReader("x"), "", http.StatusBadRequest, control.CodeInvalid},
		{"scenarios below zero", `{"guest":"g","scenario_bytes":-1}`, strings.NewReader("x"), "", http.StatusRequestEntityTooLarge, control.CodeTooLarge},
		{"scenarios beyond all", `{"guest":"g","scenario_bytes":4194305}`, strings.NewReader("x"), "", http.StatusRequestEntityTooLarge, control.CodeTooLarge},
		{"scenarios beyond the body", `{"guest":"g","scenario_bytes":100}`, strings.NewReader("x"), "", http.StatusBadRequest, control.CodeInvalid},
		{"nested scenarios", fmt.Sprintf(`{"guest":"g","scenario_bytes":%d}`, len(nested)), strings.NewReader(nested), "", http.StatusBadRequest, control.CodeInvalid},
		{"a file of the server", `{"guest":"g","scenario_bytes":` + strconv.Itoa(len(fileScenario)) + `}`, io.MultiReader(strings.NewReader(fileScenario), bytes.NewReader(good(t))), "", http.StatusUnprocessableEntity, control.CodeModule},
	} {
		target := "http://" + c.ControlListen + "/v1/guest/push?" + url.Values{"request": {tt.request}}.Encode()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, target, tt.body)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/wasm")
		if name, value, ok := strings.Cut(tt.header, ": "); ok {
			r.Header.Set(name, value)
		}
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if p := readProblem(t, tt.name, response); response.StatusCode != tt.status || p.Code != tt.code {
			t.Errorf("%s: got status %d, problem %+v; want %d, %s", tt.name, response.StatusCode, p, tt.status, tt.code)
		}
	}
	smuggle(t, c)
	if asked, _ := queries(); asked == 0 {
		t.Error("nothing was asked beside")
	}
}

// readProblem reads a problem document, of one line for people, to its end.
func readProblem(t *testing.T, what string, response *http.Response) (p control.Problem) {
	t.Helper()
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(&p); err != nil || p.Detail == "" || strings.Contains(p.Detail, "\n") || p.Status != response.StatusCode {
		t.Errorf("%s: status %d with problem %+v, %v", what, response.StatusCode, p, err)
	}
	return p
}

// jsonText is a text in JSON.
func jsonText(t *testing.T, text string) string {
	t.Helper()
	out, err := json.Marshal(text)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// fileScenario names a file where only a text may be.
const fileScenario = `[{"name":"s","zones":[{"apex":"a.example","file":"/etc/passwd"}],"cases":[{"ask":"a.example A","want":[]}]}]`

// good is a module that passes.
func good(t *testing.T) []byte {
	modules := hostileModules(t)
	return modules[len(modules)-1]
}

// smuggle sends requests of which two readers would see different ends.
func smuggle(t *testing.T, c config) {
	const inner = "POST /v1/guest/list HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
	for name, head := range map[string]string{
		"two lengths":          fmt.Sprintf("Content-Length: 0\r\nContent-Length: %d\r\n", len(inner)),
		"length and two codes": "Content-Length: 0\r\nTransfer-Encoding: chunked, identity\r\n",
		"a folded header":      "X: a\r\n Transfer-Encoding: chunked\r\nContent-Length: x\r\n",
		"a length and a code":  "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
		"a code and a length":  "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n",
		"a code spelt oddly":   "Transfer-Encoding: xchunked\r\n",
		"a bare return":        "X: a\rTransfer-Encoding: chunked\r\nContent-Length: -1\r\n",
	} {
		conn, err := net.Dial("tcp", c.ControlListen)
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
		fmt.Fprintf(conn, "POST /v1/guest/push?request=%%7B%%7D HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/wasm\r\n%s\r\n%s", head, inner)
		reader := bufio.NewReader(conn)
		response, err := http.ReadResponse(reader, nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if response.StatusCode < 400 {
			t.Errorf("%s: status %d", name, response.StatusCode)
		} else if _, err := io.Copy(io.Discard, response.Body); err == nil {
			if second, err := http.ReadResponse(reader, nil); err == nil {
				t.Errorf("%s: a second response, %s", name, second.Status)
			}
		}
		conn.Close()
	}
}

// zeros has no end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
