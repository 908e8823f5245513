package callplan

import (
	"fmt"
	"hash/maphash"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// sizes is how many rules a random plan has at most: mostly few, so that there can be many plans, and sometimes so many that a large index is made.
type sizes []int

var (
	anySize   = sizes{4, 12, 120}
	smallSize = append(slices.Repeat(sizes{1, 2, 3, 4}, 16), 8, 8, 12, 60)
)

// agreement makes random plans and calls, compares all ways to decide, and counts what it saw.
type agreement struct {
	maker
	env    *Env
	naive  *naive
	hash   maphash.Seed
	plans  map[uint64]struct{} // hashes of documents
	calls  int
	dead   int            // rules that are said to be never used
	failed map[string]int // criteria by which a rule did not match
	held   map[string]int // criteria of the rule that decided, or sent to the first candidate
	seen   map[string]int // actions, candidates, and what rules did, in the words of Explain
}

func newAgreement(t *testing.T) *agreement {
	t.Helper()
	env, err := ParseEnv([]byte(poolEnv))
	if err != nil {
		t.Fatal(err)
	}
	return &agreement{env: env, naive: newNaive(t, nil, []byte(poolEnv)), hash: maphash.MakeSeed(), plans: map[uint64]struct{}{}, failed: map[string]int{}, held: map[string]int{},
		seen: map[string]int{}}
}

// run makes rounds of one to three plans and some calls each.
func (a *agreement) run(t *testing.T, seed uint64, rounds, callsPerRound int, rules sizes) {
	t.Helper()
	a.maker = maker{rand.New(rand.NewPCG(seed, 1))}
	for round := range rounds {
		one := &one{agreement: a, dead: map[string]bool{}}
		for i := range 1 + a.IntN(3) {
			doc := a.plan(i, 1+a.IntN(pick(a.maker, rules...)))
			p, found := Parse(doc, ParseOptions{})
			for len(found.Errors()) > 0 && found.Errors()[0].Code == codePercentSum { // two runs that stand side by side by chance
				doc = a.plan(i, 1+a.IntN(40))
				p, found = Parse(doc, ParseOptions{})
			}
			if err := found.Err(); err != nil {
				t.Fatalf("seed %d round %d: %v\n%s", seed, round, err, doc)
			}
			one.docs, one.plans = append(one.docs, doc), append(one.plans, p)
			a.plans[maphash.Bytes(a.hash, doc)] = struct{}{}
			for _, f := range found {
				if f.Code == warnUnreachable {
					one.dead[p.Name+" "+pathOf(f.Pointer)] = true
					a.dead++
				}
			}
		}
		one.compile(t)
		for range callsPerRound {
			one.compare(t, a.call())
			if a.calls++; t.Failed() {
				t.Fatalf("seed %d round %d", seed, round)
			}
		}
	}
}

// one is some plans in all forms in which they can be decided.
type one struct {
	*agreement
	docs  [][]byte
	plans []*Plan
	sets  map[string]*Set
	dead  map[string]bool // "plan path" of rules that are reported as never used
	d     Decision
}

func (o *one) compile(t *testing.T) {
	t.Helper()
	o.naive.read(t, o.docs)
	ways := map[string][2]int{"scan": {1 << 30, 1}, "index": {1, 1024}, "small indexes": {1, 7}, "as is": {minIndexed, maxIndexed}}
	rules := 0
	for _, p := range o.plans {
		rules += len(p.Rules)
	}
	if rules <= 7 {
		delete(ways, "small indexes") // nearly the same
		delete(ways, "as is")
	}
	o.sets = map[string]*Set{}
	for name, sizes := range ways {
		s, err := compile("acme", o.plans, o.env, sizes[0], sizes[1])
		if err != nil {
			t.Fatal(err)
		}
		o.sets[name] = s
	}
}

func (o *one) compare(t *testing.T, f Facts) {
	t.Helper()
	want := o.naive.decide(f).decision()
	if f.Provider != "acme" {
		want = Decision{}
	}
	differs := func(how string, got *Decision) bool {
		if got.Action == want.Action && got.Plan == want.Plan && got.Path == want.Path && slices.Equal(got.Candidates, want.Candidates) {
			return false
		}
		t.Errorf("%s: got %s, want %s\nfacts %+v\nplans %s", how, shown(got), shown(&want), f, o.docs)
		return true
	}
	for name, s := range o.sets {
		if f.Provider != "acme" {
			s = nil
		}
		s.Decide(&f, &o.d)
		if differs(name, &o.d) {
			return
		}
	}
	if f.Provider == "acme" && o.IntN(4) == 0 {
		e := o.sets["scan"].Explain(&f)
		if differs("explained", &e.Decision) {
			return
		}
		o.count(&e)
	}
	for path := want.Path; want.Action != NoMatch && path != ""; path = parentPath(path) {
		if o.dead[want.Plan+" "+path] {
			t.Errorf("rule %s of %s is said to be never used, and was: %s\nfacts %+v\nplans %s", path, want.Plan, shown(&want), f, o.docs)
			return
		}
	}
}

// count counts what an explanation says.
func (o *one) count(e *Explanation) {
	o.seen[e.Decision.Action.String()]++
	for _, c := range e.Decision.Candidates {
		o.seen[c.Type.String()]++
	}
	for i := range e.Steps {
		step := &e.Steps[i]
		switch {
		case step.FirstFailed != nil:
			o.failed[step.FirstFailed.Criterion]++
			continue
		case step.Default:
			o.seen["default"]++
		}
		o.seen[step.Effect]++
		if step.Plan == e.Decision.Plan && step.Path == e.Decision.Path {
			for _, p := range o.plans {
				if p.Name == step.Plan {
					c := &ruleAt(p.Rules, step.Path).Criteria
					for id := byKind; id <= byAlways; id++ {
						if c.value(id) != nil {
							o.held[id.String()]++
						}
					}
				}
			}
		}
	}
}

// ruleAt returns the rule at a path.
func ruleAt(rules []Rule, path string) *Rule {
	var rule *Rule
	for step := range strings.SplitSeq(path, ".") {
		rule = &rules[digits(step)]
		rules = rule.Destination.Rules
	}
	return rule
}

// rich fails when something that plans can say did not decide anything.
func (a *agreement) rich(t *testing.T, least int) {
	t.Helper()
	for id := byKind; id <= byAlways; id++ {
		if n := a.failed[id.String()]; n < least && id != byAlways {
			t.Errorf("%s was false %d times", id, n)
		}
		if n := a.held[id.String()]; n < least {
			t.Errorf("%s was true of the rule that decided %d times", id, n)
		}
	}
	for _, what := range []string{NoMatch.String(), Route.String(), Continue.String(), Terminate.String(), Trunk.String(), Operator.String(), SIP.String(), Number.String(), "default",
		wordsRoute, wordsCollect, wordsContinue, wordsEnd, wordsStop, wordsNested, wordsDown} {
		if a.seen[what] < least {
			t.Errorf("%q was seen %d times", what, a.seen[what])
		}
	}
	if a.dead < least {
		t.Errorf("%d rules are said to be never used", a.dead)
	}
	t.Logf("%d calls, %d plans, %d rules said to be never used", a.calls, len(a.plans), a.dead)
	for name, counts := range map[string]map[string]int{"false": a.failed, "true": a.held, "seen": a.seen} {
		for _, key := range slices.Sorted(maps.Keys(counts)) {
			t.Logf("%-5s %8d %s", name, counts[key], key)
		}
	}
}

// pathOf writes "/rules/0/destination/rule/1" as "0.1".
func pathOf(pointer string) string {
	path := ""
	for _, step := range splitPointer(pointer) {
		if step[0] >= '0' && step[0] <= '9' {
			path = appendPath(path, digits(step))
		}
	}
	return path
}

func splitPointer(p string) []string {
	var all []string
	for len(p) > 0 {
		p = p[1:]
		end := slices.Index([]byte(p), '/')
		if end < 0 {
			end = len(p)
		}
		all = append(all, p[:end])
		p = p[end:]
	}
	return all
}

func parentPath(path string) string {
	for i := len(path) - 1; i >= 0; i-- {
		if path[i] == '.' {
			return path[:i]
		}
	}
	return ""
}

func shown(d *Decision) string {
	s := fmt.Sprint(d.Action.String(), d.Plan, d.Path)
	for _, c := range d.Candidates {
		var uri, trunk, number any
		switch c.Type {
		case SIP:
			uri = c.URI
		case Number:
			number = c.Number
		default:
			trunk, number = c.Trunk, c.Number
		}
		s += fmt.Sprint(" ", c.Type.String(), trunk, number, uri)
	}
	return s
}

// TestAgreement: scan, index and Explain decide what the naive evaluator decides, and no rule that Lint calls never used is chosen.
func TestAgreement(t *testing.T) {
	a := newAgreement(t)
	a.run(t, 2026, 12, 150, anySize)
	a.run(t, 2027, 600, 10, smallSize)
	a.rich(t, 5)
}

// TestSoakAgreement does the same with other seeds for as long as TRUNKLINE_SOAK says, over as many different plans as it can.
func TestSoakAgreement(t *testing.T) {
	wanted := os.Getenv("TRUNKLINE_SOAK")
	if wanted == "" {
		t.Skip("set TRUNKLINE_SOAK to a duration, as 1h")
	}
	length, err := time.ParseDuration(wanted)
	if err != nil {
		t.Fatal(err)
	}
	a, seed := newAgreement(t), uint64(time.Now().UnixNano())
	t.Logf("first seed %d", seed)
	for end := time.Now().Add(length); time.Now().Before(end); seed++ {
		a.run(t, seed, 200, 4, smallSize)
	}
	a.rich(t, 5)
}
