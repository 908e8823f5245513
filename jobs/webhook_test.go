package jobs

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"trunkline/store"
	"trunkline/store/memory"
)

var ctx = context.Background()

// ordered checks what is promised about the requests of one receiver: of each message one at a time, no event taken before an earlier one of its message,
// one id for each event, and signatures that verify.
func ordered(t *testing.T, secret string, all []got) {
	t.Helper()
	newest, ids, owner := map[string]uint64{}, map[uint64]string{}, map[string]uint64{}
	for _, g := range all {
		if g.overlapping {
			t.Errorf("event %d: another one of message %s was under way", g.seq, g.message)
		}
		if old, ok := ids[g.seq]; ok && old != g.id {
			t.Errorf("event %d has ids %s and %s", g.seq, old, g.id)
		}
		if old, ok := owner[g.id]; ok && old != g.seq {
			t.Errorf("id %s is that of events %d and %d", g.id, old, g.seq)
		}
		ids[g.seq], owner[g.id] = g.id, g.seq
		if g.message != "" && g.status/100 == 2 {
			if g.seq < newest[g.message] {
				t.Errorf("event %d of message %s came after event %d", g.seq, g.message, newest[g.message])
			}
			newest[g.message] = g.seq
		}
		if !verify(secret, g.id, g.header.Get("webhook-timestamp"), g.header.Get("webhook-signature"), g.body, g.stamp(t), g.at) {
			t.Errorf("the signature of event %d does not verify", g.seq)
		}
	}
}

// whole checks that every event was taken.
func whole(t *testing.T, want, taken []uint64) {
	t.Helper()
	for _, seq := range want {
		if !slices.Contains(taken, seq) {
			t.Errorf("event %d was not delivered", seq)
		}
	}
}

// With an endpoint that refuses a third of everything, but no event more than five times, each event arrives, those of a message in order.
func TestDeliveries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		tries := map[uint64]int{}
		r := newReceiver(t, func(g *got, _ http.ResponseWriter) int {
			time.Sleep(rand.N(2 * time.Second))
			mu.Lock()
			defer mu.Unlock()
			if tries[g.seq]++; tries[g.seq] <= 5 && rand.N(3) == 0 {
				return []int{400, 404, 500, 503, 301, 204, 418}[rand.N(7)]
			}
			return 200
		})
		b := start(t, nil, map[string]*receiver{"a": r})
		_, secret := b.add("a", "message.*")
		var want []uint64
		for range 40 {
			m := store.NewMessageID()
			for range 1 + rand.N(5) {
				want = append(want, b.happen(m))
				time.Sleep(rand.N(300 * time.Millisecond))
			}
			want = append(want, b.happen(store.MessageID{}))
		}
		time.Sleep(72 * time.Hour)
		b.stop()
		whole(t, want, r.taken())
		ordered(t, secret, r.requests())
		if n := len(r.requests()); n <= len(want) {
			t.Errorf("%d requests for %d events: nothing was refused", n, len(want))
		}
	})
}

// An event that is refused for ever is tried on its schedule for three days and then given up. Another endpoint, and other messages, do not notice.
func TestScheduleAndDeadLetter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bad, good := store.NewMessageID(), store.NewMessageID()
		a := newReceiver(t, func(g *got, _ http.ResponseWriter) int {
			if g.message == bad.String() {
				return 500
			}
			return 200
		})
		other := newReceiver(t, nil)
		b := start(t, nil, map[string]*receiver{"a": a, "b": other})
		id, _ := b.add("a", "message.*")
		b.add("b", "message.*", "webhook.dead")
		synctest.Wait()
		began := time.Now()
		first := b.happen(bad)
		second, third := b.happen(bad), b.happen(good)
		time.Sleep(time.Second)
		if got := a.taken(); !slices.Equal(got, []uint64{third}) {
			t.Errorf("taken %d", got)
		}
		whole(t, []uint64{first, second, third}, other.taken())
		time.Sleep(80 * time.Hour)
		var at []time.Duration
		for _, g := range a.requests() {
			if g.seq == first {
				at = append(at, g.at.Sub(began))
			}
		}
		if len(at) < len(delays)+2 || len(at) > len(delays)+3 || at[len(at)-1] != 72*time.Hour {
			t.Errorf("%d tries at %s", len(at), at)
		}
		for i := 1; i < len(at)-1; i++ {
			want := delays[min(i, len(delays))-1]
			if d := at[i] - at[i-1]; d < want*9/10 || d > want*11/10 {
				t.Errorf("pause %d is %s, want about %s", i, d, want)
			}
		}
		d := b.delivery(id, first)
		if d.State != store.DeadEnded || d.Tries != len(at) || d.Log[0].Status != 500 || string(d.Log[0].Answer) != fmt.Sprintf("answer to %d", first) || !strings.Contains(d.Log[0].Error, "500") {
			t.Errorf("%+v", d)
		}
		// The one behind it had waited as long: it got one try, and is given up too.
		if d := b.delivery(id, second); d.State != store.DeadEnded || d.Tries != 1 {
			t.Errorf("%+v", d)
		}
		dead := b.events("webhook.dead")
		if len(dead) != 2 || dead[0].Code != id.String() || dead[0].Message != bad {
			t.Fatalf("%+v", dead)
		}
		whole(t, []uint64{dead[0].Seq, dead[1].Seq}, other.taken())
		// Replayed, it arrives.
		a.answer = nil
		if n, err := b.hooks.ReplayDead(ctx, id); err != nil || n != 2 {
			t.Errorf("%d, %v", n, err)
		}
		time.Sleep(time.Second)
		if got := a.taken(); !slices.Equal(got, []uint64{third, first, second}) {
			t.Errorf("taken %d", got)
		}
		b.stop()
	})
}

// While an endpoint is away, what happens waits in the feed; soon after it is back it has everything, although single pauses had grown to hours.
func TestOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReceiver(t, nil)
		b := start(t, nil, map[string]*receiver{"a": r})
		id, secret := b.add("a", "message.*")
		synctest.Wait()
		r.refuse(true)
		var want []uint64
		for range 6 * 60 {
			m := store.NewMessageID()
			want = append(want, b.happen(m), b.happen(m))
			time.Sleep(time.Minute)
		}
		if n, err := b.store.PendingDeliveries(ctx, id); err != nil || n > 150 {
			t.Errorf("%d of %d events became deliveries while the endpoint was away, %v", n, len(want), err)
		}
		c, err := b.store.WebhookCursor(ctx, id)
		if err != nil || c.FailingSince.IsZero() {
			t.Errorf("%+v, %v", c, err)
		}
		r.refuse(false)
		time.Sleep(maxProbe * 5 / 4)
		whole(t, want, r.taken())
		ordered(t, secret, r.requests())
		time.Sleep(2 * time.Second)
		if c, err := b.store.WebhookCursor(ctx, id); err != nil || !c.FailingSince.IsZero() || c.Position < want[len(want)-1] {
			t.Errorf("%+v, %v; the last event is %d", c, err, want[len(want)-1])
		}
		b.stop()
	})
}

// 410 pauses the endpoint, and the event says so; resumed, it gets everything since.
func TestGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gone := true
		r := newReceiver(t, func(*got, http.ResponseWriter) int {
			if gone {
				return 410
			}
			return 200
		})
		b := start(t, nil, map[string]*receiver{"a": r})
		id, secret := b.add("a", "message.*")
		synctest.Wait()
		m := store.NewMessageID()
		want := []uint64{b.happen(m)}
		time.Sleep(time.Second)
		want = append(want, b.happen(m), b.happen(store.NewMessageID()))
		time.Sleep(200 * time.Hour)
		if n := len(r.requests()); n != 1 {
			t.Errorf("%d requests to an endpoint that wants no more", n)
		}
		if h := b.hook(id); h.Pause == nil || h.Pause.Code != store.PauseGone {
			t.Errorf("%+v", h)
		}
		if e := b.events("webhook.paused"); len(e) != 1 || e[0].Code != id.String() {
			t.Errorf("%+v", e)
		}
		gone = false
		if _, err := b.hooks.Resume(ctx, id, false, "uid:0"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		whole(t, want, r.taken())
		ordered(t, secret, r.requests())
		b.stop()
	})
}

// An endpoint that fails for days is paused.
func TestPausedAfterDays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReceiver(t, func(*got, http.ResponseWriter) int { return 502 })
		b := start(t, nil, map[string]*receiver{"a": r})
		id, _ := b.add("a", "message.*")
		for range 6 * 24 {
			b.happen(store.NewMessageID())
			time.Sleep(time.Hour)
		}
		h := b.hook(id)
		if h.Pause == nil || h.Pause.Code != store.PauseFailing || !strings.Contains(h.Pause.Text, "502") {
			t.Fatalf("%+v", h.Pause)
		}
		if since := h.Pause.At.Sub(h.CreatedAt); since < 120*time.Hour || since > 122*time.Hour {
			t.Errorf("paused after %s", since)
		}
		// It goes on where it stopped.
		r.answer = nil
		if _, err := b.hooks.Resume(ctx, id, false, "uid:0"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if n, err := b.store.PendingDeliveries(ctx, id); err != nil || n > 100 {
			t.Errorf("%d pending, %v", n, err)
		}
		c, err := b.store.WebhookCursor(ctx, id)
		if last, _ := b.store.LastEvent(ctx); err != nil || c.Position != last {
			t.Errorf("at %d of %d, %v", c.Position, last, err)
		}
		b.stop()
	})
}

// An endpoint that asks for time gets it, within bounds.
func TestRetryAfter(t *testing.T) {
	for header, want := range map[string]time.Duration{"120": 2 * time.Minute, "99999999": time.Hour, "soon": 5 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			full := true
			r := newReceiver(t, func(_ *got, w http.ResponseWriter) int {
				if full {
					full = false
					w.Header().Set("Retry-After", header)
					return 429
				}
				return 200
			})
			b := start(t, nil, map[string]*receiver{"a": r})
			b.add("a", "message.*")
			synctest.Wait()
			began := time.Now()
			b.happen(store.NewMessageID())
			time.Sleep(time.Second)
			other := b.happen(store.NewMessageID())
			time.Sleep(50 * time.Hour)
			all := r.requests()
			if len(all) != 3 {
				t.Fatalf("%s: %d requests", header, len(all))
			}
			if header == "soon" {
				if d := all[1].at.Sub(began); d > 2*time.Second {
					t.Errorf("%s: the other event after %s", header, d)
				}
				return
			}
			for _, g := range all[1:] {
				d := g.at.Sub(began)
				if g.seq == other && (d < want || d > want+time.Second) {
					t.Errorf("%s: the other event after %s, want %s", header, d, want)
				}
				if d < want || d > 24*time.Hour+time.Second {
					t.Errorf("%s: event %d after %s", header, g.seq, d)
				}
			}
			b.stop()
		})
	}
}

// A time-out is a failure, and an endpoint that hangs takes nothing from another.
func TestHangingEndpoint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		never := make(chan struct{})
		a := newReceiver(t, func(*got, http.ResponseWriter) int { <-never; return 0 })
		other := newReceiver(t, nil)
		b := start(t, nil, map[string]*receiver{"a": a, "b": other})
		id, _ := b.add("a", "message.*")
		b.add("b", "message.*")
		synctest.Wait()
		var want []uint64
		for range 200 {
			want = append(want, b.happen(store.NewMessageID()))
		}
		time.Sleep(time.Second)
		whole(t, want, other.taken())
		time.Sleep(11 * time.Second)
		d := b.delivery(id, want[0])
		if d.State != store.Pending || !strings.Contains(d.Log[0].Error, "within 10s") || d.Log[0].Took != 10*time.Second {
			t.Errorf("%+v", d)
		}
		close(never)
		b.stop()
	})
}

// A stop waits a moment for requests under way; what they would have said after that counts for nothing, and the event is delivered by the next run.
func TestStopWhileDelivering(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := 2 * time.Second
		r := newReceiver(t, func(*got, http.ResponseWriter) int { time.Sleep(slow); return 200 })
		b := start(t, nil, map[string]*receiver{"a": r})
		id, _ := b.add("a", "message.*")
		synctest.Wait()
		seq := b.happen(store.NewMessageID())
		time.Sleep(time.Second)
		b.stop() // the answer comes in time
		if got := r.taken(); !slices.Equal(got, []uint64{seq}) {
			t.Errorf("taken %d", got)
		}
		slow = 8 * time.Second
		r = newReceiver(t, r.answer)
		b = start(t, memory.Restore(b.engine.Snapshot()), map[string]*receiver{"a": r})
		cut := b.happen(store.NewMessageID())
		time.Sleep(time.Second)
		began := time.Now()
		b.stop()
		if d := time.Since(began); d < stopGrace || d > stopGrace+8*time.Second {
			t.Errorf("the stop took %s", d)
		}
		r = newReceiver(t, nil)
		b = start(t, memory.Restore(b.engine.Snapshot()), map[string]*receiver{"a": r})
		time.Sleep(time.Second)
		if got := r.taken(); !slices.Equal(got, []uint64{cut}) {
			t.Errorf("taken after the restart: %d, want %d", got, cut)
		}
		if d := b.delivery(id, cut); d.Tries != 1 {
			t.Errorf("%+v", d)
		}
		b.stop()
	})
}
