package pdu

import (
	"encoding/hex"
	"strings"
)

// maxInput bounds what DecodeHex looks at: the longest TPDU with its service centre is below 200 octets, records of SIM cards are padded to fewer than 256.
const maxInput = 512

// DecodeHex decodes a PDU as a modem prints it, in hexadecimal of either case; white space around it is ignored. The field of what is no hexadecimal is "pdu".
func DecodeHex(s string, dir Direction, hasSMSC bool) (*Message, error) {
	m := new(Message)
	s = strings.TrimSpace(s)
	var octets [maxInput]byte
	switch {
	case len(s) > 2*len(octets):
		return m, fail("pdu", 0, "%d characters, at most %d", len(s), 2*len(octets))
	case len(s)%2 != 0:
		return m, fail("pdu", len(s)/2, "%d characters of hexadecimal: the number must be even", len(s))
	}
	n := len(s) / 2
	for i := range n {
		high, low := hexDigit[s[2*i]], hexDigit[s[2*i+1]]
		if high|low > 15 {
			at := badHex(s)
			return m, fail("pdu", i, "character %q at %d is not hexadecimal", s[at], at)
		}
		octets[i] = high<<4 | low
	}
	return m, m.Decode(octets[:n], dir, hasSMSC)
}

// hexDigit is the value of a digit, FF of any other character.
var hexDigit = func() (values [256]byte) {
	for i := range values {
		values[i] = 0xFF
	}
	for i := range byte(16) {
		values["0123456789ABCDEF"[i]], values["0123456789abcdef"[i]] = i, i
	}
	return values
}()

// badHex finds the first character that is no hexadecimal digit.
func badHex(s string) int {
	return strings.IndexFunc(s, func(r rune) bool { return !strings.ContainsRune("0123456789abcdefABCDEF", r) })
}

// CheckLength compares the octets of a PDU with the length that a modem announces before it (+CMGL, +CMGR, +CMT, +CDS), which does not count the service centre.
// It returns an *Error with the field "pdu" when they differ. Modems that pad their records announce fewer octets than they print.
func CheckLength(octets []byte, announced int, hasSMSC bool) error {
	n := len(octets)
	if hasSMSC && n > 0 {
		n -= 1 + int(octets[0])
	}
	if n != announced {
		return fail("pdu", 0, "%d octets announced, %d received", announced, max(n, 0))
	}
	return nil
}

// EncodeHex returns what Append writes, in upper case as modems expect it, and the length to announce to them (AT+CMGS), which does not count the service centre.
func EncodeHex(m *Message, withSMSC bool) (s string, length int, err error) {
	octets, err := m.Append(make([]byte, 0, 192), withSMSC)
	if err != nil {
		return "", 0, err
	}
	length = len(octets)
	if withSMSC {
		length -= 1 + int(octets[0])
	}
	return strings.ToUpper(hex.EncodeToString(octets)), length, nil
}
