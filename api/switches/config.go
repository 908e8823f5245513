package switches

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Config is one section [switch.NAME]: a switch, or several that are alike.
type Config struct {
	Networks    []string `toml:"networks"`     // the addresses that it asks from, as "192.0.2.7" or "2001:db8::/64"; the narrowest network that fits decides
	Provider    string   `toml:"provider"`     // the service provider whose plans decide when neither TrunkGroups nor Hosts name one
	Hosts       []string `toml:"hosts"`        // service providers by the host that is called, as "sip.acme.example=acme"
	TrunkGroups []string `toml:"trunk_groups"` // service providers by the trunk group (tgrp, RFC 4904) that a call came in on, as "tg-7=acme"
	Trusted     bool     `toml:"trusted"`      // its P-Asserted-Identity is believed; else the caller is what From says
	NextHop     string   `toml:"next_hop"`     // HOST or HOST:PORT where calls go that a plan passes on unchanged or sends to a plain number; "" for nowhere
	Rate        int      `toml:"rate"`         // SIP requests a second that each of its addresses may make
}

// Default returns what a section starts from.
func Default() Config { return Config{Provider: "default", Rate: 2000} }

// maxNetworks is how many networks one section may name; they are searched one by one.
const maxNetworks = 64

// Validate returns everything that is wrong, each error starting with the key.
func (c Config) Validate() (errs []error) {
	wrong := func(format string, a ...any) { errs = append(errs, fmt.Errorf(format, a...)) }
	if len(c.Networks) == 0 {
		wrong("networks: name at least one address, e.g. [\"192.0.2.7\"]: without it the switch could not ask")
	}
	if len(c.Networks) > maxNetworks {
		wrong("networks: %d are more than %d", len(c.Networks), maxNetworks)
	}
	for _, n := range c.Networks {
		if _, err := parseNetwork(n); err != nil {
			wrong("networks: %v", err)
			break
		}
	}
	if c.Provider == "" {
		wrong("provider: name one; the one that always exists is \"default\"")
	}
	for _, list := range []struct {
		key   string
		pairs []string
	}{{"hosts", c.Hosts}, {"trunk_groups", c.TrunkGroups}} {
		if _, err := parsePairs(list.pairs); err != nil {
			wrong("%s: %v", list.key, err)
		}
	}
	if c.NextHop != "" {
		if err := CheckHostPort(c.NextHop); err != nil {
			wrong("next_hop: %v", err)
		}
	}
	if c.Rate < 1 || c.Rate > 1_000_000 {
		wrong("rate: %d is not between 1 and 1000000", c.Rate)
	}
	return errs
}

// Carrier is one section [carrier.NAME]: a trunk that calls leave by, which the switches reach themselves.
type Carrier struct {
	Address   string `toml:"address"`   // HOST or HOST:PORT of its SIP gateway; "" sends the call to the NextHop of the switch that asks, with NAME as trunk group (tgrp)
	Transport string `toml:"transport"` // "udp", "tcp" or "tls"; "" leaves the choice to the switch
	Down      bool   `toml:"down"`      // it is out of service: plans pass it over
}

// Validate returns everything that is wrong, each error starting with the key.
func (c Carrier) Validate() (errs []error) {
	if c.Address != "" {
		if err := CheckHostPort(c.Address); err != nil {
			errs = append(errs, fmt.Errorf("address: %w", err))
		}
	}
	if !slices.Contains([]string{"", "udp", "tcp", "tls"}, c.Transport) {
		errs = append(errs, fmt.Errorf("transport: %q is not udp, tcp or tls", c.Transport))
	}
	return errs
}

// parseNetwork reads an address or a network.
func parseNetwork(s string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	switch {
	case err != nil:
		return p, fmt.Errorf("%q is no address and no network, e.g. \"192.0.2.7\" or \"192.0.2.0/24\"", s)
	case p != p.Masked():
		return p, fmt.Errorf("%q has bits behind its length: write %q", s, p.Masked())
	case p.Addr().Is4In6():
		return p, fmt.Errorf("%q: write IPv4 networks as such", s)
	}
	return p, nil
}

// parsePairs reads "key=provider" pairs; keys are in lower case.
func parsePairs(pairs []string) (map[string]string, error) {
	if len(pairs) == 0 {
		return nil, nil
	}
	out := make(map[string]string, len(pairs))
	for _, p := range pairs {
		key, provider, ok := strings.Cut(p, "=")
		key, provider = strings.ToLower(strings.TrimSpace(key)), strings.TrimSpace(provider)
		switch _, again := out[key]; {
		case !ok || key == "" || provider == "":
			return nil, fmt.Errorf("%q is not of the form \"name=provider\"", p)
		case again:
			return nil, fmt.Errorf("%q stands there twice", key)
		}
		out[key] = provider
	}
	return out, nil
}

// CheckHostPort tells what is wrong with HOST or HOST:PORT, where an IPv6 address stands in brackets.
func CheckHostPort(s string) error {
	host := s
	if i := strings.LastIndexByte(s, ':'); i >= 0 && !strings.HasSuffix(s, "]") {
		h, port, err := net.SplitHostPort(s)
		if err != nil {
			return fmt.Errorf("%q is not HOST or HOST:PORT; an IPv6 address stands in brackets, as \"[2001:db8::1]:5060\"", s)
		}
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return fmt.Errorf("port %q of %q is not between 1 and 65535", port, s)
		}
		if host = h; strings.HasPrefix(s, "[") {
			host = "[" + h + "]"
		}
	}
	if inner, ok := strings.CutPrefix(host, "["); ok {
		if a, err := netip.ParseAddr(strings.TrimSuffix(inner, "]")); err != nil || !a.Is6() || a.Zone() != "" {
			return fmt.Errorf("%q has no IPv6 address in its brackets", s)
		}
		return nil
	}
	bad := func(r rune) bool {
		return r != '-' && r != '.' && r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	}
	if host == "" || len(host) > 253 || strings.ContainsFunc(host, bad) {
		return fmt.Errorf("%q has no host name or address", s)
	}
	return nil
}
