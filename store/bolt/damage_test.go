package bolt_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"trunkline/store"
	"trunkline/store/bolt"
)

// lived makes a database with records in every table that a message touches, and returns its octets: as they are at the end, and as they were somewhat before.
func lived(t *testing.T) (now, before []byte) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "db")
	db, err := bolt.Open(path, bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), db, store.Options{Assembler: pairs{}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, at := t.Context(), time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for round := range 2 {
		for i := range 60 {
			n := 60*round + i
			m := message(n)
			m.ID, m.CreatedAt = store.MessageID{1, 15: byte(n)}, at
			m.Text = fmt.Sprintf("%d %s", n, text[:100+n%100])
			if i%5 == 0 {
				m.ExpiresAt = at.Add(48 * time.Hour)
			}
			_, err := s.Accept(ctx, store.Acceptance{Messages: []store.Message{m}, Key: &store.Key{Scope: "uid:0", Key: strconv.Itoa(n), At: at}})
			must(err)
		}
		for i := range 40 {
			m, _, err := s.Claim(ctx, store.Claim{Trunk: "desk", SIM: "sim", At: at.Add(time.Hour)})
			must(err)
			if i%8 == 0 {
				continue
			}
			must(s.Mark(ctx, m.ID, 1, at))
			if i%7 == 0 {
				continue
			}
			state := []store.State{store.Sent, store.Sent, store.Unknown, store.Error}[i%4]
			_, err = s.Settle(ctx, store.Outcome{ID: m.ID, Seq: 1, At: at, State: state, Reference: i, Failure: &store.Failure{Code: "x"}})
			must(err)
			if i%3 == 0 {
				_, _, err = s.Report(ctx, store.Report{Trunk: "desk", SIM: "sim", Reference: i, Recipient: m.To, At: at.Add(time.Minute), Raw: fmt.Appendf(nil, "report %d %d", round, i)})
				must(err)
			}
		}
		for i := range 20 {
			in := store.Message{ID: store.NewMessageID(), Direction: store.In, State: store.Received, From: message(0).To, Text: fmt.Sprintf("in %d %d", round, i), CreatedAt: at, ReceivedAt: at,
				Parts: []store.Part{{Seq: 1, State: store.Received, Reference: -1, Status: -1}}}
			a := store.Arrival{Trunk: "desk", SIM: "sim", Slot: fmt.Sprintf("SM/%d", i), Raw: fmt.Appendf(nil, "pdu %d %d", round, i), At: at, Message: in}
			if i%4 == 0 {
				a.Segment = &store.Segment{Key: fmt.Appendf(nil, "set %d %d", round, i), Sender: "s", Total: 2, Seq: 1}
			}
			_, err := s.Receive(ctx, a)
			must(err)
		}
		must(s.Quarantine(ctx, store.Bad{Trunk: "desk", Slot: "SM/9", Raw: fmt.Sprintf("zz%d", round), Offset: -1, At: at}))
		_, _, err = s.Report(ctx, store.Report{Trunk: "desk", SIM: "sim", Reference: 200 + round, Recipient: message(0).To, At: at, Raw: fmt.Appendf(nil, "early %d", round)})
		must(err)
		must(s.Remember(ctx, fmt.Sprintf("key %d", round), []byte("value")))
		if round == 0 {
			before = octets(t, db)
		}
	}
	report, err := s.Check(ctx, func(d store.Damage) { t.Errorf("before any damage: %v", &d) })
	must(err)
	for _, table := range []store.Table{"messages", "queue", "open", "refs", "reports", "keys", "segments", "sets", "digests", "quarantine", "deadlines", "events", "remembered"} {
		if report.Records[table] == 0 {
			t.Errorf("table %s is empty", table)
		}
	}
	now = octets(t, db)
	must(s.Close())
	return now, before
}

// octets returns a copy of an open database.
func octets(t *testing.T, db *bolt.DB) []byte {
	t.Helper()
	var b bytes.Buffer
	if _, err := db.Backup(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// pairs keeps segments and joins none.
type pairs struct{}

func (pairs) Add(state, raw []byte, _ time.Time) (store.Assembly, error) {
	return store.Assembly{State: append(bytes.Clone(state), raw...)}, nil
}

func (pairs) Flush([]byte) ([]store.Content, error) { return nil, nil }

// content is every record of a database, by table and key.
func content(ctx context.Context, e store.Engine) (map[store.Table]map[string]string, error) {
	names, err := e.(*bolt.DB).Tables(ctx)
	all := map[store.Table]map[string]string{}
	if err == nil {
		err = e.View(ctx, func(r store.Reader) error {
			for _, name := range names {
				all[name] = map[string]string{}
				if err := r.Scan(name, nil, nil, false, func(k, v []byte) (bool, error) { all[name][string(k)] = string(v); return true, nil }); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return all, err
}

const page = 4096

// ways are what disks, cables and memory do to a file.
var ways = []struct {
	name   string
	damage func(r *rand.Rand, data, before []byte) []byte
}{
	{"bit flips", func(r *rand.Rand, data, _ []byte) []byte {
		for range 1 + r.IntN(3) {
			data[r.IntN(len(data))] ^= 1 << r.IntN(8)
		}
		return data
	}},
	{"bit flips at the head of a page", func(r *rand.Rand, data, _ []byte) []byte {
		data[r.IntN(len(data)/page)*page+r.IntN(160)] ^= 1 << r.IntN(8)
		return data
	}},
	{"truncation", func(r *rand.Rand, data, _ []byte) []byte { return data[:r.IntN(len(data))] }},
	{"zeroed page", func(r *rand.Rand, data, _ []byte) []byte {
		at := r.IntN(len(data)/page) * page
		clear(data[at : at+page])
		return data
	}},
	{"zeroed sector", func(r *rand.Rand, data, _ []byte) []byte {
		at := r.IntN(len(data)/512) * 512
		clear(data[at : at+512])
		return data
	}},
	{"swapped pages", func(r *rand.Rand, data, _ []byte) []byte {
		a, b := r.IntN(len(data)/page)*page, r.IntN(len(data)/page)*page
		was := bytes.Clone(data[a : a+page])
		copy(data[a:a+page], data[b:b+page])
		copy(data[b:], was)
		return data
	}},
	{"torn write", func(r *rand.Rand, data, before []byte) []byte { // some sectors of a page have what was there before
		at := r.IntN(min(len(data), len(before))/page) * page
		from, to := r.IntN(8), 1+r.IntN(8)
		for sector := min(from, to); sector < max(from, to); sector++ {
			copy(data[at+sector*512:at+(sector+1)*512], before[at+sector*512:])
		}
		return data
	}},
	{"garbage", func(r *rand.Rand, data, _ []byte) []byte {
		at := r.IntN(len(data))
		for i := at; i < min(at+1+r.IntN(600), len(data)); i++ {
			data[i] = byte(r.Uint32())
		}
		return data
	}},
}

// Whatever happens to the file: it is refused with a reason, or every record that is not as it was is named by a check, and none of them is served.
func TestDamagedFiles(t *testing.T) {
	variants := 2000
	if testing.Short() {
		variants = 200
	}
	good, before := lived(t)
	path := filepath.Join(t.TempDir(), "db")
	if err := os.WriteFile(path, good, 0o600); err != nil {
		t.Fatal(err)
	}
	golden := read(t, path)
	for i, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "db")
			var refused, named, same int
			for n := i; n < variants; n += len(ways) {
				r := rand.New(rand.NewPCG(20261121, uint64(n)))
				bad := way.damage(r, bytes.Clone(good), before)
				if err := os.WriteFile(path, bad, 0o600); err != nil {
					t.Fatal(err)
				}
				switch what := judge(t, path, golden); {
				case what == "refused":
					refused++
				case what == "named":
					named++
				case what == "same":
					same++
				default:
					kept := filepath.Join(t.ArtifactDir(), fmt.Sprintf("variant-%d.db", n))
					t.Errorf("variant %d: %s (kept with -artifacts: %s, %v)", n, what, kept, os.WriteFile(kept, bad, 0o600))
				}
			}
			t.Logf("%d refused, %d with every damaged record named, %d in octets that mean nothing", refused, named, same)
		})
	}
}

// state is what a good database holds.
type state struct {
	records  map[store.Table]map[string]string
	messages map[store.MessageID]store.Message
	events   map[uint64]store.Event
}

func read(t *testing.T, path string) state {
	t.Helper()
	db, err := bolt.Open(path, bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), db, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	g := state{messages: map[store.MessageID]store.Message{}, events: map[uint64]store.Event{}}
	if g.records, err = content(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	for _, m := range every(t, s) {
		g.messages[m.ID] = m
	}
	events, err := s.Events(t.Context(), 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		g.events[e.Seq] = e
	}
	return g
}

// every returns all messages, oldest first. A page may be short when the machine is slow.
func every(t *testing.T, s *store.Store) (all []store.Message) {
	t.Helper()
	for q := (store.Query{Limit: 1000, Ascending: true}); ; {
		page, err := s.Messages(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, page.Items...)
		if q.Cursor = page.Next; q.Cursor == "" {
			return all
		}
	}
}

// judge says what became of a damaged database, or what is wrong with that.
func judge(t *testing.T, path string, good state) string {
	ctx := t.Context()
	db, err := bolt.Open(path, bolt.Options{ReadOnly: true})
	if err != nil {
		if !strings.Contains(err.Error(), path) || len(err.Error()) < len(path)+25 {
			return fmt.Sprintf("refused without a reason: %v", err)
		}
		return "refused"
	}
	type name struct {
		table store.Table
		key   string
	}
	named := map[name]bool{}
	s, err := store.Open(ctx, db, store.Options{})
	if err != nil {
		db.Close()
		var d *store.Damage
		if !errors.As(err, &d) {
			return fmt.Sprintf("refused without naming what is damaged: %v", err)
		}
		return "refused"
	}
	_, checked := s.Check(ctx, func(d store.Damage) { named[name{d.Table, string(d.Key)}] = true })
	now, err := content(ctx, db)
	if err := errors.Join(err, s.Close()); err != nil {
		return err.Error()
	}
	differs := false
	for table, records := range good.records {
		for k, v := range records {
			if w, ok := now[table][k]; ok && w == v {
				continue
			} else if differs = true; ok && checked == nil && !named[name{table, k}] {
				return fmt.Sprintf("record %x in table %s was changed and is not named", k, table)
			}
		}
	}
	for table, records := range now {
		for k := range records {
			if _, ok := good.records[table][k]; !ok {
				if differs = true; checked == nil && !named[name{table, k}] {
					return fmt.Sprintf("record %x in table %s was never written and is not named", k, table)
				}
			}
		}
	}
	if differs && checked == nil && len(named) == 0 {
		return "records are missing, and nothing is named"
	}
	if !differs {
		return "same"
	}
	if wrong := serve(ctx, path, good); wrong != "" {
		return wrong
	}
	return "named"
}

// serve reads a damaged database as the gateway does and says when it is given what was never stored.
func serve(ctx context.Context, path string, good state) string {
	db, err := bolt.Open(path, bolt.Options{})
	if err != nil {
		return err.Error()
	}
	s, err := store.Open(ctx, db, store.Options{})
	if err != nil {
		return errors.Join(err, db.Close()).Error()
	}
	defer s.Close()
	for id, m := range good.messages {
		if got, err := s.Message(ctx, id); err == nil && !reflect.DeepEqual(got, m) {
			return fmt.Sprintf("message %s was served damaged", id)
		}
	}
	list, _ := s.Messages(ctx, store.Query{Limit: 1000})
	for _, m := range list.Items {
		if !reflect.DeepEqual(good.messages[m.ID], m) {
			return fmt.Sprintf("message %s was listed damaged", m.ID)
		}
	}
	events, _ := s.Events(ctx, 0, 0)
	for _, e := range events {
		if e.Type != "store.damaged" && !reflect.DeepEqual(good.events[e.Seq], e) {
			return fmt.Sprintf("event %d was served damaged", e.Seq)
		}
	}
	for range 20 {
		m, ok, err := s.Claim(ctx, store.Claim{Trunk: "desk", At: time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)})
		if err != nil || !ok {
			break
		}
		if g := good.messages[m.ID]; g.Text != m.Text || g.State != store.Waiting || g.To != m.To {
			return fmt.Sprintf("message %s was claimed damaged", m.ID)
		}
	}
	return ""
}

// The seeds make the same damage at every run.
func TestDamageIsTheSame(t *testing.T) {
	data := bytes.Repeat([]byte("0123456789abcdef"), page)
	for n := range 2 * len(ways) {
		sum := func() [32]byte {
			return sha256.Sum256(ways[n%len(ways)].damage(rand.New(rand.NewPCG(20261121, uint64(n))), bytes.Clone(data), bytes.ToUpper(data)))
		}
		if first, again := sum(), sum(); first != again {
			t.Errorf("variant %d differs", n)
		}
	}
}

// What every store has and this one lost is named when it can only be read; else it is made anew.
func TestLostAndOnlyRead(t *testing.T) {
	for table, key := range map[store.Table][]byte{"meta": []byte("instance"), "providers": nil} {
		path := filepath.Join(t.TempDir(), "db")
		db := open(t, path)
		s, err := store.Open(t.Context(), db, store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		err = db.Update(t.Context(), func(tx store.Tx) error {
			if key == nil {
				if err := tx.Scan(table, nil, nil, false, func(k, _ []byte) (bool, error) { key = bytes.Clone(k); return false, nil }); err != nil {
					return err
				}
			}
			return tx.Delete(table, key)
		})
		if err := errors.Join(err, s.Close()); err != nil {
			t.Fatal(err)
		}
		db, err = bolt.Open(path, bolt.Options{ReadOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		var d *store.Damage
		if _, err := store.Open(t.Context(), db, store.Options{}); !errors.As(err, &d) || d.Table != table || !bytes.Equal(d.Key, key) {
			t.Errorf("%s: %v", table, err)
		}
		db.Close()
		if s, err = store.Open(t.Context(), open(t, path), store.Options{}); err != nil {
			t.Errorf("%s: %v", table, err)
		} else {
			s.Close()
		}
	}
}
