package httpd

import (
	"context"
	"errors"
	"net/http"
	"time"

	"trunkline/api"
	"trunkline/router"
	"trunkline/router/access"
	"trunkline/store"
)

// CallControl places and ends calls, and knows what is diverted. *router.Calls is one.
type CallControl interface {
	Place(ctx context.Context, o router.CallOrder) (store.CDR, error)
	HangUp(ctx context.Context, id store.CDRID) error
	Diversions(ctx context.Context) ([]router.DivertedLine, error)
}

var callRoutes = []route{
	{method: "GET", pattern: "/v1/calls", id: "calls", need: access.StatisticsView, summary: "List the calls that last", query: []parameter{{name: "provider", doc: "service provider"}},
		status: http.StatusOK, answer: api.CDRList{}, problems: []int{400, 401, 403, 404}, handle: (*Server).listCalls},
	{method: "POST", pattern: "/v1/calls", id: "placeCall", need: access.SettingsEdit, summary: "Place a call: it rings, presses keys when it is answered, and is hung up; for administrators",
		body: api.CallRequest{}, status: http.StatusAccepted, answer: api.CDR{}, problems: []int{400, 401, 403, 409, 411, 413, 415, 422, 503}, handle: (*Server).placeCall},
	{method: "DELETE", pattern: "/v1/calls/{id}", id: "hangUp", need: access.SettingsEdit, summary: "End a call; one that rings is refused; for administrators",
		status: http.StatusOK, answer: api.CDR{}, problems: []int{400, 401, 403, 404, 409, 503}, handle: (*Server).hangUp},
	{method: "GET", pattern: "/v1/diversions", id: "diversions", need: access.SettingsView, summary: "Show where the network passes calls to modems on to, and where it should",
		status: http.StatusOK, answer: api.DiversionList{}, problems: []int{401, 403}, handle: (*Server).listDiversions},
}

var callFields = []field[api.CallRequest]{
	{"to", func(r *reader, at int32, v *api.CallRequest) { v.To, _ = r.str(at) }},
	{"trunk", func(r *reader, at int32, v *api.CallRequest) { v.Trunk, _ = r.str(at) }},
	{"ring_for", func(r *reader, at int32, v *api.CallRequest) { v.RingFor = r.length(at) }},
	{"keys", func(r *reader, at int32, v *api.CallRequest) { v.Keys, _ = r.str(at) }},
	{"talk_for", func(r *reader, at int32, v *api.CallRequest) { v.TalkFor = r.length(at) }},
}

// length reads a duration, above zero and at most a day.
func (r *reader) length(at int32) api.Duration {
	const most = 24 * time.Hour
	d := time.Duration(0)
	switch r.doc.nodes[at].kind {
	case kindString:
		var err error
		if d, err = duration(r.doc.content(at)); err != nil {
			r.refuse(at, api.FieldInvalid, err.Error())
			return 0
		}
	case kindNumber:
		n, ok := r.integer(at)
		if !ok {
			return 0
		}
		d = time.Duration(max(-1, min(n, int64(most/time.Second)+1))) * time.Second
	default:
		r.wrongType(at, "a duration such as \"30s\" or a number of seconds")
		return 0
	}
	if d <= 0 || d > most {
		r.refuse(at, api.FieldOutOfRange, "must be above zero and at most 24h")
		return 0
	}
	return api.Duration(d)
}

func (s *Server) listCalls(w http.ResponseWriter, r *request) error {
	provider, err := s.provider(r)
	if err != nil {
		return err
	}
	return s.answerCDRs(w, r, store.CDRQuery{Provider: provider, Lasting: true, Limit: maxLimit})
}

func (s *Server) placeCall(w http.ResponseWriter, r *request) error {
	body, err := decodeBody(s, r, callFields)
	if err != nil {
		return err
	}
	if s.calls == nil {
		return notReady("there is nothing to call with")
	}
	c, err := s.calls.Place(r.Context(), router.CallOrder{Account: r.account, To: body.To, Trunk: body.Trunk, RingFor: time.Duration(body.RingFor), Keys: body.Keys, TalkFor: time.Duration(body.TalkFor)})
	if err != nil {
		return callProblem(err)
	}
	return writeJSON(w, http.StatusAccepted, s.cdrOf(&c))
}

func (s *Server) hangUp(w http.ResponseWriter, r *request) error {
	c, err := s.visibleCDR(r)
	if err != nil {
		return err
	}
	if s.calls == nil {
		return notReady("there is nothing to call with")
	}
	if err := s.note(r, "call.hang_up", c.ID.String()); err != nil {
		return err
	}
	if err := s.calls.HangUp(r.Context(), c.ID); err != nil {
		return callProblem(err)
	}
	return writeJSON(w, http.StatusOK, s.cdrOf(&c))
}

// callProblem returns the problem of an error about a call, or the error itself.
func callProblem(err error) error {
	switch {
	case errors.Is(err, router.ErrNoCall):
		return api.NewProblem(http.StatusConflict, api.CodeConflict, "The call does not last any more", "GET /v1/calls lists those that do")
	case errors.Is(err, router.ErrLineBusy):
		return api.NewProblem(http.StatusConflict, api.CodeConflict, "The line has a call already", "")
	case errors.Is(err, router.ErrLineDown):
		return notReady("no line is free, or the modem cannot be reached")
	}
	return err
}

func (s *Server) listDiversions(w http.ResponseWriter, r *request) error {
	out := api.DiversionList{Items: []api.Diversion{}}
	if s.calls != nil {
		all, err := s.calls.Diversions(r.Context())
		if err != nil {
			return err
		}
		for _, d := range all {
			when := d.Wanted.When
			if when == "" {
				when = d.Actual.When
			}
			out.Items = append(out.Items, api.Diversion{Trunk: d.Trunk, Card: d.Identity, When: when, Wanted: d.Wanted.To, Actual: d.Actual.To, CheckedAt: d.Checked.UTC(), Problem: d.Problem})
		}
	}
	return writeJSON(w, http.StatusOK, out)
}
