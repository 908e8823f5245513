//go:build !amd64

package pdu

// appendUnits is the quick way through a text: see words.
func appendUnits(out *textSpace, n uint, octets []byte, i int) (uint, int) {
	return words(out, n, octets, i)
}

// appendCharacters is the quick way through characters of one octet and of two: see characters.
func appendCharacters(out []byte, n int, text string, i int) (int, int) {
	return characters(out, n, text, i)
}

// countCharacters is the quick way to count characters of one octet and of two: see count.
func countCharacters(text string, i int) (n, end int) { return count(text, i) }

// plainGroups is the quick way to the first of sixteen octets that are not all plain, where there is one.
func plainGroups(string) int { return 0 }
