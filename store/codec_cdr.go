package store

import "trunkline/callplan/phone"

func appendCDR(b []byte, c *CDR) []byte {
	b = putUint(b, 1, uint64(c.Kind))
	b = putUint(b, 2, uint64(c.Direction))
	b = putString(b, 3, c.Provider)
	b = putString(b, 4, c.Subscriber)
	b = putString(b, 5, c.Trunk)
	b = putNumber(b, 6, c.Number) // and 7
	b = putBool(b, 8, c.Withheld)
	b = putNumber(b, 9, c.Line) // and 10
	b = putTime(b, 11, c.StartedAt)
	b = putTime(b, 12, c.AnsweredAt)
	b = putTime(b, 13, c.EndedAt)
	b = putString(b, 14, c.Outcome)
	b = putString(b, 15, c.Cause)
	b = putUint(b, 16, uint64(max(c.Rings, 0)))
	b = putString(b, 17, c.Account)
	b = putID(b, 18, c.Message)
	if d := c.Decision; d != nil {
		b = putRecord(b, 19, func(b []byte) []byte {
			b = putString(b, 1, d.Action)
			b = putString(b, 2, d.Plan)
			b = putUint(b, 3, uint64(max(d.Version, 0)))
			b = putString(b, 4, d.Rule)
			b = putString(b, 5, d.Label)
			b = putOptional(b, 6, d.Draw)
			return putString(b, 7, d.Treatment)
		})
	}
	for _, s := range c.Screening {
		b = putRecord(b, 20, func(b []byte) []byte { return append(b, s...) })
	}
	if r := c.Reply; r != nil {
		b = putRecord(b, 21, func(b []byte) []byte {
			b = putTime(b, 1, r.At)
			b = putID(b, 2, r.Message)
			return putString(b, 3, r.Refused)
		})
	}
	for _, e := range c.Events {
		b = putRecord(b, 22, func(b []byte) []byte {
			b = putTime(b, 1, e.At)
			b = putString(b, 2, e.Name)
			return putString(b, 3, e.Detail)
		})
	}
	return b
}

func decodeCDR(id CDRID, payload []byte) (*CDR, error) {
	c := &CDR{ID: id}
	f := fields{rest: payload}
	for f.next() {
		switch f.num {
		case 1:
			c.Kind = CDRKind(f.octet())
		case 2:
			c.Direction = Direction(f.octet())
		case 3:
			c.Provider = f.string()
		case 4:
			c.Subscriber = f.string()
		case 5:
			c.Trunk = f.string()
		case 6, 7:
			c.Number = f.number(f.num == 7)
		case 8:
			c.Withheld = f.bool()
		case 9, 10:
			c.Line = f.number(f.num == 10)
		case 11:
			c.StartedAt = f.time()
		case 12:
			c.AnsweredAt = f.time()
		case 13:
			c.EndedAt = f.time()
		case 14:
			c.Outcome = f.string()
		case 15:
			c.Cause = f.string()
		case 16:
			c.Rings = f.small()
		case 17:
			c.Account = f.string()
		case 18:
			c.Message = f.id()
		default:
			if err := c.decodeParts(&f); err != nil {
				return nil, err
			}
		}
	}
	return c, f.err
}

// decodeParts reads the embedded records.
func (c *CDR) decodeParts(f *fields) error {
	switch f.num {
	case 19:
		d := &CallDecision{Draw: -1}
		g := fields{rest: f.bytes()}
		for g.next() {
			switch g.num {
			case 1:
				d.Action = g.string()
			case 2:
				d.Plan = g.string()
			case 3:
				d.Version = int64(g.uint())
			case 4:
				d.Rule = g.string()
			case 5:
				d.Label = g.string()
			case 6:
				d.Draw = g.optional()
			case 7:
				d.Treatment = g.string()
			}
		}
		c.Decision = d
		return g.err
	case 20:
		c.Screening = append(c.Screening, f.string())
	case 21:
		r := new(CallReply)
		g := fields{rest: f.bytes()}
		for g.next() {
			switch g.num {
			case 1:
				r.At = g.time()
			case 2:
				r.Message = g.id()
			case 3:
				r.Refused = g.string()
			}
		}
		c.Reply = r
		return g.err
	case 22:
		var e CDREvent
		g := fields{rest: f.bytes()}
		for g.next() {
			switch g.num {
			case 1:
				e.At = g.time()
			case 2:
				e.Name = g.string()
			case 3:
				e.Detail = g.string()
			}
		}
		c.Events = append(c.Events, e)
		return g.err
	}
	return nil
}

// number returns what putNumber wrote.
func (f *fields) number(name bool) phone.Number {
	if name {
		return f.name()
	}
	return f.digits()
}
