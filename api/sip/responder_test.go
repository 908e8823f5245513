package sip

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"trunkline/callplan"
)

// What is answered to which request, beside the contacts.
func TestAnswers(t *testing.T) {
	edit := func(old, new string) string { return strings.Replace(invite("sip:1@192.0.2.1"), old, new, 1) }
	method := func(m string) string { return strings.ReplaceAll(invite("sip:1@192.0.2.1"), "INVITE", m) }
	for _, tc := range []struct{ name, text, status, has string }{
		{"a call", invite("sip:1@192.0.2.1"), "302 Moved Temporarily", "Contact: <sip:1@one.example.net>;q=1.0\r\nContent-Length: 0\r\n\r\n"},
		{"a health check", method("OPTIONS"), "200 OK", "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS\r\n"},
		{"a health check of the host itself", strings.ReplaceAll(method("OPTIONS"), "sip:1@", "sip:"), "200 OK", ""},
		{"an end of a call that never was", method("BYE"), "481 Call/Transaction Does Not Exist", ""},
		{"a change of a call that never was", edit("To: <sip:1@192.0.2.1>", "To: <sip:1@192.0.2.1>;tag=x"), "481 Call/Transaction Does Not Exist", "To: <sip:1@192.0.2.1>;tag=x\r\n"},
		{"a registration", method("REGISTER"), "405 Method Not Allowed", "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS\r\n"},
		{"a message", method("MESSAGE"), "405 Method Not Allowed", ""},
		{"methods have a case", method("invite"), "405 Method Not Allowed", ""},
		{"an acknowledgement", method("ACK"), "", ""},
		{"a cancellation", method("CANCEL"), "", ""},
		{"a malformed acknowledgement", strings.Replace(method("ACK"), "CSeq: 1", "CSeq: x", 1), "", ""},
		{"no hops left", edit("Max-Forwards: 70", "Max-Forwards: 0"), "483 Too Many Hops", ""},
		{"no count of hops", edit("Max-Forwards: 70\r\n", ""), "302 Moved Temporarily", ""},
		{"no From", edit("From:", "X-From:"), "400 Missing From", ""},
		{"no Via", edit("Via:", "X-Via:"), "400 Missing Via", ""},
		{"no CSeq", edit("CSeq:", "X-CSeq:"), "400 Missing CSeq", ""},
		{"no header name", edit("Max-Forwards: 70", ": 70"), "400 Malformed Header Line", ""},
		{"a line that is no header", edit("Max-Forwards: 70", "hello"), "400 Malformed Header Line", ""},
		{"a bare CR", edit("Max-Forwards: 70", "X: a\rContact: <sip:b@evil.example>"), "400 Bare Line End In A Header", ""},
		{"a bare LF", edit("Call-ID: call-1@192.0.2.9", "Call-ID: a\nContact: <sip:b@evil.example>"), "400 Bare Line End In A Header", ""},
		{"no end", strings.TrimSuffix(invite("sip:1@192.0.2.1"), "\r\n"), "400 No Empty Line After The Headers", ""},
		{"a host that is none", edit("sip:1@192.0.2.1 SIP", "sip:1@a_b..%41 SIP"), "400 Malformed Request-URI", ""},
		{"two at signs", edit("sip:1@192.0.2.1 SIP", "sip:1@2@192.0.2.1 SIP"), "400 Malformed Request-URI", ""},
		{"a bad escape", edit("sip:1@192.0.2.1 SIP", "sip:1%4@192.0.2.1 SIP"), "400 Malformed Request-URI", ""},
		{"a port out of range", edit("sip:1@192.0.2.1 SIP", "sip:1@192.0.2.1:65536 SIP"), "400 Malformed Request-URI", ""},
		{"an IPv6 reference that is none", edit("sip:1@192.0.2.1 SIP", "sip:1@[192.0.2.1] SIP"), "400 Malformed Request-URI", ""},
		{"a tel URI without a number", edit("sip:1@192.0.2.1 SIP", "tel:;x=1 SIP"), "400 Malformed Request-URI", ""},
		{"too many headers", edit("Max-Forwards: 70", strings.Repeat("X: y\r\n", maxHeaders)+"Max-Forwards: 70"), "400 Too Many Headers", ""},
		{"diverted five times", invite("sip:1@192.0.2.1", "Diversion: <sip:2@x.example>;reason=no-answer;counter=3, <sip:3@x.example>", "Diversion: <tel:4>;privacy=off"), "302 Moved Temporarily", ""},
		{"diverted six times", invite("sip:1@192.0.2.1", "Diversion: <sip:2@x.example>;reason=no-answer;counter=4, <sip:3@x.example>", "Diversion: <tel:4>;privacy=off"), "483 Too Many Hops", ""},
		{"extensions that change nothing", invite("sip:1@192.0.2.1", "Require: 100rel,timer"), "302 Moved Temporarily", ""},
		{"an extension that is not known", invite("sip:1@192.0.2.1", "Require: sec-agree"), "420 Bad Extension", "Unsupported: sec-agree\r\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := testResponder(t, routed(trunk("one", "1"))).ask(tc.text, asker)
			if statusLine(got) != tc.status || !strings.Contains(got, tc.has) {
				t.Errorf("answered\n%q, want %s with %q", got, tc.status, tc.has)
			}
			if strings.Contains(got, "evil.example") {
				t.Errorf("an injected line came back: %q", got)
			}
		})
	}
}

// Where the answer says that the request came from (RFC 3261 §18.2.1, RFC 3581 §4).
func TestVia(t *testing.T) {
	six := netip.MustParseAddrPort("[2001:db8::9]:40000")
	for _, tc := range []struct {
		via  string
		from netip.AddrPort
		want string
	}{
		{"SIP/2.0/UDP 192.0.2.9:5060;branch=b", asker, "SIP/2.0/UDP 192.0.2.9:5060;branch=b"},
		{"SIP/2.0/UDP 192.0.2.9;branch=b;rport", asker, "SIP/2.0/UDP 192.0.2.9;branch=b;received=192.0.2.9;rport=5060"},
		{"SIP/2.0/UDP 192.0.2.9;rport;branch=b", asker, "SIP/2.0/UDP 192.0.2.9;branch=b;received=192.0.2.9;rport=5060"},
		{"SIP/2.0/UDP 192.0.2.9;branch=b;rport=1;received=203.0.113.7", asker, "SIP/2.0/UDP 192.0.2.9;branch=b;received=192.0.2.9;rport=5060"},
		{"SIP/2.0/UDP 10.0.0.1:5062;branch=b;received=203.0.113.7", asker, "SIP/2.0/UDP 10.0.0.1:5062;branch=b;received=192.0.2.9"},
		{"SIP/2.0/UDP pbx.example.net;branch=b", asker, "SIP/2.0/UDP pbx.example.net;branch=b;received=192.0.2.9"},
		{"SIP/2.0/UDP [2001:db8::9]:5060;branch=b", six, "SIP/2.0/UDP [2001:db8::9]:5060;branch=b"},
		{"SIP/2.0/UDP [2001:db8::8];branch=b;rport", six, "SIP/2.0/UDP [2001:db8::8];branch=b;received=2001:db8::9;rport=40000"},
		{"SIP/2.0/UDP 192.0.2.9;branch=b;x=\"a,b;received=c\", SIP/2.0/TCP h2;branch=c;received=192.0.2.99", asker,
			"SIP/2.0/UDP 192.0.2.9;branch=b;x=\"a,b;received=c\", SIP/2.0/TCP h2;branch=c;received=192.0.2.99"},
	} {
		text := strings.Replace(invite("sip:1@192.0.2.1"), "SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK-7001;rport", tc.via, 1)
		if got := lines(testResponder(t, nil).ask(text, tc.from), "Via"); len(got) != 1 || got[0] != tc.want {
			t.Errorf("Via %s from %s is answered with %q, want %s", tc.via, tc.from, got, tc.want)
		}
	}
}

// A retransmission gets the same octets; a request that differs in what makes a transaction gets another tag.
func TestRetransmission(t *testing.T) {
	r := testResponder(t, routed(trunk("one", "1")))
	text := invite("sip:1@192.0.2.1")
	first := r.ask(text, asker)
	if again := r.ask(text, asker); again != first {
		t.Errorf("a retransmission is answered\n%s\nnot\n%s", again, first)
	}
	if other := testResponder(t, routed(trunk("one", "1"))).ask(text, asker); other != first {
		t.Errorf("another server answers\n%s\nnot\n%s", other, first)
	}
	tags := map[string]string{"": tag(t, first)}
	for _, c := range []struct{ old, new string }{{"call-1", "call-2"}, {"tag=f1", "tag=f2"}, {"7001", "7002"}, {"1 INVITE", "2 INVITE"}, {"INVITE sip:1@", "INVITE sip:2@"}} {
		got := tag(t, r.ask(strings.Replace(text, c.old, c.new, 1), asker))
		for before, one := range tags {
			if one == got {
				t.Errorf("%q and %q have one tag", c.new, before)
			}
		}
		tags[c.new] = got
	}
}

func tag(t *testing.T, answer string) string {
	t.Helper()
	to := lines(answer, "To")
	if len(to) != 1 {
		t.Fatalf("answer %q", answer)
	}
	_, tag, ok := strings.Cut(to[0], ">;tag=")
	if !ok || len(tag) != 16 {
		t.Fatalf("To is %s", to[0])
	}
	return tag
}

// Nobody but the configured switches gets an answer.
func TestStrangers(t *testing.T) {
	r := testResponder(t, routed(trunk("one", "1")))
	for _, a := range []string{"203.0.113.1", "192.0.2.16", "2001:db8:0:1::1"} {
		if got := r.ask(invite("sip:1@192.0.2.1"), withAddr(asker, a)); got != "" {
			t.Errorf("%s was answered %q", a, got)
		}
	}
	for _, a := range []string{"192.0.2.15", "::ffff:192.0.2.2", "2001:db8::ff"} {
		if got := r.ask(invite("sip:1@192.0.2.1"), withAddr(asker, a)); statusLine(got) != "302 Moved Temporarily" {
			t.Errorf("%s was answered %q", a, got)
		}
	}
}

// Overload is told with the time to come back after: beyond the capacity, and while no decision can be made.
func TestOverload(t *testing.T) {
	r := testResponder(t, routed(trunk("one", "1")), func(c *Config) { c.Capacity, c.RetryAfter = 10, 7*time.Second })
	if got := r.ask(invite("sip:1@192.0.2.1"), asker); statusLine(got) != "302 Moved Temporarily" {
		t.Fatalf("answered %q", got)
	}
	if got := r.ask(invite("sip:1@192.0.2.1"), asker); statusLine(got) != "503 Service Unavailable" || strings.Join(lines(got, "Retry-After"), "") != "7" {
		t.Errorf("answered %q", got)
	}
	later := r.now().Add(100 * time.Millisecond)
	r.now = func() time.Time { return later }
	if got := r.ask(invite("sip:1@192.0.2.1"), asker); statusLine(got) != "302 Moved Temporarily" {
		t.Errorf("after its time: %q", got)
	}

	r = testResponder(t, routed(trunk("one", "1")))
	r.ready = func() error { return errors.New("starting") }
	if got := r.ask(invite("sip:1@192.0.2.1"), asker); statusLine(got) != "503 Service Unavailable" || len(lines(got, "Retry-After")) != 1 {
		t.Errorf("not ready: %q", got)
	}
	if got := r.ask(strings.ReplaceAll(invite("sip:1@192.0.2.1"), "INVITE", "BYE"), asker); statusLine(got) != "481 Call/Transaction Does Not Exist" {
		t.Errorf("not ready, but no decision is needed: %q", got)
	}
}

// A request that was cut off is answered 513, when its head can be read at all.
func TestTooLarge(t *testing.T) {
	r := testResponder(t, decided(func(*callplan.Facts, *callplan.Decision) { t.Error("decided") }))
	b := []byte(invite("sip:1@192.0.2.1"))
	if got := string(r.respond(new(worker), b, false, asker, noon)); statusLine(got) != "513 Message Too Large" {
		t.Errorf("answered %q", got)
	}
}
