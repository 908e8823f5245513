package callplan

import (
	"cmp"
	"math/bits"
	"slices"
	"sort"

	"trunkline/callplan/phone"
)

// index finds the rules of a segment that a call can match, without going through all of them. For each dimension the values are divided into classes, and each
// class has a row with a bit for every action whose criteria can be true there. The intersection of one row of each dimension holds all actions that match, and
// few others: those that it holds are tested like in a scan, in order. (The scheme is the bit vector of Lakshman and Stiliadis, "High-speed policy-based packet
// forwarding", SIGCOMM 1998.)
type index struct {
	steps   []step // of each bit
	words   int    // of bits in a row; one word more goes before them, with a bit for each that is not zero
	rows    []uint64
	minute  []uint32 // minute of the day plus 1, 0 for an unknown time, to the start of a row; nil: no row differs from "all"
	weekday []uint32 // day of the week plus 1
	kind    []uint32 // kindBit
	date    *classes
	calling numbers
	called  numbers
	point   *classes
	lata    *classes
	zip     *classes
}

// step is an op that acts with what it does, side by side, so that the memory of both is fetched at once.
type step struct {
	op
	action
}

// Sizes of segments. Below minIndexed actions a scan is as fast; above maxIndexed the rows, which grow with the square, become too large.
const (
	minIndexed = 48
	maxIndexed = 1024
)

// allRow marks a class in which every action is possible: its row need not be looked at.
const allRow = ^uint32(0)

// classes divides the values of a dimension: class i is from bounds[i] to below bounds[i+1].
type classes struct {
	bounds []uint64 // bounds[0] is 0
	row    []uint32 // start of the row of a class
}

func (c *classes) find(v uint64) uint32 {
	return c.row[sort.Search(len(c.bounds), func(i int) bool { return c.bounds[i] > v })-1]
}

// numbers is classes of phone.Dialled keys with a table over their first three characters, so that only the few classes of one start are searched. The zero
// value is no classes.
type numbers struct {
	class []numberClass
	start []uint32 // by numberCell: the last class that begins at or before the cell
}

type numberClass struct {
	from uint64
	row  uint32
}

// numberCells is one cell for absent numbers and one for every three characters of either form.
const numberCells = 1 + 2*phone.KeyBase*phone.KeyBase*phone.KeyBase

// numberCell maps keys to cells, in ascending order.
func numberCell(key uint64) uint32 {
	if key == 0 {
		return 0
	}
	character := func(shift uint) uint32 { return min(uint32(key>>shift)&0xf, phone.KeyBase-1) }
	return 1 + ((uint32(key>>60)-1)*phone.KeyBase*phone.KeyBase+character(56)*phone.KeyBase+character(52))*phone.KeyBase + character(48)
}

// numberCellStart returns the lowest key of a cell.
func numberCellStart(cell int) uint64 {
	if cell == 0 {
		return 0
	}
	v := uint64(cell - 1)
	const base = phone.KeyBase
	return (v/(base*base*base)+1)<<60 | v/(base*base)%base<<56 | v/base%base<<52 | v%base<<48
}

func (n *numbers) find(key uint64) uint32 {
	cell := numberCell(key)
	lo, hi := n.start[cell], n.start[cell+1]+1
	for hi-lo > 1 {
		if mid := (lo + hi) / 2; n.class[mid].from <= key {
			lo = mid
		} else {
			hi = mid
		}
	}
	return n.class[lo].row
}

// walk tests the actions that the rows leave, and tells whether the evaluation has ended.
func (x *index) walk(s *Set, c *call, d *Decision) bool {
	var picked [9]uint32
	n := 0
	pick := func(row uint32) {
		if row != allRow {
			picked[n] = row
			n++
		}
	}
	if x.calling.start != nil {
		pick(x.calling.find(c.calling.Key()))
	}
	if x.minute != nil {
		pick(x.minute[c.minutePlus1()])
	}
	if x.called.start != nil {
		pick(x.called.find(c.called.Key()))
	}
	if x.weekday != nil {
		pick(x.weekday[c.weekdayPlus1()])
	}
	if x.kind != nil {
		pick(x.kind[c.kind])
	}
	if x.date != nil {
		pick(x.date.find(c.datePoint()))
	}
	if x.point != nil {
		pick(x.point.find(known(c.hasPoint, c.point)))
	}
	if x.lata != nil {
		pick(x.lata.find(known(c.hasCalling, c.callingLATA)))
	}
	if x.zip != nil {
		pick(x.zip.find(known(c.hasZIP, c.zip)))
	}
	rows, summary := x.rows, ^uint64(0)>>(64-uint(x.words))
	for _, row := range picked[:n] {
		summary &= rows[row]
	}
	for ; summary != 0; summary &= summary - 1 {
		w := uint32(bits.TrailingZeros64(summary))
		word := ^uint64(0)
		if left := uint32(len(x.steps)) - w*64; left < 64 {
			word = 1<<left - 1
		}
		for _, row := range picked[:n] {
			word &= rows[row+1+w]
		}
		for ; word != 0; word &= word - 1 {
			if t := &x.steps[w*64+uint32(bits.TrailingZeros64(word))]; s.holds(&t.op, c) && s.apply(&t.op, &t.action, c, d) {
				return true
			}
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

func (c *call) minutePlus1() int {
	if !c.hasAt {
		return 0
	}
	return int(c.minute) + 1
}

func (c *call) weekdayPlus1() int {
	if !c.hasAt {
		return 0
	}
	return int(c.weekday) + 1
}

func (c *call) datePoint() uint64 {
	if !c.hasAt {
		return 0
	}
	return uint64(max(c.localMinute+dateZero, 1))
}

// indexed gives segments of many actions an index, several where they have very many.
func (c *compiler) indexed(segments []segment, minimum, maximum int) []segment {
	var out []segment
	for _, seg := range segments {
		var acting []uint32
		for i := seg.from; i < seg.to; i++ {
			if c.set.ops[i].action >= 0 {
				acting = append(acting, i)
			}
		}
		if len(acting) < minimum || len(acting) == 0 {
			out = append(out, seg)
			continue
		}
		parts := (len(acting) + maximum - 1) / maximum
		for part := range parts {
			ops := acting[part*len(acting)/parts : (part+1)*len(acting)/parts]
			out = append(out, segment{zone: seg.zone, from: ops[0], to: ops[len(ops)-1] + 1, index: c.index(ops)})
		}
	}
	return out
}

// index builds the index of some actions.
func (c *compiler) index(ops []uint32) (x index) {
	var hulls []box
	for _, at := range ops {
		if around, ok := c.around(int32(at)); ok { // else its criteria exclude each other
			o := c.set.ops[at]
			x.steps, hulls = append(x.steps, step{o, c.set.actions[o.action]}), append(hulls, around)
		}
	}
	x.words = (len(x.steps) + 63) / 64
	b := &rowBuilder{index: &x, known: map[uint64][]uint32{}}
	project := func(d dim, onto func(values) values) []values {
		sets, any := make([]values, len(hulls)), false
		for i := range hulls {
			sets[i] = everything
			if set := hulls[i][d]; set != nil {
				sets[i] = onto(set)
			}
			any = any || !sets[i].all()
		}
		if !any {
			return nil
		}
		return sets
	}
	same := func(v values) values { return v }
	x.minute = b.table(project(dimWeek, minutesOf), minutesOfDay+1)
	x.weekday = b.table(project(dimWeek, weekdaysOf), 8)
	x.kind = b.table(project(dimKind, same), 4)
	x.date = b.classes(project(dimDate, same))
	x.calling = b.numbers(project(dimCalling, same))
	x.called = b.numbers(project(dimCalled, same))
	x.point = b.classes(project(dimPoint, same))
	x.lata = b.classes(project(dimLATA, same))
	x.zip = b.classes(project(dimZIP, same))
	return x
}

// around is a box around what an op and the guards around it can accept, false when that is nothing.
func (c *compiler) around(at int32) (box, bool) {
	var all box
	for ; at >= 0; at = c.set.ops[at].guard {
		if c.set.rules[at] == nil {
			continue
		}
		own, ok := c.set.rules[at].Criteria.around(c.set.env.areas())
		if !ok {
			return box{}, false
		}
		if all, ok = all.and(&own); !ok {
			return box{}, false
		}
	}
	return all, true
}

// minutesOf maps minutes of the week, plus 1, to minutes of the day, plus 1.
func minutesOf(week values) values {
	var v values
	for _, one := range week {
		lo, hi := (one.lo-1)%minutesOfDay, (one.hi-1)%minutesOfDay
		switch {
		case one.hi-one.lo >= minutesOfDay-1:
			return values{{1, minutesOfDay}}
		case lo <= hi:
			v = append(v, interval{lo + 1, hi + 1})
		default:
			v = append(v, interval{1, hi + 1}, interval{lo + 1, minutesOfDay})
		}
	}
	return normal(v)
}

// weekdaysOf maps minutes of the week, plus 1, to days of the week, plus 1.
func weekdaysOf(week values) values {
	var v values
	for _, one := range week {
		v = append(v, interval{(one.lo-1)/minutesOfDay + 1, (one.hi-1)/minutesOfDay + 1})
	}
	return normal(v)
}

// rowBuilder makes rows and keeps each only once.
type rowBuilder struct {
	index *index
	known map[uint64][]uint32 // rows by a hash of their bits
}

// keep returns the start of a row, allRow for one in which every action is possible.
func (b *rowBuilder) keep(row []uint64) uint32 {
	ones, summary, hash := 0, uint64(0), uint64(0)
	for w, word := range row {
		hash = bits.RotateLeft64(hash^word, 29) * 0x9e3779b97f4a7c15
		if ones += bits.OnesCount64(word); word != 0 {
			summary |= 1 << w
		}
	}
	if ones == len(b.index.steps) {
		return allRow
	}
	for _, at := range b.known[hash] {
		if slices.Equal(row, b.index.rows[at+1:at+1+uint32(len(row))]) {
			return at
		}
	}
	at := uint32(len(b.index.rows))
	b.index.rows = append(append(b.index.rows, summary), row...)
	b.known[hash] = append(b.known[hash], at)
	return at
}

// sweep goes through the classes of a dimension in ascending order and gives each its row.
func (b *rowBuilder) sweep(sets []values, class func(from uint64, row uint32)) {
	type change struct {
		at  uint64
		bit uint32
	}
	var changes []change
	row := make([]uint64, b.index.words)
	for bit, set := range sets {
		for _, one := range set {
			if one.lo == 0 {
				row[bit/64] ^= 1 << (bit % 64)
			} else {
				changes = append(changes, change{one.lo, uint32(bit)})
			}
			if one.hi+1 != 0 {
				changes = append(changes, change{one.hi + 1, uint32(bit)})
			}
		}
	}
	slices.SortFunc(changes, func(a, b change) int { return cmp.Compare(a.at, b.at) })
	class(0, b.keep(row))
	for i := 0; i < len(changes); {
		at := changes[i].at
		for ; i < len(changes) && changes[i].at == at; i++ {
			row[changes[i].bit/64] ^= 1 << (changes[i].bit % 64)
		}
		class(at, b.keep(row))
	}
}

// table makes rows that are found by the value itself.
func (b *rowBuilder) table(sets []values, size int) []uint32 {
	if sets == nil {
		return nil
	}
	table := make([]uint32, size)
	b.sweep(sets, func(from uint64, row uint32) {
		for v := from; v < uint64(size); v++ {
			table[v] = row
		}
	})
	return table
}

func (b *rowBuilder) classes(sets []values) *classes {
	if sets == nil {
		return nil
	}
	c := &classes{}
	b.sweep(sets, func(from uint64, row uint32) {
		c.bounds, c.row = append(c.bounds, from), append(c.row, row)
	})
	return c
}

func (b *rowBuilder) numbers(sets []values) (n numbers) {
	if sets == nil {
		return n
	}
	n.start = make([]uint32, numberCells+1)
	b.sweep(sets, func(from uint64, row uint32) { n.class = append(n.class, numberClass{from, row}) })
	last := 0
	for cell := range numberCells {
		for last+1 < len(n.class) && n.class[last+1].from <= numberCellStart(cell) {
			last++
		}
		n.start[cell] = uint32(last)
	}
	n.start[numberCells] = uint32(len(n.class) - 1)
	return n
}
