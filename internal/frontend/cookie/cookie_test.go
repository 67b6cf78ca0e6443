package cookie

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/namelet/namelet/internal/reread"
)

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// open makes a Jar of a file with these lines.
func open(t testing.TB, lines ...string) *Jar {
	t.Helper()
	j, err := Open(write(t, filepath.Join(t.TempDir(), "secrets"), lines...))
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func write(t testing.TB, path string, lines ...string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// The secrets, clients and cookies of RFC 9018 appendix A.
const (
	secretA = "e5e973e5a6b2a43f48e7dc849e37bfcf"
	secretB = "dd3bdf9344b678b185a6f5cb60fca715"
	secretC = "445536bcd2513298075a5d379663c962"
)

func TestVectors(t *testing.T) {
	for _, test := range []struct {
		name    string
		secrets []string
		client  string
		unix    int64
		query   string
		verdict Verdict
		reply   string
	}{
		{"A.1: learn a server cookie", []string{secretA}, "198.51.100.100", 1559731985,
			"2464c4abcf10c957", Unknown, "2464c4abcf10c957010000005cf79f111f8130c3eee29480"},
		{"A.2: the same client, an aged cookie", []string{secretA}, "198.51.100.100", 1559734385,
			"2464c4abcf10c957010000005cf79f111f8130c3eee29480", Aged, "2464c4abcf10c957010000005cf7a871d4a564a1442aca77"},
		{"A.3: another client, reserved octets set", []string{secretA}, "203.0.113.203", 1559734700,
			"fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5", Unknown, "fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e"},
		{"A.3: as another server made it", []string{secretA}, "203.0.113.203", 1559728000,
			"fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5", Fresh, "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5"},
		{"A.4: IPv6, an earlier secret", []string{secretC, secretB}, "2001:db8:220:1:59de:d0f4:8769:82b8", 1559741961,
			"22681ab97d52c298010000005cf7c57926556bd0934c72f8", Aged, "22681ab97d52c298010000005cf7c609a6bb79d16625507a"},
	} {
		t.Run(test.name, func(t *testing.T) {
			j, addr, query := open(t, test.secrets...), netip.MustParseAddr(test.client), unhex(t, test.query)
			v := j.Check(query, addr, test.unix)
			if v != test.verdict {
				t.Errorf("got verdict %d, want %d", v, test.verdict)
			}
			got := j.Append(nil, query, v, addr, test.unix)
			if want := append([]byte{0, Code, 0, fullLen}, unhex(t, test.reply)...); !bytes.Equal(got, want) {
				t.Errorf("got reply %x, want %x", got, want)
			}
			if len(got) != ResponseLen {
				t.Errorf("got %d octets, want %d", len(got), ResponseLen)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	const now = 1559731985
	j, addr := open(t, secretA), netip.MustParseAddr("198.51.100.100")
	good := unhex(t, "2464c4abcf10c957010000005cf79f111f8130c3eee29480")
	changed := func(at int) []byte {
		b := bytes.Clone(good)
		b[at] ^= 1
		return b
	}
	for _, test := range []struct {
		name string
		data []byte
		addr string
		unix int64
		want Verdict
	}{
		{"good", good, "", now, Fresh},
		{"no option", nil, "", now, None},
		{"client cookie alone", good[:8], "", now, Unknown},
		{"another client cookie", changed(0), "", now, Unknown},
		{"another version", changed(8), "", now, Unknown},
		{"another time", changed(15), "", now, Unknown},
		{"another hash", changed(23), "", now, Unknown},
		{"another length", append(bytes.Clone(good), 0), "", now, Unknown},
		{"another address", good, "198.51.100.101", now, Unknown},
		{"another family", good, "2001:db8::1", now, Unknown},
		{"half an hour old", good, "", now + 1800, Fresh},
		{"older than that", good, "", now + 1801, Aged},
		{"an hour old", good, "", now + 3600, Aged},
		{"older than that", good, "", now + 3601, Unknown},
		{"five minutes early", good, "", now - 300, Fresh},
		{"earlier than that", good, "", now - 301, Unknown},
		{"the clock has gone round", good, "", now + 1<<32, Fresh},
	} {
		t.Run(test.name, func(t *testing.T) {
			from := addr
			if test.addr != "" {
				from = netip.MustParseAddr(test.addr)
			}
			if got := j.Check(test.data, from, test.unix); got != test.want {
				t.Errorf("got %d, want %d", got, test.want)
			}
		})
	}
}

func TestValid(t *testing.T) {
	legal := map[int]bool{8: true}
	for n := 16; n <= 40; n++ {
		legal[n] = true
	}
	for n := range 64 {
		if got := Valid(make([]byte, n)); got != legal[n] {
			t.Errorf("%d octets: got %v, want %v", n, got, legal[n])
		}
	}
}

// The three steps of a change of secrets (RFC 9018 section 5): what any server
// makes in one step is good at any server in the same step or the next.
func TestRollover(t *testing.T) {
	steps := [][]string{{secretB}, {secretB, secretC}, {secretC, secretB}, {secretC}}
	addr, data, now := netip.MustParseAddr("2001:db8::1"), unhex(t, "0011223344556677"), time.Now().Unix()
	for i, step := range steps {
		made := open(t, step...).Append(nil, data, Unknown, addr, now)[4:]
		for _, other := range steps[max(i-1, 0):min(i+2, len(steps))] {
			if v := open(t, other...).Check(made, addr, now); !v.Proven() {
				t.Errorf("a cookie made with %v is not good with %v", step, other)
			}
		}
	}
}

func TestRandom(t *testing.T) {
	a, b := Random(), Random()
	addr, data := netip.MustParseAddr("192.0.2.1"), unhex(t, "0011223344556677")
	made := a.Append(nil, data, Unknown, addr, 1)[4:]
	if a.Check(made, addr, 1) != Fresh || b.Check(made, addr, 1) != Unknown {
		t.Error("a random secret is not its jar's own")
	}
	a.Watch(t.Context(), func(error) { t.Error("a random secret was reloaded") })
}

func TestSecretsFile(t *testing.T) {
	for _, test := range []struct {
		name  string
		lines []string
		want  int    // secrets
		err   string // part of the error
	}{
		{"one", []string{secretA}, 1, ""},
		{"comments, empty lines and blanks", []string{"# now", " " + secretA + "\t", "", "#before", secretB}, 2, ""},
		{"capital digits", []string{strings.ToUpper(secretA)}, 1, ""},
		{"none", []string{"# none"}, 0, "no secret"},
		{"short", []string{"", secretA[2:]}, 0, "line 2: want 32"},
		{"long", []string{secretA + "00"}, 0, "line 1: want 32"},
		{"no digits", []string{strings.Repeat("x", 32)}, 0, "line 1: want 32"},
		{"too many", strings.Split(strings.Repeat(secretA+"\n", mostSecrets)+secretB, "\n"), 0, "line 9: more than 8"},
		{"longer than is read", []string{secretA, "#" + strings.Repeat("x", mostFile)}, 0, "longer than 65536"},
	} {
		t.Run(test.name, func(t *testing.T) {
			j, err := Open(write(t, filepath.Join(t.TempDir(), "secrets"), test.lines...))
			if test.err != "" {
				if !errors.Is(err, ErrSecrets) || !strings.Contains(err.Error(), test.err) {
					t.Fatalf("got error %v, want one with %q", err, test.err)
				}
				if strings.Contains(err.Error(), secretA[2:]) {
					t.Errorf("the error holds a secret: %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := len(*j.secrets.Load()); got != test.want {
				t.Errorf("got %d secrets, want %d", got, test.want)
			}
		})
	}
	if _, err := Open(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: got error %v", err)
	}
}

func TestWatch(t *testing.T) {
	path := write(t, filepath.Join(t.TempDir(), "secrets"), secretB)
	j, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	reports, ended := make(chan error), make(chan struct{})
	go func() {
		defer close(ended)
		reread.Watch(ctx, time.Millisecond, j.Reload, func(err error) { reports <- err })
	}()
	next := func() error {
		select {
		case err := <-reports:
			return err
		case <-time.After(10 * time.Second):
			t.Fatal("no report")
			return nil
		}
	}
	addr, data := netip.MustParseAddr("192.0.2.1"), unhex(t, "0011223344556677")
	made := j.Append(nil, data, Unknown, addr, 1)[4:]

	write(t, path, "nonsense")
	if err := next(); !errors.Is(err, ErrSecrets) {
		t.Errorf("got report %v, want ErrSecrets", err)
	}
	if v := j.Check(made, addr, 1); v != Fresh {
		t.Errorf("a bad file took the secrets away: verdict %d", v)
	}
	other := write(t, path+".new", secretC, secretB)
	if err := os.Rename(other, path); err != nil {
		t.Fatal(err)
	}
	if err := next(); err != nil {
		t.Errorf("got report %v, want none", err)
	}
	if v := j.Check(made, addr, 1); v != Aged {
		t.Errorf("got verdict %d on a cookie of the earlier secret, want %d", v, Aged)
	}
	cancel()
	<-ended
}

func TestAllocations(t *testing.T) {
	j, dst := open(t, secretA, secretB), make([]byte, 0, 64)
	data := unhex(t, "22681ab97d52c298010000005cf7c57926556bd0934c72f8")
	addr := netip.MustParseAddr("2001:db8:220:1:59de:d0f4:8769:82b8")
	if n := testing.AllocsPerRun(100, func() {
		dst = j.Append(dst[:0], data, j.Check(data, addr, 1559741961), addr, 1559741961)
	}); n != 0 {
		t.Errorf("got %v allocations, want 0", n)
	}
}

// Whatever an option holds, the response has the client's cookie and a server
// cookie that is good the next time; and what is good was made here.
func FuzzCookie(f *testing.F) {
	f.Add(unhex(f, "2464c4abcf10c957"), uint32(1559731985), []byte{198, 51, 100, 100})
	f.Add(unhex(f, "2464c4abcf10c957010000005cf79f111f8130c3eee29480"), uint32(1559734385), []byte{198, 51, 100, 100})
	f.Add(unhex(f, "22681ab97d52c298010000005cf7c57926556bd0934c72f8"), uint32(1559741961), unhex(f, "20010db80220000159ded0f4876982b8"))
	j := open(f, secretA, secretC, secretB)
	f.Fuzz(func(t *testing.T, data []byte, unix uint32, octets []byte) {
		addr, ok := netip.AddrFromSlice(octets)
		if !ok || len(data) > 0 && !Valid(data) {
			return
		}
		v := j.Check(data, addr, int64(unix))
		if len(data) == 0 {
			if v != None {
				t.Fatalf("no option: verdict %d", v)
			}
			return
		}
		reply := j.Append(nil, data, v, addr, int64(unix))[4:]
		if !Valid(reply) || !bytes.Equal(reply[:8], data[:8]) {
			t.Fatalf("%x: reply %x", data, reply)
		}
		if j.Check(reply, addr, int64(unix)) != Fresh {
			t.Fatalf("%x: the reply %x is not good", data, reply)
		}
		if v == Fresh && !bytes.Equal(reply, data) {
			t.Fatalf("%x is fresh, but the reply is %x", data, reply)
		}
		if v.Proven() && len(data) != fullLen {
			t.Fatalf("%x is good", data)
		}
	})
}

func BenchmarkCheck(b *testing.B) {
	j := open(b, secretA)
	data := unhex(b, "2464c4abcf10c957010000005cf79f111f8130c3eee29480")
	addr := netip.MustParseAddr("198.51.100.100")
	b.ReportAllocs()
	for b.Loop() {
		if j.Check(data, addr, 1559731985) != Fresh {
			b.Fatal("not good")
		}
	}
}
