package jobs

import (
	"fmt"
	"net/netip"
	"time"
)

// WebhookConfig is the section [webhook].
type WebhookConfig struct {
	AllowNetworks       []string      `toml:"allow_networks"`       // networks to which deliveries may go although they are not on the public internet, as "127.0.0.1/32"; there, http is allowed too
	Concurrency         int           `toml:"concurrency"`          // requests at once to all endpoints; 1 to 256
	EndpointConcurrency int           `toml:"endpoint_concurrency"` // requests at once to one endpoint; 1 to 64
	ConnectTimeout      time.Duration `toml:"connect_timeout"`      // a connection must stand within, name lookup included
	Timeout             time.Duration `toml:"timeout"`              // an endpoint must have answered within
	RetryFor            time.Duration `toml:"retry_for"`            // an event that cannot be delivered for so long is given up
	PauseAfter          time.Duration `toml:"pause_after"`          // an endpoint to which nothing can be delivered for so long is paused
}

// DefaultWebhooks returns what is right for most.
func DefaultWebhooks() WebhookConfig {
	return WebhookConfig{Concurrency: 32, EndpointConcurrency: 8, ConnectTimeout: 5 * time.Second, Timeout: 10 * time.Second, RetryFor: 72 * time.Hour,
		PauseAfter: 120 * time.Hour}
}

// Validate returns everything that is wrong, each error starting with the key.
func (c WebhookConfig) Validate() (errs []error) {
	wrong := func(format string, a ...any) { errs = append(errs, fmt.Errorf(format, a...)) }
	if _, err := c.networks(); err != nil {
		errs = append(errs, err)
	}
	if c.Concurrency < 1 || c.Concurrency > 256 {
		wrong("concurrency: %d is not between 1 and 256", c.Concurrency)
	}
	if c.EndpointConcurrency < 1 || c.EndpointConcurrency > 64 {
		wrong("endpoint_concurrency: %d is not between 1 and 64", c.EndpointConcurrency)
	}
	if c.Timeout < time.Second || c.Timeout > time.Minute {
		wrong("timeout: %s is not between 1s and 1m", c.Timeout)
	}
	if c.ConnectTimeout <= 0 || c.ConnectTimeout > c.Timeout {
		wrong("connect_timeout: %s must be above zero and at most timeout (%s)", c.ConnectTimeout, c.Timeout)
	}
	if c.RetryFor < time.Minute || c.RetryFor > 30*24*time.Hour {
		wrong("retry_for: %s is not between 1m and 720h", c.RetryFor)
	}
	if c.PauseAfter < time.Hour {
		wrong("pause_after: %s is too short; a receiver that is being repaired needs at least 1h", c.PauseAfter)
	}
	return errs
}

// networks returns AllowNetworks as prefixes.
func (c WebhookConfig) networks() ([]netip.Prefix, error) {
	var all []netip.Prefix
	for _, s := range c.AllowNetworks {
		p, err := netip.ParsePrefix(s)
		if err != nil {
			if a, e := netip.ParseAddr(s); e == nil && a.Zone() == "" {
				p, err = netip.PrefixFrom(a, a.BitLen()), nil
			}
		}
		switch {
		case err != nil:
			return nil, fmt.Errorf("allow_networks: %q is no network; write an address and a length, such as \"127.0.0.1/32\" or \"fd00::/8\"", s)
		case p.Masked() != p:
			return nil, fmt.Errorf("allow_networks: %q has bits behind its length; that network is %s", s, p.Masked())
		case p.Addr().Is4In6():
			return nil, fmt.Errorf("allow_networks: %q is an IPv4 network in the form of IPv6; write it as IPv4", s)
		}
		all = append(all, p)
	}
	return all, nil
}
