package callplan

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"
)

// Explanation is a decision with the way to it.
type Explanation struct {
	Decision Decision `json:"decision"`
	Effect   string   `json:"effect"`            // of the decision, in words
	Steps    []Step   `json:"steps"`             // rules in the order in which they were looked at
	Omitted  int      `json:"omitted,omitempty"` // rules that did not match and are left out, since there are very many
	Areas    string   `json:"area_codes"`        // version of the table of area codes
}

// maxSteps is from which step on rules that do not match are only counted.
const maxSteps = 2000

// Verdict says what became of a rule.
type Verdict string

const (
	// Matched rules had their criteria true and did what Effect says.
	Matched Verdict = "matched"
	// Failed rules had a criterion that was false: FirstFailed.
	Failed Verdict = "failed"
	// Unavailable rules matched, but all their trunks are down: they count as not matching.
	Unavailable Verdict = "unavailable"
	// Entered rules matched, and the rules in them come next.
	Entered Verdict = "entered"
)

// Step is a rule that was looked at.
type Step struct {
	Plan        string      `json:"plan"`
	Path        string      `json:"path"`
	Label       string      `json:"label,omitempty"`
	Verdict     Verdict     `json:"verdict"`
	Effect      string      `json:"effect,omitempty"`       // what the rule did, in words
	Default     bool        `json:"default,omitempty"`      // none of the rules in it decided: its other destinations act
	FirstFailed *Failure    `json:"first_failed,omitempty"` // of Failed
	Candidates  []Candidate `json:"candidates,omitempty"`   // that the rule added
	Down        []string    `json:"down,omitempty"`         // trunks of the rule that are down
	Draw        *float64    `json:"draw,omitempty"`         // of its percent run, 0 to 99.99
}

// Failure is the first criterion of a rule that is false.
type Failure struct {
	Criterion string          `json:"criterion"` // member of the criteria: "time", "npa", …
	Wanted    json.RawMessage `json:"wanted"`    // its value in the plan
	Had       string          `json:"had"`       // what the call has, or "unknown"
}

// unknownFact is what Failure.Had says of a fact that is not there.
const unknownFact = "unknown"

// Words for what rules do. The flags "continue" and "terminate" mean different things in different systems; these say what they do here.
const (
	wordsRoute    = "sends the call to this and stops looking"
	wordsCollect  = "collects this and looks further"
	wordsContinue = "passes the call on unchanged"
	wordsEnd      = "ends the call"
	wordsStop     = "stops looking: the call goes to what was collected"
	wordsNested   = "looks into its own rules"
	wordsNone     = "no rule decides: the default applies"
	wordsDown     = "all its trunks are down: it counts as not matching"
)

// Effect says in words what a rule with this destination does when it matches, the rules in it left aside.
func (d *Destination) Effect() string {
	targets := d.targets()
	switch {
	case targets != nil && d.Continue:
		return wordsCollect
	case targets != nil:
		return wordsRoute
	case d.Terminate:
		return wordsEnd
	case d.Continue:
		return wordsContinue
	}
	return wordsNested
}

// Explain decides and tells how. The decision is that of Decide.
func (s *Set) Explain(f *Facts) Explanation {
	e := Explanation{Effect: wordsNone, Steps: []Step{}, Areas: BuiltinAreas().Version()}
	if s == nil {
		return e
	}
	e.Areas = s.env.areas().Version()
	var c call
	c.read(s, f)
	x := &explainer{set: s, call: &c, out: &e}
	for _, seg := range s.whole {
		c.enter(seg.zone)
		if x.walk(seg) {
			break
		}
	}
	d := &e.Decision
	if d.Action == NoMatch && len(d.Candidates) > 0 {
		d.Action = Route
	}
	switch d.Action {
	case Route:
		e.Effect = "sends the call to " + candidateText(d.Candidates)
	case Continue:
		e.Effect = wordsContinue
	case Terminate:
		e.Effect = wordsEnd
	}
	return e
}

// candidateText lists candidates for people.
func candidateText(all []Candidate) string {
	var names []string
	for _, c := range all {
		switch c.Type {
		case SIP:
			names = append(names, c.URI)
		case Number:
			names = append(names, c.Number)
		default:
			names = append(names, fmt.Sprintf("%s by trunk %s", cmp.Or(c.Number, "the dialled number"), c.Trunk))
		}
	}
	return strings.Join(names, ", then ")
}

type explainer struct {
	set  *Set
	call *call
	out  *Explanation
}

// walk goes through a segment like a scan and tells whether the evaluation has ended.
func (x *explainer) walk(seg segment) bool {
	s := x.set
	for i := seg.from; i < seg.to; {
		at, o := i, &s.ops[i]
		step := x.step(at)
		failed := s.fails(&o.crit, o.has, x.call)
		switch {
		case failed != noCriterion:
			i = o.next
			step.Verdict = Failed
			step.FirstFailed = &Failure{Criterion: failed.String(), Wanted: s.rules[at].Criteria.value(failed), Had: x.had(o, failed)}
			x.add(step)
		case o.action < 0:
			i++
			step.Verdict, step.Effect = Entered, wordsNested
			x.add(step)
		default:
			i = o.next
			if x.apply(at, step) {
				return true
			}
		}
	}
	return false
}

// step begins the step of an op.
func (x *explainer) step(i uint32) Step {
	s := x.set
	for j := int(i); ; j++ { // a guard has no action of its own: that of the first rule in it knows the plan, and its path begins with the guard's
		a := s.ops[j].action
		if a < 0 {
			continue
		}
		act := &s.actions[a]
		step := Step{Plan: act.plan, Path: act.path, Label: act.label}
		if j > int(i) {
			step.Label = s.rules[i].Label
			step.Path = guardPath(s, i, act.path)
		}
		step.Default = j == int(i) && s.rules[i] == nil
		return step
	}
}

// guardPath cuts the path of the first action in a guard to that of the guard.
func guardPath(s *Set, guard uint32, path string) string {
	depth := 1
	for g := s.ops[guard].guard; g >= 0; g = s.ops[g].guard {
		depth++
	}
	return strings.Join(strings.Split(path, ".")[:depth], ".")
}

func (x *explainer) add(step Step) {
	if len(x.out.Steps) >= maxSteps && step.Verdict == Failed {
		x.out.Omitted++
		return
	}
	x.out.Steps = append(x.out.Steps, step)
}

// apply does what the op says and records it.
func (x *explainer) apply(at uint32, step Step) bool {
	d := &x.out.Decision
	o := &x.set.ops[at]
	a := &x.set.actions[o.action]
	rule := x.set.rules[at]
	if rule == nil {
		rule = x.set.rules[o.guard]
	}
	before := len(d.Candidates)
	ended := x.set.apply(o, a, x.call, d)
	step.Verdict, step.Effect = Matched, rule.Destination.Effect()
	step.Candidates = append([]Candidate(nil), d.Candidates[before:]...)
	up := 0
	for _, t := range x.set.targetsOf(a) {
		if t.Trunk != "" && x.call.facts.down(t.Trunk) {
			step.Down = append(step.Down, t.Trunk)
		} else {
			up++
		}
	}
	switch {
	case a.n > 0 && up == 0:
		step.Verdict, step.Effect = Unavailable, wordsDown
	case a.n == 0 && before > 0:
		step.Effect = wordsStop
	}
	if o.has&(1<<byPercent) != 0 {
		step.Draw = new(float64(x.call.drawFor(o.rare.percent.seed)) / 100)
	}
	x.add(step)
	return ended
}

// had tells what the call has in the place of a criterion.
func (x *explainer) had(o *op, id criterion) string {
	c, f := x.call, x.call.facts
	orUnknown := func(s string, has bool) string {
		if !has {
			return unknownFact
		}
		return s
	}
	switch id {
	case byKind:
		return orUnknown([]string{"", "voice", "sms"}[c.kind], c.kind != 0)
	case byTime:
		return orUnknown(clockText(int(c.minute)), c.hasAt)
	case byDay, byHoliday, byDate:
		return orUnknown(fmt.Sprintf("%s %s %s", strings.ToLower(c.weekday.String()), c.day, clockText(int(c.minute))), c.hasAt)
	case byMatch:
		return orUnknown(f.Calling, !c.calling.Absent())
	case byCalled:
		return orUnknown(f.Called, !c.called.Absent())
	case byNPA:
		if c.area == 0 {
			return orUnknown("no North American area code: "+f.Calling, !c.calling.Absent())
		}
		return areaText(x.set.env.areas().Area(c.area), c.area)
	case byPointCode:
		return orUnknown(pointText(c.point), c.hasPoint)
	case byLATA:
		if !c.hasCalling {
			return unknownFact
		}
		called := unknownFact
		if c.hasCalled {
			called = lataText(c.calledLATA)
		}
		return fmt.Sprintf("calling %s, called %s", lataText(c.callingLATA), called)
	case byZIP:
		return orUnknown(fmt.Sprintf("%05d", c.zip), c.hasZIP)
	case byNot:
		return "all criteria in it are true"
	case byPercent:
		return fmt.Sprintf("%s drawn, this rule's share is %s to %s", percentText(c.drawFor(o.rare.percent.seed)), percentText(o.rare.percent.from), percentText(o.rare.percent.to))
	}
	return unknownFact
}

// areaText describes an area code.
func areaText(a *Area, code int) string {
	switch {
	case a == nil:
		return fmt.Sprintf("%d (not assigned)", code)
	case len(a.Regions) > 0:
		return fmt.Sprintf("%d (%s)", code, strings.Join(a.Regions, ", "))
	case a.Country != "" && a.Type == "geographic":
		return fmt.Sprintf("%d (country:%s)", code, a.Country)
	}
	return fmt.Sprintf("%d (%s)", code, a.Type)
}
