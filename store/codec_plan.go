package store

func appendProvider(b []byte, p *Provider) []byte {
	b = putMeta(b, &p.Meta)
	b = putString(b, 2, p.Name)
	b = putString(b, 3, p.DisplayName)
	b = putString(b, 4, p.FirstName)
	b = putString(b, 5, p.LastName)
	b = putString(b, 6, p.Email)
	b = putString(b, 7, p.Address)
	b = putString(b, 8, p.Phone)
	b = putString(b, 9, p.Notes)
	b = putString(b, 10, p.Timezone)
	b = putString(b, 11, p.Locale)
	b = putString(b, 12, p.DefaultTreatment)
	b = putString(b, 13, p.DefaultTrunk)
	b = putString(b, 14, p.DefaultPhoneCode)
	for _, f := range p.Former {
		b = putRecord(b, 15, func(b []byte) []byte { return putTime(putString(b, 1, f.Name), 2, f.Until) })
	}
	return b
}

func decodeProvider(payload []byte) (*Provider, error) {
	p := &Provider{}
	f := fields{rest: payload}
	for f.next() {
		switch f.num {
		case 1:
			p.Meta = into(&f, decodeMeta)
		case 2:
			p.Name = f.string()
		case 3:
			p.DisplayName = f.string()
		case 4:
			p.FirstName = f.string()
		case 5:
			p.LastName = f.string()
		case 6:
			p.Email = f.string()
		case 7:
			p.Address = f.string()
		case 8:
			p.Phone = f.string()
		case 9:
			p.Notes = f.string()
		case 10:
			p.Timezone = f.string()
		case 11:
			p.Locale = f.string()
		case 12:
			p.DefaultTreatment = f.string()
		case 13:
			p.DefaultTrunk = f.string()
		case 14:
			p.DefaultPhoneCode = f.string()
		case 15:
			p.Former = append(p.Former, into(&f, decodeFormerName))
		}
	}
	return p, f.err
}

func decodeFormerName(payload []byte) (n FormerName, err error) {
	f := fields{rest: payload}
	for f.next() {
		switch f.num {
		case 1:
			n.Name = f.string()
		case 2:
			n.Until = f.time()
		}
	}
	return n, f.err
}

func appendPlan(b []byte, p *Plan) []byte {
	b = putUint(b, 1, uint64(p.Live))
	b = putUint(b, 2, uint64(p.Before))
	b = putUint(b, 3, uint64(p.Last))
	b = putUint(b, 4, uint64(p.Next))
	b = putTime(b, 5, p.NextAt)
	b = putTime(b, 6, p.CreatedAt)
	b = putTime(b, 7, p.UpdatedAt)
	return putTime(b, 8, p.ArchivedAt)
}

func decodePlan(provider, name string, payload []byte) (*Plan, error) {
	p := &Plan{Provider: provider, Name: name}
	f := fields{rest: payload}
	for f.next() {
		switch f.num {
		case 1:
			p.Live = int64(f.uint())
		case 2:
			p.Before = int64(f.uint())
		case 3:
			p.Last = int64(f.uint())
		case 4:
			p.Next = int64(f.uint())
		case 5:
			p.NextAt = f.time()
		case 6:
			p.CreatedAt = f.time()
		case 7:
			p.UpdatedAt = f.time()
		case 8:
			p.ArchivedAt = f.time()
		}
	}
	return p, f.err
}

func appendPlanVersion(b []byte, v *PlanVersion) []byte {
	b = putBytes(b, 1, v.Document)
	b = putString(b, 2, v.Author)
	b = putString(b, 3, v.Note)
	return putTime(b, 4, v.CreatedAt)
}

func decodePlanVersion(payload []byte) (*PlanVersion, error) {
	v := &PlanVersion{}
	f := fields{rest: payload}
	for f.next() {
		switch f.num {
		case 1:
			v.Document = f.clone()
		case 2:
			v.Author = f.string()
		case 3:
			v.Note = f.string()
		case 4:
			v.CreatedAt = f.time()
		}
	}
	return v, f.err
}
