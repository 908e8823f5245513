package store

func appendRouting(b []byte, r *Routing) []byte {
	b = putString(b, 1, r.Provider)
	b = putString(b, 2, r.Action)
	b = putString(b, 3, r.Plan)
	b = putUint(b, 4, uint64(r.Version))
	b = putString(b, 5, r.Rule)
	b = putString(b, 6, r.Label)
	b = putString(b, 7, r.Trunk)
	b = putString(b, 8, r.Note)
	b = putString(b, 9, r.Calling)
	b = putString(b, 10, r.Called)
	return putID(b, 11, r.Origin)
}

func decodeRouting(payload []byte) (*Routing, error) {
	r := &Routing{}
	f := fields{rest: payload}
	for f.next() {
		switch f.num {
		case 1:
			r.Provider = f.string()
		case 2:
			r.Action = f.string()
		case 3:
			r.Plan = f.string()
		case 4:
			r.Version = int64(f.uint())
		case 5:
			r.Rule = f.string()
		case 6:
			r.Label = f.string()
		case 7:
			r.Trunk = f.string()
		case 8:
			r.Note = f.string()
		case 9:
			r.Calling = f.string()
		case 10:
			r.Called = f.string()
		case 11:
			r.Origin = f.id()
		}
	}
	return r, f.err
}
