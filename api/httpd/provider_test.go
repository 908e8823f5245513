package httpd

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"trunkline/api"
	"trunkline/api/httpd/login"
	"trunkline/callplan/phone"
	"trunkline/router"
	"trunkline/router/access"
	"trunkline/store"
)

// After a rename everything names the service provider as it is called now, plans decide as before, and the old name is nobody's.
func TestRenamedProvider(t *testing.T) {
	g, book := servePlans(t)
	ctx, c := t.Context(), g.client
	must := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	_, err := c.PublishPlan(ctx, planJSON("day/night", `{"number":"100"}`), time.Time{}, "")
	must("publish", err)
	contact, err := c.Contacts().Add(ctx, api.ContactFields{Provider: "acme", LastName: "Abel", PhoneNumber: "+4915100000001"})
	must("contact", err)
	admin, err := c.Administrators().Add(ctx, api.AdministratorFields{Username: "anna", RoleID: "service_provider:acme"})
	must("administrator", err)
	n, err := phone.Parse("+4915100000001")
	must("number", err)
	call := store.CDR{ID: store.NewCDRID(), Kind: store.CDRVoice, Direction: store.In, Provider: "acme", Trunk: "desk", Number: n, StartedAt: time.Now()}
	must("call", g.store.BeginCall(ctx, call, store.Event{Type: "call.ringing", At: time.Now(), Reference: -1}))
	sent, err := g.router.Submit(ctx, router.Submission{Account: "plan:acme/day/night", Provider: "acme", To: []string{"+4915100000001"}, Text: "x", Trunk: "desk"})
	must("message", err)

	p, err := c.Providers().Change(ctx, "acme", map[string]any{"name": "beta"})
	if err != nil || p.Name != "beta" || len(p.FormerNames) != 1 || p.FormerNames[0].Name != "acme" || p.FormerNames[0].Until.IsZero() || p.Outdated != nil {
		t.Fatalf("%+v, %v", p, err)
	}
	if decides(book) != "100" {
		t.Error("its plans decide otherwise")
	}
	decided, err := c.Decide(ctx, []api.DecideRequest{{Provider: "beta", Called: "1"}, {Provider: "acme", Called: "1"}})
	if err != nil || decided[0].Plan != "day/night" || decided[1].Action != "no_match" {
		t.Errorf("decisions %+v, %v", decided, err)
	}
	if e, err := c.ExplainPlans(ctx, api.DecideRequest{Provider: "beta", Called: "1"}); err != nil || e.Decision.Plan != "day/night" {
		t.Errorf("explained %+v, %v", e, err)
	}
	v, err := c.PlanVersion(ctx, "beta", "day/night", 1)
	if err != nil || v.Provider != "beta" || !strings.Contains(string(v.Document), `"service_provider":"beta","priority":1,`) {
		t.Errorf("the plan's document: %s, %v", v.Document, err)
	}
	d, err := c.DiffPlans(ctx, api.PlanDiffRequest{Provider: "beta", Plans: []json.RawMessage{[]byte(strings.Replace(string(v.Document), "100", "200", 1))}, Examples: 1})
	if err != nil || d.ClassesChanged == 0 || d.Changes[0].Examples[0].Facts.Provider != "beta" {
		t.Errorf("compared: %+v, %v", d, err)
	}
	again, err := c.PublishPlan(ctx, v.Document, time.Time{}, "as it was shown")
	if err != nil || again.Plan.Provider != "beta" || again.Version != 2 {
		t.Errorf("published again: %+v, %v", again, err)
	}
	if _, err := c.PublishPlan(ctx, planJSON("x", `{"number":"1"}`), time.Time{}, ""); statusOf(err) != http.StatusUnprocessableEntity || !strings.Contains(err.Error(), `"acme"`) {
		t.Errorf("a plan of the old name: %v", err)
	}
	if a, err := c.Administrators().Read(ctx, "anna"); err != nil || a.RoleID != "service_provider:beta" || a.Provider != "beta" || a.ID != admin.ID {
		t.Errorf("%+v, %v", a, err)
	}
	for name, want := range map[string]int{"beta": 1, "acme": 0} {
		contacts, err1 := c.Contacts().List(ctx, api.RecordQuery{Provider: name})
		calls, err2 := c.CDRs(ctx, api.CDRQuery{Provider: name})
		plans, err3 := c.Plans(ctx, api.PlanQuery{Provider: name})
		if err1 != nil || err2 != nil || err3 != nil || len(contacts.Items) != want || len(calls.Items) != want || len(plans.Items) != want {
			t.Errorf("%s: %d contacts, %d calls, %d plans; %v %v %v", name, len(contacts.Items), len(calls.Items), len(plans.Items), err1, err2, err3)
		}
		if want == 1 && (contacts.Items[0].Provider != name || calls.Items[0].Provider != name || plans.Items[0].Provider != name) {
			t.Errorf("%+v %+v %+v", contacts.Items[0], calls.Items[0], plans.Items[0])
		}
	}
	if m, err := c.Message(ctx, sent.Messages[0].ID.String()); err != nil || m.Account != "plan:beta/day/night" {
		t.Errorf("account %q, %v", m.Account, err)
	}
	// A record that is sent back as it was read is not moved, and the old name is nobody's.
	f := contact.ContactFields
	f.Provider, f.LastName = "beta", "Bebel"
	if k, err := c.Contacts().Replace(ctx, fmt.Sprint(contact.ID), f); err != nil || k.Provider != "beta" || k.LastName != "Bebel" {
		t.Errorf("%+v, %v", k, err)
	}
	_, err = c.Contacts().Change(ctx, fmt.Sprint(contact.ID), map[string]any{"provider": "acme"})
	wrongField(t, err, "provider", "immutable")
	_, err = c.Contacts().Add(ctx, api.ContactFields{Provider: "acme", LastName: "x", PhoneNumber: "+4915100000009"})
	if wrongField(t, err, "provider", api.FieldUnknown); strings.Contains(fmt.Sprint(err), `\u0000`) {
		t.Errorf("%v", err)
	}
	renamed := false
	for e, err := range c.Events(ctx, 0) {
		must("events", err)
		if strings.HasPrefix(e.Code, "acme/") {
			t.Errorf("event %s is about %s", e.Type, e.Code)
		}
		if renamed = e.Type == "provider.renamed"; renamed {
			break
		}
	}
	if !renamed {
		t.Error("there is no event of it")
	}
	_, err = c.Providers().Change(ctx, "default", map[string]any{"name": "x"})
	wrongField(t, err, "name", "immutable")
	_, err = c.Providers().Change(ctx, "beta", map[string]any{"name": "default"})
	wrongField(t, err, "name", "exists")
}

// Who was logged in stays so, and is at once an administrator of the new name.
func TestRenameEndsNothing(t *testing.T) {
	f := serveFar(t, nil)
	ctx := t.Context()
	if _, err := f.client.Providers().Add(ctx, api.ProviderFields{Name: "acme"}); err != nil {
		t.Fatal(err)
	}
	token, _, err := f.keeper.Issue(ctx, login.TokenSpec{Name: "ci", Role: access.OfProvider("acme"), Scope: access.Of(access.ServiceView, access.ServiceProvision, access.ServiceProviderEdit, access.ServiceProviderView)}, "uid:0")
	if err != nil {
		t.Fatal(err)
	}
	bearer := []string{"Authorization", "Bearer " + token}
	anna, err := f.client.Administrators().Add(ctx, api.AdministratorFields{Username: "anna", RoleID: "service_provider:acme", Permissions: []string{"easy0_service_view", "easy0_service_provider_view"}})
	if err != nil {
		t.Fatal(err)
	}
	code, _, err := f.keeper.Invite(ctx, anna.ID, "uid:0")
	if err != nil {
		t.Fatal(err)
	}
	const password = "seven green tables laugh"
	f.ask("POST", "/v1/password", `{"code":"`+code+`","password":"`+password+`"}`)
	entered, body := f.ask("POST", "/v1/login", `{"username":"anna","password":"`+password+`"}`)
	if entered.StatusCode != http.StatusOK || len(entered.Cookies()) != 1 {
		t.Fatalf("login: %d %s", entered.StatusCode, body)
	}
	cookie := []string{"Cookie", entered.Cookies()[0].Name + "=" + entered.Cookies()[0].Value}
	if w, body := f.ask("PATCH", "/v1/providers/acme", `{"name":"mine"}`, bearer...); w.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(body, "owners of the platform") {
		t.Errorf("an administrator of it renames it: %d %s", w.StatusCode, body)
	}
	if w, body := f.ask("POST", "/v1/contacts", `{"last_name":"Abel","phone_number":"+4915100000001"}`, bearer...); w.StatusCode != http.StatusCreated {
		t.Fatalf("%d %s", w.StatusCode, body)
	}
	if _, err := f.client.Providers().Change(ctx, "acme", map[string]any{"name": "beta"}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.client.Providers().Add(ctx, api.ProviderFields{Name: "acme"}); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"/v1/account": `"role":"service_provider:beta"`, "/v1/contacts": `"Abel"`, "/v1/contacts?provider=beta": `"Abel"`, "/v1/providers": `"name":"beta"`} {
		for _, proof := range [][]string{bearer, cookie} {
			if w, body := f.ask("GET", path, "", proof...); w.StatusCode != http.StatusOK || !strings.Contains(body, want) {
				t.Errorf("%s: %d %s", path, w.StatusCode, body)
			}
		}
	}
	for _, proof := range [][]string{bearer, cookie} {
		if w, _ := f.ask("GET", "/v1/contacts?provider=acme", "", proof...); w.StatusCode != http.StatusNotFound {
			t.Errorf("the one that has the name now: %d", w.StatusCode)
		}
	}
}

// What the configuration names is told about, and is not given to another.
func TestRenameOfConfiguredProvider(t *testing.T) {
	g := serve(t, func(_ *Config, o *Options) {
		o.Named = func(name string) []string {
			return map[string][]string{"acme": {"router.trunk.desk.provider", "switch.pbx.hosts"}, "free": {"switch.pbx.provider"}}[name]
		}
	})
	ctx, c := t.Context(), g.client
	if _, err := c.Providers().Add(ctx, api.ProviderFields{Name: "acme"}); err != nil {
		t.Fatal(err)
	}
	p, err := c.Providers().Change(ctx, "acme", map[string]any{"name": "beta"})
	if err != nil || fmt.Sprint(p.Outdated) != "[router.trunk.desk.provider: acme switch.pbx.hosts: acme]" {
		t.Errorf("%+v, %v", p, err)
	}
	_, err = c.Providers().Add(ctx, api.ProviderFields{Name: "acme"})
	if wrongField(t, err, "name", "exists"); !strings.Contains(fmt.Sprint(err), "router.trunk.desk.provider") {
		t.Errorf("where is not told: %v", err)
	}
	free, err := c.Providers().Add(ctx, api.ProviderFields{Name: "free"})
	if err != nil {
		t.Fatalf("a name that the configuration has in advance: %v", err)
	}
	_, err = c.Providers().Change(ctx, fmt.Sprint(free.ID), map[string]any{"name": "acme"})
	wrongField(t, err, "name", "exists")
	if p, err = c.Providers().Change(ctx, "beta", map[string]any{"name": "acme"}); err != nil || p.Outdated != nil {
		t.Errorf("it takes its name back: %+v, %v", p, err)
	}
}
