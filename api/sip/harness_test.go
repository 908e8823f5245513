package sip

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"trunkline/api/switches"
	"trunkline/callplan"
)

// request makes a SIP message of lines: line ends are those of the wire, and an empty line closes the head.
func request(lines ...string) string { return strings.Join(lines, "\r\n") + "\r\n\r\n" }

// invite is a usual call; further lines stand before its end.
func invite(uri string, more ...string) string {
	return request(append([]string{
		"INVITE " + uri + " SIP/2.0",
		"Via: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK-7001;rport",
		`From: "Ann" <sip:+12125550100@192.0.2.9>;tag=f1`,
		"To: <" + uri + ">",
		"Call-ID: call-1@192.0.2.9",
		"CSeq: 1 INVITE",
		"Max-Forwards: 70",
	}, more...)...)
}

// asker is where requests of tests come from.
var asker = netip.MustParseAddrPort("192.0.2.9:5060")

// here is where the tested server is.
var here = netip.MustParseAddrPort("192.0.2.1:5060")

// testTable: one trusted switch with next hop and carriers, one that is neither trusted nor has anything.
func testTable(t testing.TB) *switches.Table {
	t.Helper()
	trusted, plain := switches.Default(), switches.Default()
	trusted.Networks, trusted.Trusted, trusted.NextHop, trusted.Provider = []string{"192.0.2.0/28", "2001:db8::/64"}, true, "hop.example.net:5070", "acme"
	trusted.Hosts, trusted.TrunkGroups = []string{"bravo.example.net=bravo"}, []string{"tg-c=charlie"}
	trusted.Rate, plain.Rate = 1_000_000, 1_000_000
	plain.Networks = []string{"198.51.100.0/24", "127.0.0.0/8", "::1/128"}
	table, err := switches.NewTable(map[string]switches.Config{"pbx": trusted, "plain": plain}, map[string]switches.Carrier{
		"one": {Address: "one.example.net"}, "two": {Address: "[2001:db8:2::2]:5080", Transport: "tcp"}, "dead": {Address: "dead.example.net", Down: true}})
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// noon is when calls of tests come.
var noon = time.Date(2026, 6, 10, 12, 0, 0, 0, time.UTC)

// testResponder answers by plans; nil decides nothing.
func testResponder(t testing.TB, plans Decider, change ...func(*Config)) *responder {
	t.Helper()
	c := Default()
	c.Capacity = 0
	for _, f := range change {
		f(&c)
	}
	if errs := c.Validate(); len(errs) > 0 {
		t.Fatal(errs)
	}
	if plans == nil {
		plans = decided(func(*callplan.Facts, *callplan.Decision) {})
	}
	r := newResponder(Options{Config: c, Plans: plans, Table: testTable(t), Registerer: prometheus.NewPedanticRegistry()}, ownPlaces([]netip.AddrPort{here}, c.Names, nil))
	r.start, r.now = noon.Add(-time.Hour), func() time.Time { return noon }
	return r
}

// ask answers a text as a datagram that came from an address.
func (r *responder) ask(text string, from netip.AddrPort) string {
	return string(r.respond(new(worker), []byte(text), true, from, r.now()))
}

// statusLine returns the first line of an answer, without the version.
func statusLine(answer string) string {
	line, _, _ := strings.Cut(answer, "\r\n")
	return strings.TrimPrefix(line, "SIP/2.0 ")
}

// lines returns the values of all headers of one name, in their order.
func lines(answer, name string) (out []string) {
	for line := range strings.SplitSeq(answer, "\r\n") {
		if v, ok := strings.CutPrefix(line, name+": "); ok {
			out = append(out, v)
		}
	}
	return out
}

// decided decides by a function, where a test wants one certain decision or sees the facts.
type decided func(*callplan.Facts, *callplan.Decision)

// Decide resets d as the engine does.
func (f decided) Decide(facts *callplan.Facts, d *callplan.Decision) {
	d.Reset()
	f(facts, d)
}

// routed sends every call to the same candidates.
func routed(cs ...callplan.Candidate) decided {
	return func(_ *callplan.Facts, d *callplan.Decision) {
		d.Action = callplan.Route
		d.Candidates = append(d.Candidates, cs...)
	}
}

// withAddr is the same port at another address.
func withAddr(a netip.AddrPort, addr string) netip.AddrPort {
	return netip.AddrPortFrom(netip.MustParseAddr(addr), a.Port())
}
