package store_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"trunkline/store"
)

// TestDoubt plays what follows a lost answer. Words as in TestSettle, and besides: c claims under the policy of the test, m marks with the reference 100
// known before, S settles as sent by the SIM, W as not sent; T lets Tidy run after so many minutes; X asks to cancel, in vain; D, F and t are reports
// with the reference that is expected: 101.
func TestDoubt(t *testing.T) {
	for _, test := range []struct {
		policy store.Ambiguity
		parts  int
		script string
		want   store.State
		part   string // states of the parts
		events string // behind message.sending
	}{
		{0, 1, "c m1 u1 X", store.Sending, "sending", "part.sending"},
		{0, 1, "c m1 u1 T9", store.Sending, "sending", "part.sending"},
		{0, 1, "c m1 u1 T11", store.Unknown, "unknown", "part.sending message.unknown"},
		{0, 1, "c m1 u1 T11 T9999", store.Unknown, "unknown", "part.sending message.unknown"},
		{0, 1, "c m1 u1 S1", store.Sent, "sent", "part.sending message.sent"},
		{0, 1, "c m1 u1 T11 S1", store.Sent, "sent", "part.sending message.unknown message.sent"},
		{0, 1, "c m1 u1 W1", store.Waiting, "waiting", "part.sending message.waiting"},
		{0, 1, "c m1 u1 D1", store.Delivered, "delivered", "part.sending message.delivered"},
		{0, 1, "c m1 u1 T11 D1", store.Delivered, "delivered", "part.sending message.unknown message.delivered"},
		{0, 1, "c m1 u1 t1", store.Sent, "sent", "part.sending message.sent"},
		{0, 1, "c m1 u1 F1", store.Error, "error", "part.sending message.error"},
		{0, 1, "c m1 D1 u1", store.Delivered, "delivered", "report.unmatched message.delivered"},
		{0, 1, "c m1 R", store.Sending, "sending", "part.sending"},
		{0, 1, "c m1 R R R", store.Sending, "sending", "part.sending"},
		{0, 1, "c m1 R S1", store.Sent, "sent", "part.sending message.sent"},
		{0, 1, "c m1 R T11", store.Unknown, "unknown", "part.sending message.unknown"},
		{0, 1, "c m1 D1 R", store.Delivered, "delivered", "report.unmatched message.delivered"},
		{0, 2, "c m1 u1 m2 s2", store.Sending, "sending sent", "part.sending part.sent"},
		{0, 2, "c m1 u1 m2 s2 S1", store.Sent, "sent sent", "part.sending part.sent message.sent"},
		{0, 2, "c m1 u1 S1 m2 s2", store.Sent, "sent sent", "part.sending part.sent message.sent"},
		{0, 2, "c m1 u1 W1 m2 s2 m1 s1", store.Sent, "sent sent", "part.sending part.waiting part.sent message.sent"},
		{0, 2, "c m1 u1 T11 m2 s2", store.Unknown, "unknown sent", "part.sending part.unknown message.unknown"},
		{0, 2, "c m1 u1 m2 e2", store.Error, "sending error", "part.sending message.error"},
		{0, 2, "c m1 u1 m2 e2 T11", store.Error, "unknown error", "part.sending message.error part.unknown"},
		{0, 2, "c m1 u1 w2 T11", store.Waiting, "unknown waiting", "part.sending message.waiting part.unknown"},
		{0, 2, "c m1 u1 w2 S1 c m2 s2", store.Sent, "sent sent", "part.sending message.waiting part.sent message.sending message.sent"},
		{store.Resend, 1, "c m1 u1 T11", store.Waiting, "waiting", "part.sending message.unknown message.waiting"},
		{store.Resend, 1, "c m1 u1 T11 c m1 s1", store.Sent, "sent", "part.sending message.unknown message.waiting message.sending message.sent"},
		{store.Resend, 1, "c m1 u1 T11 c m1 u1 T11 c m1 u1 T11 c m1 u1 T11 T99", store.Unknown, "unknown", "part.sending message.unknown message.waiting message.sending " +
			"part.sending message.unknown message.waiting message.sending part.sending message.unknown message.waiting message.sending part.sending message.unknown"},
		{store.Resend, 1, "c m1 u1 D1 T11", store.Delivered, "delivered", "part.sending message.delivered"},
		{store.Resend, 2, "c m1 u1 T11 m2 s2 m1 s1", store.Sent, "sent sent", "part.sending part.waiting part.sent message.sent"},
		{store.ResendOnce, 1, "c m1 u1 T11", store.Unknown, "unknown", "part.sending message.unknown"},
		{store.ResendOnce, 1, "c m1 u1 T11 T1430", store.Waiting, "waiting", "part.sending message.unknown message.waiting"},
		{store.ResendOnce, 1, "c m1 u1 T11 D1 T1430", store.Delivered, "delivered", "part.sending message.unknown message.delivered"},
		{store.ResendOnce, 1, "c m1 u1 T11 T1430 c m1 u1 T11 T9999", store.Unknown, "unknown", "part.sending message.unknown message.waiting message.sending part.sending message.unknown"},
	} {
		t.Run(fmt.Sprint(test.policy, " ", test.script), func(t *testing.T) {
			s, _ := open(t, store.Options{UnknownAfter: 10 * time.Minute})
			m := outgoing(t, test.parts, func(m *store.Message) { m.OnAmbiguous = test.policy })
			accept(t, s, m)
			at := start
			for _, word := range strings.Fields(test.script) {
				at = at.Add(time.Second)
				at = doubt(t, s, m, word, at)
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
			if events := strings.Join(types(t, s)[2:], " "); events != test.events {
				t.Errorf("events %s\n  want %s", events, test.events)
			}
		})
	}
}

func doubt(t *testing.T, s *store.Store, m store.Message, word string, at time.Time) time.Time {
	t.Helper()
	var seq int
	fmt.Sscanf(word[1:], "%d", &seq)
	var err error
	switch word[0] {
	case 'm':
		err = s.MarkAfter(ctx, m.ID, seq, 100, at)
	case 'S':
		_, err = s.Settle(ctx, store.Outcome{ID: m.ID, Seq: seq, At: at, State: store.Sent, Reference: 101, Evidence: store.EvidenceSIM})
	case 'W':
		_, err = s.Settle(ctx, store.Outcome{ID: m.ID, Seq: seq, At: at, State: store.Waiting, RetryAt: at, Reference: -1, Evidence: store.EvidenceSIM})
	case 'T':
		at = at.Add(time.Duration(seq) * time.Minute)
		for more := true; more && err == nil; {
			more, err = s.Tidy(ctx, at)
		}
	case 'X':
		if _, err := s.Cancel(ctx, m.ID, at); !isTransition(err) {
			t.Errorf("cancel: %v", err)
		}
	case 'D', 'F', 't':
		status := map[byte]int{'D': 0x00, 'F': 0x41, 't': 0x20}[word[0]]
		_, _, err = s.Report(ctx, store.Report{SIM: "sim-desk", Reference: 101, Recipient: m.To, Status: status, At: at, Raw: []byte(word)})
	default:
		err = play(t, s, m, word, at)
	}
	if err != nil {
		t.Fatalf("%s: %v", word, err)
	}
	return at
}

// TestDoubtEndsWithItsTime: what must not arrive any more is not sent again.
func TestDoubtEndsWithItsTime(t *testing.T) {
	s, _ := open(t, store.Options{UnknownAfter: 10 * time.Minute})
	m := outgoing(t, 1, func(m *store.Message) { m.OnAmbiguous, m.ExpiresAt = store.Resend, start.Add(5*time.Minute) })
	accept(t, s, m)
	at := start
	for _, word := range []string{"c", "m1", "u1", "T11"} {
		at = doubt(t, s, m, word, at.Add(time.Second))
	}
	if got, err := s.Message(ctx, m.ID); err != nil || got.State != store.Unknown || got.Parts[0].Resends != 0 {
		t.Errorf("%s, resent %d times, %v", got.State, got.Parts[0].Resends, err)
	}
	invariants(t, s, "at the end")
}

// TestDoubts: the parts of a line that it can still be asked about.
func TestDoubts(t *testing.T) {
	s, _ := open(t, store.Options{UnknownAfter: 10 * time.Minute})
	at := start
	var all []store.Message
	for range 3 {
		m := outgoing(t, 1)
		accept(t, s, m)
		for _, word := range []string{"c", "m1", "u1"} {
			at = doubt(t, s, m, word, at.Add(time.Second))
		}
		all = append(all, m)
	}
	doubts, err := s.Doubts(ctx, "sim-desk")
	// The line stood at 100 before each of them, so the earlier ones did not take what came after that.
	if err != nil || len(doubts) != 3 || doubts[0].ID != all[0].ID || doubts[0].Before != -1 || doubts[2].ID != all[2].ID || doubts[2].Before != 100 {
		t.Fatalf("%+v, %v", doubts, err)
	}
	if other, err := s.Doubts(ctx, "another"); err != nil || len(other) != 0 {
		t.Errorf("another line: %+v, %v", other, err)
	}
	if err := s.Consulted(ctx, all[0].ID, 1); err != nil {
		t.Fatal(err)
	}
	doubt(t, s, all[1], "S1", at)
	if doubts, err = s.Doubts(ctx, "sim-desk"); err != nil || len(doubts) != 1 || doubts[0].ID != all[2].ID {
		t.Errorf("%+v, %v", doubts, err)
	}
	counts, err := s.Counts(ctx)
	if err != nil || counts[store.Sending] != 2 {
		t.Errorf("counts %v, %v", counts, err)
	}
	check(t, s)
}

// TestGuessIsVoid: when the line gives the reference that was expected for a lost part to the next one, a report with it is about that.
func TestGuessIsVoid(t *testing.T) {
	for _, before := range []int{100, -1} {
		s, _ := open(t, store.Options{UnknownAfter: 10 * time.Minute})
		lost, next := outgoing(t, 1), outgoing(t, 1)
		accept(t, s, lost, next)
		at := start
		for _, word := range []string{"c", "m1", "u1"} {
			at = doubt(t, s, lost, word, at.Add(time.Second))
		}
		at = doubt(t, s, next, "c", at.Add(time.Second))
		if err := s.MarkAfter(ctx, next.ID, 1, before, at); err != nil {
			t.Fatal(err)
		}
		at = doubt(t, s, next, "D1", at.Add(time.Second)) // comes before the answer
		doubt(t, s, next, "S1", at.Add(time.Second))
		a, err := s.Message(ctx, lost.ID)
		if err != nil || a.State != store.Sending {
			t.Errorf("the lost one is %s, %v", a.State, err)
		}
		if b, err := s.Message(ctx, next.ID); err != nil || b.State != store.Delivered {
			t.Errorf("the next one is %s, %v", b.State, err)
		}
		invariants(t, s, "at the end")
	}
}

// TestReportsThatDoNotCome: sent is the last that is known when the time for reports is over, and an event says so, once.
func TestReportsThatDoNotCome(t *testing.T) {
	s, _ := open(t, store.Options{ReportWindow: time.Hour})
	m := outgoing(t, 2)
	accept(t, s, m)
	at := start
	for _, word := range []string{"c", "m1", "s1", "m2", "s2", "d1", "T59", "T2", "T999"} {
		at = doubt(t, s, m, word, at.Add(time.Second))
	}
	all := strings.Join(types(t, s), " ")
	if strings.Count(all, "report.missing") != 1 || !strings.HasSuffix(all, "message.sent part.delivered report.missing") {
		t.Errorf("events %s", all)
	}
	if got, err := s.Message(ctx, m.ID); err != nil || got.State != store.Sent {
		t.Errorf("%s, %v", got.State, err)
	}
	if match, _, err := s.Report(ctx, store.Report{SIM: "sim-desk", Reference: 102, Recipient: m.To, At: at}); err != nil || match != store.Unmatched {
		t.Errorf("a report after its time: %s, %v", match, err)
	}
	invariants(t, s, "at the end")
}
