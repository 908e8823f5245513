package httpd

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"trunkline/api"
	"trunkline/router"
	"trunkline/store"
)

// serveScreened is serve with screening and actions.
func serveScreened(t *testing.T) *gateway {
	t.Helper()
	return serve(t, func(_ *Config, o *Options) {
		screening, err := router.NewScreening(router.ScreeningOptions{Config: router.DefaultScreening(), Store: o.Store})
		if err != nil {
			t.Fatal(err)
		}
		o.Screening = screening
		o.Inbound = router.NewInbound(router.InboundOptions{Router: o.Router, Screening: screening, Store: o.Store})
	})
}

func TestListEntriesAndRouteTests(t *testing.T) {
	g := serveScreened(t)
	ctx, c := t.Context(), g.client
	in, err := c.TestRoute(ctx, api.RouteTestRequest{From: "+4915112345678"})
	if err != nil || in.Direction != "in" || in.Verdict.Code != "no_allow_list" || len(in.Steps) == 0 {
		t.Errorf("%+v, %v", in, err)
	}
	allow, err := c.ListEntries().Add(ctx, api.ListEntryFields{List: "allow", Kind: "pattern", Value: "+49 *", Note: "home"})
	if err != nil || allow.Value != "+49*" || allow.Direction != "both" || allow.Provider != store.DefaultProvider {
		t.Fatalf("%+v, %v", allow, err)
	}
	if in, err = c.TestRoute(ctx, api.RouteTestRequest{From: "+4915112345678"}); err != nil || !in.Verdict.Authorized || in.Verdict.Entry != "1" {
		t.Errorf("%+v, %v", in, err)
	}
	_, err = c.ListEntries().Add(ctx, api.ListEntryFields{List: "deny", Kind: "number", Value: "+4915112345678", Global: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []api.RouteTestRequest{{From: "+4915112345678"}, {To: "+4915112345678"}} {
		if out, err := c.TestRoute(ctx, r); err != nil || out.Verdict.Code != "denied" || out.Verdict.Entry != "2" {
			t.Errorf("%+v: %+v, %v", r, out, err)
		}
	}
	if _, err := c.ListEntries().Archive(ctx, "2"); err != nil {
		t.Fatal(err)
	}
	if out, err := c.TestRoute(ctx, api.RouteTestRequest{To: "+4915112345678"}); err != nil || !out.Verdict.Authorized {
		t.Errorf("an archived entry holds: %+v, %v", out, err)
	}
	if _, err := c.ListEntries().Change(ctx, "2", map[string]any{"note": "x"}); !is(err, http.StatusConflict) {
		t.Errorf("%v", err)
	}
	for field, f := range map[string]api.ListEntryFields{"list": {List: "maybe", Kind: "number", Value: "+4915112345678"}, "kind": {List: "allow", Kind: "name", Value: "Bank"}, "value": {List: "allow", Kind: "number", Value: "12345"},
		"direction": {List: "deny", Kind: "number", Value: "1", Direction: "up"}, "provider": {List: "deny", Kind: "number", Value: "1", Provider: "nobody"}} {
		_, err := c.ListEntries().Add(ctx, f)
		if !is(err, http.StatusUnprocessableEntity) || !strings.Contains(err.Error(), field+": ") {
			t.Errorf("%s: %v", field, err)
		}
	}
	for _, r := range []api.RouteTestRequest{{}, {From: "a name that is too long"}, {To: "+"}} {
		if _, err := c.TestRoute(ctx, r); !is(err, http.StatusUnprocessableEntity) {
			t.Errorf("%+v: %v", r, err)
		}
	}
	if _, err := c.TestRoute(ctx, api.RouteTestRequest{To: "+4915112345678", Provider: "nobody"}); !is(err, http.StatusNotFound) {
		t.Errorf("%v", err)
	}
}

func TestOptOutsOverHTTP(t *testing.T) {
	g := serveScreened(t)
	ctx, c := t.Context(), g.client
	o, err := c.AddOptOut(ctx, api.OptOutRequest{Number: "+49 151 12345678"})
	if err != nil || o.Number != "+4915112345678" || o.Source != "api" || o.By == "" {
		t.Fatalf("%+v, %v", o, err)
	}
	list, err := c.OptOuts(ctx, "", 10)
	if err != nil || len(list.Items) != 1 || list.Next != "" {
		t.Errorf("%+v, %v", list, err)
	}
	if out, err := c.TestRoute(ctx, api.RouteTestRequest{To: "+4915112345678"}); err != nil || out.Verdict.Code != router.CodeOptedOut {
		t.Errorf("%+v, %v", out, err)
	}
	if _, err := c.RemoveOptOut(ctx, "+4915112345678"); err != nil {
		t.Error(err)
	}
	if _, err := c.RemoveOptOut(ctx, "+4915112345678"); !is(err, http.StatusNotFound) {
		t.Errorf("%v", err)
	}
	if _, err := c.AddOptOut(ctx, api.OptOutRequest{Number: "Bank"}); !is(err, http.StatusUnprocessableEntity) {
		t.Errorf("%v", err)
	}
}

func TestActionTestsAndLint(t *testing.T) {
	g := serveScreened(t)
	ctx, c := t.Context(), g.client
	if _, err := c.ListEntries().Add(ctx, api.ListEntryFields{List: "allow", Kind: "pattern", Value: "*", Direction: "in"}); err != nil {
		t.Fatal(err)
	}
	now := time.Now().UTC()
	if _, err := g.store.Actions().Add(ctx, now, "test",
		store.Action{Name: "wake", Keyword: "wake", Kind: store.ActionReply, Text: "wakes {{args.host}}", Enabled: true, Arguments: []store.ActionArgument{{Name: "host", Type: "str", Required: true}}},
		store.Action{Name: "ende", Keyword: "ende", Kind: store.ActionReply, Text: "{{nothing}}", Enabled: true},
		store.Action{Name: "off", Keyword: "off", Kind: store.ActionReply, Text: "{{nothing}}"},
		store.Action{Name: "prog", Keyword: "prog", Kind: store.ActionProgram, Target: "missing", Enabled: true, Filtered: true},
		store.Action{Name: "hook", Keyword: "hook", Kind: store.ActionWebhook, Target: "x", Enabled: true},
		store.Action{Name: "built", Keyword: "built", Kind: store.ActionBuiltin, Target: "x", Enabled: true}); err != nil {
		t.Fatal(err)
	}
	out, err := c.TestAction(ctx, api.ActionTestRequest{From: "+4915112345678", Text: "wake host1"})
	if err != nil || out.Outcome != "run" || out.Action != "wake" || out.Arguments["host"] != "host1" || !out.Verdict.Authorized {
		t.Errorf("%+v, %v", out, err)
	}
	if out, err := c.TestAction(ctx, api.ActionTestRequest{From: "+4915112345678", Text: "wake"}); err != nil || out.Outcome != "complain" || out.Field != "host" || !strings.Contains(out.Answer, "Usage: wake HOST") {
		t.Errorf("%+v, %v", out, err)
	}
	if out, err := c.TestAction(ctx, api.ActionTestRequest{From: "Bank", Text: "wake host1"}); err != nil || out.Outcome != "refused" || out.Verdict.Code != "untrusted_sender" {
		t.Errorf("%+v, %v", out, err)
	}
	if runs, err := c.Runs(ctx, "", 10); err != nil || len(runs.Items) != 0 {
		t.Errorf("a test ran something: %+v, %v", runs, err)
	}
	for _, text := range []string{"{{range 100000000}}x{{end}}", "{% for i in a %}{% endfor %}", "{{.Message.Delete}}"} {
		_, err := c.Actions().Add(ctx, api.ActionFields{Name: "bomb", Kind: "reply", Text: text})
		wrongField(t, err, "text", api.FieldInvalid)
	}
	found, err := c.LintActions(ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	codes := map[string]string{}
	for _, f := range found.Items {
		codes[f.Action+" "+f.Code] = f.Text
	}
	for _, want := range []string{"ende stop_word", "ende bad_text", "prog no_program", "prog no_list", "hook no_webhook", "built unknown_builtin"} {
		if codes[want] == "" {
			t.Errorf("%s is not found", want)
		}
	}
	if len(codes) != 6 {
		t.Errorf("%v", codes)
	}
}
