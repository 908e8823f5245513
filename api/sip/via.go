package sip

import "strings"

// via is the first value of a Via header (RFC 3261 §20.42). In an answer it is sent, params, more, what the server adds, and rest.
type via struct {
	sent   string // protocol and sent-by, as written
	host   string // of sent-by
	at     place  // what sent-by means
	port   int    // of sent-by, 0: not given
	params string // with the leading semicolon, up to what the sender wrote of received or rport himself, which is not repeated; or empty
	more   string // the parameters behind that; or empty
	rest   string // the further values of the header with their comma; or empty
	rport  bool   // the sender wants the answer at the port that it sends from (RFC 3581 §3)
	branch string
}

// parseVia reads the first value of a Via header. White space may stand around every separator.
func parseVia(s string) (v via, ok bool) {
	end := nextMark(s, 0)
	if end < len(s) && s[end] != ';' && s[end] != ',' {
		return v, false
	}
	params, closed := cutQuoted(s[end:], ',')
	v.sent, v.more, v.rest = trimRight(s[:end]), trimRight(params), s[end+len(params):]
	by, ok := cutProtocol(v.sent)
	if !ok {
		return v, false
	}
	if v.host, v.port, ok = hostPort(by); !ok { // COLON may have white space around it
		colon := strings.LastIndexByte(by, ':')
		if colon < 0 {
			return v, false
		}
		if v.host, v.port, ok = hostPort(trimRight(by[:colon]) + ":" + trimLeft(by[colon+1:])); !ok {
			return v, false
		}
	}
	v.at = placeOf(v.host, v.port)
	for rest := v.more; rest != ""; {
		key, value, after := nextParam(rest)
		switch {
		case key == "":
			return v, false
		case is(key, "branch"):
			v.branch = value
		case is(key, "rport"), is(key, "received"):
			v.rport = v.rport || is(key, "rport")
			v.params += v.more[:len(v.more)-len(rest)] // no copy is made as long as there is one of them
			v.more = after
		}
		rest = after
	}
	return v, closed
}

// cutProtocol takes "SIP / 2.0 / transport" off a sent-by.
func cutProtocol(s string) (by string, ok bool) {
	if rest, plain := strings.CutPrefix(s, "SIP/2.0/UDP "); plain { // as nearly all are written
		return trim(rest), true
	}
	name, after, ok1 := strings.Cut(s, "/")
	version, after, ok2 := strings.Cut(after, "/")
	transport, by, ok3 := cutSpace(trimLeft(after))
	return trim(by), ok1 && ok2 && ok3 && is(trim(name), "sip") && trim(version) == "2.0" && isToken(transport)
}
