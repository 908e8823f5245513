package api

import "time"

// Event is something that happened, numbered without gaps and kept.
type Event struct {
	Seq       uint64    `json:"seq" doc:"from 1; also the id of the server-sent event"`
	Type      string    `json:"type" doc:"message. and the new state for a change of a message, else a name such as modem.up"`
	At        time.Time `json:"at"`
	MessageID string    `json:"message_id,omitempty" format:"uuid"`
	State     string    `json:"state,omitempty" doc:"state of the message after this change"`
	Part      int       `json:"part,omitempty" doc:"part that changed; absent when it is the whole message"`
	Reference *int      `json:"reference,omitempty" doc:"TP-MR of that part"`
	Trunk     string    `json:"trunk,omitempty"`
	Code      string    `json:"code,omitempty" doc:"failure code, or the name of a field"`
	Text      string    `json:"text,omitempty" doc:"for people"`
	Account   string    `json:"account,omitempty" doc:"who did it, or whose affair it is"`
	Number    string    `json:"number,omitempty" doc:"the other side of a call"`
	Seconds   float64   `json:"seconds,omitempty" doc:"how long what ended had lasted: the ringing, the talk"`
	CallID    string    `json:"call_id,omitempty" format:"uuid"`
	Call      *CDR      `json:"call,omitempty" doc:"the record of the call as it is now, which may be later than this event"`
	Message   *Message  `json:"message,omitempty" doc:"the message as it is now, which may be later than this event"`
}

// FromNow as a position in the event feed means: nothing that has happened already.
const FromNow = ^uint64(0)
