package modem

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

var (
	// ErrNotLocked means that the card asks for nothing.
	ErrNotLocked = errors.New("the card is not locked")
	// ErrUnlockBusy means that another Unlock is under way.
	ErrUnlockBusy = errors.New("the card is being unlocked already")
)

// An Unlock is what a person enters to unlock a card.
type Unlock struct {
	PIN    string // 4 to 8 digits; with PUK the new PIN
	PUK    string // 8 digits; "" unless the card asks for it
	Accept bool   // go on although fewer than three tries are left, or the card refused this PIN before
}

// An UnlockError says why a card stays locked. Tries is how many entries it still takes, -1 when the modem does not tell.
type UnlockError struct {
	Reason Reason // ReasonPINTries: asks for Accept; ReasonPINRefused, ReasonPUKRequired, ReasonPINRequired (it wants no PUK)
	Tries  int
	Err    error // what the modem said; nil when it was not asked
}

func (e *UnlockError) Error() string {
	text := map[Reason]string{ReasonPINTries: "few tries are left or this one was refused before; nothing was tried", ReasonPINRefused: "the card refused it",
		ReasonPUKRequired: "the card wants its PUK", ReasonPINRequired: "the card wants its PIN, not the PUK"}[e.Reason]
	if e.Tries >= 0 {
		text += fmt.Sprintf(" (tries left: %d)", e.Tries)
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

func (e *UnlockError) Unwrap() error { return e.Err }

// unlocks holds the one request that waits for a session to come as far as the card.
type unlocks struct {
	mu      sync.Mutex
	pending *unlockRequest
	wake    context.CancelFunc // ends a pause; nil outside of one
}

type unlockRequest struct {
	Unlock
	done chan error // capacity 1
}

// Unlock gives the card what a person entered, once. It is never repeated. It waits for the modem to come as far as asking, until ctx ends.
// nil means that the card is unlocked. Errors: ErrNotLocked, ErrUnlockBusy, *UnlockError, or one about the dialogue.
func (m *Modem) Unlock(ctx context.Context, u Unlock) error {
	if len(u.PIN) < 4 || len(u.PIN) > 8 || !isDigits(u.PIN) {
		return fmt.Errorf("%w: a PIN has 4 to 8 digits", ErrInvalid)
	}
	if u.PUK != "" && (len(u.PUK) != 8 || !isDigits(u.PUK)) {
		return fmt.Errorf("%w: a PUK has 8 digits", ErrInvalid)
	}
	if st := m.Status().State; st == Ready || st == Searching {
		return ErrNotLocked
	}
	r := &unlockRequest{Unlock: u, done: make(chan error, 1)}
	if !m.locked.put(r) {
		return ErrUnlockBusy
	}
	select {
	case err := <-r.done:
		return err
	case <-ctx.Done():
	}
	if m.locked.withdraw(r) {
		return ctx.Err()
	}
	return <-r.done // it is being tried: its end is near
}

func (u *unlocks) put(r *unlockRequest) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.pending != nil {
		return false
	}
	u.pending = r
	if u.wake != nil {
		u.wake()
	}
	return true
}

func (u *unlocks) withdraw(r *unlockRequest) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.pending != r {
		return false
	}
	u.pending = nil
	return true
}

func (u *unlocks) take() *unlockRequest {
	u.mu.Lock()
	defer u.mu.Unlock()
	r := u.pending
	u.pending = nil
	return r
}

// until returns a context for a pause that ends early when somebody wants to unlock the card.
func (u *unlocks) until(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancel(ctx)
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.pending != nil {
		cancel()
	}
	u.wake = cancel
	return ctx, func() {
		u.mu.Lock()
		u.wake = nil
		u.mu.Unlock()
		cancel()
	}
}

// byHand gives the card what a person entered, if somebody did. handled is false when nobody did.
func (s *session) byHand(ctx context.Context, state string) (handled bool, err error) {
	r := s.m.locked.take()
	if r == nil {
		return false, nil
	}
	err = s.enter(ctx, state, r.Unlock)
	r.done <- err
	return true, err
}

func (s *session) enter(ctx context.Context, state string, u Unlock) error {
	st := s.m.Status()
	tries, key := st.PINTries, pinKey(s.iccid, u.PIN)
	text := `+CPIN="` + u.PIN + `"`
	if u.PUK != "" {
		// The PUK is what can be wrong here; the new PIN cannot.
		tries, key = st.PUKTries, pinKey(s.iccid, "PUK"+u.PUK)
		text = `+CPIN="` + u.PUK + `","` + u.PIN + `"`
	}
	switch {
	case state != "SIM PIN" && state != "SIM PUK":
		return ErrNotLocked
	case state == "SIM PUK" && u.PUK == "":
		return &UnlockError{Reason: ReasonPUKRequired, Tries: st.PUKTries}
	case state == "SIM PIN" && u.PUK != "":
		return &UnlockError{Reason: ReasonPINRequired, Tries: st.PINTries}
	}
	refused, err := s.m.memory.Refused(key)
	if err != nil {
		return fmt.Errorf("whether it was refused before cannot be read: %w", err)
	}
	if !u.Accept && (refused || tries >= 0 && tries < 3) {
		return &UnlockError{Reason: ReasonPINTries, Tries: tries}
	}
	err = s.give(ctx, key, text)
	if err == nil || fatal(err) {
		return err
	}
	if e := s.readTries(); fatal(e) {
		return e
	}
	st = s.m.Status()
	reason, tries := ReasonPINRefused, st.PINTries
	if ce, ok := errors.AsType[*CommandError](err); ok && (ce.CME == 12 || ce.CMS == 316) {
		reason = ReasonPUKRequired
	}
	if u.PUK != "" || reason == ReasonPUKRequired {
		tries = st.PUKTries
	}
	return &UnlockError{Reason: reason, Tries: tries, Err: err}
}

// give runs a +CPIN command once. It is noted as refused before it is tried, since a crash in between must not lead to a second try. The
// error is a *CommandError when the card refused.
func (s *session) give(ctx context.Context, key, text string) error {
	if err := s.m.memory.SetRefused(key, true); err != nil {
		return &SetupError{Reason: ReasonPINRefused, Err: err, Hint: "the try cannot be noted: it is not made"}
	}
	if _, err := s.run(&exchange{text: text, shown: "+CPIN=…"}); err != nil {
		return err
	}
	// A card that takes the PIN and still asks for it has not taken it.
	state, err := s.cardState(ctx)
	if err != nil {
		return err
	}
	if state != "READY" {
		return &CommandError{Command: "+CPIN=…", Result: "card still asks for " + state, CME: -1, CMS: -1}
	}
	s.m.log.Info("card unlocked")
	return s.m.memory.SetRefused(key, false)
}

// readTries notes how many entries of PIN and PUK are left, where the modem tells.
func (s *session) readTries() error {
	pin, puk := -1, -1
	if s.vendor.tries != "" {
		answer, err := s.ask(s.vendor.tries)
		if fatal(err) {
			return err
		}
		if err == nil && len(answer) > 0 {
			f := fields(valueOf(answer[0]))
			count := func(i int) int {
				if i < len(f) {
					if n, ok := smallNumber(f[i], 99); ok {
						return n
					}
				}
				return -1
			}
			pin = count(s.vendor.index)
			if s.vendor.pukIndex > 0 {
				puk = count(s.vendor.pukIndex)
			}
		}
	}
	s.m.board.update(func(st *Status) { st.PINTries, st.PUKTries = pin, puk })
	return nil
}

// pinTries reads how many entries of the PIN are left; -1 when the modem does not tell.
func (s *session) pinTries() (int, error) {
	err := s.readTries()
	return s.m.Status().PINTries, err
}
