package sip

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"trunkline/api/switches"
)

// Config is the section [sip].
type Config struct {
	Listen            []string      `toml:"listen"`              // addresses of the redirect server, each for UDP and TCP, as ["192.0.2.1:5060", "[2001:db8::1]:5060"]; [] for none
	Names             []string      `toml:"names"`               // further names and addresses, HOST or HOST:PORT, under which switches reach this server: no contact ever points there
	NoMatch           string        `toml:"no_match"`            // a call that no plan decides: "continue" hands it back to go on, "terminate" ends it
	TerminateStatus   int           `toml:"terminate_status"`    // the answer to a call that a plan ends: 603, 403, 486 or 608
	NotFoundStatus    int           `toml:"not_found_status"`    // the answer when there is nowhere to go: 404 or 480
	RouteOnRN         bool          `toml:"route_on_rn"`         // a ported number (npdi) is decided by its routing number (rn), RFC 4694
	OPCHeader         string        `toml:"opc_header"`          // header with the originating point code, as "001-002-003"; "" for none
	CallingLATAHeader string        `toml:"calling_lata_header"` // header with the LATA of the caller; "" for none
	CalledLATAHeader  string        `toml:"called_lata_header"`  // header with the LATA of the called number; "" for none
	ZIPHeader         string        `toml:"zip_header"`          // header with the ZIP of the caller; "" for none
	Diversions        int           `toml:"diversions"`          // a call that was diverted more often (Diversion, RFC 5806) is ended with 483
	Contacts          int           `toml:"contacts"`            // the most contacts in one answer, 1 to 32
	Symmetric         bool          `toml:"symmetric"`           // UDP answers go to the port that the request came from; else to the one that Via names, unless it asks for rport
	MessageLimit      int           `toml:"message_limit"`       // longest request in bytes, 1024 to 65535; a longer one is answered 513
	Capacity          int           `toml:"capacity"`            // requests a second for all switches together; beyond it calls are answered 503. 0 is no bound
	RetryAfter        time.Duration `toml:"retry_after"`         // when to come back after 503
	Sockets           int           `toml:"sockets"`             // UDP sockets for each address, served side by side, 1 to 64
	Connections       int           `toml:"connections"`         // TCP connections at once
	IdleTimeout       time.Duration `toml:"idle_timeout"`        // a TCP connection without a request is closed after
	RequestTimeout    time.Duration `toml:"request_timeout"`     // a request over TCP must have come, and its answer gone, within
}

// Default returns what is right for most. Nothing is listened on.
func Default() Config {
	return Config{NoMatch: "continue", TerminateStatus: 603, NotFoundStatus: 404, RouteOnRN: true, Diversions: 5, Contacts: 10, Symmetric: true, MessageLimit: 16 << 10,
		Capacity: 50_000, RetryAfter: 5 * time.Second, Sockets: 1, Connections: 256, IdleTimeout: 5 * time.Minute, RequestTimeout: 10 * time.Second}
}

// Validate returns everything that is wrong, each error starting with the key.
func (c Config) Validate() (errs []error) {
	wrong := func(format string, a ...any) { errs = append(errs, fmt.Errorf(format, a...)) }
	for _, l := range c.Listen {
		if a, err := netip.ParseAddrPort(l); err != nil {
			wrong("listen: %q is not ADDRESS:PORT, e.g. \"192.0.2.1:5060\" or \"[::]:5060\"", l)
			break
		} else if a.Addr().Is4In6() {
			wrong("listen: %q: write IPv4 addresses as such", l)
			break
		}
	}
	for _, n := range c.Names {
		if err := switches.CheckHostPort(n); err != nil {
			wrong("names: %v", err)
			break
		}
	}
	if c.NoMatch != "continue" && c.NoMatch != "terminate" {
		wrong("no_match: %q is neither \"continue\" nor \"terminate\"", c.NoMatch)
	}
	if !slices.Contains([]int{603, 403, 486, 608}, c.TerminateStatus) {
		wrong("terminate_status: %d is not 603, 403, 486 or 608", c.TerminateStatus)
	}
	if c.NotFoundStatus != 404 && c.NotFoundStatus != 480 {
		wrong("not_found_status: %d is neither 404 nor 480", c.NotFoundStatus)
	}
	for _, h := range []struct{ key, name string }{{"opc_header", c.OPCHeader}, {"calling_lata_header", c.CallingLATAHeader}, {"called_lata_header", c.CalledLATAHeader},
		{"zip_header", c.ZIPHeader}} {
		switch {
		case h.name == "":
		case !isToken(h.name):
			wrong("%s: %q is no name of a header, e.g. \"X-OPC\"", h.key, h.name)
		case kindOf(h.name) != kindOther:
			wrong("%s: %q has a meaning of its own, take another header", h.key, h.name)
		}
	}
	for _, n := range []struct {
		key                string
		value, least, most int
	}{{"diversions", c.Diversions, 0, 100}, {"contacts", c.Contacts, 1, 32}, {"message_limit", c.MessageLimit, 1024, 65535}, {"capacity", c.Capacity, 0, 10_000_000},
		{"sockets", c.Sockets, 1, 64}, {"connections", c.Connections, 1, 10_000}} {
		if n.value < n.least || n.value > n.most {
			wrong("%s: %d is not between %d and %d", n.key, n.value, n.least, n.most)
		}
	}
	for _, d := range []struct {
		key   string
		value time.Duration
	}{{"retry_after", c.RetryAfter}, {"idle_timeout", c.IdleTimeout}, {"request_timeout", c.RequestTimeout}} {
		if d.value < time.Second || d.value > 24*time.Hour {
			wrong("%s: %s is not between 1s and 24h", d.key, d.value)
		}
	}
	return errs
}
