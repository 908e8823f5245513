package sip

import "strings"

// via is the first value of a Via header (RFC 3261 §20.42).
type via struct {
	sent   string // protocol and sent-by, as written
	host   string // of sent-by
	port   int    // of sent-by, 0: not given
	params string // with the leading semicolon; or empty
	rest   string // the further values of the header with their comma; or empty
	rport  bool   // the sender wants the answer at the port that it sends from (RFC 3581 §3)
	branch string
}

// parseVia reads the first value of a Via header. White space may stand around every separator.
func parseVia(s string) (v via, ok bool) {
	one := s
	if i := quotedIndex(s, ','); i >= 0 {
		one, v.rest = s[:i], s[i:]
	}
	v.sent = trimRight(one)
	if i := strings.IndexByte(one, ';'); i >= 0 {
		v.sent, v.params = trimRight(one[:i]), trimRight(one[i:])
	}
	by, ok := cutProtocol(v.sent)
	if !ok {
		return v, false
	}
	if i := strings.LastIndexByte(by, ':'); i > 0 && strings.IndexByte(by[i:], ']') < 0 && strings.ContainsAny(by, " \t") {
		by = trimRight(by[:i]) + ":" + trimLeft(by[i+1:]) // COLON may have white space around it
	}
	if v.host, v.port, ok = hostPort(by); !ok {
		return v, false
	}
	for rest := v.params; rest != ""; {
		var key, value string
		switch key, value, _, rest = nextParam(rest); {
		case key == "":
			return v, false
		case len(key) == 6 && strings.EqualFold(key, "branch"):
			v.branch = value
		case len(key) == 5 && strings.EqualFold(key, "rport"):
			v.rport = true
		}
	}
	return v, closed(v.params)
}

// cutProtocol takes "SIP / 2.0 / transport" off a sent-by.
func cutProtocol(s string) (by string, ok bool) {
	if rest, plain := strings.CutPrefix(s, "SIP/2.0/UDP "); plain { // as nearly all are written
		return trim(rest), true
	}
	name, after, ok1 := strings.Cut(s, "/")
	version, after, ok2 := strings.Cut(after, "/")
	transport, by, ok3 := cutSpace(trimLeft(after))
	return trim(by), ok1 && ok2 && ok3 && strings.EqualFold(trim(name), "SIP") && trim(version) == "2.0" && isToken(transport)
}
