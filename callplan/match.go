package callplan

import (
	"slices"
	"time"

	"trunkline/callplan/phone"
)

// crit is compiled criteria: what most rules have is in here, so that testing them touches one line of memory; the rest is in rare.
type crit struct {
	has     uint32 // bit of each criterion that is present
	days    Days
	kinds   uint8
	from    uint16 // of the time window
	to      uint16
	calling stretch // patterns
	called  stretch
	npa     uint32 // in Set.codes
	rare    *rare
}

// stretch is a part of Set.patterns.
type stretch struct{ from, to uint32 }

// rare is what few rules have.
type rare struct {
	date         Span
	holidays     []Date // ascending
	points       []PointRange
	latas        [][2]uint32 // ranges of lataKey
	intra, inter bool
	zips         [][2]uint32
	not          *crit
	percent      share
}

// share is a slice of the draw of a percent run, in hundredths of a percent; to is not part of it.
type share struct {
	from, to int
	seed     fnv
}

const rareBits = 1<<byDate | 1<<byHoliday | 1<<byPointCode | 1<<byLATA | 1<<byZIP | 1<<byNot | 1<<byPercent

// call is the facts, as far as a Set needs them, in the form in which they are compared.
type call struct {
	facts       *Facts
	at          int64 // seconds since 1970
	zone        *zone // whose wall clock is below
	minute      uint16
	minuteRow   uint16 // minute plus 1, 0 for an unknown time, as index has it; so is
	weekdayRow  uint8  // the day of the week plus 1
	hasAt       bool
	hasPoint    bool
	hasCalling  bool // the LATA of the calling side is known
	hasCalled   bool
	hasZIP      bool
	hasDraw     bool
	anyDown     bool // some trunk cannot be used
	kind        uint8
	weekday     time.Weekday
	day         Date  // local
	localMinute int64 // since 1970
	calling     phone.Dialled
	called      phone.Dialled
	area        int
	point       uint32
	callingLATA uint32
	calledLATA  uint32
	zip         uint32
	draw        int
	seed        fnv // of the run whose draw is kept in drawn
	drawn       int
	touched     uint64 // memory that was read so that it is near; nobody asks for it
}

func kindBit(kind string) uint8 {
	switch kind {
	case "", "voice":
		return 1
	case "sms":
		return 2
	}
	return 0
}

const usesCalling = 1<<byMatch | 1<<byNPA

// read fills in what the set compares.
func (c *call) read(s *Set, f *Facts) {
	c.facts, c.kind, c.anyDown = f, kindBit(f.Kind), len(f.TrunksDown) > 0
	c.hasAt = !f.At.IsZero()
	if c.hasAt {
		c.at = f.At.Unix()
	}
	if s.uses&(usesCalling|rareBits) != 0 {
		c.calling.Read(f.Calling)
		c.area = c.calling.Area()
	}
	if s.uses&(1<<byCalled|rareBits) != 0 {
		c.called.Read(f.Called)
	}
	if s.uses&rareBits != 0 {
		c.readRare(s, f)
	}
}

// readRare fills in what few sets compare.
func (c *call) readRare(s *Set, f *Facts) {
	if f.OPC != "" {
		c.point, c.hasPoint = parsePoint(f.OPC)
	}
	if c.callingLATA, c.hasCalling = lataKey(f.CallingLATA); !c.hasCalling && f.CallingLATA == "" {
		c.callingLATA, c.hasCalling = s.env.LATAs.find(&c.calling)
	}
	if c.calledLATA, c.hasCalled = lataKey(f.CalledLATA); !c.hasCalled && f.CalledLATA == "" {
		c.calledLATA, c.hasCalled = s.env.LATAs.find(&c.called)
	}
	if c.zip, c.hasZIP = zipKey(f.ZIP); !c.hasZIP && f.ZIP == "" {
		c.zip, c.hasZIP = s.env.ZIPs.find(&c.calling)
	}
	if f.Draw != nil {
		c.draw, c.hasDraw = int(*f.Draw*100+1e-7), true
	}
}

// enter sets the wall clock of a zone.
func (c *call) enter(z *zone) {
	if c.zone == z || !c.hasAt {
		return
	}
	c.zone = z
	const secondsOfDay = 60 * minutesOfDay
	since := uint64(z.local(c.at) + distantPast*secondsOfDay)
	days := since / secondsOfDay
	c.minute = uint16(uint32(since-days*secondsOfDay) / 60)
	c.weekday = time.Weekday((days + uint64(time.Thursday)) % 7) // 1970-01-01 was a Thursday
	c.day = Date(days - distantPast)
	c.localMinute = int64(c.day)*minutesOfDay + int64(c.minute)
	c.minuteRow, c.weekdayRow = c.minute+1, uint8(c.weekday)+1
}

// distantPast is how many days before 1970, in whole weeks, time begins for call plans: farther back than time.Time can be written, so that no division is of a
// negative number.
const distantPast = 7 * 1_000_000

// fails returns the first criterion of those in has that is false, noCriterion when all are true. A criterion over an unknown fact is false.
func (s *Set) fails(t *crit, has uint32, c *call) criterion {
	if has&(1<<byKind) != 0 && t.kinds&c.kind == 0 {
		return byKind
	}
	if has&(1<<byTime|1<<byDay|1<<byHoliday) != 0 {
		if id := t.failsClock(has, c); id != noCriterion {
			return id
		}
	}
	if has&(1<<byDate) != 0 && !t.rare.date.holds(c) {
		return byDate
	}
	if has&(1<<byMatch) != 0 && !s.anyPattern(t.calling, &c.calling) {
		return byMatch
	}
	if has&(1<<byCalled) != 0 && !s.anyPattern(t.called, &c.called) {
		return byCalled
	}
	if has&(1<<byNPA) != 0 && !(c.area != 0 && s.codes[t.npa].has(c.area)) {
		return byNPA
	}
	if has&rareBits == 0 {
		return noCriterion
	}
	return s.failsRare(t, has, c)
}

// failsClock tests time, day and holiday. The day is the service day: after midnight in a window that began the day before, it is the day before.
func (t *crit) failsClock(has uint32, c *call) criterion {
	weekday, day := c.weekday, c.day
	if has&(1<<byTime) != 0 {
		switch {
		case !c.hasAt:
			return byTime
		case t.from < t.to:
			if c.minute < t.from || c.minute >= t.to {
				return byTime
			}
		case c.minute < t.to:
			day--
			if weekday--; weekday < 0 {
				weekday = time.Saturday
			}
		case c.minute < t.from:
			return byTime
		}
	}
	if has&(1<<byDay) != 0 && !(c.hasAt && t.days.Has(weekday)) {
		return byDay
	}
	if has&(1<<byHoliday) != 0 {
		if !c.hasAt {
			return byHoliday
		}
		if _, ok := slices.BinarySearch(t.rare.holidays, day); !ok {
			return byHoliday
		}
	}
	return noCriterion
}

// holds tells whether the wall clock is in the span.
func (s *Span) holds(c *call) bool {
	return c.hasAt && (!s.HasFrom || c.localMinute >= s.From) && (!s.HasTo || c.localMinute < s.To)
}

func (s *Set) anyPattern(st stretch, number *phone.Dialled) bool {
	for i := st.from; i < st.to; i++ {
		if s.patterns[i].Match(number) {
			return true
		}
	}
	return false
}

func (s *Set) failsRare(t *crit, has uint32, c *call) criterion {
	x := t.rare
	if has&(1<<byPointCode) != 0 && !x.pointHolds(c) {
		return byPointCode
	}
	if has&(1<<byLATA) != 0 && !x.lataHolds(c) {
		return byLATA
	}
	if has&(1<<byZIP) != 0 && !(c.hasZIP && within(x.zips, c.zip)) {
		return byZIP
	}
	if has&(1<<byNot) != 0 && s.fails(x.not, x.not.has, c) == noCriterion {
		return byNot
	}
	if has&(1<<byPercent) != 0 {
		if u := c.drawFor(x.percent.seed); u < x.percent.from || u >= x.percent.to {
			return byPercent
		}
	}
	return noCriterion
}

// drawFor returns the draw of a run. The last one is kept, since the rules of a run stand side by side.
func (c *call) drawFor(seed fnv) int {
	if c.hasDraw {
		return c.draw
	}
	if c.seed != seed {
		c.seed, c.drawn = seed, seed.draw(c.facts)
	}
	return c.drawn
}

func (x *rare) pointHolds(c *call) bool {
	if !c.hasPoint {
		return false
	}
	for i := range x.points {
		if c.point >= x.points[i].From && c.point <= x.points[i].To {
			return true
		}
	}
	return false
}

func (x *rare) lataHolds(c *call) bool {
	if c.hasCalling && within(x.latas, c.callingLATA) {
		return true
	}
	if !c.hasCalling || !c.hasCalled || !x.intra && !x.inter {
		return false
	}
	same := c.callingLATA/101 == c.calledLATA/101
	return same && x.intra || !same && x.inter
}

// within tells whether a value is in one of the ranges, both ends included.
func within(ranges [][2]uint32, v uint32) bool {
	for _, r := range ranges {
		if v >= r[0] && v <= r[1] {
			return true
		}
	}
	return false
}
