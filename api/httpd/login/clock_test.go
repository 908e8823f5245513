package login

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"time"

	"trunkline/router/access"
	"trunkline/store"
	"trunkline/store/enginetest"
	"trunkline/store/memory"
)

// houseAt opens a house whose clock may be set, over an engine.
func houseAt(t *testing.T, engine *memory.Engine, c *enginetest.Clock) *house {
	t.Helper()
	st, err := store.Open(t.Context(), engine, store.Options{Clock: c.Now, ClockFrom: enginetest.ClockFrom})
	if err != nil {
		t.Fatal(err)
	}
	return &house{t: t, Keeper: New(Options{Store: st, Directory: directory{}})}
}

// Whatever befalls the clock, sessions and tokens end when their time by the clock is over, not earlier; those that ended do not come back.
func TestSessionsWhenTheClockIsSet(t *testing.T) {
	const tokenLife = 20 * time.Hour
	enginetest.TestClocks(t, func(t *testing.T, m enginetest.Mishap, c *enginetest.Clock) {
		ctx, engine := t.Context(), memory.New()
		h := houseAt(t, engine, c)
		bob := h.add(store.Administrator{Username: "bob", AuthBackend: "ldap", RoleID: store.ProviderRole(store.DefaultProvider)})
		token := func() string {
			t.Helper()
			text, _, err := h.Issue(ctx, TokenSpec{Name: "clock", Administrator: bob.ID, Scope: access.Every, Life: tokenLife}, "uid:0")
			if err != nil {
				t.Fatal(err)
			}
			return text
		}
		good := func(_ Known, err error) bool {
			t.Helper()
			if err != nil && !errors.Is(err, ErrDenied) {
				t.Error(err)
			}
			return err == nil
		}
		left := token()

		c.Set(m.Boot)
		h = houseAt(t, engine, c)
		run, stop := context.WithCancel(ctx)
		done := make(chan error)
		go func() { done <- h.Run(run) }()
		begun := token()
		session, _, err := h.login("bob", "of bob", "", "192.0.2.1")
		if err != nil {
			t.Fatal(err)
		}
		alive := true
		for age := 10 * time.Minute; age <= 24*time.Hour; age += 10 * time.Minute {
			time.Sleep(10*time.Minute - time.Second) // never at the very end
			if age == 10*time.Minute && !good(h.Token(ctx, left, netip.Addr{})) {
				t.Error("a token of the earlier life is good no more")
			}
			moved := time.Duration(0)
			if age > 2*time.Hour {
				moved = m.Step
			}
			if m.Step > 24*time.Hour {
				moved = min(moved, 22*time.Hour) // until then time went on from the earlier life
			}
			idle := 10 * time.Minute
			if age == 2*time.Hour+10*time.Minute {
				idle += moved
			}
			want := alive && age+moved <= h.config.SessionLife && idle <= h.config.SessionIdle
			if alive = good(h.Session(ctx, session)); alive != want {
				t.Errorf("after %s, with the clock moved by %s, the session lives: %v", age, moved, alive)
			}
			if got := good(h.Token(ctx, begun, netip.Addr{})); got != (age+moved <= tokenLife) {
				t.Errorf("after %s, with the clock moved by %s, the token is good: %v", age, moved, got)
			}
			if time.Sleep(time.Second); age == 2*time.Hour {
				c.Move(m.Step)
			}
		}
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// Whatever befalls the clock, nobody waits longer for the next try to log in than after any other, and the wait ends.
func TestTriesWhenTheClockIsSet(t *testing.T) {
	enginetest.TestClocks(t, func(t *testing.T, m enginetest.Mishap, c *enginetest.Clock) {
		engine := memory.New()
		h := houseAt(t, engine, c)
		h.add(store.Administrator{Username: "bob", AuthBackend: "ldap", RoleID: store.ProviderRole(store.DefaultProvider)})
		var wait *WaitError
		guess := func() {
			t.Helper()
			wait = nil
			if _, _, err := h.login("bob", "guess", "", "192.0.2.2"); !errors.Is(err, ErrDenied) && !errors.As(err, &wait) {
				t.Fatal(err)
			}
			if wait != nil && (wait.Wait <= 0 || wait.Wait > longestWait) {
				t.Errorf("a wait of %s", wait.Wait)
			}
		}
		for range freeTries + 10 {
			guess()
		}
		c.Set(m.Boot)
		h = houseAt(t, engine, c)
		for range 12 {
			if guess(); wait != nil {
				time.Sleep(wait.Wait)
			}
		}
		guess()
		c.Move(m.Step)
		if _, _, err := h.login("bob", "of bob", "", "192.0.2.1"); errors.As(err, &wait) {
			time.Sleep(wait.Wait)
		} else if m.Step <= 0 {
			t.Errorf("without a wait: %v", err)
		}
		if _, _, err := h.login("bob", "of bob", "", "192.0.2.1"); err != nil {
			t.Errorf("after the wait: %v", err)
		}
	})
}
