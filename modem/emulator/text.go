package emulator

import (
	"encoding/hex"
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"trunkline/pdu"
)

// gsmAlphabet is the default alphabet in the order of its codes. 3GPP TS 23.038 §6.2.1.
var gsmAlphabet = []rune("@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà")

// gsmExtension are the characters behind the escape. 3GPP TS 23.038 §6.2.1.1.
var gsmExtension = map[byte]rune{0x0A: '\f', 0x14: '^', 0x28: '{', 0x29: '}', 0x2F: '\\', 0x3C: '[', 0x3D: '~', 0x3E: ']', 0x40: '|', 0x65: '€'}

// septetsOf turns text into codes of the default alphabet; what it lacks becomes
// a question mark.
func septetsOf(text string) []byte {
	var out []byte
next:
	for _, c := range text {
		for i, have := range gsmAlphabet {
			if have == c && i != 0x1B {
				out = append(out, byte(i))
				continue next
			}
		}
		for code, have := range gsmExtension {
			if have == c {
				out = append(out, 0x1B, code)
				continue next
			}
		}
		out = append(out, '?')
	}
	return out
}

// packSeptets packs codes as SMS does. 3GPP TS 23.038 §6.1.2.1.1.
func packSeptets(codes []byte) []byte {
	out := make([]byte, (len(codes)*7+7)/8)
	for i, c := range codes {
		at := i * 7
		out[at/8] |= c << (at % 8)
		if at%8 > 1 {
			out[at/8+1] |= c >> (8 - at%8)
		}
	}
	return out
}

// decodeCharset reads text from the host in the character set of AT+CSCS. The
// lock is held. 3GPP TS 27.007 §5.5.
func (m *Modem) decodeCharset(s string) string {
	switch m.set.scs {
	case "UCS2":
		b, err := hex.DecodeString(s)
		if err != nil || len(b)%2 != 0 {
			return s // digits as they are: some hosts never convert a number
		}
		units := make([]uint16, len(b)/2)
		for i := range units {
			units[i] = uint16(b[2*i])<<8 | uint16(b[2*i+1])
		}
		return string(utf16.Decode(units))
	case "HEX", "GSM":
		b := []byte(s)
		if m.set.scs == "HEX" {
			var err error
			if b, err = hex.DecodeString(s); err != nil {
				return s
			}
		}
		var out strings.Builder
		for i := 0; i < len(b); i++ {
			if c, ok := gsmExtension[byteAt(b, i+1)]; ok && b[i] == 0x1B {
				out.WriteRune(c)
				i++
			} else {
				out.WriteRune(gsmAlphabet[b[i]&0x7F])
			}
		}
		return out.String()
	case "8859-1":
		var out strings.Builder
		for i := range len(s) {
			out.WriteRune(rune(s[i]))
		}
		return out.String()
	}
	return s
}

func byteAt(b []byte, i int) byte {
	if i < len(b) {
		return b[i]
	}
	return 0
}

// encodeCharset writes text for the host in the character set of AT+CSCS. The
// lock is held.
func (m *Modem) encodeCharset(text string) string {
	switch m.set.scs {
	case "UCS2":
		var out strings.Builder
		for _, u := range utf16.Encode([]rune(text)) {
			fmt.Fprintf(&out, "%04X", u)
		}
		return out.String()
	case "HEX":
		return fmt.Sprintf("%X", septetsOf(text))
	case "GSM":
		return string(septetsOf(text))
	case "UTF-8":
		return text
	}
	limit := rune(0x7F)
	if m.set.scs == "8859-1" {
		limit = 0xFF
	}
	var out []byte
	for _, c := range text {
		if c > limit {
			c = '?'
		}
		out = append(out, byte(c))
	}
	return string(out)
}

// textSubmit builds the SMS-SUBMIT of a text typed in text mode with the
// parameters of AT+CSMP. The lock is held. 3GPP TS 27.005 §3.3.2.
func (m *Modem) textSubmit(to, body string) ([]byte, error) {
	s := &m.set
	fo := byte(s.fo)&^0x1F | 0x11 // SUBMIT with a relative validity period
	b := appendAddress([]byte{fo, 0}, to)
	b = append(b, byte(s.pid), byte(s.dcs), byte(s.vp))
	text := m.decodeCharset(body)
	if sevenBit(byte(s.dcs)) {
		codes := septetsOf(text)
		if s.scs == "GSM" {
			codes = []byte(body)
		}
		if len(codes) > 160 {
			return nil, cmsError(305)
		}
		return append(append(b, byte(len(codes))), packSeptets(codes)...), nil
	}
	var ud []byte
	if byte(s.dcs)&0x0C == 0x08 {
		for _, u := range utf16.Encode([]rune(text)) {
			ud = append(ud, byte(u>>8), byte(u))
		}
	} else if decoded, err := hex.DecodeString(body); err == nil {
		ud = decoded
	} else {
		ud = []byte(body)
	}
	if len(ud) > 140 {
		return nil, cmsError(305)
	}
	return append(append(b, byte(len(ud))), ud...), nil
}

// textMessage words a stored message in text mode: its header, and its text. The
// lock is held. 3GPP TS 27.005 §3.4.2, §3.4.3.
func (m *Modem) textMessage(s *slot, listed bool) (header, body string) {
	way := pdu.MobileTerminated
	if s.status >= statUnsent {
		way = pdu.MobileOriginated
	}
	p, err := pdu.Decode(s.tpdu, way, false)
	if p == nil || err != nil && p.Text == "" {
		return fmt.Sprintf(`"%s","",`, stateNames[s.status]), ""
	}
	if p.Type == pdu.StatusReport {
		return fmt.Sprintf(`"%s",%s`, stateNames[s.status], m.reportFields(p)), ""
	}
	header = fmt.Sprintf(`"%s","%s",`, stateNames[s.status], m.encodeCharset(p.Address.String()))
	if p.Type == pdu.Deliver {
		header += fmt.Sprintf(`,"%s"`, clockText(p.SCTS[:]))
	}
	if m.set.showHeader {
		header += m.headerFields(p, listed)
	}
	return header, m.encodeCharset(bodyText(p))
}

// headerFields are what AT+CSDH=1 adds.
func (m *Modem) headerFields(p *pdu.Message, listed bool) string {
	length := utf8.RuneCountInString(p.Text)
	if listed {
		return fmt.Sprintf(",%d,%d", p.Address.TOA, length)
	}
	return fmt.Sprintf(`,%d,%d,%d,%d,"%s",%d,%d`, p.Address.TOA, p.FO, p.PID, byte(p.DCS), m.encodeCharset(m.net.o.SMSC), typeOfAddress(strings.HasPrefix(m.net.o.SMSC, "+")), length)
}

// reportFields are a status report in text mode. 3GPP TS 27.005 §3.1, +CDS.
func (m *Modem) reportFields(p *pdu.Message) string {
	return fmt.Sprintf(`%d,%d,"%s",%d,"%s","%s",%d`, p.FO, p.MR, m.encodeCharset(p.Address.String()), p.Address.TOA, clockText(p.SCTS[:]), clockText(p.DT[:]), p.Status)
}

// textRouted words +CMT or +CDS in text mode. The lock is held.
func (m *Modem) textRouted(name string, s *slot) string {
	p, err := pdu.Decode(s.tpdu, pdu.MobileTerminated, false)
	if p == nil || err != nil && p.Text == "" {
		return name + ": \"\",,\"\"\r\n"
	}
	if name == "+CDS" {
		return "+CDS: " + m.reportFields(p)
	}
	line := fmt.Sprintf(`+CMT: "%s",,"%s"`, m.encodeCharset(p.Address.String()), clockText(p.SCTS[:]))
	if m.set.showHeader {
		line += m.headerFields(p, false)
	}
	return line + "\r\n" + m.encodeCharset(bodyText(p))
}

// bodyText is the text of a message, or its data in hexadecimal.
func bodyText(p *pdu.Message) string {
	if p.Text == "" && len(p.Data) > 0 {
		return fmt.Sprintf("%X", p.Data)
	}
	return p.Text
}

// text is what a submitted part says; "" for 8-bit data.
func (s *submit) text() string {
	p, _ := pdu.Decode(s.octets, pdu.MobileOriginated, false)
	if p == nil {
		return ""
	}
	return p.Text
}
