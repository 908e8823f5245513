package pdu

import (
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"
	"unicode/utf8"
)

// ucs2Texts are texts of 70 UCS-2 units, and one of a single unit, which is what all but the text costs.
var ucs2Texts = []struct{ name, text string }{
	{"header", "Ж"},
	{"cyrillic", benchUCS2},
	{"ascii", benchText[:70]},
	{"two-octets", strings.Repeat("жщ", 35)},
	{"cjk", strings.Repeat("漢字", 35)},
	{"emoji", strings.Repeat("😀", 35)},
	{"mixed", "Grüße aus Köln ğ 😀 bis bald, Deine Łucja 👍🏽 und alle andern da drü"},
}

// ucs2TPDU returns a DELIVER of a text.
func ucs2TPDU(b *testing.B, text string) []byte {
	s, err := SplitText(text, SplitOptions{Alphabet: UCS2})
	if err != nil || len(s.Parts) != 1 {
		b.Fatal(len(s.Parts), err)
	}
	m := s.Message(0, Deliver)
	m.Address = Address{0x91, "4915112345678"}
	m.SCTS = TimestampOf(time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC))
	octets, err := m.Append(nil, false)
	if err != nil {
		b.Fatal(err)
	}
	return octets
}

// least measures short runs and reports the fastest, which on a machine that does other work tells most about the code, and least about collections of garbage.
func least(b *testing.B, run func()) {
	const runs = 200
	best := time.Duration(1 << 62)
	for b.Loop() {
		start := time.Now()
		for range runs {
			run()
		}
		best = min(best, time.Since(start))
	}
	b.ReportMetric(float64(best)/runs, "least-ns")
	b.ReportMetric(0, "ns/op") // of 200 runs, and so misleading
}

// BenchmarkDecodeUCS2 compares texts of several scripts with github.com/warthog618/sms.
func BenchmarkDecodeUCS2(b *testing.B) {
	for _, tt := range ucs2Texts {
		octets := ucs2TPDU(b, tt.text)
		b.Run(tt.name, func(b *testing.B) { besideDecode(b, [][]byte{octets}) })
	}
}

// BenchmarkFloorUCS2 is what the text alone costs into memory that is there: by our words, and by a plain loop over units.
func BenchmarkFloorUCS2(b *testing.B) {
	for _, tt := range ucs2Texts {
		octets, _ := appendUTF16(nil, tt.text)
		dst := make([]byte, 0, 1024)
		b.Run(tt.name+"/words", func(b *testing.B) {
			least(b, func() { dst, _, _ = appendUTF16Text(dst[:0], octets, 0) })
		})
		if string(dst) != tt.text {
			b.Fatalf("%q", dst)
		}
		b.Run(tt.name+"/units", func(b *testing.B) {
			least(b, func() { dst = plainUTF16Text(dst[:0], octets) })
		})
		if string(dst) != tt.text {
			b.Fatalf("%q", dst)
		}
	}
}

// plainUTF16Text is appendUTF16Text as one would write it first.
func plainUTF16Text(dst, octets []byte) []byte {
	for i := 0; i+2 <= len(octets); i += 2 {
		r := rune(octets[i])<<8 | rune(octets[i+1])
		if utf16.IsSurrogate(r) && i+4 <= len(octets) {
			if pair := utf16.DecodeRune(r, rune(octets[i+2])<<8|rune(octets[i+3])); pair != utf8.RuneError {
				r = pair
				i += 2
			}
		}
		dst = utf8.AppendRune(dst, r)
	}
	return dst
}

// plainUTF16 is appendUTF16 as one would write it first.
func plainUTF16(text string) (octets []byte) {
	for _, r := range text {
		if high, low := utf16.EncodeRune(r); high != utf8.RuneError {
			octets = append(octets, byte(high>>8), byte(high), byte(low>>8), byte(low))
		} else {
			octets = append(octets, byte(r>>8), byte(r))
		}
	}
	return octets
}

// The words and the plain loop agree on any octets.
func FuzzUTF16(f *testing.F) {
	for _, tt := range ucs2Texts {
		octets, _ := appendUTF16(nil, tt.text)
		f.Add(octets)
	}
	f.Add([]byte("\x00a\xD8\x3D\x00b\xDE\x00\x04\x10\x07\xFF\x08\x00\xD7\xFF\xE0\x00\xFF\xFF\xD8\x3D"))
	f.Fuzz(utf16Body)
}

func utf16Body(t *testing.T, octets []byte) {
	octets = octets[:min(len(octets), maxUTF16)]
	want := plainUTF16Text(nil, octets)
	got, high, _ := appendUTF16Text(nil, octets, 0)
	if high != 0 {
		got = utf8.AppendRune(got, utf8.RuneError)
	}
	if !slices.Equal(got, want) {
		t.Fatalf("% X: %q, want %q", octets, got, want)
	}
	// Back to UTF-16, the quick way and one character at a time agree, on the text and on octets that are no text.
	for _, text := range []string{string(want), string(octets)} {
		plain := plainUTF16(text)
		got, valid := appendUTF16(nil, text)
		if !slices.Equal(got, plain) || valid != utf8.ValidString(text) {
			t.Fatalf("%q: % X %v, want % X", text, got, valid, plain)
		}
		if units, ok := utf16Units(text); ok != valid || ok && 2*units != len(plain) {
			t.Fatalf("%q: %d units, %v, want %d octets", text, units, ok, len(plain))
		}
	}
	// Cut between any two units, the halves make the same text.
	if len(octets) < 2 {
		return
	}
	at := int(octets[0]^octets[1]) % len(octets) &^ 1
	text, high, _ := appendUTF16Text(nil, octets[:at], 0)
	text, high, _ = appendUTF16Text(text, octets[at:], high)
	if high != 0 {
		text = utf8.AppendRune(text, utf8.RuneError)
	}
	if !slices.Equal(text, want) {
		t.Fatalf("% X cut at %d: %q, want %q", octets, at, text, want)
	}
}
