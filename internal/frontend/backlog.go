package frontend

// backlog holds the newest of what was put into it, the oldest of them first. Who
// fills it decides what becomes of what had to go.
type backlog[T any] struct {
	items []T // as many as there is room for
	first int
	count int
}

func newBacklog[T any](room int) backlog[T] { return backlog[T]{items: make([]T, room)} }

// push returns the place of one more item. Where shed is true the backlog was full,
// and what stands in that place is the oldest, which goes.
func (b *backlog[T]) push() (place *T, shed bool) {
	if shed = b.count == len(b.items); shed {
		b.pop()
	}
	place = &b.items[(b.first+b.count)%len(b.items)]
	b.count++
	return place, shed
}

// pop takes the oldest item out. It is good until the next push.
func (b *backlog[T]) pop() *T {
	oldest := &b.items[b.first]
	b.first = (b.first + 1) % len(b.items)
	b.count--
	return oldest
}
