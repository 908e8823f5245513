package login

import (
	"errors"
	"net/netip"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"trunkline/store"
)

// Whether somebody exists makes no difference to whoever asks for a new password: not to the answer, nor to what is written. One name gets three mails a day, one network ten tries
// before it waits.
func TestForgot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, nil)
		ctx := t.Context()
		anna := h.add(store.Administrator{Username: "anna", RoleID: store.ProviderRole(store.DefaultProvider)})
		old := h.add(store.Administrator{Username: "old", RoleID: store.ProviderRole(store.DefaultProvider)})
		if _, err := h.store.Administrators().Archive(ctx, old.ID, time.Now(), ""); err != nil {
			t.Fatal(err)
		}
		from := func(n byte) netip.Addr { return netip.AddrFrom4([4]byte{192, 0, 2, n}) }
		// asked returns the codes of the events that were written.
		asked := func(name string, from netip.Addr) (codes []string, err error) {
			t.Helper()
			before, e := h.store.LastEvent(ctx)
			if e != nil {
				t.Fatal(e)
			}
			err = h.Forgot(ctx, name, from)
			events, e := h.store.Events(ctx, before, 10)
			if e != nil {
				t.Fatal(e)
			}
			for _, one := range events {
				if one.Type != EventForgot || one.Account != "" {
					t.Errorf("%+v", one)
				}
				codes = append(codes, one.Code)
			}
			return codes, err
		}
		for name, want := range map[string]string{"anna": strconv.FormatUint(anna.ID, 10), "old": "", "nobody": ""} {
			for i := range 5 {
				codes, err := asked(name, from(byte(10*len(name)+i)))
				if err != nil || i < freeResets && (len(codes) != 1 || codes[0] != want) || i >= freeResets && len(codes) != 0 {
					t.Errorf("%s, time %d: %q, %v", name, i+1, codes, err)
				}
			}
		}
		time.Sleep(resetPause)
		if codes, err := asked("anna", from(1)); err != nil || len(codes) != 1 {
			t.Errorf("a day later: %q, %v", codes, err)
		}
		for i := range 11 {
			_, err := asked("name"+strconv.Itoa(i), from(2))
			var wait *WaitError
			if errors.As(err, &wait) != (i >= freeTries) {
				t.Errorf("request %d from one address: %v", i+1, err)
			}
		}
		// A login is not held up by it.
		if err := h.try(ctx, accountTries+"anna", network(from(2))); err != nil {
			t.Error(err)
		}
	})
}
