package httpd

import (
	"errors"
	"fmt"
	"time"
	_ "time/tzdata" // zones must not depend on what is installed
)

// maxValidity is the longest time that a message can be valid: 63 weeks (3GPP TS 23.040 §9.2.3.12.1).
const maxValidity = 63 * 7 * 24 * time.Hour

// localLayout is RFC 3339 without an offset; fractions of a second are read too.
const localLayout = "2006-01-02T15:04:05"

var errZone = errors.New("is no time zone of the IANA database, e.g. Europe/Berlin")

// zone returns a time zone by its name.
func zone(name string) (*time.Location, error) {
	if name == "" || name == "Local" || len(name) > 64 {
		return nil, errZone
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil, errZone
	}
	return loc, nil
}

// sendTime reads a point in time: RFC 3339, or, when there is a location, a local time without an offset.
func sendTime(s string, loc *time.Location) (time.Time, error) {
	if len(s) > 64 {
		return time.Time{}, fmt.Errorf("is too long for a time")
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		if loc != nil {
			return time.Time{}, fmt.Errorf("has an offset and time_zone is given too; leave one of them out")
		}
		return t.UTC(), nil
	}
	wall, err := time.Parse(localLayout, s)
	switch {
	case err != nil:
		return time.Time{}, fmt.Errorf("is no RFC 3339 time, e.g. 2026-12-24T18:00:00Z, nor a local one such as 2026-12-24T18:00:00 with time_zone")
	case loc == nil:
		return time.Time{}, fmt.Errorf("has no offset; end it with Z or +01:00, or give time_zone")
	}
	return localTime(wall, loc), nil
}

// localTime returns when clocks in loc show what wall shows: the first time when they do so twice; when they never do, because they are put
// forward over it, the moment that is as far after the change as the wall time is after the gap's beginning.
func localTime(wall time.Time, loc *time.Location) time.Time {
	wall = time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), wall.Second(), wall.Nanosecond(), time.UTC)
	_, before := wall.Add(-24 * time.Hour).In(loc).Zone()
	_, after := wall.Add(24 * time.Hour).In(loc).Zone()
	var best time.Time
	for _, offset := range [...]int{before, after} {
		t := wall.Add(-time.Duration(offset) * time.Second)
		if _, real := t.In(loc).Zone(); real == offset && (best.IsZero() || t.Before(best)) {
			best = t
		}
	}
	if best.IsZero() {
		best = wall.Add(-time.Duration(before) * time.Second)
	}
	return best
}

// duration reads a length of time such as 24h or 1h30m.
func duration(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil || len(s) > 64 {
		return 0, errors.New("is no duration such as 24h or 90m, nor a number of seconds")
	}
	return d, nil
}
