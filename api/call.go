package api

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// CallRequest is the body of POST /v1/calls.
type CallRequest struct {
	To      string   `json:"to" doc:"number to call"`
	Trunk   string   `json:"trunk,omitempty" doc:"only through this; absent: the first that is free"`
	RingFor Duration `json:"ring_for,omitempty" doc:"it rings at most so long: 5s to 2m; 30s when absent"`
	Keys    string   `json:"keys,omitempty" doc:"keys that are pressed when it is answered: up to 32 of 0-9, *, #, A-D"`
	TalkFor Duration `json:"talk_for,omitempty" doc:"it is hung up so long after the answer, or the last key: 1s to 10m; 10s when absent"`
}

// Diversion is what the network does with the calls to a modem, and what the call plans want.
type Diversion struct {
	Trunk     string    `json:"trunk"`
	Card      string    `json:"card,omitempty" doc:"that the diversion stays with"`
	When      string    `json:"when" enum:"always,busy,no_reply,unreachable"`
	Wanted    string    `json:"wanted,omitempty" doc:"number that the plans want calls passed on to; absent: none"`
	Actual    string    `json:"actual,omitempty" doc:"number that the network passes them on to; absent: none"`
	CheckedAt time.Time `json:"checked_at,omitzero" doc:"when the network was asked last"`
	Problem   string    `json:"problem,omitempty" doc:"why it is not as it should be"`
}

// DiversionList is the answer to GET /v1/diversions.
type DiversionList struct {
	Items []Diversion `json:"items" nullable:"false"`
}

// Calls returns the calls that last.
func (c *Client) Calls(ctx context.Context) (out CDRList, err error) {
	_, err = c.call(ctx, http.MethodGet, "/v1/calls", nil, nil, &out)
	return out, err
}

// PlaceCall begins a call and returns its record; the call goes on by itself.
func (c *Client) PlaceCall(ctx context.Context, r CallRequest) (out CDR, err error) {
	err = c.post(ctx, "/v1/calls", r, &out)
	return out, err
}

// HangUp ends a call and returns its record as it was before.
func (c *Client) HangUp(ctx context.Context, id string) (out CDR, err error) {
	_, err = c.call(ctx, http.MethodDelete, "/v1/calls/"+url.PathEscape(id), nil, nil, &out)
	return out, err
}

// Diversions returns what the network does with calls to modems.
func (c *Client) Diversions(ctx context.Context) ([]Diversion, error) {
	var out DiversionList
	_, err := c.call(ctx, http.MethodGet, "/v1/diversions", nil, nil, &out)
	return out.Items, err
}
