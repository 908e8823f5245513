package callplan

import (
	"errors"
	"fmt"
)

// Bounds on calendars from outside.
const (
	maxCalendars    = 1000
	maxCalendarDays = 10_000
)

// ParseEnv reads {"timezone","calendars"}: an IANA name, and lists of dates YYYY/MM/DD by the name of a calendar. All errors are reported at once.
func ParseEnv(doc []byte) (*Env, error) {
	r := &planReader{o: ParseOptions{}.defaults()}
	n := r.document(doc)
	if n == nil {
		return nil, r.found.Err()
	}
	e := &Env{Calendars: map[string][]Date{}}
	if r.object(n, "", "an environment", "timezone", "calendars") {
		r.env(n, e)
	}
	if err := r.found.Err(); err != nil {
		return nil, fmt.Errorf("environment: %w", err)
	}
	return e, nil
}

func (r *planReader) env(n *node, e *Env) {
	if zone := n.member("timezone"); !zone.absent() {
		e.Timezone = zone.text
		if zone.kind != isText {
			r.wrong("/timezone", zone, "the name of a time zone", `"America/New_York"`)
		} else if _, err := loadZone(zone.text); err != nil {
			r.add(codeZone, "/timezone", zone, err.Error(), "a name of the IANA time zone database", `"America/New_York"`)
		}
	}
	calendars := n.member("calendars")
	if calendars.absent() {
		return
	}
	if calendars.kind != isObject || len(calendars.keys) > maxCalendars {
		r.wrong("/calendars", calendars, fmt.Sprintf("an object of at most %d calendars", maxCalendars), `{"us":["2026/12/25"]}`)
		return
	}
	for i, name := range calendars.keys {
		e.Calendars[name] = r.dates(calendars.items[i], "/calendars/"+escape(name))
	}
}

// dates reads a list of dates.
func (r *planReader) dates(n *node, at string) []Date {
	if n.kind != isList || len(n.items) > maxCalendarDays {
		r.wrong(at, n, fmt.Sprintf("a list of at most %d dates", maxCalendarDays), `["2026/12/25"]`)
		return nil
	}
	dates := make([]Date, 0, len(n.items))
	for i, item := range n.items {
		d, err := ParseDate(item.text)
		if item.kind != isText {
			err = errors.New(item.show() + ` is no date: write "2026/12/25"`)
		}
		if err != nil {
			r.add(codeDateInvalid, at+"/"+itoa(i), item, err.Error(), "dates as YYYY/MM/DD", `"2026/12/25"`)
			continue
		}
		dates = append(dates, d)
	}
	return dates
}
