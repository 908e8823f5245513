package router_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"trunkline/router"
	"trunkline/store"
	"trunkline/store/memory"
)

// A quota of an administrator holds as soon as it is set, in calendar windows; what happens to quota and account is told by mail, each once, also over a restart.
func TestAdministratorQuotas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		books := router.NewBooks(router.Default())
		s, err := store.Open(ctx, memory.New(), store.Options{Accounting: books})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		r := router.New(router.Options{Config: router.Default(), Books: books, Store: s, Measure: func(string, int) (int, error) { return 1, nil }})
		run := func() (stop func()) {
			ctx, cancel := context.WithCancel(ctx)
			a := router.NewAdministration(router.AdministrationOptions{Store: s, Books: books, Router: r, Mail: "post"})
			done := make(chan error, 1)
			go func() { done <- a.Run(ctx) }()
			synctest.Wait()
			return func() {
				cancel()
				if err := <-done; err != nil {
					t.Error(err)
				}
			}
		}
		stop := run()
		add := func(a store.Administrator) store.Administrator {
			all, err := s.Administrators().Add(ctx, time.Now(), "", a)
			if err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			return all[0]
		}
		set := func(id uint64, fn func(*store.Administrator)) {
			if _, err := s.Administrators().Edit(ctx, id, time.Now(), "", func(a *store.Administrator) error { fn(a); return nil }); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		add(store.Administrator{Username: "root", Level: store.SuperAdministrator, Email: "root@example.org"})
		anna := add(store.Administrator{Username: "anna", FirstName: "Anna", Email: "anna@example.org", SMSQuota: "2 D"})
		send := func() error {
			_, err := r.Submit(ctx, router.Submission{Account: anna.Account(), To: []string{"+4915112345678"}, Text: "x"})
			synctest.Wait()
			return err
		}
		var quota *store.QuotaError
		if err := errors.Join(send(), send()); err != nil {
			t.Error(err)
		}
		for range 3 {
			if err := send(); !errors.As(err, &quota) {
				t.Errorf("over the quota: %v", err)
			}
		}
		if now, err := s.Administrators().Read(ctx, anna.ID); err != nil || now.LastQuotaReached.IsZero() {
			t.Errorf("%+v, %v", now, err)
		}
		set(anna.ID, func(a *store.Administrator) { a.QuotaRequest = "5 D" })
		stop()
		stop = run() // nothing is told twice
		set(anna.ID, func(a *store.Administrator) { a.SMSQuota, a.QuotaRequest = "3 D", "" })
		if err := send(); err != nil {
			t.Errorf("within the new quota: %v", err)
		}
		if err := send(); !errors.As(err, &quota) {
			t.Errorf("over the new quota: %v", err)
		}
		time.Sleep(24 * time.Hour)
		if err := send(); err != nil {
			t.Errorf("on the next day: %v", err)
		}
		if _, err := s.Administrators().Archive(ctx, anna.ID, time.Now(), ""); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		stop()
		page, err := s.Messages(ctx, store.Query{Ascending: true, Limit: 1000})
		var got []string
		for _, m := range page.Items {
			if m.Subject != "" {
				got = append(got, m.To.String()+" "+m.Subject)
				if m.Pin != "post" || m.Account != "" || strings.Contains(m.Text, "%!") {
					t.Errorf("%+v", m)
				}
			}
		}
		want := []string{"root@example.org Your account", "anna@example.org Your account", "anna@example.org Your quota is used up", "root@example.org A quota is asked for",
			"anna@example.org Your quota was changed", "anna@example.org Your account was closed"}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("mails %q, %v\nwant %q", got, err, want)
		}
	})
}
