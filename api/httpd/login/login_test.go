package login

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"trunkline/router/access"
	"trunkline/store"
	"trunkline/store/memory"
)

const password = "seven green tables laugh"

// house is a keeper over a real store, with administrators.
type house struct {
	*Keeper
	t     testing.TB
	super store.Administrator
	acme  store.Administrator
}

func newHouse(t testing.TB, adapt func(*Options)) *house {
	t.Helper()
	st, err := store.Open(context.Background(), memory.New(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	o := Options{Store: st}
	if adapt != nil {
		adapt(&o)
	}
	h := &house{Keeper: New(o), t: t}
	if _, err := st.Providers().Add(context.Background(), time.Now(), "uid:0", store.Provider{Name: "acme"}); err != nil {
		t.Fatal(err)
	}
	h.super = h.add(store.Administrator{Username: "root", Level: store.SuperAdministrator})
	h.acme = h.add(store.Administrator{Username: "alice", RoleID: store.ProviderRole("acme"), Permissions: access.Of(access.ServiceView, access.ServiceEdit, access.SettingsEdit).Names()})
	return h
}

// add makes an administrator with the password of the tests.
func (h *house) add(a store.Administrator) store.Administrator {
	h.t.Helper()
	ctx := context.Background()
	all, err := h.store.Administrators().Add(ctx, time.Now(), "uid:0", a)
	if err != nil {
		h.t.Fatal(err)
	}
	if a = all[0]; a.AuthBackend == "ldap" {
		return a
	}
	code, _, err := h.Invite(ctx, a.ID, "uid:0")
	if err != nil {
		h.t.Fatal(err)
	}
	if _, err := h.Redeem(ctx, code, password); err != nil {
		h.t.Fatal(err)
	}
	return a
}

func (h *house) login(username, password, code, from string) (string, Known, error) {
	return h.Login(context.Background(), Attempt{Username: username, Password: password, Code: code, From: netip.MustParseAddr(from), Agent: "test"})
}

func (h *house) in(username, code string) string {
	h.t.Helper()
	text, _, err := h.login(username, password, code, "192.0.2.1")
	if err != nil {
		h.t.Fatalf("%s cannot log in: %v", username, err)
	}
	return text
}

func TestLogin(t *testing.T) {
	h := newHouse(t, nil)
	ctx := t.Context()
	text, who, err := h.login("alice", password, "", "192.0.2.1")
	if err != nil || who.Account != h.acme.Account() || who.Administrator != h.acme.ID || who.Role != access.OfProvider("acme") {
		t.Fatalf("%+v, %v", who, err)
	}
	if who.Holds() != access.Of(access.MessageSend, access.ServiceView) || !who.NeedsFactor {
		t.Errorf("without a second factor alice holds %v", who.Holds().Names())
	}
	again, err := h.Session(ctx, text)
	if err != nil || again.Account != who.Account || again.Session != who.Session || again.Holds() != who.Holds() {
		t.Errorf("the session is of %+v, %v", again, err)
	}
	for name, try := range map[string][2]string{"wrong password": {"alice", "seven green tables laug"}, "nobody": {"mallory", password}, "empty": {"alice", ""}, "nothing": {"", ""},
		"long": {"alice", strings.Repeat("x", 100_000)}, "long name": {strings.Repeat("a", 100_000), password}, "case": {"Alice", password}, "NUL": {"alice\x00", password}} {
		if text, who, err := h.login(try[0], try[1], "", "192.0.2.1"); !errors.Is(err, ErrDenied) || text != "" || who.Account != "" {
			t.Errorf("%s: %v, %+v", name, err, who)
		}
	}
	if err := h.Logout(ctx, who.Session); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Session(ctx, text); !errors.Is(err, ErrDenied) {
		t.Errorf("after the logout: %v", err)
	}
}

// What ends a session does so at once: no cache stands between.
func TestSessionsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, nil)
		ctx := t.Context()
		alive := func(text string, want bool, why string) {
			t.Helper()
			if _, err := h.Session(ctx, text); (err == nil) != want {
				t.Errorf("%s: %v", why, err)
			}
		}
		s := h.in("alice", "")
		time.Sleep(29 * time.Minute)
		alive(s, true, "used after 29 minutes")
		time.Sleep(29 * time.Minute)
		alive(s, true, "used again")
		time.Sleep(31 * time.Minute)
		alive(s, false, "not used for 31 minutes")
		s = h.in("alice", "")
		for range 24 * 2 {
			time.Sleep(15 * time.Minute)
			alive(s, true, "in use")
		}
		time.Sleep(time.Minute)
		alive(s, false, "after twelve hours")

		s = h.in("alice", "")
		other := h.in("root", "")
		time.Sleep(time.Second)
		if err := h.ChangePassword(ctx, h.acme.ID, password, "eight brown chairs weep"); err != nil {
			t.Fatal(err)
		}
		alive(s, false, "after a new password")
		alive(other, true, "of another")
		if err := h.ChangePassword(ctx, h.acme.ID, "eight brown chairs weep", password); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		s = h.in("alice", "")
		if _, err := h.store.Administrators().Archive(ctx, h.acme.ID, time.Now(), "uid:0"); err != nil {
			t.Fatal(err)
		}
		alive(s, false, "of an archived administrator")
		if _, _, err := h.login("alice", password, "", "192.0.2.1"); !errors.Is(err, ErrDenied) {
			t.Errorf("an archived administrator logs in: %v", err)
		}
		if _, err := h.store.Administrators().Restore(ctx, h.acme.ID, time.Now(), "uid:0"); err != nil {
			t.Fatal(err)
		}
		alive(s, true, "of a restored one")
		done := make(chan error)
		run, stop := context.WithCancel(ctx)
		go func() { done <- h.Run(run) }()
		time.Sleep(25 * time.Hour)
		synctest.Wait()
		if all, err := h.store.Sessions(ctx, h.acme.ID); err != nil || len(all) != 0 {
			t.Errorf("%d sessions are kept, %v", len(all), err)
		}
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// However many addresses take part, a day lets fewer than a hundred tries through to one account; and the right password waits as well.
func TestBruteForceByManyAddresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, func(o *Options) { o.Directory = &directory{} })
		h.add(store.Administrator{Username: "bob", AuthBackend: "ldap", RoleID: store.ProviderRole("acme")}) // whose password costs nothing to check
		tried := 0
		for second := 0; second < 24*60*60; second += 20 {
			from := fmt.Sprintf("198.51.%d.%d", second/20/250%4, second/20%250)
			var wait *WaitError
			switch _, _, err := h.login("bob", "guess", "", from); {
			case errors.Is(err, ErrDenied):
				tried++
			case !errors.As(err, &wait):
				t.Fatalf("after %d tries: %v", tried, err)
			case wait.Wait > longestWait:
				t.Fatalf("wait of %s", wait.Wait)
			}
			time.Sleep(20 * time.Second)
		}
		if tried < freeTries || tried > 100 {
			t.Errorf("%d tries were let through in a day", tried)
		}
		if err := h.Unlock(t.Context(), 3); err != nil {
			t.Fatal(err)
		}
		if _, _, err := h.login("bob", "of bob", "", "192.0.2.1"); err != nil {
			t.Errorf("after the unlock: %v", err)
		}
	})
}

// One address that tries many accounts waits too, whichever address of its IPv6 network it takes.
func TestBruteForceByOneNetwork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, func(o *Options) { o.Directory = &directory{} })
		for i := range 40 {
			h.add(store.Administrator{Username: fmt.Sprintf("user_%d", i), AuthBackend: "ldap", RoleID: store.ProviderRole("acme")})
		}
		tried := 0
		for i := range 1000 {
			_, _, err := h.login(fmt.Sprintf("user_%d", i%40), "guess", "", fmt.Sprintf("2001:db8::%x", i))
			if errors.Is(err, ErrDenied) {
				tried++
			}
		}
		if tried != freeTries {
			t.Errorf("%d tries of one network were let through, want %d", tried, freeTries)
		}
		if _, _, err := h.login("user_39", "of user_39", "", "2001:db8:0:1::1"); err != nil {
			t.Errorf("another network waits: %v", err)
		}
		if network(netip.MustParseAddr("::ffff:192.0.2.1")) != network(netip.MustParseAddr("192.0.2.1")) || network(netip.MustParseAddr("fe80::1%eth0")) != network(netip.MustParseAddr("fe80::2")) {
			t.Error("one address has two names")
		}
	})
}

// 200 logins at once do not take more memory than a few, and nobody waits for long: who does not get his turn is told.
func TestLoginFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := &directory{}
		h := newHouse(t, func(o *Options) { o.Directory = slow })
		if cap(h.hashing) != runtime.GOMAXPROCS(0) {
			t.Errorf("%d hashes at once", cap(h.hashing))
		}
		for range cap(h.hashing) { // hashes that take long
			h.hashing <- struct{}{}
		}
		var wg sync.WaitGroup
		errs := make([]error, 200)
		began := time.Now()
		for i := range errs {
			wg.Go(func() { _, _, errs[i] = h.login("root", password, "", fmt.Sprintf("192.0.2.%d", i)) })
		}
		wg.Wait()
		if took := time.Since(began); took > busyWait {
			t.Errorf("the last was answered after %s", took)
		}
		busy, waits := 0, 0
		for _, err := range errs {
			var wait *WaitError
			switch {
			case errors.Is(err, ErrBusy):
				busy++
			case errors.As(err, &wait):
				waits++
			default:
				t.Errorf("%v", err)
			}
		}
		if busy != freeTries || waits != len(errs)-freeTries {
			t.Errorf("%d busy, %d waits", busy, waits)
		}
		for range cap(h.hashing) {
			<-h.hashing
		}
		h.in("root", "") // what was not checked does not count
	})
}

func TestSecondFactor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, nil)
		ctx := t.Context()
		code := func(secret []byte) string { return access.TOTPCode(secret, uint64(time.Now().Unix()/30)) }
		text := h.in("alice", "")
		before, _ := h.Session(ctx, text)
		if _, err := h.Confirm(ctx, h.acme.ID, before.Session, "123456"); !errors.Is(err, ErrNotSet) {
			t.Errorf("nothing to confirm: %v", err)
		}
		secret, uri, err := h.Enrol(ctx, h.acme.ID)
		if err != nil || !strings.HasPrefix(uri, "otpauth://totp/Trunkline:alice?") {
			t.Fatal(uri, err)
		}
		if _, err := h.Session(ctx, h.in("alice", "")); err != nil {
			t.Errorf("one that is not confirmed is asked for: %v", err)
		}
		if _, err := h.Confirm(ctx, h.acme.ID, before.Session, "000000"); !errors.Is(err, ErrDenied) {
			t.Errorf("a wrong first code: %v", err)
		}
		recovery, err := h.Confirm(ctx, h.acme.ID, before.Session, code(secret))
		if err != nil || len(recovery) != recoveryCodes {
			t.Fatal(recovery, err)
		}
		if _, _, err := h.Enrol(ctx, h.acme.ID); !errors.Is(err, ErrSet) {
			t.Errorf("a second one beside it: %v", err)
		}
		after, err := h.Session(ctx, text)
		if err != nil || after.NeedsFactor || !after.Ever(access.ServiceEdit) {
			t.Errorf("the session that confirmed holds %v, %v", after.Holds().Names(), err)
		}
		if after.Ever(access.SettingsEdit) {
			t.Error("a service provider's administrator holds settings")
		}
		if _, _, err := h.login("alice", password, "", "192.0.2.1"); !errors.Is(err, ErrSecondFactor) {
			t.Errorf("without a code: %v", err)
		}
		if _, _, err := h.login("alice", password, code(secret), "192.0.2.1"); !errors.Is(err, ErrDenied) {
			t.Errorf("the code that was used to confirm: %v", err)
		}
		time.Sleep(31 * time.Second)
		if _, who, err := h.login("alice", password, code(secret), "192.0.2.1"); err != nil || !who.Ever(access.ServiceEdit) {
			t.Errorf("with a code: %v", err)
		}
		if _, _, err := h.login("alice", password, code(secret), "192.0.2.1"); !errors.Is(err, ErrDenied) {
			t.Errorf("the same code again: %v", err)
		}
		if _, _, err := h.login("alice", "wrong password of alice", recovery[0], "192.0.2.1"); !errors.Is(err, ErrDenied) {
			t.Errorf("a recovery code alone: %v", err)
		}
		if _, _, err := h.login("alice", password, strings.ToUpper(recovery[0]), "192.0.2.1"); err != nil {
			t.Errorf("a recovery code: %v", err)
		}
		if _, _, err := h.login("alice", password, recovery[0], "192.0.2.1"); !errors.Is(err, ErrDenied) {
			t.Errorf("the same recovery code again: %v", err)
		}
		// Somebody who has the password guesses codes.
		guessed := 0
		for n := range 5000 {
			if _, _, err := h.login("alice", password, fmt.Sprintf("%06d", n), fmt.Sprintf("198.51.100.%d", n%250)); errors.Is(err, ErrDenied) {
				guessed++
			} else if err == nil {
				t.Fatal("guessed")
			}
			time.Sleep(time.Second)
		}
		if guessed > 20 {
			t.Errorf("%d codes were let through in 83 minutes", guessed)
		}
		time.Sleep(time.Hour)
		if err := h.Drop(ctx, h.acme.ID, "000000"); !errors.Is(err, ErrDenied) {
			t.Errorf("removed by a wrong code: %v", err)
		}
		if err := h.Drop(ctx, h.acme.ID, code(secret)); err != nil {
			t.Error(err)
		}
		if _, err := h.Session(ctx, text); !errors.Is(err, ErrDenied) {
			t.Errorf("a session outlives the second factor: %v", err)
		}
		for range 20 { // codes outside a login are bounded too
			err = h.Drop(ctx, h.acme.ID, "000000")
		}
		var wait *WaitError
		if !errors.As(err, &wait) {
			t.Errorf("the 20th wrong code: %v", err)
		}
	})
}

func TestInvitations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, nil)
		ctx := t.Context()
		const next = "nine yellow lamps sing"
		invite := func() string {
			code, until, err := h.Invite(ctx, h.acme.ID, "uid:0")
			if err != nil || time.Until(until) != h.config.InviteLife {
				t.Fatal(until, err)
			}
			return code
		}
		redeem := func(code, password string) error { _, err := h.Redeem(ctx, code, password); return err }
		first, second := invite(), invite()
		if err := redeem(first, next); !errors.Is(err, ErrDenied) {
			t.Errorf("an older code: %v", err)
		}
		if err := redeem(second, "short"); !errors.Is(err, access.ErrPassword) {
			t.Errorf("a short password: %v", err)
		}
		if err := redeem(second, next); err != nil {
			t.Fatal(err)
		}
		if err := redeem(second, next); !errors.Is(err, ErrDenied) {
			t.Errorf("a code twice: %v", err)
		}
		late := invite()
		time.Sleep(h.config.InviteLife)
		if err := redeem(late, next); !errors.Is(err, ErrDenied) {
			t.Errorf("a code that ended: %v", err)
		}
		other, err := access.NewSecret(access.KindReset, h.random)
		if err != nil {
			t.Fatal(err)
		}
		for _, bad := range []string{"", other.Text, late[:len(late)-1], strings.Replace(late, "tl_reset", "tl_api", 1)} {
			if err := redeem(bad, next); !errors.Is(err, ErrDenied) {
				t.Errorf("%q: %v", bad, err)
			}
		}
		if _, _, err := h.login("alice", password, "", "192.0.2.1"); !errors.Is(err, ErrDenied) {
			t.Errorf("the old password: %v", err)
		}
		if err := h.ChangePassword(ctx, h.acme.ID, next, "alice-alice-alice"); !errors.Is(err, access.ErrPassword) {
			t.Errorf("a poor password: %v", err)
		}
		if err := h.ChangePassword(ctx, h.acme.ID, password, "ten white doves dance"); !errors.Is(err, ErrDenied) {
			t.Errorf("changed without the old one: %v", err)
		}
	})
}

func TestTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, nil)
		ctx := t.Context()
		issue := func(spec TokenSpec) (string, store.Token) {
			t.Helper()
			spec.Name = "test"
			text, token, err := h.Issue(ctx, spec, "uid:0")
			if err != nil {
				t.Fatal(err)
			}
			return text, token
		}
		show := func(text, from string) (Known, error) {
			var addr netip.Addr
			if from != "" {
				addr = netip.MustParseAddr(from)
			}
			return h.Token(ctx, text, addr)
		}
		of, record := issue(TokenSpec{Administrator: h.acme.ID, Scope: access.Of(access.MessageSend, access.ServiceEdit, access.CallPatternEdit)})
		who, err := show(of, "192.0.2.1")
		if err != nil || who.Account != h.acme.Account() || !who.Token || who.Holds() != access.Of(access.MessageSend, access.ServiceEdit) {
			t.Errorf("%+v holds %v, %v", who, who.Holds().Names(), err)
		}
		if strings.Contains(fmt.Sprintf("%+v", record), of) || strings.Contains(string(record.Hash), of) {
			t.Error("the token is kept")
		}
		alone, _ := issue(TokenSpec{Role: access.OfProvider("acme"), Scope: access.Of(access.StatisticsView), Networks: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::/32")}})
		for from, want := range map[string]bool{"192.0.2.7": true, "192.0.3.1": false, "2001:db8::1": true, "2001:db9::1": false, "::ffff:192.0.2.7": true, "": true} {
			who, err := show(alone, from)
			if (err == nil) != want || want && (who.Role.Provider() != "acme" || who.Administrator != 0) {
				t.Errorf("from %q: %+v, %v", from, who, err)
			}
		}
		short, _ := issue(TokenSpec{Administrator: h.acme.ID, Scope: access.Every, Life: time.Hour})
		time.Sleep(time.Hour)
		if _, err := show(short, ""); !errors.Is(err, ErrDenied) {
			t.Errorf("after its time: %v", err)
		}
		if _, err := h.store.RevokeToken(ctx, record.ID, time.Now(), "uid:0"); err != nil {
			t.Fatal(err)
		}
		if _, err := show(of, ""); !errors.Is(err, ErrDenied) {
			t.Errorf("revoked: %v", err)
		}
		usual, record := issue(TokenSpec{Administrator: h.super.ID, Scope: access.Every})
		if !record.ExpiresAt.Equal(record.CreatedAt.Add(90 * 24 * time.Hour)) {
			t.Errorf("it ends on %s", record.ExpiresAt)
		}
		if who, err := show(usual, ""); err != nil || who.Holds() != access.Every {
			t.Errorf("of the super administrator: %+v, %v", who, err)
		}
		// Guesses: with the id of a real one, and at all.
		for i := range 2000 {
			s, err := access.NewSecret(access.KindToken, h.random)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := show(s.Text, ""); !errors.Is(err, ErrDenied) {
				t.Fatalf("guess %d: %v", i, err)
			}
		}
		for i := len("tl_api_"); i < len(usual); i++ {
			c := byte('a')
			if usual[i] == c {
				c = 'b'
			}
			if _, err := show(usual[:i]+string(c)+usual[i+1:], ""); !errors.Is(err, ErrDenied) {
				t.Fatalf("with another character at %d: %v", i, err)
			}
		}
		for _, life := range []time.Duration{time.Second, -time.Hour, 11 * 365 * 24 * time.Hour} {
			if _, _, err := h.Issue(ctx, TokenSpec{Name: "x", Life: life}, ""); !errors.Is(err, store.ErrInvalid) {
				t.Errorf("made for %s: %v", life, err)
			}
		}
		if _, err := h.store.Providers().Archive(ctx, 2, time.Now(), "uid:0"); err != nil {
			t.Fatal(err)
		}
		if _, err := show(alone, "192.0.2.7"); !errors.Is(err, ErrDenied) {
			t.Errorf("of an archived service provider: %v", err)
		}
	})
}

// A user of this machine is the administrator that it is linked to, as long as that one is in use.
func TestLocalUsers(t *testing.T) {
	h := newHouse(t, nil)
	ctx := t.Context()
	if _, linked, ok, err := h.LocalUser(ctx, 1000); linked || ok || err != nil {
		t.Errorf("nobody is linked: %t, %t, %v", linked, ok, err)
	}
	if err := h.SetLocalUsers(ctx, h.acme.ID, []uint32{1000, 1001}, "uid:0"); err != nil {
		t.Fatal(err)
	}
	who, linked, ok, err := h.LocalUser(ctx, 1001)
	if !linked || !ok || err != nil || who.Account != h.acme.Account() || who.Administrator != h.acme.ID || who.NeedsFactor {
		t.Errorf("%+v, %t, %t, %v", who, linked, ok, err)
	}
	if _, err := h.store.Administrators().Archive(ctx, h.acme.ID, time.Now(), "uid:0"); err != nil {
		t.Fatal(err)
	}
	if _, linked, ok, err := h.LocalUser(ctx, 1001); !linked || ok || err != nil {
		t.Errorf("an archived one: %t, %t, %v", linked, ok, err)
	}
}

// Whether a name is known cannot be told by how long the answer takes: both check one hash of the same cost.
func TestUnknownNamesCostTheSame(t *testing.T) {
	h := newHouse(t, nil)
	least := map[string]time.Duration{}
	for i := range 8 { // in turns, so that both meet the same machine
		for _, name := range []string{"alice", "nobody_here"} {
			if err := h.store.LoginSucceeded(t.Context(), []string{accountTries + name}, nil); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			h.login(name, "wrong password of somebody", "", fmt.Sprintf("192.0.2.%d", i))
			if took := time.Since(began); i == 0 || took < least[name] {
				least[name] = took
			}
		}
	}
	if known, unknown := least["alice"], least["nobody_here"]; known > 4*unknown || unknown > 4*known {
		t.Errorf("a known name takes %s, an unknown one %s", known, unknown)
	}
}

// directory proves "of NAME" as the password of NAME.
type directory struct{}

func (directory) Verify(_ context.Context, username, password string) (bool, error) {
	return password == "of "+username, nil
}

func TestDirectory(t *testing.T) {
	h := newHouse(t, func(o *Options) { o.Directory = directory{} })
	a := h.add(store.Administrator{Username: "bob", AuthBackend: "ldap", RoleID: store.ProviderRole("acme")})
	if _, who, err := h.login("bob", "of bob", "", "192.0.2.1"); err != nil || who.Administrator != a.ID {
		t.Errorf("%+v, %v", who, err)
	}
	for _, wrong := range []string{"", "of alice", password} {
		if _, _, err := h.login("bob", wrong, "", "192.0.2.1"); !errors.Is(err, ErrDenied) {
			t.Errorf("%q: %v", wrong, err)
		}
	}
	if _, _, err := h.login("alice", "of alice", "", "192.0.2.1"); !errors.Is(err, ErrDenied) {
		t.Errorf("an administrator of this machine with a password of the directory: %v", err)
	}
	if err := h.ChangePassword(t.Context(), a.ID, "of bob", "ten white doves dance"); !errors.Is(err, ErrElsewhere) {
		t.Errorf("changed here: %v", err)
	}
	if _, _, err := h.Invite(t.Context(), a.ID, "uid:0"); !errors.Is(err, ErrElsewhere) {
		t.Errorf("invited: %v", err)
	}
	h.directory = nil
	if _, _, err := h.login("bob", "of bob", "", "192.0.2.1"); !errors.Is(err, ErrDenied) {
		t.Errorf("without a directory: %v", err)
	}
}
