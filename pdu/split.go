package pdu

import "unicode/utf8"

// maxParts is what the one octet of a concatenation element can count.
const maxParts = 255

// SplitOptions say how a text or data may be cut. The zero value: at most 255 parts, 8-bit reference 0, the cheapest alphabet that every phone reads.
type SplitOptions struct {
	Reference uint16 // of the concatenation, when there are several parts; the caller chooses one that is not in use for the recipient
	Wide      bool   // a 16-bit reference, one octet more in every part; else the low octet of Reference is used
	MaxParts  int    // 0: 255

	// Alphabet Auto takes the default GSM alphabet when the text has no other characters, then what National allows when it takes fewer parts than UCS-2, else UCS-2.
	// GSM7 and UCS2 force one.
	Alphabet Alphabet
	// National lists the languages whose shift tables may be used. Many phones cannot read them, so the default is none.
	National []Language

	Class Class // Class0 for a flash message
	Ports Ports // application ports; Bits 0: none
}

// Part is one TPDU of a split text.
type Part struct {
	Text  string // a piece of the text; empty for data
	Data  []byte // a piece of the data; nil for a text
	Units int    // septets, octets or UCS-2 units that it takes, without the header
}

// Split is a text or data cut into parts, in sending order.
type Split struct {
	Alphabet       Alphabet
	Locking, Shift Language // national tables; default when none are used
	Parts          []Part
	Units          int  // sum over all parts
	Capacity       int  // units that one part takes
	Limiting       rune // first character outside the default GSM alphabet, which forced another one; 0 when none did

	options SplitOptions
}

// Left returns how many units the last part still takes.
func (s Split) Left() int {
	if len(s.Parts) == 0 {
		return s.Capacity
	}
	return s.Capacity - s.Parts[len(s.Parts)-1].Units
}

// SplitText cuts a text into the fewest parts. It never cuts a surrogate pair or an escape pair, and cuts a grapheme cluster only when the limit of parts forces it or the cluster fills a part alone.
// The same text and options always give the same parts, and so does sending a part again.
// Errors: ErrEmpty, ErrNotUTF8, a *TooManyPartsError, a *CharacterError when the options force an alphabet that lacks a character.
func SplitText(text string, o SplitOptions) (Split, error) {
	if text == "" {
		return Split{}, ErrEmpty
	}
	basic, units, limiting, at := measure(text)
	if units < 0 {
		return Split{}, ErrNotUTF8
	}
	s := Split{Alphabet: GSM7, Limiting: limiting, options: o}
	switch {
	case limiting == 0 && o.Alphabet != UCS2:
		s.Units = basic
		if len(o.National) > 0 {
			s = s.national(text, s)
		}
	case o.Alphabet == GSM7:
		best := Split{options: o}
		if s = s.national(text, best); s.Alphabet == Auto {
			return Split{}, &CharacterError{Rune: limiting, Offset: at, Alphabet: GSM7}
		}
	default:
		s.Alphabet, s.Units = UCS2, units
		if o.Alphabet == Auto {
			s = s.national(text, s)
		}
	}
	return s.finish(text)
}

// SplitData cuts 8-bit data into the fewest parts.
func SplitData(data []byte, o SplitOptions) (Split, error) {
	if len(data) == 0 {
		return Split{}, ErrEmpty
	}
	s := Split{Alphabet: Octets, Units: len(data), options: o}
	s.Capacity = s.capacity(len(data))
	for len(data) > 0 {
		n := min(s.Capacity, len(data))
		s.Parts = append(s.Parts, Part{Data: data[:n:n], Units: n})
		data = data[n:]
	}
	return s, s.tooMany(len(s.Parts))
}

// measure returns the septets of text in the default alphabet and its UCS-2 units, and the first character, with its octet, that the default alphabet lacks.
// units is -1 when text is not valid UTF-8.
func measure(text string) (basic, units int, limiting rune, at int) {
	for i := 0; i < len(text); {
		r, size := rune(text[i]), 1
		if r >= utf8.RuneSelf {
			if r, size = utf8.DecodeRuneInString(text[i:]); r == utf8.RuneError && size == 1 {
				return 0, -1, 0, 0
			}
		}
		switch c := basicCode(r); {
		case c < 0x80:
			basic++
		case c != noSeptet:
			basic += 2
		case limiting == 0:
			limiting, at = r, i
		}
		units++
		if r > 0xFFFF {
			units++
		}
		i += size
	}
	return basic, units, limiting, at
}

// finish cuts the text, first with care for grapheme clusters, then, if that takes too many parts, without.
func (s Split) finish(text string) (Split, error) {
	s.Capacity = s.capacity(s.Units)
	s.Parts = s.cut(text, true)
	if err := s.tooMany(len(s.Parts)); err != nil {
		s.Parts = s.cut(text, false)
		if err := s.tooMany(len(s.Parts)); err != nil {
			return Split{}, err
		}
	}
	return s, nil
}

// tooMany compares a number of parts with the limit.
func (s Split) tooMany(n int) error {
	limit := s.options.MaxParts
	if limit <= 0 || limit > maxParts {
		limit = maxParts
	}
	if n > limit {
		return &TooManyPartsError{Needed: n, Limit: limit}
	}
	return nil
}

// capacity returns the units that fit a part when the whole takes units of them: more when one part is enough, since it needs no concatenation element.
func (s Split) capacity(units int) int {
	if single := s.room(false); units <= single {
		return single
	}
	return s.room(true)
}

// room returns the units that fit beside the header.
func (s Split) room(concatenated bool) int {
	n := 0
	if s.options.Ports.Bits != 0 {
		n += 2 + int(s.options.Ports.Bits)/4
	}
	if s.Locking != DefaultLanguage {
		n += 3
	}
	if s.Shift != DefaultLanguage {
		n += 3
	}
	if concatenated {
		n += 5
		if s.options.Wide {
			n++
		}
	}
	if n > 0 {
		n++ // the length octet
	}
	switch s.Alphabet {
	case GSM7:
		return maxSeptets - headerSeptets(n)
	case UCS2:
		return (maxOctets - n) / 2
	}
	return maxOctets - n
}

// cost returns the units of a character; the alphabet has it.
func (s *Split) cost(r rune) int {
	wide := r > 0xFFFF
	if s.Alphabet == GSM7 {
		wide = code(r, s.Locking, s.Shift) > 0xFF
	}
	if wide {
		return 2
	}
	return 1
}

// cut returns the parts. careful keeps grapheme clusters whole.
func (s *Split) cut(text string, careful bool) []Part {
	parts := make([]Part, 0, s.Units/s.Capacity+1)
	start, used := 0, 0
	for i := 0; i < len(text); {
		r, size := rune(text[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRuneInString(text[i:])
		}
		n := s.cost(r)
		if used+n <= s.Capacity {
			used += n
			i += size
			continue
		}
		end := i
		if careful {
			end = clusterBoundary(text, start, i)
			for _, back := range text[end:i] {
				used -= s.cost(back)
			}
		}
		parts = append(parts, Part{Text: text[start:end], Units: used})
		start, i, used = end, end, 0
	}
	return append(parts, Part{Text: text[start:], Units: used})
}

// Message returns part i as a SUBMIT or DELIVER that lacks only what is not of the text: addresses, time stamp, validity, flags.
func (s Split) Message(i int, typ Type) Message {
	part := s.Parts[i]
	m := Message{Type: typ, DCS: NewDCS(s.Alphabet, s.options.Class), Text: part.Text, Data: part.Data}
	var header []IE
	if s.options.Ports.Bits != 0 {
		header = append(header, s.options.Ports.element())
	}
	if len(s.Parts) > 1 {
		c := Concat{Ref: s.options.Reference, Bits: 16, Total: uint8(len(s.Parts)), Seq: uint8(i + 1)}
		if !s.options.Wide {
			c.Ref, c.Bits = c.Ref&0xFF, 8
		}
		header = append(header, c.element())
	}
	if s.Locking != DefaultLanguage {
		header = append(header, IE{ieLocking, []byte{byte(s.Locking)}})
	}
	if s.Shift != DefaultLanguage {
		header = append(header, IE{ieShift, []byte{byte(s.Shift)}})
	}
	m.SetHeader(header...)
	return m
}
