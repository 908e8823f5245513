package store_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"trunkline/callplan/phone"
	"trunkline/store"
	"trunkline/store/memory"
)

var errCrash = errors.New("crash")

// story is a program's life with the store, in steps that a crash can come between or into. What it was told is durable is noted.
type story struct {
	out, withdrawn, late       store.Message
	in, first, second, another store.Message
	acked                      map[string]bool
}

func newStory(t testing.TB) *story {
	arrived := func(text string) store.Message {
		return store.Message{ID: store.NewMessageID(), Direction: store.In, State: store.Received, From: number(t, "+4917099887766"), Text: text, Trunk: "desk",
			CreatedAt: start, ReceivedAt: start}
	}
	return &story{out: outgoing(t, 2), withdrawn: outgoing(t, 1, func(m *store.Message) { m.Pin = "other" }),
		late: outgoing(t, 1, func(m *store.Message) { m.ExpiresAt, m.Pin = start.Add(time.Minute), "other" }),
		in:   arrived("in"), first: arrived(""), second: arrived(""), another: arrived("in"), acked: map[string]bool{}}
}

type step struct {
	name string
	do   func(*story, *store.Store) error
}

func segment(seq int) *store.Segment {
	return &store.Segment{Key: []byte("set"), Sender: "+4917099887766", Total: 2, Seq: seq}
}

func report(to phone.Number, reference int, at time.Time) store.Report {
	return store.Report{Trunk: "desk", SIM: "sim", Reference: reference, Recipient: to, At: at, Raw: []byte{byte(reference)}}
}

// steps are idempotent from the caller's side: after a crash the program does the one that failed once more.
var steps = []step{
	{"accept", func(y *story, s *store.Store) error {
		_, err := s.Accept(ctx, store.Acceptance{Messages: []store.Message{y.out}, Key: &store.Key{Scope: "uid:1", Key: "k", Hash: [32]byte{1}, At: start}})
		return err
	}},
	{"accept two", func(y *story, s *store.Store) error {
		_, err := s.Accept(ctx, store.Acceptance{Messages: []store.Message{y.withdrawn, y.late}, Key: &store.Key{Scope: "uid:1", Key: "l", At: start}})
		return err
	}},
	{"claim", func(y *story, s *store.Store) error {
		_, _, err := s.Claim(ctx, store.Claim{Trunk: "desk", SIM: "sim", At: start, Prepare: func(m *store.Message) error {
			for i := range m.Parts {
				m.Parts[i].TPDU = []byte{1, 2, 3}
			}
			return nil
		}})
		return err
	}},
	{"mark 1", func(y *story, s *store.Store) error { return s.Mark(ctx, y.out.ID, 1, start) }},
	{"settle 1", func(y *story, s *store.Store) error {
		_, err := s.Settle(ctx, store.Outcome{ID: y.out.ID, Seq: 1, At: start, State: store.Sent, Reference: 7})
		return err
	}},
	{"report 2 early", func(y *story, s *store.Store) error {
		_, _, err := s.Report(ctx, report(y.out.To, 8, start.Add(time.Second)))
		return err
	}},
	{"mark 2", func(y *story, s *store.Store) error { return s.Mark(ctx, y.out.ID, 2, start) }},
	{"settle 2", func(y *story, s *store.Store) error {
		_, err := s.Settle(ctx, store.Outcome{ID: y.out.ID, Seq: 2, At: start.Add(2 * time.Second), State: store.Sent, Reference: 8})
		return err
	}},
	{"report 1", func(y *story, s *store.Store) error {
		_, _, err := s.Report(ctx, report(y.out.To, 7, start.Add(3*time.Second)))
		return err
	}},
	{"cancel", func(y *story, s *store.Store) error {
		_, err := s.Cancel(ctx, y.withdrawn.ID, start)
		return err
	}},
	{"receive", func(y *story, s *store.Store) error {
		_, err := s.Receive(ctx, store.Arrival{Trunk: "desk", Slot: "SM1", Raw: []byte("pdu"), At: start, Message: y.in})
		return err
	}},
	{"receive part 1", func(y *story, s *store.Store) error {
		_, err := s.Receive(ctx, store.Arrival{Trunk: "desk", Slot: "SM2", Raw: []byte("\x02\x01left "), At: start, Message: y.first, Segment: segment(1)})
		return err
	}},
	{"receive part 2", func(y *story, s *store.Store) error {
		_, err := s.Receive(ctx, store.Arrival{Trunk: "desk", Slot: "SM3", Raw: []byte("\x02\x02right"), At: start, Message: y.second, Segment: segment(2)})
		return err
	}},
	{"release", func(y *story, s *store.Store) error { return s.Release(ctx, "", "SM1", []byte("pdu")) }},
	{"receive again", func(y *story, s *store.Store) error {
		_, err := s.Receive(ctx, store.Arrival{Trunk: "desk", Slot: "SM1", Raw: []byte("pdu"), At: start, Message: y.another})
		return err
	}},
	{"quarantine", func(y *story, s *store.Store) error {
		return s.Quarantine(ctx, store.Bad{Trunk: "desk", Slot: "SM4", Raw: "zz", Offset: -1, At: start})
	}},
	{"tidy", func(y *story, s *store.Store) error {
		_, err := s.Tidy(ctx, start.Add(time.Hour))
		return err
	}},
}

// run does the steps from one on until one fails, and returns the index of that one.
func (y *story) run(s *store.Store, from int) (int, error) {
	for i := from; i < len(steps); i++ {
		if err := steps[i].do(y, s); err != nil {
			return i, err
		}
		y.acked[steps[i].name] = true
	}
	return len(steps), nil
}

func TestCrashAtEveryOperation(t *testing.T) {
	options := store.Options{Assembler: joiner{}}
	base := memory.New()
	s, err := store.Open(ctx, base, options)
	if err != nil {
		t.Fatal(err)
	}
	empty := base.Snapshot()
	if at, err := newStory(t).run(s, 0); err != nil {
		t.Fatalf("%s without a fault: %v", steps[at].name, err)
	}
	total := base.Operations()
	if total < 100 {
		t.Fatalf("only %d operations", total)
	}
	for _, fault := range []struct {
		name    string
		moment  memory.Moment
		applied bool
	}{{"before", memory.Before, false}, {"commit lost", memory.AtCommit, false}, {"commit kept", memory.AtCommit, true}, {"answer lost", memory.AfterCommit, true}} {
		t.Run(fault.name, func(t *testing.T) {
			for n := 1; n <= total; n++ {
				e := memory.Restore(empty)
				s, err := store.Open(ctx, e, options)
				if err != nil {
					t.Fatal(err)
				}
				e.FailAt(n, fault.moment, fault.applied, errCrash)
				y := newStory(t)
				at, err := y.run(s, 0)
				if err == nil {
					continue // the fault is behind the last operation of this run
				}
				if !errors.Is(err, errCrash) {
					t.Fatalf("operation %d: %v", n, err)
				}
				y.afterCrash(t, memory.Restore(e.Snapshot()), options, at, fmt.Sprintf("operation %d in %q", n, steps[at].name))
				if t.Failed() {
					return
				}
			}
		})
	}
}

// afterCrash opens what the crash left and proves that nothing was lost or doubled, then lives on to the end.
func (y *story) afterCrash(t *testing.T, e *memory.Engine, options store.Options, at int, where string) {
	s, err := store.Open(ctx, e, options)
	if err != nil {
		t.Fatalf("%s: %v", where, err)
	}
	recovered, err := s.Recover(ctx, start.Add(time.Minute/2))
	if err != nil {
		t.Fatalf("%s: recover: %v", where, err)
	}
	invariants(t, s, where)
	if y.acked["accept"] {
		m, err := s.Message(ctx, y.out.ID)
		if err != nil {
			t.Fatalf("%s: accepted message: %v", where, err)
		}
		for i, p := range m.Parts {
			marked := y.acked[fmt.Sprintf("mark %d", i+1)]
			if p.State == store.Sending || marked && p.State == store.Waiting || !y.acked["claim"] && steps[at].name != "claim" && p.State != store.Waiting {
				t.Errorf("%s: part %d is %s", where, i+1, p.State)
			}
			if marked && !y.acked[fmt.Sprintf("settle %d", i+1)] && p.State != store.Unknown && steps[at].name != fmt.Sprintf("settle %d", i+1) {
				t.Errorf("%s: part %d was marked and is %s", where, i+1, p.State)
			}
		}
		if m.State == store.Sending {
			t.Errorf("%s: message is still sending; recovered %+v", where, recovered)
		}
	}
	// What the caller was not told it asks for again; what is about the broken attempt is over.
	for i := at; i < len(steps); i++ {
		switch err := steps[i].do(y, s); {
		case err == nil, errors.Is(err, store.ErrAttempt):
		case errors.Is(err, store.ErrNotFound), isTransition(err):
		default:
			t.Fatalf("%s: then %q: %v", where, steps[i].name, err)
		}
	}
	invariants(t, s, where+", at the end")
	in, err := s.Messages(ctx, store.Query{Direction: store.In})
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]int{}
	for _, m := range in.Items {
		texts[m.Text]++
		if (m.ID == y.another.ID) != (m.DuplicateOf == y.in.ID) {
			t.Errorf("%s: message %q: duplicate of %s", where, m.Text, m.DuplicateOf)
		}
	}
	// A repeated Receive whose slot was known is the same message; "in" comes twice since its slot was released between.
	if texts["left right"] != 1 || texts["in"] != 2 && !(texts["in"] == 1 && steps[at].name == "release") || len(in.Items) != texts["in"]+1 {
		t.Errorf("%s: received %v", where, texts)
	}
	out, err := s.Messages(ctx, store.Query{Direction: store.Out})
	if err != nil || len(out.Items) != 3 {
		t.Errorf("%s: %d messages to be sent, %v", where, len(out.Items), err)
	}
}

func isTransition(err error) bool {
	var refused *store.TransitionError
	return errors.As(err, &refused)
}

// invariants checks what must hold at any time: indexes and records agree, events have no gap, and the events of each message tell, step by allowed
// step, how it came to the state that it has.
func invariants(t testing.TB, s *store.Store, where string) {
	t.Helper()
	if _, err := s.Check(ctx, func(d store.Damage) { t.Errorf("%s: check: %v", where, &d) }); err != nil {
		t.Fatalf("%s: check: %v", where, err)
	}
	states := map[store.MessageID]store.State{}
	for after := uint64(0); ; {
		events, err := s.Events(context.Background(), after, 0)
		if err != nil {
			t.Fatal(err)
		}
		if len(events) == 0 {
			break
		}
		for _, e := range events {
			if e.Seq != after+1 {
				t.Errorf("%s: event %d follows %d", where, e.Seq, after)
			}
			after = e.Seq
			if e.Type != "message."+e.State.String() {
				continue
			}
			if err := store.Transition(e.Message, states[e.Message], e.State); err != nil {
				t.Errorf("%s: event %d: %v", where, e.Seq, err)
			}
			states[e.Message] = e.State
		}
	}
	for id, state := range states {
		if m, err := s.Message(ctx, id); err != nil || m.State != state {
			t.Errorf("%s: message %s is %s (%v), its events say %s", where, id, m.State, err, state)
		}
	}
	seen := 0
	for q := (store.Query{Limit: 1000}); ; {
		page, err := s.Messages(ctx, q)
		if err != nil {
			t.Fatal(err)
		}
		seen += len(page.Items)
		if q.Cursor = page.Next; q.Cursor == "" {
			break
		}
	}
	if seen != len(states) {
		t.Errorf("%s: %d messages, %d of them in events", where, seen, len(states))
	}
}
