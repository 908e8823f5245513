package sip

import "strings"

// headerKind is a header that the server itself reads; all others are kindOther.
type headerKind uint8

const (
	kindOther headerKind = iota
	kindFrom
	kindTo
	kindCallID
	kindCSeq
	kindMaxForwards
	kindLength
	kindContact
	kindPrivacy
	kindVia // from here on every line counts, above only the first of its kind
	kindRequire
	kindAsserted
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
	if is(name, full) {
		return k
	}
	return kindOther
}

// header is one header line; a value that was folded is joined.
type header struct {
	kind        headerKind
	name, value string
}

// headerLine takes one line. Lines that may not be repeated in an answer are dropped.
func (m *message) headerLine(line string, others bool) {
	k, n := usual(line)
	value := line[n:]
	if n == 0 {
		n = span(line, inToken)
		k, value = kindOf(line[:n]), trimLeft(line[n:])
	}
	if n == 0 || value == "" || value[0] != ':' {
		m.wrong("Malformed Header Line")
		return
	}
	if value = value[1:]; value != "" && value[0] == ' ' {
		value = value[1:]
	}
	value = trim(value)
	if m.defect != "" && strings.IndexByte(value, '\r') >= 0 { // told already
		return
	}
	if m.lines++; m.lines > maxHeaders {
		m.wrong("Too Many Headers")
		return
	}
	if k >= kindVia || k == kindOther && others {
		m.headers = append(m.headers, header{k, line[:n], value})
	}
	if m.count[k]++; m.count[k] == 1 {
		m.first[k] = value
	}
}

// usual tells the kind of a line and the length of its name if it is one that most requests have, written as it mostly is: such a name is recognised at
// once instead of letter by letter.
func usual(line string) (k headerKind, n int) {
	switch line[0] {
	case 'V':
		if strings.HasPrefix(line, "Via:") {
			return kindVia, 3
		}
	case 'F':
		if strings.HasPrefix(line, "From:") {
			return kindFrom, 4
		}
	case 'T':
		if strings.HasPrefix(line, "To:") {
			return kindTo, 2
		}
	case 'M':
		if strings.HasPrefix(line, "Max-Forwards:") {
			return kindMaxForwards, 12
		}
	case 'P':
		if strings.HasPrefix(line, "P-Asserted-Identity:") {
			return kindAsserted, 19
		}
	case 'C':
		switch {
		case strings.HasPrefix(line, "Call-ID:"):
			return kindCallID, 7
		case strings.HasPrefix(line, "CSeq:"):
			return kindCSeq, 4
		case strings.HasPrefix(line, "Contact:"):
			return kindContact, 7
		case strings.HasPrefix(line, "Content-Length:"):
			return kindLength, 14
		}
	}
	return kindOther, 0
}
