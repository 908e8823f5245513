package httpd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"trunkline/api"
	"trunkline/api/switches"
	"trunkline/callplan"
)

// decidePlans: acme routes what is called 1…, ends 2…, hands 3… back, and decides nothing else; default sends all to a carrier.
func decidePlans(t testing.TB) *callplan.Book {
	t.Helper()
	var plans []*callplan.Plan
	for _, doc := range []string{
		`{"name":"main","service_provider":"acme","priority":1,"rules":[
			{"criteria":{"called":["1*"]},"destination":{"trunk":[["one"],["dead"],["two"]],"sip":"desk@pbx.example.net"}},
			{"criteria":{"called":["2*"]},"destination":{"terminate":true}},
			{"criteria":{"called":["3*"]},"destination":{"continue":true}}]}`,
		`{"name":"usual","service_provider":"default","priority":1,"rules":[{"criteria":{"always":true},"destination":{"trunk":[["one"]]}}]}`,
	} {
		p, found := callplan.Parse([]byte(doc), callplan.ParseOptions{})
		if err := found.Err(); err != nil {
			t.Fatal(err)
		}
		plans = append(plans, p)
	}
	book, err := callplan.CompileAll(plans, &callplan.Env{})
	if err != nil {
		t.Fatal(err)
	}
	return book
}

func decideTable(t testing.TB) *switches.Table {
	t.Helper()
	pbx := switches.Default()
	pbx.Networks, pbx.Provider, pbx.NextHop = []string{"127.0.0.1"}, "acme", "hop.example.net"
	table, err := switches.NewTable(map[string]switches.Config{"pbx": pbx}, map[string]switches.Carrier{"one": {Address: "one.example.net:5070", Transport: "tcp"}, "dead": {Down: true}})
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func withPlans(t testing.TB) func(*Config, *Options) {
	return func(_ *Config, o *Options) {
		o.Plans, o.Switches, o.Decisions = decidePlans(t), decideTable(t), switches.NewMetrics(nil)
	}
}

// decideWith asks and returns status and body.
func decideWith(t testing.TB, c *http.Client, url, body string) (int, string) {
	t.Helper()
	resp, err := c.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, strings.TrimSpace(string(b))
}

func TestDecide(t *testing.T) {
	g := serve(t, withPlans(t))
	const routed = `{"action":"route","plan":"main","path":"0","candidates":[{"type":"trunk","trunk":"one","number":"1"},{"type":"trunk","trunk":"two","number":"1"},{"type":"sip","uri":"sip:desk@pbx.example.net"}]}`
	for _, tc := range []struct{ query, body, want string }{
		{"", `{"provider":"acme","called":"1"}`, routed},
		{"", `{"provider":"acme","called":"1","trunks_down":["one","two"]}`, `{"action":"route","plan":"main","path":"0","candidates":[{"type":"sip","uri":"sip:desk@pbx.example.net"}]}`},
		{"", `{"provider":"acme","called":"2"}`, `{"action":"terminate","plan":"main","path":"1"}`},
		{"", `{"provider":"acme","called":"3"}`, `{"action":"continue","plan":"main","path":"2"}`},
		{"", `{"provider":"acme","called":"4"}`, `{"action":"no_match"}`},
		{"", `{"provider":"nobody","called":"1"}`, `{"action":"no_match"}`},
		{"", `{"called":"7\"<"}`, `{"action":"route","plan":"usual","path":"0","candidates":[{"type":"trunk","trunk":"one","number":"7\"<"}]}`},
		{"?switch=pbx", `{"called":"1"}`, routed},
		{"", `[{"provider":"acme","called":"2"},{"provider":"acme","called":"1"}]`, `[{"action":"terminate","plan":"main","path":"1"},` + routed + `]`},
		{"?format=rtjson&switch=pbx", `{"called":"1"}`,
			`{"version":"1.0","routing":"serial","action":"route","routes":[{"uri":"sip:1@one.example.net:5070;transport=tcp"},{"uri":"sip:1;tgrp=two;trunk-context=hop.example.net@hop.example.net"},{"uri":"sip:desk@pbx.example.net"}]}`},
		{"?format=rtjson", `{"provider":"acme","called":"1"}`, `{"version":"1.0","routing":"serial","action":"route","routes":[{"uri":"sip:1@one.example.net:5070;transport=tcp"},{"uri":"sip:desk@pbx.example.net"}]}`},
		{"?format=rtjson", `{"provider":"acme","called":"2"}`, `{"version":"1.0","routing":"serial","action":"terminate","routes":[]}`},
	} {
		status, got := decideWith(t, g.http(), "http://x/v1/decide"+tc.query, tc.body)
		if status != 200 || got != tc.want {
			t.Errorf("%s %s is answered %d\n%s, want\n%s", tc.query, tc.body, status, got, tc.want)
		}
		if !json.Valid([]byte(got)) {
			t.Errorf("no JSON: %s", got)
		}
	}
	calls := []api.DecideRequest{{Provider: "acme", Called: "2", At: time.Now()}, {Called: "1", TrunksDown: []string{"one"}}}
	out, err := g.client.Decide(t.Context(), calls)
	if want := []api.Decision{{Action: "terminate", Plan: "main", Path: "1"}, {Action: "no_match"}}; err != nil || !reflect.DeepEqual(out, want) {
		t.Errorf("client: %v, %+v", err, out)
	}
}

// Everything that is wrong is named at once, also within a list.
func TestDecideErrors(t *testing.T) {
	g := serve(t, withPlans(t))
	long := strings.Repeat("1", 256)
	for _, tc := range []struct {
		query, body string
		status      int
		code        string
		fields      []string
	}{
		{"", ``, 400, "malformed", []string{"body required"}},
		{"", `{"called":"1"} x`, 400, "malformed", []string{"body malformed"}},
		{"", `"1"`, 400, "malformed", []string{"body wrong_type"}},
		{"", `{"called":1,"caled":"1","called_lata":null}`, 400, "malformed", []string{"called wrong_type", "caled unknown", "called_lata wrong_type"}},
		{"", `{"called":"1","called":"2"}`, 400, "malformed", []string{"called duplicate"}},
		{"", `{"kind":"fax","at":"yesterday","called":"` + long + `","trunks_down":["` + long + `"]}`, 422, "invalid", []string{"kind invalid", "at invalid", "called too_long", "trunks_down[0] too_long"}},
		{"", `[{"called":"1"},{"kind":"fax"}]`, 422, "invalid", []string{"[1].kind invalid"}},
		{"", `[]`, 422, "invalid", []string{"body out_of_range"}},
		{"", "[" + strings.Repeat("{},", 1000) + "{}]", 422, "invalid", []string{"body out_of_range"}},
		{"?format=xml", `{}`, 400, "malformed", []string{"format invalid"}},
		{"?format=rtjson", `[{}]`, 400, "malformed", []string{"format conflict"}},
		{"?switch=nobody", `{}`, 400, "malformed", []string{"switch unknown"}},
		{"?switch=pbx", `{"provider":"default"}`, 422, "invalid", []string{"provider unknown"}},
		{"?switch=pbx", `[{},{"provider":"none"}]`, 422, "invalid", []string{"[1].provider unknown"}},
		{"?x=y", `{}`, 400, "malformed", []string{"x unknown"}},
	} {
		status, body := decideWith(t, g.http(), "http://x/v1/decide"+tc.query, tc.body)
		var p api.Problem
		if err := json.Unmarshal([]byte(body), &p); err != nil {
			t.Fatal(err)
		}
		var fields []string
		for _, f := range p.Errors {
			fields = append(fields, f.Field+" "+f.Code)
		}
		if status != tc.status || p.Code() != tc.code || !reflect.DeepEqual(fields, tc.fields) {
			t.Errorf("%s %.80s is answered %d %s %v, want %d %s %v", tc.query, tc.body, status, p.Code(), fields, tc.status, tc.code, tc.fields)
		}
	}
}

// Over TCP the address is who asks: nobody else's plans, and nothing for strangers.
func TestDecideOverTCP(t *testing.T) {
	var gone atomic.Bool
	g := serve(t, func(c *Config, o *Options) {
		withPlans(t)(c, o)
		o.Decides = func() error {
			if gone.Load() {
				return errors.New("the disk is gone")
			}
			return nil
		}
	})
	serveTCP := func(address string) string {
		l, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- g.server.ServeSwitches(ctx, l, g.server.SwitchHandler()) }()
		t.Cleanup(func() {
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
		return "http://" + l.Addr().String()
	}
	c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	four, six := serveTCP("127.0.0.1:0"), serveTCP("[::1]:0")
	for _, tc := range []struct {
		url, body string
		status    int
		has       string
	}{
		{four + "/v1/decide", `{"called":"2"}`, 200, `{"action":"terminate","plan":"main","path":"1"}`},
		{four + "/v1/decide", `{"called":"2","provider":"acme"}`, 200, `"terminate"`},
		{four + "/v1/decide", `{"called":"2","provider":"default"}`, 422, `"names no service provider"`},
		{four + "/v1/decide?switch=pbx", `{}`, 400, "unsupported"},
		{four + "/v1/messages", `{}`, 404, ""},
		{four + "/metrics", ``, 404, ""},
		{six + "/v1/decide", `{"called":"2"}`, 403, "[switch.NAME]"},
	} {
		if status, got := decideWith(t, c, tc.url, tc.body); status != tc.status || !strings.Contains(got, tc.has) {
			t.Errorf("%s %s is answered %d %s, want %d with %s", tc.url, tc.body, status, got, tc.status, tc.has)
		}
	}
	gone.Store(true)
	if status, got := decideWith(t, c, four+"/v1/decide", `{"called":"2"}`); status != 503 || strings.Contains(got, "disk") {
		t.Errorf("not ready: %d %s", status, got)
	}
}

// BenchmarkDecide measures POST /v1/decide over TCP with connections that stay open, and what a request of it costs in CPU: clients and server together,
// though the clients write ready-made requests and hardly read the answers.
func BenchmarkDecide(b *testing.B) {
	g := serve(b, func(c *Config, o *Options) {
		withPlans(b)(c, o)
		o.Logger = nil
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- g.server.ServeSwitches(ctx, l, g.server.SwitchHandler()) }()
	defer func() { cancel(); <-done }()
	for _, c := range []struct{ clients, calls int }{{1, 1}, {16, 1}, {16, 20}} {
		b.Run(fmt.Sprintf("clients=%d/calls=%d", c.clients, c.calls), func(b *testing.B) {
			one := `{"calling":"+12125550100","called":"12055550123","call_id":"7f3a-1@192.0.2.9"}`
			body := one
			if c.calls > 1 {
				body = "[" + strings.Repeat(one+",", c.calls-1) + one + "]"
			}
			request := fmt.Appendf(nil, "POST /v1/decide HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
			load := newLoader(b, c.clients, "200", func() net.Conn {
				conn, err := net.Dial("tcp", l.Addr().String())
				if err != nil {
					b.Fatal(err)
				}
				return conn
			}, func(int) []byte { return request })
			b.ResetTimer()
			used := cpuTime(b)
			load.run(b, b.N)
			cost := float64((cpuTime(b) - used).Nanoseconds()) / 1000 / float64(b.N)
			b.ReportMetric(cost, "cpu-µs/request")
			b.ReportMetric(cost/float64(c.calls), "cpu-µs/call")
		})
	}
}
