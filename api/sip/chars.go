package sip

import "strings"

// Classes of characters in RFC 3261 §25.1.
const (
	inToken uint8 = 1 << iota // token
	inUser                    // user, unescaped: unreserved and user-unreserved
	inHost                    // host name, or what stands in an IPv6 reference
	inParam                   // uri-parameter, unescaped: paramchar, = and ;
	isDigit
	isDial // stands in a telephone number beside digits
	inURI  // can stand in some URI
)

var class = classes()

func classes() (c [256]uint8) {
	set := func(bits uint8, chars string) {
		for i := range len(chars) {
			c[chars[i]] |= bits
		}
	}
	const letters, digits, mark = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789", "-_.!~*'()"
	set(inToken, letters+digits+"-.!%*_+`'~")
	set(inUser, letters+digits+mark+"&=+$,;?/")
	set(inHost, letters+digits+"-._")
	set(inParam, letters+digits+mark+"[]/:&+$=;")
	set(isDigit, digits)
	set(isDial, digits+"-.()*#+ABCDabcd")
	for i := range c {
		if i > ' ' && i != '<' && i != '>' && i != '"' && i != 0x7f {
			c[i] |= inURI
		}
	}
	return c
}

// wellFormed tells whether s consists of characters of a class and of escapes (% and two hexadecimal digits).
func wellFormed(s string, bits uint8) bool {
	for i := 0; i < len(s); i++ {
		switch {
		case class[s[i]]&bits != 0:
		case s[i] == '%' && i+2 < len(s) && hex(s[i+1]) >= 0 && hex(s[i+2]) >= 0:
			i += 2
		default:
			return false
		}
	}
	return true
}

// hex returns the value of a hexadecimal digit, -1 when it is none.
func hex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// unescape replaces escapes by what they stand for. s is well-formed.
func unescape(s string) string {
	i := strings.IndexByte(s, '%')
	if i < 0 {
		return s
	}
	out := append(make([]byte, 0, len(s)), s[:i]...)
	for ; i < len(s); i++ {
		if s[i] == '%' {
			out = append(out, byte(hex(s[i+1])<<4|hex(s[i+2])))
			i += 2
		} else {
			out = append(out, s[i])
		}
	}
	return string(out)
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' }

// trim drops white space at both ends; a value that was folded has spaces for its line ends.
func trim(s string) string { return trimLeft(trimRight(s)) }

func trimLeft(s string) string {
	for s != "" && isSpace(s[0]) {
		s = s[1:]
	}
	return s
}

func trimRight(s string) string {
	for s != "" && isSpace(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}
