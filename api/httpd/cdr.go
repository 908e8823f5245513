package httpd

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"trunkline/api"
	"trunkline/callplan/phone"
	"trunkline/router/access"
	"trunkline/store"
)

// cdrFilters choose records.
var cdrFilters = []parameter{
	{name: "kind", doc: "voice or sms"},
	{name: "direction", doc: "in or out"},
	{name: "provider", doc: "service provider"},
	{name: "subscriber", doc: "subscriber of the provider"},
	{name: "trunk", doc: "trunk that carried it"},
	{name: "number", doc: "number of the other side"},
	{name: "plan", doc: "call plan that decided"},
	{name: "outcome", doc: "how it ended, e.g. missed"},
	{name: "since", doc: "begun not before this time, RFC 3339"},
	{name: "until", doc: "begun before this time, RFC 3339"},
}

var cdrRoutes = []route{
	{method: "GET", pattern: "/v1/cdrs", id: "cdrs", need: access.StatisticsView, summary: "List records of calls, the newest first", query: slices.Concat(cdrFilters, []parameter{
		{name: "limit", doc: "most records of a page, 1 to 1000; 50 when absent", integer: true},
		{name: "cursor", doc: "next of the page before; the other parameters must be the same"},
		{name: "order", doc: "desc (newest first, when absent) or asc"},
	}), status: http.StatusOK, answer: api.CDRList{}, problems: []int{400, 401, 403, 404}, handle: (*Server).listCDRs},
	{method: "GET", pattern: "/v1/cdrs/export", id: "exportCDRs", need: access.StatisticsView, summary: "Records of calls as CSV, the oldest first", query: slices.Concat(cdrFilters, []parameter{
		{name: "columns", doc: "easy0 (its seven, when absent) or all"},
	}), status: http.StatusOK, media: "text/csv", problems: []int{400, 401, 403, 404}, handle: (*Server).exportCDRs},
	{method: "GET", pattern: "/v1/cdrs/{id}", id: "cdr", need: access.StatisticsView, summary: "Show one record of a call",
		status: http.StatusOK, answer: api.CDR{}, problems: []int{400, 401, 403, 404}, handle: (*Server).showCDR},
}

// cdrOf returns a record as the contract shows it.
func (s *Server) cdrOf(c *store.CDR) api.CDR {
	out := api.CDR{ID: c.ID.String(), Kind: c.Kind.String(), Direction: c.Direction.String(), Provider: s.store.ProviderName(c.Provider), Subscriber: c.Subscriber, Trunk: c.Trunk, Number: c.Number.String(),
		Withheld: c.Withheld, Line: c.Line.String(), StartedAt: c.StartedAt.UTC(), AnsweredAt: c.AnsweredAt.UTC(), EndedAt: c.EndedAt.UTC(), Outcome: c.Outcome, Cause: c.Cause, Rings: c.Rings,
		Account: s.shownAccount(c.Account), Screening: c.Screening, Events: make([]api.CDREvent, len(c.Events))}
	out.Seconds = c.Stood().Seconds()
	if !c.Message.IsZero() {
		out.MessageID = c.Message.String()
	}
	if d := c.Decision; d != nil {
		out.Decision = &api.CallDecision{Action: d.Action, Plan: d.Plan, Version: d.Version, Rule: d.Rule, Label: d.Label, Treatment: d.Treatment}
		if d.Draw >= 0 {
			draw := float64(d.Draw) / 100
			out.Decision.Draw = &draw
		}
	}
	if r := c.Reply; r != nil {
		out.Reply = &api.CallReply{At: r.At.UTC(), Refused: r.Refused}
		if !r.Message.IsZero() {
			out.Reply.MessageID = r.Message.String()
		}
	}
	for i, e := range c.Events {
		out.Events[i] = api.CDREvent{At: e.At.UTC(), Name: e.Name, Detail: e.Detail}
	}
	return out
}

// cdrID reads the id in the path.
func cdrID(r *request) (store.CDRID, error) {
	id, err := store.ParseCDRID(r.PathValue("id"))
	if err != nil || id.String() != r.PathValue("id") {
		return id, badParameter("id", api.FieldInvalid, "is no id of a call, such as 0192f0c1-2b3a-7c4d-8e5f-60718293a4b5")
	}
	return id, nil
}

// visibleCDR returns the record that the path names; one that is out of sight of who asks is as if it were missing.
func (s *Server) visibleCDR(r *request) (store.CDR, error) {
	id, err := cdrID(r)
	if err != nil {
		return store.CDR{}, err
	}
	c, err := s.store.CDR(r.Context(), id)
	if err == nil {
		err = r.of(c.Provider)
	}
	return c, err
}

func (s *Server) showCDR(w http.ResponseWriter, r *request) error {
	c, err := s.visibleCDR(r)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, s.cdrOf(&c))
}

func (s *Server) listCDRs(w http.ResponseWriter, r *request) error {
	q, err := s.cdrQuery(r)
	if err != nil {
		return err
	}
	return s.answerCDRs(w, r, q)
}

// answerCDRs answers with a page of records.
func (s *Server) answerCDRs(w http.ResponseWriter, r *request, q store.CDRQuery) error {
	page, err := s.store.CDRs(r.Context(), q)
	if err != nil {
		return err
	}
	out := api.CDRList{Items: make([]api.CDR, len(page.Items)), Next: page.Next}
	for i := range page.Items {
		out.Items[i] = s.cdrOf(&page.Items[i])
	}
	return writeJSON(w, http.StatusOK, out)
}

// cdrQuery reads the parameters of a list or an export; every wrong one is named.
func (s *Server) cdrQuery(r *request) (q store.CDRQuery, err error) {
	v := r.query
	q = store.CDRQuery{Subscriber: v.Get("subscriber"), Trunk: v.Get("trunk"), Plan: v.Get("plan"), Outcome: v.Get("outcome"), Cursor: v.Get("cursor"), Limit: usualLimit}
	if q.Provider, err = s.provider(r); err != nil {
		return q, err
	}
	var wrong wrongFields
	switch s := v.Get("kind"); s {
	case "":
	case store.CDRVoice.String():
		q.Kind = store.CDRVoice
	case store.CDRMessage.String():
		q.Kind = store.CDRMessage
	default:
		wrong.add("kind", api.FieldInvalid, "is neither voice nor sms")
	}
	switch s := v.Get("direction"); s {
	case "":
	case store.In.String():
		q.Direction = store.In
	case store.Out.String():
		q.Direction = store.Out
	default:
		wrong.add("direction", api.FieldInvalid, "is neither in nor out")
	}
	if _, err := store.ParseState(q.Outcome); q.Outcome != "" && err != nil && !slices.Contains(store.CallOutcomes(), q.Outcome) {
		wrong.add("outcome", api.FieldInvalid, "is none of "+strings.Join(store.CallOutcomes(), ", ")+", and no state of a message")
	}
	switch s := v.Get("order"); s {
	case "", "desc":
	case "asc":
		q.Ascending = true
	default:
		wrong.add("order", api.FieldInvalid, "is neither asc nor desc")
	}
	if s := v.Get("number"); s != "" {
		if q.Number, err = phone.Parse(s); err != nil {
			wrong.add("number", api.FieldInvalid, err.Error())
		}
	}
	for _, p := range []struct {
		name string
		at   *time.Time
	}{{"since", &q.Since}, {"until", &q.Until}} {
		if s := v.Get(p.name); s != "" {
			if *p.at, err = time.Parse(time.RFC3339, s); err != nil {
				wrong.add(p.name, api.FieldInvalid, "is no RFC 3339 time, e.g. 2026-12-24T18:00:00Z")
			}
		}
	}
	if !q.Since.IsZero() && !q.Until.IsZero() && !q.Since.Before(q.Until) {
		wrong.add("until", api.FieldInvalid, "is not after since: there is no time between them")
	}
	if s := v.Get("limit"); s != "" {
		if q.Limit, err = strconv.Atoi(s); err != nil || q.Limit < 1 || q.Limit > maxLimit {
			wrong.add("limit", api.FieldOutOfRange, "is no whole number from 1 to 1000")
		}
	}
	if len(wrong) > 0 {
		return q, malformed(wrong...)
	}
	return q, nil
}
