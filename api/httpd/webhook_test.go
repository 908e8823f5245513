package httpd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"trunkline/api"
	"trunkline/jobs"
	"trunkline/store"
)

// hooked is a gateway that delivers to webhooks on this machine.
type hooked struct {
	*gateway
	url string

	mu     sync.Mutex
	got    []delivered
	status int
}

type delivered struct {
	id, signature string
	body          struct {
		Type      string
		Timestamp time.Time
		Data      api.Event
	}
}

func serveHooks(t *testing.T) *hooked {
	t.Helper()
	h := &hooked{status: 200}
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var d delivered
		b, err := io.ReadAll(r.Body)
		if err := errors.Join(err, json.Unmarshal(b, &d.body)); err != nil {
			t.Error(err)
		}
		d.id, d.signature = r.Header.Get("webhook-id"), r.Header.Get("webhook-signature")
		h.mu.Lock()
		defer h.mu.Unlock()
		h.got = append(h.got, d)
		w.WriteHeader(h.status)
		io.WriteString(w, "thanks\xff")
	}))
	t.Cleanup(receiver.Close)
	h.url = receiver.URL + "/hook"
	h.gateway = serve(t, func(_ *Config, o *Options) {
		c := jobs.DefaultWebhooks()
		c.AllowNetworks = []string{"127.0.0.1"}
		hooks, err := jobs.NewWebhooks(jobs.WebhookOptions{Config: c, Store: o.Store, Data: WebhookData(o.Store), Logger: o.Logger, Registerer: o.Registerer})
		if err != nil {
			t.Fatal(err)
		}
		o.Webhooks = hooks
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- hooks.Run(ctx) }()
		t.Cleanup(func() {
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	})
	return h
}

// await returns the first delivery of a type behind a number of others.
func (h *hooked) await(kind string, skip int) delivered {
	h.t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		h.mu.Lock()
		n := skip
		for _, d := range h.got {
			if d.body.Type == kind {
				if n == 0 {
					h.mu.Unlock()
					return d
				}
				n--
			}
		}
		h.mu.Unlock()
	}
	h.t.Fatalf("no delivery of %s", kind)
	return delivered{}
}

func TestWebhooks(t *testing.T) {
	h := serveHooks(t)
	ctx, c := t.Context(), h.client
	hook, err := c.AddWebhook(ctx, api.WebhookRequest{URL: h.url, Description: "billing", Types: []string{"message.*"}})
	if err != nil || !strings.HasPrefix(hook.Secret, "whsec_") || hook.State != "active" || len(hook.Secrets) != 1 {
		t.Fatalf("%+v, %v", hook, err)
	}
	secrets := []string{hook.Secret}
	m := h.submit("+4915112345678", "the text of it")
	d := h.await("message.waiting", 0)
	if e := d.body.Data; e.Message == nil || e.Message.Text != "the text of it" || e.MessageID != m.ID || e.Seq == 0 || !e.At.Equal(d.body.Timestamp) || !strings.HasPrefix(d.signature, "v1,") {
		t.Errorf("%+v", d)
	}
	await := func(what string, done func() bool) {
		t.Helper()
		for end := time.Now().Add(10 * time.Second); !done(); time.Sleep(2 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%s: never", what)
			}
		}
	}
	var page api.DeliveryList
	await("the delivery is in the log", func() bool {
		page, err = c.Deliveries(ctx, hook.ID, api.DeliveryQuery{State: "delivered", Limit: 10})
		return err == nil && len(page.Items) == 1
	})
	one := page.Items[0]
	if one.WebhookID != d.id || one.Event != d.body.Data.Seq || one.MessageID != m.ID || one.Tries != 1 || one.Log[0].Status != 200 || one.Log[0].Answer != "thanks\uFFFD" || one.SettledAt.IsZero() {
		t.Errorf("%+v", one)
	}
	if shown, err := c.Delivery(ctx, hook.ID, one.Event); err != nil || fmt.Sprint(shown) != fmt.Sprint(one) {
		t.Errorf("%+v, %v", shown, err)
	}
	// Once more, with the same id.
	if r, err := c.ReplayWebhook(ctx, hook.ID, api.ReplayRequest{Event: one.Event}); err != nil || r.Deliveries != 1 || r.Webhook.ID != hook.ID {
		t.Errorf("%+v, %v", r, err)
	}
	if again := h.await("message.waiting", 1); again.id != d.id {
		t.Errorf("replayed as %s, was %s", again.id, d.id)
	}
	// What is still under way is not begun again by a replay.
	await("the replay is in the log", func() bool {
		d, err := c.Delivery(ctx, hook.ID, one.Event)
		return err == nil && d.State == "delivered" && len(d.Log) == 2
	})
	if _, err := c.ReplayWebhook(ctx, hook.ID, api.ReplayRequest{Since: time.Now().Add(-time.Hour).Format(time.RFC3339)}); err != nil {
		t.Error(err)
	}
	h.await("message.waiting", 2)
	// A test goes to paused ones too, and tells what came of it.
	if p, err := c.PauseWebhook(ctx, hook.ID); err != nil || p.State != "paused" || p.Pause.Code != "asked" {
		t.Errorf("%+v, %v", p, err)
	}
	h.mu.Lock()
	h.status = 418
	h.mu.Unlock()
	if try, err := c.TestWebhook(ctx, hook.ID); err != nil || try.Status != 418 || try.Error == "" {
		t.Errorf("%+v, %v", try, err)
	}
	h.await("webhook.test", 0)
	if p, err := c.ResumeWebhook(ctx, hook.ID, api.ResumeRequest{Skip: true}); err != nil || p.State != "active" {
		t.Errorf("%+v, %v", p, err)
	}
	rotated, err := c.RotateSecret(ctx, hook.ID, time.Hour)
	if err != nil || rotated.Secret == hook.Secret || len(rotated.Secrets) != 2 || rotated.Secrets[1].ExpiresAt.IsZero() {
		t.Errorf("%+v, %v", rotated, err)
	}
	secrets = append(secrets, rotated.Secret)
	text, types := "new words", []string{}
	if e, err := c.EditWebhook(ctx, hook.ID, api.WebhookChange{Description: &text, Types: &types}); err != nil || e.Description != text || len(e.Types) != 0 || e.URL != h.url {
		t.Errorf("%+v, %v", e, err)
	}
	var p *api.Problem
	if _, err := c.PurgeWebhook(ctx, hook.ID); !errors.As(err, &p) || p.Status != 409 {
		t.Errorf("purge of an active one: %v", err)
	}
	if a, err := c.ArchiveWebhook(ctx, hook.ID); err != nil || a.State != "archived" {
		t.Errorf("%+v, %v", a, err)
	}
	for name, err := range map[string]error{
		"pause":  second(c.PauseWebhook(ctx, hook.ID)),
		"edit":   second(c.EditWebhook(ctx, hook.ID, api.WebhookChange{Description: &text})),
		"test":   second(c.TestWebhook(ctx, hook.ID)),
		"replay": second(c.ReplayWebhook(ctx, hook.ID, api.ReplayRequest{Event: one.Event})),
	} {
		if !errors.As(err, &p) || p.Status != 409 || !strings.Contains(p.Title, "archived") {
			t.Errorf("%s of an archived one: %v", name, err)
		}
	}
	if a, err := c.RestoreWebhook(ctx, hook.ID); err != nil || a.State != "paused" {
		t.Errorf("%+v, %v", a, err)
	}
	if _, err := c.ArchiveWebhook(ctx, hook.ID); err != nil {
		t.Error(err)
	}
	if all, err := c.Webhooks(ctx); err != nil || len(all) != 1 {
		t.Errorf("%+v, %v", all, err)
	}
	if a, err := c.PurgeWebhook(ctx, hook.ID); err != nil || a.ID != hook.ID {
		t.Errorf("%+v, %v", a, err)
	}
	if _, err := c.Webhook(ctx, hook.ID); !errors.As(err, &p) || p.Status != 404 {
		t.Errorf("purged: %v", err)
	}
	// Secrets are told once, and stand nowhere else.
	events, err := h.store.Events(ctx, 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	everything := h.log.String() + fmt.Sprintf("%+v", events)
	for _, secret := range secrets {
		if strings.Contains(everything, secret) || strings.Contains(everything, strings.TrimPrefix(secret, "whsec_")) {
			t.Error("a secret was logged")
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestWebhookRequests(t *testing.T) {
	h := serveHooks(t)
	hook, err := h.client.AddWebhook(t.Context(), api.WebhookRequest{URL: h.url})
	if err != nil {
		t.Fatal(err)
	}
	before := h.lastEvent()
	path := "/v1/webhooks/" + hook.ID
	for _, test := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"POST", "/v1/webhooks", `{}`, 422, `"field":"url","code":"required"`},
		{"POST", "/v1/webhooks", `{"url":"http://example.com/","types":["A"],"description":"a\u0007b"}`, 422, `"field":"types[0]","code":"invalid"`},
		{"POST", "/v1/webhooks", `{"url":"https://10.0.0.1/"}`, 422, `public internet`},
		{"POST", "/v1/webhooks", `{"url":"https://u:p@example.com/"}`, 422, `user name`},
		{"POST", "/v1/webhooks", `{"url":"https://example.com/","types":"x"}`, 400, `"code":"wrong_type"`},
		{"POST", "/v1/webhooks", `{"url":"https://example.com/","secret":"whsec_x"}`, 400, `"field":"secret","code":"unknown"`},
		{"PATCH", path, `{"url":"ftp://x"}`, 422, `"field":"url"`},
		{"PATCH", path, `{"enabled":true}`, 400, `"code":"unknown"`},
		{"POST", path + "/secret", `{"overlap":"721h"}`, 422, `"field":"overlap","code":"out_of_range"`},
		{"POST", path + "/secret", `{"overlap":"soon"}`, 422, `"field":"overlap","code":"invalid"`},
		{"POST", path + "/secret", `{"overlap":-1}`, 422, `"field":"overlap","code":"out_of_range"`},
		{"POST", path + "/replay", `{}`, 422, `exactly one`},
		{"POST", path + "/replay", `{"dead":true,"event":1}`, 422, `exactly one`},
		{"POST", path + "/replay", `{"event":0}`, 422, `below 1`},
		{"POST", path + "/replay", `{"since":"yesterday"}`, 422, `"field":"since"`},
		{"POST", path + "/replay", `{"event":99999}`, 404, `not_found`},
		{"POST", path + "/resume", `{"skip":"yes"}`, 400, `wrong_type`},
		{"GET", path + "/deliveries?state=lost", ``, 400, `"field":"state"`},
		{"GET", path + "/deliveries?limit=0", ``, 400, `"field":"limit"`},
		{"GET", path + "/deliveries?cursor=AAAA", ``, 400, `"field":"cursor"`},
		{"GET", path + "/deliveries/x", ``, 400, `"field":"event"`},
		{"GET", path + "/deliveries/99999", ``, 404, `not_found`},
		{"GET", "/v1/webhooks/x", ``, 400, `"field":"id"`},
		{"GET", "/v1/webhooks/" + store.NewWebhookID().String(), ``, 404, `not_found`},
		{"POST", "/v1/webhooks/" + store.NewWebhookID().String() + "/pause", ``, 404, `not_found`},
		{"DELETE", path, ``, 409, `not archived`},
	} {
		req, err := http.NewRequest(test.method, "http://x"+test.path, strings.NewReader(test.body))
		if err != nil {
			t.Fatal(err)
		}
		if test.body != "" {
			req.Header.Set("Content-Type", "application/json")
		}
		resp, err := h.http().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != test.status || !strings.Contains(string(b), test.want) {
			t.Errorf("%s %s %s: %d %s, want %d %s", test.method, test.path, test.body, resp.StatusCode, b, test.status, test.want)
		}
	}
	if got := h.lastEvent(); got != before {
		t.Errorf("%d events were written by refused requests", got-before)
	}
	// Without who delivers, nothing can be changed.
	g := serve(t, nil)
	var p *api.Problem
	if _, err := g.client.AddWebhook(t.Context(), api.WebhookRequest{URL: "https://example.com"}); !errors.As(err, &p) || p.Status != 503 {
		t.Error(err)
	}
}
