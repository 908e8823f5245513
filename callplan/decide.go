package callplan

import "slices"

// Decide answers facts. It resets d first; it allocates nothing once d.Candidates has room. Whether f.Provider is the set's provider is not looked at.
func (s *Set) Decide(f *Facts, d *Decision) {
	d.Reset()
	if s == nil {
		return
	}
	var c call
	c.touch(s)
	c.read(s, f)
	for i := range s.segments {
		seg := &s.segments[i]
		c.enter(seg.zone)
		ended := false
		if len(seg.index.steps) > 0 {
			ended = seg.index.walk(s, &c, d)
		} else {
			ended = s.scan(seg.from, seg.to, &c, d)
		}
		if ended {
			return
		}
	}
	if len(d.Candidates) > 0 {
		d.Action = Route
	}
}

// touch reads what the rest of a decision needs of the set, so that its memory is fetched while the facts are read.
func (c *call) touch(s *Set) {
	if len(s.targets) > 0 && len(s.segments) > 0 {
		x := &s.segments[0].index
		c.touched = uint64(s.targets[0].Type) | uint64(x.shift) | uint64(len(x.calling.start)) | x.everyCalling[0]
	}
}

// scan goes through the ops from one to another and tells whether the evaluation has ended.
func (s *Set) scan(i, end uint32, c *call, d *Decision) bool {
	for i < end {
		o := &s.ops[i]
		switch {
		case o.has != 0 && s.fails(&o.crit, o.has, c) != noCriterion:
			i = o.next
		case o.action < 0:
			i++
		default:
			if s.apply(o, &s.actions[o.action], c, d) {
				return true
			}
			i = o.next
		}
	}
	return false
}

// holds tells whether the criteria in has and those of all guards around the step are true.
func (s *Set) holds(t *step, has uint32, c *call) bool {
	if has != 0 && s.fails(&t.crit, has, c) != noCriterion {
		return false
	}
	for guard := t.guard; guard >= 0; guard = s.ops[guard].guard {
		if o := &s.ops[guard]; s.fails(&o.crit, o.has, c) != noCriterion {
			return false
		}
	}
	return true
}

// apply does what a matching rule says and tells whether the evaluation has ended. A rule whose targets are all down counts as not matching.
func (s *Set) apply(o *op, a *action, c *call, d *Decision) bool {
	if a.n == 0 {
		if len(d.Candidates) > 0 {
			d.Action = Route
			return true
		}
		d.Action = Terminate
		if a.flow == endContinue {
			d.Action = Continue
		}
		s.name(o, a, c, d)
		return true
	}
	targets := s.targetsOf(a)
	before := len(d.Candidates)
	room := slices.Grow(d.Candidates, min(len(targets), MaxCandidates-before))
	room = room[:cap(room)]
	n, left := before, false
	for i := range targets {
		if c.anyDown && targets[i].Trunk != "" && c.facts.down(targets[i].Trunk) {
			continue
		}
		if left = true; n == MaxCandidates {
			break
		}
		one := &room[n]
		*one = targets[i]
		if one.Type == Trunk && one.Number == "" {
			one.Number = c.facts.Called
		}
		if before == 0 || !has(room[:before], *one) { // those of one rule differ
			n++
		}
	}
	d.Candidates = room[:n]
	if left && before == 0 {
		s.name(o, a, c, d)
	}
	if !left || a.flow == collect {
		return false
	}
	d.Action = Route
	return true
}

// name records the deciding rule.
func (s *Set) name(o *op, a *action, c *call, d *Decision) {
	d.Plan, d.Version, d.Path, d.Label = a.plan, a.version, a.path, a.label
	if !a.share {
		return
	}
	if o.has&(1<<byPercent) == 0 { // the default of a rule with nested ones: its guard has the share
		o = &s.ops[o.guard]
	}
	d.Drawn, d.Draw = true, c.drawFor(o.rare.percent.seed)
}

func has(all []Candidate, one Candidate) bool {
	for i := range all {
		if all[i] == one {
			return true
		}
	}
	return false
}
