package callplan

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"trunkline/callplan/phone"
)

var criteriaMembers = []string{"always", "time", "date", "day", "percent", "match", "npa", "pointcode", "lata", "zip", "called", "kind", "holiday", "not"}

// criteria reads a criteria object; inner ones are those of "not". depth counts "not" within each other.
func (r *planReader) criteria(n *node, at string, inner bool, depth int) Criteria {
	var c Criteria
	if n.absent() {
		r.add(codeNoCriteria, at, n, `this rule has no criterion: write "always": true if it is meant for every call`, strings.Join(criteriaMembers, ", "), `{"always":true}`)
		return c
	}
	if !r.object(n, at, "criteria", criteriaMembers...) {
		return c
	}
	present := 0
	for _, item := range n.items {
		if !item.absent() {
			present++
		}
	}
	if present == 0 {
		r.add(codeNoCriteria, at, n, `this rule has no criterion: write "always": true if it is meant for every call`, strings.Join(criteriaMembers, ", "), `{"always":true}`)
		return c
	}
	read := func(key string, into func(*node, string)) {
		if m := n.member(key); !m.absent() {
			into(m, at+"/"+key)
		}
	}
	read("always", func(m *node, at string) {
		if c.Always = r.flag(m, at); c.Always && present > 1 {
			r.add(warnAlways, at, m, `"always" changes nothing beside other criteria: all of them must be true`, "", "")
		}
	})
	read("time", func(m *node, at string) { c.Time = r.window(m, at) })
	read("date", func(m *node, at string) { c.Date = r.span(m, at) })
	read("day", func(m *node, at string) { c.Day = r.days(m, at) })
	read("percent", func(m *node, at string) {
		if inner {
			r.add(codePercentInNot, at, m, `"not" cannot hold "percent": a share of callers is drawn for a run of rules; write it beside "not"`, "", "")
			return
		}
		c.Percent = r.percent(m, at)
	})
	read("match", func(m *node, at string) { c.Match = r.patterns(m, at) })
	read("npa", func(m *node, at string) { c.NPA = r.npas(m, at) })
	read("pointcode", func(m *node, at string) { c.PointCode = r.points(m, at) })
	read("lata", func(m *node, at string) { c.LATA = r.latas(m, at) })
	read("zip", func(m *node, at string) { c.ZIP = r.zips(m, at) })
	read("called", func(m *node, at string) { c.Called = r.patterns(m, at) })
	read("kind", func(m *node, at string) { c.Kind = r.kinds(m, at) })
	read("holiday", func(m *node, at string) { c.Holiday = r.holidays(m, at) })
	read("not", func(m *node, at string) {
		if depth >= r.o.Depth {
			r.deep(at, m)
			return
		}
		not := r.criteria(m, at, true, depth+1)
		c.Not = &not
	})
	return c
}

// window reads ["HH:mm","HH:mm"].
func (r *planReader) window(n *node, at string) *Window {
	const allowed, example = `two times of day, from 00:00 to 23:59, as an end also 24:00`, `["09:00","17:00"]`
	if n.kind != isList || len(n.items) != 2 {
		r.add(codeTimeFormat, at, n, "a time window is a list of two times: start and end", allowed, example)
		return nil
	}
	clock := func(i int) (int, bool) {
		item := n.items[i]
		minute, ok := parseClock(item.text)
		switch {
		case item.kind != isText:
			r.add(codeTimeFormat, at+"/"+itoa(i), item, fmt.Sprintf("found %s, want a time of day as text", item.kind), allowed, `"09:00"`)
			return 0, false
		case !ok && len(item.text) == 4 && item.text[1] == ':':
			r.add(codeTimeFormat, at+"/"+itoa(i), item, fmt.Sprintf(`%s is not a time: write two digits each, "0%s"`, item.show(), item.text), allowed, quote("0"+item.text))
			return 0, false
		case !ok:
			r.add(codeTimeFormat, at+"/"+itoa(i), item, fmt.Sprintf("%s is not a time: hours are 00 to 23, minutes 00 to 59, two digits each", item.show()), allowed, `"09:00"`)
			return 0, false
		case i == 0 && minute == minutesOfDay:
			r.add(codeTimeFormat, at+"/0", item, `"24:00" is no start: write "00:00"`, allowed, `"00:00"`)
			return 0, false
		}
		return minute, true
	}
	from, ok1 := clock(0)
	to, ok2 := clock(1)
	if !ok1 || !ok2 {
		return nil
	}
	if to == minutesOfDay-1 {
		to = minutesOfDay // a whole-day window entered in a time picker must not lose its last minute
	}
	if from == to {
		r.add(codeTimeEmpty, at, n, fmt.Sprintf(`start and end are both %s, the window is empty: for the whole day write ["00:00","24:00"] or leave "time" out`, clockText(from)),
			allowed, `["00:00","24:00"]`)
		return nil
	}
	if from == 0 && to == minutesOfDay {
		r.add(warnTimeAlways, at, n, `this window is the whole day: "time" can be left out`, "", "")
	}
	return &Window{from, to}
}

// span reads ["YYYY/MM/DD.HH:mm","YYYY/MM/DD.HH:mm"], either of them null.
func (r *planReader) span(n *node, at string) *Span {
	const allowed, example = "two points in time as YYYY/MM/DD.HH:mm; null on one side leaves it open", `["2026/12/24.18:00","2026/12/27.08:00"]`
	if n.kind != isList || len(n.items) != 2 || n.items[0].kind == isNull && n.items[1].kind == isNull {
		r.add(codeDateFormat, at, n, "a range of dates is a list of two: start and end, at most one of them null", allowed, example)
		return nil
	}
	s := &Span{HasFrom: n.items[0].kind != isNull, HasTo: n.items[1].kind != isNull}
	good := true
	for i, item := range n.items {
		if item.kind == isNull {
			continue
		}
		minute, code, message := parseInstant(item, i == 1)
		if code != "" {
			r.add(code, at+"/"+itoa(i), item, message, allowed, `"2026/12/25.00:00"`)
			good = false
		}
		if i == 0 {
			s.From = minute
		} else {
			s.To = minute
		}
	}
	if !good {
		return nil
	}
	if s.HasFrom && s.HasTo && s.From >= s.To {
		message := fmt.Sprintf("the range ends (%s) before it starts (%s)", n.items[1].text, n.items[0].text)
		if s.From == s.To {
			message = fmt.Sprintf("start and end are both %s, the range is empty: the end is not part of it", n.items[0].text)
		}
		r.add(codeDateOrder, at, n, message, allowed, example)
		return nil
	}
	return s
}

// parseInstant reads YYYY/MM/DD.HH:mm as local minutes since 1970. code and message tell what is wrong with it.
func parseInstant(n *node, end bool) (minute int64, code, message string) {
	s := n.text
	if n.kind != isText || !shaped(s, "dddd/dd/dd.dd:dd") {
		return 0, codeDateFormat, fmt.Sprintf(`%s is not a date: write "2026/12/25.00:00"`, n.show())
	}
	clock, ok := parseClock(s[11:])
	if !ok || clock == minutesOfDay && !end {
		return 0, codeDateFormat, fmt.Sprintf("%q is not a time of day: hours are 00 to 23, minutes 00 to 59, and 24:00 as an end", s[11:])
	}
	date, err := ParseDate(s[:10])
	if err != nil {
		return 0, codeDateInvalid, err.Error()
	}
	if end && clock == minutesOfDay-1 {
		clock = minutesOfDay
	}
	return int64(date)*minutesOfDay + int64(clock), "", ""
}

// days reads names of days.
func (r *planReader) days(n *node, at string) Days {
	var days Days
	for i, item := range r.values(n, at, codeDay, `[["monday"],["tuesday"]]`) {
		day, ok := parseDay(item.text)
		if item.kind != isText || !ok {
			r.add(codeDay, at+"/"+itoa(i), item, fmt.Sprintf("%s is no day: sunday, monday … saturday, or sun, mon … sat", item.show()), "names of days", `"monday"`)
			continue
		}
		days |= 1 << day
	}
	return days
}

func parseDay(s string) (time.Weekday, bool) {
	for day := time.Sunday; day <= time.Saturday; day++ {
		if name := day.String(); strings.EqualFold(s, name) || strings.EqualFold(s, name[:3]) {
			return day, true
		}
	}
	return 0, false
}

// percent reads a share, as hundredths.
func (r *planReader) percent(n *node, at string) *int {
	v, err := strconv.ParseFloat(n.text, 64)
	hundredths := math.Round(v * 100)
	switch {
	case n.kind != isNumber:
		r.add(codePercent, at, n, fmt.Sprintf("percent must be a number from 0 to 100, found %s (%s)", n.show(), n.kind), "0 to 100, at most two decimals", "33.33")
	case err != nil || v < 0 || v > 100:
		r.add(codePercent, at, n, fmt.Sprintf("percent must be a number from 0 to 100, found %s", n.show()), "0 to 100, at most two decimals", "33.33")
	case math.Abs(v*100-hundredths) > 1e-7:
		r.add(codePercent, at, n, fmt.Sprintf("percent has at most two decimals, found %s", n.show()), "0 to 100, at most two decimals", "33.33")
	default:
		if hundredths == 0 {
			r.add(warnPercentZero, at, n, "a share of 0 percent: this rule is never used", "", "")
		}
		return new(int(hundredths))
	}
	return nil
}

// patterns reads patterns of numbers.
func (r *planReader) patterns(n *node, at string) []phone.Pattern {
	const allowed = `0 to 9, #, x (any digit), n (2 to 9), z (1 to 9), a leading +, a trailing * (any rest), or "anonymous"`
	var all []phone.Pattern
	for i, item := range r.values(n, at, codeMatch, `[["205xxxxxxx"],["+44*"]]`) {
		at := at + "/" + itoa(i)
		if item.kind != isText {
			r.add(codeMatch, at, item, fmt.Sprintf("found %s, want a pattern as text", item.kind), allowed, `"205xxxxxxx"`)
			continue
		}
		p, err := phone.ParsePattern(item.text)
		if err != nil {
			r.add(codeMatch, at, item, fmt.Sprintf("%s: %v", item.show(), err), allowed, `"205xxxxxxx"`)
			continue
		}
		text := p.String()
		if l := p.Len(); !p.Open() && !p.International() && text[0] != '0' && (l == 8 || l == 9 || l == 11 && text[0] != '1' || l == 12 && text[0] == '1') {
			r.add(warnMatchLength, at, item, fmt.Sprintf("%s has %d positions; North American numbers have 10 (11 with the 1)", item.show(), l), "", "")
		}
		all = append(all, p)
	}
	return all
}

// kinds reads "voice" and "sms".
func (r *planReader) kinds(n *node, at string) []string {
	var all []string
	for i, item := range r.values(n, at, codeKind, `["sms"]`) {
		if k := strings.ToLower(item.text); item.kind == isText && (k == "voice" || k == "sms") {
			all = append(all, k)
			continue
		}
		r.add(codeKind, at+"/"+itoa(i), item, fmt.Sprintf(`%s is no kind: use "voice" or "sms"`, item.show()), "voice, sms", `"sms"`)
	}
	return all
}

// holidays reads names of calendars. Whether they exist is not known here: calendars come and go.
func (r *planReader) holidays(n *node, at string) []string {
	var all []string
	for i, item := range r.values(n, at, codeHoliday, `["us"]`) {
		if item.kind != isText || strings.TrimSpace(item.text) == "" || len(item.text) > maxLabel || strings.ContainsFunc(item.text, isControl) {
			r.add(codeHoliday, at+"/"+itoa(i), item, fmt.Sprintf("%s is no name of a calendar", item.show()), "names of calendars", `"us"`)
			continue
		}
		all = append(all, item.text)
	}
	return all
}

// values returns the values of a list in which each may stand in a list of its own. What is wrong with the list itself is recorded with the code.
func (r *planReader) values(n *node, at, code, example string) []*node {
	if n.kind != isList {
		r.add(code, at, n, fmt.Sprintf("found %s, want a list", n.kind), "a list", example)
		return nil
	}
	if len(n.items) > r.o.Values {
		r.add(codeLimit, at, nil, fmt.Sprintf("%d values, at most %d are allowed", len(n.items), r.o.Values), "", "")
		return nil
	}
	all := make([]*node, len(n.items))
	for i, item := range n.items {
		if item.kind == isList && len(item.items) == 1 {
			item = item.items[0]
		}
		all[i] = item
	}
	return all
}
