package store_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"trunkline/store"
)

// TestTurns: accounts take turns at each priority, whatever the one has waiting; a higher priority goes first.
func TestTurns(t *testing.T) {
	onEngines(t, store.Options{}, func(t *testing.T, s *store.Store) {
		from := func(account string, n int, change func(*store.Message)) {
			for i := range n {
				accept(t, s, outgoing(t, 1, func(m *store.Message) {
					m.Account, m.Text, m.CreatedAt = account, fmt.Sprint(account, i), start.Add(time.Duration(i)*time.Second)
					change(m)
				}))
			}
		}
		from("a", 50, func(*store.Message) {})
		from("b", 2, func(*store.Message) {})
		from("c", 3, func(m *store.Message) { m.Pin = "desk" })
		from("d", 2, func(m *store.Message) { m.SendAt = start.Add(time.Hour) })
		from("e", 2, func(m *store.Message) { m.Prefer = "desk" })
		from("z", 1, func(m *store.Message) { m.Priority = 9 })
		var turns store.Turns
		var got []string
		for range 15 {
			m, ok, err := s.Claim(ctx, store.Claim{Trunk: "desk", At: start.Add(time.Minute), After: turns})
			if err != nil || !ok {
				t.Fatal(ok, err)
			}
			turns[m.Priority] = m.Account
			got = append(got, m.Text)
		}
		const want = "z0 a0 b0 c0 e0 a1 b1 c1 e1 a2 c2 a3 a4 a5 a6"
		if g := strings.Join(got, " "); g != want {
			t.Errorf("claimed %s\n   want %s", g, want)
		}
		if m, ok, err := s.Claim(ctx, store.Claim{Trunk: "roof", At: start.Add(2 * time.Hour), After: store.Turns{5: "c"}}); err != nil || !ok || m.Text != "d0" {
			t.Errorf("after c, an hour later: %q, %v, %v", m.Text, ok, err)
		}
	})
}

// TestLanes: what should go through a trunk is taken by others only when they are told to look there.
func TestLanes(t *testing.T) {
	s, _ := open(t, store.Options{})
	accept(t, s, outgoing(t, 1, func(m *store.Message) { m.Prefer = "desk" }), outgoing(t, 1, func(m *store.Message) { m.Prefer, m.Pin = "", "cellar" }))
	if _, ok, err := s.Claim(ctx, store.Claim{Trunk: "roof", At: start}); ok || err != nil {
		t.Errorf("claimed what desk should carry: %v", err)
	}
	if _, ok, err := s.Due(ctx, "roof"); ok || err != nil {
		t.Errorf("due: %v, %v", ok, err)
	}
	if names, err := s.PreferredTrunks(ctx); err != nil || !slices.Equal(names, []string{"desk"}) {
		t.Errorf("preferred %q, %v", names, err)
	}
	lanes := []string{"roof", "", store.PreferredLane("desk")}
	if _, ok, err := s.Due(ctx, "roof", lanes...); !ok || err != nil {
		t.Errorf("due with the lane: %v, %v", ok, err)
	}
	m, ok, err := s.Claim(ctx, store.Claim{Trunk: "roof", At: start, Lanes: lanes})
	if !ok || err != nil || m.Trunk != "roof" {
		t.Fatal(ok, err)
	}
	if _, err := s.Settle(ctx, store.Outcome{ID: m.ID, Seq: 1, At: start, State: store.Waiting, RetryAt: start}); err != nil {
		t.Fatal(err)
	}
	if m, ok, err := s.Claim(ctx, store.Claim{Trunk: "desk", At: start}); !ok || err != nil || m.Prefer != "desk" {
		t.Errorf("back to the one that should: %v, %v", ok, err)
	}
	check(t, s)
}

// books are windows of a minute and a day for trunks, and of a day for accounts.
type books struct {
	minute, day int            // limits of every trunk; 0: unlimited
	urgent      uint8          // from this priority on the minute's limit is not for a message; 0: none
	quota       map[string]int // of accounts
	blocked     bool           // nothing may go
}

func (b *books) Trunk(_ string, priority uint8, at time.Time) []store.Window {
	limit := func(n int) int {
		if n == 0 {
			return store.Unlimited
		}
		return n
	}
	minute := store.Window{Kind: 'n', Start: at.Truncate(time.Minute), End: at.Truncate(time.Minute).Add(time.Minute), Limit: limit(b.minute)}
	if b.urgent > 0 && priority >= b.urgent {
		minute.Limit = store.Unlimited
	}
	all := []store.Window{minute, {Kind: 'd', Start: at.Truncate(24 * time.Hour), End: at.Truncate(24 * time.Hour).Add(24 * time.Hour), Limit: limit(b.day)}}
	if b.blocked {
		all = append(all, store.Window{Kind: 'q', Start: at, End: at.Add(time.Hour)})
	}
	return all
}

func (b *books) Account(account string, at time.Time) (store.Window, bool) {
	n, ok := b.quota[account]
	return store.Window{Kind: 'D', Start: at.Truncate(24 * time.Hour), End: at.Truncate(24 * time.Hour).Add(24 * time.Hour), Limit: n}, ok
}

// TestLimits: parts are counted in the transaction that opens their attempt, and no limit is exceeded.
func TestLimits(t *testing.T) {
	b := &books{minute: 5, urgent: 8}
	onEngines(t, store.Options{Accounting: b}, func(t *testing.T, s *store.Store) {
		for i, parts := range []int{2, 2, 2, 1, 7} {
			accept(t, s, outgoing(t, parts, func(m *store.Message) { m.Text, m.CreatedAt = fmt.Sprint(i), start.Add(time.Duration(i)) }))
		}
		accept(t, s, outgoing(t, 1, func(m *store.Message) { m.Text, m.Priority = "low", 1 }))
		at := start
		var got []string
		carry := func() bool {
			m, ok, err := s.Claim(ctx, store.Claim{Trunk: "desk", SIM: "sim", At: at})
			var limit *store.LimitError
			if errors.As(err, &limit) {
				if ok || !limit.Until.Equal(at.Truncate(time.Minute).Add(time.Minute)) {
					t.Errorf("limited until %s at %s", limit.Until, at)
				}
				return false
			}
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				return false
			}
			got = append(got, m.Text)
			for seq := range m.Parts {
				if err := s.Mark(ctx, m.ID, seq+1, at); err != nil {
					t.Fatal(err)
				}
				if _, err := s.Settle(ctx, store.Outcome{ID: m.ID, Seq: seq + 1, At: at, State: store.Sent, Reference: -1}); err != nil {
					t.Fatal(err)
				}
			}
			return true
		}
		for carry() {
		}
		accept(t, s, outgoing(t, 1, func(m *store.Message) { m.Text, m.Priority = "urgent", 9 }))
		for carry() {
		}
		at = at.Add(time.Minute)
		for carry() {
		}
		at = at.Add(time.Minute)
		for carry() {
		}
		at = at.Add(time.Minute)
		for carry() {
		}
		// Two and two fit into the first minute, and nothing overtakes the third; seven parts need a minute of their own.
		const want = "0 1 urgent 2 3 4 low"
		if g := strings.Join(got, " "); g != want {
			t.Errorf("claimed %s\n   want %s", g, want)
		}
		parts, windows, err := s.UsedBy(ctx, "desk", 5, start)
		if err != nil || len(windows) != 2 || parts[0] != 5 || parts[1] != 16 {
			t.Errorf("used %v, %v", parts, err)
		}
	})
}

// TestUsageIsExact: what was claimed and not sent is given back, over a crash too.
func TestUsageIsExact(t *testing.T) {
	b := &books{}
	s, e := open(t, store.Options{Accounting: b, UnknownAfter: time.Minute})
	used := func(want int) {
		t.Helper()
		if parts, _, err := s.UsedBy(ctx, "desk", 5, start); err != nil || parts[1] != want {
			t.Errorf("used %v, want %d; %v", parts, want, err)
		}
	}
	m := outgoing(t, 2)
	accept(t, s, m)
	at := start
	step := func(want int, words ...string) {
		t.Helper()
		for _, w := range words {
			at = doubt(t, s, m, w, at.Add(time.Second))
		}
		used(want)
	}
	step(1, "c")
	step(0, "w1")
	step(1, "c")
	s = reopen(t, e, store.Options{Accounting: b, UnknownAfter: time.Minute})
	step(0, "R")
	step(2, "c", "m1", "s1")
	step(1, "w2")
	step(2, "c", "m2", "u2")
	step(1, "W2")
	step(2, "c", "m2", "u2", "S2")
	for more := true; more; {
		var err error
		if more, err = s.Tidy(ctx, start.Add(100*24*time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	used(0)
	check(t, s)
}

func TestQuota(t *testing.T) {
	b := &books{quota: map[string]int{"uid:1000": 5, "blocked": 0}}
	onEngines(t, store.Options{Accounting: b}, func(t *testing.T, s *store.Store) {
		b.quota = map[string]int{"uid:1000": 5, "blocked": 0}
		try := func(parts int, change ...func(*store.Message)) (store.MessageID, error) {
			m := outgoing(t, parts, change...)
			_, err := s.Accept(ctx, store.Acceptance{Messages: []store.Message{m}})
			return m.ID, err
		}
		used := func(want int, at time.Time) {
			t.Helper()
			if parts, _, ok, err := s.Used(ctx, "uid:1000", at); err != nil || !ok || parts != want {
				t.Errorf("used %d, want %d; %v %v", parts, want, ok, err)
			}
		}
		refused := func(err error, used int) {
			t.Helper()
			var q *store.QuotaError
			if !errors.As(err, &q) || q.Used != used {
				t.Errorf("%v; want a quota of which %d are used", err, used)
			}
		}
		first, err := try(3)
		if err != nil {
			t.Fatal(err)
		}
		_, err = try(3)
		refused(err, 3)
		_, err = try(1, func(m *store.Message) { m.Account = "blocked" })
		refused(err, 0)
		if _, err := try(200, func(m *store.Message) { m.Account = "uid:1" }); err != nil {
			t.Errorf("an account without a quota: %v", err)
		}
		used(3, start)
		tomorrow := start.Add(24 * time.Hour)
		later, err := try(5, func(m *store.Message) { m.SendAt = tomorrow }) // counts then
		if err != nil {
			t.Fatal(err)
		}
		used(3, start)
		used(5, tomorrow)
		if _, err := s.Cancel(ctx, first, start); err != nil {
			t.Fatal(err)
		}
		used(0, start)
		// Held back over midnight, they count on the day they go: five are sent as planned, which leaves nothing for the other two.
		if _, err := try(2); err != nil {
			t.Fatal(err)
		}
		used(2, start)
		var got []string
		for {
			m, ok, err := s.Claim(ctx, store.Claim{Trunk: "desk", At: tomorrow})
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				break
			}
			got = append(got, m.Account, m.ID.String())
		}
		if !slices.Contains(got, later.String()) || len(got) != 4 {
			t.Errorf("claimed %v", got)
		}
		used(0, start)
		used(5, tomorrow)
		page, err := s.Messages(ctx, store.Query{State: store.Error})
		if err != nil || len(page.Items) != 1 || page.Items[0].Failure.Code != "quota_reached" {
			t.Errorf("%+v, %v", page.Items, err)
		}
		told := strings.Count(strings.Join(types(t, s), " "), "quota.reached")
		if told != 3 { // uid:1000 today and tomorrow, blocked
			t.Errorf("told %d times", told)
		}
	})
}

// TestQuotaThatShrinks: what was accepted under a larger quota is not sent beyond the smaller one.
func TestQuotaThatShrinks(t *testing.T) {
	b := &books{quota: map[string]int{"uid:1000": 10}}
	s, _ := open(t, store.Options{Accounting: b})
	for range 10 {
		accept(t, s, outgoing(t, 1))
	}
	b.quota["uid:1000"] = 4
	sent := 0
	for {
		_, ok, err := s.Claim(ctx, store.Claim{Trunk: "desk", At: start})
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			break
		}
		sent++
	}
	if parts, _, _, err := s.Used(ctx, "uid:1000", start); sent != 4 || parts != 4 || err != nil {
		t.Errorf("%d sent, %d counted, %v", sent, parts, err)
	}
	invariants(t, s, "at the end")
}

// TestQuotaAtOnce: many at a time get exactly what there is, and a replay costs nothing.
func TestQuotaAtOnce(t *testing.T) {
	b := &books{quota: map[string]int{"uid:1000": 10}}
	onEngines(t, store.Options{Accounting: b}, func(t *testing.T, s *store.Store) {
		var group sync.WaitGroup
		var mu sync.Mutex
		accepted, refused := 0, 0
		for i := range 200 {
			group.Go(func() {
				m := outgoing(t, 1)
				_, err := s.Accept(ctx, store.Acceptance{Messages: []store.Message{m}, Key: &store.Key{Scope: "uid:1000", Key: fmt.Sprint(i), At: start}})
				var q *store.QuotaError
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					accepted++
				case errors.As(err, &q):
					refused++
				default:
					t.Error(err)
				}
			})
		}
		group.Wait()
		if accepted != 10 || refused != 190 {
			t.Errorf("%d accepted, %d refused", accepted, refused)
		}
		for i := range 200 { // what was accepted is accepted again, what was refused is refused
			a, err := s.Accept(ctx, store.Acceptance{Messages: []store.Message{outgoing(t, 1)}, Key: &store.Key{Scope: "uid:1000", Key: fmt.Sprint(i), At: start}})
			if err == nil && !a.Replayed {
				t.Error("accepted beyond the quota")
			}
		}
		if parts, _, _, err := s.Used(ctx, "uid:1000", start); err != nil || parts != 10 {
			t.Errorf("%d counted, %v", parts, err)
		}
	})
}
