package jobs

import (
	"errors"
	"net/netip"
	"net/url"
	"strings"
	"testing"
)

func TestCheckURL(t *testing.T) {
	open := fence{prefixes("127.0.0.1/32", "10.0.0.0/8")}
	for _, test := range []struct {
		url   string
		allow bool // with networks allowed
		want  string
	}{
		{"https://example.com", false, ""},
		{"https://example.com/a?b=c", false, ""},
		{"HTTPS://EXAMPLE.COM:8443/", false, ""},
		{"https://8.8.8.8/", false, ""},
		{"https://[2a00:1450::1]:443/", false, ""},
		{"http://127.0.0.1:9000/", true, ""},
		{"http://receiver.lan/", true, ""}, // decided when it is connected to
		{"https://10.9.8.7/", true, ""},
		{"", false, "is missing"},
		{"http://example.com", false, "must begin with https"},
		{"http://8.8.8.8/", true, "without TLS"},
		{"ftp://example.com", false, "must begin with https"},
		{"file:///etc/passwd", false, "must begin with https"},
		{"example.com", false, "must begin with https"},
		{"//example.com", false, "must begin with https"},
		{"https:example.com", false, "is no URL"},
		{"https://", false, "has no host"},
		{"https://:443/", false, "has no host"},
		{"https://user@example.com", false, "user name"},
		{"https://user:pass@example.com", false, "user name"},
		{"https://@example.com", false, "user name"},
		{"https://example.com#x", false, "fragment"},
		{"https://example.com#", false, "fragment"},
		{"https://example.com:", false, "no port"},
		{"https://example.com:0", false, "port"},
		{"https://example.com:22", false, "port"},
		{"https://example.com:25/", false, "port"},
		{"https://example.com:65536", false, "port"},
		{"https://example.com:99999999999", false, "port"},
		{"https://exa mple.com", false, "character at offset 11"},
		{"https://example.com/\r\nHost: x", false, "character"},
		{"https://example.com/\x00", false, "character"},
		{"https://bücher.example/", false, "character"},
		{"https://%zz/", false, "is no URL"},
		{"https://[::1", false, "is no URL"},
		{"https://127.0.0.1/", false, "public internet"},
		{"https://[::1]/", false, "public internet"},
		{"https://[::ffff:10.0.0.1]/", false, "public internet"},
		{"https://[::ffff:10.0.0.1]/", true, ""},
		{"https://[fe80::1%25eth0]/", true, "public internet"},
		{"https://169.254.169.254/latest/meta-data", true, "public internet"},
		{"https://example.com/" + strings.Repeat("a", 2048), false, "longer than"},
	} {
		f := fence{}
		if test.allow {
			f = open
		}
		code, got := checkURL(test.url, f)
		if (got == "") != (test.want == "") || !strings.Contains(got, test.want) || (code == "") != (got == "") {
			t.Errorf("%.60q: %s %q, want %q", test.url, code, got, test.want)
		}
	}
}

// What is accepted leads where it says, and never to a literal address that is not public.
func FuzzCheckURL(f *testing.F) {
	for _, s := range []string{"https://example.com:8443/a?b=c", "http://127.0.0.1/", "https://user:p@h/#f", "https://[::ffff:10.0.0.1]:443/", "https://2130706433/", "https://0x7f.1/",
		"https://[64:ff9b::7f00:1]/", "https://[fe80::1%25lo]/", "https:/\\evil/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if _, wrong := checkURL(s, fence{}); wrong != "" {
			return
		}
		u, err := url.Parse(s)
		if err != nil || u.Scheme != "https" || u.User != nil || u.Hostname() == "" || u.Fragment != "" || len(s) > maxURL {
			t.Fatalf("%q was accepted: %+v, %v", s, u, err)
		}
		if a, err := netip.ParseAddr(u.Hostname()); err == nil && !public(a) {
			t.Fatalf("%q was accepted", s)
		}
		again, err := url.Parse(u.String())
		if err != nil || again.Host != u.Host {
			t.Fatalf("%q is read as %q, then as %q", s, u.Host, again)
		}
	})
}

func TestSpec(t *testing.T) {
	s := WebhookSpec{URL: "x", Description: strings.Repeat("ä", 257), Types: append(make([]string, 32), "message")}
	var invalid *InvalidError
	if err := s.validate(fence{}); !errors.As(err, &invalid) || len(invalid.Fields) != 3+32 || !strings.Contains(err.Error(), "types[31]: ") {
		t.Errorf("%v", err)
	}
	s = WebhookSpec{URL: "https://example.com", Description: "a\x1bb"}
	if err := s.validate(fence{}); err == nil {
		t.Error("control characters are taken")
	}
	s = WebhookSpec{URL: " https://example.com\n", Description: " ä ", Types: []string{"message.received", "modem.*", "*"}}
	if s.trim(); s.validate(fence{}) != nil || s.Description != "ä" {
		t.Errorf("%+v", s)
	}
}

func TestPatterns(t *testing.T) {
	for _, good := range []string{"*", "message.*", "message.received", "a_b.c1", "message"} {
		if !isPattern(good) {
			t.Errorf("%q is refused", good)
		}
	}
	for _, bad := range []string{"", ".", ".*", "a.", ".a", "a..b", "*.a", "a*", "A.b", "a b", "a.**", strings.Repeat("a", 65)} {
		if isPattern(bad) {
			t.Errorf("%q is taken", bad)
		}
	}
	for _, test := range []struct {
		patterns, event string
		want            bool
	}{
		{"", "message.sent", true}, {"*", "message.sent", true}, {"message.*", "message.sent", true}, {"message.sent", "message.sent", true},
		{"message.*", "messages.sent", false}, {"message.*", "message", false}, {"message.sent", "message.sent2", false}, {"modem.* message.*", "message.sent", true}, {"modem.*", "message.sent", false},
	} {
		if got := wants(strings.Fields(test.patterns), test.event); got != test.want {
			t.Errorf("%q wants %s: %v", test.patterns, test.event, got)
		}
	}
}
