package api

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// CDR is the record of one call, or of one message when those are recorded too.
type CDR struct {
	ID         string        `json:"id" format:"uuid"`
	Kind       string        `json:"kind" enum:"voice,sms"`
	Direction  string        `json:"direction" enum:"in,out"`
	Provider   string        `json:"provider"`
	Subscriber string        `json:"subscriber,omitempty"`
	Trunk      string        `json:"trunk,omitempty"`
	Number     string        `json:"number,omitempty" doc:"the other side; absent when it is not known"`
	Withheld   bool          `json:"withheld,omitempty" doc:"the other side does not want to be known"`
	Line       string        `json:"line,omitempty" doc:"number of this side"`
	StartedAt  time.Time     `json:"started_at"`
	AnsweredAt time.Time     `json:"answered_at,omitzero"`
	EndedAt    time.Time     `json:"ended_at,omitzero" doc:"absent as long as it lasts"`
	Seconds    float64       `json:"seconds,omitempty" doc:"how long both sides could speak"`
	Outcome    string        `json:"outcome,omitempty" doc:"answered, missed, rejected, passed_on, busy, no_answer, failed or lost; of a message its state"`
	Cause      string        `json:"cause,omitempty" doc:"why it ended, in the words of the modem"`
	Rings      int           `json:"rings,omitempty"`
	Account    string        `json:"account,omitempty" doc:"who placed it"`
	MessageID  string        `json:"message_id,omitempty" format:"uuid" doc:"the message that it is about"`
	Decision   *CallDecision `json:"decision,omitempty"`
	Screening  []string      `json:"screening,omitempty" doc:"what screening said"`
	Reply      *CallReply    `json:"reply,omitempty" doc:"message to the caller"`
	Events     []CDREvent    `json:"events" nullable:"false"`
}

// CallDecision is what a call plan said about a call, and what was done.
type CallDecision struct {
	Action    string   `json:"action" enum:"route,continue,terminate,no_match"`
	Plan      string   `json:"plan,omitempty"`
	Version   int64    `json:"version,omitempty"`
	Rule      string   `json:"rule,omitempty" doc:"path of the rule"`
	Label     string   `json:"label,omitempty"`
	Draw      *float64 `json:"draw,omitempty" doc:"of a percent rule, 0 to 100"`
	Treatment string   `json:"treatment,omitempty" doc:"ring, reject, answer (and hang up) or transfer"`
}

// CallReply is a message to a caller who was not answered.
type CallReply struct {
	At        time.Time `json:"at"`
	MessageID string    `json:"message_id,omitempty" format:"uuid"`
	Refused   string    `json:"refused,omitempty" doc:"why there is none: withheld, national, short, premium_number, emergency_number, caller_limit, line_limit or not_accepted"`
}

// CDREvent is one thing that happened to a call.
type CDREvent struct {
	At     time.Time `json:"at"`
	Name   string    `json:"name"`
	Detail string    `json:"detail,omitempty"`
}

// CDRList is one page of records.
type CDRList struct {
	Items []CDR  `json:"items" nullable:"false"`
	Next  string `json:"next,omitempty" doc:"cursor of the next page; absent on the last one"`
}

// CDRQuery chooses and orders records; the zero value is the newest of all.
type CDRQuery struct {
	Kind, Direction, Provider, Subscriber, Trunk, Number, Plan, Outcome string    // empty: any
	Since, Until                                                        time.Time // begun not before, and before; zero: any
	Limit                                                               int       // 0: the server's
	Cursor                                                              string
	Ascending                                                           bool
}

func (q CDRQuery) values() url.Values {
	v := url.Values{}
	for name, value := range map[string]string{"kind": q.Kind, "direction": q.Direction, "provider": q.Provider, "subscriber": q.Subscriber, "trunk": q.Trunk, "number": q.Number,
		"plan": q.Plan, "outcome": q.Outcome, "cursor": q.Cursor} {
		if value != "" {
			v.Set(name, value)
		}
	}
	for name, at := range map[string]time.Time{"since": q.Since, "until": q.Until} {
		if !at.IsZero() {
			v.Set(name, at.UTC().Format(time.RFC3339Nano))
		}
	}
	if q.Limit != 0 {
		v.Set("limit", strconv.Itoa(q.Limit))
	}
	if q.Ascending {
		v.Set("order", "asc")
	}
	return v
}

// CDRs returns one page of records.
func (c *Client) CDRs(ctx context.Context, q CDRQuery) (out CDRList, err error) {
	_, err = c.call(ctx, http.MethodGet, withQuery("/v1/cdrs", q.values()), nil, nil, &out)
	return out, err
}

// CDR returns one record.
func (c *Client) CDR(ctx context.Context, id string) (out CDR, err error) {
	_, err = c.call(ctx, http.MethodGet, "/v1/cdrs/"+url.PathEscape(id), nil, nil, &out)
	return out, err
}

// Columns of an export of records.
const (
	ColumnsEasy0 = "easy0" // the seven of Easy 0
	ColumnsAll   = "all"   // those and what else is known
)

// ExportCDRs writes all records that q chooses to w as CSV, the oldest first. Limit, Cursor and Ascending count for nothing. With an error what was written is
// not all.
func (c *Client) ExportCDRs(ctx context.Context, q CDRQuery, columns string, w io.Writer) error {
	q.Limit, q.Cursor, q.Ascending = 0, "", false
	v := q.values()
	if columns != "" {
		v.Set("columns", columns)
	}
	resp, err := c.send(ctx, http.MethodGet, withQuery("/v1/cdrs/export", v), nil, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(w, resp.Body)
	return err
}
