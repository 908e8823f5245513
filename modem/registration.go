package modem

import (
	"errors"
	"log/slog"
	"strings"
	"time"
)

// readStatus asks for everything that changes by itself: registration, signal, operator, fill, and whether the routing of
// messages is still what was set. Some modems forget it, or switch it off.
func (s *session) readStatus() error {
	if err := s.readRegistration(); err != nil {
		return err
	}
	answer, err := s.ask("+CSQ")
	if fatal(err) {
		return err
	}
	if len(answer) > 0 {
		s.m.setSignal(signalDBm(fields(valueOf(answer[0]))[0]))
	}
	if err := s.readQuality(); err != nil {
		return err
	}
	answer, err = s.ask("+COPS?")
	if fatal(err) {
		return err
	}
	if err == nil && len(answer) > 0 {
		s.m.board.update(func(st *Status) {
			st.Operator, st.Network = operatorOf(valueOf(answer[0])), networkOf(valueOf(answer[0]))
		})
	}
	if _, err := s.checkRouting(); err != nil {
		return err
	}
	if s.g.echoed() {
		if err := s.soft("E0"); err != nil {
			return err
		}
		s.g.echoed() // of that
	}
	return s.readFill()
}

// readRegistration asks for the circuit-switched and the LTE registration and sets the state from them.
func (s *session) readRegistration() error {
	var stat [2]int
	for i, text := range []string{"+CREG?", "+CEREG?"} {
		stat[i] = -1
		answer, err := s.ask(text)
		if fatal(err) {
			if errors.Is(err, ErrTimeout) && s.timeouts < 3 {
				continue
			}
			return err
		}
		for _, line := range answer {
			if n := registrationOf(valueOf(line), true); err == nil && n >= 0 {
				stat[i] = n
			}
		}
	}
	s.m.register(stat[0], stat[1])
	return s.nudge()
}

// nudge helps a modem that finds no network by itself: it selects the operator anew after five minutes, and switches the radio
// off and on after fifteen and then every fifteen. A card that the network refuses is left alone: more tries make it worse.
func (s *session) nudge() error {
	st := s.m.Status()
	if st.Registered || st.Registration == Denied {
		s.adrift, s.nudges = time.Time{}, 0
		return nil
	}
	if s.adrift.IsZero() {
		s.adrift = time.Now()
	}
	if st.Registration == NotSearching {
		// Perhaps a radio that was switched off, and whose switching on got lost.
		if err := s.radioOn(bg); err != nil {
			return err
		}
	}
	lost := time.Since(s.adrift)
	if st.Domain == DomainPS && lost >= dataOnlyFor {
		if set, err := s.otherService(errDataOnly); set || err != nil {
			return err
		}
	}
	switch {
	case s.nudges == 0 && lost >= 5*time.Minute:
		s.nudges++
		s.m.recover(stepNetwork, errNoNetwork)
		return s.soft("+COPS=0")
	case s.nudges > 0 && lost >= time.Duration(s.nudges)*15*time.Minute:
		s.nudges++
		if s.m.ladder.allow(stepRadio, time.Now()) {
			s.m.recover(stepRadio, errNoNetwork)
			s.cycleRadio()
		}
	}
	return nil
}

// registrationOf reads the state out of an answer "n,stat…" or an indication "stat…"; -1 when there is none.
func registrationOf(v string, solicited bool) int {
	f := strings.Split(v, ",")
	i := 0
	if solicited {
		i = 1
	}
	if i >= len(f) {
		return -1
	}
	if n, ok := smallNumber(strings.Trim(f[i], `" `), 99); ok {
		return n
	}
	return -1
}

// canSend tells whether a circuit-switched registration allows SMS. 9 and 10 are registrations with a preference.
func canSend(stat int) bool {
	switch Registration(stat) {
	case Home, Roaming, HomeSMSOnly, RoamingSMSOnly, HomeNoCSFB, RoamingNoCSFB:
		return stat >= 0
	}
	return false
}

// register sets the state of the modem from its registrations, -1 for one that it does not tell. An LTE registration alone
// counts when the modem has no other, or when the configuration says that SMS over IMS works.
func (m *Modem) register(cs, lte int) {
	best := cs
	registered := cs >= 0 && canSend(cs)
	if !registered && lte >= 0 && canSend(lte) && (cs < 0 || m.config.SMSOverIMS) {
		best, registered = lte, true
	}
	if cs < 0 && lte < 0 {
		// A modem that tells nothing is believed to be registered: only a send can find out.
		registered, best = true, int(UnknownNet)
	}
	if best < 0 {
		best = lte
	}
	reg := Registration(min(best, 255))
	domain := domainOf(cs >= 0 && canSend(cs), lte >= 0 && canSend(lte))
	m.board.update(func(st *Status) { st.Registration, st.Registered, st.Domain = reg, registered, domain })
	if registered {
		m.metrics.registered.Set(1)
		m.gauges(true)
		// Who hears that the modem is up, or down, finds it so.
		if m.board.state(Ready, "", "") {
			m.limiter.at(slog.LevelInfo, "ready", "modem is ready", "registration", reg)
		}
		m.wentUp()
		return
	}
	m.gauges(false)
	reason, hint := ReasonNotRegistered, "no network: check antenna, reception and whether the card is active"
	if reg == Denied {
		reason, hint = ReasonDenied, "the network refuses this card: is it active, may it roam?"
	} else if domain == DomainPS {
		reason, hint = ReasonDataOnly, "registered for LTE data alone, which carries no messages here: set sms_over_ims when the operator has IMS, else let the modem use 2G or 3G"
	}
	if m.board.state(Searching, reason, hint) {
		m.limiter.warn("searching", "modem is not registered", "registration", reg, "hint", hint)
	}
	m.wentDown(reason, hint)
}

// signalDBm turns the first value of +CSQ into dBm: -113 + 2n, 3GPP TS 27.007 §8.5. 0 when it is not known.
func signalDBm(v string) int {
	n, ok := smallNumber(v, 31)
	if !ok {
		return 0
	}
	return -113 + 2*n
}

func (m *Modem) setSignal(dbm int) {
	m.board.update(func(st *Status) { st.SignalDBm = dbm })
	m.metrics.signal.Set(float64(dbm))
}

// operatorOf reads "mode,format,name,act" of +COPS?. The closing quote may be missing.
func operatorOf(v string) string {
	f := strings.Split(v, ",")
	if len(f) < 3 {
		return ""
	}
	name := strings.Trim(strings.TrimSpace(f[2]), `"`)
	return name[:min(len(name), 64)]
}
