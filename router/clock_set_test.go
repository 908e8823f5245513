package router

import (
	"errors"
	"testing"
	"time"

	"trunkline/store"
	"trunkline/store/enginetest"
	"trunkline/store/memory"
)

// Whatever befalls the clock, of an account with a quota of ten parts a day exactly ten go out on each day of its time zone, whether an earlier life counted some of them
// or this one did, and who has to wait is told until when.
func TestQuotasWhenTheClockIsSet(t *testing.T) {
	config := Default()
	config.TimeZone, config.Quotas = "Europe/Berlin", []string{"uid:1 10 D"}
	enginetest.TestClocks(t, func(t *testing.T, m enginetest.Mishap, c *enginetest.Clock) {
		engine := memory.New()
		life := func() *store.Store {
			s, err := store.Open(t.Context(), engine, store.Options{Clock: c.Now, ClockFrom: enginetest.ClockFrom, Accounting: NewBooks(config)})
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		s := life()
		day := func() string { return s.Now().In(c.Now().Location()).Format(time.DateOnly) }
		asked, sent := map[string]int{}, map[string]int{}
		accept := func() {
			t.Helper()
			asked[day()]++
			now := s.Now()
			_, err := s.Accept(t.Context(), store.Acceptance{Messages: []store.Message{{ID: store.NewMessageID(), Direction: store.Out, State: store.Waiting, To: number("+4915112345678"), Text: "x", Account: "uid:1",
				CreatedAt: now, Parts: []store.Part{{Seq: 1, State: store.Waiting, Reference: -1, Status: -1}}}}})
			var full *store.QuotaError
			switch {
			case errors.As(err, &full):
				if wait := full.End.Sub(full.At); !full.At.Equal(now) || wait <= 0 || wait > 25*time.Hour {
					t.Errorf("at %s: wait %s", now, wait)
				}
			case err != nil:
				t.Fatal(err)
			}
		}
		carry := func() {
			t.Helper()
			for {
				got, ok, err := s.Claim(t.Context(), store.Claim{Trunk: "a", SIM: "sim", At: s.Now()})
				if err == nil && ok {
					_, err = s.Settle(t.Context(), store.Outcome{ID: got.ID, Seq: 1, At: s.Now(), State: store.Sent, Reference: -1})
				}
				if err != nil {
					t.Fatal(err)
				}
				if !ok {
					return
				}
				sent[day()]++
			}
		}
		for range 4 {
			accept()
			carry()
		}
		c.Set(m.Boot)
		s = life()
		at := 10*time.Hour + 30*time.Minute // half an hour before midnight, so that a step forth leads over it
		if m.Step < 0 {
			at += time.Hour // and a step back leads back over it
		}
		for age := time.Duration(0); age < 72*time.Hour; age += 10 * time.Minute {
			accept()
			if age == at {
				c.Move(m.Step)
			}
			carry()
			time.Sleep(10 * time.Minute)
		}
		for day, n := range asked {
			if sent[day] > 10 || sent[day] < 10 && n > 20 {
				t.Errorf("%s: %d parts were sent, %d asked for", day, sent[day], n)
			}
		}
		if len(sent) < 3 {
			t.Errorf("only on these days anything was sent: %v", sent)
		}
	})
}
