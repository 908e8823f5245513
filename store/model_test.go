package store_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"trunkline/store"
	"trunkline/store/memory"
)

// model is what a message may be, in the fewest words that the rules need.
type model struct {
	message store.Message
	state   store.State
	parts   []store.State
	marked  int // part whose attempt is committing, 0 none
	open    int // part whose attempt is open, 0 none
	due     time.Time
}

// TestHistories plays random histories of many messages, with crashes between any two steps, against a model.
func TestHistories(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := memory.New()
		s, err := store.Open(ctx, e, store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		now := start
		var all []*model
		pick := func(t *rapid.T, ok func(*model) bool) *model {
			var fit []*model
			for _, m := range all {
				if ok(m) {
					fit = append(fit, m)
				}
			}
			if len(fit) == 0 {
				t.Skip("none fits")
			}
			return rapid.SampledFrom(fit).Draw(t, "message")
		}
		sending := func(m *model) bool { return m.open > 0 }
		t.Repeat(map[string]func(*rapid.T){
			"": func(t *rapid.T) {
				now = now.Add(time.Second)
				for _, m := range all {
					got, err := s.Message(ctx, m.message.ID)
					if err != nil {
						t.Fatal(err)
					}
					if got.State != m.state {
						t.Fatalf("message %s is %s, want %s", got.Text, got.State, m.state)
					}
					for i, p := range got.Parts {
						if p.State != m.parts[i] {
							t.Fatalf("message %s part %d is %s, want %s", got.Text, i+1, p.State, m.parts[i])
						}
					}
				}
			},
			"check": func(t *rapid.T) {
				if _, err := s.Check(ctx, func(d store.Damage) { t.Errorf("check: %v", &d) }); err != nil {
					t.Fatal(err)
				}
			},
			"accept": func(t *rapid.T) {
				n := rapid.IntRange(1, 3).Draw(t, "parts")
				m := store.Message{ID: store.NewMessageID(), Direction: store.Out, State: store.Waiting, Text: fmt.Sprint(len(all)),
					Priority: uint8(rapid.IntRange(0, 9).Draw(t, "priority")), CreatedAt: now}
				for i := range n {
					m.Parts = append(m.Parts, store.Part{Seq: i + 1, State: store.Waiting, Reference: -1, Status: -1})
				}
				if _, err := s.Accept(ctx, store.Acceptance{Messages: []store.Message{m}}); err != nil {
					t.Fatal(err)
				}
				model := &model{message: m, state: store.Waiting}
				for range n {
					model.parts = append(model.parts, store.Waiting)
				}
				all = append(all, model)
			},
			"cancel": func(t *rapid.T) {
				m := pick(t, func(*model) bool { return true })
				_, err := s.Cancel(ctx, m.message.ID, now)
				if (err == nil) != (m.state == store.Waiting) {
					t.Fatalf("cancel of %s: %v", m.state, err)
				}
				if err == nil {
					m.state = store.Canceled
					m.drop(store.Canceled)
				}
			},
			"claim": func(t *rapid.T) {
				var want *model
				for _, m := range all {
					if m.state == store.Waiting && !m.due.After(now) && (want == nil || m.before(want)) {
						want = m
					}
				}
				got, ok, err := s.Claim(ctx, store.Claim{Trunk: "desk", SIM: "sim", At: now})
				if err != nil || ok != (want != nil) {
					t.Fatalf("ok %v, %v; want %v", ok, err, want != nil)
				}
				if !ok {
					return
				}
				if got.ID != want.message.ID {
					t.Fatalf("claimed %s, want %s", got.Text, want.message.Text)
				}
				want.state, want.due = store.Sending, time.Time{}
				want.next()
			},
			"mark": func(t *rapid.T) {
				m := pick(t, sending)
				err := s.Mark(ctx, m.message.ID, m.open, now)
				if (err == nil) != (m.marked == 0) {
					t.Fatalf("marked %d: %v", m.marked, err)
				}
				m.marked = m.open
			},
			"settle": func(t *rapid.T) {
				m := pick(t, sending)
				to := rapid.SampledFrom([]store.State{store.Sent, store.Unknown, store.Waiting, store.Error}).Draw(t, "to")
				retry := now.Add(time.Duration(rapid.IntRange(0, 3).Draw(t, "retry")) * time.Second)
				if _, err := s.Settle(ctx, store.Outcome{ID: m.message.ID, Seq: m.open, At: now, State: to, Reference: -1, RetryAt: retry}); err != nil {
					t.Fatal(err)
				}
				m.parts[m.open-1] = to
				m.open, m.marked = 0, 0
				switch {
				case m.outcome() == store.Error: // this part or another
					m.drop(store.Canceled)
					m.state = store.Error
				case to == store.Waiting:
					m.state, m.due = store.Waiting, retry
				default:
					if !m.next() {
						m.state = m.outcome()
					}
				}
			},
			"evidence": func(t *rapid.T) {
				m := pick(t, func(m *model) bool { return m.unknown() > 0 && !m.state.Final() })
				seq := m.unknown()
				to := rapid.SampledFrom([]store.State{store.Sent, store.Waiting}).Draw(t, "to")
				if _, err := s.Settle(ctx, store.Outcome{ID: m.message.ID, Seq: seq, At: now, State: to, Reference: -1, RetryAt: now, Evidence: store.EvidenceSIM}); err != nil {
					t.Fatal(err)
				}
				m.parts[seq-1] = to
				if to == store.Waiting {
					m.due = now
				}
				m.rest()
			},
			"resend": func(t *rapid.T) {
				m := pick(t, func(*model) bool { return true })
				_, err := s.Resend(ctx, m.message.ID, "uid:0", now)
				if want := m.unknown() > 0 && !m.state.Final(); (err == nil) != want {
					t.Fatalf("resend of %s %v: %v", m.state, m.parts, err)
				}
				if err != nil {
					return
				}
				for i, p := range m.parts {
					if p == store.Unknown {
						m.parts[i] = store.Waiting
					}
				}
				m.due = time.Time{}
				m.rest()
			},
			"resolve": func(t *rapid.T) {
				m := pick(t, func(m *model) bool { return m.unknown() > 0 && m.state != store.Canceled && m.state != store.Error })
				to := rapid.SampledFrom([]store.State{store.Sent, store.Delivered, store.Error}).Draw(t, "to")
				was := append([]store.State(nil), m.parts...)
				for i, p := range m.parts {
					if p == store.Unknown {
						m.parts[i] = to
					}
				}
				before := m.state
				m.rest()
				_, err := s.Resolve(ctx, m.message.ID, to, "uid:0", now)
				if refused := before != m.state && store.Transition(m.message.ID, before, m.state) != nil; (err != nil) != refused {
					t.Fatalf("resolve of %s %v as %s: %v", before, was, to, err)
				}
				if err != nil {
					m.state, m.parts = before, was
				}
			},
			"crash": func(t *rapid.T) {
				e = memory.Restore(e.Snapshot())
				if s, err = store.Open(ctx, e, store.Options{}); err != nil {
					t.Fatal(err)
				}
				if _, err := s.Recover(ctx, now); err != nil {
					t.Fatal(err)
				}
				for _, m := range all {
					if m.open == 0 {
						continue
					}
					m.parts[m.open-1] = store.Waiting
					if m.marked > 0 {
						m.parts[m.open-1] = store.Unknown
					}
					m.open, m.marked, m.state = 0, 0, m.outcome()
					for _, p := range m.parts {
						if p == store.Waiting && m.state != store.Error {
							m.state = store.Waiting
						}
					}
					m.end()
				}
			},
		})
	})
}

// before tells whether m is claimed before o: priority, then the time it is due, then age.
func (m *model) before(o *model) bool {
	if a, b := m.message.Priority, o.message.Priority; a != b {
		return a > b
	}
	due := func(m *model) time.Time {
		if m.due.IsZero() {
			return m.message.CreatedAt
		}
		return m.due
	}
	if a, b := due(m), due(o); !a.Equal(b) {
		return a.Before(b)
	}
	return m.message.ID.String() < o.message.ID.String()
}

func (m *model) next() bool {
	for i, p := range m.parts {
		if p == store.Waiting {
			m.parts[i], m.open = store.Sending, i+1
			return true
		}
	}
	return false
}

func (m *model) drop(to store.State) {
	for i, p := range m.parts {
		if p == store.Waiting {
			m.parts[i] = to
		}
	}
}

func (m *model) outcome() store.State {
	for _, s := range []store.State{store.Error, store.Sending, store.Waiting, store.Unknown, store.Sent} {
		for _, p := range m.parts {
			if p == s {
				return s
			}
		}
	}
	return store.Delivered
}

// rest gives the message the state that follows from its parts, when no trunk is at work on it. Of one that failed nothing is sent any more.
func (m *model) rest() {
	if m.open == 0 {
		m.state = m.outcome()
		m.end()
	}
}

// end drops what waits of a message that failed.
func (m *model) end() {
	if m.state == store.Error {
		m.drop(store.Canceled)
	}
}

// unknown returns the first part of which nobody knows, 0 when there is none.
func (m *model) unknown() int {
	for i, p := range m.parts {
		if p == store.Unknown {
			return i + 1
		}
	}
	return 0
}
