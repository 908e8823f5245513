package httpd

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"trunkline/api"
	"trunkline/callplan"
	"trunkline/router"
	"trunkline/store"
)

// servePlans starts a gateway that keeps call plans; acme is a service provider.
func servePlans(t *testing.T) (*gateway, *callplan.Book) {
	t.Helper()
	book := &callplan.Book{}
	g := serve(t, func(_ *Config, o *Options) {
		if _, err := o.Store.Providers().Add(t.Context(), time.Now(), "uid:0", store.Provider{Name: "acme"}); err != nil {
			t.Fatal(err)
		}
		o.Plans = book
		o.CallPlans = router.NewPlans(router.PlansOptions{Store: o.Store, Book: book, Logger: slog.New(slog.DiscardHandler), Trunks: o.Router.Trunks})
		if err := o.CallPlans.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
	return g, book
}

func planJSON(name, destination string) json.RawMessage {
	return json.RawMessage(fmt.Sprintf(`{"name":%q,"service_provider":"acme","priority":1,"rules":[{"label":"all","criteria":{"always":true},"destination":%s}]}`, name, destination))
}

// decides returns what the plans of acme do.
func decides(b *callplan.Book) string {
	var d callplan.Decision
	b.Decide(&callplan.Facts{Provider: "acme", Called: "1"}, &d)
	if len(d.Candidates) > 0 {
		return d.Candidates[0].Number
	}
	return d.Action.String()
}

// The life of a plan over HTTP: published, published at a time, rolled back, archived, restored, purged; what is in use follows, and who did it is kept.
func TestPlanRoutes(t *testing.T) {
	g, book := servePlans(t)
	ctx, c := t.Context(), g.client
	expect := func(what, want string, p api.Plan, err error, live, last, next int64) {
		t.Helper()
		if err != nil || p.Provider != "acme" || p.Name != "day & night" || p.Live != live || p.Last != last || p.Next != next || decides(book) != want {
			t.Fatalf("%s: %s; %+v, %v", what, decides(book), p, err)
		}
	}
	const name = "day & night"
	out, err := c.PublishPlan(ctx, planJSON(name, `{"number":"100"}`), time.Time{}, "first")
	expect("published", "100", out.Plan, err, 1, 1, 0)
	if out.Version != 1 || out.Warnings == nil {
		t.Errorf("%+v", out)
	}
	out, err = c.PublishPlan(ctx, planJSON(name, `{"trunk":[["gone"]]}`), time.Now().Add(time.Hour), "")
	expect("scheduled", "100", out.Plan, err, 1, 2, 2)
	if !slices.ContainsFunc(out.Warnings, func(f api.PlanFinding) bool { return f.Code == "W_TRUNK_UNKNOWN" }) || out.Plan.NextAt.IsZero() {
		t.Errorf("%+v", out)
	}
	out, err = c.PublishPlan(ctx, planJSON(name, `{"number":"300"}`), time.Time{}, "third")
	expect("again", "300", out.Plan, err, 3, 3, 0)
	p, err := c.RollbackPlan(ctx, "acme", name, 0)
	expect("rolled back", "100", p, err, 1, 3, 0)
	p, err = c.Plan(ctx, "acme", name)
	expect("shown", "100", p, err, 1, 3, 0)
	versions, err := c.PlanVersions(ctx, "acme", name)
	me := fmt.Sprintf("uid:%d", os.Getuid())
	if err != nil || len(versions) != 3 || versions[0].Note != "first" || versions[2].Author != me || versions[0].Document != nil {
		t.Errorf("%+v, %v", versions, err)
	}
	v, err := c.PlanVersion(ctx, "acme", name, 3)
	if err != nil || !bytes.Contains(v.Document, []byte(`"number":"300"`)) || v.Version != 3 {
		t.Errorf("%+v, %v", v, err)
	}
	if _, err := c.PurgePlan(ctx, "acme", name); statusOf(err) != http.StatusConflict {
		t.Errorf("a plan in use is purged: %v", err)
	}
	p, err = c.ArchivePlan(ctx, "acme", name)
	expect("archived", "no_match", p, err, 1, 3, 0)
	if _, err := c.PublishPlan(ctx, planJSON(name, `{"number":"4"}`), time.Time{}, ""); statusOf(err) != http.StatusConflict {
		t.Errorf("an archived plan is published: %v", err)
	}
	for archived, want := range map[bool]int{false: 0, true: 1} {
		if page, err := c.Plans(ctx, api.PlanQuery{Provider: "acme", Archived: archived}); err != nil || len(page.Items) != want {
			t.Errorf("archived %v: %+v, %v", archived, page, err)
		}
	}
	p, err = c.RestorePlan(ctx, "acme", name)
	expect("restored", "100", p, err, 1, 3, 0)
	if _, err := c.ArchivePlan(ctx, "acme", name); err != nil {
		t.Fatal(err)
	}
	if _, err := c.PurgePlan(ctx, "acme", name); err != nil {
		t.Fatal(err)
	}
	for what, err := range map[string]error{
		"plan":     errorOf(c.Plan(ctx, "acme", name)),
		"version":  errorOf(c.PlanVersion(ctx, "acme", name, 1)),
		"rollback": errorOf(c.RollbackPlan(ctx, "acme", name, 1)),
		"archive":  errorOf(c.ArchivePlan(ctx, "none", name)),
	} {
		if statusOf(err) != http.StatusNotFound {
			t.Errorf("%s of a plan that is no more: %v", what, err)
		}
	}
	events, err := g.store.Events(ctx, 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	var kinds []string
	for _, e := range events {
		if kind, ok := strings.CutPrefix(e.Type, "plan."); ok {
			kinds = append(kinds, kind)
			if e.Account != me || e.Code != "acme/"+name {
				t.Errorf("event %+v", e)
			}
		}
	}
	if want := []string{"published", "scheduled", "published", "rolledback", "archived", "restored", "archived", "purged"}; !slices.Equal(kinds, want) {
		t.Errorf("events %q, want %q", kinds, want)
	}
}

func errorOf[T any](_ T, err error) error { return err }

func statusOf(err error) int {
	if p, ok := err.(*api.Problem); ok {
		return p.Status
	}
	return 0
}

// A plan with errors is refused with all of them, and the one in use stays.
func TestWrongPlansChangeNothing(t *testing.T) {
	g, book := servePlans(t)
	ctx, c := t.Context(), g.client
	if _, err := c.PublishPlan(ctx, planJSON("p", `{"number":"100"}`), time.Time{}, ""); err != nil {
		t.Fatal(err)
	}
	wrong := json.RawMessage(`{"name":"p","service_provider":"acme","priority":"1","rules":[{"criteria":{"time":["9:00","17:00"]},"destination":{}},{"criteria":{"npas":["AL"]},"destination":{"number":"1"}}]}`)
	_, err := c.PublishPlan(ctx, wrong, time.Time{}, "")
	problem, ok := err.(*api.Problem)
	if !ok || problem.Status != http.StatusUnprocessableEntity || len(problem.Errors) < 4 {
		t.Fatalf("%+v", err)
	}
	for _, want := range []string{"E_PRIORITY_TYPE /priority", "E_TIME_FORMAT /rules/0/criteria/time/0", "E_DEST_EMPTY /rules/0/destination", "E_UNKNOWN_KEY /rules/1/criteria/npas"} {
		if !slices.ContainsFunc(problem.Errors, func(e api.FieldError) bool { return e.Code+" "+e.Field == want && e.Message != "" }) {
			t.Errorf("%s is not told: %+v", want, problem.Errors)
		}
	}
	checked, err := c.CheckPlan(ctx, wrong)
	if err != nil || len(checked.Errors) != len(problem.Errors) {
		t.Errorf("check: %+v, %v", checked, err)
	}
	if checked, err := c.CheckPlan(ctx, json.RawMessage(`{"name":"p","service_provider":"nobody","priority":1,"rules":[{"criteria":{"always":true},"destination":{"number":"1"}}]}`)); err != nil ||
		len(checked.Errors) != 1 || checked.Errors[0].Code != "E_PROVIDER_UNKNOWN" {
		t.Errorf("unknown provider: %+v, %v", checked, err)
	}
	if decides(book) != "100" {
		t.Errorf("what is in use became %s", decides(book))
	}
	for path, want := range map[string]int{"/v1/plans?at=soon": 400, "/v1/plans?note=" + strings.Repeat("x", 251): 400, "/v1/plans/diff": 422, "/v1/plans/acme/p/rollback": 404} {
		resp, err := g.http().Post("http://x"+path, "application/json", strings.NewReader(`{}`))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s: %s, want %d", path, resp.Status, want)
		}
	}
}

// Pages follow each other, and a cursor belongs to its query.
func TestPlanPages(t *testing.T) {
	g, _ := servePlans(t)
	ctx, c := t.Context(), g.client
	for i := range 5 {
		if _, err := c.PublishPlan(ctx, planJSON(fmt.Sprint("p", i), `{"number":"1"}`), time.Time{}, ""); err != nil {
			t.Fatal(err)
		}
	}
	q := api.PlanQuery{Provider: "acme", Limit: 2}
	var names []string
	for {
		page, err := c.Plans(ctx, q)
		if err != nil || len(page.Items) > 2 {
			t.Fatalf("%+v, %v", page, err)
		}
		for _, p := range page.Items {
			names = append(names, p.Name)
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			break
		}
		if _, err := c.Plans(ctx, api.PlanQuery{Provider: "other", Cursor: q.Cursor}); statusOf(err) != http.StatusBadRequest {
			t.Errorf("a foreign cursor: %v", err)
		}
	}
	if want := []string{"p0", "p1", "p2", "p3", "p4"}; !slices.Equal(names, want) {
		t.Errorf("pages hold %q, want %q", names, want)
	}
	if _, err := c.Plans(ctx, api.PlanQuery{Cursor: "x!"}); statusOf(err) != http.StatusBadRequest {
		t.Errorf("a cursor of nobody: %v", err)
	}
}

// Explain and diff answer in the documented form, about the plans in use.
func TestPlanExplainAndDiff(t *testing.T) {
	g, _ := servePlans(t)
	ctx, c := t.Context(), g.client
	doc := json.RawMessage(`{"name":"p","service_provider":"acme","priority":1,"rules":[
		{"label":"vip","criteria":{"match":["2055550100"]},"destination":{"sip":"vip@example.com"}},
		{"label":"rest","criteria":{"always":true},"destination":{"trunk":[["desk"]]}}]}`)
	if _, err := c.PublishPlan(ctx, doc, time.Time{}, ""); err != nil {
		t.Fatal(err)
	}
	e, err := c.ExplainPlans(ctx, api.DecideRequest{Provider: "acme", Calling: "+12055550199", Called: "0"})
	if err != nil || len(e.Steps) != 2 || e.Steps[0].FirstFailed == nil || e.Steps[0].FirstFailed.Criterion != "match" || e.Decision.Path != "1" || e.Effect == "" {
		t.Errorf("%+v, %v", e, err)
	}
	if e, err := c.ExplainPlans(ctx, api.DecideRequest{Provider: "none"}); err != nil || e.Steps == nil || e.Decision.Action != "no_match" {
		t.Errorf("without plans: %+v, %v", e, err)
	}
	next := bytes.Replace(doc, []byte("vip@example.com"), []byte("other@example.com"), 1)
	d, err := c.DiffPlans(ctx, api.PlanDiffRequest{Provider: "acme", Plans: []json.RawMessage{next}, Calls: []api.DecideRequest{{Calling: "+12055550100"}, {Calling: "+12055550199"}}})
	if err != nil || d.Calls != 2 || d.CallsChanged != 1 || d.ClassesChanged == 0 || len(d.Changes) != 1 || len(d.Changes[0].Examples) == 0 {
		t.Errorf("%+v, %v", d, err)
	}
	same, err := c.DiffPlans(ctx, api.PlanDiffRequest{Provider: "acme", Plans: []json.RawMessage{doc}})
	if err != nil || same.Classes == 0 || same.ClassesChanged != 0 || same.Changes == nil {
		t.Errorf("the same: %+v, %v", same, err)
	}
	if _, err := c.DiffPlans(ctx, api.PlanDiffRequest{Provider: "nobody", Plans: []json.RawMessage{bytes.Replace(doc, []byte("acme"), []byte("nobody"), 1)}}); statusOf(err) != http.StatusNotFound {
		t.Errorf("nobody: %v", err)
	}
	if _, err := c.DiffPlans(ctx, api.PlanDiffRequest{Provider: "acme", Plans: []json.RawMessage{json.RawMessage(`{"name":""}`), doc, doc}}); statusOf(err) != http.StatusUnprocessableEntity || !strings.Contains(err.Error(), "/2/name") {
		t.Errorf("wrong plans: %v", err)
	}
	// What is written has no member that the contract does not name.
	for path, into := range map[string]any{"/v1/plans/explain": &api.PlanExplanation{}, "/v1/plans/diff": &api.PlanDifference{}} {
		body := `{"provider":"acme","calling":"+12055550199"}`
		if strings.HasSuffix(path, "diff") {
			body = `{"provider":"acme","plans":[` + string(next) + `]}`
		}
		resp, err := g.http().Post("http://x"+path, "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		dec := json.NewDecoder(bytes.NewReader(b))
		dec.DisallowUnknownFields()
		if err := dec.Decode(into); err != nil || resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %s, %v: %s", path, resp.Status, err, b)
		}
	}
}
