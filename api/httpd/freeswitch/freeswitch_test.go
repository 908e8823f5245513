package freeswitch

import (
	"encoding/xml"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"trunkline/api/switches"
	"trunkline/callplan"
)

// handler answers by plans that route 1…, end withheld calls and hand 3… back.
func handler(t testing.TB) *Handler {
	t.Helper()
	plan, found := callplan.Parse([]byte(`{"name":"main","service_provider":"acme","priority":1,"rules":[
		{"criteria":{"match":["anonymous"]},"destination":{"terminate":true}},
		{"criteria":{"zip":[["352xx"]]},"destination":{"number":"0"}},
		{"criteria":{"called":["1*"]},"destination":{"trunk":[["one"],["tg-2"]],"sip":"desk@pbx.example.net:5080"}},
		{"criteria":{"called":["3*"]},"destination":{"continue":true}},
		{"criteria":{"called":["4*"]},"destination":{"number":"5"}}]}`), callplan.ParseOptions{})
	if err := found.Err(); err != nil {
		t.Fatal(err)
	}
	book, err := callplan.CompileAll([]*callplan.Plan{plan}, &callplan.Env{})
	if err != nil {
		t.Fatal(err)
	}
	pbx, other := switches.Default(), switches.Default()
	pbx.Networks, pbx.Provider, pbx.NextHop = []string{"192.0.2.9"}, "acme", "hop.example.net"
	other.Networks, other.Provider = []string{"192.0.2.10"}, "acme"
	table, err := switches.NewTable(map[string]switches.Config{"pbx": pbx, "other": other}, map[string]switches.Carrier{"one": {Address: "one.example.net", Transport: "tcp"}})
	if err != nil {
		t.Fatal(err)
	}
	return New(Options{Config: Default(), Plans: book, Table: table})
}

// post asks as FreeSWITCH does.
func post(h http.Handler, from string, form url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, Path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.RemoteAddr = from
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// document is what FreeSWITCH reads of an answer.
type document struct {
	XMLName xml.Name `xml:"document"`
	Type    string   `xml:"type,attr"`
	Section struct {
		Name   string `xml:"name,attr"`
		Result *struct {
			Status string `xml:"status,attr"`
		} `xml:"result"`
		Context struct {
			Name    string `xml:"name,attr"`
			Actions []struct {
				Application string `xml:"application,attr"`
				Data        string `xml:"data,attr"`
			} `xml:"extension>condition>action"`
		} `xml:"context"`
	} `xml:"section"`
}

func TestDialplan(t *testing.T) {
	call := func(pairs ...string) url.Values {
		form := url.Values{"section": {"dialplan"}, "Caller-Context": {"public"}, "Caller-Destination-Number": {"12055550123"}, "Caller-Caller-ID-Number": {"+12125550100"}, "Unique-ID": {"u1"}}
		for i := 0; i < len(pairs); i += 2 {
			form.Set(pairs[i], pairs[i+1])
		}
		return form
	}
	bridge := func(s string) []string {
		return []string{"set hangup_after_bridge=true", "set continue_on_fail=true", "bridge " + s, "hangup NO_ROUTE_DESTINATION"}
	}
	for _, tc := range []struct {
		name    string
		from    string
		form    url.Values
		context string
		want    []string // nil: not found
	}{
		{"a call", "", call(), "public", bridge("sofia/external/sip:12055550123@one.example.net;transport=tcp|sofia/gateway/tg-2/12055550123|sofia/external/sip:desk@pbx.example.net:5080")},
		{"hunting", "", call("Hunt-Destination-Number", "4", "Hunt-Context", `a"<b>&`), `a"<b>&`, bridge("sofia/external/sip:5@hop.example.net")},
		{"a withheld number", "", call("Caller-Privacy-Hide-Number", "true"), "public", []string{"hangup CALL_REJECTED"}},
		{"an anonymous caller", "", call("Caller-Caller-ID-Number", "anonymous"), "public", []string{"hangup CALL_REJECTED"}},
		{"handed back", "", call("Caller-Destination-Number", "3"), "", nil},
		{"nothing matches", "", call("Caller-Destination-Number", "9"), "", nil},
		{"a ZIP", "", call("variable_trunkline_zip", "35203"), "public", bridge("sofia/external/sip:0@hop.example.net")},
		{"a long Call-ID", "", call("variable_sip_call_id", strings.Repeat("c", 300)), "public", bridge("sofia/external/sip:12055550123@one.example.net;transport=tcp|sofia/gateway/tg-2/12055550123|sofia/external/sip:desk@pbx.example.net:5080")},
		{"nowhere to go", "192.0.2.10:1", call("Caller-Destination-Number", "4"), "public", []string{"hangup NO_ROUTE_DESTINATION"}},
		{"a number that would be more", "", call("Caller-Destination-Number", "1,user/9|${system rm}"), "public",
			bridge("sofia/external/sip:1%2Cuser%2F9%7C%24%7Bsystem%20rm%7D@one.example.net;transport=tcp|sofia/external/sip:desk@pbx.example.net:5080")},
		{"another section", "", url.Values{"section": {"directory"}, "user": {"1"}}, "", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			from := tc.from
			if from == "" {
				from = "192.0.2.9:40000"
			}
			w := post(handler(t), from, tc.form)
			var got document
			if err := xml.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != 200 || got.Type != "freeswitch/xml" {
				t.Fatalf("%d, %v: %s", w.Code, err, w.Body)
			}
			if tc.want == nil {
				if got.Section.Result == nil || got.Section.Result.Status != "not found" || got.Section.Name != "result" {
					t.Errorf("answered %s", w.Body)
				}
				return
			}
			var actions []string
			for _, a := range got.Section.Context.Actions {
				actions = append(actions, a.Application+" "+a.Data)
			}
			if got.Section.Name != "dialplan" || got.Section.Context.Name != tc.context || !reflect.DeepEqual(actions, tc.want) {
				t.Errorf("section %q, context %q, actions\n%q, want\n%q", got.Section.Name, got.Section.Context.Name, actions, tc.want)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	h := handler(t)
	if w := post(h, "203.0.113.1:1", url.Values{}); w.Code != 403 {
		t.Errorf("a stranger: %d", w.Code)
	}
	if w := post(h, "192.0.2.9:1", url.Values{"x": {strings.Repeat("x", bodyLimit)}}); w.Code != 413 {
		t.Errorf("too long: %d", w.Code)
	}
	if w := post(h, "192.0.2.9:1", url.Values{"section": {"dialplan"}, "Caller-Destination-Number": {strings.Repeat("1", 300)}}); w.Code != 422 || !strings.Contains(w.Body.String(), "called has 300 octets") {
		t.Errorf("a long number: %d %s", w.Code, w.Body)
	}
	for _, tc := range []struct {
		method, media, body string
		status              int
	}{{"GET", "", "", 405}, {"POST", "application/json", "{}", 415}, {"POST", "application/x-www-form-urlencoded", "%zz", 400}} {
		r := httptest.NewRequest(tc.method, Path, strings.NewReader(tc.body))
		r.Header.Set("Content-Type", tc.media)
		r.RemoteAddr = "192.0.2.9:1"
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, r); w.Code != tc.status {
			t.Errorf("%s %s: %d, want %d", tc.method, tc.media, w.Code, tc.status)
		}
	}
	h.ready = func() error { return errors.New("starting") }
	if w := post(h, "192.0.2.9:1", url.Values{"section": {"dialplan"}}); w.Code != 503 || w.Header().Get("Retry-After") == "" {
		t.Errorf("not ready: %d", w.Code)
	}
}

func TestValidate(t *testing.T) {
	if errs := Default().Validate(); len(errs) > 0 {
		t.Error(errs)
	}
	if errs := (Config{Profile: "a/b", Cause: "BECAUSE"}).Validate(); len(errs) != 3 {
		t.Error(errs)
	}
}

// FuzzAnswer: whatever a call says of itself, the answer is a document with the actions that were meant.
func FuzzAnswer(f *testing.F) {
	f.Add("section=dialplan&Caller-Destination-Number=1&Caller-Caller-ID-Number=2&Caller-Context=public")
	f.Add("section=dialplan&Hunt-Context=%22%3E&Caller-Destination-Number=1%7C%24%7Bx%7D")
	h := handler(f)
	asker := h.table.ByName("pbx")
	f.Fuzz(func(t *testing.T, body string) {
		form, err := url.ParseQuery(body)
		if err != nil {
			return
		}
		out, err := h.answer(form, asker)
		if err != nil {
			return
		}
		var got document
		if err := xml.Unmarshal(out, &got); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		for _, a := range got.Section.Context.Actions {
			switch a.Application {
			case "set", "hangup":
			case "bridge":
				if n := strings.Count(a.Data, "|"); n > 2 || strings.ContainsAny(a.Data, ",${}'\"") {
					t.Errorf("bridge %q", a.Data)
				}
			default:
				t.Errorf("application %q", a.Application)
			}
		}
	})
}
