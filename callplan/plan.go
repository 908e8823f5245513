package callplan

import (
	"encoding/json"
	"time"

	"trunkline/callplan/phone"
)

// Plan is a call plan as it was read: valid, in the order of the document. It must not be changed once it was compiled.
type Plan struct {
	Name     string
	Provider string // service provider that it belongs to
	Priority int    // plans are tried in ascending order
	Timezone string // IANA name; empty: that of the Env
	Archived bool   // kept, never used
	Version  int64  // set by whoever keeps versions; it is no part of the document and goes into decisions
	Rules    []Rule // at least one
}

// Rule is one rule.
type Rule struct {
	Label       string
	Criteria    Criteria
	Destination Destination
}

// Criteria must all be true for a rule to match; a member that is absent is true. Values inside one member are alternatives.
type Criteria struct {
	Always    bool
	Time      *Window
	Date      *Span
	Day       Days
	Percent   *int // in hundredths of a percent, 0 to 10000
	Match     []phone.Pattern
	NPA       []string // canonical: "AL" (region), "205" (area code), "country:KY"
	PointCode []PointRange
	LATA      []LATA
	ZIP       []ZIPRange
	Called    []phone.Pattern
	Kind      []string // "voice", "sms"
	Holiday   []string // names of calendars
	Not       *Criteria
}

// Window is a time of day on the local clock, in minutes from midnight. From is included, To is not. A window whose From is above To goes on after midnight.
type Window struct{ From, To int } // 0 to 1439; 0 to 1440

// wraps tells whether the window goes on after midnight.
func (w Window) wraps() bool { return w.From > w.To }

// Span is a range of the local clock, in minutes from 1970-01-01.00:00. From is included, To is not.
type Span struct {
	From, To       int64
	HasFrom, HasTo bool // what is false is open
}

// Days is a set of days of the week: bit 0 is Sunday.
type Days uint8

// Has tells whether a day is in the set.
func (d Days) Has(w time.Weekday) bool { return d>>w&1 != 0 }

// PointRange is a range of point codes of 24 bits, both ends included. Single says that it was written without an end.
type PointRange struct {
	From, To uint32
	Single   bool
}

// LATA is one alternative of the criterion "lata".
type LATA struct {
	Kind   LATAKind
	Digits string // of LATADigits: three or five
}

// LATAKind says what is compared.
type LATAKind uint8

const (
	// LATADigits compares the calling side's LATA with digits.
	LATADigits LATAKind = iota
	// LATAIntra wants both sides in one LATA.
	LATAIntra
	// LATAInter wants the sides in different LATAs.
	LATAInter
)

// ZIPRange is one alternative of the criterion "zip": all codes that begin with Prefix, one to five digits; none for "xxxxx".
type ZIPRange struct{ Prefix string }

// Destination says what a matching rule does: docs/callplans.md has the table. Targets are built in the order trunk, trunk_op, sip, number.
type Destination struct {
	Number    string // digits, with a leading plus sign perhaps
	Trunk     []string
	TrunkOp   []TrunkOp
	SIP       string // with its scheme
	Continue  bool
	Terminate bool
	Rules     []Rule // evaluated first; the other members are their default
}

// TrunkOp is an operator's number behind a trunk.
type TrunkOp struct{ Trunk, Number string }

// targets returns the candidates of the destination. Those of trunks without a number of the rule's own have none.
func (d *Destination) targets() []Candidate {
	var all []Candidate
	for _, t := range d.Trunk {
		all = append(all, Candidate{Type: Trunk, Trunk: t, Number: d.Number})
	}
	for _, op := range d.TrunkOp {
		all = append(all, Candidate{Type: Operator, Trunk: op.Trunk, Number: op.Number})
	}
	if d.SIP != "" {
		all = append(all, Candidate{Type: SIP, URI: d.SIP})
	}
	if d.Number != "" && len(d.Trunk) == 0 {
		all = append(all, Candidate{Type: Number, Number: d.Number})
	}
	return all
}

// MarshalJSON writes the plan as a document that Parse reads: in the form of Easy 0, with lists of lists.
func (p *Plan) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Name     string `json:"name"`
		Provider string `json:"service_provider"`
		Priority int    `json:"priority"`
		Timezone string `json:"timezone,omitempty"`
		Archived bool   `json:"archived,omitempty"`
		Rules    []Rule `json:"rules"`
	}{p.Name, p.Provider, p.Priority, p.Timezone, p.Archived, p.Rules})
}

// MarshalJSON writes the rule as Parse reads it.
func (r Rule) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Label       string      `json:"label,omitempty"`
		Criteria    Criteria    `json:"criteria"`
		Destination Destination `json:"destination"`
	}{r.Label, r.Criteria, r.Destination})
}

// MarshalJSON writes the criteria that are present.
func (c Criteria) MarshalJSON() ([]byte, error) {
	object := struct {
		Always    bool            `json:"always,omitempty"`
		Time      json.RawMessage `json:"time,omitempty"`
		Date      json.RawMessage `json:"date,omitempty"`
		Day       json.RawMessage `json:"day,omitempty"`
		Percent   json.RawMessage `json:"percent,omitempty"`
		Match     json.RawMessage `json:"match,omitempty"`
		NPA       json.RawMessage `json:"npa,omitempty"`
		PointCode json.RawMessage `json:"pointcode,omitempty"`
		LATA      json.RawMessage `json:"lata,omitempty"`
		ZIP       json.RawMessage `json:"zip,omitempty"`
		Called    json.RawMessage `json:"called,omitempty"`
		Kind      json.RawMessage `json:"kind,omitempty"`
		Holiday   json.RawMessage `json:"holiday,omitempty"`
		Not       *Criteria       `json:"not,omitempty"`
	}{Always: c.Always, Not: c.Not}
	for _, m := range []struct {
		to *json.RawMessage
		id criterion
	}{
		{&object.Time, byTime}, {&object.Date, byDate}, {&object.Day, byDay}, {&object.Percent, byPercent}, {&object.Match, byMatch}, {&object.NPA, byNPA},
		{&object.PointCode, byPointCode}, {&object.LATA, byLATA}, {&object.ZIP, byZIP}, {&object.Called, byCalled}, {&object.Kind, byKind}, {&object.Holiday, byHoliday},
	} {
		*m.to = c.value(m.id)
	}
	return json.Marshal(object)
}

// MarshalJSON writes the members that are present.
func (d Destination) MarshalJSON() ([]byte, error) {
	var ops [][]string
	for _, op := range d.TrunkOp {
		ops = append(ops, []string{op.Trunk, op.Number})
	}
	return json.Marshal(struct {
		Number    string     `json:"number,omitempty"`
		Trunk     [][]string `json:"trunk,omitempty"`
		TrunkOp   [][]string `json:"trunk_op,omitempty"`
		SIP       string     `json:"sip,omitempty"`
		Continue  bool       `json:"continue,omitempty"`
		Terminate bool       `json:"terminate,omitempty"`
		Rules     []Rule     `json:"rule,omitempty"`
	}{d.Number, nested(d.Trunk), ops, d.SIP, d.Continue, d.Terminate, d.Rules})
}
