package pdu

import (
	"encoding/binary"
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
func pack(dst, src []byte) []byte {
	var octets [8]byte
	for len(src) > 0 {
		n := min(len(src), 8)
		var group uint64
		if n == 8 {
			group = binary.LittleEndian.Uint64(src)
		} else {
			for j := n - 1; j >= 0; j-- {
				group = group<<8 | uint64(src[j])
			}
		}
		group = group&0x007F007F007F007F | group&0x7F007F007F007F00>>1
		group = group&0x00003FFF00003FFF | group&0x3FFF00003FFF0000>>2
		group = group&0x0FFFFFFF | group&0x0FFFFFFF00000000>>4
		binary.LittleEndian.PutUint64(octets[:], group)
		dst = append(dst, octets[:packedLen(n)]...)
		src = src[n:]
	}
	return dst
}

// appendText appends the text of septets as UTF-8. escaped says that an escape came before the first one, as happens at the seam of two parts;
// the second result says so for what would follow. 3GPP TS 23.038 §6.2.1 and §6.2.1.1.
func appendText(dst, septets []byte, locking, shift Language, escaped bool) ([]byte, bool, Quirks) {
	base, extension := locking.locking(), shift.shift()
	var quirks Quirks
	for _, septet := range septets {
		r := base[septet&0x7F]
		switch {
		case escaped:
			escaped = false
			switch e := extension[septet&0x7F]; {
			case septet == escape: // reserved for a further table: a space until there is one
				r = ' '
				quirks |= DoubleEscape
			case e != 0:
				r = e
			default: // §6.2.1.1: the character of the main table
				quirks |= UndefinedEscape
			}
		case septet == escape:
			escaped = true
			continue
		}
		switch {
		case r == 0: // a cell that the table leaves empty
			dst = append(dst, ' ')
		case r < utf8.RuneSelf:
			dst = append(dst, byte(r))
		case r < 0x800:
			dst = append(dst, 0xC0|byte(r>>6), 0x80|byte(r&0x3F))
		default:
			dst = append(dst, 0xE0|byte(r>>12), 0x80|byte(r>>6&0x3F), 0x80|byte(r&0x3F))
		}
	}
	return dst, escaped, quirks
}

// appendSeptets appends the septets of text, one per octet. The error, a *CharacterError, leaves dst with what came before the character.
func appendSeptets(dst []byte, text string, locking, shift Language) ([]byte, error) {
	if locking == DefaultLanguage && shift == DefaultLanguage {
		return appendBasic(dst, text)
	}
	for i, r := range text {
		c := code(r, locking, shift)
		switch {
		case c == noSeptet:
			return dst, &CharacterError{Rune: r, Offset: i, Alphabet: GSM7}
		case c > 0xFF:
			dst = append(dst, escape, byte(c))
		default:
			dst = append(dst, byte(c))
		}
	}
	return dst, nil
}

// appendBasic is appendSeptets for the default tables.
func appendBasic(dst []byte, text string) ([]byte, error) {
	for i, r := range text {
		c := basicCode(r)
		switch {
		case c < 0x80:
			dst = append(dst, byte(c))
		case c == noSeptet:
			return dst, &CharacterError{Rune: r, Offset: i, Alphabet: GSM7}
		default:
			dst = append(dst, escape, byte(c))
		}
	}
	return dst, nil
}
