package callplan

import (
	"math/bits"
	"slices"

	"trunkline/callplan/phone"
)

// numbers is classes of phone.Dialled keys with a table over their first characters, so that only the few classes of one start are searched. The zero value
// is one class in which all is possible.
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

const keyBase = phone.KeyBase

// Cells: one for absent numbers; one for every two characters of international numbers, three after the first for those that begin with 1, of the North American
// plan; one for every three characters of numbers as dialled.
const (
	cellsPlan    = 1 + 2*keyBase*keyBase // first of country code 1
	cellsAbroad  = cellsPlan + keyBase*keyBase*keyBase
	cellsDialled = cellsAbroad + (keyBase-3)*keyBase*keyBase
	numberCells  = cellsDialled + keyBase*keyBase*keyBase
)

// numberCell maps keys to cells, in ascending order.
func numberCell(key uint64) uint32 {
	character := func(shift uint) uint32 { return min(uint32(key>>shift)&0xf, keyBase-1) }
	a, b, c := character(56), character(52), character(48)
	three := (a*keyBase+b)*keyBase + c
	switch {
	case key == 0:
		return 0
	case key>>60 == 2:
		return cellsDialled + three
	case key>>60 > 2:
		return numberCells - 1
	case a < 2:
		return 1 + three
	case a == 2:
		return cellsPlan + (b*keyBase+c)*keyBase + character(44)
	}
	return cellsAbroad + three - 3*keyBase*keyBase
}

func (n *numbers) find(number *phone.Dialled) numberClass {
	if n.start == nil {
		return numberClass{}
	}
	key := number.Key()
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
	return n.class[lo]
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
		return n
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
		for at < len(n.class) && numberCell(n.class[at].from) < uint32(cell) {
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
