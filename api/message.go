package api

import (
	"encoding/json"
	"fmt"
	"time"
)

// Message is one text to or from one number, as it is now.
type Message struct {
	ID          string    `json:"id" format:"uuid" doc:"UUID of version 7: ids sort by the time of acceptance"`
	Direction   string    `json:"direction" enum:"out,in"`
	State       string    `json:"state" enum:"held,waiting,sending,unknown,sent,delivered,error,debug,canceled,expired,received"`
	To          string    `json:"to,omitempty" doc:"recipient; of a received message the number of the SIM, when it is known"`
	From        string    `json:"from,omitempty" doc:"sender of a received message: a number or a name"`
	Text        string    `json:"text" doc:"empty when data is set, and of a secret message"`
	Data        []byte    `json:"data,omitempty" doc:"octets of a received 8-bit message, in base64"`
	Trunk       string    `json:"trunk,omitempty" doc:"trunk that carries or carried it; while it waits, the one that was asked for"`
	Account     string    `json:"account,omitempty" doc:"who submitted it, e.g. uid:1000"`
	Tag         string    `json:"tag,omitempty" doc:"the submitter's own word"`
	Priority    int       `json:"priority" minimum:"0" maximum:"9"`
	Flash       bool      `json:"flash,omitempty" doc:"class 0: shown at once"`
	Port        int       `json:"port,omitempty" doc:"destination port of a port-addressed received message"`
	Parts       []Part    `json:"parts" nullable:"false"`
	CreatedAt   time.Time `json:"created_at" doc:"accepted, or received"`
	SendAt      time.Time `json:"send_at,omitzero" doc:"not sent before"`
	ExpiresAt   time.Time `json:"expires_at,omitzero" doc:"not sent after"`
	NotBefore   time.Time `json:"not_before,omitzero" doc:"next try after a failure"`
	SentAt      time.Time `json:"sent_at,omitzero" doc:"the network took every part"`
	DeliveredAt time.Time `json:"delivered_at,omitzero" doc:"every part was reported delivered"`
	ReceivedAt  time.Time `json:"received_at,omitzero" doc:"stored by the gateway"`
	CentreAt    time.Time `json:"centre_at,omitzero" doc:"time stamp of the service centre"`
	Error       *Failure  `json:"error,omitempty" doc:"why it is in this state, or waits again"`
	DuplicateOf string    `json:"duplicate_of,omitempty" format:"uuid" doc:"received again: the first one"`
	Incomplete  bool      `json:"incomplete,omitempty" doc:"parts were missing when the time for them ended"`
	Missing     []int     `json:"missing,omitempty" doc:"their sequence numbers"`
	Notes       []string  `json:"notes,omitempty" doc:"deviations that the decoder reported, by field"`
	OnAmbiguous string    `json:"on_ambiguous,omitempty" doc:"what is done when an answer is lost; absent: as the trunk is set"`

	Plan    *MessagePlan `json:"plan,omitempty" doc:"what the call plans decided; absent: they were not asked"`
	Subject string       `json:"subject,omitempty" doc:"of a mail"`
	Secret  bool         `json:"secret,omitempty" doc:"its text holds a code that is for the recipient alone, and is not shown"`
	Class   string       `json:"class,omitempty" enum:"answer,emergency" doc:"why it may go to who asked not to be written to"`
	Verdict *Verdict     `json:"verdict,omitempty" doc:"what screening said of a received message, or why one is not sent"`
	Action  string       `json:"action,omitempty" doc:"action that a received message asked for"`
}

// MessagePlan is what call plans decided about a message.
type MessagePlan struct {
	Provider   string `json:"provider" doc:"service provider whose plans decided"`
	Action     string `json:"action" enum:"route,continue,terminate,no_match"`
	Name       string `json:"name,omitempty" doc:"the plan that decided"`
	Version    int64  `json:"version,omitempty" doc:"of the plan"`
	Rule       string `json:"rule,omitempty" doc:"3 is its fourth rule, 3.0 the first of the list nested in it"`
	Label      string `json:"label,omitempty" doc:"of the rule"`
	Trunk      string `json:"trunk,omitempty" doc:"trunk that it chose"`
	Note       string `json:"note,omitempty" doc:"why nothing was done although the rule sends the message somewhere"`
	OriginalTo string `json:"original_to,omitempty" doc:"recipient that was asked for, when the plan sends the message to another"`
	ForwardOf  string `json:"forward_of,omitempty" format:"uuid" doc:"received message that this one forwards"`
	ForwardID  string `json:"forward_id,omitempty" format:"uuid" doc:"of a received message: the one that forwards it"`
}

// Final tells whether nothing more will happen to the message by itself.
func (m Message) Final() bool {
	switch m.State {
	case "delivered", "error", "debug", "canceled", "expired", "received":
		return true
	}
	return false
}

// Part is one TPDU of a message.
type Part struct {
	Seq         int       `json:"seq" doc:"from 1"`
	State       string    `json:"state"`
	Reference   *int      `json:"reference,omitempty" doc:"TP-MR that the modem gave"`
	Status      *int      `json:"status,omitempty" doc:"TP-ST of the last report"`
	Trunk       string    `json:"trunk,omitempty" doc:"trunk of the last attempt"`
	SentAt      time.Time `json:"sent_at,omitzero"`
	DeliveredAt time.Time `json:"delivered_at,omitzero"`
	Resends     int       `json:"resends,omitempty" doc:"how often it was sent again although the network may have had it"`
	Evidence    string    `json:"evidence,omitempty" doc:"how its state is known when it was not the modem's answer: late_answer, sim, status_report, stored_copy, operator"`
	Attempts    []Attempt `json:"attempts,omitempty" doc:"oldest first; at most the last 16 are kept"`
}

// Attempt is one try for one part.
type Attempt struct {
	Number    int       `json:"number" doc:"from 1"`
	Trunk     string    `json:"trunk"`
	Phase     string    `json:"phase" enum:"claimed,committing,unclear,ended" doc:"committing: octets may have left; unclear: the answer was lost, and evidence is awaited"`
	StartedAt time.Time `json:"started_at"`
	EndedAt   time.Time `json:"ended_at,omitzero"`
	Until     time.Time `json:"until,omitzero" doc:"evidence is awaited until then; of an unknown part: it is sent again then"`
	Error     *Failure  `json:"error,omitempty"`
}

// Failure is a reason as a stable code and in words.
type Failure struct {
	Code string `json:"code" doc:"stable, e.g. cms_21, timeout, crash"`
	Text string `json:"text"`
}

// MessageList is one page of messages.
type MessageList struct {
	Items []Message `json:"items" nullable:"false"`
	Next  string    `json:"next,omitempty" doc:"cursor of the next page; absent on the last one"`
}

// MessageQuery chooses and orders messages; the zero value is the newest of all.
type MessageQuery struct {
	Direction, State, Trunk, Tag, Number string    // empty: any
	Since, Until                         time.Time // accepted or received not before, and before; zero: any
	Limit                                int       // 0: the server's default of 50; at most 1000
	Cursor                               string    // Next of the page before
	Ascending                            bool      // oldest first
}

// Recipients are one or more numbers. In JSON a single one may be a plain string.
type Recipients []string

// MarshalJSON writes one recipient as a string and several as a list.
func (r Recipients) MarshalJSON() ([]byte, error) {
	if len(r) == 1 {
		return json.Marshal(r[0])
	}
	return json.Marshal([]string(r))
}

// UnmarshalJSON reads a string or a list of strings.
func (r *Recipients) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		*r = make(Recipients, 1)
		return json.Unmarshal(b, &(*r)[0])
	}
	return json.Unmarshal(b, (*[]string)(r))
}

// Duration is a length of time; in JSON a string such as "24h30m", or a whole number of seconds. The zero value is none.
type Duration time.Duration

// MarshalJSON writes the duration as a string.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(time.Duration(d).String()) }

// UnmarshalJSON reads a string or a whole number of seconds.
func (d *Duration) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		var s string
		if err := json.Unmarshal(b, &s); err != nil {
			return err
		}
		v, err := time.ParseDuration(s)
		*d = Duration(v)
		return err
	}
	var seconds int64
	if err := json.Unmarshal(b, &seconds); err != nil {
		return err
	}
	if limit := int64(1<<63-1) / int64(time.Second); seconds > limit || seconds < -limit {
		return fmt.Errorf("duration of %d seconds is out of range", seconds)
	}
	*d = Duration(time.Duration(seconds) * time.Second)
	return nil
}

// SubmitRequest is the body of POST /v1/messages.
type SubmitRequest struct {
	To          Recipients `json:"to,omitempty" doc:"one message is made for each"`
	Group       Recipients `json:"group,omitempty" doc:"name of a group of contacts, or a list of such: one message is made for each number in them; all is every contact of yours"`
	Text        string     `json:"text" minLength:"1"`
	Trunk       string     `json:"trunk,omitempty" doc:"only through this trunk; absent: any"`
	Tag         string     `json:"tag,omitempty" maxLength:"128" doc:"your own word, kept and given back"`
	Priority    *int       `json:"priority,omitempty" minimum:"0" maximum:"9" default:"5" doc:"of an emergency 9 when it is absent"`
	Flash       bool       `json:"flash,omitempty" doc:"class 0: shown at once"`
	ValidFor    Duration   `json:"valid_for,omitempty" doc:"after this long it is neither sent nor delivered any more: a string such as 24h, or seconds; at most 63 weeks"`
	Class       string     `json:"class,omitempty" enum:"emergency" doc:"danger to people: it goes to those too who asked not to be written to, needs the permission message_emergency and is told by an event"`
	OnAmbiguous string     `json:"on_ambiguous,omitempty" enum:"unknown,resend,resend_once_if_no_report" doc:"when the network's answer is lost and nothing tells what became of a part: show it as unknown, send it again (rather twice than never), or send it again once when no status report came; absent: as the trunk is set"`
	SendAt      string     `json:"send_at,omitempty" doc:"RFC 3339, or a local time such as 2026-10-25T02:30:00 together with time_zone" example:"2026-12-24T18:00:00Z"`
	TimeZone    string     `json:"time_zone,omitempty" doc:"IANA zone of a local send_at; of an hour that comes twice the first is taken, an hour that is missing moves forward" example:"Europe/Berlin"`
}

// SubmitResponse is the answer to POST /v1/messages, sent when every message is on disk.
type SubmitResponse struct {
	Messages []Message `json:"messages" nullable:"false"`
	Skipped  []Skipped `json:"skipped,omitempty" doc:"contacts of the groups to which nothing is sent"`
}

// BulkRequest is the body of POST /v1/messages/bulk.
type BulkRequest struct {
	Messages []SubmitRequest `json:"messages" minItems:"1" maxItems:"1000" nullable:"false" doc:"each has one recipient, and no group"`
}

// BulkResponse is the answer to POST /v1/messages/bulk: what became of each message, in the order of the request.
type BulkResponse struct {
	Results []BulkResult `json:"results" nullable:"false"`
}

// BulkResult is what became of one message of a list: Message is set when it is on disk, else Error says why it is not.
type BulkResult struct {
	Message  *Message `json:"message,omitempty"`
	Replayed bool     `json:"replayed,omitempty" doc:"it was accepted when the same call came before"`
	Error    *Problem `json:"error,omitempty"`
}

// Skipped is a contact of a group to which nothing is sent, and why.
type Skipped struct {
	ContactID uint64 `json:"contact_id"`
	To        string `json:"to"`
	Code      string `json:"code"`
	Text      string `json:"text"`
}

// SettleRequest is the body of POST /v1/messages/{id}/settle.
type SettleRequest struct {
	State string `json:"state" enum:"sent,delivered,failed"`
}

// Accepted is what Client.Submit returns.
type Accepted struct {
	Messages []Message
	Replayed bool      // the key had been used for the same request: these are the messages of that time
	Skipped  []Skipped // contacts of the groups to which nothing is sent
}
