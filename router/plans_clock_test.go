package router_test

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"trunkline/callplan"
	"trunkline/router"
	"trunkline/store"
	"trunkline/store/enginetest"
	"trunkline/store/memory"
)

// Whatever befalls the clock, a version of a plan comes into use once, within a minute after the clock shows its time and not before.
func TestPublishingWhenTheClockIsSet(t *testing.T) {
	enginetest.TestClocks(t, func(t *testing.T, m enginetest.Mishap, c *enginetest.Clock) {
		engine := memory.New()
		var s *store.Store
		var p *router.Plans
		var book *callplan.Book
		begin := func() (end func()) {
			t.Helper()
			var err error
			if s, err = store.Open(t.Context(), engine, store.Options{Clock: c.Now, ClockFrom: enginetest.ClockFrom}); err != nil {
				t.Fatal(err)
			}
			book = &callplan.Book{}
			p = router.NewPlans(router.PlansOptions{Store: s, Book: book, Logger: slog.New(slog.DiscardHandler)})
			if err := p.Load(t.Context()); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { done <- p.Run(ctx) }()
			return func() {
				if cancel(); <-done != nil {
					t.Error("it ended in an error")
				}
			}
		}
		due := map[string]time.Time{}
		publish := func(version string, in time.Duration) {
			t.Helper()
			due[version] = s.Now().Add(in)
			if _, _, err := p.Publish(t.Context(), router.PlanDocument{Document: planDoc("day", version), Author: "uid:1", At: due[version]}); err != nil {
				t.Fatal(err)
			}
		}
		end := begin()
		if _, err := s.Providers().Add(t.Context(), s.Now(), "uid:1", store.Provider{Name: "acme"}); err != nil {
			t.Fatal(err)
		}
		publish("1", 0)
		publish("2", 90*time.Minute)
		end()

		c.Set(m.Boot)
		end = begin()
		looked, now := s.Now().Add(-time.Hour), "1"
		look := func() {
			t.Helper()
			synctest.Wait()
			was := now
			now = decided(book)
			for version, at := range due {
				if version > now && looked.After(at) && s.Now().After(at) || version == now && was != now && s.Now().Before(at) {
					t.Errorf("at %s version %s is in use, and %s is due at %s", s.Now(), now, version, at)
				}
			}
			if now < was {
				t.Errorf("at %s version %s is in use after %s", s.Now(), now, was)
			}
			looked = s.Now()
		}
		for age := time.Duration(0); age < 6*time.Hour; age += 70 * time.Second { // a little longer than it may take
			if look(); age/(70*time.Second) == 95 {
				publish("3", 30*time.Minute)
			}
			time.Sleep(70 * time.Second)
			if age/(70*time.Second) == 103 {
				c.Move(m.Step)
				looked = time.Time{} // it has a minute from now on
			}
		}
		end()
		if now != "3" {
			t.Errorf("at the end version %s is in use", now)
		}
		published := map[string]int{}
		for after := uint64(0); ; {
			events, err := s.Events(t.Context(), after, 100)
			if err != nil {
				t.Fatal(err)
			}
			if len(events) == 0 {
				break
			}
			for _, e := range events {
				if after = e.Seq; e.Type == "plan.published" {
					published[e.Text]++
				}
			}
		}
		if len(published) != 3 || published["version 1"] != 1 || published["version 2"] != 1 || published["version 3"] != 1 {
			t.Errorf("published: %v", published)
		}
	})
}
