package pdu

import (
	"math/bits"

	"golang.org/x/sys/cpu"
)

// vectors tells whether the processor has what utf16Groups needs, as all have since 2008.
var vectors = cpu.X86.HasSSSE3 && cpu.X86.HasSSE41 && cpu.X86.HasPOPCNT

// gathering says for each octet of the result which one of a vector it is. What lies behind the result does not matter.
type gathering [16]byte

// gatherings has, for every set of wide characters, how the octets of eight characters in lanes of 16 bits, of one or two octets each, move together;
// and how those of four in lanes of 32 bits do: bits 0 to 3 for those that take two octets or more, bits 4 to 7 for those that take three.
type gatherings struct{ eight, four [256]gathering }

var allGatherings = func() (all gatherings) {
	for set := range 256 {
		n := 0
		for lane := range 8 {
			for octet := range 1 + set>>lane&1 {
				all.eight[set][n] = byte(2*lane + octet)
				n++
			}
		}
		n = 0
		for lane := range 4 {
			for octet := range 1 + bits.OnesCount(uint(set>>lane&0x11)) {
				all.four[set][n] = byte(4*lane + octet)
				n++
			}
		}
	}
	return all
}()

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
