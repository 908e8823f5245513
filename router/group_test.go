package router_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"trunkline/callplan/phone"
	"trunkline/router"
	"trunkline/store"
	"trunkline/store/bolt"
)

// crowd makes n contacts of the administrator 1 with numbers of their own, in the group crew, and each in the group half that is even.
func crowd(t testing.TB, s *store.Store, n int) {
	t.Helper()
	ctx, at := t.Context(), time.Now()
	if _, err := s.Administrators().Add(ctx, at, "", store.Administrator{Username: "anna"}); err != nil {
		t.Fatal(err)
	}
	groups, err := s.Groups().Add(ctx, at, "", store.Group{Name: "crew", AdminID: 1}, store.Group{Name: "half", AdminID: 1}, store.Group{Name: "nobody", AdminID: 1})
	if err != nil {
		t.Fatal(err)
	}
	for from := 0; from < n; from += 500 {
		var all []store.Contact
		for i := from; i < min(n, from+500); i++ {
			number, err := phone.Parse(fmt.Sprintf("+49151%08d", i))
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, store.Contact{AdminID: 1, LastName: fmt.Sprintf("n%d", i), PhoneNumber: number})
		}
		all, err := s.Contacts().Add(ctx, at, "", all...)
		if err != nil {
			t.Fatal(err)
		}
		var ids, even []uint64
		for i := range all {
			if ids = append(ids, all[i].ID); i%2 == 0 {
				even = append(even, all[i].ID)
			}
		}
		if err := errors.Join(s.AddMembers(ctx, groups[0].ID, at, "", ids...), s.AddMembers(ctx, groups[1].ID, at, "", even...)); err != nil {
			t.Fatal(err)
		}
	}
}

func groupRouter(t testing.TB) (*router.Router, *store.Store) {
	t.Helper()
	db, err := bolt.Open(filepath.Join(t.TempDir(), "db"), bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), db, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return router.New(router.Options{Config: router.Default(), Store: s, Measure: func(string, int) (int, error) { return 1, nil }}), s
}

// Every number gets one message, whoever it belongs to and however often it is named; nobody else gets one.
func TestSubmitToGroups(t *testing.T) {
	r, s := groupRouter(t)
	crowd(t, s, 10)
	ctx := context.Background()
	submit := func(account string, to []string, groups ...string) ([]string, error) {
		a, err := r.Submit(ctx, router.Submission{Account: account, Text: "hello", To: to, Groups: groups})
		var got []string
		for _, m := range a.Messages {
			got = append(got, m.To.String()[len("+49151"):])
		}
		return got, err
	}
	for _, test := range []struct {
		to     []string
		groups []string
		want   int
	}{{nil, []string{"crew"}, 10}, {nil, []string{" half "}, 5}, {nil, []string{"half", "Crew"}, 10}, {nil, []string{"all"}, 10},
		{[]string{"+4915100000001", "+4915199999999"}, []string{"half"}, 7}, {[]string{"+4915100000002"}, []string{"half"}, 5}} {
		got, err := submit("admin:1", test.to, test.groups...)
		slices.Sort(got)
		if err != nil || len(got) != test.want || len(slices.Compact(got)) != test.want {
			t.Errorf("%q %q: %q, %v", test.to, test.groups, got, err)
		}
	}
	for _, group := range []string{"none", "nobody", ""} {
		var wrong *router.ValidationError
		if got, err := submit("admin:1", nil, group); !errors.As(err, &wrong) || wrong.Fields[0].Field != "group" || len(got) > 0 {
			t.Errorf("%q: %q, %v", group, got, err)
		}
	}
	if _, err := submit("admin:2", nil, "crew"); err == nil {
		t.Error("the group of another administrator is taken")
	}
	if got, err := submit("uid:0", nil, "crew"); err != nil || len(got) != 10 {
		t.Errorf("the only group of its name, for the operator: %q, %v", got, err)
	}
	// The same key makes the same messages, also when the group is another by then.
	first, err := r.Submit(ctx, router.Submission{Account: "admin:1", Text: "x", Groups: []string{"crew"}, IdempotencyKey: "k"})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.RemoveMembers(ctx, 1, time.Now(), "", 1, 2, 3); err != nil {
		t.Fatal(err)
	}
	again, err := r.Submit(ctx, router.Submission{Account: "admin:1", Text: "x", Groups: []string{"crew"}, IdempotencyKey: "k"})
	if err != nil || !again.Replayed || len(again.Messages) != len(first.Messages) {
		t.Errorf("%d messages, replayed %t, %v", len(again.Messages), again.Replayed, err)
	}
}

// BenchmarkSubmitToGroup resolves and accepts a message to a group of 10,000 contacts, durably.
func BenchmarkSubmitToGroup(b *testing.B) {
	r, s := groupRouter(b)
	crowd(b, s, router.MaxGroupRecipients)
	b.ResetTimer()
	for b.Loop() {
		a, err := r.Submit(b.Context(), router.Submission{Account: "admin:1", Text: "hello", Groups: []string{"crew"}})
		if err != nil || len(a.Messages) != router.MaxGroupRecipients {
			b.Fatal(len(a.Messages), err)
		}
	}
}
