package modem

import (
	"context"
	"errors"
	"time"
)

// askTries is how often a port that is asked may stay silent: one that has to be found is asked again soon anyway.
const askTries = 3

// askPort opens a port, asks who is there and closes it. Nothing is set that a modem keeps. The modem's own state is untouched.
func (m *Modem) askPort(ctx context.Context, c candidate) answer {
	a := answer{at: time.Now()}
	port, err := m.openLimited(ctx, c)
	if err != nil {
		a.err = err
		return a
	}
	g := newGuard(port, m, func(urc) {})
	defer g.close()
	stop := context.AfterFunc(ctx, g.stop)
	defer stop()
	s := &session{m: m, g: g, e: newEvents()}
	if a.err = s.hail(askTries); a.err != nil {
		return a
	}
	id, err := s.askIdentity()
	if err != nil {
		a.err = err
		return a
	}
	a.imei = digitsOf(id[3])
	s.vendor = vendorOf(id[0], id[1])
	if a.card = m.config.ICCID != ""; a.card {
		a.iccid, a.err = s.readICCID()
	}
	return a
}

// hail finds out quickly whether AT is answered, and turns the echo off.
func (s *session) hail(tries int) error {
	if err := s.g.writeRaw(escape, '\r'); err != nil {
		return err
	}
	s.g.quiet(20*time.Millisecond, 500*time.Millisecond)
	for range tries {
		_, err := s.g.run(&exchange{limit: time.Second})
		if err == nil {
			return s.soft("E0")
		}
		if fatal(err) && !errors.Is(err, ErrTimeout) && !errors.Is(err, ErrRestarted) {
			return err
		}
	}
	return &SetupError{Reason: ReasonNoAnswer, Err: ErrTimeout, Hint: "no answer to AT"}
}

// askIdentity reads manufacturer, model, revision and serial number, "" for what the modem does not tell.
func (s *session) askIdentity() (id [4]string, err error) {
	for i, text := range []string{"+CGMI", "+CGMM", "+CGMR", "+CGSN"} {
		answer, err := s.run(&exchange{text: text, bare: true, accept: []string{"+GMI", "+GMM", "+GMR", "+GSN"}})
		if fatal(err) {
			return id, err
		}
		if len(answer) > 0 {
			id[i] = identity(answer[0])
		}
	}
	return id, nil
}

// checkTwin refuses to drive one modem under two names, and notes when two modems share an IMEI, as cheap ones do, or when the
// card is another one than before.
func (s *session) checkTwin() error {
	m := s.m
	note := ""
	if s.iccid != "" {
		if m.lastICCID != "" && m.lastICCID != s.iccid {
			m.log.Warn("another card is in the modem", "was", tail(m.lastICCID), "is", tail(s.iccid))
			note = "the card was changed: …" + tail(m.lastICCID) + " before, …" + tail(s.iccid) + " now"
			m.tell(Event{Kind: EventCard, Code: "changed", Text: note})
		}
		m.lastICCID = s.iccid
	}
	if m.finder != nil {
		imei := m.Status().IMEI
		other, same := m.finder.twin(m.port, imei, s.iccid)
		if same {
			return &SetupError{Reason: ReasonDuplicate, Err: errors.New("this is the modem that modem " + other + " drives already, under another port"),
				Hint: "one section for each modem: remove this one, or give it the usb, imei or device of another modem"}
		}
		if other != "" {
			note = "modem " + other + " has the same IMEI: they are told apart by device, usb or iccid only"
		}
	}
	if note != "" {
		m.board.update(func(st *Status) { st.Note = note })
	}
	return nil
}

// tail returns the last four characters, enough to tell cards apart without giving one away.
func tail(id string) string { return id[max(0, len(id)-4):] }
