package callplan

import (
	"cmp"
	"math/bits"
	"slices"
)

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
			if x := c.index(ops); len(x.steps) > 0 { // else the criteria of each exclude each other
				out = append(out, segment{zone: seg.zone, from: ops[0], to: ops[len(ops)-1] + 1, index: x})
			}
		}
	}
	return out
}

// index builds the index of some actions.
func (c *compiler) index(ops []uint32) (x index) {
	hulls := make([]around, 0, len(ops))
	x.steps = make([]step, 0, len(ops))
	for _, at := range ops {
		if around, ok := c.around(int32(at)); ok { // else its criteria exclude each other
			o := c.set.ops[at]
			x.steps = append(x.steps, step{op: o, left: o.has &^ c.decided(at), action: c.set.actions[o.action]})
			hulls = append(hulls, around)
		}
	}
	if len(x.steps) == 0 {
		return index{}
	}
	x.words = uint8((len(x.steps) + 63) / 64)
	x.shift = uint8(bits.Len(uint(x.words - 1)))
	x.rows = make([]uint64, 1<<x.shift)
	b := &rowBuilder{index: &x, known: map[uint64][]uint16{}}
	project := func(of func(*around) values) []values {
		sets, any := make([]values, len(hulls)), false
		for i := range hulls {
			sets[i] = everything
			if set := of(&hulls[i]); set != nil {
				sets[i] = set
			}
			any = any || !sets[i].all()
		}
		if !any {
			return nil
		}
		return sets
	}
	in := func(d dim) []values { return project(func(a *around) values { return a.box[d] }) }
	b.table(x.weekday[:], project(func(a *around) values { return weekdaysOf(a.box[dimWeek]) }))
	b.table(x.kind[:], in(dimKind))
	// The two tables are side by side.
	minutes, areas := project(func(a *around) values { return minutesOf(a.box[dimWeek]) }), project(func(a *around) values { return a.areas })
	both := make([]uint16, minutesOfDay+1+maxArea+1)
	if minutes != nil {
		x.minute = both[:minutesOfDay+1]
		b.table(x.minute, minutes)
	}
	if areas != nil {
		x.area = both[minutesOfDay+1:]
		b.table(x.area, areas)
	}
	x.date = b.classes(in(dimDate))
	x.calling = b.numbers(in(dimCalling), &x.everyCalling)
	x.called = b.numbers(in(dimCalled), &x.everyCalled)
	x.mostlyNamed = x.calling.mostlyNamed() || x.called.mostlyNamed()
	x.point = b.classes(in(dimPoint))
	x.lata = b.classes(in(dimLATA))
	x.zip = b.classes(in(dimZIP))
	x.rare = x.date != nil || x.point != nil || x.lata != nil || x.zip != nil
	x.rows = slices.Clone(x.rows)
	return x
}

// maxArea is above all area codes.
const maxArea = 999

// decided returns the criteria of an op that the rows decide for sure: weekday, minute, area code, kind and date are looked up as they are. A window over
// midnight belongs to two days of the week, and guards have criteria of their own.
func (c *compiler) decided(at uint32) uint32 {
	o, r := &c.set.ops[at], c.set.rules[at]
	if o.guard >= 0 || r == nil {
		return 0
	}
	sure := uint32(1<<byKind | 1<<byDate | 1<<byNPA)
	if r.Criteria.Time == nil || !r.Criteria.Time.wraps() {
		sure |= 1<<byTime | 1<<byDay
	}
	return sure
}

// around is what an op and the guards around it can accept, at most.
type around struct {
	box   box
	areas values // area codes of the calling number; nil: all and none
}

// around returns what an op and the guards around it can accept, false when that is nothing. What only area codes say of the calling number is not repeated in
// the box.
func (c *compiler) around(at int32) (all around, ok bool) {
	patterns := false
	for ; at >= 0; at = c.set.ops[at].guard {
		if c.set.rules[at] == nil {
			continue
		}
		own := &c.set.rules[at].Criteria
		b, ok := own.around(c.set.env.areas())
		if !ok {
			return all, false
		}
		if all.box, ok = all.box.and(&b); !ok {
			return all, false
		}
		patterns = patterns || own.Match != nil
		if own.NPA != nil {
			codes := areasIn(own.NPA, c.set.env.areas())
			if all.areas != nil {
				codes = codes.and(all.areas)
			}
			if len(codes) == 0 {
				return all, false
			}
			all.areas = codes
		}
	}
	if !patterns {
		all.box[dimCalling] = nil
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
	known map[uint64][]uint16 // rows by a hash of their bits
}

// keep returns a row, allRow for one in which every step is possible, or when there are too many rows.
func (b *rowBuilder) keep(row []uint64) uint16 {
	x, hash := b.index, uint64(0)
	for _, word := range row {
		hash = bits.RotateLeft64(hash^word, 29) * 0x9e3779b97f4a7c15
	}
	next := len(x.rows) >> x.shift
	if ones(row) == len(x.steps) || next >= int(commonRow) {
		return allRow
	}
	for _, known := range b.known[hash] {
		if at := int(known) << x.shift; slices.Equal(row, x.rows[at:at+len(row)]) {
			return known
		}
	}
	x.rows = append(append(x.rows, row...), make([]uint64, 1<<x.shift-len(row))...)
	b.known[hash] = append(b.known[hash], uint16(next))
	return uint16(next)
}

// sweep goes through the classes of a dimension in ascending order and shows the row of each.
func (b *rowBuilder) sweep(sets []values, class func(from uint64, row []uint64)) {
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
	class(0, row)
	for i := 0; i < len(changes); {
		at := changes[i].at
		for ; i < len(changes) && changes[i].at == at; i++ {
			row[changes[i].bit/64] ^= 1 << (changes[i].bit % 64)
		}
		class(at, row)
	}
}

// table fills in the rows of a dimension that are found by the value itself.
func (b *rowBuilder) table(table []uint16, sets []values) {
	if sets == nil {
		return
	}
	b.sweep(sets, func(from uint64, row []uint64) {
		at := b.keep(row)
		for v := from; v < uint64(len(table)); v++ {
			table[v] = at
		}
	})
}

func (b *rowBuilder) classes(sets []values) *classes {
	if sets == nil {
		return nil
	}
	c := &classes{}
	b.sweep(sets, func(from uint64, row []uint64) {
		c.bounds, c.row = append(c.bounds, from), append(c.row, b.keep(row))
	})
	return c
}
