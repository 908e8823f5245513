package modem

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"
)

const (
	selfTestWait  = 6 * time.Minute  // for a message to itself, which the centre keeps for five
	selfTestAgain = time.Minute      // after the radio was switched off and on
	doubtLasts    = 15 * time.Minute // for which a message to itself must not take the next reference
	selfTestRest  = 6 * time.Hour    // after two in a row did not arrive: what helps is not in reach of a program
)

// silence looks after a modem that says that it is registered and to which nothing comes any more. All but heard belongs to the owner of
// the dialogue.
type silence struct {
	heard atomic.Int64 // when something came in last, in nanoseconds since 1970; 0: never
	tpdu  []byte       // the message to itself; nil: none is sent
	mark  string       // what its PDU ends with, in upper-case hex

	from   time.Time // what the silence is counted from, unless something was heard since; zero: it is not counted
	test   time.Time // when the message to itself was sent that is waited for; zero: none is
	retest time.Time // when the next one is due after one was lost; zero: the silence decides
	cycled time.Time // when the radio was switched off and on last
	lost   int       // messages to itself in a row
	doubt  time.Time // since when the reference that the card used last may be evidence of a send; zero: it is none
}

// newSilence prepares for a card with the given number, "" for one that is not asked to write to itself.
func newSilence(number string) *silence {
	l := &silence{}
	if number != "" {
		// What ends with this is nobody else's: it may be taken away without being stored.
		ud := packSeptets("trunkline self-test " + rand.Text()[:12])
		l.tpdu, l.mark = selfTestTPDU(number, ud), strings.ToUpper(hex.EncodeToString(ud))
	}
	return l
}

// own tells whether a PDU is the message to itself.
func (l *silence) own(raw string) bool {
	return l.mark != "" && strings.HasSuffix(strings.ToUpper(raw), l.mark)
}

// hear notes that something came in from the network. Anybody may call it.
func (m *Modem) hear() {
	now := time.Now()
	m.silence.heard.Store(now.UnixNano())
	m.metrics.heard.Set(float64(now.UnixNano()) / 1e9)
	m.board.update(func(st *Status) { st.LastReceived = now })
}

// watchSilence sees to a modem to which nothing came for longer than max_silence: it lets the card write to itself, when the
// configuration says its number, and switches the radio off and on when that does not arrive either. Calls are never cut for it.
func (s *session) watchSilence(ctx context.Context) error {
	l, limit, now := s.m.silence, s.m.config.MaxSilence, time.Now()
	if limit == 0 {
		return nil
	}
	if !s.m.Status().Registered {
		l.from = time.Time{} // what is not registered cannot hear
		return nil
	}
	heard := time.Unix(0, l.heard.Load())
	switch {
	case l.lost > 0 && !heard.Before(l.cycled), !l.test.IsZero() && !heard.Before(l.test):
		if !l.test.IsZero() {
			s.m.metrics.selfTests.WithLabelValues("arrived").Inc()
		}
		l.test, l.retest, l.lost = time.Time{}, time.Time{}, 0
		l.from = heard
		return nil
	case l.from.IsZero():
		l.from = now
	}
	quiet := now.Sub(later(l.from, heard))
	switch {
	case s.m.calls.count() > 0 || s.inBurst || now.Sub(l.doubt) < doubtLasts:
	case !l.test.IsZero():
		if now.Sub(l.test) >= selfTestWait {
			l.test = time.Time{}
			s.m.metrics.selfTests.WithLabelValues("lost").Inc()
			s.deaf(errSelfTest)
		}
	case !l.retest.IsZero():
		if !now.Before(l.retest) {
			return s.selfTest(ctx)
		}
	case quiet < limit:
	case l.tpdu != nil:
		return s.selfTest(ctx)
	default:
		s.deaf(fmt.Errorf("nothing came in for %v", quiet.Round(time.Second)))
	}
	return nil
}

// selfTest sends the message to itself.
func (s *session) selfTest(ctx context.Context) error {
	l := s.m.silence
	l.from, l.retest = time.Now(), time.Time{}
	_, sent, err := s.submit(ctx, l.tpdu, false, func() error { return nil })
	if err == nil || sent && newSubmitError(sent, err).Class() == Unclear {
		l.test = l.from
		return nil
	}
	s.m.metrics.selfTests.WithLabelValues("failed").Inc()
	if !s.g.lost() && ctx.Err() == nil {
		s.deaf(fmt.Errorf("%w: %w", errSelfTest, err))
	}
	if fatal(err) {
		return err
	}
	return nil
}

// deaf switches the radio off and on. The second time in a row that this did not help is told to somebody.
func (s *session) deaf(why error) {
	l := s.m.silence
	l.cycled = time.Now()
	if s.m.ladder.allow(stepRadio, l.cycled) {
		s.m.recover(stepRadio, why)
		s.cycleRadio()
	}
	l.from = time.Now()
	if l.tpdu == nil {
		return
	}
	l.lost++
	l.retest = l.from.Add(selfTestAgain)
	if l.lost < 2 {
		return
	}
	l.retest = l.from.Add(selfTestRest)
	if l.lost == 2 {
		hint := "what the card writes to itself does not arrive, although it is registered: is self_test_number its number, is it paid for, does another modem work with it?"
		s.m.limiter.warn("deaf", "modem hears nothing", "error", why, "hint", hint)
		s.m.tell(Event{Kind: EventAlarm, Code: string(ReasonDeaf), Text: hint})
	}
}

// errSelfTest is why the radio is switched off and on.
var errSelfTest = errors.New("a message of the card to itself did not arrive")

// takeOwn takes the messages to itself out of what was listed, and deletes them.
func (s *session) takeOwn(found []Stored) ([]Stored, error) {
	rest := found[:0]
	for _, st := range found {
		own := st.Status <= 1 && s.m.silence.own(st.Raw) // 2 and 3 are what was stored here
		if st.Status == 0 || own {
			s.m.hear()
		}
		if !own {
			rest = append(rest, st)
			continue
		}
		if err := s.delete(st); fatal(err) {
			return nil, err
		}
	}
	return rest, nil
}

// selfTestTPDU is an SMS-SUBMIT of 7-bit text to number, valid for five minutes. 3GPP TS 23.040 §9.2.2.2.
func selfTestTPDU(number string, ud []byte) []byte {
	digits, international := strings.CutPrefix(number, "+")
	out := []byte{0x11, 0, byte(len(digits)), 0x81}
	if international {
		out[3] = 0x91
	}
	if len(digits)%2 != 0 {
		digits += "?" // its low four bits fill up the last octet
	}
	for i := 0; i < len(digits); i += 2 {
		out = append(out, digits[i+1]<<4|digits[i]&0x0f)
	}
	out = append(out, 0, 0, 0, byte(len(ud)*8/7))
	return append(out, ud...)
}

// packSeptets packs text of letters, digits, blanks and hyphens, whose codes are those of ASCII. 3GPP TS 23.038 §6.1.2.1.
func packSeptets(text string) (out []byte) {
	bits, n := uint(0), 0
	for i := range len(text) {
		bits |= uint(text[i]) << n
		for n += 7; n >= 8; n -= 8 {
			out = append(out, byte(bits))
			bits >>= 8
		}
	}
	if n > 0 {
		out = append(out, byte(bits))
	}
	return out
}
