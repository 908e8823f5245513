package httpd

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"trunkline/api"
	"trunkline/router/access"
	"trunkline/store"
)

// resource serves the provisioned records of one kind: every kind has the same routes. T is the record, F what can be written of it, J what is answered.
type resource[T, F, J any] struct {
	noun                  string // in addresses, e.g. "contacts"
	one                   string // e.g. "contact"
	view, edit, provision access.Permission
	records               func(*store.Store) store.Records[T]
	meta                  func(*T) *store.Meta
	named                 func(*T) string // name by which it is found in addresses; nil: it has none
	show                  func(ctx context.Context, s *Server, v *T) (J, error)
	fields                func(*T) F
	provider, role        func(*F) *string       // where fields name a service provider, or a role; nil: nowhere
	kept                  func(F) F              // what PUT begins with: what cannot be changed, and what is usual
	fresh                 func(r *request, f *F) // fills in what a new one has when nothing is said
	apply                 func(f *F, v *T, wrong *wrongFields)
	may                   func(r *request, need access.Permission, was, now *T) error // further rules; was is nil of a new one, now of one that is read
	filters               []parameter
	filter                func(ctx context.Context, s *Server, r *request, q *store.Listing[T]) error
	changed               func(ctx context.Context, s *Server, v *T) error // after a change; nil: nothing
}

// wrongFields collects what is wrong with a request.
type wrongFields []api.FieldError

func (w *wrongFields) add(field, code, message string) {
	*w = append(*w, api.FieldError{Field: field, Code: code, Message: message})
}

var recordParameters = []parameter{
	{name: "provider", doc: "service provider; absent: the caller's, of owners of the platform all"},
	{name: "search", doc: "each word is the beginning of a word of the record, without case and accents; numbers are words too"},
	{name: "order", doc: "id (when absent) or name; with a minus sign from the end"},
	{name: "archived", doc: "true: those that are archived; all: all; absent: those in use"},
	{name: "limit", doc: "most records of a page, 1 to 1000; 50 when absent", integer: true},
	{name: "cursor", doc: "next of the page before; the other parameters must be the same"},
}

// routes returns the routes of the kind.
func (x *resource[T, F, J]) routes() []route {
	var fields F
	var answer J
	list, one := "/v1/"+x.noun, "/v1/"+x.noun+"/{id}"
	title := strings.ToUpper(x.one[:1]) + x.one[1:]
	write := []int{400, 401, 403, 404, 409, 411, 413, 415, 422, 503}
	step := []int{400, 401, 403, 404, 409, 422, 503}
	return []route{
		{method: "GET", pattern: list, id: x.noun, need: x.view, summary: "List " + x.noun, query: append(x.filters[:len(x.filters):len(x.filters)], recordParameters...),
			status: http.StatusOK, answer: api.RecordList[J]{}, problems: []int{400, 401, 403, 404, 422}, handle: x.list},
		{method: "POST", pattern: list, id: "add" + title, need: x.provision, summary: "Add one of the " + x.noun, body: fields,
			status: http.StatusCreated, answer: answer, problems: write, handle: x.add},
		{method: "GET", pattern: one, id: x.one, need: x.view, summary: "Show one of the " + x.noun + ", by its id, its UUID or its name",
			status: http.StatusOK, answer: answer, problems: []int{400, 401, 403, 404, 409}, handle: x.read},
		{method: "PUT", pattern: one, id: "replace" + title, need: x.edit, summary: "Set all fields of one of the " + x.noun + "; what is absent becomes empty", body: fields,
			status: http.StatusOK, answer: answer, problems: write, handle: func(s *Server, w http.ResponseWriter, r *request) error { return x.change(s, w, r, true) }},
		{method: "PATCH", pattern: one, id: "change" + title, need: x.edit, summary: "Set some fields of one of the " + x.noun + "; what is absent stays", body: fields,
			status: http.StatusOK, answer: answer, problems: write, handle: func(s *Server, w http.ResponseWriter, r *request) error { return x.change(s, w, r, false) }},
		{method: "DELETE", pattern: one, id: "purge" + title, need: x.provision, summary: "Remove one of the " + x.noun + " for good, with what only belongs to it; it must be archived",
			status: http.StatusOK, answer: answer, problems: step, handle: x.purge},
		{method: "POST", pattern: one + "/archive", id: "archive" + title, need: x.provision, summary: "Put one of the " + x.noun + " out of use and keep it",
			status: http.StatusOK, answer: answer, problems: step, handle: func(s *Server, w http.ResponseWriter, r *request) error {
				return x.step(s, w, r, x.records(s.store).Archive)
			}},
		{method: "POST", pattern: one + "/restore", id: "restore" + title, need: x.provision, summary: "Take an archived one of the " + x.noun + " back into use",
			status: http.StatusOK, answer: answer, problems: step, handle: func(s *Server, w http.ResponseWriter, r *request) error {
				return x.step(s, w, r, x.records(s.store).Restore)
			}},
	}
}

// problem returns the problem of an error about a record, or the error itself.
func (x *resource[T, F, J]) problem(err error) error {
	var faults *store.Faults
	conflict := func(title string) error {
		return api.NewProblem(http.StatusConflict, api.CodeConflict, title, err.Error())
	}
	switch {
	case errors.As(err, &faults):
		var wrong wrongFields
		for _, f := range faults.Fields {
			wrong.add(f.Field, f.Code, f.Text)
		}
		return invalid(wrong)
	case errors.Is(err, store.ErrArchived):
		return conflict("It is archived; restore it first")
	case errors.Is(err, store.ErrNotArchived):
		return conflict("It is not archived; archive it first")
	case errors.Is(err, store.ErrTooMany):
		return conflict("There are as many as there may be")
	case errors.Is(err, store.ErrInvalid):
		return conflict("That cannot be done with it")
	}
	return err
}

// provider returns the key of the service provider that a request is about: the one that it names, else the caller's. Empty is all.
func (s *Server) provider(r *request) (string, error) {
	own := r.who.Role.Provider()
	key := s.store.ProviderKey(r.query.Get("provider"))
	if key == "" || key == own {
		return own, nil
	}
	if !r.who.Can(r.need, key) {
		return "", store.ErrNotFound
	}
	return key, nil
}

// find returns the record that the path names, when the request may see it.
func (x *resource[T, F, J]) find(s *Server, r *request, need access.Permission) (v T, err error) {
	text, all := r.PathValue("id"), x.records(s.store)
	if id, bad := strconv.ParseUint(text, 10, 64); bad == nil && strconv.FormatUint(id, 10) == text {
		v, err = all.Read(r.Context(), id)
	} else if id, bad := uuid.Parse(text); bad == nil && id.String() == text {
		v, err = all.ByUUID(r.Context(), id)
	} else {
		v, err = x.byName(s, r, text)
	}
	if err != nil {
		return v, err
	}
	if !r.who.Can(need, x.meta(&v).Provider) {
		return v, store.ErrNotFound
	}
	if x.may != nil {
		err = x.may(r, need, &v, nil)
	}
	return v, err
}

// byName returns the only record of the caller's service provider with a name, or of all when it may see all.
func (x *resource[T, F, J]) byName(s *Server, r *request, name string) (v T, err error) {
	if x.named == nil || len(name) > 255 {
		return v, badParameter("id", api.FieldInvalid, "is no id of a "+x.one+", which is a number or a UUID")
	}
	q := store.Listing[T]{Provider: r.who.Role.Provider(), Archived: store.ArchivedToo, Limit: 1000, WhereKey: "name", Search: name,
		Where: func(v *T) bool { return strings.EqualFold(x.named(v), name) }}
	var found []T
	for {
		page, err := x.records(s.store).List(r.Context(), q)
		if err != nil {
			return v, err
		}
		for i := range page.Items {
			if r.who.Can(r.need, x.meta(&page.Items[i]).Provider) {
				found = append(found, page.Items[i])
			}
		}
		if q.Cursor = page.Next; q.Cursor == "" || len(found) > 1 {
			break
		}
	}
	switch len(found) {
	case 0:
		return v, store.ErrNotFound
	case 1:
		return found[0], nil
	}
	return v, api.NewProblem(http.StatusConflict, api.CodeConflict, "Several have this name", fmt.Sprintf("give the id of one, for example %d", x.meta(&found[0]).ID))
}

func (x *resource[T, F, J]) answer(s *Server, w http.ResponseWriter, r *request, status int, v T, err error) error {
	if err != nil {
		return x.problem(err)
	}
	if x.changed != nil && r.Method != http.MethodGet {
		if err := x.changed(r.Context(), s, &v); err != nil {
			return err
		}
	}
	out, err := x.show(r.Context(), s, &v)
	if err != nil {
		return err
	}
	if status == http.StatusCreated {
		w.Header().Set("Location", "/v1/"+x.noun+"/"+strconv.FormatUint(x.meta(&v).ID, 10))
	}
	return writeJSON(w, status, out)
}

func (x *resource[T, F, J]) list(s *Server, w http.ResponseWriter, r *request) error {
	provider, err := s.provider(r)
	if err != nil {
		return err
	}
	q := store.Listing[T]{Provider: provider, Search: r.query.Get("search"), Cursor: r.query.Get("cursor")}
	if len(q.Search) > 255 {
		return badParameter("search", api.FieldTooLong, "has more than 255 bytes")
	}
	if q.Limit, err = limitOf(r.query); err != nil {
		return err
	}
	q.Order, q.Descending = strings.CutPrefix(r.query.Get("order"), "-")
	switch a := r.query.Get("archived"); a {
	case "", "false":
	case "true":
		q.Archived = store.ArchivedOne
	case "all":
		q.Archived = store.ArchivedToo
	default:
		return badParameter("archived", api.FieldInvalid, "is none of true, all and false")
	}
	if x.filter != nil {
		if err := x.filter(r.Context(), s, r, &q); err != nil {
			return err
		}
	}
	page, err := x.records(s.store).List(r.Context(), q)
	if errors.Is(err, store.ErrInvalid) {
		return badParameter("order", api.FieldInvalid, err.Error())
	}
	if err != nil {
		return err
	}
	out := api.RecordList[J]{Items: make([]J, 0, len(page.Items)), Next: page.Next}
	for i := range page.Items {
		one, err := x.show(r.Context(), s, &page.Items[i])
		if err != nil {
			return err
		}
		out.Items = append(out.Items, one)
	}
	return writeJSON(w, http.StatusOK, out)
}

// limitOf reads the parameter limit; 0 when it is absent.
func limitOf(q url.Values) (int, error) {
	text := q.Get("limit")
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > maxLimit {
		return 0, badParameter("limit", api.FieldOutOfRange, "is no number from 1 to "+strconv.Itoa(maxLimit))
	}
	return n, nil
}

func (x *resource[T, F, J]) read(s *Server, w http.ResponseWriter, r *request) error {
	v, err := x.find(s, r, r.need)
	return x.answer(s, w, r, http.StatusOK, v, err)
}

func (x *resource[T, F, J]) add(s *Server, w http.ResponseWriter, r *request) error {
	doc, err := s.readJSON(r)
	if err != nil {
		return err
	}
	defer doc.release()
	var f F
	x.fresh(r, &f)
	back := x.translate(s, &f)
	if err := overlay(doc, &f); err != nil {
		return err
	}
	back()
	var v T
	var wrong wrongFields
	x.apply(&f, &v, &wrong)
	if m := x.meta(&v); m.Provider != "" && !r.who.Can(r.need, m.Provider) {
		wrong.add("provider", api.FieldUnknown, fmt.Sprintf("there is no service provider %q", s.store.ProviderName(m.Provider)))
	}
	if len(wrong) > 0 {
		return invalid(wrong)
	}
	if x.may != nil {
		if err := x.may(r, r.need, nil, &v); err != nil {
			return err
		}
	}
	all, err := x.records(s.store).Add(r.Context(), s.store.Now(), r.account, v)
	if err != nil {
		return x.problem(err)
	}
	return x.answer(s, w, r, http.StatusCreated, all[0], nil)
}

// change sets the fields that a body has; whole also empties the others.
func (x *resource[T, F, J]) change(s *Server, w http.ResponseWriter, r *request, whole bool) error {
	doc, err := s.readJSON(r)
	if err != nil {
		return err
	}
	defer doc.release()
	v, err := x.find(s, r, r.need)
	if err != nil {
		return err
	}
	v, err = x.records(s.store).Edit(r.Context(), x.meta(&v).ID, s.store.Now(), r.account, func(v *T) error {
		was := *v
		f := x.fields(v)
		if whole {
			f = x.kept(f)
		}
		back := x.translate(s, &f)
		if err := overlay(doc, &f); err != nil {
			return err
		}
		back()
		var wrong wrongFields
		provider := x.meta(v).Provider
		x.apply(&f, v, &wrong)
		if p := x.meta(v).Provider; p != provider {
			wrong.add("provider", "immutable", "the service provider cannot be changed")
		}
		if len(wrong) > 0 {
			return invalid(wrong)
		}
		if x.may != nil {
			return x.may(r, r.need, &was, v)
		}
		return nil
	})
	return x.answer(s, w, r, http.StatusOK, v, err)
}

func (x *resource[T, F, J]) step(s *Server, w http.ResponseWriter, r *request, do func(context.Context, uint64, time.Time, string) (T, error)) error {
	v, err := x.find(s, r, r.need)
	if err == nil {
		v, err = do(r.Context(), x.meta(&v).ID, s.store.Now(), r.account)
	}
	return x.answer(s, w, r, http.StatusOK, v, err)
}

func (x *resource[T, F, J]) purge(s *Server, w http.ResponseWriter, r *request) error {
	v, err := x.find(s, r, r.need)
	if err != nil {
		return err
	}
	out, err := x.show(r.Context(), s, &v)
	if err != nil {
		return err
	}
	http.NewResponseController(w).SetWriteDeadline(time.Now().Add(replayLimit))
	if err := x.records(s.store).Purge(r.Context(), x.meta(&v).ID, s.store.Now(), r.account); err != nil {
		return x.problem(err)
	}
	if x.changed != nil {
		if err := x.changed(r.Context(), s, &v); err != nil {
			return err
		}
	}
	return writeJSON(w, http.StatusOK, out)
}

func recordOf(m *store.Meta) api.Record {
	return api.Record{ID: m.ID, UUID: m.UUID.String(), CreatedAt: m.CreatedAt, CreatedBy: m.CreatedBy, UpdatedAt: m.UpdatedAt, UpdatedBy: m.UpdatedBy, ArchivedAt: m.ArchivedAt}
}
