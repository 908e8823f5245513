package store

import (
	"time"

	"trunkline/callplan/phone"
)

// keyRecord is what an idempotency key stands for.
type keyRecord struct {
	Hash     [32]byte
	Until    time.Time // then the key is forgotten
	Messages []acceptedRef
}

// acceptedRef names a message and the state it was accepted in.
type acceptedRef struct {
	ID    MessageID
	State State
}

func appendKey(b []byte, k *keyRecord) []byte {
	b = putBytes(b, 1, k.Hash[:])
	b = putTime(b, 2, k.Until)
	for _, m := range k.Messages {
		b = putRecord(b, 3, func(b []byte) []byte { return putUint(putID(b, 1, m.ID), 2, uint64(m.State)) })
	}
	return b
}

func decodeKey(payload []byte) (*keyRecord, error) {
	k := new(keyRecord)
	f := fields{rest: payload}
	for f.next() {
		switch f.num {
		case 1:
			copy(k.Hash[:], f.bytes())
		case 2:
			k.Until = f.time()
		case 3:
			var ref acceptedRef
			g := fields{rest: f.bytes()}
			for g.next() {
				switch g.num {
				case 1:
					ref.ID = g.id()
				case 2:
					ref.State = State(g.octet())
				}
			}
			if g.err != nil {
				return nil, g.err
			}
			k.Messages = append(k.Messages, ref)
		}
	}
	return k, f.err
}

// digestRecord says where something that came in was seen.
type digestRecord struct {
	Until   time.Time // then it is forgotten
	Message MessageID // zero: a segment, a silent message or an unmatched report
	Slots   []string  // where it may still lie
}

func appendDigest(b []byte, d *digestRecord) []byte {
	b = putTime(b, 1, d.Until)
	b = putID(b, 2, d.Message)
	for _, s := range d.Slots {
		b = putString(b, 3, s)
	}
	return b
}

func decodeDigest(payload []byte) (*digestRecord, error) {
	d := new(digestRecord)
	f := fields{rest: payload}
	for f.next() {
		switch f.num {
		case 1:
			d.Until = f.time()
		case 2:
			d.Message = f.id()
		case 3:
			d.Slots = append(d.Slots, f.string())
		}
	}
	return d, f.err
}

// segmentRecord is a set of segments on its way to become a message.
type segmentRecord struct {
	Key      []byte    // of the set, as its caller named it
	Sender   string    // whose sets are counted together
	OpenedAt time.Time // the first segment came
	Until    time.Time // then the set is given up
	Open     bool      // segments wait for others; else the set is only remembered
	State    []byte    // of the Assembler
	Template *Message  // what the last segment said about itself
}

func appendSegment(b []byte, s *segmentRecord) []byte {
	b = putBytes(b, 1, s.Key)
	b = putString(b, 2, s.Sender)
	b = putTime(b, 3, s.OpenedAt)
	b = putTime(b, 7, s.Until)
	b = putBool(b, 4, s.Open)
	b = putBytes(b, 5, s.State)
	return putRecord(b, 6, func(b []byte) []byte { return appendMessage(b, s.Template) })
}

func decodeSegment(payload []byte) (*segmentRecord, error) {
	s := &segmentRecord{Template: new(Message)}
	f := fields{rest: payload}
	for f.next() {
		switch f.num {
		case 1:
			s.Key = f.clone()
		case 2:
			s.Sender = f.string()
		case 3:
			s.OpenedAt = f.time()
		case 7:
			s.Until = f.time()
		case 4:
			s.Open = f.bool()
		case 5:
			s.State = f.clone()
		case 6:
			m, err := decodeMessage(MessageID{}, f.bytes())
			if err != nil {
				return nil, err
			}
			s.Template = m
		}
	}
	return s, f.err
}

func appendReport(b []byte, r *Report) []byte {
	b = putString(b, 1, r.Trunk)
	b = putString(b, 2, r.SIM)
	b = putUint(b, 3, uint64(r.Reference))
	b = putNumber(b, 4, r.Recipient)
	b = putUint(b, 6, uint64(r.Status))
	b = putTime(b, 7, r.CentreAt)
	b = putTime(b, 8, r.DischargedAt)
	b = putTime(b, 9, r.At)
	b = putBytes(b, 10, r.Raw)
	return putTime(b, 11, r.until)
}

func decodeReport(payload []byte) (*Report, error) {
	r := new(Report)
	f := fields{rest: payload}
	for f.next() {
		switch f.num {
		case 1:
			r.Trunk = f.string()
		case 2:
			r.SIM = f.string()
		case 3:
			r.Reference = f.small()
		case 4:
			r.Recipient = f.digits()
		case 5:
			r.Recipient = f.name()
		case 6:
			r.Status = f.small()
		case 7:
			r.CentreAt = f.time()
		case 8:
			r.DischargedAt = f.time()
		case 9:
			r.At = f.time()
		case 10:
			r.Raw = f.clone()
		case 11:
			r.until = f.time()
		}
	}
	return r, f.err
}

func appendBad(b []byte, q *Bad) []byte {
	b = putString(b, 1, q.Trunk)
	b = putString(b, 2, q.Slot)
	b = putString(b, 3, q.Raw)
	b = putString(b, 4, q.Field)
	b = putOptional(b, 5, q.Offset)
	b = putString(b, 6, q.Reason)
	return putTime(b, 7, q.At)
}

func decodeBad(payload []byte) (*Bad, error) {
	q := &Bad{Offset: -1}
	f := fields{rest: payload}
	for f.next() {
		switch f.num {
		case 1:
			q.Trunk = f.string()
		case 2:
			q.Slot = f.string()
		case 3:
			q.Raw = f.string()
		case 4:
			q.Field = f.string()
		case 5:
			q.Offset = f.optional()
		case 6:
			q.Reason = f.string()
		case 7:
			q.At = f.time()
		}
	}
	return q, f.err
}

// damagedRecord is a record that did not carry what was written, as it was.
type damagedRecord struct {
	Table  string
	Key    []byte
	Value  []byte
	Reason string
}

func appendDamaged(b []byte, d *damagedRecord) []byte {
	b = putString(b, 1, d.Table)
	b = putBytes(b, 2, d.Key)
	b = putBytes(b, 3, d.Value)
	return putString(b, 4, d.Reason)
}

func decodeDamaged(payload []byte) (*damagedRecord, error) {
	d := new(damagedRecord)
	f := fields{rest: payload}
	for f.next() {
		switch f.num {
		case 1:
			d.Table = f.string()
		case 2:
			d.Key = f.clone()
		case 3:
			d.Value = f.clone()
		case 4:
			d.Reason = f.string()
		}
	}
	return d, f.err
}

func appendSchema(b []byte, version uint64, name string) []byte {
	return putString(putUint(b, 1, version), 2, name)
}

func decodeSchema(payload []byte) (version uint64, name string, err error) {
	f := fields{rest: payload}
	for f.next() {
		switch f.num {
		case 1:
			version = f.uint()
		case 2:
			name = f.string()
		}
	}
	return version, name, f.err
}

func appendInstance(b []byte, i Instance) []byte { return putUint(putID(b, 1, i.ID), 2, i.Epoch) }

func decodeInstance(payload []byte) (i Instance, err error) {
	f := fields{rest: payload}
	for f.next() {
		switch f.num {
		case 1:
			i.ID = f.id()
		case 2:
			i.Epoch = f.uint()
		}
	}
	return i, f.err
}

// numberName tells a caller's word for a sender apart from other senders: a name made of digits is no number.
func numberName(n phone.Number) string { return n.Kind().String() + ":" + n.String() }
