package pdu

import (
	"slices"
	"sync"
)

// Alphabet is the way in which user data are written. 3GPP TS 23.038 §4.
type Alphabet uint8

const (
	Auto   Alphabet = iota // leave the choice to SplitText; never the alphabet of a DCS
	GSM7                   // GSM 7-bit default alphabet, perhaps with national language tables
	Octets                 // 8-bit data
	UCS2                   // UTF-16 in network order
)

// String returns "auto", "gsm7", "8bit" or "ucs2".
func (a Alphabet) String() string {
	return [...]string{"auto", "gsm7", "8bit", "ucs2"}[a&3]
}

// Language is a national language identifier. The zero value stands for the default tables, as does every value without a table. 3GPP TS 23.038 §6.2.1.2.4.
type Language uint8

const (
	DefaultLanguage Language = iota
	Turkish
	Spanish
	Portuguese
	Bengali
	Gujarati
	Hindi
	Kannada
	Malayalam
	Oriya
	Punjabi
	Tamil
	Telugu
	Urdu
	languages // how many there are
)

// String returns the English name in lower case, "" for a language without tables.
func (l Language) String() string {
	if l >= languages {
		return ""
	}
	return [...]string{"default", "turkish", "spanish", "portuguese", "bengali", "gujarati", "hindi", "kannada", "malayalam", "oriya", "punjabi", "tamil", "telugu", "urdu"}[l]
}

// ParseLanguage finds a language by the name that String returns.
func ParseLanguage(name string) (Language, bool) {
	for l := DefaultLanguage; l < languages; l++ {
		if l.String() == name {
			return l, true
		}
	}
	return 0, false
}

// AllLanguages returns every national language in order of its identifier.
func AllLanguages() []Language {
	all := make([]Language, 0, languages-1)
	for l := Turkish; l < languages; l++ {
		all = append(all, l)
	}
	return all
}

// locking returns the language's locking shift table; the default one where there is none.
func (l Language) locking() *[128]uint16 {
	if l >= languages || l == Spanish {
		l = DefaultLanguage
	}
	return &lockingTables[l]
}

// shift returns the language's single shift table; the default extension table where there is none.
func (l Language) shift() *[128]uint16 {
	if l >= languages {
		l = DefaultLanguage
	}
	return &shiftTables[l]
}

const (
	escape    = 0x1B // septet that takes the next one from the single shift table
	noSeptet  = 0xFF // value of a lookup that found nothing
	euro      = 0x20AC
	basicSize = 0x400 // every character of the default tables but the euro is below
)

// basicCodes gives the septet of a character in the default tables: n, or escape<<8|n for the extension table, or noSeptet.
// It is written once before the program runs and only read afterwards.
var basicCodes = func() (codes [basicSize]uint16) {
	for i := range codes {
		codes[i] = noSeptet
	}
	for septet, r := range shiftTables[DefaultLanguage] {
		if r != 0 && r < basicSize {
			codes[r] = escape<<8 | uint16(septet)
		}
	}
	for septet, r := range lockingTables[DefaultLanguage] {
		if septet != escape {
			codes[r] = uint16(septet)
		}
	}
	return codes
}()

// basicCode is the lookup in basicCodes for any character.
func basicCode(r rune) uint16 {
	switch {
	case uint32(r) < basicSize:
		return basicCodes[r]
	case r == euro:
		return escape<<8 | 0x65
	}
	return noSeptet
}

// nationalCode has the septets of a character in the locking and in the single shift table of each language, and the sets of languages whose tables have it.
type nationalCode struct {
	lock, shift     [languages]byte
	locking, single uint16 // bit n: language n
}

// nationalLimit is above every character of all tables.
const nationalLimit = 0x2220

// nationalCodes finds a character in all tables at once.
type nationalCodes struct {
	codes []nationalCode // the first one for characters that no table has
	index [nationalLimit]uint16
	// Characters in the same tables are of one class.
	class   [nationalLimit]uint8
	classes []nationalCode // without septets; the first one for characters that no table has
}

// allNationalCodes is built at the first use, and read only afterwards.
var allNationalCodes = sync.OnceValue(func() *nationalCodes {
	all := new(nationalCodes)
	all.codes = append(all.codes, noNationalCode())
	at := func(r uint16) *nationalCode {
		if all.index[r] == 0 {
			all.index[r] = uint16(len(all.codes))
			all.codes = append(all.codes, noNationalCode())
		}
		return &all.codes[all.index[r]]
	}
	for l := DefaultLanguage; l < languages; l++ {
		// Downwards, so that the lowest septet stays when a table has a character twice.
		for septet := 127; septet >= 0; septet-- {
			if r := l.locking()[septet]; r != 0 && septet != escape {
				c := at(r)
				c.lock[l] = byte(septet)
				c.locking |= 1 << l
			}
			if r := l.shift()[septet]; r != 0 && !noEncode(l, septet) {
				c := at(r)
				c.shift[l] = byte(septet)
				c.single |= 1 << l
			}
		}
	}
	all.classes = append(all.classes, nationalCode{})
	for r, i := range all.index {
		c := &all.codes[i]
		class := slices.IndexFunc(all.classes, func(k nationalCode) bool { return k.locking == c.locking && k.single == c.single })
		if class < 0 {
			class = len(all.classes)
			all.classes = append(all.classes, nationalCode{locking: c.locking, single: c.single})
		}
		all.class[r] = uint8(class)
	}
	return all
})

// noNationalCode returns the code of a character that no table has.
func noNationalCode() (c nationalCode) {
	for i := range c.lock {
		c.lock[i], c.shift[i] = noSeptet, noSeptet
	}
	return c
}

// find returns the code of a character.
func (n *nationalCodes) find(r rune) *nationalCode {
	if uint32(r) < nationalLimit {
		return &n.codes[n.index[r]]
	}
	return &n.codes[0]
}

// noEncode tells whether a cell of a single shift table is only read: receivers do not agree that it exists.
func noEncode(l Language, septet int) bool { return l == Telugu && septet == 0x65 }

// in returns the septet of a character in a pair of tables as basicCode does.
func (c *nationalCode) in(locking, shift Language) uint16 {
	if locking >= languages {
		locking = DefaultLanguage
	}
	if shift >= languages {
		shift = DefaultLanguage
	}
	if septet := c.lock[locking]; septet != noSeptet {
		return uint16(septet)
	}
	if septet := c.shift[shift]; septet != noSeptet {
		return escape<<8 | uint16(septet)
	}
	return noSeptet
}

// InGSM7 tells whether r can be written with the default alphabet and its extension table.
func InGSM7(r rune) bool { return basicCode(r) != noSeptet }
