package store_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"trunkline/store"
	"trunkline/store/bolt"
)

const manyContacts = 1_000_000

// addressBook is a store with a million contacts: every tenth is an administrator's, every thousandth is archived, 10,000 are in one group and 100 in another.
// TRUNKLINE_CONTACTS_FILE says where it is kept; when it is there it is used again.
func addressBook(tb testing.TB) (s *store.Store, admin, large, small uint64) {
	path := os.Getenv("TRUNKLINE_CONTACTS_FILE")
	if path == "" {
		path = filepath.Join(tb.TempDir(), "db")
	}
	_, missing := os.Stat(path)
	db, err := bolt.Open(path, bolt.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	s = reopen(tb, db, store.Options{})
	if missing == nil {
		return s, 1, 1, 2
	}
	begin := time.Now()
	admins, err := s.Administrators().Add(ctx, start, "uid:0", store.Administrator{Username: "ann", RoleID: store.ProviderRole(store.DefaultProvider)})
	if err != nil {
		tb.Fatal(err)
	}
	groups, err := s.Groups().Add(ctx, start, "uid:0", store.Group{Name: "large"}, store.Group{Name: "small"})
	if err != nil {
		tb.Fatal(err)
	}
	admin, large, small = admins[0].ID, groups[0].ID, groups[1].ID
	for from := 0; from < manyContacts; from += 1000 {
		all := make([]store.Contact, 1000)
		for i := range all {
			k := from + i
			all[i] = store.Contact{LastName: fmt.Sprintf("Müller%d", k*7919%manyContacts), FirstName: fmt.Sprintf("Anna%d", k%1000), PhoneNumber: number(tb, fmt.Sprintf("+49151%08d", k)), CustomerID: uint64(10001 + k)}
			if k%10 == 1 {
				all[i].AdminID = admin
			}
		}
		added, err := s.Contacts().Add(ctx, start, "uid:0", all...)
		if err != nil {
			tb.Fatal(err)
		}
		var ids []uint64
		for i := 0; i < len(added); i += 100 {
			ids = append(ids, added[i].ID)
		}
		if err := s.AddMembers(ctx, large, start, "uid:0", ids...); err != nil {
			tb.Fatal(err)
		}
		if from%10_000 == 0 {
			if err := s.AddMembers(ctx, small, start, "uid:0", ids[0]); err != nil {
				tb.Fatal(err)
			}
		}
		if _, err := s.Contacts().Archive(ctx, added[555].ID, start, "uid:0"); err != nil {
			tb.Fatal(err)
		}
	}
	tb.Logf("%d contacts were added in %s", manyContacts, time.Since(begin).Round(time.Second))
	return s, admin, large, small
}

// contactQueries are the filters, searches and orders that the API has, by what they select; the order is added to each.
func contactQueries(tb testing.TB, admin, large, small uint64) map[string]store.Listing[store.Contact] {
	return map[string]store.Listing[store.Contact]{
		"every": {}, "search of all": {Search: "mull"}, "search of 111000": {Search: "anna7"}, "search of 1000": {Search: "anna777"}, "search of 111": {Search: "muller4711"}, "search of two words": {Search: "anna777 muller5"},
		"search of one": {Search: "4915100004711"}, "search of none": {Search: "nobody"}, "number": {Number: number(tb, "015100004711")}, "administrator": {Admin: &admin}, "nobody's": {Admin: new(uint64)},
		"large group": {Group: large}, "small group": {Group: small}, "search in a group": {Group: large, Search: "anna7"}, "administrator and search": {Admin: &admin, Search: "anna7"}, "archived": {Archived: store.ArchivedOne},
		"archived too": {Archived: store.ArchivedToo}, "restricted, of which there are none": {Where: func(c *store.Contact) bool { return c.Restricted }, WhereKey: "restricted"},
	}
}

// contactPages asks for at most n pages of a query and returns how much time of the processor each took, and how many contacts were on them. What else the machine
// does meanwhile is not counted.
func contactPages(tb testing.TB, s *store.Store, q store.Listing[store.Contact], n int) (took []time.Duration, found int) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for range n {
		begin := threadTime(tb)
		page, err := s.Contacts().List(ctx, q)
		took = append(took, threadTime(tb)-begin)
		if err != nil {
			tb.Fatal(err)
		}
		found += len(page.Items)
		if q.Cursor = page.Next; q.Cursor == "" {
			break
		}
	}
	return took, found
}

// threadTime is how much time of the processor the thread has had.
func threadTime(tb testing.TB) time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(t.Nano())
}

func contactOrders(q store.Listing[store.Contact]) map[string]store.Listing[store.Contact] {
	q.Provider = store.DefaultProvider
	down, name := q, q
	down.Descending, name.Order = true, "name"
	back := name
	back.Descending = true
	return map[string]store.Listing[store.Contact]{"id": q, "-id": down, "name": name, "-name": back}
}

// worst is what of a hundred pages the slowest but one took at most.
func worst(took []time.Duration) time.Duration {
	slices.Sort(took)
	return took[(len(took)-1)*99/100]
}

// BenchmarkContacts pages through a million contacts, for every filter and search in every order.
func BenchmarkContacts(b *testing.B) {
	if testing.Short() {
		b.Skip("it writes 1 GB")
	}
	s, admin, large, small := addressBook(b)
	queries := contactQueries(b, admin, large, small)
	for _, what := range slices.Sorted(maps.Keys(queries)) {
		for order, q := range contactOrders(queries[what]) {
			b.Run(what+" by "+order, func(b *testing.B) {
				var all []time.Duration
				for b.Loop() {
					took, _ := contactPages(b, s, q, 1)
					all = append(all, took...)
				}
				b.ReportMetric(float64(worst(all).Microseconds())/1000, "page-p99-ms")
			})
		}
	}
}

// TestSoakContacts: of a hundred pages of a list of a million contacts 99 take 5 ms at most, for every filter and search in every order.
func TestSoakContacts(t *testing.T) {
	if os.Getenv("TRUNKLINE_SOAK") == "" {
		t.Skip("set TRUNKLINE_SOAK to make a million contacts")
	}
	s, admin, large, small := addressBook(t)
	for what, q := range contactQueries(t, admin, large, small) {
		for order, q := range contactOrders(q) {
			took, found := contactPages(t, s, q, 200)
			if found == 0 && what != "search of none" && q.Where == nil {
				t.Errorf("%s by %s: nothing on %d pages", what, order, len(took))
			}
			p99 := worst(took)
			t.Logf("%s by %s: %d on %d pages, %s in the middle, %s of 99 in a hundred, at most %s", what, order, found, len(took), took[len(took)/2], p99, took[len(took)-1])
			if p99 > 5*time.Millisecond {
				t.Errorf("%s by %s: a page took %s", what, order, p99)
			}
		}
	}
	begin := time.Now()
	for k := range 1000 {
		if p, err := s.Party(ctx, store.DefaultProvider, number(t, fmt.Sprintf("+49151%08d", k*997))); err != nil || k*997%1000 != 555 && len(p.Contacts) != 1 {
			t.Fatal(len(p.Contacts), err)
		}
	}
	t.Logf("who a number is: %s", time.Since(begin)/1000)
}
