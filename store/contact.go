package store

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"trunkline/callplan/phone"
)

// Bounds on the lists of a contact.
const (
	MaxContactItems = 50    // phones, addresses of mail, postal addresses, consents, UUIDs of a kind
	firstCustomerID = 10001 // given to the first contact of a service provider
)

// Contact is an entry of the address book: the fields of a person who is texted and of a customer who is met.
type Contact struct {
	Meta
	AdminID             uint64 // administrator that owns it; 0: nobody in particular
	LastName, FirstName string // at most 255 characters
	MiddleName, Suffix  string // at most 50
	Title               string // mr, ms, mrs, miss, family or empty
	PhoneNumber         phone.Number
	Phones              []ContactPhone // includes PhoneNumber
	Email               string
	Emails              []ContactEmail // includes Email
	Description, Notes  string
	Addresses           []ContactAddress
	CoreUserUUID        uuid.UUID // of the administrator that the contact is; zero: of none
	CustomerID          uint64    // unique for the service provider; given when 0
	ContactType         string    // at most 128 characters
	CustomerType        string    // customer, contact, company, public or empty
	Company             string    // at most 100
	SiteprofileUUIDs    []string
	Workflowlevel1UUIDs []string // each at most 36 characters
	Workflowlevel2UUIDs []string
	Restricted          bool      // nothing is sent to it and it triggers nothing (GDPR article 18)
	Consents            []Consent // oldest first
}

// ContactPhone is one of the numbers of a contact.
type ContactPhone struct {
	Type   string // office, mobile, home, fax or empty
	Number string // 3 to 20 characters
}

// ContactEmail is one of the addresses of mail of a contact.
type ContactEmail struct {
	Type  string // office, private, other or empty
	Email string
}

// ContactAddress is a postal address.
type ContactAddress struct {
	Type        string // home, billing, business, delivery, mailing or empty
	Street      string // at most 100 characters
	HouseNumber string // 20
	PostalCode  string // 20
	City        string // 85
	Country     string // 50
}

// Consent says when and how somebody allowed to be written to, or took it back.
type Consent struct {
	At     time.Time
	Source string // where it was given, e.g. "web form"
	Text   string // to what
	Proof  string // where the proof is kept
}

// FullName is the name as it is shown: first name, last name.
func (c *Contact) FullName() string { return fullName(c.FirstName, c.LastName) }

func fullName(first, last string) string { return strings.TrimSpace(first + " " + last) }

var contactKind = &kind[Contact]{
	name: "contact", table: tableContacts, letter: 'c',
	meta: func(c *Contact) *Meta { return &c.Meta }, append: appendContact, decode: decodeContact,
	owner: func(c *Contact) uint64 { return c.AdminID },
	indexes: []index[Contact]{
		{'p', "", contactLines},
		{'e', "", contactMails},
		{'P', "phone_number", func(c *Contact) [][]byte {
			if c.PhoneNumber.IsZero() {
				return nil
			}
			return [][]byte{appendName(appendName(idKey(c.AdminID), c.ownerScope()), c.PhoneNumber.String())}
		}},
		{'E', "email", func(c *Contact) [][]byte {
			if c.Email == "" {
				return nil
			}
			return [][]byte{appendName(appendName(idKey(c.AdminID), c.ownerScope()), fold(c.Email))}
		}},
		{'k', "customer_id", func(c *Contact) [][]byte {
			return [][]byte{append(appendName(nil, c.Provider), idKey(c.CustomerID)...)}
		}},
		{'q', "core_user_uuid", func(c *Contact) [][]byte {
			if c.CoreUserUUID == uuid.Nil {
				return nil
			}
			return [][]byte{append([]byte(nil), c.CoreUserUUID[:]...)}
		}},
	},
	orders: []order[Contact]{{"name", 'A', func(b []byte, c *Contact) []byte {
		return appendText(appendText(b, fold(c.LastName)), fold(c.FirstName))
	}}},
	words: func(c *Contact) []string {
		all := []string{c.LastName, c.FirstName, c.MiddleName, c.Company, c.PhoneNumber.String(), c.Email}
		for _, p := range c.Phones {
			all = append(all, phoneDigits(p.Number))
		}
		for _, e := range c.Emails {
			all = append(all, e.Email)
		}
		return all
	},
}

// ownerScope keeps the contacts apart that belong to nobody in particular: they are unique for their service provider.
func (c *Contact) ownerScope() string {
	if c.AdminID != 0 {
		return ""
	}
	return c.Provider
}

// phoneDigits is a number as it is searched for: its digits.
func phoneDigits(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s)
}

func lineKey(provider string, n phone.Number) []byte {
	return appendName(appendName(nil, provider), line(n))
}

func contactLines(c *Contact) [][]byte {
	var all [][]byte
	if !c.PhoneNumber.IsZero() {
		all = append(all, lineKey(c.Provider, c.PhoneNumber))
	}
	for _, p := range c.Phones {
		if n, err := phone.Parse(p.Number); err == nil {
			all = append(all, lineKey(c.Provider, n))
		}
	}
	return all
}

func contactMails(c *Contact) [][]byte {
	var all [][]byte
	for _, e := range c.Emails {
		all = append(all, appendName(appendName(nil, c.Provider), fold(e.Email)))
	}
	return all
}

// Contacts returns the collection of contacts.
func (s *Store) Contacts() Records[Contact] { return Records[Contact]{s, contactKind} }

func (c *Contact) check(t *tx, was *Contact, wrong *Faults) error {
	c.mirror(was)
	wrong.word("last_name", c.LastName, 255)
	wrong.word("first_name", c.FirstName, 255)
	wrong.word("middle_name", c.MiddleName, 50)
	wrong.word("suffix", c.Suffix, 50)
	wrong.oneOf("title", c.Title, "mr", "ms", "mrs", "miss", "family")
	wrong.oneOf("customer_type", c.CustomerType, "customer", "contact", "company", "public")
	wrong.word("contact_type", c.ContactType, 128)
	wrong.word("company", c.Company, 100)
	wrong.text("description", c.Description, 10_000)
	wrong.text("notes", c.Notes, 10_000)
	if c.FullName() == "" && c.Company == "" && c.PhoneNumber.IsZero() && c.Email == "" {
		wrong.add("last_name", "required", "a contact needs a name, a company, a number or an address of mail")
	}
	c.checkLists(wrong)
	if err := checkOwner(t, &c.Meta, c.AdminID, was == nil, wrong); err != nil {
		return err
	}
	if was != nil && c.AdminID != was.AdminID {
		wrong.add("admin_id", "immutable", "the owner of a contact cannot be changed")
	}
	if len(wrong.Fields) > 0 {
		return nil
	}
	if c.CustomerID == 0 {
		if err := c.nextCustomer(t, was); err != nil {
			return err
		}
	}
	return contactKind.unique(t, c, wrong)
}

func (c *Contact) checkLists(wrong *Faults) {
	for field, n := range map[string]int{"phones": len(c.Phones), "emails": len(c.Emails), "addresses": len(c.Addresses), "consents": len(c.Consents),
		"siteprofile_uuids": len(c.SiteprofileUUIDs), "workflowlevel1_uuids": len(c.Workflowlevel1UUIDs), "workflowlevel2_uuids": len(c.Workflowlevel2UUIDs)} {
		if n > MaxContactItems {
			wrong.add(field, "too_long", "has %d items, at most %d are possible", n, MaxContactItems)
		}
	}
	if !c.PhoneNumber.IsZero() && (c.PhoneNumber.Kind() == phone.Alphanumeric || len(c.PhoneNumber.String()) > 25) {
		wrong.add("phone_number", "invalid", "is no number that can be dialled, for example +4915112345678")
	}
	wrong.email("email", c.Email)
	for i, p := range c.Phones {
		field := fmt.Sprintf("phones[%d]", i)
		wrong.oneOf(field+".type", p.Type, "office", "mobile", "home", "fax")
		if n := len([]rune(p.Number)); n < 3 {
			wrong.add(field+".number", "required", "is a number of 3 to 20 characters")
		}
		wrong.word(field+".number", p.Number, 25)
	}
	for i, e := range c.Emails {
		field := fmt.Sprintf("emails[%d]", i)
		wrong.oneOf(field+".type", e.Type, "office", "private", "other")
		wrong.required(field+".email", e.Email, 254)
		wrong.email(field+".email", e.Email)
	}
	for i, a := range c.Addresses {
		field := fmt.Sprintf("addresses[%d]", i)
		wrong.oneOf(field+".type", a.Type, "home", "billing", "business", "delivery", "mailing")
		wrong.word(field+".street", a.Street, 100)
		wrong.word(field+".house_number", a.HouseNumber, 20)
		wrong.word(field+".postal_code", a.PostalCode, 20)
		wrong.word(field+".city", a.City, 85)
		wrong.word(field+".country", a.Country, 50)
	}
	for field, all := range map[string][]string{"siteprofile_uuids": c.SiteprofileUUIDs, "workflowlevel1_uuids": c.Workflowlevel1UUIDs, "workflowlevel2_uuids": c.Workflowlevel2UUIDs} {
		for i, s := range all {
			wrong.required(fmt.Sprintf("%s[%d]", field, i), s, 36)
		}
	}
	for i, one := range c.Consents {
		wrong.text(fmt.Sprintf("consents[%d].source", i), one.Source, 255)
		wrong.text(fmt.Sprintf("consents[%d].text", i), one.Text, 2000)
		wrong.text(fmt.Sprintf("consents[%d].proof", i), one.Proof, 2000)
	}
}

// mirror keeps the first number and the list of numbers in step, and the same for mail: what changed since was wins; a number that is set is in the list, as a
// mobile; one that went from the list gives its place to the next mobile.
func (c *Contact) mirror(was *Contact) {
	if was == nil {
		was = &Contact{}
	}
	has := func(n phone.Number) bool {
		return slices.ContainsFunc(c.Phones, func(p ContactPhone) bool { return samePhone(p.Number, n) })
	}
	switch {
	case c.PhoneNumber != was.PhoneNumber:
		c.Phones = slices.Clone(c.Phones)
		if at := slices.IndexFunc(c.Phones, func(p ContactPhone) bool { return samePhone(p.Number, was.PhoneNumber) }); at >= 0 && !has(c.PhoneNumber) {
			c.Phones = slices.Delete(c.Phones, at, at+1)
		}
		if !c.PhoneNumber.IsZero() && !has(c.PhoneNumber) {
			c.Phones = slices.Insert(c.Phones, 0, ContactPhone{"mobile", c.PhoneNumber.String()})
		}
	case c.PhoneNumber.IsZero() || !has(c.PhoneNumber):
		c.PhoneNumber = phone.Number{}
		for _, p := range c.Phones {
			if n, err := phone.Parse(p.Number); err == nil && p.Type == "mobile" {
				c.PhoneNumber = n
				break
			}
		}
	}
	mailed := func(s string) bool {
		return slices.ContainsFunc(c.Emails, func(e ContactEmail) bool { return strings.EqualFold(e.Email, s) })
	}
	switch {
	case c.Email != was.Email:
		c.Emails = slices.Clone(c.Emails)
		if at := slices.IndexFunc(c.Emails, func(e ContactEmail) bool { return was.Email != "" && strings.EqualFold(e.Email, was.Email) }); at >= 0 && !mailed(c.Email) {
			c.Emails = slices.Delete(c.Emails, at, at+1)
		}
		if c.Email != "" && !mailed(c.Email) {
			c.Emails = slices.Insert(c.Emails, 0, ContactEmail{"private", c.Email})
		}
	case c.Email == "" || !mailed(c.Email):
		c.Email = ""
		if len(c.Emails) > 0 {
			c.Email = c.Emails[0].Email
		}
	}
}

func samePhone(s string, n phone.Number) bool {
	o, err := phone.Parse(s)
	return err == nil && !n.IsZero() && o == n
}

// nextCustomer gives a contact a customer number: the one that it had, else the next of its service provider.
func (c *Contact) nextCustomer(t *tx, was *Contact) error {
	if was != nil && was.CustomerID != 0 {
		c.CustomerID = was.CustomerID
		return nil
	}
	c.CustomerID = firstCustomerID
	prefix := contactKind.prefix('k', c.Provider)
	return t.Scan(tableIndex, prefix, after(prefix), true, func(k, _ []byte) (bool, error) {
		if len(k) == len(prefix)+16 {
			c.CustomerID = max(firstCustomerID, lastID(k[:len(k)-8])+1)
		}
		return false, nil
	})
}

func (c *Contact) changed(*tx, *Contact) error { return nil }
func (c *Contact) removable() error            { return nil }

func (c *Contact) drop(t *tx, limit int) (bool, error) {
	return dropAll(limit,
		func(n int) (bool, error) { return t.dropTo(linkNotify, n, c.ID) },
		func(n int) (bool, error) { return t.dropTo(linkMember, n, c.ID) })
}
