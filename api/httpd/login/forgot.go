package login

import (
	"context"
	"errors"
	"net/netip"
	"strconv"
	"time"

	"trunkline/store"
)

// Requests for a new password that are taken in a day: for one account, and from one address or network before the next has to wait.
const (
	freeResets  = 3
	resetPause  = 24 * time.Hour
	resetTries  = "reset/"
	mailedTries = "mail/"
)

// EventForgot is the type of the event by which Forgot asks for a mail. Its code is the id of the administrator, empty when there is nobody of that name.
const EventForgot = "administrator.forgot"

// Forgot asks for a mail with a code by which an administrator who forgot his password sets a new one. Whether there is such an administrator is told by nothing: not by
// the answer, nor by what is written, so not by the time. Further requests for one name come to nothing for a day, which is not told either. The error is a *WaitError when too many
// came from one address, or one of the store's.
func (k *Keeper) Forgot(ctx context.Context, username string, from netip.Addr) error {
	at := k.store.Now().UTC()
	wait, err := k.store.TryLogin(ctx, []string{mailedTries + network(from)}, at, forgetTries, delay)
	if err != nil {
		return err
	}
	if wait > 0 {
		return &WaitError{wait}
	}
	wait, err = k.store.TryLogin(ctx, []string{resetTries + username}, at, resetPause, func(asked int) time.Duration {
		if asked < freeResets {
			return 0
		}
		return resetPause
	})
	if err != nil || wait > 0 {
		return err
	}
	code := ""
	a, err := k.store.AdministratorByName(ctx, username)
	switch {
	case err == nil && a.ArchivedAt.IsZero():
		code = strconv.FormatUint(a.ID, 10)
	case err != nil && !errors.Is(err, store.ErrNotFound):
		return err
	}
	return k.store.Append(ctx, store.Event{Type: EventForgot, At: at, Reference: -1, Code: code, Text: "a new password was asked for from " + network(from)})
}
