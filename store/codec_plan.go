package store

func appendProvider(b []byte, p *Provider) []byte {
	b = putString(b, 1, p.DisplayName)
	b = putString(b, 2, p.Timezone)
	b = putTime(b, 3, p.CreatedAt)
	b = putTime(b, 4, p.UpdatedAt)
	return putTime(b, 5, p.ArchivedAt)
}

func decodeProvider(name string, payload []byte) (*Provider, error) {
	p := &Provider{Name: name}
	f := fields{rest: payload}
	for f.next() {
		switch f.num {
		case 1:
			p.DisplayName = f.string()
		case 2:
			p.Timezone = f.string()
		case 3:
			p.CreatedAt = f.time()
		case 4:
			p.UpdatedAt = f.time()
		case 5:
			p.ArchivedAt = f.time()
		}
	}
	return p, f.err
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
