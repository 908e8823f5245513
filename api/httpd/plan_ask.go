package httpd

import (
	"cmp"
	"net/http"
	"strconv"
	"time"

	"trunkline/api"
	"trunkline/callplan"
	"trunkline/store"
)

func (s *Server) explainPlans(w http.ResponseWriter, r *request) error {
	plans, err := s.planner()
	if err != nil {
		return err
	}
	q, err := decodeBody(s, r, decideFields)
	if err != nil {
		return err
	}
	q.Provider = cmp.Or(s.store.ProviderKey(q.Provider), r.who.Role.Provider())
	s.complete(&q.Facts, nil, time.Now())
	if !r.may(q.Provider) {
		return invalid([]api.FieldError{{Field: "provider", Code: api.FieldUnknown, Message: "names no service provider"}})
	}
	e := plans.Set(q.Provider).Explain(&q.Facts)
	if e.Steps == nil {
		e.Steps = []callplan.Step{}
	}
	return writeJSON(w, http.StatusOK, e) // its JSON is that of api.PlanExplanation
}

// maxDiffCalls is how many recorded calls one comparison takes, and maxDiffExamples how many of each change it shows.
const (
	maxDiffCalls    = 1000
	maxDiffExamples = 100
	diffLimit       = time.Minute // for the answer
)

// comparison is an api.PlanDiffRequest while it is read.
type comparison struct {
	provider string
	plans    [][]byte
	calls    []callplan.Facts
	examples int
}

var diffFields = []field[comparison]{
	{"provider", func(r *reader, at int32, v *comparison) { v.provider = r.fact(at) }},
	{"plans", func(r *reader, at int32, v *comparison) {
		if r.doc.nodes[at].kind != kindArray {
			r.wrongType(at, "a list of call plans")
			return
		}
		for c := r.doc.first(at); c >= 0; c = r.doc.next(c) {
			v.plans = append(v.plans, r.doc.raw(c))
		}
	}},
	{"calls", func(r *reader, at int32, v *comparison) {
		switch n := &r.doc.nodes[at]; {
		case n.kind != kindArray:
			r.wrongType(at, "a list of calls")
			return
		case n.count > maxDiffCalls:
			r.refuse(at, api.FieldTooMany, "has "+strconv.Itoa(int(n.count))+" calls, at most "+strconv.Itoa(maxDiffCalls)+" are taken")
			return
		}
		for c := r.doc.first(at); c >= 0; c = r.doc.next(c) {
			var q question
			decodeObject(r, c, decideFields, &q)
			v.calls = append(v.calls, q.Facts)
		}
	}},
	{"examples", func(r *reader, at int32, v *comparison) {
		n, ok := r.integer(at)
		if ok && (n < 0 || n > maxDiffExamples) {
			r.refuse(at, api.FieldOutOfRange, "is not between 0 and "+strconv.Itoa(maxDiffExamples))
			return
		}
		v.examples = int(n)
	}},
}

func (s *Server) diffPlans(w http.ResponseWriter, r *request) error {
	plans, err := s.planner()
	if err != nil {
		return err
	}
	body, err := decodeBody(s, r, diffFields)
	if err != nil {
		return err
	}
	switch {
	case body.plans == nil:
		return invalid([]api.FieldError{{Field: "plans", Code: api.FieldRequired, Message: "name at least one call plan"}})
	}
	body.provider = cmp.Or(s.store.ProviderKey(body.provider), r.who.Role.Provider(), store.DefaultProvider)
	if err := r.of(body.provider); err != nil {
		return err
	}
	for i := range body.calls {
		c := &body.calls[i]
		c.Provider = cmp.Or(s.store.ProviderKey(c.Provider), body.provider)
		if c.At.IsZero() {
			c.At = time.Now()
		}
	}
	http.NewResponseController(w).SetWriteDeadline(time.Now().Add(diffLimit))
	d, found, err := plans.Diff(r.Context(), body.provider, body.plans, body.calls, callplan.DiffOptions{Examples: body.examples, At: time.Now()})
	if err != nil {
		return planProblem(err, found)
	}
	if d.Changes == nil {
		d.Changes = []callplan.Change{}
	}
	for _, c := range d.Changes {
		for i := range c.Examples {
			f := &c.Examples[i].Facts
			f.Provider = s.store.ProviderName(f.Provider)
		}
	}
	return writeJSON(w, http.StatusOK, d) // its JSON is that of api.PlanDifference
}
