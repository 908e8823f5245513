package api

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Webhook is an endpoint that is told of events.
type Webhook struct {
	ID           string          `json:"id" format:"uuid"`
	URL          string          `json:"url"`
	Description  string          `json:"description,omitempty"`
	Types        []string        `json:"types,omitempty" doc:"types of events, or beginnings such as message.*; absent: all"`
	State        string          `json:"state" enum:"active,failing,paused,archived" doc:"failing: it is tried on, but nothing was taken since failing_since"`
	Pause        *Failure        `json:"pause,omitempty" doc:"why nothing is delivered: asked, gone (it answered 410), failing (for days)"`
	PausedAt     time.Time       `json:"paused_at,omitzero"`
	ArchivedAt   time.Time       `json:"archived_at,omitzero"`
	FailingSince time.Time       `json:"failing_since,omitzero" doc:"first failure since the last success"`
	Secret       string          `json:"secret,omitempty" doc:"only in the answer to making it, and the endpoint; it is never told again"`
	Secrets      []WebhookSecret `json:"secrets" nullable:"false" doc:"those that deliveries are signed with, the newest first"`
	Position     uint64          `json:"position" doc:"every event up to this number was dealt with"`
	Behind       uint64          `json:"behind" doc:"events that are still to be looked at"`
	Pending      int             `json:"pending" doc:"deliveries that failed and are tried again, or wait behind such"`
	CreatedAt    time.Time       `json:"created_at"`
	UpdatedAt    time.Time       `json:"updated_at"`
}

// WebhookSecret tells of a secret, but not what it is.
type WebhookSecret struct {
	CreatedAt time.Time `json:"created_at"`
	ExpiresAt time.Time `json:"expires_at,omitzero" doc:"not used from then on"`
}

// WebhookList is the answer to GET /v1/webhooks.
type WebhookList struct {
	Items []Webhook `json:"items" nullable:"false"`
}

// WebhookRequest is the body of POST /v1/webhooks.
type WebhookRequest struct {
	URL         string   `json:"url" doc:"https; http only in networks of webhook.allow_networks" example:"https://example.com/hook"`
	Description string   `json:"description,omitempty" maxLength:"256"`
	Types       []string `json:"types,omitempty" maxItems:"32" doc:"types of events, or beginnings such as message.*; absent or empty: all"`
}

// WebhookChange is the body of PATCH /v1/webhooks/{id}: what is absent stays.
type WebhookChange struct {
	URL         *string   `json:"url,omitempty"`
	Description *string   `json:"description,omitempty" maxLength:"256"`
	Types       *[]string `json:"types,omitempty" maxItems:"32" doc:"an empty list is all"`
}

// RotateRequest is the body of POST /v1/webhooks/{id}/secret.
type RotateRequest struct {
	Overlap *Duration `json:"overlap,omitempty" doc:"for so long the secret before is used too; 24h when absent, at most 720h"`
}

// ResumeRequest is the body of POST /v1/webhooks/{id}/resume.
type ResumeRequest struct {
	Skip bool `json:"skip,omitempty" doc:"go on with what happens from now on, instead of where it stopped"`
}

// ReplayRequest is the body of POST /v1/webhooks/{id}/replay: exactly one of its fields.
type ReplayRequest struct {
	Event uint64 `json:"event,omitempty" doc:"number of one event"`
	Since string `json:"since,omitempty" doc:"everything since a time, RFC 3339" example:"2026-12-24T18:00:00Z"`
	Dead  bool   `json:"dead,omitempty" doc:"everything that was given up"`
}

// ReplayResponse is the answer to it.
type ReplayResponse struct {
	Deliveries int     `json:"deliveries" doc:"how many are delivered once more; with since that is not counted"`
	Webhook    Webhook `json:"webhook"`
}

// Delivery is one event on its way to one endpoint. An event that was not tried yet has none.
type Delivery struct {
	Event     uint64        `json:"event" doc:"number of the event"`
	Type      string        `json:"type"`
	At        time.Time     `json:"at" doc:"when it happened"`
	MessageID string        `json:"message_id,omitempty" format:"uuid"`
	WebhookID string        `json:"webhook_id" doc:"header webhook-id of its requests"`
	State     string        `json:"state" enum:"pending,delivered,dead"`
	CreatedAt time.Time     `json:"created_at" doc:"first taken up, or asked for again"`
	NextAt    time.Time     `json:"next_at,omitzero" doc:"next try; absent from a pending one that waits for an earlier event of its message"`
	SettledAt time.Time     `json:"settled_at,omitzero" doc:"delivered, or given up"`
	Tries     int           `json:"tries"`
	Log       []DeliveryTry `json:"log" nullable:"false" doc:"the last tries, oldest first"`
}

// DeliveryTry is one request to an endpoint.
type DeliveryTry struct {
	At      time.Time `json:"at"`
	Seconds float64   `json:"seconds" doc:"how long it took"`
	Status  int       `json:"status,omitempty" doc:"of the answer; absent: there was none"`
	Error   string    `json:"error,omitempty" doc:"why it is no success; absent: it is"`
	Answer  string    `json:"answer,omitempty" doc:"its beginning, at most 1024 bytes"`
}

// DeliveryList is one page of deliveries, the newest event first.
type DeliveryList struct {
	Items []Delivery `json:"items" nullable:"false"`
	Next  string     `json:"next,omitempty" doc:"cursor of the next page; absent on the last one"`
}

// DeliveryQuery chooses deliveries; the zero value is the newest of all.
type DeliveryQuery struct {
	State  string // empty: any
	Limit  int    // 0: the server's default of 50; at most 1000
	Cursor string // Next of the page before
}

// AddWebhook makes an endpoint; the answer has its secret, which is never told again.
func (c *Client) AddWebhook(ctx context.Context, r WebhookRequest) (out Webhook, err error) {
	err = c.post(ctx, "/v1/webhooks", r, &out)
	return out, err
}

// Webhooks returns every endpoint, archived ones included.
func (c *Client) Webhooks(ctx context.Context) ([]Webhook, error) {
	var out WebhookList
	_, err := c.call(ctx, http.MethodGet, "/v1/webhooks", nil, nil, &out)
	return out.Items, err
}

// Webhook returns one endpoint.
func (c *Client) Webhook(ctx context.Context, id string) (out Webhook, err error) {
	_, err = c.call(ctx, http.MethodGet, webhookPath(id, ""), nil, nil, &out)
	return out, err
}

// EditWebhook changes an endpoint.
func (c *Client) EditWebhook(ctx context.Context, id string, r WebhookChange) (out Webhook, err error) {
	err = c.write(ctx, http.MethodPatch, webhookPath(id, ""), r, &out)
	return out, err
}

// RotateSecret makes a new secret; the answer has it.
func (c *Client) RotateSecret(ctx context.Context, id string, overlap time.Duration) (out Webhook, err error) {
	d := Duration(overlap)
	err = c.post(ctx, webhookPath(id, "/secret"), RotateRequest{Overlap: &d}, &out)
	return out, err
}

// PauseWebhook stops deliveries.
func (c *Client) PauseWebhook(ctx context.Context, id string) (out Webhook, err error) {
	err = c.post(ctx, webhookPath(id, "/pause"), struct{}{}, &out)
	return out, err
}

// ResumeWebhook takes deliveries up again.
func (c *Client) ResumeWebhook(ctx context.Context, id string, r ResumeRequest) (out Webhook, err error) {
	err = c.post(ctx, webhookPath(id, "/resume"), r, &out)
	return out, err
}

// ArchiveWebhook ends deliveries and keeps the records.
func (c *Client) ArchiveWebhook(ctx context.Context, id string) (out Webhook, err error) {
	err = c.post(ctx, webhookPath(id, "/archive"), struct{}{}, &out)
	return out, err
}

// RestoreWebhook makes an archived endpoint a paused one.
func (c *Client) RestoreWebhook(ctx context.Context, id string) (out Webhook, err error) {
	err = c.post(ctx, webhookPath(id, "/restore"), struct{}{}, &out)
	return out, err
}

// PurgeWebhook removes an archived endpoint for good and returns what it was.
func (c *Client) PurgeWebhook(ctx context.Context, id string) (out Webhook, err error) {
	_, err = c.call(ctx, http.MethodDelete, webhookPath(id, ""), nil, nil, &out)
	return out, err
}

// TestWebhook sends an event webhook.test and returns what came of it.
func (c *Client) TestWebhook(ctx context.Context, id string) (out DeliveryTry, err error) {
	err = c.post(ctx, webhookPath(id, "/test"), struct{}{}, &out)
	return out, err
}

// ReplayWebhook has events delivered once more.
func (c *Client) ReplayWebhook(ctx context.Context, id string, r ReplayRequest) (out ReplayResponse, err error) {
	err = c.post(ctx, webhookPath(id, "/replay"), r, &out)
	return out, err
}

// Deliveries returns one page of deliveries to an endpoint.
func (c *Client) Deliveries(ctx context.Context, id string, q DeliveryQuery) (out DeliveryList, err error) {
	v := url.Values{}
	for name, value := range map[string]string{"state": q.State, "cursor": q.Cursor} {
		if value != "" {
			v.Set(name, value)
		}
	}
	if q.Limit != 0 {
		v.Set("limit", strconv.Itoa(q.Limit))
	}
	path := webhookPath(id, "/deliveries")
	if len(v) > 0 {
		path += "?" + v.Encode()
	}
	_, err = c.call(ctx, http.MethodGet, path, nil, nil, &out)
	return out, err
}

// Delivery returns the delivery of one event.
func (c *Client) Delivery(ctx context.Context, id string, event uint64) (out Delivery, err error) {
	_, err = c.call(ctx, http.MethodGet, webhookPath(id, "/deliveries/"+strconv.FormatUint(event, 10)), nil, nil, &out)
	return out, err
}

func webhookPath(id, rest string) string { return "/v1/webhooks/" + url.PathEscape(id) + rest }
