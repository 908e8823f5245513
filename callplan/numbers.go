package callplan

import (
	"math/bits"
	"slices"
)

// numbers is classes of phone.Dialled keys with a table over their first characters, so that only the few classes of one start are searched. Without that
// table there is one class, in which all is possible.
type numbers struct {
	class []numberClass
	start []uint32 // by numberCell: how many classes begin before the cell
}

// numberClass is the numbers from a key to the next class. The steps that are possible are those of a row and those that are named; those that are named are
// to be tested for all their criteria.
type numberClass struct {
	from uint64
	some [3]uint16 // steps plus 1, ascending, then 0
	row  uint16
}

// numberCell maps keys to cells, in ascending order: one for every form and two first characters, and one more for every three characters after the 1 of
// international numbers of the North American plan.
func numberCell(key uint64) uint64 {
	const plan, area = 0x12, 0xfff // the form and the first character of those numbers; how many cells they have more
	switch start := key >> 52; {
	case start < plan<<4:
		return start
	case start < (plan+1)<<4:
		return key>>44 - plan<<12 + plan<<4
	default:
		return min(start, 0x3ff) + area - 0xf
	}
}

// numberCells is how many cells there are.
const numberCells = 0x3ff + 0xfff - 0xf + 1

// in returns the bits of the steps that are named in a word of rows.
func (k *numberClass) in(w uint32) (named uint64) {
	for _, name := range k.some {
		if name != 0 && uint32(name-1)/64 == w {
			named |= 1 << ((name - 1) % 64)
		}
	}
	return named
}

// find returns the class of a number, by its key.
func (n *numbers) find(key uint64) *numberClass {
	if n.start == nil {
		return &n.class[0]
	}
	cell := numberCell(key)
	lo, hi := n.start[cell], n.start[cell+1]
	if lo > 0 {
		lo--
	}
	for hi-lo > fewClasses {
		if mid := (lo + hi) / 2; n.class[mid].from <= key {
			lo = mid
		} else {
			hi = mid
		}
	}
	for i := lo + 1; i < hi; i++ { // the memory of all is fetched at once
		if n.class[i].from <= key {
			lo = i
		}
	}
	return &n.class[lo]
}

// fewClasses, which are two or three lines of memory, are gone through one by one.
const fewClasses = 12

// free returns the sets that say nothing, and takes them from the others: those that are everything, and those that stand for so much that naming them would
// cost more than testing them.
func free(sets []values) (row []uint64, rest []values) {
	var bounds []uint64
	for _, set := range sets {
		if set.all() {
			continue
		}
		for _, one := range set {
			bounds = append(bounds, one.lo, one.hi+1)
		}
	}
	slices.Sort(bounds)
	bounds = slices.Compact(bounds)
	row, rest = make([]uint64, (len(sets)+63)/64), slices.Clone(sets)
	for bit, set := range sets {
		covered := 0
		for _, one := range set {
			from, _ := slices.BinarySearch(bounds, one.lo)
			to, _ := slices.BinarySearch(bounds, one.hi+1)
			covered += to - from
		}
		if set.all() || len(bounds) > manyBounds && covered > len(bounds)/4 {
			row[bit/64] |= 1 << (bit % 64)
			rest[bit] = nil
		}
	}
	return row, rest
}

// manyBounds is how many classes make a set wide that has a quarter of them.
const manyBounds = 64

// numbers makes the classes of numbers and puts down which steps are possible in all of them. Only a class in which many others are possible too has a row of
// its own.
func (b *rowBuilder) numbers(sets []values, everywhere *commonBits) (n numbers) {
	if sets == nil {
		return numbers{class: make([]numberClass, 1)}
	}
	always, rest := free(sets)
	copy(everywhere[:], always)
	total := make([]uint64, len(always))
	b.sweep(rest, func(from uint64, row []uint64) {
		for w := range total {
			total[w] = always[w] | row[w]
		}
		class := numberClass{from: from}
		switch {
		case ones(total) <= len(class.some):
			class.row = noRow
			class.name(total)
		case ones(row) <= len(class.some):
			class.row = commonRow
			class.name(row)
		default:
			class.row = b.keep(total)
		}
		if last := len(n.class) - 1; last >= 0 && n.class[last].some == class.some && n.class[last].row == class.row {
			return
		}
		n.class = append(n.class, class)
	})
	n.class = slices.Clone(n.class)
	n.start = make([]uint32, numberCells+1)
	at := 0
	for cell := range n.start {
		for at < len(n.class) && numberCell(n.class[at].from) < uint64(cell) {
			at++
		}
		n.start[cell] = uint32(at)
	}
	return n
}

// mostlyNamed tells whether most classes have no row.
func (n *numbers) mostlyNamed() bool {
	without := 0
	for i := range n.class {
		if n.class[i].row == noRow {
			without++
		}
	}
	return without > len(n.class)/2
}

// name puts down the steps of a row.
func (k *numberClass) name(row []uint64) {
	i := 0
	for w, word := range row {
		for ; word != 0; word &= word - 1 {
			k.some[i] = uint16(w*64+bits.TrailingZeros64(word)) + 1
			i++
		}
	}
}

func ones(row []uint64) (n int) {
	for _, word := range row {
		n += bits.OnesCount64(word)
	}
	return n
}
