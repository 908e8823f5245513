package router_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"trunkline/callplan"
	"trunkline/router"
	"trunkline/store"
	"trunkline/store/memory"
)

// Plans know the calendars in the store, the zone of their provider, and the tables of the configuration; a change of any of them counts at once.
func TestPlansKnowCalendarsAndTables(t *testing.T) {
	ctx := t.Context()
	s, err := store.Open(ctx, memory.New(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Providers().Add(ctx, time.Now(), "uid:1", store.Provider{Name: "acme", Timezone: "America/New_York"}); err != nil {
		t.Fatal(err)
	}
	book := &callplan.Book{}
	p := router.NewPlans(router.PlansOptions{Store: s, Book: book, Logger: slog.New(slog.DiscardHandler)})
	doc := []byte(`{"name":"p","service_provider":"acme","priority":1,"rules":[
		{"criteria":{"holiday":["us"]},"destination":{"number":"1"}},
		{"criteria":{"zip":["352xx"]},"destination":{"number":"2"}},
		{"criteria":{"lata":[["Digits","476"]]},"destination":{"number":"3"}},
		{"criteria":{"npa":["273"]},"destination":{"number":"4"}},
		{"criteria":{"always":true},"destination":{"number":"0"}}]}`)
	_, found, err := p.Publish(ctx, router.PlanDocument{Document: doc})
	if err != nil || !strings.Contains(found[len(found)-1].Code+found[0].Code, "W_HOLIDAY_UNKNOWN") {
		t.Fatalf("%v, %v", found, err)
	}
	ask := func(calling, at string) string {
		when, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		var d callplan.Decision
		book.Decide(&callplan.Facts{Provider: "acme", Calling: calling, At: when}, &d)
		if len(d.Candidates) == 0 {
			return d.Action.String()
		}
		return d.Candidates[0].Number
	}
	const christmasEve = "2026-12-26T03:00:00Z" // the 25th in New York
	if got := ask("+12055550100", christmasEve); got != "0" {
		t.Errorf("without a calendar: %s", got)
	}
	calendars, err := s.Calendars().Add(ctx, time.Now(), "uid:1", store.Calendar{Meta: store.Meta{Provider: "acme"}, Name: "us", Days: []string{"2026/12/25"}})
	if err != nil || p.ProviderChanged(ctx, "acme") != nil {
		t.Fatal(err)
	}
	if got := ask("+12055550100", christmasEve); got != "1" {
		t.Errorf("on a holiday in the zone of the provider: %s", got)
	}
	if _, err := s.Calendars().Archive(ctx, calendars[0].ID, time.Now(), "uid:1"); err != nil || p.ProviderChanged(ctx, "acme") != nil {
		t.Fatal(err)
	}
	if got := ask("+12055550100", christmasEve); got != "0" {
		t.Errorf("with an archived calendar: %s", got)
	}

	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	c := router.PlansConfig{ZIPs: file("zips.csv", "number,zip\n2055550100,35203\n"), LATAs: file("latas.csv", "npa,nxx,lata\n205,666,476\n"),
		AreaCodes: file("areas.csv", "npa,region,country,type,in_service,in_service_date\n205,AL,US,geographic,Y,\n273,LA,US,geographic,Y,\n")}
	if errs := c.Validate(); errs != nil {
		t.Fatal(errs)
	}
	tables, err := c.Load()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Use(ctx, tables); err != nil {
		t.Fatal(err)
	}
	for calling, want := range map[string]string{"+12055550100": "2", "+12056660100": "3", "+12735550100": "4", "+12057770100": "0"} {
		if got := ask(calling, christmasEve); got != want {
			t.Errorf("%s: %s, want %s", calling, got, want)
		}
	}
	if e := p.Set("acme").Explain(&callplan.Facts{Provider: "acme"}); !strings.HasPrefix(e.Areas, "areas.csv of 20") {
		t.Errorf("version of the area codes: %q", e.Areas)
	}
}

// What is wrong with the section and the files that it names is told all at once.
func TestWrongPlansConfig(t *testing.T) {
	var keys []string
	for _, err := range (router.PlansConfig{Timezone: "Mars/Olympus", AreaCodes: "a.csv", LATAs: "b.csv", ZIPs: "c.csv"}).Validate() {
		key, _, _ := strings.Cut(err.Error(), ":")
		keys = append(keys, key)
	}
	if got := strings.Join(keys, " "); got != "timezone area_codes latas zips" {
		t.Errorf("errors about %s", got)
	}
	dir := t.TempDir()
	bad := filepath.Join(dir, "zips.csv")
	if err := os.WriteFile(bad, []byte("number,zip\n1,2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := router.PlansConfig{LATAs: filepath.Join(dir, "none.csv"), ZIPs: bad}.Load()
	if err == nil || !strings.Contains(err.Error(), "plans.latas: ") || !strings.Contains(err.Error(), "plans.zips: ") || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("%v", err)
	}
}
