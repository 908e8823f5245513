package httpd

import "fmt"

// DecideConfig is the section [decide].
type DecideConfig struct {
	Listen string `toml:"listen"` // TCP address on which switches ask by HTTP, /v1/decide and /freeswitch/dialplan, e.g. "127.0.0.1:8471"; "" for none
}

// Validate returns everything that is wrong, each error starting with the key.
func (c DecideConfig) Validate() (errs []error) {
	if c.Listen != "" {
		if err := checkAddress(c.Listen); err != nil {
			errs = append(errs, fmt.Errorf("listen: %w", err))
		}
	}
	return errs
}
