package pdu

import (
	"math/bits"
	"unsafe"

	"golang.org/x/sys/cpu"
)

// vectors tells whether the processor has what utf16Groups needs, as all have since 2008.
var vectors = cpu.X86.HasSSSE3 && cpu.X86.HasSSE41 && cpu.X86.HasPOPCNT

// gathering says for each octet of the result which one of a vector it is. What lies behind the result does not matter.
type gathering [16]byte

// gatherings has, for every set of wide characters, how the octets of eight characters in lanes of 16 bits, of one octet or of two with the first in the upper half, move together;
// and how those of four in lanes of 32 bits do: bits 0 to 3 for those that take two octets or more, bits 4 to 7 for those that take three.
//
// For the other way, apart has how the octets of characters of one octet and of two come into lanes of 16 bits, the last octet lowest, for every set of octets that are not the first of a character.
type gatherings struct{ eight, four, apart [256]gathering }

var allGatherings = func() (all gatherings) {
	for set := range 256 {
		n := 0
		for lane := range 8 {
			if set>>lane&1 != 0 {
				all.eight[set][n] = byte(2*lane + 1)
				n++
			}
			all.eight[set][n] = byte(2 * lane)
			n++
		}
		n = 0
		for lane := range 4 {
			for octet := range 1 + bits.OnesCount(uint(set>>lane&0x11)) {
				all.four[set][n] = byte(4*lane + octet)
				n++
			}
		}
		n = -1
		for octet := range 8 {
			if set>>octet&1 == 0 || n < 0 {
				n++
				all.apart[set][2*n+1] = nothing
			} else {
				all.apart[set][2*n+1] = all.apart[set][2*n]
			}
			all.apart[set][2*n] = byte(octet)
		}
	}
	return all
}()

// nothing in a gathering makes a zero.
const nothing = 0x80

// utf16Groups writes the UTF-8 of UTF-16 in network order, eight units at a time, up to eight among which a surrogate is, or the end. rest is even and counts the octets from the first one that is read;
// at least 16 octets end there. It returns how many octets it read and wrote, and scribbles on up to 24 behind those.
//
//go:noescape
func utf16Groups(out *byte, octets *byte, rest int, tables *gatherings) (read, written int)

// appendUnits is the quick way through texts of at least eight units: see words for what it does.
func appendUnits(out *textSpace, n uint, octets []byte, i int) (uint, int) {
	if !vectors {
		return words(out, n, octets, i)
	}
	if rest := (len(octets) - i) &^ 1; rest > 0 && i+rest >= 16 {
		read, written := utf16Groups(&out[n], &octets[i], rest, &allGatherings)
		return n + uint(written), i + read
	}
	return n, i
}

// utf8Groups writes the UTF-16 of UTF-8, at least eight octets, eight at a time, up to eight among which is something else than characters of one octet and of two, or the end.
// It returns how many octets it read and wrote, and scribbles on up to 16 behind those.
//
//go:noescape
func utf8Groups(out *byte, text *byte, rest int, tables *[256]gathering) (read, written int)

// appendCharacters is the quick way through characters of one octet and of two: it writes at out[n:] what text[i:] begins with, for which there is room, and returns where it stopped in both.
func appendCharacters(out []byte, n int, text string, i int) (int, int) {
	if !vectors {
		return characters(out, n, text, i)
	}
	if len(text)-i >= 8 {
		read, written := utf8Groups(&out[n], unsafe.StringData(text[i:]), len(text)-i, &allGatherings.apart)
		return n + written, i + read
	}
	return n, i
}

// utf8Count counts characters of UTF-8, at least sixteen octets, sixteen at a time, up to sixteen among which is something else than characters of one octet and of two, or the end.
//
//go:noescape
func utf8Count(text *byte, rest int) (read, characters int)

// countCharacters is the quick way to count characters of one octet and of two, from text[i:] on. It returns their number and where it stopped.
func countCharacters(text string, i int) (n, end int) {
	if vectors && len(text)-i >= 16 {
		read, characters := utf8Count(unsafe.StringData(text[i:]), len(text)-i)
		n, i = characters, i+read
	}
	m, end := count(text, i)
	return n + m, end
}

// plainCount counts octets that have the same code in ASCII and in the default alphabet as sameInASCII tells, sixteen at a time, up to sixteen among which is another one, or fewer than sixteen.
//
//go:noescape
func plainCount(text *byte, rest int) int

// plainGroups is the quick way through plain text: it returns how many octets at its beginning, in groups of sixteen, are plain.
func plainGroups(text string) int {
	if vectors && len(text) >= 16 {
		return plainCount(unsafe.StringData(text), len(text))
	}
	return 0
}
