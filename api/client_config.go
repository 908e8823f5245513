package api

import (
	"context"
	"net/http"
)

// ClientConfig is what a phone client of an administrator needs to trigger actions by texts in the encoded form: TOKEN:ACTION:INDEX,VALUE…
type ClientConfig struct {
	PhoneToken string         `json:"phone_token,omitempty" doc:"begins each text; absent: there is none yet"`
	Actions    []ClientAction `json:"actions" nullable:"false" doc:"those that the administrator may trigger so"`
}

// ClientAction is an action as a phone client sees it.
type ClientAction struct {
	JanuaID     uint64           `json:"janua_id" doc:"number of the action in the encoded form"`
	Name        string           `json:"name"`
	Description string           `json:"description,omitempty"`
	Category    string           `json:"category,omitempty"`
	Dangerous   bool             `json:"dangerous,omitempty" doc:"worth a question before it is triggered"`
	Arguments   []ActionArgument `json:"arguments,omitempty" doc:"in the order of their numbers in the encoded form, which begin with 0"`
}

// ClientConfig returns what the phone client of the administrator who asks needs.
func (c *Client) ClientConfig(ctx context.Context) (ClientConfig, error) {
	return post[ClientConfig](ctx, c, http.MethodGet, "/v1/account/client", nil)
}

// NewPhoneToken gives the administrator who asks another phone token; the one before is no longer good.
func (c *Client) NewPhoneToken(ctx context.Context) (ClientConfig, error) {
	return post[ClientConfig](ctx, c, http.MethodPost, "/v1/account/client", nil)
}
