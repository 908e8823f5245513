package emulator

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// Submission is one SMS-SUBMIT that reached the centre.
type Submission struct {
	At     time.Time `json:"at"`
	Modem  string    `json:"modem"`          // name of the modem
	From   string    `json:"from"`           // number of its SIM
	To     string    `json:"to"`             // as the network knows it
	MR     byte      `json:"mr"`             // TP-MR
	TPDU   Octets    `json:"tpdu"`           // as it came, without SMSC
	Text   string    `json:"text,omitempty"` // of this part; empty for 8-bit data
	Report bool      `json:"report"`         // a status report was asked for
	CMS    int       `json:"cms,omitempty"`  // what the modem was told; 0: accepted
}

// Delivery is one attempt to hand a message or a status report to a subscriber.
type Delivery struct {
	At      time.Time `json:"at"`
	From    string    `json:"from"`
	To      string    `json:"to"`
	TPDU    Octets    `json:"tpdu"`
	Report  bool      `json:"report"`  // a status report
	Attempt int       `json:"attempt"` // 1 for the first
	Cause   int       `json:"cause"`   // 0: acknowledged; else the RP cause
}

// Octets print as upper-case hexadecimal text in JSON.
type Octets []byte

// MarshalText writes hexadecimal digits.
func (o Octets) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "%X", []byte(o)), nil }

// Outcome is what becomes of a SUBMIT. The zero value: it is taken, the modem
// gets its reference, the recipient the message, and one status report follows
// when asked for and delivered.
type Outcome struct {
	CMS         int           `json:"cms,omitempty"`          // the modem gets this error and the centre nothing
	Keep        bool          `json:"keep,omitempty"`         // with CMS: the centre has it all the same
	Silent      bool          `json:"silent,omitempty"`       // the modem never hears of it; the centre has it
	Delay       time.Duration `json:"-"`                      // more air time before the answer; "delay" in JSON
	Undelivered bool          `json:"undelivered,omitempty"`  // the recipient never gets it
	NoReport    bool          `json:"no_report,omitempty"`    // no status report, whatever was asked for
	ReportFirst bool          `json:"report_first,omitempty"` // the report reaches the modem before its answer
	Reports     []Report      `json:"reports,omitempty"`      // sent one after the other instead of the one at delivery
}

// Report is one scripted status report.
type Report struct {
	Status byte          `json:"status"`
	After  time.Duration `json:"-"` // since the one before; "after" in JSON
}

// Rule gives an outcome to the submissions that it matches.
type Rule struct {
	From  string `json:"from,omitempty"`  // number of the SIM; empty: any
	To    string `json:"to,omitempty"`    // number of the recipient; empty: any
	Times int    `json:"times,omitempty"` // how many it matches; 0: all
	Outcome
}

// Rule adds a rule. The first that matches decides; one whose times are used up
// is forgotten.
func (n *Network) Rule(r Rule) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.rules = append(n.rules, &r)
}

// ClearRules forgets all rules.
func (n *Network) ClearRules() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.rules = nil
}

// outcome finds the rule for a message and counts its use. The lock is held.
func (n *Network) outcome(from, to string) Outcome {
	for i, r := range n.rules {
		if r.From != "" && n.Number(r.From) != from || r.To != "" && n.Number(r.To) != to {
			continue
		}
		if r.Times > 0 {
			if r.Times--; r.Times == 0 {
				n.rules = slices.Delete(n.rules, i, i+1)
			}
		}
		return r.Outcome
	}
	return Outcome{}
}

// Ledger lists what the centre took, in order.
func (n *Network) Ledger() []Submission {
	n.mu.Lock()
	defer n.mu.Unlock()
	return newest(n.taken, n.o.History)
}

// Refused lists the submissions that the network refused and did not keep.
func (n *Network) Refused() []Submission {
	n.mu.Lock()
	defer n.mu.Unlock()
	return newest(n.refused, n.o.History)
}

// Deliveries lists every attempt to deliver, in order.
func (n *Network) Deliveries() []Delivery {
	n.mu.Lock()
	defer n.mu.Unlock()
	return newest(n.deliveries, n.o.History)
}

// Wait blocks until ok, which must not block, is satisfied; it is asked again
// after every change in the network. The error is that of ctx.
func (n *Network) Wait(ctx context.Context, ok func() bool) error {
	for {
		n.mu.Lock()
		changed := n.changed
		n.mu.Unlock()
		if ok() {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// MarshalJSON writes the time as text.
func (r Report) MarshalJSON() ([]byte, error) {
	return json.Marshal(reportJSON{r.Status, r.After.String()})
}

// UnmarshalJSON reads what MarshalJSON writes.
func (r *Report) UnmarshalJSON(b []byte) error {
	var j reportJSON
	if err := strict(bytes.NewReader(b), &j); err != nil {
		return err
	}
	r.Status = j.Status
	return parseDelay(j.After, &r.After)
}

type reportJSON struct {
	Status byte   `json:"status"`
	After  string `json:"after,omitempty"`
}

// UnmarshalJSON reads a rule; its delay is text such as "1.5s". Keys that it does not know are refused.
func (r *Rule) UnmarshalJSON(b []byte) error {
	type plain Rule
	j := struct {
		*plain
		Delay string `json:"delay"`
	}{plain: (*plain)(r)}
	if err := strict(bytes.NewReader(b), &j); err != nil {
		return err
	}
	return parseDelay(j.Delay, &r.Delay)
}
