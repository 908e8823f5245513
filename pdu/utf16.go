package pdu

import (
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
	for i := 0; i+1 < len(octets); i += 2 {
		u := uint16(octets[i])<<8 | uint16(octets[i+1])
		if high != 0 {
			if u >= surrogateLow && u < surrogateEnd {
				dst = utf8.AppendRune(dst, utf16.DecodeRune(rune(high), rune(u)))
				high = 0
				continue
			}
			dst = utf8.AppendRune(dst, utf8.RuneError)
			quirks |= LoneSurrogate
			high = 0
		}
		switch {
		case u < utf8.RuneSelf:
			dst = append(dst, byte(u))
		case u < 0x800:
			dst = append(dst, 0xC0|byte(u>>6), 0x80|byte(u&0x3F))
		case u >= surrogateHigh && u < surrogateLow:
			high = u
		case u >= surrogateLow && u < surrogateEnd:
			dst = utf8.AppendRune(dst, utf8.RuneError)
			quirks |= LoneSurrogate
		default:
			dst = append(dst, 0xE0|byte(u>>12), 0x80|byte(u>>6&0x3F), 0x80|byte(u&0x3F))
		}
	}
	return dst, high, quirks
}

// appendUTF16 appends text in UTF-16, network order. Invalid UTF-8 becomes U+FFFD.
func appendUTF16(dst []byte, text string) []byte {
	for _, r := range text {
		if r < 0x10000 {
			dst = append(dst, byte(r>>8), byte(r))
			continue
		}
		high, low := utf16.EncodeRune(r)
		dst = append(dst, byte(high>>8), byte(high), byte(low>>8), byte(low))
	}
	return dst
}
