//go:build !amd64

package pdu

// appendUnits is the quick way through a text: see words.
func appendUnits(out *textSpace, n uint, octets []byte, i int) (uint, int) {
	return words(out, n, octets, i)
}
