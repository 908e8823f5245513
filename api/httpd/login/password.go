package login

import (
	"bytes"
	"context"
	"crypto/subtle"
	"encoding/binary"
	"io"
	"time"

	"trunkline/router/access"
	"trunkline/store"
)

// busyWait is how long a password waits to be checked when others are.
const busyWait = 2 * time.Second

// turn waits until there is room for one more hash, each of which takes its memory. The caller gives its place back.
func (k *Keeper) turn(ctx context.Context) (done func(), err error) {
	timer := time.NewTimer(busyWait)
	defer timer.Stop()
	select {
	case k.hashing <- struct{}{}:
		return func() { <-k.hashing }, nil
	case <-timer.C:
		return nil, ErrBusy
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// check compares a password with a hash.
func (k *Keeper) check(ctx context.Context, hash, password string) (right, stale bool, err error) {
	done, err := k.turn(ctx)
	if err != nil {
		return false, false, err
	}
	defer done()
	right, stale = access.VerifyPassword(hash, password)
	return right, stale, nil
}

// hash makes the hash of a password.
func (k *Keeper) hash(ctx context.Context, password string) (string, error) {
	salt, err := k.salt()
	if err != nil {
		return "", err
	}
	done, err := k.turn(ctx)
	if err != nil {
		return "", err
	}
	defer done()
	return access.HashPassword(password, salt), nil
}

// rehash keeps the same password under a new hash, unless it was changed meanwhile.
func (k *Keeper) rehash(ctx context.Context, administrator uint64, password, was string) error {
	hash, err := k.hash(ctx, password)
	if err != nil {
		return err
	}
	_, err = k.store.EditCredential(ctx, administrator, k.store.Now(), "", "", func(c *store.Credential) error {
		if c.Password == was {
			c.Password = hash
		}
		return nil
	})
	return err
}

// ChangePassword sets the password of an administrator who shows the one that he has. All his sessions end. The error wraps access.ErrPassword when the new one
// cannot be, and is ErrDenied when the old one is wrong.
func (k *Keeper) ChangePassword(ctx context.Context, administrator uint64, old, now string) error {
	a, p, ok, err := k.administrator(ctx, administrator)
	if err != nil {
		return err
	}
	if !ok {
		return ErrDenied
	}
	if a.AuthBackend == "ldap" {
		return ErrElsewhere
	}
	names := []string{accountTries + a.Username}
	if err := k.try(ctx, names...); err != nil {
		return err
	}
	if _, _, _, err := k.verify(ctx, a.Username, old); err != nil {
		return err
	}
	if err := k.store.LoginSucceeded(ctx, names, nil); err != nil {
		return err
	}
	return k.setPassword(ctx, &a, p.Account, now, nil)
}

// setPassword checks and keeps a password; guard may refuse at the last moment.
func (k *Keeper) setPassword(ctx context.Context, a *store.Administrator, who, password string, guard func(*store.Credential) error) error {
	c, err := k.store.Credential(ctx, a.ID)
	if err != nil {
		return err
	}
	if err := access.CheckPassword(password, a.Username, c.TOTPAt.IsZero()); err != nil {
		return err
	}
	hash, err := k.hash(ctx, password)
	if err != nil {
		return err
	}
	at := k.store.Now()
	_, err = k.store.EditCredential(ctx, a.ID, at, who, "password set", func(c *store.Credential) error {
		if guard != nil {
			if err := guard(c); err != nil {
				return err
			}
		}
		c.Password, c.PasswordAt, c.ValidFrom, c.Reset, c.ResetUntil = hash, at, at, nil, time.Time{}
		return nil
	})
	return err
}

// Invite makes a code with which an administrator can set his password once, soon. One that was made before is no longer good.
func (k *Keeper) Invite(ctx context.Context, administrator uint64, who string) (code string, until time.Time, err error) {
	a, _, ok, err := k.administrator(ctx, administrator)
	if err != nil {
		return "", until, err
	}
	switch {
	case !ok:
		return "", until, store.ErrArchived
	case a.AuthBackend == "ldap":
		return "", until, ErrElsewhere
	}
	id := binary.BigEndian.AppendUint64(nil, administrator) // the id in the code finds the administrator
	secret, err := access.NewSecret(access.KindReset, io.MultiReader(bytes.NewReader(id), k.random))
	if err != nil {
		return "", until, err
	}
	at := k.store.Now()
	until = at.Add(k.config.InviteLife)
	_, err = k.store.EditCredential(ctx, administrator, at, who, "invited to set a password", func(c *store.Credential) error {
		c.Reset, c.ResetUntil = secret.Hash[:], until
		return nil
	})
	return secret.Text, until, err
}

// Redeem sets the password of the administrator for whom a code was made, and returns who he is. ErrDenied when the code is not good any more, or never was.
func (k *Keeper) Redeem(ctx context.Context, code, password string) (Known, error) {
	secret, err := access.ParseSecret(access.KindReset, code)
	if err != nil {
		return Known{}, ErrDenied
	}
	administrator := binary.BigEndian.Uint64(secret.ID[:])
	a, p, ok, err := k.administrator(ctx, administrator)
	if err != nil {
		return Known{}, err
	}
	if !ok {
		return Known{}, ErrDenied
	}
	good := func(c *store.Credential) error {
		if subtle.ConstantTimeCompare(c.Reset, secret.Hash[:]) != 1 || !k.store.Now().Before(c.ResetUntil) {
			return ErrDenied
		}
		return nil
	}
	c, err := k.store.Credential(ctx, administrator)
	if err == nil {
		err = good(&c) // before anything is hashed
	}
	if err == nil {
		err = k.setPassword(ctx, &a, p.Account, password, good)
	}
	if err == nil {
		err = k.Unlock(ctx, administrator)
	}
	if err != nil {
		return Known{}, err
	}
	return Known{Principal: p, Administrator: administrator}, nil
}
