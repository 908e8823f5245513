package router

import (
	"context"
	"fmt"
	"time"

	"trunkline/callplan/phone"
	"trunkline/store"
)

// Who may be a forger has few tries: wrong codes and wrong tokens are counted in the store, by the number that they come from, and a number that gave too many is
// locked out for a while, whatever it sends then. After that each further wrong one locks it out again, until a day went by without any.

// forgetProofs is after how long without a wrong code or token they count from the beginning.
const forgetProofs = 24 * time.Hour

// Names under which the store counts: of codes that were sent to somebody, and of tokens of phone clients.
func codeTries(from phone.Number) string  { return "code/" + from.String() }
func tokenTries(from phone.Number) string { return "token/" + from.String() }

// proofDelay is how long the next code or token waits after so many wrong ones.
func (p *policy) proofDelay(failures int) time.Duration {
	if failures < p.CodeTries {
		return 0
	}
	return p.LockFor
}

// tokenTry counts a wrong token, and refuses a right one from a number that is locked out, just as a wrong one is.
func (in *Inbound) tokenTry(ctx context.Context, m *store.Message, t *Trial, h *store.Handling, p *policy) error {
	wrong := t.Outcome == OutcomeRefused && t.Field == "token"
	if !wrong && !t.token {
		return nil
	}
	name := tokenTries(m.From)
	wait, err := in.o.Store.TryWait(ctx, name, h.At)
	if err != nil {
		return err
	}
	switch {
	case wait > 0:
		t.end(OutcomeRefused, "token", "there were too many wrong tokens from this number; it is locked out for %s", plainDuration(wait))
		t.Answer = in.unknown(m, t)
		return nil
	case !wrong:
		return nil
	}
	if _, err := in.o.Store.TryLogin(ctx, []string{name}, h.At, forgetProofs, p.proofDelay); err != nil {
		return err
	}
	if wait, err = in.o.Store.TryWait(ctx, name, h.At); err == nil && wait > 0 {
		in.alarm(ctx, t, h, fmt.Sprintf("Too many wrong tokens for %s from %s; locked for %s.", t.Action.Name, m.From, plainDuration(wait)))
	}
	return err
}
