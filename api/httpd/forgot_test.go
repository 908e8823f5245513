package httpd

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"trunkline/api"
	"trunkline/api/httpd/login"
	"trunkline/callplan/phone"
	"trunkline/store"
)

// The answer to who forgot his password is the same for anybody; without a way to mail it says so, to all alike.
func TestForgottenPassword(t *testing.T) {
	g := serve(t, func(_ *Config, o *Options) { o.Login, o.Mails = login.New(login.Options{Store: o.Store}), true })
	ctx := t.Context()
	if _, err := g.store.Administrators().Add(ctx, time.Now(), "", store.Administrator{Username: "anna", Email: "anna@example.org"}); err != nil {
		t.Fatal(err)
	}
	known, err := g.client.ForgotPassword(ctx, "anna")
	unknown, err2 := g.client.ForgotPassword(ctx, "nobody")
	if err != nil || err2 != nil || known != unknown || known.Detail == "" {
		t.Errorf("%+v, %v; %+v, %v", known, err, unknown, err2)
	}
	for _, name := range []string{"", strings.Repeat("x", 256)} {
		if _, err := g.client.ForgotPassword(ctx, name); !is(err, http.StatusUnprocessableEntity) {
			t.Errorf("%q: %v", name, err)
		}
	}
	poor := serve(t, func(_ *Config, o *Options) { o.Login = login.New(login.Options{Store: o.Store}) })
	if _, err := poor.client.ForgotPassword(ctx, "anna"); !is(err, http.StatusServiceUnavailable) || !strings.Contains(err.Error(), "[smtp.NAME]") {
		t.Errorf("%v", err)
	}
}

// A text that holds a code is for its recipient: no list, log or event shows it.
func TestSecretMessages(t *testing.T) {
	g := serve(t, nil)
	ctx := t.Context()
	m := store.Message{ID: store.NewMessageID(), Direction: store.Out, State: store.Debug, To: phone.FromAddress("+4915112345678", false), Text: "canary 123456", Secret: true,
		CreatedAt: time.Now().UTC(), Parts: []store.Part{{Seq: 1, State: store.Debug, Reference: -1, Status: -1}}}
	if _, err := g.store.Accept(ctx, store.Acceptance{Messages: []store.Message{m}}); err != nil {
		t.Fatal(err)
	}
	one, err := g.client.Message(ctx, m.ID.String())
	if err != nil || one.Text != "" || !one.Secret {
		t.Errorf("%+v, %v", one, err)
	}
	page, err := g.client.Log(ctx, time.Time{}, time.Time{}, true, "")
	if err != nil || len(page.Items) != 1 || page.Items[0].RawMessage != "" {
		t.Errorf("%+v, %v", page, err)
	}
	data, err := WebhookData(g.store)(ctx, &store.Event{Type: "message.debug", Message: m.ID})
	if err != nil || !strings.Contains(string(data), `"secret":true`) || strings.Contains(string(data), "canary") {
		t.Errorf("%s, %v", data, err)
	}
	list, err := g.client.Messages(ctx, api.MessageQuery{})
	if err != nil || len(list.Items) != 1 || list.Items[0].Text != "" {
		t.Errorf("%+v, %v", list, err)
	}
}

// fallen is a directory that does not answer.
type fallen struct{}

func (fallen) Verify(context.Context, string, string) (bool, error) {
	return false, errors.New("connection refused by 192.0.2.7")
}

// While the directory is down its users are told so, not that their password is wrong, and nothing counts against them; others log in.
func TestDirectoryIsDown(t *testing.T) {
	g := serve(t, func(_ *Config, o *Options) { o.Login = login.New(login.Options{Store: o.Store, Directory: fallen{}}) })
	ctx := t.Context()
	if _, err := g.store.Administrators().Add(ctx, time.Now(), "", store.Administrator{Username: "anna", AuthBackend: "ldap", RoleID: store.ProviderRole(store.DefaultProvider)}); err != nil {
		t.Fatal(err)
	}
	for i := range 15 {
		r, err := http.NewRequest(http.MethodPost, "http://trunkline/v1/login", strings.NewReader(`{"username":"anna","password":"of anna"}`))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		w, err := g.http().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		w.Body.Close()
		if w.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("time %d: %d", i+1, w.StatusCode)
		}
	}
	if log := g.log.String(); strings.Contains(log, "of anna") {
		t.Error("the log has the password")
	}
}
