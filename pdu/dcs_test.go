package pdu

import (
	"fmt"
	"testing"
	"time"
)

// All 256 data coding schemes, against TS 23.038 §4 written down as a table of bit patterns.
func TestEveryDCS(t *testing.T) {
	for d := range 256 {
		var alphabet = GSM7
		class := NoClass
		var compressed, reserved, waiting bool
		var w Waiting
		bits := fmt.Sprintf("%08b", d)
		switch bits[:2] {
		case "00", "01":
			compressed = bits[2] == '1'
			switch bits[4:6] {
			case "01":
				alphabet = Octets
			case "10":
				alphabet = UCS2
			case "11":
				reserved = true
			}
			if bits[3] == '1' {
				class = map[string]Class{"00": Class0, "01": Class1, "10": Class2, "11": Class3}[bits[6:]]
			}
		case "10":
			reserved = true
		case "11":
			if bits[2:4] == "11" {
				reserved = bits[4] == '1'
				if bits[5] == '1' {
					alphabet = Octets
				}
				class = map[string]Class{"00": Class0, "01": Class1, "10": Class2, "11": Class3}[bits[6:]]
				break
			}
			waiting = true
			reserved = bits[5] == '1'
			w = Waiting{Store: bits[2:4] != "00", Active: bits[4] == '1', Type: map[string]WaitingType{"00": Voicemail, "01": Fax, "10": Email, "11": OtherMessage}[bits[6:]]}
			if bits[2:4] == "10" {
				alphabet = UCS2
			}
		}
		dcs := DCS(d)
		got, ok := dcs.Waiting()
		if dcs.Alphabet() != alphabet || dcs.Class() != class || dcs.Compressed() != compressed || dcs.Reserved() != reserved || ok != waiting || got != w || dcs.AutoDelete() != (bits[:2] == "01") {
			t.Errorf("%02X: %v class %d compressed %v reserved %v waiting %v %v", d, dcs.Alphabet(), dcs.Class().Number(), dcs.Compressed(), dcs.Reserved(), ok, got)
		}
		// Whatever the coding, a message with it decodes and encodes to itself.
		m := Message{Type: Deliver, Address: Address{0x91, "491"}, DCS: dcs, SCTS: stamp(0), Text: "Hi", Data: []byte{0, 'H', 0, 'i'}}
		octets, err := m.Append(nil, false)
		if err != nil {
			t.Fatalf("%02X: %v", d, err)
		}
		back, err := Decode(octets, MobileTerminated, false)
		if err != nil || back.Quirks != 0 {
			t.Fatalf("%02X: %v %v", d, err, back.QuirkNames())
		}
		if again, err := back.Append(nil, false); err != nil || string(again) != string(octets) {
			t.Errorf("%02X: % X, again % X (%v)", d, octets, again, err)
		}
	}
	for _, a := range []Alphabet{GSM7, Octets, UCS2} {
		for c := NoClass; c <= Class3; c++ {
			if d := NewDCS(a, c); d.Alphabet() != a || d.Class() != c || d.Reserved() || d.Compressed() {
				t.Errorf("NewDCS(%v, %d) = %02X", a, c, d)
			}
		}
	}
}

// All relative validity periods, against the sentences of TS 23.040 §9.2.3.12.1, and back.
func TestEveryValidity(t *testing.T) {
	last := time.Duration(0)
	for vp := range 256 {
		var want time.Duration
		switch {
		case vp <= 143:
			want = time.Duration(vp+1) * 5 * time.Minute
		case vp <= 167:
			want = 12*time.Hour + time.Duration(vp-143)*30*time.Minute
		case vp <= 196:
			want = time.Duration(vp-166) * 24 * time.Hour
		default:
			want = time.Duration(vp-192) * 7 * 24 * time.Hour
		}
		v := Validity{Format: Relative, Octets: [7]byte{byte(vp)}}
		got, ok := v.Duration()
		if !ok || got != want || got <= last {
			t.Errorf("%d: %v %v, want %v", vp, got, ok, want)
		}
		if back := RelativeValidity(got); back != v {
			t.Errorf("RelativeValidity(%v) = %d, want %d", got, back.Octets[0], vp)
		}
		if up := RelativeValidity(last + time.Second); up != v {
			t.Errorf("RelativeValidity(%v) = %d, want %d, which is the next that is not below", last+time.Second, up.Octets[0], vp)
		}
		last = got
	}
	if v := RelativeValidity(1000 * 7 * 24 * time.Hour); v.Octets[0] != 255 {
		t.Errorf("too long: %d", v.Octets[0])
	}
}

func TestEnhancedValidity(t *testing.T) {
	for _, d := range []time.Duration{0, time.Second, 255 * time.Second, 256 * time.Second, 3 * time.Hour, 99*time.Hour + 59*time.Minute + 59*time.Second, 200 * time.Hour} {
		want := min(max(d, time.Second), 99*time.Hour+59*time.Minute+59*time.Second)
		v := EnhancedValidity(d, true)
		if got, ok := v.Duration(); !ok || got != want || !v.SingleShot() || !v.valid() {
			t.Errorf("%v: %v %v", d, got, ok)
		}
	}
	// The first octet of every enhanced format: three formats of a period, the others tell none.
	for first := range 256 {
		v := Validity{Format: Enhanced, Octets: [7]byte{byte(first), 0x10, 0x20, 0x30}}
		_, ok := v.Duration()
		if want := first&7 >= 1 && first&7 <= 3; ok != want {
			t.Errorf("%02X: period %v, want %v", first, ok, want)
		}
	}
}

// Every value of every octet of a time stamp is a time only if time.Date keeps it as it is.
func TestEveryTimestamp(t *testing.T) {
	base := stamp(0)
	for at := range base {
		for value := range 256 {
			s := base
			s[at] = byte(value)
			got, ok := s.Time()
			if ok != s.valid() {
				t.Fatalf("% X: Time says %v, valid %v", s, ok, s.valid())
			}
			if ok {
				if back := TimestampOf(got); back != s && !(at == 6 && value == 0x08) { // minus zero is zero
					t.Errorf("% X is %v, which is % X", s, got, back)
				}
				if unix, known := s.unix(); !known || unix != got.Unix() {
					t.Errorf("% X: unix %d, want %d", s, unix, got.Unix())
				}
			} else if n := value&15*10 + value>>4; value&15 <= 9 && value>>4 <= 9 && at < 6 {
				limits := [6][2]int{{0, 99}, {1, 12}, {1, 31}, {0, 23}, {0, 59}, {0, 59}}[at]
				if n >= limits[0] && n <= limits[1] {
					t.Errorf("% X: %d is refused", s, n)
				}
			}
		}
	}
	for s, want := range map[Timestamp]bool{
		{0x42, 0x20, 0x92, 0, 0, 0, 0}: true, {0x32, 0x20, 0x92, 0, 0, 0, 0}: false, // 29 February
		{0x42, 0x40, 0x13, 0, 0, 0, 0}: false, // 31 April
		{}:                             false,
	} {
		if s.valid() != want {
			t.Errorf("% X: %v", s, !want)
		}
	}
	if got := (Timestamp{0x09, 0x10, 0x10, 0, 0, 0, 0x8A}); !got.valid() {
		t.Errorf("% X is refused", got)
	} else if at, _ := got.Time(); at.Year() != 1990 || at.Format("-07:00") != "-07:00" {
		t.Errorf("% X is %v", got, at)
	}
}
