package switches

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"trunkline/callplan"
)

func TestFind(t *testing.T) {
	wide, narrow, six := Default(), Default(), Default()
	wide.Networks, narrow.Networks, six.Networks = []string{"192.0.2.0/24"}, []string{"192.0.2.7", "192.0.2.64/26"}, []string{"2001:db8::/32"}
	table, err := NewTable(map[string]Config{"wide": wide, "narrow": narrow, "six": six}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]string{"192.0.2.1": "wide", "192.0.2.7": "narrow", "192.0.2.70": "narrow", "::ffff:192.0.2.7": "narrow", "2001:db8::5": "six",
		"192.0.3.1": "", "::1": "", "fe80::1%eth0": ""} {
		got := ""
		if s := table.Find(netip.MustParseAddr(address)); s != nil {
			got = s.Name
		}
		if got != want {
			t.Errorf("%s is switch %q, want %q", address, got, want)
		}
	}
	if s := table.ByName("six"); s == nil || s.Name != "six" || table.ByName("seven") != nil {
		t.Errorf("by name: %v", s)
	}
	var none *Table
	if none.Find(netip.MustParseAddr("::1")) != nil || !none.Empty() || none.Down() != nil || none.ByName("x") != nil {
		t.Error("no table knows somebody")
	}
	six.Networks = append(six.Networks, "192.0.2.7/32")
	if _, err := NewTable(map[string]Config{"narrow": narrow, "six": six}, nil); err == nil || !strings.Contains(err.Error(), "192.0.2.7/32 is that of switch narrow already") {
		t.Errorf("one network twice: %v", err)
	}
}

func TestProvider(t *testing.T) {
	c := Default()
	c.Networks, c.Provider, c.Hosts, c.TrunkGroups = []string{"192.0.2.7"}, "own", []string{"SIP.a.example = alpha", "b.example=bravo"}, []string{"tg-1=charlie"}
	table, err := NewTable(map[string]Config{"x": c}, nil)
	if err != nil {
		t.Fatal(err)
	}
	s := table.ByName("x")
	for _, tc := range [][3]string{{"", "", "own"}, {"other.example", "tg-2", "own"}, {"sip.A.example", "", "alpha"}, {"b.example", "TG-1", "charlie"}} {
		if got := s.Provider(tc[0], tc[1]); got != tc[2] {
			t.Errorf("host %q and group %q belong to %q, want %q", tc[0], tc[1], got, tc[2])
		}
	}
	for provider, want := range map[string]bool{"own": true, "alpha": true, "charlie": true, "delta": false, "": false} {
		if key, ok := s.Serves(provider); ok != want || ok && key != provider {
			t.Errorf("serves %q: %v, with the key %q", provider, ok, key)
		}
	}
}

// A service provider that was renamed is the one that the sections mean, by whichever name they and the switch name it.
func TestProvidersMeant(t *testing.T) {
	c := Default()
	c.Networks, c.Provider, c.Hosts = []string{"192.0.2.1"}, "before", []string{"a.example=now"}
	table, err := NewTable(map[string]Config{"x": c}, nil)
	if err != nil {
		t.Fatal(err)
	}
	meant := map[string]string{"before": "key", "now": "key", "other": "other"}
	s := table.Beside(nil, func(name string) string { return meant[name] }).Find(netip.MustParseAddr("192.0.2.1"))
	if a, b := s.Provider("", ""), s.Provider("a.example", ""); a != "key" || b != "key" {
		t.Errorf("asks for %q and %q", a, b)
	}
	for name, want := range map[string]bool{"before": true, "now": true, "other": false, "key": false} {
		if key, ok := s.Serves(name); ok != want || ok && key != "key" {
			t.Errorf("serves %q: %v, %q", name, ok, key)
		}
	}
	if key, ok := table.Find(netip.MustParseAddr("192.0.2.1")).Serves("before"); !ok || key != "before" {
		t.Errorf("the table itself changed: %q, %v", key, ok)
	}
}

// Every key that is wrong is reported, with what is wrong about it.
func TestValidate(t *testing.T) {
	c := Config{Networks: []string{"192.0.2.1/24"}, Hosts: []string{"a"}, TrunkGroups: []string{"a=b", "A=c"}, NextHop: "a b"}
	var got []string
	for _, err := range c.Validate() {
		got = append(got, err.Error())
	}
	all := strings.Join(got, "\n")
	for _, want := range []string{`networks: "192.0.2.1/24" has bits behind its length: write "192.0.2.0/24"`, `provider: name one`, `hosts: "a" is not of the form`,
		`trunk_groups: "a" stands there twice`, `next_hop: "a b" has no host`, `rate: 0 is not between`} {
		if !strings.Contains(all, want) {
			t.Errorf("no %q in\n%s", want, all)
		}
	}
	if errs := (Config{Provider: "p", Rate: 1}).Validate(); len(errs) != 1 || !strings.HasPrefix(errs[0].Error(), "networks: name at least one") {
		t.Error(errs)
	}
	for s, ok := range map[string]bool{"a": true, "a.example:5060": true, "192.0.2.1": true, "[2001:db8::1]": true, "[2001:db8::1]:5060": true, "2001:db8::1": false, "a:0": false, "a:65536": false,
		"a:x": false, "": false, ":5060": false, "a>b": false, "a;b": false, "[192.0.2.1]:5060": false, "[x]": false, "a\r\n": false} {
		if err := CheckHostPort(s); (err == nil) != ok {
			t.Errorf("%q: %v", s, err)
		}
	}
	for c, want := range map[Carrier]string{{}: "", {Address: "a:b"}: "address: ", {Transport: "sctp"}: "transport: "} {
		errs := c.Validate()
		if want == "" && len(errs) > 0 || want != "" && (len(errs) != 1 || !strings.HasPrefix(errs[0].Error(), want)) {
			t.Errorf("%+v: %v, want %q", c, errs, want)
		}
	}
}

func TestURI(t *testing.T) {
	table, err := NewTable(nil, map[string]Carrier{"one": {Address: "one.example.net:5070", Transport: "tcp"}, "two": {}})
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		c    callplan.Candidate
		hop  string
		want string
	}{
		{callplan.Candidate{Type: callplan.Trunk, Trunk: "one", Number: "+1205"}, "", "sip:+1205@one.example.net:5070;transport=tcp"},
		{callplan.Candidate{Type: callplan.Operator, Trunk: "two", Number: "0"}, "[2001:db8::1]:5080", "sip:0;tgrp=two;trunk-context=%5B2001%3Adb8%3A%3A1%5D@[2001:db8::1]:5080"},
		{callplan.Candidate{Type: callplan.Trunk, Trunk: "two", Number: "0"}, "", ""},
		{callplan.Candidate{Type: callplan.Number, Number: "1;x=\"y\"@z"}, "hop.example", "sip:1%3Bx%3D%22y%22%40z@hop.example"},
		{callplan.Candidate{Type: callplan.Number, Number: "1"}, "", ""},
		{callplan.Candidate{Type: callplan.SIP, URI: "sip:a@b"}, "", "sip:a@b"},
		{callplan.Candidate{Type: callplan.SIP, URI: "sip:a@b\" x"}, "", ""},
	} {
		got, ok := table.URI(&tc.c, tc.hop)
		if ok != (tc.want != "") || ok && got != tc.want {
			t.Errorf("%+v by %q: %q, %v; want %q", tc.c, tc.hop, got, ok, tc.want)
		}
	}
}

// Trunks of the gateway itself that are down are told beside the carriers that are out of service.
func TestDownBeside(t *testing.T) {
	table, err := NewTable(nil, map[string]Carrier{"one": {Down: true}, "two": {}})
	if err != nil {
		t.Fatal(err)
	}
	var trunks []string
	with := table.Beside(func() []string { return trunks }, itself)
	for _, c := range []struct{ trunks, want []string }{{nil, []string{"one"}}, {[]string{"desk"}, []string{"one", "desk"}}} {
		if trunks = c.trunks; !slices.Equal(with.Down(), c.want) {
			t.Errorf("down are %q, want %q", with.Down(), c.want)
		}
	}
	if !slices.Equal(table.Down(), []string{"one"}) || !slices.Equal(with.Carriers(), []string{"one", "two"}) {
		t.Errorf("%q, %q", table.Down(), with.Carriers())
	}
}
