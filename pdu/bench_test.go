package pdu

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/warthog618/sms"
	"github.com/warthog618/sms/encoding/pdumode"
	"github.com/warthog618/sms/encoding/tpdu"
)

// cpu reports the processor time per operation beside the elapsed time, which says little on a machine that does other work. It is deferred: defer cpu(b)().
func cpu(b *testing.B) func() {
	used := func() time.Duration {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	start := used()
	return func() { b.ReportMetric(float64(used()-start)/float64(b.N), "cpu-ns/op") }
}

// benchText is 160 septets of the default alphabet, as people write.
var benchText = strings.Repeat("The quick brown fox jumps over the lazy dog: 42 euros. ", 3)[:160]

// benchUCS2 is 70 UCS-2 units.
var benchUCS2 = string([]rune(strings.Repeat("Привет, как дела? ", 4))[:70])

// benchLong takes four parts.
var benchLong = strings.Repeat(benchText, 4)[:600]

// benchCases are the TPDUs, without service centre, of three messages.
func benchCases(b *testing.B) map[string][][]byte {
	b.Helper()
	cases := map[string][][]byte{}
	for name, text := range map[string]string{"160-septets": benchText, "70-ucs2": benchUCS2, "4-segments": benchLong} {
		s, err := SplitText(text, SplitOptions{Reference: 42})
		if err != nil {
			b.Fatal(err)
		}
		for i := range s.Parts {
			m := s.Message(i, Deliver)
			m.Address = Address{0x91, "4915112345678"}
			m.SCTS = TimestampOf(time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC))
			octets, err := m.Append(nil, false)
			if err != nil {
				b.Fatal(err)
			}
			cases[name] = append(cases[name], octets)
		}
	}
	for name, want := range map[string]int{"160-septets": 1, "70-ucs2": 1, "4-segments": 4} {
		if len(cases[name]) != want {
			b.Fatalf("%s: %d TPDUs", name, len(cases[name]))
		}
	}
	return cases
}

var benchNames = []string{"160-septets", "70-ucs2", "4-segments"}

// BenchmarkDecode compares whole decodings, text included, with github.com/warthog618/sms in the same run.
func BenchmarkDecode(b *testing.B) {
	cases := benchCases(b)
	for _, name := range benchNames {
		b.Run(name+"/ours", func(b *testing.B) {
			defer cpu(b)()
			var m Message
			b.ReportAllocs()
			for b.Loop() {
				for _, octets := range cases[name] {
					if err := m.Decode(octets, MobileTerminated, false); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
		b.Run(name+"/warthog", func(b *testing.B) {
			defer cpu(b)()
			b.ReportAllocs()
			for b.Loop() {
				for _, octets := range cases[name] {
					t, err := sms.Unmarshal(octets, sms.AsMT)
					if err != nil {
						b.Fatal(err)
					}
					// Its parts of several are decoded one by one, without a collector, as ours are.
					if _, err := sms.Decode([]*tpdu.TPDU{t}); err != nil && len(cases[name]) == 1 {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

// BenchmarkDecodeJoin decodes four segments and joins them, which both do.
func BenchmarkDecodeJoin(b *testing.B) {
	segments := benchCases(b)["4-segments"]
	b.Run("ours", func(b *testing.B) {
		defer cpu(b)()
		var m Message
		b.ReportAllocs()
		for b.Loop() {
			var a Assembly
			for i, octets := range segments {
				if err := m.Decode(octets, MobileTerminated, false); err != nil {
					b.Fatal(err)
				}
				if done, _ := a.Add(&m, time.Unix(0, 0)); len(done) != i/3 {
					b.Fatal(done)
				}
			}
		}
	})
	b.Run("warthog", func(b *testing.B) {
		defer cpu(b)()
		b.ReportAllocs()
		for b.Loop() {
			var parts []*tpdu.TPDU
			for _, octets := range segments {
				t, err := sms.Unmarshal(octets, sms.AsMT)
				if err != nil {
					b.Fatal(err)
				}
				parts = append(parts, t)
			}
			if _, err := sms.Decode(parts); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkSplitEncode is what sending a text costs: choose the alphabet, cut, make the TPDUs, write them.
func BenchmarkSplitEncode(b *testing.B) {
	texts := map[string]string{"160-septets": benchText, "70-ucs2": benchUCS2, "4-segments": benchLong}
	for _, name := range benchNames {
		b.Run(name+"/ours", func(b *testing.B) {
			defer cpu(b)()
			dst := make([]byte, 0, 256)
			to := Address{0x91, "4915112345678"}
			b.ReportAllocs()
			for b.Loop() {
				s, err := SplitText(texts[name], SplitOptions{Reference: 42})
				if err != nil {
					b.Fatal(err)
				}
				for i := range s.Parts {
					m := s.Message(i, Submit)
					m.Address = to
					if dst, err = m.Append(dst[:0], false); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
		b.Run(name+"/warthog", func(b *testing.B) {
			defer cpu(b)()
			b.ReportAllocs()
			for b.Loop() {
				parts, err := sms.Encode([]byte(texts[name]), sms.To("+4915112345678"), sms.AsSubmit)
				if err != nil {
					b.Fatal(err)
				}
				for i := range parts {
					if _, err := parts[i].MarshalBinary(); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

// BenchmarkDecodeHex is what the modem driver does with a line.
func BenchmarkDecodeHex(b *testing.B) {
	line := hexOf(benchCases(b)["160-septets"][0]...)
	b.Run("ours", func(b *testing.B) {
		defer cpu(b)()
		for b.Loop() {
			if _, err := DecodeHex(line, MobileTerminated, false); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("warthog", func(b *testing.B) {
		defer cpu(b)()
		for b.Loop() {
			p, err := pdumode.UnmarshalHexString("00" + line)
			if err != nil {
				b.Fatal(err)
			}
			t, err := sms.Unmarshal(p.TPDU, sms.AsMT)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := sms.Decode([]*tpdu.TPDU{t}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkFloor is the least that decoding 160 septets can cost this way: one table lookup and one store for each.
func BenchmarkFloor(b *testing.B) {
	septets, err := appendBasic(nil, benchText)
	if err != nil {
		b.Fatal(err)
	}
	var out [maxSeptets]byte
	table := &lockingTables[DefaultLanguage]
	for b.Loop() {
		for i, s := range septets[:len(out)] {
			out[i] = byte(table[s&0x7F])
		}
	}
	if string(out[:]) != benchText {
		b.Fatal(string(out[:]))
	}
}

// BenchmarkSplit cuts texts of 1,000 characters.
func BenchmarkSplit(b *testing.B) {
	latin := strings.Repeat(benchText, 7)[:1000]
	texts := map[string]string{
		"gsm7":     latin,
		"ucs2":     string([]rune(strings.Repeat("Привет, как дела? ", 60))[:1000]),
		"emoji":    string([]rune(strings.Repeat("Grüße 👩‍👩‍👧‍👦 ", 80))[:1000]),
		"national": latin[:999] + "ğ",
	}
	for name, text := range texts {
		o := SplitOptions{}
		if name == "national" {
			o.National = AllLanguages()
		}
		b.Run(name, func(b *testing.B) {
			defer cpu(b)()
			b.ReportAllocs()
			for b.Loop() {
				if _, err := SplitText(text, o); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkEncode writes TPDUs whose header and text are there already: text to septets or UTF-16, and on to octets.
func BenchmarkEncode(b *testing.B) {
	cases := benchCases(b)
	for _, name := range benchNames {
		var messages []*Message
		var theirs []*tpdu.TPDU
		for _, octets := range cases[name] {
			m, err := Decode(octets, MobileTerminated, false)
			if err != nil {
				b.Fatal(err)
			}
			d, err := sms.Unmarshal(octets, sms.AsMT)
			if err != nil {
				b.Fatal(err)
			}
			messages, theirs = append(messages, m), append(theirs, d)
		}
		b.Run(name+"/ours", func(b *testing.B) {
			defer cpu(b)()
			b.ReportAllocs()
			dst := make([]byte, 0, 256)
			for b.Loop() {
				for _, m := range messages {
					var err error
					if dst, err = m.Append(dst[:0], false); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
		b.Run(name+"/warthog", func(b *testing.B) {
			defer cpu(b)()
			b.ReportAllocs()
			for b.Loop() {
				for i, d := range theirs {
					ud, _, _ := tpdu.EncodeUserData([]byte(messages[i].Text))
					d.UD = ud
					if _, err := d.MarshalBinary(); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
