package authority

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/namelet/namelet/rr"
)

// TestChildrenAgainstMap puts and removes thousands of siblings in random order
// and compares with a map; the pages stay within their bounds, and every earlier
// version stays what it was.
func TestChildrenAgainstMap(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	model := map[string]*node{}
	var children *page
	for round := range 12 {
		before, was := children, labelsOf(children)
		growing := round%3 != 2
		for range 1500 {
			n := sibling(t, random.IntN(6000))
			key := n.name.Lower().Label()
			if growing || random.IntN(10) == 0 {
				model[key] = n
				children = children.put(n)
			} else {
				delete(model, key)
				children = children.remove(n.label())
			}
		}
		checkChildren(t, children, model)
		if !slices.Equal(labelsOf(before), was) {
			t.Fatal("a version was changed after it was made")
		}
	}
	for key := range model {
		children = children.remove(key)
		delete(model, key)
		if len(model)%500 == 0 {
			checkChildren(t, children, model)
		}
	}
	if children != nil {
		t.Error("something is left after all was removed")
	}
	if got := children.remove("a"); got != nil {
		t.Errorf("removing from nothing gave %v", got)
	}
}

// sibling makes the i-th of many names, several of which share their first eight
// octets, in either letter case.
func sibling(t *testing.T, i int) *node {
	text := fmt.Sprintf("%c%d.example.", "abAB"[i%4], i/4%1000)
	if i%3 == 0 {
		text = "Long-Lab-" + text
	}
	if i%7 == 0 {
		text = `\000` + text
	}
	name, err := rr.ParseName(text)
	if err != nil {
		t.Fatal(err)
	}
	return &node{name: name}
}

func labelsOf(p *page) (labels []string) {
	p.each(func(n *node) bool {
		labels = append(labels, n.label())
		return true
	})
	return labels
}

func checkChildren(t *testing.T, p *page, model map[string]*node) {
	t.Helper()
	count := 0
	var last *node
	p.each(func(n *node) bool {
		count++
		if model[n.name.Lower().Label()] != n {
			t.Fatalf("%v is there and should not be", n.name)
		}
		if last != nil && last.name.Compare(n.name) >= 0 {
			t.Fatalf("%v stands before %v", last.name, n.name)
		}
		last = n
		return true
	})
	if count != len(model) {
		t.Fatalf("got %d children, want %d", count, len(model))
	}
	for key, n := range model {
		if p.find(key) != n {
			t.Fatalf("%v is not found", n.name)
		}
	}
	checkPage(t, p)
}

// checkPage looks for pages that are empty, too wide or under a wrong branch, and
// returns how many levels there are.
func checkPage(t *testing.T, p *page) int {
	t.Helper()
	if p == nil {
		return 0
	}
	if n := p.len(); n == 0 || n > pageMax || (p.items != nil) == (p.below != nil) {
		t.Fatalf("a page has %d items and %d branches", len(p.items), len(p.below))
	}
	depth := 0
	for i := range p.below {
		b := p.below[i]
		if least := b.page.branch(); least.label != b.label {
			t.Fatalf("a branch says %q, its least label is %q", b.label, least.label)
		}
		if depth = checkPage(t, b.page); depth > 5 {
			t.Fatalf("the tree is %d levels deep", depth)
		}
	}
	return depth + 1
}

func TestPackedIsFull(t *testing.T) {
	for _, n := range []int{1, pageMax, pageMax + 1, pageMax*pageMax + 1, 5000} {
		var items []item
		for i := range n {
			name := rr.MustParseName(fmt.Sprintf("n%06d.example.", i))
			items = append(items, item{node: &node{name: name}})
		}
		p := packed(items)
		pages := leaves(p)
		if least := (n + pageMax - 1) / pageMax; pages != least {
			t.Errorf("%d items: got %d leaves, want %d", n, pages, least)
		}
		checkPage(t, p)
		if got := len(labelsOf(p)); got != n {
			t.Errorf("%d items: got %d", n, got)
		}
	}
}

func leaves(p *page) int {
	if p.below == nil {
		return 1
	}
	n := 0
	for _, b := range p.below {
		n += leaves(b.page)
	}
	return n
}
