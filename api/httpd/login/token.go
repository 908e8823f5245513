package login

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"trunkline/router/access"
	"trunkline/store"
)

// maxTokenLife is the longest that a token can be made for.
const maxTokenLife = 10 * 365 * 24 * time.Hour

// usedEvery is how exactly it is known when a token was used: noting it costs a write.
const usedEvery = 10 * time.Minute

// TokenSpec is what a token is made for.
type TokenSpec struct {
	Name          string
	Administrator uint64      // who it stands for; 0: for itself
	Role          access.Role // of a token that stands for itself
	Scope         access.Permissions
	Networks      []netip.Prefix // where it may come from; empty: anywhere
	Life          time.Duration  // 0: as it is configured
}

// Issue makes a token. text is told once. Whether its owner may have it made is the caller's affair: access.Principal.MayGrant.
func (k *Keeper) Issue(ctx context.Context, spec TokenSpec, who string) (text string, t store.Token, err error) {
	if spec.Life == 0 {
		spec.Life = k.config.TokenLife
	}
	if spec.Life < time.Minute || spec.Life > maxTokenLife {
		return "", t, fmt.Errorf("%w: a token is made for at least a minute and at most ten years", store.ErrInvalid)
	}
	secret, err := access.NewSecret(access.KindToken, k.random)
	if err != nil {
		return "", t, err
	}
	now := k.store.Now()
	t = store.Token{ID: secret.ID, Name: spec.Name, Hash: secret.Hash[:], Administrator: spec.Administrator, Scope: spec.Scope.Names(), CreatedAt: now, CreatedBy: who, ExpiresAt: now.Add(spec.Life)}
	if spec.Administrator == 0 {
		t.Role = spec.Role.String()
	}
	for _, p := range spec.Networks {
		t.Networks = append(t.Networks, p.String())
	}
	return secret.Text, t, k.store.AddToken(ctx, t, who)
}

// Token returns who shows a token. from is where it comes from; the zero value is this machine. ErrDenied when it is not good, whatever the reason.
func (k *Keeper) Token(ctx context.Context, text string, from netip.Addr) (Known, error) {
	who, err := k.token(ctx, text, from)
	if errors.Is(err, ErrDenied) {
		k.metrics.count("token", outcomeDenied)
	}
	return who, err
}

func (k *Keeper) token(ctx context.Context, text string, from netip.Addr) (Known, error) {
	secret, err := access.ParseSecret(access.KindToken, text)
	if err != nil {
		return Known{}, ErrDenied
	}
	t, err := k.store.Token(ctx, secret.ID)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return Known{}, err
	}
	now := k.store.Now()
	if subtle.ConstantTimeCompare(t.Hash, secret.Hash[:]) != 1 || !t.RevokedAt.IsZero() || !t.ExpiresAt.IsZero() && !now.Before(t.ExpiresAt) || !comesFrom(t.Networks, from) {
		return Known{}, ErrDenied
	}
	scope := access.Permissions(0)
	for _, name := range t.Scope {
		if p, err := access.ParsePermission(name); err == nil {
			scope |= access.Of(p)
		}
	}
	who := Known{Administrator: t.Administrator, Token: true}
	if t.Administrator != 0 {
		_, p, ok, err := k.administrator(ctx, t.Administrator)
		if err != nil {
			return Known{}, err
		}
		if !ok {
			return Known{}, ErrDenied
		}
		who.Principal = p.Within(scope)
	} else {
		role, err := access.ParseRole(t.Role)
		if err != nil {
			return Known{}, ErrDenied
		}
		if !role.Platform() {
			provider, err := k.store.Provider(ctx, role.Provider())
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				return Known{}, err
			}
			if err != nil || !provider.ArchivedAt.IsZero() {
				return Known{}, ErrDenied
			}
		}
		who.Principal = access.Principal{Account: "token:" + t.ID.String(), Role: role, Permissions: scope}
	}
	if now.Sub(t.UsedAt) > usedEvery {
		if err := k.store.TokenUsed(ctx, t.ID, now); err != nil { // a full disk keeps nobody out
			k.log.Warn("that a token was used could not be noted", "token", t.ID, "err", err)
		}
	}
	return who, nil
}

// comesFrom tells whether an address is in one of the networks; all are when there are none, and this machine always is.
func comesFrom(networks []string, from netip.Addr) bool {
	if len(networks) == 0 || !from.IsValid() {
		return true
	}
	for _, n := range networks {
		if p, err := netip.ParsePrefix(n); err == nil && p.Contains(from.Unmap().WithZone("")) {
			return true
		}
	}
	return false
}
