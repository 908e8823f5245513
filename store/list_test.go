package store_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"trunkline/callplan/phone"
	"trunkline/store"
)

func TestMessages(t *testing.T) {
	onEngines(t, store.Options{}, func(t *testing.T, s *store.Store) {
		var want []string
		for i := range 25 {
			accept(t, s, outgoing(t, 1, func(m *store.Message) {
				m.Text = fmt.Sprint(i)
				m.Tag = []string{"a", "b"}[i%2]
				m.Pin = []string{"", "desk", "roof"}[i%3]
				m.To = number(t, fmt.Sprintf("+49151123456%02d", i%5))
			}))
			want = append(want, fmt.Sprint(i))
		}
		receive(t, s, arrival(t, "in", "SM1", "raw", start))
		all := func(q store.Query) (got []string) {
			for range 100 {
				page, err := s.Messages(ctx, q)
				if err != nil {
					t.Fatal(err)
				}
				if len(page.Items) > q.Limit && q.Limit > 0 {
					t.Errorf("%d messages for a limit of %d", len(page.Items), q.Limit)
				}
				for _, m := range page.Items {
					got = append(got, m.Text)
				}
				if q.Cursor = page.Next; q.Cursor == "" {
					return got
				}
			}
			t.Fatal("the list does not end")
			return nil
		}
		every := func(step, offset int) (some []string) {
			for i := offset; i < 25; i += step {
				some = append(some, fmt.Sprint(i))
			}
			return some
		}
		for _, test := range []struct {
			name  string
			query store.Query
			want  []string // oldest first
		}{
			{"all", store.Query{}, append(slices.Clone(want), "in")},
			{"by sevens", store.Query{Limit: 7}, append(slices.Clone(want), "in")},
			{"one by one", store.Query{Limit: 1}, append(slices.Clone(want), "in")},
			{"out", store.Query{Direction: store.Out, Limit: 5}, want},
			{"in", store.Query{Direction: store.In}, []string{"in"}},
			{"state", store.Query{State: store.Received}, []string{"in"}},
			{"tag", store.Query{Tag: "b", Limit: 3}, every(2, 1)},
			{"trunk", store.Query{Trunk: "roof"}, every(3, 2)},
			{"number", store.Query{Number: number(t, "015112345602"), Limit: 2}, every(5, 2)},
			{"sender", store.Query{Number: number(t, "+4917099887766")}, []string{"in"}},
			{"nothing", store.Query{Number: phone.FromAddress("Bank", true)}, nil},
		} {
			got := all(test.query)
			slices.Reverse(got)
			if !slices.Equal(got, test.want) {
				t.Errorf("%s: %q, want %q", test.name, got, test.want)
			}
			test.query.Ascending = true
			if got := all(test.query); !slices.Equal(got, test.want) {
				t.Errorf("%s, ascending: %q, want %q", test.name, got, test.want)
			}
		}
	})
}

// A list that is read while messages come in shows each older one exactly once.
func TestMessagesWhileWriting(t *testing.T) {
	s, _ := open(t, store.Options{})
	for i := range 10 {
		accept(t, s, outgoing(t, 1, func(m *store.Message) { m.Text = fmt.Sprint(i) }))
	}
	var got []string
	for q := (store.Query{Limit: 3}); ; {
		page, err := s.Messages(ctx, q)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range page.Items {
			got = append(got, m.Text)
		}
		accept(t, s, outgoing(t, 1, func(m *store.Message) { m.Text = "new" }))
		if q.Cursor = page.Next; q.Cursor == "" {
			break
		}
	}
	if want := []string{"9", "8", "7", "6", "5", "4", "3", "2", "1", "0"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

func TestCursorOfAnotherQuery(t *testing.T) {
	s, _ := open(t, store.Options{})
	accept(t, s, outgoing(t, 1), outgoing(t, 1))
	page, err := s.Messages(ctx, store.Query{Limit: 1})
	if err != nil || page.Next == "" {
		t.Fatalf("%+v, %v", page, err)
	}
	for _, q := range []store.Query{
		{Cursor: page.Next, Ascending: true}, {Cursor: page.Next, Tag: "x"}, {Cursor: page.Next, State: store.Sent}, {Cursor: page.Next, Direction: store.In},
		{Cursor: page.Next, Trunk: "desk"}, {Cursor: page.Next, Number: number(t, "1")}, {Cursor: page.Next[1:]}, {Cursor: page.Next + "A"}, {Cursor: "%"}, {Cursor: "AQ"},
	} {
		if _, err := s.Messages(ctx, q); !errors.Is(err, store.ErrCursor) {
			t.Errorf("%+v: %v", q, err)
		}
	}
	if _, err := s.Messages(ctx, store.Query{Cursor: page.Next, Limit: 20}); err != nil {
		t.Errorf("another limit: %v", err)
	}
}

func FuzzCursor(f *testing.F) {
	s, _ := open(f, store.Options{})
	accept(f, s, outgoing(f, 1), outgoing(f, 1))
	page, err := s.Messages(ctx, store.Query{Limit: 1})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(page.Next)
	f.Add("")
	f.Fuzz(func(t *testing.T, cursor string) {
		got, err := s.Messages(ctx, store.Query{Cursor: cursor})
		if err != nil && !errors.Is(err, store.ErrCursor) || err != nil && len(got.Items) > 0 {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

func TestFeed(t *testing.T) {
	onEngines(t, store.Options{}, func(t *testing.T, s *store.Store) {
		changed := s.Changed()
		if err := s.Append(ctx, store.Event{Type: "modem.up", At: start, Trunk: "desk", Reference: -1, Text: "ready"}); err != nil {
			t.Fatal(err)
		}
		select {
		case <-changed:
		default:
			t.Error("the commit of an event was not announced")
		}
		changed = s.Changed()
		accept(t, s, outgoing(t, 1))
		<-changed
		changed = s.Changed()
		if _, err := s.Cancel(ctx, store.NewMessageID(), start); err == nil {
			t.Error("canceled what is not there")
		}
		select {
		case <-changed:
			t.Error("announced though nothing was written")
		default:
		}
		events, err := s.Events(ctx, 0, 1)
		if want := (store.Event{Seq: 1, Type: "modem.up", At: start, Trunk: "desk", Reference: -1, Text: "ready"}); err != nil || len(events) != 1 || events[0] != want {
			t.Errorf("%+v, %v", events, err)
		}
		if events, err = s.Events(ctx, 1, 10); err != nil || len(events) != 1 || events[0].Seq != 2 || events[0].Type != "message.waiting" {
			t.Errorf("%+v, %v", events, err)
		}
		for _, after := range []uint64{2, 3, 1<<64 - 1} {
			if events, err = s.Events(ctx, after, 10); err != nil || len(events) != 0 {
				t.Errorf("after %d: %+v, %v", after, events, err)
			}
		}
		if last, err := s.LastEvent(ctx); err != nil || last != 2 {
			t.Errorf("last %d, %v", last, err)
		}
	})
}

func TestTidy(t *testing.T) {
	onEngines(t, store.Options{}, func(t *testing.T, s *store.Store) {
		tidy := func(at time.Time) (rounds int) {
			for more := true; more; rounds++ {
				var err error
				if more, err = s.Tidy(ctx, at); err != nil {
					t.Fatal(err)
				}
			}
			return rounds
		}
		var expiring []store.Message
		for i := range 300 {
			expiring = append(expiring, outgoing(t, 1, func(m *store.Message) { m.ExpiresAt = start.Add(time.Duration(i) * time.Second) }))
		}
		accept(t, s, expiring...)
		keeps := outgoing(t, 1)
		if _, err := s.Accept(ctx, store.Acceptance{Messages: []store.Message{keeps}, Key: &store.Key{Key: "k", At: start}}); err != nil {
			t.Fatal(err)
		}
		if rounds := tidy(start.Add(99 * time.Second)); rounds != 1 {
			t.Errorf("%d rounds", rounds)
		}
		if counts, err := s.Counts(ctx); err != nil || counts[store.Waiting] != 201 {
			t.Errorf("%v, %v", counts, err)
		}
		if rounds := tidy(start.Add(time.Hour)); rounds != 2 {
			t.Errorf("%d rounds", rounds)
		}
		if counts, err := s.Counts(ctx); err != nil || counts[store.Waiting] != 1 {
			t.Errorf("%v, %v", counts, err)
		}
		check(t, s)
		tidy(start.Add(60 * 24 * time.Hour))
		report, err := s.Check(ctx, func(d store.Damage) { t.Errorf("%v", &d) })
		if err != nil {
			t.Fatal(err)
		}
		for table, want := range map[store.Table]int{"keys": 0, "deadlines": 0, "queue": 1, "messages": 301, "events": 1} {
			if got := report.Records[table]; got != want {
				t.Errorf("%d in table %s, want %d", got, table, want)
			}
		}
		// The numbers of events go on.
		if err := s.Append(ctx, store.Event{Type: "x", Reference: -1}); err != nil {
			t.Fatal(err)
		}
		first, err1 := s.FirstEvent(ctx)
		last, err2 := s.LastEvent(ctx)
		if err := errors.Join(err1, err2); err != nil || first != 601 || last != 602 {
			t.Errorf("from %d to %d, %v", first, last, err)
		}
	})
}
