package gsm

import (
	"context"
	"errors"
	"fmt"
	"time"

	"trunkline/modem"
	"trunkline/pdu"
	"trunkline/router"
	"trunkline/store"
)

// Measure returns the number of parts that a text takes; the error says by how much it is above limit.
func Measure(text string, limit int) (int, error) {
	s, err := pdu.SplitText(text, pdu.SplitOptions{MaxParts: limit})
	return len(s.Parts), err
}

// Prepare splits the text and sets the TPDU of each part: with a status report asked for, and the validity period when the message has one.
func (t *Trunk) Prepare(m *store.Message) error {
	o := pdu.SplitOptions{Reference: uint16(m.Concat)}
	if m.Flash {
		o.Class = pdu.Class0
	}
	s, err := pdu.SplitText(m.Text, o)
	if err != nil {
		return err
	}
	if len(s.Parts) != len(m.Parts) {
		return fmt.Errorf("text splits into %d parts, but %d were accepted", len(s.Parts), len(m.Parts))
	}
	to, err := pdu.ParseAddress(m.To.String())
	if err != nil {
		return err
	}
	for i := range m.Parts {
		if m.Parts[i].TPDU != nil {
			continue
		}
		p := s.Message(i, pdu.Submit)
		p.Address = to
		p.SRR = true
		p.RD = m.Parts[i].Resends > 0 // the centre may hold it still. 3GPP TS 23.040 §9.2.3.25
		if m.Validity > 0 {
			p.Validity = pdu.RelativeValidity(m.Validity)
		}
		if m.Parts[i].TPDU, err = p.Append(nil, false); err != nil {
			return fmt.Errorf("encode part %d: %w", i+1, err)
		}
	}
	return nil
}

// Send hands one part to the modem. When another part follows, the modem is asked to keep its link to the network.
func (t *Trunk) Send(ctx context.Context, m *store.Message, seq int, mark func(before int) error) (int, error) {
	err := t.consult(ctx, true) // the SIM remembers only what it sent last
	before := -1
	if err == nil {
		before, err = t.before(ctx)
	}
	if err != nil {
		return -1, &router.SendError{Class: router.Unavailable, Code: "modem", Err: err}
	}
	ref, err := t.submit(ctx, m, seq, func() error { return mark(before) })
	if err == nil {
		t.answered(ctx, ref)
		return ref, nil
	}
	t.count.last = -1 // a refused message may have taken a reference
	e := sendError(err)
	if e.Class == router.Unknown {
		t.count.asked, t.count.lostIn = "", t.count.session
		t.lost.Store(&lostAnswer{id: m.ID, seq: seq})
	}
	return -1, e
}

// codeAnswerLost is the code of a part whose answer never came.
const codeAnswerLost = "answer_lost"

// sendError sorts what a modem said: a definite no of the network or of the modem is one, a lost or doubtful answer after the PDU left is unknown.
func sendError(err error) *router.SendError {
	var e *modem.SubmitError
	if !errors.As(err, &e) {
		return &router.SendError{Class: router.Unavailable, Code: "modem", Err: err}
	}
	out := &router.SendError{Code: "modem", Err: err}
	switch {
	case e.CMS >= 0:
		out.Code = fmt.Sprintf("cms_%d", e.CMS)
	case e.CME >= 0:
		out.Code = fmt.Sprintf("cme_%d", e.CME)
	case e.Committed:
		out.Code = codeAnswerLost
		if _, answered := errors.AsType[*modem.CommandError](err); answered {
			out.Code = "modem_error"
		}
	}
	switch e.Class() {
	case modem.Permanent:
		out.Class = router.Rejected
	case modem.Unclear:
		if e.Committed {
			out.Class = router.Unknown
		}
	case modem.SIM, modem.Device:
		out.RetryAfter, out.Hold = time.Minute, time.Minute
	}
	return out
}
