package phone

import (
	"encoding/binary"
	"math/bits"
)

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
func ReadDialled(s string) (d Dialled) {
	d.Read(s)
	return d
}

// Read is ReadDialled without a copy: it reads into d, whatever d was. Most numbers are 8 to 16 digits, with or without a plus sign, and are read eight at once.
func (d *Dialled) Read(s string) {
	*d = Dialled{}
	digits, plus := s, s != "" && s[0] == '+'
	if plus {
		digits = s[1:]
	}
	if n := len(digits); n >= 8 && n <= 16 {
		first, last := eight(digits), eight(digits[n-8:]) // which overlap in numbers of less than 16 digits
		if areDigits(first) && areDigits(last) {
			binary.LittleEndian.PutUint64(d.text[:], first)
			binary.LittleEndian.PutUint64(d.text[n-8:], last)
			d.key = uint64(codes(first))<<32 | uint64(codes(last))<<32>>(4*(n-8))
			if plus {
				d.n, d.plain, d.class = uint16(n), true, international
			} else {
				d.classify(n, false, true)
			}
			return
		}
	}
	d.classify(d.readAny(s))
}

// classify tells what n characters are that have been read.
func (d *Dialled) classify(n int, plus, plain bool) {
	d.n, d.plain, d.class = uint16(n), plain, asDialled
	t := &d.text
	switch {
	case n == 0 && !plus:
		*d = Dialled{plain: true}
	case plus && (!plain || n == 0):
		d.undo()
	case plus:
		d.class = international
	case !plain:
	case n > 3 && t[0] == '0' && t[1] == '1' && t[2] == '1':
		d.class = international
		d.drop(3)
	case n == 10 && t[0] >= '2' && t[3] >= '2':
		copy(t[1:11], t[:10])
		t[0], d.n, d.class = '1', 11, international
		d.key = d.key>>4 | uint64(code('1'))<<60
	case n == 11 && t[0] == '1' && t[1] >= '2' && t[4] >= '2':
		d.class = international
	}
}

// areDigits tells whether eight octets are all digits: none above '9', none below '0'.
func areDigits(eight uint64) bool {
	const nines, zeros, tops = 0x4646464646464646, 0x3030303030303030, 0x8080808080808080
	return ((eight+nines)|(eight-zeros))&tops == 0
}

// eight returns the first eight octets, the first of them lowest.
func eight(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 | uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// codes returns the codes of eight digits, the first on top.
func codes(eight uint64) uint32 {
	v := bits.ReverseBytes64(eight) - 0x2f2f2f2f2f2f2f2f
	v = (v | v>>4) & 0x00ff00ff00ff00ff
	v = (v | v>>8) & 0x0000ffff0000ffff
	return uint32(v | v>>16)
}

// readAny reads what may be anything.
func (d *Dialled) readAny(s string) (n int, plus, plain bool) {
	s, plain = s[:min(len(s), maxDialled)], true
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c < '0' || c > '9' {
			if isSeparator(c) {
				continue
			}
			if c == '+' && n == 0 && !plus {
				plus = true
				continue
			}
			plain = false
		}
		if n < 16 {
			d.key |= uint64(code(c)) << (60 - 4*n)
		}
		if n < len(d.text) {
			d.text[n] = c
		}
		n++
	}
	return n, plus, plain
}

// undo puts back the plus sign of what is no international number.
func (d *Dialled) undo() {
	copy(d.text[1:], d.text[:len(d.text)-1])
	d.text[0], d.plain = '+', false
	d.n++
	d.key = d.key>>4 | uint64(code('+'))<<60
}

// drop removes the first k characters.
func (d *Dialled) drop(k int) {
	copy(d.text[:], d.text[k:])
	clear(d.text[len(d.text)-k:])
	d.n -= uint16(k)
	d.key = 0
	for i := range min(int(d.n), 16) {
		d.key |= uint64(code(d.text[i])) << (60 - 4*i)
	}
}

// Absent tells whether there is no number.
func (d *Dialled) Absent() bool { return d.class == absent }

// Area returns the North American area code of the number, 200 to 999, or 0 when it has none: other countries, short codes, absent numbers.
func (d *Dialled) Area() int {
	const one, two = '1' - '0' + 1, '2' - '0' + 1 // as codes
	a, b, c := d.key>>56&0xf, d.key>>52&0xf, d.key>>48&0xf
	if d.class != international || d.n != 11 || d.key>>60 != one || a < two {
		return 0
	}
	return int(a*100+b*10+c) - 111
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
func (d *Dialled) Key() uint64 { return uint64(d.class)<<60 | d.key>>4 }

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

func isSeparator(c byte) bool {
	switch c {
	case ' ', '-', '.', '/', '(', ')':
		return true
	}
	return false
}
