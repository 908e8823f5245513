package pdu

import (
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/warthog618/sms"
	"github.com/warthog618/sms/encoding/pdumode"
	"github.com/warthog618/sms/encoding/tpdu"
)

// peerReason explains why another decoder reads a PDU otherwise than we do.
type peerReason struct {
	why     string
	applies func(m *Message, theirs string) bool
}

// explain reports a difference that no reason covers, and counts those that one does.
// Of vectors from elsewhere a new difference is only told: they say themselves what is right, and TestVectors holds us to it.
func explain(t *testing.T, reasons []peerReason, used []int, m *Message, ours, theirs string) {
	t.Helper()
	for i, r := range reasons {
		if r.applies(m, theirs) {
			used[i]++
			return
		}
	}
	if os.Getenv("TRUNKLINE_VECTORS") != "" {
		t.Logf("not explained yet: ours %s, peer %s", ours, theirs)
		return
	}
	t.Errorf("ours %s\npeer %s", ours, theirs)
}

// unused reports reasons that explain nothing, since they would hide what comes later. Only with our own vectors: others may lack a case.
func unused(t *testing.T, reasons []peerReason, used []int) {
	t.Helper()
	if os.Getenv("TRUNKLINE_VECTORS") != "" {
		return
	}
	for i, r := range reasons {
		if used[i] == 0 {
			t.Errorf("nothing to explain: %s", r.why)
		}
		t.Logf("%3d × %s", used[i], r.why)
	}
}

// summary is what both decoders are asked for: type, number, and text or data.
func summary(m *Message) string {
	body := m.Text
	if m.DCS.Alphabet() == Octets || m.DCS.Compressed() {
		body = fmt.Sprintf("%X", m.Data)
	}
	return fmt.Sprintf("%v %s %q", m.Type, m.Address, body)
}

// warthogSummary is the same by github.com/warthog618/sms.
func warthogSummary(v vector) (s string) {
	defer func() {
		if r := recover(); r != nil {
			s = fmt.Sprint("panic: ", r)
		}
	}()
	octets, err := hex.DecodeString(v.PDU)
	if err != nil {
		return "error: " + err.Error()
	}
	if v.HasSMSC {
		p, err := pdumode.UnmarshalBinary(octets)
		if err != nil {
			return "error: " + err.Error()
		}
		octets = p.TPDU
	}
	option := sms.AsMT
	if v.direction() == MobileOriginated {
		option = sms.AsMO
	}
	d, err := sms.Unmarshal(octets, option)
	if err != nil {
		return "error: " + err.Error()
	}
	number := d.OA
	switch d.SmsType() {
	case tpdu.SmsSubmit:
		number = d.DA
	case tpdu.SmsStatusReport:
		number = d.RA
	}
	body := fmt.Sprintf("%X", []byte(d.UD))
	alphabet, err := d.Alphabet()
	if err != nil {
		return "error: " + err.Error()
	}
	if alphabet != tpdu.Alpha8Bit && !d.DCS.Compressed() {
		text, err := tpdu.DecodeUserData(d.UD, d.UDH, alphabet, tpdu.WithCharset(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13))
		if err != nil {
			return "error: " + err.Error()
		}
		body = string(text)
	}
	name := map[tpdu.SmsType]string{tpdu.SmsDeliver: "deliver", tpdu.SmsSubmit: "submit", tpdu.SmsStatusReport: "status-report"}[d.SmsType()]
	return fmt.Sprintf("%s %s %q", name, number.Number(), body)
}

// What github.com/warthog618/sms reads otherwise, and why we keep to ours.
var warthogReasons = []peerReason{
	{"it refuses semi-octets that are no digits in a time stamp; the rest of the message is good", func(m *Message, theirs string) bool {
		return m.Quirks.Has(BadSCTS|BadDT) && strings.HasPrefix(theirs, "error")
	}},
	{"it looks for the national language elements under the decimal numbers 24 and 25, where TS 23.040 §9.2.3.24 has hexadecimal ones, and so reads default tables", func(m *Message, theirs string) bool {
		return m.Locking != m.Shift || m.Locking != DefaultLanguage
	}},
	{"it takes set padding bits for another septet", func(m *Message, theirs string) bool {
		return m.Quirks.Has(NonzeroPadding) && strings.Contains(theirs, "overlength")
	}},
	{"it refuses octets behind the message, as SIM cards pad their records", func(m *Message, theirs string) bool {
		return m.Quirks.Has(TrailingOctets) && strings.Contains(theirs, "overlength")
	}},
	{"it refuses reserved codings, which TS 23.038 §4 has read as the default alphabet", func(m *Message, theirs string) bool {
		return m.DCS.Reserved() && strings.Contains(theirs, "alphabet")
	}},
	{"it loses a text that ends in half a surrogate pair", func(m *Message, theirs string) bool {
		return m.Quirks.Has(LoneSurrogate) && strings.Contains(theirs, "surrogate")
	}},
	{"it refuses a number of odd length whose last semi-octet is no filler", func(m *Message, theirs string) bool {
		return len(m.Address.Value)%2 == 1 && strings.Contains(theirs, "missing expected fill")
	}},
}

func TestWarthogAgrees(t *testing.T) {
	var vectors []vector
	vectorFile(t, "pdu.json", &vectors)
	used := make([]int, len(warthogReasons))
	same := 0
	for _, v := range vectors {
		m, err := DecodeHex(v.PDU, v.direction(), v.HasSMSC)
		if err != nil {
			continue
		}
		t.Run(v.ID, func(t *testing.T) {
			if ours, theirs := summary(m), warthogSummary(v); ours != theirs {
				explain(t, warthogReasons, used, m, ours, theirs)
			} else {
				same++
			}
		})
	}
	t.Logf("%d of %d read the same", same, len(vectors))
	unused(t, warthogReasons, used)
}
