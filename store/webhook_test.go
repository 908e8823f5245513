package store_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"trunkline/store"
)

// hook adds an endpoint.
func hook(t testing.TB, s *store.Store) store.Webhook {
	t.Helper()
	w := store.Webhook{ID: store.NewWebhookID(), URL: "https://example.com/hook", CreatedAt: start, UpdatedAt: start,
		Secrets: []store.WebhookSecret{{Key: []byte("0123456789abcdef01234567"), CreatedAt: start}}}
	if err := s.AddWebhook(ctx, w, "uid:0"); err != nil {
		t.Fatal(err)
	}
	return w
}

// happen writes an event about a message, the zero id for none, and returns it.
func happen(t testing.TB, s *store.Store, id store.MessageID) store.Event {
	t.Helper()
	if err := s.Append(ctx, store.Event{Type: "x.y", At: start, Message: id, Reference: -1, Trunk: "desk"}); err != nil {
		t.Fatal(err)
	}
	last, err := s.LastEvent(ctx)
	if err != nil {
		t.Fatal(err)
	}
	events, err := s.Events(ctx, last-1, 1)
	if err != nil || len(events) != 1 {
		t.Fatal(events, err)
	}
	return events[0]
}

// settle stores the outcome of a try at a number of minutes after the start; a retry is due a minute later.
func settleDelivery(t testing.TB, s *store.Store, id store.WebhookID, e store.Event, minute int, state store.DeliveryState) {
	t.Helper()
	at := start.Add(time.Duration(minute) * time.Minute)
	o := store.DeliveryOutcome{Webhook: id, Event: e, State: state, Try: store.DeliveryTry{At: at, Took: time.Second, Status: 200}}
	if state != store.Arrived {
		o.Try.Status, o.Try.Error = 500, "the answer is 500"
	}
	if state == store.Pending {
		o.RetryAt = at.Add(time.Minute)
	}
	if err := s.SettleDelivery(ctx, o); err != nil {
		t.Fatal(err)
	}
}

// due returns the numbers of the events that are due at a minute.
func due(t testing.TB, s *store.Store, id store.WebhookID, minute int) (seqs []uint64) {
	t.Helper()
	all, _, err := s.DueDeliveries(ctx, id, start.Add(time.Duration(minute)*time.Minute), 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range all {
		seqs = append(seqs, d.Event.Seq)
	}
	return seqs
}

func TestWebhookLife(t *testing.T) {
	onEngines(t, store.Options{}, func(t *testing.T, s *store.Store) {
		happen(t, s, store.MessageID{})
		w := hook(t, s)
		if c, err := s.WebhookCursor(ctx, w.ID); err != nil || c.Position != 1 {
			t.Errorf("a new endpoint begins at %d, %v", c.Position, err)
		}
		later := start.Add(time.Hour)
		changed, err := s.EditWebhook(ctx, w.ID, later, "uid:0", func(w *store.Webhook) error { w.Description = "new"; return nil })
		if err != nil || changed.Description != "new" || !changed.UpdatedAt.Equal(later) {
			t.Errorf("%+v, %v", changed, err)
		}
		boom := errors.New("boom")
		if _, err := s.EditWebhook(ctx, w.ID, later, "uid:0", func(w *store.Webhook) error { w.URL = ""; return boom }); !errors.Is(err, boom) {
			t.Error(err)
		}
		if got, err := s.PauseWebhook(ctx, w.ID, store.Pause{Code: store.PauseAsked, At: later}); err != nil || got.Active() {
			t.Errorf("%+v, %v", got, err)
		}
		happen(t, s, store.MessageID{})
		if got, err := s.ResumeWebhook(ctx, w.ID, false, later, "uid:0"); err != nil || !got.Active() {
			t.Errorf("%+v, %v", got, err)
		}
		if c, _ := s.WebhookCursor(ctx, w.ID); c.Position != 1 {
			t.Errorf("resumed at %d", c.Position)
		}
		if _, err := s.ResumeWebhook(ctx, w.ID, true, later, "uid:0"); err != nil {
			t.Error(err)
		}
		last, _ := s.LastEvent(ctx)
		if c, _ := s.WebhookCursor(ctx, w.ID); c.Position != last-1 { // the event of resuming is behind it
			t.Errorf("skipped to %d of %d", c.Position, last)
		}
		if err := s.PurgeWebhook(ctx, w.ID, later, "uid:0"); !errors.Is(err, store.ErrNotArchived) {
			t.Errorf("purge of an active one: %v", err)
		}
		for range 2 {
			if got, err := s.ArchiveWebhook(ctx, w.ID, later, "uid:0"); err != nil || got.ArchivedAt.IsZero() {
				t.Errorf("%+v, %v", got, err)
			}
		}
		for name, err := range map[string]error{
			"edit":   second(s.EditWebhook(ctx, w.ID, later, "x", func(*store.Webhook) error { return nil })),
			"pause":  second(s.PauseWebhook(ctx, w.ID, store.Pause{Code: store.PauseAsked, At: later})),
			"resume": second(s.ResumeWebhook(ctx, w.ID, false, later, "x")),
			"rewind": second(s.RewindWebhook(ctx, w.ID, 0, later, "x")),
			"replay": second(s.ReplayDelivery(ctx, w.ID, 1, later)),
		} {
			if !errors.Is(err, store.ErrArchived) {
				t.Errorf("%s of an archived one: %v", name, err)
			}
		}
		if got, err := s.RestoreWebhook(ctx, w.ID, later, "uid:0"); err != nil || got.Pause == nil || !got.ArchivedAt.IsZero() {
			t.Errorf("%+v, %v", got, err)
		}
		if _, err := s.ArchiveWebhook(ctx, w.ID, later, "uid:0"); err != nil {
			t.Error(err)
		}
		if err := s.PurgeWebhook(ctx, w.ID, later, "uid:0"); err != nil {
			t.Error(err)
		}
		if _, err := s.Webhook(ctx, w.ID); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("purged: %v", err)
		}
		var got []string
		for _, name := range types(t, s) {
			if strings.HasPrefix(name, "webhook.") {
				got = append(got, strings.TrimPrefix(name, "webhook."))
			}
		}
		if want := strings.Fields("added changed paused resumed resumed archived restored archived purged"); !slices.Equal(got, want) {
			t.Errorf("events %q, want %q", got, want)
		}
	})
}

func second[T any](_ T, err error) error { return err }

func TestTooManyWebhooks(t *testing.T) {
	s, _ := open(t, store.Options{})
	for range store.MaxWebhooks {
		hook(t, s)
	}
	w := store.Webhook{ID: store.NewWebhookID(), URL: "https://example.com", CreatedAt: start, Secrets: []store.WebhookSecret{{Key: []byte("k")}}}
	if err := s.AddWebhook(ctx, w, "uid:0"); !errors.Is(err, store.ErrTooMany) {
		t.Error(err)
	}
	if err := s.AddWebhook(ctx, store.Webhook{}, "uid:0"); !errors.Is(err, store.ErrInvalid) {
		t.Error(err)
	}
}

// Secrets print masked however they are printed.
func TestSecretIsMasked(t *testing.T) {
	w := store.Webhook{Secrets: []store.WebhookSecret{{Key: []byte("canary-canary-canary-24x"), CreatedAt: start}}}
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		if got := fmt.Sprintf(format, w); strings.Contains(got, "canary") || strings.Contains(got, "63616e") || strings.Contains(got, "99 97 110") || strings.Contains(got, "0x63, 0x61") {
			t.Errorf("%s prints %s", format, got)
		}
	}
}

// Of each message, the deliveries go in order: the next one only when the one before is delivered or given up.
func TestDeliveriesOfOneMessageInOrder(t *testing.T) {
	onEngines(t, store.Options{}, func(t *testing.T, s *store.Store) {
		w := hook(t, s)
		m, other := store.NewMessageID(), store.NewMessageID()
		var e [4]store.Event
		for i := range e {
			e[i] = happen(t, s, m)
		}
		o := happen(t, s, other)
		settleDelivery(t, s, w.ID, e[0], 0, store.Pending)
		for i := 1; i < 4; i++ {
			if held, err := s.HoldDelivery(ctx, w.ID, e[i], start); err != nil || !held {
				t.Fatalf("event %d: held %v, %v", i, held, err)
			}
		}
		if held, err := s.HoldDelivery(ctx, w.ID, o, start); err != nil || held {
			t.Errorf("another message: held %v, %v", held, err)
		}
		check(t, s)
		expect := func(minute int, want ...uint64) {
			t.Helper()
			if got := due(t, s, w.ID, minute); !slices.Equal(got, want) {
				t.Errorf("due at minute %d: %d, want %d", minute, got, want)
			}
			check(t, s)
		}
		expect(0)
		expect(1, e[0].Seq)
		settleDelivery(t, s, w.ID, e[0], 1, store.Arrived)
		expect(2, e[1].Seq)
		settleDelivery(t, s, w.ID, e[1], 2, store.DeadEnded)
		expect(3, e[2].Seq)
		settleDelivery(t, s, w.ID, e[2], 3, store.Pending)
		expect(3)
		// A replay of an earlier one goes first again.
		if _, err := s.ReplayDelivery(ctx, w.ID, e[0].Seq, start.Add(5*time.Minute)); err != nil {
			t.Fatal(err)
		}
		expect(5, e[0].Seq)
		if n, err := s.ReplayDead(ctx, w.ID, start.Add(6*time.Minute)); err != nil || n != 1 {
			t.Errorf("%d dead, %v", n, err)
		}
		expect(6, e[0].Seq)
		for i := range e {
			expect(8, e[i].Seq)
			settleDelivery(t, s, w.ID, e[i], 7, store.Arrived)
		}
		expect(100)
		if n, err := s.PendingDeliveries(ctx, w.ID); err != nil || n != 0 {
			t.Errorf("%d pending, %v", n, err)
		}
		// An event that was never tried can be asked for too, one that is not kept cannot.
		if d, err := s.ReplayDelivery(ctx, w.ID, o.Seq, start.Add(8*time.Minute)); err != nil || d.State != store.Pending || d.Event != o {
			t.Errorf("%+v, %v", d, err)
		}
		if _, err := s.ReplayDelivery(ctx, w.ID, 10_000, start); !errors.Is(err, store.ErrNotFound) {
			t.Error(err)
		}
	})
}

// The record of a delivery keeps its last tries, since when its endpoint fails, and what follows when it is given up.
func TestSettleDelivery(t *testing.T) {
	s, _ := open(t, store.Options{})
	w := hook(t, s)
	e := happen(t, s, store.NewMessageID())
	for i := range store.MaxTries + 3 {
		settleDelivery(t, s, w.ID, e, i, store.Pending)
	}
	d, err := s.Delivery(ctx, w.ID, e.Seq)
	if err != nil || d.Tries != store.MaxTries+3 || len(d.Log) != store.MaxTries || !d.Log[0].At.Equal(start.Add(3*time.Minute)) || !d.CreatedAt.Equal(start) || d.Event != e {
		t.Errorf("%+v, %v", d, err)
	}
	if c, err := s.WebhookCursor(ctx, w.ID); err != nil || !c.FailingSince.Equal(start) {
		t.Errorf("failing since %s, %v", c.FailingSince, err)
	}
	settleDelivery(t, s, w.ID, e, 60, store.DeadEnded)
	names := types(t, s)
	if names[len(names)-1] != "webhook.dead" {
		t.Errorf("events %q", names)
	}
	all, err := s.Events(ctx, uint64(len(names)-1), 1)
	if err != nil || all[0].Code != w.ID.String() || all[0].Message != e.Message {
		t.Errorf("%+v, %v", all, err)
	}
	settleDelivery(t, s, w.ID, all[0], 60, store.DeadEnded)
	if got := types(t, s); len(got) != len(names) {
		t.Errorf("news that died made news: %q", got)
	}
	settleDelivery(t, s, w.ID, e, 90, store.Arrived)
	d, err = s.Delivery(ctx, w.ID, e.Seq)
	if err != nil || d.State != store.Arrived || !d.CreatedAt.Equal(start.Add(90*time.Minute)) || !d.SettledAt.Equal(start.Add(90*time.Minute+time.Second)) {
		t.Errorf("%+v, %v", d, err)
	}
	if c, err := s.WebhookCursor(ctx, w.ID); err != nil || !c.FailingSince.IsZero() {
		t.Errorf("failing since %s, %v", c.FailingSince, err)
	}
	check(t, s)
}

func TestHurryDeliveries(t *testing.T) {
	s, _ := open(t, store.Options{})
	w := hook(t, s)
	old, late := happen(t, s, store.NewMessageID()), happen(t, s, store.MessageID{})
	settleDelivery(t, s, w.ID, old, 0, store.Pending)
	settleDelivery(t, s, w.ID, late, 10, store.Pending)
	at := start.Add(10 * time.Minute)
	// old is due in any case; it is put off first.
	settleDelivery(t, s, w.ID, old, 9, store.Pending)
	if err := s.HurryDeliveries(ctx, w.ID, at, at); err != nil {
		t.Fatal(err)
	}
	if got := due(t, s, w.ID, 10); !slices.Equal(got, []uint64{old.Seq, late.Seq}) && !slices.Equal(got, []uint64{late.Seq, old.Seq}) {
		t.Errorf("due %d", got)
	}
	d, err := s.Delivery(ctx, w.ID, late.Seq)
	if err != nil || !d.NextAt.Equal(at) {
		t.Errorf("%s, %v", d.NextAt, err)
	}
	check(t, s)
}

// Events that an active endpoint has still to get are kept, however old; those of paused ones are not.
func TestEventsWaitForEndpoints(t *testing.T) {
	s, _ := open(t, store.Options{})
	w := hook(t, s)
	for range 300 {
		happen(t, s, store.MessageID{})
	}
	tidy := func() (first uint64) {
		t.Helper()
		for more := true; more; {
			var err error
			if more, err = s.Tidy(ctx, start.Add(1000*time.Hour)); err != nil {
				t.Fatal(err)
			}
		}
		first, err := s.FirstEvent(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return first
	}
	if first := tidy(); first != 1 {
		t.Errorf("the first event is %d", first)
	}
	if err := s.AdvanceWebhook(ctx, w.ID, 200, time.Time{}); err != nil {
		t.Fatal(err)
	}
	if first := tidy(); first != 201 {
		t.Errorf("the first event is %d", first)
	}
	if err := s.AdvanceWebhook(ctx, w.ID, 250, start); err != nil { // somebody moved it meanwhile, as it were
		t.Fatal(err)
	}
	if first := tidy(); first != 201 {
		t.Errorf("the first event is %d", first)
	}
	if _, err := s.PauseWebhook(ctx, w.ID, store.Pause{Code: store.PauseAsked, At: start.Add(1000 * time.Hour)}); err != nil {
		t.Fatal(err)
	}
	if first := tidy(); first != 302 {
		t.Errorf("the first event is %d", first)
	}
	if _, err := s.ResumeWebhook(ctx, w.ID, false, start.Add(1000*time.Hour), "uid:0"); err != nil {
		t.Fatal(err)
	}
	events, err := s.Events(ctx, 302, 1)
	if err != nil || len(events) != 1 || !strings.Contains(events[0].Text, "101 events") {
		t.Errorf("%+v, %v", events, err)
	}
}

func TestDeliveryList(t *testing.T) {
	onEngines(t, store.Options{}, func(t *testing.T, s *store.Store) {
		w, other := hook(t, s), hook(t, s)
		states := []store.DeliveryState{store.Arrived, store.Pending, store.DeadEnded}
		for i := range 9 {
			settleDelivery(t, s, w.ID, happen(t, s, store.NewMessageID()), 0, states[i%3])
		}
		settleDelivery(t, s, other.ID, happen(t, s, store.NewMessageID()), 0, store.DeadEnded)
		for _, state := range append(states, 0) {
			var seqs []uint64
			q := store.DeliveryQuery{Webhook: w.ID, State: state, Limit: 2}
			for {
				page, err := s.Deliveries(ctx, q)
				if err != nil {
					t.Fatal(err)
				}
				for _, d := range page.Items {
					if d.Webhook != w.ID || state != 0 && d.State != state {
						t.Errorf("%+v in the list of %s", d, state)
					}
					seqs = append(seqs, d.Event.Seq)
				}
				if q.Cursor = page.Next; q.Cursor == "" {
					break
				}
			}
			want := map[bool]int{true: 9, false: 3}[state == 0]
			if len(seqs) != want || !slices.IsSortedFunc(seqs, func(a, b uint64) int { return int(b) - int(a) }) {
				t.Errorf("%s: %d", state, seqs)
			}
			q.State, q.Cursor = state%3+1, "AAAA"
			if _, err := s.Deliveries(ctx, q); !errors.Is(err, store.ErrCursor) {
				t.Errorf("a strange cursor: %v", err)
			}
		}
		last, err := s.LastEvent(ctx)
		if err != nil {
			t.Fatal(err)
		}
		// The newest are: the delivery to the other endpoint, news that it was given up, and before these news that the last of ours was.
		if seq, err := s.LastDelivery(ctx, w.ID); err != nil || seq != last-3 {
			t.Errorf("the last delivery is of event %d of %d, %v", seq, last, err)
		}
	})
}

func TestEventsSince(t *testing.T) {
	s, _ := open(t, store.Options{})
	if after, err := s.EventsSince(ctx, start); err != nil || after != 0 {
		t.Errorf("%d, %v", after, err)
	}
	for i := range 50 {
		if err := s.Append(ctx, store.Event{Type: "x", At: start.Add(time.Duration(i/2) * time.Minute), Reference: -1}); err != nil {
			t.Fatal(err)
		}
	}
	for minute, want := range map[int]uint64{-1: 0, 0: 0, 1: 2, 10: 20, 24: 48, 25: 50, 99: 50} {
		if after, err := s.EventsSince(ctx, start.Add(time.Duration(minute)*time.Minute)); err != nil || after != want {
			t.Errorf("minute %d: %d, %v; want %d", minute, after, err, want)
		}
	}
}

// A damaged delivery is put aside with its index entries; what waits behind it goes.
func TestDamagedDelivery(t *testing.T) {
	s, e := open(t, store.Options{Clock: func() time.Time { return start }})
	w := hook(t, s)
	m := store.NewMessageID()
	a, b := happen(t, s, m), happen(t, s, m)
	settleDelivery(t, s, w.ID, a, 0, store.Pending)
	if held, err := s.HoldDelivery(ctx, w.ID, b, start); err != nil || !held {
		t.Fatal(held, err)
	}
	spoil(t, e, "deliveries", func(i int, _, v []byte) []byte { return map[int][]byte{0: flip(v, 100)}[i] })
	if got := due(t, s, w.ID, 1); len(got) != 0 {
		t.Errorf("due: %d", got)
	}
	if got := due(t, s, w.ID, 1000); !slices.Equal(got, []uint64{b.Seq}) {
		t.Errorf("due afterwards: %d, want %d", got, b.Seq)
	}
	check(t, s)
}

// Check sees index entries of deliveries that are missing or too many.
func TestCheckSeesDeliveries(t *testing.T) {
	for _, table := range []store.Table{"undelivered", "retries"} {
		for _, missing := range []bool{true, false} {
			s, e := open(t, store.Options{})
			w := hook(t, s)
			settleDelivery(t, s, w.ID, happen(t, s, store.NewMessageID()), 0, store.Pending)
			check(t, s)
			err := e.Update(ctx, func(tx store.Tx) error {
				var key []byte
				if err := tx.Scan(table, nil, nil, false, func(k, _ []byte) (bool, error) { key = slices.Clone(k); return true, nil }); err != nil {
					return err
				}
				if missing {
					return tx.Delete(table, key)
				}
				key[17] ^= 1
				return tx.Put(table, key, nil)
			})
			if err != nil {
				t.Fatal(err)
			}
			found := 0
			if _, err := s.Check(ctx, func(store.Damage) { found++ }); err != nil || found == 0 {
				t.Errorf("%s, missing %v: found %d, %v", table, missing, found, err)
			}
		}
	}
}

// Purging works in slices and leaves nothing.
func TestPurgeWebhook(t *testing.T) {
	s, _ := open(t, store.Options{})
	w, other := hook(t, s), hook(t, s)
	for range 600 {
		e := happen(t, s, store.NewMessageID())
		settleDelivery(t, s, w.ID, e, 0, store.Pending)
		settleDelivery(t, s, other.ID, e, 0, store.Arrived)
	}
	if _, err := s.ArchiveWebhook(ctx, w.ID, start, "uid:0"); err != nil {
		t.Fatal(err)
	}
	if err := s.PurgeWebhook(ctx, w.ID, start, "uid:0"); err != nil {
		t.Fatal(err)
	}
	report, err := s.Check(ctx, func(d store.Damage) { t.Error(&d) })
	if err != nil || report.Records["deliveries"] != 600 || report.Records["undelivered"]+report.Records["retries"] != 0 || report.Records["webhooks"] != 1 || report.Records["cursors"] != 1 {
		t.Errorf("%+v, %v", report, err)
	}
}
