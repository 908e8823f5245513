package callplan

import (
	"math"
	"math/bits"
	"slices"

	"trunkline/callplan/phone"
)

// A call is a point in a space: each dimension is a fact as a number, 0 where it is unknown. What criteria accept is a union of boxes in that space. The index,
// Lint and Diff are made from such boxes; only evaluating criteria is not, so that they can be tested against each other.

// dim is a dimension.
type dim uint8

const (
	dimWeek       dim = iota // minute of the week on the local clock from Sunday 00:00, plus 1
	dimDate                  // minute since 1970-01-01.00:00 on the local clock, plus dateZero
	dimCalling               // phone.Dialled.Key
	dimCallingLen            // characters
	dimCallingOdd            // 1 when there is something else than digits
	dimCalled
	dimCalledLen
	dimCalledOdd
	dimPoint    // point code plus 1
	dimLATA     // lataKey of the calling side plus 1
	dimRelation // of the LATAs: 1 the same, 2 different
	dimZIP      // zipKey plus 1
	dimKind     // kindBit
	dims
)

// dateZero moves dates to positive numbers: no local clock shows earlier times.
const dateZero = 1 << 40

const minutesOfWeek = 7 * minutesOfDay

// interval is a range of values, both ends included.
type interval struct{ lo, hi uint64 }

// values is a set of values: intervals in ascending order that neither overlap nor touch.
type values []interval

// everything is all values of a dimension.
var everything = values{{0, math.MaxUint64}}

// normal sorts intervals and joins those that overlap or touch.
func normal(v values) values {
	slices.SortFunc(v, func(a, b interval) int {
		switch {
		case a.lo < b.lo:
			return -1
		case a.lo > b.lo:
			return 1
		}
		return 0
	})
	out := v[:0]
	for _, one := range v {
		if n := len(out); n > 0 && (one.lo <= out[n-1].hi || one.lo == out[n-1].hi+1) {
			out[n-1].hi = max(out[n-1].hi, one.hi)
			continue
		}
		out = append(out, one)
	}
	return out
}

func (v values) all() bool { return len(v) == 1 && v[0] == everything[0] }

// and returns what is in both.
func (v values) and(w values) values {
	if v.all() {
		return w
	}
	if w.all() {
		return v
	}
	var out values
	for i, j := 0, 0; i < len(v) && j < len(w); {
		if lo, hi := max(v[i].lo, w[j].lo), min(v[i].hi, w[j].hi); lo <= hi {
			out = append(out, interval{lo, hi})
		}
		if v[i].hi < w[j].hi {
			i++
		} else {
			j++
		}
	}
	return out
}

// without returns what is in v and not in w.
func (v values) without(w values) values {
	var out values
	j := 0
	for _, one := range v {
		for j < len(w) && w[j].hi < one.lo {
			j++
		}
		lo, open := one.lo, true
		for k := j; k < len(w) && w[k].lo <= one.hi; k++ {
			if w[k].lo > lo {
				out = append(out, interval{lo, w[k].lo - 1})
			}
			if w[k].hi >= one.hi {
				open = false
				break
			}
			lo = w[k].hi + 1
		}
		if open {
			out = append(out, interval{lo, one.hi})
		}
	}
	return out
}

// box is a product of sets, nil standing for everything.
type box [dims]values

func (b *box) get(d dim) values {
	if b[d] == nil {
		return everything
	}
	return b[d]
}

// and returns what is in both boxes, false when that is nothing.
func (b *box) and(o *box) (box, bool) {
	var out box
	for d := range dims {
		switch {
		case b[d] == nil:
			out[d] = o[d]
		case o[d] == nil:
			out[d] = b[d]
		default:
			if out[d] = b[d].and(o[d]); out[d] == nil {
				return box{}, false
			}
		}
		if out[d] != nil && len(out[d]) == 0 {
			return box{}, false
		}
	}
	return out, true
}

// holds tells whether all of o is in b.
func (b *box) holds(o *box) bool {
	for d := range dims {
		if b[d] != nil && len(o.get(d).without(b[d])) > 0 {
			return false
		}
	}
	return true
}

// region is a union of boxes.
type region []box

// and returns what is in both regions, at most limit boxes of it; false when there are more.
func (r region) and(o region, limit int) (region, bool) {
	var out region
	for i := range r {
		for j := range o {
			if b, ok := r[i].and(&o[j]); ok {
				if out = append(out, b); len(out) > limit {
					return nil, false
				}
			}
		}
	}
	return out, true
}

// maxBoxes bounds the boxes of one criterion; a criterion with more patterns is described more coarsely.
const maxBoxes = 64

// outer returns a region that holds every call that the criteria accept, and perhaps others: shares, holidays and "not" are left out.
func (c *Criteria) outer(areas *Areas) region {
	b := c.plain()
	all := region{b}
	for _, number := range []struct {
		patterns []phone.Pattern
		key      dim
	}{{c.Match, dimCalling}, {c.Called, dimCalled}} {
		if number.patterns != nil {
			joined, ok := all.and(numberBoxes(number.patterns, number.key, true), 4*maxBoxes)
			if !ok {
				joined, _ = all.and(region{hull(numberBoxes(number.patterns, number.key, true))}, 4*maxBoxes)
			}
			all = joined
		}
	}
	if c.NPA != nil {
		all, _ = all.and(region{areaBox(c.NPA, areas)}, math.MaxInt)
	}
	return all
}

// inner returns a region all of which the criteria accept, as long as a holiday or an inner "not" that they have is true; ok is false when there is none, as
// for a share below 100 percent.
func (c *Criteria) inner(areas *Areas) (r region, ok bool) {
	if c.Percent != nil && *c.Percent < 10_000 {
		return nil, false
	}
	all := region{c.plain()}
	if c.Match != nil {
		all, ok = all.and(numberBoxes(c.Match, dimCalling, false), 4*maxBoxes)
		if !ok {
			return nil, false
		}
	}
	if c.Called != nil {
		all, ok = all.and(numberBoxes(c.Called, dimCalled, false), 4*maxBoxes)
		if !ok {
			return nil, false
		}
	}
	if c.NPA != nil {
		all, _ = all.and(region{areaBox(c.NPA, areas)}, math.MaxInt)
	}
	if len(c.LATA) > 0 {
		if all, ok = all.and(c.lataBoxes(), 4*maxBoxes); !ok {
			return nil, false
		}
	}
	return all, len(all) > 0
}

// plain is the box of the criteria that are one box exactly; of "lata" it is a box around it.
func (c *Criteria) plain() box {
	var b box
	if c.Time != nil || c.Day != 0 {
		b[dimWeek] = weekMinutes(c.Time, c.Day)
	} else if c.Holiday != nil {
		b[dimWeek] = values{{1, minutesOfWeek}}
	}
	if s := c.Date; s != nil {
		one := interval{1, math.MaxInt64}
		if s.HasFrom {
			one.lo = uint64(s.From + dateZero)
		}
		if s.HasTo {
			one.hi = uint64(s.To + dateZero - 1)
		}
		b[dimDate] = values{one}
	}
	for _, p := range c.PointCode {
		b[dimPoint] = append(b[dimPoint], interval{uint64(p.From) + 1, uint64(p.To) + 1})
	}
	b[dimPoint] = normal(b[dimPoint])
	for _, z := range c.ZIP {
		lo, hi := z.bounds()
		b[dimZIP] = append(b[dimZIP], interval{uint64(lo) + 1, uint64(hi) + 1})
	}
	b[dimZIP] = normal(b[dimZIP])
	for _, k := range c.Kind {
		b[dimKind] = append(b[dimKind], interval{uint64(kindBit(k)), uint64(kindBit(k))})
	}
	b[dimKind] = normal(b[dimKind])
	for _, l := range c.LATA {
		if l.Kind != LATADigits {
			b[dimLATA] = values{{1, math.MaxUint64}}
			return b
		}
		r := lataRange(l.Digits)
		b[dimLATA] = append(b[dimLATA], interval{uint64(r[0]) + 1, uint64(r[1]) + 1})
	}
	b[dimLATA] = normal(b[dimLATA])
	return b
}

// lataBoxes are the alternatives of "lata" exactly.
func (c *Criteria) lataBoxes() region {
	var all region
	var byDigits, byRelation box
	for _, l := range c.LATA {
		switch l.Kind {
		case LATAIntra:
			byRelation[dimRelation] = append(byRelation[dimRelation], interval{1, 1})
		case LATAInter:
			byRelation[dimRelation] = append(byRelation[dimRelation], interval{2, 2})
		default:
			r := lataRange(l.Digits)
			byDigits[dimLATA] = append(byDigits[dimLATA], interval{uint64(r[0]) + 1, uint64(r[1]) + 1})
		}
	}
	if byDigits[dimLATA] != nil {
		byDigits[dimLATA] = normal(byDigits[dimLATA])
		all = append(all, byDigits)
	}
	if byRelation[dimRelation] != nil {
		byRelation[dimRelation] = normal(byRelation[dimRelation])
		all = append(all, byRelation)
	}
	return all
}

// weekMinutes returns the minutes of the week of a time window on its service days; no window is the whole day, no days are all.
func weekMinutes(w *Window, days Days) values {
	if days == 0 {
		days = 0x7f
	}
	from, to := 0, minutesOfDay
	if w != nil {
		from, to = w.From, w.To
		if w.wraps() {
			to += minutesOfDay
		}
	}
	var v values
	for day := range 7 {
		if days>>day&1 == 0 {
			continue
		}
		lo, hi := day*minutesOfDay+from, day*minutesOfDay+to // hi is not part of it
		if hi > minutesOfWeek {
			v = append(v, interval{1, uint64(hi - minutesOfWeek)})
			hi = minutesOfWeek
		}
		v = append(v, interval{uint64(lo) + 1, uint64(hi)})
	}
	return normal(v)
}

// areaBox is the numbers of area codes.
func areaBox(codes []string, areas *Areas) box {
	var b box
	b[dimCalling] = areaKeys(codes, areas)
	b[dimCallingLen], b[dimCallingOdd] = values{{11, 11}}, values{{0, 0}}
	return b
}

// areaKeys is the keys of the numbers of area codes.
func areaKeys(codes []string, areas *Areas) values {
	keys := values{}
	for _, some := range areasIn(codes, areas) {
		for code := some.lo; code <= some.hi; code++ {
			lo, hi := phone.AreaKeys(int(code))
			keys = append(keys, interval{lo, hi})
		}
	}
	return normal(keys)
}

// areasIn is the area codes that codes of the criterion "npa" stand for.
func areasIn(codes []string, areas *Areas) values {
	var set codeSet
	for _, code := range codes {
		areas.set(code, &set)
	}
	found := values{}
	for i, word := range set {
		for ; word != 0; word &= word - 1 {
			code := uint64(i*64 + bits.TrailingZeros64(word))
			found = append(found, interval{code, code})
		}
	}
	return normal(found)
}

// around returns one box around what the criteria accept, without the lengths and letters of numbers; false when they exclude each other.
func (c *Criteria) around(areas *Areas) (box, bool) {
	b := c.plain()
	for _, number := range []struct {
		patterns []phone.Pattern
		key      dim
	}{{c.Match, dimCalling}, {c.Called, dimCalled}} {
		if number.patterns == nil {
			continue
		}
		keys := make(values, 0, 3*len(number.patterns))
		for i := range number.patterns {
			for _, r := range number.patterns[i].Ranges() {
				keys = append(keys, interval{r.Lo, r.Hi})
			}
		}
		b[number.key] = normal(keys)
	}
	if c.NPA != nil {
		b[dimCalling] = b.get(dimCalling).and(areaKeys(c.NPA, areas))
		return b, len(b[dimCalling]) > 0
	}
	return b, true
}

// numberBoxes is what patterns accept: at least that, or with outer false, at most that.
func numberBoxes(patterns []phone.Pattern, key dim, outer bool) region {
	var all region
	for _, p := range patterns {
		for _, r := range p.Ranges() {
			if !outer && !r.Exact {
				continue
			}
			var b box
			b[key] = values{{r.Lo, r.Hi}}
			b[key+1] = values{{uint64(r.MinLen), uint64(r.MaxLen)}}
			if r.International || r.Digits && !outer {
				b[key+2] = values{{0, 0}}
			}
			all = append(all, b)
		}
		if len(all) > maxBoxes && !outer {
			return all // a part of what they accept is as right
		}
	}
	if len(all) > maxBoxes {
		return region{hull(all)}
	}
	return all
}

// hull is one box around boxes.
func hull(r region) box {
	var out box
	for d := range dims {
		for i := range r {
			if r[i][d] == nil {
				out[d] = nil
				break
			}
			out[d] = append(out[d], r[i][d]...)
		}
		out[d] = normal(out[d])
	}
	return out
}
