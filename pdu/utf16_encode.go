package pdu

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"unicode/utf16"
	"unicode/utf8"
)

// tops are the top bits of eight octets.
const tops = 0x8080808080808080

// continuations returns the top bits of those of eight octets that continue a character: 10xxxxxx.
func continuations(x uint64) uint64 { return x &^ (x << 1) & tops }

// utf16Units returns how many units text takes in UTF-16, up to where it is no UTF-8; valid is false when there is such a place.
func utf16Units(text string) (units int, valid bool) {
	for i := 0; i < len(text); {
		var n int
		n, i = countCharacters(text, i)
		units += n
		// One at a time, up to a character of at most two octets, which may begin such a run.
		for more := true; more && i < len(text); {
			size, n := 1, 1
			if text[i] >= utf8.RuneSelf {
				var r rune
				if r, size = decodeRune(text[i:]); r == utf8.RuneError && size == 1 {
					return units, false
				}
				if size == 4 {
					n = 2
				}
			}
			more = size > 2
			units, i = units+n, i+size
		}
	}
	return units, true
}

// count counts characters of one octet and of two from text[i:] on, eight octets at a time, and returns their number and where it stopped.
func count(text string, i int) (n, end int) {
	for i+8 <= len(text) {
		x := word(text[i : i+8])
		if x&tops == 0 {
			n, i = n+8, i+8
			continue
		}
		second := continuations(x)
		first := x & tops &^ second
		// Each of the first octets is one of two, neither C0 nor C1, and has a second one; there are no others.
		if first&(x<<2) != 0 || second != first<<8 || first&^(x&0x1E1E1E1E1E1E1E1E+0x7E7E7E7E7E7E7E7E) != 0 {
			break
		}
		n += 8 - bits.OnesCount64(second)
		i += 8
		if first>>63 != 0 { // its second one is not among them
			n--
			i--
		}
	}
	return n, i
}

// utf16Fitting returns how many octets of text, which is valid UTF-8 from its beginning, fit a number of units in UTF-16, and the units that they take.
func utf16Fitting(text string, capacity int) (size, units int) {
	for size+8 <= len(text) {
		x := word(text[size : size+8])
		n := 8 - bits.OnesCount64(continuations(x)) + bits.OnesCount64(x&(x<<1)&(x<<2)&(x<<3)&tops) // characters that begin there, and those of four octets
		if units+n > capacity {
			break
		}
		size, units = size+8, units+n
	}
	// The last character that was counted may go on.
	for size > 0 && size < len(text) && text[size]&0xC0 == 0x80 {
		size++
	}
	for size < len(text) {
		w := width(text[size])
		n := 1 + w/4
		if units+n > capacity {
			break
		}
		size, units = size+w, units+n
	}
	return size, units
}

// appendUTF16 appends text in UTF-16, network order. valid is false when the text is not UTF-8; what is not becomes U+FFFD.
func appendUTF16(dst []byte, text string) (out []byte, valid bool) {
	valid = true
	n := len(dst)
	dst = slices.Grow(dst, 2*len(text)+16) // at most one unit for each octet
	out = dst[:cap(dst)]
	for i := 0; i < len(text); {
		n, i = appendCharacters(out, n, text, i)
		// One at a time, up to a character of at most two octets behind what stopped there.
		for end := i + 8; i < len(text); {
			b := text[i]
			if i >= end && b < 0xE0 {
				break
			}
			switch {
			case b < utf8.RuneSelf:
				binary.BigEndian.PutUint16(out[n:], uint16(b))
				n, i = n+2, i+1
				continue
			case b >= 0xC2 && b < 0xE0 && i+1 < len(text) && text[i+1]&0xC0 == 0x80: // two octets
				binary.BigEndian.PutUint16(out[n:], uint16(b&0x1F)<<6|uint16(text[i+1]&0x3F))
				n, i = n+2, i+2
				continue
			}
			r, size := decodeRune(text[i:])
			valid = valid && (r != utf8.RuneError || size > 1)
			if r < 0x10000 {
				binary.BigEndian.PutUint16(out[n:], uint16(r))
				n += 2
			} else {
				high, low := utf16.EncodeRune(r)
				binary.BigEndian.PutUint32(out[n:], uint32(high)<<16|uint32(low))
				n += 4
			}
			i += size
		}
	}
	return out[:n], valid
}

// characters writes characters of one octet and of two from text[i:] at out[n:], eight octets at a time as long as they are of one kind, and returns where it stopped in both.
func characters(out []byte, n int, text string, i int) (int, int) {
	for i+8 <= len(text) {
		x := word(text[i : i+8])
		switch {
		case x&tops == 0:
			low, high := spread(uint32(x)), spread(uint32(x>>32))
			binary.LittleEndian.PutUint64(out[n:], low<<8)
			binary.LittleEndian.PutUint64(out[n+8:], high<<8)
			n, i = n+16, i+8
		// Four characters of two octets, which neither C0 nor C1 begins.
		case x&0xC0E0C0E0C0E0C0E0 == 0x80C080C080C080C0 && (x&0x001E001E001E001E+0x007E007E007E007E)&0x0080008000800080 == 0x0080008000800080:
			first, second := x&0x001F001F001F001F, x>>8&0x003F003F003F003F
			units := first<<6 | second
			binary.LittleEndian.PutUint64(out[n:], units>>8&0x00FF00FF00FF00FF|units<<8&0xFF00FF00FF00FF00)
			n, i = n+8, i+8
		default:
			return n, i
		}
	}
	return n, i
}

// spread moves four octets into lanes of 16 bits.
func spread(x uint32) uint64 {
	y := uint64(x)
	y = (y | y<<16) & 0x0000FFFF0000FFFF
	return (y | y<<8) & 0x00FF00FF00FF00FF
}
