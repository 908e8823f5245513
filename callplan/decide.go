package callplan

// Decide answers facts. It resets d first; it allocates nothing once d.Candidates has room. Whether f.Provider is the set's provider is not looked at.
func (s *Set) Decide(f *Facts, d *Decision) {
	d.Reset()
	if s == nil {
		return
	}
	var c call
	c.read(s, f)
	for i := range s.segments {
		seg := &s.segments[i]
		c.enter(seg.zone)
		ended := false
		if seg.index.steps != nil {
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

// scan goes through the ops from one to another and tells whether the evaluation has ended.
func (s *Set) scan(i, end uint32, c *call, d *Decision) bool {
	for i < end {
		o := &s.ops[i]
		switch {
		case s.fails(&o.crit, c) != noCriterion:
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

// holds tells whether an op's criteria and those of all guards around it are true.
func (s *Set) holds(o *op, c *call) bool {
	for {
		if s.fails(&o.crit, c) != noCriterion {
			return false
		}
		if o.guard < 0 {
			return true
		}
		o = &s.ops[o.guard]
	}
}

// apply does what a matching rule says and tells whether the evaluation has ended. A rule whose targets are all down counts as not matching.
func (s *Set) apply(o *op, a *action, c *call, d *Decision) bool {
	if a.targets == nil {
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
	left := false
	for i := range a.targets {
		t := a.targets[i]
		if t.Trunk != "" && c.facts.down(t.Trunk) {
			continue
		}
		left = true
		if t.Type == Trunk && t.Number == "" {
			t.Number = c.facts.Called
		}
		if len(d.Candidates) == 0 {
			s.name(o, a, c, d)
		}
		if len(d.Candidates) < MaxCandidates && !has(d.Candidates, t) {
			d.Candidates = append(d.Candidates, t)
		}
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
