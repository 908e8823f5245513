package httpd

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"trunkline/api"
	"trunkline/callplan"
	"trunkline/router"
	"trunkline/router/access"
	"trunkline/store"
)

// planRoutes are the routes of call plans, and of what they know: calendars and subscribers.
var planRoutes = slices.Concat([]route{
	{method: "GET", pattern: "/v1/plans", id: "plans", need: access.CallPatternView, summary: "List call plans, by service provider and name", query: planParameters,
		status: http.StatusOK, answer: api.PlanList{}, problems: []int{400, 401, 403}, handle: (*Server).listPlans},
	{method: "POST", pattern: "/v1/plans", id: "publishPlan", need: access.CallPatternProvision, summary: "Make a document the newest version of its plan and bring it into use; a document with errors changes nothing",
		query: []parameter{{name: "at", doc: "when it comes into use, RFC 3339; absent or past: at once"}, {name: "note", doc: "kept with the version, at most 250 characters"}},
		body:  api.PlanDocument{}, status: http.StatusCreated, answer: api.PlanPublished{}, problems: []int{400, 401, 403, 409, 411, 413, 415, 422, 503}, handle: (*Server).publishPlan},
	{method: "POST", pattern: "/v1/plans/check", id: "checkPlan", need: access.CallPatternView, summary: "Tell what is wrong or odd in a document, beside the plans in use and the trunks; changes nothing",
		body: api.PlanDocument{}, status: http.StatusOK, answer: api.PlanChecked{}, problems: []int{400, 401, 403, 411, 413, 415, 503}, handle: (*Server).checkPlan},
	{method: "POST", pattern: "/v1/plans/explain", id: "explainPlans", need: access.CallPatternView, summary: "Tell rule by rule what the plans in use do with a call",
		body: api.DecideRequest{}, status: http.StatusOK, answer: api.PlanExplanation{}, problems: []int{400, 401, 403, 411, 413, 415, 422, 503}, handle: (*Server).explainPlans},
	{method: "POST", pattern: "/v1/plans/diff", id: "diffPlans", need: access.CallPatternEdit, summary: "Tell which calls would be decided otherwise if plans were published; changes nothing",
		body: api.PlanDiffRequest{}, status: http.StatusOK, answer: api.PlanDifference{}, problems: []int{400, 401, 403, 404, 411, 413, 415, 422, 503}, handle: (*Server).diffPlans},
	{method: "GET", pattern: "/v1/plans/{provider}/{name}", id: "plan", need: access.CallPatternView, summary: "Show one call plan",
		status: http.StatusOK, answer: api.Plan{}, problems: []int{401, 403, 404}, handle: (*Server).showPlan},
	{method: "DELETE", pattern: "/v1/plans/{provider}/{name}", id: "purgePlan", need: access.CallPatternProvision, summary: "Remove an archived call plan with all its versions for good",
		status: http.StatusOK, answer: api.Plan{}, problems: []int{401, 403, 404, 409, 503}, handle: (*Server).purgePlan},
	{method: "GET", pattern: "/v1/plans/{provider}/{name}/versions", id: "planVersions", need: access.CallPatternView, summary: "List the versions of a call plan that are kept, the oldest first, without their documents",
		status: http.StatusOK, answer: api.PlanVersionList{}, problems: []int{401, 403, 404}, handle: (*Server).listPlanVersions},
	{method: "GET", pattern: "/v1/plans/{provider}/{name}/versions/{version}", id: "planVersion", need: access.CallPatternView, summary: "Show a version of a call plan with its document",
		status: http.StatusOK, answer: api.PlanVersion{}, problems: []int{400, 401, 403, 404}, handle: (*Server).showPlanVersion},
	{method: "POST", pattern: "/v1/plans/{provider}/{name}/rollback", id: "rollbackPlan", need: access.CallPatternEdit, summary: "Bring an older version of a call plan back into use; what waits for its time is given up",
		body: api.RollbackRequest{}, status: http.StatusOK, answer: api.Plan{}, problems: []int{400, 401, 403, 404, 409, 411, 413, 415, 422, 503}, handle: (*Server).rollbackPlan},
	{method: "POST", pattern: "/v1/plans/{provider}/{name}/archive", id: "archivePlan", need: access.CallPatternProvision, summary: "Put a call plan out of use and keep it",
		status: http.StatusOK, answer: api.Plan{}, problems: []int{401, 403, 404, 503}, handle: (*Server).archivePlan},
	{method: "POST", pattern: "/v1/plans/{provider}/{name}/restore", id: "restorePlan", need: access.CallPatternProvision, summary: "Take an archived call plan back into use",
		status: http.StatusOK, answer: api.Plan{}, problems: []int{401, 403, 404, 409, 503}, handle: (*Server).restorePlan},
}, calendarResource.routes(), subscriberResource.routes())

// planParameters are the query of GET /v1/plans.
var planParameters = []parameter{
	{name: "provider", doc: "service provider; absent: all"},
	{name: "archived", doc: "true: those that are archived, instead of those that are not"},
	{name: "limit", doc: "most plans of a page, 1 to 1000; 50 when absent", integer: true},
	{name: "cursor", doc: "next of the page before; the other parameters must be the same"},
}

// maxNote is how long a note about a version may be, in characters.
const maxNote = 250

func (s *Server) planOf(p *store.Plan) api.Plan {
	return api.Plan{Provider: s.store.ProviderName(p.Provider), Name: p.Name, Live: p.Live, Before: p.Before, Last: p.Last, Next: p.Next, NextAt: p.NextAt.UTC(),
		CreatedAt: p.CreatedAt.UTC(), UpdatedAt: p.UpdatedAt.UTC(), ArchivedAt: p.ArchivedAt.UTC()}
}

func (s *Server) planVersionOf(v *store.PlanVersion) api.PlanVersion {
	return api.PlanVersion{Provider: s.store.ProviderName(v.Provider), Name: v.Name, Version: v.Version, Author: v.Author, Note: v.Note, CreatedAt: v.CreatedAt.UTC(), Document: callplan.WithProvider(v.Document, s.store.ProviderName(v.Provider))}
}

// findingsOf never returns nil.
func findingsOf(found callplan.Findings) []api.PlanFinding {
	out := make([]api.PlanFinding, len(found))
	for i, f := range found {
		out[i] = api.PlanFinding(f)
	}
	return out
}

// planProblem returns the problem of an error about plans, or the error itself.
func planProblem(err error, found callplan.Findings) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, router.ErrPlanInvalid) && found != nil:
		var fields []api.FieldError
		for _, f := range found.Errors() {
			e := api.FieldError{Field: f.Pointer, Code: f.Code, Message: f.Message}
			if f.Example != "" {
				e.Message += "; for example " + f.Example
			}
			fields = append(fields, e)
		}
		p := invalid(fields)
		p.Title = "The call plan has errors and is not used"
		return p
	case errors.Is(err, router.ErrPlanInvalid):
		return api.NewProblem(http.StatusConflict, api.CodeConflict, "The version cannot be used any more", err.Error())
	case errors.Is(err, store.ErrArchived):
		return api.NewProblem(http.StatusConflict, api.CodeConflict, "It is archived", err.Error()+"; restore it first")
	case errors.Is(err, store.ErrNotArchived):
		return api.NewProblem(http.StatusConflict, api.CodeConflict, "The plan is not archived", "archive it first")
	case errors.Is(err, store.ErrTooMany):
		return api.NewProblem(http.StatusConflict, api.CodeConflict, "There are as many plans as there may be", strconv.Itoa(store.MaxPlans)+" of a service provider, archived ones included; purge one")
	}
	return err
}

// planner returns who keeps plans.
func (s *Server) planner() (*router.Plans, error) {
	if s.callPlans == nil {
		return nil, notReady("call plans are not kept")
	}
	return s.callPlans, nil
}

// planPath returns the service provider and the name in the path, when the request may see the plan.
func (s *Server) planPath(r *request) (provider, name string, err error) {
	provider, name = s.store.ProviderKey(r.PathValue("provider")), r.PathValue("name")
	return provider, name, r.of(provider)
}

// answerPlan answers with a plan, or with the problem of what was asked for.
func (s *Server) answerPlan(w http.ResponseWriter, p store.Plan, err error) error {
	if err != nil {
		return planProblem(err, nil)
	}
	return writeJSON(w, http.StatusOK, s.planOf(&p))
}

func (s *Server) listPlans(w http.ResponseWriter, r *request) error {
	q := store.PlanQuery{Provider: cmp.Or(s.store.ProviderKey(r.query.Get("provider")), r.who.Role.Provider()), Limit: usualLimit, Cursor: r.query.Get("cursor")}
	var wrong []api.FieldError
	switch v := r.query.Get("archived"); v {
	case "", "false":
	case "true":
		q.Archived = true
	default:
		wrong = append(wrong, api.FieldError{Field: "archived", Code: api.FieldInvalid, Message: "is neither true nor false"})
	}
	if v := r.query.Get("limit"); v != "" {
		var err error
		if q.Limit, err = strconv.Atoi(v); err != nil || q.Limit < 1 || q.Limit > maxLimit {
			wrong = append(wrong, api.FieldError{Field: "limit", Code: api.FieldOutOfRange, Message: "is no whole number from 1 to 1000"})
		}
	}
	if len(wrong) > 0 {
		return malformed(wrong...)
	}
	if r.of(q.Provider) != nil { // as one that does not exist
		return writeJSON(w, http.StatusOK, api.PlanList{Items: []api.Plan{}})
	}
	page, err := s.store.PlanPage(r.Context(), q)
	if err != nil {
		return err
	}
	out := api.PlanList{Items: make([]api.Plan, len(page.Items)), Next: page.Next}
	for i := range page.Items {
		out.Items[i] = s.planOf(&page.Items[i])
	}
	return writeJSON(w, http.StatusOK, out)
}

// may tells whether the request may touch what a service provider has.
func (r *request) may(provider string) bool { return r.of(provider) == nil }

// readDocument reads a body that is a plan: what is in it is for the reader of plans to judge.
func (s *Server) readDocument(w http.ResponseWriter, r *request) (json.RawMessage, error) {
	if err := checkMedia(r.Header["Content-Type"]); err != nil {
		return nil, err
	}
	doc, err := readBody(r.Request, nil, max(s.config.BodyLimit, store.MaxPlanBytes))
	if err != nil {
	}
	return doc, err
}

func (s *Server) publishPlan(w http.ResponseWriter, r *request) error {
	plans, err := s.planner()
	if err != nil {
		return err
	}
	doc := router.PlanDocument{Provider: r.who.Role.Provider(), May: r.may, Author: r.account, Note: r.query.Get("note")}
	var wrong []api.FieldError
	if v := r.query.Get("at"); v != "" {
		if doc.At, err = time.Parse(time.RFC3339, v); err != nil {
			wrong = append(wrong, api.FieldError{Field: "at", Code: api.FieldInvalid, Message: "is no RFC 3339 time, e.g. 2026-12-24T18:00:00Z"})
		}
	}
	if len([]rune(doc.Note)) > maxNote {
		wrong = append(wrong, api.FieldError{Field: "note", Code: api.FieldTooLong, Message: "has more than " + strconv.Itoa(maxNote) + " characters"})
	}
	if len(wrong) > 0 {
		return malformed(wrong...)
	}
	if doc.Document, err = s.readDocument(w, r); err != nil {
		return err
	}
	plan, found, err := plans.Publish(r.Context(), doc)
	if err != nil {
		return planProblem(err, found)
	}
	return writeJSON(w, http.StatusCreated, api.PlanPublished{Plan: s.planOf(&plan), Version: plan.Last, Warnings: findingsOf(found.Warnings())})
}

func (s *Server) checkPlan(w http.ResponseWriter, r *request) error {
	plans, err := s.planner()
	if err != nil {
		return err
	}
	doc, err := s.readDocument(w, r)
	if err != nil {
		return err
	}
	found, err := plans.Check(r.Context(), router.PlanDocument{Provider: r.who.Role.Provider(), May: r.may, Document: doc})
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, api.PlanChecked{Errors: findingsOf(found.Errors()), Warnings: findingsOf(found.Warnings())})
}

func (s *Server) showPlan(w http.ResponseWriter, r *request) error {
	provider, name, err := s.planPath(r)
	if err != nil {
		return err
	}
	p, err := s.store.Plan(r.Context(), provider, name)
	return s.answerPlan(w, p, err)
}

func (s *Server) listPlanVersions(w http.ResponseWriter, r *request) error {
	provider, name, err := s.planPath(r)
	if err != nil {
		return err
	}
	if _, err := s.store.Plan(r.Context(), provider, name); err != nil {
		return err
	}
	all, err := s.store.PlanVersions(r.Context(), provider, name)
	if err != nil {
		return err
	}
	out := api.PlanVersionList{Items: make([]api.PlanVersion, len(all))}
	for i := range all {
		out.Items[i] = s.planVersionOf(&all[i])
	}
	return writeJSON(w, http.StatusOK, out)
}

func (s *Server) showPlanVersion(w http.ResponseWriter, r *request) error {
	n, err := strconv.ParseInt(r.PathValue("version"), 10, 64)
	if err != nil || n < 1 {
		return badParameter("version", api.FieldInvalid, "is no number of a version, 1 or above")
	}
	provider, name, err := s.planPath(r)
	if err != nil {
		return err
	}
	v, err := s.store.PlanVersion(r.Context(), provider, name, n)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, s.planVersionOf(&v))
}

var rollbackFields = []field[api.RollbackRequest]{
	{"version", func(r *reader, at int32, v *api.RollbackRequest) {
		n, ok := r.integer(at)
		if ok && n < 0 {
			r.refuse(at, api.FieldOutOfRange, "is below 0")
		}
		v.Version = n
	}},
}

func (s *Server) rollbackPlan(w http.ResponseWriter, r *request) error {
	plans, err := s.planner()
	if err != nil {
		return err
	}
	provider, name, err := s.planPath(r)
	if err != nil {
		return err
	}
	body, err := decodeBody(s, r, rollbackFields)
	if err != nil {
		return err
	}
	p, err := plans.Rollback(r.Context(), provider, name, body.Version, r.account)
	return s.answerPlan(w, p, err)
}

func (s *Server) archivePlan(w http.ResponseWriter, r *request) error {
	return s.withPlan(w, r, (*router.Plans).Archive)
}

func (s *Server) restorePlan(w http.ResponseWriter, r *request) error {
	return s.withPlan(w, r, (*router.Plans).Restore)
}

func (s *Server) purgePlan(w http.ResponseWriter, r *request) error {
	return s.withPlan(w, r, (*router.Plans).Purge)
}

// withPlan does what needs no body.
func (s *Server) withPlan(w http.ResponseWriter, r *request, do func(p *router.Plans, ctx context.Context, provider, name, who string) (store.Plan, error)) error {
	plans, err := s.planner()
	if err != nil {
		return err
	}
	provider, name, err := s.planPath(r)
	if err != nil {
		return err
	}
	p, err := do(plans, r.Context(), provider, name, r.account)
	return s.answerPlan(w, p, err)
}
