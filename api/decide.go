package api

import (
	"context"
	"time"
)

// DecideRequest is what is known of one call; everything may be left out, and what is left out is unknown: a rule that asks for it does not match.
type DecideRequest struct {
	Provider    string    `json:"provider,omitempty" maxLength:"255" doc:"service provider whose plans decide; absent: default, or that of the switch that asks" example:"acme"`
	Kind        string    `json:"kind,omitempty" enum:"voice,sms" default:"voice"`
	Calling     string    `json:"calling,omitempty" maxLength:"255" doc:"the caller's number; absent: withheld" example:"+12125550100"`
	Called      string    `json:"called,omitempty" maxLength:"255" doc:"the dialled number" example:"+12055550123"`
	At          time.Time `json:"at,omitzero" doc:"when the call came; absent: now"`
	OPC         string    `json:"opc,omitempty" maxLength:"255" doc:"originating point code" example:"001-002-003"`
	CallingLATA string    `json:"calling_lata,omitempty" maxLength:"255" doc:"three or five digits" example:"476"`
	CalledLATA  string    `json:"called_lata,omitempty" maxLength:"255" doc:"three or five digits"`
	ZIP         string    `json:"zip,omitempty" maxLength:"255" doc:"of the caller" example:"35203"`
	CallID      string    `json:"call_id,omitempty" maxLength:"255" doc:"the same id has the same share of percent rules, whenever it asks; absent: numbers and time count"`
	TrunksDown  []string  `json:"trunks_down,omitempty" doc:"trunks that cannot be used now, besides those that the gateway knows of"`
}

// Decision is what is to be done with a call.
type Decision struct {
	Action     string      `json:"action" enum:"route,continue,terminate,no_match" doc:"continue: hand the call back unchanged; terminate: refuse it; no_match: no rule decided"`
	Plan       string      `json:"plan,omitempty" doc:"the plan that decided"`
	Path       string      `json:"path,omitempty" doc:"its rule: 3 is the fourth rule, 3.0 the first of the list nested in it"`
	Candidates []Candidate `json:"candidates,omitempty" doc:"where to, in order"`
}

// Candidate is one way to go.
type Candidate struct {
	Type   string `json:"type" enum:"trunk,operator,sip,number"`
	Trunk  string `json:"trunk,omitempty" doc:"of trunk and operator"`
	Number string `json:"number,omitempty" doc:"of trunk, operator and number"`
	URI    string `json:"uri,omitempty" doc:"of sip"`
}

// RTJSON is a decision in the shape that Kamailio's rtjson_init_routes takes.
type RTJSON struct {
	Version string        `json:"version" doc:"1.0"`
	Routing string        `json:"routing" enum:"serial"`
	Action  string        `json:"action" enum:"route,continue,terminate,no_match" doc:"not of rtjson: for the script, when there are no routes"`
	Routes  []RTJSONRoute `json:"routes" nullable:"false" doc:"tried one after the other"`
}

// RTJSONRoute is one route of RTJSON.
type RTJSONRoute struct {
	URI string `json:"uri" doc:"becomes the Request-URI"`
}

// Decide decides calls by the plans, up to 1000 at once; the decisions come in the same order.
func (c *Client) Decide(ctx context.Context, calls []DecideRequest) (out []Decision, err error) {
	err = c.post(ctx, "/v1/decide", calls, &out)
	return out, err
}
