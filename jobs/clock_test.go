package jobs

import (
	"context"
	"encoding/binary"
	"testing"
	"time"

	"trunkline/callplan/phone"
	"trunkline/store"
	"trunkline/store/enginetest"
	"trunkline/store/memory"
)

// Whatever befalls the clock, an event that could not be delivered is tried again on its schedule and arrives once, whether an earlier life left it or this one
// began it.
func TestRetriesWhenTheClockIsSet(t *testing.T) {
	enginetest.TestClocks(t, func(t *testing.T, m enginetest.Mishap, c *enginetest.Clock) {
		options := store.Options{Clock: c.Now, ClockFrom: enginetest.ClockFrom}
		engine := memory.New()
		life := func() (*receiver, *bench) {
			r := newReceiver(t, nil)
			r.refuse(true) // before the first request
			return r, startWith(t, engine, map[string]*receiver{"a": r}, options)
		}
		_, earlier := life()
		id, _ := earlier.add("a", "message.*")
		left := earlier.happen(store.NewMessageID())
		time.Sleep(time.Minute)
		earlier.stop()

		c.Set(m.Boot)
		r, b := life()
		begun := b.happen(store.NewMessageID())
		time.Sleep(20 * time.Minute)
		for _, seq := range []uint64{left, begun} {
			if d := b.delivery(id, seq); d.Tries < 3 || d.State != store.Pending {
				t.Errorf("event %d was tried %d times and is %s", seq, d.Tries, d.State)
			}
		}
		m.Befall(c)
		r.refuse(false)
		time.Sleep(3*time.Hour + m.Late())
		b.stop()
		times := map[uint64]int{}
		for _, seq := range r.taken() {
			times[seq]++
		}
		if len(times) != 2 || times[left] != 1 || times[begun] != 1 {
			t.Errorf("events %d and %d were taken so often: %v", left, begun, times)
		}
	})
}

// Whatever befalls the clock, nothing is deleted before its time is over, and it goes soon after: what an earlier life left, and what came in this one.
func TestRetentionWhenTheClockIsSet(t *testing.T) {
	const messages, archived = 8 * 24 * time.Hour, 36 * time.Hour
	to, err := phone.Parse("+4915112345678")
	if err != nil {
		t.Fatal(err)
	}
	enginetest.TestClocks(t, func(t *testing.T, m enginetest.Mishap, c *enginetest.Clock) {
		options := store.Options{Clock: c.Now, ClockFrom: enginetest.ClockFrom}
		engine := memory.New()
		open := func() *store.Store {
			s, err := store.Open(ctx, engine, options)
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		s := open()
		accept := func(at time.Time) store.MessageID {
			t.Helper()
			id := store.NewMessageID()
			binary.BigEndian.PutUint64(id[:8], uint64(at.UnixMilli())<<16|uint64(binary.BigEndian.Uint16(id[6:8])))
			_, err := s.Accept(ctx, store.Acceptance{Messages: []store.Message{{ID: id, Direction: store.Out, State: store.Debug, To: to, Text: "x", CreatedAt: at,
				Parts: []store.Part{{Seq: 1, State: store.Debug, Reference: -1, Status: -1}}}}})
			if err != nil {
				t.Fatal(err)
			}
			return id
		}
		archive := func(name string) uint64 {
			t.Helper()
			all, err := s.Groups().Add(ctx, s.Now(), "uid:0", store.Group{Meta: store.Meta{Provider: store.DefaultProvider}, Name: name})
			if err == nil {
				_, err = s.Groups().Archive(ctx, all[0].ID, s.Now(), "uid:0")
			}
			if err != nil {
				t.Fatal(err)
			}
			return all[0].ID
		}
		type record struct {
			name  string
			since time.Time
			keep  time.Duration
			there func() bool
			gone  bool
		}
		var records []*record
		add := func(name string) {
			message, group := accept(s.Now()), archive(name)
			records = append(records, &record{"message " + name, s.Now(), messages, func() bool { _, err := s.Message(ctx, message); return err == nil }, false},
				&record{"group " + name, s.Now(), archived, func() bool { _, err := s.Groups().Read(ctx, group); return err == nil }, false})
		}
		add("left")
		c.Set(m.Boot)
		s = open()
		running, stop := context.WithCancel(ctx)
		done := make(chan error)
		go func() {
			done <- NewRetention(RetentionOptions{Config: RetentionConfig{MessagesOut: messages, Archived: archived}, Store: s}).Run(running)
		}()
		add("new")
		look := func() {
			for _, r := range records {
				age := s.Now().Sub(r.since)
				switch there := r.there(); {
				case !there && !r.gone && age < r.keep:
					t.Errorf("%s was deleted when it was %s old", r.name, age)
				case there && age > r.keep+retentionEvery+time.Minute:
					t.Errorf("%s is there still, %s old", r.name, age)
				}
				r.gone = !r.there()
			}
		}
		time.Sleep(time.Second)
		look()
		m.Befall(c)
		for range 9 * 24 {
			time.Sleep(time.Hour + time.Second)
			look()
		}
		for _, r := range records {
			if !r.gone {
				t.Errorf("%s is never deleted", r.name)
			}
		}
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
