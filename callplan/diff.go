package callplan

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"
)

// DiffOptions bound a comparison. Zero fields mean the defaults.
type DiffOptions struct {
	Examples        int       // of each kind of change; 3
	Representatives int       // made calls at most; 20000; negative: none
	At              time.Time // around which calls are made where a rule does not say; zero: the first week of 2026
}

// Difference is what would change if one Set took the place of another.
type Difference struct {
	Calls          int      `json:"calls"`           // recorded calls that were decided by both
	CallsChanged   int      `json:"calls_changed"`   // of these, with another action or other candidates
	Classes        int      `json:"classes"`         // calls made from the rules of both, one or more for each class of calls
	ClassesChanged int      `json:"classes_changed"` // of these, with another action or other candidates
	Moved          int      `json:"moved"`           // decided the same, by another rule
	Changes        []Change `json:"changes"`         // by how many recorded calls they touch, then how many classes
	Omitted        int      `json:"omitted,omitempty"`
}

// Change is a set of calls that one rule decided and another would.
type Change struct {
	Calls    int       `json:"calls"`
	Classes  int       `json:"classes"`
	From     string    `json:"from"` // "plan 3: route", or "no_match"
	To       string    `json:"to"`
	Examples []Example `json:"examples"`
}

// Example is one call of a change.
type Example struct {
	Facts    Facts    `json:"facts"`
	Old      Decision `json:"old"`
	New      Decision `json:"new"`
	Recorded bool     `json:"recorded"`
}

// maxChanges bounds what is told.
const maxChanges = 200

// Diff decides recorded calls, and calls made from the rules of both sets, by both sets, and tells what would change. Either set may be nil.
func Diff(before, after *Set, calls []Facts, o DiffOptions) Difference {
	o.Examples, o.Representatives = or(o.Examples, 3), or(o.Representatives, 20_000)
	c := &comparison{before: before, after: after, o: o, changes: map[[2]string]*Change{}}
	for i := range calls {
		c.out.Calls++
		c.compare(&calls[i], true)
	}
	m := &callMaker{seen: map[string]bool{}, limit: o.Representatives, at: o.At, use: func(f *Facts) {
		c.out.Classes++
		c.compare(f, false)
	}}
	for _, s := range []*Set{before, after} {
		m.calls(s)
	}
	for _, key := range slices.SortedFunc(maps.Keys(c.changes), func(a, b [2]string) int {
		x, y := c.changes[a], c.changes[b]
		return cmp.Or(y.Calls-x.Calls, y.Classes-x.Classes, strings.Compare(a[0], b[0]), strings.Compare(a[1], b[1]))
	}) {
		if len(c.out.Changes) == maxChanges {
			c.out.Omitted++
			continue
		}
		c.out.Changes = append(c.out.Changes, *c.changes[key])
	}
	return c.out
}

type comparison struct {
	before, after *Set
	o             DiffOptions
	out           Difference
	changes       map[[2]string]*Change
}

func (c *comparison) compare(f *Facts, recorded bool) {
	var was, is Decision
	c.before.Decide(f, &was)
	c.after.Decide(f, &is)
	if was.Action == is.Action && slices.Equal(was.Candidates, is.Candidates) {
		if was.Plan != is.Plan || was.Path != is.Path {
			c.out.Moved++
		}
		return
	}
	key := [2]string{decider(&was), decider(&is)}
	change := c.changes[key]
	if change == nil {
		change = &Change{From: key[0], To: key[1]}
		c.changes[key] = change
	}
	if recorded {
		c.out.CallsChanged++
		change.Calls++
	} else {
		c.out.ClassesChanged++
		change.Classes++
	}
	if len(change.Examples) < c.o.Examples {
		change.Examples = append(change.Examples, Example{*f, was, is, recorded})
	}
}

// decider names the rule of a decision.
func decider(d *Decision) string {
	if d.Action == NoMatch {
		return d.Action.String()
	}
	return d.Plan + " " + d.Path + ": " + d.Action.String()
}
