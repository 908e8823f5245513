package callplan

import (
	"encoding/json"
	"fmt"
)

// Action is what is to be done.
type Action uint8

const (
	// NoMatch says that no rule decided: the default action of the daemon applies.
	NoMatch Action = iota
	// Route sends the call to the candidates, in their order.
	Route
	// Continue hands the call back unchanged.
	Continue
	// Terminate ends the call.
	Terminate
)

var actionNames = [...]string{NoMatch: "no_match", Route: "route", Continue: "continue", Terminate: "terminate"}

// String returns the action as it stands in JSON.
func (a Action) String() string {
	if int(a) < len(actionNames) {
		return actionNames[a]
	}
	return fmt.Sprintf("action(%d)", a)
}

// MarshalText returns the action as it stands in JSON.
func (a Action) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// CandidateType is what a candidate is reached by.
type CandidateType uint8

const (
	// Trunk sends the number through a trunk.
	Trunk CandidateType = iota + 1
	// Operator sends an operator's number through a trunk.
	Operator
	// SIP is an address.
	SIP
	// Number is a number, through whatever trunk is the default.
	Number
)

var candidateNames = [...]string{Trunk: "trunk", Operator: "operator", SIP: "sip", Number: "number"}

// String returns the type as it stands in JSON.
func (t CandidateType) String() string {
	if t > 0 && int(t) < len(candidateNames) {
		return candidateNames[t]
	}
	return fmt.Sprintf("candidate(%d)", t)
}

// MarshalText returns the type as it stands in JSON.
func (t CandidateType) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// Candidate is one way to go. It is comparable.
type Candidate struct {
	Type   CandidateType
	Trunk  string // of Trunk and Operator
	Number string // of Trunk (the dialled number as received, unless the rule gives another), Operator and Number
	URI    string // of SIP: "sip:…" or "sips:…"
}

// MarshalJSON returns the members that the type has: {"type":"trunk","trunk","number"}, the same with "operator", {"type":"sip","uri"} or
// {"type":"number","number"}.
func (c Candidate) MarshalJSON() ([]byte, error) {
	members := struct {
		Type   CandidateType `json:"type"`
		Trunk  *string       `json:"trunk,omitempty"`
		Number *string       `json:"number,omitempty"`
		URI    *string       `json:"uri,omitempty"`
	}{Type: c.Type}
	switch c.Type {
	case SIP:
		members.URI = &c.URI
	case Number:
		members.Number = &c.Number
	default:
		members.Trunk, members.Number = &c.Trunk, &c.Number
	}
	return json.Marshal(members)
}

// MaxCandidates bounds the candidates of a decision; further ones are left out.
const MaxCandidates = 1000

// Decision is the answer to Facts. It is meant to be reused: Decide resets it and keeps the room of Candidates.
type Decision struct {
	Action     Action
	Plan       string      // name of the deciding plan: that of the first candidate, or of the rule that said continue or terminate; empty with NoMatch
	Path       string      // of the deciding rule in its plan: "3" is the fourth rule, "3.0" the first of the list nested in it
	Label      string      // of the deciding rule
	Version    int64       // of the deciding plan, as its Plan said
	Candidates []Candidate // in order of preference; empty unless the action is Route
	Drawn      bool        // the deciding rule belongs to a percent run
	Draw       int         // of that run, in hundredths of a percent, 0 to 9999
}

// Reset makes the decision NoMatch and keeps the room of Candidates.
func (d *Decision) Reset() {
	room := d.Candidates[:0]
	*d = Decision{}
	d.Candidates = room
}

// MarshalJSON returns {"action","plan","path","candidates"}, the last three only where they are set.
func (d Decision) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Action     Action      `json:"action"`
		Plan       string      `json:"plan,omitempty"`
		Path       string      `json:"path,omitempty"`
		Candidates []Candidate `json:"candidates,omitempty"`
	}{d.Action, d.Plan, d.Path, d.Candidates})
}
