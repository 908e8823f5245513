package router

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"trunkline/store"
	"trunkline/store/memory"
)

// A bulk call that broke off anywhere is completed by repeating it, without doubles.
func TestBulkIsCompleted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, Trunk{"a", &line{down: make(chan struct{})}})
		synctest.Wait()
		var all []Submission
		for i := range 300 {
			all = append(all, Submission{Account: "uid:1", Text: "bulk", To: []string{fmt.Sprintf("+4915100000%03d", i)}})
		}
		all[13].To = []string{"nonsense"}
		boom := errors.New("boom")
		b.engine.FailAt(b.engine.Operations()+100, memory.Before, false, boom)
		first, err := b.Bulk(t.Context(), "import-7", all)
		if !errors.Is(err, boom) || len(first) != 250 { // the piece in which it happened is the last
			t.Fatalf("%d done, %v", len(first), err)
		}
		if failed := slices.DeleteFunc(slices.Clone(first), func(b Bulk) bool { return !errors.Is(b.Err, boom) }); len(failed) != 1 {
			t.Errorf("%d failed for want of the store", len(failed))
		}
		again, err := b.Bulk(t.Context(), "import-7", all)
		if err != nil || len(again) != 300 {
			t.Fatalf("%d done, %v", len(again), err)
		}
		for i, one := range again {
			if i == 13 {
				var wrong *ValidationError
				if !errors.As(one.Err, &wrong) {
					t.Errorf("wrong number: %v", one.Err)
				}
				continue
			}
			if one.Err != nil || i < len(first) && first[i].Err == nil && (!one.Replayed || one.Message.ID != first[i].Message.ID) {
				t.Errorf("recipient %d: %+v", i, one)
			}
		}
		page, err := b.store.Messages(t.Context(), store.Query{Limit: 1000})
		if err != nil || len(page.Items) != 299 {
			t.Errorf("%d messages, %v", len(page.Items), err)
		}
		all[0].Text = "another"
		if other, err := b.Bulk(t.Context(), "import-7", all); err != nil || !errors.Is(other[0].Err, store.ErrKeyReused) || other[1].Err != nil {
			t.Errorf("the key with another text: %v, %v", other[0].Err, err)
		}
		// A key of the other route is another key.
		single := Submission{Account: "uid:1", Text: "alone", To: []string{"+4915100000999"}, IdempotencyKey: "import-7/1"}
		if a, err := b.Submit(t.Context(), single); err != nil || a.Replayed {
			t.Errorf("the same key at the other route: %v, %v", a.Replayed, err)
		}
		two := []Submission{{Account: "uid:1", Text: "x", To: []string{"+4915100000001", "+4915100000002"}}}
		var wrong *ValidationError
		if r, err := b.Bulk(t.Context(), "", two); err != nil || !errors.As(r[0].Err, &wrong) {
			t.Errorf("two recipients: %v, %v", r, err)
		}
		if _, err := b.Bulk(t.Context(), strings.Repeat("k", 254), two); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("a key without room: %v", err)
		}
	})
}
