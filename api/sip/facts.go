package sip

import (
	"cmp"
	"strings"
	"time"

	"trunkline/api/switches"
	"trunkline/callplan"
)

// longestFact is the most octets of one fact. A longer number is answered 414; other facts are unknown then.
const longestFact = 255

// called is what a Request-URI says of the called party.
type called struct {
	number string // user, or the number before its parameters, unescaped
	rn     string // routing number of a ported number (RFC 4694); empty: none, or not to be used
	group  string // trunk group (RFC 4904); empty: none
	phone  bool   // the URI says that it is a telephone number
}

// calledOf reads the Request-URI. Parameters of a number stand behind it (tel URIs, and sip URIs made of them) or, at some switches, behind the host.
func calledOf(u uri, kind int) called {
	c, phone := numberParams(u.params)
	c.phone = phone || kind == schemeTel
	head, params := cutParams(u.user)
	if !c.phone && !dialled(unescape(head)) {
		head, params = u.user, "" // a name, in which a semicolon is nothing special
	}
	c.number = unescape(head)
	if params != "" {
		own, _ := numberParams(params)
		c.group, c.rn = cmp.Or(own.group, c.group), cmp.Or(own.rn, c.rn)
	}
	return c
}

// numberParams reads what parameters say of a number. phone is true if they say that it is one.
func numberParams(params string) (c called, phone bool) {
	lookedUp := false
	for params != "" {
		var key, value string
		switch key, value, params = nextParam(params); {
		case is(key, "user"):
			phone = phone || is(value, "phone")
		case is(key, "tgrp") && c.group == "":
			c.group = unescape(value)
		case is(key, "rn") && c.rn == "":
			c.rn = unescape(value)
		case is(key, "npdi"):
			lookedUp = true
		}
	}
	if !lookedUp {
		c.rn = ""
	}
	return c, phone
}

// facts fills in what the plans are asked about.
func (r *responder) facts(f *callplan.Facts, m *message, u uri, c called, asker *switches.Switch, now time.Time) {
	callID := m.first[kindCallID]
	if len(callID) > longestFact { // its end differs just as well, and a draw only needs a difference
		callID = callID[len(callID)-longestFact:]
	}
	*f = callplan.Facts{Called: c.number, Calling: m.calling(asker.Trusted), CallID: callID, At: now, TrunksDown: r.table.Down()}
	if c.rn != "" && r.config.RouteOnRN {
		f.Called = c.rn
	}
	group := c.group
	if group == "" && m.count[kindContact] > 0 && asker.ByTrunkGroup() {
		group = contactGroup(m.first[kindContact])
	}
	f.Provider = asker.Provider(u.host, group)
	if !r.named {
		return
	}
	for i := range m.headers {
		h := &m.headers[i]
		if h.kind != kindOther {
			continue
		}
		for _, n := range [...]struct {
			name string
			into *string
		}{{r.config.OPCHeader, &f.OPC}, {r.config.CallingLATAHeader, &f.CallingLATA}, {r.config.CalledLATAHeader, &f.CalledLATA}, {r.config.ZIPHeader, &f.ZIP}} {
			if n.name != "" && *n.into == "" && len(h.value) <= longestFact && is(h.name, n.name) {
				*n.into = h.value
			}
		}
	}
}

// contactGroup returns the trunk group that a call came in on, which gateways write into their Contact (RFC 4904 §5).
func contactGroup(value string) string {
	a, _, ok := parseAddress(value)
	if !ok {
		return ""
	}
	u, kind, ok := parseURI(a.uri)
	if !ok || kind == schemeOther {
		return ""
	}
	_, params := cutParams(u.user)
	group, found := param(params, "tgrp")
	if !found {
		group, _ = param(u.params, "tgrp")
	}
	return unescape(group)
}

// calling returns the caller's number, empty when it is withheld or not given. What the network asserts counts only when its sender is trusted
// (RFC 3325 §5), and then more than From, which the caller writes himself.
func (m *message) calling(trusted bool) string {
	if trusted && m.count[kindPrivacy] > 0 && withheld(m.first[kindPrivacy]) {
		return ""
	}
	if trusted && m.count[kindAsserted] > 0 {
		for i := range m.headers {
			for rest := m.headers[i].value; m.headers[i].kind == kindAsserted && rest != ""; {
				var a address
				var ok bool
				if a, rest, ok = parseAddress(rest); !ok {
					break
				}
				if n := callerOf(a); dialled(n) {
					return n
				}
			}
		}
	}
	return callerOf(m.from)
}

// withheld tells whether a Privacy header asks for the caller's identity to be hidden (RFC 3323 §4.2, RFC 3325 §9.3).
func withheld(privacy string) bool {
	for v := range strings.SplitSeq(privacy, ";") {
		if v = trim(v); is(v, "id") || is(v, "user") {
			return true
		}
	}
	return false
}

// callerOf returns the number in an address; empty for those who want to be anonymous (RFC 3323 §4.1.1.3).
func callerOf(a address) string {
	u, kind, ok := parseURI(a.uri)
	if !ok || kind == schemeOther || is(u.host, "anonymous.invalid") || is(u.user, "anonymous") {
		return ""
	}
	head, _ := cutParams(u.user)
	if head = unescape(head); !dialled(head) && kind != schemeTel {
		head = unescape(u.user)
	}
	if len(head) > longestFact {
		return ""
	}
	return head
}

// diversions counts how often a call was diverted: the counters of all Diversion headers, where one without a counter is one (RFC 5806 §4).
func (m *message) diversions() int {
	n := 0
	for i := range m.headers {
		if m.headers[i].kind != kindDiversion {
			continue
		}
		for rest := m.headers[i].value; rest != ""; {
			var a address
			var ok bool
			a, rest, ok = parseAddress(rest)
			one := 1
			if ok {
				if value, given := param(a.params, "counter"); given {
					one = max(1, number(value, 100))
				}
			}
			n += one
			if !ok {
				break
			}
		}
	}
	return n
}
