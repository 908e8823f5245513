package router

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"trunkline/store"
	"trunkline/store/memory"
)

// Who forgot the password is mailed a code, at his address or his service provider's, at most once for each request; others are mailed nothing.
func TestForgottenPasswordIsMailed(t *testing.T) {
	ctx := t.Context()
	s, err := store.Open(ctx, memory.New(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	now := s.Now()
	acme, err := s.Providers().Add(ctx, now, "", store.Provider{Name: "acme", Email: "desk@acme.example", Locale: "fr"})
	if err != nil {
		t.Fatal(err)
	}
	admins, err := s.Administrators().Add(ctx, now, "",
		store.Administrator{Username: "anna", FirstName: "Anna", LastName: "Abel", Email: "anna@example.org"},
		store.Administrator{Username: "bob", RoleID: store.ProviderRole(acme[0].Name)},
		store.Administrator{Username: "carl"},
		store.Administrator{Username: "dora", AuthBackend: "ldap", Email: "dora@example.org"})
	if err != nil {
		t.Fatal(err)
	}
	invited := 0
	a := NewAdministration(AdministrationOptions{Store: s, Books: NewBooks(Default()), Router: New(Options{Config: Default(), Store: s}), Mail: "post",
		Invite: func(_ context.Context, id uint64, who string) (string, time.Time, error) {
			if id == admins[3].ID {
				return "", time.Time{}, errors.New("the password is that of the directory")
			}
			invited++
			return "tl_reset_" + strings.Repeat("x", int(id)), now.Add(15 * time.Minute), nil
		}})
	mailed := func() (all []store.Message) {
		t.Helper()
		page, err := s.Messages(ctx, store.Query{Direction: store.Out, Ascending: true})
		if err != nil {
			t.Fatal(err)
		}
		return page.Items
	}
	for i, test := range []struct {
		code   string
		at     time.Time
		to     string
		parts  []string
		invite int
	}{
		{"1", now, "anna@example.org", []string{"Hello Anna Abel", "account anna", "\n\ntl_reset_x\n\n", "POST /v1/password"}, 1},
		{"2", now, "desk@acme.example", []string{"Bonjour bob", "\n\ntl_reset_xx\n\n"}, 2},
		{"3", now, "", nil, 2},                     // no address anywhere
		{"4", now, "", nil, 2},                     // of a directory
		{"", now, "", nil, 2},                      // nobody
		{"77", now, "", nil, 2},                    // purged meanwhile
		{"1", now.Add(-2 * time.Hour), "", nil, 2}, // long ago
	} {
		before := len(mailed())
		e := store.Event{Seq: uint64(i + 1), Type: "administrator.forgot", At: test.at, Code: test.code}
		if err := a.deal(ctx, &e); err != nil {
			t.Fatalf("%+v: %v", test, err)
		}
		got := mailed()[before:]
		if invited != test.invite || len(got) != len(test.to)/max(1, len(test.to)) {
			t.Errorf("%+v: %d invited, %d mails", test, invited, len(got))
			continue
		}
		if test.to == "" {
			continue
		}
		m := got[0]
		if m.To.String() != test.to || !m.Secret || m.Pin != "post" || m.Account != "" || !m.ExpiresAt.Equal(now.Add(15*time.Minute)) {
			t.Errorf("%+v", m)
		}
		for _, part := range test.parts {
			if !strings.Contains(m.Text, part) {
				t.Errorf("%q is not in %q", part, m.Text)
			}
		}
		if at, err := a.begin(ctx); err != nil || at > e.Seq { // after a crash it begins behind it
			t.Errorf("begins at %d, %v", at, err)
		}
	}
	// What is kept is that the event was dealt with, before anything is done: when the code cannot be made or the mail not be queued, nobody gets two.
	a.o.Invite = func(context.Context, uint64, string) (string, time.Time, error) {
		return "", time.Time{}, store.ErrStopped
	}
	if err := a.deal(ctx, &store.Event{Seq: 99, Type: "administrator.forgot", At: now, Code: "1"}); err != nil {
		t.Error(err)
	}
	if kept, err := s.Remembered(ctx, keyAdministration); err != nil || len(kept) != 8 || kept[7] != 99 {
		t.Errorf("%x, %v", kept, err)
	}
}
