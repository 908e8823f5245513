package pdu

import (
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestTransliterate(t *testing.T) {
	tests := []struct{ in, gsm7, ascii string }{
		{"plain {[~]} text\r\n", "plain {[~]} text\r\n", "plain {[~]} text\r\n"},
		{"Straße", "Straße", "Strasse"},
		{"é ñ ä ø £ € Δ", "é ñ ä ø £ € Δ", "e n a o GBP EUR D"},
		{"Łódź đ œ", "Lodz d oe", "Lodz d oe"},
		{"“quoted” – and… ‘so’", "\"quoted\" - and... 'so'", "\"quoted\" - and... 'so'"},
		{"Привет", "Privet", "Privet"},
		{"Αθήνα", "Athena", "Athena"},
		{"a\u0308 e\u0301 x\u0301 A\u030A", "ä é x Å", "a e x A"},
		{"😀 ok 👍🏽", " ok ", " ok "},
		{"`tick`\ttab", "'tick' tab", "'tick' tab"},
		{"\x00\x1b\x7fa\xffb", "ab", "ab"},
		{"ъ", "'", "'"},
		{"", "", ""},
	}
	for _, tt := range tests {
		if got := Transliterate(tt.in, KeepText); got != tt.in {
			t.Errorf("keep %q: %q", tt.in, got)
		}
		if got := Transliterate(tt.in, ToGSM7); got != tt.gsm7 {
			t.Errorf("gsm7 %q: got %q, want %q", tt.in, got, tt.gsm7)
		}
		if got := Transliterate(tt.in, ToASCII); got != tt.ascii {
			t.Errorf("ascii %q: got %q, want %q", tt.in, got, tt.ascii)
		}
	}
}

// Whatever comes in, the result is in the alphabet, and a second pass changes nothing.
func TestTransliterateAny(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String().Draw(t, "text")
		for _, mode := range []Transliteration{ToGSM7, ToASCII} {
			got := Transliterate(text, mode)
			for _, r := range got {
				if !InGSM7(r) || mode == ToASCII && r >= utf8.RuneSelf {
					t.Fatalf("%v of %q has %q", mode, text, r)
				}
			}
			if again := Transliterate(got, mode); again != got {
				t.Fatalf("%v twice: %q, then %q", mode, got, again)
			}
		}
	})
}
