package sip

import (
	"net/netip"
	"strings"
)

// uri is a sip, sips or tel URI taken apart; all strings are as written.
type uri struct {
	scheme string // as written; schemeOf tells which
	user   string // user without password, or the subscriber of a tel URI with its parameters
	host   string // name, IPv4 address, or IPv6 address in brackets; empty in a tel URI
	port   int    // 0: not given
	params string // with the leading semicolon, or empty
	header bool   // there is a part behind a question mark
}

// Schemes that are taken.
const (
	schemeOther = iota
	schemeSIP
	schemeSIPS
	schemeTel
)

// schemeOf returns the scheme of a URI and what follows it. ok is false when there is none.
func schemeOf(s string) (kind int, scheme, rest string, ok bool) {
	if strings.HasPrefix(s, "sip:") { // as nearly all are written
		return schemeSIP, s[:3], s[4:], true
	}
	n := span(s, inToken)
	if n == 0 || n == len(s) || s[n] != ':' {
		return 0, "", "", false
	}
	scheme, rest = s[:n], s[n+1:]
	switch {
	case is(scheme, "sip"):
		kind = schemeSIP
	case is(scheme, "sips"):
		kind = schemeSIPS
	case is(scheme, "tel"):
		kind = schemeTel
	}
	return kind, scheme, rest, true
}

// parseURI reads a URI. ok is false when it is malformed; a URI of another scheme is well-formed whatever follows, and has a scheme only.
func parseURI(s string) (u uri, kind int, ok bool) {
	kind, scheme, rest, ok := schemeOf(s)
	u.scheme = scheme
	switch {
	case !ok:
		return u, kind, false
	case kind == schemeTel:
		u.user = rest
		number, params := cutParams(rest)
		return u, kind, number != "" && dialled(number) && escapedSpan(params, inParam) == len(params)
	case kind == schemeOther:
		return u, kind, true
	}
	if at := strings.IndexByte(rest, '@'); at >= 0 { // RFC 3261 §25.1: the only one
		n := escapedSpan(rest[:at], inUser)
		if n == 0 || n < at && (rest[n] != ':' || n+1+escapedSpan(rest[n+1:at], inUser) < at) { // behind the colon: a password
			return u, kind, false
		}
		u.user, rest = rest[:n], rest[at+1:]
	}
	if u.host, u.port, rest, ok = cutHost(rest); !ok || rest == "" {
		return u, kind, ok
	}
	if rest[0] != ';' && rest[0] != '?' {
		return u, kind, false
	}
	n := escapedSpan(rest, inParam)
	u.params, rest = rest[:n], rest[n:]
	u.header = rest != ""
	return u, kind, rest == "" || rest[0] == '?' && strings.IndexByte(rest, '@') < 0
}

// cutHost reads HOST or HOST:PORT at the beginning of s and returns what follows; an IPv6 address stands in brackets. A port that is not given is 0.
func cutHost(s string) (host string, port int, rest string, ok bool) {
	n := span(s, inHost)
	if n == 0 {
		end := strings.IndexByte(s, ']')
		if end < 0 || s[0] != '[' {
			return "", 0, "", false
		}
		if a, err := netip.ParseAddr(s[1:end]); err != nil || !a.Is6() {
			return "", 0, "", false
		}
		n = end + 1
	}
	host, rest = s[:n], s[n:]
	if rest == "" || rest[0] != ':' {
		return host, 0, rest, true
	}
	n = 1 + span(rest[1:], isDigit)
	port = number(rest[1:n], 65535)
	return host, port, rest[n:], port > 0
}

// hostPort reads HOST or HOST:PORT and nothing else.
func hostPort(s string) (host string, port int, ok bool) {
	host, port, rest, ok := cutHost(s)
	if !ok || rest != "" {
		return "", 0, false
	}
	return host, port, true
}

// cutParams cuts off the parameters, which keep their leading semicolon: those of a number (RFC 3966 §3) or of an address.
func cutParams(s string) (before, params string) {
	for i := nextMark(s, 0); i < len(s); i = nextMark(s, i+1) {
		if s[i] == ';' {
			return s[:i], s[i:]
		}
	}
	return s, ""
}

// dialled tells whether s is what one dials: digits with *, #, a plus sign, letters A to D and visual separators.
func dialled(s string) bool {
	digits := false
	for i := range len(s) {
		if class[s[i]]&isDial == 0 {
			return false
		}
		digits = digits || class[s[i]]&isDigit != 0
	}
	return digits
}

// param returns the value of a parameter in ";name=value;name", where white space and quoted strings may stand. Names are compared in any case.
func param(params, name string) (value string, found bool) {
	for params != "" {
		var key, value string
		if key, value, params = nextParam(params); is(key, name) {
			return value, true
		}
	}
	return "", false
}

// nextParam cuts off the first parameter of a list that begins with a semicolon.
func nextParam(params string) (key, value, rest string) {
	equals, end, quoted := 0, nextMark(params, 1), false
	for ; end < len(params) && (quoted || params[end] != ';'); end = nextMark(params, end+1) {
		switch c := params[end]; {
		case c == '=' && equals == 0:
			equals = end
		case c == '"':
			quoted = !quoted
		case c == '\\' && quoted:
			end++
		}
	}
	end = min(end, len(params)) // an escape at the very end goes beyond
	if equals == 0 {
		return trim(params[1:end]), "", params[end:]
	}
	return trim(params[1:equals]), trim(params[equals+1 : end]), params[end:]
}

// cutQuoted returns what stands before the first c outside of quoted strings, or all. c is a mark. closed is false when a quoted string in it does not end.
func cutQuoted(s string, c byte) (before string, closed bool) {
	quoted := false
	for i := nextMark(s, 0); i < len(s); i = nextMark(s, i+1) {
		switch {
		case s[i] == '"':
			quoted = !quoted
		case s[i] == '\\' && quoted:
			i++
		case s[i] == c && !quoted:
			return s[:i], true
		}
	}
	return s, !quoted
}
