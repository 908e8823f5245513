package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"trunkline/store"
)

func version(name, document string, at time.Time) store.PlanVersion {
	return store.PlanVersion{Provider: "acme", Name: name, Document: []byte(document), Author: "uid:1", CreatedAt: at}
}

// eventsOf returns the types and codes of all events about plans and providers.
func eventsOf(t *testing.T, s *store.Store) []string {
	t.Helper()
	var all []string
	events, err := s.Events(ctx, 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		all = append(all, fmt.Sprint(e.Type, " ", e.Code, " ", e.Text))
	}
	return all
}

func TestProviders(t *testing.T) {
	onEngines(t, store.Options{}, func(t *testing.T, s *store.Store) {
		all := s.Providers()
		if p, err := s.Provider(ctx, store.DefaultProvider); err != nil || p.Name != "default" || p.ID != 1 {
			t.Fatalf("the default provider: %+v, %v", p, err)
		}
		for _, name := range []string{"", " ", store.DefaultProvider, string(make([]rune, 65))} {
			if _, err := all.Add(ctx, start, "uid:1", store.Provider{Name: name}); err == nil {
				t.Errorf("provider %q is taken", name)
			}
		}
		added, err := all.Add(ctx, start, "uid:1", store.Provider{Name: "acme", DisplayName: "Acme"})
		if err != nil {
			t.Fatal(err)
		}
		acme := added[0].ID
		if _, err := all.Add(ctx, start, "uid:1", store.Provider{Name: "acme"}); !errors.Is(err, store.ErrExists) {
			t.Errorf("twice: %v", err)
		}
		later := start.Add(time.Hour)
		edit := func(p *store.Provider) error { p.Timezone = "Europe/Berlin"; return nil }
		if p, err := all.Edit(ctx, acme, later, "uid:1", edit); err != nil || p.Timezone != "Europe/Berlin" || !p.UpdatedAt.Equal(later) {
			t.Errorf("%+v, %v", p, err)
		}
		for what, fn := range map[string]func(*store.Provider) error{
			"no name": func(p *store.Provider) error { p.Name = ""; return nil }, "no zone": func(p *store.Provider) error { p.Timezone = "Nowhere"; return nil }} {
			if _, err := all.Edit(ctx, acme, later, "uid:1", fn); !errors.Is(err, store.ErrInvalid) {
				t.Errorf("%s: %v", what, err)
			}
		}
		if _, err := all.Edit(ctx, 1, later, "uid:1", edit); err != nil {
			t.Errorf("the default provider cannot be changed: %v", err)
		}
		if _, err := all.Archive(ctx, 1, later, "uid:1"); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("the default provider is archived: %v", err)
		}
		if _, err := all.Restore(ctx, acme, later, "uid:1"); !errors.Is(err, store.ErrNotArchived) {
			t.Error(err)
		}
		if err := all.Purge(ctx, acme, later, "uid:1"); !errors.Is(err, store.ErrNotArchived) {
			t.Error(err)
		}
		if p, err := all.Archive(ctx, acme, later, "uid:1"); err != nil || p.ArchivedAt.IsZero() {
			t.Errorf("%+v, %v", p, err)
		}
		if _, err := all.Edit(ctx, acme, later, "uid:1", edit); !errors.Is(err, store.ErrArchived) {
			t.Error(err)
		}
		if _, err := s.PublishPlan(ctx, version("p", "{}", later), time.Time{}); !errors.Is(err, store.ErrArchived) {
			t.Errorf("a plan of an archived provider: %v", err)
		}
		if _, err := all.Restore(ctx, acme, later, "uid:1"); err != nil {
			t.Error(err)
		}
		list, err := all.All(ctx)
		if err != nil || len(list) != 2 || list[1].Name != "acme" || list[0].Name != "default" || list[1].DisplayName != "Acme" {
			t.Errorf("%+v, %v", list, err)
		}
		if _, err := s.Provider(ctx, "none"); !errors.Is(err, store.ErrNotFound) {
			t.Error(err)
		}
		want := []string{"provider.added acme/2 ", "provider.changed acme/2 ", "provider.changed default/1 ", "provider.archived acme/2 ", "provider.restored acme/2 "}
		if got := eventsOf(t, s); !slices.Equal(got, want) {
			t.Errorf("events %q, want %q", got, want)
		}
	})
}

func TestPlanLife(t *testing.T) {
	onEngines(t, store.Options{}, func(t *testing.T, s *store.Store) {
		if _, err := s.PublishPlan(ctx, version("day", "v1", start), time.Time{}); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("a plan without a provider: %v", err)
		}
		if _, err := s.Providers().Add(ctx, start, "uid:1", store.Provider{Name: "acme"}); err != nil {
			t.Fatal(err)
		}
		expect := func(what string, p store.Plan, err error, live, before, last, next int64) {
			t.Helper()
			if err != nil || p.Live != live || p.Before != before || p.Last != last || p.Next != next || (next == 0) != p.NextAt.IsZero() {
				t.Fatalf("%s: %+v, %v", what, p, err)
			}
			if stored, err := s.Plan(ctx, "acme", "day"); err != nil || stored != p {
				t.Fatalf("%s: stored %+v, want %+v, %v", what, stored, p, err)
			}
		}
		p, err := s.PublishPlan(ctx, version("day", "v1", start), time.Time{})
		expect("first", p, err, 1, 0, 1, 0)
		tomorrow := start.Add(24 * time.Hour)
		p, err = s.PublishPlan(ctx, version("day", "v2", start), tomorrow)
		expect("scheduled", p, err, 1, 0, 2, 2)
		if changed, next, err := s.PublishDue(ctx, tomorrow.Add(-1)); err != nil || changed != nil || !next.Equal(tomorrow) {
			t.Errorf("early: %v %v %v", changed, next, err)
		}
		changed, next, err := s.PublishDue(ctx, tomorrow)
		if err != nil || len(changed) != 1 || !next.IsZero() {
			t.Fatalf("due: %v %v %v", changed, next, err)
		}
		expect("due", changed[0], nil, 2, 1, 2, 0)
		p, err = s.PublishPlan(ctx, version("day", "v3", tomorrow), tomorrow.Add(time.Hour))
		expect("again", p, err, 2, 1, 3, 3)
		p, err = s.RollbackPlan(ctx, "acme", "day", 0, tomorrow, "uid:1")
		expect("rolled back", p, err, 1, 2, 3, 0)
		if changed, _, err := s.PublishDue(ctx, tomorrow.Add(2*time.Hour)); err != nil || changed != nil {
			t.Errorf("what was given up comes into use: %v %v", changed, err)
		}
		p, err = s.RollbackPlan(ctx, "acme", "day", 3, tomorrow, "uid:1")
		expect("rolled forward", p, err, 3, 1, 3, 0)
		if _, err := s.RollbackPlan(ctx, "acme", "day", 9, tomorrow, "uid:1"); !errors.Is(err, store.ErrNotFound) {
			t.Error(err)
		}
		for i, want := range []string{"v1", "v2", "v3"} {
			if v, err := s.PlanVersion(ctx, "acme", "day", int64(i+1)); err != nil || string(v.Document) != want || v.Author != "uid:1" || v.Version != int64(i+1) {
				t.Errorf("%+v, %v", v, err)
			}
		}
		p, err = s.ArchivePlan(ctx, "acme", "day", tomorrow, "uid:1")
		if err != nil || p.ArchivedAt.IsZero() {
			t.Errorf("%+v, %v", p, err)
		}
		if _, err := s.PublishPlan(ctx, version("day", "v4", tomorrow), time.Time{}); !errors.Is(err, store.ErrArchived) {
			t.Error(err)
		}
		if _, err := s.RollbackPlan(ctx, "acme", "day", 1, tomorrow, "uid:1"); !errors.Is(err, store.ErrArchived) {
			t.Error(err)
		}
		p, err = s.RestorePlan(ctx, "acme", "day", tomorrow, "uid:1")
		expect("restored", p, err, 3, 1, 3, 0)
		if _, err := s.RestorePlan(ctx, "acme", "day", tomorrow, "uid:1"); !errors.Is(err, store.ErrNotArchived) {
			t.Error(err)
		}
		want := []string{"provider.added acme/2 ", "plan.published acme/day version 1", "plan.scheduled acme/day version 2", "plan.published acme/day version 2", "plan.scheduled acme/day version 3",
			"plan.rolledback acme/day version 1", "plan.rolledback acme/day version 3", "plan.archived acme/day version 3", "plan.restored acme/day version 3"}
		if got := eventsOf(t, s); !slices.Equal(got, want) {
			t.Errorf("events %q, want %q", got, want)
		}
	})
}

// TestArchivedPlansArePurged: with all versions, when their time in the archive is over; what is in use or was archived later stays, and a purged name is free again.
func TestArchivedPlansArePurged(t *testing.T) {
	onEngines(t, store.Options{}, func(t *testing.T, s *store.Store) {
		if _, err := s.Providers().Add(ctx, start, "uid:1", store.Provider{Name: "acme"}); err != nil {
			t.Fatal(err)
		}
		for i := range 60 { // more than one call purges
			name := fmt.Sprintf("old-%02d", i)
			for _, v := range []store.PlanVersion{version(name, "v1", start), version(name, "v2", start)} {
				if _, err := s.PublishPlan(ctx, v, time.Time{}); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := s.ArchivePlan(ctx, "acme", name, start, "uid:1"); err != nil {
				t.Fatal(err)
			}
		}
		for name, archived := range map[string]time.Time{"used": {}, "late": start.Add(time.Hour), "restored": start} {
			if _, err := s.PublishPlan(ctx, version(name, "v1", start), time.Time{}); err != nil {
				t.Fatal(err)
			}
			if !archived.IsZero() {
				if _, err := s.ArchivePlan(ctx, "acme", name, archived, "uid:1"); err != nil {
					t.Fatal(err)
				}
			}
		}
		if _, err := s.RestorePlan(ctx, "acme", "restored", start, "uid:1"); err != nil {
			t.Fatal(err)
		}
		total := 0
		for from := []byte(nil); ; {
			d, err := s.PurgeArchived(ctx, start.Add(time.Hour), from)
			if err != nil {
				t.Fatal(err)
			}
			total += d.Deleted
			if from = d.Next; from == nil {
				break
			}
		}
		kept, err := s.Plans(ctx, "acme")
		var names []string
		for _, p := range kept {
			names = append(names, p.Name)
		}
		slices.Sort(names)
		if err != nil || total != 60 || !slices.Equal(names, []string{"late", "restored", "used"}) {
			t.Errorf("purged %d, kept %q, %v", total, names, err)
		}
		if all, err := s.PlanVersions(ctx, "acme", "old-00"); err != nil || len(all) != 0 {
			t.Errorf("versions of a purged plan: %+v, %v", all, err)
		}
		if p, err := s.PublishPlan(ctx, version("old-00", "again", start), time.Time{}); err != nil || p.Last != 1 {
			t.Errorf("the name again: %+v, %v", p, err)
		}
		if got := eventsOf(t, s); !slices.Contains(got, "plan.purged acme/old-59 version 2") {
			t.Errorf("events %q", got[max(0, len(got)-5):])
		}
		if _, err := s.Check(ctx, func(d store.Damage) { t.Error(&d) }); err != nil {
			t.Error(err)
		}
	})
}

// TestPlanVersionsAreBounded: old versions go, but not those that are in use, were in use, or wait.
func TestPlanVersionsAreBounded(t *testing.T) {
	s, _ := open(t, store.Options{})
	for i := range store.MaxPlanVersions + 20 {
		v := store.PlanVersion{Provider: store.DefaultProvider, Name: "p", Document: []byte(fmt.Sprint(i)), CreatedAt: start.Add(time.Duration(i) * time.Second)}
		at := start.Add(time.Hour)
		if i < 2 {
			at = time.Time{} // in use and before; all others wait, one in the place of the other
		}
		if _, err := s.PublishPlan(ctx, v, at); err != nil {
			t.Fatal(err)
		}
	}
	all, err := s.PlanVersions(ctx, store.DefaultProvider, "p")
	if err != nil || len(all) < store.MaxPlanVersions || len(all) > store.MaxPlanVersions+2 || all[0].Version != 1 || all[1].Version != 2 || all[len(all)-1].Version != store.MaxPlanVersions+20 {
		t.Errorf("%d versions, %v", len(all), err)
	}
	if all[0].Document != nil {
		t.Error("lists carry documents")
	}
	check(t, s)
	big := store.PlanVersion{Provider: store.DefaultProvider, Name: "p", Document: bytes.Repeat([]byte("x"), store.MaxPlanBytes+1), CreatedAt: start}
	if _, err := s.PublishPlan(ctx, big, time.Time{}); !errors.Is(err, store.ErrInvalid) {
		t.Error(err)
	}
	plans, err := s.Plans(ctx, "")
	if err != nil || len(plans) != 1 {
		t.Errorf("%v, %v", plans, err)
	}
	if none, err := s.Plans(ctx, "defaul"); err != nil || none != nil {
		t.Errorf("a provider whose name begins the same: %v, %v", none, err)
	}
}
