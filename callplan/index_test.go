package callplan

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"trunkline/callplan/phone"
)

// TestIndexOfManyRules: over a thousand rules the index decides what a scan does. Some plans have numbers of few classes, so that these have rows; some have
// patterns of nearly all numbers, which are left to the test of the rule.
func TestIndexOfManyRules(t *testing.T) {
	m := maker{rand.New(rand.NewPCG(11, 12))}
	crowded := func(patterns ...string) []*Plan {
		plans := benchPlans(m, "acme", 1, 1000, true)
		for i := range plans[0].Rules {
			if c := &plans[0].Rules[i].Criteria; i%2 == 0 && c.Match != nil {
				number, err := phone.ParsePattern(pick(m, patterns...))
				if err != nil {
					t.Fatal(err)
				}
				c.Called, c.Match = c.Match[1:], []phone.Pattern{number}
			}
		}
		return plans
	}
	sets := map[string][]*Plan{
		"general": benchPlans(m, "acme", 10, 100, false), "selective": benchPlans(m, "acme", 10, 100, true), "one": benchPlans(m, "acme", 1, 300, false),
		"crowded": crowded("205*", "2055xxxxxx", "+1212*"), "wide": crowded("+1*", "xxxxxxxxxx", "*"),
	}
	for _, name := range slices.Sorted(maps.Keys(sets)) { // in order, for all draw from m
		plans := sets[name]
		t.Run(name, func(t *testing.T) {
			indexed, err := Compile("acme", plans, &Env{})
			if err != nil {
				t.Fatal(err)
			}
			scanned, err := compile("acme", plans, &Env{}, 1<<30, 1)
			if err != nil {
				t.Fatal(err)
			}
			indexed.enlarge() // changes nothing that is decided
			calls := benchCalls(m, 600)
			for i := range 600 { // of numbers that the rules are about
				f := &calls[i]
				switch p := plans[0].Rules[m.IntN(len(plans[0].Rules)-1)].Criteria.Match; {
				case i%3 == 0:
				case p != nil:
					f.Calling = p[m.IntN(len(p))].Example()
				default:
					f.Calling = pick(m, "", "+12055550100", "+12125550100", "911", "+4930123456")
				}
				f.Called = pick(m, "0", "2345555123", calls[m.IntN(600)].Calling)
			}
			var got, want Decision
			actions := map[string]int{}
			for i := range calls {
				indexed.Decide(&calls[i], &got)
				scanned.Decide(&calls[i], &want)
				if shown(&got) != shown(&want) {
					t.Fatalf("%+v: the index says %s, a scan %s", calls[i], shown(&got), shown(&want))
				}
				actions[want.Plan+want.Path]++
			}
			if len(actions) < 5 {
				t.Errorf("only %d rules decide: %v", len(actions), actions)
			}
		})
	}
}

// TestBookOfManyProviders: a book of many providers finds the set of each, whatever was added, swapped and removed before.
func TestBookOfManyProviders(t *testing.T) {
	m := maker{rand.New(rand.NewPCG(13, 14))}
	var book Book
	want := map[string]*Set{}
	for range 2000 {
		name := fmt.Sprintf("provider-%d", m.IntN(150))
		octets := 0
		for _, s := range want {
			octets += s.octets()
		}
		if book.octets != octets {
			t.Fatalf("the book counts %d octets of %d", book.octets, octets)
		}
		if m.IntN(4) == 0 {
			book.Remove(name)
			delete(want, name)
		} else {
			want[name] = &Set{provider: name}
			book.Publish(want[name])
		}
		other := fmt.Sprintf("provider-%d", m.IntN(150))
		if got := book.Set(other); got != want[other] {
			t.Fatalf("%s has %p, want %p", other, got, want[other])
		}
	}
	for name, set := range want {
		if book.Set(name) != set {
			t.Errorf("%s was lost", name)
		}
	}
}
