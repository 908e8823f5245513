package router

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"trunkline/store"
	"trunkline/store/bolt"
)

// crowd is a store with 100,000 contacts, 1,000 groups of 100 of them and 10,000 entries of lists. Every second group may start the action "wake".
func crowd(b *testing.B) (*Inbound, *Screening) {
	b.Helper()
	ctx, now := b.Context(), time.Now().UTC()
	db, err := bolt.Open(filepath.Join(b.TempDir(), "db"), bolt.Options{})
	if err != nil {
		b.Fatal(err)
	}
	st, err := store.Open(ctx, db, store.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { st.Close() })
	must := func(err error) {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
	}
	s, err := NewScreening(ScreeningOptions{Config: DefaultScreening(), Store: st})
	must(err)
	var contacts []uint64
	for from := 0; from < 100_000; from += 5000 {
		batch := make([]store.Contact, 5000)
		for i := range batch {
			batch[i] = store.Contact{LastName: fmt.Sprint("c", from+i), PhoneNumber: number(fmt.Sprintf("+4915%09d", from+i))}
		}
		added, err := st.Contacts().Add(ctx, now, "test", batch...)
		must(err)
		for i := range added {
			contacts = append(contacts, added[i].ID)
		}
	}
	groups := make([]store.Group, 1000)
	for i := range groups {
		groups[i] = store.Group{Name: fmt.Sprint("g", i)}
	}
	groups, err = st.Groups().Add(ctx, now, "test", groups...)
	must(err)
	actions, err := st.Actions().Add(ctx, now, "test", store.Action{Name: "wake", Keyword: "wake", Kind: store.ActionReply, Text: "x", Enabled: true, Filtered: true})
	must(err)
	for i := range groups {
		must(st.AddMembers(ctx, groups[i].ID, now, "test", contacts[i*100:i*100+100]...))
		if i%2 == 0 {
			must(st.AllowGroup(ctx, actions[0].ID, groups[i].ID, now, "test"))
		}
	}
	entries := []store.ListEntry{{Allow: true, Kind: "contact", Value: "*", Direction: "in"}}
	for i := range 10_000 {
		e := store.ListEntry{Kind: "number", Value: fmt.Sprintf("+33%09d", i), Direction: "both"}
		if i%2 == 0 {
			e = store.ListEntry{Kind: "pattern", Value: fmt.Sprintf("+39%06d*", i), Direction: "both"}
		}
		entries = append(entries, e)
	}
	_, err = st.ListEntries().Add(ctx, now, "test", entries...)
	must(err)
	must(s.Load(ctx))
	return NewInbound(InboundOptions{Router: New(Options{Config: Default(), Store: st, Screening: s}), Screening: s, Store: st}), s
}

// BenchmarkPermission is what deciding costs as the gateway does it: "in" screens a sender and decides whether it may start an action, "out" whether a number may
// be written to. Each number is another one than the one before.
func BenchmarkPermission(b *testing.B) {
	in, s := crowd(b)
	b.Run("in", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			k := i * 7919 % 100_000
			m := store.Message{ID: store.NewMessageID(), Direction: store.In, State: store.Received, From: number(fmt.Sprintf("+4915%09d", k)), Text: "wake", Trunk: "desk"}
			want := OutcomeRun
			if k/100%2 == 1 {
				want = OutcomeRefused
			}
			if t, err := in.decide(b.Context(), &m, true); err != nil || t.Outcome != want {
				b.Fatal(t.Outcome, t.Reason, err)
			}
		}
	})
	b.Run("out", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			v, err := s.Outgoing(context.Background(), store.DefaultProvider, "uid:0", number(fmt.Sprintf("+4915%09d", i*7919%200_000)), nil)
			if err != nil || !v.Authorized {
				b.Fatal(v, err)
			}
		}
	})
}

// BenchmarkPrepare is what is done for a message before the store accepts it, in lots of 16: screening, checks, plans, and the message itself.
func BenchmarkPrepare(b *testing.B) {
	in, _ := crowd(b)
	r := in.o.Router
	r.measure = func(string, int) (int, error) { return 1, nil }
	lot := make([]Submission, 16)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		for k := range lot {
			lot[k] = Submission{Account: "uid:1000", To: []string{fmt.Sprintf("+4915%09d", (16*i+k)*7919%200_000)}, Text: "The lamp at the door is on.", Tag: "lamp"}
		}
		screened := r.screenEach(b.Context(), lot)
		for k := range lot {
			if a, _, err := r.prepare(b.Context(), &lot[k], screened[k]); err != nil || len(a.Messages) != 1 {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(16*b.N), "ns/message")
}
