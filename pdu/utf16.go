package pdu

import (
	"encoding/binary"
	"slices"
	"unicode/utf16"
	"unicode/utf8"
)

const (
	surrogateHigh = 0xD800
	surrogateLow  = 0xDC00
	surrogateEnd  = 0xE000
)

// appendUTF16Text appends the text of octets in UTF-16, network order. high is a first surrogate that came before, 0 when there was none; the second result is the one that is left at the end.
// A surrogate without its other half reads as U+FFFD, and so does the caller's rest. An odd last octet is dropped. 3GPP TS 23.038 §6.2.3.
func appendUTF16Text(dst, octets []byte, high uint16) ([]byte, uint16, Quirks) {
	var quirks Quirks
	if len(octets)%2 != 0 {
		quirks |= OddUCS2
	}
	n := len(dst)
	dst = slices.Grow(dst, 3*(len(octets)/2)+8)
	out := dst[:cap(dst)]
	for len(octets) >= 2 {
		if high == 0 && len(octets) >= 8 {
			// Four units below 0800 at a time: x has them in lanes of 16 bits. Each lane becomes the two octets of its character, or the one octet and a zero;
			// wide has a 1 in the lanes of two. Text mixes both, so there is no branch on it.
			if x := binary.BigEndian.Uint64(octets); x&0xF800F800F800F800 == 0 {
				wide := (x + 0x7F807F807F807F80) >> 15 & 0x0001000100010001
				two := x&0x07C007C007C007C0<<2 | x&0x003F003F003F003F | 0xC080C080C080C080
				mask := wide * 0xFFFF
				lanes := two&mask | x<<8&^mask
				if wide == 0x0001000100010001 {
					binary.BigEndian.PutUint64(out[n:], lanes)
					n += 8
					octets = octets[8:]
					continue
				}
				at := out[n : n+8]
				binary.BigEndian.PutUint16(at, uint16(lanes>>48))
				n1 := 1 + wide>>48
				binary.BigEndian.PutUint16(at[n1&7:], uint16(lanes>>32))
				n1 += 1 + wide>>32&1
				binary.BigEndian.PutUint16(at[n1&7:], uint16(lanes>>16))
				n1 += 1 + wide>>16&1
				binary.BigEndian.PutUint16(at[n1&7:], uint16(lanes))
				n += int(n1 + 1 + wide&1)
				octets = octets[8:]
				continue
			}
		}
		u := uint(octets[0])<<8 | uint(octets[1])
		octets = octets[2:]
		if high != 0 {
			if u >= surrogateLow && u < surrogateEnd {
				n += utf8.EncodeRune(out[n:], utf16.DecodeRune(rune(high), rune(u)))
				high = 0
				continue
			}
			n += utf8.EncodeRune(out[n:], utf8.RuneError)
			quirks |= LoneSurrogate
			high = 0
		}
		switch {
		case u < utf8.RuneSelf:
			out[n] = byte(u)
			n++
		case u < 0x800:
			out[n], out[n+1] = byte(u>>6|0xC0), byte(u&0x3F|0x80)
			n += 2
		case u >= surrogateHigh && u < surrogateLow:
			high = uint16(u)
		case u >= surrogateLow && u < surrogateEnd:
			n += utf8.EncodeRune(out[n:], utf8.RuneError)
			quirks |= LoneSurrogate
		default:
			out[n], out[n+1], out[n+2] = byte(u>>12|0xE0), byte(u>>6&0x3F|0x80), byte(u&0x3F|0x80)
			n += 3
		}
	}
	return out[:n], high, quirks
}

// appendUTF16 appends text in UTF-16, network order. valid is false when the text is not UTF-8; what is not becomes U+FFFD.
func appendUTF16(dst []byte, text string) (out []byte, valid bool) {
	valid = true
	for i := 0; i < len(text); {
		b := text[i]
		switch {
		case b < utf8.RuneSelf:
			dst = append(dst, 0, b)
			i++
			continue
		case b >= 0xC2 && b < 0xE0 && i+1 < len(text) && text[i+1]&0xC0 == 0x80: // two octets, the usual case outside ASCII
			dst = append(dst, b>>2&7, b<<6|text[i+1]&0x3F)
			i += 2
			continue
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		valid = valid && (r != utf8.RuneError || size > 1)
		if r < 0x10000 {
			dst = append(dst, byte(r>>8), byte(r))
		} else {
			high, low := utf16.EncodeRune(r)
			dst = append(dst, byte(high>>8), byte(high), byte(low>>8), byte(low))
		}
		i += size
	}
	return dst, valid
}
