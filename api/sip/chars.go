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
	isMark // separates or encloses what stands in a header: ; , = < " and the escape in quotes
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
	set(isMark, ";,=<\"\\")
	for i := range c {
		if i > ' ' && i != '<' && i != '>' && i != '"' && i != 0x7f {
			c[i] |= inURI
		}
	}
	return c
}

// span returns how many characters at the beginning of s are of a class. Four at a time: most of what is read of a request is looked at here.
func span(s string, bits uint8) int {
	n := len(s)
	for len(s) >= 4 && class[s[0]]&class[s[1]]&class[s[2]]&class[s[3]]&bits != 0 {
		s = s[4:]
	}
	for s != "" && class[s[0]]&bits != 0 {
		s = s[1:]
	}
	return n - len(s)
}

// nextMark returns where the first mark stands at or behind i, len(s) when there is none.
func nextMark(s string, i int) int {
	if i >= len(s) {
		return len(s)
	}
	t := s[i:]
	for len(t) >= 4 && (class[t[0]]|class[t[1]]|class[t[2]]|class[t[3]])&isMark == 0 {
		t = t[4:]
	}
	for t != "" && class[t[0]]&isMark == 0 {
		t = t[1:]
	}
	return len(s) - len(t)
}

// escapedSpan returns how many characters at the beginning of s are of a class or belong to escapes (% and two hexadecimal digits).
func escapedSpan(s string, bits uint8) int {
	n := span(s, bits)
	for n+2 < len(s) && s[n] == '%' && hex(s[n+1]) >= 0 && hex(s[n+2]) >= 0 {
		n += 3
		n += span(s[n:], bits)
	}
	return n
}

// is compares s in any case with a word.
func is(s, word string) bool {
	return len(s) == len(word) && (s == word || strings.EqualFold(s, word))
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
func trim(s string) string {
	if s != "" && s[0] > ' ' && s[len(s)-1] > ' ' { // as nearly always
		return s
	}
	return trimLeft(trimRight(s))
}

func trimLeft(s string) string {
	i := 0
	for i < len(s) && isSpace(s[i]) {
		i++
	}
	return s[i:]
}

func trimRight(s string) string {
	n := len(s)
	for n > 0 && isSpace(s[n-1]) {
		n--
	}
	return s[:n]
}
