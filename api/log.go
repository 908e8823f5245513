package api

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// LogEntry is a message as the log shows it. Messages that were never given to a network are not in it, but for those that were refused.
type LogEntry struct {
	ID                   string    `json:"id" format:"uuid" doc:"of the message"`
	DateTime             time.Time `json:"date_time" doc:"sent, else accepted; of what came in, received"`
	Sender               string    `json:"sender" doc:"full name, else the account or number"`
	Recipient            string    `json:"recipient" doc:"full name, else the number; Server for what came in"`
	RecipientPhoneNumber string    `json:"recipient_phone_number" doc:"of what came in, the sender's number"`
	RawMessage           string    `json:"raw_message"`
	Authorized           bool      `json:"authorized" doc:"it passed screening"`
	Reason               string    `json:"reason,omitempty" doc:"why it did not, or that a quota had no room for it"`
	Status               int       `json:"status" enum:"0,1,2,3,4"`
	StatusLabel          string    `json:"status_label" enum:"SENT,SENT/DELIVERED,SENT/UNKNOWN,UNSUPPORTED,RECEIVED"`
	Reference            *int      `json:"reference,omitempty" doc:"that the network gave to the first part"`
	NumberOfSlices       int       `json:"number_of_slices"`
	AdminID              uint64    `json:"admin_id,omitempty" doc:"administrator that sent it; of what came in, the manager of the action, else the super administrator"`
}

// LogPage is a page of the log. It may be short, even empty, and have a next one.
type LogPage struct {
	Items []LogEntry `json:"items" nullable:"false"`
	Next  string     `json:"next,omitempty" doc:"cursor of the next page; absent on the last one"`
}

// LogDeleted is the answer to DELETE /v1/log.
type LogDeleted struct {
	Deleted int `json:"deleted" doc:"messages; those to which something may still happen stay"`
}

// Usage says how much an account has sent in the window of its quota.
type Usage struct {
	Account string    `json:"account"`
	Sent    int       `json:"sent" doc:"parts, those that wait included"`
	Quota   *int      `json:"quota,omitempty" doc:"parts that it may send in the window; absent: as many as it likes"`
	Unit    string    `json:"unit,omitempty" enum:"D,W,M,Y" doc:"the window: day, week, month or year"`
	Since   time.Time `json:"since,omitzero"`
	Until   time.Time `json:"until,omitzero"`
	Global  *int      `json:"global,omitempty" doc:"parts that all together sent this month; for those who may see others' statistics"`
}

// Statistics are parts sent in each month of a year.
type Statistics struct {
	Year       int         `json:"year"`
	NumResults int         `json:"num_results" doc:"12"`
	Objects    []MonthPart `json:"objects" nullable:"false"`
}

// MonthPart is one month of Statistics.
type MonthPart struct {
	Month string `json:"month" enum:"Jan,Feb,Mar,Apr,May,Jun,Jul,Aug,Sep,Oct,Nov,Dec"`
	Value int    `json:"value" doc:"parts"`
}

// Log returns a page of the log.
func (c *Client) Log(ctx context.Context, since, until time.Time, ascending bool, cursor string) (out LogPage, err error) {
	v := stretch(since, until)
	v.Set("limit", "1000")
	if ascending {
		v.Set("order", "asc")
	}
	if cursor != "" {
		v.Set("cursor", cursor)
	}
	_, err = c.call(ctx, http.MethodGet, "/v1/log?"+v.Encode(), nil, nil, &out)
	return out, err
}

// DeleteLog deletes messages of a stretch of time and returns how many.
func (c *Client) DeleteLog(ctx context.Context, since, until time.Time) (int, error) {
	var out LogDeleted
	_, err := c.call(ctx, http.MethodDelete, "/v1/log?"+stretch(since, until).Encode(), nil, nil, &out)
	return out.Deleted, err
}

// Usage returns what the caller, or another administrator, has sent.
func (c *Client) Usage(ctx context.Context, admin uint64) (out Usage, err error) {
	_, err = c.call(ctx, http.MethodGet, "/v1/usage?"+adminParameter(admin).Encode(), nil, nil, &out)
	return out, err
}

// Statistics returns the parts that the caller, or another administrator, sent in each month of a year; 0 is this one.
func (c *Client) Statistics(ctx context.Context, admin uint64, year int) (out Statistics, err error) {
	v := adminParameter(admin)
	if year != 0 {
		v.Set("year", strconv.Itoa(year))
	}
	_, err = c.call(ctx, http.MethodGet, "/v1/statistics?"+v.Encode(), nil, nil, &out)
	return out, err
}

func adminParameter(admin uint64) url.Values {
	v := url.Values{}
	if admin != 0 {
		v.Set("admin", strconv.FormatUint(admin, 10))
	}
	return v
}

func stretch(since, until time.Time) url.Values {
	v := url.Values{}
	for name, at := range map[string]time.Time{"since": since, "until": until} {
		if !at.IsZero() {
			v.Set(name, at.UTC().Format(time.RFC3339Nano))
		}
	}
	return v
}
