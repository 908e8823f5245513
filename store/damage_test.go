package store_test

import (
	"bytes"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"trunkline/store"
)

// spoil changes the values of a table behind the store's back; fn returns nil to leave one as it is.
func spoil(t testing.TB, e store.Engine, table store.Table, fn func(i int, k, v []byte) []byte) (spoiled [][]byte) {
	t.Helper()
	err := e.Update(ctx, func(tx store.Tx) error {
		spoiled = nil
		var values [][]byte
		i := 0
		err := tx.Scan(table, nil, nil, false, func(k, v []byte) (bool, error) {
			if value := fn(i, k, bytes.Clone(v)); value != nil {
				spoiled, values = append(spoiled, bytes.Clone(k)), append(values, value)
			}
			i++
			return true, nil
		})
		for i, k := range spoiled {
			if err := tx.Put(table, k, values[i]); err != nil {
				return err
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return spoiled
}

func flip(v []byte, bit int) []byte {
	v[bit/8%len(v)] ^= 1 << (bit % 8)
	return v
}

// A name in a key is as long as its first octet says: 255 is a length as any other, and what follows it is damage.
func TestDamagedName(t *testing.T) {
	s, e := open(t, store.Options{})
	name := append([]byte{255}, bytes.Repeat([]byte("n"), 255)...)
	keys := map[store.Table][]byte{
		"sent":         slices.Concat([]byte{0x07, 0xEA, 11}, name, []byte{255, 'n'}), // of November 2026
		"plans":        slices.Concat(name, []byte{7}),
		"planversions": slices.Concat(name, []byte{7}),
	}
	err := e.Update(ctx, func(tx store.Tx) error {
		for table, key := range keys {
			if err := tx.Put(table, key, []byte("value")); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	report, err := s.Check(ctx, func(d store.Damage) {
		if !bytes.Equal(d.Key, keys[d.Table]) || !strings.HasPrefix(d.Reason, "key is no ") {
			t.Errorf("%v", &d)
		}
	})
	if err != nil || report.Damaged != len(keys) {
		t.Errorf("check: %+v, %v", report, err)
	}
	// What is served leaves them out, and puts them aside.
	if plans, err := s.PlanPage(ctx, store.PlanQuery{}); err != nil || len(plans.Items) > 0 {
		t.Errorf("plans: %+v, %v", plans, err)
	}
	if months, err := s.Sent(ctx, "", "", time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), 1); err != nil || !slices.Equal(months, []int{0}) {
		t.Errorf("sent: %v, %v", months, err)
	}
	if report, err := s.Check(ctx, func(store.Damage) {}); err != nil || report.Damaged != 1 {
		t.Errorf("check, with only the version of a plan not read: %+v, %v", report, err)
	}
}

func TestDamagedMessage(t *testing.T) {
	var log bytes.Buffer
	s, e := open(t, store.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	for range 6 {
		accept(t, s, outgoing(t, 1))
	}
	claim(t, s, "desk", start)
	bad := spoil(t, e, "messages", func(i int, _, v []byte) []byte {
		if i == 2 || i == 4 {
			return flip(v, 8*9+i)
		}
		return nil
	})
	found := 0
	report, err := s.Check(ctx, func(d store.Damage) {
		found++
		if d.Table != "messages" || !slices.ContainsFunc(bad, func(k []byte) bool { return bytes.Equal(k, d.Key) }) || d.Reason != "checksum does not match" {
			t.Errorf("%v", &d)
		}
	})
	if err != nil || found != 2 || report.Damaged != 2 || report.Records["messages"] != 6 {
		t.Errorf("check found %d, %+v, %v", found, report, err)
	}
	// Asked for by its id.
	var damage *store.Damage
	if m, err := s.Message(ctx, store.MessageID(bad[0])); !errors.As(err, &damage) || m.Text != "" {
		t.Errorf("served %+v, %v", m, err)
	}
	if _, err := s.Message(ctx, store.MessageID(bad[0])); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("second time: %v", err)
	}
	// Met by the queue: the others are claimed all the same.
	for range 3 {
		m := claim(t, s, "desk", start)
		if slices.ContainsFunc(bad, func(k []byte) bool { return m.ID == store.MessageID(k) }) {
			t.Errorf("claimed damaged message %s", m.ID)
		}
	}
	if _, ok, err := s.Claim(ctx, store.Claim{Trunk: "desk", At: start}); ok || err != nil {
		t.Errorf("claimed one more: %v, %v", ok, err)
	}
	check(t, s)
	if got := types(t, s); strings.Count(strings.Join(got, " "), "store.damaged") != 2 {
		t.Errorf("events %q", got)
	}
	if n := strings.Count(log.String(), "damaged record put aside"); n != 2 {
		t.Errorf("%d log lines:\n%s", n, log.String())
	}
	report, err = s.Check(ctx, func(store.Damage) {})
	if err != nil || report.Records["damaged"] != 2 || report.Records["messages"] != 4 {
		t.Errorf("%+v, %v", report, err)
	}
}

func TestDamagedWhileSending(t *testing.T) {
	s, e := open(t, store.Options{})
	a, b := outgoing(t, 1), outgoing(t, 1)
	accept(t, s, a, b)
	claim(t, s, "desk", start)
	claim(t, s, "desk", start)
	if err := s.Mark(ctx, b.ID, 1, start); err != nil {
		t.Fatal(err)
	}
	spoil(t, e, "messages", func(i int, _, v []byte) []byte { return map[int][]byte{0: v[:4]}[i] })
	got, err := s.Recover(ctx, start)
	if err != nil || got != (store.Recovered{Unknown: 1}) {
		t.Errorf("%+v, %v", got, err)
	}
	check(t, s)
}

func TestDamagedList(t *testing.T) {
	s, e := open(t, store.Options{})
	for range 5 {
		accept(t, s, outgoing(t, 1))
	}
	spoil(t, e, "messages", func(i int, _, v []byte) []byte { return map[int][]byte{1: flip(v, 0), 3: {}}[i] })
	for range 2 {
		page, err := s.Messages(ctx, store.Query{})
		if err != nil || len(page.Items) != 3 {
			t.Errorf("%d messages, %v", len(page.Items), err)
		}
	}
	check(t, s)
}

// A damaged event is replaced by one that says so: followers see no gap.
func TestDamagedEvent(t *testing.T) {
	s, e := open(t, store.Options{})
	for range 4 {
		accept(t, s, outgoing(t, 1))
	}
	spoil(t, e, "events", func(i int, _, v []byte) []byte { return map[int][]byte{1: flip(v, 100)}[i] })
	events, err := s.Events(ctx, 0, 0)
	if err != nil || len(events) != 3 {
		t.Errorf("%d events, %v", len(events), err)
	}
	if got, want := types(t, s), []string{"message.waiting", "store.damaged", "message.waiting", "message.waiting", "store.damaged"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	check(t, s)
}

// Tidy meets a damaged event too; it forgets the old ones around it only.
func TestTidyMeetsDamagedEvent(t *testing.T) {
	s, e := open(t, store.Options{})
	for i := range 5 {
		if err := s.Append(ctx, store.Event{Type: "x", At: start.Add(time.Duration(i) * time.Hour), Reference: -1}); err != nil {
			t.Fatal(err)
		}
	}
	spoil(t, e, "events", func(i int, _, v []byte) []byte { return map[int][]byte{1: flip(v, 100)}[i] })
	for more := true; more; {
		var err error
		if more, err = s.Tidy(ctx, start.Add(30*24*time.Hour+150*time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	events, err := s.Events(ctx, 0, 0)
	if err != nil || len(events) != 5 || events[0].Seq != 2 || events[0].Type != "store.damaged" || events[4].Type != "store.damaged" {
		t.Errorf("%+v, %v", events, err)
	}
}

// Whether the request of a damaged idempotency key was accepted is unknown, so it is refused until the key's time is over; all others go on.
func TestDamagedKey(t *testing.T) {
	s, e := open(t, store.Options{})
	with := func(key string) error {
		_, err := s.Accept(ctx, store.Acceptance{Messages: []store.Message{outgoing(t, 1)}, Key: &store.Key{Key: key, At: start}})
		return err
	}
	if err := with("k"); err != nil {
		t.Fatal(err)
	}
	spoil(t, e, "keys", func(_ int, _, v []byte) []byte { return flip(v, 90) })
	var damage *store.Damage
	for range 2 {
		if err := with("k"); !errors.As(err, &damage) {
			t.Errorf("error %v, want damage", err)
		}
	}
	if err := with("l"); err != nil {
		t.Error(err)
	}
	if got := types(t, s); strings.Count(strings.Join(got, " "), "store.damaged") != 1 {
		t.Errorf("events %q", got)
	}
	for more := true; more; {
		var err error
		if more, err = s.Tidy(ctx, start.Add(25*time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	if err := with("k"); err != nil {
		t.Error(err)
	}
}

// Damage in what serves only to recognise things must not stop messages.
func TestDamagedHelpers(t *testing.T) {
	s, e := open(t, store.Options{Assembler: joiner{}})
	m := outgoing(t, 1)
	accept(t, s, m)
	claim(t, s, "desk", start)
	if _, _, err := s.Report(ctx, store.Report{SIM: "sim-desk", Reference: 3, Recipient: m.To, At: start}); err != nil {
		t.Fatal(err)
	}
	receive(t, s, arrival(t, "hello", "SM1", "pdu", start))
	receive(t, s, part(t, "set", "SM2", 2, 1, "x", start))
	for _, table := range []store.Table{"reports", "digests", "segments"} {
		if n := len(spoil(t, e, table, func(i int, _, v []byte) []byte { return flip(v, 8*10) })); n == 0 {
			t.Errorf("table %s is empty", table)
		}
	}
	if got, err := s.Settle(ctx, store.Outcome{ID: m.ID, Seq: 1, At: start, State: store.Sent, Reference: 3}); err != nil || got.State != store.Sent {
		t.Errorf("%s, %v", got.State, err)
	}
	if got := receive(t, s, arrival(t, "hello", "SM1", "pdu", start)); len(got.Messages) != 1 {
		t.Errorf("%+v", got)
	}
	receive(t, s, part(t, "set", "SM3", 2, 1, "x", start)) // its set and its digest are made anew
	check(t, s)
}

// Every bit of a record is guarded.
func TestEveryBitCounts(t *testing.T) {
	s, e := open(t, store.Options{})
	m := outgoing(t, 1)
	accept(t, s, m)
	var good []byte
	spoil(t, e, "messages", func(_ int, _, v []byte) []byte { good = v; return nil })
	for bit := range 8 * len(good) {
		spoil(t, e, "messages", func(int, []byte, []byte) []byte { return flip(bytes.Clone(good), bit) })
		found := 0
		if _, err := s.Check(ctx, func(store.Damage) { found++ }); err != nil || found != 1 {
			t.Fatalf("bit %d: found %d, %v", bit, found, err)
		}
	}
	spoil(t, e, "messages", func(int, []byte, []byte) []byte { return good })
	check(t, s)
	// A good record under another key is none of that key's.
	other := store.NewMessageID()
	if err := e.Update(ctx, func(tx store.Tx) error { return tx.Put("messages", other[:], good) }); err != nil {
		t.Fatal(err)
	}
	var damage *store.Damage
	if _, err := s.Message(ctx, other); !errors.As(err, &damage) {
		t.Errorf("a misplaced record: %v", err)
	}
}

// Check sees index entries that are missing or too many.
func TestCheckSeesIndexes(t *testing.T) {
	for _, table := range []store.Table{"queue", "open", "refs", "deadlines", "sets"} {
		for _, change := range []string{"missing", "too many"} {
			t.Run(string(table)+" "+change, func(t *testing.T) {
				s, e := open(t, store.Options{Assembler: joiner{}})
				a, b := outgoing(t, 1), outgoing(t, 1)
				accept(t, s, a, b, outgoing(t, 1))
				for range 2 {
					claim(t, s, "desk", start)
				}
				if _, err := s.Settle(ctx, store.Outcome{ID: a.ID, Seq: 1, At: start, State: store.Sent, Reference: 1}); err != nil {
					t.Fatal(err)
				}
				receive(t, s, part(t, "set", "SM2", 2, 1, "x", start))
				check(t, s)
				err := e.Update(ctx, func(tx store.Tx) error {
					var key []byte
					err := tx.Scan(table, nil, nil, false, func(k, _ []byte) (bool, error) {
						key = bytes.Clone(k)
						return !(table != "deadlines" || k[8] == 'a'), nil
					})
					if err != nil || key == nil {
						t.Fatalf("table is empty, %v", err)
					}
					if change == "missing" {
						return tx.Delete(table, key)
					}
					key[max(1, len(key)-40)] ^= 1
					return tx.Put(table, key, nil)
				})
				if err != nil {
					t.Fatal(err)
				}
				found := 0
				if _, err := s.Check(ctx, func(store.Damage) { found++ }); err != nil || found == 0 {
					t.Errorf("found %d, %v", found, err)
				}
			})
		}
	}
}
