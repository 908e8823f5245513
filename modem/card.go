package modem

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// readICCID tries the commands of the vendor, the common ones, and at last the file of the card itself (EF ICCID 2FE2,
// 3GPP TS 31.102 §4.1 via 3GPP TS 27.007 §8.18). "" when none works.
func (s *session) readICCID() (string, error) {
	tried := map[string]bool{}
	for _, text := range append(append([]string{}, s.vendor.iccid...), "+CCID", "+ICCID", "^ICCID?") {
		if tried[text] {
			continue
		}
		tried[text] = true
		answer, err := s.run(&exchange{text: text, bare: true, accept: []string{"+CCID", "+ICCID", "+QCCID", "^ICCID", "#CCID", "!ICCID"}})
		if fatal(err) {
			return "", err
		}
		if len(answer) > 0 {
			if id := digitsOf(strings.Trim(valueOf(answer[0]), `" `)); err == nil && len(id) >= 18 {
				return id, nil
			}
		}
	}
	data, err := s.readCardFile("+CRSM=176,12258,0,0,10")
	if err != nil {
		return "", err
	}
	if id := swapNibbles(data); len(id) >= 18 {
		return id, nil
	}
	return "", nil
}

// readCardFile runs a +CRSM read and returns its hex data, "" when the card has none.
func (s *session) readCardFile(text string) (string, error) {
	answer, err := s.ask(text)
	if fatal(err) {
		return "", err
	}
	if err != nil || len(answer) == 0 {
		return "", nil
	}
	f := fields(valueOf(answer[0]))
	if len(f) < 3 || f[0] != "144" && f[0] != "145" || !isHex(f[2]) {
		return "", nil
	}
	return f[2], nil
}

// swapNibbles turns packed decimal digits, low half first, into text. An F ends it.
func swapNibbles(data string) string {
	var out []byte
	for i := 0; i+1 < len(data); i += 2 {
		for _, c := range []byte{data[i+1], data[i]} {
			if c < '0' || c > '9' {
				return string(out)
			}
			out = append(out, c)
		}
	}
	return string(out)
}

// readCard reads who the card is, and gives it a service centre when it has none.
func (s *session) readCard(ctx context.Context) error {
	if s.iccid == "" {
		var err error
		if s.iccid, err = s.readICCID(); err != nil {
			return err
		}
	}
	imsi, err := s.insist(ctx, 30*time.Second, exchange{text: "+CIMI", bare: true})
	if fatal(err) {
		return err
	}
	own, err := s.ask("+CNUM")
	if fatal(err) {
		return err
	}
	s.m.board.update(func(st *Status) {
		st.ICCID, st.IMSI, st.Number = s.iccid, "", ownNumber(own)
		if len(imsi) > 0 {
			st.IMSI = digitsOf(strings.Trim(valueOf(imsi[0]), `" `))
		}
	})
	if want := s.m.config.ICCID; want != "" && s.iccid != "" && !sameICCID(s.iccid, want) {
		return &SetupError{Reason: ReasonWrongSIM, Err: fmt.Errorf("ICCID is %s, not %s", s.iccid, want),
			Hint: "another card is in the modem: change iccid when that is meant"}
	}
	return s.serviceCentre(ctx)
}

// sameICCID compares without the check digit, which some modems leave out and some cards print.
func sameICCID(a, b string) bool {
	n := min(len(a), len(b), 19)
	return n >= 18 && a[:18] == b[:18] && (n < 19 || a[:n] == b[:n] || len(a) != len(b))
}

// ownNumber reads +CNUM. Its lines come with broken quotes, without number, or not at all.
func ownNumber(answer []string) string {
	for _, line := range answer {
		for _, part := range strings.Split(valueOf(line), ",") {
			v := strings.Trim(part, `" `)
			if d := strings.TrimPrefix(v, "+"); len(d) >= 5 && len(d) <= 20 && isDigits(d) {
				return v
			}
		}
	}
	return ""
}

func (s *session) serviceCentre(ctx context.Context) error {
	answer, err := s.insist(ctx, 10*time.Second, exchange{text: "+CSCA?"})
	if fatal(err) {
		return err
	}
	centre := centreOf(firstField(answer))
	if centre == "" && s.m.config.SMSC != "" {
		number, international := strings.CutPrefix(s.m.config.SMSC, "+")
		kind := 129
		if international {
			kind = 145
		}
		text := fmt.Sprintf(`+CSCA="%s%s",%d`, map[bool]string{true: "+"}[international], number, kind)
		if _, err = s.ask(text); fatal(err) {
			return err
		}
		if err == nil {
			centre = s.m.config.SMSC
		}
	}
	if centre == "" {
		s.m.limiter.warn("smsc", "card has no service centre address: set smsc")
	}
	s.m.board.update(func(st *Status) { st.SMSC = centre })
	return nil
}

// centreOf cleans a service centre address. Some modems print it as UCS2 in hex.
func centreOf(v string) string {
	if len(v) > 20 && len(v)%4 == 0 && isHexDigits(v) {
		var out []byte
		for i := 0; i < len(v); i += 4 {
			if v[i] != '0' || v[i+1] != '0' {
				return ""
			}
			out = append(out, nibble(v[i+2])<<4|nibble(v[i+3]))
		}
		v = string(out)
	}
	if d := strings.TrimPrefix(v, "+"); !isDigits(d) || len(d) > 20 {
		return ""
	}
	return v
}
