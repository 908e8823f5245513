package store

import "google.golang.org/protobuf/encoding/protowire"

// Fields of a message that lists look at without decoding it.
const (
	messageAccount  = 9
	messagePin      = 11
	messageTrunk    = 12
	messageProvider = 80
)

// appendMessage appends the payload of a message; the id is the key.
func appendMessage(b []byte, m *Message) []byte {
	b = putUint(b, 1, uint64(m.Direction))
	b = putUint(b, 2, uint64(m.State))
	b = putNumber(b, 3, m.To)
	b = putNumber(b, 5, m.From)
	b = putString(b, 7, m.Text)
	b = putBytes(b, 8, m.Data)
	b = putString(b, messageAccount, m.Account)
	b = putString(b, 10, m.Tag)
	b = putString(b, messagePin, m.Pin)
	b = putString(b, messageTrunk, m.Trunk)
	b = putUint(b, 13, uint64(m.Priority))
	b = putBool(b, 14, m.Flash)
	b = putUint(b, 15, uint64(m.Port))
	b = putTime(b, 16, m.CreatedAt)
	b = putTime(b, 17, m.SendAt)
	b = putTime(b, 18, m.ExpiresAt)
	b = putUint(b, 19, uint64(m.Validity))
	b = putTime(b, 20, m.NotBefore)
	b = putTime(b, 21, m.SentAt)
	b = putTime(b, 22, m.DeliveredAt)
	b = putTime(b, 23, m.ReceivedAt)
	b = putTime(b, 24, m.CentreAt)
	b = putUint(b, 25, uint64(m.Concat))
	for i := range m.Parts {
		b = putRecord(b, 26, func(b []byte) []byte { return appendPart(b, &m.Parts[i]) })
	}
	b = putFailure(b, 27, m.Failure)
	b = putID(b, 28, m.DuplicateOf)
	b = putBool(b, 29, m.Incomplete)
	for _, seq := range m.Missing {
		b = putUint(b, 30, uint64(seq))
	}
	for _, note := range m.Notes {
		b = putString(b, 31, note)
	}
	b = putUint(b, 32, uint64(m.OnAmbiguous))
	b = putBytes(b, 33, m.Charge)
	b = putString(b, 34, m.Prefer)
	if m.Routing != nil {
		b = putRecord(b, 35, func(b []byte) []byte { return appendRouting(b, m.Routing) })
	}
	b = putString(b, messageProvider, m.Provider)
	b = putString(b, 70, m.Subject)
	b = putString(b, 71, m.Class)
	b = putBool(b, 72, m.Unhandled)
	if m.Verdict != nil {
		b = putRecord(b, 73, func(b []byte) []byte { return appendVerdict(b, m.Verdict) })
	}
	b = putBool(b, 75, m.Secret)
	return putString(b, 74, m.Action)
}

func decodeMessage(id MessageID, payload []byte) (*Message, error) {
	m := &Message{ID: id}
	f := fields{rest: payload}
	for f.next() {
		switch f.num {
		case 1:
			m.Direction = Direction(f.octet())
		case 2:
			m.State = State(f.octet())
		case 3:
			m.To = f.digits()
		case 4:
			m.To = f.name()
		case 5:
			m.From = f.digits()
		case 6:
			m.From = f.name()
		case 7:
			m.Text = f.string()
		case 8:
			m.Data = f.clone()
		case messageAccount:
			m.Account = f.string()
		case 10:
			m.Tag = f.string()
		case messagePin:
			m.Pin = f.string()
		case messageTrunk:
			m.Trunk = f.string()
		case 13:
			m.Priority = f.octet()
		case 14:
			m.Flash = f.bool()
		case 15:
			m.Port = uint16(f.small())
		case 16:
			m.CreatedAt = f.time()
		case 17:
			m.SendAt = f.time()
		case 18:
			m.ExpiresAt = f.time()
		case 19:
			m.Validity = f.duration()
		case 20:
			m.NotBefore = f.time()
		case 21:
			m.SentAt = f.time()
		case 22:
			m.DeliveredAt = f.time()
		case 23:
			m.ReceivedAt = f.time()
		case 24:
			m.CentreAt = f.time()
		case 25:
			m.Concat = f.octet()
		case 26:
			p, err := decodePart(f.bytes())
			if err != nil {
				return nil, err
			}
			m.Parts = append(m.Parts, p)
		case 27:
			failure, err := decodeFailure(f.bytes())
			if err != nil {
				return nil, err
			}
			m.Failure = failure
		case 28:
			m.DuplicateOf = f.id()
		case 29:
			m.Incomplete = f.bool()
		case 30:
			m.Missing = append(m.Missing, f.small())
		case 31:
			m.Notes = append(m.Notes, f.string())
		case 32:
			m.OnAmbiguous = Ambiguity(f.octet())
		case 33:
			m.Charge = f.clone()
		case 35:
			routing, err := decodeRouting(f.bytes())
			if err != nil {
				return nil, err
			}
			m.Routing = routing
		case messageProvider:
			m.Provider = f.string()
		case 70:
			m.Subject = f.string()
		case 71:
			m.Class = f.string()
		case 72:
			m.Unhandled = f.bool()
		case 73:
			v, err := decodeVerdict(f.bytes())
			if err != nil {
				return nil, err
			}
			m.Verdict = v
		case 74:
			m.Action = f.string()
		case 75:
			m.Secret = f.bool()
		case 34:
			m.Prefer = f.string()
		}
	}
	return m, f.err
}

func appendPart(b []byte, p *Part) []byte {
	b = putUint(b, 1, uint64(p.Seq))
	b = putUint(b, 2, uint64(p.State))
	b = putOptional(b, 3, p.Reference)
	b = putBytes(b, 4, p.TPDU)
	b = putString(b, 5, p.Trunk)
	b = putString(b, 6, p.SIM)
	b = putTime(b, 7, p.SentAt)
	b = putTime(b, 8, p.DeliveredAt)
	b = putTime(b, 9, p.AwaitUntil)
	b = putOptional(b, 10, p.Status)
	for i := range p.Attempts {
		b = putRecord(b, 11, func(b []byte) []byte { return appendAttempt(b, &p.Attempts[i]) })
	}
	b = putUint(b, 12, uint64(p.Resends))
	return putString(b, 13, p.Evidence)
}

func decodePart(payload []byte) (Part, error) {
	p := Part{Reference: -1, Status: -1}
	f := fields{rest: payload}
	for f.next() {
		switch f.num {
		case 1:
			p.Seq = f.small()
		case 2:
			p.State = State(f.octet())
		case 3:
			p.Reference = f.optional()
		case 4:
			p.TPDU = f.clone()
		case 5:
			p.Trunk = f.string()
		case 6:
			p.SIM = f.string()
		case 7:
			p.SentAt = f.time()
		case 8:
			p.DeliveredAt = f.time()
		case 9:
			p.AwaitUntil = f.time()
		case 10:
			p.Status = f.optional()
		case 11:
			a, err := decodeAttempt(f.bytes())
			if err != nil {
				return p, err
			}
			p.Attempts = append(p.Attempts, a)
		case 12:
			p.Resends = f.octet()
		case 13:
			p.Evidence = f.string()
		}
	}
	return p, f.err
}

func appendAttempt(b []byte, a *Attempt) []byte {
	b = putUint(b, 1, uint64(a.Number))
	b = putString(b, 2, a.Trunk)
	b = putString(b, 3, a.SIM)
	b = putUint(b, 4, uint64(a.Phase))
	b = putTime(b, 5, a.StartedAt)
	b = putTime(b, 6, a.EndedAt)
	b = putFailure(b, 7, a.Failure)
	b = putOptional(b, 8, a.Before)
	b = putUint(b, 9, uint64(a.OnAmbiguous))
	b = putTime(b, 10, a.Until)
	return putBool(b, 11, a.Consulted)
}

func decodeAttempt(payload []byte) (Attempt, error) {
	a := Attempt{Before: -1}
	f := fields{rest: payload}
	for f.next() {
		switch f.num {
		case 1:
			a.Number = f.small()
		case 2:
			a.Trunk = f.string()
		case 3:
			a.SIM = f.string()
		case 4:
			a.Phase = Phase(f.octet())
		case 5:
			a.StartedAt = f.time()
		case 6:
			a.EndedAt = f.time()
		case 7:
			failure, err := decodeFailure(f.bytes())
			if err != nil {
				return a, err
			}
			a.Failure = failure
		case 8:
			a.Before = f.optional()
		case 9:
			a.OnAmbiguous = Ambiguity(f.octet())
		case 10:
			a.Until = f.time()
		case 11:
			a.Consulted = f.bool()
		}
	}
	return a, f.err
}

func putFailure(b []byte, n protowire.Number, failure *Failure) []byte {
	if failure == nil {
		return b
	}
	return putRecord(b, n, func(b []byte) []byte {
		return putString(putString(b, 1, failure.Code), 2, failure.Text)
	})
}

func decodeFailure(payload []byte) (*Failure, error) {
	failure := new(Failure)
	f := fields{rest: payload}
	for f.next() {
		switch f.num {
		case 1:
			failure.Code = f.string()
		case 2:
			failure.Text = f.string()
		}
	}
	return failure, f.err
}
