package modem

import (
	"slices"
	"strconv"
	"strings"
)

// chooseRouting picks and sets how the modem tells about messages: store and announce them, reports inline. No
// acknowledgement is then due, and nothing is lost when this program stops. With Config.Direct it hands messages over and waits
// for their acknowledgement. 3GPP TS 27.005 §3.4.1.
func (s *session) chooseRouting() error {
	if err := s.chooseService(); err != nil {
		return err
	}
	answer, err := s.ask("+CNMI=?")
	if fatal(err) {
		return err
	}
	var offered []string
	if err == nil && len(answer) > 0 {
		offered = fields(valueOf(answer[0]))
	}
	s.cnmi = ""
	for _, try := range routings(offered, s.direct()) {
		_, err := s.ask("+CNMI=" + try)
		if fatal(err) {
			return err
		}
		if err == nil {
			s.cnmi = try
			break
		}
	}
	if s.cnmi == "" {
		s.m.limiter.warn("cnmi", "modem does not announce messages: they are found by sweeps only")
		return nil
	}
	// Reports that are stored have a memory of their own.
	if strings.Split(s.cnmi, ",")[3] == "2" && !slices.Contains(s.memories, "SR") && s.memories[0] != "" {
		s.memories = append(s.memories, "SR")
	}
	return nil
}

// chooseService asks for messages that the modem acknowledges by itself. A modem that has nothing but the other service waits
// for an answer to each directly routed message. 3GPP TS 27.005 §3.2.1.
func (s *session) chooseService() error {
	s.acknowledges = false
	if s.m.config.Direct {
		_, err := s.ask("+CSMS=1")
		if s.acknowledges = err == nil; err == nil || fatal(err) {
			return err
		}
		s.m.limiter.warn("direct", "modem cannot wait for acknowledgements; it stores messages instead", "error", err)
	}
	_, err := s.ask("+CSMS=0")
	if err == nil || fatal(err) {
		return err
	}
	answer, err := s.ask("+CSMS?")
	if err == nil {
		s.acknowledges = firstField(answer) == "1"
	}
	return ignoreRefusal(err)
}

// direct tells whether messages are to be handed over without being stored in the modem.
func (s *session) direct() bool { return s.m.config.Direct && s.acknowledges }

// messageService is the command for what chooseService chose.
func (s *session) messageService() string {
	if s.direct() {
		return "+CSMS=1"
	}
	return "+CSMS=0"
}

// routings lists the settings to try, best first, out of what +CNMI=? offers.
func routings(offered []string, direct bool) []string {
	pick := func(i int, wish ...int) string {
		if i < len(offered) {
			for _, w := range wish {
				if inSet(offered[i], w) {
					return strconv.Itoa(w)
				}
			}
		}
		return strconv.Itoa(wish[0])
	}
	mode, mt, ds, bfr := pick(0, 2, 1, 3, 0), pick(1, 1, 3, 2, 0), pick(3, 1, 2, 0), pick(4, 0, 1)
	if direct {
		mt = pick(1, 2, 1, 3)
	}
	other := map[string]string{"0": "1", "1": "0"}[bfr]
	var out []string
	for _, try := range []string{
		mode + "," + mt + ",0," + ds + "," + bfr, mode + "," + mt + ",0," + ds + "," + other,
		mode + "," + mt + ",0,2," + bfr, mode + "," + mt + ",0,0," + bfr, "1," + mt + ",0," + ds + "," + bfr,
		"2,1,0,1,0", "2,1,0,0,0", "1,1,0,0,0",
	} {
		if !slices.Contains(out, try) {
			out = append(out, try)
		}
	}
	return out
}

// inSet tells whether n is in a set as "(0-3)", "(0,2,3)" or "1".
func inSet(set string, n int) bool {
	for _, part := range strings.Split(strings.Trim(set, "() "), ",") {
		from, to, isRange := strings.Cut(strings.TrimSpace(part), "-")
		a, ok := smallNumber(strings.TrimSpace(from), 255)
		b := a
		if isRange {
			var ok2 bool
			b, ok2 = smallNumber(strings.TrimSpace(to), 255)
			ok = ok && ok2
		}
		if ok && a <= n && n <= b {
			return true
		}
	}
	return false
}

// checkRouting sets the routing again when the modem has another one, or refused it before; kept tells that nothing changed.
func (s *session) checkRouting() (kept bool, err error) {
	if s.cnmi == "" {
		err := s.chooseRouting()
		return s.cnmi == "", err
	}
	answer, err := s.ask("+CNMI?")
	if err != nil || len(answer) == 0 {
		return true, ignoreRefusal(err)
	}
	now := strings.Join(fields(valueOf(answer[0])), ",")
	if now == s.cnmi {
		return true, s.keepNumbers()
	}
	// It may have restarted without a word: then all the rest is gone as well.
	s.m.limiter.warn("cnmi", "modem changed how it announces messages; set again", "was", s.cnmi, "now", now)
	for _, texts := range [][]string{dialogueSetup, s.vendor.setup, {"+CMGF=0", s.messageService(), "+CNMI=" + s.cnmi}, s.chosenService(), networkSetup, callSetup, s.vendor.calls} {
		if err := s.softly(texts); err != nil {
			return false, err
		}
	}
	s.g.echoed()
	s.selected = ""
	s.m.put(Notice{Kind: NoticeStored, Length: -1, Index: -1})
	return false, nil
}

// keepNumbers has errors told as numbers again when the modem stopped doing so: the command for it may have been lost on the line. Without numbers
// a refusal by the network and a lost message look alike.
func (s *session) keepNumbers() error {
	answer, err := s.ask("+CMEE?")
	if err != nil || firstField(answer) != "0" {
		return ignoreRefusal(err)
	}
	s.m.limiter.warn("cmee", "modem tells errors without numbers; set again")
	_, err = s.ask("+CMEE=1")
	return ignoreRefusal(err)
}
