package pdu

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// badCase is a case of bad-inputs.json, as far as this package decides it.
type badCase struct {
	ID, Surface string
	Input       json.RawMessage
	Expect      struct{ Outcome, Field string }
}

type announcedPDU struct {
	PDU    string
	Length int `json:"announced_length"`
}

// decodeAnnounced decodes as a driver does: the PDU first, its length after.
func decodeAnnounced(p announcedPDU) (*Message, error) {
	m, err := DecodeHex(p.PDU, MobileTerminated, true)
	if err != nil {
		return m, err
	}
	octets, _ := hex.DecodeString(p.PDU)
	return m, CheckLength(octets, p.Length, true)
}

func TestBadInputs(t *testing.T) {
	var file struct{ Cases []badCase }
	vectorFile(t, "bad-inputs.json", &file)
	seen := 0
	for _, c := range file.Cases {
		if c.Surface != "pdu" {
			continue
		}
		seen++
		t.Run(c.ID, func(t *testing.T) {
			var input struct {
				announcedPDU
				Sequence []announcedPDU
				Gen      *struct{ Total, Senders int }
			}
			if err := json.Unmarshal(c.Input, &input); err != nil {
				t.Fatal(err)
			}
			switch {
			case input.Sequence != nil:
				conflict(t, input.Sequence)
			case input.Gen != nil:
				boundedState(t, uint8(input.Gen.Total))
			case c.Expect.Outcome == "quarantine":
				m, err := decodeAnnounced(input.announcedPDU)
				e, ok := err.(*Error)
				if !ok || e.Field != c.Expect.Field || m.Text != "" && e.Field != "tp_ud" {
					t.Fatalf("got %v, text %q; want an error of %s", err, m.Text, c.Expect.Field)
				}
			case c.Expect.Outcome == "accept_safe":
				m, err := decodeAnnounced(input.announcedPDU)
				if err != nil {
					t.Fatal(err)
				}
				if m.Type == StatusReport { // what it refers to is not the codec's to know
					if m.MR == 0 || m.Outcome() != OutcomeDone || m.Quirks != 0 {
						t.Errorf("%+v", m)
					}
					return
				}
				if !slices.ContainsFunc(m.Warnings(), func(w Warning) bool { return w.Field == c.Expect.Field && w.Text != "" }) {
					t.Errorf("warnings %v, want one of %s", m.Warnings(), c.Expect.Field)
				}
			default:
				t.Fatalf("outcome %q is new", c.Expect.Outcome)
			}
		})
	}
	if seen == 0 {
		t.Fatal("no case for the codec")
	}
}

// conflict: of two different copies of a part the first stays in place, and the second stays visible.
func conflict(t *testing.T, sequence []announcedPDU) {
	var a Assembly
	var done []Joined
	var results []AddResult
	for i, p := range sequence {
		m, err := decodeAnnounced(p)
		if err != nil {
			t.Fatal(err)
		}
		d, r := a.Add(m, time.Unix(int64(i), 0))
		done = append(done, d...)
		results = append(results, r)
	}
	if !slices.Contains(results, Conflict) {
		t.Errorf("results %v: no conflict told", results)
	}
	if len(done) != 1 || string(done[0].Data) != "AAAACCCC" {
		t.Errorf("joined %+v", done)
	}
	if orphans := a.Flush(); len(orphans) != 1 || string(orphans[0].Data) != "BBBB" || !slices.Equal(orphans[0].Missing, []int{2}) {
		t.Errorf("orphans %+v", orphans)
	}
}

// boundedState: whatever comes, one key's state stays small; how many keys there may be is the store's rule.
func boundedState(t *testing.T, total uint8) {
	var a Assembly
	out := 0
	for i := range 5000 {
		m := part(1, total, fmt.Sprintf("%0160d", i), stamp(i*4000))
		done, r := a.Add(m, time.Unix(int64(i), 0))
		if r != Kept {
			t.Fatalf("part %d: %v", i, r)
		}
		out += len(done)
	}
	b, _ := a.MarshalBinary()
	if n, _ := a.Waiting(); n != maxOpen || out != 5000-maxOpen || len(b) > 1024 {
		t.Errorf("%d wait, %d came out incomplete, %d octets of state", n, out, len(b))
	}
}

// What the cases say of single fields.
func TestBadInputDetails(t *testing.T) {
	decode := func(s string) *Message {
		t.Helper()
		m, err := DecodeHex(s, MobileTerminated, true)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	if m := decode("07911694510751F6040B911694510700F600008131123110632302C834"); m.Text != "Hi" || m.SCTS.valid() {
		t.Errorf("month 13: %q %v", m.Text, m.SCTS)
	}
	if m := decode("07911694510751F6040B911694510700F600088190123110632304D83D0041"); m.Text != "\uFFFDA" {
		t.Errorf("lone surrogate: %q", m.Text)
	}
	if m := decode("07911694510751F6040B911694510700F600008190123110632303C8F406"); m.Text != "Hi" {
		t.Errorf("escape at the end: %q", m.Text)
	}
	if m := decode("07911694510751F6040B911694510700F6008C8190123110632302C834"); m.Text != "Hi" {
		t.Errorf("reserved coding: %q", m.Text)
	}
	if m := decode("07911694510751F6440B911694510700F60004819012311063230A0500030A030541414141"); m.Concat != (Concat{}) || m.SetKey().Total != 0 || string(m.Data) != "AAAA" {
		t.Errorf("part 5 of 3: %+v", m.Concat)
	}
	if m := decode("07911694510751F6440B911694510700F600F581901231106323100605040B8423F001062E01062E01062E"); m.Ports.Dst != 2948 {
		t.Errorf("ports: %+v", m.Ports)
	}
	if m := decode("07911694510751F6040B911694510700F640008190123110632302C834"); !m.Silent() {
		t.Error("type 0 is not silent")
	}
}

// Warnings name the field that an operator should look at.
func TestWarnings(t *testing.T) {
	tests := []struct {
		name string
		m    Message
		want []string
	}{
		{"nothing", Message{}, nil},
		{"part 0 of 2", Message{UDH: []IE{{ieConcat8, []byte{1, 2, 0}}}}, []string{"udh.concat.sequence"}},
		{"part 1 of 0", Message{UDH: []IE{{ieConcat16, []byte{0, 1, 0, 1}}}}, []string{"udh.concat.sequence", "udh.concat.total"}},
		{"cut element", Message{UDH: []IE{{ieConcat8, []byte{1, 2}}}}, []string{"udh.concat.sequence"}},
		{"8-bit port", Message{UDH: []IE{{iePort8, []byte{1, 2}}}}, []string{"udh.port"}},
		{"compressed", Message{DCS: 0x20}, []string{"tp_dcs"}},
		{"silent", Message{PID: 0x40}, []string{"tp_pid"}},
		{"reserved status", Message{Type: StatusReport, Status: 0x80}, []string{"tp_st"}},
		{"filler among the recipient's digits", Message{Type: StatusReport, Quirks: FillerDigit}, []string{"tp_ra"}},
		{"every quirk", Message{Quirks: 1<<len(quirkNames) - 1}, []string{"tp_ud", "tp_ud", "tp_scts", "tp_dt", "pdu", "tp_ud", "tp_ud", "tp_ud", "tp_ud", "tp_ud", "udh.concat.sequence", "tp_vp", "tp_mti", "tp_oa", "tp_mti"}},
	}
	for _, tt := range tests {
		if tt.m.UDH != nil {
			tt.m.readHeader()
		}
		var got []string
		for _, w := range tt.m.Warnings() {
			got = append(got, w.Field)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

// Every prefix and every single changed octet of every vector decodes or errs, with the same outcome the second time, and never panics.
func TestDamagedVectors(t *testing.T) {
	var vectors []vector
	vectorFile(t, "pdu.json", &vectors)
	for _, v := range vectors {
		octets, err := hex.DecodeString(v.PDU)
		if err != nil {
			continue
		}
		for n := range octets {
			for _, dir := range []Direction{MobileTerminated, MobileOriginated} {
				checkDecode(t, octets[:n], dir, v.HasSMSC)
			}
			damaged := slices.Clone(octets)
			damaged[n] ^= byte(1 << (n % 8))
			checkDecode(t, damaged, v.direction(), v.HasSMSC)
			damaged[n] = 0xFF
			checkDecode(t, damaged, v.direction(), v.HasSMSC)
		}
	}
}

func TestHexErrors(t *testing.T) {
	for _, tt := range []struct {
		in     string
		offset int
	}{{"", 0}, {" \r\n", 0}, {"0", 0}, {"00040", 2}, {"00zz", 1}, {"0004\x00\x00", 2}, {strings.Repeat("00", 513), 0}, {"éé", 0}} {
		m, err := DecodeHex(tt.in, MobileTerminated, true)
		e, ok := err.(*Error)
		if !ok || e.Field != "pdu" || e.Offset != tt.offset || m == nil {
			t.Errorf("%q: %v", tt.in, err)
		}
	}
	if err := CheckLength([]byte{1, 2, 3}, 1, true); err != nil {
		t.Error(err)
	}
	if err := CheckLength([]byte{1, 2, 3}, 3, true); err == nil {
		t.Error("a wrong length is accepted")
	}
	if err := CheckLength(nil, 0, true); err != nil {
		t.Error(err)
	}
}
