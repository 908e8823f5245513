package store_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"trunkline/store"
)

// links is a group of three contacts that may trigger an action of which two of them, and another group's one, are told.
type links struct {
	s                      *store.Store
	action, crew, night    uint64
	anna, bert, carl, boss uint64
}

func newLinks(t *testing.T, s *store.Store) *links {
	t.Helper()
	admins, err := s.Administrators().Add(ctx, start, "", store.Administrator{Username: "root", Level: 1}, store.Administrator{Username: "boss"}, store.Administrator{Username: "deputy"})
	if err != nil {
		t.Fatal(err)
	}
	owner := admins[1].ID
	contacts, err := s.Contacts().Add(ctx, start, "", store.Contact{AdminID: owner, LastName: "A"}, store.Contact{AdminID: owner, LastName: "B"}, store.Contact{AdminID: owner, LastName: "C"})
	if err != nil {
		t.Fatal(err)
	}
	groups, err := s.Groups().Add(ctx, start, "", store.Group{AdminID: owner, Name: "crew"}, store.Group{AdminID: owner, Name: "night"})
	if err != nil {
		t.Fatal(err)
	}
	actions, err := s.Actions().Add(ctx, start, "", store.Action{AdminID: owner, Name: "lamp", Keyword: "lamp", Kind: store.ActionReply, Text: "on"})
	if err != nil {
		t.Fatal(err)
	}
	l := &links{s, actions[0].ID, groups[0].ID, groups[1].ID, contacts[0].ID, contacts[1].ID, contacts[2].ID, admins[2].ID}
	err = errors.Join(s.AddMembers(ctx, l.crew, start, "", l.anna, l.bert, l.carl), s.AddMembers(ctx, l.night, start, "", l.anna), s.AllowGroup(ctx, l.action, l.crew, start, ""), s.AllowGroup(ctx, l.action, l.night, start, ""),
		s.AllowAdministrator(ctx, l.action, l.boss, start, ""), s.Notify(ctx, l.action, l.anna, l.crew, start, ""), s.Notify(ctx, l.action, l.bert, l.crew, start, ""), s.Notify(ctx, l.action, l.anna, l.night, start, ""))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// state says in one line what counts and what is archived.
func (l *links) state(t *testing.T) string {
	t.Helper()
	members, err1 := l.s.Members(ctx, l.crew, 0, 10)
	former, err2 := l.s.FormerMembers(ctx, l.crew, 10)
	now, err3 := l.s.Grants(ctx, l.action)
	was, err4 := l.s.FormerGrants(ctx, l.action)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(members, now.Groups, now.Administrators, now.Notify, " former ", former, was.Groups, was.Administrators, was.Notify)
}

// Each step takes something away or brings it back: what counts and what is archived is always told apart, notices end and come back with what they hang on, and never
// with something else.
func TestArchivedLinks(t *testing.T) {
	const whole = "[1 2 3] [1 2] [3] [{1 1} {1 2} {2 1}]"
	onEngines(t, store.Options{}, func(t *testing.T, s *store.Store) {
		l := newLinks(t, s)
		at := start
		for _, step := range []struct {
			name string
			do   func(at time.Time) error
			want string
		}{
			{"as it begins", func(time.Time) error { return nil }, whole + " former [] [] [] []"},
			{"anna stops", func(at time.Time) error { return s.StopNotify(ctx, l.action, l.anna, l.crew, at, "me") }, "[1 2 3] [1 2] [3] [{1 2} {2 1}] former [] [] [] [{1 1}]"},
			{"anna and bert leave", func(at time.Time) error { return s.RemoveMembers(ctx, l.crew, at, "me", l.anna, l.bert) }, "[3] [1 2] [3] [{1 2}] former [1 2] [] [] [{1 1} {2 1}]"},
			{"both come back: anna's notice had ended before", func(at time.Time) error { return s.RestoreMembers(ctx, l.crew, at, "me", l.anna, l.bert) }, "[1 2 3] [1 2] [3] [{1 2} {2 1}] former [] [] [] [{1 1}]"},
			{"anna's notice", func(at time.Time) error { return s.RestoreNotify(ctx, l.action, l.anna, l.crew, at, "me") }, whole + " former [] [] [] []"},
			{"the crew may not", func(at time.Time) error { return s.DisallowGroup(ctx, l.action, l.crew, at, "me") }, "[1 2 3] [2] [3] [{1 2}] former [] [1] [] [{1 1} {2 1}]"},
			{"anna leaves meanwhile", func(at time.Time) error { return s.RemoveMembers(ctx, l.crew, at, "me", l.anna) }, "[2 3] [2] [3] [{1 2}] former [1] [1] [] [{1 1} {2 1}]"},
			{"the crew may again: without anna", func(at time.Time) error { return s.RestoreGroup(ctx, l.action, l.crew, at, "me") }, "[2 3] [1 2] [3] [{1 2} {2 1}] former [1] [] [] [{1 1}]"},
			{"anna is put in anew, with nothing of before", func(at time.Time) error { return s.AddMembers(ctx, l.crew, at, "me", l.anna) }, "[1 2 3] [1 2] [3] [{1 2} {2 1}] former [] [] [] [{1 1}]"},
			{"her notice too", func(at time.Time) error { return s.Notify(ctx, l.action, l.anna, l.crew, at, "me") }, whole + " former [] [] [] []"},
			{"the boss may not", func(at time.Time) error { return s.DisallowAdministrator(ctx, l.action, l.boss, at, "me") }, "[1 2 3] [1 2] [] [{1 1} {1 2} {2 1}] former [] [] [3] []"},
			{"the boss may again", func(at time.Time) error { return s.RestoreAdministrator(ctx, l.action, l.boss, at, "me") }, whole + " former [] [] [] []"},
			{"the crew may not, for good", func(at time.Time) error {
				return errors.Join(s.DisallowGroup(ctx, l.action, l.crew, at, "me"), s.PurgeGrants(ctx, l.action, store.Grants{Groups: []uint64{l.crew, l.night}}, at, "me"))
			}, "[1 2 3] [2] [3] [{1 2}] former [] [] [] []"},
			{"carl leaves, for good", func(at time.Time) error {
				return errors.Join(s.RemoveMembers(ctx, l.crew, at, "me", l.carl), s.PurgeMembers(ctx, l.crew, at, "me", l.carl, l.bert))
			}, "[1 2] [2] [3] [{1 2}] former [] [] [] []"},
		} {
			at = at.Add(time.Minute)
			if err := step.do(at); err != nil {
				t.Fatalf("%s: %v", step.name, err)
			}
			if got := l.state(t); got != step.want {
				t.Errorf("%s: %s, want %s", step.name, got, step.want)
			}
			check(t, s)
		}
		for name, err := range map[string]error{"a member who never left": s.RestoreMembers(ctx, l.crew, at, "", l.anna), "a contact that is not there": s.RestoreMembers(ctx, l.crew, at, "", 99)} {
			faulty(t, name, err, "contacts", "unknown")
		}
		for name, err := range map[string]error{"what holds": s.RestoreGroup(ctx, l.action, l.night, at, ""), "what was purged": s.RestoreGroup(ctx, l.action, l.crew, at, ""), "who never was": s.RestoreAdministrator(ctx, l.action, 1, at, "")} {
			if !errors.Is(err, store.ErrNotFound) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err := errors.Join(s.RemoveMembers(ctx, l.crew, at, "", l.bert), s.StopNotify(ctx, l.action, l.anna, l.night, at, ""), s.RemoveMembers(ctx, l.night, at.Add(time.Second), "", l.anna)); err != nil {
			t.Fatal(err)
		}
		faulty(t, "a notice without the membership", s.RestoreNotify(ctx, l.action, l.anna, l.night, at, ""), "contact", "invalid")
		if _, err := s.Contacts().Archive(ctx, l.bert, at, ""); err != nil {
			t.Fatal(err)
		}
		faulty(t, "a contact that is archived", s.RestoreMembers(ctx, l.crew, at, "", l.bert), "contacts", "archived")
	})
}

// gone archives and purges a record.
func gone[T any](c store.Records[T], id uint64) error {
	_, err := c.Archive(ctx, id, start, "")
	return errors.Join(err, c.Purge(ctx, id, start, ""))
}

// Archived links go when their time is over, and with whatever they name, so that nothing names what is gone.
func TestArchivedLinksArePurged(t *testing.T) {
	for name, test := range map[string]struct {
		purge func(t *testing.T, l *links) error
		want  string // what is left archived
	}{
		"retention": {func(t *testing.T, l *links) error {
			if d, err := l.s.PurgeArchived(ctx, start.Add(time.Minute), nil); err != nil || d.Deleted != 0 {
				t.Errorf("before their time: %+v, %v", d, err)
			}
			d, err := l.s.PurgeArchived(ctx, start.Add(2*time.Minute), nil)
			if d.Deleted != 5 || d.Next == nil {
				t.Errorf("%+v", d)
			}
			return err
		}, "[] {[] [] []}"},
		"group":         {func(_ *testing.T, l *links) error { return gone(l.s.Groups(), l.crew) }, "[] {[] [3] []}"},
		"contact":       {func(_ *testing.T, l *links) error { return gone(l.s.Contacts(), l.anna) }, "[] {[1] [3] [{2 1}]}"},
		"administrator": {func(_ *testing.T, l *links) error { return gone(l.s.Administrators(), l.boss) }, "[1] {[1] [] [{1 1} {2 1}]}"},
		"action":        {func(_ *testing.T, l *links) error { return gone(l.s.Actions(), l.action) }, "[1] {[] [] []}"},
	} {
		t.Run(name, func(t *testing.T) {
			onEngines(t, store.Options{}, func(t *testing.T, s *store.Store) {
				l := newLinks(t, s)
				at := start.Add(time.Minute)
				if err := errors.Join(s.RemoveMembers(ctx, l.crew, at, "", l.anna), s.DisallowGroup(ctx, l.action, l.crew, at, ""), s.DisallowAdministrator(ctx, l.action, l.boss, at, "")); err != nil {
					t.Fatal(err)
				}
				if err := test.purge(t, l); err != nil {
					t.Fatal(err)
				}
				check(t, s)
				former, err1 := s.FormerMembers(ctx, l.crew, 10)
				grants, err2 := s.FormerGrants(ctx, l.action)
				if got := fmt.Sprint(former, " ", grants); errors.Join(err1, err2) != nil || got != test.want {
					t.Errorf("%s, want %s", got, test.want)
				}
			})
		})
	}
}
