package sip

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"trunkline/callplan"
)

func trunk(name, number string) callplan.Candidate {
	return callplan.Candidate{Type: callplan.Trunk, Trunk: name, Number: number}
}

func sipURI(s string) callplan.Candidate { return callplan.Candidate{Type: callplan.SIP, URI: s} }

func plain(number string) callplan.Candidate {
	return callplan.Candidate{Type: callplan.Number, Number: number}
}

// Contacts of candidates, in order, and the status when there are none.
func TestContacts(t *testing.T) {
	usual := "sip:+12055550123@192.0.2.1;user=phone"
	for _, tc := range []struct {
		name, uri  string
		candidates []callplan.Candidate
		want       []string
	}{
		{"two carriers", usual, []callplan.Candidate{trunk("one", "+12055550123"), trunk("two", "+12055550177")},
			[]string{"<sip:+12055550123@one.example.net;user=phone>;q=1.0", "<sip:+12055550177@[2001:db8:2::2]:5080;user=phone;transport=tcp>;q=0.9"}},
		{"no telephone number", "sip:1@192.0.2.1", []callplan.Candidate{trunk("one", "1")}, []string{"<sip:1@one.example.net>;q=1.0"}},
		{"an operator's trunk", usual, []callplan.Candidate{{Type: callplan.Operator, Trunk: "one", Number: "0"}}, []string{"<sip:0@one.example.net;user=phone>;q=1.0"}},
		{"a trunk that only the switch knows", usual, []callplan.Candidate{trunk("tg-9", "+12055550123")},
			[]string{"<sip:+12055550123;tgrp=tg-9;trunk-context=hop.example.net@hop.example.net:5070;user=phone>;q=1.0"}},
		{"a plain number", usual, []callplan.Candidate{plain("+12055550188")}, []string{"<sip:+12055550188@hop.example.net:5070;user=phone>;q=1.0"}},
		{"sip addresses", usual, []callplan.Candidate{sipURI("desk@pbx.example.net"), sipURI("sip:12@pbx.example.net:5080;transport=tcp"), sipURI("sips:12@pbx.example.net")},
			[]string{"<sip:desk@pbx.example.net>;q=1.0", "<sip:12@pbx.example.net:5080;transport=tcp>;q=0.9", "<sips:12@pbx.example.net>;q=0.8"}},
		{"a ported number keeps what is known", "sip:+12055550123;npdi;rn=+12055559999@192.0.2.1;user=phone", []callplan.Candidate{trunk("one", "+12055559999"), trunk("one", "0")},
			[]string{"<sip:+12055550123;npdi;rn=+12055559999@one.example.net;user=phone>;q=1.0", "<sip:0@one.example.net;user=phone>;q=0.9"}},
		{"numbers are escaped", usual, []callplan.Candidate{trunk("one", "1@evil.example>\r\nX: y;a=b?c\"%#é")},
			[]string{"<sip:1%40evil.example%3E%0D%0AX%3A%20y%3Ba%3Db%3Fc%22%25%23%C3%A9@one.example.net;user=phone>;q=1.0"}},
		{"trunk groups are escaped", usual, []callplan.Candidate{trunk("a;b>@c", "1")}, []string{"<sip:1;tgrp=a%3Bb%3E%40c;trunk-context=hop.example.net@hop.example.net:5070;user=phone>;q=1.0"}},
		{"sip addresses that are none", usual, []callplan.Candidate{sipURI("a@b>\r\nX: y"), sipURI("a b@c"), sipURI("@"), sipURI("a@b?Route=c"), sipURI("desk@pbx.example.net")}, []string{"<sip:desk@pbx.example.net>;q=1.0"}},
		{"the asker's Via", usual, []callplan.Candidate{sipURI("1@192.0.2.9"), sipURI("1@192.0.2.9:5060"), sipURI("1@192.0.2.9:5070")}, []string{"<sip:1@192.0.2.9:5070>;q=1.0"}},
		{"this server", usual, []callplan.Candidate{sipURI("1@192.0.2.1"), sipURI("1@192.0.2.1:5060"), sipURI("1@Trunkline.example.net:5070"), sipURI("1@[2001:db8::1]:5061"), sipURI("1@[2001:DB8:0::1]:5062")},
			[]string{"<sip:1@[2001:DB8:0::1]:5062>;q=1.0"}},
		{"the URI that was asked about", "sip:1@other.example.net:5080", []callplan.Candidate{sipURI("1@Other.example.net:5080"), sipURI("2@other.example.net:5080")}, []string{"<sip:2@other.example.net:5080>;q=1.0"}},
		{"nothing", usual, nil, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := testResponder(t, routed(tc.candidates...), func(c *Config) { c.Names = []string{"trunkline.example.net:5070", "[2001:db8::1]:5061"} })
			got := r.ask(invite(tc.uri), asker)
			status := "302 Moved Temporarily"
			if tc.want == nil {
				status = "404 Not Found"
			}
			if statusLine(got) != status || !slices.Equal(lines(got, "Contact"), tc.want) {
				t.Errorf("answered\n%s\nwant %s and %q", got, status, tc.want)
			}
			if n := strings.Count(got, "\r\nTo: "); n != 1 {
				t.Errorf("%d To in\n%s", n, got)
			}
		})
	}
}

// Without a next hop, plain numbers and trunks of the switch lead nowhere, and a call that goes on unchanged is answered 404 instead of sent back.
func TestNoNextHop(t *testing.T) {
	from := asker
	from = withAddr(from, "198.51.100.7")
	for _, tc := range []struct {
		plans  decided
		status string
	}{
		{routed(plain("1"), trunk("tg-1", "2")), "404 Not Found"},
		{func(_ *callplan.Facts, d *callplan.Decision) { d.Action = callplan.Continue }, "404 Not Found"},
		{func(*callplan.Facts, *callplan.Decision) {}, "404 Not Found"},
		{func(_ *callplan.Facts, d *callplan.Decision) { d.Action = callplan.Terminate }, "603 Decline"},
		{routed(trunk("one", "1")), "302 Moved Temporarily"},
	} {
		if got := testResponder(t, tc.plans).ask(invite("sip:1@192.0.2.1"), from); statusLine(got) != tc.status {
			t.Errorf("answered %q, want %s", got, tc.status)
		}
	}
}

// What becomes of each action, by configuration.
func TestActions(t *testing.T) {
	act := func(a callplan.Action) decided {
		return func(_ *callplan.Facts, d *callplan.Decision) { d.Action = a }
	}
	next := "<sip:+12055550123;npdi;rn=5@hop.example.net:5070;user=phone>;q=1.0"
	for _, tc := range []struct {
		action  callplan.Action
		change  func(*Config)
		status  string
		contact string
	}{
		{callplan.Continue, func(*Config) {}, "302 Moved Temporarily", next},
		{callplan.NoMatch, func(*Config) {}, "302 Moved Temporarily", next},
		{callplan.NoMatch, func(c *Config) { c.NoMatch = "terminate" }, "603 Decline", ""},
		{callplan.Terminate, func(*Config) {}, "603 Decline", ""},
		{callplan.Terminate, func(c *Config) { c.TerminateStatus = 403 }, "403 Forbidden", ""},
		{callplan.Terminate, func(c *Config) { c.TerminateStatus = 486 }, "486 Busy Here", ""},
		{callplan.Terminate, func(c *Config) { c.TerminateStatus = 608 }, "608 Rejected", ""},
		{callplan.Route, func(c *Config) { c.NotFoundStatus = 480 }, "480 Temporarily Unavailable", ""},
	} {
		got := testResponder(t, act(tc.action), tc.change).ask(invite("sip:+12055550123;npdi;rn=5@192.0.2.1;user=phone"), asker)
		if statusLine(got) != tc.status || strings.Join(lines(got, "Contact"), "") != tc.contact {
			t.Errorf("%s is answered\n%s\nwant %s and %s", tc.action, got, tc.status, tc.contact)
		}
	}
}

// Every contact has a lower q than the one before, up to the greatest number of them.
func TestPreference(t *testing.T) {
	for _, most := range []int{1, 10, 11, 32} {
		var cs []callplan.Candidate
		for i := range most + 3 {
			cs = append(cs, trunk("one", fmt.Sprint(i)))
		}
		got := lines(testResponder(t, routed(cs...), func(c *Config) { c.Contacts = most }).ask(invite("sip:x@192.0.2.1"), asker), "Contact")
		if len(got) != most {
			t.Fatalf("%d contacts, want %d", len(got), most)
		}
		last := 1.1
		for i, c := range got {
			var q float64
			_, text, _ := strings.Cut(c, ">;q=")
			if _, err := fmt.Sscanf(text, "%f", &q); err != nil || q >= last || q <= 0 || len(text) > 4 || !strings.HasPrefix(c, fmt.Sprintf("<sip:%d@", i)) {
				t.Errorf("contact %d of %d is %s after %v", i, most, c, last)
			}
			last = q
		}
	}
}
