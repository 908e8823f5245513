package sip

import (
	"strings"
	"unsafe"
)

// message is one request as it came. Its strings are parts of the text and gone with it; it is reused for the next request. When defect is not empty the request is
// answered 400 with it, from whatever could be read.
type message struct {
	method, uri, version string
	headers              []header      // in their order, those of which every line counts
	lines                int           // headers in all
	first                [kinds]string // the first value of each kind
	count                [kinds]int
	via                  via // the topmost
	to, from             address
	tagged               bool // To has a tag: the request belongs to a dialog
	cseqNumber           string
	maxForwards          int // -1: not given
	length               int // Content-Length, -1: not given
	behind               int // octets behind the empty line that ends the headers
	defect               string
}

// read reads a request up to its body; where header lines are folded, text is changed. Headers that the server gives no meaning are kept when others is
// true. It returns false when the text is no SIP request at all, so that no answer is due.
//
// The strings of the message are text itself, not copies of it: they are valid as long as text is left alone. Without a copy nothing is allocated for a
// request, so that no garbage is ever collected under load.
func (m *message) read(text []byte, others bool) bool {
	if len(text) == 0 {
		return false
	}
	s := unsafe.String(&text[0], len(text))
	ok, again := m.parse(s, others, false)
	if again { // hardly ever, so that nothing is looked at twice for it
		unfold(text)
		ok, _ = m.parse(s, others, true)
	}
	return ok
}

// parse reads a request up to its body. Unless it is careful, it takes for granted that every line stands for itself and has no CR within; when that is
// not so, again is true, and it is to be called once more, carefully, after the lines have been joined.
func (m *message) parse(text string, others, careful bool) (ok, again bool) {
	*m = message{headers: m.headers[:0], maxForwards: -1, length: -1}
	line, rest, ended, bare := nextLine(text, careful)
	if !ended || bare || !m.requestLine(line) {
		return false, false
	}
	crs := 1
	for {
		if line, rest, ended, bare = nextLine(rest, careful); ended && !bare {
			crs++
		}
		if line == "" {
			break
		}
		if isSpace(line[0]) && !careful {
			return true, true
		}
		if bare {
			m.wrong("Bare Line End In A Header")
		}
		m.headerLine(line, others)
	}
	if !careful && strings.Count(text[:len(text)-len(rest)], "\r") != crs {
		return true, true
	}
	if !ended || bare {
		m.wrong("No Empty Line After The Headers")
	}
	m.behind = len(rest)
	m.check()
	return true, false
}

// nextLine cuts off one line; ended is false when there is none. bare tells that it ends with LF alone, or, as far as careful asks for it, has a CR
// within: it is a line, but none that may stand in a request.
func nextLine(s string, careful bool) (line, rest string, ended, bare bool) {
	i := strings.IndexByte(s, '\n')
	if i < 0 {
		return "", s, false, false
	}
	line, rest = s[:i], s[i+1:]
	if i == 0 || line[i-1] != '\r' {
		return line, rest, true, true
	}
	line = line[:i-1]
	return line, rest, true, careful && strings.IndexByte(line, '\r') >= 0
}

// wrong notes a defect; the first one is told.
func (m *message) wrong(reason string) {
	if m.defect == "" {
		m.defect = reason
	}
}

// requestLine reads "METHOD SP URI SP SIP/x.y" (RFC 3261 §25.1, Request-Line).
func (m *message) requestLine(line string) bool {
	n := span(line, inToken)
	if n == 0 || n == len(line) || line[n] != ' ' {
		return false
	}
	m.method = line[:n]
	rest := line[n+1:]
	n = span(rest, inURI)
	if m.uri = rest[:n]; n > 0 && rest[n:] == " SIP/2.0" {
		m.version = "SIP/2.0"
		return true
	}
	end := strings.LastIndexByte(trimRight(rest), ' ')
	m.version = trimRight(rest[end+1:])
	if len(m.version) < 4 || !is(m.version[:4], "sip/") || !printable(rest) {
		return false
	}
	if m.version != rest[end+1:] {
		m.wrong("White Space After The Request Line")
	}
	if m.uri = rest[:max(end, 0)]; m.uri == "" || n < len(m.uri) {
		m.wrong("Malformed Request-URI")
	}
	return true
}

// check reads what every answer and every decision needs, and notes what is missing or contradicts (RFC 3261 §8.1.1).
func (m *message) check() {
	m.one(kindVia, "Missing Via", "")
	m.one(kindFrom, "Missing From", "Two From")
	m.one(kindTo, "Missing To", "Two To")
	m.one(kindCallID, "Missing Call-ID", "Two Call-ID")
	m.one(kindCSeq, "Missing CSeq", "Two CSeq")
	m.one(kindMaxForwards, "", "Two Max-Forwards")
	m.one(kindLength, "", "Two Content-Length")
	var ok bool
	if m.via, ok = parseVia(m.first[kindVia]); !ok {
		m.via = via{} // it goes back as it came
		m.wrong("Malformed Via")
	}
	if m.from, _, ok = parseAddress(m.first[kindFrom]); !ok {
		m.wrong("Malformed From")
	}
	if m.to, _, ok = parseAddress(m.first[kindTo]); !ok {
		m.wrong("Malformed To")
	}
	_, m.tagged = param(m.to.params, "tag")
	if m.count[kindMaxForwards] > 0 {
		if m.maxForwards = number(m.first[kindMaxForwards], 255); m.maxForwards < 0 {
			m.wrong("Malformed Max-Forwards")
		}
	}
	if m.count[kindLength] > 0 {
		if m.length = number(m.first[kindLength], 1<<30); m.length < 0 {
			m.wrong("Malformed Content-Length")
		}
	}
	seq, method, _ := cutSpace(m.first[kindCSeq])
	m.cseqNumber = seq
	switch {
	case number(seq, 1<<31-1) < 0: // RFC 3261 §8.1.1.5: below 2**31
		m.wrong("Malformed CSeq")
	case method != m.method:
		m.wrong("CSeq Of Another Method")
	}
}

// one notes when a header is not there, or more than once; an empty reason allows it.
func (m *message) one(k headerKind, missing, doubled string) {
	switch {
	case missing != "" && m.first[k] == "":
		m.wrong(missing)
	case doubled != "" && m.count[k] > 1:
		m.wrong(doubled)
	}
}

// number reads a whole number up to most; -1 when it is none.
func number(s string, most int) int {
	if s == "" || len(s) > 10 {
		return -1
	}
	n := int64(0)
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return -1
		}
		n = n*10 + int64(s[i]-'0')
	}
	if n > int64(most) {
		return -1
	}
	return int(n)
}

// cutSpace cuts s around its first white space, which may be long.
func cutSpace(s string) (before, after string, found bool) {
	for i := range len(s) {
		if isSpace(s[i]) {
			return s[:i], trimLeft(s[i:]), true
		}
	}
	return s, "", false
}

// isToken tells whether s is a token (RFC 3261 §25.1).
func isToken(s string) bool { return s != "" && span(s, inToken) == len(s) }

// printable tells whether s has no control characters.
func printable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] == 0x7f {
			return false
		}
	}
	return true
}
