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
func plainUTF16(dst []byte, text []byte) []byte {
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		text = text[size:]
		if high, low := utf16.EncodeRune(r); high != utf8.RuneError {
			dst = append(dst, byte(high>>8), byte(high), byte(low>>8), byte(low))
		} else {
			dst = append(dst, byte(r>>8), byte(r))
		}
	}
	return dst
}

// The words and the plain loop agree on any octets.
func FuzzUTF16(f *testing.F) {
	for _, tt := range ucs2Texts {
		octets, _ := appendUTF16(nil, tt.text)
		f.Add(octets)
	}
	f.Add([]byte("\x00a\xD8\x3D\x00b\xDE\x00\x04\x10\x07\xFF\x08\x00\xD7\xFF\xE0\x00\xFF\xFF\xD8\x3D"))
	f.Fuzz(newUTF16Body())
}

// newUTF16Body returns the body of FuzzUTF16, which uses its memory again.
func newUTF16Body() func(t *testing.T, octets []byte) {
	var want, got, plain, units []byte
	return func(t *testing.T, octets []byte) {
		octets = octets[:min(len(octets), maxUTF16)]
		want = plainUTF16Text(want[:0], octets)
		text := func(cut int) []byte {
			var high uint16
			got, high, _ = appendUTF16Text(got[:0], octets[:cut], 0)
			if cut < len(octets) {
				got, high, _ = appendUTF16Text(got, octets[cut:], high)
			}
			if high != 0 {
				got = utf8.AppendRune(got, utf8.RuneError)
			}
			return got
		}
		if got := text(len(octets)); !slices.Equal(got, want) {
			t.Fatalf("% X: %q, want %q", octets, got, want)
		}
		if len(octets) < 2 {
			return
		}
		// Cut between any two units, the halves make the same text.
		if cut := int(octets[0]^octets[1]) % len(octets) &^ 1; !slices.Equal(text(cut), want) {
			t.Fatalf("% X cut at %d: %q, want %q", octets, cut, got, want)
		}
		// Back to UTF-16, the quick way and one character at a time agree, on the text or on octets that are no text.
		back := want
		if octets[1]&1 != 0 {
			back = octets
		}
		s := string(back)
		plain = plainUTF16(plain[:0], back)
		var valid bool
		if units, valid = appendUTF16(units[:0], s); !slices.Equal(units, plain) || valid != utf8.Valid(back) {
			t.Fatalf("%q: % X %v, want % X", s, units, valid, plain)
		}
		if n, ok := utf16Units(s); ok != valid || ok && 2*n != len(plain) {
			t.Fatalf("%q: %d units, %v, want %d octets", s, n, ok, len(plain))
		}
	}
}
