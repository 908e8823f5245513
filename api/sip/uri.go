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
	i := strings.IndexByte(s, ':')
	if i < 1 || !isToken(s[:i]) {
		return 0, "", "", false
	}
	scheme, rest = s[:i], s[i+1:]
	switch {
	case strings.EqualFold(scheme, "sip"):
		kind = schemeSIP
	case strings.EqualFold(scheme, "sips"):
		kind = schemeSIPS
	case strings.EqualFold(scheme, "tel"):
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
		number, params := subscriber(rest)
		return u, kind, number != "" && dialled(number) && wellFormed(params, inParam)
	case kind == schemeOther:
		return u, kind, true
	}
	if at := strings.IndexByte(rest, '@'); at >= 0 { // RFC 3261 §25.1: the only one
		user, password, _ := strings.Cut(rest[:at], ":")
		if user == "" || !wellFormed(user, inUser) || !wellFormed(password, inUser) {
			return u, kind, false
		}
		u.user, rest = user, rest[at+1:]
	}
	end := 0
	for end < len(rest) && rest[end] != ';' && rest[end] != '?' {
		end++
	}
	if u.host, u.port, ok = hostPort(rest[:end]); !ok {
		return u, kind, false
	}
	u.params, rest, u.header = strings.Cut(rest[end:], "?")
	return u, kind, wellFormed(u.params, inParam) && strings.IndexByte(rest, '@') < 0
}

// hostPort reads HOST or HOST:PORT; an IPv6 address stands in brackets.
func hostPort(s string) (host string, port int, ok bool) {
	host = s
	rest := ""
	if strings.HasPrefix(s, "[") {
		end := strings.IndexByte(s, ']')
		if end < 0 {
			return "", 0, false
		}
		host, rest = s[:end+1], s[end+1:]
		if a, err := netip.ParseAddr(s[1:end]); err != nil || !a.Is6() {
			return "", 0, false
		}
	} else {
		if i := strings.IndexByte(s, ':'); i >= 0 {
			host, rest = s[:i], s[i:]
		}
		if host == "" || !wellFormed(host, inHost) || strings.IndexByte(host, '%') >= 0 {
			return "", 0, false
		}
	}
	if rest == "" {
		return host, 0, true
	}
	if rest[0] != ':' {
		return "", 0, false
	}
	port = number(rest[1:], 65535)
	return host, port, port > 0
}

// subscriber cuts the number off its parameters, which keep their leading semicolon (RFC 3966 §3).
func subscriber(s string) (number, params string) {
	if i := strings.IndexByte(s, ';'); i >= 0 {
		return s[:i], s[i:]
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
		if key, value, _, params = nextParam(params); len(key) == len(name) && strings.EqualFold(key, name) {
			return value, true
		}
	}
	return "", false
}

// nextParam cuts off the first parameter of a list that begins with a semicolon. whole is all of it, with the semicolon.
func nextParam(params string) (key, value, whole, rest string) {
	end := strings.IndexByte(params[1:], ';') + 1
	if end == 0 {
		end = len(params)
	}
	if strings.IndexByte(params[:end], '"') >= 0 {
		if end = quotedIndex(params[1:], ';') + 1; end == 0 {
			end = len(params)
		}
	}
	whole, rest = params[:end], params[end:]
	key = whole[1:]
	if i := strings.IndexByte(key, '='); i >= 0 {
		key, value = key[:i], trim(key[i+1:])
	}
	return trim(key), value, whole, rest
}

// quotedIndex returns where c stands first outside of quoted strings, -1 when it does not.
func quotedIndex(s string, c byte) int {
	if strings.IndexByte(s, '"') < 0 {
		return strings.IndexByte(s, c)
	}
	quoted := false
	for i := 0; i < len(s); i++ {
		switch {
		case quoted && s[i] == '\\':
			i++
		case s[i] == '"':
			quoted = !quoted
		case s[i] == c && !quoted:
			return i
		}
	}
	return -1
}
