package jobs

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"trunkline/store"
	"trunkline/store/memory"
)

// An endpoint gets what happens after it was made, of the types that it wants, and nothing about itself.
func TestWhatAnEndpointGets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, other := newReceiver(t, nil), newReceiver(t, nil)
		b := start(t, nil, map[string]*receiver{"a": r, "b": other})
		b.happen(store.MessageID{})
		a, _ := b.add("a")
		b.add("b", "webhook.*")
		seq := b.happen(store.MessageID{})
		time.Sleep(time.Second)
		if _, err := b.hooks.Edit(ctx, a, func(s *WebhookSpec) { s.Types = []string{"message.*"} }, "uid:0"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		last := b.happen(store.MessageID{})
		time.Sleep(time.Second)
		kinds := func(r *receiver) (all []string) {
			for _, g := range r.requests() {
				all = append(all, g.kind)
			}
			slices.Sort(all)
			return all
		}
		if got := kinds(r); !slices.Equal(got, []string{"message.test", "message.test", "webhook.added"}) { // that of b
			t.Errorf("a got %q", got)
		}
		if got := kinds(other); !slices.Equal(got, []string{"webhook.changed"}) {
			t.Errorf("b got %q", got)
		}
		whole(t, []uint64{seq, last}, r.taken())
	})
}

// Everything since a time, one event, what was given up, and nothing of what happened during a pause.
func TestReplay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReceiver(t, nil)
		b := start(t, nil, map[string]*receiver{"a": r})
		before := b.happen(store.MessageID{})
		id, secret := b.add("a", "message.*")
		var want []uint64
		for range 300 {
			want = append(want, b.happen(store.NewMessageID()))
			time.Sleep(time.Second)
		}
		time.Sleep(2 * time.Second)
		expect := func(what string, seqs ...uint64) {
			t.Helper()
			time.Sleep(5 * time.Second)
			got := r.taken()
			slices.Sort(got)
			if !slices.Equal(got, seqs) {
				t.Errorf("%s: got %d, want %d", what, got, seqs)
			}
			ordered(t, secret, r.requests())
			r.mu.Lock()
			r.all = nil
			r.mu.Unlock()
		}
		expect("at first", want...)
		if _, err := b.hooks.ReplaySince(ctx, id, time.Now().Add(-57*time.Second), "uid:0"); err != nil {
			t.Fatal(err)
		}
		expect("since 50 events ago", want[250:]...)
		if d := b.delivery(id, want[299]); d.Tries != 2 || d.State != store.Arrived {
			t.Errorf("%+v", d)
		}
		if _, err := b.hooks.ReplaySince(ctx, id, time.Now().Add(time.Hour), "uid:0"); err != nil {
			t.Fatal(err)
		}
		expect("since a time to come")
		// The cursor in the store is a moment behind the endpoint: a replay at once is exact all the same.
		fresh := []uint64{b.happen(store.NewMessageID()), b.happen(store.NewMessageID())}
		time.Sleep(10 * time.Millisecond)
		middle := time.Now()
		more := b.happen(store.NewMessageID())
		time.Sleep(10 * time.Millisecond)
		if _, err := b.hooks.ReplaySince(ctx, id, middle, "uid:0"); err != nil {
			t.Fatal(err)
		}
		expect("at once", fresh[0], fresh[1], more, more)
		want = append(want, fresh[0], fresh[1], more)
		if _, err := b.hooks.Replay(ctx, id, want[7]); err != nil {
			t.Fatal(err)
		}
		expect("one", want[7])
		if _, err := b.hooks.Replay(ctx, id, before); err != nil {
			t.Fatal(err)
		}
		expect("one from before its time", before)
		if _, err := b.hooks.Replay(ctx, id, 1_000_000); !errors.Is(err, store.ErrNotFound) {
			t.Error(err)
		}
		if _, err := b.hooks.Pause(ctx, id, "uid:0"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		missed := b.happen(store.NewMessageID())
		expect("while paused")
		if _, err := b.hooks.Resume(ctx, id, true, "uid:0"); err != nil {
			t.Fatal(err)
		}
		next := b.happen(store.NewMessageID())
		expect("after what was skipped", next)
		if _, err := b.hooks.Pause(ctx, id, "uid:0"); err != nil {
			t.Fatal(err)
		}
		late := b.happen(store.NewMessageID())
		if _, err := b.hooks.Resume(ctx, id, false, "uid:0"); err != nil {
			t.Fatal(err)
		}
		expect("after what was not", late)
		if _, err := b.hooks.ReplaySince(ctx, id, time.Time{}, "uid:0"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Second)
		expect("all that is kept", slices.Concat([]uint64{before}, want, []uint64{missed, next, late})...)
	})
}

// Archived, an endpoint gets nothing; restored, it is paused; purged, it and its deliveries are gone, also from under a request.
func TestArchiveAndPurge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := time.Duration(0)
		r := newReceiver(t, func(*got, http.ResponseWriter) int { time.Sleep(slow); return 200 })
		b := start(t, nil, map[string]*receiver{"a": r})
		id, _ := b.add("a", "message.*")
		b.happen(store.NewMessageID())
		time.Sleep(time.Second)
		if err := b.hooks.Purge(ctx, id, "uid:0"); !errors.Is(err, store.ErrNotArchived) {
			t.Error(err)
		}
		slow = 5 * time.Second
		b.happen(store.NewMessageID())
		time.Sleep(time.Second)
		if _, err := b.hooks.Archive(ctx, id, "uid:0"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		b.happen(store.NewMessageID())
		if h, err := b.hooks.Restore(ctx, id, "uid:0"); err != nil || h.Pause == nil {
			t.Errorf("%+v, %v", h, err)
		}
		if _, err := b.hooks.Test(ctx, id); err != nil {
			t.Error(err)
		}
		if _, err := b.hooks.Archive(ctx, id, "uid:0"); err != nil {
			t.Fatal(err)
		}
		if _, err := b.hooks.Test(ctx, id); !errors.Is(err, store.ErrArchived) {
			t.Error(err)
		}
		if err := b.hooks.Purge(ctx, id, "uid:0"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if n := len(r.requests()); n != 3 { // two events and a test
			t.Errorf("%d requests", n)
		}
		if strings.Contains(b.log.String(), "could not be stored") {
			t.Errorf("log:\n%s", b.log)
		}
	})
}

// A new secret is used at once beside the old one, and alone when the time of that is over.
func TestRotate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReceiver(t, nil)
		b := start(t, nil, map[string]*receiver{"a": r})
		id, first := b.add("a", "message.*")
		_, second, err := b.hooks.Rotate(ctx, id, time.Hour, "uid:0")
		if err != nil || first == second {
			t.Fatal(err)
		}
		_, _, err = b.hooks.Rotate(ctx, id, MaxOverlap+1, "uid:0")
		var invalid *InvalidError
		if !errors.As(err, &invalid) {
			t.Error(err)
		}
		check := func(wants ...string) {
			t.Helper()
			time.Sleep(time.Second)
			b.happen(store.NewMessageID())
			time.Sleep(time.Second)
			all := r.requests()
			g := all[len(all)-1]
			signatures := g.header.Get("webhook-signature")
			if n := len(strings.Fields(signatures)); n != len(wants) {
				t.Errorf("%d signatures, want %d", n, len(wants))
			}
			for _, secret := range wants {
				if !verify(secret, g.id, g.header.Get("webhook-timestamp"), signatures, g.body, g.stamp(t), g.at) {
					t.Errorf("%s does not verify", secret)
				}
			}
		}
		check(first, second)
		time.Sleep(time.Hour)
		check(second)
		_, third, err := b.hooks.Rotate(ctx, id, time.Hour, "uid:0")
		if err != nil {
			t.Fatal(err)
		}
		check(second, third)
		_, fourth, err := b.hooks.Rotate(ctx, id, time.Hour, "uid:0") // never more than two
		if err != nil {
			t.Fatal(err)
		}
		check(third, fourth)
		_, fifth, err := b.hooks.Rotate(ctx, id, 0, "uid:0")
		if err != nil {
			t.Fatal(err)
		}
		check(fifth)
		for _, secret := range []string{first, second, third, fourth, fifth} {
			if strings.Contains(b.log.String(), secret) {
				t.Error("a secret is in the log")
			}
		}
	})
}

// Killed at any commit, the next run goes on: every event arrives at least once, those of a message in order, and hardly one comes twice.
func TestCrash(t *testing.T) {
	total := 0
	for n := 0; n <= total; n += 1 + n/40 {
		for _, moment := range []memory.Moment{memory.AtCommit, memory.AfterCommit} {
			synctest.Test(t, func(t *testing.T) {
				m, other := store.NewMessageID(), store.NewMessageID()
				refused := map[uint64]bool{}
				answer := func(g *got, _ http.ResponseWriter) int {
					if g.message == m.String() && !refused[g.seq] { // everything about m is refused once
						refused[g.seq] = true
						return 500
					}
					return 200
				}
				r := newReceiver(t, answer)
				b := start(t, nil, map[string]*receiver{"a": r})
				_, secret := b.add("a", "message.*")
				if _, err := b.hooks.Pause(ctx, b.hooked(), "uid:0"); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Second)
				want := []uint64{b.happen(m), b.happen(other), b.happen(m), b.happen(store.MessageID{})}
				if _, err := b.hooks.Resume(ctx, b.hooked(), false, "uid:0"); err != nil {
					t.Fatal(err)
				}
				if n > 0 {
					b.engine.FailAt(b.engine.Operations()+n, moment, moment == memory.AfterCommit, errors.New("power cut"))
				}
				before := b.engine.Operations()
				time.Sleep(30 * time.Minute)
				if n == 0 {
					total = b.engine.Operations() - before
				}
				snapshot := b.engine.Snapshot()
				b.quit()
				seen := r.requests()
				r = newReceiver(t, answer)
				start(t, memory.Restore(snapshot), map[string]*receiver{"a": r})
				time.Sleep(30 * time.Minute)
				all := append(seen, r.requests()...)
				var taken []uint64
				for _, g := range all {
					if g.status == 200 {
						taken = append(taken, g.seq)
					}
				}
				whole(t, want, taken)
				ordered(t, secret, all)
				if len(taken) > len(want)+3 { // three are about different things, so that they may be under way at once
					t.Errorf("crash at %d (%d): %d deliveries of %d events", n, moment, len(taken), len(want))
				}
			})
		}
	}
	if total < 20 { // what happens at once shares a commit, so how many there are differs
		t.Errorf("only %d operations to crash at", total)
	}
}

// hooked returns the id of the only endpoint.
func (b *bench) hooked() store.WebhookID {
	all, err := b.store.Webhooks(ctx)
	if err != nil || len(all) != 1 {
		b.t.Fatal(all, err)
	}
	return all[0].ID
}
