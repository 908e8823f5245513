package httpd

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"trunkline/api"
	"trunkline/callplan"
)

// Subscribers and calendars over HTTP; plans follow calendars at once.
func TestSubscribersAndCalendars(t *testing.T) {
	g, book := servePlans(t)
	ctx, c := t.Context(), g.client
	s, err := c.Subscribers().Add(ctx, api.SubscriberFields{Provider: "acme", Name: "smith", Numbers: []string{"+12055550100", "(205) 555-0101"}})
	if err != nil || s.Provider != "acme" || len(s.Numbers) != 2 || s.CreatedBy == "" {
		t.Fatalf("%+v, %v", s, err)
	}
	_, err = c.Subscribers().Add(ctx, api.SubscriberFields{Name: "other", Numbers: []string{"+12055550100", "abc!"}})
	if statusOf(err) != http.StatusUnprocessableEntity || !strings.Contains(err.Error(), "numbers[1]") {
		t.Errorf("no number: %v", err)
	}
	if _, err = c.Subscribers().Add(ctx, api.SubscriberFields{Name: "other", Numbers: []string{"+12055550100"}}); statusOf(err) != http.StatusUnprocessableEntity || !strings.Contains(err.Error(), "numbers") {
		t.Errorf("number of another: %v", err)
	}
	if s, err = c.Subscribers().Change(ctx, "smith", map[string]any{"numbers": []string{"+12055550102"}}); err != nil || len(s.Numbers) != 1 || s.Name != "smith" {
		t.Errorf("changed: %+v, %v", s, err)
	}
	if page, err := c.Subscribers().List(ctx, api.RecordQuery{Search: "12055550102 smi"}); err != nil || len(page.Items) != 1 {
		t.Errorf("found by number and name: %+v, %v", page, err)
	}
	if _, err := c.PublishPlan(ctx, []byte(`{"name":"p","service_provider":"acme","priority":1,"rules":[{"criteria":{"holiday":["us"]},"destination":{"number":"1"}}]}`), time.Time{}, ""); err != nil {
		t.Fatal(err)
	}
	expect := func(what, want string) {
		t.Helper()
		var d callplan.Decision
		book.Decide(&callplan.Facts{Provider: "acme", At: time.Date(2026, 12, 25, 12, 0, 0, 0, time.UTC)}, &d)
		if got := d.Action.String(); got != want {
			t.Errorf("%s: %s, want %s", what, got, want)
		}
	}
	expect("no calendar", "no_match")
	day, err := c.Calendars().Add(ctx, api.CalendarFields{Provider: "acme", Name: "us", Days: []string{"2026/12/25"}})
	if err != nil || len(day.Days) != 1 {
		t.Fatalf("%+v, %v", day, err)
	}
	expect("a holiday", "route")
	if _, err := c.Calendars().Replace(ctx, "us", api.CalendarFields{Name: "us", Days: []string{"2026/12/24", "2026/12/26"}}); err != nil {
		t.Fatal(err)
	}
	expect("another day", "no_match")
	if _, err := c.Calendars().Change(ctx, "us", map[string]any{"days": []string{"2026-12-25"}}); statusOf(err) != http.StatusUnprocessableEntity || !strings.Contains(err.Error(), "2026/12/25") {
		t.Errorf("a day in another form: %v", err)
	}
}
