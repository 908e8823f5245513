package callplan

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"
)

// TestRebuildWhileDeciding: plans of a thousand rules are compiled and published again and again. Every decision in the meantime is one of a whole version:
// each version collects two candidates from two plans, and names itself in both.
func TestRebuildWhileDeciding(t *testing.T) {
	defer goleak.VerifyNone(t)
	version := func(v int) []*Plan {
		plans := benchPlans(maker{rand.New(rand.NewPCG(uint64(v), 1))}, "acme", 2, 500, true)
		for i, p := range plans {
			p.Version = int64(v)
			first := Rule{Criteria: Criteria{Always: true}, Destination: Destination{Number: itoa(1000 + v*10 + i), Continue: i == 0}}
			p.Rules = append([]Rule{first}, p.Rules...)
		}
		return plans
	}
	var book Book
	env := &Env{}
	publish := func(v int) {
		s, err := Compile("acme", version(v), env)
		if err != nil {
			t.Error(err)
			return
		}
		book.Publish(s)
	}
	publish(0)
	var stop atomic.Bool
	var decided atomic.Int64
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			f := Facts{Provider: "acme", Calling: "+12055550100"}
			var d Decision
			for !stop.Load() && !t.Failed() {
				book.Decide(&f, &d)
				v := int(d.Version)
				if d.Action != Route || len(d.Candidates) != 2 || d.Candidates[0].Number != itoa(1000+v*10) || d.Candidates[1].Number != itoa(1001+v*10) {
					t.Errorf("a mixed or failed decision: %+v", d)
				}
				decided.Add(1)
			}
		})
	}
	for v := 1; v <= 5; v++ {
		publish(v)
		for mark := decided.Load(); decided.Load() < mark+100 && !t.Failed(); {
		}
	}
	stop.Store(true)
	wg.Wait()
	if decided.Load() < 500 {
		t.Errorf("only %d decisions", decided.Load())
	}
}

func TestBook(t *testing.T) {
	var book Book
	var d Decision
	book.Decide(&Facts{Provider: "acme"}, &d)
	if d.Action != NoMatch || book.Set("acme") != nil {
		t.Errorf("an empty book decides %+v", d)
	}
	book.Remove("acme")
	for i := range 3 {
		provider := fmt.Sprintf("p%d", i)
		p := mustParse(t, `{"name":"x","service_provider":"`+provider+`","priority":1,"rules":{"criteria":{"always":true},"destination":{"number":"`+itoa(i)+`"}}}`)
		s, err := Compile(provider, []*Plan{p}, &Env{})
		if err != nil {
			t.Fatal(err)
		}
		book.Publish(s)
	}
	book.Remove("p1")
	for provider, want := range map[string]Action{"p0": Route, "p1": NoMatch, "p2": Route, "p3": NoMatch} {
		if book.Decide(&Facts{Provider: provider}, &d); d.Action != want {
			t.Errorf("%s: %v, want %v", provider, d.Action, want)
		}
	}
}

// TestDecideAllocatesNothing, with scan, index, shares, tables and a hunt list.
func TestDecideAllocatesNothing(t *testing.T) {
	m := maker{rand.New(rand.NewPCG(9, 9))}
	env, err := ParseEnv([]byte(poolEnv))
	if err != nil {
		t.Fatal(err)
	}
	var plans []*Plan
	for len(plans) < 3 {
		if p, found := Parse(m.plan(len(plans), 60), ParseOptions{}); found.Err() == nil {
			p.Provider, p.Archived = "acme", false
			plans = append(plans, p)
		}
	}
	for name, sizes := range map[string][2]int{"scan": {1 << 30, 1}, "index": {1, 1024}} {
		s, err := compile("acme", plans, env, sizes[0], sizes[1])
		if err != nil {
			t.Fatal(err)
		}
		calls := make([]Facts, 200)
		for i := range calls {
			calls[i] = m.call()
		}
		var d Decision
		for i := range calls {
			s.Decide(&calls[i], &d)
		}
		if n := testing.AllocsPerRun(100, func() {
			for i := range calls {
				s.Decide(&calls[i], &d)
			}
		}); n > 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
