package pdu

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

	septets []byte // the text, one per octet, when they are not those of ASCII
}

// Split is a text or data cut into parts, in sending order.
type Split struct {
	Alphabet       Alphabet
	Locking, Shift Language // national tables; default when none are used
	Parts          []Part
	Units          int  // sum over all parts
	Capacity       int  // units that one part takes
	Limiting       rune // first character outside the default GSM alphabet, which forced another one; 0 when none did, or a NUL

	options  SplitOptions
	septets  []byte // the whole text, one per octet; nil when every octet of the text is its own septet, and in another alphabet
	elements []IE   // of the headers of all parts, equally many in each
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
func SplitText(text string, o SplitOptions) (s Split, err error) {
	if text == "" {
		return Split{}, ErrEmpty
	}
	s.Alphabet, s.Units, s.options = GSM7, len(text), o // by fields, since a literal is made elsewhere and copied
	done := plainPrefix(text)
	plain := done == len(text)
	if !plain {
		s.Units, done, s.Limiting = basicUnits(text, done)
	}
	basic := done == len(text)
	if !basic || o.Alphabet == UCS2 {
		var valid bool
		s.Alphabet = UCS2
		if s.Units, valid = utf16Units(text); !valid {
			return Split{}, ErrNotUTF8
		}
	}
	switch {
	case s.Alphabet == GSM7 && !plain:
		s.septets, _ = appendBasic(make([]byte, 0, s.Units), text)
	case !basic && o.Alphabet == GSM7:
		best, found := s.national(text, Split{})
		if !found {
			return Split{}, &CharacterError{Rune: s.Limiting, Offset: done, Alphabet: GSM7}
		}
		s = best
	}
	if len(o.National) > 0 && o.Alphabet != UCS2 && (basic || o.Alphabet != GSM7) {
		s, _ = s.national(text, s)
	}
	if err := s.finish(text); err != nil {
		return Split{}, err
	}
	return s, nil
}

// SplitData cuts 8-bit data into the fewest parts.
func SplitData(data []byte, o SplitOptions) (Split, error) {
	if len(data) == 0 {
		return Split{}, ErrEmpty
	}
	s := Split{Alphabet: Octets, Units: len(data), options: o}
	s.Capacity = s.capacity(len(data))
	if err := s.tooMany((len(data) + s.Capacity - 1) / s.Capacity); err != nil {
		return Split{}, err
	}
	for len(data) > 0 {
		n := min(s.Capacity, len(data))
		s.Parts = append(s.Parts, Part{Data: data[:n:n], Units: n})
		data = data[n:]
	}
	s.makeHeaders()
	return s, nil
}

// finish cuts the text, first with care for grapheme clusters, then, if that takes too many parts, without.
func (s *Split) finish(text string) error {
	s.Capacity = s.capacity(s.Units)
	// What cannot be sent at all is not cut: nobody counts the last part of a book.
	if least := (s.Units + s.Capacity - 1) / s.Capacity; least > maxParts {
		return s.tooMany(least)
	}
	if s.Parts == nil {
		s.Parts = s.cut(text, true)
	}
	if err := s.tooMany(len(s.Parts)); err != nil {
		s.Parts = s.cut(text, false)
		if err := s.tooMany(len(s.Parts)); err != nil {
			return err
		}
	}
	s.makeHeaders()
	return nil
}

// makeHeaders makes the headers of all parts at once, when they have any. They are only read afterwards.
func (s *Split) makeHeaders() {
	size := s.headerData(len(s.Parts) > 1)
	if size == 0 {
		return
	}
	n := len(s.Parts)
	h := headers{elements: make([]IE, 0, n*s.perPart(n > 1)), data: make([]byte, 0, n*size)}
	for i := range n {
		switch p := s.options.Ports; p.Bits {
		case 8:
			h.add(iePort8, byte(p.Dst), byte(p.Src))
		case 16:
			h.add(iePort16, byte(p.Dst>>8), byte(p.Dst), byte(p.Src>>8), byte(p.Src))
		}
		ref, total, seq := s.options.Reference, byte(n), byte(i+1)
		switch {
		case n == 1:
		case s.options.Wide:
			h.add(ieConcat16, byte(ref>>8), byte(ref), total, seq)
		default:
			h.add(ieConcat8, byte(ref), total, seq)
		}
		if s.Locking != DefaultLanguage {
			h.add(ieLocking, byte(s.Locking))
		}
		if s.Shift != DefaultLanguage {
			h.add(ieShift, byte(s.Shift))
		}
	}
	s.elements = h.elements
}

// headers collects elements and their octets in memory that was set aside for all of them.
type headers struct {
	elements []IE
	data     []byte
}

func (h *headers) add(id byte, octets ...byte) {
	start := len(h.data)
	h.data = append(h.data, octets...)
	h.elements = append(h.elements, IE{id, h.data[start:len(h.data):len(h.data)]})
}

// perPart returns the number of elements in each header.
func (s *Split) perPart(concatenated bool) (n int) {
	if s.options.Ports.Bits != 0 {
		n++
	}
	if concatenated {
		n++
	}
	if s.Locking != DefaultLanguage {
		n++
	}
	if s.Shift != DefaultLanguage {
		n++
	}
	return n
}

// headerData returns the octets in all elements of a header, without identifiers and lengths.
func (s *Split) headerData(concatenated bool) int {
	n := int(s.options.Ports.Bits) / 4
	if concatenated {
		n += 3
		if s.options.Wide {
			n++
		}
	}
	if s.Locking != DefaultLanguage {
		n++
	}
	if s.Shift != DefaultLanguage {
		n++
	}
	return n
}

// tooMany compares a number of parts with the limit.
func (s *Split) tooMany(n int) error {
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
func (s *Split) capacity(units int) int {
	if single := s.room(false); units <= single {
		return single
	}
	return s.room(true)
}

// room returns the units that fit beside the header.
func (s *Split) room(concatenated bool) int {
	n := s.headerData(concatenated) + 2*s.perPart(concatenated)
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

// cut returns the parts. careful keeps grapheme clusters whole.
func (s *Split) cut(text string, careful bool) []Part {
	if s.Units <= s.Capacity {
		return []Part{{Text: text, Units: s.Units, septets: s.septets}}
	}
	parts := make([]Part, 0, s.Units/s.Capacity+2)
	septets := s.septets
	for text != "" {
		size, units := s.fitting(text, septets, len(text))
		if careful && size < len(text) {
			if end := clusterBoundary(text, size); end < size {
				size, units = s.fitting(text, septets, end)
			}
		}
		part := Part{Text: text[:size], Units: units}
		if septets != nil {
			part.septets, septets = septets[:units:units], septets[units:]
		}
		parts = append(parts, part)
		text = text[size:]
	}
	return parts
}

// fitting returns how many octets of text, at most limit, fit a part, and the units that they take. septets are those of text, or nil.
func (s *Split) fitting(text string, septets []byte, limit int) (size, units int) {
	switch {
	case s.Alphabet == UCS2:
		return utf16Fitting(text[:limit], s.Capacity)
	case septets == nil:
		size = min(limit, s.Capacity)
		return size, size
	}
	for size < limit {
		n := 1
		if septets[units] == escape {
			n = 2
		}
		if units+n > s.Capacity {
			break
		}
		size, units = size+width(text[size]), units+n
	}
	return size, units
}

// width returns the octets of a character of valid UTF-8 by its first octet.
func width(b byte) int {
	switch {
	case b >= 0xF0:
		return 4
	case b >= 0xE0:
		return 3
	case b >= 0xC0:
		return 2
	}
	return 1
}

// Message returns part i as a SUBMIT or DELIVER that lacks only what is not of the text: addresses, time stamp, validity, flags.
func (s *Split) Message(i int, typ Type) (m Message) {
	part := &s.Parts[i]
	m.Type, m.DCS = typ, NewDCS(s.Alphabet, s.options.Class)
	m.Text, m.Data = part.Text, part.Data
	m.Ports, m.Locking, m.Shift = s.options.Ports, s.Locking, s.Shift
	if s.Alphabet == GSM7 {
		m.ready = ready{part.Text, s.Locking, s.Shift, part.septets == nil, part.septets}
	}
	if n := len(s.elements) / len(s.Parts); n > 0 {
		m.UDH, m.UDHI = s.elements[i*n:(i+1)*n:(i+1)*n], true
	}
	if total := len(s.Parts); total > 1 {
		m.Concat = Concat{Ref: s.options.Reference, Bits: 16, Total: uint8(total), Seq: uint8(i + 1)}
		if !s.options.Wide {
			m.Concat.Ref, m.Concat.Bits = m.Concat.Ref&0xFF, 8
		}
	}
	return m
}
