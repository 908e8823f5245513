package login

import (
	"context"
	"errors"
	"time"

	"trunkline/router/access"
	"trunkline/store"
)

// seenEvery is how exactly it is known when a session was used: noting it costs a write.
const seenEvery = time.Minute

// Session returns who has a session. ErrDenied when it ended, or never began: by time, by its end, by a new password or role, with its administrator.
func (k *Keeper) Session(ctx context.Context, text string) (Known, error) {
	secret, err := access.ParseSecret(access.KindSession, text)
	if err != nil {
		k.metrics.count("session", outcomeDenied)
		return Known{}, ErrDenied
	}
	who, err := k.session(ctx, secret.Hash)
	if errors.Is(err, ErrDenied) {
		k.metrics.count("session", outcomeDenied)
	}
	return who, err
}

func (k *Keeper) session(ctx context.Context, key store.SessionKey) (Known, error) {
	s, err := k.store.Session(ctx, key)
	if errors.Is(err, store.ErrNotFound) {
		return Known{}, ErrDenied
	}
	if err != nil {
		return Known{}, err
	}
	now := k.store.Now()
	if now.Sub(s.SeenAt) > k.config.SessionIdle || now.Sub(s.CreatedAt) > k.config.SessionLife {
		return Known{}, ErrDenied
	}
	a, p, ok, err := k.administrator(ctx, s.Administrator)
	if err != nil {
		return Known{}, err
	}
	c, err := k.store.Credential(ctx, s.Administrator)
	if err != nil {
		return Known{}, err
	}
	if !ok || a.RoleID != s.Role || s.CreatedAt.Before(c.ValidFrom) {
		return Known{}, ErrDenied
	}
	if now.Sub(s.SeenAt) > seenEvery {
		err := k.store.EditSession(ctx, key, func(s *store.Session) { s.SeenAt = now })
		if err != nil && !errors.Is(err, store.ErrNotFound) { // a full disk keeps nobody out
			k.log.Warn("that a session was used could not be noted", "account", p.Account, "err", err)
		}
	}
	return known(p, &s), nil
}

// Logout ends a session.
func (k *Keeper) Logout(ctx context.Context, key store.SessionKey) error {
	return k.store.EndSession(ctx, key)
}

// Sessions returns the sessions of an administrator that did not end.
func (k *Keeper) Sessions(ctx context.Context, administrator uint64) ([]store.Session, error) {
	all, err := k.store.Sessions(ctx, administrator)
	if err != nil {
		return nil, err
	}
	c, err := k.store.Credential(ctx, administrator)
	live := all[:0]
	now := k.store.Now()
	for _, s := range all {
		if now.Sub(s.SeenAt) <= k.config.SessionIdle && now.Sub(s.CreatedAt) <= k.config.SessionLife && !s.CreatedAt.Before(c.ValidFrom) {
			live = append(live, s)
		}
	}
	return live, err
}
