package store_test

import (
	"encoding/binary"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"trunkline/store"
	"trunkline/store/memory"
)

// A list has what a look at every message would find, in the same order, over spans of time with much, little and nothing in them; by a number its pages are full.
func TestListsByAnything(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		s, err := store.Open(ctx, memory.New(), store.Options{})
		if err != nil {
			r.Fatal(err)
		}
		defer s.Close()
		numbers := []string{"+4915112345601", "015112345601", "+4915112345602", "+4917000000003", "110"}
		tags, accounts, trunks, providers := []string{"", "a", "ab", "b"}, []string{"", "uid:1", "uid:10"}, []string{"", "desk", "roof"}, []string{"", store.DefaultProvider, "acme"}
		var all []store.Message
		for i := range rapid.IntRange(0, 60).Draw(r, "messages") {
			at := start.Add(time.Duration(rapid.SampledFrom([]int{0, 0, 1, 2, 3, 9, 200, 4000}).Draw(r, "days"))*24*time.Hour + time.Duration(i)*time.Millisecond)
			m := outgoing(t, 1)
			m.ID = idOf(at, i)
			m.State, m.Parts[0].State = store.Debug, store.Debug
			m.Account, m.Pin, m.Provider = rapid.SampledFrom(accounts).Draw(r, "account"), rapid.SampledFrom(trunks).Draw(r, "trunk"), rapid.SampledFrom(providers).Draw(r, "provider")
			m.To, m.Tag, m.CreatedAt = number(t, rapid.SampledFrom(numbers).Draw(r, "to")), rapid.SampledFrom(tags).Draw(r, "tag"), at
			if _, err := s.Accept(ctx, store.Acceptance{Messages: []store.Message{m}}); err != nil {
				r.Fatal(err)
			}
			all = append(all, m)
		}
		slices.SortFunc(all, func(a, b store.Message) int { return slices.Compare(a.ID[:], b.ID[:]) })
		q := store.Query{Limit: rapid.IntRange(1, 7).Draw(r, "limit"), Tag: rapid.SampledFrom(tags).Draw(r, "wanted tag"), Ascending: rapid.Bool().Draw(r, "ascending")}
		if rapid.Bool().Draw(r, "by number") {
			q.Number = number(t, rapid.SampledFrom(numbers).Draw(r, "wanted"))
		} else if rapid.Bool().Draw(r, "by others") {
			q.Account, q.Trunk = rapid.SampledFrom(accounts).Draw(r, "wanted account"), rapid.SampledFrom(trunks).Draw(r, "wanted trunk")
			q.Provider, q.Direction = rapid.SampledFrom(providers).Draw(r, "wanted provider"), store.Out
		}
		if rapid.Bool().Draw(r, "since") {
			q.Since = start.Add(time.Duration(rapid.IntRange(-1, 250).Draw(r, "since day")) * 24 * time.Hour)
		}
		if rapid.Bool().Draw(r, "until") {
			q.Until = start.Add(time.Duration(rapid.IntRange(-1, 4001).Draw(r, "until day")) * 24 * time.Hour)
		}
		var want, got []string
		for _, m := range all {
			if (q.Account == "" || m.Account == q.Account) && (q.Trunk == "" || m.Pin == q.Trunk) && (q.Provider == "" || m.Tenant() == q.Provider) &&
				(q.Number.IsZero() || m.To.SameLine(q.Number)) && (q.Tag == "" || m.Tag == q.Tag) && (q.Since.IsZero() || !m.CreatedAt.Before(q.Since)) && (q.Until.IsZero() || m.CreatedAt.Before(q.Until)) {
				want = append(want, m.ID.String())
			}
		}
		if !q.Ascending {
			slices.Reverse(want)
		}
		for {
			page, err := s.Messages(ctx, q)
			if err != nil {
				r.Fatal(err)
			}
			for _, m := range page.Items {
				got = append(got, m.ID.String())
			}
			if q.Cursor = page.Next; q.Cursor == "" {
				break
			}
			if len(page.Items) < q.Limit && q.Tag == "" && !q.Number.IsZero() {
				r.Errorf("a page of %d messages for a limit of %d has a next one", len(page.Items), q.Limit)
			}
		}
		if !slices.Equal(got, want) {
			r.Errorf("%+v: found %q, want %q", q, got, want)
		}
		if _, err := s.Check(ctx, func(d store.Damage) { r.Errorf("check: %v", &d) }); err != nil {
			r.Error(err)
		}
	})
}

// idOf returns an id of a time, one of many of that time.
func idOf(at time.Time, n int) store.MessageID {
	id := store.NewMessageID()
	binary.BigEndian.PutUint64(id[:8], uint64(at.UnixMilli())<<16|0x7000|uint64(n))
	return id
}

// What was written before there were entries to find it by is found after the upgrade; a crash anywhere on the way changes nothing about that.
func TestFindOlder(t *testing.T) {
	e := memory.New()
	s, err := store.Open(ctx, e, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	to := number(t, "+4915112345601")
	for i := range 30 {
		accept(t, s, outgoing(t, 1, func(m *store.Message) { m.To, m.Tag, m.Text = to, "old", fmt.Sprint(i) }))
	}
	if err := store.Before(ctx, e, 2, "lookup", "sent"); err != nil {
		t.Fatal(err)
	}
	old := e.Snapshot()
	for n := 0; ; n++ {
		e := memory.Restore(old)
		if n > 0 {
			e.FailAt(n, memory.AtCommit, true, errCrash)
		}
		_, err := store.Open(ctx, e, store.Options{})
		crashed := err != nil
		if crashed {
			e = memory.Restore(e.Snapshot())
		}
		s := reopen(t, e, store.Options{})
		for _, q := range []store.Query{{Number: to}, {Tag: "old"}} {
			if page, err := s.Messages(ctx, q); err != nil || len(page.Items) != 30 {
				t.Errorf("crash at %d: found %d messages, %v", n, len(page.Items), err)
			}
		}
		check(t, s)
		if n > 0 && !crashed {
			break
		}
	}
}
