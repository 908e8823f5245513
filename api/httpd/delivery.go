package httpd

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"trunkline/api"
	"trunkline/jobs"
	"trunkline/store"
)

// deliveryOf returns a delivery as the contract shows it.
func (s *Server) deliveryOf(d *store.Delivery) api.Delivery {
	out := api.Delivery{Event: d.Event.Seq, Type: d.Event.Type, At: d.Event.At.UTC(), WebhookID: jobs.EventID(s.store.Instance().ID, &d.Event), State: d.State.String(),
		CreatedAt: d.CreatedAt.UTC(), NextAt: d.NextAt.UTC(), SettledAt: d.SettledAt.UTC(), Tries: d.Tries, Log: make([]api.DeliveryTry, len(d.Log))}
	if !d.Event.Message.IsZero() {
		out.MessageID = d.Event.Message.String()
	}
	for i := range d.Log {
		out.Log[i] = tryOf(&d.Log[i])
	}
	return out
}

func tryOf(t *store.DeliveryTry) api.DeliveryTry {
	return api.DeliveryTry{At: t.At.UTC(), Seconds: t.Took.Seconds(), Status: t.Status, Error: t.Error, Answer: strings.ToValidUTF8(string(t.Answer), "\uFFFD")}
}

// deliveryParameters are the query of GET /v1/webhooks/{id}/deliveries.
var deliveryParameters = []parameter{
	{name: "state", doc: "pending, delivered or dead"},
	{name: "limit", doc: "most deliveries of a page, 1 to 1000; 50 when absent", integer: true},
	{name: "cursor", doc: "next of the page before; the other parameters must be the same"},
}

func (s *Server) deliveries(w http.ResponseWriter, r *request) error {
	_, id, err := s.hooks(r)
	if err != nil {
		return err
	}
	q := store.DeliveryQuery{Webhook: id, Limit: usualLimit, Cursor: r.query.Get("cursor")}
	var wrong []api.FieldError
	if v := r.query.Get("state"); v != "" {
		if q.State, err = store.ParseDeliveryState(v); err != nil {
			wrong = append(wrong, api.FieldError{Field: "state", Code: api.FieldInvalid, Message: "is none of pending, delivered, dead"})
		}
	}
	if v := r.query.Get("limit"); v != "" {
		if q.Limit, err = strconv.Atoi(v); err != nil || q.Limit < 1 || q.Limit > maxLimit {
			wrong = append(wrong, api.FieldError{Field: "limit", Code: api.FieldOutOfRange, Message: "is no whole number from 1 to 1000"})
		}
	}
	if len(wrong) > 0 {
		return malformed(wrong...)
	}
	if _, err := s.store.Webhook(r.Context(), id); err != nil {
		return err
	}
	page, err := s.store.Deliveries(r.Context(), q)
	if err != nil {
		return err
	}
	out := api.DeliveryList{Items: make([]api.Delivery, len(page.Items)), Next: page.Next}
	for i := range page.Items {
		out.Items[i] = s.deliveryOf(&page.Items[i])
	}
	return writeJSON(w, http.StatusOK, out)
}

func (s *Server) showDelivery(w http.ResponseWriter, r *request) error {
	_, id, err := s.hooks(r)
	if err != nil {
		return err
	}
	seq, err := parseSeq(r.PathValue("event"))
	if err != nil {
		return badParameter("event", api.FieldInvalid, err.Error())
	}
	d, err := s.store.Delivery(r.Context(), id, seq)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, s.deliveryOf(&d))
}

// replayWebhook is POST /v1/webhooks/{id}/replay.
func (s *Server) replayWebhook(w http.ResponseWriter, r *request) error {
	hooks, id, err := s.hooks(r)
	if err != nil {
		return err
	}
	body, err := decodeBody(s, r, replayFields)
	if err != nil {
		return err
	}
	given := 0
	for _, is := range []bool{body.Event > 0, body.Since != "", body.Dead} {
		if is {
			given++
		}
	}
	if given != 1 {
		return invalid([]api.FieldError{{Field: "event", Code: api.FieldRequired, Message: "exactly one of event, since and dead is wanted"}})
	}
	http.NewResponseController(w).SetWriteDeadline(time.Now().Add(replayLimit))
	var out api.ReplayResponse
	switch {
	case body.Event > 0:
		out.Deliveries = 1
		_, err = hooks.Replay(r.Context(), id, body.Event)
	case body.Dead:
		out.Deliveries, err = hooks.ReplayDead(r.Context(), id)
	default:
		since, e := time.Parse(time.RFC3339, body.Since)
		if e != nil {
			return invalid([]api.FieldError{{Field: "since", Code: api.FieldInvalid, Message: "is no time such as 2026-12-24T18:00:00Z"}})
		}
		_, err = hooks.ReplaySince(r.Context(), id, since, r.account)
	}
	if err != nil {
		return webhookProblem(err)
	}
	hook, err := s.store.Webhook(r.Context(), id)
	if err != nil {
		return err
	}
	if out.Webhook, err = s.webhookOf(r.Context(), &hook); err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, out)
}
