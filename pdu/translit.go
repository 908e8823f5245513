package pdu

import (
	"strings"
	"unicode/utf8"

	"github.com/gosimple/unidecode"
)

// Transliteration says what to do with characters that would cost parts or that a reader cannot show.
type Transliteration uint8

const (
	// KeepText sends the text as it is, in UCS-2 when it needs that.
	KeepText Transliteration = iota
	// ToGSM7 keeps every character of the default GSM alphabet and its extension table, é ñ ä ß € among them, replaces others by what comes near
	// (ł l, “ ", … ..., Я Ya, € €), and drops what has nothing near, such as emoji.
	ToGSM7
	// ToASCII replaces every character outside ASCII (é e, ß ss, € EUR, £ GBP) and drops what has nothing near.
	ToASCII
)

// String returns "keep", "gsm7" or "ascii".
func (t Transliteration) String() string {
	return [...]string{"keep", "gsm7", "ascii"}[min(int(t), 2)]
}

// Transliterate rewrites text. The result of ToGSM7 has only characters of the default GSM alphabet, and so has that of ToASCII, which has only ASCII too; either may be empty.
// Invalid UTF-8 is dropped, except by KeepText.
func Transliterate(text string, mode Transliteration) string {
	if mode == KeepText {
		return text
	}
	var out strings.Builder
	out.Grow(len(text))
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		i += size
		if r == utf8.RuneError && size == 1 {
			continue
		}
		// A letter and a combining accent behind it are one character to the reader.
		if next, n := utf8.DecodeRuneInString(text[i:]); n > 1 {
			if c := compose(r, next); c != 0 {
				r = c
				i += n
			}
		}
		if keeps(r, mode) {
			out.WriteRune(r)
			continue
		}
		for _, c := range replacement(r) {
			if keeps(c, mode) {
				out.WriteRune(c)
			}
		}
	}
	return out.String()
}

// keeps tells whether a mode leaves r as it is. The escape is no character.
func keeps(r rune, mode Transliteration) bool {
	return InGSM7(r) && (mode == ToGSM7 || r < utf8.RuneSelf)
}

// replacement returns what stands for r, perhaps with characters that are not kept either.
func replacement(r rune) string {
	switch r {
	case euro:
		return "EUR"
	case '£':
		return "GBP"
	case '¥':
		return "JPY"
	case '`', '´', '\u2018', '\u2019':
		return "'"
	case '\t', '\v', '\u00A0', '\u2028', '\u2029':
		return " "
	}
	if r < utf8.RuneSelf {
		return ""
	}
	// The tables answer some letters with a grave accent, which the alphabet lacks.
	return strings.ReplaceAll(unidecode.Unidecode(string(r)), "`", "'")
}

// compose returns the character of the default GSM alphabet that a letter and a combining mark make, 0 for none.
func compose(letter, mark rune) rune {
	i := strings.IndexRune("\u0300\u0301\u0303\u0308\u030A\u0327", mark)
	if i < 0 {
		return 0
	}
	letters, composed := composed[i/2][0], []rune(composed[i/2][1])
	if at := strings.IndexRune(letters, letter); at >= 0 {
		return composed[at]
	}
	return 0
}

// composed has, for grave, acute, tilde, diaeresis, ring and cedilla, the letters and what they become. Each mark takes two octets of UTF-8.
var composed = [...][2]string{
	{"aeiou", "àèìòù"},
	{"eE", "éÉ"},
	{"nN", "ñÑ"},
	{"aouAOU", "äöüÄÖÜ"},
	{"aA", "åÅ"},
	{"C", "Ç"},
}
