package modem

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
)

// promptLimit is how long a modem may take to ask for the PDU.
const promptLimit = 10 * time.Second

// maxTPDU is the longest TPDU that a send command takes: SMS-SUBMIT with 140 octets of user data is 164 long.
const maxTPDU = 176

// Submit hands one SMS-SUBMIT to the network and returns its reference, 0 to 255, or -1 when the modem took it without telling
// one. tpdu is the TPDU without SMSC field.
//
// commit is called exactly once per PDU, after the modem asked for it and before its first octet is written; when it fails
// nothing goes out. It is not called when the modem never asks. Until then ctx ends the wait; afterwards the answer is waited
// for up to SendTimeout, whatever ctx says. Errors are *SubmitError.
func (m *Modem) Submit(ctx context.Context, tpdu []byte, commit func() error) (int, error) {
	return m.SubmitPart(ctx, tpdu, false, commit)
}

// SubmitPart is Submit for a part of a longer message. more says that another part follows at once: the modem is then asked
// to keep its link to the network, which saves seconds per part.
func (m *Modem) SubmitPart(ctx context.Context, tpdu []byte, more bool, commit func() error) (int, error) {
	return m.submitBy(ctx, tpdu, func(s *session) (int, bool, error) { return s.submit(ctx, tpdu, more, commit) })
}

// submitBy has the session send a TPDU in one of the two ways.
func (m *Modem) submitBy(ctx context.Context, tpdu []byte, send func(*session) (ref int, committed bool, err error)) (int, error) {
	if len(tpdu) == 0 || len(tpdu) > maxTPDU {
		return -1, newSubmitError(false, fmt.Errorf("TPDU of %d octets, from 1 to %d are possible", len(tpdu), maxTPDU))
	}
	ref, committed := -1, false
	err := m.do(ctx, func(s *session) (err error) {
		if !m.Status().Registered {
			return ErrNotReady
		}
		ref, committed, err = send(s)
		return err
	})
	if err != nil {
		return -1, newSubmitError(committed, err)
	}
	return ref, nil
}

func (s *session) submit(ctx context.Context, tpdu []byte, more bool, commit func() error) (ref int, committed bool, err error) {
	if err := s.beforeSend(ctx, more); err != nil {
		return -1, false, err
	}
	return s.send(ctx, &exchange{text: fmt.Sprintf("+CMGS=%d", len(tpdu)), pdu: pduOf(tpdu)}, commit)
}

// beforeSend has the modem keep its link when more follows, and passes on the late answer to an earlier send.
func (s *session) beforeSend(ctx context.Context, more bool) error {
	if more && !s.inBurst && !s.noLink {
		_, err := s.ask("+CMMS=2")
		if fatal(err) {
			return err
		}
		s.noLink = err != nil
	}
	s.inBurst = more
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case ref := <-s.e.late:
		s.m.put(Notice{Kind: NoticeLate, Length: -1, Index: ref})
	default:
	}
	return nil
}

// pduOf returns a TPDU as it is given after a prompt: without service centre, so that the card's is used.
func pduOf(tpdu []byte) string { return "00" + strings.ToUpper(hex.EncodeToString(tpdu)) }

// send runs an exchange that sends, and returns the reference that it brought. commit is called as Submit says.
func (s *session) send(ctx context.Context, e *exchange, commit func() error) (ref int, committed bool, err error) {
	var commitErr error
	e.bare, e.limit, e.result, e.ctx = true, promptLimit, s.m.config.SendTimeout, ctx
	e.commit = func() error {
		commitErr = commit()
		return commitErr
	}
	answer, err := s.run(e)
	committed = e.phase == handedOver && !e.partial
	switch {
	case err == nil:
		s.refusals, s.m.silence.doubt = 0, time.Time{}
		return s.reference(answer), true, nil
	case commitErr != nil:
		return -1, false, commitErr
	case committed && errors.Is(err, ErrTimeout):
		// Bringing the dialogue into step may have brought the answer.
		select {
		case ref := <-s.e.late:
			return ref, true, nil
		default:
		}
	case e.pdu != "" && e.phase == asking && errors.Is(err, ErrTimeout):
		s.g.damaged("prompt", "modem did not ask for the PDU", "limit", promptLimit)
		err = fmt.Errorf("%w: %w", ErrNoPrompt, err)
	}
	if committed {
		s.m.silence.doubt = time.Now()
	}
	s.refused(err)
	return -1, committed, err
}

// reference reads the answer to a send; a missing or unreadable reference is reported and left out.
func (s *session) reference(answer []string) int {
	ref := referenceOf(answer)
	if ref < 0 {
		field := "cmgs.mr"
		if len(answer) == 0 {
			field = "cmgs"
		}
		s.g.damaged(field, "message was taken without a usable reference")
	}
	return ref
}

// referenceOf reads "+CMGS: n" or "+CMSS: n", "n,", `n,"scts"`, and n on a line of its own; -1 when there is none from 0 to 255.
func referenceOf(answer []string) int {
	for i, line := range answer {
		if p := prefixOf(line); p != "+CMGS" && p != "+CMSS" {
			continue
		}
		v := valueOf(line)
		if v == "" && i+1 < len(answer) {
			v = answer[i+1]
		}
		if n, ok := smallNumber(fields(v)[0], 255); ok {
			return n
		}
	}
	return -1
}

// LastReference reads the reference of the last message that the card knows to have been sent (EF SMSS 6F43, 3GPP TS 31.102
// §4.2.9); ok is false when the card does not tell. Some modems keep the count to themselves: compare before believing it.
func (m *Modem) LastReference(ctx context.Context) (ref int, ok bool, err error) {
	err = m.do(ctx, func(s *session) error {
		s.m.silence.doubt = time.Now()
		data, err := s.readCardFile("+CRSM=176,28483,0,0,2")
		if err == nil && len(data) >= 2 {
			ref, ok = int(nibble(data[0])<<4|nibble(data[1])), true
		}
		return err
	})
	return ref, ok, err
}
