package control

import (
	"context"
	"time"

	"github.com/namelet/namelet/internal/replica"
	"github.com/namelet/namelet/store"
)

// Replica is a process that serves from the store.
type Replica struct {
	ID               string    `json:"id,omitempty"`
	Host             string    `json:"host"`
	Site             string    `json:"site,omitempty"`
	Version          string    `json:"version"` // of the program
	State            string    `json:"state"`   // following, away, refused; silent: it has not been heard of for a while
	FromMirror       bool      `json:"from_mirror"`
	Zones            uint64    `json:"zones"`
	Names            uint64    `json:"names"`
	Attachments      uint64    `json:"attachments"`
	Problems         uint64    `json:"problems"`
	Cursor           string    `json:"cursor"`            // the place in the change log up to which changes are served
	StalenessSeconds float64   `json:"staleness_seconds"` // since it read the change log to its end, as of seen
	Started          time.Time `json:"started"`
	Seen             time.Time `json:"seen"`
	Asked            bool      `json:"asked"` // by itself, here; the others are as the store knows them
}

// Replicas are the processes that serve from one store.
type Replicas struct {
	Store    string            `json:"store"`
	Replicas []Replica         `json:"replicas"`
	Problems map[string]string `json:"problems,omitempty"` // of the one that was asked
	Error    string            `json:"error,omitempty"`    // why the store was not asked for others
}

// storeTime is how long the store is waited for: how this server is can be said
// without it.
const storeTime = 2 * time.Second

// Replicas lists what the store knows of. own is how this process is, where it
// serves; its problems are told with it.
func (s *Service) Replicas(ctx context.Context, own *store.Replica) Replicas {
	var all Replicas
	if own != nil {
		r := replicaOf(*own)
		r.Asked = true
		all.Replicas = append(all.Replicas, r)
	}
	limited, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	rows, err := s.store.Replicas(limited)
	if err != nil {
		all.Error = err.Error()
	}
	for _, row := range rows {
		if own != nil && row.ID == own.ID {
			continue
		}
		r := replicaOf(row)
		if time.Since(row.Seen) > replica.Silent {
			r.State = "silent"
		}
		all.Replicas = append(all.Replicas, r)
	}
	return all
}

func replicaOf(r store.Replica) Replica {
	staleness := 0.0
	if !r.Caught.IsZero() {
		staleness = max(0, r.Seen.Sub(r.Caught).Seconds())
	}
	return Replica{
		ID: r.ID, Host: r.Host, Site: r.Site, Version: r.Version, State: r.State, FromMirror: r.Mirrored,
		Zones: r.Zones, Names: r.Names, Attachments: r.Guests, Problems: r.Problems, Cursor: r.Cursor,
		StalenessSeconds: staleness, Started: r.Started, Seen: r.Seen,
	}
}
