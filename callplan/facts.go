package callplan

import (
	"fmt"
	"time"
)

// Facts are what is known of a call or a message. Numbers and codes are as received: they are normalised by the decision. What is empty is unknown, and a
// criterion over an unknown fact is false.
type Facts struct {
	Provider    string    `json:"provider"`               // service provider whose plans decide
	Kind        string    `json:"kind,omitempty"`         // "voice" or "sms"; empty is voice
	Calling     string    `json:"calling,omitempty"`      // empty: withheld or absent
	Called      string    `json:"called,omitempty"`       // as dialled
	At          time.Time `json:"at,omitzero"`            // when the call came
	OPC         string    `json:"opc,omitempty"`          // originating point code, "245-016-000"
	CallingLATA string    `json:"calling_lata,omitempty"` // three or five digits
	CalledLATA  string    `json:"called_lata,omitempty"`
	ZIP         string    `json:"zip,omitempty"`         // of the caller; ZIP+4 is cut to five digits
	CallID      string    `json:"call_id,omitempty"`     // makes the draw of percent rules; else the numbers and the second do
	TrunksDown  []string  `json:"trunks_down,omitempty"` // trunks that cannot be used now
	Draw        *float64  `json:"draw,omitempty"`        // test and simulation only: 0 ≤ draw < 100, used for every percent run instead of the hash
}

// Bounds on facts from outside.
const (
	maxFact       = 255  // octets of a single fact
	maxTrunksDown = 1000 // trunks
)

// Check refuses facts that no call can have: values that are too long, a draw outside of 0 to 100, kinds that do not exist. Facts in a form that no rule
// can match, as a LATA of four digits, are no error: they count as unknown.
func (f *Facts) Check() error {
	for _, one := range []struct{ name, value string }{
		{"provider", f.Provider}, {"kind", f.Kind}, {"calling", f.Calling}, {"called", f.Called}, {"opc", f.OPC}, {"calling_lata", f.CallingLATA},
		{"called_lata", f.CalledLATA}, {"zip", f.ZIP}, {"call_id", f.CallID},
	} {
		if len(one.value) > maxFact {
			return fmt.Errorf("%s has %d octets, at most %d are allowed", one.name, len(one.value), maxFact)
		}
	}
	switch {
	case f.Kind != "" && f.Kind != "voice" && f.Kind != "sms":
		return fmt.Errorf(`kind %q: use "voice" or "sms"`, f.Kind)
	case len(f.TrunksDown) > maxTrunksDown:
		return fmt.Errorf("trunks_down has %d entries, at most %d are allowed", len(f.TrunksDown), maxTrunksDown)
	case f.Draw != nil && !(*f.Draw >= 0 && *f.Draw < 100):
		return fmt.Errorf("draw %v: a percentage from 0 to below 100", *f.Draw)
	}
	return nil
}

// down tells whether a trunk cannot be used.
func (f *Facts) down(trunk string) bool {
	for _, d := range f.TrunksDown {
		if d == trunk {
			return true
		}
	}
	return false
}
