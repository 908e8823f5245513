package callplan

import (
	"math/bits"
	"sort"
)

// index finds the rules of a segment that a call can match, without going through all of them. For each dimension the values are divided into classes, and each
// class has a row with a bit for every step whose criteria can be true there. The intersection of one row of each dimension holds all steps that match, and
// few others. (The scheme is the bit vector of Lakshman and Stiliadis, "High-speed policy-based packet forwarding", SIGCOMM 1998.) A class of numbers that few
// steps want names them instead of having a row, in numbers.go.
//
// Memory decides how long a decision takes when many providers ask in turn, so what one decision needs stands together: this struct, one entry of each table,
// a line of each row, and the step.
type index struct {
	steps       []step
	rows        []uint64  // row r begins at r<<shift; row 0 is not used
	shift       uint8     // of words in a row
	words       uint8     // of them that have bits
	rare        bool      // date, point, lata or zip is there
	mostlyNamed bool      // most classes of numbers have no row, so that those of other dimensions are hardly ever needed
	weekday     [8]uint16 // day of the week plus 1, 0 for an unknown time, to the row; so are those below
	kind        [4]uint16 // kindBit
	minute      []uint16  // minute of the day plus 1; nil: no row differs from allRow
	area        []uint16  // North American area code of the calling number
	calling     numbers
	called      numbers
	date        *classes
	point       *classes
	lata        *classes
	zip         *classes
	// Steps that are possible for every number: the row of classes with commonRow.
	everyCalling commonBits
	everyCalled  commonBits
}

// commonBits is a row that stands in the index itself.
type commonBits [maxIndexed / 64]uint64

// step is an op that acts with what it does, side by side, so that the memory of both is fetched at once.
type step struct {
	op
	left uint32 // the criteria that the rows do not decide for sure
	action
}

// Sizes of segments. Below minIndexed actions a scan is as fast; above maxIndexed the rows, which grow with the square, become too large.
const (
	minIndexed = 48
	maxIndexed = 1024
)

// Rows that are not kept.
const (
	allRow    uint16 = 0         // every step is possible: the row need not be looked at
	noRow     uint16 = 1<<16 - 1 // none is
	commonRow uint16 = 1<<16 - 2 // everyCalling or everyCalled
)

// classes divides the values of a dimension: class i is from bounds[i] to below bounds[i+1].
type classes struct {
	bounds []uint64 // bounds[0] is 0
	row    []uint16
}

func (c *classes) find(v uint64) uint16 {
	return c.row[sort.Search(len(c.bounds), func(i int) bool { return c.bounds[i] > v })-1]
}

// picked is the rows of a call, at most one for each of the eight dimensions that are not numbers.
type picked struct {
	rows [8]uint32 // where they begin
	n    int
}

// add adds a row behind n others and returns how many they are then.
func (p *picked) add(n int, row uint16, shift uint8) int {
	if row == allRow {
		return n
	}
	p.rows[n%len(p.rows)] = uint32(row) << (shift & 31)
	return n + 1
}

// pick picks the rows of all but the numbers.
func (x *index) pick(p *picked, c *call) {
	n := p.add(0, x.weekday[c.weekdayRow&7], x.shift)
	n = p.add(n, x.kind[c.kind&3], x.shift)
	if x.minute != nil {
		n = p.add(n, x.minute[c.minuteRow], x.shift)
	}
	if x.area != nil {
		n = p.add(n, x.area[c.area], x.shift)
	}
	if x.rare {
		n = x.pickRare(p, n, c)
	}
	p.n = n
}

// pickRare picks the rows of what few plans look at, behind n others.
func (x *index) pickRare(p *picked, n int, c *call) int {
	if x.date != nil {
		n = p.add(n, x.date.find(c.datePoint()), x.shift)
	}
	if x.point != nil {
		n = p.add(n, x.point.find(known(c.hasPoint, c.point)), x.shift)
	}
	if x.lata != nil {
		n = p.add(n, x.lata.find(known(c.hasCalling, c.callingLATA)), x.shift)
	}
	if x.zip != nil {
		n = p.add(n, x.zip.find(known(c.hasZIP, c.zip)), x.shift)
	}
	return n
}

// word returns the steps that all of some rows leave, of a word of them.
func (x *index) word(p *picked, w uint32) uint64 {
	word := ^uint64(0)
	if left := uint32(len(x.steps)) - w*64; left < 64 {
		word = 1<<left - 1
	}
	for _, row := range p.rows[:p.n] {
		word &= x.rows[row+w]
	}
	return word
}

// walk tests the steps that the rows leave, and tells whether the evaluation has ended.
func (x *index) walk(s *Set, c *call, d *Decision) bool {
	var p picked
	word := uint64(0)
	if !x.mostlyNamed { // the memory of the rows is fetched while the numbers are looked up
		x.pick(&p, c)
		word = x.word(&p, 0)
	}
	calling, called := x.calling.find(c.calling.Key()), &x.called.class[0]
	if x.called.start != nil {
		called = x.called.find(c.called.Key())
	}
	switch {
	case calling.row == noRow:
		return x.named(calling, s, c, d)
	case called.row == noRow:
		return x.named(called, s, c, d)
	}
	if x.mostlyNamed {
		x.pick(&p, c)
		word = x.word(&p, 0)
	}
	named := calling.some[0]|called.some[0] != 0
	for w := uint32(0); ; {
		word &= x.numberWord(calling, &x.everyCalling, w) & x.numberWord(called, &x.everyCalled, w)
		extra := uint64(0) // steps that are named, of which the rows say nothing
		if named {
			extra = calling.in(w) | called.in(w)
		}
		for word |= extra; word != 0; word &= word - 1 {
			bit := bits.TrailingZeros64(word)
			t := &x.steps[w*64+uint32(bit)]
			has := t.left
			if extra>>bit&1 != 0 {
				has = t.has
			}
			if (has == 0 && t.guard < 0 || s.holds(t, has, c)) && s.apply(&t.op, &t.action, c, d) {
				return true
			}
		}
		if w++; w == uint32(x.words) {
			return false
		}
		word = x.word(&p, w)
	}
}

// numberWord returns the steps that a class of numbers leaves, of a word of them.
func (x *index) numberWord(k *numberClass, every *commonBits, w uint32) uint64 {
	switch k.row {
	case allRow:
		return ^uint64(0)
	case commonRow:
		return every[w%uint32(len(every))]
	}
	return x.rows[uint32(k.row)<<(x.shift&31)+w]
}

// named tests the steps that a class of numbers names, where no others are possible.
func (x *index) named(k *numberClass, s *Set, c *call, d *Decision) bool {
	for _, name := range k.some {
		if name == 0 {
			return false
		}
		if t := &x.steps[name-1]; s.holds(t, t.has, c) && s.apply(&t.op, &t.action, c, d) {
			return true
		}
	}
	return false
}

func known(has bool, v uint32) uint64 {
	if !has {
		return 0
	}
	return uint64(v) + 1
}

func (c *call) datePoint() uint64 {
	if !c.hasAt {
		return 0
	}
	return uint64(max(c.localMinute+dateZero, 1))
}
