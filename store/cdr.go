package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"trunkline/callplan/phone"
)

// CDRID is a UUID of version 7. The zero value is no record.
type CDRID [16]byte

// NewCDRID returns a new id. Ids are made outside transactions, since a transaction may run again.
func NewCDRID() CDRID { return CDRID(uuid.Must(uuid.NewV7())) }

// ParseCDRID reads the canonical form.
func ParseCDRID(s string) (CDRID, error) {
	id, err := uuid.Parse(s)
	return CDRID(id), err
}

// String returns the canonical form.
func (id CDRID) String() string { return uuid.UUID(id).String() }

// IsZero tells whether it is no record.
func (id CDRID) IsZero() bool { return id == CDRID{} }

// CDRKind tells what a record is about.
type CDRKind uint8

// The kinds, which are never renumbered.
const (
	CDRVoice CDRKind = 1 + iota
	CDRMessage
)

// String returns "voice" or "sms", "" for the zero value.
func (k CDRKind) String() string {
	switch k {
	case CDRVoice:
		return "voice"
	case CDRMessage:
		return "sms"
	}
	return ""
}

// Outcomes of calls. Those of messages are the names of their states.
const (
	CallAnswered = "answered" // both sides could speak
	CallMissed   = "missed"   // it rang here, and nothing was done about it
	CallRejected = "rejected" // it rang here and was refused
	CallPassedOn = "passed_on"
	CallBusy     = "busy"
	CallNoAnswer = "no_answer"
	CallFailed   = "failed"
	CallLost     = "lost" // nobody knows how it ended: the modem or the program went away meanwhile
)

// CallOutcomes returns all outcomes of calls.
func CallOutcomes() []string {
	return []string{CallAnswered, CallMissed, CallRejected, CallPassedOn, CallBusy, CallNoAnswer, CallFailed, CallLost}
}

// MaxCDREvents bounds the events of one record; after them only the end is noted.
const MaxCDREvents = 64

// CDR is the record of one call, or of one message, from its begin to its end.
type CDR struct {
	ID         CDRID
	Kind       CDRKind
	Direction  Direction
	Provider   string // service provider that it belongs to
	Subscriber string // of that; empty: of none
	Trunk      string
	Number     phone.Number // of the other side; zero: not known
	Withheld   bool         // the other side does not want to be known
	Line       phone.Number // of this side; zero: not known
	StartedAt  time.Time
	AnsweredAt time.Time // zero: it never was
	EndedAt    time.Time // zero: it lasts
	Outcome    string    // how it ended; empty: it lasts
	Cause      string    // why, in the words of the modem
	Rings      int
	Account    string        // who placed it; empty: nobody here
	Message    MessageID     // that it is about; zero: a call
	Decision   *CallDecision // of a call plan; nil: none was asked
	Screening  []string      // what screening said, Additional Data in the words of Easy 0
	Reply      *CallReply    // message to the caller; nil: none was thought of
	Events     []CDREvent
}

// Ended tells whether nothing more happens but the reply.
func (c *CDR) Ended() bool { return !c.EndedAt.IsZero() }

// Stood is how long both sides could speak; 0 when they never could, or still can.
func (c *CDR) Stood() time.Duration {
	if c.AnsweredAt.IsZero() || !c.Ended() {
		return 0
	}
	return max(0, c.EndedAt.Sub(c.AnsweredAt))
}

// CallDecision is what a call plan said.
type CallDecision struct {
	Action    string // route, continue, terminate or no_match
	Plan      string
	Version   int64  // of the plan
	Rule      string // path of the rule
	Label     string // of the rule
	Draw      int    // basis points of a percent rule, -1 without
	Treatment string // what was done about it
}

// CallReply is a message to a caller whose call was not taken.
type CallReply struct {
	At      time.Time
	Message MessageID // zero: none was made
	Refused string    // why; empty: it was made, or was about to be when the program ended
}

// CDREvent is one thing that happened.
type CDREvent struct {
	At     time.Time
	Name   string
	Detail string
}

// Note adds an event to the record.
func (c *CDR) Note(at time.Time, name, detail string) {
	if len(c.Events) < MaxCDREvents {
		c.Events = append(c.Events, CDREvent{At: at, Name: name, Detail: detail})
	}
}

// BeginCall stores the record of a call that begins, with its event; e.Call is set to its id.
func (s *Store) BeginCall(ctx context.Context, c CDR, e Event) error {
	if c.ID.IsZero() || c.Kind != CDRVoice || c.Direction == 0 || c.StartedAt.IsZero() || c.Ended() {
		return fmt.Errorf("%w: a call that begins needs an id, its kind, direction and time", ErrInvalid)
	}
	e.Call = c.ID
	return s.update(ctx, func(t *tx) error {
		if err := t.Put(tableOpenCDRs, c.ID[:], nil); err != nil {
			return err
		}
		if err := t.putCDR(&c); err != nil {
			return err
		}
		return t.event(e)
	})
}

// ChangeCall changes the record of a call together with the event that fn returns; one without a type is not written. fn may run more than once, and its
// error ends all without a trace. A call that has ended stays so.
func (s *Store) ChangeCall(ctx context.Context, id CDRID, fn func(*CDR) (Event, error)) (CDR, error) {
	var c *CDR
	err := s.update(ctx, func(t *tx) (err error) {
		if c, err = readCDR(t, id); err != nil {
			return err
		}
		ended := c.EndedAt
		e, err := fn(c)
		if err != nil {
			return err
		}
		if !ended.IsZero() {
			c.EndedAt = ended
		} else if c.Ended() {
			if err := t.Delete(tableOpenCDRs, id[:]); err != nil {
				return err
			}
		}
		c.ID = id
		if err := t.putCDR(c); err != nil || e.Type == "" {
			return err
		}
		e.Call = id
		return t.event(e)
	})
	if err != nil {
		return CDR{}, fmt.Errorf("call %s: %w", id, err)
	}
	return *c, nil
}

// LoseCalls ends the records of calls that an earlier run of the program did not see the end of: their outcome is CallLost, their end the last that was
// noted of them. It returns how many there were. It is called once, before the first call begins.
func (s *Store) LoseCalls(ctx context.Context, at time.Time) (int, error) {
	var ids []CDRID
	err := s.view(ctx, func(r Reader, _ *[]*Damage) error {
		ids = nil
		return r.Scan(tableOpenCDRs, nil, nil, false, func(k, _ []byte) (bool, error) {
			if len(k) == idBytes {
				ids = append(ids, CDRID(k))
			}
			return true, nil
		})
	})
	lost := 0
	for _, id := range ids {
		if err != nil {
			return lost, err
		}
		_, err = s.ChangeCall(ctx, id, func(c *CDR) (Event, error) {
			c.EndedAt, c.Outcome, c.Cause = c.StartedAt, CallLost, CallLost
			if n := len(c.Events); n > 0 {
				c.EndedAt = c.Events[n-1].At
			}
			c.Note(at, CallLost, "the program was started anew")
			return Event{Type: "call.ended", At: at, Reference: -1, Trunk: c.Trunk, Code: CallLost, Number: c.Number, Text: "the program was started anew meanwhile"}, nil
		})
		if errors.Is(err, ErrNotFound) {
			err = s.update(ctx, func(t *tx) error { return t.Delete(tableOpenCDRs, id[:]) })
			continue
		}
		lost++
	}
	return lost, err
}

// CDR returns one record, or ErrNotFound.
func (s *Store) CDR(ctx context.Context, id CDRID) (CDR, error) {
	var c *CDR
	err := s.view(ctx, func(r Reader, _ *[]*Damage) (err error) {
		c, err = readCDR(r, id)
		return err
	})
	if err != nil {
		return CDR{}, err
	}
	return *c, nil
}

// ExpireCDRs deletes records that ended before a time, and begins where an earlier call ended (nil: with the oldest). The work of a call is bounded.
func (s *Store) ExpireCDRs(ctx context.Context, before time.Time, from []byte) (Deletion, error) {
	return s.expire(ctx, tableCDRs, from, func(k, v []byte) (done, old bool, err error) {
		c, err := openCDR(k, v)
		if err != nil {
			return false, false, err
		}
		if !createdBefore(MessageID(c.ID), before) {
			return true, false, nil // ids are in order of time
		}
		return false, c.Ended() && c.EndedAt.Before(before), nil
	}, nil)
}

func (t *tx) putCDR(c *CDR) error {
	return t.Put(tableCDRs, c.ID[:], seal(tableCDRs, c.ID[:], appendCDR(newFrame(192+64*len(c.Events)), c)))
}

func readCDR(r Reader, id CDRID) (*CDR, error) {
	value, err := r.Get(tableCDRs, id[:])
	if err != nil {
		return nil, err
	}
	if value == nil {
		return nil, fmt.Errorf("record %s: %w", id, ErrNotFound)
	}
	return openCDR(id[:], value)
}

func openCDR(key, value []byte) (*CDR, error) {
	if len(key) != idBytes {
		return nil, damage(tableCDRs, key, "key is no id")
	}
	payload, err := unseal(tableCDRs, key, value)
	if err != nil {
		return nil, err
	}
	c, err := decodeCDR(CDRID(key), payload)
	if err != nil {
		return nil, damage(tableCDRs, key, err.Error())
	}
	return c, nil
}

// examineCDR says what is wrong between a good record and the list of calls that last.
func examineCDR(r Reader, k, v []byte) (string, error) {
	c, err := openCDR(k, v)
	if err != nil {
		return "", err
	}
	open, err := exists(r, entry{tableOpenCDRs, bytes.Clone(k)})
	switch {
	case err != nil:
		return "", err
	case c.Ended() && open:
		return "it has ended and is listed among the calls that last", nil
	case !c.Ended() && !open:
		return "it lasts and is not listed among the calls that do", nil
	}
	return "", nil
}

// examineOpenCDR says whether an entry in the list of calls that last is about one.
func examineOpenCDR(r Reader, k, v []byte) (string, error) {
	if len(v) > 0 {
		return fmt.Sprintf("an index entry has a value of %d bytes", len(v)), nil
	}
	value, err := r.Get(tableCDRs, k)
	if err == nil && value == nil {
		return "its record does not exist", nil
	}
	return "", err
}
