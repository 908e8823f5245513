package pdu

import (
	"encoding/hex"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// The types that no public vector has, and what distinguishes them.
func TestOtherTypes(t *testing.T) {
	tests := []struct {
		name string
		dir  Direction
		pdu  string
		want string
	}{
		{"deliver report, nothing", MobileOriginated, "0000", "deliver-report pi=0"},
		{"deliver report, error", MobileOriginated, "00D300", "deliver-report fcs=D3 pi=0"},
		{"deliver report, text", MobileOriginated, "0007000002C834", "deliver-report pi=7 text=Hi"},
		{"deliver report, SIM data", MobileOriginated, "0006F602ABCD", "deliver-report pi=6 data=ABCD"},
		{"submit report", MobileTerminated, "010042201021435100", "submit-report pi=0 scts=2024-02-01T12:34:15"},
		{"submit report, error", MobileTerminated, "01C10042201021435100", "submit-report fcs=C1 pi=0 scts=2024-02-01T12:34:15"},
		{"stored submit", MobileTerminated, "1100039121F30000FF02C834", "submit number=+123 text=Hi"},
		{"command", MobileOriginated, "2205000107039121F302ABCD", "command number=+123 ct=1 mn=7 data=ABCD"},
		{"command, empty", MobileOriginated, "0205000207039121F300", "command number=+123 ct=2 mn=7"},
		{"reserved type", MobileTerminated, "07 0391 21F3 00 00 42201021435100 02C834", "deliver number=+123 text=Hi scts=2024-02-01T12:34:15"},
		{"report with extension", MobileTerminated, "06 05 0391 21F3 42201021435100 42201021435100 00 81 00 11", "status-report number=+123 pi=81 scts=2024-02-01T12:34:15"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			octets, err := hex.DecodeString(removeBlanks(tt.pdu))
			if err != nil {
				t.Fatal(err)
			}
			m, err := Decode(octets, tt.dir, false)
			if err != nil {
				t.Fatal(err)
			}
			if got := brief(m); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
			if m.Quirks.Has(ReservedType|BadSCTS) || m.PI > 7 {
				return
			}
			if again, err := m.Append(nil, false); err != nil || string(again) != string(octets) {
				t.Errorf("encodes to %X (%v), want %X", again, err, octets)
			}
		})
	}
	if _, err := DecodeHex("0300", MobileOriginated, false); err == nil || err.(*Error).Field != "tp_mti" {
		t.Errorf("reserved type from the mobile: %v", err)
	}
}

func removeBlanks(s string) (out string) {
	for _, r := range s {
		if r != ' ' {
			out += string(r)
		}
	}
	return out
}

// brief lists the fields that a message has.
func brief(m *Message) string {
	s := m.Type.String()
	add := func(on bool, format string, a ...any) {
		if on {
			s += " " + fmt.Sprintf(format, a...)
		}
	}
	add(!m.Address.IsZero(), "number=%s", m.Address)
	add(m.FCS != 0, "fcs=%02X", m.FCS)
	add(m.Type == DeliverReport || m.Type == SubmitReport || m.PI != 0, "pi=%X", m.PI)
	add(m.Type == Command, "ct=%d mn=%d", m.CommandType, m.CommandNumber)
	add(m.Text != "", "text=%s", m.Text)
	add(len(m.Data) > 0 && m.Text == "", "data=%X", m.Data)
	at, _ := m.SCTS.Local()
	add(!m.SCTS.IsZero(), "scts=%s", at.Format("2006-01-02T15:04:05"))
	return s
}

// Whatever message can be written is read as it was.
func TestEncodeDecode(t *testing.T) {
	var reused Message
	rapid.Check(t, func(t *rapid.T) {
		m := anyMessage(t)
		withSMSC := rapid.Bool().Draw(t, "smsc")
		if !withSMSC {
			m.SMSC = Address{}
		}
		octets, err := m.Append(nil, withSMSC)
		if err != nil {
			t.Fatalf("%+v: %v", m, err)
		}
		if len(octets) > 200 {
			t.Fatalf("%d octets", len(octets))
		}
		if err := reused.Decode(octets, m.Type.Direction(), withSMSC); err != nil {
			t.Fatalf("%+v: % X: %v", m, octets, err)
		}
		if reused.Quirks != 0 {
			t.Fatalf("%+v: % X: %v", m, octets, reused.QuirkNames())
		}
		got, want := fields(&reused), fields(m)
		if got != want {
			t.Fatalf("% X\n got %s\nwant %s", octets, got, want)
		}
	})
}

// fields writes everything that is sent.
func fields(m *Message) string {
	data := m.Data
	if m.DCS.Alphabet() == UCS2 {
		data = nil // twice the text
	}
	return fmt.Sprint(m.Type, m.SMSC, m.Address.TOA, m.Address.Value, m.MR, m.PID, m.DCS, m.SCTS, m.DT, m.Status, m.FCS, m.Validity, m.CommandType, m.CommandNumber,
		m.MoreMessages, m.LP, m.SRI, m.SRQ, m.SRR, m.RD, m.RP, m.Concat, m.Ports, m.Locking, m.Shift, m.Text, hexOf(data...), len(m.UDH))
}

// anyMessage draws a message of any type.
func anyMessage(t *rapid.T) *Message {
	typ := Type(rapid.IntRange(0, int(Command)).Draw(t, "type"))
	m := &Message{Type: typ, SMSC: Address{0x91, rapid.StringMatching(`[0-9]{4,14}`).Draw(t, "centre")}}
	at := TimestampOf(time.Unix(rapid.Int64Range(1e9, 2e9).Draw(t, "time"), 0).In(time.FixedZone("", 900*rapid.IntRange(-48, 56).Draw(t, "zone"))))
	flag := func(name string) bool { return rapid.Bool().Draw(t, name) }
	if typ != DeliverReport && typ != SubmitReport {
		m.Address = rapid.SampledFrom([]Address{{0x91, "4915112345678"}, {0x81, "123"}, {0xD0, "ACME Ltd@"}, {0xA1, "0151*#abc"}, {0x81, ""}, {0x91, "12345678901234567890"}}).Draw(t, "address")
	}
	switch typ {
	case Deliver:
		m.SCTS, m.MoreMessages, m.LP, m.SRI, m.RP = at, flag("more"), flag("lp"), flag("sri"), flag("rp")
	case Submit:
		m.MR, m.RD, m.SRR, m.RP = 7, flag("rd"), flag("srr"), flag("rp")
		m.Validity = rapid.SampledFrom([]Validity{{}, RelativeValidity(time.Hour), AbsoluteValidity(time.Unix(1.7e9, 0).UTC()), EnhancedValidity(time.Minute, true)}).Draw(t, "validity")
	case StatusReport:
		m.MR, m.SCTS, m.DT, m.Status, m.MoreMessages, m.LP, m.SRQ = 255, at, at, rapid.Byte().Draw(t, "status"), flag("more"), flag("lp"), flag("srq")
	case SubmitReport:
		m.SCTS = at
		m.FCS = rapid.SampledFrom([]byte{0, 0x80, 0xC1, 0xFF}).Draw(t, "cause")
		return m // with more it may be read as a stored SUBMIT
	case DeliverReport:
		m.FCS = rapid.SampledFrom([]byte{0, 0x80, 0xD3, 0xFF}).Draw(t, "cause")
	case Command:
		m.MR, m.CommandType, m.CommandNumber, m.SRR = 1, 2, 3, flag("srr")
		m.Data = make([]byte, rapid.IntRange(0, 20).Draw(t, "length"))
		return m
	}
	m.PID = rapid.SampledFrom([]byte{0, 0x40, 0x41, 0x7F}).Draw(t, "pid")
	m.DCS = NewDCS(rapid.SampledFrom([]Alphabet{GSM7, Octets, UCS2}).Draw(t, "alphabet"), Class(rapid.IntRange(0, 4).Draw(t, "class")))
	var header []IE
	if flag("concatenated") {
		c := Concat{Ref: 200, Bits: 8, Total: 3, Seq: 2}
		header = append(header, c.element())
	}
	if flag("ports") {
		header = append(header, IE{iePort16, []byte{1, 2, 3, 4}})
	}
	if flag("unknown element") {
		header = append(header, IE{0xC0, make([]byte, rapid.IntRange(0, 20).Draw(t, "element"))})
	}
	n := rapid.IntRange(0, 40).Draw(t, "characters")
	switch m.DCS.Alphabet() {
	case Octets:
		m.Data = make([]byte, n)
	case UCS2:
		m.Text = rapid.StringOfN(rapid.Rune(), n/2, n/2, -1).Draw(t, "text")
	default:
		if flag("national") {
			header = append(header, IE{ieLocking, []byte{byte(Turkish)}}, IE{ieShift, []byte{byte(Turkish)}})
			m.Text = rapid.StringOfN(rapid.SampledFrom([]rune("aZğıŞ€@{")), n, n, -1).Draw(t, "text")
		} else {
			m.Text = rapid.StringOfN(rapid.SampledFrom([]rune("aZ€@{é\r\n_")), n, n, -1).Draw(t, "text")
		}
	}
	m.SetHeader(header...)
	return m
}

// What has no encoding is refused by field, and the buffer stays as it was.
func TestEncodeErrors(t *testing.T) {
	long := make([]byte, 141)
	tests := []struct {
		m     Message
		field string
	}{
		{Message{Type: Submit, Address: Address{0x91, "123456789012345678901"}}, "tp_da.length"},
		{Message{Type: Submit, Address: Address{0x91, "12a4x"}}, "tp_da"},
		{Message{Type: Deliver, Address: Address{0xD0, "twelve chars"}}, "tp_oa.length"},
		{Message{Type: Deliver, Address: Address{0xD0, "ж"}}, "tp_oa"},
		{Message{Type: StatusReport, Address: Address{0x91, "+1"}}, "tp_ra"},
		{Message{Type: Submit, SMSC: Address{0x91, "x"}}, "smsc"},
		{Message{Type: Submit, Text: "ж"}, "tp_ud"},
		{Message{Type: Submit, Text: fmt.Sprintf("%0161d", 0)}, "tp_udl"},
		{Message{Type: Submit, DCS: 8, Text: fmt.Sprintf("%071d", 0)}, "tp_udl"},
		{Message{Type: Submit, DCS: 4, Data: long}, "tp_udl"},
		{Message{Type: Deliver, DCS: 4, Data: append(long, long...)}, "tp_udl"},
		{Message{Type: Submit, UDH: []IE{{1, long}}}, "udh.ie[0].length"},
		{Message{Type: Submit, UDH: []IE{{1, long[:100]}, {1, long[:100]}}}, "udhl"},
		{Message{Type: Command, Data: make([]byte, 157)}, "tp_cdl"},
		{Message{Type: 9}, "tp_mti"},
	}
	for _, tt := range tests {
		dst := []byte{1, 2}
		got, err := tt.m.Append(dst, true)
		e, ok := err.(*Error)
		if !ok || e.Field != tt.field || string(got) != string(dst) {
			t.Errorf("%v %q: % X, %v; want an error of %s", tt.m.Type, tt.m.Address, got, err, tt.field)
		}
	}
	for _, s := range []string{"", "+", "abc!", "+49 151", "twelve"} {
		if a, err := ParseAddress(s); err == nil {
			t.Errorf("ParseAddress(%q) = %#v", s, a)
		}
	}
}

// A sender that calls itself by a number is not that number.
func TestSenderIdentity(t *testing.T) {
	number := part(1, 2, "a", stamp(0))
	named := part(1, 2, "a", stamp(0))
	named.Address = Address{0xD0, number.Address.Value}
	if number.SetKey() == named.SetKey() || string(number.SetKey().Append(nil)) == string(named.SetKey().Append(nil)) {
		t.Error("the same set")
	}
}

// The package has no state that calls could disturb: many goroutines get what one gets. Under -race.
func TestConcurrent(t *testing.T) {
	var vectors []vector
	vectorFile(t, "pdu.json", &vectors)
	work := func() (all string) {
		for _, v := range vectors[:100] {
			m, err := DecodeHex(v.PDU, v.direction(), v.HasSMSC)
			octets, _ := m.Append(nil, true)
			all += fmt.Sprint(summary(m), err, octets)
		}
		s, err := SplitText("ığüşöç नमस्ते 👩‍👩‍👧‍👦", SplitOptions{National: AllLanguages(), Alphabet: Auto})
		return all + fmt.Sprint(s.Alphabet, len(s.Parts), err, Transliterate("Žluťoučký кůň €", ToASCII))
	}
	want := work()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if got := work(); got != want {
				t.Error("another result beside other goroutines")
			}
		})
	}
	wg.Wait()
}

func TestAllocations(t *testing.T) {
	for _, text := range []string{benchText, benchUCS2} {
		s, err := SplitText(text, SplitOptions{})
		if err != nil {
			t.Fatal(err)
		}
		m := s.Message(0, Deliver)
		m.Address, m.SMSC, m.SCTS = Address{0x91, "4915112345678"}, Address{0x91, "491710760000"}, stamp(0)
		octets, err := m.Append(nil, true)
		if err != nil {
			t.Fatal(err)
		}
		var reused Message
		if n := testing.AllocsPerRun(1000, func() { reused.Decode(octets, MobileTerminated, true) }); n > 0 {
			t.Errorf("%v allocations to decode into a reused value", n)
		}
		dst := make([]byte, 0, 256)
		if n := testing.AllocsPerRun(1000, func() { dst, _ = m.Append(dst[:0], true) }); n > 0 {
			t.Errorf("%v allocations to encode", n)
		}
	}
}

// A string that was read stays as it was when its Message is used again.
func TestReusedStrings(t *testing.T) {
	var m, other Message
	var kept []string
	for i := range 5000 {
		if i == 1000 {
			other = m // from here on both write to the same memory
		}
		want := part(1, 1, fmt.Sprintf("text %d €", i), stamp(i))
		octets, err := want.Append(nil, false)
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Decode(octets, MobileTerminated, false); err != nil {
			t.Fatal(err)
		}
		kept = append(kept, m.Text)
		if i >= 1000 {
			if err := other.Decode(octets, MobileTerminated, false); err != nil || other.Text != m.Text {
				t.Fatal(other.Text, err)
			}
		}
	}
	for i, s := range kept {
		if want := fmt.Sprintf("text %d €", i); s != want {
			t.Errorf("%q, want %q", s, want)
		}
	}
}

func TestElements(t *testing.T) {
	var m Message
	m.SetHeader(IE{ieWaiting, []byte{0x81, 3}}, IE{ieWaiting, []byte{0x07, 0}}, IE{ieControl, []byte{0xC1}})
	if got := m.Indications(); len(got) != 2 || !got[0].Store || !got[0].Active || got[0].Type != Fax || got[0].Count != 3 || !got[1].Video || got[1].Active {
		t.Errorf("%+v", got)
	}
	if c, ok := m.Control(); !ok || c != (Control{Completed: true, CancelRest: true, IncludeHeader: true}) {
		t.Errorf("%+v", c)
	}
	names := 0
	for id := range 256 {
		if (IE{ID: byte(id)}).Name() != "reserved" {
			names++
		}
	}
	if names != 111 {
		t.Errorf("%d elements have names", names)
	}
	for status, want := range map[byte]Outcome{0: OutcomeDone, 0x1F: OutcomeDone, 0x20: OutcomeTrying, 0x3F: OutcomeTrying, 0x40: OutcomeFailed, 0x5F: OutcomeFailed, 0x60: OutcomeAbandoned, 0x7F: OutcomeAbandoned, 0x80: OutcomeUnknown, 0xFF: OutcomeUnknown} {
		if got := (&Message{Status: status}).Outcome(); got != want {
			t.Errorf("%02X: %d", status, got)
		}
	}
}

// Names and words that other programs and people read.
func TestWords(t *testing.T) {
	for _, tt := range []struct {
		got, want any
	}{
		{fmt.Sprint(Auto, GSM7, Octets, UCS2), "auto gsm7 8bit ucs2"},
		{fmt.Sprint(Deliver, DeliverReport, Submit, SubmitReport, StatusReport, Command, Type(9)), "deliver deliver-report submit submit-report status-report command unknown"},
		{fmt.Sprint(NoValidity, Enhanced, Relative, Absolute), "none enhanced relative absolute"},
		{fmt.Sprint(KeepText, ToGSM7, ToASCII), "keep gsm7 ascii"},
		{fmt.Sprint(Voicemail, Fax, Email, OtherMessage), "voicemail fax email other"},
		{fmt.Sprint(NotPart, Kept, Completed, Duplicate, Conflict), "not-part kept completed duplicate conflict"},
		{fmt.Sprint(Language(200), Urdu, len(AllLanguages())), " urdu 13"},
		{fmt.Sprintf("%#v %v", Address{0xD0, "ACME"}, Address{0x91, "49"}), `pdu.Address{0xd0, "ACME"} +49`},
		{(&Error{"tp_oa", 3, "bad"}).Error(), "tp_oa (octet 3): bad"},
		{(&CharacterError{'ж', 2, GSM7}).Error(), `character 'ж' (octet 2 of the text) is not in the alphabet gsm7`},
		{(&TooManyPartsError{3, 2}).Error(), "the text needs 3 parts, at most 2 are allowed"},
		{(&Message{Type: Deliver, PID: 0x43}).Replaces(), 3},
		{(&Message{Type: Deliver, PID: 0x48}).Replaces(), 0},
		{Split{Capacity: 160}.Left(), 160},
		{(&Message{Type: StatusReport}).HasUserData() || (&Message{Type: Command}).HasUserData(), false},
	} {
		if tt.got != tt.want {
			t.Errorf("got %q, want %q", tt.got, tt.want)
		}
	}
	for _, l := range AllLanguages() {
		if got, ok := ParseLanguage(l.String()); !ok || got != l {
			t.Errorf("%v is %v, %v", l, got, ok)
		}
	}
	if _, ok := ParseLanguage("klingon"); ok {
		t.Error("a language without tables")
	}
	end := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	if at, ok := AbsoluteValidity(end).Time(); !ok || !at.Equal(end) {
		t.Errorf("absolute validity: %v, %v", at, ok)
	}
	if _, ok := RelativeValidity(time.Hour).Time(); ok {
		t.Error("a relative validity has a time")
	}
	if v := (Validity{Format: Absolute}); v.valid() {
		t.Error("an absolute validity without a time is valid")
	}
}

// Digits written eight at a time are those written one by one, and what is none is found wherever it is.
func TestAppendDigits(t *testing.T) {
	plain := func(digits string) (octets []byte, ok bool) {
		for i := 0; i < len(digits); i += 2 {
			pair := [2]byte{0, 0xF}
			for j := range min(2, len(digits)-i) {
				value := strings.IndexByte(digitCharacters, digits[i+j])
				if value < 0 {
					return nil, false
				}
				pair[j] = byte(value)
			}
			octets = append(octets, pair[1]<<4|pair[0])
		}
		return octets, true
	}
	for n := range maxDigits + 1 {
		for at := range max(n, 1) {
			for c := range 256 {
				digits := []byte("12345678901234567890"[:n])
				if n > 0 {
					digits[at] = byte(c)
				}
				want, valid := plain(string(digits))
				got, ok := appendDigits([]byte{0xAA}, string(digits))
				if ok != valid || ok && string(got) != "\xAA"+string(want) {
					t.Fatalf("%q: % X %v, want % X %v", digits, got, ok, want, valid)
				}
			}
		}
	}
}
