package jobs

import (
	"context"
	"encoding/binary"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"trunkline/callplan/phone"
	"trunkline/store"
	"trunkline/store/memory"
)

// A message is deleted within the hour after its time, one that is not at its end never, and a class without a time stays.
func TestRetention(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := store.Open(ctx, memory.New(), store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		to, err := phone.Parse("+4915112345678")
		if err != nil {
			t.Fatal(err)
		}
		// id returns an id of this moment: those that the process makes never go back, as the clock of a bubble does.
		id := func() store.MessageID {
			id := store.NewMessageID()
			binary.BigEndian.PutUint64(id[:8], uint64(time.Now().UnixMilli())<<16|uint64(binary.BigEndian.Uint16(id[6:8])))
			return id
		}
		accept := func(state store.State) store.MessageID {
			m := store.Message{ID: id(), Direction: store.Out, State: state, To: to, Text: "x", CreatedAt: time.Now().UTC(),
				Parts: []store.Part{{Seq: 1, State: state, Reference: -1, Status: -1}}}
			if _, err := s.Accept(ctx, store.Acceptance{Messages: []store.Message{m}}); err != nil {
				t.Fatal(err)
			}
			return m.ID
		}
		receive := func(raw string) store.MessageID {
			m := store.Message{ID: id(), Direction: store.In, State: store.Received, From: to, Text: raw, CreatedAt: time.Now().UTC(), ReceivedAt: time.Now().UTC()}
			if _, err := s.Receive(ctx, store.Arrival{Trunk: "desk", SIM: "1", Slot: raw, Raw: []byte(raw), At: time.Now().UTC(), Message: m}); err != nil {
				t.Fatal(err)
			}
			return m.ID
		}
		registry := prometheus.NewPedanticRegistry()
		r := NewRetention(RetentionOptions{Config: RetentionConfig{MessagesOut: 10 * 24 * time.Hour}, Store: s, Registerer: registry})
		running, stop := context.WithCancel(ctx)
		done := make(chan error)
		go func() { done <- r.Run(running) }()
		over, waiting, in := accept(store.Debug), accept(store.Waiting), receive("a")
		time.Sleep(5 * 24 * time.Hour)
		later := accept(store.Debug)
		there := func(id store.MessageID, want bool) {
			t.Helper()
			_, err := s.Message(ctx, id)
			if got := err == nil; got != want || err != nil && !errors.Is(err, store.ErrNotFound) {
				t.Errorf("%s after %s: there %v, %v", id, time.Now(), got, err)
			}
		}
		time.Sleep(5*24*time.Hour - time.Minute)
		there(over, true)
		time.Sleep(time.Hour + 2*time.Minute)
		there(over, false)
		there(later, true)
		there(waiting, true)
		time.Sleep(100 * 24 * time.Hour)
		there(later, false)
		there(waiting, true)
		there(in, true)
		if n := testutil.ToFloat64(r.deleted.WithLabelValues("messages_out")); n != 2 {
			t.Errorf("%v counted", n)
		}
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if _, err := s.Check(ctx, func(d store.Damage) { t.Error(&d) }); err != nil {
			t.Error(err)
		}
	})
}

func TestRetentionConfig(t *testing.T) {
	if errs := DefaultRetention().Validate(); len(errs) != 0 {
		t.Error(errs)
	}
	if errs := (RetentionConfig{}).Validate(); len(errs) != 0 {
		t.Error(errs)
	}
	errs := RetentionConfig{MessagesIn: time.Hour, MessagesOut: -1, Deliveries: time.Minute}.Validate()
	if len(errs) != 3 || !strings.HasPrefix(errs[0].Error(), "messages_in: ") {
		t.Error(errs)
	}
}

// What was archived for as long as the settings say is purged with what belongs to it; what is in use, or was archived lately, stays.
func TestArchivedArePurged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := store.Open(t.Context(), memory.New(), store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		ctx, stop := context.WithCancel(t.Context())
		add := func(fn func() error) {
			t.Helper()
			if err := fn(); err != nil {
				t.Fatal(err)
			}
		}
		now := time.Now()
		add(func() error { _, err := s.Providers().Add(ctx, now, "", store.Provider{Name: "acme"}); return err })
		add(func() error {
			_, err := s.Administrators().Add(ctx, now, "", store.Administrator{Username: "anna"}, store.Administrator{Username: "berta", RoleID: store.ProviderRole("acme")})
			return err
		})
		add(func() error {
			_, err := s.Contacts().Add(ctx, now, "", store.Contact{LastName: "a", AdminID: 1}, store.Contact{LastName: "b", AdminID: 2}, store.Contact{LastName: "c"})
			return err
		})
		add(func() error {
			_, err := s.Subscribers().Add(ctx, now, "", store.Subscriber{Meta: store.Meta{Provider: "default"}, Name: "desk", Numbers: []phone.Number{phone.FromAddress("+12055550100", false)}})
			return err
		})
		add(func() error {
			_, err := s.Calendars().Add(ctx, now, "", store.Calendar{Meta: store.Meta{Provider: "default"}, Name: "us", Days: []string{"2026/12/25"}})
			return err
		})
		add(func() error {
			_, err := s.PublishPlan(ctx, store.PlanVersion{Provider: "default", Name: "day", Document: []byte("{}"), CreatedAt: now}, time.Time{})
			return err
		})
		for _, archive := range []func() error{
			func() error { _, err := s.Subscribers().Archive(ctx, 1, now, ""); return err },
			func() error { _, err := s.Calendars().Archive(ctx, 1, now, ""); return err },
			func() error { _, err := s.ArchivePlan(ctx, "default", "day", now, ""); return err },
			func() error { _, err := s.Administrators().Archive(ctx, 1, now, ""); return err },
			func() error { _, err := s.Providers().Archive(ctx, 2, now, ""); return err },
			func() error { _, err := s.Contacts().Archive(ctx, 3, now, ""); return err },
		} {
			add(archive)
		}
		config := RetentionConfig{Archived: DefaultRetention().Archived}
		done := make(chan error, 1)
		go func() { done <- NewRetention(RetentionOptions{Config: config, Store: s}).Run(ctx) }()
		left := func() (n int) {
			synctest.Wait()
			admins, err1 := s.Administrators().All(ctx)
			contacts, err2 := s.Contacts().All(ctx)
			providers, err3 := s.Providers().All(ctx)
			subscribers, err4 := s.Subscribers().All(ctx)
			calendars, err5 := s.Calendars().All(ctx)
			plans, err6 := s.Plans(ctx, "")
			if err := errors.Join(err1, err2, err3, err4, err5, err6); err != nil {
				t.Fatal(err)
			}
			return len(admins) + len(contacts) + len(providers) + len(subscribers) + len(calendars) + len(plans)
		}
		time.Sleep(7*24*time.Hour - time.Minute)
		if n := left(); n != 10 {
			t.Errorf("%d records before their time", n)
		}
		time.Sleep(2 * time.Hour)
		if n := left(); n != 1 { // the default service provider
			t.Errorf("%d records after it", n)
		}
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if _, err := s.Check(context.Background(), func(d store.Damage) { t.Error(&d) }); err != nil {
			t.Error(err)
		}
	})
}
