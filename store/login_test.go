package store_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"trunkline/store"
)

func TestCredentials(t *testing.T) {
	onEngines(t, store.Options{}, func(t *testing.T, s *store.Store) {
		if has, err := s.HasLogins(ctx); has || err != nil {
			t.Fatalf("an empty store has logins: %t, %v", has, err)
		}
		if c, err := s.Credential(ctx, 7); err != nil || c.Administrator != 7 || c.Password != "" {
			t.Errorf("nothing was set: %+v, %v", c, err)
		}
		edit := func(administrator uint64, fn func(*store.Credential) error) error {
			_, err := s.EditCredential(ctx, administrator, start, "uid:0", "test", fn)
			return err
		}
		users := func(uids ...uint32) func(*store.Credential) error {
			return func(c *store.Credential) error { c.LocalUsers = uids; return nil }
		}
		of := func(uid uint32, want uint64) {
			t.Helper()
			if got, ok, err := s.AdministratorOfLocalUser(ctx, uid); got != want || ok != (want != 0) || err != nil {
				t.Errorf("local user %d is administrator %d (%t, %v), want %d", uid, got, ok, err, want)
			}
		}
		if err := edit(7, users(0, 1000)); err != nil {
			t.Fatal(err)
		}
		if has, err := s.HasLogins(ctx); !has || err != nil {
			t.Errorf("with a credential: %t, %v", has, err)
		}
		of(0, 7)
		of(1000, 7)
		of(1001, 0)
		if err := edit(8, users(1000)); !errors.Is(err, store.ErrExists) {
			t.Errorf("a local user of two: %v", err)
		}
		if err := edit(7, users(1001)); err != nil {
			t.Fatal(err)
		}
		of(1000, 0)
		of(1001, 7)
		if err := edit(8, users(1000)); err != nil {
			t.Error(err)
		}
		gone := errors.New("given up")
		if err := edit(7, func(c *store.Credential) error { c.Password = "x"; return gone }); !errors.Is(err, gone) {
			t.Error(err)
		}
		if c, _ := s.Credential(ctx, 7); c.Password != "" {
			t.Error("a change that was given up left something")
		}
		for _, bad := range []func() error{
			func() error { return edit(0, users(5)) },
			func() error {
				return edit(7, func(c *store.Credential) error { c.Recovery = make([][]byte, store.MaxRecoveryCodes+1); return nil })
			},
			func() error { return edit(7, users(make([]uint32, store.MaxLocalUsers+1)...)) },
		} {
			if err := bad(); !errors.Is(err, store.ErrInvalid) {
				t.Errorf("taken: %v", err)
			}
		}
		c, err := s.Credential(ctx, 7)
		if err != nil || strings.Contains(fmt.Sprintf("%v %+v %#v", c, c, c), "argon") {
			t.Errorf("printed: %+v, %v", c, err)
		}
	})
}

func TestTokens(t *testing.T) {
	onEngines(t, store.Options{}, func(t *testing.T, s *store.Store) {
		token := store.Token{ID: store.TokenID{1}, Name: "ci", Hash: make([]byte, 32), CreatedAt: start, ExpiresAt: start.Add(time.Hour)}
		if err := s.AddToken(ctx, store.Token{Name: "x"}, "uid:0"); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("without an id: %v", err)
		}
		if err := s.AddToken(ctx, token, "uid:0"); err != nil {
			t.Fatal(err)
		}
		if err := s.TokenUsed(ctx, token.ID, start.Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		got, err := s.RevokeToken(ctx, token.ID, start.Add(2*time.Minute), "uid:0")
		if err != nil || !got.RevokedAt.Equal(start.Add(2*time.Minute)) || !got.UsedAt.Equal(start.Add(time.Minute)) {
			t.Errorf("%+v, %v", got, err)
		}
		again, err := s.RevokeToken(ctx, token.ID, start.Add(3*time.Minute), "uid:0")
		if err != nil || !again.RevokedAt.Equal(got.RevokedAt) {
			t.Errorf("revoked twice: %+v, %v", again, err)
		}
		if _, err := s.Token(ctx, store.TokenID{2}); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("missing: %v", err)
		}
		if id, err := store.ParseTokenID(token.ID.String()); err != nil || id != token.ID {
			t.Errorf("%v, %v", id, err)
		}
		for _, bad := range []string{"", "01", "zz00000000000000", strings.Repeat("0", 17)} {
			if _, err := store.ParseTokenID(bad); err == nil {
				t.Errorf("%q is an id", bad)
			}
		}
		if got := strings.Join(types(t, s), " "); got != "token.added token.revoked" {
			t.Errorf("events %s", got)
		}
		for _, tt := range []struct {
			ended time.Time
			want  int
		}{{start, 1}, {start.Add(time.Hour), 0}} {
			if _, err := s.ExpireLogins(ctx, start, start, tt.ended, start); err != nil {
				t.Fatal(err)
			}
			if all, err := s.Tokens(ctx); len(all) != tt.want || err != nil {
				t.Errorf("ended before %s: %d tokens, %v", tt.ended, len(all), err)
			}
		}
	})
}

func TestSessions(t *testing.T) {
	onEngines(t, store.Options{}, func(t *testing.T, s *store.Store) {
		begin := func(i int, administrator uint64, at time.Time) store.SessionKey {
			t.Helper()
			key := store.SessionKey{byte(i), byte(i >> 8), 31: 1}
			if err := s.BeginSession(ctx, store.Session{Key: key, Administrator: administrator, Address: "::1", CreatedAt: at, SeenAt: at}, "admin:x"); err != nil {
				t.Fatal(err)
			}
			return key
		}
		a, b := begin(1, 7, start), begin(2, 7, start.Add(time.Hour))
		begin(3, 8, start)
		if err := s.EditSession(ctx, a, func(v *store.Session) { v.SeenAt, v.Proven = start.Add(2*time.Hour), true }); err != nil {
			t.Fatal(err)
		}
		if v, err := s.Session(ctx, a); err != nil || !v.Proven || v.Administrator != 7 {
			t.Errorf("%+v, %v", v, err)
		}
		if all, err := s.Sessions(ctx, 7); len(all) != 2 || err != nil {
			t.Errorf("%d sessions, %v", len(all), err)
		}
		if n, err := s.ExpireLogins(ctx, time.Time{}, start.Add(90*time.Minute), time.Time{}, start); n != 2 || err != nil {
			t.Errorf("%d ended for being idle, %v", n, err)
		}
		if _, err := s.Session(ctx, b); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("an idle one: %v", err)
		}
		if err := s.EndSession(ctx, a); err != nil {
			t.Fatal(err)
		}
		if err := s.EditSession(ctx, a, func(*store.Session) {}); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("one that ended: %v", err)
		}
		if err := s.BeginSession(ctx, store.Session{}, ""); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("an empty one: %v", err)
		}
	})
}

// Many tries at once are no way round: each is counted before it is made.
func TestThrottle(t *testing.T) {
	onEngines(t, store.Options{}, func(t *testing.T, s *store.Store) {
		delay := func(failures int) time.Duration {
			if failures < 10 {
				return 0
			}
			return time.Minute
		}
		try := func(at time.Time) time.Duration {
			wait, err := s.TryLogin(ctx, []string{"account/alice", "net/::/64"}, at, 24*time.Hour, delay)
			if err != nil {
				t.Error(err)
			}
			return wait
		}
		var wg sync.WaitGroup
		waits := make([]time.Duration, 50)
		for i := range waits {
			wg.Go(func() { waits[i] = try(start) })
		}
		wg.Wait()
		passed := 0
		for _, w := range waits {
			if w == 0 {
				passed++
			}
		}
		if passed != 10 {
			t.Errorf("%d of 50 tries at once were let through, want 10", passed)
		}
		if w := try(start.Add(30 * time.Second)); w != 30*time.Second {
			t.Errorf("half a minute later: wait %s", w)
		}
		if w := try(start.Add(time.Minute)); w != 0 {
			t.Errorf("after the wait: %s", w)
		}
		if err := s.LoginSucceeded(ctx, []string{"account/alice"}, []string{"net/::/64"}); err != nil {
			t.Fatal(err)
		}
		if w := try(start.Add(time.Minute)); w != 0 {
			t.Errorf("after a success: %s", w) // the address has 10 again, the account 1
		}
		if w := try(start.Add(61 * time.Second)); w != 59*time.Second {
			t.Errorf("the address waits %s", w)
		}
		if w := try(start.Add(25*time.Hour + 2*time.Minute)); w != 0 {
			t.Errorf("a day later: %s", w)
		}
		if n, err := s.ExpireLogins(ctx, start, start, start, start.Add(100*time.Hour)); n != 2 || err != nil {
			t.Errorf("%d forgotten, %v", n, err)
		}
	})
}
