package router

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"

	"trunkline/store"
	"trunkline/store/memory"
)

// A bulk call that broke off anywhere is completed by repeating it, without doubles.
func TestBulkIsCompleted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, Trunk{"a", &line{down: make(chan struct{})}})
		s := Submission{Account: "uid:1", Text: "bulk", IdempotencyKey: "import-7"}
		for i := range 50 {
			s.To = append(s.To, fmt.Sprintf("+4915100000%03d", i))
		}
		s.To[13] = "nonsense"
		boom := errors.New("boom")
		b.engine.FailAt(b.engine.Operations()+100, memory.Before, false, boom)
		first, err := b.Bulk(t.Context(), s)
		if !errors.Is(err, boom) || len(first) == 0 || len(first) == 50 {
			t.Fatalf("%d done, %v", len(first), err)
		}
		again, err := b.Bulk(t.Context(), s)
		if err != nil || len(again) != 50 {
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
			if one.Err != nil || i < len(first) && (!one.Replayed || one.Message.ID != first[i].Message.ID) {
				t.Errorf("recipient %d: %+v", i, one)
			}
		}
		page, err := b.store.Messages(t.Context(), store.Query{Limit: 1000})
		if err != nil || len(page.Items) != 49 {
			t.Errorf("%d messages, %v", len(page.Items), err)
		}
		s.Text = "another"
		if other, err := b.Bulk(t.Context(), s); err != nil || !errors.Is(other[0].Err, store.ErrKeyReused) {
			t.Errorf("the key with another text: %v, %v", other[0].Err, err)
		}
	})
}
