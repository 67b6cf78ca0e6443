package guestlog_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/namelet/namelet/internal/guestlog"
	"github.com/namelet/namelet/internal/resolve"
	"github.com/namelet/namelet/runtime"
)

func line(label, text string) resolve.Note { return resolve.Note{Label: label, Line: text} }

// texts reads all that there is.
func texts(r *guestlog.Reader) (all []string, lost uint64) {
	entries, lost := r.Next()
	for _, e := range entries {
		all = append(all, e.Line)
	}
	return all, lost
}

func TestReadInOrder(t *testing.T) {
	j := guestlog.New(guestlog.DefaultBounds)
	for i := range 3 {
		j.Note(line("shop@2", strconv.Itoa(i)))
		j.Note(line("other@1", "x"))
	}
	r := j.Read("shop", 0)
	entries, _ := r.Next()
	if len(entries) != 3 || entries[0].Line != "0" || entries[2].Line != "2" || entries[1].Guest != "shop" || entries[1].Version != 2 {
		t.Fatalf("entries %+v", entries)
	}
	if more, _ := r.Next(); more != nil {
		t.Errorf("read again %+v", more)
	}
	if rest, _ := texts(j.Read("shop", entries[1].ID)); len(rest) != 1 || rest[0] != "2" {
		t.Errorf("after the second: %v, want the third", rest)
	}
	time.Sleep(10 * time.Millisecond) // numbers begin with the time, and no process begins as soon as that after another
	if later := guestlog.New(guestlog.DefaultBounds); true {
		later.Note(line("shop@2", "anew"))
		if rest, _ := texts(later.Read("shop", entries[2].ID)); len(rest) != 1 {
			t.Errorf("a process that began later: %v, want its entry", rest)
		}
	}
}

func TestBounds(t *testing.T) {
	j := guestlog.New(guestlog.Bounds{Entries: 5, Bytes: 1 << 20, All: 1 << 20})
	r := j.Read("shop", 0)
	j.Note(line("shop@1", "first"))
	texts(r)
	for i := range 20 {
		j.Note(line("shop@1", strconv.Itoa(i)))
	}
	if all, lost := texts(r); strings.Join(all, " ") != "15 16 17 18 19" || lost != 15 {
		t.Errorf("kept %v, lost %d: want the last five, and 15 lost", all, lost)
	}
	j = guestlog.New(guestlog.Bounds{Entries: 1000, Bytes: 8 << 10, All: 32 << 10})
	for i := range 100 {
		for g := range 20 {
			j.Note(line(fmt.Sprintf("g%d@1", g), strings.Repeat("x", 500)+strconv.Itoa(i)))
		}
	}
	total := 0
	for g := range 20 {
		entries, _ := j.Read(fmt.Sprintf("g%d", g), 0).Next()
		total += len(entries)
	}
	if total < 20 || total > 32 {
		t.Errorf("%d entries of 500 bytes and more are kept in 32 KiB", total)
	}
	// What is larger than the bounds is not kept, and takes nothing but its guest's.
	j.Note(line("g0@1", strings.Repeat("x", 16<<10)))
	if entries, _ := j.Read("g0", 0).Next(); len(entries) != 0 {
		t.Errorf("%d entries are left", len(entries))
	}
	if entries, _ := j.Read("g1", 0).Next(); len(entries) == 0 {
		t.Error("another guest's entries are gone")
	}
	j.Note(resolve.Note{Label: "g0@1", Failure: &runtime.Fault{Output: strings.Repeat("x", 16<<10)}})
	if entries, _ := j.Read("g0", 0).Next(); len(entries) != 0 {
		t.Errorf("a failure's output does not count: %d entries", len(entries))
	}
}

// Readers that follow see every entry once and in order, or are told what they missed.
func TestFollowBesideNotes(t *testing.T) {
	const writers, each = 4, 500
	j := guestlog.New(guestlog.Bounds{Entries: 100, Bytes: 1 << 20, All: 1 << 20})
	first := j.Read("shop", 0)
	j.Note(line("shop@1", "first"))
	first.Next()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var readers, notes sync.WaitGroup
	for range 3 {
		r := j.Read("shop", 0)
		r.Next()
		readers.Go(func() {
			var seen, last uint64
			for seen < writers*each {
				if err := r.Wait(ctx); err != nil {
					t.Errorf("waited after %d: %v", seen, err)
					return
				}
				entries, lost := r.Next()
				seen += lost + uint64(len(entries))
				for _, e := range entries {
					if e.ID <= last {
						t.Errorf("entry %d after %d", e.ID, last)
					}
					last = e.ID
				}
			}
			if seen != writers*each {
				t.Errorf("read or missed %d entries, want %d", seen, writers*each)
			}
		})
	}
	for w := range writers {
		notes.Go(func() {
			for i := range each {
				j.Note(line("shop@1", strconv.Itoa(i)))
				j.Note(line("other@"+strconv.Itoa(w), "x"))
			}
		})
	}
	notes.Wait()
	readers.Wait()
}

func TestWaitEndsWithContext(t *testing.T) {
	j := guestlog.New(guestlog.DefaultBounds)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := j.Read("shop", 0).Wait(ctx); err != context.Canceled {
		t.Errorf("got %v, want that of the context", err)
	}
}
