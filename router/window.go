package router

import (
	"fmt"
	"time"
)

// Windows of the calendar, half open: what begins at the start and what begins at the end are two. Days, weeks, months and years are those of a time
// zone, so that a day may have 23 or 25 hours; minutes and hours are those of UTC, which no change of clocks disturbs.

func minuteOf(t time.Time) (start, end time.Time) {
	start = t.Truncate(time.Minute)
	return start, start.Add(time.Minute)
}

func hourOf(t time.Time) (start, end time.Time) {
	start = t.Truncate(time.Hour)
	return start, start.Add(time.Hour)
}

func dayOf(t time.Time, loc *time.Location) (start, end time.Time) {
	y, m, d := t.In(loc).Date()
	return midnight(y, m, d, loc), midnight(y, m, d+1, loc)
}

// weekOf begins on Monday.
func weekOf(t time.Time, loc *time.Location) (start, end time.Time) {
	local := t.In(loc)
	y, m, d := local.Date()
	d -= (int(local.Weekday()) + 6) % 7
	return midnight(y, m, d, loc), midnight(y, m, d+7, loc)
}

// monthOf begins on a day of the month, 1 to 28.
func monthOf(t time.Time, day int, loc *time.Location) (start, end time.Time) {
	y, m, d := t.In(loc).Date()
	if d < day {
		m--
	}
	return midnight(y, m, day, loc), midnight(y, m+1, day, loc)
}

func yearOf(t time.Time, loc *time.Location) (start, end time.Time) {
	y := t.In(loc).Year()
	return midnight(y, 1, 1, loc), midnight(y+1, 1, 1, loc)
}

// midnight returns when a day begins. Where clocks are put forward over midnight that is later than 00:00.
func midnight(y int, m time.Month, d int, loc *time.Location) time.Time {
	want := time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Day()
	t := time.Date(y, m, d, 0, 0, 0, 0, loc)
	for t.Day() != want {
		t = t.Add(15 * time.Minute)
	}
	return t.UTC()
}

// quietHours reads two times of the day as in "22:00-07:00", in minutes since midnight; equal when there are no quiet hours.
func quietHours(s string) (from, to int, err error) {
	if s == "" {
		return 0, 0, nil
	}
	var h1, m1, h2, m2 int
	if n, err := fmt.Sscanf(s, "%02d:%02d-%02d:%02d", &h1, &m1, &h2, &m2); err != nil || n != 4 || len(s) != len("22:00-07:00") {
		return 0, 0, fmt.Errorf("%q is not two times of the day as in \"22:00-07:00\"", clip(s))
	}
	from, to = h1*60+m1, h2*60+m2
	if h1 > 23 || h2 > 23 || m1 > 59 || m2 > 59 || h1 < 0 || h2 < 0 || m1 < 0 || m2 < 0 || from == to {
		return 0, 0, fmt.Errorf("%q does not name two different times between 00:00 and 23:59", clip(s))
	}
	return from, to, nil
}

// quiet tells whether a time is within quiet hours, and when it has to be asked again: when they end, or earlier where clocks change.
func quiet(t time.Time, from, to int, loc *time.Location) (until time.Time, is bool) {
	if from == to {
		return t, false
	}
	local := t.In(loc)
	now := local.Hour()*60 + local.Minute()
	if from < to && (now < from || now >= to) || from > to && now >= to && now < from {
		return t, false
	}
	y, m, d := local.Date()
	if now >= to {
		d++
	}
	until = time.Date(y, m, d, to/60, to%60, 0, 0, loc)
	if !until.After(t) { // that time of the day comes twice, or never
		until = t.Truncate(time.Minute).Add(time.Minute)
	}
	return until.UTC(), true
}
