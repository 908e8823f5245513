package store

import "trunkline/callplan/phone"

func appendVerdict(b []byte, v *Verdict) []byte {
	b = putBool(b, 1, v.Authorized)
	b = putString(b, 2, v.Code)
	return putString(b, 3, v.Text)
}

func decodeVerdict(payload []byte) (*Verdict, error) {
	v := &Verdict{}
	f := fields{rest: payload}
	for f.next() {
		switch f.num {
		case 1:
			v.Authorized = f.bool()
		case 2:
			v.Code = f.string()
		case 3:
			v.Text = f.string()
		}
	}
	return v, f.err
}

func appendOptOut(b []byte, o *OptOut) []byte {
	b = putNumber(b, 1, o.Number)
	b = putTime(b, 3, o.At)
	b = putString(b, 4, o.Source)
	b = putString(b, 5, o.Word)
	b = putID(b, 6, o.Message)
	return putString(b, 7, o.By)
}

func decodeOptOut(payload []byte) (*OptOut, error) {
	o := &OptOut{}
	f := fields{rest: payload}
	for f.next() {
		switch f.num {
		case 1:
			o.Number = f.digits()
		case 2:
			o.Number = f.name()
		case 3:
			o.At = f.time()
		case 4:
			o.Source = f.string()
		case 5:
			o.Word = f.string()
		case 6:
			o.Message = f.id()
		case 7:
			o.By = f.string()
		}
	}
	return o, f.err
}

func appendFactor(b []byte, v *Factor) []byte {
	b = putBytes(b, 1, v.Secret)
	b = putUint(b, 2, v.Last)
	b = putUint(b, 3, uint64(v.Failures))
	b = putTime(b, 4, v.LockedUntil)
	return putTime(b, 5, v.CreatedAt)
}

func decodeFactor(payload []byte) (*Factor, error) {
	v := &Factor{}
	f := fields{rest: payload}
	for f.next() {
		switch f.num {
		case 1:
			v.Secret = f.clone()
		case 2:
			v.Last = f.uint()
		case 3:
			v.Failures = f.small()
		case 4:
			v.LockedUntil = f.time()
		case 5:
			v.CreatedAt = f.time()
		}
	}
	return v, f.err
}

func appendRun(b []byte, r *Run) []byte {
	b = putString(b, 1, r.Provider)
	b = putString(b, 2, r.Action)
	b = putUint(b, 3, r.ActionID)
	b = putNumber(b, 4, r.Sender)
	b = putString(b, 6, r.Trunk)
	b = putString(b, 7, r.Who)
	for _, v := range r.Values {
		b = putRecord(b, 8, func(b []byte) []byte { return putString(putString(b, 1, v.Name), 2, v.Value) })
	}
	b = putUint(b, 9, uint64(r.State))
	b = putString(b, 10, r.Reason)
	b = putTime(b, 11, r.At)
	b = putTime(b, 12, r.EndedAt)
	for _, n := range r.Confirmers {
		b = putRecord(b, 13, func(b []byte) []byte { return putNumber(b, 1, n) })
	}
	b = putBytes(b, 14, r.Code)
	b = putBytes(b, 15, r.Salt)
	b = putUint(b, 16, uint64(r.Tries))
	b = putTime(b, 17, r.Until)
	b = putString(b, 18, r.By)
	b = putOptional(b, 19, r.Exit)
	b = putString(b, 20, r.Output)
	return putUint(b, 21, r.Change)
}

func decodeRun(payload []byte) (*Run, error) {
	r := &Run{Exit: -1}
	f := fields{rest: payload}
	for f.next() {
		switch f.num {
		case 1:
			r.Provider = f.string()
		case 2:
			r.Action = f.string()
		case 3:
			r.ActionID = f.uint()
		case 4:
			r.Sender = f.digits()
		case 5:
			r.Sender = f.name()
		case 6:
			r.Trunk = f.string()
		case 7:
			r.Who = f.string()
		case 8:
			v, err := decodeRunValue(f.bytes())
			if err != nil {
				return nil, err
			}
			r.Values = append(r.Values, v)
		case 9:
			r.State = RunState(f.octet())
		case 10:
			r.Reason = f.string()
		case 11:
			r.At = f.time()
		case 12:
			r.EndedAt = f.time()
		case 13:
			n, err := decodeConfirmer(f.bytes())
			if err != nil {
				return nil, err
			}
			r.Confirmers = append(r.Confirmers, n)
		case 14:
			r.Code = f.clone()
		case 15:
			r.Salt = f.clone()
		case 16:
			r.Tries = f.small()
		case 17:
			r.Until = f.time()
		case 18:
			r.By = f.string()
		case 19:
			r.Exit = f.optional()
		case 20:
			r.Output = f.string()
		case 21:
			r.Change = f.uint()
		}
	}
	return r, f.err
}

func decodeRunValue(payload []byte) (v RunValue, err error) {
	f := fields{rest: payload}
	for f.next() {
		switch f.num {
		case 1:
			v.Name = f.string()
		case 2:
			v.Value = f.string()
		}
	}
	return v, f.err
}

func decodeConfirmer(payload []byte) (n phone.Number, err error) {
	f := fields{rest: payload}
	for f.next() {
		switch f.num {
		case 1:
			n = f.digits()
		case 2:
			n = f.name()
		}
	}
	return n, f.err
}

func appendListEntry(b []byte, e *ListEntry) []byte {
	b = putMeta(b, &e.Meta)
	b = putBool(b, 2, e.Global)
	b = putBool(b, 3, e.Allow)
	b = putString(b, 4, e.Direction)
	b = putString(b, 5, e.Subscriber)
	b = putString(b, 6, e.Kind)
	b = putString(b, 7, e.Value)
	return putString(b, 8, e.Note)
}

func decodeListEntry(payload []byte) (*ListEntry, error) {
	e := &ListEntry{}
	f := fields{rest: payload}
	for f.next() {
		switch f.num {
		case 1:
			e.Meta = into(&f, decodeMeta)
		case 2:
			e.Global = f.bool()
		case 3:
			e.Allow = f.bool()
		case 4:
			e.Direction = f.string()
		case 5:
			e.Subscriber = f.string()
		case 6:
			e.Kind = f.string()
		case 7:
			e.Value = f.string()
		case 8:
			e.Note = f.string()
		}
	}
	return e, f.err
}
