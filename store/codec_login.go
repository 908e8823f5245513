package store

func appendCredential(b []byte, c *Credential) []byte {
	b = putString(b, 1, c.Password)
	b = putTime(b, 2, c.PasswordAt)
	b = putBytes(b, 3, c.TOTP)
	b = putTime(b, 4, c.TOTPAt)
	b = putUint(b, 5, c.TOTPStep)
	for _, hash := range c.Recovery {
		b = putBytes(b, 6, hash)
	}
	for _, uid := range c.LocalUsers {
		b = putUint(b, 7, uint64(uid)+1) // user 0 is written too
	}
	b = putBytes(b, 8, c.Reset)
	b = putTime(b, 9, c.ResetUntil)
	b = putTime(b, 10, c.ValidFrom)
	return putTime(b, 11, c.UpdatedAt)
}

func decodeCredential(administrator uint64, payload []byte) (*Credential, error) {
	c := &Credential{Administrator: administrator}
	f := fields{rest: payload}
	for f.next() {
		switch f.num {
		case 1:
			c.Password = f.string()
		case 2:
			c.PasswordAt = f.time()
		case 3:
			c.TOTP = f.clone()
		case 4:
			c.TOTPAt = f.time()
		case 5:
			c.TOTPStep = f.uint()
		case 6:
			if hash := f.clone(); len(hash) > 0 {
				c.Recovery = append(c.Recovery, hash)
			}
		case 7:
			c.LocalUsers = append(c.LocalUsers, uint32(f.uint()-1))
		case 8:
			c.Reset = f.clone()
		case 9:
			c.ResetUntil = f.time()
		case 10:
			c.ValidFrom = f.time()
		case 11:
			c.UpdatedAt = f.time()
		}
	}
	return c, f.err
}

func appendToken(b []byte, t *Token) []byte {
	b = putString(b, 1, t.Name)
	b = putBytes(b, 2, t.Hash)
	b = putUint(b, 3, t.Administrator)
	b = putString(b, 4, t.Role)
	for _, name := range t.Scope {
		b = putString(b, 5, name)
	}
	for _, prefix := range t.Networks {
		b = putString(b, 6, prefix)
	}
	b = putTime(b, 7, t.CreatedAt)
	b = putString(b, 8, t.CreatedBy)
	b = putTime(b, 9, t.ExpiresAt)
	b = putTime(b, 10, t.UsedAt)
	return putTime(b, 11, t.RevokedAt)
}

func decodeToken(id TokenID, payload []byte) (*Token, error) {
	t := &Token{ID: id}
	f := fields{rest: payload}
	for f.next() {
		switch f.num {
		case 1:
			t.Name = f.string()
		case 2:
			t.Hash = f.clone()
		case 3:
			t.Administrator = f.uint()
		case 4:
			t.Role = f.string()
		case 5:
			if name := f.string(); name != "" {
				t.Scope = append(t.Scope, name)
			}
		case 6:
			if prefix := f.string(); prefix != "" {
				t.Networks = append(t.Networks, prefix)
			}
		case 7:
			t.CreatedAt = f.time()
		case 8:
			t.CreatedBy = f.string()
		case 9:
			t.ExpiresAt = f.time()
		case 10:
			t.UsedAt = f.time()
		case 11:
			t.RevokedAt = f.time()
		}
	}
	return t, f.err
}

func appendSession(b []byte, s *Session) []byte {
	b = putUint(b, 1, s.Administrator)
	b = putString(b, 2, s.Role)
	b = putBool(b, 3, s.Proven)
	b = putString(b, 4, s.Address)
	b = putString(b, 5, s.Agent)
	b = putTime(b, 6, s.CreatedAt)
	return putTime(b, 7, s.SeenAt)
}

func decodeSession(key SessionKey, payload []byte) (*Session, error) {
	s := &Session{Key: key}
	f := fields{rest: payload}
	for f.next() {
		switch f.num {
		case 1:
			s.Administrator = f.uint()
		case 2:
			s.Role = f.string()
		case 3:
			s.Proven = f.bool()
		case 4:
			s.Address = f.string()
		case 5:
			s.Agent = f.string()
		case 6:
			s.CreatedAt = f.time()
		case 7:
			s.SeenAt = f.time()
		}
	}
	return s, f.err
}

func appendThrottle(b []byte, t *Throttle) []byte {
	b = putUint(b, 1, uint64(t.Failures))
	b = putTime(b, 2, t.Until)
	return putTime(b, 3, t.ForgetAt)
}

func decodeThrottle(payload []byte) (*Throttle, error) {
	t := &Throttle{}
	f := fields{rest: payload}
	for f.next() {
		switch f.num {
		case 1:
			t.Failures = f.small()
		case 2:
			t.Until = f.time()
		case 3:
			t.ForgetAt = f.time()
		}
	}
	return t, f.err
}
