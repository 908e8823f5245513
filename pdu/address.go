package pdu

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// Address is an originator, a destination, a recipient or a service centre. It is comparable; the zero value is no address. 3GPP TS 23.040 §9.1.2.5.
type Address struct {
	TOA   byte   // type of address as sent, e.g. 91 hexadecimal for international; 0 only in the zero value
	Value string // digits without '+': 0-9 * # a b c; a text when the type of number is alphanumeric
}

// Types of number, bits 6 to 4 of the type of address.
const (
	tonUnknown       = 0
	tonInternational = 1
	tonAlphanumeric  = 5

	toaUnknown       = 0x81
	toaInternational = 0x91
	toaAlphanumeric  = 0xD0

	maxDigits = 20 // semi-octets of an address in a TPDU
)

const digitCharacters = "0123456789*#abc"

// ParseAddress reads "+4915112345678" as an international number and digits (also * # a b c) as one of unknown type. At most 20 digits; the *Error has the field "address".
func ParseAddress(s string) (Address, error) {
	a := Address{TOA: toaUnknown, Value: s}
	if strings.HasPrefix(s, "+") {
		a = Address{TOA: toaInternational, Value: s[1:]}
	}
	if err := a.check("address"); err != nil {
		return Address{}, err
	}
	if a.Value == "" {
		return Address{}, fail("address", 0, "no digits in %q", s)
	}
	return a, nil
}

// ParseAlphanumeric makes a sender from a text: 1 to 11 septets of the default alphabet.
func ParseAlphanumeric(s string) (Address, error) {
	a := Address{TOA: toaAlphanumeric, Value: s}
	if err := a.check("address"); err != nil {
		return Address{}, err
	}
	if s == "" {
		return Address{}, fail("address", 0, "no characters")
	}
	return a, nil
}

// TON returns the type of number: 0 unknown, 1 international, 2 national, 3 network, 4 subscriber, 5 alphanumeric, 6 abbreviated.
func (a Address) TON() int { return int(a.TOA >> 4 & 7) }

// NPI returns the numbering plan: 1 for telephone numbers.
func (a Address) NPI() int { return int(a.TOA & 15) }

// IsZero tells whether there is no address at all.
func (a Address) IsZero() bool { return a == Address{} }

// IsAlphanumeric tells whether Value is a text that nobody can answer.
func (a Address) IsAlphanumeric() bool { return a.TON() == tonAlphanumeric }

// String returns Value, with a '+' before an international number. It is for people: a text may look like a number.
func (a Address) String() string {
	if a.TON() == tonInternational && a.TOA != 0 {
		return "+" + a.Value
	}
	return a.Value
}

// check tells why a has no encoding as the field named.
func (a Address) check(field string) *Error {
	if a.IsAlphanumeric() {
		septets, err := appendSeptets(nil, a.Value, DefaultLanguage, DefaultLanguage)
		if err != nil {
			return fail(field, 0, "%v", err)
		}
		if len(septets) > maxDigits*4/7 {
			return fail(field+".length", 0, "%d characters, at most %d", len(septets), maxDigits*4/7)
		}
		return nil
	}
	if len(a.Value) > maxDigits {
		return fail(field+".length", 0, "%d digits, at most %d", len(a.Value), maxDigits)
	}
	for i := range len(a.Value) {
		if digitValues[a.Value[i]] == noDigit {
			return fail(field, 0, "%q is no digit", a.Value[i])
		}
	}
	return nil
}

// semiOctets returns the number of semi-octets that the value takes.
func (a Address) semiOctets() int {
	if a.IsAlphanumeric() {
		septets, _ := appendSeptets(nil, a.Value, DefaultLanguage, DefaultLanguage)
		return (len(septets)*7 + 3) / 4
	}
	return len(a.Value)
}

// appendValue appends the type of address and the value, which check accepts.
func (a Address) appendValue(dst []byte) []byte {
	dst = append(dst, a.TOA)
	if a.IsAlphanumeric() {
		septets, _ := appendSeptets(nil, a.Value, DefaultLanguage, DefaultLanguage)
		return pack(dst, septets)
	}
	dst, _ = appendDigits(dst, a.Value)
	return dst
}

// appendDigits appends digits as semi-octets; ok is false when something is no digit.
func appendDigits(dst []byte, digits string) (out []byte, ok bool) {
	if n := len(digits); n >= 8 && n <= 16 {
		first, decimal := eightDigits(word(digits))
		rest := 8 * (n - 8) // bits of the digits after the first eight, with zeros behind
		second, more := eightDigits(word(digits[n-8:])>>(64-rest) | zeroDigits<<rest)
		if decimal && more {
			octets := uint64(second)<<32 | uint64(first)
			if n%2 != 0 {
				octets |= 0xF0 << (n / 2 * 8)
			}
			return binary.LittleEndian.AppendUint64(dst, octets)[:len(dst)+(n+1)/2], true
		}
	}
	var all byte
	for ; len(digits) >= 2; digits = digits[2:] {
		first, second := digitValues[digits[0]], digitValues[digits[1]]
		all |= first | second
		dst = append(dst, second<<4|first)
	}
	if digits != "" {
		last := digitValues[digits[0]]
		all |= last
		dst = append(dst, 0xF0|last)
	}
	return dst, all < noDigit
}

// zeroDigits are eight characters 0.
const zeroDigits = 0x3030303030303030

// eightDigits returns eight characters, the first one lowest, as semi-octets; ok is false when one is no decimal digit.
func eightDigits(x uint64) (octets uint32, ok bool) {
	x ^= zeroDigits
	if (x|(x+0x0606060606060606))&0xF0F0F0F0F0F0F0F0 != 0 {
		return 0, false
	}
	x = (x | x>>4) & 0x00FF00FF00FF00FF
	x = (x | x>>8) & 0x0000FFFF0000FFFF
	return uint32(x | x>>16), true
}

// digitValues is the semi-octet of every digit.
var digitValues = func() (values [256]byte) {
	for i := range values {
		values[i] = noDigit
	}
	for i := range len(digitCharacters) {
		values[digitCharacters[i]] = byte(i)
	}
	return values
}()

const noDigit = 0xFF

// GoString shows both parts, since String hides the type.
func (a Address) GoString() string { return fmt.Sprintf("pdu.Address{%#02x, %q}", a.TOA, a.Value) }
