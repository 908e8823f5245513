package alertmanager

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"trunkline/pdu"
	"trunkline/router"
	"trunkline/store"
	"trunkline/store/memory"
)

const token = "0123456789abcdef0123"

func measure(text string, limit int) (int, error) {
	s, err := pdu.SplitText(text, pdu.SplitOptions{MaxParts: limit})
	return len(s.Parts), err
}

// rig is a handler over a real router and store.
type rig struct {
	*Handler
	store  *store.Store
	engine *memory.Engine
	fail   error // when set, what the router answers
}

func newRig(t *testing.T, change func(*Config)) *rig {
	t.Helper()
	c := Default()
	c.TokenFile = filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(c.TokenFile, []byte(token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c.Receiver = map[string]Receiver{"on call": {To: []string{"+4915112345678", "+4915112345679"}}, "broken": {To: []string{"not a number"}}}
	if change != nil {
		change(&c)
	}
	r := &rig{engine: memory.New()}
	var err error
	if r.store, err = store.Open(t.Context(), r.engine, store.Options{}); err != nil {
		t.Fatal(err)
	}
	ro := router.New(router.Options{Config: router.Default(), Store: r.store, Measure: measure})
	r.Handler, err = New(Options{Config: c, Measure: measure, Submit: func(ctx context.Context, s router.Submission) (router.Accepted, error) {
		if r.fail != nil {
			return router.Accepted{}, r.fail
		}
		return ro.Submit(ctx, s)
	}})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// post posts a body with the right token and returns the answer.
func (r *rig) post(t *testing.T, body string) (int, string) {
	t.Helper()
	req := httptest.NewRequest(http.MethodPost, Path, strings.NewReader(body))
	req.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	r.ServeHTTP(w, req)
	return w.Code, w.Body.String()
}

// texts returns the texts of all messages that were accepted, with their recipients.
func (r *rig) texts(t *testing.T) (all []string) {
	t.Helper()
	page, err := r.store.Messages(t.Context(), store.Query{Ascending: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range page.Items {
		all = append(all, m.To.String()+" "+m.Text)
	}
	return all
}

var began = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

// group is a notification with so many alerts.
func group(status string, alerts int) *notification {
	n := &notification{Version: "4", GroupKey: `{}:{alertname="Down"}`, Status: status, Receiver: "on call", GroupLabels: map[string]string{"alertname": "Down"},
		CommonLabels: map[string]string{"alertname": "Down", "severity": "critical"}}
	for i := range alerts {
		a := alert{Status: status, Labels: map[string]string{"alertname": "Down", "instance": fmt.Sprintf("host%d", i)}, Annotations: map[string]string{"summary": "is gone"},
			StartsAt: began.Add(time.Duration(i) * time.Second), Fingerprint: fmt.Sprintf("%016x", i)}
		if status == resolved {
			a.EndsAt = began.Add(time.Hour)
		}
		n.Alerts = append(n.Alerts, a)
	}
	return n
}

func encode(t testing.TB, n *notification) string {
	t.Helper()
	b, err := json.Marshal(n)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestNotifications(t *testing.T) {
	r := newRig(t, nil)
	same := func(want ...string) {
		t.Helper()
		got := r.texts(t)
		if strings.Join(got, "|") != strings.Join(want, "|") {
			t.Errorf("texts\n%q\nwant\n%q", got, want)
		}
	}
	status, body := r.post(t, encode(t, group(firing, 2)))
	if status != 200 || !strings.Contains(body, `"messages":["`) {
		t.Fatalf("%d %s", status, body)
	}
	first := []string{"+4915112345678 FIRING 2: Down host0 is gone\nDown host1 is gone", "+4915112345679 FIRING 2: Down host0 is gone\nDown host1 is gone"}
	same(first...)

	again := group(firing, 2)
	again.Alerts[0], again.Alerts[1] = again.Alerts[1], again.Alerts[0]
	again.Alerts[0].Annotations["summary"] = "is gone for 4 h" // a value that changes is no news
	if status, body := r.post(t, encode(t, again)); status != 200 || !strings.Contains(body, `"repeated":true`) {
		t.Errorf("the same again: %d %s", status, body)
	}
	same(first...)

	third := group(firing, 3)
	if status, _ := r.post(t, encode(t, third)); status != 200 {
		t.Errorf("one more alert: %d", status)
	}
	mixed := group(firing, 2)
	mixed.Alerts[0].Status, mixed.Alerts[0].EndsAt = resolved, began.Add(time.Minute)
	if status, _ := r.post(t, encode(t, mixed)); status != 200 {
		t.Errorf("one of two resolved: %d", status)
	}
	if status, _ := r.post(t, encode(t, group(resolved, 1))); status != 200 {
		t.Errorf("resolved: %d", status)
	}
	all := r.texts(t)
	if len(all) != 8 || !strings.HasPrefix(all[2], "+4915112345678 FIRING 3: ") || all[4] != "+4915112345678 FIRING 1: Down host1 is gone\nresolved: Down host0 is gone" ||
		all[6] != "+4915112345678 RESOLVED 1: Down host0 is gone" {
		t.Errorf("texts %q", all)
	}
}

func TestRefusals(t *testing.T) {
	r := newRig(t, nil)
	for name, c := range map[string]struct {
		change func(*notification)
		status int
		says   string
	}{
		"version":      {func(n *notification) { n.Version = "5" }, 400, "version 4"},
		"group key":    {func(n *notification) { n.GroupKey = "" }, 400, "groupKey"},
		"status":       {func(n *notification) { n.Status = "odd" }, 400, "neither firing nor resolved"},
		"alert status": {func(n *notification) { n.Alerts[0].Status = "" }, 400, "alerts[0].status"},
		"no alerts":    {func(n *notification) { n.Alerts = nil }, 400, "there are none"},
		"receiver":     {func(n *notification) { n.Receiver = "nobody" }, 404, "there are broken, on call"},
		"number":       {func(n *notification) { n.Receiver = "broken" }, 422, "no digit"},
	} {
		n := group(firing, 1)
		c.change(n)
		if status, body := r.post(t, encode(t, n)); status != c.status || !strings.Contains(body, c.says) {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
	if status, _ := r.post(t, `{"version":`); status != 400 {
		t.Errorf("half a document: %d", status)
	}
	if status, _ := r.post(t, `{"version":"4","groupKey":"`+strings.Repeat("x", maxBody)+`"}`); status != 413 {
		t.Errorf("a long body: %d", status)
	}
	for _, authorization := range []string{"", "Bearer", "Bearer " + token[1:], "Basic " + token, "Bearer " + token + "x"} {
		req := httptest.NewRequest(http.MethodPost, Path, strings.NewReader(encode(t, group(firing, 1))))
		req.Header.Set("Authorization", authorization)
		w := httptest.NewRecorder()
		if r.ServeHTTP(w, req); w.Code != 401 || strings.Contains(w.Body.String(), token) {
			t.Errorf("%q: %d %s", authorization, w.Code, w.Body)
		}
	}
	req := httptest.NewRequest(http.MethodGet, Path, nil)
	req.Header.Set("Authorization", "bearer "+token)
	w := httptest.NewRecorder()
	if r.ServeHTTP(w, req); w.Code != 405 {
		t.Errorf("GET: %d", w.Code)
	}
	if got := r.texts(t); len(got) != 0 {
		t.Errorf("messages were made: %q", got)
	}
}

// TestNotStored: what is not on disk is answered with 503, so that Alertmanager comes again; then it is accepted once.
func TestNotStored(t *testing.T) {
	r := newRig(t, nil)
	for _, err := range []error{store.ErrFull, store.ErrStopped, errors.New("anything")} {
		r.fail = err
		if status, body := r.post(t, encode(t, group(firing, 1))); status != 503 || strings.Contains(body, "anything") {
			t.Errorf("%v: %d %s", err, status, body)
		}
	}
	r.fail = nil
	for range 2 {
		if status, _ := r.post(t, encode(t, group(firing, 1))); status != 200 {
			t.Errorf("afterwards: %d", status)
		}
	}
	if got := r.texts(t); len(got) != 2 {
		t.Errorf("%d messages, want one for each number", len(got))
	}
}

// TestBudget: whatever comes, a text fits into its parts, is the same each time, and tells how much it leaves out.
func TestBudget(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SampledFrom([]string{"a", "€", "č", "😀", "{x}", "a long word of a label", "\n\x00\u202e"})
		value := rapid.Custom(func(t *rapid.T) string {
			return strings.Repeat(words.Draw(t, "word"), rapid.IntRange(0, 60).Draw(t, "times"))
		})
		text := rapid.SampledFrom([]string{Default().Text, "{alerts}", "{receiver}: {group} {labels.alertname} {alerts}", strings.Repeat("long ", 300) + "{alerts}", "{{ {count} }}"}).Draw(t, "text")
		head, err := parse(text, textWords)
		if err != nil {
			t.Fatal(err)
		}
		line, err := parse(Default().Alert, alertWords)
		if err != nil {
			t.Fatal(err)
		}
		c := composer{text: head, alert: line, parts: rapid.IntRange(1, 4).Draw(t, "parts"), measure: measure}
		n := group(rapid.SampledFrom([]string{firing, resolved}).Draw(t, "status"), rapid.IntRange(1, 50).Draw(t, "alerts"))
		for i := range n.Alerts {
			n.Alerts[i].Annotations["summary"] = value.Draw(t, "summary")
		}
		got := c.compose(n)
		parts, err := measure(got, c.parts)
		if err != nil || parts > c.parts {
			t.Fatalf("%d parts of %d, %v: %q", parts, c.parts, err, got)
		}
		if again := c.compose(n); again != got {
			t.Fatalf("not the same: %q and %q", got, again)
		}
		if text == "{alerts}" && strings.Count(got, "\n")+1 < len(n.Alerts) && !strings.Contains(got, "+") {
			t.Fatalf("%d alerts, and none is said to be left out: %q", len(n.Alerts), got)
		}
	})
}

func TestCut(t *testing.T) {
	head, _ := parse("{status}: {alerts}", textWords)
	line, _ := parse("{annotations.summary}", alertWords)
	c := composer{text: head, alert: line, parts: 1, measure: measure}
	n := group(firing, 3)
	for i := range n.Alerts {
		n.Alerts[i].Annotations["summary"] = strings.Repeat(string(rune('a'+i)), 70)
	}
	want := "FIRING: " + strings.Repeat("a", 70) + "\n" + strings.Repeat("b", 70) + "\n+1 more"
	if got := c.compose(n); got != want {
		t.Errorf("three alerts: %q", got)
	}
	n.Alerts[0].Annotations["summary"] = strings.Repeat("a", 200)
	n.TruncatedAlerts = 4
	got := c.compose(n)
	if parts, err := measure(got, 1); err != nil || parts != 1 || len(got) != 160 || !strings.HasSuffix(got, "aaa...\n+6 more") {
		t.Errorf("a long one: %q, %d octets", got, len(got))
	}
}

func TestTemplates(t *testing.T) {
	for s, want := range map[string]string{
		"{": "not closed", "}": "stands alone", "{x}": "{x} is not known", "{labels.}": "not known", "{status": "not closed", "a {fingerprint} b": "not known; there are {status}",
	} {
		if _, err := parse(s, textWords); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", s, err, want)
		}
	}
	got, err := parse("{{{status}}} {labels.a b}!", textWords)
	if err != nil {
		t.Fatal(err)
	}
	if text := got.expand(func(w string) string { return "<" + w + ">" }); text != "{<status>} <labels.a b>!" {
		t.Errorf("expanded to %q", text)
	}
}

func TestConfig(t *testing.T) {
	if errs := Default().Validate(); len(errs) > 0 {
		t.Error(errs)
	}
	c := Config{Listen: "nowhere", Parts: 11, Priority: -1, Text: "{x}", Alert: "{alerts}", Receiver: map[string]Receiver{"a": {}, "b": {To: slices.Repeat([]string{"+4915112345678"}, maxNumbers+1)}, "c": {To: []string{"+4915112345678", "odd"}}}}
	var all []string
	for _, err := range c.Validate() {
		key, _, _ := strings.Cut(err.Error(), ":")
		all = append(all, key)
	}
	if got := strings.Join(all, " "); got != "listen token_file parts priority text alert receiver.a.to receiver.b.to receiver.c.to" {
		t.Errorf("keys %s", got)
	}
	for _, text := range []string{"short", strings.Repeat("x", maxToken+1), "two words of a token", ""} {
		file := filepath.Join(t.TempDir(), "token")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := readToken(file); err == nil {
			t.Errorf("the token %q was taken", text)
		}
	}
}

// FuzzNotification: no panic; what is taken makes a text within its budget.
func FuzzNotification(f *testing.F) {
	f.Add([]byte(encode(f, group(firing, 2))))
	f.Add([]byte(encode(f, group(resolved, 1))))
	f.Add([]byte(`{"version":"4","groupKey":"k","status":"firing","receiver":"on call","truncatedAlerts":18446744073709551615,"alerts":[{"status":"firing"}]}`))
	c := Default()
	head, _ := parse(c.Text, textWords)
	line, _ := parse(c.Alert, alertWords)
	composer := composer{text: head, alert: line, parts: c.Parts, measure: measure}
	f.Fuzz(func(t *testing.T, body []byte) {
		n, err := decode(body)
		if err != nil {
			return
		}
		n.key()
		if text := composer.compose(n); !composer.fits(text) {
			t.Errorf("%q does not fit", text)
		}
	})
}
