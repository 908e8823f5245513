package switches

import (
	"strings"

	"trunkline/callplan"
)

// URI returns where a switch reaches a candidate: the carrier of its trunk; else the switch's next hop, with the trunk as trunk group (RFC 4904); or the
// address that the plan gives. nextHop may be empty. ok is false when the candidate cannot be reached by SIP.
func (t *Table) URI(c *callplan.Candidate, nextHop string) (uri string, ok bool) {
	if c.Type == callplan.SIP {
		return c.URI, safe(c.URI)
	}
	out := AppendUser([]byte("sip:"), c.Number)
	if c.Trunk != "" {
		if carrier, known := t.Carrier(c.Trunk); known && carrier.Address != "" {
			out = append(append(out, '@'), carrier.Address...)
			if carrier.Transport != "" {
				out = append(append(out, ";transport="...), carrier.Transport...)
			}
			return string(out), true
		}
		out = AppendTrunkGroup(out, c.Trunk, nextHop)
	}
	return string(out) + "@" + nextHop, nextHop != ""
}

// safe tells whether an address can stand within brackets and quotes.
func safe(uri string) bool {
	return uri != "" && !strings.ContainsFunc(uri, func(r rune) bool { return r <= ' ' || r == '<' || r == '>' || r == '"' || r == 0x7f })
}

// AppendTrunkGroup appends the parameters that name a trunk group at a next hop, HOST or HOST:PORT, to the number of a URI.
func AppendTrunkGroup(out []byte, group, nextHop string) []byte {
	host := nextHop
	if i := strings.LastIndexByte(host, ':'); i > 0 && !strings.HasSuffix(host, "]") {
		host = host[:i]
	}
	out = AppendUser(append(out, ";tgrp="...), group)
	return AppendUser(append(out, ";trunk-context="...), host)
}

// AppendUser appends s as the user part of a SIP URI. What has a meaning in a URI, a header or a quoted string is escaped, so that no number can become a
// parameter, another host or another header. The plus sign of a number stays as it is.
func AppendUser(out []byte, s string) []byte {
	for {
		n := 0
		for n < len(s) && plain[s[n]] {
			n++
		}
		out = append(out, s[:n]...)
		if n == len(s) {
			return out
		}
		out = append(out, '%', "0123456789ABCDEF"[s[n]>>4], "0123456789ABCDEF"[s[n]&15])
		s = s[n+1:]
	}
}

// plain are the characters that stand for themselves in a user part: unreserved (RFC 3261 §25.1), and the plus sign.
var plain = func() (p [256]bool) {
	for _, c := range []byte("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+-_.!~*'()") {
		p[c] = true
	}
	return p
}()
