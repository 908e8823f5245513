package store

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Bounds on calendars.
const (
	MaxCalendars    = 1000   // of a service provider, archived ones included
	MaxCalendarDays = 10_000 // of a calendar
)

// Calendar is a list of days that call plans know by its name, such as public holidays.
type Calendar struct {
	Meta
	Name  string   // 1 to 64 characters, unique for its service provider
	Days  []string // local dates as YYYY/MM/DD, in order, each once
	Notes string   // at most 2048 characters
}

var calendarKind = &kind[Calendar]{
	name: "calendar", table: tableCalendars, letter: 'k', max: MaxCalendars,
	meta: func(c *Calendar) *Meta { return &c.Meta }, append: appendCalendar, decode: decodeCalendar,
	indexes: []index[Calendar]{{'n', "name", func(c *Calendar) [][]byte { return [][]byte{appendName(appendName(nil, c.Provider), c.Name)} }}},
	orders:  []order[Calendar]{{"name", 'A', func(b []byte, c *Calendar) []byte { return appendText(b, fold(c.Name)) }}},
	words:   func(c *Calendar) []string { return []string{c.Name} },
}

// Calendars returns the collection of calendars.
func (s *Store) Calendars() Records[Calendar] { return Records[Calendar]{s, calendarKind} }

func (c *Calendar) check(t *tx, was *Calendar, wrong *Faults) error {
	wrong.required("name", c.Name, 64)
	wrong.text("notes", c.Notes, 2048)
	if len(c.Days) > MaxCalendarDays {
		wrong.add("days", "too_long", "has %d days, at most %d are possible", len(c.Days), MaxCalendarDays)
		return nil
	}
	for i, d := range c.Days {
		if _, err := time.Parse("2006/01/02", d); err != nil {
			wrong.add(fmt.Sprintf("days[%d]", i), "invalid", "is no day of the calendar; it looks like 2026/12/25")
		}
	}
	c.Days = slices.Clone(c.Days)
	slices.Sort(c.Days)
	c.Days = slices.Compact(c.Days)
	if was == nil {
		if err := wrong.inProvider(t, &c.Meta); err != nil {
			return err
		}
	}
	return calendarKind.unique(t, c, wrong)
}

func (c *Calendar) changed(*tx, *Calendar) error { return nil }
func (c *Calendar) removable() error             { return nil }
func (c *Calendar) drop(*tx, int) (bool, error)  { return false, nil }

// CalendarsOf returns the calendars of a service provider that are in use.
func (s *Store) CalendarsOf(ctx context.Context, provider string) ([]Calendar, error) {
	var all []Calendar
	q := Listing[Calendar]{Provider: provider, Limit: maxPage}
	for {
		page, err := s.Calendars().List(ctx, q)
		if err != nil {
			return nil, err
		}
		all = append(all, page.Items...)
		if q.Cursor = page.Next; q.Cursor == "" {
			return all, nil
		}
	}
}
