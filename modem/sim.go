package modem

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

// unlock makes the card usable: it waits for a busy one and enters the PIN when that is asked for and safe.
func (s *session) unlock(ctx context.Context) error {
	state, err := s.cardState(ctx)
	if err != nil {
		return err
	}
	s.iccid, err = s.readICCID()
	if err != nil {
		return err
	}
	if state == "SIM PIN" || state == "SIM PUK" {
		if err := s.readTries(); err != nil {
			return err
		}
	}
	handled, err := s.byHand(ctx, state)
	switch {
	case handled && err == nil:
		return nil
	case fatal(err):
		if _, refused := errors.AsType[*UnlockError](err); !refused && !errors.Is(err, ErrNotLocked) {
			return err
		}
		if state, err = s.cardState(ctx); err != nil { // the last try may have locked it
			return err
		}
	}
	switch state {
	case "READY", "SIM PIN2", "SIM PUK2":
		return nil
	case "SIM PIN":
		return s.enterPIN(ctx)
	case "SIM PUK":
		return &SetupError{Reason: ReasonPUKRequired, Hint: "the card wants its PUK: unlock it with trunkline modem unlock --puk, or in a phone; the PUK is never entered by itself"}
	}
	return &SetupError{Reason: ReasonSIMFailure, Err: fmt.Errorf("card state %q", state), Hint: "the modem or the card is locked to something: see its manual"}
}

// checkCard looks after the card in operation: one that was taken out or locked ends the session, and so does another one.
func (s *session) checkCard(ctx context.Context) error {
	state, err := s.cardState(ctx)
	if err != nil {
		return err
	}
	if state != "READY" {
		return s.unlock(ctx)
	}
	id, err := s.readICCID()
	if err == nil && id != "" && id != s.iccid {
		return ErrRestarted
	}
	return err
}

// cardState reads +CPIN?. Old firmware leaves out the OK after it.
func (s *session) cardState(ctx context.Context) (string, error) {
	answer, err := s.insist(ctx, 30*time.Second, exchange{text: "+CPIN?", lone: 2 * time.Second})
	if fatal(err) {
		return "", err
	}
	if err == nil && len(answer) > 0 {
		return strings.ToUpper(strings.Trim(valueOf(answer[len(answer)-1]), `" `)), nil
	}
	ce, ok := err.(*CommandError)
	switch {
	case ok && (ce.CME == 10 || ce.CMS == 310):
		return "", &SetupError{Reason: ReasonNoSIM, Err: err, Hint: "put a card into the modem, the right way round"}
	case ok && (ce.CME == 12 || ce.CMS == 316):
		return "SIM PUK", nil
	case ok && (ce.CME == 11 || ce.CMS == 311):
		return "SIM PIN", nil
	}
	return "", &SetupError{Reason: ReasonSIMFailure, Err: err, Hint: "the card does not answer: clean its contacts, try it in a phone"}
}

// enterPIN gives the PIN once per card and PIN. It refuses when the PIN was refused before, when a refusal would leave the card
// with one try or none, and never touches a PUK.
func (s *session) enterPIN(ctx context.Context) error {
	if s.m.config.PINFile == "" {
		return &SetupError{Reason: ReasonPINRequired, Hint: "write the PIN of the card into a file of mode 0600 and name it in pin_file, or enter it with trunkline modem unlock"}
	}
	pin, err := readPIN(s.m.config.PINFile)
	if err != nil {
		return &SetupError{Reason: ReasonPINFile, Err: err, Hint: "the file must hold 4 to 8 digits and be readable by its owner only"}
	}
	key := pinKey(s.iccid, pin)
	refused, err := s.m.memory.Refused(key)
	if err != nil {
		return &SetupError{Reason: ReasonPINRefused, Err: err, Hint: "whether this PIN was refused before cannot be read: it is not tried"}
	}
	if refused {
		return &SetupError{Reason: ReasonPINRefused, Hint: "the card refused this PIN; it is not tried again: put the right one into pin_file"}
	}
	tries, err := s.pinTries()
	if err != nil {
		return err
	}
	if tries >= 0 && tries < 2 {
		return &SetupError{Reason: ReasonPINTries, Err: fmt.Errorf("%d tries left", tries),
			Hint: "only one try is left for this card: unlock it with trunkline modem unlock, or in a phone"}
	}
	err = s.give(ctx, key, `+CPIN="`+pin+`"`)
	if err == nil || fatal(err) {
		return err
	}
	return &SetupError{Reason: ReasonPINRefused, Err: err, Hint: "the card refused the PIN in pin_file; it is not tried again"}
}

// pinKey names one PIN of one card.
func pinKey(iccid, pin string) string {
	sum := sha256.Sum256([]byte(iccid + "\x00" + pin))
	return hex.EncodeToString(sum[:])
}

// readPIN reads a file that holds a PIN and perhaps a line end.
func readPIN(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if err := PrivateFile(path, info.Mode()); err != nil {
		return "", err
	}
	if info.Size() > 64 {
		return "", fmt.Errorf("%s is too long for a PIN", path)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	pin := strings.TrimSpace(string(b))
	if len(pin) < 4 || len(pin) > 8 || !isDigits(pin) {
		return "", fmt.Errorf("%s does not hold 4 to 8 digits", path)
	}
	return pin, nil
}
