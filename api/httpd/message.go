package httpd

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"trunkline/api"
	"trunkline/callplan/phone"
	"trunkline/router/access"
	"trunkline/store"
)

// Pages of messages.
const (
	usualLimit = 50
	maxLimit   = 1000
)

// messageOf returns a message as the contract shows it.
func (s *Server) messageOf(m *store.Message) api.Message {
	out := api.Message{ID: m.ID.String(), Direction: m.Direction.String(), State: m.State.String(), To: m.To.String(), From: m.From.String(),
		Text: shownText(m), Data: m.Data, Trunk: m.Trunk, Account: s.shownAccount(m.Account), Tag: m.Tag, Priority: int(m.Priority), Flash: m.Flash, Port: int(m.Port),
		Parts: make([]api.Part, len(m.Parts)), CreatedAt: m.CreatedAt.UTC(), SendAt: m.SendAt.UTC(), ExpiresAt: m.ExpiresAt.UTC(),
		NotBefore: m.NotBefore.UTC(), SentAt: m.SentAt.UTC(), DeliveredAt: m.DeliveredAt.UTC(), ReceivedAt: m.ReceivedAt.UTC(), CentreAt: m.CentreAt.UTC(),
		Error: failureOf(m.Failure), Incomplete: m.Incomplete, Missing: m.Missing, Notes: m.Notes, OnAmbiguous: m.OnAmbiguous.String()}
	out.Subject, out.Class, out.Action, out.Secret = m.Subject, m.Class, m.Action, m.Secret
	if v := m.Verdict; v != nil {
		out.Verdict = &api.Verdict{Authorized: v.Authorized, Code: v.Code, Text: v.Text}
	}
	if out.Trunk == "" {
		out.Trunk = m.Pin
	}
	if m.Routing != nil {
		out.Plan = s.messagePlanOf(m)
		if out.Trunk == "" && m.State == store.Waiting {
			out.Trunk = m.Routing.Trunk
		}
	}
	if !m.DuplicateOf.IsZero() {
		out.DuplicateOf = m.DuplicateOf.String()
	}
	for i := range m.Parts {
		out.Parts[i] = partOf(&m.Parts[i])
	}
	return out
}

// shownText is the text of a message for everybody but its recipient.
func shownText(m *store.Message) string {
	if m.Secret {
		return ""
	}
	return m.Text
}

func (s *Server) messagePlanOf(m *store.Message) *api.MessagePlan {
	r := m.Routing
	out := &api.MessagePlan{Provider: s.store.ProviderName(r.Provider), Action: r.Action, Name: r.Plan, Version: r.Version, Rule: r.Rule, Label: r.Label, Trunk: r.Trunk, Note: r.Note}
	switch {
	case m.Direction == store.In && !r.Origin.IsZero():
		out.ForwardID = r.Origin.String()
	case m.Direction == store.Out && !r.Origin.IsZero():
		out.ForwardOf = r.Origin.String()
	case m.Direction == store.Out && r.Called != m.To.String():
		out.OriginalTo = r.Called
	}
	return out
}

func partOf(p *store.Part) api.Part {
	out := api.Part{Seq: p.Seq, State: p.State.String(), Reference: known(p.Reference), Status: known(p.Status), Trunk: p.Trunk,
		SentAt: p.SentAt.UTC(), DeliveredAt: p.DeliveredAt.UTC(), Resends: int(p.Resends), Evidence: p.Evidence}
	for _, a := range p.Attempts {
		out.Attempts = append(out.Attempts, api.Attempt{Number: a.Number, Trunk: a.Trunk, Phase: phases[a.Phase], StartedAt: a.StartedAt.UTC(),
			EndedAt: a.EndedAt.UTC(), Until: a.Until.UTC(), Error: failureOf(a.Failure)})
	}
	return out
}

var phases = map[store.Phase]string{store.Claimed: "claimed", store.Committing: "committing", store.Unclear: "unclear", store.Ended: "ended"}

// known returns nil for -1, which stands for nothing.
func known(n int) *int {
	if n < 0 {
		return nil
	}
	return &n
}

func failureOf(f *store.Failure) *api.Failure {
	if f == nil {
		return nil
	}
	return &api.Failure{Code: f.Code, Text: f.Text}
}

// messageID reads the id in the path.
func messageID(r *request) (store.MessageID, error) {
	id, err := store.ParseMessageID(r.PathValue("id"))
	if err != nil || id.String() != r.PathValue("id") {
		return id, badParameter("id", api.FieldInvalid, "is no id of a message, such as 0192f0c1-2b3a-7c4d-8e5f-60718293a4b5")
	}
	return id, nil
}

// sees tells whether a message is in sight: one's own is, and those of others with easy0_statistics_view.
func sees(who access.Principal, m *store.Message) bool {
	return who.Can(access.StatisticsView, m.Tenant()) || m.Account == who.Account && who.Role.Reaches(m.Tenant())
}

// visible returns a message that is in sight of who asks; any other is as if it were missing.
func (s *Server) visible(r *request, id store.MessageID) (store.Message, error) {
	m, err := s.store.Message(r.Context(), id)
	if err == nil && !sees(r.who, &m) {
		return store.Message{}, fmt.Errorf("message %s: %w", id, store.ErrNotFound)
	}
	return m, err
}

func (s *Server) message(w http.ResponseWriter, r *request) error {
	id, err := messageID(r)
	if err != nil {
		return err
	}
	m, err := s.visible(r, id)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, s.messageOf(&m))
}

func (s *Server) cancelMessage(w http.ResponseWriter, r *request) error {
	id, err := messageID(r)
	if err != nil {
		return err
	}
	if _, err := s.visible(r, id); err != nil {
		return err
	}
	m, err := s.router.Cancel(r.Context(), id)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, s.messageOf(&m))
}

// messageParameters are the query of GET /v1/messages.
var messageParameters = []parameter{
	{name: "direction", doc: "in or out"},
	{name: "state", doc: "a message state"},
	{name: "trunk", doc: "trunk that carries or carried it"},
	{name: "tag", doc: "the submitter's own word"},
	{name: "number", doc: "number of the other party"},
	{name: "since", doc: "accepted or received not before this time, RFC 3339"},
	{name: "until", doc: "accepted or received before this time, RFC 3339"},
	{name: "limit", doc: "most messages of a page, 1 to 1000; 50 when absent", integer: true},
	{name: "cursor", doc: "next of the page before; the other parameters must be the same"},
	{name: "order", doc: "desc (newest first, when absent) or asc"},
}

func (s *Server) messages(w http.ResponseWriter, r *request) error {
	q, err := visibleMessages(r)
	if err != nil {
		return err
	}
	page, err := s.store.Messages(r.Context(), q)
	if err != nil {
		return err
	}
	out := api.MessageList{Items: make([]api.Message, len(page.Items)), Next: page.Next}
	for i := range page.Items {
		out.Items[i] = s.messageOf(&page.Items[i])
	}
	return writeJSON(w, http.StatusOK, out)
}

// visibleMessages reads the query of a list, of what whoever asks may see: messages of his service provider, and only his own without the permission for those of others.
func visibleMessages(r *request) (store.Query, error) {
	q, err := messageQuery(r)
	q.Provider = r.who.Role.Provider()
	if !r.who.Ever(access.StatisticsView) {
		q.Account = r.account
	}
	return q, err
}

// messageQuery reads the parameters of GET /v1/messages; every wrong one is named.
func messageQuery(r *request) (store.Query, error) {
	q := store.Query{Limit: usualLimit, Trunk: r.query.Get("trunk"), Tag: r.query.Get("tag"), Cursor: r.query.Get("cursor")}
	var wrong []api.FieldError
	bad := func(name, code, message string) {
		wrong = append(wrong, api.FieldError{Field: name, Code: code, Message: message})
	}
	switch v := r.query.Get("direction"); v {
	case "":
	case store.In.String():
		q.Direction = store.In
	case store.Out.String():
		q.Direction = store.Out
	default:
		bad("direction", api.FieldInvalid, "is neither in nor out")
	}
	switch v := r.query.Get("order"); v {
	case "", "desc":
	case "asc":
		q.Ascending = true
	default:
		bad("order", api.FieldInvalid, "is neither asc nor desc")
	}
	var err error
	if v := r.query.Get("state"); v != "" {
		if q.State, err = store.ParseState(v); err != nil {
			bad("state", api.FieldInvalid, "is no message state")
		}
	}
	if v := r.query.Get("number"); v != "" {
		if q.Number, err = phone.Parse(v); err != nil {
			bad("number", api.FieldInvalid, err.Error())
		}
	}
	for name, at := range map[string]*time.Time{"since": &q.Since, "until": &q.Until} {
		if v := r.query.Get(name); v != "" {
			if *at, err = time.Parse(time.RFC3339, v); err != nil {
				bad(name, api.FieldInvalid, "is no RFC 3339 time, e.g. 2026-12-24T18:00:00Z")
			}
		}
	}
	if v := r.query.Get("limit"); v != "" {
		q.Limit, err = strconv.Atoi(v)
		if err != nil || q.Limit < 1 || q.Limit > maxLimit {
			bad("limit", api.FieldOutOfRange, "is no whole number from 1 to 1000")
		}
	}
	if len(wrong) > 0 {
		return q, malformed(wrong...)
	}
	return q, nil
}
