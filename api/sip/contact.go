package sip

import (
	"net/netip"
	"strconv"
	"strings"

	"trunkline/api/switches"
	"trunkline/callplan"
)

// place is where a contact or this server is: an address, or a name in lower case, with a port.
type place struct {
	name string
	at   netip.AddrPort // the address is not valid for a name; the port is
}

// defaultPort is where SIP is when no port is given (RFC 3261 §19.1.2).
const defaultPort = 5060

// placeOf makes a place of a host as in a URI.
func placeOf(host string, port int) place {
	if port == 0 {
		port = defaultPort
	}
	inner := host
	if strings.HasPrefix(host, "[") {
		inner = strings.Trim(host, "[]")
	} else if host == "" || class[host[0]]&isDigit == 0 {
		return place{name: host, at: netip.AddrPortFrom(netip.Addr{}, uint16(port))}
	}
	if a, err := netip.ParseAddr(inner); err == nil {
		return place{at: netip.AddrPortFrom(a.Unmap().WithZone(""), uint16(port))}
	}
	return place{name: host, at: netip.AddrPortFrom(netip.Addr{}, uint16(port))}
}

func (p place) is(other place) bool {
	return p.at == other.at && len(p.name) == len(other.name) && strings.EqualFold(p.name, other.name)
}

// target is one place that a call may go to.
type target struct {
	scheme string // "sip" or "sips"
	user   string // as it is to be written, escaped; empty: number
	number string // to be escaped, when there is no user
	group  string // trunk group behind the number; empty: none
	hop
	params string // of the URI, with the leading semicolon
}

// hop is an address that calls may go to.
type hop struct {
	hostPort  string
	transport string // empty: what the switch takes
	place     place  // what hostPort means
}

// redirect is one answer 302 while it is made.
type redirect struct {
	*responder
	m     *message
	u     uri
	c     called
	asker *switches.Switch
	from  netip.AddrPort
	out   []byte
	count int // contacts so far

	called place          // of the Request-URI
	source netip.AddrPort // of the request, as the places are written
}

// candidates appends a contact for each candidate that can be expressed and does not point back.
func (r *redirect) candidates(d *callplan.Decision, number string) {
	for i := range d.Candidates {
		if r.count == r.config.Contacts {
			r.metrics.dropped[dropLimit].Add(float64(len(d.Candidates) - i))
			return
		}
		t, ok := r.target(&d.Candidates[i], number)
		if !ok {
			r.metrics.dropped[dropNowhere].Inc()
			continue
		}
		r.contact(t)
	}
}

// target finds where a candidate is. number is the one that was asked about: where a candidate keeps it, what is known of it is kept too.
func (r *redirect) target(c *callplan.Candidate, number string) (t target, ok bool) {
	t = target{scheme: "sip", number: c.Number}
	if c.Type != callplan.SIP && c.Number == number {
		t.user = r.sameUser()
	}
	if r.c.phone {
		t.params = ";user=phone"
	}
	switch c.Type {
	case callplan.SIP:
		return sipTarget(c.URI)
	case callplan.Trunk, callplan.Operator:
		if hop, ok := r.carriers[c.Trunk]; ok {
			t.hop = hop
			return t, true
		}
		t.group = c.Trunk
	}
	t.hop = r.nextHop()
	return t, t.hostPort != ""
}

// sameUser returns the user part of the called number as it is to go on, with what is known of its porting; empty when there is nothing but the number.
func (r *redirect) sameUser() string {
	if r.c.rn == "" {
		return ""
	}
	head, _ := cutParams(r.u.user)
	return head + ";npdi;rn=" + string(switches.AppendUser(nil, r.c.rn))
}

// sipTarget takes the address of a plan, with or without scheme, apart.
func sipTarget(s string) (t target, ok bool) {
	if _, _, _, has := schemeOf(s); !has || !strings.HasPrefix(strings.ToLower(s), "sip") {
		s = "sip:" + s
	}
	u, kind, ok := parseURI(s)
	if !ok || kind != schemeSIP && kind != schemeSIPS || u.header {
		return t, false
	}
	t = target{scheme: "sip", user: u.user, hop: hop{hostPort: u.host, place: placeOf(u.host, u.port)}, params: u.params}
	if kind == schemeSIPS {
		t.scheme = "sips"
	}
	if u.port != 0 {
		t.hostPort += ":" + strconv.Itoa(u.port)
	}
	return t, true
}

// unchanged appends the contact of a call that is passed on: the same user part at the next hop.
func (r *redirect) unchanged() {
	if r.asker.NextHop == "" {
		return
	}
	t := target{scheme: "sip", user: r.u.user, hop: r.nextHop()}
	if r.c.phone {
		t.params = ";user=phone"
	}
	r.contact(t)
}

// nextHop returns where who asks reaches all that has no address of its own; without one its hostPort is empty.
func (r *redirect) nextHop() hop {
	return hop{hostPort: r.asker.NextHop, place: r.known[r.asker.NextHop]}
}

// contact appends one Contact line, unless it points back.
func (r *redirect) contact(t target) {
	start := len(r.out)
	r.out = append(r.out, "Contact: <"...)
	r.out = append(r.out, t.scheme...)
	r.out = append(r.out, ':')
	user := len(r.out)
	if t.user != "" {
		r.out = append(r.out, t.user...)
	} else {
		r.out = switches.AppendUser(r.out, t.number)
	}
	same := string(r.out[user:]) == r.u.user // the compiler makes no copy for a comparison
	if t.group != "" {
		r.out = switches.AppendTrunkGroup(r.out, t.group, t.hostPort)
		same = false
	}
	if r.loops(t.place, same) {
		r.out = r.out[:start]
		r.metrics.dropped[dropLoop].Inc()
		return
	}
	if len(r.out) > user {
		r.out = append(r.out, '@')
	}
	r.out = append(r.out, t.hostPort...)
	r.out = append(r.out, t.params...)
	if t.transport != "" {
		r.out = append(append(r.out, ";transport="...), t.transport...)
	}
	r.out = append(r.out, ">;q="...)
	r.out = appendQ(r.out, r.count, r.config.Contacts)
	r.out = append(r.out, "\r\n"...)
	r.count++
}

// loops tells whether a contact would bring the call back: to this server, to who asks, or to the very URI that was asked about (RFC 3261 §8.3).
func (r *redirect) loops(p place, sameUser bool) bool {
	for _, own := range r.own {
		if p.is(own) {
			return true
		}
	}
	via := r.m.via.at // of who asks, by his own word
	return p.is(via) || p.at == r.source || p.at == netip.AddrPortFrom(r.source.Addr(), via.at.Port()) || sameUser && p.is(r.called)
}

// appendQ appends the preference of the contact at an index: 1.0, 0.9 and so on, in smaller steps when there may be more than ten.
func appendQ(out []byte, i, most int) []byte {
	step := 10
	if most > 10 {
		step = 3
	}
	q := 100 - step*i
	if q == 100 {
		return append(out, "1.0"...)
	}
	out = append(out, '0', '.', byte('0'+q/10))
	if q%10 != 0 {
		out = append(out, byte('0'+q%10))
	}
	return out
}

// knownPlaces are the places of HOST:PORT addresses.
func knownPlaces(addresses []string) map[string]place {
	out := map[string]place{}
	for _, a := range addresses {
		if host, port, ok := hostPort(a); ok {
			out[a] = placeOf(host, port)
		}
	}
	return out
}

// hopsOf are the carriers with an address, by trunk.
func hopsOf(t *switches.Table, known map[string]place) map[string]hop {
	out := map[string]hop{}
	for _, trunk := range t.Carriers() {
		if c, _ := t.Carrier(trunk); c.Address != "" {
			out[trunk] = hop{c.Address, c.Transport, known[c.Address]}
		}
	}
	return out
}

// ownPlaces are all places at which this server is reached: what it listens on, the addresses of the machine where that is any, and further names.
func ownPlaces(listen []netip.AddrPort, names []string, addresses []netip.Addr) (own []place) {
	for _, l := range listen {
		if !l.Addr().IsUnspecified() {
			own = append(own, place{at: netip.AddrPortFrom(l.Addr().Unmap().WithZone(""), l.Port())})
			continue
		}
		for _, a := range addresses {
			own = append(own, place{at: netip.AddrPortFrom(a.Unmap().WithZone(""), l.Port())})
		}
	}
	for _, n := range names {
		if host, port, ok := hostPort(n); ok {
			own = append(own, placeOf(host, port))
		}
	}
	return own
}
