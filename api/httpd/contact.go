package httpd

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"trunkline/api"
	"trunkline/callplan/phone"
	"trunkline/router/access"
	"trunkline/store"
)

// peopleRoutes are the routes of the records of people and of what they may trigger.
var peopleRoutes = append(append(append(append(append(
	providerResource.routes(), administratorResource.routes()...), contactResource.routes()...), groupResource.routes()...), actionResource.routes()...),
	route{method: "POST", pattern: "/v1/groups/{id}/members", id: "changeMembers", need: access.ServiceEdit, summary: "Put contacts into a group and take others out",
		body: api.MembersRequest{}, status: http.StatusOK, answer: api.Group{}, problems: []int{400, 401, 403, 404, 409, 411, 413, 415, 422, 503}, handle: (*Server).changeMembers},
	route{method: "POST", pattern: "/v1/actions/{id}/grants", id: "changeGrants", need: access.ServiceEdit, summary: "Change who may trigger an action and who is told of it",
		body: api.GrantsRequest{}, status: http.StatusOK, answer: api.Action{}, problems: []int{400, 401, 403, 404, 409, 411, 413, 415, 422, 503}, handle: (*Server).changeGrants})

var contactResource = &resource[store.Contact, api.ContactFields, api.Contact]{
	noun: "contacts", one: "contact", view: access.ServiceView, edit: access.ServiceEdit, provision: access.ServiceProvision,
	records: (*store.Store).Contacts, meta: func(c *store.Contact) *store.Meta { return &c.Meta },
	show: contactOf, fields: contactFields, provider: func(f *api.ContactFields) *string { return &f.Provider }, apply: applyContact,
	kept: func(f api.ContactFields) api.ContactFields {
		return api.ContactFields{Provider: f.Provider, AdminID: f.AdminID, CustomerID: f.CustomerID}
	},
	fresh: func(r *request, f *api.ContactFields) { f.Provider, f.AdminID = r.usualOwner() },
	filters: []parameter{
		{name: "admin", doc: "id of the administrator that owns it, me, or 0 for nobody in particular"},
		{name: "group", doc: "id of a group that it is in", integer: true},
		{name: "number", doc: "one of its numbers, in any spelling; needs a service provider"},
		{name: "restricted", doc: "true: those to which nothing is sent"},
		{name: "customer_type", doc: "customer, contact, company or public"},
	},
	filter: filterContacts,
}

func contactOf(ctx context.Context, s *Server, c *store.Contact) (api.Contact, error) {
	out := api.Contact{Record: recordOf(&c.Meta), ContactFields: contactFields(c), FullName: c.FullName(), Groups: []uint64{}}
	out.Provider = s.store.ProviderName(out.Provider)
	groups, err := s.store.GroupsOf(ctx, c.ID)
	for i := range groups {
		out.Groups = append(out.Groups, groups[i].ID)
	}
	return out, err
}

func contactFields(c *store.Contact) api.ContactFields {
	f := api.ContactFields{Provider: c.Provider, AdminID: c.AdminID, LastName: c.LastName, FirstName: c.FirstName, MiddleName: c.MiddleName, Suffix: c.Suffix, Title: c.Title,
		PhoneNumber: c.PhoneNumber.String(), Email: c.Email, Description: c.Description, Notes: c.Notes, CustomerID: c.CustomerID, ContactType: c.ContactType,
		CustomerType: c.CustomerType, Company: c.Company, SiteprofileUUIDs: c.SiteprofileUUIDs, Workflowlevel1UUIDs: c.Workflowlevel1UUIDs,
		Workflowlevel2UUIDs: c.Workflowlevel2UUIDs, Restricted: c.Restricted}
	for _, p := range c.Phones {
		f.Phones = append(f.Phones, api.ContactPhone(p))
	}
	for _, e := range c.Emails {
		f.Emails = append(f.Emails, api.ContactEmail(e))
	}
	for _, a := range c.Addresses {
		f.Addresses = append(f.Addresses, api.ContactAddress(a))
	}
	for _, one := range c.Consents {
		f.Consents = append(f.Consents, api.Consent(one))
	}
	if c.CoreUserUUID != uuid.Nil {
		f.CoreUserUUID = c.CoreUserUUID.String()
	}
	return f
}

func applyContact(f *api.ContactFields, c *store.Contact, wrong *wrongFields) {
	c.Provider, c.AdminID, c.LastName, c.FirstName, c.MiddleName, c.Suffix, c.Title = f.Provider, f.AdminID, f.LastName, f.FirstName, f.MiddleName, f.Suffix, f.Title
	c.Email, c.Description, c.Notes, c.CustomerID, c.ContactType, c.CustomerType, c.Company = f.Email, f.Description, f.Notes, f.CustomerID, f.ContactType, f.CustomerType, f.Company
	c.SiteprofileUUIDs, c.Workflowlevel1UUIDs, c.Workflowlevel2UUIDs, c.Restricted = f.SiteprofileUUIDs, f.Workflowlevel1UUIDs, f.Workflowlevel2UUIDs, f.Restricted
	c.PhoneNumber = readNumber(f.PhoneNumber, "phone_number", wrong)
	c.Phones, c.Emails, c.Addresses, c.Consents, c.CoreUserUUID = nil, nil, nil, nil, uuid.Nil
	for _, p := range f.Phones {
		c.Phones = append(c.Phones, store.ContactPhone(p))
	}
	for _, e := range f.Emails {
		c.Emails = append(c.Emails, store.ContactEmail(e))
	}
	for _, a := range f.Addresses {
		c.Addresses = append(c.Addresses, store.ContactAddress(a))
	}
	for _, one := range f.Consents {
		c.Consents = append(c.Consents, store.Consent(one))
	}
	if f.CoreUserUUID != "" {
		id, err := uuid.Parse(f.CoreUserUUID)
		if err != nil || !strings.EqualFold(id.String(), f.CoreUserUUID) {
			wrong.add("core_user_uuid", api.FieldInvalid, "is no UUID, such as 0192f0c1-2b3a-4c4d-8e5f-60718293a4b5")
		}
		c.CoreUserUUID = id
	}
}

// readNumber reads a number; empty is none.
func readNumber(text, field string, wrong *wrongFields) phone.Number {
	if text == "" {
		return phone.Number{}
	}
	n, err := phone.Parse(text)
	if err != nil {
		wrong.add(field, api.FieldInvalid, err.Error())
	}
	return n
}

func filterContacts(ctx context.Context, s *Server, r *request, q *store.Listing[store.Contact]) error {
	var err error
	if q.Admin, err = r.ownerParameter(); err != nil {
		return err
	}
	if text := r.query.Get("group"); text != "" {
		id, err := strconv.ParseUint(text, 10, 64)
		if err != nil || id == 0 {
			return badParameter("group", api.FieldInvalid, "is no id of a group, which is a number")
		}
		g, err := s.store.Groups().Read(ctx, id)
		if err == nil {
			err = r.of(g.Provider)
		}
		if err != nil {
			return err
		}
		q.Group = id
	}
	if text := r.query.Get("number"); text != "" {
		if q.Number, err = phone.Parse(text); err != nil {
			return badParameter("number", api.FieldInvalid, err.Error())
		}
		if q.Provider == "" {
			q.Provider = store.DefaultProvider
		}
	}
	restricted, kind := r.query.Get("restricted"), r.query.Get("customer_type")
	if restricted != "" && restricted != "true" && restricted != "false" {
		return badParameter("restricted", api.FieldInvalid, "is neither true nor false")
	}
	if restricted != "" || kind != "" {
		q.WhereKey = restricted + " " + kind
		q.Where = func(c *store.Contact) bool {
			return (restricted == "" || c.Restricted == (restricted == "true")) && (kind == "" || c.CustomerType == kind)
		}
	}
	return nil
}

// ownerParameter reads the parameter admin; nil when it is absent.
func (r *request) ownerParameter() (*uint64, error) {
	text := r.query.Get("admin")
	if text == "" {
		return nil, nil
	}
	if text == "me" {
		_, id := r.usualOwner()
		return &id, nil
	}
	id, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return nil, badParameter("admin", api.FieldInvalid, "is neither an id of an administrator nor me")
	}
	return &id, nil
}

// usualOwner returns the service provider and the administrator to whom belongs what the caller makes: itself, when it is an administrator.
func (r *request) usualOwner() (provider string, admin uint64) {
	provider = r.who.Role.Provider()
	if provider == "" {
		provider = store.DefaultProvider
	}
	admin, _ = store.AccountAdmin(r.who.Account)
	return provider, admin
}
