package httpd

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"trunkline/api/httpd/login"
	"trunkline/callplan/phone"
	"trunkline/router"
	"trunkline/router/access"
	"trunkline/store"
)

// The matrix: every route of the table, asked by every kind of principal, about objects of its own, of another service provider, and that do not exist. What may
// not be seen is answered as what is missing, octet for octet, and leaves no trace.

// object makes an object of the service provider with a key and returns what stands for the wildcards of its routes.
type object func(m *matrix, provider string) map[string]string

// objects has a row for each noun whose routes name an object of a service provider. A route with wildcards whose noun is neither here nor in platformNouns fails
// the test: say first whose its objects are.
var objects = map[string]object{
	"messages": func(m *matrix, provider string) map[string]string {
		a, err := m.router.Submit(m.t.Context(), router.Submission{Account: "admin:99", Provider: provider, To: []string{m.number()}, Text: m.mark(provider), Trunk: "desk"})
		if err != nil {
			m.t.Fatal(err)
		}
		return map[string]string{"id": a.Messages[0].ID.String()}
	},
	"contacts": func(m *matrix, provider string) map[string]string {
		return m.add("contacts", map[string]any{"provider": m.store.ProviderName(provider), "last_name": m.mark(provider), "phone_number": m.number()})
	},
	"groups": func(m *matrix, provider string) map[string]string {
		return m.add("groups", map[string]any{"provider": m.store.ProviderName(provider), "name": m.mark(provider)})
	},
	"actions": func(m *matrix, provider string) map[string]string {
		name := m.mark(provider)
		return m.add("actions", map[string]any{"provider": m.store.ProviderName(provider), "name": name, "keyword": name, "kind": "reply", "text": "yes", "enabled": true})
	},
	"administrators": func(m *matrix, provider string) map[string]string {
		return m.add("administrators", map[string]any{"username": strings.ReplaceAll(m.mark(provider), "-", "_"), "role_id": m.store.RoleName(store.ProviderRole(provider))})
	},
	"subscribers": func(m *matrix, provider string) map[string]string {
		return m.add("subscribers", map[string]any{"provider": m.store.ProviderName(provider), "name": m.mark(provider)})
	},
	"calendars": func(m *matrix, provider string) map[string]string {
		return m.add("calendars", map[string]any{"provider": m.store.ProviderName(provider), "name": m.mark(provider), "days": []string{"2026/12/25"}})
	},
	"list-entries": func(m *matrix, provider string) map[string]string {
		return m.add("list-entries", map[string]any{"provider": m.store.ProviderName(provider), "list": "deny", "kind": "number", "value": m.number(), "note": m.mark(provider)})
	},
	"providers": func(m *matrix, provider string) map[string]string {
		p, err := m.store.Provider(m.t.Context(), provider)
		if err != nil {
			m.t.Fatal(err)
		}
		return map[string]string{"id": fmt.Sprint(p.ID)}
	},
	"plans": func(m *matrix, provider string) map[string]string {
		name := m.mark(provider)
		v := store.PlanVersion{Provider: provider, Name: name, Document: []byte(`{"rules":[]}`), Author: "uid:0", CreatedAt: time.Now()}
		if _, err := m.store.PublishPlan(m.t.Context(), v, time.Now()); err != nil {
			m.t.Fatal(err)
		}
		return map[string]string{"provider": m.store.ProviderName(provider), "name": name, "version": "1"}
	},
	"tokens": func(m *matrix, provider string) map[string]string {
		m.made++
		id := store.TokenID{1, 7: byte(m.made), 6: byte(m.made >> 8)}
		if err := m.store.AddToken(m.t.Context(), store.Token{ID: id, Name: m.mark(provider), Hash: make([]byte, 32), Role: store.ProviderRole(provider), CreatedAt: time.Now()}, "uid:0"); err != nil {
			m.t.Fatal(err)
		}
		return map[string]string{"id": id.String()}
	},
	"cdrs": func(m *matrix, provider string) map[string]string {
		n, err := phone.Parse(m.number())
		if err != nil {
			m.t.Fatal(err)
		}
		c := store.CDR{ID: store.NewCDRID(), Kind: store.CDRVoice, Direction: store.In, Provider: provider, Trunk: m.mark(provider), Number: n, StartedAt: time.Now()}
		if err := m.store.BeginCall(m.t.Context(), c, store.Event{Type: "call.ringing", At: time.Now(), Reference: -1}); err != nil {
			m.t.Fatal(err)
		}
		return map[string]string{"id": c.ID.String()}
	},
	"persons": func(m *matrix, provider string) map[string]string {
		number := m.number()
		m.add("contacts", map[string]any{"provider": m.store.ProviderName(provider), "last_name": m.mark(provider), "phone_number": number})
		return map[string]string{"number": number}
	},
	"runs": nil, // made by messages that come in: what is asked here is only that nothing is told of what does not exist
}

// missing are the wildcards of an object that does not exist, in the form of one that does.
func missing(noun string, like map[string]string) map[string]string {
	out := map[string]string{}
	for name, value := range like {
		switch {
		case name == "number":
			value = "+4917099999999"
		case noun == "plans" && name == "provider":
			value = "nowhere"
		case noun == "tokens":
			value = "ffffffffffffffff"
		case noun == "messages" || noun == "cdrs" || noun == "runs":
			value = "0192f0c1-2b3a-7c4d-8e5f-60718293a4b5"
		case name == "id":
			value = "987654321"
		}
		out[name] = value
	}
	return out
}

// platformNouns are those whose objects belong to nobody but the platform, so that no service provider's administrator ever may: or to the one who asks.
var platformNouns = map[string]bool{"modems": true, "webhooks": true, "calls": true, "opt-outs": true, "account": true}

type matrix struct {
	*gateway
	t    *testing.T
	made int
}

// mark is a name by which something of a service provider is recognised wherever it turns up.
func (m *matrix) mark(provider string) string {
	m.made++
	return fmt.Sprintf("mark%s-%d", provider, m.made)
}

func (m *matrix) number() string {
	m.made++
	return fmt.Sprintf("+49151%08d", m.made)
}

// add makes a record through its route, as an owner of the platform.
func (m *matrix) add(noun string, body map[string]any) map[string]string {
	b, err := json.Marshal(body)
	if err != nil {
		m.t.Fatal(err)
	}
	w := m.ask(&roles[0].who, "POST", "/v1/"+noun, string(b))
	var made struct{ ID uint64 }
	if err := json.Unmarshal(w.Body.Bytes(), &made); w.Code != http.StatusCreated || err != nil || made.ID == 0 {
		m.t.Fatalf("POST /v1/%s: %d %s", noun, w.Code, w.Body)
	}
	return map[string]string{"id": fmt.Sprint(made.ID)}
}

// ask sends a request as a principal; nil is nobody.
func (m *matrix) ask(who *access.Principal, method, path, body string) *httptest.ResponseRecorder {
	ctx, cancel := context.WithTimeout(m.t.Context(), 50*time.Millisecond) // ends event streams
	defer cancel()
	if !strings.HasPrefix(path, "/v1/events") {
		ctx = m.t.Context()
	}
	if who != nil {
		ctx = context.WithValue(ctx, principalKey{}, *who)
	}
	r := httptest.NewRequest(method, path, strings.NewReader(body)).WithContext(ctx)
	if method == "POST" || method == "PUT" || method == "PATCH" {
		r.Header.Set("Content-Type", "application/json")
	}
	w := httptest.NewRecorder()
	m.server.Handler().ServeHTTP(w, r)
	return w
}

var roles = []struct {
	name string
	who  access.Principal
}{
	{"owner of the platform", access.Principal{Account: "uid:0", Role: access.PlatformOwner(), Permissions: access.Every}},
	{"owner of the platform without permissions", access.Principal{Account: "token:02", Role: access.PlatformOwner()}},
	{"acme", access.Principal{Account: "token:03", Role: access.OfProvider("acme"), Permissions: access.Every}},
	{"acme without permissions", access.Principal{Account: "token:04", Role: access.OfProvider("acme")}},
	{"acme before the second factor", access.Principal{Account: "token:03", Role: access.OfProvider("acme"), Permissions: access.Every}.Unproven()},
	{"user of the machine", localUser(1<<31 - 2)},
	{"switch", access.Principal{Account: "switch:x", Role: access.PlatformOwner(), Permissions: access.Of(access.CallPatternView)}},
}

// fill puts values for the wildcards of a pattern.
func fill(pattern string, values map[string]string) string {
	for name, value := range values {
		pattern = strings.ReplaceAll(pattern, "{"+name+"}", value)
	}
	for _, name := range wildcards(pattern) {
		pattern = strings.ReplaceAll(pattern, "{"+name+"}", "0")
	}
	return pattern
}

// bare is an answer without what the request said itself.
func bare(w *httptest.ResponseRecorder, values map[string]string) string {
	body := w.Body.Bytes()
	var said map[string]any
	if json.Unmarshal(body, &said) == nil {
		delete(said, "instance")
		body, _ = json.Marshal(said)
	}
	text := string(body)
	for name, value := range values {
		if len(value) > 5 { // shorter ones are part of anything
			text = strings.ReplaceAll(text, value, "("+name+")")
		}
	}
	return fmt.Sprintf("%d %s", w.Code, text)
}

func newMatrix(t *testing.T) *matrix {
	m := &matrix{gateway: serve(t, func(_ *Config, o *Options) { o.Login = login.New(login.Options{Store: o.Store}) }), t: t}
	for _, name := range []string{"acme", "other"} {
		if _, err := m.store.Providers().Add(t.Context(), time.Now(), "uid:0", store.Provider{Name: name}); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

// eachMatrix runs a test over two service providers that are called by their keys, and over two that took each other's names.
func eachMatrix(t *testing.T, fn func(t *testing.T, m *matrix)) {
	t.Run("own names", func(t *testing.T) { fn(t, newMatrix(t)) })
	t.Run("names swapped", func(t *testing.T) {
		m := newMatrix(t)
		for _, names := range [][2]string{{"acme", "between"}, {"other", "acme"}, {"between", "other"}} {
			if w := m.ask(&roles[0].who, "PATCH", "/v1/providers/"+names[0], fmt.Sprintf(`{"name":%q}`, names[1])); w.Code != http.StatusOK {
				t.Fatalf("rename %s to %s: %d %s", names[0], names[1], w.Code, w.Body)
			}
		}
		if m.store.ProviderName("acme") != "other" || m.store.ProviderKey("acme") != "other" {
			t.Fatal("the names are not swapped")
		}
		fn(t, m)
	})
}

// TestMatrixOfPermissions: who holds not what a route needs is refused, whatever he asks about; who is not known is told so.
func TestMatrixOfPermissions(t *testing.T) {
	m := newMatrix(t)
	asked := 0
	for _, r := range routes {
		if r.need == access.None {
			t.Errorf("%s %s names no permission", r.method, r.pattern)
		}
		path := fill(r.pattern, nil)
		if w := m.ask(nil, r.method, path, "{}"); (w.Code == http.StatusUnauthorized) != (r.need != access.Public) && r.id != "login" {
			t.Errorf("%s %s by nobody: %d", r.method, r.pattern, w.Code)
		}
		for _, role := range roles {
			asked++
			if role.who.Ever(r.need) {
				continue // what it is answered then is asked below
			}
			before := m.lastEvent()
			w := m.ask(&role.who, r.method, path, "{}")
			if w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), r.need.String()) || m.lastEvent() != before {
				t.Errorf("%s %s by %s: %d %s", r.method, r.pattern, role.name, w.Code, w.Body)
			}
		}
	}
	if asked < 500 {
		t.Errorf("only %d were asked", asked)
	}
}

// TestMatrixOfTenants: two service providers try everything on each other.
func TestMatrixOfTenants(t *testing.T) {
	eachMatrix(t, matrixOfTenants)
}

func matrixOfTenants(t *testing.T, m *matrix) {
	acme := roles[2].who
	for _, r := range routes {
		if len(wildcards(r.pattern)) == 0 {
			continue
		}
		noun := strings.Split(r.pattern, "/")[2]
		makes, known := objects[noun]
		switch {
		case !known && !platformNouns[noun]:
			t.Errorf("%s %s: nothing says whose its objects are; add a row to objects or platformNouns", r.method, r.pattern)
			continue
		case !known || makes == nil || !acme.Ever(r.need):
			continue
		}
		name := r.method + " " + r.pattern
		for _, body := range []string{"{}", `{"note":"x"}`} {
			theirs := makes(m, "other")
			none := missing(noun, theirs)
			before := m.lastEvent()
			w := m.ask(&acme, r.method, fill(r.pattern, theirs), body)
			nothing := m.ask(&acme, r.method, fill(r.pattern, none), body)
			if got, want := bare(w, theirs), bare(nothing, none); got != want {
				t.Errorf("%s: another's object is answered\n%s\na missing one\n%s", name, got, want)
			}
			if strings.Contains(bare(w, theirs), "markother") {
				t.Errorf("%s tells something of another: %s", name, w.Body)
			}
			if noun != "persons" && m.lastEvent() != before {
				t.Errorf("%s on another's object wrote an event", name)
			}
		}
		mine := makes(m, "acme")
		if w := m.ask(&acme, r.method, fill(r.pattern, mine), "{}"); r.method == "GET" && w.Code != http.StatusOK || w.Code == http.StatusForbidden && noun != "administrators" || w.Code == http.StatusNotFound {
			t.Errorf("%s on an object of one's own: %d %s", name, w.Code, w.Body)
		}
	}
}

// TestMatrixOfLists: no list, and nothing else that can be got without naming an object, has anything of another service provider; to ask for it by name is to ask
// for one that does not exist.
func TestMatrixOfLists(t *testing.T) {
	eachMatrix(t, matrixOfLists)
}

func matrixOfLists(t *testing.T, m *matrix) {
	for _, makes := range objects {
		if makes != nil {
			makes(m, "other")
			makes(m, "acme")
		}
	}
	for _, role := range []int{2, 3, 4} {
		who := roles[role].who
		own := 0
		for _, r := range routes {
			if r.method != "GET" || len(wildcards(r.pattern)) > 0 || r.need == access.Public || !who.Ever(r.need) {
				continue
			}
			path := r.pattern
			if strings.HasSuffix(path, "/events") {
				path += "?after=0"
			}
			w := m.ask(&who, "GET", path, "")
			if bytes.Contains(w.Body.Bytes(), []byte("markother")) {
				t.Errorf("GET %s by %s has something of another service provider:\n%s", r.pattern, roles[role].name, w.Body)
			}
			if bytes.Contains(w.Body.Bytes(), []byte("markacme")) {
				own++
			}
			for _, p := range r.query {
				if p.name != "provider" {
					continue
				}
				other := m.store.ProviderName("other")
				theirs, none := m.ask(&who, "GET", path+"?provider="+other, ""), m.ask(&who, "GET", path+"?provider=nowhere", "")
				if a, b := strings.ReplaceAll(theirs.Body.String(), other, "nowhere"), none.Body.String(); theirs.Code != none.Code || a != b {
					t.Errorf("GET %s by %s: another's is answered %d %s, one that does not exist %d %s", path, roles[role].name, theirs.Code, a, none.Code, b)
				}
			}
		}
		if role == 2 && own < 8 {
			t.Errorf("only %d lists have something of one's own", own)
		}
	}
}

// TestMatrixOfBodies: what names another service provider in a body is refused as what names none.
func TestMatrixOfBodies(t *testing.T) {
	eachMatrix(t, matrixOfBodies)
}

func matrixOfBodies(t *testing.T, m *matrix) {
	own, other := m.store.ProviderName("acme"), m.store.ProviderName("other")
	acme := roles[2].who
	for noun, body := range map[string]string{
		"contacts": `{"provider":"NAME","last_name":"x","phone_number":"+4915112345678"}`, "groups": `{"provider":"NAME","name":"x"}`,
		"actions": `{"provider":"NAME","name":"x","keyword":"x","kind":"reply","text":"x"}`, "subscribers": `{"provider":"NAME","name":"x"}`,
		"calendars": `{"provider":"NAME","name":"x","days":["2026/12/25"]}`, "list-entries": `{"provider":"NAME","list":"deny","kind":"number","value":"+4915112345678"}`,
		"administrators": `{"username":"x","role_id":"service_provider:NAME"}`, "tokens": `{"name":"x","role":"service_provider:NAME","scope":["easy0_service_view"]}`,
	} {
		before := m.lastEvent()
		theirs := m.ask(&acme, "POST", "/v1/"+noun, strings.ReplaceAll(body, "NAME", other))
		none := m.ask(&acme, "POST", "/v1/"+noun, strings.ReplaceAll(body, "NAME", "nowhere"))
		if a, b := strings.ReplaceAll(theirs.Body.String(), other, "nowhere"), none.Body.String(); theirs.Code/100 != 4 || theirs.Code != none.Code || a != b {
			t.Errorf("POST /v1/%s: another's is answered %d %s, one that does not exist %d %s", noun, theirs.Code, a, none.Code, b)
		}
		if m.lastEvent() != before {
			t.Errorf("POST /v1/%s for another wrote an event", noun)
		}
	}
	// Nobody gives what he does not hold, whatever the way.
	poor := access.Principal{Account: "token:07", Role: access.OfProvider("acme"), Permissions: access.Of(access.ServiceAdministratorProvision, access.ServiceAdministratorEdit, access.ServiceView)}
	for _, body := range []string{`{"username":"x","role_id":"service_provider:` + own + `","permissions":["easy0_service_edit"]}`, `{"username":"x","role_id":"platform_owner"}`,
		`{"username":"x","role_id":"platform_owner","level":1}`, `{"username":"x","role_id":"service_provider:` + own + `","permissions":["easy0_settings_edit"]}`} {
		if w := m.ask(&poor, "POST", "/v1/administrators", body); w.Code/100 != 4 {
			t.Errorf("%s: %d %s", body, w.Code, w.Body)
		}
	}
	if w := m.ask(&poor, "POST", "/v1/administrators", `{"username":"x","role_id":"service_provider:`+own+`","permissions":["easy0_service_view"]}`); w.Code != http.StatusCreated {
		t.Errorf("what he holds: %d %s", w.Code, w.Body)
	}
	part := access.Principal{Account: "token:08", Role: access.PlatformOwner(), Permissions: access.Of(access.PlatformAdministratorProvision)}
	if w := m.ask(&part, "POST", "/v1/administrators", `{"username":"super","level":1}`); w.Code/100 != 4 {
		t.Errorf("a super administrator, who holds all, is made by one who does not: %d %s", w.Code, w.Body)
	}
}
