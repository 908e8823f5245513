package store

import (
	"cmp"
	"encoding/hex"
	"time"

	"github.com/google/uuid"

	"trunkline/callplan/phone"
)

// MessageID is a UUID of version 7: its order is the order of creation. The zero value is no message.
type MessageID [16]byte

// NewMessageID returns a new id. Ids are made outside transactions, since a transaction may run again.
func NewMessageID() MessageID { return MessageID(uuid.Must(uuid.NewV7())) }

// ParseMessageID reads the canonical form.
func ParseMessageID(s string) (MessageID, error) {
	id, err := uuid.Parse(s)
	return MessageID(id), err
}

// String returns the canonical form.
func (id MessageID) String() string { return string(id.Append(make([]byte, 0, 36))) }

// Append appends the canonical form.
func (id MessageID) Append(b []byte) []byte {
	for i, part := range [][]byte{id[:4], id[4:6], id[6:8], id[8:10], id[10:]} {
		if i > 0 {
			b = append(b, '-')
		}
		b = hex.AppendEncode(b, part)
	}
	return b
}

// IsZero tells whether this is no message.
func (id MessageID) IsZero() bool { return id == MessageID{} }

// Direction tells whether a message leaves or arrives.
type Direction uint8

const (
	Out Direction = 1
	In  Direction = 2
)

func (d Direction) String() string {
	switch d {
	case Out:
		return "out"
	case In:
		return "in"
	}
	return ""
}

// Message is one text to or from one number. Times are UTC, zero when the thing has not happened.
type Message struct {
	ID        MessageID
	Direction Direction
	State     State
	To        phone.Number // recipient; of a received message the number of the SIM, when it is known
	From      phone.Number // sender of a received message
	Text      string       // valid UTF-8; empty when Data is set
	Data      []byte       // octets of a received 8-bit message, else nil
	Account   string       // who submitted it, e.g. "uid:1000"; empty for received ones
	Provider  string       // service provider that it belongs to; empty: DefaultProvider. See Tenant
	Tag       string       // the submitter's own word, kept and given back
	Pin       string       // trunk that the submitter asked for; empty: any
	Prefer    string       // trunk of the pool that should carry it while it can; empty: whichever is free
	Trunk     string       // trunk that carries or carried it; empty while waiting for any
	Priority  uint8        // 0 lowest … 9 highest; 5 is usual
	Flash     bool         // class 0: shown at once
	Port      uint16       // destination port of a port-addressed received message, else 0

	CreatedAt   time.Time     // accepted, or received
	SendAt      time.Time     // not sent before; zero: at once
	ExpiresAt   time.Time     // not sent after; zero: never expires
	Validity    time.Duration // asked of the network (TP-VP); 0: the network's default
	NotBefore   time.Time     // next try after a failure
	SentAt      time.Time     // every part was taken by the network
	DeliveredAt time.Time     // every part was reported delivered
	ReceivedAt  time.Time     // stored by us (received messages)
	CentreAt    time.Time     // time stamp of the service centre (received messages); zero when it was no valid time

	Concat      uint8     // reference of the concatenation, when there are several parts
	Parts       []Part    // in sending order; of a received message in order of sequence
	Failure     *Failure  // why it is in Error, Unknown, Expired or waits again
	DuplicateOf MessageID // received again: the first one
	Incomplete  bool      // parts were missing when the time for them ended
	Missing     []int     // their sequence numbers
	Notes       []string  // deviations that the decoder reported, by field, e.g. "tp_scts"

	OnAmbiguous Ambiguity // what to do when the answer to a part is lost; 0: what the trunk says
	Routing     *Routing  // what the call plans decided; nil: they were not asked, or nobody has any
	Charge      []byte    // row of the table of usage that its parts are counted in for its account's quota; nil: none

	Subject   string   // of a mail; empty of texts
	Secret    bool     // its text holds a code that is for the recipient alone: nobody else is shown it
	Class     string   // why it may go to who asked not to be written to, one of the Class constants; empty: it may not
	Unhandled bool     // received, and what follows from it is not decided yet
	Verdict   *Verdict // what screening said; nil: nobody asked it, or it lets a message out
	Action    string   // name of the action that it asked for; empty: none
}

// Tenant returns the service provider that the message belongs to.
func (m *Message) Tenant() string { return cmp.Or(m.Provider, DefaultProvider) }

// Refuse says why a message is not sent: in the moment of sending, or from the start.
func (m *Message) Refuse(code, text string) {
	m.Failure, m.Verdict = &Failure{Code: code, Text: text}, &Verdict{Code: code, Text: text}
}

// refused tells whether a message was not let out.
func (m *Message) refused() bool {
	return m.Direction == Out && m.Verdict != nil && !m.Verdict.Authorized
}

// Part is one TPDU of a message.
type Part struct {
	Seq         int // from 1
	State       State
	Reference   int    // TP-MR that the modem gave, -1 when there is none
	TPDU        []byte // as sent (without SMSC) or as received (with SMSC); nil before the first try
	Trunk       string // trunk of the last attempt
	SIM         string // identity of the SIM of the last attempt; references count per SIM
	SentAt      time.Time
	DeliveredAt time.Time
	AwaitUntil  time.Time // a status report is matched until then; zero when none is awaited
	Status      int       // last TP-ST of a report, -1 when there is none
	Attempts    []Attempt // oldest first; at most MaxAttempts are kept
	Resends     uint8     // how often it was sent again although the network may have had it
	Evidence    string    // how its state is known when it was not the modem's answer: one of the Evidence constants
}

// MaxAttempts is how many attempts of one part are kept.
const MaxAttempts = 16

// Phase tells how far an attempt got.
type Phase uint8

const (
	Claimed    Phase = 1 // nothing of the PDU was written: safe to try again
	Committing Phase = 2 // the PDU was on its way when the phase was last known
	Ended      Phase = 3
	Unclear    Phase = 4 // the answer was lost; evidence is awaited
)

// Attempt is one try for one part.
type Attempt struct {
	Number    int // from 1, per part
	Trunk     string
	SIM       string
	Phase     Phase
	StartedAt time.Time
	EndedAt   time.Time
	Failure   *Failure // nil when it ended well

	Before      int       // reference that the line had given last before it, -1 when that is not known: this attempt's is the next
	OnAmbiguous Ambiguity // what is done when its answer is lost; never 0 once it was claimed
	Until       time.Time // when Unclear: evidence is awaited until then; when the part is Unknown: it is sent again then; else zero
	Consulted   bool      // when Unclear: the line was asked what it sent last, and that told nothing
}

// Failure is a reason in words and as a stable code, e.g. "cms_21", "timeout", "crash".
type Failure struct {
	Code string
	Text string
}
