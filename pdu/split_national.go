package pdu

import "math/bits"

// national looks for a pair of national tables that takes fewer parts than best, or any when best has no alphabet. Without one it returns best and false.
//
// Of pairs with equally many parts the one with fewer tables wins, then a single shift alone before a locking shift alone, then the one with fewer septets, then the lower identifiers.
func (s Split) national(text string, best Split) (Split, bool) {
	if s.Units > maxParts*maxSeptets {
		return best, false // too long for any table
	}
	parts, better := 0, false // of best
	if best.Alphabet != Auto {
		best.Capacity = best.capacity(best.Units)
		best.Parts = best.cut(text, true)
		if parts = len(best.Parts); parts == 1 {
			return best, false
		}
	}
	var lockings, shifts uint16 // those allowed, bit n for language n
	for _, l := range s.options.National {
		if l > DefaultLanguage && l < languages {
			shifts |= 1 << l
			if l != Spanish { // which has no locking shift table
				lockings |= 1 << l
			}
		}
	}
	fits := lockingFits(text)
	for _, rank := range [...]struct{ lockings, shifts uint16 }{{1, shifts}, {lockings, 1}, {lockings, shifts}} {
		var found Split
		for locking, fit := range fits {
			allowed := fit.shifts & rank.shifts
			if rank.lockings>>locking&1 == 0 || allowed == 0 || found.Alphabet != Auto && fit.septets >= found.Units {
				continue
			}
			// Whichever shift table it is, the same characters take two septets.
			c := Split{Alphabet: GSM7, Locking: Language(locking), Shift: Language(bits.TrailingZeros16(allowed)), Units: fit.septets, Limiting: s.Limiting, options: s.options}
			c.Capacity = c.capacity(c.Units)
			if least := (c.Units + c.Capacity - 1) / c.Capacity; parts != 0 && (least > parts || least == parts && found.Alphabet == Auto) {
				continue
			}
			c.septets, _ = appendNational(make([]byte, 0, c.Units+8), text, c.Locking, c.Shift)
			c.Parts = c.cut(text, true)
			if n := len(c.Parts); parts == 0 || n < parts || found.Alphabet != Auto && n == parts {
				found, parts = c, n
			}
		}
		if found.Alphabet != Auto {
			best, better = found, true
		}
	}
	return best, better
}

// fit says what a text takes with a locking shift table: the septets, and the single shift tables that have the characters which it lacks, bit n for that of language n.
type fit struct {
	septets int
	shifts  uint16
}

// lockingFits returns the fit for the locking shift table of each language.
func lockingFits(text string) (all [languages]fit) {
	codes := allNationalCodes()
	var counts [256]int
	for _, r := range text {
		if uint32(r) < nationalLimit {
			counts[codes.class[r]]++
		} else {
			counts[0]++
		}
	}
	for locking := range all {
		all[locking].shifts = 1<<languages - 1
	}
	for i := range codes.classes {
		n, c := counts[i], &codes.classes[i]
		if n == 0 {
			continue
		}
		for locking := range all {
			f := &all[locking]
			f.septets += n
			if c.locking>>locking&1 == 0 {
				f.septets += n
				f.shifts &= c.single
			}
		}
	}
	return all
}
