package pdu

import (
	"encoding/binary"
	"slices"
	"unicode/utf8"
)

const (
	maxSeptets = 160 // septets that fit user data
	maxOctets  = 140 // octets of user data

	// Some networks deliver a few octets more than the standard allows, and mean them.
	// They are read, and written in everything but a SUBMIT.
	looseOctets = 160
)

// septetBuffer takes the septets of one TPDU; its length lets unpack write whole groups of eight.
type septetBuffer [maxSeptets + 8]byte

// packedLen returns the octets that n septets take.
func packedLen(n int) int { return (n*7 + 7) / 8 }

// unpack spreads n septets from src to one per octet; n is at most maxSeptets and src holds packedLen(n) octets. 3GPP TS 23.038 §6.1.2.1.
func (b *septetBuffer) unpack(src []byte, n int) []byte {
	for i := 0; i < n; i += 8 {
		at := i / 8 * 7
		var group uint64
		if at+8 <= len(src) {
			group = binary.LittleEndian.Uint64(src[at:])
		} else {
			for j := min(len(src), at+7) - 1; j >= at; j-- {
				group = group<<8 | uint64(src[j])
			}
		}
		// Fifty-six bits become eight octets: halves of 28 bits move apart, then quarters of 14, then septets.
		group = group&0x0FFFFFFF | group&0xFFFFFFF0000000<<4
		group = group&0x00003FFF00003FFF | group&0x0FFFC0000FFFC000<<2
		group = group&0x007F007F007F007F | group&0x3F803F803F803F80<<1
		binary.LittleEndian.PutUint64(b[i:], group)
	}
	return b[:n]
}

// pack appends septets, one per octet of src, to dst without gaps between them and with zeros behind. It is the inverse of unpack.
func pack(dst, src []byte) []byte { return packBehind(dst, 0, src) }

// packBehind is pack for septets that come behind skip others, which are left zero.
func packBehind(dst []byte, skip int, src []byte) []byte {
	n := len(dst) + skip/8*7
	end := len(dst) + packedLen(skip+len(src))
	dst = slices.Grow(dst, end-len(dst)+8)
	out := dst[:cap(dst)]
	clear(out[len(dst):n])
	if first := skip % 8; first > 0 {
		k := min(8-first, len(src))
		binary.LittleEndian.PutUint64(out[n:], together(partialWord(src[:k])<<(8*first)))
		n, src = n+7, src[k:]
	}
	for len(src) >= 8 {
		binary.LittleEndian.PutUint64(out[n:], together(binary.LittleEndian.Uint64(src))) // the eighth octet is zero and overwritten by the next group
		n, src = n+7, src[8:]
	}
	if len(src) > 0 {
		binary.LittleEndian.PutUint64(out[n:], together(partialWord(src)))
	}
	return out[:end]
}

// together moves eight septets, one per octet, together to fifty-six bits.
func together(group uint64) uint64 {
	group = group&0x007F007F007F007F | group&0x7F007F007F007F00>>1
	group = group&0x00003FFF00003FFF | group&0x3FFF00003FFF0000>>2
	return group&0x0FFFFFFF | group&0x0FFFFFFF00000000>>4
}

// partialWord returns fewer than eight octets as one number, the first one lowest.
func partialWord(b []byte) (x uint64) {
	for i := len(b) - 1; i >= 0; i-- {
		x = x<<8 | uint64(b[i])
	}
	return x
}

// sameInASCII tells whether eight characters at once, one per octet, have the same code in ASCII and in the default alphabet: letters, digits, space and most punctuation.
func sameInASCII(x uint64) bool {
	const ones = 0x0101010101010101
	low := x & (0x1F * ones)
	control := ^(x | x>>1)                         // bit 5: below 20
	outside := (low + 5*ones) | ^(low + 0x1F*ones) // bit 5: low bits 0 or from 1B on, where columns 4 to 7 have no letters
	dollar := ^((x ^ 0x24*ones) + 0x7F*ones) | x   // bit 7: the one difference in columns 2 and 3; no ASCII
	return (control|outside&(x>>1))&(0x20*ones)|dollar&(0x80*ones) == 0
}

// plainPrefix returns how many octets of text, in whole groups of eight or all of it, are characters that have the same code in ASCII and in the default alphabet.
func plainPrefix(text string) int {
	i := plainGroups(text)
	for ; i+8 <= len(text); i += 8 {
		if !sameInASCII(word(text[i : i+8])) {
			return i
		}
	}
	if i < len(text) && len(text) >= 8 {
		if sameInASCII(word(text[len(text)-8:])) {
			return len(text)
		}
		return i
	}
	for ; i < len(text); i++ {
		if b := text[i]; b >= utf8.RuneSelf || basicCodes[b] != uint16(b) {
			return 0
		}
	}
	return len(text)
}

// appendText appends the text of septets as UTF-8. escaped says that an escape came before the first one, as happens at the seam of two parts;
// the second result says so for what would follow. 3GPP TS 23.038 §6.2.1 and §6.2.1.1.
func appendText(dst, septets []byte, locking, shift Language, escaped bool) ([]byte, bool, Quirks) {
	base, extension := locking.locking(), shift.shift()
	basic := base == &lockingTables[DefaultLanguage]
	var quirks Quirks
	n := len(dst)
	dst = slices.Grow(dst, 3*len(septets)+8)
	out := dst[:cap(dst)]
	for i := 0; i < len(septets); i++ {
		if basic && !escaped {
			for i+8 <= len(septets) {
				x := binary.LittleEndian.Uint64(septets[i:])
				if !sameInASCII(x) {
					break
				}
				binary.LittleEndian.PutUint64(out[n:], x)
				i, n = i+8, n+8
			}
			if i == len(septets) {
				break
			}
		}
		septet := septets[i] & 0x7F
		r := rune(base[septet])
		switch {
		case escaped:
			escaped = false
			switch e := extension[septet]; {
			case septet == escape: // reserved for a further table: a space until there is one
				r = ' '
				quirks |= DoubleEscape
			case e != 0:
				r = rune(e)
			default: // §6.2.1.1: the character of the main table
				quirks |= UndefinedEscape
			}
		case septet == escape:
			escaped = true
			continue
		}
		switch {
		case r == 0: // a cell that the table leaves empty
			out[n] = ' '
			n++
		case r < utf8.RuneSelf:
			out[n] = byte(r)
			n++
		default:
			n += utf8.EncodeRune(out[n:], r)
		}
	}
	return out[:n], escaped, quirks
}

// appendSeptets appends the septets of text, one per octet. The error, a *CharacterError, leaves dst with what came before the character.
func appendSeptets(dst []byte, text string, locking, shift Language) ([]byte, error) {
	if locking == DefaultLanguage && shift == DefaultLanguage {
		dst, done := appendBasic(dst, text)
		if done < len(text) {
			r, _ := utf8.DecodeRuneInString(text[done:])
			return dst, &CharacterError{Rune: r, Offset: done, Alphabet: GSM7}
		}
		return dst, nil
	}
	return appendNational(dst, text, locking, shift)
}

// appendNational is appendSeptets for a pair of tables.
func appendNational(dst []byte, text string, locking, shift Language) ([]byte, error) {
	all := allNationalCodes()
	for i := 0; i < len(text); {
		if locking == DefaultLanguage && i+8 <= len(text) {
			if x := word(text[i : i+8]); sameInASCII(x) {
				dst = binary.LittleEndian.AppendUint64(dst, x)
				i += 8
				continue
			}
		}
		r, size := rune(text[i]), 1
		if r >= utf8.RuneSelf {
			r, size = decodeRune(text[i:])
		}
		c := all.find(r).in(locking, shift)
		switch {
		case c == noSeptet:
			return dst, &CharacterError{Rune: r, Offset: i, Alphabet: GSM7}
		case c > 0xFF:
			dst = append(dst, escape, byte(c))
		default:
			dst = append(dst, byte(c))
		}
		i += size
	}
	return dst, nil
}

// basicUnits returns how many septets text takes in the default tables up to a character that they lack, where that is, or the end of text, and the character. The first plain octets are their own septets.
func basicUnits(text string, plain int) (units, done int, lacking rune) {
	units = plain
	for i := plain; i < len(text); {
		if i+8 <= len(text) && sameInASCII(word(text[i:i+8])) {
			units, i = units+8, i+8
			continue
		}
		// Text that is not plain here will hardly be so at the next octet.
		for end := min(i+8, len(text)); i < end; {
			r, size := rune(text[i]), 1
			if r >= utf8.RuneSelf {
				r, size = decodeRune(text[i:])
			}
			switch c := basicCode(r); {
			case c < 0x80:
				units++
			case c == noSeptet:
				return units, i, r
			default:
				units += 2
			}
			i += size
		}
	}
	return units, len(text), 0
}

// decodeRune is utf8.DecodeRuneInString for a character that is no ASCII, but quicker.
func decodeRune(text string) (r rune, size int) {
	const most = 0x3F // of the bits in an octet that goes on, once its mark is taken away
	switch b := text[0]; {
	case b < 0xC2:
	case b < 0xE0 && len(text) > 1:
		if second := text[1] ^ 0x80; second <= most {
			return rune(b&0x1F)<<6 | rune(second), 2
		}
	case b < 0xF0 && len(text) > 2:
		second, third := text[1]^0x80, text[2]^0x80
		if r = rune(b&0x0F)<<12 | rune(second)<<6 | rune(third); second|third <= most && r >= 0x800 && r&^0x7FF != surrogateHigh {
			return r, 3
		}
	case b < 0xF5 && len(text) > 3:
		second, third, fourth := text[1]^0x80, text[2]^0x80, text[3]^0x80
		if r = rune(b&0x07)<<18 | rune(second)<<12 | rune(third)<<6 | rune(fourth); second|third|fourth <= most && r >= 0x10000 && r <= utf8.MaxRune {
			return r, 4
		}
	}
	return utf8.DecodeRuneInString(text)
}

// appendBasic appends the septets of text in the default tables, up to a character that they lack; done is where it is, or the end of text.
func appendBasic(dst []byte, text string) (out []byte, done int) {
	for i := 0; i < len(text); {
		// Eight at a time as long as they need no change.
		n := len(dst)
		run := dst[n:cap(dst)]
		k := 0
		for i+k+8 <= len(text) && k+8 <= len(run) {
			x := word(text[i+k : i+k+8])
			if !sameInASCII(x) {
				break
			}
			binary.LittleEndian.PutUint64(run[k:], x)
			k += 8
		}
		dst, i = dst[:n+k], i+k
		if i == len(text) {
			break
		}
		r, size := rune(text[i]), 1
		if r >= utf8.RuneSelf {
			r, size = decodeRune(text[i:])
		}
		c := basicCode(r)
		switch {
		case c < 0x80:
			dst = append(dst, byte(c))
		case c == noSeptet:
			return dst, i
		default:
			dst = append(dst, escape, byte(c))
		}
		i += size
	}
	return dst, len(text)
}

// word returns eight octets as one number, the first one lowest.
func word(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 | uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}
