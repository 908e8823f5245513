package store

import "strings"

// Names of the usual types of events are not written: they follow from the state.
const (
	eventOfMessage = 1 // "message." + state
	eventOfPart    = 2 // "part." + state
	prefixMessage  = "message."
	prefixPart     = "part."
)

// appendEvent appends the payload of an event; the number is the key.
func appendEvent(b []byte, e *Event) []byte {
	switch kind, state, _ := strings.Cut(e.Type, "."); {
	case e.State != 0 && state == e.State.String() && kind+"." == prefixMessage:
		b = putUint(b, 1, eventOfMessage)
	case e.State != 0 && state == e.State.String() && kind+"." == prefixPart:
		b = putUint(b, 1, eventOfPart)
	default:
		b = putString(b, 2, e.Type)
	}
	b = putTime(b, 3, e.At)
	b = putID(b, 4, e.Message)
	b = putUint(b, 5, uint64(e.State))
	b = putUint(b, 6, uint64(e.Part))
	b = putOptional(b, 7, e.Reference)
	b = putString(b, 8, e.Trunk)
	b = putString(b, 9, e.Code)
	b = putString(b, 10, e.Text)
	b = putNumber(b, 11, e.Number)
	b = putUint(b, 13, uint64(max(e.Duration, 0)))
	b = putString(b, 14, e.Account)
	if !e.Call.IsZero() {
		b = putBytes(b, 15, e.Call[:])
	}
	return b
}

func decodeEvent(seq uint64, payload []byte) (*Event, error) {
	e := &Event{Seq: seq, Reference: -1}
	kind := uint64(0)
	f := fields{rest: payload}
	for f.next() {
		switch f.num {
		case 1:
			kind = f.uint()
		case 2:
			e.Type = f.string()
		case 3:
			e.At = f.time()
		case 4:
			e.Message = f.id()
		case 5:
			e.State = State(f.octet())
		case 6:
			e.Part = f.small()
		case 7:
			e.Reference = f.optional()
		case 8:
			e.Trunk = f.string()
		case 9:
			e.Code = f.string()
		case 10:
			e.Text = f.string()
		case 11:
			e.Number = f.digits()
		case 12:
			e.Number = f.name()
		case 13:
			e.Duration = f.duration()
		case 14:
			e.Account = f.string()
		case 15:
			e.Call = CDRID(f.id())
		}
	}
	switch kind {
	case eventOfMessage:
		e.Type = prefixMessage + e.State.String()
	case eventOfPart:
		e.Type = prefixPart + e.State.String()
	}
	return e, f.err
}
