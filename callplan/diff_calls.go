package callplan

import (
	"encoding/json"
	"time"
)

// callMaker makes calls from the rules of a Set: for each rule one that it accepts as far as its own criteria go, and from that others which differ in one fact,
// at and around every border that the rule draws.
type callMaker struct {
	use   func(*Facts)
	seen  map[string]bool
	limit int
	at    time.Time
}

// perCriterion bounds the values that are tried of one criterion.
const perCriterion = 12

// variant changes a call.
type variant func(*Facts)

// calls makes the calls of all rules.
func (m *callMaker) calls(s *Set) {
	if s == nil {
		return
	}
	m.give(&Facts{Provider: s.provider, At: m.base()})
	for _, seg := range s.whole {
		for at := seg.from; at < seg.to; at++ {
			if s.ops[at].action >= 0 {
				m.rule(s, seg.zone, int32(at))
			}
		}
	}
}

func (m *callMaker) base() time.Time {
	if m.at.IsZero() {
		return time.Date(2026, 1, 7, 15, 0, 0, 0, time.UTC)
	}
	return m.at
}

// rule makes the calls of one rule.
func (m *callMaker) rule(s *Set, z *zone, at int32) {
	f := Facts{Provider: s.provider, At: m.base()}
	var others []variant
	for op := at; op >= 0; op = s.ops[op].guard {
		if r := s.rules[op]; r != nil {
			first, more := m.variants(s, z, &r.Criteria)
			for _, v := range first {
				v(&f)
			}
			others = append(others, more...)
			if r.Criteria.Percent != nil {
				share := s.ops[op].rare.percent
				f.Draw = new(float64(min(share.from, 9999)) / 100)
				others = append(others, func(f *Facts) { f.Draw = new(float64(min(share.to, 9999)) / 100) })
			}
		}
	}
	m.give(&f)
	for _, v := range others {
		one := f
		v(&one)
		m.give(&one)
	}
}

// give hands out a call that was not handed out before.
func (m *callMaker) give(f *Facts) {
	if m.limit <= 0 {
		return
	}
	b, err := json.Marshal(f)
	if err != nil || m.seen[string(b)] {
		return // a time that JSON cannot hold
	}
	m.seen[string(b)] = true
	m.limit--
	m.use(f)
}

// variants returns what makes the criteria true, and what else is worth trying.
func (m *callMaker) variants(s *Set, z *zone, c *Criteria) (first, more []variant) {
	put := func(all []variant) {
		if len(all) > 0 {
			first = append(first, all[0])
			more = append(more, all[1:]...)
		}
	}
	var all []variant
	for _, k := range c.Kind {
		all = append(all, func(f *Facts) { f.Kind = k })
	}
	put(all)
	put(m.times(s, z, c))
	all = nil
	for i, p := range c.Match {
		if i < perCriterion {
			all = append(all, func(f *Facts) { f.Calling = p.Example() })
		}
	}
	if c.NPA != nil {
		all = append(all, areaCalls(s, c)...)
	}
	if all != nil {
		put(append(all, func(f *Facts) { f.Calling = "" }, func(f *Facts) { f.Calling = "+4930123456" }))
	}
	all = nil
	for i, p := range c.Called {
		if i < perCriterion {
			all = append(all, func(f *Facts) { f.Called = p.Example() })
		}
	}
	put(all)
	put(codeCalls(c))
	return first, more
}

// areaCalls are callers of area codes.
func areaCalls(s *Set, c *Criteria) []variant {
	var set codeSet
	for _, code := range c.NPA {
		s.env.areas().set(code, &set)
	}
	var all []variant
	for code := 200; code < 1000 && len(all) < perCriterion; code++ {
		if set.has(code) {
			all = append(all, func(f *Facts) { f.Calling = "+1" + itoa(code) + "5550100" })
		}
	}
	return all
}

// codeCalls are values of point code, LATA and ZIP code. Each variant sets one of them; the first sets all.
func codeCalls(c *Criteria) []variant {
	var all []variant
	for i, p := range c.PointCode {
		if i < perCriterion {
			all = append(all, func(f *Facts) { f.OPC = pointText(p.From) }, func(f *Facts) { f.OPC = pointText(p.To) },
				func(f *Facts) { f.OPC = pointText((p.To + 1) & 0xffffff) })
		}
	}
	latas, zips := len(all), 0
	for i, l := range c.LATA {
		switch {
		case i >= perCriterion:
		case l.Kind == LATADigits:
			all = append(all, func(f *Facts) { f.CallingLATA = l.Digits })
		case l.Kind == LATAIntra:
			all = append(all, func(f *Facts) { f.CallingLATA, f.CalledLATA = "476", "476" })
		default:
			all = append(all, func(f *Facts) { f.CallingLATA, f.CalledLATA = "476", "132" })
		}
	}
	zips = len(all)
	for i, z := range c.ZIP {
		if i < perCriterion {
			all = append(all, func(f *Facts) { f.ZIP = (z.Prefix + "00000")[:5] }, func(f *Facts) { f.ZIP = (z.Prefix + "99999")[:5] })
		}
	}
	if len(all) == 0 {
		return nil
	}
	parts := [][2]int{{0, latas}, {latas, zips}, {zips, len(all)}}
	together := func(f *Facts) {
		for _, part := range parts {
			if part[1] > part[0] {
				all[part[0]](f)
			}
		}
	}
	return append([]variant{together}, all...)
}

// times are instants in and around the windows, days, dates and holidays of criteria.
func (m *callMaker) times(s *Set, z *zone, c *Criteria) []variant {
	if c.Time == nil && c.Day == 0 && c.Date == nil && c.Holiday == nil {
		return nil
	}
	day := Date(floorDiv(z.local(m.base().Unix()), 86400))
	var days []Date
	switch {
	case c.Holiday != nil:
		for _, name := range c.Holiday {
			for i, d := range s.env.Calendars[name] {
				if i < perCriterion {
					days = append(days, d)
				}
			}
		}
	case c.Date != nil && c.Date.HasFrom:
		day = Date(floorDiv(c.Date.From, minutesOfDay))
	case c.Date != nil:
		day = Date(floorDiv(c.Date.To-1, minutesOfDay)) - 6
	}
	if days == nil {
		for i := range 7 {
			if d := day + Date(i); c.Day == 0 || c.Day.Has(d.Weekday()) {
				days = append(days, d)
			}
		}
		days = append(days, day-1)
	}
	minutes := []int{12 * 60, 0, minutesOfDay - 1}
	if w := c.Time; w != nil {
		last := w.To - 1
		if w.wraps() {
			last += minutesOfDay
		}
		minutes = []int{w.From, last, last + 1, w.From - 1}
	}
	var all []variant
	instant := func(minute int64) {
		all = append(all, func(f *Facts) { f.At = z.instant(minute * 60).UTC() })
	}
	for _, d := range days {
		for _, minute := range minutes {
			instant(int64(d)*minutesOfDay + int64(minute))
		}
	}
	if sp := c.Date; sp != nil {
		if sp.HasFrom {
			instant(sp.From)
			instant(sp.From - 1)
		}
		if sp.HasTo {
			instant(sp.To - 1)
			instant(sp.To)
		}
	}
	return all
}
