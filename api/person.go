package api

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
)

// Person is what is known about a number besides its messages and calls: GET /v1/messages?number=… and GET /v1/cdrs list those.
type Person struct {
	Number          string    `json:"number"`
	Provider        string    `json:"provider" doc:"service provider that was asked"`
	Contacts        []Contact `json:"contacts" nullable:"false" doc:"archived ones included"`
	AdministratorID uint64    `json:"administrator_id,omitempty" doc:"administrator whose phone it is"`
	OptedOut        bool      `json:"opted_out" doc:"it asked not to be written to"`
	Restricted      bool      `json:"restricted" doc:"nothing is sent to it and it triggers nothing"`
}

// PersonEvents is one page of events about a person.
type PersonEvents struct {
	Items []Event `json:"items" nullable:"false"`
	Next  uint64  `json:"next,omitempty" doc:"after of the next page; absent on the last one. A page may be empty and have a next one"`
}

// RestrictRequest is the body of POST /v1/persons/{number}/restrict.
type RestrictRequest struct {
	Restricted bool `json:"restricted"`
}

// Erased is the answer to POST /v1/persons/{number}/erase.
type Erased struct {
	Contacts int `json:"contacts" doc:"removed"`
	Messages int `json:"messages" doc:"text, octets and number were removed; that there was a message, and when, is kept"`
	Calls    int `json:"calls" doc:"records from which the number was removed"`
	Events   int `json:"events" doc:"events from which the number was removed"`
	Left     int `json:"left" doc:"messages to which something may still happen; ask again when that is over"`
}

func personPath(number, verb, provider string) string {
	path := "/v1/persons/" + url.PathEscape(number) + verb
	if provider != "" {
		path += "?provider=" + url.QueryEscape(provider)
	}
	return path
}

// Person returns what is known about a number; an empty service provider is the caller's.
func (c *Client) Person(ctx context.Context, number, provider string) (out Person, err error) {
	_, err = c.call(ctx, http.MethodGet, personPath(number, "", provider), nil, nil, &out)
	return out, err
}

// PersonEvents returns a page of events about a person behind one, 0 for the first.
func (c *Client) PersonEvents(ctx context.Context, number, provider string, after uint64) (out PersonEvents, err error) {
	path := personPath(number, "/events", provider)
	if after > 0 {
		path += map[bool]string{true: "?", false: "&"}[provider == ""] + "after=" + strconv.FormatUint(after, 10)
	}
	_, err = c.call(ctx, http.MethodGet, path, nil, nil, &out)
	return out, err
}

// Restrict keeps everything from being sent to a number and from being triggered by it, or allows that again.
func (c *Client) Restrict(ctx context.Context, number, provider string, restricted bool) (out Person, err error) {
	err = c.post(ctx, personPath(number, "/restrict", provider), RestrictRequest{Restricted: restricted}, &out)
	return out, err
}

// Erase forgets a person.
func (c *Client) Erase(ctx context.Context, number, provider string) (out Erased, err error) {
	err = c.post(ctx, personPath(number, "/erase", provider), struct{}{}, &out)
	return out, err
}
