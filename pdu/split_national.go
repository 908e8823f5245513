package pdu

import "slices"

// national looks for a pair of national tables that takes fewer parts than best, or any when best has no alphabet. Without one it returns best and false.
//
// Of pairs with equally many parts the one with fewer tables wins, then a single shift alone before a locking shift alone, then the one with fewer septets, then the lower identifiers.
func (s Split) national(text string, best Split) (Split, bool) {
	if s.Units > maxParts*maxSeptets {
		return best, false // too long for any table
	}
	allowed := append([]Language{DefaultLanguage}, s.options.National...)
	slices.Sort(allowed)
	allowed = slices.Compact(allowed)

	septets := countSeptets(text)
	parts, better := 0, false
	if best.Alphabet != Auto {
		parts = best.count(text)
	}
	if parts == 1 {
		return best, false
	}
	for _, rank := range [...]struct{ locking, shift bool }{{false, true}, {true, false}, {true, true}} {
		var found Split
		for _, locking := range allowed {
			for _, shift := range allowed {
				if rank.locking != (locking != DefaultLanguage && locking != Spanish) || rank.shift != (shift != DefaultLanguage) || locking >= languages || shift >= languages {
					continue
				}
				c := s
				c.Alphabet, c.Locking, c.Shift, c.Units = GSM7, locking, shift, septets[locking][shift]
				if c.Units < 0 || found.Alphabet != Auto && c.Units >= found.Units {
					continue
				}
				c.Capacity = c.capacity(c.Units)
				if least := (c.Units + c.Capacity - 1) / c.Capacity; parts != 0 && (least > parts || least == parts && found.Alphabet == Auto) {
					continue
				}
				c.encoded, _ = appendSeptets(make([]byte, 0, c.Units), text, locking, shift)
				c.plain = false
				if n := c.count(text); parts == 0 || n < parts || found.Alphabet != Auto && n == parts {
					found, parts = c, n
				}
			}
		}
		if found.Alphabet != Auto {
			best, better = found, true
		}
	}
	return best, better
}

// count returns the parts that the text takes.
func (s Split) count(text string) int {
	s.Capacity = s.capacity(s.Units)
	return len(s.cut(text, true))
}

// countSeptets returns the septets of text for every pair of tables by locking and shift, -1 where a character has none.
func countSeptets(text string) (n [languages][languages]int) {
	codes := nationalCodes()
	for _, r := range text {
		c := codes[r]
		if c == nil {
			c = noCode
		}
		for locking := range n {
			row := &n[locking]
			if c.lock[locking] != noSeptet {
				for shift := range row {
					if row[shift] >= 0 {
						row[shift]++
					}
				}
				continue
			}
			for shift := range row {
				switch {
				case c.shift[shift] == noSeptet:
					row[shift] = -1
				case row[shift] >= 0:
					row[shift] += 2
				}
			}
		}
	}
	return n
}

// noCode is a character that no table has.
var noCode = func() *nationalCode {
	c := new(nationalCode)
	for i := range c.lock {
		c.lock[i], c.shift[i] = noSeptet, noSeptet
	}
	return c
}()
