// Package phone holds telephone numbers as values: parsed strictly, compared by kind and digits, masked in logs.
package phone

import (
	"fmt"
	"log/slog"
	"strings"
)

// Kind tells what the characters of a Number mean.
type Kind uint8

const (
	// None is the kind of the zero Number.
	None Kind = iota
	// International is a number with its country code, written with a leading plus sign (type of number 1).
	International
	// Local is a string of digits whose meaning depends on the network: a national number or a short code.
	Local
	// Alphanumeric is a sender's name (type of number 5). It can be shown, never dialled, and satisfies no list that grants something.
	Alphanumeric
)

// String returns the kind as it stands in JSON.
func (k Kind) String() string {
	switch k {
	case International:
		return "international"
	case Local:
		return "local"
	case Alphanumeric:
		return "alphanumeric"
	}
	return ""
}

// MaxDigits is the longest address on the air, in digits (3GPP TS 23.040 §9.1.2.5).
const MaxDigits = 20

// Number is the address of a party. It is comparable; the zero value means that there is none.
// The kind is part of the identity: the name "4915" is not the number 4915.
type Number struct {
	kind  Kind
	value string // digits without the plus sign, or the name
}

// Error says why a string is no number that can be dialled.
type Error struct {
	Input  string // as given, cut to 40 characters
	Reason string
	Hint   string
}

func (e *Error) Error() string {
	return fmt.Sprintf("phone number %q: %s; %s", e.Input, e.Reason, e.Hint)
}

const hint = "write it as +4915112345678, or as the digits to dial"

// Parse reads a number that can be dialled: an optional plus sign and 1 to 20 ASCII digits (3 at least after a plus sign). Blanks, hyphens, dots
// and round brackets between them are dropped. Anything else is an *Error.
func Parse(s string) (Number, error) {
	fail := func(reason string) (Number, error) {
		in := s
		if len(in) > 40 {
			in = strings.ToValidUTF8(in[:40], "") + "…"
		}
		return Number{}, &Error{Input: in, Reason: reason, Hint: hint}
	}
	if len(s) > 64 {
		return fail("is too long")
	}
	digits := make([]byte, 0, MaxDigits)
	plus := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			digits = append(digits, c)
		case c == '+' && !plus && len(digits) == 0:
			plus = true
		case c == ' ' || c == '-' || c == '.' || c == '(' || c == ')':
		default:
			return fail(fmt.Sprintf("character %q at position %d is no digit", []rune(s[i:])[0], i+1))
		}
	}
	switch {
	case len(digits) == 0 && !plus && strings.TrimSpace(s) == "":
		return fail("is empty")
	case len(digits) == 0:
		return fail("has no digits")
	case len(digits) > MaxDigits:
		return fail(fmt.Sprintf("has %d digits, at most %d can be dialled", len(digits), MaxDigits))
	case plus && (len(digits) < 3 || digits[0] == '0'):
		return fail("has no country code after the plus sign")
	}
	if plus {
		return Number{International, string(digits)}, nil
	}
	return Number{Local, string(digits)}, nil
}

// FromAddress returns the number of an address that came off the air, whatever it holds: text when alphanumeric, else digits with a plus sign when international.
func FromAddress(s string, alphanumeric bool) Number {
	switch {
	case s == "" || s == "+":
		return Number{}
	case alphanumeric:
		return Number{Alphanumeric, s}
	case s[0] == '+':
		return Number{International, s[1:]}
	}
	return Number{Local, s}
}

// Kind tells what the number is.
func (n Number) Kind() Kind { return n.kind }

// IsZero tells whether there is no number.
func (n Number) IsZero() bool { return n.kind == None }

// String returns the number as it is dialled, or the name.
func (n Number) String() string {
	if n.kind == International {
		return "+" + n.value
	}
	return n.value
}

// Digits returns the number without its plus sign, or the name.
func (n Number) Digits() string { return n.value }

// Is tells whether s is what String returns.
func (n Number) Is(s []byte) bool {
	if n.kind == International {
		return len(s) > 0 && s[0] == '+' && string(s[1:]) == n.value
	}
	return string(s) == n.value
}

// SameLine tells whether two numbers reach the same line as far as digits can say: they are equal, or both are numbers and the last nine digits are
// equal, since networks rewrite country codes and national prefixes. Names and numbers of fewer than nine digits match only when equal.
func (n Number) SameLine(o Number) bool {
	if n == o {
		return true
	}
	if n.kind == Alphanumeric || o.kind == Alphanumeric || n.IsZero() || o.IsZero() {
		return false
	}
	if n.value == o.value {
		return true
	}
	const tail = 9
	return len(n.value) >= tail && len(o.value) >= tail && n.value[len(n.value)-tail:] == o.value[len(o.value)-tail:]
}

// Masked returns the number for logs: only the last three digits of a number, the first character of a name.
func (n Number) Masked() string {
	switch {
	case n.IsZero():
		return ""
	case n.kind == Alphanumeric:
		return string([]rune(n.value)[:1]) + "…"
	case len(n.value) <= 3:
		return "…"
	}
	return "…" + n.value[len(n.value)-3:]
}

// LogValue masks the number in logs.
func (n Number) LogValue() slog.Value { return slog.StringValue(n.Masked()) }

// MarshalText returns the number in the form that UnmarshalText reads: a name is marked with a leading quote.
func (n Number) MarshalText() ([]byte, error) {
	if n.kind == Alphanumeric {
		return []byte("'" + n.value), nil
	}
	return []byte(n.String()), nil
}

// UnmarshalText reads what MarshalText wrote.
func (n *Number) UnmarshalText(b []byte) error {
	s := string(b)
	if name, ok := strings.CutPrefix(s, "'"); ok {
		*n = FromAddress(name, true)
		return nil
	}
	*n = FromAddress(s, false)
	return nil
}
