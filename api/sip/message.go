package sip

import (
	"strings"
	"unsafe"
)

// headerKind is a header that the server itself reads; all others are kindOther.
type headerKind uint8

const (
	kindOther headerKind = iota
	kindVia
	kindFrom
	kindTo
	kindCallID
	kindCSeq
	kindMaxForwards
	kindLength
	kindContact
	kindRequire
	kindAsserted
	kindPrivacy
	kindDiversion
	kinds
)

// kindOf finds a header by its name in any case, or its compact form (RFC 3261 §7.3.3).
func kindOf(name string) headerKind {
	switch len(name) {
	case 1:
		switch name[0] | 0x20 {
		case 'v':
			return kindVia
		case 'f':
			return kindFrom
		case 't':
			return kindTo
		case 'i':
			return kindCallID
		case 'l':
			return kindLength
		case 'm':
			return kindContact
		}
		return kindOther
	case 2:
		return kindIf(name, "To", kindTo)
	case 3:
		return kindIf(name, "Via", kindVia)
	case 4:
		if name[0]|0x20 == 'c' {
			return kindIf(name, "CSeq", kindCSeq)
		}
		return kindIf(name, "From", kindFrom)
	case 7:
		switch name[0] | 0x20 {
		case 'r':
			return kindIf(name, "Require", kindRequire)
		case 'p':
			return kindIf(name, "Privacy", kindPrivacy)
		}
		if name[1]|0x20 == 'a' {
			return kindIf(name, "Call-ID", kindCallID)
		}
		return kindIf(name, "Contact", kindContact)
	case 9:
		return kindIf(name, "Diversion", kindDiversion)
	case 12:
		return kindIf(name, "Max-Forwards", kindMaxForwards)
	case 14:
		return kindIf(name, "Content-Length", kindLength)
	case 19:
		return kindIf(name, "P-Asserted-Identity", kindAsserted)
	}
	return kindOther
}

func kindIf(name, full string, k headerKind) headerKind {
	if name == full || strings.EqualFold(name, full) {
		return k
	}
	return kindOther
}

// header is one header line; a value that was folded is joined.
type header struct {
	kind        headerKind
	name, value string
}

// message is one request as it came. Its strings are parts of the text and gone with it; it is reused for the next request. When defect is not empty the request is
// answered 400 with it, from whatever could be read.
type message struct {
	method, uri, version string
	headers              []header
	first                [kinds]string // the first value of each kind
	count                [kinds]int
	via                  via // the topmost
	to, from             address
	cseqNumber           string
	maxForwards          int // -1: not given
	length               int // Content-Length, -1: not given
	defect               string
}

// read reads the head of a request, without the body; where header lines are folded, head is changed. It returns false when the text is no SIP request at
// all, so that no answer is due.
//
// The strings of the message are head itself, not copies of it: they are valid as long as head is left alone. Without a copy nothing is allocated for a
// request, so that no garbage is ever collected under load.
func (m *message) read(head []byte) bool {
	if len(head) == 0 {
		return false
	}
	text := unsafe.String(&head[0], len(head))
	ok, folded := m.parse(text, false)
	if folded { // hardly any is, so that nothing is looked at twice for it
		unfold(head)
		ok, _ = m.parse(text, true)
	}
	return ok
}

// parse reads a head. Unless its lines are joined already, it stops at a line that belongs to the one before.
func (m *message) parse(head string, joined bool) (ok, folded bool) {
	*m = message{headers: m.headers[:0], maxForwards: -1, length: -1}
	line, rest, ended, bare := nextLine(head)
	if !ended || bare || !m.requestLine(line) {
		return false, false
	}
	for {
		if line, rest, ended, bare = nextLine(rest); line == "" || !ended {
			break
		}
		if bare {
			m.wrong("Bare Line End In A Header")
		}
		if isSpace(line[0]) && !joined {
			return true, true
		}
		m.headerLine(line)
	}
	if !ended || bare {
		m.wrong("No Empty Line After The Headers")
	}
	m.check()
	return true, false
}

// nextLine cuts off one line. bare tells that it ends with LF alone, or has a CR within: it is a line, but none that may stand in a request.
func nextLine(s string) (line, rest string, ended, bare bool) {
	i := strings.IndexByte(s, '\n')
	if i < 0 {
		return s, "", false, false
	}
	line, rest = s[:i], s[i+1:]
	if bare = line == "" || line[i-1] != '\r'; !bare {
		line = line[:i-1]
	}
	return line, rest, true, bare || strings.IndexByte(line, '\r') >= 0
}

// wrong notes a defect; the first one is told.
func (m *message) wrong(reason string) {
	if m.defect == "" {
		m.defect = reason
	}
}

// requestLine reads "METHOD SP URI SP SIP/x.y" (RFC 3261 §25.1, Request-Line).
func (m *message) requestLine(line string) bool {
	first, last := strings.IndexByte(line, ' '), strings.LastIndexByte(trimRight(line), ' ')
	if first < 1 || last < 0 || !isToken(line[:first]) || first == len("SIP/2.0") && strings.EqualFold(line[:first], "SIP/2.0") {
		return false
	}
	m.method = line[:first]
	m.version = trimRight(line[last+1:])
	if len(m.version) < 4 || !strings.EqualFold(m.version[:4], "SIP/") || !printable(line) {
		return false
	}
	if m.version != line[last+1:] {
		m.wrong("White Space After The Request Line")
	}
	if first < last {
		m.uri = line[first+1 : last]
	}
	if m.uri == "" || strings.ContainsAny(m.uri, " \t<>\"") {
		m.wrong("Malformed Request-URI")
	}
	return true
}

// headerLine takes one line. Lines that may not be repeated in an answer are dropped.
func (m *message) headerLine(line string) {
	colon := strings.IndexByte(line, ':')
	if colon < 0 {
		m.wrong("Malformed Header Line")
		return
	}
	name, value := trimRight(line[:colon]), trim(line[colon+1:])
	switch {
	case !isToken(name):
		m.wrong("Malformed Header Line")
		return
	case strings.IndexByte(value, '\r') >= 0:
		m.wrong("Bare Line End In A Header")
		return
	case len(m.headers) == maxHeaders:
		m.wrong("Too Many Headers")
		return
	}
	k := kindOf(name)
	m.headers = append(m.headers, header{k, name, value})
	if m.count[k]++; m.count[k] == 1 {
		m.first[k] = value
	}
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
		m.wrong("Malformed Via")
	}
	if m.from, _, ok = parseAddress(m.first[kindFrom]); !ok {
		m.wrong("Malformed From")
	}
	if m.to, _, ok = parseAddress(m.first[kindTo]); !ok {
		m.wrong("Malformed To")
	}
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
func isToken(s string) bool {
	for i := range len(s) {
		if class[s[i]]&inToken == 0 {
			return false
		}
	}
	return s != ""
}

// printable tells whether s has no control characters.
func printable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] == 0x7f {
			return false
		}
	}
	return true
}
