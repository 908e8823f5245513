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

// TestSettle plays scripts of outcomes against messages. Each word is a verb and a part: c claim, m mark, then s sent, e error, u unknown, w waiting
// again; R recover; d delivered report, f failure report, t still trying; x settled as
// failed by somebody.
func TestSettle(t *testing.T) {
	for _, test := range []struct {
		parts  int
		script string
		want   store.State
		part   string // states of the parts
		events string // behind message.waiting
	}{
		{1, "c m1 s1", store.Sent, "sent", "message.sending message.sent"},
		{1, "c m1 s1 d1", store.Delivered, "delivered", "message.sending message.sent message.delivered"},
		{1, "c m1 s1 t1 d1", store.Delivered, "delivered", "message.sending message.sent message.delivered"},
		{1, "c m1 s1 f1", store.Error, "error", "message.sending message.sent message.error"},
		{1, "c m1 e1", store.Error, "error", "message.sending message.error"},
		{1, "c e1", store.Error, "error", "message.sending message.error"},
		{1, "c w1", store.Waiting, "waiting", "message.sending message.waiting"},
		{1, "c m1 w1 c m1 s1", store.Sent, "sent", "message.sending message.waiting message.sending message.sent"},
		{1, "c m1 u1", store.Unknown, "unknown", "message.sending message.unknown"},
		{1, "c m1 u1 s1", store.Sent, "sent", "message.sending message.unknown message.sent"},
		{1, "c m1 u1 w1", store.Waiting, "waiting", "message.sending message.unknown message.waiting"},
		{1, "c m1 u1 s1 d1", store.Delivered, "delivered", "message.sending message.unknown message.sent message.delivered"},
		{2, "c m1 s1 m2 s2", store.Sent, "sent sent", "message.sending part.sent message.sent"},
		{2, "c m1 s1 d1 m2 s2", store.Sent, "delivered sent", "message.sending part.sent part.delivered message.sent"},
		{2, "c m1 s1 m2 s2 d2 d1", store.Delivered, "delivered delivered", "message.sending part.sent message.sent part.delivered message.delivered"},
		{2, "c m1 s1 m2 e2", store.Error, "sent error", "message.sending part.sent message.error"},
		{2, "c m1 e1", store.Error, "error canceled", "message.sending message.error"},
		{2, "c m1 e1 ", store.Error, "error canceled", "message.sending message.error"},
		{2, "c m1 u1 m2 s2", store.Unknown, "unknown sent", "message.sending part.unknown message.unknown"},
		{2, "c m1 u1 m2 s2 d2", store.Unknown, "unknown delivered", "message.sending part.unknown message.unknown part.delivered"},
		{2, "c m1 u1 s1 m2 s2", store.Sent, "sent sent", "message.sending part.unknown part.sent message.sent"},
		{2, "c m1 s1 m2 w2", store.Waiting, "sent waiting", "message.sending part.sent message.waiting"},
		{2, "c m1 s1 m2 w2 c m2 s2", store.Sent, "sent sent", "message.sending part.sent message.waiting message.sending message.sent"},
		{2, "c m1 s1 m2 s2 f1 d2", store.Error, "error delivered", "message.sending part.sent message.sent message.error part.delivered"},
		{1, "c R", store.Waiting, "waiting", "message.sending message.waiting"},
		{1, "c m1 R", store.Unknown, "unknown", "message.sending message.unknown"},
		{1, "c m1 R s1", store.Sent, "sent", "message.sending message.unknown message.sent"},
		{2, "c m1 R", store.Waiting, "unknown waiting", "message.sending message.waiting"},
		{2, "c m1 R c m2 s2", store.Unknown, "unknown sent", "message.sending message.waiting message.sending message.unknown"},
		{2, "c m1 s1 R c m2 s2", store.Sent, "sent sent", "message.sending part.sent message.waiting message.sending message.sent"},
		{2, "c m1 s1 m2 R", store.Unknown, "sent unknown", "message.sending part.sent message.unknown"},
		{2, "c m1 R x1", store.Error, "error canceled", "message.sending message.waiting message.settle message.error"},
		{2, "c m1 u1 m2 x1 s2", store.Error, "error sent", "message.sending part.unknown message.settle message.error"},
		{2, "c m1 u1 m2 x1 w2", store.Error, "error canceled", "message.sending part.unknown message.settle message.error"},
		{3, "c m1 u1 m2 x1 s2", store.Error, "error sent canceled", "message.sending part.unknown message.settle message.error"},
		{3, "c m1 u1 m2 x1 u2", store.Error, "error unknown canceled", "message.sending part.unknown message.settle message.error"},
		{3, "c m1 u1 x1 R", store.Error, "error canceled canceled", "message.sending part.unknown message.settle message.error"},
		{3, "c m1 u1 m2 x1 R", store.Error, "error unknown canceled", "message.sending part.unknown message.settle message.error"},
		{2, "c m1 s1 m2 w2 f1", store.Error, "error canceled", "message.sending part.sent message.waiting message.error"},
		{3, "c m1 s1 m2 f1 s2", store.Error, "error sent canceled", "message.sending part.sent part.error message.error"},
	} {
		t.Run(test.script, func(t *testing.T) {
			s, _ := open(t, store.Options{})
			m := outgoing(t, test.parts)
			accept(t, s, m)
			at := start
			for _, word := range strings.Fields(test.script) {
				at = at.Add(time.Second)
				if err := play(t, s, m, word, at); err != nil {
					t.Fatalf("%s: %v", word, err)
				}
				invariants(t, s, word)
			}
			got, err := s.Message(ctx, m.ID)
			if err != nil {
				t.Fatal(err)
			}
			var states []string
			for _, p := range got.Parts {
				states = append(states, p.State.String())
			}
			if got.State != test.want || strings.Join(states, " ") != test.part {
				t.Errorf("message %s, parts %q; want %s, %q", got.State, states, test.want, test.part)
			}
			if events := strings.Join(types(t, s)[1:], " "); events != test.events {
				t.Errorf("events %s\n  want %s", events, test.events)
			}
			if (got.State == store.Delivered) != !got.DeliveredAt.IsZero() || (got.State == store.Error || got.State == store.Unknown) != (got.Failure != nil) && got.State != store.Waiting {
				t.Errorf("%s with delivered at %s, failure %+v", got.State, got.DeliveredAt, got.Failure)
			}
			// A message of which a part went out stays on its trunk.
			if got.State == store.Waiting && (got.Trunk == "desk") != (states[0] != "waiting") {
				t.Errorf("waits for trunk %q with parts %q", got.Trunk, states)
			}
		})
	}
}

func play(t *testing.T, s *store.Store, m store.Message, word string, at time.Time) error {
	seq := int(word[len(word)-1] - '0')
	outcome := store.Outcome{ID: m.ID, Seq: seq, At: at, Reference: 100 + seq, Failure: &store.Failure{Code: "cms_500"}}
	r := store.Report{SIM: "sim-desk", Reference: 100 + seq, Recipient: m.To, At: at}
	var err error
	switch word[0] {
	case 'c':
		claim(t, s, "desk", at)
	case 'm':
		err = s.Mark(ctx, m.ID, seq, at)
	case 's':
		outcome.State, outcome.Failure = store.Sent, nil
		_, err = s.Settle(ctx, outcome)
	case 'e':
		outcome.State = store.Error
		_, err = s.Settle(ctx, outcome)
	case 'u':
		outcome.State = store.Unknown
		_, err = s.Settle(ctx, outcome)
	case 'w':
		outcome.State, outcome.RetryAt = store.Waiting, at.Add(time.Second/2)
		_, err = s.Settle(ctx, outcome)
	case 'x':
		_, err = s.Resolve(ctx, m.ID, store.Error, "uid:0", at)
	case 'R':
		_, err = s.Recover(ctx, at)
	case 'd', 'f', 't':
		r.Status = map[byte]int{'d': 0x00, 'f': 0x41, 't': 0x20}[word[0]]
		var match store.Match
		if match, _, err = s.Report(ctx, r); err == nil && match != store.Matched {
			err = fmt.Errorf("report is %s", match)
		}
	}
	return err
}

func TestSettleRefuses(t *testing.T) {
	s, _ := open(t, store.Options{})
	m := outgoing(t, 1)
	accept(t, s, m)
	sent := store.Outcome{ID: m.ID, Seq: 1, At: start, State: store.Sent, Reference: 1}
	if _, err := s.Settle(ctx, sent); !errors.Is(err, store.ErrAttempt) {
		t.Errorf("before the claim: %v", err)
	}
	claim(t, s, "desk", start)
	for _, change := range []func(*store.Outcome){
		func(o *store.Outcome) { o.Seq = 2 },
		func(o *store.Outcome) { o.State = store.Delivered },
		func(o *store.Outcome) { o.ID = store.NewMessageID() },
	} {
		o := sent
		change(&o)
		if _, err := s.Settle(ctx, o); err == nil {
			t.Errorf("%+v was accepted", o)
		}
	}
	if _, err := s.Settle(ctx, sent); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Settle(ctx, sent); !errors.Is(err, store.ErrAttempt) {
		t.Errorf("twice: %v", err)
	}
}

// The attempts of a part that is tried for ever are bounded, their numbers go on.
func TestAttemptsAreBounded(t *testing.T) {
	s, _ := open(t, store.Options{})
	m := outgoing(t, 1)
	accept(t, s, m)
	at := start
	for range store.MaxAttempts + 5 {
		at = at.Add(time.Minute)
		for _, word := range []string{"c", "w1"} {
			if err := play(t, s, m, word, at); err != nil {
				t.Fatal(err)
			}
		}
	}
	got, err := s.Message(ctx, m.ID)
	if err != nil {
		t.Fatal(err)
	}
	a := got.Parts[0].Attempts
	if len(a) != store.MaxAttempts || a[len(a)-1].Number != store.MaxAttempts+5 || a[0].Number != 6 {
		t.Errorf("%d attempts, from %d to %d", len(a), a[0].Number, a[len(a)-1].Number)
	}
}

func TestReportMatching(t *testing.T) {
	sent := func(t *testing.T, s *store.Store, to string, reference int, at time.Time) store.Message {
		m := outgoing(t, 1, func(m *store.Message) { m.To = number(t, to) })
		accept(t, s, m)
		claim(t, s, "desk", at)
		got, err := s.Settle(ctx, store.Outcome{ID: m.ID, Seq: 1, At: at, State: store.Sent, Reference: reference})
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	const to = "+4915112345678"
	hour := start.Add(time.Hour)
	for _, test := range []struct {
		name   string
		sentAt []time.Time // of messages with reference 5 to the same line
		report store.Report
		match  store.Match
		which  int
		event  string
	}{
		{"the only one", []time.Time{start}, store.Report{SIM: "sim-desk", Reference: 5, At: hour}, store.Matched, 0, "message.delivered"},
		{"another SIM", []time.Time{start}, store.Report{SIM: "sim-roof", Reference: 5, At: hour}, store.Unmatched, 0, "report.unmatched"},
		{"another reference", []time.Time{start}, store.Report{SIM: "sim-desk", Reference: 6, At: hour}, store.Unmatched, 0, "report.unmatched"},
		{"another line", []time.Time{start}, store.Report{SIM: "sim-desk", Reference: 5, Recipient: number(t, "+4915112345679"), At: hour}, store.Unmatched, 0, "report.unmatched"},
		{"national form", []time.Time{start}, store.Report{SIM: "sim-desk", Reference: 5, Recipient: number(t, "015112345678"), At: hour}, store.Matched, 0, "message.delivered"},
		{"too late", []time.Time{start}, store.Report{SIM: "sim-desk", Reference: 5, At: start.Add(72 * time.Hour)}, store.Unmatched, 0, "report.unmatched"},
		{"in time", []time.Time{start}, store.Report{SIM: "sim-desk", Reference: 5, At: start.Add(72*time.Hour - 1)}, store.Matched, 0, "message.delivered"},
		{"newest", []time.Time{start, hour}, store.Report{SIM: "sim-desk", Reference: 5, At: hour.Add(time.Minute)}, store.Matched, 1, "message.delivered"},
		{"centre's time", []time.Time{start, hour}, store.Report{SIM: "sim-desk", Reference: 5, At: hour.Add(time.Minute), CentreAt: start.Add(3 * time.Second)}, store.Matched, 0, "message.delivered"},
		{"alike", []time.Time{start, start.Add(time.Second)}, store.Report{SIM: "sim-desk", Reference: 5, At: hour}, store.Ambiguous, 0, "report.ambiguous"},
		{"alike by the centre", []time.Time{start, start.Add(10 * time.Second)}, store.Report{SIM: "sim-desk", Reference: 5, At: hour, CentreAt: start.Add(5 * time.Second)}, store.Ambiguous, 0, "report.ambiguous"},
		{"the older hardly nearer", []time.Time{start, start.Add(time.Second)}, store.Report{SIM: "sim-desk", Reference: 5, At: hour, CentreAt: start.Add(-time.Second)}, store.Ambiguous, 0, "report.ambiguous"},
		{"alike but for a third", []time.Time{start, start.Add(time.Second), hour}, store.Report{SIM: "sim-desk", Reference: 5, At: hour}, store.Matched, 2, "message.delivered"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, _ := open(t, store.Options{})
			var all []store.Message
			for _, at := range test.sentAt {
				all = append(all, sent(t, s, to, 5, at))
			}
			if test.report.Recipient.IsZero() {
				test.report.Recipient = number(t, to)
			}
			test.report.Raw = []byte("raw")
			for i := range 2 { // the same PDU a second time changes nothing
				match, got, err := s.Report(ctx, test.report)
				if err != nil || match != test.match {
					t.Fatalf("report %d: %s, %v; want %s", i+1, match, err, test.match)
				}
				for j, m := range all {
					now, err := s.Message(ctx, m.ID)
					if err != nil {
						t.Fatal(err)
					}
					if hit := test.match == store.Matched && j == test.which; hit != (now.State == store.Delivered) || hit != (got.ID == m.ID) {
						t.Errorf("message %d is %s, reported was %s", j, now.State, got.ID)
					}
				}
			}
			events := types(t, s)
			if len(events) != 3*len(all)+1 || events[len(events)-1] != test.event {
				t.Errorf("events %q, want one %s at the end", events, test.event)
			}
			invariants(t, s, test.name)
		})
	}
}

// A report can come before the modem's answer to the command that it is about.
func TestReportBeforeAnswer(t *testing.T) {
	for _, test := range []struct {
		name     string
		reported time.Time
		status   int
		want     store.State
	}{
		{"delivered", start.Add(time.Second), 0, store.Delivered},
		{"failed", start.Add(time.Second), 0x45, store.Error},
		{"trying", start.Add(time.Second), 0x30, store.Sent},
		{"of an older message", start.Add(-time.Second), 0, store.Sent},
	} {
		t.Run(test.name, func(t *testing.T) {
			onEngines(t, store.Options{}, func(t *testing.T, s *store.Store) {
				m := outgoing(t, 1)
				accept(t, s, m)
				claim(t, s, "desk", start)
				r := store.Report{SIM: "sim-desk", Reference: 9, Recipient: m.To, Status: test.status, At: test.reported}
				if match, _, err := s.Report(ctx, r); err != nil || match != store.Unmatched {
					t.Fatalf("%s, %v", match, err)
				}
				got, err := s.Settle(ctx, store.Outcome{ID: m.ID, Seq: 1, At: start.Add(2 * time.Second), State: store.Sent, Reference: 9})
				if err != nil || got.State != test.want {
					t.Errorf("%s, %v; want %s", got.State, err, test.want)
				}
				for more := true; more; {
					if more, err = s.Tidy(ctx, start.Add(72*time.Hour+2*time.Second)); err != nil { // when the window ends
						t.Fatal(err)
					}
				}
				if counts, err := s.Counts(ctx); err != nil || counts[store.Sent] != 0 {
					t.Errorf("awaited after the window: %v, %v", counts, err)
				}
				if slices.Contains(types(t, s), "store.damaged") {
					t.Error("something was damaged")
				}
			})
		})
	}
}
