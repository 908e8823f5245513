package httpd

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"trunkline/api"
	"trunkline/callplan/phone"
	"trunkline/router"
	"trunkline/router/access"
	"trunkline/router/screen"
	"trunkline/store"
)

var pageParameters = []parameter{{name: "limit", doc: "most of a page, 1 to 1000; 50 when absent", integer: true}, {name: "cursor", doc: "next of the page before"}}

// screeningRoutes are the routes of screening and of runs of actions.
var screeningRoutes = append(listEntryResource.routes(), []route{
	{method: "GET", pattern: "/v1/opt-outs", id: "optOuts", need: access.CallPatternView, summary: "List the numbers that asked not to be written to", query: pageParameters,
		status: http.StatusOK, answer: api.OptOutList{}, problems: []int{400, 401, 403}, handle: (*Server).listOptOuts},
	{method: "POST", pattern: "/v1/opt-outs", id: "addOptOut", need: access.CallPatternProvision, summary: "Keep a number from being written to",
		body: api.OptOutRequest{}, status: http.StatusCreated, answer: api.OptOut{}, problems: []int{400, 401, 403, 411, 413, 415, 422, 503}, handle: (*Server).addOptOut},
	{method: "DELETE", pattern: "/v1/opt-outs/{number}", id: "removeOptOut", need: access.CallPatternProvision, summary: "Let a number be written to again; only when its owner wants it",
		status: http.StatusOK, answer: api.OptOut{}, problems: []int{400, 401, 403, 404, 503}, handle: (*Server).removeOptOut},
	{method: "GET", pattern: "/v1/runs", id: "runs", need: access.ServiceView, summary: "List runs of actions, the newest first", query: pageParameters,
		status: http.StatusOK, answer: api.RunList{}, problems: []int{400, 401, 403}, handle: (*Server).listRuns},
	{method: "GET", pattern: "/v1/runs/{id}", id: "run", need: access.ServiceView, summary: "Show one run of an action",
		status: http.StatusOK, answer: api.Run{}, problems: []int{400, 401, 403, 404}, handle: (*Server).showRun},
	{method: "POST", pattern: "/v1/route-test", id: "testRoute", need: access.CallPatternView, summary: "Explain what screening and call plans would do with a message; nothing is sent",
		body: api.RouteTestRequest{}, status: http.StatusOK, answer: api.RouteTest{}, problems: []int{400, 401, 403, 404, 411, 413, 415, 422, 503}, handle: (*Server).testRoute},
	{method: "POST", pattern: "/v1/action-test", id: "testAction", need: access.ServiceView, summary: "Explain what would follow from a message that comes in; nothing is done",
		body: api.ActionTestRequest{}, status: http.StatusOK, answer: api.ActionTest{}, problems: []int{400, 401, 403, 404, 411, 413, 415, 422, 503}, handle: (*Server).testAction},
	{method: "GET", pattern: "/v1/action-lint", id: "lintActions", need: access.ServiceView, summary: "Tell what is probably not meant about the actions of a service provider",
		query:  []parameter{{name: "provider", doc: "service provider; absent: the caller's, of owners of the platform the default one"}},
		status: http.StatusOK, answer: api.ActionFindings{}, problems: []int{400, 401, 403, 404, 503}, handle: (*Server).lintActions},
	{method: "POST", pattern: "/v1/contacts/{id}/factor", id: "makeContactFactor", need: access.ServiceEdit, summary: "Make a secret of one-time passwords for a contact, for actions of level 3; told once",
		status: http.StatusOK, answer: api.ActionFactor{}, problems: []int{400, 401, 403, 404, 409, 503}, handle: func(s *Server, w http.ResponseWriter, r *request) error {
			c, err := contactResource.find(s, r, r.need)
			if err != nil {
				return contactResource.problem(err)
			}
			return s.makeFactor(w, r, store.Factor{ID: c.ID}, c.FullName())
		}},
	{method: "POST", pattern: "/v1/administrators/{id}/factor", id: "makeAdministratorFactor", need: access.ServiceAdministratorEdit, summary: "Make a secret of one-time passwords for an administrator, for actions of level 3; told once",
		status: http.StatusOK, answer: api.ActionFactor{}, problems: []int{400, 401, 403, 404, 409, 503}, handle: func(s *Server, w http.ResponseWriter, r *request) error {
			a, err := administratorResource.find(s, r, r.need)
			if err != nil {
				return administratorResource.problem(err)
			}
			return s.makeFactor(w, r, store.Factor{Administrator: true, ID: a.ID}, a.Username)
		}},
}...)

var listEntryResource = &resource[store.ListEntry, api.ListEntryFields, api.ListEntry]{
	noun: "list-entries", one: "list-entry", view: access.CallPatternView, edit: access.CallPatternEdit, provision: access.CallPatternProvision,
	records: (*store.Store).ListEntries, meta: func(e *store.ListEntry) *store.Meta { return &e.Meta },
	show: func(_ context.Context, s *Server, e *store.ListEntry) (api.ListEntry, error) {
		out := api.ListEntry{Record: recordOf(&e.Meta), ListEntryFields: listEntryFields(e)}
		out.Provider = s.store.ProviderName(out.Provider)
		return out, nil
	},
	fields: listEntryFields, provider: func(f *api.ListEntryFields) *string { return &f.Provider },
	kept: func(f api.ListEntryFields) api.ListEntryFields { return api.ListEntryFields{Provider: f.Provider} },
	fresh: func(r *request, f *api.ListEntryFields) {
		f.Provider = cmp.Or(r.who.Role.Provider(), store.DefaultProvider)
	},
	apply: applyListEntry,
	may: func(r *request, _ access.Permission, was, now *store.ListEntry) error {
		if own := r.who.Role.Provider(); own != "" && (was != nil && was.Global && r.Method != http.MethodGet || now != nil && now.Global) {
			return invalid(wrongFields{{Field: "global", Code: api.FieldInvalid, Message: "entries for all service providers are for owners of the platform"}})
		}
		return nil
	},
	changed: func(ctx context.Context, s *Server, _ *store.ListEntry) error {
		if s.screening == nil {
			return nil
		}
		return s.screening.Load(context.WithoutCancel(ctx))
	},
}

func listEntryFields(e *store.ListEntry) api.ListEntryFields {
	list := "deny"
	if e.Allow {
		list = "allow"
	}
	return api.ListEntryFields{Provider: e.Provider, Global: e.Global, List: list, Direction: e.Direction, Subscriber: e.Subscriber, Kind: e.Kind, Value: e.Value, Note: e.Note}
}

func applyListEntry(f *api.ListEntryFields, e *store.ListEntry, wrong *wrongFields) {
	if f.List != "deny" && f.List != "allow" {
		wrong.add("list", api.FieldInvalid, "is neither deny nor allow")
	}
	m := e.Meta
	m.Provider = f.Provider
	*e = store.ListEntry{Meta: m, Global: f.Global, Allow: f.List == "allow", Direction: f.Direction, Subscriber: f.Subscriber, Kind: f.Kind, Value: f.Value, Note: f.Note}
	checked, err := router.EntryOf(e)
	if err != nil {
		field, text, _ := strings.Cut(err.Error(), ": ")
		wrong.add(field, api.FieldInvalid, text)
		return
	}
	e.Value, e.Direction = checked.Value, checked.Direction.String()
}

func optOutOf(o *store.OptOut) api.OptOut {
	out := api.OptOut{Number: o.Number.String(), Trunk: o.Trunk, At: o.At.UTC(), Source: o.Source, Word: o.Word, By: o.By}
	if !o.Message.IsZero() {
		out.Message = o.Message.String()
	}
	return out
}

func (s *Server) listOptOuts(w http.ResponseWriter, r *request) error {
	if err := r.of(""); err != nil { // they hold for the numbers of this gateway, whoever writes
		return err
	}
	limit, err := limitOf(r.query)
	if err != nil {
		return err
	}
	from, err := base64.RawURLEncoding.DecodeString(r.query.Get("cursor"))
	if err != nil {
		return badParameter("cursor", api.FieldInvalid, "is not next of a page")
	}
	all, next, err := s.store.OptOuts(r.Context(), string(from), cmp.Or(limit, 50))
	if err != nil {
		return err
	}
	out := api.OptOutList{Items: make([]api.OptOut, 0, len(all)), Next: base64.RawURLEncoding.EncodeToString([]byte(next))}
	for i := range all {
		out.Items = append(out.Items, optOutOf(&all[i]))
	}
	return writeJSON(w, http.StatusOK, out)
}

func (s *Server) addOptOut(w http.ResponseWriter, r *request) error {
	if err := r.of(""); err != nil {
		return err
	}
	var body api.OptOutRequest
	if err := readInto(s, r, &body); err != nil {
		return err
	}
	n, err := phone.Parse(body.Number)
	if err != nil {
		return invalid(wrongFields{{Field: "number", Code: api.FieldInvalid, Message: err.Error()}})
	}
	if len(body.Trunk) > 32 {
		return invalid(wrongFields{{Field: "trunk", Code: api.FieldTooLong, Message: "has more than 32 bytes"}})
	}
	o, err := s.store.AddOptOut(r.Context(), store.OptOut{Number: n, Trunk: body.Trunk, At: s.store.Now(), Source: "api", By: r.account})
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusCreated, optOutOf(&o))
}

func (s *Server) removeOptOut(w http.ResponseWriter, r *request) error {
	if err := r.of(""); err != nil {
		return err
	}
	n, err := phone.Parse(r.PathValue("number"))
	if err != nil {
		return badParameter("number", api.FieldInvalid, err.Error())
	}
	if err := s.store.RemoveOptOut(r.Context(), n, s.store.Now(), r.account); err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, api.OptOut{Number: n.String(), At: s.store.Now(), Source: "api", By: r.account})
}

func (s *Server) runOf(x *store.Run) api.Run {
	out := api.Run{ID: x.ID.String(), Provider: s.store.ProviderName(x.Provider), Action: x.Action, Sender: x.Sender.String(), Who: x.Who, Trunk: x.Trunk, State: x.State.String(), Reason: x.Reason, At: x.At.UTC(), EndedAt: x.EndedAt.UTC(),
		ConfirmedBy: x.By, Output: x.Output}
	if x.Exit >= 0 {
		out.Exit = &x.Exit
	}
	for _, v := range x.Values {
		if out.Arguments == nil {
			out.Arguments = map[string]string{}
		}
		out.Arguments[v.Name] = v.Value
	}
	return out
}

func (s *Server) listRuns(w http.ResponseWriter, r *request) error {
	limit, err := limitOf(r.query)
	if err != nil {
		return err
	}
	var before store.MessageID
	if text := r.query.Get("cursor"); text != "" {
		if before, err = store.ParseMessageID(text); err != nil {
			return badParameter("cursor", api.FieldInvalid, "is not next of a page")
		}
	}
	all, next, err := s.store.Runs(r.Context(), r.who.Role.Provider(), before, cmp.Or(limit, 50))
	if err != nil {
		return err
	}
	out := api.RunList{Items: make([]api.Run, 0, len(all))}
	for i := range all {
		out.Items = append(out.Items, s.runOf(&all[i]))
	}
	if !next.IsZero() {
		out.Next = next.String()
	}
	return writeJSON(w, http.StatusOK, out)
}

func (s *Server) showRun(w http.ResponseWriter, r *request) error {
	id, err := store.ParseMessageID(r.PathValue("id"))
	if err != nil {
		return badParameter("id", api.FieldInvalid, "is no id of a run, which is a UUID")
	}
	x, err := s.store.Run(r.Context(), id)
	if err != nil {
		return err
	}
	if err := r.of(x.Provider); err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, s.runOf(&x))
}

// readInto reads the body of a request strictly.
func readInto[F any](s *Server, r *request, into *F) error {
	doc, err := s.readJSON(r)
	if err != nil {
		return err
	}
	defer doc.release()
	return overlay(doc, into)
}

func verdictOf(v screen.Verdict) api.Verdict {
	return api.Verdict{Authorized: v.Authorized, Code: v.Code, Text: v.Text, Entry: v.Entry}
}

func stepsOf(all []screen.Step) []api.Step {
	out := make([]api.Step, len(all))
	for i, one := range all {
		out[i] = api.Step{Rule: one.Rule, Result: one.Result}
	}
	return out
}

var errNoScreening = api.NewProblem(http.StatusServiceUnavailable, api.CodeNotReady, "Nothing is screened here", "")

// maxTestText is how long a text may be that is tried, in bytes.
const maxTestText = 64 << 10

// party reads a sender or recipient as it comes off the air: what has letters is a name.
func party(text string) (phone.Number, error) {
	if n, err := phone.Parse(text); err == nil || strings.Trim(text, "+0123456789 -.()") == "" {
		return n, err
	}
	if !utf8.ValidString(text) || utf8.RuneCountInString(text) > 11 { // 3GPP TS 23.040 §9.1.2.5
		return phone.Number{}, errors.New("is neither a number nor a name of at most 11 characters")
	}
	return phone.FromAddress(text, true), nil
}

func (s *Server) testRoute(w http.ResponseWriter, r *request) error {
	var body api.RouteTestRequest
	if err := readInto(s, r, &body); err != nil {
		return err
	}
	if s.screening == nil {
		return errNoScreening
	}
	provider, err := s.testedProvider(r, s.store.ProviderKey(body.Provider))
	if err != nil {
		return err
	}
	var wrong wrongFields
	number := func(field, text string) (n phone.Number) {
		if text != "" {
			var err error
			if n, err = party(text); err != nil {
				wrong.add(field, api.FieldInvalid, err.Error())
			}
		}
		return n
	}
	from, to := number("from", body.From), number("to", body.To)
	if body.From == "" && body.To == "" {
		wrong.add("from", api.FieldRequired, "name the sender of a message that comes in, or in to the recipient of one that goes out")
	}
	if len(wrong) > 0 {
		return invalid(wrong)
	}
	out := api.RouteTest{Direction: "out", Provider: s.store.ProviderName(provider)}
	var steps []screen.Step
	var v screen.Verdict
	if body.From != "" {
		out.Direction = "in"
		v, err = s.screening.Incoming(r.Context(), provider, &store.Message{From: from, To: to, Direction: store.In}, &steps)
	} else {
		v, err = s.screening.Outgoing(r.Context(), provider, cmp.Or(body.Account, r.account), to, &steps)
	}
	if err != nil {
		return err
	}
	out.Verdict, out.Steps = verdictOf(v), stepsOf(steps)
	out.Plan = s.router.TryMessage(provider, from.String(), to.String(), time.Now()).Effect
	return writeJSON(w, http.StatusOK, out)
}

// testedProvider is the service provider that a test is about: the one with a key, else the caller's.
func (s *Server) testedProvider(r *request, key string) (string, error) {
	provider := cmp.Or(key, r.who.Role.Provider(), store.DefaultProvider)
	if err := r.of(provider); err != nil {
		return "", err
	}
	_, err := s.store.Provider(r.Context(), provider)
	return provider, err
}

func (s *Server) testAction(w http.ResponseWriter, r *request) error {
	var body api.ActionTestRequest
	if err := readInto(s, r, &body); err != nil {
		return err
	}
	if s.inbound == nil {
		return errNoScreening
	}
	var wrong wrongFields
	from, err := party(body.From)
	if err != nil {
		wrong.add("from", api.FieldInvalid, err.Error())
	}
	if len(body.Text) > maxTestText {
		wrong.add("text", api.FieldTooLong, "has more than 65536 bytes")
	}
	if len(wrong) > 0 {
		return invalid(wrong)
	}
	provider, err := s.testedProvider(r, cmp.Or(s.store.ProviderKey(body.Provider), s.router.TrunkProvider(body.Trunk)))
	if err != nil {
		return err
	}
	t, err := s.inbound.Try(r.Context(), &store.Message{Direction: store.In, State: store.Received, From: from, Text: body.Text, Trunk: body.Trunk, Provider: provider, ReceivedAt: s.store.Now()})
	if err != nil {
		return err
	}
	out := api.ActionTest{Provider: s.store.ProviderName(t.Provider), Outcome: t.Outcome, Reason: t.Reason, Field: t.Field, Who: t.Who, Level: t.Level, Arguments: t.Values, Answer: t.Answer, Suspect: t.Suspect, Verdict: verdictOf(t.Verdict), Steps: stepsOf(t.Steps)}
	if t.Action != nil {
		out.Action = t.Action.Name
	}
	return writeJSON(w, http.StatusOK, out)
}

func (s *Server) lintActions(w http.ResponseWriter, r *request) error {
	if s.inbound == nil {
		return errNoScreening
	}
	provider, err := s.testedProvider(r, s.store.ProviderKey(r.query.Get("provider")))
	if err != nil {
		return err
	}
	all, err := s.inbound.Lint(r.Context(), provider)
	if err != nil {
		return err
	}
	out := api.ActionFindings{Items: make([]api.ActionFinding, len(all))}
	for i, f := range all {
		out.Items[i] = api.ActionFinding{Action: f.Action, Code: f.Code, Text: f.Text}
	}
	return writeJSON(w, http.StatusOK, out)
}

// makeFactor makes a new secret of one-time passwords, in place of the one before.
func (s *Server) makeFactor(w http.ResponseWriter, r *request, f store.Factor, label string) (err error) {
	if f.Secret, err = access.NewTOTPSecret(rand.Reader); err != nil {
		return err
	}
	if err := s.store.PutFactor(r.Context(), f, s.store.Now(), r.account); err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, api.ActionFactor{Secret: access.TOTPText(f.Secret), URI: access.TOTPURI("Trunkline", label, f.Secret)})
}
