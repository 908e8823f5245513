package main

import (
	"context"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"

	"trunkline/api"
	"trunkline/modem"
	"trunkline/pdu"
	"trunkline/store"
)

// septets is the alphabet of USSD strings.
type septets struct{}

func (septets) PackUSSD(text string) ([]byte, error) { return pdu.PackUSSD(text) }
func (septets) UnpackUSSD(octets []byte) string      { return pdu.UnpackUSSD(octets) }

// pinMemory keeps in the store which PINs a card refused. What is kept is salted and costly to compute, so that the few thousand PINs that there are
// cannot simply be looked up in a copy of the database.
type pinMemory struct{ store *store.Store }

const (
	pinSalt   = "pin-salt"
	pinPrefix = "pin/"
	pinRounds = 200_000
)

// key returns the key in the store; the salt is made with the first one.
func (p pinMemory) key(ctx context.Context, secret string) (string, error) {
	salt, err := p.store.Remembered(ctx, pinSalt)
	if err != nil {
		return "", err
	}
	if salt == nil {
		salt = make([]byte, 16)
		rand.Read(salt)
		if err := p.store.Remember(ctx, pinSalt, salt); err != nil {
			return "", err
		}
	}
	k, err := pbkdf2.Key(sha256.New, secret, salt, pinRounds, 16)
	return pinPrefix + hex.EncodeToString(k), err
}

// Refused implements modem.Memory.
func (p pinMemory) Refused(secret string) (bool, error) {
	key, err := p.key(context.Background(), secret)
	if err != nil {
		return false, err
	}
	v, err := p.store.Remembered(context.Background(), key)
	return v != nil, err
}

// SetRefused implements modem.Memory.
func (p pinMemory) SetRefused(secret string, refused bool) error {
	key, err := p.key(context.Background(), secret)
	if err != nil {
		return err
	}
	var v []byte
	if refused {
		v = []byte{1}
	}
	return p.store.Remember(context.Background(), key, v)
}

// modemControl does with modems what the API asks for, and keeps a record of it in the event feed, before it is done.
type modemControl struct{ *gateway }

// errModemGone answers who asked for a modem that a reload has just taken away.
var errModemGone = api.NewProblem(http.StatusNotFound, api.CodeNotFound, "There is no such modem", "")

// record writes who does what to a modem.
func (c modemControl) record(ctx context.Context, kind, account, name, what string) error {
	return c.store.Append(ctx, store.Event{Type: kind, At: c.store.Now(), Reference: -1, Trunk: name, Code: account, Text: what})
}

// USSD implements httpd.Control.
func (c modemControl) USSD(ctx context.Context, account, name string, r api.USSDRequest) (api.USSDReply, error) {
	m := c.fleet.modem(name)
	if m == nil {
		return api.USSDReply{}, errModemGone
	}
	what := "cancel"
	if !r.Cancel {
		what = modem.Redact(r.Code + r.Reply)
	}
	if err := c.record(ctx, "modem.ussd_request", account, name, what); err != nil {
		return api.USSDReply{}, err
	}
	var reply modem.Reply
	var err error
	switch {
	case r.Cancel:
		err = m.USSDCancel(ctx)
	case r.Reply != "":
		reply, err = m.USSDReply(ctx, r.Reply)
	default:
		reply, err = m.USSD(ctx, r.Code)
	}
	return api.USSDReply{Text: reply.Text, Raw: reply.Raw, More: reply.More}, problemOfModem(err, "code")
}

// AT implements httpd.Control.
func (c modemControl) AT(ctx context.Context, account, name, command string) (api.ATAnswer, error) {
	m := c.fleet.modem(name)
	if m == nil {
		return api.ATAnswer{}, errModemGone
	}
	if err := c.record(ctx, "modem.at", account, name, clip(modem.Redact(command))); err != nil {
		return api.ATAnswer{}, err
	}
	a, err := m.Console(ctx, command)
	return api.ATAnswer{Lines: a.Lines, Result: a.Result}, problemOfModem(err, "command")
}

// Unlock implements httpd.Control.
func (c modemControl) Unlock(ctx context.Context, account, name string, r api.UnlockRequest) error {
	m := c.fleet.modem(name)
	if m == nil {
		return errModemGone
	}
	what := "PIN"
	if r.PUK != "" {
		what = "PUK and new PIN"
	}
	if err := c.record(ctx, "modem.unlock", account, name, what); err != nil {
		return err
	}
	return problemOfModem(m.Unlock(ctx, modem.Unlock{PIN: r.PIN, PUK: r.PUK, Accept: r.Accept}), "pin")
}

// problemOfModem words an error of a modem. What it says comes from the modem or the network, never from the inside of this program.
func problemOfModem(err error, field string) error {
	if err == nil {
		return nil
	}
	var refused *modem.RefusedError
	var locked *modem.UnlockError
	var setup *modem.SetupError
	var command *modem.CommandError
	var ussd *modem.USSDError
	wrong := func(code, message string) error {
		p := api.NewProblem(http.StatusUnprocessableEntity, api.CodeInvalid, "The request has wrong values", "")
		p.Errors = []api.FieldError{{Field: field, Code: code, Message: message}}
		return p
	}
	conflict := func(title string) error {
		return api.NewProblem(http.StatusConflict, api.CodeConflict, title, err.Error())
	}
	switch {
	case errors.As(err, &refused):
		return wrong(api.FieldUnsupported, refused.Reason)
	case errors.As(err, &locked):
		return conflict("The card stays locked")
	case errors.Is(err, modem.ErrNotLocked), errors.Is(err, modem.ErrUnlockBusy):
		return conflict("The card cannot be unlocked now")
	case errors.Is(err, modem.ErrUSSDBusy), errors.Is(err, modem.ErrNoUSSD), errors.As(err, &ussd), errors.As(err, &command):
		return conflict("The modem or the network refused it")
	case errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, modem.ErrNotReady), errors.Is(err, modem.ErrPortLost), errors.Is(err, modem.ErrTimeout), errors.Is(err, modem.ErrUSSDTimeout),
		errors.Is(err, modem.ErrRestarted), errors.Is(err, context.DeadlineExceeded), errors.As(err, &setup):
		return api.NewProblem(http.StatusServiceUnavailable, api.CodeNotReady, "The modem cannot do it now", err.Error())
	case errors.Is(err, modem.ErrInvalid):
		return wrong(api.FieldInvalid, err.Error())
	}
	return err
}

// clip bounds what goes into a record.
func clip(s string) string {
	if r := []rune(s); len(r) > 256 {
		return string(r[:256]) + "…"
	}
	return s
}
