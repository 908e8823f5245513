package pdu

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// vectorFile reads a file of vectors: our copy, or the one in the folder that TRUNKLINE_VECTORS names.
func vectorFile(t testing.TB, name string, into any) {
	t.Helper()
	dir := os.Getenv("TRUNKLINE_VECTORS")
	if dir == "" {
		dir = "testdata"
	}
	raw, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// vector is one entry of pdu.json.
type vector struct {
	ID        string
	PDU       string
	HasSMSC   bool `json:"has_smsc"`
	Direction string
	Malformed bool
	Partial   struct{ SMSC, FO, Address *string }

	Type       string
	TPDULen    int `json:"tpdu_len"`
	SMSC       *string
	SMSCTOA    *string `json:"smsc_toa"`
	Address    string
	TOA        string
	TON, NPI   int
	FO         string
	MR         *int
	PID, DCS   *string
	Charset    *string
	Class      *int
	Compressed bool
	MWI        *struct {
		Store, Active bool
		Type          string
	}
	UDL       *int
	UDH       *string
	IEs       []struct{ ID, Data string }
	Concat    *struct{ Ref, Bits, Total, Seq int }
	Ports     *struct{ Dst, Src, Bits int }
	Lang      *struct{ Locking, Shift int }
	Text      *string
	Data      *string
	SCTS      *string
	SCTSLocal *string `json:"scts_local"`
	DT        *string
	DTLocal   *string `json:"dt_local"`
	ST        *string
	VP        *struct {
		Format  string
		Raw     string
		Seconds *int
		Time    *string
	}
	Flags     map[string]bool
	Quirks    []string
	Reencodes bool
}

func (v vector) direction() Direction {
	if v.Direction == "mo" {
		return MobileOriginated
	}
	return MobileTerminated
}

// show writes the value behind a pointer, or "null".
func show[T any](p *T) string {
	if p == nil {
		return "null"
	}
	return fmt.Sprint(*p)
}

func hexOf(b ...byte) string { return strings.ToUpper(hex.EncodeToString(b)) }

func rfc3339(s Timestamp) string {
	if t, ok := s.Time(); ok {
		return t.Format("2006-01-02T15:04:05-07:00")
	}
	return "null"
}

func localTime(s Timestamp) string {
	if t, ok := s.Local(); ok {
		return t.Format("2006-01-02T15:04:05")
	}
	return "null"
}

func when(ok bool, s string) string {
	if ok {
		return s
	}
	return "null"
}

// compare lists the fields in which m differs from the vector.
func (v vector) compare(m *Message) []string {
	var wrong []string
	check := func(field, got, want string) {
		if got != want {
			wrong = append(wrong, fmt.Sprintf("%s: got %q, want %q", field, got, want))
		}
	}
	check("type", m.Type.String(), v.Type)
	check("smsc", when(!m.SMSC.IsZero(), m.SMSC.String()), show(v.SMSC))
	check("smsc_toa", when(!m.SMSC.IsZero(), hexOf(m.SMSC.TOA)), show(v.SMSCTOA))
	check("address", m.Address.String(), v.Address)
	check("toa", hexOf(m.Address.TOA), v.TOA)
	check("ton", fmt.Sprint(m.Address.TON()), fmt.Sprint(v.TON))
	check("npi", fmt.Sprint(m.Address.NPI()), fmt.Sprint(v.NPI))
	check("fo", hexOf(m.FO), v.FO)
	check("mr", when(m.Type != Deliver, fmt.Sprint(m.MR)), show(v.MR))
	report := m.Type == StatusReport
	check("pid", when(!report || m.PI&1 != 0, hexOf(m.PID)), show(v.PID))
	check("dcs", when(!report || m.PI&2 != 0, hexOf(byte(m.DCS))), show(v.DCS))
	check("charset", when(m.HasUserData(), m.DCS.Alphabet().String()), show(v.Charset))
	check("class", when(m.DCS.Class() != NoClass, fmt.Sprint(m.DCS.Class().Number())), show(v.Class))
	check("compressed", fmt.Sprint(m.DCS.Compressed()), fmt.Sprint(v.Compressed))
	if w, ok := m.DCS.Waiting(); ok && v.MWI != nil {
		check("mwi", fmt.Sprintln(w.Store, w.Active, w.Type), fmt.Sprintln(v.MWI.Store, v.MWI.Active, v.MWI.Type))
	} else {
		check("mwi", fmt.Sprint(ok), fmt.Sprint(v.MWI != nil))
	}
	check("udl", when(m.HasUserData(), fmt.Sprint(m.UDL)), show(v.UDL))
	check("udh", when(m.FO&0x40 != 0 && m.HasUserData(), hexOf(m.Header()...)), show(v.UDH))
	var got, want []string
	for _, e := range m.UDH {
		got = append(got, hexOf(e.ID)+":"+hexOf(e.Data...))
	}
	for _, e := range v.IEs {
		want = append(want, e.ID+":"+e.Data)
	}
	check("ies", strings.Join(got, " "), strings.Join(want, " "))
	c, ok := m.RawConcat()
	if v.Concat != nil {
		check("concat", fmt.Sprint(c.Ref, c.Bits, c.Total, c.Seq), fmt.Sprint(v.Concat.Ref, v.Concat.Bits, v.Concat.Total, v.Concat.Seq))
	} else {
		check("concat", fmt.Sprint(ok), "false")
	}
	if v.Ports != nil {
		check("ports", fmt.Sprint(m.Ports), fmt.Sprint(*v.Ports))
	} else {
		check("ports", fmt.Sprint(m.Ports.Bits), "0")
	}
	if v.Lang != nil {
		check("lang", fmt.Sprint(uint8(m.Locking), uint8(m.Shift)), fmt.Sprint(v.Lang.Locking, v.Lang.Shift))
	} else {
		check("lang", fmt.Sprint(uint8(m.Locking), uint8(m.Shift)), "0 0")
	}
	isText := m.HasUserData() && m.DCS.Alphabet() != Octets && !m.DCS.Compressed()
	check("text", when(isText, m.Text), show(v.Text))
	check("data", when(m.HasUserData() && m.DCS.Alphabet() != GSM7, hexOf(m.Data...)), show(v.Data))
	check("scts", rfc3339(m.SCTS), show(v.SCTS))
	check("scts_local", localTime(m.SCTS), show(v.SCTSLocal))
	check("dt", rfc3339(m.DT), show(v.DT))
	check("dt_local", localTime(m.DT), show(v.DTLocal))
	check("st", when(report, hexOf(m.Status)), show(v.ST))
	if v.VP != nil {
		check("vp.format", m.Validity.Format.String(), v.VP.Format)
		check("vp.raw", hexOf(m.Validity.Raw()...), v.VP.Raw)
		d, ok := m.Validity.Duration()
		check("vp.seconds", when(ok, fmt.Sprint(int(d/time.Second))), show(v.VP.Seconds))
		check("vp.time", when(m.Validity.Format == Absolute, rfc3339(m.Validity.Octets)), show(v.VP.Time))
	}
	flags := map[string]bool{"mms": !m.MoreMessages, "lp": m.LP, "sri": m.SRI, "rp": m.RP, "srr": m.SRR, "rd": m.RD, "srq": m.SRQ}
	for name, want := range v.Flags {
		got, known := flags[name]
		check("flags."+name, fmt.Sprint(got, known), fmt.Sprint(want, true))
	}
	check("quirks", strings.Join(m.QuirkNames(), " "), strings.Join(v.Quirks, " "))
	return wrong
}

func TestVectors(t *testing.T) {
	var vectors []vector
	vectorFile(t, "pdu.json", &vectors)
	var reused Message
	for _, v := range vectors {
		t.Run(v.ID, func(t *testing.T) {
			m, err := DecodeHex(v.PDU, v.direction(), v.HasSMSC)
			if v.Malformed {
				if err == nil {
					t.Fatalf("decoded without an error: %+v", m)
				}
				if e, ok := err.(*Error); !ok || e.Field == "" {
					t.Errorf("error %#v names no field", err)
				}
				if p := v.Partial.Address; p != nil && m.Address.String() != *p {
					t.Errorf("address: got %q, want %q", m.Address, *p)
				}
				if p := v.Partial.SMSC; p != nil && m.SMSC.String() != *p {
					t.Errorf("smsc: got %q, want %q", m.SMSC, *p)
				}
				if p := v.Partial.FO; p != nil && hexOf(m.FO) != *p {
					t.Errorf("fo: got %02X, want %s", m.FO, *p)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, wrong := range v.compare(m) {
				t.Error(wrong)
			}
			octets, _ := hex.DecodeString(v.PDU)
			if err := CheckLength(octets, v.TPDULen, v.HasSMSC); err != nil {
				t.Error(err)
			}
			if err := reused.Decode(octets, v.direction(), v.HasSMSC); err != nil {
				t.Fatalf("into a reused value: %v", err)
			}
			for _, wrong := range v.compare(&reused) {
				t.Error("into a reused value:", wrong)
			}
			again, length, err := EncodeHex(m, v.HasSMSC)
			if v.Reencodes {
				if err != nil {
					t.Fatal("encode:", err)
				}
				if again != v.PDU || length != v.TPDULen {
					t.Errorf("encoded\n got %s (%d)\nwant %s (%d)", again, length, v.PDU, v.TPDULen)
				}
			}
		})
	}
}
