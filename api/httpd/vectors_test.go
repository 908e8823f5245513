package httpd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"trunkline/api"
	"trunkline/api/httpd/login"
	"trunkline/jobs"
	"trunkline/router"
	"trunkline/router/access"
	"trunkline/store"
	"trunkline/store/memory"
)

// vector is a case of bad-inputs.json on the surfaces http and json.
type vector struct {
	ID, Surface, Title string
	Input              struct {
		Method, Target string
		AsRole         string `json:"as_role"`
		Raw            *string
		JSON           json.RawMessage
		RawHTTP        string `json:"raw_http"`
		Headers        map[string]string
		Sequence       []struct {
			AsRole  string `json:"as_role"`
			Headers map[string]string
			Raw     string
		}
		Setup *struct {
			Quota string `json:"sms_quota"`
		}
		Gen *struct {
			Kind, Text, Char string
			Count            int
		}
	}
	Expect struct {
		Outcome, Field string
		Status         int
	}
}

// ours are the names of this API for names of the vectors that differ.
var ours = map[string]string{"content": "text", "validity": "valid_for"}

// vectorRuns tells which cases can be asked of this API: all in JSON, raw HTTP, and those of HTTP whose target is served here. There are no callbacks of
// providers yet, and the slow header has a test of its own.
func vectorRuns(v *vector) bool {
	target, _, _ := strings.Cut(v.Input.Target, "?")
	return v.Surface == "json" || v.Input.RawHTTP != "" || vectorPaths[target] != ""
}

// vectorPaths are where the logical targets of cases are served. Mails go to the addresses that contacts have.
var vectorPaths = map[string]string{"message": "/v1/messages", "administrator": "/v1/administrators", "webhook": "/v1/webhooks", "login": "/v1/login", "email": "/v1/contacts"}

func loadVectors(t *testing.T) []vector {
	dir := os.Getenv("TRUNKLINE_VECTORS")
	if dir == "" {
		dir = "testdata"
	}
	b, err := os.ReadFile(filepath.Join(dir, "bad-inputs.json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Cases []json.RawMessage }
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	var all []vector
	for _, raw := range file.Cases {
		var head struct{ Surface string }
		if err := json.Unmarshal(raw, &head); err != nil || head.Surface != "http" && head.Surface != "json" {
			continue
		}
		var v vector
		if err := json.Unmarshal(raw, &v); err != nil {
			t.Fatalf("%s: %v", raw, err)
		}
		if vectorRuns(&v) {
			all = append(all, v)
		}
	}
	if len(all) < 22 {
		t.Fatalf("only %d cases of bad-inputs.json can be run", len(all))
	}
	return all
}

// body returns the body of a case in this API's names and its length.
func (v *vector) body(t *testing.T) (io.Reader, int64) {
	var text string
	switch g := v.Input.Gen; {
	case v.Input.Raw != nil:
		text = *v.Input.Raw
	case v.Input.Target == "email":
		var mail struct{ To string }
		if err := json.Unmarshal(v.Input.JSON, &mail); err != nil {
			t.Fatal(err)
		}
		text = fmt.Sprintf(`{"last_name":"x","email":%q}`, mail.To)
	case v.Input.JSON != nil:
		text = string(v.Input.JSON)
	case g == nil:
		return nil, 0
	case g.Kind == "repeat":
		text = strings.Repeat(g.Text, g.Count)
	case g.Kind == "json_password":
		text = `{"username":"bob","password":"` + strings.Repeat("x", g.Count) + `"}`
	case g.Kind == "json_content":
		head, tail := `{"to":"+15550100","text":"`, `"}`
		return io.MultiReader(strings.NewReader(head), io.LimitReader(endless(g.Char[0]), int64(g.Count)), strings.NewReader(tail)), int64(len(head) + g.Count + len(tail))
	default:
		t.Fatalf("unknown generator %q", g.Kind)
	}
	for theirs, name := range ours {
		text = strings.ReplaceAll(text, `"`+theirs+`":`, `"`+name+`":`)
	}
	return strings.NewReader(text), int64(len(text))
}

// endless gives one octet for ever.
type endless byte

func (e endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(e)
	}
	return len(b), nil
}

func TestVectors(t *testing.T) {
	for _, v := range loadVectors(t) {
		t.Run(v.ID, func(t *testing.T) {
			switch {
			case v.Input.Sequence != nil:
				sequence(t, &v)
				return
			case v.Input.Setup != nil:
				parallel(t, &v)
				return
			}
			// Vectors name days, which must not become too far away.
			begin := time.Now()
			clock := func() time.Time { return time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC).Add(time.Since(begin)) }
			g := serveAt(t, memory.New(), clock, func(_ *Config, o *Options) {
				var err error
				if o.Webhooks, err = jobs.NewWebhooks(jobs.WebhookOptions{Config: jobs.DefaultWebhooks(), Store: o.Store, Data: WebhookData(o.Store), Logger: o.Logger}); err != nil {
					t.Fatal(err)
				}
				o.Login = login.New(login.Options{Store: o.Store})
			})
			if v.Input.RawHTTP != "" {
				g.raw(t, &v)
				return
			}
			method := v.Input.Method
			target, query, ok := strings.Cut(v.Input.Target, "?")
			url := "http://x" + vectorPaths[target]
			if ok {
				url += "?" + query
			}
			body, length := v.body(t)
			req, err := http.NewRequest(method, url, body)
			if err != nil {
				t.Fatal(err)
			}
			req.ContentLength = length
			if body != nil {
				req.Header.Set("Content-Type", "application/json")
			}
			for name, value := range v.Input.Headers {
				req.Header.Set(name, value)
			}
			before := g.lastEvent()
			var start, end runtime.MemStats
			runtime.ReadMemStats(&start)
			resp, err := g.http().Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			answer, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			runtime.ReadMemStats(&end)
			if grown := end.TotalAlloc - start.TotalAlloc; grown > 16<<20 {
				t.Errorf("%d bytes were allocated for one request", grown)
			}
			switch v.Expect.Outcome {
			case "reject", "limit":
				g.refused(t, &v, resp.StatusCode, resp.Header, answer, before)
			case "accept_safe", "accept_escaped":
				g.taken(t, &v, resp.StatusCode, answer, before)
			default:
				t.Fatalf("unknown outcome %q", v.Expect.Outcome)
			}
		})
	}
}

// refused checks that an answer names the field, and that nothing was changed.
func (g *gateway) refused(t *testing.T, v *vector, status int, h http.Header, answer []byte, before uint64) {
	t.Helper()
	field := v.Expect.Field
	if name, ok := ours[field]; ok {
		field = name
	}
	if v.Input.Target == "email" {
		field = "email"
	}
	var p api.Problem
	if err := json.Unmarshal(answer, &p); err != nil || h.Get("Content-Type") != api.ProblemMedia {
		t.Fatalf("answer %q is no problem: %v", answer, err)
	}
	named := false
	for _, f := range p.Errors {
		named = named || f.Field == field || strings.HasPrefix(f.Field, field+"[")
	}
	if status/100 != 4 || p.Status != status || !named {
		t.Errorf("got %d %v, want %d (or another of its class) naming %s", status, p.Errors, v.Expect.Status, field)
	}
	if v.Expect.Status != 0 && status != v.Expect.Status {
		t.Logf("status is %d where the vector has %d", status, v.Expect.Status)
	}
	if after := g.lastEvent(); after != before {
		t.Errorf("%d events were written by a refused request", after-before)
	}
	if _, query, ok := strings.Cut(v.Input.Target, "?"); ok && strings.Contains(g.log.String(), query) {
		t.Error("the log shows the query as it came")
	}
}

// taken checks that exactly one message was accepted, with its text as it was sent.
func (g *gateway) taken(t *testing.T, v *vector, status int, answer []byte, before uint64) {
	t.Helper()
	var r api.SubmitResponse
	if err := json.Unmarshal(answer, &r); err != nil || status != http.StatusAccepted || len(r.Messages) != 1 {
		t.Fatalf("got %d %s, want one message", status, answer)
	}
	if after := g.lastEvent(); after != before+1 {
		t.Errorf("%d events were written, want 1", after-before)
	}
	var sent struct {
		Content string
		SendAt  string `json:"send_at"`
	}
	if err := json.Unmarshal([]byte(*v.Input.Raw), &sent); err != nil {
		t.Fatal(err)
	}
	m, err := g.client.Message(t.Context(), r.Messages[0].ID)
	if err != nil || m.Text != sent.Content {
		t.Errorf("stored text is %q (%v), want %q", m.Text, err, sent.Content)
	}
	if sent.SendAt != "" && (m.SendAt.IsZero() || !bytes.Contains(answer, []byte(`"send_at":"`+m.SendAt.UTC().Format("2006-01-02T15:04:05")+`Z"`))) {
		t.Errorf("answer %s does not show the time in UTC", answer)
	}
}

// sequence sends the same key as administrators of two service providers: each has a message of its own, and does not see the other's.
func sequence(t *testing.T, v *vector) {
	m := newMatrix(t)
	var ids []string
	var owners []access.Principal
	for i, one := range v.Input.Sequence {
		role, provider, ok := strings.Cut(one.AsRole, ":")
		if !ok || role != "service_provider" {
			t.Fatalf("role %q is not known here", one.AsRole)
		}
		if _, err := m.store.Providers().Add(t.Context(), time.Now(), "uid:0", store.Provider{Name: provider}); err != nil {
			t.Fatal(err)
		}
		who := access.Principal{Account: fmt.Sprintf("admin:%d", i+1), Role: access.OfProvider(provider), Permissions: access.Every}
		r := httptest.NewRequest(v.Input.Method, vectorPaths[v.Input.Target], strings.NewReader(strings.ReplaceAll(one.Raw, `"content":`, `"text":`)))
		r.Header.Set("Content-Type", "application/json")
		for name, value := range one.Headers {
			r.Header.Set(name, value)
		}
		w := httptest.NewRecorder()
		m.server.Handler().ServeHTTP(w, r.WithContext(context.WithValue(t.Context(), principalKey{}, who)))
		var answer api.SubmitResponse
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Code != http.StatusAccepted || len(answer.Messages) != 1 {
			t.Fatalf("%s: %d %s", one.AsRole, w.Code, w.Body)
		}
		ids, owners = append(ids, answer.Messages[0].ID), append(owners, who)
	}
	for i := range owners {
		for j, id := range ids {
			want := http.StatusNotFound
			if i == j {
				want = http.StatusOK
			}
			if w := m.ask(&owners[i], "GET", "/v1/messages/"+id, ""); w.Code != want {
				t.Errorf("the message of %s is answered %d to %s", v.Input.Sequence[j].AsRole, w.Code, v.Input.Sequence[i].AsRole)
			}
		}
	}
}

// parallel sends many requests at once against a quota: as many as it allows are accepted, the others are told of it.
func parallel(t *testing.T, v *vector) {
	c := router.Default()
	c.Quotas = []string{"token:1 " + v.Input.Setup.Quota}
	allowed := 0
	if _, err := fmt.Sscan(v.Input.Setup.Quota, &allowed); err != nil {
		t.Fatal(err)
	}
	st, err := store.Open(t.Context(), memory.New(), store.Options{Accounting: router.NewBooks(c)})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	r := router.New(router.Options{Config: c, Store: st, Trunks: []router.Trunk{{Name: "desk", Backend: idle{}}}, Measure: func(string, int) (int, error) { return 1, nil }})
	m := &matrix{gateway: serve(t, func(_ *Config, o *Options) { o.Router, o.Store = r, st }), t: t}
	who := access.Principal{Account: "token:1", Role: access.PlatformOwner(), Permissions: access.Every}
	var accepted, refused atomic.Int32
	var group sync.WaitGroup
	for range v.Input.Gen.Count {
		group.Go(func() {
			w := m.ask(&who, v.Input.Method, vectorPaths[v.Input.Target], `{"to":"+15550100","text":"x"}`)
			var p api.Problem
			switch {
			case w.Code == http.StatusAccepted:
				accepted.Add(1)
			case w.Code == http.StatusTooManyRequests && json.Unmarshal(w.Body.Bytes(), &p) == nil && p.Code() == api.CodeQuota:
				refused.Add(1)
			}
		})
	}
	group.Wait()
	if int(accepted.Load()) != allowed || int(refused.Load()) != v.Input.Gen.Count-allowed {
		t.Errorf("%d accepted, %d refused for the quota", accepted.Load(), refused.Load())
	}
}

// raw sends octets as they are and expects one answer and the end of the connection.
func (g *gateway) raw(t *testing.T, v *vector) {
	before := g.lastEvent()
	c := g.dial()
	if _, err := c.Write([]byte(v.Input.RawHTTP)); err != nil {
		t.Fatal(err)
	}
	all, err := io.ReadAll(c)
	if err != nil && !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	if n := bytes.Count(all, []byte("HTTP/1.1 ")); n != 1 {
		t.Errorf("%d answers, want 1: %s", n, all)
	}
	head, body, _ := bytes.Cut(all, []byte("\r\n\r\n"))
	status := 0
	if f := bytes.Fields(head); len(f) > 1 {
		json.Unmarshal(f[1], &status)
	}
	g.refused(t, v, status, http.Header{"Content-Type": {api.ProblemMedia}}, body, before)
}
