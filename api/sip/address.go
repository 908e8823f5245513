package sip

import "strings"

// address is the value of From, To, Contact, Diversion or P-Asserted-Identity: a name-addr or an addr-spec with header parameters (RFC 3261 §20.10).
type address struct {
	uri    string
	params string // of the header, with the leading semicolon; or empty
}

// parseAddress reads the first address of a list and returns what follows its comma. ok is false when quotes or brackets are not closed or there is no URI.
func parseAddress(s string) (a address, rest string, ok bool) {
	plain := strings.IndexByte(s, '"') < 0 // nothing is quoted, as in most
	index := quotedIndex
	if plain {
		index = strings.IndexByte
	}
	open := index(s, '<')
	if open < 0 { // addr-spec: what follows a semicolon belongs to the header
		if i := index(s, ','); i >= 0 {
			s, rest = s[:i], trimLeft(s[i+1:])
		}
		end := strings.IndexByte(s, ';')
		if end < 0 {
			end = len(s)
		}
		a.uri, a.params = trimRight(s[:end]), s[end:]
		return a, rest, isURI(a.uri) && (plain || closed(a.params))
	}
	end := strings.IndexByte(s[open:], '>')
	if end < 0 || !plain && !closed(s[:open]) {
		return a, "", false
	}
	a.uri = s[open+1 : open+end]
	tail := s[open+end+1:]
	if i := index(tail, ','); i >= 0 {
		tail, rest = tail[:i], trimLeft(tail[i+1:])
	}
	a.params = trim(tail)
	if a.params != "" && a.params[0] != ';' {
		return a, "", false
	}
	return a, rest, isURI(a.uri) && (plain || closed(a.params))
}

// closed tells whether every quoted string in s ends.
func closed(s string) bool {
	if strings.IndexByte(s, '"') < 0 {
		return true
	}
	quoted := false
	for i := 0; i < len(s); i++ {
		switch {
		case quoted && s[i] == '\\':
			i++
		case s[i] == '"':
			quoted = !quoted
		}
	}
	return !quoted
}

// isURI tells whether s has a scheme and no characters that no URI has.
func isURI(s string) bool {
	_, _, _, ok := schemeOf(s)
	for i := range len(s) {
		if class[s[i]]&inURI == 0 {
			return false
		}
	}
	return ok
}
