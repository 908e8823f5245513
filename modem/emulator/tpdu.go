package emulator

import (
	"fmt"
	"strings"
	"time"

	"trunkline/pdu"
)

// submit is where the parts of an SMS-SUBMIT stand; the centre copies them
// untouched into the SMS-DELIVER. 3GPP TS 23.040 §9.2.2.2.
type submit struct {
	octets   []byte
	mr       byte
	to       string
	pid, dcs byte
	validity pdu.Validity
	udl      byte
	ud       []byte
}

const (
	bitUDHI = 0x40
	bitSRR  = 0x20
)

func (s *submit) srr() bool { return s.octets[0]&bitSRR != 0 }

// parseSubmit finds the parts of a TPDU from the modem to the network.
func parseSubmit(b []byte) (*submit, error) {
	if len(b) < 3 {
		return nil, fmt.Errorf("TPDU of %d octets is too short", len(b))
	}
	if b[0]&0x03 != 0x01 {
		return nil, fmt.Errorf("type %d is not SUBMIT", b[0]&0x03)
	}
	s := &submit{octets: b, mr: b[1]}
	digits := int(b[2])
	i := 4 + (digits+1)/2
	if digits == 0 || digits > 20 || len(b) < i {
		return nil, fmt.Errorf("destination of %d digits in %d octets", digits, len(b))
	}
	s.to = addressText(b[3], b[4:i], digits)
	vp := 0
	switch b[0] >> 3 & 0x03 {
	case 2: // relative
		vp = 1
	case 1, 3: // enhanced, absolute
		vp = 7
	}
	if len(b) < i+2+vp+1 {
		return nil, fmt.Errorf("TPDU of %d octets ends before its user data", len(b))
	}
	s.pid, s.dcs = b[i], b[i+1]
	s.validity.Format = pdu.ValidityFormat(b[0] >> 3 & 0x03)
	copy(s.validity.Octets[:], b[i+2:i+2+vp])
	i += 2 + vp
	s.udl, s.ud = b[i], b[i+1:]
	octets := int(s.udl)
	if sevenBit(s.dcs) {
		octets = (octets*7 + 7) / 8
	}
	if len(s.ud) != octets || octets > 140 {
		return nil, fmt.Errorf("user data of %d octets, length says %d", len(s.ud), octets)
	}
	return s, nil
}

// expiry returns when the centre that took the message at that time gives it up, zero when it never does, and
// whether it tries only once. A period that means nothing counts as none. 3GPP TS 23.040 §9.2.3.12.
func (s *submit) expiry(at time.Time) (end time.Time, once bool) {
	if t, ok := s.validity.Time(); ok {
		return t, false
	}
	if d, ok := s.validity.Duration(); ok && d > 0 {
		end = at.Add(d)
	}
	return end, s.validity.SingleShot()
}

// sevenBit reports whether a coding scheme packs septets. 3GPP TS 23.038 §4.
func sevenBit(dcs byte) bool {
	switch dcs >> 4 {
	case 0x8, 0x9, 0xA, 0xB, 0xC, 0xD:
		return true
	case 0xE:
		return false
	case 0xF:
		return dcs&0x04 == 0
	}
	return dcs&0x0C == 0 || dcs&0x0C == 0x0C
}

// messageClass returns the class of a coding scheme, -1 when it has none.
// 3GPP TS 23.038 §4.
func messageClass(dcs byte) int {
	if dcs>>4 == 0xF || dcs>>6 == 0 && dcs&0x10 != 0 {
		return int(dcs & 0x03)
	}
	return -1
}

// deliverTPDU builds the SMS-DELIVER of a submitted message. 3GPP TS 23.040 §9.2.2.1.
func (s *submit) deliverTPDU(from string, at time.Time) []byte {
	b := []byte{0x04 | s.octets[0]&bitUDHI}
	b = appendAddress(b, from)
	b = append(b, s.pid, s.dcs)
	b = appendTimestamp(b, at)
	return append(append(b, s.udl), s.ud...)
}

// reportTPDU builds an SMS-STATUS-REPORT. 3GPP TS 23.040 §9.2.2.3.
func reportTPDU(mr byte, recipient string, at, discharged time.Time, status byte) []byte {
	b := appendAddress([]byte{0x06, mr}, recipient)
	b = appendTimestamp(b, at)
	b = appendTimestamp(b, discharged)
	return append(b, status)
}

const semiOctets = "0123456789*#abc"

// addressText reads semi-octets; "+" stands before an international number.
func addressText(toa byte, b []byte, digits int) string {
	var s strings.Builder
	if toa&0x70 == 0x10 {
		s.WriteByte('+')
	}
	for i := range digits {
		nibble := b[i/2] >> (4 * (i % 2)) & 0x0F
		if int(nibble) < len(semiOctets) {
			s.WriteByte(semiOctets[nibble])
		}
	}
	return s.String()
}

// appendAddress writes length, type and semi-octets of a number. 3GPP TS 23.040 §9.1.2.5.
func appendAddress(b []byte, number string) []byte {
	digits, toa := strings.CutPrefix(number, "+")
	b = append(b, byte(len(digits)), typeOfAddress(toa))
	return appendSemiOctets(b, digits)
}

func typeOfAddress(international bool) byte {
	if international {
		return 0x91
	}
	return 0x81
}

func appendSemiOctets(b []byte, digits string) []byte {
	for i := 0; i < len(digits); i += 2 {
		low, high := strings.IndexByte(semiOctets, digits[i]), 0x0F
		if i+1 < len(digits) {
			high = strings.IndexByte(semiOctets, digits[i+1])
		}
		b = append(b, byte(low)&0x0F|byte(high)<<4)
	}
	return b
}

// appendSMSC writes the service centre address as it stands before a TPDU: its
// length counts octets. 3GPP TS 27.005 §4.1, TS 24.011 §8.2.5.1.
func appendSMSC(b []byte, number string) []byte {
	digits, international := strings.CutPrefix(number, "+")
	if digits == "" {
		return append(b, 0)
	}
	b = append(b, byte(1+(len(digits)+1)/2), typeOfAddress(international))
	return appendSemiOctets(b, digits)
}

// appendTimestamp writes seven octets of swapped digits, the last one the zone
// in quarters of an hour. 3GPP TS 23.040 §9.2.3.11.
func appendTimestamp(b []byte, t time.Time) []byte {
	_, offset := t.Zone()
	quarters, sign := offset/900, byte(0)
	if quarters < 0 {
		quarters, sign = -quarters, 0x08
	}
	for _, v := range [...]int{t.Year() % 100, int(t.Month()), t.Day(), t.Hour(), t.Minute(), t.Second()} {
		b = append(b, swapped(v))
	}
	return append(b, swapped(quarters)|sign)
}

func swapped(v int) byte { return byte(v%10<<4 | v/10) }
