package sip

import (
	"net/netip"
	"strings"
	"testing"

	"trunkline/callplan"
)

// What the plans are asked, by what the request says and who sends it.
func TestFacts(t *testing.T) {
	stranger := netip.MustParseAddrPort("198.51.100.7:5060") // not trusted
	from := func(text, value string) string {
		return strings.Replace(text, `"Ann" <sip:+12125550100@192.0.2.9>`, value, 1)
	}
	for _, tc := range []struct {
		name, text string
		source     netip.AddrPort
		change     func(*Config)
		want       callplan.Facts
	}{
		{name: "a sip URI", text: invite("sip:+12055550123@192.0.2.1;user=phone"), want: callplan.Facts{Called: "+12055550123"}},
		{name: "a sips URI", text: invite("SIPS:2055550123@192.0.2.1"), want: callplan.Facts{Called: "2055550123"}},
		{name: "a tel URI", text: invite("tel:+1-205-555-0123"), want: callplan.Facts{Called: "+1-205-555-0123"}},
		{name: "a local tel URI", text: invite("tel:7042;phone-context=example.com"), want: callplan.Facts{Called: "7042"}},
		{name: "an escaped user", text: invite("sip:%2B1205555%30123@192.0.2.1"), want: callplan.Facts{Called: "+12055550123"}},
		{name: "a password is none of the number", text: invite("sip:2055550123:secret@192.0.2.1"), want: callplan.Facts{Called: "2055550123"}},
		{name: "star and hash", text: invite("sip:*21%23@192.0.2.1"), want: callplan.Facts{Called: "*21#"}},
		{name: "a name with a semicolon", text: invite("sip:alice;day=tuesday@192.0.2.1"), want: callplan.Facts{Called: "alice;day=tuesday"}},
		{name: "no user at all", text: invite("sip:192.0.2.1"), want: callplan.Facts{}},
		{name: "a ported number", text: invite("sip:+12055550123;npdi;rn=+12055559999@192.0.2.1;user=phone"), want: callplan.Facts{Called: "+12055559999"}},
		{name: "a ported number in a tel URI", text: invite("tel:+12055550123;npdi;rn=+12055559999"), want: callplan.Facts{Called: "+12055559999"}},
		{name: "porting behind the host", text: invite("sip:+12055550123@192.0.2.1;npdi=yes;rn=12055559999"), want: callplan.Facts{Called: "12055559999"}},
		{name: "looked up and not ported", text: invite("sip:+12055550123;npdi@192.0.2.1;user=phone"), want: callplan.Facts{Called: "+12055550123"}},
		{name: "a routing number that was not looked up", text: invite("sip:+12055550123;rn=+12055559999@192.0.2.1;user=phone"), want: callplan.Facts{Called: "+12055550123"}},
		{name: "porting switched off", text: invite("sip:+12055550123;npdi;rn=+12055559999@192.0.2.1;user=phone"), change: func(c *Config) { c.RouteOnRN = false },
			want: callplan.Facts{Called: "+12055550123"}},

		{name: "asserted by a trusted switch", text: invite("sip:1@192.0.2.1", `P-Asserted-Identity: "Bob" <sip:+12015550199@c.example.net;user=phone>`), want: callplan.Facts{Called: "1", Calling: "+12015550199"}},
		{name: "asserted as tel beside a name", text: invite("sip:1@192.0.2.1", `P-Asserted-Identity: "B, \"b" <sip:bob@c.example.net>, tel:+12015550199`), want: callplan.Facts{Called: "1", Calling: "+12015550199"}},
		{name: "asserted in two lines", text: invite("sip:1@192.0.2.1", "p-asserted-identity: <sip:bob@c.example.net>", "P-Asserted-Identity: <tel:+12015550199>"), want: callplan.Facts{Called: "1", Calling: "+12015550199"}},
		{name: "asserted by one who is not trusted", text: invite("sip:1@192.0.2.1", "P-Asserted-Identity: <tel:+12015550199>"), source: stranger, want: callplan.Facts{Called: "1", Provider: "default"}},
		{name: "asserted nonsense", text: invite("sip:1@192.0.2.1", "P-Asserted-Identity: <<<"), want: callplan.Facts{Called: "1"}},
		{name: "privacy", text: invite("sip:1@192.0.2.1", "P-Asserted-Identity: <tel:+12015550199>", "Privacy: header; id"), want: callplan.Facts{Called: "1", Calling: "-"}},
		{name: "no privacy", text: invite("sip:1@192.0.2.1", "P-Asserted-Identity: <tel:+12015550199>", "Privacy: none"), want: callplan.Facts{Called: "1", Calling: "+12015550199"}},
		{name: "anonymous", text: from(invite("sip:1@192.0.2.1"), `"Anonymous" <sip:anonymous@anonymous.invalid>`), want: callplan.Facts{Called: "1", Calling: "-"}},
		{name: "anonymous, yet asserted", text: from(invite("sip:1@192.0.2.1", "P-Asserted-Identity: <tel:+12015550199>"), `<sip:anonymous@anonymous.invalid>`), want: callplan.Facts{Called: "1", Calling: "+12015550199"}},
		{name: "From without brackets", text: from(invite("sip:1@192.0.2.1"), "sip:2015550177@x.example.net"), want: callplan.Facts{Called: "1", Calling: "2015550177"}},
		{name: "From with a comma in its name", text: from(invite("sip:1@192.0.2.1"), `"Doe, Jane <x>" <sip:2015550177@x.example.net>`), want: callplan.Facts{Called: "1", Calling: "2015550177"}},

		{name: "provider by host", text: invite("sip:1@BRAVO.example.net"), want: callplan.Facts{Called: "1", Provider: "bravo"}},
		{name: "provider by trunk group", text: invite("sip:+12055550123;tgrp=TG-C;trunk-context=x@bravo.example.net"), want: callplan.Facts{Called: "+12055550123", Provider: "charlie"}},
		{name: "provider by the trunk group of Contact", text: invite("sip:1@192.0.2.1", "m: \"x\" <sip:+12055550123;tgrp=tg-c;trunk-context=x@192.0.2.9>"), want: callplan.Facts{Called: "1", Provider: "charlie"}},
		{name: "an unknown trunk group", text: invite("sip:+12055550123;tgrp=tg-x@192.0.2.1"), want: callplan.Facts{Called: "+12055550123", Provider: "acme"}},

		{name: "facts in headers", text: invite("sip:1@192.0.2.1", "x-opc: 001-002-003", "X-Lata: 476", "X-To-Lata:  132", "X-Zip: 35203", "X-Zip: 99999"), change: func(c *Config) {
			c.OPCHeader, c.CallingLATAHeader, c.CalledLATAHeader, c.ZIPHeader = "X-OPC", "X-LATA", "X-To-LATA", "X-ZIP"
		}, want: callplan.Facts{Called: "1", OPC: "001-002-003", CallingLATA: "476", CalledLATA: "132", ZIP: "35203"}},
		{name: "headers that are not configured", text: invite("sip:1@192.0.2.1", "X-OPC: 001-002-003"), want: callplan.Facts{Called: "1"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var got callplan.Facts
			asked := 0
			change := tc.change
			if change == nil {
				change = func(*Config) {}
			}
			r := testResponder(t, decided(func(f *callplan.Facts, _ *callplan.Decision) { got = *f; asked++ }), change)
			source, want := tc.source, tc.want
			if !source.IsValid() {
				source = asker
			}
			switch want.Calling {
			case "":
				want.Calling = "+12125550100"
			case "-":
				want.Calling = ""
			}
			if want.Provider == "" {
				want.Provider = "acme"
			}
			answer := r.ask(tc.text, source)
			if asked != 1 {
				t.Fatalf("the plans were asked %d times; answered %q", asked, answer)
			}
			if got.CallID != "call-1@192.0.2.9" || !got.At.Equal(noon) || strings.Join(got.TrunksDown, " ") != "dead" {
				t.Errorf("call id %q, at %s, down %q", got.CallID, got.At, got.TrunksDown)
			}
			got.CallID, got.At, got.TrunksDown = "", want.At, nil
			if got.Provider != want.Provider || got.Calling != want.Calling || got.Called != want.Called || got.OPC != want.OPC || got.CallingLATA != want.CallingLATA ||
				got.CalledLATA != want.CalledLATA || got.ZIP != want.ZIP {
				t.Errorf("asked\n%+v, want\n%+v", got, want)
			}
		})
	}
}

// Values longer than a fact may be do not reach the plans.
func TestLongFacts(t *testing.T) {
	long := strings.Repeat("1", 300)
	var got callplan.Facts
	r := testResponder(t, decided(func(f *callplan.Facts, _ *callplan.Decision) { got = *f }), func(c *Config) { c.ZIPHeader = "X-ZIP" })
	if answer := r.ask(invite("sip:"+long+"@192.0.2.1"), asker); statusLine(answer) != "414 Request-URI Too Long" {
		t.Errorf("answered %q", answer)
	}
	text := strings.Replace(invite("sip:1@192.0.2.1", "X-ZIP: "+long), "+12125550100", long, 1)
	r.ask(strings.Replace(text, "call-1", "a"+long+"z", 1), asker)
	if err := got.Check(); err != nil || got.Called != "1" || got.Calling != "" || !strings.HasSuffix(got.CallID, "1z@192.0.2.9") {
		t.Errorf("%v: %+v", err, got)
	}
}
