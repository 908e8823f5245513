package router_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"trunkline/callplan"
	"trunkline/router"
	"trunkline/store"
	"trunkline/store/memory"
)

func planDoc(name, number string) []byte {
	return []byte(`{"name":"` + name + `","service_provider":"acme","priority":1,"rules":{"criteria":{"always":true},"destination":{"number":"` + number + `"}}}`)
}

// decided returns the number that the plans of acme give, or the action.
func decided(b *callplan.Book) string {
	var d callplan.Decision
	b.Decide(&callplan.Facts{Provider: "acme"}, &d)
	if d.Action == callplan.Route {
		return d.Candidates[0].Number
	}
	return d.Action.String()
}

// TestPlans: what is published decides; what has errors changes nothing; a version comes into use at its time, also after a restart; rollback and archive.
func TestPlans(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		engine := memory.New()
		s, err := store.Open(ctx, engine, store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Providers().Add(ctx, time.Now(), "uid:1", store.Provider{Name: "acme"}); err != nil {
			t.Fatal(err)
		}
		begin := func() (*router.Plans, *callplan.Book) {
			b := &callplan.Book{}
			p := router.NewPlans(router.PlansOptions{Store: s, Book: b, Logger: slog.New(slog.DiscardHandler), Trunks: func() []string { return []string{"t1"} }})
			if err := p.Load(ctx); err != nil {
				t.Fatal(err)
			}
			return p, b
		}
		p, book := begin()
		expect := func(what, want string) {
			t.Helper()
			if got := decided(book); got != want {
				t.Fatalf("%s: %s, want %s", what, got, want)
			}
		}
		expect("nothing", "no_match")
		done := make(chan error, 1)
		go func() { done <- p.Run(ctx) }()
		synctest.Wait()
		if kept, _, err := p.Publish(ctx, router.PlanDocument{Document: planDoc("day", "1"), Author: "uid:1"}); err != nil || kept.Live != 1 {
			t.Fatalf("%+v, %v", kept, err)
		}
		expect("published", "1")
		for _, bad := range [][]byte{[]byte("{"), planDoc("day", "x"), planDoc("", "2"), []byte(`{"name":"day","service_provider":"none","priority":1,"rules":{"criteria":{"always":true},"destination":{"number":"2"}}}`)} {
			if _, found, err := p.Publish(ctx, router.PlanDocument{Document: bad}); !errors.Is(err, router.ErrPlanInvalid) || found.Errors() == nil {
				t.Errorf("%s: %v, %v", bad, found, err)
			}
			expect("after a bad one", "1")
		}
		_, found, err := p.Publish(ctx, router.PlanDocument{Document: []byte(`{"name":"other","service_provider":"acme","priority":1,"rules":{"criteria":{"npa":["AL"]},"destination":{"trunk":["t9"]}}}`)})
		for _, code := range []string{"W_PRIORITY_TIE", "W_TRUNK_UNKNOWN", "W_NO_CATCHALL"} {
			if n := len(slices.DeleteFunc(slices.Clone(found), func(f callplan.Finding) bool { return f.Code != code })); err != nil || n != 1 {
				t.Errorf("%s is told %d times: %v, %v", code, n, found, err)
			}
		}
		if _, _, err := p.Publish(ctx, router.PlanDocument{Document: planDoc("day", "2"), At: time.Now().Add(90 * time.Minute)}); err != nil {
			t.Fatal(err)
		}
		expect("scheduled", "1")
		time.Sleep(89 * time.Minute)
		synctest.Wait()
		expect("a minute early", "1")
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		ctx, cancel = context.WithCancel(t.Context())
		defer cancel()
		p, book = begin()
		go func() { done <- p.Run(ctx) }()
		synctest.Wait()
		expect("after a restart", "1")
		time.Sleep(61 * time.Second)
		synctest.Wait()
		expect("due", "2")
		if _, err := p.Rollback(ctx, "acme", "day", 0, "uid:1"); err != nil {
			t.Fatal(err)
		}
		expect("rolled back", "1")
		if _, err := p.Archive(ctx, "acme", "day", "uid:1"); err != nil {
			t.Fatal(err)
		}
		expect("archived", "no_match")
		if _, err := p.Restore(ctx, "acme", "day", "uid:1"); err != nil {
			t.Fatal(err)
		}
		expect("restored", "1")
		if _, err := s.Providers().Archive(ctx, 2, time.Now(), "uid:1"); err != nil {
			t.Fatal(err)
		}
		if err := p.ProviderChanged(ctx, "acme"); err != nil {
			t.Fatal(err)
		}
		expect("provider archived", "no_match")
		if _, err := p.Rollback(ctx, "acme", "none", 0, "uid:1"); !errors.Is(err, store.ErrNotFound) {
			t.Error(err)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		s.Close()
	})
}
