package router

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"trunkline/store"
	"trunkline/store/bolt"
)

// people is what a test knows of who may start the action "wake", to be compared with what is decided.
type people struct {
	enabled, listed bool // the action; and a list that allows every contact in
	denied          map[string]bool
	contacts        []*someone
	groups          []*crew
	optedOut        map[string]bool
}

type someone struct {
	id                   uint64
	number               string
	archived, restricted bool
}

type crew struct {
	id            uint64
	archived, may bool
	members       map[int]bool
}

// may is the naive evaluation: whether a text from a number starts the action.
func (p *people) may(n string) bool {
	known, restricted, granted := false, false, false
	for i, c := range p.contacts {
		if c.archived || c.number != n {
			continue
		}
		known, restricted = true, restricted || c.restricted
		for _, g := range p.groups {
			granted = granted || !g.archived && g.may && g.members[i]
		}
	}
	return p.enabled && p.listed && known && !restricted && granted && !p.denied[n]
}

// reached tells whether a number may be written to.
func (p *people) reached(n string) bool {
	for _, c := range p.contacts {
		if !c.archived && c.number == n && c.restricted {
			return false
		}
	}
	return !p.denied[n] && !p.optedOut[n]
}

// decisions is a gateway with few people, in the engine that it has in life.
type decisions struct {
	*people
	in      *Inbound
	screen  *Screening
	store   *store.Store
	action  uint64
	entries map[string]uint64 // of the lists: by value
}

func newDecisions(t testing.TB) *decisions {
	t.Helper()
	ctx, now := t.Context(), time.Now()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	db, err := bolt.Open(filepath.Join(t.TempDir(), "db"), bolt.Options{})
	must(err)
	st, err := store.Open(ctx, db, store.Options{})
	must(err)
	t.Cleanup(func() { st.Close() })
	s, err := NewScreening(ScreeningOptions{Config: DefaultScreening(), Store: st})
	must(err)
	d := &decisions{people: &people{enabled: true, denied: map[string]bool{}, optedOut: map[string]bool{}}, screen: s, store: st, entries: map[string]uint64{}}
	d.in = NewInbound(InboundOptions{Router: New(Options{Config: Default(), Store: st, Screening: s}), Screening: s, Store: st})
	for i, n := range testNumbers {
		added, err := st.Contacts().Add(ctx, now, "test", store.Contact{LastName: fmt.Sprint("c", i), PhoneNumber: number(n)})
		must(err)
		d.contacts = append(d.contacts, &someone{id: added[0].ID, number: n})
	}
	for i := range 2 {
		added, err := st.Groups().Add(ctx, now, "test", store.Group{Name: fmt.Sprint("g", i)})
		must(err)
		d.groups = append(d.groups, &crew{id: added[0].ID, members: map[int]bool{}})
	}
	added, err := st.Actions().Add(ctx, now, "test", store.Action{Name: "wake", Keyword: "wake", Kind: store.ActionReply, Text: "x", Enabled: true, Filtered: true})
	must(err)
	d.action = added[0].ID
	return d
}

var testNumbers = []string{"+4915100000001", "+4915100000002", "+4915100000003"}

// decide returns whether the action starts, and whether a number may be written to.
func (d *decisions) decide(t testing.TB, n string) (runs, reached bool) {
	t.Helper()
	m := store.Message{ID: store.NewMessageID(), Direction: store.In, State: store.Received, From: number(n), Text: "wake", Trunk: "desk"}
	trial, err := d.in.decide(t.Context(), &m, true)
	if err != nil {
		t.Fatal(err)
	}
	v, err := d.screen.Outgoing(t.Context(), store.DefaultProvider, "uid:0", number(n), nil)
	if err != nil {
		t.Fatal(err)
	}
	return trial.Outcome == OutcomeRun, v.Authorized
}

// change makes one change about a contact and a group, here and in the store; some change nothing.
func (d *decisions) change(t testing.TB, what string, i int, g *crew) {
	t.Helper()
	ctx, now := t.Context(), time.Now()
	c, n := d.contacts[i], testNumbers[i]
	var err error
	switch what {
	case "member":
		if g.members[i] = !g.members[i]; c.archived || g.archived {
			g.members[i] = !g.members[i]
		} else if g.members[i] {
			err = d.store.AddMembers(ctx, g.id, now, "test", c.id)
		} else {
			err = d.store.RemoveMembers(ctx, g.id, now, "test", c.id)
		}
	case "grant":
		if g.archived {
			return
		}
		if g.may = !g.may; g.may {
			err = d.store.AllowGroup(ctx, d.action, g.id, now, "test")
		} else {
			err = d.store.DisallowGroup(ctx, d.action, g.id, now, "test")
		}
	case "archive group":
		if g.archived = !g.archived; g.archived {
			_, err = d.store.Groups().Archive(ctx, g.id, now, "test")
		} else {
			_, err = d.store.Groups().Restore(ctx, g.id, now, "test")
		}
	case "archive contact":
		if c.archived = !c.archived; c.archived {
			_, err = d.store.Contacts().Archive(ctx, c.id, now, "test")
		} else {
			_, err = d.store.Contacts().Restore(ctx, c.id, now, "test")
		}
	case "restrict":
		if !c.archived {
			c.restricted = !c.restricted
			_, err = d.store.Contacts().Edit(ctx, c.id, now, "test", func(s *store.Contact) error { s.Restricted = c.restricted; return nil })
		}
	case "renumber":
		free := ""
		for _, f := range append(slices.Clone(testNumbers), "+4915100000009") {
			if !slices.ContainsFunc(d.contacts, func(o *someone) bool { return o.number == f }) {
				free = f
			}
		}
		if !c.archived && free != "" {
			c.number = free
			_, err = d.store.Contacts().Edit(ctx, c.id, now, "test", func(s *store.Contact) error {
				s.PhoneNumber, s.Phones = number(free), nil
				return nil
			})
		}
	case "deny":
		d.denied[n] = !d.denied[n]
		err = d.entry(t, store.ListEntry{Kind: "number", Value: n, Direction: "both"}, d.denied[n])
	case "allow":
		d.listed = !d.listed
		err = d.entry(t, store.ListEntry{Allow: true, Kind: "contact", Value: "*", Direction: "in"}, d.listed)
	case "enable":
		d.enabled = !d.enabled
		_, err = d.store.Actions().Edit(ctx, d.action, now, "test", func(a *store.Action) error { a.Enabled = d.enabled; return nil })
	case "opt out":
		if d.optedOut[n] = !d.optedOut[n]; d.optedOut[n] {
			_, err = d.store.AddOptOut(ctx, store.OptOut{Number: number(n), At: now, Source: "api"})
		} else {
			err = d.store.RemoveOptOut(ctx, number(n), now, "test")
		}
	}
	if err != nil {
		t.Fatalf("%s of contact %d, group %d: %v", what, c.id, g.id, err)
	}
}

// entry puts an entry on a list or takes it off, as the API does.
func (d *decisions) entry(t testing.TB, e store.ListEntry, there bool) error {
	id, known := d.entries[e.Value]
	switch {
	case there && !known:
		added, err := d.screen.Add(t.Context(), e, time.Now(), "test")
		d.entries[e.Value] = added.ID
		return err
	case there:
		if _, err := d.store.ListEntries().Restore(t.Context(), id, time.Now(), "test"); err != nil {
			return err
		}
	default:
		if _, err := d.store.ListEntries().Archive(t.Context(), id, time.Now(), "test"); err != nil {
			return err
		}
	}
	return d.screen.Load(t.Context())
}

// Each change of lists, contacts, groups, members, grants, actions and opt-outs counts for the very next decision, which says what a naive evaluation of all of it
// says; also while others decide.
func TestDecisionsFollowChanges(t *testing.T) {
	d := newDecisions(t)
	d.change(t, "allow", 0, d.groups[0])
	for i := range d.contacts {
		d.change(t, "member", i, d.groups[i%2])
	}
	for _, g := range d.groups {
		d.change(t, "grant", 0, g)
	}
	done := make(chan struct{})
	var group sync.WaitGroup
	for i := range 2 {
		group.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
					d.decide(t, testNumbers[i])
				}
			}
		})
	}
	defer func() { close(done); group.Wait() }()
	check := func(what string) (runs int) {
		t.Helper()
		for _, n := range append(slices.Clone(testNumbers), "+4915100000009") {
			starts, reached := d.decide(t, n)
			if wantStarts, wantReached := d.may(n), d.reached(n); starts != wantStarts || reached != wantReached {
				t.Fatalf("after %s: %s starts the action %v, is written to %v; want %v and %v", what, n, starts, reached, wantStarts, wantReached)
			}
			if starts {
				runs++
			}
		}
		return runs
	}
	lasting := []string{"member", "grant", "archive group", "renumber"}
	kinds := append([]string{"archive contact", "restrict", "deny", "allow", "enable", "opt out"}, lasting...)
	random := rand.New(rand.NewPCG(6, 6))
	runs, steps := 0, 0
	for range 120 {
		what, i, g := kinds[random.IntN(len(kinds))], random.IntN(len(d.contacts)), d.groups[random.IntN(len(d.groups))]
		times := 2 // it is taken back at once, or little would be allowed
		if random.IntN(3) == 0 {
			what, times = lasting[random.IntN(len(lasting))], 1
		}
		for range times {
			d.change(t, what, i, g)
			runs += check(what)
			steps++
		}
	}
	if runs < steps/4 {
		t.Errorf("of %d texts only %d start the action: the test tests little", steps*(len(testNumbers)+1), runs)
	}
}
