package gsm

import (
	"context"
	"errors"
	"fmt"
	"time"

	"trunkline/modem"
	"trunkline/router"
)

// CallSink takes what happens to the calls of a modem. Its error says that it could not be stored.
type CallSink interface {
	Heard(ctx context.Context, trunk string, k router.LineCall) error
	// Up is called when the modem came up.
	Up(trunk string)
}

// A Trunk is also a line for voice calls.
var _ router.Line = (*Trunk)(nil)

// Identity implements router.Line: it is empty while the modem cannot be used.
func (t *Trunk) Identity() string {
	if t.modem.Status().State != modem.Ready {
		return ""
	}
	return t.line()
}

// AnswerCall implements router.Line.
func (t *Trunk) AnswerCall(ctx context.Context, id uint64) error {
	return lineError(t.modem.AnswerCall(ctx, id))
}

// EndCall implements router.Line.
func (t *Trunk) EndCall(ctx context.Context, id uint64) error {
	return lineError(t.modem.EndCall(ctx, id))
}

// Dial implements router.Line.
func (t *Trunk) Dial(ctx context.Context, number string) (uint64, error) {
	id, err := t.modem.Dial(ctx, number)
	if gone(err) && !errors.Is(err, modem.ErrNotReady) {
		return id, err // it may have been placed: its end is told as that of any call
	}
	return id, lineError(err)
}

// Press implements router.Line.
func (t *Trunk) Press(ctx context.Context, keys string) error {
	return lineError(t.modem.SendDTMF(ctx, keys))
}

// Transfer implements router.Line.
func (t *Trunk) Transfer(ctx context.Context, id uint64, number string, wait time.Duration) (handed bool, second uint64, err error) {
	how, second, err := t.modem.Transfer(ctx, id, number, wait)
	return how == modem.TransferHanded, second, lineError(err)
}

// reasons are the reasons for diverting in the words of modems.
var reasons = map[string]modem.DivertReason{router.DivertAlways: modem.DivertAlways, router.DivertBusy: modem.DivertBusy, router.DivertNoReply: modem.DivertNoReply,
	router.DivertUnreachable: modem.DivertUnreachable}

// Divert implements router.Line.
func (t *Trunk) Divert(ctx context.Context, d router.Diversion) error {
	mode := modem.DivertRegister
	if d.To == "" {
		mode = modem.DivertErase
	}
	return lineError(t.modem.Divert(ctx, reasons[d.When], mode, d.To, d.After))
}

// voice is the class of voice calls. 3GPP TS 27.007 §7.11.
const voice = 1

// Diverted implements router.Line.
func (t *Trunk) Diverted(ctx context.Context, when string) (router.Diversion, error) {
	found, err := t.modem.Diversions(ctx, reasons[when])
	if err != nil {
		return router.Diversion{}, lineError(err)
	}
	d := router.Diversion{When: when}
	for _, f := range found {
		if f.Active && f.Class&voice != 0 {
			d.To, d.After = f.Number, f.After
		}
	}
	if when != router.DivertNoReply {
		d.After = 0
	}
	return d, nil
}

// lineError says in the router's words what a modem said.
func lineError(err error) error {
	var word error
	switch {
	case err == nil:
		return nil
	case errors.Is(err, modem.ErrNoTransfer):
		word = router.ErrNoTransfer
	case errors.Is(err, modem.ErrNoCall):
		word = router.ErrNoCall
	case errors.Is(err, modem.ErrCallBusy):
		word = router.ErrLineBusy
	case gone(err):
		word = router.ErrLineDown
	default:
		return err
	}
	return fmt.Errorf("%w: %w", word, err)
}

// heard hands what happened to a call on; without anybody who follows calls it becomes an event.
func (c *chronicle) heard(ctx context.Context, e modem.Event) {
	k := c.lineCall(e)
	if c.calls == nil {
		c.write(ctx, router.CallEvent(c.name, k))
		return
	}
	if err := c.calls.Heard(ctx, c.name, k); err != nil && ctx.Err() == nil {
		c.log.Error("what happened to a call could not be stored", "what", k.Happened, "err", err)
	}
}

// happened are the words of modems for what happens to calls.
var happened = map[string]string{modem.CallCodeIncoming: router.LineIncoming, modem.CallCodeDialled: router.LineDialled, modem.CallCodeAnswered: router.LineAnswered,
	modem.CallCodeMissed: router.LineMissed, modem.CallCodeEnded: router.LineEnded}

// lineCall words a call as the router does.
func (c *chronicle) lineCall(e modem.Event) router.LineCall {
	m := e.Call
	k := router.LineCall{ID: m.ID, Happened: happened[e.Code], At: c.store.Now(), Outgoing: m.Outgoing, Number: m.Number, Withheld: m.Caller == modem.CallerWithheld, Rings: m.Rings,
		Began: c.store.Stamp(m.Began), Answered: c.store.Stamp(m.Answered), Ended: c.store.Stamp(m.Ended), Cause: m.Cause}
	if e.Kind == modem.EventDigit {
		k.Happened, k.Key = router.LineKey, e.Text
	}
	return k
}
