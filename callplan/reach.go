package callplan

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// reach finds rules that are never used: every call that they accept is decided before, by one rule or by several together. It never says so of a rule that can
// be chosen; where the question is too hard, or needs more steps than allowed, it says nothing. Rules that only lead to trunks do not count as deciding, since
// with their trunks down they match nothing.
func (l *linter) reach() {
	c := &coverage{areas: l.o.Areas, steps: maxCoverSteps}
	l.unreached(c, l.plan.Rules, "/rules", "", nil)
	if c.covered(region{{}}, nil) == nil {
		l.add(warnNoCatchAll, "/rules", "calls that match no rule go to the next plan")
	}
}

// unreached checks the rules of a list, which stands below the rules of chain.
func (l *linter) unreached(c *coverage, rules []Rule, at, path string, chain []*Criteria) {
	runs := percentRuns(rules)
	for i := range rules {
		r := &rules[i]
		at, path := fmt.Sprintf("%s/%d", at, i), appendPath(path, i)
		mine := append(slices.Clone(chain), &r.Criteria)
		accepts, ok := c.outer(mine)
		switch by := c.covered(accepts, mine); {
		case r.Criteria.Percent != nil && *r.Criteria.Percent == 0: // told already
		case ok && len(accepts) == 0:
			l.add(warnUnreachable, at, "never used: its criteria exclude each other")
		case by != nil:
			l.add(warnUnreachable, at, "never used: "+byNames(by)+" every call before it")
		default:
			l.unreached(c, r.Destination.Rules, at+"/destination/rule", path, mine)
		}
		if surelyEnds(&r.Destination) {
			c.rules = append(c.rules, coverer{chain: mine, name: shownName(r, path)})
		}
		if len(runs) > 0 && i == runs[0].from+runs[0].n-1 {
			c.wholeRun(rules, runs[0], chain, path)
			runs = runs[1:]
		}
	}
}

// byNames says which rules match.
func byNames(names []string) string {
	switch {
	case len(names) == 1:
		return names[0] + " matches"
	case len(names) > 4:
		return strings.Join(names[:4], ", ") + fmt.Sprintf(" and %d more together match", len(names)-4)
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1] + " together match"
}

// surelyEnds tells whether a rule that matches ends the evaluation, whatever trunks are down.
func surelyEnds(d *Destination) bool {
	targets := d.targets()
	if targets == nil {
		return d.Terminate || d.Continue
	}
	return !d.Continue && slices.ContainsFunc(targets, func(c Candidate) bool { return c.Trunk == "" })
}

// Bounds on the work for one plan.
const (
	maxCoverSteps = 300_000
	maxCoverDepth = 2000 // boxes of one rule that are cut up
)

// coverer is a rule that ends the evaluation when it matches.
type coverer struct {
	chain []*Criteria // its own and those of the rules around it, the outermost first
	name  string
}

// coverage knows the rules that come before.
type coverage struct {
	areas *Areas
	rules []coverer
	steps int
	inner map[*Criteria]innerRegion
}

type innerRegion struct {
	region region
	opaque []string
	ok     bool
}

// wholeRun adds a run that adds up to 100 percent and all rules of which end the evaluation: together they are a rule without a share.
func (c *coverage) wholeRun(rules []Rule, run percentRun, chain []*Criteria, path string) {
	if run.sum(rules) != 10_000 {
		return
	}
	for i := run.from; i < run.from+run.n; i++ {
		if !surelyEnds(&rules[i].Destination) {
			return
		}
	}
	own := rules[run.from].Criteria
	own.Percent = nil
	first := path[:strings.LastIndexByte(path, '.')+1] + itoa(run.from)
	name := shownName(&rules[run.from], first)
	if run.n > 1 {
		name = "the run from " + name
	}
	c.rules = append(c.rules, coverer{chain: append(slices.Clone(chain), &own), name: name})
}

// outer returns a region that holds all that a chain accepts; ok is false when that would take too many boxes.
func (c *coverage) outer(chain []*Criteria) (region, bool) {
	all := region{{}}
	for _, own := range chain {
		joined, ok := all.and(own.outer(c.areas), 4*maxBoxes)
		if !ok {
			return nil, false
		}
		all = joined
	}
	return all, true
}

// covered returns the names of the rules that accept all of a region, nil when there may be a call that they leave. chain is where the region came from: what
// a coverer has in common with it needs no test.
func (c *coverage) covered(r region, chain []*Criteria) []string {
	if len(r) == 0 {
		return nil
	}
	var boxes []box
	var owner []int
	mine := opaque(chain)
	for i := range c.rules {
		part, ok := c.part(&c.rules[i], chain, mine)
		if c.steps--; c.steps < 0 {
			return nil
		}
		if !ok {
			continue
		}
		for j := range part {
			boxes, owner = append(boxes, part[j]), append(owner, i)
		}
	}
	for j := range boxes {
		if !slices.ContainsFunc(r, func(b box) bool { return !boxes[j].holds(&b) }) {
			return []string{c.rules[owner[j]].name}
		}
	}
	used := make([]bool, len(c.rules))
	cut := &cutter{boxes: boxes, owner: owner, used: used, steps: min(maxCoverDepth, c.steps)}
	before := cut.steps
	for i := range r {
		if !cut.covered(r[i], 0) {
			c.steps -= before - cut.steps
			return nil
		}
	}
	c.steps -= before - cut.steps
	var names []string
	for i, u := range used {
		if u {
			names = append(names, c.rules[i].name)
		}
	}
	return names
}

// part returns what a coverer accepts for sure among the calls of a chain.
func (c *coverage) part(by *coverer, chain []*Criteria, mine []string) (region, bool) {
	all := region{{}}
	for i, own := range by.chain {
		if i < len(chain) && chain[i] == own {
			continue
		}
		in := c.own(own)
		if !in.ok {
			return nil, false
		}
		for _, o := range in.opaque {
			if !slices.Contains(mine, o) {
				return nil, false
			}
		}
		joined, ok := all.and(in.region, 4*maxBoxes)
		if !ok || len(joined) == 0 {
			return nil, false
		}
		all = joined
	}
	return all, true
}

// own returns the inner region of criteria, made once.
func (c *coverage) own(own *Criteria) innerRegion {
	if in, ok := c.inner[own]; ok {
		return in
	}
	if c.inner == nil {
		c.inner = map[*Criteria]innerRegion{}
	}
	r, ok := own.inner(c.areas)
	in := innerRegion{r, opaque([]*Criteria{own}), ok}
	c.inner[own] = in
	return in
}

// opaque describes what is not in regions: holidays, with the window that can move their day, and "not". Two criteria with the same description are true
// together.
func opaque(chain []*Criteria) []string {
	var all []string
	for _, c := range chain {
		if c.Holiday == nil && c.Not == nil {
			continue
		}
		only := Criteria{Holiday: c.Holiday}
		if c.Holiday != nil && c.Time != nil && c.Time.wraps() {
			only.Time = c.Time
		}
		for _, one := range []Criteria{only, {Not: c.Not}} {
			if one.Holiday != nil || one.Not != nil {
				b, err := json.Marshal(one)
				if err != nil {
					panic(err) // nothing in there can fail
				}
				all = append(all, string(b))
			}
		}
	}
	return all
}

// cutter takes boxes away from a box until nothing is left, or no box is.
type cutter struct {
	boxes []box
	owner []int
	used  []bool
	steps int
}

// covered tells whether the boxes from the given one on hold all of b.
func (c *cutter) covered(b box, from int) bool {
	for i := from; i < len(c.boxes); i++ {
		if c.steps--; c.steps < 0 {
			return false
		}
		by := &c.boxes[i]
		if _, meets := b.and(by); !meets {
			continue
		}
		c.used[c.owner[i]] = true
		for d := range dims {
			if by[d] == nil {
				continue
			}
			if rest := b.get(d).without(by[d]); len(rest) > 0 {
				piece := b
				piece[d] = rest
				if !c.covered(piece, i+1) {
					return false
				}
			}
			b[d] = b.get(d).and(by[d])
		}
		return true
	}
	return false
}
