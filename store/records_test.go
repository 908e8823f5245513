package store_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"trunkline/store"
)

// add stores one record and returns it.
func add[T any](t testing.TB, c store.Records[T], v T) T {
	t.Helper()
	all, err := c.Add(ctx, start, "uid:1", v)
	if err != nil {
		t.Fatal(err)
	}
	return all[0]
}

// edit changes a record.
func edit[T any](t testing.TB, c store.Records[T], id uint64, fn func(*T)) T {
	t.Helper()
	v, err := c.Edit(ctx, id, start.Add(time.Minute), "uid:1", func(v *T) error { fn(v); return nil })
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// faulty fails the test unless an error is a fault of a field with a code.
func faulty(t testing.TB, what string, err error, field, code string) {
	t.Helper()
	var f *store.Faults
	if !errors.As(err, &f) || !slices.ContainsFunc(f.Fields, func(f store.Fault) bool { return f.Field == field && f.Code == code }) {
		t.Errorf("%s: %v, want %s to be wrong: %s", what, err, field, code)
	}
}

func admin(t testing.TB, s *store.Store, name, number_ string) store.Administrator {
	t.Helper()
	a := store.Administrator{Username: name, LastName: name}
	if number_ != "" {
		a.PhoneNumber = number(t, number_)
	}
	return add(t, s.Administrators(), a)
}

func contact(t testing.TB, s *store.Store, admin uint64, name, number_ string) store.Contact {
	t.Helper()
	c := store.Contact{AdminID: admin, LastName: name}
	if number_ != "" {
		c.PhoneNumber = number(t, number_)
	}
	return add(t, s.Contacts(), c)
}

func TestRecordLife(t *testing.T) {
	onEngines(t, store.Options{}, func(t *testing.T, s *store.Store) {
		a := contact(t, s, 0, "Abel", "+4915110000001")
		if a.ID != 1 || a.Provider != "default" || a.CustomerID != 10001 || !a.CreatedAt.Equal(start) || a.CreatedBy != "uid:1" {
			t.Errorf("%+v", a)
		}
		b := contact(t, s, 0, "Bach", "+4915110000002")
		if b.ID != 2 || b.CustomerID != 10002 {
			t.Errorf("%+v", b)
		}
		_, err := s.Contacts().Add(ctx, start, "uid:1", store.Contact{LastName: "Cohn", PhoneNumber: a.PhoneNumber})
		faulty(t, "a number that is taken", err, "phone_number", "exists")
		_, err = s.Contacts().Edit(ctx, b.ID, start, "uid:1", func(c *store.Contact) error { c.AdminID = 7; return nil })
		faulty(t, "another owner", err, "admin_id", "immutable")

		if _, err := s.Contacts().Archive(ctx, a.ID, start.Add(time.Hour), "uid:2"); err != nil {
			t.Fatal(err)
		}
		_, err = s.Contacts().Add(ctx, start, "uid:1", store.Contact{LastName: "Cohn", PhoneNumber: a.PhoneNumber})
		if faulty(t, "a number of an archived one", err, "phone_number", "exists"); !strings.Contains(fmt.Sprint(err), "archived") {
			t.Error(err)
		}
		if p, err := s.Party(ctx, "default", a.PhoneNumber); err != nil || len(p.Contacts) > 0 {
			t.Errorf("archived: %+v, %v", p, err)
		}
		if got, err := s.Contacts().ByUUID(ctx, a.UUID); err != nil || got.ID != a.ID || got.ArchivedAt.IsZero() {
			t.Errorf("%+v, %v", got, err)
		}
		if ids, err := s.Contacts().ArchivedBefore(ctx, start.Add(2*time.Hour), 10); err != nil || !slices.Equal(ids, []uint64{a.ID}) {
			t.Errorf("%v, %v", ids, err)
		}
		if ids, err := s.Contacts().ArchivedBefore(ctx, start, 10); err != nil || len(ids) > 0 {
			t.Errorf("%v, %v", ids, err)
		}
		if _, err := s.Contacts().Restore(ctx, a.ID, start, "uid:2"); err != nil {
			t.Fatal(err)
		}
		if p, err := s.Party(ctx, "default", a.PhoneNumber); err != nil || len(p.Contacts) != 1 {
			t.Errorf("restored: %+v, %v", p, err)
		}
		if err := s.Contacts().Purge(ctx, a.ID, start, "uid:2"); !errors.Is(err, store.ErrNotArchived) {
			t.Error(err)
		}
		if _, err := s.Contacts().Archive(ctx, a.ID, start, "uid:2"); err != nil {
			t.Fatal(err)
		}
		if err := s.Contacts().Purge(ctx, a.ID, start, "uid:2"); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Contacts().Read(ctx, a.ID); !errors.Is(err, store.ErrNotFound) {
			t.Error(err)
		}
		if c := contact(t, s, 0, "Cohn", "+4915110000001"); c.ID != 3 {
			t.Errorf("an id was given again: %+v", c)
		}
		want := []string{"contact.added default/1 ", "contact.added default/2 ", "contact.archived default/1 ", "contact.restored default/1 ", "contact.archived default/1 ",
			"contact.purged default/1 ", "contact.added default/3 "}
		if got := eventsOf(t, s); !slices.Equal(got, want) {
			t.Errorf("events %q, want %q", got, want)
		}
	})
}

// All records of one call are added, or none.
func TestAddTogether(t *testing.T) {
	s, _ := open(t, store.Options{})
	_, err := s.Groups().Add(ctx, start, "uid:1", store.Group{Name: "a"}, store.Group{Name: "b"}, store.Group{Name: "A"})
	faulty(t, "twice in one call", err, "name", "exists")
	page, err := s.Groups().List(ctx, store.Listing[store.Group]{})
	if err != nil || len(page.Items) > 0 {
		t.Errorf("%+v, %v", page, err)
	}
	check(t, s)
}

func TestContactMirrors(t *testing.T) {
	s, _ := open(t, store.Options{})
	c := contact(t, s, 0, "Abel", "+4915110000001")
	if want := []store.ContactPhone{{Type: "mobile", Number: "+4915110000001"}}; !slices.Equal(c.Phones, want) {
		t.Errorf("phones %+v", c.Phones)
	}
	c = edit(t, s.Contacts(), c.ID, func(c *store.Contact) {
		c.Phones = append(c.Phones, store.ContactPhone{Type: "home", Number: "+49301234567"}, store.ContactPhone{Type: "mobile", Number: "+4915110000002"})
		c.Email = "abel@example.org"
	})
	if len(c.Phones) != 3 || !slices.Equal(c.Emails, []store.ContactEmail{{Type: "private", Email: "abel@example.org"}}) {
		t.Errorf("%+v", c)
	}
	if p, err := s.Party(ctx, "default", number(t, "030-1234567")); err != nil || len(p.Contacts) != 1 {
		t.Errorf("by the second number: %+v, %v", p, err)
	}
	c = edit(t, s.Contacts(), c.ID, func(c *store.Contact) { c.Phones = c.Phones[1:] })
	if c.PhoneNumber != number(t, "+4915110000002") {
		t.Errorf("the next mobile did not take the place: %v", c.PhoneNumber)
	}
	c = edit(t, s.Contacts(), c.ID, func(c *store.Contact) { c.PhoneNumber = number(t, "+4915110000003"); c.Emails = nil })
	if len(c.Phones) != 2 || c.Phones[0].Number != "+4915110000003" || c.Email != "" {
		t.Errorf("%+v", c)
	}
	check(t, s)
}

func TestAdministratorRules(t *testing.T) {
	onEngines(t, store.Options{}, func(t *testing.T, s *store.Store) {
		super := add(t, s.Administrators(), store.Administrator{Username: "root", Level: store.SuperAdministrator})
		if super.RoleID != store.RolePlatformOwner || super.SMSQuota != "100 M" || super.AuthBackend != "local" {
			t.Errorf("%+v", super)
		}
		_, err := s.Administrators().Add(ctx, start, "", store.Administrator{Username: "other", Level: store.SuperAdministrator})
		if faulty(t, "a second", err, "level", "exists"); !strings.Contains(fmt.Sprint(err), "There can be only one super admin.") {
			t.Error(err)
		}
		if _, err := s.Administrators().Archive(ctx, super.ID, start, ""); !errors.Is(err, store.ErrInvalid) || !strings.Contains(err.Error(), "Super admin cannot be deleted.") {
			t.Error(err)
		}
		for field, a := range map[string]store.Administrator{"username": {Username: "Root"}, "sms_quota": {Username: "a", SMSQuota: "ten"}, "auth_backend": {Username: "a", AuthBackend: "x"},
			"role_id": {Username: "a", RoleID: "boss"}, "provider": {Username: "a", RoleID: "service_provider:none"}, "email": {Username: "a", Email: "no"}} {
			_, err := s.Administrators().Add(ctx, start, "", a)
			code := "invalid"
			if field == "provider" {
				code = "unknown"
			}
			faulty(t, field, err, field, code)
		}
		_, err = s.Administrators().Add(ctx, start, "", store.Administrator{Username: "root"})
		faulty(t, "username", err, "username", "exists")

		a := admin(t, s, "anna", "+4915110000009")
		c := contact(t, s, a.ID, "Abel", "+4915110000001")
		g := add(t, s.Groups(), store.Group{Name: "crew", AdminID: a.ID})
		if err := s.AddMembers(ctx, g.ID, start, "", c.ID); err != nil {
			t.Fatal(err)
		}
		x := add(t, s.Actions(), store.Action{Name: "lamp", Keyword: "Lamp", Kind: store.ActionReply, Text: "on", AdminID: a.ID})
		if x.JanuaID != 1 || x.Keyword != "lamp" || x.Module != "reply:lamp" {
			t.Errorf("%+v", x)
		}
		if err := errors.Join(s.AllowGroup(ctx, x.ID, g.ID, start, ""), s.AllowAdministrator(ctx, x.ID, a.ID, start, ""), s.Notify(ctx, x.ID, c.ID, g.ID, start, "")); err != nil {
			t.Fatal(err)
		}
		if p, err := s.Party(ctx, "default", c.PhoneNumber); err != nil || len(p.Contacts) != 1 || !slices.Equal(p.Groups, []uint64{g.ID}) {
			t.Errorf("%+v, %v", p, err)
		}
		if p, err := s.Party(ctx, "default", a.PhoneNumber); err != nil || p.Administrator == nil || p.Administrator.ID != a.ID {
			t.Errorf("%+v, %v", p, err)
		}
		// Archived: what it owns is hidden, and comes back.
		if _, err := s.Administrators().Archive(ctx, a.ID, start, ""); err != nil {
			t.Fatal(err)
		}
		if p, err := s.Party(ctx, "default", c.PhoneNumber); err != nil || len(p.Contacts) > 0 {
			t.Errorf("%+v, %v", p, err)
		}
		if page, err := s.Contacts().List(ctx, store.Listing[store.Contact]{}); err != nil || len(page.Items) > 0 {
			t.Errorf("%+v, %v", page, err)
		}
		if _, err := s.Administrators().Restore(ctx, a.ID, start, ""); err != nil {
			t.Fatal(err)
		}
		if page, err := s.Contacts().List(ctx, store.Listing[store.Contact]{}); err != nil || len(page.Items) != 1 {
			t.Errorf("%+v, %v", page, err)
		}
		// Purged: contacts and groups go, actions are the super administrator's, with empty lists.
		if _, err := s.Administrators().Archive(ctx, a.ID, start, ""); err != nil {
			t.Fatal(err)
		}
		if err := s.Administrators().Purge(ctx, a.ID, start, ""); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Contacts().Read(ctx, c.ID); !errors.Is(err, store.ErrNotFound) {
			t.Error(err)
		}
		if _, err := s.Groups().Read(ctx, g.ID); !errors.Is(err, store.ErrNotFound) {
			t.Error(err)
		}
		if x, err = s.Actions().Read(ctx, x.ID); err != nil || x.AdminID != super.ID {
			t.Errorf("%+v, %v", x, err)
		}
		if grants, err := s.Grants(ctx, x.ID); err != nil || len(grants.Groups)+len(grants.Administrators)+len(grants.Notify) > 0 {
			t.Errorf("%+v, %v", grants, err)
		}
	})
}

// The rules by which lists of actions follow groups, memberships and managers.
func TestReferentialRules(t *testing.T) {
	for _, test := range []struct {
		name string
		do   func(t *testing.T, s *store.Store, x, g, c, a uint64) error
		want string // groups, administrators and notices that stay
	}{
		{"group purged", func(t *testing.T, s *store.Store, x, g, c, a uint64) error {
			_, err := s.Groups().Archive(ctx, g, start, "")
			return errors.Join(err, s.Groups().Purge(ctx, g, start, ""))
		}, "0 1 0"},
		{"group archived", func(t *testing.T, s *store.Store, x, g, c, a uint64) error {
			_, err := s.Groups().Archive(ctx, g, start, "")
			return err
		}, "0 1 0"},
		{"contact purged", func(t *testing.T, s *store.Store, x, g, c, a uint64) error {
			_, err := s.Contacts().Archive(ctx, c, start, "")
			return errors.Join(err, s.Contacts().Purge(ctx, c, start, ""))
		}, "1 1 0"},
		{"taken out of the group", func(t *testing.T, s *store.Store, x, g, c, a uint64) error {
			return s.RemoveMembers(ctx, g, start, "", c)
		}, "1 1 0"},
		{"group disallowed", func(t *testing.T, s *store.Store, x, g, c, a uint64) error {
			return s.DisallowGroup(ctx, x, g, start, "")
		}, "0 1 0"},
		{"administrator disallowed", func(t *testing.T, s *store.Store, x, g, c, a uint64) error {
			return s.DisallowAdministrator(ctx, x, a, start, "")
		}, "1 0 1"},
		{"another manager", func(t *testing.T, s *store.Store, x, g, c, a uint64) error {
			_, err := s.Actions().Edit(ctx, x, start, "", func(x *store.Action) error { x.AdminID = a; return nil })
			return err
		}, "0 0 0"},
		{"restored", func(t *testing.T, s *store.Store, x, g, c, a uint64) error {
			_, err := s.Contacts().Archive(ctx, c, start, "")
			_, err2 := s.Contacts().Restore(ctx, c, start, "")
			return errors.Join(err, err2)
		}, "1 1 1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, _ := open(t, store.Options{})
			a := admin(t, s, "anna", "")
			c := contact(t, s, 0, "Abel", "+4915110000001")
			g := add(t, s.Groups(), store.Group{Name: "crew"})
			x := add(t, s.Actions(), store.Action{Name: "lamp", Kind: store.ActionReply, Text: "on"})
			if !x.Authentication {
				t.Error("an action without a keyword needs a token")
			}
			faulty(t, "not allowed", s.Notify(ctx, x.ID, c.ID, g.ID, start, ""), "group", "invalid")
			if err := s.AllowGroup(ctx, x.ID, g.ID, start, ""); err != nil {
				t.Fatal(err)
			}
			faulty(t, "not a member", s.Notify(ctx, x.ID, c.ID, g.ID, start, ""), "contact", "invalid")
			err := errors.Join(s.AddMembers(ctx, g.ID, start, "", c.ID), s.Notify(ctx, x.ID, c.ID, g.ID, start, ""), s.AllowAdministrator(ctx, x.ID, a.ID, start, ""))
			if err == nil {
				err = test.do(t, s, x.ID, g.ID, c.ID, a.ID)
			}
			if err != nil {
				t.Fatal(err)
			}
			grants, err := s.Grants(ctx, x.ID)
			if got := fmt.Sprint(len(grants.Groups), len(grants.Administrators), len(grants.Notify)); err != nil || got != test.want {
				t.Errorf("%s, %v; want %s", got, err, test.want)
			}
			check(t, s)
		})
	}
}

// A contact and a group of different owners do not go together, nor an action and a group of different service providers.
func TestForeignLinks(t *testing.T) {
	s, _ := open(t, store.Options{})
	add(t, s.Providers(), store.Provider{Name: "acme"})
	a, b := admin(t, s, "anna", ""), add(t, s.Administrators(), store.Administrator{Username: "berta", RoleID: store.ProviderRole("acme")})
	if b.Provider != "acme" {
		t.Errorf("%+v", b)
	}
	c := contact(t, s, b.ID, "Abel", "+4915110000001")
	if c.Provider != "acme" {
		t.Errorf("%+v", c)
	}
	g := add(t, s.Groups(), store.Group{Name: "crew", AdminID: a.ID})
	faulty(t, "foreign contact", s.AddMembers(ctx, g.ID, start, "", c.ID), "contacts", "unknown")
	x := add(t, s.Actions(), store.Action{Meta: store.Meta{Provider: "acme"}, Name: "lamp", Kind: store.ActionReply, Text: "on"})
	faulty(t, "foreign group", s.AllowGroup(ctx, x.ID, g.ID, start, ""), "group", "unknown")
	faulty(t, "foreign administrator", s.AllowAdministrator(ctx, x.ID, a.ID, start, ""), "administrator", "unknown")
	if p, err := s.Party(ctx, "default", c.PhoneNumber); err != nil || len(p.Contacts) > 0 {
		t.Errorf("another service provider sees it: %+v, %v", p, err)
	}
	if _, err := s.Providers().Archive(ctx, 2, start, ""); err != nil {
		t.Fatal(err)
	}
	_, err := s.Contacts().Add(ctx, start, "", store.Contact{Meta: store.Meta{Provider: "acme"}, LastName: "x"})
	faulty(t, "archived service provider", err, "provider", "archived")
	if err := s.Providers().Purge(ctx, 2, start, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Administrators().Read(ctx, b.ID); !errors.Is(err, store.ErrNotFound) {
		t.Error(err)
	}
	check(t, s)
}

// Every order, filter and direction gives the same records, whether they are few and sorted or many and walked along, in pages of any length.
func TestListings(t *testing.T) {
	for _, n := range []int{40, 700} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			s, _ := open(t, store.Options{})
			a := admin(t, s, "anna", "")
			g := add(t, s.Groups(), store.Group{Name: "crew", AdminID: a.ID})
			var all []store.Contact
			var members []uint64
			for i := range n {
				c := store.Contact{LastName: fmt.Sprintf("Mü%c", 'a'+i*7%26), FirstName: fmt.Sprintf("f%d", i%3), PhoneNumber: number(t, fmt.Sprintf("+49151%08d", i))}
				if i%2 == 0 {
					c.AdminID = a.ID
				}
				all = append(all, c)
			}
			all, err := s.Contacts().Add(ctx, start, "", all...)
			if err != nil {
				t.Fatal(err)
			}
			for i := range all {
				if i%4 == 0 {
					members = append(members, all[i].ID)
				}
			}
			if err := s.AddMembers(ctx, g.ID, start, "", members...); err != nil {
				t.Fatal(err)
			}
			for i := 0; i < n; i += 5 {
				if _, err := s.Contacts().Archive(ctx, all[i].ID, start, ""); err != nil {
					t.Fatal(err)
				}
			}
			lists := []store.Listing[store.Contact]{{}, {Provider: "default"}, {Provider: "default", Order: "name"}, {Admin: &a.ID}, {Group: g.ID}, {Group: g.ID, Provider: "default", Order: "name"},
				{Provider: "default", Search: "mua F1"}, {Provider: "default", Search: "mu", Order: "name"}, {Archived: store.ArchivedOne}, {Archived: store.ArchivedToo, Provider: "default", Order: "name"},
				{Provider: "default", Where: func(c *store.Contact) bool { return c.ID%3 == 0 }, WhereKey: "thirds"}, {Provider: "default", Number: number(t, "015100000007")}, {Provider: "none"}}
			for _, q := range lists {
				var want []uint64
				for i := range all {
					c := &all[i]
					archived := i%5 == 0
					keep := (q.Archived == store.ArchivedToo || archived == (q.Archived == store.ArchivedOne)) && (q.Admin == nil || c.AdminID == *q.Admin) &&
						(q.Group == 0 || i%4 == 0) && (q.Where == nil || q.Where(c)) && (q.Number.IsZero() || i == 7) && q.Provider != "none"
					for _, w := range strings.Fields(strings.ToLower(q.Search)) {
						keep = keep && (strings.HasPrefix(strings.ReplaceAll(strings.ToLower(c.LastName), "ü", "u"), w) || strings.HasPrefix(c.FirstName, w))
					}
					if keep {
						want = append(want, c.ID)
					}
				}
				if q.Order == "name" {
					slices.SortStableFunc(want, func(a, b uint64) int {
						return strings.Compare(all[a-1].LastName+"\x00"+all[a-1].FirstName, all[b-1].LastName+"\x00"+all[b-1].FirstName)
					})
				}
				for _, limit := range []int{3, 1000} {
					for _, down := range []bool{false, true} {
						q := q
						q.Limit, q.Descending = limit, down
						var got []uint64
						for pages := 0; ; pages++ {
							page, err := s.Contacts().List(ctx, q)
							if err != nil || pages > n {
								t.Fatal(err, pages)
							}
							for _, c := range page.Items {
								got = append(got, c.ID)
							}
							if q.Cursor = page.Next; q.Cursor == "" {
								break
							}
						}
						if down {
							slices.Reverse(got)
						}
						if !slices.Equal(got, want) {
							t.Errorf("%+v: %v, want %v", q, got, want)
						}
					}
				}
			}
			page, err := s.Contacts().List(ctx, store.Listing[store.Contact]{Limit: 1})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.Contacts().List(ctx, store.Listing[store.Contact]{Provider: "default", Cursor: page.Next}); !errors.Is(err, store.ErrCursor) {
				t.Errorf("a cursor of another query: %v", err)
			}
			if _, err := s.Contacts().List(ctx, store.Listing[store.Contact]{Order: "shoe"}); !errors.Is(err, store.ErrInvalid) {
				t.Error(err)
			}
		})
	}
}

func TestRecipients(t *testing.T) {
	s, _ := open(t, store.Options{})
	a := admin(t, s, "anna", "")
	g := add(t, s.Groups(), store.Group{Name: "Crew", AdminID: a.ID})
	var ids []uint64
	for i := range 5 {
		ids = append(ids, contact(t, s, a.ID, "x", fmt.Sprintf("+49151%08d", i)).ID)
	}
	ids = append(ids, contact(t, s, a.ID, "nobody", "").ID)
	if err := s.AddMembers(ctx, g.ID, start, "", ids[1:]...); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Contacts().Archive(ctx, ids[3], start, ""); err != nil {
		t.Fatal(err)
	}
	recipients := func(admin uint64, group string) (got []string) {
		t.Helper()
		all, err := s.Recipients(ctx, "default", admin, group, 10)
		for _, r := range all {
			got = append(got, r.Number.String())
		}
		if err != nil {
			t.Errorf("%s: %v", group, err)
		}
		return got
	}
	for group, want := range map[string][]string{"crew": {"+4915100000001", "+4915100000002", "+4915100000004"}, "all": {"+4915100000000", "+4915100000001", "+4915100000002", "+4915100000004"}} {
		if got := recipients(a.ID, group); !slices.Equal(got, want) {
			t.Errorf("%s: %v", group, got)
		}
	}
	if got := recipients(0, "crew"); len(got) != 3 {
		t.Errorf("the only group of this name: %v", got)
	}
	if _, err := s.Recipients(ctx, "default", a.ID, "all", 2); !errors.Is(err, store.ErrTooMany) {
		t.Error(err)
	}
	b := admin(t, s, "berta", "")
	if _, err := s.Recipients(ctx, "default", b.ID, "crew", 2); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the group of another: %v", err)
	}
	add(t, s.Groups(), store.Group{Name: "crew", AdminID: b.ID})
	if _, err := s.Recipients(ctx, "default", 0, "crew", 2); !errors.Is(err, store.ErrTooMany) {
		t.Errorf("two groups of this name: %v", err)
	}
	if _, err := s.Recipients(ctx, "acme", a.ID, "crew", 2); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("of another service provider: %v", err)
	}
}
