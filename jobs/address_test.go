package jobs

import (
	"net/netip"
	"strings"
	"testing"
)

func TestPublic(t *testing.T) {
	for list, want := range map[string]bool{
		// Of each network the first and the last address, and those beside it where they are public.
		`0.0.0.0 0.255.255.255 10.0.0.0 10.255.255.255 100.64.0.0 100.127.255.255 127.0.0.0 127.0.0.1 127.255.255.255 169.254.0.0 169.254.169.254 169.254.255.255
		 172.16.0.0 172.31.255.255 192.0.0.0 192.0.0.255 192.0.2.0 192.0.2.255 192.88.99.0 192.88.99.255 192.168.0.0 192.168.255.255 198.18.0.0 198.19.255.255
		 198.51.100.0 198.51.100.255 203.0.113.0 203.0.113.255 224.0.0.0 239.255.255.255 240.0.0.0 255.255.255.254 255.255.255.255
		 :: ::1 ::7f00:1 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 ::ffff:0:127.0.0.1 64:ff9b::127.0.0.1 64:ff9b::10.1.2.3 64:ff9b::169.254.169.254
		 64:ff9b:1::1 64:ff9b:1::8.8.8.8 100:: 100::ffff 1fff:: 1fff:ffff::1 2001:: 2001:0:1::1 2001:2::1 2001:10::1 2001:1ff:ffff::1 2001:db8:: 2001:db8:ffff::1
		 2002:: 2002:7f00:1:: 2002:808:808:: 3fff:: 3fff:fff::1 4000::1 5f00::1 fc00:: fd00::1 fdff:ffff::1 fe00::1 fe80::1 fe80::1%eth0 febf::1 fec0::1 feff::1 ff00:: ff02::1 ffff::1`: false,
		`1.0.0.0 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0 169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 192.0.1.0 192.0.3.0
		 192.88.98.255 192.88.100.0 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 198.51.99.255 198.51.101.0 203.0.112.255 203.0.114.0 223.255.255.255 8.8.8.8
		 ::ffff:8.8.8.8 64:ff9b::8.8.8.8 2000:: 2001:200:: 2001:4860:4860::8888 2003::1 2a00:1450:4001::1 3ffe::1 3fff:1000::1`: true,
	} {
		for s := range strings.FieldsSeq(list) {
			if got := public(netip.MustParseAddr(s)); got != want {
				t.Errorf("%s is public: %v", s, got)
			}
		}
	}
	if public(netip.Addr{}) {
		t.Error("no address is public")
	}
}

func TestFence(t *testing.T) {
	c := WebhookConfig{AllowNetworks: []string{"127.0.0.1", "10.1.0.0/16", "fd00:1::/64"}}
	allow, err := c.networks()
	if err != nil {
		t.Fatal(err)
	}
	f := fence{allow}
	for _, test := range []struct {
		address       string
		plain, secure bool // may be connected to without TLS, with it
	}{
		{"127.0.0.1", true, true}, {"::ffff:127.0.0.1", true, true}, {"127.0.0.2", false, false}, {"10.1.255.255", true, true}, {"10.2.0.0", false, false},
		{"fd00:1::9", true, true}, {"fd00:1:0:1::9", false, false}, {"fd00:1::9%eth0", false, false}, {"8.8.8.8", false, true}, {"2a00:1450::1", false, true},
	} {
		a := netip.MustParseAddr(test.address)
		if got := f.check(a, true) == nil; got != test.plain {
			t.Errorf("%s without TLS: %v", a, got)
		}
		if got := f.check(a, false) == nil; got != test.secure {
			t.Errorf("%s with TLS: %v", a, got)
		}
		port := netip.AddrPortFrom(a, 443).String()
		if got := f.control(false)("tcp", port, nil) == nil; got != test.secure {
			t.Errorf("%s: %v", port, got)
		}
	}
	if f.control(false)("tcp", "localhost:443", nil) == nil {
		t.Error("a name passed")
	}
}

func TestConfig(t *testing.T) {
	if errs := DefaultWebhooks().Validate(); len(errs) != 0 {
		t.Error(errs)
	}
	for key, change := range map[string]func(*WebhookConfig){
		"allow_networks":       func(c *WebhookConfig) { c.AllowNetworks = []string{"127.0.0.1/8"} },
		"concurrency":          func(c *WebhookConfig) { c.Concurrency = 0 },
		"endpoint_concurrency": func(c *WebhookConfig) { c.EndpointConcurrency = 65 },
		"timeout":              func(c *WebhookConfig) { c.Timeout = 0; c.ConnectTimeout = 1 },
		"connect_timeout":      func(c *WebhookConfig) { c.ConnectTimeout = c.Timeout + 1 },
		"retry_for":            func(c *WebhookConfig) { c.RetryFor = 0 },
		"pause_after":          func(c *WebhookConfig) { c.PauseAfter = 0 },
	} {
		c := DefaultWebhooks()
		change(&c)
		errs := c.Validate()
		if len(errs) == 0 || !strings.HasPrefix(errs[0].Error(), key+": ") {
			t.Errorf("%s: %v", key, errs)
		}
	}
	for _, bad := range []string{"", "localhost", "127.0.0.1/33", "::ffff:127.0.0.1/128", "fe80::1%eth0", "10.0.0.1/8"} {
		c := DefaultWebhooks()
		c.AllowNetworks = []string{bad}
		if len(c.Validate()) == 0 {
			t.Errorf("network %q is taken", bad)
		}
	}
}
