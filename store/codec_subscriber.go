package store

func appendSubscriber(b []byte, s *Subscriber) []byte {
	b = putMeta(b, &s.Meta)
	b = putString(b, 2, s.Name)
	b = putString(b, 3, s.DisplayName)
	b = putString(b, 4, s.FirstName)
	b = putString(b, 5, s.LastName)
	b = putString(b, 6, s.Email)
	b = putString(b, 7, s.Address)
	b = putString(b, 8, s.Phone)
	b = putString(b, 9, s.Notes)
	for _, n := range s.Numbers {
		b = putString(b, 10, n.String())
	}
	return putUint(b, 11, s.ContactID)
}

func decodeSubscriber(payload []byte) (*Subscriber, error) {
	s := &Subscriber{}
	f := fields{rest: payload}
	for f.next() {
		switch f.num {
		case 1:
			s.Meta = into(&f, decodeMeta)
		case 2:
			s.Name = f.string()
		case 3:
			s.DisplayName = f.string()
		case 4:
			s.FirstName = f.string()
		case 5:
			s.LastName = f.string()
		case 6:
			s.Email = f.string()
		case 7:
			s.Address = f.string()
		case 8:
			s.Phone = f.string()
		case 9:
			s.Notes = f.string()
		case 10:
			s.Numbers = append(s.Numbers, f.digits())
		case 11:
			s.ContactID = f.uint()
		}
	}
	return s, f.err
}

func appendCalendar(b []byte, c *Calendar) []byte {
	b = putMeta(b, &c.Meta)
	b = putString(b, 2, c.Name)
	b = putStrings(b, 3, c.Days)
	return putString(b, 4, c.Notes)
}

func decodeCalendar(payload []byte) (*Calendar, error) {
	c := &Calendar{}
	f := fields{rest: payload}
	for f.next() {
		switch f.num {
		case 1:
			c.Meta = into(&f, decodeMeta)
		case 2:
			c.Name = f.string()
		case 3:
			c.Days = append(c.Days, f.string())
		case 4:
			c.Notes = f.string()
		}
	}
	return c, f.err
}
