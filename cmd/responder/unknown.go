package main

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// linked are the variables that Kubernetes gives to all that run beside a service by
// the name of responder.
var linked = regexp.MustCompile(`^RESPONDER_(SERVICE_(HOST|PORT)(_\w+)?|PORT(_\d+_\w+)?)$`)

// unknownVariables lists the variables that begin as those of the configuration do, are
// none and have a value, each with the one that may be meant: a setting that is mistyped would
// have no effect, and nobody would be told.
func unknownVariables(environ []string) (unknown []string) {
	known := variables()
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		if value == "" || !strings.HasPrefix(name, envPrefix) || slices.Contains(known, name) || linked.MatchString(name) {
			continue
		}
		said := fmt.Sprintf("%.100q", name)
		if nearest := nearest(name, known); nearest != "" {
			said += " (" + nearest + "?)"
		}
		unknown = append(unknown, said)
	}
	slices.Sort(unknown)
	return unknown
}

// variables are the names of all settings.
func variables() (names []string) {
	for _, field := range reflect.VisibleFields(reflect.TypeFor[config]()) {
		names = append(names, envPrefix+field.Tag.Get("env"))
	}
	return names
}

// nearest is the name that fewest changes of a letter lead to; empty where each
// takes more than a third of the name.
func nearest(name string, known []string) string {
	best, least := "", len(name[len(envPrefix):])/3+1
	for _, k := range known {
		if d := distance(name, k, least); d < least {
			best, least = k, d
		}
	}
	return best
}

// distance counts the letters to put in, take out or change that make b of a, or
// gives most where these are as many or more.
func distance(a, b string, most int) int {
	if gap := len(a) - len(b); gap >= most || -gap >= most {
		return most
	}
	row := make([]int, len(b)+1) // of the beginnings of b, to the beginning of a so far
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			changed := diagonal
			if a[i] != b[j] {
				changed++
			}
			diagonal = row[j+1]
			row[j+1] = min(changed, row[j]+1, row[j+1]+1)
		}
	}
	return min(row[len(b)], most)
}
