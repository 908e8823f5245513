package store

import "fmt"

// State is the state of a message or of a part. The order of the values is the order in which states may follow each other; Transition tells which do.
type State uint8

const (
	Held      State = 1  // kept back until somebody confirms it
	Waiting   State = 2  // accepted, to be sent
	Sending   State = 3  // a trunk has it
	Unknown   State = 4  // the network may or may not have it
	Sent      State = 5  // the network took it
	Delivered State = 6  // the recipient has it
	Error     State = 7  // it will not be sent, or was not delivered
	Debug     State = 8  // accepted for show, never sent
	Canceled  State = 9  // withdrawn before it was sent
	Expired   State = 10 // its time passed before it was sent
	Received  State = 11 // came in
)

var stateNames = [...]string{Held: "held", Waiting: "waiting", Sending: "sending", Unknown: "unknown", Sent: "sent", Delivered: "delivered",
	Error: "error", Debug: "debug", Canceled: "canceled", Expired: "expired", Received: "received"}

// States lists every state.
func States() []State {
	return []State{Held, Waiting, Sending, Unknown, Sent, Delivered, Error, Debug, Canceled, Expired, Received}
}

func (s State) String() string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return ""
}

// ParseState reads the name of a state.
func ParseState(name string) (State, error) {
	for _, s := range States() {
		if s.String() == name {
			return s, nil
		}
	}
	return 0, fmt.Errorf("%q is no message state", name)
}

// Final tells whether nothing more will happen by itself. Sent is not final: a report may come.
func (s State) Final() bool { return s == Delivered || s >= Error }

// transitions says which states follow which, and when. What is not here is refused.
// State 0 is that of a message that is not stored yet.
var transitions = map[State]map[State]string{
	0:       {Held: "accepted, to be confirmed", Waiting: "accepted", Debug: "accepted for show", Error: "refused, or a call plan ends it", Received: "came in"},
	Held:    {Waiting: "somebody confirmed it", Unknown: "somebody confirmed it, and nothing is left to be sent", Canceled: "withdrawn"},
	Waiting: {Sending: "a trunk claimed it", Held: "kept back", Canceled: "withdrawn", Expired: "its time passed", Error: "it cannot be sent", Debug: "shown only"},
	Sending: {Waiting: "nothing was sent, to be tried again", Sent: "the network took every part", Error: "the network refused it", Unknown: "an answer was lost",
		Held: "a copy from before its answer was restored", Delivered: "the report came before the answer", Expired: "its time passed between two tries"},
	Unknown: {Waiting: "proof that nothing was sent, or somebody asked for it", Sent: "evidence that the network took it", Delivered: "a report came", Error: "a report of failure came, or somebody said so"},
	Sent:    {Delivered: "the report came", Error: "the report says that it failed"},
}

// Transition returns nil when a message may go from one state to another, else a *TransitionError that says why not.
func Transition(id MessageID, from, to State) error {
	if _, ok := transitions[from][to]; ok {
		return nil
	}
	reason := "there is no such step"
	switch {
	case from == to:
		reason = "it is so already"
	case from.Final():
		reason = "that state is final"
	case to == Canceled && from == Sending:
		reason = "a trunk is sending it now"
	case to == Canceled:
		reason = "the network may have it"
	case to < from:
		reason = "states go forward only"
	}
	return &TransitionError{ID: id, From: from, To: to, Reason: reason}
}
