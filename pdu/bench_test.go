package pdu

import (
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/warthog618/sms"
	"github.com/warthog618/sms/encoding/pdumode"
	"github.com/warthog618/sms/encoding/tpdu"
)

// beside measures ours and theirs in turns, so that whatever else the machine does slows both, and reports medians: of both times, and of how many times theirs is longer.
//
// "times" is of turns of a tenth of a millisecond, in few of which garbage is collected, "least" of the best of these turns;
// "with-gc" is of turns of ten milliseconds, each of which begins without garbage and pays, in processor time on all threads, for collecting its own.
func beside(b *testing.B, ours, theirs func()) {
	const short, long = 100 * time.Microsecond, 10 * time.Millisecond
	per := func(run func(), n int) float64 {
		start := time.Now()
		for range n {
			run()
		}
		return float64(time.Since(start)) / float64(n)
	}
	perCPU := func(run func(), n int) float64 {
		runtime.GC()
		start := processorTime(b)
		for range n {
			run()
		}
		return float64(processorTime(b)-start) / float64(n)
	}
	// As many runs as make a turn.
	count := func(run func(), turn time.Duration) int {
		n := 1
		for per(run, n)*float64(n) < float64(turn)/2 {
			n *= 2
		}
		return n
	}
	shortOurs, shortTheirs, longOurs, longTheirs := count(ours, short), count(theirs, short), count(ours, long), count(theirs, long)
	var mine, other, ratios, withGC []float64
	for b.Loop() {
		for range 20 {
			x, y := per(ours, shortOurs), per(theirs, shortTheirs)
			mine, other, ratios = append(mine, x), append(other, y), append(ratios, y/x)
		}
		withGC = append(withGC, perCPU(theirs, longTheirs)/perCPU(ours, longOurs))
	}
	for _, all := range [][]float64{mine, other, ratios, withGC} {
		slices.Sort(all)
	}
	half := len(ratios) / 2
	b.ReportMetric(mine[half], "ours-ns")
	b.ReportMetric(other[half], "theirs-ns")
	b.ReportMetric(ratios[half], "times")
	b.ReportMetric(other[0]/mine[0], "least")
	b.ReportMetric(withGC[len(withGC)/2], "with-gc")
	b.ReportMetric(0, "ns/op") // of all these turns
	b.ReportMetric(testing.AllocsPerRun(100, ours), "ours-allocs")
	b.ReportMetric(testing.AllocsPerRun(100, theirs), "theirs-allocs")
}

// processorTime returns what the process has used so far.
func processorTime(t testing.TB) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
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
		b.Run(name, func(b *testing.B) { besideDecode(b, cases[name]) })
	}
}

// besideDecode compares decodings of some TPDUs.
func besideDecode(b *testing.B, tpdus [][]byte) {
	var m Message
	beside(b, func() {
		for _, octets := range tpdus {
			if err := m.Decode(octets, MobileTerminated, false); err != nil {
				b.Fatal(err)
			}
		}
	}, func() {
		for _, octets := range tpdus {
			t, err := sms.Unmarshal(octets, sms.AsMT)
			if err != nil {
				b.Fatal(err)
			}
			// Its parts of several are decoded one by one, without a collector, as ours are.
			if _, err := sms.Decode([]*tpdu.TPDU{t}); err != nil && len(tpdus) == 1 {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkDecodeJoin decodes four segments and joins them, which both do.
func BenchmarkDecodeJoin(b *testing.B) {
	segments := benchCases(b)["4-segments"]
	var m Message
	beside(b, func() {
		var a Assembly
		for i, octets := range segments {
			if err := m.Decode(octets, MobileTerminated, false); err != nil {
				b.Fatal(err)
			}
			if done, _ := a.Add(&m, time.Unix(0, 0)); len(done) != i/3 {
				b.Fatal(done)
			}
		}
	}, func() {
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
	})
}

// BenchmarkSplitEncode is what sending a text costs: choose the alphabet, cut, make the TPDUs, write them.
func BenchmarkSplitEncode(b *testing.B) {
	texts := map[string]string{"160-septets": benchText, "70-ucs2": benchUCS2, "4-segments": benchLong}
	to := Address{0x91, "4915112345678"}
	for _, name := range benchNames {
		text := texts[name]
		b.Run(name, func(b *testing.B) {
			dst := make([]byte, 0, 256)
			beside(b, func() {
				s, err := SplitText(text, SplitOptions{Reference: 42})
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
			}, func() {
				parts, err := sms.Encode([]byte(text), sms.To("+4915112345678"), sms.AsSubmit)
				if err != nil {
					b.Fatal(err)
				}
				for i := range parts {
					if _, err := parts[i].MarshalBinary(); err != nil {
						b.Fatal(err)
					}
				}
			})
		})
	}
}

// BenchmarkDecodeHex is what the modem driver does with a line: a new Message each time.
func BenchmarkDecodeHex(b *testing.B) {
	line := hexOf(benchCases(b)["160-septets"][0]...)
	beside(b, func() {
		if _, err := DecodeHex(line, MobileTerminated, false); err != nil {
			b.Fatal(err)
		}
	}, func() {
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
	})
}

// BenchmarkFloor is the least that decoding 160 septets can cost this way: one table lookup and one store for each.
func BenchmarkFloor(b *testing.B) {
	septets, err := appendSeptets(nil, benchText, DefaultLanguage, DefaultLanguage)
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
			var took []time.Duration
			b.ReportAllocs()
			for b.Loop() {
				start := time.Now()
				if _, err := SplitText(text, o); err != nil {
					b.Fatal(err)
				}
				if took = append(took, time.Since(start)); len(took) == cap(took) {
					took = slices.Grow(took, 1<<16)
				}
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[0]), "least-ns")
			b.ReportMetric(float64(took[len(took)/2]), "median-ns")
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
		b.Run(name, func(b *testing.B) {
			dst := make([]byte, 0, 256)
			beside(b, func() {
				for _, m := range messages {
					var err error
					if dst, err = m.Append(dst[:0], false); err != nil {
						b.Fatal(err)
					}
				}
			}, func() {
				for i, d := range theirs {
					ud, _, _ := tpdu.EncodeUserData([]byte(messages[i].Text))
					d.UD = ud
					if _, err := d.MarshalBinary(); err != nil {
						b.Fatal(err)
					}
				}
			})
		})
	}
}
