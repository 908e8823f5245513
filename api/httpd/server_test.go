package httpd

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"trunkline/api"
	"trunkline/router/access"
	"trunkline/store"
	"trunkline/store/memory"
)

func TestMessagesFromAcceptanceToWithdrawal(t *testing.T) {
	g := serve(t, nil)
	ctx := t.Context()
	three := 3
	a, err := g.client.Submit(ctx, api.SubmitRequest{To: api.Recipients{"+49 151 1234-5678", "110"}, Text: "Grüße <&>", Trunk: "desk", Tag: "t1", Priority: &three,
		Flash: true, ValidFor: api.Duration(time.Hour), SendAt: time.Now().Add(time.Hour).Format(time.RFC3339)}, "")
	if err != nil {
		t.Fatal(err)
	}
	if len(a.Messages) != 2 || a.Replayed {
		t.Fatalf("got %+v, want two new messages", a)
	}
	m := a.Messages[0]
	uid := fmt.Sprintf("uid:%d", syscall.Getuid())
	if m.To != "+4915112345678" || m.Text != "Grüße <&>" || m.State != "waiting" || m.Direction != "out" || m.Trunk != "desk" || m.Tag != "t1" || m.Priority != 3 ||
		!m.Flash || m.Account != uid || m.SendAt.IsZero() || m.ExpiresAt.Sub(m.SendAt) != time.Hour || len(m.Parts) != 1 || m.Parts[0].Reference != nil || m.Parts[0].State != "waiting" {
		t.Errorf("accepted %+v", m)
	}
	got, err := g.client.Message(ctx, m.ID)
	if err != nil || fmt.Sprint(got) != fmt.Sprint(m) {
		t.Errorf("read back %+v (%v), want %+v", got, err, m)
	}
	gone, err := g.client.Cancel(ctx, m.ID)
	if err != nil || gone.State != "canceled" || !gone.Final() {
		t.Errorf("canceled %+v, %v", gone, err)
	}
	_, err = g.client.Cancel(ctx, m.ID)
	wantProblem(t, err, 409, api.CodeConflict)
	_, err = g.client.Message(ctx, "01890000-0000-7000-8000-000000000000")
	wantProblem(t, err, 404, api.CodeNotFound)
	_, err = g.client.Cancel(ctx, "01890000-0000-7000-8000-000000000000")
	wantProblem(t, err, 404, api.CodeNotFound)
	_, err = g.client.Message(ctx, strings.ToUpper(m.ID)+"x")
	wantProblem(t, err, 400, api.CodeMalformed)
}

func wantProblem(t *testing.T, err error, status int, code string) *api.Problem {
	t.Helper()
	var p *api.Problem
	if !errors.As(err, &p) || p.Status != status || p.Code() != code {
		t.Fatalf("got %v, want problem %d %s", err, status, code)
	}
	return p
}

func TestMessageList(t *testing.T) {
	g := serve(t, nil)
	var want []string
	for i := range 25 {
		want = append(want, g.submit(fmt.Sprintf("+4915100000%02d", i), fmt.Sprintf("message %d", i)).ID)
	}
	walk := func(q api.MessageQuery) (ids []string) {
		for {
			page, err := g.client.Messages(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range page.Items {
				ids = append(ids, m.ID)
			}
			if q.Cursor = page.Next; q.Cursor == "" {
				return ids
			}
		}
	}
	if got := walk(api.MessageQuery{Limit: 7, Ascending: true}); !slices.Equal(got, want) {
		t.Errorf("oldest first: got %d messages in another order", len(got))
	}
	slices.Reverse(want)
	if got := walk(api.MessageQuery{Limit: 7}); !slices.Equal(got, want) {
		t.Errorf("newest first: got %d messages in another order", len(got))
	}
	if got := walk(api.MessageQuery{State: "waiting", Direction: "out"}); len(got) != 25 {
		t.Errorf("waiting: got %d, want 25", len(got))
	}
	if got := walk(api.MessageQuery{Direction: "in"}); len(got) != 0 {
		t.Errorf("received: got %d, want none", len(got))
	}
	if got := walk(api.MessageQuery{Number: "+491510000003"}); len(got) != 1 || got[0] != want[21] {
		t.Errorf("by number: got %v", got)
	}
}

func TestWrongRequests(t *testing.T) {
	g := serve(t, nil)
	for _, c := range []struct {
		method, target, header, body string
		status                       int
		wrong                        string
	}{
		{method: "GET", target: "/v1/messages?limit=0&order=up&state=x&direction=y&number=z", status: 400, wrong: "direction invalid, order invalid, state invalid, number invalid, limit out_of_range"},
		{method: "GET", target: "/v1/messages?limit=1001", status: 400, wrong: "limit out_of_range"},
		{method: "GET", target: "/v1/messages?lmit=5&Limit=5", status: 400, wrong: "Limit unknown, lmit unknown"},
		{method: "GET", target: "/v1/messages?limit=5&limit=6", status: 400, wrong: "limit duplicate"},
		{method: "GET", target: "/v1/messages?limit=%zz", status: 400, wrong: "query malformed"},
		{method: "GET", target: "/v1/messages?cursor=nonsense", status: 400, wrong: "cursor invalid"},
		{method: "GET", target: "/v1/messages?access_token=s3cret", status: 401, wrong: "token unsupported"},
		{method: "GET", target: "/nowhere?token=s3cret", status: 401, wrong: "token unsupported"},
		{method: "GET", target: "/v1/modems?x=1", status: 400, wrong: "x unknown"},
		{method: "GET", target: "/v1/messages/nonsense", status: 400, wrong: "id invalid"},
		{method: "GET", target: "/v1/nowhere", status: 404},
		{method: "PUT", target: "/v1/messages", status: 405},
		{method: "GET", target: "/v1/events?after=-1", status: 400, wrong: "after invalid"},
		{method: "GET", target: "/v1/events?after=01", status: 400, wrong: "after invalid"},
		{method: "GET", target: "/v1/events?after=5", status: 400, wrong: "Last-Event-ID out_of_range"},
		{method: "GET", target: "/v1/events", header: "Last-Event-ID: x", status: 400, wrong: "Last-Event-ID invalid"},
		{method: "POST", target: "/v1/messages", header: "Idempotency-Key: a b", body: `{}`, status: 400, wrong: "Idempotency-Key invalid"},
		{method: "POST", target: "/v1/messages", header: "Idempotency-Key: ", body: `{}`, status: 400, wrong: "Idempotency-Key required"},
		{method: "POST", target: "/v1/messages", body: ``, status: 400, wrong: "body required"},
		{method: "POST", target: "/v1/messages", body: `{}`, status: 422, wrong: "to required, text required"},
		{method: "POST", target: "/v1/messages", body: `{"to":["1","x","1"],"text":"a","trunk":"none"}`, status: 422, wrong: "to[1] invalid, to[2] duplicate, trunk unknown"},
		{method: "POST", target: "/v1/messages", body: `{"to":["1",2,"x"],"text":"","valid_for":"soon","tone":1}`, status: 400,
			wrong: "to[1] wrong_type, valid_for invalid, tone unknown, to[2] invalid, text required"},
		{method: "POST", target: "/v1/messages", body: `{"to":5,"text":"x","send_at":"soon","priority":10}`, status: 400, wrong: "to wrong_type, priority out_of_range, send_at invalid"},
		{method: "POST", target: "/v1/messages", body: `{"to":"x","text":"x","send_at":"soon"}`, status: 422, wrong: "send_at invalid, to invalid"},
		{method: "POST", target: "/v1/messages", header: "Content-Type: text/plain", body: `{}`, status: 415, wrong: "Content-Type unsupported"},
		{method: "POST", target: "/v1/messages", header: "Content-Encoding: gzip", body: `{}`, status: 415, wrong: "Content-Encoding unsupported"},
	} {
		t.Run(c.method+" "+c.target+" "+c.header+" "+c.body, func(t *testing.T) {
			req, err := http.NewRequest(c.method, "http://x"+c.target, strings.NewReader(c.body))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", "application/json")
			if name, value, ok := strings.Cut(c.header, ": "); ok {
				req.Header.Set(name, value)
			}
			before := g.lastEvent()
			resp, err := g.http().Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			var p api.Problem
			if err := json.NewDecoder(resp.Body).Decode(&p); err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != c.status || p.Status != c.status || fieldsOf(&p) != c.wrong || !strings.HasPrefix(p.Type, "urn:trunkline:problem:") || p.Title == "" ||
				p.Instance != req.URL.Path || resp.Header.Get("Content-Type") != api.ProblemMedia {
				t.Errorf("got %d %+v, want %d for %s", resp.StatusCode, p, c.status, c.wrong)
			}
			if g.lastEvent() != before {
				t.Error("a refused request changed something")
			}
		})
	}
	if log := g.log.String(); strings.Contains(log, "s3cret") {
		t.Errorf("the log shows a token:\n%s", log)
	}
}

func TestSmallRoutes(t *testing.T) {
	var failure error
	g := serve(t, func(_ *Config, o *Options) {
		o.Ready = func() error { return failure }
		o.Modems = func() []api.Modem { return []api.Modem{{Name: "desk", State: "ready", Opens: 1}} }
	})
	ctx := t.Context()
	if v, err := g.client.Version(ctx); err != nil || v.Version != "test" || v.Go == "" {
		t.Errorf("version: %+v, %v", v, err)
	}
	if m, err := g.client.Modems(ctx); err != nil || len(m) != 1 || m[0].Name != "desk" {
		t.Errorf("modems: %+v, %v", m, err)
	}
	if err := g.client.Health(ctx); err != nil {
		t.Errorf("health: %v", err)
	}
	if err := g.client.Ready(ctx); err != nil {
		t.Errorf("ready: %v", err)
	}
	failure = errors.New("store is being checked")
	if p := wantProblem(t, g.client.Ready(ctx), 503, api.CodeNotReady); p.Detail != failure.Error() {
		t.Errorf("ready: %+v", p)
	}
	g.submit("+4915112345678", "x")
	resp, err := g.http().Get("http://x/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	for _, want := range []string{
		`trunkline_api_requests_total{class="2xx",route="POST /v1/messages"} 1`, `trunkline_api_requests_total{class="5xx",route="GET /readyz"} 1`,
		`trunkline_api_request_seconds_count{route="POST /v1/messages"} 1`, `trunkline_api_event_streams 0`,
	} {
		if !strings.Contains(string(b), want+"\n") {
			t.Errorf("metrics lack %s", want)
		}
	}
	if strings.Contains(string(b), "4915112345678") {
		t.Error("metrics hold a number")
	}
}

func TestNobodyKnownIsRefused(t *testing.T) {
	g := serve(t, nil)
	for _, r := range routes {
		w := httptest.NewRecorder()
		g.server.Handler().ServeHTTP(w, httptest.NewRequest(r.method, strings.Replace(r.pattern, "{id}", "x", 1), nil))
		if got := w.Code == http.StatusUnauthorized; got == (r.need == access.Public) {
			t.Errorf("%s %s without an account: %d, it needs %v", r.method, r.pattern, w.Code, r.need)
		}
	}
	w := httptest.NewRecorder()
	g.server.MetricsHandler().ServeHTTP(w, httptest.NewRequest("GET", "/v1/messages", nil))
	if w.Code != http.StatusNotFound {
		t.Errorf("the listener for metrics answers /v1/messages with %d", w.Code)
	}
}

func TestIdempotency(t *testing.T) {
	g := serve(t, nil)
	req := api.SubmitRequest{To: api.Recipients{"+4915112345678"}, Text: "once"}
	var wg sync.WaitGroup
	ids := make([]string, 50)
	var fresh sync.Map
	for i := range ids {
		wg.Go(func() {
			a, err := g.client.Submit(t.Context(), req, "k1")
			for p := (*api.Problem)(nil); errors.As(err, &p) && p.Code() == api.CodeKeyRunning; {
				a, err = g.client.Submit(t.Context(), req, "k1")
			}
			if err != nil || len(a.Messages) != 1 {
				t.Errorf("%+v, %v", a, err)
				return
			}
			ids[i] = a.Messages[0].ID
			if !a.Replayed {
				fresh.Store(i, true)
			}
		})
	}
	wg.Wait()
	slices.Sort(ids)
	if all := slices.Compact(ids); len(all) != 1 || g.lastEvent() != 1 {
		t.Errorf("one key 50 times made messages %v and %d events, want one", all, g.lastEvent())
	}
	n := 0
	fresh.Range(func(any, any) bool { n++; return true })
	if n != 1 {
		t.Errorf("%d answers say that they were the first, want 1", n)
	}
	req.Text = "another"
	_, err := g.client.Submit(t.Context(), req, "k1")
	if p := wantProblem(t, err, 422, api.CodeKeyReused); fieldsOf(p) != "Idempotency-Key duplicate" {
		t.Errorf("got %v", p)
	}
	if a, err := g.client.Submit(t.Context(), req, "k2"); err != nil || a.Replayed {
		t.Errorf("another key: %+v, %v", a, err)
	}
	account := fmt.Sprintf("uid:%d", os.Getuid())
	if !g.server.keys.begin(account, "k3") {
		t.Fatal("a fresh key runs already")
	}
	_, err = g.client.Submit(t.Context(), req, "k3")
	wantProblem(t, err, 409, api.CodeKeyRunning)
	g.server.keys.end(account, "k3")
	if a, err := g.client.Submit(t.Context(), req, "k3"); err != nil || a.Replayed {
		t.Errorf("a key whose first request ended: %+v, %v", a, err)
	}
}

func TestStoreFailures(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
		code   string
	}{
		{errors.New("odd thing on disk"), 500, api.CodeInternal},
		{fmt.Errorf("write: odd thing on disk: %w", store.ErrFull), 503, api.CodeFull},
		{fmt.Errorf("odd thing on disk: %w", store.ErrReadOnly), 503, api.CodeReadOnly},
		{fmt.Errorf("odd thing on disk: %w", store.ErrStopped), 503, api.CodeStopped},
	} {
		g := serve(t, nil)
		g.engine.FailAt(g.engine.Operations()+1, memory.Before, false, c.err)
		_, err := g.client.Submit(t.Context(), api.SubmitRequest{To: api.Recipients{"+4915112345678"}, Text: "geheim"}, "")
		p := wantProblem(t, err, c.status, c.code)
		log := g.log.String()
		if logged := strings.Contains(log, "odd thing"); strings.Contains(p.Error(), "odd thing") || logged != (c.status == 500) || strings.Contains(log, "geheim") || strings.Contains(log, "4915112345678") {
			t.Errorf("problem %v, log %s", p, log)
		}
	}
}

func TestPanicIsAnsweredAndServed(t *testing.T) {
	g := serve(t, func(_ *Config, o *Options) { o.Modems = func() []api.Modem { panic("broken wire") } })
	_, err := g.client.Modems(t.Context())
	p := wantProblem(t, err, 500, api.CodeInternal)
	if strings.Contains(p.Error(), "broken wire") || !strings.Contains(g.log.String(), "broken wire") {
		t.Errorf("problem %v, log %s", p, g.log.String())
	}
	if err := g.client.Health(t.Context()); err != nil {
		t.Errorf("after a panic: %v", err)
	}
}

func TestRequestLogHoldsNoNumberAndNoText(t *testing.T) {
	g := serve(t, nil)
	m := g.submit("+4915112345678", "geheim")
	g.client.Messages(t.Context(), api.MessageQuery{Number: "+4915112345678"})
	g.client.Message(t.Context(), m.ID)
	g.stop()
	log := g.log.String()
	if !strings.Contains(log, "route=/v1/messages") || strings.Contains(log, "15112345678") || strings.Contains(log, "geheim") {
		t.Errorf("log:\n%s", log)
	}
}

func TestConnectionsPerUser(t *testing.T) {
	g := serve(t, func(c *Config, _ *Options) { c.ConnectionsPerUID = 2 })
	ask := func(c io.ReadWriter) string {
		io.WriteString(c, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
		line, _ := bufio.NewReader(c).ReadString('\n')
		return strings.TrimSpace(line)
	}
	a, b := g.dial(), g.dial()
	if got := ask(a) + ask(b); got != "HTTP/1.1 200 OKHTTP/1.1 200 OK" {
		t.Fatalf("two connections: %s", got)
	}
	if got := ask(g.dial()); got != "HTTP/1.1 503 Service Unavailable" {
		t.Errorf("third connection: %q", got)
	}
	a.Close()
	deadline := time.Now().Add(5 * time.Second)
	for ask(g.dial()) != "HTTP/1.1 200 OK" {
		if time.Now().After(deadline) {
			t.Fatal("the place of a closed connection is not free")
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// slowHeads begins requests whose heads do not end.
func slowHeads(g *gateway, n int) (all []net.Conn) {
	for range n {
		c := g.dial()
		io.WriteString(c, "GET /healthz HTTP/1.1\r\nHo")
		all = append(all, c)
	}
	return all
}

func TestSlowHeadersHoldNobodyUp(t *testing.T) {
	g := serve(t, func(c *Config, _ *Options) { c.HeaderTimeout = time.Minute })
	var ended atomic.Int32
	for _, c := range slowHeads(g, 1000) {
		go func() { io.Copy(io.Discard, c); ended.Add(1) }()
	}
	for range 20 {
		if err := g.client.Health(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if n := ended.Load(); n != 0 {
		t.Errorf("%d of those that are slow had to end before others were served", n)
	}
}

func TestSlowHeadersAreCutOff(t *testing.T) {
	g := serve(t, func(c *Config, _ *Options) { c.HeaderTimeout = 300 * time.Millisecond })
	for _, c := range slowHeads(g, 100) {
		if _, err := io.Copy(io.Discard, c); err != nil {
			t.Fatalf("a slow head is not cut off: %v", err)
		}
	}
}

func TestSlowBodyIsCutOff(t *testing.T) {
	g := serve(t, func(c *Config, _ *Options) { c.BodyTimeout = 300 * time.Millisecond })
	c := g.dial()
	io.WriteString(c, "POST /v1/messages HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
	if _, err := io.Copy(io.Discard, c); err != nil {
		t.Errorf("a slow body is not cut off: %v", err)
	}
}

func TestServeLeavesNothingBehind(t *testing.T) {
	before := goleak.IgnoreCurrent()
	g := serve(t, nil)
	g.submit("+4915112345678", "x")
	streaming := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for _, err := range g.client.Events(t.Context(), 0) {
			if err != nil {
				return
			}
			close(streaming)
		}
	}()
	<-streaming
	g.stop()
	<-done
	g.client.Close()
	goleak.VerifyNone(t, before)
}
