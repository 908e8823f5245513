package router

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"trunkline/callplan"
	"trunkline/callplan/phone"
	"trunkline/store"
	"trunkline/store/memory"
)

// gate is a trunk that can be opened and closed.
type gate struct {
	line
	mu   sync.Mutex
	open chan struct{} // closed while it is open
	to   []string      // recipients
}

func newGate(open bool) *gate {
	g := &gate{open: make(chan struct{})}
	if open {
		close(g.open)
	}
	return g
}

func (g *gate) set(open bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-g.open:
		if !open {
			g.open = make(chan struct{})
		}
	default:
		if open {
			close(g.open)
		}
	}
}

func (g *gate) Ready(ctx context.Context) (string, error) {
	g.mu.Lock()
	open := g.open
	g.mu.Unlock()
	select {
	case <-open:
		return "sim", nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

func (g *gate) Send(ctx context.Context, m *store.Message, seq int, mark func(int) error) (int, error) {
	n, err := g.line.Send(ctx, m, seq, mark)
	if err == nil {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.to = append(g.to, m.To.String())
	}
	return n, err
}

func (g *gate) reached() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.to)
}

// planned runs a router over trunks with the rules of one plan of the default provider.
func planned(t *testing.T, rules string, trunks ...Trunk) *bench {
	t.Helper()
	c := Default()
	c.Trunk = map[string]TrunkConfig{"far": {Provider: "acme"}}
	books, engine, book := NewBooks(c), memory.New(), &callplan.Book{}
	s, err := store.Open(t.Context(), engine, store.Options{Accounting: books})
	if err != nil {
		t.Fatal(err)
	}
	publish(t, book, "default", rules)
	r := New(Options{Config: c, Books: books, Store: s, Trunks: trunks, Measure: measure, Plans: book})
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

func publish(t *testing.T, book *callplan.Book, provider, rules string) {
	t.Helper()
	plan, found := callplan.Parse([]byte(`{"name":"p","service_provider":"`+provider+`","priority":1,"rules":[`+rules+`]}`), callplan.ParseOptions{})
	if err := found.Err(); err != nil {
		t.Fatal(err)
	}
	plan.Version = 4
	set, err := callplan.Compile(provider, []*callplan.Plan{plan}, &callplan.Env{})
	if err != nil {
		t.Fatal(err)
	}
	book.Publish(set)
}

func rule(label, criteria, destination string) string {
	return fmt.Sprintf(`{"label":%q,"criteria":%s,"destination":%s}`, label, criteria, destination)
}

const everyone = `{"always":true}`

// Each kind of destination does with a message that goes out what it is for, and the decision is kept with it.
func TestPlannedOut(t *testing.T) {
	for _, c := range []struct {
		name, rules string
		state       store.State
		action      string
		rule        string // path, label
		a, b        []string
		failure     string
	}{
		{"trunk", rule("x", everyone, `{"trunk":[["b"],["a"]]}`), store.Sent, "route", "0 x", nil, []string{"+12055550100"}, ""},
		{"trunk with number", rule("x", everyone, `{"trunk":[["b"]],"number":"+12055550111"}`), store.Sent, "route", "0 x", nil, []string{"+12055550111"}, ""},
		{"operator", rule("x", everyone, `{"trunk_op":[["a","4711"]]}`), store.Sent, "route", "0 x", []string{"4711"}, nil, ""},
		{"number", rule("x", everyone, `{"number":"+12055550122"}`), store.Sent, "route", "0 x", []string{"+12055550122"}, nil, ""},
		{"continue", rule("x", everyone, `{"continue":true}`), store.Sent, "continue", "0 x", []string{"+12055550100"}, nil, ""},
		{"no match", rule("x", `{"kind":["voice"]}`, `{"terminate":true}`), store.Sent, "no_match", " ", []string{"+12055550100"}, nil, ""},
		{"terminate", rule("x", `{"called":["205*"]}`, `{"terminate":true}`), store.Error, "terminate", "0 x", nil, nil, "terminated"},
		{"terminate another", rule("x", `{"called":["206*"]}`, `{"terminate":true}`), store.Sent, "no_match", " ", []string{"+12055550100"}, nil, ""},
		{"nested", rule("x", everyone, `{"rule":[`+rule("y", `{"kind":["sms"]}`, `{"trunk":[["b"]]}`)+`]}`), store.Sent, "route", "0.0 y", nil, []string{"+12055550100"}, ""},
		{"collected", rule("x", everyone, `{"trunk":[["gone"]],"continue":true}`) + "," + rule("y", everyone, `{"trunk":[["b"]]}`), store.Sent, "route", "1 y", nil, []string{"+12055550100"}, ""},
		{"unknown trunk", rule("x", everyone, `{"trunk":[["gone"]]}`) + "," + rule("y", everyone, `{"trunk":[["b"]]}`), store.Sent, "route", "1 y", nil, []string{"+12055550100"}, ""},
		{"only unknown trunks", rule("x", everyone, `{"trunk":[["gone"],["lost"]]}`), store.Sent, "no_match", " ", []string{"+12055550100"}, nil, ""},
		{"sip", rule("x", everyone, `{"sip":"a@example.com"}`), store.Error, "route", "0 x", nil, nil, "no_way"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, far := newGate(true), newGate(true)
				b := planned(t, c.rules, Trunk{"a", a}, Trunk{"b", far})
				c := c
				synctest.Wait()
				if c.action == "continue" || c.action == "no_match" || c.name == "number" {
					far.set(false) // any trunk may carry it: let it be a
				}
				id := b.submit(t, Submission{To: []string{"+12055550100"}, Text: "hi"})
				synctest.Wait()
				m := b.message(t, id)
				r := m.Routing
				if m.State != c.state || r == nil || r.Action != c.action || r.Rule+" "+r.Label != c.rule || r.Provider != "default" || r.Called != "+12055550100" {
					t.Fatalf("%s: %s %+v %+v", c.name, m.State, m.Failure, r)
				}
				if r.Plan != "" && (r.Plan != "p" || r.Version != 4) {
					t.Errorf("decided by %+v", r)
				}
				if got := a.reached(); !slices.Equal(got, c.a) {
					t.Errorf("trunk a sent to %q, want %q", got, c.a)
				}
				if got := far.reached(); !slices.Equal(got, c.b) {
					t.Errorf("trunk b sent to %q, want %q", got, c.b)
				}
				if code := code(m.Failure); code != c.failure {
					t.Errorf("failure %q, want %q", code, c.failure)
				}
				sound(t, b)
			})
		})
	}
}

func code(f *store.Failure) string {
	if f == nil {
		return ""
	}
	return f.Code
}

// sound checks the whole store.
func sound(t *testing.T, b *bench) {
	t.Helper()
	if _, err := b.store.Check(t.Context(), func(d store.Damage) { t.Errorf("check: %v", &d) }); err != nil {
		t.Fatal(err)
	}
}

// A message that asks for a trunk goes through it, whatever the plans say.
func TestPinnedIsNotPlanned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newGate(true)
		b := planned(t, rule("x", everyone, `{"terminate":true}`), Trunk{"a", a})
		id := b.submit(t, Submission{To: []string{"+12055550100"}, Text: "hi", Trunk: "a"})
		synctest.Wait()
		if m := b.message(t, id); m.State != store.Sent || m.Routing != nil {
			t.Errorf("%s %+v", m.State, m.Routing)
		}
	})
}

// A trunk that is down is passed over, also by what waits for it already; when it comes back, what waits no more does not come back with it.
func TestPlannedFailover(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, far := newGate(false), newGate(true)
		b := planned(t, rule("x", everyone, `{"trunk":[["a"],["b"]]}`), Trunk{"a", a}, Trunk{"b", far})
		early := b.submit(t, Submission{To: []string{"+12055550100"}, Text: "early"})
		synctest.Wait()
		if m := b.message(t, early); m.State != store.Waiting || m.Routing.Trunk != "a" {
			t.Fatalf("before anybody knows that a is down: %s %+v", m.State, m.Routing)
		}
		time.Sleep(idle + time.Second)
		synctest.Wait()
		if m := b.message(t, early); m.State != store.Sent || m.Routing.Trunk != "b" || m.Trunk != "b" {
			t.Fatalf("when it is known: %s %+v", m.State, m.Routing)
		}
		late := b.submit(t, Submission{To: []string{"+12055550101"}, Text: "late"})
		synctest.Wait()
		if m := b.message(t, late); m.State != store.Sent || m.Routing.Trunk != "b" {
			t.Errorf("accepted while a is down: %s %+v", m.State, m.Routing)
		}
		a.set(true)
		time.Sleep(idle)
		synctest.Wait()
		if got := a.reached(); got != nil {
			t.Errorf("a sent to %q", got)
		}
		if got := far.reached(); !slices.Equal(got, []string{"+12055550100", "+12055550101"}) {
			t.Errorf("b sent to %q", got)
		}
		events, err := b.store.Events(t.Context(), 0, 100)
		if err != nil {
			t.Fatal(err)
		}
		if i := slices.IndexFunc(events, func(e store.Event) bool { return e.Type == "message.rerouted" }); i < 0 || events[i].Trunk != "b" || events[i].Code != "p/0" {
			t.Errorf("events %+v", events)
		}
		sound(t, b)
	})
}

// A rule whose trunks are down does not match: when a later one ends messages, what waits ends, and what is submitted then. What waits for a trunk without
// such a rule waits on.
func TestPlannedTerminateWhenDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newGate(false)
		b := planned(t, rule("x", everyone, `{"trunk":[["a"]]}`)+","+rule("rest", `{"not":{"called":["+1206*"]}}`, `{"terminate":true}`), Trunk{"a", a})
		early := b.submit(t, Submission{To: []string{"+12055550100"}, Text: "early"})
		waits := b.submit(t, Submission{To: []string{"+12065550100"}, Text: "waits"})
		synctest.Wait()
		if m := b.message(t, early); m.State != store.Waiting || m.Routing.Trunk != "a" {
			t.Fatalf("before anybody knows that a is down: %s %+v", m.State, m.Routing)
		}
		time.Sleep(2 * idle)
		late := b.submit(t, Submission{To: []string{"+12055550101"}, Text: "late"})
		time.Sleep(2 * reroutePause)
		for _, id := range []store.MessageID{early, late} {
			if m := b.message(t, id); m.State != store.Error || m.Failure == nil || m.Failure.Code != "terminated" || m.Routing.Rule != "1" {
				t.Errorf("%s %s %+v %+v", m.Text, m.State, m.Failure, m.Routing)
			}
		}
		if m := b.message(t, waits); m.State != store.Waiting {
			t.Errorf("%s %s %+v %+v", m.Text, m.State, m.Failure, m.Routing)
		}
		a.set(true)
		time.Sleep(2 * idle)
		synctest.Wait()
		if got := a.reached(); !slices.Equal(got, []string{"+12065550100"}) {
			t.Errorf("sent to %q", got)
		}
		sound(t, b)
	})
}

// Never another way while it is not known what became of a part, nor after a part went out: phones join only what comes from one number.
func TestPlannedNeverTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, far := newGate(true), newGate(true)
		a.answers = []func(func() error) (int, error){fails(Unknown, true)}
		b := planned(t, rule("x", everyone, `{"trunk":[["a"],["b"]]}`), Trunk{"a", a}, Trunk{"b", far})
		id := b.submit(t, Submission{To: []string{"+12055550100"}, Text: "hi"})
		synctest.Wait()
		a.set(false)
		time.Sleep(time.Hour)
		m := b.message(t, id)
		if m.State != store.Unknown || len(far.marked()) != 0 {
			t.Fatalf("%s, b sent %q", m.State, far.marked())
		}
		if m, err := b.Resend(t.Context(), id, "uid:0"); err != nil || m.State != store.Waiting {
			t.Fatalf("%s %v", m.State, err)
		}
		time.Sleep(time.Hour)
		if m := b.message(t, id); m.State != store.Waiting || len(far.marked()) != 0 {
			t.Errorf("sent again another way: %s, b sent %q", m.State, far.marked())
		}
		if _, err := b.store.Reroute(t.Context(), id, "a", store.Routing{}, m.To, len(m.Parts), time.Now()); err == nil {
			t.Error("the store takes another way for what may have been sent")
		}
	})
}

// received stores a message that came in, as a modem would.
func (b *bench) received(t *testing.T, trunk, from, text string) store.Message {
	t.Helper()
	number, err := phone.Parse(from)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	m := store.Message{ID: store.NewMessageID(), Direction: store.In, State: store.Received, From: number, Text: text, Trunk: trunk, CreatedAt: now, ReceivedAt: now,
		Parts: []store.Part{{Seq: 1, State: store.Received, Reference: -1, Status: -1, TPDU: []byte(text)}}}
	got, err := b.store.Receive(t.Context(), store.Arrival{Trunk: trunk, SIM: "sim", Raw: []byte(from + text), At: now, Message: m})
	if err != nil || len(got.Messages) != 1 {
		t.Fatalf("%+v, %v", got, err)
	}
	return got.Messages[0]
}

// What came in is forwarded, ended or left alone as the plans of its trunk's provider say; the decision is kept, and made once.
func TestPlannedIn(t *testing.T) {
	for _, c := range []struct {
		name, rules, text string
		action, note      string
		to                []string // through trunk b
	}{
		{"number", rule("x", `{"match":["2055550100"]}`, `{"trunk":[["b"]],"number":"+12055550111"}`), "hi", "route", "", []string{"+12055550111"}},
		{"operator", rule("x", everyone, `{"trunk_op":[["a","4711"],["b","4712"]]}`), "hi", "route", "", []string{"4712"}},
		{"back", rule("x", everyone, `{"trunk":[["b"]],"number":"+12055550100"}`), "hi", "route", "back to where it came from", nil},
		{"too often", rule("x", everyone, `{"trunk":[["b"]],"number":"+12055550111"}`), "From 1: From 2: From 3: hi", "route", "too often", nil},
		{"number of the card not known", rule("x", everyone, `{"trunk":[["b"]]}`), "hi", "no_match", "", nil},
		{"terminate", rule("x", everyone, `{"terminate":true}`), "hi", "terminate", "", nil},
		{"continue", rule("x", everyone, `{"continue":true}`), "hi", "continue", "", nil},
		{"no match", rule("x", `{"kind":["voice"]}`, `{"terminate":true}`), "hi", "no_match", "", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, far := newGate(false), newGate(true)
				b := planned(t, c.rules, Trunk{"a", a}, Trunk{"b", far})
				time.Sleep(idle + time.Second)
				m := b.received(t, "b", "+12055550100", c.text)
				for range 2 {
					if err := b.RouteInbound(t.Context(), &m); err != nil {
						t.Fatal(err)
					}
				}
				synctest.Wait()
				m = b.message(t, m.ID)
				if r := m.Routing; r == nil || r.Action != c.action || !strings.Contains(r.Note, c.note) || (r.Note == "") != (c.note == "") {
					t.Fatalf("%+v", r)
				}
				if got := slices.Compact(far.reached()); !slices.Equal(got, c.to) {
					t.Errorf("sent to %q, want %q", got, c.to)
				}
				if c.to == nil {
					return
				}
				f := b.message(t, m.Routing.Origin)
				if f.State != store.Sent || f.Text != "From +12055550100: hi" || f.Routing.Origin != m.ID || f.Account != "plan:default/p" {
					t.Errorf("%s %q %+v", f.State, f.Text, f.Routing)
				}
				if err := b.RouteInbound(t.Context(), &m); err != nil {
					t.Fatal(err)
				}
				sound(t, b)
			})
		})
	}
}

// The plans are those of the provider that the trunk belongs to.
func TestPlannedProvider(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		far := newGate(true)
		b := planned(t, rule("x", everyone, `{"terminate":true}`), Trunk{"far", far})
		m := b.received(t, "far", "+12055550100", "hi")
		if err := b.RouteInbound(t.Context(), &m); err != nil {
			t.Fatal(err)
		}
		if m = b.message(t, m.ID); m.Routing != nil || b.TrunkProvider("far") != "acme" || b.TrunkProvider("other") != "default" {
			t.Errorf("acme has no plans, and yet %+v", m.Routing)
		}
		if e := b.TryMessage("", "", "+12055550100", time.Now()); e.Decision.Action != callplan.Terminate || len(e.Steps) != 1 {
			t.Errorf("%+v", e)
		}
	})
}

// sipGate is a gate to SIP addresses.
type sipGate struct{ *gate }

func (sipGate) OnlyPinned() bool        { return true }
func (sipGate) Reaches(uri string) bool { return strings.HasPrefix(uri, "sip:") }

// A destination with a SIP address is reached through a trunk to such, in one part, by what goes out and by what came in.
func TestPlannedSIP(t *testing.T) {
	long := strings.Repeat("a long text ", 5)
	synctest.Test(t, func(t *testing.T) {
		a, s := newGate(true), newGate(true)
		b := planned(t, rule("secure", `{"called":["+1206*"]}`, `{"sip":"sips:b@example.com"}`)+","+rule("x", everyone, `{"sip":"a@example.com"}`), Trunk{"a", a}, Trunk{"s", sipGate{s}})
		id := b.submit(t, Submission{To: []string{"+12055550100"}, Text: long})
		lost := b.submit(t, Submission{To: []string{"+12065550100"}, Text: "hi"})
		synctest.Wait()
		m := b.message(t, id)
		if m.State != store.Sent || m.To.String() != "sip:a@example.com" || m.Trunk != "s" || len(m.Parts) != 1 || m.Routing.Called != "+12055550100" || m.Routing.Trunk != "s" {
			t.Errorf("%s to %s by %s in %d parts, %+v", m.State, m.To, m.Trunk, len(m.Parts), m.Routing)
		}
		if m := b.message(t, lost); m.State != store.Error || code(m.Failure) != "no_way" {
			t.Errorf("to an address that no trunk reaches: %s %+v", m.State, m.Failure)
		}
		in := b.received(t, "a", "+12055550100", long)
		if err := b.RouteInbound(t.Context(), &in); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		in = b.message(t, in.ID)
		if f := b.message(t, in.Routing.Origin); in.Routing.Note != "" || f.State != store.Sent || f.Text != "From +12055550100: "+long || len(f.Parts) != 1 {
			t.Errorf("%+v: %s in %d parts", in.Routing, f.State, len(f.Parts))
		}
		if got := s.reached(); !slices.Equal(got, []string{"sip:a@example.com", "sip:a@example.com"}) || a.reached() != nil {
			t.Errorf("s sent to %q, a to %q", got, a.reached())
		}
		sound(t, b)
	})
	// Another way has the parts that it needs.
	synctest.Test(t, func(t *testing.T) {
		a, s := newGate(false), newGate(false)
		b := planned(t, rule("x", everyone, `{"trunk":[["a"]],"sip":"a@example.com"}`), Trunk{"a", a}, Trunk{"s", sipGate{s}})
		id := b.submit(t, Submission{To: []string{"+12055550100"}, Text: long})
		many := len(b.message(t, id).Parts)
		time.Sleep(2 * idle)
		synctest.Wait()
		if m := b.message(t, id); many < 2 || len(m.Parts) != 1 || m.Routing.Trunk != "s" || m.To.String() != "sip:a@example.com" {
			t.Fatalf("%d parts first; then %d to %s, %+v", many, len(m.Parts), m.To, m.Routing)
		}
		a.set(true)
		time.Sleep(2 * idle)
		if err := b.Remove(t.Context(), "s", true); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * reroutePause)
		synctest.Wait()
		if m := b.message(t, id); m.State != store.Sent || len(m.Parts) != many || !slices.Equal(a.reached(), slices.Repeat([]string{"+12055550100"}, many)) {
			t.Errorf("%s in %d parts to %s, %+v; a sent to %q", m.State, len(m.Parts), m.To, m.Routing, a.reached())
		}
		sound(t, b)
	})
}
