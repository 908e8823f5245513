package callplan

import (
	"fmt"
	"time"
)

// Env is what all plans share: values that are neither in a plan nor in a call. The zero value means UTC, no calendars, the built-in table of area codes.
// It must not be copied or changed once a plan was compiled with it; new values make a new Env.
type Env struct {
	Timezone  string            // IANA name, for plans that name none; empty is UTC
	Calendars map[string][]Date // days of the criterion "holiday"
	Areas     *Areas            // nil: BuiltinAreas
	LATAs     *LATAs            // gives the LATA of numbers where the facts do not; nil: none
	ZIPs      *ZIPs             // gives the ZIP code of callers where the facts do not; nil: none

	zones zones
}

func (e *Env) areas() *Areas {
	if e.Areas == nil {
		return BuiltinAreas()
	}
	return e.Areas
}

// zone returns the zone of a plan.
func (e *Env) zone(name string) (*zone, error) {
	if name == "" {
		name = e.Timezone
	}
	return e.zones.find(name)
}

// loadZone returns a zone by its IANA name, "" being UTC. "Local" is refused: it means something else on every machine.
func loadZone(name string) (*time.Location, error) {
	if name == "Local" {
		return nil, fmt.Errorf(`time zone %q depends on the machine: write "Europe/Berlin"`, name)
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf(`no time zone %q: write "America/New_York" or "UTC"`, name)
	}
	return loc, nil
}
