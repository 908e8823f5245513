package router

import (
	"os"
	"strings"
	"testing"
	"time"

	"trunkline/store"
)

// Every known defect of the systems whose work the gateway takes over has a test that shows the right behaviour, which testdata/defects.txt names.
func TestDefectsHaveTests(t *testing.T) {
	list, err := os.ReadFile("testdata/defects.txt")
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for line := range strings.Lines(string(list)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		rows++
		defect, shown, ok := strings.Cut(line, "|")
		if !ok || strings.TrimSpace(shown) == "" {
			t.Errorf("%s: nothing shows the right behaviour", defect)
			continue
		}
		if strings.HasPrefix(strings.TrimSpace(shown), "- ") {
			continue
		}
		for one := range strings.SplitSeq(shown, ",") {
			file, test, _ := strings.Cut(strings.TrimSpace(one), " ")
			source, err := os.ReadFile("../" + file)
			if err != nil || !strings.Contains(string(source), "\nfunc "+test+"(t *testing.T) {\n") {
				t.Errorf("%s: there is no %s in %s: %v", strings.TrimSpace(defect), test, file, err)
			}
		}
	}
	if rows != 27 {
		t.Errorf("%d defects, want 27", rows)
	}
}

// A week begins on Monday, also when that is in another month or year.
func TestWeekBeginsOnMonday(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for _, zone := range []*time.Location{time.UTC, berlin} {
		for day := time.Date(2023, 12, 1, 12, 0, 0, 0, zone); day.Year() < 2029; day = day.AddDate(0, 0, 1) {
			start, end := weekOf(day, zone)
			begins := start.In(zone)
			if begins.Weekday() != time.Monday || begins.Hour() != 0 || day.Before(start) || !day.Before(end) || !end.Equal(begins.AddDate(0, 0, 7)) {
				t.Fatalf("the week of %s is %s to %s", day, start, end)
			}
		}
	}
}

// An administrator whose recipients are not filtered writes to anybody; one whose are, to own contacts only, and not to another administrator either.
func TestRecipientFilter(t *testing.T) {
	d := newDesk(t, nil, nil)
	for _, filtered := range []bool{false, true} {
		if _, err := d.store.Administrators().Edit(t.Context(), d.sue.ID, time.Now().UTC(), "test", func(a *store.Administrator) error {
			a.RecipientFilter = filtered
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		for to, own := range map[string]bool{annNumber: true, alienNumber: false, rootNumber: false} {
			v, err := d.screen.Outgoing(t.Context(), "default", store.AdminAccount(d.sue.ID), number(to), nil)
			if err != nil || v.Authorized != (own || !filtered) || !v.Authorized && v.Code != CodeOwnOnly {
				t.Errorf("filtered %v, to %s: %+v, %v", filtered, to, v, err)
			}
		}
	}
}

// Blanks around the numbers and groups of a list lose nobody.
func TestBlanksInLists(t *testing.T) {
	d := newDesk(t, nil, nil)
	all, err := d.recipientsOf(t.Context(), "default", d.sue.ID, " ops ,\t"+alienNumber+" , +61 491 570 159,, ops\n")
	if err != nil || len(all) != 4 {
		t.Errorf("%v, %v", all, err)
	}
}
