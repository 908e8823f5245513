package httpd

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"trunkline/api"
	"trunkline/jobs"
	"trunkline/router"
	"trunkline/store"
)

// WebhookData returns what jobs.Webhooks sends about events: an api.Event, with its message as it is then.
func WebhookData(st *store.Store) func(context.Context, *store.Event) (json.RawMessage, error) {
	s := &Server{store: st}
	return func(ctx context.Context, e *store.Event) (json.RawMessage, error) {
		out, _, err := s.event(ctx, e)
		if err != nil {
			return nil, err
		}
		return json.Marshal(out)
	}
}

// usualOverlap is for how long the old secret is used too when nobody says.
const usualOverlap = 24 * time.Hour

// replayLimit is how long the answer to a replay may take.
const replayLimit = 5 * time.Minute

var (
	webhookFields = []field[api.WebhookRequest]{
		{"url", func(r *reader, at int32, v *api.WebhookRequest) { v.URL, _ = r.str(at) }},
		{"description", func(r *reader, at int32, v *api.WebhookRequest) { v.Description, _ = r.str(at) }},
		{"types", func(r *reader, at int32, v *api.WebhookRequest) { v.Types = r.strings(at) }},
	}
	webhookChangeFields = []field[api.WebhookChange]{
		{"url", func(r *reader, at int32, v *api.WebhookChange) { s, _ := r.str(at); v.URL = &s }},
		{"description", func(r *reader, at int32, v *api.WebhookChange) { s, _ := r.str(at); v.Description = &s }},
		{"types", func(r *reader, at int32, v *api.WebhookChange) { all := r.strings(at); v.Types = &all }},
	}
	rotateFields = []field[api.RotateRequest]{{"overlap", readOverlap}}
	resumeFields = []field[api.ResumeRequest]{
		{"skip", func(r *reader, at int32, v *api.ResumeRequest) { v.Skip = r.boolean(at) }},
	}
	replayFields = []field[api.ReplayRequest]{
		{"event", readEventNumber},
		{"since", func(r *reader, at int32, v *api.ReplayRequest) { v.Since, _ = r.str(at) }},
		{"dead", func(r *reader, at int32, v *api.ReplayRequest) { v.Dead = r.boolean(at) }},
	}
)

// strings returns a list of strings.
func (r *reader) strings(at int32) []string {
	if r.doc.nodes[at].kind != kindArray {
		r.wrongType(at, "a list of strings")
		return nil
	}
	all := make([]string, 0, r.doc.nodes[at].count)
	for c := r.doc.first(at); c >= 0; c = r.doc.next(c) {
		s, _ := r.str(c)
		all = append(all, s)
	}
	return all
}

func readOverlap(r *reader, at int32, v *api.RotateRequest) {
	var d time.Duration
	switch r.doc.nodes[at].kind {
	case kindString:
		var err error
		if d, err = time.ParseDuration(r.doc.content(at)); err != nil {
			r.refuse(at, api.FieldInvalid, "is no duration such as \"24h\"")
			return
		}
	case kindNumber:
		n, ok := r.integer(at)
		if !ok {
			return
		}
		d = time.Duration(max(-1, min(n, int64(jobs.MaxOverlap/time.Second)+1))) * time.Second
	default:
		r.wrongType(at, "a duration such as \"24h\" or a number of seconds")
		return
	}
	v.Overlap = (*api.Duration)(&d)
}

func readEventNumber(r *reader, at int32, v *api.ReplayRequest) {
	n, ok := r.integer(at)
	if ok && n < 1 {
		r.refuse(at, api.FieldOutOfRange, "is below 1")
		return
	}
	v.Event = uint64(max(n, 0))
}

// webhookOf returns an endpoint as the contract shows it; its secrets are not told.
func (s *Server) webhookOf(ctx context.Context, w *store.Webhook) (api.Webhook, error) {
	out := api.Webhook{ID: w.ID.String(), URL: w.URL, Description: w.Description, Types: w.Types, ArchivedAt: w.ArchivedAt.UTC(), Secrets: []api.WebhookSecret{},
		CreatedAt: w.CreatedAt.UTC(), UpdatedAt: w.UpdatedAt.UTC()}
	cursor, err := s.store.WebhookCursor(ctx, w.ID)
	if err != nil {
		return out, err
	}
	last, err := s.store.LastEvent(ctx)
	if err != nil {
		return out, err
	}
	if out.Pending, err = s.store.PendingDeliveries(ctx, w.ID); err != nil {
		return out, err
	}
	out.State, out.Position, out.FailingSince = jobs.WebhookState(w, cursor), cursor.Position, cursor.FailingSince.UTC()
	out.Behind = max(last, cursor.Position) - cursor.Position
	if p := w.Pause; p != nil {
		out.Pause, out.PausedAt = &api.Failure{Code: p.Code, Text: p.Text}, p.At.UTC()
	}
	for _, secret := range w.Secrets {
		if secret.ExpiresAt.IsZero() || s.store.Now().Before(secret.ExpiresAt) {
			out.Secrets = append(out.Secrets, api.WebhookSecret{CreatedAt: secret.CreatedAt.UTC(), ExpiresAt: secret.ExpiresAt.UTC()})
		}
	}
	return out, nil
}

// answerWebhook answers with an endpoint, or with the problem of what was asked for; secret is told when it is not empty.
func (s *Server) answerWebhook(w http.ResponseWriter, r *request, status int, hook store.Webhook, secret string, err error) error {
	if err != nil {
		return webhookProblem(err)
	}
	out, err := s.webhookOf(r.Context(), &hook)
	if err != nil {
		return err
	}
	out.Secret = secret
	return writeJSON(w, status, out)
}

// webhookProblem returns the problem of an error of package jobs, or the error itself.
func webhookProblem(err error) error {
	var wrong *jobs.InvalidError
	switch {
	case errors.As(err, &wrong):
		v := &router.ValidationError{}
		for _, f := range wrong.Fields {
			v.Fields = append(v.Fields, router.FieldError{Field: f.Field, Code: f.Code, Message: f.Message})
		}
		return v
	case errors.Is(err, store.ErrArchived):
		return api.NewProblem(http.StatusConflict, api.CodeConflict, "The webhook is archived", "restore it first")
	case errors.Is(err, store.ErrNotArchived):
		return api.NewProblem(http.StatusConflict, api.CodeConflict, "The webhook is not archived", "archive it first")
	case errors.Is(err, store.ErrTooMany):
		return api.NewProblem(http.StatusConflict, api.CodeConflict, "There are as many webhooks as there may be",
			strconv.Itoa(store.MaxWebhooks)+", archived ones included; purge one")
	}
	return err
}

// hooks returns who delivers, and the id in the path.
func (s *Server) hooks(r *request) (*jobs.Webhooks, store.WebhookID, error) {
	if s.webhooks == nil {
		return nil, store.WebhookID{}, notReady("webhooks are not delivered")
	}
	text := r.PathValue("id")
	if text == "" {
		return s.webhooks, store.WebhookID{}, nil
	}
	id, err := store.ParseWebhookID(text)
	if err != nil || id.String() != text {
		return nil, id, badParameter("id", api.FieldInvalid, "is no id of a webhook, such as 0192f0c1-2b3a-7c4d-8e5f-60718293a4b5")
	}
	return s.webhooks, id, nil
}

func (s *Server) addWebhook(w http.ResponseWriter, r *request) error {
	hooks, _, err := s.hooks(r)
	if err != nil {
		return err
	}
	body, err := decodeBody(s, r, webhookFields)
	if err != nil {
		return err
	}
	hook, secret, err := hooks.Add(r.Context(), jobs.WebhookSpec{URL: body.URL, Description: body.Description, Types: body.Types}, r.account)
	return s.answerWebhook(w, r, http.StatusCreated, hook, secret, err)
}

func (s *Server) listWebhooks(w http.ResponseWriter, r *request) error {
	all, err := s.store.Webhooks(r.Context())
	if err != nil {
		return err
	}
	out := api.WebhookList{Items: make([]api.Webhook, len(all))}
	for i := range all {
		if out.Items[i], err = s.webhookOf(r.Context(), &all[i]); err != nil {
			return err
		}
	}
	return writeJSON(w, http.StatusOK, out)
}

func (s *Server) showWebhook(w http.ResponseWriter, r *request) error {
	_, id, err := s.hooks(r)
	if err != nil {
		return err
	}
	hook, err := s.store.Webhook(r.Context(), id)
	return s.answerWebhook(w, r, http.StatusOK, hook, "", err)
}

func (s *Server) editWebhook(w http.ResponseWriter, r *request) error {
	hooks, id, err := s.hooks(r)
	if err != nil {
		return err
	}
	body, err := decodeBody(s, r, webhookChangeFields)
	if err != nil {
		return err
	}
	hook, err := hooks.Edit(r.Context(), id, func(spec *jobs.WebhookSpec) {
		if body.URL != nil {
			spec.URL = *body.URL
		}
		if body.Description != nil {
			spec.Description = *body.Description
		}
		if body.Types != nil {
			spec.Types = *body.Types
		}
	}, r.account)
	return s.answerWebhook(w, r, http.StatusOK, hook, "", err)
}

func (s *Server) rotateSecret(w http.ResponseWriter, r *request) error {
	hooks, id, err := s.hooks(r)
	if err != nil {
		return err
	}
	body, err := decodeBody(s, r, rotateFields)
	if err != nil {
		return err
	}
	overlap := usualOverlap
	if body.Overlap != nil {
		overlap = time.Duration(*body.Overlap)
	}
	hook, secret, err := hooks.Rotate(r.Context(), id, overlap, r.account)
	return s.answerWebhook(w, r, http.StatusOK, hook, secret, err)
}

func (s *Server) pauseWebhook(w http.ResponseWriter, r *request) error {
	return s.withWebhook(w, r, (*jobs.Webhooks).Pause)
}

func (s *Server) archiveWebhook(w http.ResponseWriter, r *request) error {
	return s.withWebhook(w, r, (*jobs.Webhooks).Archive)
}

func (s *Server) restoreWebhook(w http.ResponseWriter, r *request) error {
	return s.withWebhook(w, r, (*jobs.Webhooks).Restore)
}

// withWebhook does what needs no body.
func (s *Server) withWebhook(w http.ResponseWriter, r *request, do func(*jobs.Webhooks, context.Context, store.WebhookID, string) (store.Webhook, error)) error {
	hooks, id, err := s.hooks(r)
	if err != nil {
		return err
	}
	hook, err := do(hooks, r.Context(), id, r.account)
	return s.answerWebhook(w, r, http.StatusOK, hook, "", err)
}

func (s *Server) resumeWebhook(w http.ResponseWriter, r *request) error {
	hooks, id, err := s.hooks(r)
	if err != nil {
		return err
	}
	body, err := decodeBody(s, r, resumeFields)
	if err != nil {
		return err
	}
	hook, err := hooks.Resume(r.Context(), id, body.Skip, r.account)
	return s.answerWebhook(w, r, http.StatusOK, hook, "", err)
}

func (s *Server) purgeWebhook(w http.ResponseWriter, r *request) error {
	hooks, id, err := s.hooks(r)
	if err != nil {
		return err
	}
	hook, err := s.store.Webhook(r.Context(), id)
	if err != nil {
		return err
	}
	out, err := s.webhookOf(r.Context(), &hook)
	if err != nil {
		return err
	}
	http.NewResponseController(w).SetWriteDeadline(time.Now().Add(replayLimit))
	if err := hooks.Purge(r.Context(), id, r.account); err != nil {
		return webhookProblem(err)
	}
	return writeJSON(w, http.StatusOK, out)
}

func (s *Server) testWebhook(w http.ResponseWriter, r *request) error {
	hooks, id, err := s.hooks(r)
	if err != nil {
		return err
	}
	http.NewResponseController(w).SetWriteDeadline(time.Now().Add(2 * time.Minute)) // the endpoint has up to one
	t, err := hooks.Test(r.Context(), id)
	if err != nil {
		return webhookProblem(err)
	}
	return writeJSON(w, http.StatusOK, tryOf(&t))
}
