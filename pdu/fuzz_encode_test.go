package pdu

import (
	"slices"
	"testing"
	"unicode/utf8"
)

// fieldSource makes fields of a Message from octets; when they are used up, of zeros.
type fieldSource []byte

func (f *fieldSource) octet() (b byte) {
	if len(*f) > 0 {
		b, *f = (*f)[0], (*f)[1:]
	}
	return b
}

func (f *fieldSource) octets(n int) []byte {
	n = min(n, len(*f))
	taken := (*f)[:n]
	*f = (*f)[n:]
	return taken
}

// number makes digits of any type of address, more than fit now and then; a text when the type says so.
func (f *fieldSource) number(text string) Address {
	a := Address{TOA: f.octet()}
	if a.IsAlphanumeric() {
		a.Value = text[:min(len(text), int(f.octet())%16)]
		return a
	}
	digits := make([]byte, 0, 24)
	for _, b := range f.octets(int(f.octet()) % 24) {
		digits = append(digits, digitCharacters[int(b)%len(digitCharacters)])
	}
	a.Value = string(digits)
	return a
}

var encodeSeeds = []string{"", "\x00\x91\x0b12345678901\x00\x00", "\x02\x91\x0b12345678901\x00\x08\x00\x00\x00\x00\x12", "\x04\x81\x03123\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f", "\x05\xd0\x05", "\x01\x81\x00\x00\xf5\x80\x07\x01\x03\x00\x03\x01\x02\x01"}

func FuzzEncode(f *testing.F) {
	for i, s := range encodeSeeds {
		f.Add([]byte(s), textSeeds[i%len(textSeeds)], i%2 == 0)
	}
	f.Fuzz(newEncodeBody())
}

// newEncodeBody returns the body of FuzzEncode, which uses its memory again: whatever the fields of a Message are, they have an encoding that reads as they are, or an error.
func newEncodeBody() func(t *testing.T, octets []byte, text string, withSMSC bool) {
	var back Message
	var first, second []byte
	return func(t *testing.T, octets []byte, text string, withSMSC bool) {
		f := fieldSource(octets)
		m := Message{Type: Type(f.octet() % 7), Address: f.number(text), PID: f.octet(), DCS: DCS(f.octet()), MR: f.octet(), SCTS: stamp(int(f.octet())), DT: stamp(int(f.octet()))}
		flags := f.octet()
		m.MoreMessages, m.LP, m.SRI, m.SRQ, m.SRR, m.RD, m.RP = flags&1 != 0, flags&2 != 0, flags&4 != 0, flags&8 != 0, flags&16 != 0, flags&32 != 0, flags&64 != 0
		m.Status, m.PI, m.FCS, m.CommandType, m.CommandNumber = f.octet(), f.octet()&7, f.octet(), f.octet(), f.octet()
		if flags&128 != 0 {
			m.SMSC = f.number(text)
		}
		m.Validity.Format = ValidityFormat(f.octet() & 3)
		copy(m.Validity.Octets[:m.Validity.size()], f.octets(7))
		if n := f.octet() % 8; n < 4 {
			var elements []IE
			for range n {
				elements = append(elements, IE{f.octet(), f.octets(int(f.octet()) % 48)})
			}
			m.SetHeader(elements...)
		}
		m.Text = text
		if textual := m.DCS.Alphabet() != Octets && !m.DCS.Compressed(); !textual || m.Type == Command {
			m.Text, m.Data = "", f
		}
		var err error
		if first, err = m.Append(first[:0], withSMSC); err != nil {
			if e, ok := err.(*Error); !ok || e.Field == "" || e.Reason == "" || len(first) != 0 {
				t.Fatalf("%+v: %#v, % X", m, err, first)
			}
			return
		}
		if len(first) > maxRaw+looseOctets-maxOctets {
			t.Fatalf("%+v: %d octets: % X", m, len(first), first)
		}
		err = back.Decode(first, m.Type.Direction(), withSMSC)
		if m.Type == SubmitReport || m.FCS != 0 && m.FCS < 0x80 { // the former may read as a stored SUBMIT, the latter is no cause
			return
		}
		if err != nil || back.Type != m.Type || back.Trailing != 0 {
			t.Fatalf("%+v: % X reads %+v (%v)", m, first, back, err)
		}
		if back.Text != m.Text && utf8.ValidString(m.Text) || back.Address != m.Address && m.Type != DeliverReport && m.Address.Value != "" || len(back.UDH) != len(m.UDH) {
			t.Fatalf("%+v: % X reads %+v", m, first, back)
		}
		if second, err = back.Append(second[:0], withSMSC); err != nil || !slices.Equal(first, second) && utf8.ValidString(m.Text) {
			t.Fatalf("%+v: % X, again % X (%v)", m, first, second, err)
		}
	}
}
