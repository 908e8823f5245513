package phone

// Dialled is a number as call plans compare it: separators removed, and told to be absent, international or as dialled. It is a value without pointers, so
// that reading one costs no allocation. The zero value is an absent (withheld) number.
//
// Numbers with a plus sign or the prefix 011 are international. Ten digits in the form of the North American plan ([2-9]xx[2-9]xxxxxx), also with a
// leading 1, are international too, with country code 1. Everything else stays as dialled.
type Dialled struct {
	key   uint64 // the first 16 characters, four bits each, the first on top; zero bits after the end
	n     uint16 // characters in all
	class uint8  // absent, international, or plain digits as dialled
	plain bool   // all characters are digits
	text  [MaxPattern]byte
}

const (
	absent        = 0
	international = 1
	asDialled     = 2
)

// maxDialled bounds what ReadDialled looks at, in octets: longer input is no number that anybody dials, and compares as its beginning.
const maxDialled = 256

// ReadDialled reads a number as it was received.
func ReadDialled(s string) Dialled {
	d := Dialled{plain: true}
	if len(s) > maxDialled {
		s = s[:maxDialled]
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		if isSeparator(c) {
			continue
		}
		if int(d.n) < len(d.text) {
			d.text[d.n] = c
		}
		if c < '0' || c > '9' {
			d.plain = d.plain && c == '+' && d.n == 0
		}
		d.n++
	}
	t := &d.text
	switch {
	case d.n == 0:
		return d
	case d.plain && t[0] == '+' && d.n > 1:
		d.class = international
		d.drop(1)
	case d.plain && d.n > 3 && t[0] == '0' && t[1] == '1' && t[2] == '1':
		d.class = international
		d.drop(3)
	case d.plain && d.n == 10 && t[0] >= '2' && t[3] >= '2':
		copy(t[1:11], t[:10])
		t[0], d.n, d.class = '1', 11, international
	case d.plain && d.n == 11 && t[0] == '1' && t[1] >= '2' && t[4] >= '2':
		d.class = international
	default:
		d.class = asDialled
		d.plain = d.plain && t[0] != '+'
	}
	for i := range min(int(d.n), 16) {
		d.key |= uint64(code(t[i])) << (60 - 4*i)
	}
	return d
}

// drop removes the first k characters.
func (d *Dialled) drop(k int) {
	copy(d.text[:], d.text[k:])
	clear(d.text[len(d.text)-k:])
	d.n -= uint16(k)
}

// Absent tells whether there is no number.
func (d *Dialled) Absent() bool { return d.class == absent }

// Area returns the North American area code of the number, 200 to 999, or 0 when it has none: other countries, short codes, absent numbers.
func (d *Dialled) Area() int {
	if d.class != international || d.n != 11 || d.text[0] != '1' || d.text[1] < '2' {
		return 0
	}
	return int(d.text[1]-'0')*100 + int(d.text[2]-'0')*10 + int(d.text[3]-'0')
}

// Subscriber returns the ten digits of a North American number as a value; false when it is none.
func (d *Dialled) Subscriber() (uint64, bool) {
	if d.Area() == 0 {
		return 0, false
	}
	v := uint64(0)
	for _, c := range d.text[1:11] {
		v = v*10 + uint64(c-'0')
	}
	return v, true
}

// Digits returns the number without plus sign: of an international one with its country code. It is cut to MaxPattern characters.
func (d *Dialled) Digits() string { return string(d.text[:min(int(d.n), len(d.text))]) }

// National returns the digits after the country code of a number of the North American plan, else "".
func (d *Dialled) National() string {
	if d.class != international || d.text[0] != '1' {
		return ""
	}
	return d.Digits()[1:]
}

// Key places the number on a line on which numbers that begin alike stand together: the form in two bits, then up to 15 characters of four bits. An absent
// number is 0. Numbers that differ only after the 15th character have the same key.
func (d *Dialled) Key() uint64 {
	if d.class == absent {
		return 0
	}
	return uint64(d.class)<<60 | d.key>>4
}

// Len returns the count of characters.
func (d *Dialled) Len() int { return int(d.n) }

// Plain tells whether all characters are digits.
func (d *Dialled) Plain() bool { return d.plain }

// code maps a character to four bits, none of them 0, in the order of the characters.
func code(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0' + 1
	case c == '#':
		return 11
	}
	return 12
}

// KeyBase is above the largest code of four bits in a Key.
const KeyBase = 13

func isSeparator(c byte) bool {
	switch c {
	case ' ', '-', '.', '/', '(', ')':
		return true
	}
	return false
}
