package jobs

import (
	"fmt"
	"net/netip"
	"syscall"
)

// special are the networks that are not the public internet, after the registries of special-purpose addresses (RFC 6890 and its updates, as IANA lists
// them). Of IPv6, only 2000::/3 is the internet at all; what is special in it is here.
var special = prefixes(
	"0.0.0.0/8",       // this network: RFC 791
	"10.0.0.0/8",      // private: RFC 1918
	"100.64.0.0/10",   // shared behind a carrier's translation: RFC 6598
	"127.0.0.0/8",     // loopback: RFC 1122
	"169.254.0.0/16",  // link-local, and the metadata services of clouds: RFC 3927
	"172.16.0.0/12",   // private: RFC 1918
	"192.0.0.0/24",    // protocol assignments: RFC 6890
	"192.0.2.0/24",    // documentation: RFC 5737
	"192.88.99.0/24",  // relays of 6to4: RFC 7526
	"192.168.0.0/16",  // private: RFC 1918
	"198.18.0.0/15",   // benchmarks: RFC 2544
	"198.51.100.0/24", // documentation: RFC 5737
	"203.0.113.0/24",  // documentation: RFC 5737
	"224.0.0.0/4",     // multicast: RFC 5771
	"240.0.0.0/4",     // reserved, and the broadcast: RFC 1112, RFC 919
	"2001::/23",       // protocol assignments, Teredo and benchmarks among them: RFC 2928, RFC 4380, RFC 5180
	"2001:db8::/32",   // documentation: RFC 3849
	"2002::/16",       // 6to4, which leads to any IPv4 address: RFC 3056
	"3fff::/20",       // documentation: RFC 9637
)

var (
	internet = netip.MustParsePrefix("2000::/3")     // global unicast: RFC 4291 §2.4
	nat64    = netip.MustParsePrefix("64:ff9b::/96") // an IPv4 address behind a translator: RFC 6052 §2.1
)

func prefixes(all ...string) []netip.Prefix {
	var out []netip.Prefix
	for _, s := range all {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}

// public tells whether an address is on the public internet. An IPv4 address inside an IPv6 one is judged by itself.
func public(a netip.Addr) bool {
	if a.Zone() != "" {
		return false
	}
	a = a.Unmap()
	if nat64.Contains(a) {
		b := a.As16()
		a = netip.AddrFrom4([4]byte(b[12:]))
	}
	if a.Is6() && !internet.Contains(a) {
		return false
	}
	for _, p := range special {
		if p.Contains(a) {
			return false
		}
	}
	return a.IsValid()
}

// addressError says that an endpoint leads where deliveries must not go.
type addressError struct {
	address netip.Addr
	plain   bool // it is on the internet, but without TLS
}

func (e *addressError) Error() string {
	if e.plain {
		return fmt.Sprintf("%s is asked without TLS, which is only for networks in webhook.allow_networks", e.address)
	}
	return fmt.Sprintf("%s is no address on the public internet, and in no network of webhook.allow_networks", e.address)
}

// fence decides which addresses may be connected to. Only what the kernel is about to connect to counts: names, and addresses in strange spellings, are
// resolved by then.
type fence struct{ allow []netip.Prefix }

// allowed tells whether the configuration names an address.
func (f fence) allowed(a netip.Addr) bool {
	if a.Zone() != "" {
		return false
	}
	a = a.Unmap()
	for _, p := range f.allow {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// check returns an *addressError for an address that must not be connected to; plain tells that there will be no TLS.
func (f fence) check(a netip.Addr, plain bool) error {
	switch {
	case f.allowed(a):
		return nil
	case !public(a):
		return &addressError{address: a}
	case plain:
		return &addressError{address: a, plain: true}
	}
	return nil
}

// control is a net.Dialer.Control.
func (f fence) control(plain bool) func(network, address string, _ syscall.RawConn) error {
	return func(_, address string, _ syscall.RawConn) error {
		a, err := netip.ParseAddrPort(address)
		if err != nil {
			return fmt.Errorf("connect to %q: %w", address, err)
		}
		return f.check(a.Addr(), plain)
	}
}
