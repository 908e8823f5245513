package store_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"trunkline/store"
	"trunkline/store/memory"
)

// tenantry fills a service provider with something of every kind, and returns a list that counts what can be found of the one with a key.
func tenantry(t *testing.T, s *store.Store, key string, n int) (counts func(key string) []int) {
	t.Helper()
	meta := store.Meta{Provider: key}
	a := add(t, s.Administrators(), store.Administrator{Username: fmt.Sprint("anna", n), RoleID: store.ProviderRole(key)})
	c := add(t, s.Contacts(), store.Contact{Meta: meta, LastName: "Bach", PhoneNumber: number(t, fmt.Sprintf("+49151%08d", n))})
	g := add(t, s.Groups(), store.Group{Meta: meta, Name: "crew"})
	add(t, s.Actions(), store.Action{Meta: meta, Name: "lamp", Keyword: "lamp", Kind: store.ActionReply, Text: "on", Enabled: true})
	add(t, s.ListEntries(), store.ListEntry{Meta: meta, Direction: "in", Kind: "number", Value: "+49301234567"})
	add(t, s.Subscribers(), store.Subscriber{Meta: meta, Name: "Sub"})
	add(t, s.Calendars(), store.Calendar{Meta: meta, Name: "feast", Days: []string{"2026/12/25"}})
	if err := s.AddMembers(ctx, g.ID, start, "uid:1", c.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := s.PublishPlan(ctx, store.PlanVersion{Provider: key, Name: "night", Document: []byte("{}"), CreatedAt: start}, start); err != nil {
		t.Fatal(err)
	}
	accept(t, s, outgoing(t, 1, func(m *store.Message) { m.Provider, m.Account = key, a.Account() }))
	call := store.CDR{ID: store.NewCDRID(), Kind: store.CDRVoice, Direction: store.In, Provider: key, Trunk: "desk", Number: c.PhoneNumber, StartedAt: start}
	if err := s.BeginCall(ctx, call, store.Event{Type: "call.ringing", At: start, Reference: -1}); err != nil {
		t.Fatal(err)
	}
	return func(key string) []int {
		t.Helper()
		plans, err1 := s.Plans(ctx, key)
		messages, err2 := s.Messages(ctx, store.Query{Provider: key})
		calls, err3 := s.CDRs(ctx, store.CDRQuery{Provider: key, Limit: 10})
		recipients, err4 := s.Recipients(ctx, key, 0, "crew", 10)
		if err := errors.Join(err1, err2, err3); err != nil || err4 != nil && !errors.Is(err4, store.ErrNotFound) {
			t.Fatal(err, err4)
		}
		found := []int{len(plans), len(messages.Items), len(calls.Items), len(recipients)}
		return append(found, listed(t, s.Administrators(), key), listed(t, s.Contacts(), key), listed(t, s.Groups(), key), listed(t, s.Actions(), key), listed(t, s.ListEntries(), key),
			listed(t, s.Subscribers(), key), listed(t, s.Calendars(), key), listed(t, s.Providers(), key))
	}
}

func listed[T any](t *testing.T, c store.Records[T], provider string) int {
	t.Helper()
	page, err := c.List(ctx, store.Listing[T]{Provider: provider})
	if err != nil {
		t.Fatal(err)
	}
	return len(page.Items)
}

// Everything of a service provider is found under its new name and nothing under the old one, which another may take without seeing anything.
func TestProviderRenamed(t *testing.T) {
	onEngines(t, store.Options{}, func(t *testing.T, s *store.Store) {
		all := s.Providers()
		p := add(t, all, store.Provider{Name: "acme"})
		counts := tenantry(t, s, p.Provider, 1)
		one := []int{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}
		none := make([]int, len(one))
		if got := counts(s.ProviderKey("acme")); !slices.Equal(got, one) {
			t.Fatalf("before: %v", got)
		}
		p = edit(t, all, p.ID, func(p *store.Provider) { p.Name, p.Former = "beta", nil })
		if p.Provider != "acme" || p.Name != "beta" || len(p.Former) != 1 || p.Former[0] != (store.FormerName{Name: "acme", Until: start.Add(time.Minute)}) {
			t.Errorf("%+v", p)
		}
		if got := counts(s.ProviderKey("beta")); !slices.Equal(got, one) {
			t.Errorf("under the new name: %v", got)
		}
		if got := counts(s.ProviderKey("acme")); !slices.Equal(got, none) {
			t.Errorf("under the old name: %v", got)
		}
		if s.ProviderMeant("acme") != "acme" || s.ProviderMeant("beta") != "acme" || s.ProviderName("acme") != "beta" || s.ProviderName(s.ProviderKey("acme")) != "acme" {
			t.Error("the configuration means somebody else")
		}
		if a, b := s.RoleName("service_provider:acme"), s.RoleKey("service_provider:beta"); a != "service_provider:beta" || b != "service_provider:acme" || s.RoleKey("platform_owner") != "platform_owner" {
			t.Errorf("roles %s and %s", a, b)
		}

		heir := add(t, all, store.Provider{Name: "acme"})
		if heir.Provider == "acme" || s.ProviderKey("acme") != heir.Provider || s.ProviderMeant("acme") != heir.Provider || s.ProviderName(heir.Provider) != "acme" {
			t.Errorf("another took the old name: %+v, %q", heir, s.ProviderKey("acme"))
		}
		if got := counts(heir.Provider); !slices.Equal(got, append(slices.Clone(none[1:]), 1)) {
			t.Errorf("it sees %v", got)
		}
		tenantry(t, s, heir.Provider, 2)
		if a, b := counts(s.ProviderKey("acme")), counts(s.ProviderKey("beta")); !slices.Equal(a, one) || !slices.Equal(b, one) {
			t.Errorf("each has its own: %v and %v", a, b)
		}

		rename := func(id uint64, name string) error {
			_, err := all.Edit(ctx, id, start.Add(time.Hour), "uid:1", func(p *store.Provider) error { p.Name = name; return nil })
			return err
		}
		faulty(t, "a name that is taken", rename(p.ID, "acme"), "name", "exists")
		faulty(t, "the name of the default one", rename(p.ID, "default"), "name", "exists")
		faulty(t, "the default one", rename(1, "gamma"), "name", "immutable")
		for _, bad := range []string{"", " ", strings.Repeat("x", 65), "a\x00", "a\nb", "\xff"} {
			faulty(t, fmt.Sprintf("name %q", bad), rename(p.ID, bad), "name", "invalid")
		}
		if _, err := all.Archive(ctx, heir.ID, start, "uid:1"); err != nil {
			t.Fatal(err)
		}
		if err := rename(p.ID, "acme"); !strings.Contains(fmt.Sprint(err), "archived") {
			t.Errorf("the name of an archived one: %v", err)
		}
		if err := rename(heir.ID, "delta"); !errors.Is(err, store.ErrArchived) {
			t.Errorf("an archived one: %v", err)
		}
		if err := rename(p.ID, "beta"); err != nil || !slices.Contains(types(t, s), "provider.renamed") {
			t.Errorf("the same name: %v", err)
		}

		// A name may come back when its holder is gone, but not what belonged to him.
		if err := all.Purge(ctx, heir.ID, start, "uid:1"); err != nil {
			t.Fatal(err)
		}
		if s.ProviderMeant("acme") != "acme" || s.ProviderKey("acme") == heir.Provider {
			t.Errorf("nobody has the name, and it means %q", s.ProviderMeant("acme"))
		}
		if err := rename(p.ID, "acme"); err != nil || s.ProviderKey("acme") != "acme" || s.ProviderKey("beta") == "acme" {
			t.Errorf("it takes its name back: %v", err)
		}
		if _, err := all.Archive(ctx, p.ID, start, "uid:1"); err != nil {
			t.Fatal(err)
		}
		if err := all.Purge(ctx, p.ID, start, "uid:1"); err != nil {
			t.Fatal(err)
		}
		late := add(t, all, store.Provider{Name: "acme"})
		if got := counts(late.Provider); late.Provider == "acme" || !slices.Equal(got, append(slices.Clone(none[1:]), 1)) {
			t.Errorf("one with the name of who is gone has the key %q and sees %v", late.Provider, got)
		}
	})
}

// The last names are kept, each once, and the one who had a name last is meant by it.
func TestFormerNames(t *testing.T) {
	s, e := open(t, store.Options{})
	p := add(t, s.Providers(), store.Provider{Name: "first"})
	q := add(t, s.Providers(), store.Provider{Name: "second"})
	at := start
	rename := func(id uint64, name string) store.Provider {
		at = at.Add(time.Minute)
		v, err := s.Providers().Edit(ctx, id, at, "uid:1", func(p *store.Provider) error { p.Name = name; return nil })
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for i := range 20 {
		p = rename(p.ID, fmt.Sprint("name", i%18))
	}
	if len(p.Former) != 16 || p.Former[15].Name != "name0" || slices.ContainsFunc(p.Former, func(f store.FormerName) bool { return f.Name == p.Name }) {
		t.Errorf("%+v", p.Former)
	}
	rename(q.ID, "name0")
	rename(q.ID, "third")
	for _, s := range []*store.Store{s, reopen(t, memory.Restore(e.Snapshot()), store.Options{})} {
		if s.ProviderMeant("name0") != "second" || s.ProviderMeant("second") != "second" || s.ProviderMeant("name3") != "first" || s.ProviderMeant("never") != "never" || s.ProviderName("first") != p.Name {
			t.Errorf("name0 means %q, second %q, name3 %q", s.ProviderMeant("name0"), s.ProviderMeant("second"), s.ProviderMeant("name3"))
		}
	}
}

// A crash at any moment leaves the old name or the new one, and everything is found under it.
func TestCrashOfRename(t *testing.T) {
	s, base := open(t, store.Options{})
	p := add(t, s.Providers(), store.Provider{Name: "acme"})
	counts := tenantry(t, s, p.Provider, 1)
	want := counts("acme")
	rename := func(s *store.Store) error {
		_, err := s.Providers().Edit(ctx, p.ID, start, "uid:1", func(p *store.Provider) error { p.Name = "beta"; return nil })
		return err
	}
	image := base.Snapshot()
	whole := memory.Restore(image)
	one := reopen(t, whole, store.Options{})
	before := whole.Operations()
	if err := rename(one); err != nil {
		t.Fatal(err)
	}
	total := whole.Operations() - before
	for _, fault := range []struct {
		moment  memory.Moment
		applied bool
	}{{memory.Before, false}, {memory.AtCommit, false}, {memory.AtCommit, true}, {memory.AfterCommit, true}} {
		crashed := 0
		for n := 1; n <= total; n++ {
			e := memory.Restore(image)
			s := reopen(t, e, store.Options{})
			e.FailAt(n, fault.moment, fault.applied, errCrash)
			if err := rename(s); errors.Is(err, errCrash) {
				crashed++
			} else if err != nil {
				t.Fatal(err)
			}
			after := reopen(t, memory.Restore(e.Snapshot()), store.Options{})
			name := after.ProviderName("acme")
			if name != "acme" && name != "beta" || after.ProviderKey(name) != "acme" {
				t.Fatalf("operation %d: it is called %q", n, name)
			}
			for key, found := range map[string]int{after.ProviderKey(name): 1, after.ProviderKey(map[string]string{"acme": "beta", "beta": "acme"}[name]): 0} {
				if got := listed(t, after.Contacts(), key); got != found {
					t.Errorf("operation %d: %d contacts under %q", n, got, key)
				}
			}
			check(t, after)
		}
		if crashed == 0 {
			t.Errorf("nothing crashed with %+v", fault)
		}
	}
	if len(want) == 0 {
		t.Error("nothing was counted")
	}
}
