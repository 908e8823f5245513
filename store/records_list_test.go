package store_test

import (
	"cmp"
	"fmt"
	"slices"
	"testing"

	"trunkline/store"
	"trunkline/store/memory"
)

// Whichever way a list is made (along an order, from what an index names, passing over what it does not name), its pages together are what was asked for, each
// record once and in order.
func TestListEachWay(t *testing.T) {
	s := reopen(t, memory.New(), store.Options{})
	const n = 900 // of which 600 have a name in common: more than are sorted for a page
	all := make([]store.Contact, n)
	for i := range all {
		all[i] = store.Contact{LastName: fmt.Sprintf("L%03d", i*7%n), FirstName: fmt.Sprintf("Anna%d", i)}
		if i%3 == 2 {
			all[i].FirstName = "Bob"
		}
	}
	all, err := s.Contacts().Add(ctx, start, "uid:0", all...)
	if err != nil {
		t.Fatal(err)
	}
	groups, err := s.Groups().Add(ctx, start, "uid:0", store.Group{Name: "g"})
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < n; i += 50 {
		if err := s.AddMembers(ctx, groups[0].ID, start, "uid:0", all[i].ID); err != nil {
			t.Fatal(err)
		}
		if all[i+1], err = s.Contacts().Archive(ctx, all[i+1].ID, start, "uid:0"); err != nil {
			t.Fatal(err)
		}
	}
	live := func(c *store.Contact) bool { return c.ArchivedAt.IsZero() }
	anna := func(c *store.Contact) bool { return live(c) && c.FirstName != "Bob" }
	for what, c := range map[string]struct {
		q    store.Listing[store.Contact]
		has  func(*store.Contact) bool
		want int // about so many, so that the case is the one that is meant
	}{
		"every":                {store.Listing[store.Contact]{}, live, 882},
		"more than are sorted": {store.Listing[store.Contact]{Search: "anna"}, anna, 590},
		"few":                  {store.Listing[store.Contact]{Search: "anna10"}, func(c *store.Contact) bool { return anna(c) && len(c.FirstName) >= 6 && c.FirstName[:6] == "Anna10" }, 8},
		"two words":            {store.Listing[store.Contact]{Search: "anna l1"}, func(c *store.Contact) bool { return anna(c) && c.LastName[1] == '1' }, 65},
		"archived":             {store.Listing[store.Contact]{Archived: store.ArchivedOne}, func(c *store.Contact) bool { return !live(c) }, 18},
		"a group":              {store.Listing[store.Contact]{Group: groups[0].ID}, func(c *store.Contact) bool { return live(c) && (c.ID-all[0].ID)%50 == 0 }, 18},
	} {
		for _, order := range []string{"id", "name"} {
			for _, descending := range []bool{false, true} {
				q := c.q
				q.Provider, q.Order, q.Descending, q.Limit = store.DefaultProvider, order, descending, 7
				var want, got []uint64
				sorted := slices.Clone(all)
				slices.SortFunc(sorted, func(a, b store.Contact) int {
					d := cmp.Compare(a.ID, b.ID)
					if order == "name" {
						d = cmp.Or(cmp.Compare(a.LastName, b.LastName), d)
					}
					if descending {
						d = -d
					}
					return d
				})
				for i := range sorted {
					if c.has(&sorted[i]) {
						want = append(want, sorted[i].ID)
					}
				}
				if len(want) < c.want*9/10 || len(want) > c.want*11/10 {
					t.Fatalf("%s: %d contacts", what, len(want))
				}
				for pages := 0; ; pages++ {
					page, err := s.Contacts().List(ctx, q)
					if err != nil || pages > n {
						t.Fatal(pages, err)
					}
					for i := range page.Items {
						got = append(got, page.Items[i].ID)
					}
					if q.Cursor = page.Next; q.Cursor == "" {
						break
					}
				}
				if !slices.Equal(got, want) {
					t.Errorf("%s by %s, descending %v: %d contacts, want %d: %v", what, order, descending, len(got), len(want), got[:min(len(got), 20)])
				}
			}
		}
	}
}
