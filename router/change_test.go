package router

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"trunkline/store"
)

// TestTrunksChange: a trunk that is removed first ends what it sends, then its messages wait for it; one that is added carries at once, and others
// notice nothing.
func TestTrunksChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := &line{air: 10 * time.Second}
		other := &line{air: time.Second}
		b := start(t, Trunk{Name: "slow", Backend: slow}, Trunk{Name: "other", Backend: other})
		defer b.stop()
		submit := func(text, trunk string) store.MessageID {
			t.Helper()
			a, err := b.Submit(t.Context(), Submission{Account: "uid:0", To: []string{"+4915112345678"}, Text: text, Trunk: trunk})
			if err != nil {
				t.Fatal(err)
			}
			return a.Messages[0].ID
		}
		state := func(id store.MessageID) store.State {
			t.Helper()
			m, err := b.store.Message(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			return m.State
		}
		first, second := submit("first", "slow"), submit("second", "slow")
		time.Sleep(time.Second)
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		if err := b.Remove(ctx, "slow", true); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("removal within a second: %v", err)
		}
		cancel()
		if err := b.Remove(t.Context(), "slow", true); err != nil || time.Since(began) > 2*time.Second {
			t.Errorf("a second removal: %v after %s", err, time.Since(began))
		}
		if _, err := b.Submit(t.Context(), Submission{Account: "uid:0", To: []string{"+4915112345678"}, Text: "x", Trunk: "slow"}); err == nil {
			t.Error("a trunk that was removed is still taken")
		}
		third := submit("third", "other")
		time.Sleep(20 * time.Second)
		if state(first) != store.Sent || state(second) != store.Waiting || state(third) != store.Sent {
			t.Errorf("states %s, %s, %s; want sent, waiting, sent", state(first), state(second), state(third))
		}
		if err := b.Add(Trunk{Name: "other", Backend: other}); err == nil {
			t.Error("a name was taken twice")
		}
		if err := b.Add(Trunk{Name: "slow", Backend: slow}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(11 * time.Second)
		if state(second) != store.Sent {
			t.Errorf("after the trunk came back the message is %s", state(second))
		}
		if err := b.Alive(t.Context()); err != nil {
			t.Error(err)
		}
		c := Default()
		c.RecipientsPerRequest = 1
		b.Reconfigure(c)
		if _, err := b.Submit(t.Context(), Submission{Account: "uid:0", To: []string{"+4915112345678", "+4915112345679"}, Text: "x"}); err == nil {
			t.Error("the new settings do not count")
		}
	})
}
