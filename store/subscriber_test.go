package store_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"trunkline/callplan/phone"
	"trunkline/store"
)

// A number belongs to one subscriber of all service providers, also while he is archived; who has it is found as long as he is not.
func TestSubscribers(t *testing.T) {
	onEngines(t, store.Options{}, func(t *testing.T, s *store.Store) {
		add(t, s.Providers(), store.Provider{Name: "acme"})
		one, two := number(t, "+12055550100"), number(t, "+12055550101")
		smith := add(t, s.Subscribers(), store.Subscriber{Meta: store.Meta{Provider: "acme"}, Name: "smith", Numbers: []phone.Number{one}})
		for _, c := range []struct {
			what, field, code string
			v                 store.Subscriber
		}{
			{"no name", "name", "required", store.Subscriber{}},
			{"name taken", "name", "exists", store.Subscriber{Name: "Smith"}},
			{"number taken", "numbers", "exists", store.Subscriber{Name: "b", Numbers: []phone.Number{two, one}}},
			{"number twice", "numbers[1]", "invalid", store.Subscriber{Name: "b", Numbers: []phone.Number{two, two}}},
			{"no number", "numbers[0]", "invalid", store.Subscriber{Name: "b", Numbers: []phone.Number{phone.FromAddress("Bank", true)}}},
			{"no such contact", "contact_id", "unknown", store.Subscriber{Name: "b", ContactID: 9}},
			{"bad mail", "email", "invalid", store.Subscriber{Name: "b", Email: "x"}},
		} {
			c.v.Provider = "acme"
			_, err := s.Subscribers().Add(ctx, start, "uid:1", c.v)
			faulty(t, c.what, err, c.field, c.code)
		}
		_, err := s.Subscribers().Add(ctx, start, "uid:1", store.Subscriber{Meta: store.Meta{Provider: "none"}, Name: "b"})
		faulty(t, "no provider", err, "provider", "unknown")
		add(t, s.Subscribers(), store.Subscriber{Meta: store.Meta{Provider: "default"}, Name: "smith"})
		if found, err := s.SubscriberOf(ctx, one); err != nil || found.ID != smith.ID || found.Provider != "acme" {
			t.Errorf("%+v, %v", found, err)
		}
		for _, n := range []phone.Number{two, {}, number(t, "+1205555010")} {
			if _, err := s.SubscriberOf(ctx, n); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("%s: %v", n, err)
			}
		}
		edit(t, s.Subscribers(), smith.ID, func(v *store.Subscriber) { v.Numbers = []phone.Number{two} })
		if _, err := s.SubscriberOf(ctx, one); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("a number that he has no more: %v", err)
		}
		if _, err := s.Subscribers().Archive(ctx, smith.ID, start, "uid:1"); err != nil {
			t.Fatal(err)
		}
		if _, err := s.SubscriberOf(ctx, two); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("of an archived one: %v", err)
		}
		_, err = s.Subscribers().Add(ctx, start, "uid:1", store.Subscriber{Meta: store.Meta{Provider: "default"}, Name: "c", Numbers: []phone.Number{two}})
		faulty(t, "number of an archived one", err, "numbers", "exists")
	})
}

// The days of a calendar are in order, each once; a provider that is purged takes calendars and subscribers with it.
func TestCalendars(t *testing.T) {
	onEngines(t, store.Options{}, func(t *testing.T, s *store.Store) {
		acme := add(t, s.Providers(), store.Provider{Name: "acme"})
		meta := store.Meta{Provider: "acme"}
		us := add(t, s.Calendars(), store.Calendar{Meta: meta, Name: "us", Days: []string{"2026/12/25", "2026/07/04", "2026/12/25"}})
		if want := []string{"2026/07/04", "2026/12/25"}; !slices.Equal(us.Days, want) {
			t.Errorf("days %q, want %q", us.Days, want)
		}
		for _, c := range []struct {
			what, field, code string
			v                 store.Calendar
		}{
			{"no name", "name", "required", store.Calendar{}},
			{"name taken", "name", "exists", store.Calendar{Name: "us"}},
			{"no day", "days[1]", "invalid", store.Calendar{Name: "b", Days: []string{"2026/12/25", "2026/02/30"}}},
			{"other form", "days[0]", "invalid", store.Calendar{Name: "b", Days: []string{"2026-12-25"}}},
			{"too many", "days", "too_long", store.Calendar{Name: "b", Days: make([]string, store.MaxCalendarDays+1)}},
		} {
			c.v.Provider = "acme"
			_, err := s.Calendars().Add(ctx, start, "uid:1", c.v)
			faulty(t, c.what, err, c.field, c.code)
		}
		for i := range 3 {
			add(t, s.Calendars(), store.Calendar{Meta: meta, Name: fmt.Sprint("c", i)})
		}
		add(t, s.Calendars(), store.Calendar{Meta: store.Meta{Provider: "default"}, Name: "us"})
		add(t, s.Subscribers(), store.Subscriber{Meta: meta, Name: "smith"})
		if _, err := s.Calendars().Archive(ctx, us.ID, start, "uid:1"); err != nil {
			t.Fatal(err)
		}
		if all, err := s.CalendarsOf(ctx, "acme"); err != nil || len(all) != 3 {
			t.Errorf("%+v, %v", all, err)
		}
		if _, err := s.Providers().Archive(ctx, acme.ID, start, "uid:1"); err != nil {
			t.Fatal(err)
		}
		if err := s.Providers().Purge(ctx, acme.ID, start, "uid:1"); err != nil {
			t.Fatal(err)
		}
		calendars, err := s.Calendars().All(ctx)
		subscribers, err2 := s.Subscribers().All(ctx)
		if err != nil || err2 != nil || len(calendars) != 1 || len(subscribers) != 0 {
			t.Errorf("left are %+v, %+v, %v, %v", calendars, subscribers, err, err2)
		}
	})
}
