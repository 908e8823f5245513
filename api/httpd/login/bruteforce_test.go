package login

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"trunkline/router/access"
	"trunkline/store"
)

// guesses is how many times somebody guesses who has all the time that he wants.
func guesses() int {
	if os.Getenv("TRUNKLINE_SOAK") != "" {
		return 100_000
	}
	return 2000
}

// attack guesses every eight seconds from ever other addresses, and returns how many tries were let through.
func attack(t *testing.T, what string, try func(i int) error) {
	t.Helper()
	began, through, gap := time.Now(), 0, 8*time.Second
	for i := range guesses() {
		var wait *WaitError
		switch err := try(i); {
		case errors.Is(err, ErrDenied):
			through++
		case !errors.As(err, &wait):
			t.Fatalf("%s: try %d: %v", what, i, err)
		}
		time.Sleep(gap)
	}
	days := time.Since(began).Hours() / 24
	t.Logf("%s: %d guesses in %.1f days, %d of which were let through", what, guesses(), days, through)
	if through < freeTries || float64(through) > 100*(days+1) {
		t.Errorf("%s: %d guesses were let through in %.1f days", what, through, days)
	}
}

func address(i int) string { return fmt.Sprintf("198.%d.%d.%d", 51+i>>16&1, i>>8&255, i&255) }

// Whoever guesses a password, a code of the second factor beside the right password, or a code where the session is there already, is let through a hundred times a
// day at most, from however many addresses.
func TestBruteForceOfEachProof(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, func(o *Options) { o.Directory = directory{} })
		bob := h.add(store.Administrator{Username: "bob", AuthBackend: "ldap", RoleID: store.ProviderRole("acme")}) // whose password costs nothing to check
		attack(t, "password", func(i int) error {
			_, _, err := h.login("bob", fmt.Sprint("guess", i), "", address(i))
			return err
		})
		if err := h.Unlock(t.Context(), bob.ID); err != nil {
			t.Fatal(err)
		}
		secret, _, err := h.Enrol(t.Context(), bob.ID)
		if err != nil {
			t.Fatal(err)
		}
		guess := func(i int) string { // never a right one
			now := uint64(time.Now().Unix()) / 30
			for code := i; ; code++ {
				text := fmt.Sprintf("%06d", code%1_000_000)
				if !slices.ContainsFunc([]uint64{now - 1, now, now + 1}, func(s uint64) bool { return access.TOTPCode(secret, s) == text }) {
					return text
				}
			}
		}
		attack(t, "first code of a second factor", func(i int) error {
			_, err := h.Confirm(t.Context(), bob.ID, store.SessionKey{}, guess(i))
			return err
		})
		if err := h.Unlock(t.Context(), bob.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := h.Confirm(t.Context(), bob.ID, store.SessionKey{}, access.TOTPCode(secret, uint64(time.Now().Unix())/30)); err != nil {
			t.Fatal(err)
		}
		attack(t, "second factor with the right password", func(i int) error {
			_, _, err := h.login("bob", "of bob", guess(i), address(i))
			return err
		})
		attack(t, "removing the second factor", func(i int) error { return h.Drop(t.Context(), bob.ID, guess(i)) })
	})
}

// A token, and a code that sets a password, have 256 bits of chance: guesses are refused, whatever is right about them, and leave nothing behind.
func TestBruteForceOfSecrets(t *testing.T) {
	h := newHouse(t, nil)
	ctx := t.Context()
	text, token, err := h.Issue(ctx, TokenSpec{Name: "ci", Role: access.PlatformOwner(), Scope: access.Every}, "uid:0")
	if err != nil {
		t.Fatal(err)
	}
	invitation, _, err := h.Invite(ctx, h.acme.ID, "uid:0")
	if err != nil {
		t.Fatal(err)
	}
	before, err := h.store.LastEvent(ctx)
	if err != nil {
		t.Fatal(err)
	}
	source := &sequence{}
	for i := range guesses() {
		source.next = uint64(i)
		source.id = token.ID
		guess, err := access.NewSecret(access.KindToken, source)
		if err != nil {
			t.Fatal(err)
		}
		if guess.ID != token.ID || guess.Text == text {
			t.Fatalf("%s is no guess at %s", guess.Text, token.ID)
		}
		if who, err := h.Token(ctx, guess.Text, netip.MustParseAddr(address(i))); !errors.Is(err, ErrDenied) || who.Account != "" {
			t.Fatalf("guess %d: %+v, %v", i, who, err)
		}
		source.id = [8]byte(binary.BigEndian.AppendUint64(nil, h.acme.ID))
		if guess, err = access.NewSecret(access.KindReset, source); err != nil {
			t.Fatal(err)
		}
		if _, err := h.Redeem(ctx, guess.Text, "seven other tables laugh"); !errors.Is(err, ErrDenied) {
			t.Fatalf("guess %d: %v", i, err)
		}
	}
	if after, err := h.store.LastEvent(ctx); err != nil || after != before {
		t.Errorf("%d events were written: %v", after-before, err)
	}
	if _, err := h.Token(ctx, text, netip.Addr{}); err != nil {
		t.Errorf("the token itself: %v", err)
	}
	if _, err := h.Redeem(ctx, invitation, "seven other tables laugh"); err != nil {
		t.Errorf("the invitation itself: %v", err)
	}
}

// sequence gives an id and then a number for ever, in place of chance.
type sequence struct {
	id   [8]byte
	next uint64
}

func (s *sequence) Read(b []byte) (int, error) {
	if len(b) == len(s.id) {
		return copy(b, s.id[:]), nil
	}
	for i := range b {
		b[i] = byte(s.next >> (8 * (i % 8)))
	}
	return len(b), nil
}

// TestSoakTiming: looking up names and tokens that exist and that do not takes the same time of the processor, to 5 µs in the mean of 100,000 tries.
func TestSoakTiming(t *testing.T) {
	if os.Getenv("TRUNKLINE_SOAK") == "" {
		t.Skip("set TRUNKLINE_SOAK to measure 100,000 tries")
	}
	h := newHouse(t, nil)
	ctx := t.Context()
	text, token, err := h.Issue(ctx, TokenSpec{Name: "ci", Administrator: h.acme.ID, Scope: access.Every}, "uid:0")
	if err != nil {
		t.Fatal(err)
	}
	wrong := func(id [8]byte) string {
		s, err := access.NewSecret(access.KindToken, &sequence{id: id, next: 7})
		if err != nil || s.Text == text {
			t.Fatal(err)
		}
		return s.Text
	}
	there, missing := wrong(token.ID), wrong([8]byte{9, 9, 9})
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for what, pair := range map[string][2]func(){
		"names":  {func() { h.find(ctx, "alice") }, func() { h.find(ctx, "nobod") }},
		"tokens": {func() { h.Token(ctx, there, netip.Addr{}) }, func() { h.Token(ctx, missing, netip.Addr{}) }},
	} {
		var took [2][]time.Duration
		for i := range 2 * 100_000 {
			k := i & 1
			begin := processor(t)
			pair[k]()
			took[k] = append(took[k], processor(t)-begin)
		}
		var mean [2]float64
		for k := range took {
			slices.Sort(took[k])
			kept := took[k][:len(took[k])*99/100] // without collections of garbage
			for _, d := range kept {
				mean[k] += float64(d.Nanoseconds()) / float64(len(kept)) / 1000
			}
		}
		t.Logf("%s: %.2f µs when it exists, %.2f µs when it does not", what, mean[0], mean[1])
		if d := mean[0] - mean[1]; d > 5 || d < -5 {
			t.Errorf("%s: one that exists takes %.2f µs, one that does not %.2f µs", what, mean[0], mean[1])
		}
	}
}

// processor is how much time of the processor the thread has had.
func processor(t *testing.T) time.Duration {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &now); err != nil {
		t.Fatal(err)
	}
	return time.Duration(now.Nano())
}

// Every comparison of something secret in the packages that prove who somebody is takes the same time whatever is equal.
func TestSecretsAreComparedInConstantTime(t *testing.T) {
	for file, least := range map[string]int{"token.go": 1, "password.go": 1, "factor.go": 1, "session.go": 0, "../../../router/access/password.go": 1, "../../../router/access/totp.go": 1,
		"../../../router/inbound_try.go": 1, "../../../router/inbound_follow.go": 1} {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(source), "subtle.ConstantTimeCompare("); n < least {
			t.Errorf("%s compares %d secrets in constant time, want %d", file, n, least)
		}
		for i, line := range strings.Split(string(source), "\n") {
			for _, secret := range []string{".Hash ==", ".Hash !=", "bytes.Equal(", "PhoneToken ==", "token ==", "password ==", "code =="} {
				if strings.Contains(line, secret) && !strings.Contains(line, "ConstantTimeCompare") && !strings.Contains(line, `== ""`) {
					t.Errorf("%s:%d compares a secret otherwise: %s", file, i+1, strings.TrimSpace(line))
				}
			}
		}
	}
}
