package router

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"trunkline/store"
	"trunkline/store/memory"
)

// line is a scripted trunk: what it does with the n-th part is in answers, the last one being repeated.
type line struct {
	answers []func(mark func() error) (int, error)
	down    chan struct{} // not nil: not ready until closed
	air     time.Duration
	before  int // one more than the reference that the line gave last; 0: not known

	mu   sync.Mutex
	sent []string // "text/seq" of each part that was marked
	n    int
}

func taken(mark func() error) (int, error) { return 7, mark() }

func fails(class Class, marked bool) func(func() error) (int, error) {
	return func(mark func() error) (int, error) {
		if marked {
			if err := mark(); err != nil {
				return -1, &SendError{Class: Unavailable, Code: "mark", Err: err}
			}
		}
		return -1, &SendError{Class: class, Code: "scripted", Err: errors.New("as the script says")}
	}
}

func (l *line) Ready(ctx context.Context) (string, error) {
	if l.down != nil {
		select {
		case <-l.down:
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
	return "sim", nil
}

func (l *line) Prepare(m *store.Message) error {
	if strings.Contains(m.Text, "unsendable") {
		return errors.New("cannot be encoded")
	}
	for i := range m.Parts {
		m.Parts[i].TPDU = []byte{byte(i)}
	}
	return nil
}

func (l *line) Send(ctx context.Context, m *store.Message, seq int, mark func(int) error) (int, error) {
	l.mu.Lock()
	answer := taken
	if len(l.answers) > 0 {
		answer = l.answers[min(l.n, len(l.answers)-1)]
	}
	l.n++
	l.mu.Unlock()
	time.Sleep(l.air)
	return answer(func() error {
		err := mark(l.before - 1)
		if err == nil {
			l.mu.Lock()
			l.sent = append(l.sent, fmt.Sprintf("%s/%d", m.Text, seq))
			l.mu.Unlock()
		}
		return err
	})
}

// marked returns what was sent so far.
func (l *line) marked() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.sent)
}

// measure counts a part for every ten bytes.
func measure(text string, limit int) (int, error) {
	n := (len(text) + 9) / 10
	if n > limit {
		return n, fmt.Errorf("takes %d parts, at most %d are allowed", n, limit)
	}
	return n, nil
}

type bench struct {
	*Router
	store  *store.Store
	engine *memory.Engine
	stop   func()
}

// start runs a router over the trunks in the present bubble.
func start(t *testing.T, trunks ...Trunk) *bench {
	t.Helper()
	return startWith(t, Default(), trunks...)
}

// startWith does so with settings of its own.
func startWith(t *testing.T, c Config, trunks ...Trunk) *bench {
	t.Helper()
	if errs := c.Validate(); len(errs) > 0 {
		t.Fatal(errs)
	}
	books := NewBooks(c)
	engine := memory.New()
	s, err := store.Open(t.Context(), engine, store.Options{UnknownAfter: c.UnknownAfter, ReportWindow: c.ReportWindow, Accounting: books})
	if err != nil {
		t.Fatal(err)
	}
	r := New(Options{Config: c, Books: books, Store: s, Trunks: trunks, Measure: measure})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	b := &bench{Router: r, store: s, engine: engine}
	b.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(b.stop)
	return b
}

func (b *bench) submit(t *testing.T, s Submission) store.MessageID {
	t.Helper()
	a, err := b.Submit(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return a.Messages[0].ID
}

func (b *bench) message(t *testing.T, id store.MessageID) store.Message {
	t.Helper()
	m, err := b.store.Message(context.Background(), id)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func text(s string) Submission {
	return Submission{Account: "uid:1", To: []string{"+4915112345678"}, Text: s}
}

func TestDispatch(t *testing.T) {
	const long = "ten bytes.ten bytes.ten bytes."
	for _, c := range []struct {
		name    string
		text    string
		answers []func(func() error) (int, error)
		after   time.Duration
		state   store.State
		code    string
		sent    int
	}{
		{"one part", "hi", nil, 0, store.Sent, "", 1},
		{"three parts", long, nil, 0, store.Sent, "", 3},
		{"refused for good", "hi", []func(func() error) (int, error){fails(Rejected, true)}, 0, store.Error, "scripted", 1},
		{"refused at the second part", long, []func(func() error) (int, error){taken, fails(Rejected, true)}, 0, store.Error, "scripted", 2},
		{"answer lost", "hi", []func(func() error) (int, error){fails(Unknown, true)}, 24 * time.Hour, store.Unknown, "scripted", 1},
		{"answer to the second part lost, the third goes on", long, []func(func() error) (int, error){taken, fails(Unknown, true), taken}, time.Hour, store.Unknown, "scripted", 3},
		{"twice nothing sent, then taken", "hi", []func(func() error) (int, error){fails(Unavailable, false), fails(Unavailable, false), taken}, time.Minute, store.Sent, "", 1},
		{"never works", "hi", []func(func() error) (int, error){fails(Unavailable, false)}, 80 * time.Hour, store.Error, "gave_up", 0},
		{"cannot be encoded", "unsendable", nil, 0, store.Error, "unsendable", 0},
		{"an error without a class may have sent it", "hi", []func(func() error) (int, error){func(mark func() error) (int, error) { mark(); return -1, errors.New("?") }}, time.Hour, store.Unknown, "internal", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := &line{answers: c.answers}
				b := start(t, Trunk{"a", l})
				id := b.submit(t, text(c.text))
				time.Sleep(c.after)
				synctest.Wait()
				m := b.message(t, id)
				code := ""
				if m.Failure != nil {
					code = m.Failure.Code
				}
				if m.State != c.state || code != c.code || len(l.marked()) != c.sent {
					t.Errorf("%s, code %q, %d parts sent (%v); want %s, %q, %d", m.State, code, len(l.marked()), l.marked(), c.state, c.code, c.sent)
				}
			})
		})
	}
}

// A stop waits for the part in the air and gives the rest back; the next run goes on with the part that follows.
func TestStopBetweenParts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &line{air: 3 * time.Second}
		b := start(t, Trunk{"a", l})
		id := b.submit(t, text("ten bytes.ten bytes.ten bytes."))
		time.Sleep(4 * time.Second) // the second part is in the air
		b.stop()
		m := b.message(t, id)
		if m.State != store.Waiting || m.Parts[0].State != store.Sent || m.Parts[1].State != store.Sent || m.Parts[2].State != store.Waiting {
			t.Fatalf("after the stop: %s %v", m.State, m.Parts)
		}
		again := New(Options{Config: Default(), Store: b.store, Trunks: []Trunk{{"a", l}}, Measure: measure})
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error)
		go func() { done <- again.Run(ctx) }()
		time.Sleep(time.Minute)
		cancel()
		<-done
		if m = b.message(t, id); m.State != store.Sent || len(l.marked()) != 3 {
			t.Errorf("after the next run: %s, sent %v", m.State, l.marked())
		}
	})
}

func TestQueueOrderAndPins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, c := &line{air: time.Second}, &line{down: make(chan struct{})}
		b := start(t, Trunk{"a", a}, Trunk{"c", c})
		high, low := 9, 0
		for _, s := range []Submission{
			{To: []string{"+49151"}, Text: "first"},
			{To: []string{"+49151"}, Text: "low", Priority: &low},
			{To: []string{"+49151"}, Text: "usual"},
			{To: []string{"+49151"}, Text: "high", Priority: &high},
			{To: []string{"+49151"}, Text: "pinned", Trunk: "c"},
			{To: []string{"+49151"}, Text: "later", SendAt: time.Now().Add(time.Hour)},
		} {
			b.submit(t, s)
		}
		time.Sleep(time.Minute)
		if got := strings.Join(a.marked(), " "); got != "first/1 high/1 usual/1 low/1" && got != "high/1 first/1 usual/1 low/1" {
			t.Errorf("order of trunk a: %s", got)
		}
		if len(c.marked()) > 0 {
			t.Errorf("trunk c is down but sent %v", c.marked())
		}
		close(c.down)
		time.Sleep(2 * time.Hour)
		all := strings.Join(append(a.marked(), c.marked()...), " ")
		if strings.Join(c.marked(), " ") == "" || c.marked()[0] != "pinned/1" || strings.Count(all, "later/1") != 1 {
			t.Errorf("a sent %v, c sent %v", a.marked(), c.marked())
		}
	})
}

func TestExpiredIsNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &line{down: make(chan struct{})}
		b := start(t, Trunk{"a", l})
		s := text("hi")
		s.ValidFor = time.Hour
		id := b.submit(t, s)
		time.Sleep(61 * time.Minute)
		close(l.down)
		time.Sleep(time.Minute)
		if m := b.message(t, id); m.State != store.Expired || len(l.marked()) > 0 {
			t.Errorf("%s, sent %v", m.State, l.marked())
		}
	})
}

// When the store has no room for an outcome, the dispatcher keeps it until there is.
func TestOutcomeWaitsForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &line{air: time.Second}
		b := start(t, Trunk{"a", l})
		full := func(mark func() error) (int, error) {
			err := mark()
			b.engine.FailAt(b.engine.Operations()+1, memory.Before, false, store.ErrFull) // the next write finds no room
			return 9, err
		}
		l.answers = []func(func() error) (int, error){full, taken}
		id := b.submit(t, text("hi"))
		time.Sleep(10 * time.Minute)
		if m := b.message(t, id); m.State != store.Sent || m.Parts[0].Reference != 9 || len(l.marked()) != 1 {
			t.Errorf("%s, parts %+v, sent %v", m.State, m.Parts, l.marked())
		}
	})
}

func TestSubmitNamesEveryWrongField(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, Trunk{"a", &line{}}, Trunk{"b", &line{}})
		eleven := 11
		_, err := b.Submit(t.Context(), Submission{To: []string{"+4915", "abc", "", "+4915"}, Text: strings.Repeat("x", 101), Trunk: "nope", Tag: strings.Repeat("t", 200),
			Priority: &eleven, ValidFor: -time.Second, SendAt: time.Now().Add(-400 * 24 * time.Hour)})
		var v *ValidationError
		if !errors.As(err, &v) {
			t.Fatalf("error %v", err)
		}
		var got []string
		for _, f := range v.Fields {
			got = append(got, f.Field+"="+f.Code)
			if f.Message == "" {
				t.Errorf("%s has no message", f.Field)
			}
		}
		const want = "to[1]=invalid to[2]=invalid to[3]=duplicate text=too_long trunk=unknown tag=too_long priority=out_of_range valid_for=out_of_range send_at=out_of_range"
		if s := strings.Join(got, " "); s != want {
			t.Errorf("got  %s\nwant %s", s, want)
		}
		for _, s := range []Submission{{Text: "x"}, {To: []string{"+4915"}}, {To: []string{"+4915"}, Text: "\xff"}, {To: make([]string, 1001), Text: "x"}} {
			if _, err := b.Submit(t.Context(), s); !errors.As(err, &v) || len(v.Fields) != 1 {
				t.Errorf("%+v: %v", s.To, err)
			}
		}
		if e, _ := b.store.LastEvent(t.Context()); e != 0 {
			t.Errorf("%d events of refused submissions", e)
		}
	})
}

func TestAliveFollowsProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, Trunk{"a", &line{down: make(chan struct{})}})
		time.Sleep(time.Hour)
		if err := b.Alive(t.Context()); err != nil {
			t.Errorf("with a trunk that is down: %v", err)
		}
		b.stop()
		time.Sleep(stalled + time.Second)
		if err := b.Alive(t.Context()); err == nil {
			t.Error("nothing moves, but the router says that it is alive")
		}
	})
}

func TestConfigValidate(t *testing.T) {
	if errs := Default().Validate(); len(errs) > 0 {
		t.Errorf("the defaults are wrong: %v", errs)
	}
	if errs := (Config{PartsPerMessage: 256, RetryMin: time.Second, UnknownAfter: time.Second, ReportWindow: time.Hour, Pool: PoolAny, OnAmbiguous: "unknown"}).Validate(); len(errs) != 4 {
		t.Errorf("%d errors: %v", len(errs), errs)
	}
}
