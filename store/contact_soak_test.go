package store_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"trunkline/store"
	"trunkline/store/bolt"
)

// TestSoakContacts: a page of a list of a million contacts takes 5 ms at most, the middle one of many, in every order and for every filter.
func TestSoakContacts(t *testing.T) {
	if os.Getenv("TRUNKLINE_SOAK") == "" {
		t.Skip("set TRUNKLINE_SOAK to make a million contacts")
	}
	db, err := bolt.Open(filepath.Join(t.TempDir(), "db"), bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s := reopen(t, db, store.Options{})
	const n = 1_000_000
	begin := time.Now()
	for from := 0; from < n; from += 1000 {
		all := make([]store.Contact, 1000)
		for i := range all {
			k := from + i
			all[i] = store.Contact{LastName: fmt.Sprintf("Müller%d", k*7919%n), FirstName: fmt.Sprintf("Anna%d", k%1000), PhoneNumber: number(t, fmt.Sprintf("+49151%08d", k)), CustomerID: uint64(10001 + k)}
		}
		if _, err := s.Contacts().Add(ctx, start, "uid:0", all...); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d contacts were added in %s", n, time.Since(begin).Round(time.Second))
	for what, q := range map[string]store.Listing[store.Contact]{"all": {}, "by id": {Provider: "default"}, "by name": {Provider: "default", Order: "name"},
		"by name from the end": {Provider: "default", Order: "name", Descending: true}, "search of many": {Provider: "default", Search: "mull"},
		"search of few, by name": {Provider: "default", Search: "muller4711", Order: "name"}, "number": {Provider: "default", Number: number(t, "015100004711")}} {
		var all []time.Duration
		for range 40 {
			begin := time.Now()
			page, err := s.Contacts().List(ctx, q)
			if err != nil || len(page.Items) == 0 {
				t.Fatalf("%s: %d contacts, %v", what, len(page.Items), err)
			}
			all = append(all, time.Since(begin))
			if q.Cursor = page.Next; q.Cursor == "" {
				break
			}
		}
		slices.Sort(all)
		t.Logf("%s: %s a page, at most %s", what, all[len(all)/2], all[len(all)-1])
		if all[len(all)/2] > 5*time.Millisecond {
			t.Errorf("%s: a page took %s", what, all[len(all)/2])
		}
	}
	begin = time.Now()
	for k := range 1000 {
		if p, err := s.Party(ctx, "default", number(t, fmt.Sprintf("+49151%08d", k*997))); err != nil || len(p.Contacts) != 1 {
			t.Fatal(len(p.Contacts), err)
		}
	}
	t.Logf("who a number is: %s", time.Since(begin)/1000)
}
