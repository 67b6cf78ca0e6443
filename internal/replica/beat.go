package replica

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/namelet/namelet/store"
)

// How a replica of a shared store says how it is. A thousand replicas come to 130
// small writes a second.
const (
	beatFirst = time.Second
	beatEvery = 8 * time.Second
	beatTime  = 5 * time.Second // for one
	byeTime   = time.Second

	// Silent is after how long without a word a replica is taken for gone.
	Silent = 3 * beatEvery

	forgetAfter = time.Hour
	forgetEvery = 64 // beats, about
)

// beat writes how the replica is until ctx ends, then that it is no more. It is
// beside everything else: what fails is tried with the next.
func (r *Replica) beat(ctx context.Context) {
	if r.Self.ID == "" || r.Store.Capabilities().Exclusive {
		return
	}
	timer := time.NewTimer(jitter(beatFirst))
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			bye, cancel := context.WithTimeout(context.WithoutCancel(ctx), byeTime)
			defer cancel()
			if r.state() == Following {
				_ = r.Store.ForgetReplica(bye, r.Self.ID)
			}
			return
		case <-timer.C:
		case <-r.fell: // the others are to know at once
		}
		if err := r.beatOnce(ctx); err != nil && ctx.Err() == nil {
			r.Log.Debug("cannot say in the store how this replica is", "error", err)
		}
		timer.Reset(jitter(beatEvery))
	}
}

// beatOnce writes one row, to the store that is followed and to no other.
func (r *Replica) beatOnce(ctx context.Context) error {
	if r.state() != Following {
		return nil
	}
	limited, cancel := context.WithTimeout(ctx, beatTime)
	defer cancel()
	if err := r.Store.PutReplica(limited, r.Describe()); err != nil {
		return err
	}
	if rand.IntN(forgetEvery) > 0 {
		return nil
	}
	return r.Store.ForgetReplicas(limited, time.Now().Add(-forgetAfter))
}

// Describe returns what the replica says of itself; Seen is now.
func (r *Replica) Describe() store.Replica {
	status := r.Status()
	self := r.Self
	self.State, self.Mirrored, self.Cursor = string(status.State), status.Mirrored, status.Cursor.String()
	self.Zones, self.Names, self.Guests = uint64(status.Zones), uint64(status.Names), uint64(status.Attachments)
	self.Problems, self.Caught, self.Started = uint64(len(status.Problems)), status.Caught, r.began
	self.Seen, self.Serving = time.Now(), status.Serving
	return self
}
