package phone

import (
	"fmt"
	"strings"
)

// MaxPattern is the highest count of positions in a pattern; no number is longer (E.164 allows 15 digits, an address on the air 20).
const MaxPattern = 32

// Pattern describes numbers of call plans. The grammar:
//
//	pattern  = "anonymous" | [ "+" ] position { position } [ "*" ] | [ "+" ] "*"
//	position = "0"…"9" | "#" | "x" (any digit) | "n" (2 to 9) | "z" (1 to 9)
//
// Letters in any case; blanks, "-", ".", "/" and parentheses are ignored; a star stands for any rest, also none. Patterns are comparable. The zero value
// matches nothing.
type Pattern struct {
	value, mask uint64 // of the characters that are fixed, as in Dialled.key
	text        [MaxPattern]byte
	n           uint8
	star, plus  bool
	withheld    bool // the literal "anonymous"
	fast        bool // value, mask and length say all about numbers of digits
}

// fastLen is how long a pattern may be to be compared by its bits also after the country code.
const fastLen = 15

// ParsePattern reads a pattern. Its error says what is wrong with the text.
func ParsePattern(s string) (Pattern, error) {
	if strings.EqualFold(strings.TrimSpace(s), "anonymous") {
		return Pattern{withheld: true}, nil
	}
	var p Pattern
	fast := true
	for i, r := range s {
		switch {
		case r < 128 && isSeparator(byte(r)):
			continue
		case p.star:
			return Pattern{}, fmt.Errorf("a star may only stand at the end; use x for single digits")
		case r == '+' && p.n == 0 && !p.plus:
			p.plus = true
			continue
		case r == '*':
			p.star = true
			continue
		}
		if p.n == MaxPattern {
			return Pattern{}, fmt.Errorf("more than %d positions are longer than any number", MaxPattern)
		}
		switch r {
		case 'x', 'X':
			p.text[p.n] = 'x'
		case 'n', 'N':
			p.text[p.n], fast = 'n', false
		case 'z', 'Z':
			p.text[p.n], fast = 'z', false
		default:
			if (r < '0' || r > '9') && r != '#' {
				return Pattern{}, fmt.Errorf("character %q at position %d is none of 0 to 9, #, x, n, z, a leading + and a trailing *", r, i+1)
			}
			p.text[p.n] = byte(r)
			if p.n < 16 {
				p.value |= uint64(code(byte(r))) << (60 - 4*p.n)
				p.mask |= 0xf << (60 - 4*p.n)
			}
		}
		p.n++
	}
	if p.n == 0 && !p.star {
		return Pattern{}, fmt.Errorf("the pattern is empty")
	}
	p.fast = fast && p.n <= fastLen
	return p, nil
}

// String returns the pattern in its shortest form, which ParsePattern reads.
func (p Pattern) String() string {
	if p.withheld {
		return "anonymous"
	}
	s := string(p.text[:p.n])
	if p.plus {
		s = "+" + s
	}
	if p.star {
		s += "*"
	}
	return s
}

// Len returns the count of positions, without plus sign and star.
func (p Pattern) Len() int { return int(p.n) }

// Open tells whether the pattern ends in a star.
func (p Pattern) Open() bool { return p.star }

// International tells whether the pattern begins with a plus sign.
func (p Pattern) International() bool { return p.plus }

// Match tells whether the pattern describes the whole number. With a plus sign it is compared with the international form only; without, with the
// international digits, with the national digits of a North American number, and with the digits of a number that is as dialled.
func (p *Pattern) Match(d *Dialled) bool {
	switch d.class {
	case absent:
		return p.withheld
	case international:
		if p.fits(d.key, int(d.n), d.plain, d.text[:]) {
			return true
		}
		return !p.plus && d.text[0] == '1' && d.n > 1 && p.fits(d.key<<4, int(d.n)-1, d.plain, d.text[1:])
	}
	return !p.plus && p.fits(d.key, int(d.n), d.plain, d.text[:])
}

// fits compares with characters: key holds the first 16 of them, or 15 after a shift.
func (p *Pattern) fits(key uint64, n int, plain bool, text []byte) bool {
	if n != int(p.n) && (!p.star || n < int(p.n)) || p.withheld || p.n == 0 && !p.star {
		return false
	}
	if p.fast && plain {
		return key&p.mask == p.value
	}
	if int(p.n) > len(text) {
		return false
	}
	for i, want := range p.text[:p.n] {
		c := text[i]
		digit := c >= '0' && c <= '9'
		switch want {
		case 'x':
			if !digit {
				return false
			}
		case 'n':
			if !digit || c < '2' {
				return false
			}
		case 'z':
			if !digit || c < '1' {
				return false
			}
		default:
			if c != want {
				return false
			}
		}
	}
	return true
}

// Example returns a number that the pattern describes, "" for "anonymous".
func (p Pattern) Example() string {
	if p.withheld {
		return ""
	}
	b := []byte(p.String())
	for i, c := range b {
		switch c {
		case 'x':
			b[i] = '5'
		case 'n', 'z':
			b[i] = '2'
		case '*':
			b[i] = '7'
		}
	}
	return string(b)
}

// Range is a set of numbers: those with a Key from Lo to Hi, both included, of MinLen to MaxLen characters.
type Range struct {
	Lo, Hi         uint64
	MinLen, MaxLen int
	International  bool // of the international form, which has only digits
	Digits         bool // the pattern has wildcards for digits: of numbers with other characters it may describe none
	Exact          bool // the pattern describes all numbers of the set that have only digits, and all of it without Digits; else perhaps only some
}

// Ranges returns what the pattern can match, as one range for each form in which a number is compared: at most three.
func (p Pattern) Ranges() []Range {
	if p.withheld {
		return []Range{{Exact: true}}
	}
	if p.n == 0 && !p.star {
		return nil
	}
	all := []Range{p.span(international, "")}
	if !p.plus {
		all = append(all, p.span(international, "1"), p.span(asDialled, ""))
	}
	return all
}

// span returns the range of numbers of a class that the pattern describes after a prefix.
func (p Pattern) span(class uint64, prefix string) Range {
	text := prefix + string(p.text[:p.n])
	r := Range{MinLen: len(text), MaxLen: len(text), International: class == international, Exact: len(text) <= 15, Digits: strings.ContainsAny(text, "xnz")}
	if p.star {
		r.MaxLen = 1 << 16
	}
	free := false // a wildcard was met: from here on the range says nothing of single positions
	for i := range 15 {
		lo, hi := uint64(0), uint64(0)
		switch {
		case i >= len(text):
			if p.star {
				hi = 0xf
			}
		case free:
			lo, hi = 1, 10
			r.Exact = r.Exact && text[i] == 'x'
		default:
			switch text[i] {
			case 'x':
				lo, hi, free = 1, 10, true
			case 'n':
				lo, hi, free = 3, 10, true
			case 'z':
				lo, hi, free = 2, 10, true
			default:
				lo = uint64(code(text[i]))
				hi = lo
			}
		}
		r.Lo |= lo << (56 - 4*i)
		r.Hi |= hi << (56 - 4*i)
	}
	r.Lo |= class << 60
	r.Hi |= class << 60
	return r
}

// AreaKeys returns the lowest and the highest Key of the numbers of a North American area code.
func AreaKeys(area int) (lo, hi uint64) {
	lo = uint64(international)<<60 | uint64(code('1'))<<56
	for i, digit := range [3]int{area / 100, area / 10 % 10, area % 10} {
		lo |= uint64(digit+1) << (52 - 4*i)
	}
	const lowest, highest = 0x1111111, 0xaaaaaaa // seven digits 0, seven digits 9
	return lo | lowest<<16, lo | highest<<16
}
