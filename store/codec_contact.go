package store

import (
	"fmt"

	"github.com/google/uuid"
	"google.golang.org/protobuf/encoding/protowire"

	"trunkline/callplan/phone"
)

// putMeta writes what every provisioned record has as field 1; its ID is the key.
func putMeta(b []byte, m *Meta) []byte {
	return putRecord(b, 1, func(b []byte) []byte {
		b = putUUID(b, 1, m.UUID)
		b = putString(b, 2, m.Provider)
		b = putTime(b, 3, m.CreatedAt)
		b = putTime(b, 4, m.UpdatedAt)
		b = putString(b, 5, m.CreatedBy)
		b = putString(b, 6, m.UpdatedBy)
		return putTime(b, 7, m.ArchivedAt)
	})
}

func decodeMeta(payload []byte) (m Meta, err error) {
	f := fields{rest: payload}
	for f.next() {
		switch f.num {
		case 1:
			m.UUID = f.uuid()
		case 2:
			m.Provider = f.string()
		case 3:
			m.CreatedAt = f.time()
		case 4:
			m.UpdatedAt = f.time()
		case 5:
			m.CreatedBy = f.string()
		case 6:
			m.UpdatedBy = f.string()
		case 7:
			m.ArchivedAt = f.time()
		}
	}
	return m, f.err
}

func putUUID(b []byte, n protowire.Number, id uuid.UUID) []byte {
	if id == uuid.Nil {
		return b
	}
	return putBytes(b, n, id[:])
}

func (f *fields) uuid() (id uuid.UUID) {
	v := f.bytes()
	if len(v) != len(id) {
		if f.err == nil {
			f.err = fmt.Errorf("field %d: UUID of %d bytes", f.num, len(v))
		}
		return id
	}
	return uuid.UUID(v)
}

// putStrings writes each text, empty ones too.
func putStrings(b []byte, n protowire.Number, all []string) []byte {
	for _, s := range all {
		b = protowire.AppendString(protowire.AppendTag(b, n, protowire.BytesType), s)
	}
	return b
}

// into decodes an embedded record.
func into[T any](f *fields, decode func([]byte) (T, error)) (v T) {
	payload := f.bytes()
	if f.err != nil {
		return v
	}
	v, err := decode(payload)
	if err != nil {
		f.err = fmt.Errorf("field %d: %w", f.num, err)
	}
	return v
}

// putTexts writes a record of nothing but texts, the first as field 1.
func putTexts(b []byte, n protowire.Number, all ...string) []byte {
	return putRecord(b, n, func(b []byte) []byte {
		for i, s := range all {
			b = putString(b, protowire.Number(i+1), s)
		}
		return b
	})
}

// texts reads what putTexts wrote.
func (f *fields) texts(all ...*string) {
	g := fields{rest: f.bytes()}
	for g.next() {
		if int(g.num) <= len(all) {
			*all[g.num-1] = g.string()
		}
	}
	if f.err == nil && g.err != nil {
		f.err = fmt.Errorf("field %d: %w", f.num, g.err)
	}
}

func appendContact(b []byte, c *Contact) []byte {
	b = putMeta(b, &c.Meta)
	b = putUint(b, 2, c.AdminID)
	b = putString(b, 3, c.LastName)
	b = putString(b, 4, c.FirstName)
	b = putString(b, 5, c.MiddleName)
	b = putString(b, 6, c.Suffix)
	b = putString(b, 7, c.Title)
	b = putString(b, 8, c.PhoneNumber.String())
	for _, p := range c.Phones {
		b = putTexts(b, 9, p.Type, p.Number)
	}
	b = putString(b, 10, c.Email)
	for _, e := range c.Emails {
		b = putTexts(b, 11, e.Type, e.Email)
	}
	b = putString(b, 12, c.Description)
	b = putString(b, 13, c.Notes)
	for _, a := range c.Addresses {
		b = putTexts(b, 14, a.Type, a.Street, a.HouseNumber, a.PostalCode, a.City, a.Country)
	}
	b = putUUID(b, 15, c.CoreUserUUID)
	b = putUint(b, 16, c.CustomerID)
	b = putString(b, 17, c.ContactType)
	b = putString(b, 18, c.CustomerType)
	b = putString(b, 19, c.Company)
	b = putStrings(b, 20, c.SiteprofileUUIDs)
	b = putStrings(b, 21, c.Workflowlevel1UUIDs)
	b = putStrings(b, 22, c.Workflowlevel2UUIDs)
	b = putBool(b, 23, c.Restricted)
	for _, one := range c.Consents {
		b = putRecord(b, 24, func(b []byte) []byte {
			b = putTime(b, 1, one.At)
			b = putString(b, 2, one.Source)
			b = putString(b, 3, one.Text)
			return putString(b, 4, one.Proof)
		})
	}
	return b
}

func decodeContact(payload []byte) (*Contact, error) {
	c := &Contact{}
	f := fields{rest: payload}
	for f.next() {
		switch f.num {
		case 1:
			c.Meta = into(&f, decodeMeta)
		case 2:
			c.AdminID = f.uint()
		case 3:
			c.LastName = f.string()
		case 4:
			c.FirstName = f.string()
		case 5:
			c.MiddleName = f.string()
		case 6:
			c.Suffix = f.string()
		case 7:
			c.Title = f.string()
		case 8:
			c.PhoneNumber = f.digits()
		case 9:
			var p ContactPhone
			f.texts(&p.Type, &p.Number)
			c.Phones = append(c.Phones, p)
		case 10:
			c.Email = f.string()
		case 11:
			var e ContactEmail
			f.texts(&e.Type, &e.Email)
			c.Emails = append(c.Emails, e)
		case 12:
			c.Description = f.string()
		case 13:
			c.Notes = f.string()
		case 14:
			var a ContactAddress
			f.texts(&a.Type, &a.Street, &a.HouseNumber, &a.PostalCode, &a.City, &a.Country)
			c.Addresses = append(c.Addresses, a)
		case 15:
			c.CoreUserUUID = f.uuid()
		case 16:
			c.CustomerID = f.uint()
		case 17:
			c.ContactType = f.string()
		case 18:
			c.CustomerType = f.string()
		case 19:
			c.Company = f.string()
		case 20:
			c.SiteprofileUUIDs = append(c.SiteprofileUUIDs, f.string())
		case 21:
			c.Workflowlevel1UUIDs = append(c.Workflowlevel1UUIDs, f.string())
		case 22:
			c.Workflowlevel2UUIDs = append(c.Workflowlevel2UUIDs, f.string())
		case 23:
			c.Restricted = f.bool()
		case 24:
			c.Consents = append(c.Consents, into(&f, decodeConsent))
		}
	}
	return c, f.err
}

// decodeContactNumber reads what decisions about a number need of a contact, and whether that is archived.
func decodeContactNumber(c *ContactNumber, payload []byte, n phone.Number) (archived bool, err error) {
	f := fields{rest: payload}
	for f.next() {
		switch f.num {
		case 1:
			archived = into(&f, decodeArchived)
		case 2:
			c.AdminID = f.uint()
		case 3:
			c.LastName = f.string()
		case 4:
			c.FirstName = f.string()
		case 8:
			if c.PhoneNumber = n; !n.Is(f.bytes()) {
				c.PhoneNumber = f.digits()
			}
			c.Exact = c.PhoneNumber == n
		case 9:
			if !c.Exact {
				var p ContactPhone
				f.texts(&p.Type, &p.Number)
				other, err := phone.Parse(p.Number)
				c.Exact = err == nil && other == n
			}
		case 23:
			c.Restricted = f.bool()
		}
	}
	return archived, f.err
}

// decodeArchived reads of what every provisioned record has only whether it is archived.
func decodeArchived(payload []byte) (archived bool, err error) {
	f := fields{rest: payload}
	for f.next() {
		if f.num == 7 {
			archived = !f.time().IsZero()
		}
	}
	return archived, f.err
}

func decodeConsent(payload []byte) (c Consent, err error) {
	f := fields{rest: payload}
	for f.next() {
		switch f.num {
		case 1:
			c.At = f.time()
		case 2:
			c.Source = f.string()
		case 3:
			c.Text = f.string()
		case 4:
			c.Proof = f.string()
		}
	}
	return c, f.err
}
