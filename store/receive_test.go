package store_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"trunkline/store"
)

func arrival(t testing.TB, text, slot, raw string, at time.Time) store.Arrival {
	return store.Arrival{Trunk: "desk", SIM: "sim", Slot: slot, Raw: []byte(raw), At: at,
		Message: store.Message{ID: store.NewMessageID(), Direction: store.In, State: store.Received, From: number(t, "+4917099887766"), Text: text, Trunk: "desk",
			CreatedAt: at, ReceivedAt: at, Parts: []store.Part{{Seq: 1, State: store.Received, Reference: -1, Status: -1, TPDU: []byte(raw)}}}}
}

func part(t testing.TB, set, slot string, total, seq byte, text string, at time.Time) store.Arrival {
	a := arrival(t, "", slot, string([]byte{total, seq})+text, at)
	a.Segment = &store.Segment{Key: []byte(set), Sender: "+4917099887766", Total: int(total), Seq: int(seq)}
	return a
}

func receive(t testing.TB, s *store.Store, a store.Arrival) store.Receipt {
	t.Helper()
	r, err := s.Receive(ctx, a)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestReceiveTwice(t *testing.T) {
	onEngines(t, store.Options{}, func(t *testing.T, s *store.Store) {
		first := receive(t, s, arrival(t, "hello", "SM1", "pdu", start))
		if first.Known || len(first.Messages) != 1 || first.Messages[0].Text != "hello" {
			t.Fatalf("first: %+v", first)
		}
		id := first.Messages[0].ID
		day := 24 * time.Hour
		for _, step := range []struct {
			name, slot string
			at         time.Time
			known      bool
			duplicate  bool
		}{
			{"the same slot", "SM1", start.Add(time.Minute), true, false},
			{"a day later, refreshing", "SM1", start.Add(5 * day), true, false},
			{"so still known", "SM1", start.Add(11 * day), true, false},
			{"another slot", "SM2", start.Add(11 * day), false, true},
			{"which is known now", "SM2", start.Add(11 * day), true, false},
			{"straight from the network", "", start.Add(11 * day), false, true},
			{"and again", "", start.Add(11 * day), false, true},
			{"beyond the window", "SM1", start.Add(30 * day), false, false},
		} {
			got := receive(t, s, arrival(t, "hello", step.slot, "pdu", step.at))
			if got.Known != step.known || got.Known != (len(got.Messages) == 0) {
				t.Fatalf("%s: %+v", step.name, got)
			}
			if !got.Known && (got.Messages[0].DuplicateOf == id) != step.duplicate {
				t.Errorf("%s: duplicate of %s", step.name, got.Messages[0].DuplicateOf)
			}
		}
		if err := s.Release(ctx, "sim", "SM1", []byte("pdu")); err != nil {
			t.Fatal(err)
		}
		if got := receive(t, s, arrival(t, "hello", "SM1", "pdu", start.Add(30*day))); got.Known || got.Messages[0].DuplicateOf.IsZero() {
			t.Errorf("after its slot was released: %+v", got)
		}
		if err := s.Release(ctx, "sim", "SM9", []byte("never seen")); err != nil {
			t.Error(err)
		}
	})
}

// One text to two numbers of the gateway is the same PDU on both SIMs, perhaps in the same slot.
func TestTheSamePDUOnTwoSIMs(t *testing.T) {
	s, _ := open(t, store.Options{})
	for _, sim := range []string{"one", "two"} {
		a := arrival(t, "alarm", "SM1", "pdu", start)
		a.SIM = sim
		if got := receive(t, s, a); got.Known || len(got.Messages) != 1 || !got.Messages[0].DuplicateOf.IsZero() {
			t.Errorf("on SIM %s: %+v", sim, got)
		}
		a.Message.ID = store.NewMessageID()
		if got := receive(t, s, a); !got.Known {
			t.Errorf("again on SIM %s: %+v", sim, got)
		}
	}
}

func TestSilent(t *testing.T) {
	s, _ := open(t, store.Options{})
	a := arrival(t, "", "SM1", "type 0", start)
	a.Silent = true
	for range 2 {
		receive(t, s, a)
	}
	if got := types(t, s); !slices.Equal(got, []string{"sms.silent"}) {
		t.Errorf("events %q", got)
	}
}

func TestSegments(t *testing.T) {
	onEngines(t, store.Options{Assembler: joiner{}}, func(t *testing.T, s *store.Store) {
		for i, a := range []store.Arrival{part(t, "a", "1", 3, 3, "C", start), part(t, "b", "2", 2, 1, "x", start), part(t, "a", "3", 3, 1, "A", start),
			part(t, "a", "4", 3, 1, "other", start)} {
			if got := receive(t, s, a); len(got.Messages) != 0 || got.Known {
				t.Errorf("arrival %d: %+v", i, got)
			}
		}
		got := receive(t, s, part(t, "a", "5", 3, 2, "B", start.Add(time.Minute)))
		if len(got.Messages) != 1 {
			t.Fatalf("complete: %+v", got)
		}
		m := got.Messages[0]
		if m.Text != "ABC" || m.Incomplete || len(m.Parts) != 3 || !m.ReceivedAt.Equal(start.Add(time.Minute)) || !slices.Equal(m.Notes, []string{"conflict"}) {
			t.Errorf("complete: %+v", m)
		}
		for i, p := range m.Parts {
			if p.Seq != i+1 || p.State != store.Received || len(p.TPDU) != 3 {
				t.Errorf("part %d: %+v", i+1, p)
			}
		}
		if got := types(t, s); !slices.Equal(got, []string{"message.received"}) {
			t.Errorf("events %q", got)
		}
		// A part that the network repeats once more makes no second message.
		if got := receive(t, s, part(t, "a", "6", 3, 2, "B", start.Add(2*time.Minute))); len(got.Messages) != 0 {
			t.Errorf("repeated: %+v", got)
		}
		if _, err := s.Tidy(ctx, start.Add(24*time.Hour-1)); err != nil {
			t.Fatal(err)
		}
		if got := types(t, s); len(got) != 1 {
			t.Errorf("given up too early: %q", got)
		}
		if _, err := s.Tidy(ctx, start.Add(25*time.Hour)); err != nil {
			t.Fatal(err)
		}
		page, err := s.Messages(ctx, store.Query{Direction: store.In})
		if err != nil || len(page.Items) != 2 {
			t.Fatalf("%d messages, %v", len(page.Items), err)
		}
		if rest := page.Items[0]; rest.Text != "x" || !rest.Incomplete || !slices.Equal(rest.Missing, []int{2}) || rest.Parts[0].Seq != 1 {
			t.Errorf("given up: %+v", rest)
		}
	})
}

func TestSegmentsWithoutAssembler(t *testing.T) {
	s, _ := open(t, store.Options{})
	if got := receive(t, s, part(t, "a", "1", 2, 1, "x", start)); len(got.Messages) != 1 {
		t.Errorf("%+v", got)
	}
}

// Too many open sets: the oldest is given up as an incomplete message, and only that.
func TestOpenSetsAreBounded(t *testing.T) {
	s, _ := open(t, store.Options{Assembler: joiner{}})
	for i := range 40 {
		got := receive(t, s, part(t, fmt.Sprint("set", i), fmt.Sprint(i), 2, 1, fmt.Sprint("text", i), start.Add(time.Duration(i)*time.Second)))
		if i < 32 && len(got.Messages) != 0 || i >= 32 && (len(got.Messages) != 1 || got.Messages[0].Text != fmt.Sprint("text", i-32) || !got.Messages[0].Incomplete) {
			t.Errorf("set %d: %+v", i, got.Messages)
		}
	}
	// Sets that were completed do not push out open ones.
	for i := range 40 {
		for seq := range byte(2) {
			receive(t, s, part(t, fmt.Sprint("done", i), fmt.Sprint("d", i, seq), 2, seq+1, fmt.Sprint("done", i), start.Add(time.Hour)))
		}
	}
	page, err := s.Messages(ctx, store.Query{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	incomplete := 0
	for _, m := range page.Items {
		if m.Incomplete {
			incomplete++
		}
	}
	// While a set of two is open it is the 33rd: one more is given up, once.
	if incomplete != 9 || len(page.Items) != 49 {
		t.Errorf("%d of %d messages are incomplete", incomplete, len(page.Items))
	}
	check(t, s)
}

func TestQuarantine(t *testing.T) {
	onEngines(t, store.Options{}, func(t *testing.T, s *store.Store) {
		for i := range 5 {
			for range 2 {
				b := store.Bad{Trunk: "desk", Slot: "SM1", Raw: strings.Repeat("F", i+1), Field: "udl", Offset: i - 1, Reason: "too long", At: start.Add(time.Duration(i) * time.Second)}
				if err := s.Quarantine(ctx, b); err != nil {
					t.Fatal(err)
				}
			}
		}
		var raws []string
		cursor := ""
		for {
			page, err := s.Quarantined(ctx, 2, cursor)
			if err != nil {
				t.Fatal(err)
			}
			for _, b := range page.Items {
				raws = append(raws, b.Raw)
				if b.Offset != len(b.Raw)-2 || b.Field != "udl" || !b.At.Equal(start.Add(time.Duration(len(b.Raw)-1)*time.Second)) {
					t.Errorf("%+v", b)
				}
			}
			if cursor = page.Next; cursor == "" {
				break
			}
		}
		if want := []string{"FFFFF", "FFFF", "FFF", "FF", "F"}; !slices.Equal(raws, want) {
			t.Errorf("%q, want %q", raws, want)
		}
		if got := types(t, s); len(got) != 5 || got[0] != "sms.undecodable" {
			t.Errorf("events %q", got)
		}
		for _, cursor := range []string{"x", "!!", strings.Repeat("A", 100)} {
			if _, err := s.Quarantined(ctx, 2, cursor); err != store.ErrCursor {
				t.Errorf("cursor %q: %v", cursor, err)
			}
		}
	})
}
