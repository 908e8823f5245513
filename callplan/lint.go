package callplan

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// LintOptions are what a plan is compared with. Zero fields leave out the warnings that need them.
type LintOptions struct {
	Now       time.Time // tells dates that are past
	Trunks    []string  // names of the trunks that exist; nil: not known
	Calendars []string  // names of the calendars that exist; nil: not known
	Others    []*Plan   // the other live plans of the provider
	Areas     *Areas    // BuiltinAreas when nil
}

// Lint returns warnings about a valid plan, in the order of the document: rules that are never used, runs that do not add up to 100 percent, calls that match no
// rule, equal priorities, past dates, trunks and calendars that do not exist, labels that stand twice.
func Lint(p *Plan, o LintOptions) Findings {
	if o.Areas == nil {
		o.Areas = BuiltinAreas()
	}
	l := &linter{plan: p, o: o, labels: map[string]string{}}
	l.reach()
	l.list(p.Rules, "/rules", "")
	for _, other := range o.Others {
		if other.Provider == p.Provider && other.Name != p.Name && other.Priority == p.Priority && !other.Archived {
			l.add(warnPriorityTie, "/priority", fmt.Sprintf("priority %d is also that of plan %q: the order is then by name", p.Priority, other.Name))
		}
	}
	return l.found
}

type linter struct {
	plan   *Plan
	o      LintOptions
	found  Findings
	labels map[string]string // label to the first rule that has it
}

func (l *linter) add(code, at, message string) {
	l.found = append(l.found, Finding{Code: code, Pointer: at, Message: message})
}

func (l *linter) list(rules []Rule, at, path string) {
	for _, run := range percentRuns(rules) {
		l.short(rules, run, at, path)
	}
	for i := range rules {
		r := &rules[i]
		at, path := fmt.Sprintf("%s/%d", at, i), appendPath(path, i)
		if r.Label != "" {
			if first, twice := l.labels[r.Label]; twice {
				l.add(warnLabel, at+"/label", fmt.Sprintf("the label %q is also that of rule %s", r.Label, first))
			} else {
				l.labels[r.Label] = shownPath(path)
			}
		}
		l.criteria(&r.Criteria, at+"/criteria")
		l.trunks(&r.Destination, at+"/destination")
		l.list(r.Destination.Rules, at+"/destination/rule", path)
	}
}

// short reports a run that leaves a share of the calls to what follows.
func (l *linter) short(rules []Rule, run percentRun, at, path string) {
	sum, next := run.sum(rules), run.from+run.n
	if sum == 0 || sum >= 10_000 {
		return
	}
	to := "what follows after this list"
	if next < len(rules) {
		to = shownName(&rules[next], appendPath(path, next))
	} else if path == "" {
		to = "the next plan"
	}
	l.add(warnPercentShort, fmt.Sprintf("%s/%d/criteria/percent", at, next-1),
		fmt.Sprintf("the run adds up to %s percent; the other %s fall to %s", percentText(sum), percentText(10_000-sum), to))
}

// criteria looks at dates and calendars.
func (l *linter) criteria(c *Criteria, at string) {
	if s := c.Date; s != nil && s.HasTo && !l.o.Now.IsZero() {
		if loc, err := loadZone(l.plan.Timezone); err == nil {
			local := l.o.Now.In(loc)
			_, offset := local.Zone()
			if floorDiv(local.Unix()+int64(offset), 60) >= s.To {
				l.add(warnDatePast, at+"/date", fmt.Sprintf("this range ended on %s", time.Unix(s.To*60, 0).UTC().Format("2006/01/02")))
			}
		}
	}
	for i, name := range c.Holiday {
		if l.o.Calendars != nil && !slices.Contains(l.o.Calendars, name) {
			l.add(warnHolidayNone, fmt.Sprintf("%s/holiday/%d", at, i), fmt.Sprintf("no calendar %q exists: it has no days", name))
		}
	}
	if c.Not != nil {
		l.criteria(c.Not, at+"/not")
	}
}

func (l *linter) trunks(d *Destination, at string) {
	if l.o.Trunks == nil {
		return
	}
	check := func(trunk, at string) {
		if !slices.Contains(l.o.Trunks, trunk) {
			l.add(warnTrunkUnknown, at, fmt.Sprintf("no trunk %q is configured", trunk))
		}
	}
	for i, trunk := range d.Trunk {
		check(trunk, fmt.Sprintf("%s/trunk/%d", at, i))
	}
	for i, op := range d.TrunkOp {
		check(op.Trunk, fmt.Sprintf("%s/trunk_op/%d", at, i))
	}
}

// shownPath writes a path as people count: "0.1" is rule 1.2.
func shownPath(path string) string {
	var steps []string
	for step := range strings.SplitSeq(path, ".") {
		steps = append(steps, itoa(digits(step)+1))
	}
	return strings.Join(steps, ".")
}

// shownName calls a rule by its number and its label.
func shownName(r *Rule, path string) string {
	name := "rule " + shownPath(path)
	if label := []rune(r.Label); len(label) > 40 {
		name += " " + quote(string(label[:40])+"…")
	} else if len(label) > 0 {
		name += " " + quote(r.Label)
	}
	return name
}
