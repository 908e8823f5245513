package agi

import (
	"fmt"
	"net/netip"
	"time"
)

// Config is the section [agi].
type Config struct {
	Listen      []string      `toml:"listen"`      // TCP addresses on which Asterisk asks, as ["127.0.0.1:4573"]; [] for none
	Connections int           `toml:"connections"` // at once, which is as many calls
	Timeout     time.Duration `toml:"timeout"`     // everything between connection and last answer must happen within
	Candidates  int           `toml:"candidates"`  // the most candidates that a channel gets, 1 to 32
}

// Default returns what is right for most. Nothing is listened on.
func Default() Config { return Config{Connections: 256, Timeout: 5 * time.Second, Candidates: 10} }

// Validate returns everything that is wrong, each error starting with the key.
func (c Config) Validate() (errs []error) {
	wrong := func(format string, a ...any) { errs = append(errs, fmt.Errorf(format, a...)) }
	for _, l := range c.Listen {
		if _, err := netip.ParseAddrPort(l); err != nil {
			wrong("listen: %q is not ADDRESS:PORT, e.g. \"127.0.0.1:4573\"", l)
			break
		}
	}
	if c.Connections < 1 || c.Connections > 10_000 {
		wrong("connections: %d is not between 1 and 10000", c.Connections)
	}
	if c.Timeout < 100*time.Millisecond || c.Timeout > time.Minute {
		wrong("timeout: %s is not between 100ms and 1m", c.Timeout)
	}
	if c.Candidates < 1 || c.Candidates > 32 {
		wrong("candidates: %d is not between 1 and 32", c.Candidates)
	}
	return errs
}
