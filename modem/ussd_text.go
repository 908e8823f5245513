package modem

import (
	"encoding/hex"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// An Alphabet packs USSD strings into septets and back, for modems that want them so. 3GPP TS 23.038 §6.1.2.3.
type Alphabet interface {
	PackUSSD(text string) ([]byte, error)
	UnpackUSSD(octets []byte) string
}

// ussdForm is how a USSD string stands between the quotes of +CUSD.
type ussdForm uint8

const (
	formText   ussdForm = iota // characters
	formPacked                 // septets, packed, in hex
	formUCS2                   // UTF-16 in hex
	formOctets                 // one octet per character, in hex
)

// alphabetOf sorts the coding scheme of a USSD string. known is false for a reserved one. 3GPP TS 23.038 §5.
func alphabetOf(dcs int) (form ussdForm, language, known bool) {
	switch group := dcs >> 4; {
	case dcs < 0 || dcs > 255:
		return formText, false, false
	case dcs == 0x10:
		return formPacked, true, true
	case dcs == 0x11:
		return formUCS2, true, true
	case group == 0 || group == 2 || group == 3:
		return formPacked, false, true
	case group >= 4 && group <= 7 || group == 9:
		return [...]ussdForm{formPacked, formOctets, formUCS2, formText}[dcs>>2&3], false, dcs>>2&3 != 3
	case group == 15 && dcs&4 != 0:
		return formOctets, false, true
	case group == 15:
		return formPacked, false, true
	}
	return formText, false, false
}

// decodeUSSD makes text of a USSD string as a modem printed it. The coding scheme decides first, dcs -1 when there is none; then the
// shape does, since modems differ in what they leave to the host. packs says that this modem is known to print septets in hex.
func decodeUSSD(s string, dcs int, packs bool, a Alphabet) string {
	form, language, known := alphabetOf(dcs)
	octets, err := hex.DecodeString(s)
	if s == "" || err != nil {
		return plainUSSD(s)
	}
	wide, isWide := decodeUTF16(octets)
	switch {
	case known && form == formUCS2 && isWide:
		if language && len(octets) > 2 {
			if rest, ok := decodeUTF16(octets[2:]); ok { // the language, packed, stands in front
				wide = rest
			}
		}
		return wide
	case known && form == formOctets && !looksLikeText(wide, isWide):
		return fromOctets(octets)
	}
	candidates := []struct {
		text string
		ok   bool
	}{
		{wide, isWide && looksLikeText(wide, true)},
		{unpackUSSD(octets, a, language), a != nil && (packs || !plainDigits(s))},
		{fromOctets(octets), !plainDigits(s)},
		{s, true},
	}
	switch {
	case packs && candidates[1].ok && !candidates[0].ok:
		return candidates[1].text
	case len(s) < shortHex:
		return s
	}
	best, text := -1.0, s
	for i, c := range candidates {
		// What is left as it is must be better than any reading of it: hex digits alone are rarely words.
		score := likelihood(c.text)
		if i == len(candidates)-1 && !plainDigits(s) {
			score = 0
		}
		if c.ok && score > best {
			best, text = score, c.text
		}
	}
	return text
}

// shortHex is how many hex digits at least are read as anything else than what they are, when nothing but the shape tells.
const shortHex = 8

// plainDigits tells a string that people would read as a number: short, and of decimal digits only.
func plainDigits(s string) bool { return len(s) <= 20 && isDigits(s) }

func unpackUSSD(octets []byte, a Alphabet, language bool) string {
	if a == nil {
		return ""
	}
	text := a.UnpackUSSD(octets)
	if r := []rune(text); language && len(r) > 3 && r[2] == '\r' {
		text = string(r[3:]) // two letters of a language and CR. 3GPP TS 23.038 §5, group 0001
	}
	return text
}

// plainUSSD makes text of octets that are not hex: UTF-8 where they are that, else Latin-1.
func plainUSSD(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return fromOctets([]byte(s))
}

// fromOctets reads Latin-1 up to the filling at the end.
func fromOctets(b []byte) string {
	b = []byte(strings.TrimRight(string(b), "\x00"))
	if utf8.Valid(b) {
		return string(b)
	}
	r := make([]rune, len(b))
	for i, c := range b {
		r[i] = rune(c)
	}
	return string(r)
}

// decodeUTF16 reads UTF-16 in network order without the filling at the end.
func decodeUTF16(b []byte) (string, bool) {
	if len(b)%2 != 0 {
		return "", false
	}
	units := make([]uint16, 0, len(b)/2)
	for i := 0; i < len(b); i += 2 {
		units = append(units, uint16(b[i])<<8|uint16(b[i+1]))
	}
	for len(units) > 0 && units[len(units)-1] == 0 {
		units = units[:len(units)-1]
	}
	return string(utf16.Decode(units)), true
}

// looksLikeText tells whether a reading as UTF-16 is one: nothing unprintable, and of few scripts, since octets of another coding
// read so are spread over all of them.
func looksLikeText(s string, ok bool) bool {
	if !ok || s == "" {
		return false
	}
	blocks := map[rune]bool{}
	for _, r := range s {
		if r == utf8.RuneError || r < ' ' && r != '\n' && r != '\r' && r != '\t' || r >= ' ' && !unicode.IsPrint(r) && !unicode.IsSpace(r) {
			return false
		}
		if r >= 0x80 {
			blocks[r>>8] = true
		}
	}
	return len(blocks) <= 2
}

// likelihood is the share of characters that texts are usually made of, 0 to 1.
func likelihood(s string) float64 {
	usual, all := 0, 0
	for _, r := range s {
		all++
		switch {
		case r == ' ' || r == '\n' || r == '\r' || r >= '0' && r <= '9' || unicode.IsLetter(r) && r < 0x250:
			usual++
		case strings.ContainsRune(".,:;!?*#+-/()%€$£'\"", r), unicode.IsLetter(r):
			usual++
		}
	}
	if all == 0 {
		return 0
	}
	return float64(usual) / float64(all)
}

// encodeUCS2 writes text as UTF-16 in hex.
func encodeUCS2(text string) string {
	var b []byte
	for _, u := range utf16.Encode([]rune(text)) {
		b = append(b, byte(u>>8), byte(u))
	}
	return strings.ToUpper(hex.EncodeToString(b))
}
