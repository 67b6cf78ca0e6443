package resolve

import (
	"context"
	"log/slog"
	"sync"
)

// seat is where an instance of an attachment's guest is kept, which counts and may be
// evicted. Whoever embeds it is the holder.
type seat struct {
	attachment *Attachment
	mayWait    bool // for code that is not loaded
	memory     *memory
	log        *slog.Logger
	tenancy    tenant

	mu       sync.Mutex // held while instance is used, and by who evicts it
	instance Instance   // nil until the first call, where none could be made, and where it was evicted
}

// tenant implements holder.
func (s *seat) tenant() *tenant { return &s.tenancy }

// fill makes an instance, for which others may have to go. The error is errNoMemory,
// errLate, errUnloaded or the guest's.
func (s *seat) fill() error {
	a := s.attachment
	if err := a.Code.hold(s.mayWait); err != nil {
		return err
	}
	defer a.Code.release()
	if !s.memory.room(a.weight.Load()) {
		return errNoMemory
	}
	i, err := a.Guest.NewInstance(context.Background())
	if err != nil {
		return err
	}
	s.instance = i
	a.weight.Store(weight(i))
	a.instances.Add(1)
	s.weigh()
	return nil
}

// weigh counts what the instance takes now. What it has taken more than there was may
// cost others theirs.
func (s *seat) weigh() {
	more := weight(s.instance) - s.tenancy.bytes.Load()
	if more == 0 {
		return
	}
	s.memory.charge(s.attachment, &s.tenancy, more)
	if more > 0 {
		s.memory.room(0)
	}
}

// close ends the instance, where there is one.
func (s *seat) close() {
	if s.instance == nil {
		return
	}
	if err := s.instance.Close(context.Background()); err != nil {
		s.log.Warn("guest instance did not close", "guest", s.attachment.Label, "error", err)
	}
	s.instance = nil
	if code := s.attachment.Code; code != nil {
		code.touch(s.tenancy.asked.Load())
	}
	s.memory.charge(s.attachment, &s.tenancy, -s.tenancy.bytes.Load())
	s.attachment.instances.Add(-1)
}

// empty closes the instance unless it is in use, and returns what that gave back: 0
// where there is none.
func (s *seat) empty() (freed int64) {
	if !s.mu.TryLock() {
		return 0
	}
	defer s.mu.Unlock()
	if s.instance == nil {
		return 0
	}
	freed = s.tenancy.bytes.Load()
	s.close()
	return max(freed, 1)
}
