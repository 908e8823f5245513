package pdu

import (
	"encoding/binary"
	"slices"
	"unicode/utf8"
)

const (
	surrogateHigh = 0xD800
	surrogateLow  = 0xDC00
)

// textSpace is more than the text of one TPDU in UTF-16 takes: three octets for each unit and for half a pair before it, and a word written ahead.
// Writing into an array of fixed size needs hardly any checks.
type textSpace [416]byte

// maxUTF16 is how many octets appendUTF16Text takes at once. User data have less.
const maxUTF16 = 255

// packing says how four characters below 0800, each in a lane of 16 bits, move together when some of them take one octet.
type packing struct {
	wide  uint64    // the lanes of two octets
	moved [5]uint64 // which octets stay and which move left by 8, 16, 24 and 32 bits: one octet for every character of one octet up to here
	size  uint      // octets in all
}

// packings has a packing for every set of wide lanes, the first lane in the lowest bit.
var packings = func() (all [16]packing) {
	for set := range all {
		p := &all[set]
		narrow := 0
		for i := range 4 {
			lane := uint64(0xFFFF) << (48 - 16*i)
			if set>>i&1 != 0 {
				p.wide |= lane
				p.moved[narrow] |= lane << (8 * narrow)
				p.size += 2
			} else {
				narrow++
				p.moved[narrow] |= lane & (lane >> 8) << (8 * narrow)
				p.size++
			}
		}
	}
	return all
}()

// appendUTF16Text appends the text of octets in UTF-16, network order, at most maxUTF16 of them. high is a first surrogate that came before, 0 when there was none; the second result is the one that is left at the end.
// A surrogate without its other half reads as U+FFFD, and so does the caller's rest. An odd last octet is dropped. 3GPP TS 23.038 §6.2.3.
func appendUTF16Text(dst, octets []byte, high uint16) ([]byte, uint16, Quirks) {
	if len(octets) > maxUTF16 {
		panic("pdu: more UTF-16 than user data hold") // vectors do not check bounds
	}
	var quirks Quirks
	if len(octets)%2 != 0 {
		quirks |= OddUCS2
	}
	start := len(dst)
	dst = slices.Grow(dst, len(textSpace{}))
	out := (*textSpace)(dst[start:cap(dst)])
	n, i := uint(0), 0
	if high != 0 && len(octets) >= 2 {
		if low := binary.BigEndian.Uint16(octets); low&^0x3FF == surrogateLow {
			binary.BigEndian.PutUint32(out[:], fourOctets(high, low))
			n, i = 4, 2
		} else {
			n = uint(copy(out[:], unreadable))
			quirks |= LoneSurrogate
		}
		high = 0
	}
	for next := i; i+2 <= len(octets); {
		if i >= next {
			if n, i = appendUnits(out, n, octets, i); i+2 > len(octets) {
				break
			}
			next = i + 8 // it stopped before units of several kinds
		}
		u := binary.BigEndian.Uint16(octets[i:])
		i += 2
		switch {
		case u < utf8.RuneSelf:
			out[n] = byte(u)
			n++
		case u < 0x800:
			binary.BigEndian.PutUint16(out[n:], u+3*(u&0x07C0)+0xC080)
			n += 2
		case u&^0x7FF != surrogateHigh:
			binary.BigEndian.PutUint32(out[n:], threeOctets(u)<<8)
			n += 3
		case u < surrogateLow && i+2 > len(octets):
			high = u
		default:
			if u < surrogateLow {
				if low := binary.BigEndian.Uint16(octets[i:]); low&^0x3FF == surrogateLow {
					binary.BigEndian.PutUint32(out[n:], fourOctets(u, low))
					n, i = n+4, i+2
					continue
				}
			}
			n += uint(copy(out[n:], unreadable))
			quirks |= LoneSurrogate
		}
	}
	return dst[:start+int(n)], high, quirks
}

// words writes the text of the octets from i on at out[n:], four units at a time, up to four that are not of one kind: all below 0800, all above, or two surrogate pairs.
// It returns where it stopped in both.
func words(out *textSpace, n uint, octets []byte, i int) (uint, int) {
	const (
		each       = 0x0001000100010001
		above7F    = 0x7F80 * each // carries into the top bit of lanes of 80 and more
		above7FF   = 0xF800 * each
		upper      = 0x07C0 * each // the bits that go into the first octet of two
		two        = 0xC080 * each
		gatherBits = 1 | 2<<16 | 4<<32 | 8<<48 // a product's top lane has one bit of each lane
	)
	for i <= len(octets)-8 {
		x := binary.BigEndian.Uint64(octets[i:])
		// Four units that take three octets each: the upper five bits are neither 0 nor those of a surrogate.
		top := x >> 11 & (0x1F * each)
		switch {
		case x&above7FF == 0:
			wide := (x + above7F) >> 15 & each
			// The upper bits belong two places further left; they are there once, so three times more.
			lanes := x + 3*(x&upper) + two
			i += 8
			if wide == each {
				binary.BigEndian.PutUint64(out[n:], lanes)
				n += 8
				continue
			}
			// Text mixes both, so there is no branch on which.
			p := &packings[wide*gatherBits>>48&15]
			lanes = lanes&p.wide | x&^p.wide
			lanes = lanes&p.moved[0] | lanes<<8&p.moved[1] | lanes<<16&p.moved[2] | lanes<<24&p.moved[3] | lanes<<32&p.moved[4]
			binary.BigEndian.PutUint64(out[n:], lanes)
			n += p.size
		case (top+0x1F*each)&(top^0x1B*each+0x1F*each)&(0x20*each) == 0x20*each:
			binary.BigEndian.PutUint32(out[n:], threeOctets(uint16(x>>48))<<8)
			binary.BigEndian.PutUint32(out[n+3:], threeOctets(uint16(x>>32))<<8)
			binary.BigEndian.PutUint32(out[n+6:], threeOctets(uint16(x>>16))<<8)
			binary.BigEndian.PutUint32(out[n+9:], threeOctets(uint16(x))<<8)
			n, i = n+12, i+8
		case x&0xFC00FC00FC00FC00 == 0xD800DC00D800DC00: // two surrogate pairs
			binary.BigEndian.PutUint32(out[n:], fourOctets(uint16(x>>48), uint16(x>>32)))
			binary.BigEndian.PutUint32(out[n+4:], fourOctets(uint16(x>>16), uint16(x)))
			n, i = n+8, i+8
		default:
			return n, i
		}
	}
	return n, i
}

// unreadable stands for half a surrogate pair.
const unreadable = string(utf8.RuneError)

// threeOctets returns the UTF-8 of a character from 0800 on.
func threeOctets(u uint16) uint32 {
	x := uint32(u)
	return 0xE08080 | x&0xF000<<4 | x&0x0FC0<<2 | x&0x3F
}

// fourOctets returns the UTF-8 of a surrogate pair.
func fourOctets(high, low uint16) uint32 {
	x := 0x10000 + uint32(high&0x3FF)<<10 + uint32(low&0x3FF)
	return 0xF0808080 | x&0x1C0000<<6 | x&0x3F000<<4 | x&0xFC0<<2 | x&0x3F
}
