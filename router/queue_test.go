package router

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"trunkline/store"
)

// settings returns the defaults with a section for trunk a, in a zone of which the tests know the changes of clocks.
func settings(change func(c *Config, a *TrunkConfig)) Config {
	c, a := Default(), TrunkConfig{}
	c.TimeZone = "Europe/Berlin"
	change(&c, &a)
	c.Trunk = map[string]TrunkConfig{"a": a}
	return c
}

// at lets the bubble's clock go on until a moment.
func at(t *testing.T, s string) {
	t.Helper()
	when, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Until(when))
	synctest.Wait()
}

func (b *bench) many(t *testing.T, n int, s Submission) {
	t.Helper()
	s.To = []string{"+4915112345678"}
	for i := range n {
		if s.Text = fmt.Sprint(i); s.Tag != "" {
			s.Text = s.Tag + s.Text
		}
		b.submit(t, s)
	}
}

func TestRates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &line{}
		c := settings(func(_ *Config, a *TrunkConfig) {
			a.PartsPerMinute, a.PartsPerHour, a.PartsPerDay, a.PartsPerMonth, a.MonthStartsOn = 2, 5, 12, 20, 3
			a.UrgentFrom, a.UrgentPerMinute = 8, 1
		})
		at(t, "2026-01-30T23:00:00Z") // midnight in Berlin
		b := startWith(t, c, Trunk{"a", l})
		b.many(t, 100, Submission{})
		synctest.Wait()
		for _, step := range []struct {
			after time.Duration
			sent  int
		}{{0, 2}, {time.Minute, 4}, {2 * time.Minute, 5}, {59 * time.Minute, 5}, {time.Hour + 3*time.Minute, 10}, {2*time.Hour + time.Minute, 12}, {23 * time.Hour, 12},
			{24*time.Hour + time.Second, 14}, {27 * time.Hour, 20}, {71 * time.Hour, 20}, {72*time.Hour + time.Second, 22}} {
			time.Sleep(time.Until(time.Date(2026, 1, 30, 23, 0, 0, 0, time.UTC).Add(step.after)))
			synctest.Wait()
			if got := len(l.marked()); got != step.sent {
				t.Errorf("after %s: %d sent, want %d", step.after, got, step.sent)
			}
		}
		urgent := 9
		b.many(t, 3, Submission{Priority: &urgent, Tag: "urgent"})
		synctest.Wait()
		if got := l.marked(); !strings.HasPrefix(got[len(got)-1], "urgent0") || len(got) != 23 {
			t.Errorf("an urgent one waits for the minute's limit, or its own is not kept: %v", got[20:])
		}
	})
}

func TestQuietHours(t *testing.T) {
	for _, c := range []struct{ name, start, quiet, before, after string }{
		{"an ordinary night", "2026-01-10T21:30:00Z", "22:00-07:00", "2026-01-11T05:59:59Z", "2026-01-11T06:00:01Z"},
		{"the night that is an hour shorter", "2026-03-28T21:30:00Z", "22:00-07:00", "2026-03-29T04:59:59Z", "2026-03-29T05:00:01Z"},
		{"the night that is an hour longer", "2026-10-24T20:30:00Z", "22:00-07:00", "2026-10-25T05:59:59Z", "2026-10-25T06:00:01Z"},
		{"an end that never comes", "2026-03-29T00:30:00Z", "01:00-02:30", "2026-03-29T00:59:00Z", "2026-03-29T01:31:00Z"},
		{"an end that comes twice", "2026-10-24T23:30:00Z", "01:00-02:30", "2026-10-25T00:29:00Z", "2026-10-25T01:31:00Z"},
		{"by day", "2026-06-01T10:30:00Z", "12:00-14:00", "2026-06-01T11:59:59Z", "2026-06-01T12:00:01Z"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := &line{}
				at(t, c.start)
				b := startWith(t, settings(func(_ *Config, a *TrunkConfig) { a.QuietHours, a.UrgentFrom = c.quiet, 9 }), Trunk{"a", l})
				urgent := 9
				b.many(t, 1, Submission{})
				b.many(t, 1, Submission{Priority: &urgent, Tag: "urgent"})
				at(t, c.before)
				if got := l.marked(); !slices.Equal(got, []string{"urgent0/1"}) {
					t.Errorf("before the end: %v", got)
				}
				at(t, c.after)
				if got := l.marked(); len(got) != 2 {
					t.Errorf("after the end: %v", got)
				}
			})
		})
	}
}

// TestDays: a day has 23, 24 or 25 hours, and every moment belongs to exactly one of each window.
func TestDays(t *testing.T) {
	for _, name := range []string{"Europe/Berlin", "America/Sao_Paulo", "Asia/Beirut", "Australia/Lord_Howe", "Pacific/Apia", "UTC"} {
		loc, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		for kind, window := range map[string]func(time.Time) (time.Time, time.Time){
			"day": func(u time.Time) (time.Time, time.Time) { return dayOf(u, loc) }, "week": func(u time.Time) (time.Time, time.Time) { return weekOf(u, loc) },
			"month": func(u time.Time) (time.Time, time.Time) { return monthOf(u, 15, loc) }, "year": func(u time.Time) (time.Time, time.Time) { return yearOf(u, loc) },
			"minute": minuteOf, "hour": hourOf,
		} {
			var last time.Time
			for u := time.Date(2011, 12, 20, 0, 0, 0, 0, time.UTC); u.Year() < 2013; u = u.Add(29*time.Minute + 7*time.Second) {
				start, end := window(u)
				if u.Before(start) || !u.Before(end) {
					t.Fatalf("%s %s: %s is not in %s to %s", name, kind, u, start, end)
				}
				if !last.IsZero() && start.Before(last) && kind != "minute" && kind != "hour" {
					t.Fatalf("%s %s: the window of %s began at %s, before the end %s of the one before", name, kind, u, start, last)
				}
				if s, e := window(end); !s.Equal(end) || !e.After(s) {
					t.Fatalf("%s %s: the window after %s begins at %s", name, kind, end, s)
				}
				if _, e := window(u); e.After(u) {
					last = start
				}
			}
		}
	}
}

func TestPools(t *testing.T) {
	share := func(l *line) int { return len(l.marked()) }
	for _, c := range []struct {
		pool string
		want func(a, b, c int) bool
	}{
		{PoolRoundRobin, func(a, b, c int) bool { return a == 40 && b == 40 && c == 40 }},
		{PoolWeighted, func(a, b, c int) bool { return a == 90 && b == 30 && c == 0 }},
		{PoolLeastUsed, func(a, b, c int) bool { return a+b+c == 120 && a == 40 && b == 40 }},
	} {
		t.Run(c.pool, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x, y, z := &line{}, &line{}, &line{}
				s := settings(func(s *Config, a *TrunkConfig) { s.Pool, a.Weight = c.pool, 3 })
				if c.pool == PoolWeighted {
					s.Trunk["c"] = TrunkConfig{PinnedOnly: true}
				}
				b := startWith(t, s, Trunk{"a", x}, Trunk{"b", y}, Trunk{"c", z})
				b.many(t, 120, Submission{})
				time.Sleep(time.Minute)
				if !c.want(share(x), share(y), share(z)) {
					t.Errorf("%d, %d and %d", share(x), share(y), share(z))
				}
			})
		})
	}
}

// TestSticky: a recipient stays with its trunk over restarts, moves when that is down, and comes back.
func TestSticky(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lines := map[string]*line{"a": {}, "b": {}, "c": {}}
		c := Default()
		c.Pool = PoolSticky
		trunks := []Trunk{{"a", lines["a"]}, {"b", lines["b"]}, {"c", lines["c"]}}
		b := startWith(t, c, trunks...)
		carrier := map[string]string{}
		for i := range 60 {
			to := fmt.Sprintf("+49151000000%02d", i%20)
			id := b.submit(t, Submission{To: []string{to}, Text: "x"})
			time.Sleep(time.Second)
			m := b.message(t, id)
			if m.State != store.Sent || carrier[to] != "" && carrier[to] != m.Trunk {
				t.Errorf("%s went through %s after %s: %s", to, m.Trunk, carrier[to], m.State)
			}
			carrier[to] = m.Trunk
		}
		used := map[string]int{}
		for _, trunk := range carrier {
			used[trunk]++
		}
		if len(used) != 3 {
			t.Errorf("recipients by trunk: %v", used)
		}
		if err := b.Remove(t.Context(), "a", true); err != nil { // a trunk that goes moves only its own
			t.Fatal(err)
		}
		for i := range 20 {
			to := fmt.Sprintf("+49151000000%02d", i)
			m := b.message(t, b.submit(t, Submission{To: []string{to}, Text: "x"}))
			if carrier[to] != "a" && m.Prefer != carrier[to] {
				t.Errorf("%s moved from %s to %s", to, carrier[to], m.Prefer)
			}
		}
	})
}

// TestFailover: what should go through a trunk goes through another while that cannot, unless it asked for it; and never while nobody knows what became
// of it.
func TestFailover(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, o := &line{down: make(chan struct{})}, &line{}
		c := settings(func(c *Config, _ *TrunkConfig) { c.Pool = PoolSticky })
		b := startWith(t, c, Trunk{"a", a}, Trunk{"b", o})
		to := ""
		for i := 0; to == ""; i++ { // a recipient of trunk a
			n := fmt.Sprintf("+4915100000%03d", i)
			if m := b.message(t, b.submit(t, Submission{To: []string{n}, Text: "search"})); m.Prefer == "a" {
				to = n
			}
		}
		pinned := b.submit(t, Submission{To: []string{to}, Text: "pinned", Trunk: "a"})
		soft := b.submit(t, Submission{To: []string{to}, Text: "soft"})
		time.Sleep(2 * time.Minute)
		if m := b.message(t, soft); m.State != store.Sent || m.Trunk != "b" {
			t.Errorf("trunk a is down: %s through %q", m.State, m.Trunk)
		}
		if m := b.message(t, pinned); m.State != store.Waiting {
			t.Errorf("pinned to what is down: %s", m.State)
		}
		a.answers = []func(func() error) (int, error){fails(Unknown, true)}
		close(a.down)
		time.Sleep(time.Minute)
		lost := b.submit(t, Submission{To: []string{to}, Text: "lost"})
		time.Sleep(time.Hour)
		if m := b.message(t, lost); m.State != store.Unknown || m.Trunk != "a" || strings.Contains(strings.Join(o.marked(), " "), "lost") {
			t.Errorf("lost: %s through %q; the other sent %v", m.State, m.Trunk, o.marked())
		}
	})
}

// TestLimitedTrunkIsHelped: a trunk whose day is used up leaves what it should carry to the others.
func TestLimitedTrunkIsHelped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, o := &line{}, &line{}
		b := startWith(t, settings(func(c *Config, a *TrunkConfig) { c.Pool, a.PartsPerDay = PoolRoundRobin, 3 }), Trunk{"a", a}, Trunk{"b", o})
		b.many(t, 20, Submission{})
		time.Sleep(time.Hour)
		if len(a.marked()) != 3 || len(o.marked()) != 17 {
			t.Errorf("%d and %d", len(a.marked()), len(o.marked()))
		}
	})
}

// TestFairness: one account with very many messages does not keep another waiting.
func TestFairness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &line{air: time.Second}
		b := start(t, Trunk{"a", l})
		big := Submission{Account: "uid:1", Text: "big"}
		for i := range 1000 {
			big.To = append(big.To, fmt.Sprintf("+4915100%06d", i))
		}
		for range 20 {
			if _, err := b.Submit(t.Context(), big); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(10 * time.Second)
		id := b.submit(t, Submission{Account: "uid:2", To: []string{"+4915112345678"}, Text: "small"})
		time.Sleep(3 * time.Second)
		if m := b.message(t, id); m.State != store.Sent {
			t.Errorf("behind 20,000 of another account: %s", m.State)
		}
	})
}

// TestABadNumberBlocksNobody: whatever is wrong with one recipient, the others are tried at once; a fault of the trunk itself makes it pause.
func TestABadNumberBlocksNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bad := func(func() error) (int, error) {
			return -1, &SendError{Class: Unavailable, Code: "cms_21", RetryAfter: time.Minute, Hold: time.Minute, Err: errors.New("rejected")}
		}
		l := &line{answers: []func(func() error) (int, error){bad, taken, bad, taken, bad, taken}}
		b := start(t, Trunk{"a", l})
		first := b.submit(t, Submission{To: []string{"+49151"}, Text: "bad"})
		second := b.submit(t, Submission{To: []string{"+49152"}, Text: "good"})
		time.Sleep(time.Second)
		if m := b.message(t, second); m.State != store.Sent {
			t.Errorf("behind a bad number: %s", m.State)
		}
		time.Sleep(time.Hour)
		if m := b.message(t, first); m.State != store.Sent {
			t.Errorf("the bad number itself, in the end: %s", m.State)
		}
		l.mu.Lock()
		l.n, l.answers = 0, []func(func() error) (int, error){bad}
		l.mu.Unlock()
		b.submit(t, Submission{To: []string{"+49153"}, Text: "one"})
		b.submit(t, Submission{To: []string{"+49154"}, Text: "two"})
		b.submit(t, Submission{To: []string{"+49155"}, Text: "three"})
		time.Sleep(30 * time.Second)
		l.mu.Lock()
		tried := l.n
		l.mu.Unlock()
		if tried != 2 {
			t.Errorf("a trunk that refuses everyone was tried %d times in half a minute, want 2", tried)
		}
	})
}

// TestResendPolicies: the policy of the message, else that of the trunk, else that of the router.
func TestResendPolicies(t *testing.T) {
	for _, c := range []struct {
		message, trunk, router string
		sent                   int
	}{
		{"", "", "unknown", 1}, {"", "", "resend", 4}, {"", "resend", "unknown", 4}, {"", "unknown", "resend", 1}, {"resend", "unknown", "unknown", 4}, {"unknown", "resend", "resend", 1},
		{"resend_once_if_no_report", "", "unknown", 2},
	} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := &line{answers: []func(func() error) (int, error){fails(Unknown, true)}}
				b := startWith(t, settings(func(r *Config, a *TrunkConfig) { r.OnAmbiguous, a.OnAmbiguous = c.router, c.trunk }), Trunk{"a", l})
				s := text("hi")
				s.OnAmbiguous = c.message
				id := b.submit(t, s)
				time.Sleep(100 * time.Hour)
				if m := b.message(t, id); len(l.marked()) != c.sent || m.State != store.Unknown {
					t.Errorf("sent %d times, want %d; %s", len(l.marked()), c.sent, m.State)
				}
			})
		})
	}
}

// TestValidityLeavesTimeToSendAgain: the network must have given a message up before it is sent again, and that before it expires.
func TestValidityLeavesTimeToSendAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &line{answers: []func(func() error) (int, error){fails(Unknown, true), taken}}
		b := start(t, Trunk{"a", l})
		s := text("hi")
		s.OnAmbiguous, s.ValidFor = "resend_once_if_no_report", 6*time.Hour
		id := b.submit(t, s)
		time.Sleep(time.Minute)
		if m := b.message(t, id); m.Validity != 3*time.Hour {
			t.Errorf("the network keeps it for %s", m.Validity)
		}
		time.Sleep(2*time.Hour + 58*time.Minute)
		if got := len(l.marked()); got != 1 {
			t.Errorf("sent again while the network has it: %d", got)
		}
		time.Sleep(10 * time.Minute)
		if m := b.message(t, id); m.State != store.Sent || len(l.marked()) != 2 {
			t.Errorf("%s, sent %d times", m.State, len(l.marked()))
		}
	})
}
