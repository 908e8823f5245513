package login

import (
	"context"
	"errors"

	"trunkline/router/access"
	"trunkline/store"
)

// Known is who asks, and how that is known.
type Known struct {
	access.Principal
	Administrator uint64 // 0: it is none
	Token         bool   // shown by a token, which may not make others or change how its owner logs in
	Session       store.SessionKey
	NeedsFactor   bool // more would be permitted with a second factor
}

// principal returns who an administrator is; false when he is not in use.
func (k *Keeper) principal(ctx context.Context, a *store.Administrator) (p access.Principal, ok bool, err error) {
	role, err := access.ParseRole(a.RoleID)
	if err != nil || !a.ArchivedAt.IsZero() {
		return p, false, nil
	}
	if !role.Platform() {
		provider, err := k.store.Provider(ctx, role.Provider())
		if errors.Is(err, store.ErrNotFound) || err == nil && !provider.ArchivedAt.IsZero() {
			return p, false, nil
		}
		if err != nil {
			return p, false, err
		}
	}
	p = access.Principal{Account: a.Account(), Role: role, Permissions: access.Of(access.MessageSend)}
	if a.Level == store.SuperAdministrator {
		p.Permissions = access.Every
	}
	for _, name := range a.Permissions {
		if one, err := access.ParsePermission(name); err == nil { // what a later version granted is nothing here
			p.Permissions |= access.Of(one)
		}
	}
	return p, true, nil
}

// administrator returns an administrator who is in use, and who he is; false when there is none.
func (k *Keeper) administrator(ctx context.Context, id uint64) (a store.Administrator, p access.Principal, ok bool, err error) {
	a, err = k.store.Administrators().Read(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return a, p, false, nil
	}
	if err != nil {
		return a, p, false, err
	}
	p, ok, err = k.principal(ctx, &a)
	return a, p, ok, err
}

// LocalUser returns which administrator a user of this machine is. linked tells that it is meant to be one, ok that this one is in use.
func (k *Keeper) LocalUser(ctx context.Context, uid uint32) (who Known, linked, ok bool, err error) {
	id, linked, err := k.store.AdministratorOfLocalUser(ctx, uid)
	if err != nil || !linked {
		return Known{}, false, false, err
	}
	_, p, ok, err := k.administrator(ctx, id)
	return Known{Principal: p, Administrator: id}, true, ok, err
}

// SetLocalUsers says which users of this machine are an administrator on the socket. store.ErrExists when one of them is another already.
func (k *Keeper) SetLocalUsers(ctx context.Context, administrator uint64, uids []uint32, who string) error {
	_, err := k.store.EditCredential(ctx, administrator, k.store.Now(), who, "local users set", func(c *store.Credential) error {
		c.LocalUsers = uids
		return nil
	})
	return err
}
