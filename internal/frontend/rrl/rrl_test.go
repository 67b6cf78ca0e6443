package rrl

import (
	"errors"
	"math/rand/v2"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/namelet/namelet/rr"
)

func limiter(t testing.TB, c Config) *Limiter {
	t.Helper()
	l, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// tally counts what becomes of n responses, evenly spread over the time from
// start to end.
func tally(l *Limiter, client netip.Addr, a Account, n int, start, end time.Duration) (sum [3]int) {
	for i := range n {
		sum[l.Take(client, a, start+(end-start)*time.Duration(i)/time.Duration(n))]++
	}
	return sum
}

var (
	client = netip.MustParseAddr("192.0.2.1")
	name   = rr.MustParseName("www.example")
)

func TestConfig(t *testing.T) {
	for _, c := range []Config{{Rate: -1}, {Rate: MaxRate + 1}, {Rate: 1, PrefixRate: -1}, {PrefixRate: MaxRate + 1}, {Rate: 1, Slip: -1}, {Rate: 1, Slip: MaxSlip + 1}} {
		if _, err := New(c); !errors.Is(err, ErrConfig) {
			t.Errorf("%+v: got error %v, want ErrConfig", c, err)
		}
	}
	if l, err := New(Config{Slip: 2}); l != nil || err != nil {
		t.Errorf("no limit: got %v, %v", l, err)
	}
}

func TestSlip(t *testing.T) {
	for slip, want := range map[int][3]int{
		0:  {10, 90, 0},
		1:  {10, 0, 90},
		2:  {10, 45, 45},
		3:  {10, 60, 30},
		10: {10, 81, 9},
	} {
		l := limiter(t, Config{Rate: 10, Slip: slip})
		if got := tally(l, client, About(Answer, name), 100, 0, time.Second); got != want {
			t.Errorf("slip %d: got %v sent, dropped and truncated, want %v", slip, got, want)
		}
	}
}

// In each second there is the rate again, and no more.
func TestRate(t *testing.T) {
	for _, rate := range []int{1, 7, 1000, MaxRate} {
		l := limiter(t, Config{Rate: rate})
		for second := range 4 {
			at := time.Duration(second) * time.Second
			if got := tally(l, client, About(NXDomain, name), 2*rate, at, at+time.Second); got != [3]int{rate, rate, 0} {
				t.Errorf("rate %d, second %d: got %v", rate, second, got)
			}
		}
	}
}

// Time may go on for as long as it likes.
func TestLong(t *testing.T) {
	l := limiter(t, Config{Rate: 1})
	for _, at := range []time.Duration{0, time.Minute, 5 * time.Hour, 50 * time.Hour, 24 * 365 * time.Hour} {
		if got := tally(l, client, About(Error, rr.Name{}), 3, at, at+time.Second/2); got != [3]int{1, 2, 0} {
			t.Errorf("after %v: got %v", at, got)
		}
	}
}

func TestWhoSharesABucket(t *testing.T) {
	other := rr.MustParseName("mail.example")
	for _, test := range []struct {
		name  string
		a, b  string
		x, y  Account
		share bool
	}{
		{"one network", "192.0.2.1", "192.0.2.200", About(Answer, name), About(Answer, name), true},
		{"another network", "192.0.2.1", "192.0.3.1", About(Answer, name), About(Answer, name), false},
		{"one network of IPv6", "2001:db8:0:1::1", "2001:db8:0:ff::1", About(Answer, name), About(Answer, name), true},
		{"another network of IPv6", "2001:db8:0:1::1", "2001:db8:0:100::1", About(Answer, name), About(Answer, name), false},
		{"IPv4 and IPv6", "0.0.0.1", "::", About(Answer, name), About(Answer, name), false},
		{"another letter case", "192.0.2.1", "192.0.2.1", About(Answer, name), About(Answer, rr.MustParseName("WWW.example")), true},
		{"another name", "192.0.2.1", "192.0.2.1", About(Answer, name), About(Answer, other), false},
		{"another kind", "192.0.2.1", "192.0.2.1", About(NoData, name), About(NXDomain, name), false},
		{"errors", "192.0.2.1", "192.0.2.1", About(Error, rr.Name{}), About(Error, rr.Name{}), true},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := limiter(t, Config{Rate: 1})
			if l.Take(netip.MustParseAddr(test.a), test.x, 0) != Send {
				t.Fatal("the first is not sent")
			}
			if got := l.Take(netip.MustParseAddr(test.b), test.y, 0) == Drop; got != test.share {
				t.Errorf("share: got %v, want %v", got, test.share)
			}
		})
	}
}

func TestPrefixRate(t *testing.T) {
	l := limiter(t, Config{Rate: 3, PrefixRate: 10})
	sent := 0
	for i := range 100 {
		if l.Take(client, Account(i<<kindBits|int(Answer)), 0) == Send {
			sent++
		}
	}
	if sent != 10 {
		t.Errorf("got %d responses about as many names, want 10", sent)
	}
	if l.Take(netip.MustParseAddr("198.51.100.1"), About(Answer, name), 0) != Send {
		t.Error("another network is limited")
	}
}

func TestExempt(t *testing.T) {
	l := limiter(t, Config{Rate: 1, PrefixRate: 1, Slip: 1, Exempt: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/25"), netip.MustParsePrefix("::1/128")}})
	if got := tally(l, client, About(Answer, name), 10, 0, time.Second); got != [3]int{10, 0, 0} {
		t.Errorf("exempt: got %v", got)
	}
	if got := tally(l, netip.MustParseAddr("192.0.2.129"), About(Answer, name), 10, 0, time.Second); got[Send] > 1 {
		t.Errorf("the other half of the network: got %v", got)
	}
}

// However many addresses are forged beside, and whatever is asked for, one prefix
// gets no more in a second than its rate. The bound is twice that where keys had
// to share entries, since they may leave them within the second; more forged
// addresses than the table has entries make sure that they do.
func TestFloodDoesNotResetABudget(t *testing.T) {
	const rate = 50
	l := limiter(t, Config{Rate: rate, PrefixRate: rate})
	random := rand.New(rand.NewPCG(1, 2))
	sent, forged := 0, 2*sets*ways
	for i := range forged {
		at := time.Second * time.Duration(i) / time.Duration(forged)
		v := random.Uint32()
		l.Take(netip.AddrFrom4([4]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), 1}), About(Error, rr.Name{}), at)
		if i%100 == 0 && l.Take(client, Account(i<<kindBits|int(Answer)), at) == Send {
			sent++
		}
	}
	if sent > 2*rate {
		t.Errorf("got %d responses of %d, want at most %d", sent, forged/100, 2*rate)
	}
	if sent == 0 {
		t.Error("nothing was sent")
	}
}

// A flood of forged addresses costs others nothing: each prefix stays below its
// rate even where it shares an entry.
func TestFloodDoesNotStarveOthers(t *testing.T) {
	l := limiter(t, Config{Rate: 200, PrefixRate: 1000})
	random := rand.New(rand.NewPCG(3, 4))
	const forged = 300_000
	limited := 0
	for i := range forged {
		v := random.Uint32()
		at := time.Second * time.Duration(i) / forged
		if l.Take(netip.AddrFrom4([4]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), 1}), About(Answer, name), at) != Send {
			limited++
		}
	}
	if limited > 0 {
		t.Errorf("%d of %d responses to as many networks were limited", limited, forged)
	}
}

// Workers that count at the same time lose nothing.
func TestConcurrent(t *testing.T) {
	const rate, workers = 1000, 4
	l := limiter(t, Config{Rate: rate, PrefixRate: rate, Slip: 2})
	var sent atomic.Int64
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for range rate {
				if l.Take(client, About(Answer, name), time.Second) == Send {
					sent.Add(1)
				}
			}
		})
	}
	group.Wait()
	if got := sent.Load(); got != rate {
		t.Errorf("got %d sent, want %d", got, rate)
	}
}

func TestAllocations(t *testing.T) {
	l := limiter(t, Config{Rate: 10, PrefixRate: 20, Slip: 2})
	if n := testing.AllocsPerRun(1000, func() { l.Take(client, About(Synthesised, name), time.Second) }); n != 0 {
		t.Errorf("got %v allocations, want 0", n)
	}
}

func BenchmarkTake(b *testing.B) {
	l := limiter(b, Config{Rate: 200, PrefixRate: 1000, Slip: 2})
	a := About(Answer, name)
	b.Run("one client", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			l.Take(client, a, time.Duration(i)*time.Microsecond)
		}
	})
	b.Run("many clients", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			v := uint32(i) * 2654435761
			l.Take(netip.AddrFrom4([4]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), 1}), a, time.Duration(i)*time.Microsecond)
		}
	})
}
