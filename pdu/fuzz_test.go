package pdu

import (
	"encoding/hex"
	"errors"
	"slices"
	"testing"
	"time"
	"unicode/utf8"
)

// checkDecode decodes octets and checks what holds for any octets at all. It returns the message when there was no error.
func checkDecode(t *testing.T, octets []byte, dir Direction, hasSMSC bool) *Message {
	m, err := Decode(octets, dir, hasSMSC)
	if m == nil {
		t.Fatal("no message")
	}
	if !utf8.ValidString(m.Text) || !utf8.ValidString(m.Address.Value) {
		t.Fatalf("% X: not UTF-8: %q, %q", octets, m.Text, m.Address.Value)
	}
	if len(m.Text) > 3*maxSeptets || len(m.Data) > 255 || len(m.septets) > maxSeptets || m.Trailing > len(octets) {
		t.Fatalf("% X: too much: %d %d %d %d", octets, len(m.Text), len(m.Data), len(m.septets), m.Trailing)
	}
	m.Warnings()
	m.Indications()
	m.Control()
	if err != nil {
		e, ok := err.(*Error)
		if !ok || e.Field == "" || e.Reason == "" || e.Offset < 0 || e.Offset > len(octets) {
			t.Fatalf("% X: error %#v", octets, err)
		}
		return nil
	}
	// What was read has an encoding, unless it never was one; and that reads the same and encodes to itself.
	first, err := m.Append(nil, hasSMSC)
	if err != nil || m.Type == SubmitReport && m.Quirks.Has(BadSCTS) { // the latter may read as a stored SUBMIT
		return m
	}
	if m.Quirks.Has(StoredSubmit) {
		dir = MobileOriginated
	}
	again, err := Decode(first, dir, hasSMSC)
	if err != nil {
		t.Fatalf("% X reads; its encoding % X does not: %v", octets, first, err)
	}
	if again.Text != m.Text || again.Address != m.Address && !m.Address.IsZero() || again.Type != m.Type || again.DCS != m.DCS || again.SCTS != m.SCTS || again.Concat != m.Concat {
		t.Fatalf("% X reads %+v; its encoding % X reads %+v", octets, m, first, again)
	}
	if second, err := again.Append(nil, hasSMSC); err != nil || !slices.Equal(first, second) {
		t.Fatalf("% X, again % X (%v)", first, second, err)
	}
	return m
}

func FuzzDecode(f *testing.F) {
	var vectors []vector
	vectorFile(f, "pdu.json", &vectors)
	for _, v := range vectors {
		if octets, err := hex.DecodeString(v.PDU); err == nil {
			f.Add(octets, uint8(v.direction()), v.HasSMSC)
		}
	}
	f.Fuzz(newDecodeBody())
}

// values are the fields of a Message that can be compared.
type values struct {
	typ                                       Type
	smsc, address                             Address
	scts, dt                                  Timestamp
	validity                                  Validity
	text                                      string
	concat                                    Concat
	ports                                     Ports
	locking, shift                            Language
	quirks                                    Quirks
	udl, trailing                             int
	fo, mr, pid, dcs, status, pi, fcs, ct, mn byte
	mms, lp, sri, srq, srr, rd, rp, udhi      bool
}

func valuesOf(m *Message) values {
	return values{m.Type, m.SMSC, m.Address, m.SCTS, m.DT, m.Validity, m.Text, m.Concat, m.Ports, m.Locking, m.Shift, m.Quirks, m.UDL, m.Trailing,
		m.FO, m.MR, m.PID, byte(m.DCS), m.Status, m.PI, m.FCS, m.CommandType, m.CommandNumber,
		m.MoreMessages, m.LP, m.SRI, m.SRQ, m.SRR, m.RD, m.RP, m.UDHI}
}

// newDecodeBody returns the body of FuzzDecode, which decodes into one Message again and again besides.
func newDecodeBody() func(t *testing.T, octets []byte, dir uint8, hasSMSC bool) {
	var reused Message
	return func(t *testing.T, octets []byte, dir uint8, hasSMSC bool) {
		m := checkDecode(t, octets, Direction(dir%2), hasSMSC)
		err := reused.Decode(octets, Direction(dir%2), hasSMSC)
		if (err == nil) != (m != nil) {
			t.Fatalf("into a reused value: %v", err)
		}
		if m != nil && (valuesOf(&reused) != valuesOf(m) || !slices.Equal(reused.Data, m.Data) || !slices.EqualFunc(reused.UDH, m.UDH, func(a, b IE) bool { return a.ID == b.ID && string(a.Data) == string(b.Data) })) {
			t.Fatalf("into a reused value %+v, want %+v", reused, m)
		}
		if m != nil {
			if c := m.Clone(); c.Text != m.Text || !slices.Equal(c.Data, m.Data) || len(c.UDH) != len(m.UDH) {
				t.Fatalf("clone %+v of %+v", c, m)
			}
		}
	}
}

var hexSeeds = []string{"", "00", "zz", "07911326040000F0040B911346610089F60000208062917314080CC8F71D14969741F977FD07", "0001000B911346610089F600000CC8F71D14969741F977FD07\r\n"}

func FuzzDecodeHex(f *testing.F) {
	for _, s := range hexSeeds {
		f.Add(s, uint8(0), true)
		f.Add(s, uint8(1), false)
	}
	f.Fuzz(decodeHexBody)
}

func decodeHexBody(t *testing.T, s string, dir uint8, hasSMSC bool) {
	m, err := DecodeHex(s, Direction(dir%2), hasSMSC)
	if m == nil {
		t.Fatal("no message")
	}
	if octets, bad := hex.DecodeString(s); bad == nil && len(octets) <= maxInput && len(octets) > 0 {
		want, wantErr := Decode(octets, Direction(dir%2), hasSMSC)
		if (err == nil) != (wantErr == nil) || m.Text != want.Text {
			t.Fatalf("%q: %v, decoded from octets %v", s, err, wantErr)
		}
	}
}

var textSeeds = []string{"hello", "Zażółć gęślą jaźń 👩‍👩‍👧‍👦\r\n", "ığüşöç İstanbul", "Zażółć gęślą jaźń €£` \xff😀"}

func FuzzSplit(f *testing.F) {
	f.Add(textSeeds[0], uint16(1), false, uint8(0), uint8(0))
	f.Add(textSeeds[1], uint16(300), true, uint8(2), uint8(0))
	f.Add(textSeeds[2], uint16(300), true, uint8(1), uint8(3))
	f.Fuzz(newSplitBody())
}

// newSplitBody returns the body of FuzzSplit, which uses its memory again.
func newSplitBody() func(t *testing.T, text string, ref uint16, wide bool, maxParts, national uint8) {
	var parts []*Message
	var octets []byte
	return func(t *testing.T, text string, ref uint16, wide bool, maxParts, national uint8) {
		o := SplitOptions{Reference: ref, Wide: wide, MaxParts: int(maxParts)}
		if national%2 == 1 {
			o.National = []Language{Language(national / 2), Turkish, Hindi}
		}
		s, err := SplitText(text, o)
		if err != nil {
			if errors.Is(err, ErrNotUTF8) == utf8.ValidString(text) && text != "" {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		if maxParts > 0 && len(s.Parts) > int(maxParts) || len(s.Parts) > 255 {
			t.Fatalf("%d parts, at most %d", len(s.Parts), maxParts)
		}
		for len(parts) < len(s.Parts) {
			parts = append(parts, new(Message))
		}
		for i := range s.Parts {
			m := s.Message(i, Submit)
			if octets, err = m.Append(octets[:0], false); err != nil {
				t.Fatalf("part %d: %v", i, err)
			}
			if len(octets) > 2+2+1+2+1+maxOctets {
				t.Fatalf("part %d has %d octets", i, len(octets))
			}
			back := parts[len(s.Parts)-1-i] // they come in reverse
			if err := back.Decode(octets, MobileOriginated, false); err != nil || back.Text != m.Text || back.Concat != m.Concat || back.Quirks != 0 {
				t.Fatalf("part %d of %q: % X reads %+v (%v)", i, text, octets, back, err)
			}
		}
		complete, incomplete := Join(parts[:len(s.Parts)])
		if len(complete) != 1 || len(incomplete) != 0 || complete[0].Text != text {
			t.Fatalf("%q comes back as %+v and %+v", text, complete, incomplete)
		}
	}
}

// assemblySeeds returns an Assembly's stored form after each of six parts.
func assemblySeeds() (seeds [][]byte) {
	var a Assembly
	for i := range 6 {
		a.Add(part(uint8(i%3+1), 3, "text", stamp(i)), time.Unix(int64(i), 0))
		b, _ := a.MarshalBinary()
		seeds = append(seeds, b)
	}
	return seeds
}

func FuzzAssembly(f *testing.F) {
	for _, b := range assemblySeeds() {
		f.Add(b)
	}
	f.Fuzz(assemblyBody)
}

func assemblyBody(t *testing.T, b []byte) {
	var a, c Assembly
	if a.UnmarshalBinary(b) != nil {
		return
	}
	first, _ := a.MarshalBinary()
	if err := c.UnmarshalBinary(first); err != nil {
		t.Fatalf("% X reads, its stored form % X does not: %v", b, first, err)
	}
	if second, _ := c.MarshalBinary(); !slices.Equal(first, second) {
		t.Fatalf("% X, again % X", first, second)
	}
	if len(a.open) > maxOpen || len(a.completed) > maxCompleted {
		t.Fatalf("%d open, %d completed", len(a.open), len(a.completed))
	}
	for i := range 4 {
		a.Add(part(uint8(i+1), 4, "more", stamp(i)), time.Unix(int64(i), 0))
	}
	for _, j := range append(a.Expire(time.Unix(2, 0)), a.Flush()...) {
		if j.Parts+len(j.Missing) != j.Total || !utf8.ValidString(j.Text) {
			t.Fatalf("%+v", j)
		}
	}
}

var addressSeeds = []string{"", "+", "+4915112345678", "123", "*100#", "abc", "+49 151", "é", "123456789012345678901", "ACME", "€€€€€"}

func FuzzAddress(f *testing.F) {
	for _, s := range addressSeeds {
		f.Add(s)
	}
	f.Fuzz(addressBody)
}

func addressBody(t *testing.T, s string) {
	for _, parse := range []func(string) (Address, error){ParseAddress, ParseAlphanumeric} {
		a, err := parse(s)
		if err != nil {
			continue
		}
		if a.String() != s || a.IsZero() {
			t.Fatalf("%q is %#v", s, a)
		}
		m := &Message{Type: Deliver, Address: a, SCTS: stamp(0)}
		octets, err := m.Append(nil, false)
		if err != nil {
			t.Fatalf("%q: %v", s, err)
		}
		back, err := Decode(octets, MobileTerminated, false)
		if err != nil || back.Address != a {
			t.Fatalf("%q: % X reads %#v (%v)", s, octets, back.Address, err)
		}
	}
}

func FuzzTransliterate(f *testing.F) {
	f.Add(textSeeds[3])
	f.Fuzz(transliterateBody)
}

func transliterateBody(t *testing.T, s string) {
	for _, mode := range []Transliteration{KeepText, ToGSM7, ToASCII} {
		got := Transliterate(s, mode)
		if again := Transliterate(got, mode); again != got {
			t.Fatalf("%v: %q, again %q", mode, got, again)
		}
		if mode == KeepText || got == "" {
			continue
		}
		for _, r := range got {
			if !InGSM7(r) || mode == ToASCII && r >= utf8.RuneSelf {
				t.Fatalf("%v: %q has %q", mode, got, r)
			}
		}
	}
}
