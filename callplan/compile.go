package callplan

import (
	"fmt"
	"slices"
	"strings"

	"trunkline/callplan/phone"
)

// Set is the compiled plans of one service provider. It never changes and is safe for concurrent use. A nil *Set has no rules.
type Set struct {
	provider string
	env      *Env
	uses     uint32          // bits of the criteria that any rule has
	segments []segment       // in the order of evaluation, as Decide goes through them
	sole     [1]segment      // backs segments when there is one, so that it is near
	targets  []Candidate     // of actions, in lists, each list once
	patterns []phone.Pattern // of "match" and "called", in stretches
	codes    []codeSet       // of "npa", each once
	ops      []op
	actions  []action
	whole    []segment // segments without indexes, cut only where the time zone changes
	plans    []*Plan   // in the order of evaluation
	rules    []*Rule   // of each op whose criteria it tests; nil for the default of a rule with nested ones
}

// segment is a stretch of ops that is evaluated with one local time.
type segment struct {
	zone     *zone
	from, to uint32 // in Set.ops
	index    index  // without steps: the ops are gone through one by one
}

// op is one step. A guard is a rule with nested ones: when its criteria fail, the steps that belong to it are passed over. All other steps act.
type op struct {
	crit
	next   uint32 // the step after this one and all that belong to it
	guard  int32  // the guard to which the step belongs, -1 for none
	action int32  // in Set.actions, -1 for a guard
}

// flow is what a rule does after its targets are collected.
type flow uint8

const (
	endRoute     flow = iota // targets: the evaluation ends
	collect                  // targets and "continue": the evaluation goes on
	endTerminate             // "terminate" alone
	endContinue              // "continue" alone
)

// action is what a matching rule does. It repeats what a decision tells of plan and rule, so that deciding touches neither.
type action struct {
	plan    string
	path    string
	label   string
	version int64
	targets uint32 // where they begin in Set.targets
	n       uint16 // how many they are
	flow    flow
	share   bool // the rule has a share
}

// Compile makes the plans of a provider ready to decide. Plans of other providers and archived ones are left out. The error is about a time zone that the
// machine does not know; plans from Parse have no other faults.
func Compile(provider string, plans []*Plan, env *Env) (*Set, error) {
	return compile(provider, plans, env, minIndexed, maxIndexed)
}

// compile gives segments of minimum actions and more an index, one for each maximum actions.
func compile(provider string, plans []*Plan, env *Env, minimum, maximum int) (*Set, error) {
	s := &Set{provider: provider, env: env}
	for _, p := range plans {
		if p.Provider == provider && !p.Archived {
			s.plans = append(s.plans, p)
		}
	}
	slices.SortStableFunc(s.plans, func(a, b *Plan) int {
		if a.Priority != b.Priority {
			return a.Priority - b.Priority
		}
		return strings.Compare(a.Name, b.Name)
	})
	c := &compiler{set: s, codes: map[codeSet]uint32{}, npa: map[string]uint32{}, lists: map[string]uint32{}}
	for _, p := range s.plans {
		z, err := env.zone(p.Timezone)
		if err != nil {
			return nil, fmt.Errorf("plan %q: %w", p.Name, err)
		}
		from := uint32(len(s.ops))
		c.plan = p
		c.list(p.Rules, "", -1)
		if last := len(s.segments) - 1; last >= 0 && s.segments[last].zone == z {
			s.segments[last].to = uint32(len(s.ops))
		} else {
			s.segments = append(s.segments, segment{zone: z, from: from, to: uint32(len(s.ops))})
		}
	}
	s.whole = s.segments
	s.segments = c.indexed(s.segments, minimum, maximum)
	if len(s.segments) == 1 {
		s.sole[0] = s.segments[0]
		s.segments = s.sole[:]
	}
	return s, nil
}

// Provider names the provider whose plans these are.
func (s *Set) Provider() string {
	if s == nil {
		return ""
	}
	return s.provider
}

// Plans returns the plans in the order of evaluation. They must not be changed.
func (s *Set) Plans() []*Plan {
	if s == nil {
		return nil
	}
	return s.plans
}

// compiler builds a Set.
type compiler struct {
	set   *Set
	plan  *Plan
	codes map[codeSet]uint32
	npa   map[string]uint32 // codes of a criterion, joined, to its place in Set.codes
	lists map[string]uint32 // targets, as text, to their place in Set.targets
}

// list appends the ops of a list of rules.
func (c *compiler) list(rules []Rule, path string, guard int32) {
	s := c.set
	runs := percentRuns(rules)
	for i := range rules {
		r := &rules[i]
		at := appendPath(path, i)
		own := c.criteria(&r.Criteria)
		if len(runs) > 0 && i >= runs[0].from+runs[0].n {
			runs = runs[1:]
		}
		if r.Criteria.Percent != nil {
			first := percentRun{runs[0].from, i - runs[0].from}.sum(rules)
			own.rare.percent = share{from: first, to: first + *r.Criteria.Percent, seed: drawSeed(c.set.provider, c.plan.Name, appendPath(path, runs[0].from))}
		}
		if len(r.Destination.Rules) == 0 {
			c.act(own, r, at, guard)
			s.rules = append(s.rules, r)
			continue
		}
		me := len(s.ops)
		s.ops = append(s.ops, op{crit: own, guard: guard, action: -1})
		s.rules = append(s.rules, r)
		c.list(r.Destination.Rules, at, int32(me))
		if d := &r.Destination; d.Continue || d.Terminate || d.targets() != nil {
			c.act(crit{}, r, at, int32(me)) // the guard has tested the criteria
			s.rules = append(s.rules, nil)
		}
		s.ops[me].next = uint32(len(s.ops))
	}
}

// act appends an op that acts.
func (c *compiler) act(own crit, r *Rule, path string, guard int32) {
	s := c.set
	a := action{plan: c.plan.Name, version: c.plan.Version, path: path, label: r.Label, share: r.Criteria.Percent != nil}
	a.targets, a.n = c.targets(r.Destination.targets())
	switch d := &r.Destination; {
	case a.n > 0 && d.Continue:
		a.flow = collect
	case a.n > 0:
		a.flow = endRoute
	case d.Terminate:
		a.flow = endTerminate
	default:
		a.flow = endContinue
	}
	s.ops = append(s.ops, op{crit: own, guard: guard, action: int32(len(s.actions)), next: uint32(len(s.ops) + 1)})
	s.actions = append(s.actions, a)
}

// maxTargets bounds the targets of one rule that are looked at, up or down; it is far above MaxCandidates.
const maxTargets = 1<<16 - 1

// targets returns the place of a list of targets, each of which is kept once.
func (c *compiler) targets(all []Candidate) (from uint32, n uint16) {
	var list []Candidate
	var key []byte
	for _, one := range all {
		if len(list) < maxTargets && !slices.Contains(list, one) {
			list = append(list, one)
			key = fmt.Appendf(key, "%d %d:%s%d:%s%d:%s", one.Type, len(one.Trunk), one.Trunk, len(one.Number), one.Number, len(one.URI), one.URI)
		}
	}
	from, ok := c.lists[string(key)]
	if !ok {
		from = uint32(len(c.set.targets))
		c.set.targets = append(c.set.targets, list...)
		c.lists[string(key)] = from
	}
	return from, uint16(len(list))
}

// targetsOf returns the targets of an action, with an empty number where a trunk is to get the number that was called.
func (s *Set) targetsOf(a *action) []Candidate { return s.targets[a.targets : a.targets+uint32(a.n)] }

// criteria compiles the criteria of a rule but for its share.
func (c *compiler) criteria(from *Criteria) crit {
	s := c.set
	var to crit
	if from.Time != nil {
		to.has |= 1 << byTime
		to.from, to.to = uint16(from.Time.From), uint16(from.Time.To)
	}
	if from.Day != 0 {
		to.has |= 1 << byDay
		to.days = from.Day
	}
	for _, k := range from.Kind {
		to.has |= 1 << byKind
		to.kinds |= kindBit(k)
	}
	if from.Match != nil {
		to.has |= 1 << byMatch
		to.calling = c.stretch(from.Match)
	}
	if from.Called != nil {
		to.has |= 1 << byCalled
		to.called = c.stretch(from.Called)
	}
	if from.NPA != nil {
		to.has |= 1 << byNPA
		to.npa = c.areas(from.NPA)
	}
	c.rare(from, &to)
	s.uses |= to.has
	return to
}

// stretch keeps patterns side by side.
func (c *compiler) stretch(patterns []phone.Pattern) stretch {
	from := uint32(len(c.set.patterns))
	c.set.patterns = append(c.set.patterns, patterns...)
	return stretch{from, uint32(len(c.set.patterns))}
}

// areas returns the place of a set of area codes.
func (c *compiler) areas(codes []string) uint32 {
	key := strings.Join(codes, ",")
	if at, ok := c.npa[key]; ok {
		return at
	}
	var set codeSet
	for _, code := range codes {
		c.set.env.areas().set(code, &set)
	}
	at, ok := c.codes[set]
	if !ok {
		at = uint32(len(c.set.codes))
		c.set.codes = append(c.set.codes, set)
		c.codes[set] = at
	}
	c.npa[key] = at
	return at
}

// rare compiles the criteria that few rules have.
func (c *compiler) rare(from *Criteria, to *crit) {
	var x rare
	mark := func(id criterion) { to.has |= 1 << id }
	if from.Date != nil {
		mark(byDate)
		x.date = *from.Date
	}
	if from.Holiday != nil {
		mark(byHoliday)
		for _, name := range from.Holiday {
			x.holidays = append(x.holidays, c.set.env.Calendars[name]...)
		}
		slices.Sort(x.holidays)
		x.holidays = slices.Compact(x.holidays)
	}
	if from.PointCode != nil {
		mark(byPointCode)
		x.points = from.PointCode
	}
	for _, l := range from.LATA {
		mark(byLATA)
		switch l.Kind {
		case LATAIntra:
			x.intra = true
		case LATAInter:
			x.inter = true
		default:
			x.latas = append(x.latas, lataRange(l.Digits))
		}
	}
	for _, z := range from.ZIP {
		mark(byZIP)
		lo, hi := z.bounds()
		x.zips = append(x.zips, [2]uint32{lo, hi})
	}
	if from.Not != nil {
		mark(byNot)
		not := c.criteria(from.Not)
		x.not = &not
	}
	if from.Percent != nil {
		mark(byPercent)
	}
	if to.has&rareBits != 0 {
		to.rare = &x
	}
}

// lataRange returns the keys of a LATA: three digits stand for those of five that begin with them too.
func lataRange(digits string) [2]uint32 {
	key, _ := lataKey(digits)
	if len(digits) == 3 {
		return [2]uint32{key, key + 100}
	}
	return [2]uint32{key, key}
}
