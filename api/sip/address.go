package sip

import "strings"

// address is the value of From, To, Contact, Diversion or P-Asserted-Identity: a name-addr or an addr-spec with header parameters (RFC 3261 §20.10).
type address struct {
	uri    string
	params string // of the header, with the leading semicolon; or empty
}

// parseAddress reads the first address of a list and returns what follows its comma. ok is false when quotes or brackets are not closed or there is no URI.
func parseAddress(s string) (a address, rest string, ok bool) {
	name, _ := cutQuoted(s, '<')
	if len(name) == len(s) { // addr-spec: what follows a semicolon belongs to the header
		one, closed := cutQuoted(s, ',')
		rest = afterComma(s[len(one):])
		a.uri, a.params = cutParams(one)
		a.uri = trimRight(a.uri)
		return a, rest, closed && isURI(a.uri)
	}
	inner, tail, found := strings.Cut(s[len(name)+1:], ">")
	if !found {
		return a, "", false
	}
	a.uri = inner
	if tail == "" {
		return a, "", isURI(a.uri)
	}
	one, closed := cutQuoted(tail, ',')
	rest = afterComma(tail[len(one):])
	if a.params = trim(one); a.params != "" && a.params[0] != ';' {
		a.params = ""
		return a, "", false
	}
	return a, rest, closed && isURI(a.uri)
}

// afterComma returns the rest of a list, which begins with its comma or is empty.
func afterComma(s string) string {
	if s == "" {
		return ""
	}
	return trimLeft(s[1:])
}

// isURI tells whether s has a scheme and no characters that no URI has.
func isURI(s string) bool {
	_, _, rest, ok := schemeOf(s)
	return ok && span(rest, inURI) == len(rest)
}
