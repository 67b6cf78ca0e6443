package runtime

import (
	goruntime "runtime"
	"sync"
	"time"
)

// Loading and compiling keep a processor busy for tens of milliseconds, in calls that let nobody else have a
// turn. What is done aside takes little from those who answer meanwhile: it runs on a thread of its own that the system lets
// wait for others, and the scheduler has one place more than before, which that thread takes. Without that place all
// goroutines of a process on one core would wait for it.

// asideNice is how much others go before: at 10 who has nothing else to do gets a tenth of a core that is busy.
const asideNice = 10

// spareLinger is how long the place is kept for the next, since to make it stops all goroutines for a moment. It is short:
// while nobody has the place the garbage collector takes it, on a thread like any other, and who answers waits for that.
const spareLinger = 5 * time.Millisecond

// aside runs f and waits for it.
func aside(f func()) {
	spare.enter()
	defer spare.leave()
	done := make(chan struct{})
	go func() {
		defer close(done)
		goruntime.LockOSThread() // for good: the thread ends with the goroutine
		makeNice(asideNice)
		f()
	}()
	<-done
}

// spare is the place, one for the process however many are aside.
var spare spareProc

type spareProc struct {
	mu     sync.Mutex
	users  int
	before int // GOMAXPROCS without it; 0 where it is not there
	end    *time.Timer
	gone   chan struct{} // closed when the place is taken away; nil where there is none
}

func (s *spareProc) enter() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users++
	if s.end != nil {
		s.end.Stop()
	}
	if s.before == 0 {
		s.before = goruntime.GOMAXPROCS(0)
		goruntime.GOMAXPROCS(s.before + 1)
		s.gone = make(chan struct{})
	}
}

func (s *spareProc) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.users--; s.users == 0 {
		s.end = time.AfterFunc(spareLinger, s.drop)
	}
}

// drop takes the place away, unless somebody has it or has set another number meanwhile.
func (s *spareProc) drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.users > 0 || s.before == 0 {
		return
	}
	if goruntime.GOMAXPROCS(0) == s.before+1 {
		goruntime.GOMAXPROCS(s.before)
	}
	s.before = 0
	close(s.gone)
	s.gone = nil
}

// wait waits until there is no place, and no longer than most.
func (s *spareProc) wait(most time.Duration) {
	s.mu.Lock()
	gone := s.gone
	s.mu.Unlock()
	if gone == nil {
		return
	}
	select {
	case <-gone:
	case <-time.After(most):
	}
}
