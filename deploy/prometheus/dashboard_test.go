package prometheus_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

type position struct{ H, W, X, Y int }

func (p position) overlaps(o position) bool {
	return p.X < o.X+o.W && o.X < p.X+p.W && p.Y < o.Y+o.H && o.Y < p.Y+p.H
}

type panel struct {
	ID         int
	Type       string
	Title      string
	GridPos    position
	Datasource struct{ UID string }
	Targets    []struct {
		RefID string
		Expr  string
	}
}

// The dashboard can be put up as it is: each panel has a place and queries of its own, which
// name known metrics, for the servers that are chosen. That they return data is tested
// with a Prometheus, in package integration.
func TestDashboard(t *testing.T) {
	text, err := os.ReadFile("../grafana/namelet.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Panels     []panel
		Templating struct {
			List []struct{ Name string }
		}
	}
	if err := json.Unmarshal(text, &board); err != nil {
		t.Fatal(err)
	}
	var variables []string
	for _, v := range board.Templating.List {
		variables = append(variables, v.Name)
	}
	if got := strings.Join(variables, " "); got != "datasource job instance" {
		t.Errorf("the variables are %s", got)
	}
	names, ids, rows := known(t), map[int]string{}, []string{}
	for i, p := range board.Panels {
		if before, ok := ids[p.ID]; ok {
			t.Errorf("%q and %q have the id %d", before, p.Title, p.ID)
		}
		ids[p.ID] = p.Title
		for _, o := range board.Panels[:i] {
			if p.GridPos.overlaps(o.GridPos) {
				t.Errorf("%q lies over %q", p.Title, o.Title)
			}
		}
		if p.Type == "row" {
			rows = append(rows, p.Title)
			continue
		}
		checkPanel(t, &p, names)
	}
	if got, want := strings.Join(rows, ", "), "Traffic, Latency, Cache, Guests, Store and replicas, Limits and losses, Runtime"; got != want {
		t.Errorf("the rows are %s, want %s", got, want)
	}
}

func checkPanel(t *testing.T, p *panel, names map[string]bool) {
	t.Helper()
	if p.Title == "" || p.Datasource.UID != "${datasource}" || len(p.Targets) == 0 || p.GridPos.X+p.GridPos.W > 24 {
		t.Errorf("panel %d (%q) lacks a title, the data source, a query or room", p.ID, p.Title)
	}
	refs := map[string]bool{}
	for _, target := range p.Targets {
		if refs[target.RefID] {
			t.Errorf("%q: two queries are %s", p.Title, target.RefID)
		}
		refs[target.RefID] = true
		if bad := unknown(names, target.Expr); len(bad) > 0 {
			t.Errorf("%q: %v are in neither docs/reference/metrics.md nor recording.yml", p.Title, bad)
		}
		selectors := strings.Count(target.Expr, `job=~"$job", instance=~"$instance"`)
		if braces := strings.Count(target.Expr, "{"); selectors == 0 || selectors != braces {
			t.Errorf("%q: %s is not of the chosen servers in all its parts", p.Title, target.Expr)
		}
	}
}
