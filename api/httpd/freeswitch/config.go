// Package freeswitch answers FreeSWITCH's mod_xml_curl: asked for the dialplan of a call, it gives one that does what the call plans decide.
package freeswitch

import (
	"fmt"
	"slices"
	"strings"
)

// Path is where FreeSWITCH posts to.
const Path = "/freeswitch/dialplan"

// Config is the section [freeswitch].
type Config struct {
	Profile    string `toml:"profile"`    // sofia profile that calls to SIP addresses leave by
	Cause      string `toml:"cause"`      // with which a call ends that a plan ends, as "CALL_REJECTED"
	Candidates int    `toml:"candidates"` // the most destinations that are tried, 1 to 32
}

// Default returns what is right for most.
func Default() Config { return Config{Profile: "external", Cause: "CALL_REJECTED", Candidates: 10} }

// Validate returns everything that is wrong, each error starting with the key.
func (c Config) Validate() (errs []error) {
	if c.Profile == "" || !word(c.Profile) {
		errs = append(errs, fmt.Errorf("profile: %q is no name of a profile: letters, digits, -, _ and . only", c.Profile))
	}
	if causes := []string{"CALL_REJECTED", "USER_BUSY", "UNALLOCATED_NUMBER", "NORMAL_CLEARING", "NORMAL_TEMPORARY_FAILURE"}; !slices.Contains(causes, c.Cause) {
		errs = append(errs, fmt.Errorf("cause: %q is none of %s", c.Cause, strings.Join(causes, ", ")))
	}
	if c.Candidates < 1 || c.Candidates > 32 {
		errs = append(errs, fmt.Errorf("candidates: %d is not between 1 and 32", c.Candidates))
	}
	return errs
}

// word tells whether s means the same wherever a dialplan puts it.
func word(s string) bool {
	return !strings.ContainsFunc(s, func(c rune) bool {
		return c != '-' && c != '_' && c != '.' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z')
	})
}
