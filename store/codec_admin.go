package store

func appendAdministrator(b []byte, a *Administrator) []byte {
	b = putMeta(b, &a.Meta)
	b = putString(b, 2, a.Username)
	b = putString(b, 3, a.LastName)
	b = putString(b, 4, a.FirstName)
	b = putString(b, 5, a.PhoneNumber.String())
	b = putString(b, 6, a.Email)
	b = putUint(b, 7, uint64(a.Level))
	b = putString(b, 8, a.RoleID)
	b = putStrings(b, 9, a.Permissions)
	b = putBool(b, 10, a.HasClient)
	b = putString(b, 11, a.SMSQuota)
	b = putBool(b, 12, a.RecipientFilter)
	b = putTime(b, 13, a.LastQuotaReached)
	b = putString(b, 14, a.PhoneToken)
	b = putString(b, 15, a.AuthBackend)
	return putString(b, 16, a.QuotaRequest)
}

func decodeAdministrator(payload []byte) (*Administrator, error) {
	a := &Administrator{}
	f := fields{rest: payload}
	for f.next() {
		switch f.num {
		case 1:
			a.Meta = into(&f, decodeMeta)
		case 2:
			a.Username = f.string()
		case 3:
			a.LastName = f.string()
		case 4:
			a.FirstName = f.string()
		case 5:
			a.PhoneNumber = f.digits()
		case 6:
			a.Email = f.string()
		case 7:
			a.Level = f.small()
		case 8:
			a.RoleID = f.string()
		case 9:
			a.Permissions = append(a.Permissions, f.string())
		case 10:
			a.HasClient = f.bool()
		case 11:
			a.SMSQuota = f.string()
		case 12:
			a.RecipientFilter = f.bool()
		case 13:
			a.LastQuotaReached = f.time()
		case 14:
			a.PhoneToken = f.string()
		case 15:
			a.AuthBackend = f.string()
		case 16:
			a.QuotaRequest = f.string()
		}
	}
	return a, f.err
}

func appendGroup(b []byte, g *Group) []byte {
	b = putMeta(b, &g.Meta)
	b = putString(b, 2, g.Name)
	b = putString(b, 3, g.Description)
	return putUint(b, 4, g.AdminID)
}

func decodeGroup(payload []byte) (*Group, error) {
	g := &Group{}
	f := fields{rest: payload}
	for f.next() {
		switch f.num {
		case 1:
			g.Meta = into(&f, decodeMeta)
		case 2:
			g.Name = f.string()
		case 3:
			g.Description = f.string()
		case 4:
			g.AdminID = f.uint()
		}
	}
	return g, f.err
}

func appendAction(b []byte, a *Action) []byte {
	b = putMeta(b, &a.Meta)
	b = putString(b, 2, a.Name)
	b = putString(b, 3, a.Description)
	b = putString(b, 4, a.Module)
	b = putString(b, 5, a.Keyword)
	b = putBool(b, 6, a.Authentication)
	b = putBool(b, 7, a.Enabled)
	b = putBool(b, 8, a.Filtered)
	b = putUint(b, 9, a.AdminID)
	b = putUint(b, 10, a.JanuaID)
	b = putString(b, 11, a.Kind)
	b = putString(b, 12, a.Category)
	b = putBool(b, 13, a.Dangerous)
	b = putUint(b, 14, uint64(a.Level))
	b = putString(b, 15, a.Text)
	b = putString(b, 16, a.Target)
	for i := range a.Arguments {
		g := &a.Arguments[i]
		b = putRecord(b, 17, func(b []byte) []byte {
			b = putString(b, 1, g.Name)
			b = putString(b, 2, g.Description)
			b = putString(b, 3, g.Type)
			b = putBool(b, 4, g.Required)
			return putStrings(b, 5, g.Choices)
		})
	}
	b = putUint(b, 18, uint64(a.SenderLimit))
	b = putUint(b, 19, uint64(a.HourLimit))
	return putBool(b, 20, a.Repeat)
}

func decodeAction(payload []byte) (*Action, error) {
	a := &Action{}
	f := fields{rest: payload}
	for f.next() {
		switch f.num {
		case 1:
			a.Meta = into(&f, decodeMeta)
		case 2:
			a.Name = f.string()
		case 3:
			a.Description = f.string()
		case 4:
			a.Module = f.string()
		case 5:
			a.Keyword = f.string()
		case 6:
			a.Authentication = f.bool()
		case 7:
			a.Enabled = f.bool()
		case 8:
			a.Filtered = f.bool()
		case 9:
			a.AdminID = f.uint()
		case 10:
			a.JanuaID = f.uint()
		case 11:
			a.Kind = f.string()
		case 12:
			a.Category = f.string()
		case 13:
			a.Dangerous = f.bool()
		case 14:
			a.Level = f.small()
		case 15:
			a.Text = f.string()
		case 16:
			a.Target = f.string()
		case 17:
			a.Arguments = append(a.Arguments, into(&f, decodeArgument))
		case 18:
			a.SenderLimit = f.small()
		case 19:
			a.HourLimit = f.small()
		case 20:
			a.Repeat = f.bool()
		}
	}
	return a, f.err
}

func decodeArgument(payload []byte) (a ActionArgument, err error) {
	f := fields{rest: payload}
	for f.next() {
		switch f.num {
		case 1:
			a.Name = f.string()
		case 2:
			a.Description = f.string()
		case 3:
			a.Type = f.string()
		case 4:
			a.Required = f.bool()
		case 5:
			a.Choices = append(a.Choices, f.string())
		}
	}
	return a, f.err
}
