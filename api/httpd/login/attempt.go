package login

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"time"

	"trunkline/router/access"
	"trunkline/store"
)

// Attempt is a try to log in.
type Attempt struct {
	Username string
	Password string
	Code     string     // of the second factor, or one that replaces it; empty: none
	From     netip.Addr // the zero value is a user of this machine
	Agent    string     // what the browser says that it is
}

// Tries that count before the next must wait, and how the wait grows: a day lets through fewer than a hundred, from however many addresses they come.
const (
	freeTries   = 10
	firstWait   = 30 * time.Second
	longestWait = 20 * time.Minute
	forgetTries = 24 * time.Hour
)

// delay is how long the next try waits after so many that did not succeed.
func delay(failures int) time.Duration {
	if failures < freeTries {
		return 0
	}
	return min(firstWait<<min(failures-freeTries, 16), longestWait)
}

// network is what tries are counted for beside the account: an address, or the network of an IPv6 address, in which one user has all.
func network(from netip.Addr) string {
	from = from.Unmap()
	if !from.IsValid() {
		return "net/local"
	}
	bits := 32
	if from.Is6() {
		bits = 64
	}
	prefix, _ := from.WithZone("").Prefix(bits)
	return "net/" + prefix.String()
}

const accountTries = "account/"

// Login checks who tries to log in and begins a session. text is what the browser keeps. The error is ErrDenied, ErrSecondFactor, ErrBusy, *WaitError, or one of the
// store's. Whether it is the name or the password that is wrong is not told, by the time neither.
func (k *Keeper) Login(ctx context.Context, a Attempt) (text string, who Known, err error) {
	text, who, err = k.login(ctx, a)
	var wait *WaitError
	outcome := outcomeFailed
	switch {
	case err == nil:
		outcome = outcomeIn
	case errors.Is(err, ErrDenied):
		outcome = outcomeDenied
		k.log.Warn("a login was denied", "network", network(a.From))
	case errors.Is(err, ErrSecondFactor):
		outcome = outcomeFactor
	case errors.Is(err, ErrDirectory):
		k.log.Error("a login could not be decided", "err", err)
	case errors.Is(err, ErrBusy):
		outcome = outcomeBusy
	case errors.As(err, &wait):
		outcome = outcomeThrottle
	}
	k.metrics.count("password", outcome)
	return text, who, err
}

func (k *Keeper) login(ctx context.Context, a Attempt) (string, Known, error) {
	account, from := accountTries+a.Username, network(a.From)
	names := []string{account, from}
	if err := k.try(ctx, names...); err != nil {
		return "", Known{}, err
	}
	administrator, credential, p, err := k.verify(ctx, a.Username, a.Password)
	if errors.Is(err, ErrDenied) {
		return "", Known{}, err
	}
	if err != nil { // it was not found out, for which nobody is to wait
		return "", Known{}, errors.Join(err, k.store.LoginSucceeded(context.WithoutCancel(ctx), nil, names))
	}
	proven := false
	if !credential.TOTPAt.IsZero() {
		if a.Code == "" {
			return "", Known{}, errors.Join(ErrSecondFactor, k.store.LoginSucceeded(ctx, nil, names))
		}
		if err := k.useCode(ctx, administrator.ID, a.Code); err != nil {
			return "", Known{}, err
		}
		proven = true
	}
	if err := k.store.LoginSucceeded(ctx, []string{account}, []string{from}); err != nil {
		return "", Known{}, err
	}
	secret, err := access.NewSecret(access.KindSession, k.random)
	if err != nil {
		return "", Known{}, err
	}
	address := "this machine"
	if a.From.IsValid() {
		address = a.From.Unmap().String()
	}
	now := k.store.Now()
	s := store.Session{Key: secret.Hash, Administrator: administrator.ID, Role: administrator.RoleID, Proven: proven, Address: address, Agent: cut(a.Agent, 200), CreatedAt: now, SeenAt: now}
	if err := k.store.BeginSession(ctx, s, p.Account); err != nil {
		return "", Known{}, err
	}
	return secret.Text, known(p, &s), nil
}

// known is who has a session: without a second factor he has not all that he holds.
func known(p access.Principal, s *store.Session) Known {
	who := Known{Principal: p, Administrator: s.Administrator, Session: s.Key}
	if !s.Proven && p.Guarded() {
		who.Principal, who.NeedsFactor = p.Unproven(), true
	}
	return who
}

// try counts a try before it is made. The error is a *WaitError when it has to wait.
func (k *Keeper) try(ctx context.Context, names ...string) error {
	wait, err := k.store.TryLogin(ctx, names, k.store.Now(), forgetTries, delay)
	if err == nil && wait > 0 {
		err = &WaitError{wait}
	}
	return err
}

// verify returns the administrator whose name and password they are; ErrDenied when they are nobody's. It takes as long when there is nobody of that name.
func (k *Keeper) verify(ctx context.Context, username, password string) (a store.Administrator, c store.Credential, p access.Principal, err error) {
	ok := false
	if username != "" && len(username) <= 255 && len(password) <= 4*access.LongPassword {
		if a, c, p, ok, err = k.find(ctx, username); err != nil {
			return a, c, p, err
		}
	} else {
		password = ""
	}
	right, stale := false, false
	if ok && a.AuthBackend == "ldap" {
		right, err = k.ask(ctx, username, password)
	} else {
		right, stale, err = k.check(ctx, c.Password, password)
	}
	switch {
	case err != nil:
		return a, c, p, err
	case !ok || !right:
		return a, c, p, ErrDenied
	}
	if stale {
		if err := k.rehash(ctx, a.ID, password, c.Password); err != nil {
			k.log.Warn("a password could not be hashed anew", "account", p.Account, "err", err)
		}
	}
	return a, c, p, nil
}

// find returns the administrator of a name and what he logs in with; false when there is none in use. Of a name that is nobody's as much is read, so that the time
// does not tell.
func (k *Keeper) find(ctx context.Context, username string) (a store.Administrator, c store.Credential, p access.Principal, ok bool, err error) {
	a, err = k.store.AdministratorByName(ctx, username)
	known := err == nil
	if errors.Is(err, store.ErrNotFound) {
		a, err = store.Administrator{RoleID: store.ProviderRole(store.DefaultProvider)}, nil
	}
	if err != nil {
		return a, c, p, false, err
	}
	if c, err = k.store.Credential(ctx, a.ID); err != nil {
		return a, c, p, false, err
	}
	p, ok, err = k.principal(ctx, &a)
	return a, c, p, ok && known, err
}

// ask has the directory prove a password. An empty one is no proof: directories take it for somebody who does not say who he is (RFC 4513 §5.1.2).
func (k *Keeper) ask(ctx context.Context, username, password string) (bool, error) {
	if k.directory == nil || password == "" {
		return false, nil
	}
	right, err := k.directory.Verify(ctx, username, password)
	if err != nil {
		err = fmt.Errorf("%w: %w", ErrDirectory, err)
	}
	return right, err
}

// Unlock forgets the tries under the name of an administrator.
func (k *Keeper) Unlock(ctx context.Context, administrator uint64) error {
	a, err := k.store.Administrators().Read(ctx, administrator)
	if err != nil {
		return err
	}
	return k.store.LoginSucceeded(ctx, []string{accountTries + a.Username, factorTries(administrator)}, nil)
}

// factorTries is the name under which codes are counted that are given outside a login.
func factorTries(administrator uint64) string {
	return "factor/" + strconv.FormatUint(administrator, 10)
}

// salt returns random bytes for a hash.
func (k *Keeper) salt() ([]byte, error) {
	b := make([]byte, access.PasswordSalt)
	_, err := io.ReadFull(k.random, b)
	return b, err
}

func cut(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most])
	}
	return s
}
