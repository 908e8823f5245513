package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"trunkline/api"
	"trunkline/config"
)

// Every verb of trunkline webhook, over a whole gateway and a receiver on this machine.
func TestWebhookVerbs(t *testing.T) {
	var requests, status atomic.Int32
	status.Store(200)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		requests.Add(1)
		w.WriteHeader(int(status.Load()))
		io.WriteString(w, "a\x1b[31mb")
	}))
	defer receiver.Close()
	dir := shortDir(t)
	c := config.Default()
	c.Store.Path, c.API.Socket, c.API.Metrics = filepath.Join(dir, "t.db"), filepath.Join(dir, "api.sock"), ""
	c.Webhook.AllowNetworks = []string{"127.0.0.1"}
	g, err := newGateway(c, gatewayOptions{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := g.run(ctx); err != nil {
			t.Errorf("run: %v", err)
		}
	})
	defer wg.Wait()
	defer stop()
	verb := func(code int, args ...string) string {
		t.Helper()
		r := call(t, "", append([]string{"webhook", "--socket", c.API.Socket}, args...)...)
		if r.code != code {
			t.Errorf("%q ended with %d: %s%s", args, r.code, r.out, r.err)
		}
		return r.out + r.err
	}
	has := func(out string, words ...string) {
		t.Helper()
		for _, w := range words {
			if !strings.Contains(out, w) {
				t.Errorf("%q is not in\n%s", w, out)
			}
		}
	}
	has(verb(exitDone, "list"), "there are no webhooks")
	has(verb(exitFailed, "add", "http://8.8.8.8"), "url", "without TLS")
	has(verb(exitFailed, "add", "https://192.168.1.1"), "public internet")
	var hook api.Webhook
	if err := json.Unmarshal([]byte(verb(exitDone, "add", receiver.URL, "--json", "--type", "message.*", "--description", "billing")), &hook); err != nil || hook.Secret == "" {
		t.Fatal(err, hook)
	}
	id := hook.ID
	has(verb(exitDone, "list"), id, "active", "message.*", "billing", receiver.URL)
	has(verb(exitDone, "show", id), id, "active", "billing", "secret 1")
	has(verb(exitDone, "test", id), "200", `a\x1b[31mb`)
	status.Store(500)
	has(verb(exitFailed, "test", id), "500")
	client := api.NewClient(c.API.Socket)
	defer client.Close()
	if _, err := client.Submit(t.Context(), api.SubmitRequest{To: api.Recipients{"+4915112345678"}, Text: "hello"}, ""); err != nil {
		t.Fatal(err)
	}
	await := func(what string, args ...string) (out string) {
		t.Helper()
		for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
			if out = verb(exitDone, args...); strings.Contains(out, what) {
				return out
			}
		}
		t.Fatalf("%q never says %q: %s", args, what, out)
		return ""
	}
	out := await("message.waiting", "deliveries", id, "--state", "pending")
	event := strings.Fields(strings.Split(out, "\n")[1])[0]
	has(verb(exitDone, "deliveries", id, event), "pending after ", "500 Internal Server Error", "next try", "webhook-id evt_")
	status.Store(204)
	has(verb(exitDone, "replay", id, event), "1 deliveries")
	await("message.waiting", "deliveries", id, "--state", "delivered")
	has(verb(exitDone, "replay", id, "--dead"), "0 deliveries")
	has(verb(exitDone, "replay", id, "--since", "1h"), "looked at once more")
	for _, wrong := range [][]string{{"replay", id}, {"replay", id, "x"}, {"replay", id, event, "--dead"}, {"replay", id, "--since", "yesterday"}, {"edit", id}, {"deliveries", id, "0"}, {"add"}} {
		has(verb(exitUsage, wrong...), "hint: ")
	}
	has(verb(exitDone, "edit", id, "--description", "new words", "--type", ""), id)
	has(verb(exitDone, "show", id), "new words", "all")
	secret := verb(exitDone, "secret", id, "--overlap", "1h")
	has(secret, "whsec_", "shown this once")
	has(verb(exitDone, "show", id), "secret 2", "until")
	has(verb(exitDone, "pause", id), "paused")
	has(verb(exitDone, "show", id), "asked: paused by uid:")
	has(verb(exitDone, "resume", id, "--skip"), "active")
	has(verb(exitFailed, "restore", id), "not archived")
	has(verb(exitDone, "remove", id), "archived")
	has(verb(exitFailed, "resume", id), "archived")
	has(verb(exitDone, "restore", id), "paused")
	has(verb(exitDone, "remove", id, "--purge"), "purged")
	has(verb(exitFailed, "show", id), "no such record")
	if requests.Load() < 4 {
		t.Errorf("%d requests", requests.Load())
	}
}
