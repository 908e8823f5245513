package httpd

import (
	"net/http"
	"time"

	"trunkline/api"
	"trunkline/callplan/phone"
	"trunkline/router/access"
	"trunkline/store"
)

var personParameters = []parameter{{name: "provider", doc: "service provider; absent: the caller's, of owners of the platform the default one"}}

// personRoutes are what somebody may ask for about himself: to see what is kept, to be left alone, to be forgotten.
var personRoutes = []route{
	{method: "GET", pattern: "/v1/persons/{number}", id: "person", need: access.ServiceView, summary: "Show what is known about a number, besides its messages and calls", query: personParameters,
		status: http.StatusOK, answer: api.Person{}, problems: []int{400, 401, 403, 404}, handle: (*Server).showPerson},
	{method: "GET", pattern: "/v1/persons/{number}/events", id: "personEvents", need: access.ServiceView, summary: "List events about a number: of its messages and calls, of contacts that have it, of its opting out",
		query:  append(personParameters[:1:1], parameter{name: "after", doc: "number of the last event that is known; absent: from the oldest", integer: true}),
		status: http.StatusOK, answer: api.PersonEvents{}, problems: []int{400, 401, 403, 404}, handle: (*Server).listPersonEvents},
	{method: "POST", pattern: "/v1/persons/{number}/restrict", id: "restrictPerson", need: access.ServiceEdit, summary: "Keep everything from being sent to a number and from being triggered by it, or allow that again",
		query: personParameters, body: api.RestrictRequest{}, status: http.StatusOK, answer: api.Person{}, problems: []int{400, 401, 403, 404, 409, 411, 413, 415, 422, 503}, handle: (*Server).restrictPerson},
	{method: "POST", pattern: "/v1/persons/{number}/erase", id: "erasePerson", need: access.ServiceProvision, summary: "Forget a person: remove its contacts and blank its messages; it is not written to any more",
		query: personParameters, status: http.StatusOK, answer: api.Erased{}, problems: []int{400, 401, 403, 404, 503}, handle: (*Server).erasePerson},
}

// personOf reads which number a request is about, and for which service provider.
func (s *Server) personOf(r *request) (n phone.Number, provider string, err error) {
	if provider, err = s.provider(r); err != nil {
		return n, "", err
	}
	if provider == "" {
		provider = store.DefaultProvider
	}
	if n, err = phone.Parse(r.PathValue("number")); err != nil {
		return n, provider, badParameter("number", api.FieldInvalid, err.Error())
	}
	return n, provider, nil
}

func (s *Server) answerPerson(w http.ResponseWriter, r *request, n phone.Number, provider string) error {
	out := api.Person{Number: n.String(), Provider: s.store.ProviderName(provider), Contacts: []api.Contact{}}
	all, err := s.contactsOf(r, n, provider)
	if err != nil {
		return err
	}
	for i := range all {
		c, err := contactOf(r.Context(), s, &all[i])
		if err != nil {
			return err
		}
		out.Contacts = append(out.Contacts, c)
		out.Restricted = out.Restricted || c.Restricted && c.ArchivedAt.IsZero()
	}
	p, err := s.store.Party(r.Context(), provider, n)
	if err != nil {
		return err
	}
	if p.Administrator != nil {
		out.AdministratorID = p.Administrator.ID
	}
	if out.OptedOut, err = s.store.OptedOut(r.Context(), n, ""); err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, out)
}

func (s *Server) listPersonEvents(w http.ResponseWriter, r *request) error {
	n, provider, err := s.personOf(r)
	if err != nil {
		return err
	}
	after := uint64(0)
	if text := r.query.Get("after"); text != "" {
		if after, err = parseSeq(text); err != nil {
			return badParameter("after", api.FieldInvalid, err.Error())
		}
	}
	all, next, err := s.store.PersonEvents(r.Context(), provider, n, after)
	if err != nil {
		return err
	}
	out := api.PersonEvents{Items: make([]api.Event, len(all)), Next: next}
	for i := range all {
		if out.Items[i], _, err = s.event(r.Context(), &all[i]); err != nil {
			return err
		}
		out.Items[i].Message, out.Items[i].Call = nil, nil // they are listed by themselves
	}
	return writeJSON(w, http.StatusOK, out)
}

func (s *Server) contactsOf(r *request, n phone.Number, provider string) ([]store.Contact, error) {
	page, err := s.store.Contacts().List(r.Context(), store.Listing[store.Contact]{Provider: provider, Number: n, Archived: store.ArchivedToo, Limit: maxLimit})
	return page.Items, err
}

func (s *Server) showPerson(w http.ResponseWriter, r *request) error {
	n, provider, err := s.personOf(r)
	if err != nil {
		return err
	}
	return s.answerPerson(w, r, n, provider)
}

func (s *Server) restrictPerson(w http.ResponseWriter, r *request) error {
	n, provider, err := s.personOf(r)
	if err != nil {
		return err
	}
	doc, err := s.readJSON(r)
	if err != nil {
		return err
	}
	defer doc.release()
	var body api.RestrictRequest
	if err := overlay(doc, &body); err != nil {
		return err
	}
	all, err := s.contactsOf(r, n, provider)
	if err != nil {
		return err
	}
	live := 0
	for i := range all {
		if !all[i].ArchivedAt.IsZero() {
			continue
		}
		live++
		if _, err := s.store.Contacts().Edit(r.Context(), all[i].ID, s.store.Now(), r.account, func(c *store.Contact) error { c.Restricted = body.Restricted; return nil }); err != nil {
			return contactResource.problem(err)
		}
	}
	if live == 0 && body.Restricted { // nobody knows the number yet: the restriction needs somewhere to stand
		c := store.Contact{Meta: store.Meta{Provider: provider}, PhoneNumber: n, Restricted: true}
		if _, err := s.store.Contacts().Add(r.Context(), s.store.Now(), r.account, c); err != nil {
			return contactResource.problem(err)
		}
	}
	return s.answerPerson(w, r, n, provider)
}

func (s *Server) erasePerson(w http.ResponseWriter, r *request) error {
	n, provider, err := s.personOf(r)
	if err != nil {
		return err
	}
	http.NewResponseController(w).SetWriteDeadline(time.Now().Add(replayLimit))
	e, err := s.store.Erase(r.Context(), provider, n, s.store.Now(), r.account)
	if err != nil {
		return err
	}
	s.log.Info("a person was erased", "account", r.account, "contacts", e.Contacts, "messages", e.Messages, "left", e.Left)
	return writeJSON(w, http.StatusOK, api.Erased(e))
}
