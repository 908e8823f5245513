package pdu

// IE is one information element of a user data header. 3GPP TS 23.040 §9.2.3.24.
type IE struct {
	ID   byte
	Data []byte
}

// Elements that the package understands.
const (
	ieConcat8    = 0x00
	ieWaiting    = 0x01
	iePort8      = 0x04
	iePort16     = 0x05
	ieControl    = 0x06
	ieConcat16   = 0x08
	ieShift      = 0x24
	ieLocking    = 0x25
	ieReplySaved = 0x20
)

// Name returns what the standard calls the element, "reserved" for one it does not know.
func (e IE) Name() string {
	if name, ok := ieNames[e.ID]; ok {
		return name
	}
	switch {
	case e.ID >= 0x70 && e.ID <= 0x7F:
		return "SIM toolkit security header"
	case e.ID >= 0x80 && e.ID <= 0x9F:
		return "SME to SME specific use"
	case e.ID >= 0xC0 && e.ID <= 0xDF:
		return "SC specific use"
	}
	return "reserved"
}

var ieNames = map[byte]string{
	ieConcat8: "concatenated short message, 8-bit reference", ieWaiting: "special SMS message indication", iePort8: "application port, 8-bit",
	iePort16: "application port, 16-bit", ieControl: "SMSC control parameters", 0x07: "UDH source indicator", ieConcat16: "concatenated short message, 16-bit reference",
	0x09: "wireless control message protocol", 0x0A: "text formatting", 0x0B: "predefined sound", 0x0C: "user defined sound", 0x0D: "predefined animation",
	0x0E: "large animation", 0x0F: "small animation", 0x10: "large picture", 0x11: "small picture", 0x12: "variable picture", 0x13: "user prompt indicator",
	0x14: "extended object", 0x15: "reused extended object", 0x16: "compression control", 0x17: "object distribution indicator", 0x18: "standard WVG object",
	0x19: "character size WVG object", 0x1A: "extended object data request", ieReplySaved: "RFC 822 e-mail header", 0x21: "hyperlink format", 0x22: "reply address",
	0x23: "enhanced voice mail information", ieShift: "national language single shift", ieLocking: "national language locking shift",
}

// Concat says which part of which message this is. Total 0: a single message. 3GPP TS 23.040 §9.2.3.24.1 and .8.
type Concat struct {
	Ref   uint16
	Bits  uint8 // width of Ref: 8 or 16
	Total uint8
	Seq   uint8 // from 1 to Total
}

// valid tells whether the numbers are possible.
func (c Concat) valid() bool { return c.Total > 0 && c.Seq > 0 && c.Seq <= c.Total }

// element returns the element that says c.
func (c Concat) element() IE {
	if c.Bits == 16 {
		return IE{ieConcat16, []byte{byte(c.Ref >> 8), byte(c.Ref), c.Total, c.Seq}}
	}
	return IE{ieConcat8, []byte{byte(c.Ref), c.Total, c.Seq}}
}

// Ports are application ports. Bits 0: none. 3GPP TS 23.040 §9.2.3.24.3 and .4.
type Ports struct {
	Dst, Src uint16
	Bits     uint8 // width: 8 or 16
}

// Indication is a special SMS message indication: how many messages of a kind wait. 3GPP TS 23.040 §9.2.3.24.2.
type Indication struct {
	Waiting
	Video   bool // video messages; Type is then OtherMessage
	Profile uint8
	Count   uint8
}

// Indications returns the waiting indications of the header, in order.
func (m *Message) Indications() []Indication {
	var all []Indication
	for _, e := range m.UDH {
		if e.ID != ieWaiting || len(e.Data) != 2 {
			continue
		}
		kind := e.Data[0] & 0x1F
		i := Indication{Profile: e.Data[0] >> 5 & 3, Count: e.Data[1]}
		i.Store, i.Active = e.Data[0]&0x80 != 0, e.Data[1] > 0
		i.Type = WaitingType(min(kind, byte(OtherMessage)))
		i.Video = kind == 0x07
		all = append(all, i)
	}
	return all
}

// Control is what SMSC control parameters ask for: which outcomes to report, and how. 3GPP TS 23.040 §9.2.3.24.5.
type Control struct {
	Completed, Failed, Transient, GivenUp bool // bits 0 to 3: report when the message is done, failed for good, failed for now, failed for now and tried no more
	CancelRest                            bool // bit 6: no further reports for the other parts
	IncludeHeader                         bool // bit 7: reports carry the original header
}

// Control returns the SMSC control parameters of the header.
func (m *Message) Control() (Control, bool) {
	for _, e := range m.UDH {
		if e.ID == ieControl && len(e.Data) == 1 {
			b := e.Data[0]
			return Control{b&1 != 0, b&2 != 0, b&4 != 0, b&8 != 0, b&0x40 != 0, b&0x80 != 0}, true
		}
	}
	return Control{}, false
}

// RawConcat returns the last concatenation element as sent, possible or not; false when there is none. Message.Concat has only what is possible.
func (m *Message) RawConcat() (Concat, bool) {
	for i := len(m.UDH) - 1; i >= 0; i-- {
		if c, ok := concatOf(m.UDH[i]); ok {
			return c, true
		}
	}
	return Concat{}, false
}

// concatOf reads an element of either width.
func concatOf(e IE) (Concat, bool) {
	switch {
	case e.ID == ieConcat8 && len(e.Data) == 3:
		return Concat{uint16(e.Data[0]), 8, e.Data[1], e.Data[2]}, true
	case e.ID == ieConcat16 && len(e.Data) == 4:
		return Concat{uint16(e.Data[0])<<8 | uint16(e.Data[1]), 16, e.Data[2], e.Data[3]}, true
	}
	return Concat{}, false
}

// readHeader sets the typed views from UDH. Of elements that exclude each other or repeat, the last one counts (§9.2.3.24).
func (m *Message) readHeader() {
	m.Concat, m.Ports, m.Locking, m.Shift = Concat{}, Ports{}, DefaultLanguage, DefaultLanguage
	for _, e := range m.UDH {
		switch {
		case e.ID == ieConcat8 || e.ID == ieConcat16:
			c, ok := concatOf(e)
			m.Concat = Concat{}
			m.Quirks &^= InvalidConcat
			if ok && c.valid() {
				m.Concat = c
			} else {
				m.Quirks |= InvalidConcat
			}
		case e.ID == iePort8 && len(e.Data) == 2:
			m.Ports = Ports{uint16(e.Data[0]), uint16(e.Data[1]), 8}
		case e.ID == iePort16 && len(e.Data) == 4:
			m.Ports = Ports{uint16(e.Data[0])<<8 | uint16(e.Data[1]), uint16(e.Data[2])<<8 | uint16(e.Data[3]), 16}
		case e.ID == ieLocking && len(e.Data) == 1:
			m.Locking = Language(e.Data[0])
		case e.ID == ieShift && len(e.Data) == 1:
			m.Shift = Language(e.Data[0])
		}
	}
}

// headerSize returns the octets that the header takes with its length octet; 0 without a header.
func (m *Message) headerSize() int {
	if len(m.UDH) == 0 && !m.UDHI {
		return 0
	}
	n := 1
	for _, e := range m.UDH {
		n += 2 + len(e.Data)
	}
	return n
}

// appendHeader appends the header with its length octet.
func (m *Message) appendHeader(dst []byte) []byte {
	size := m.headerSize()
	if size == 0 {
		return dst
	}
	dst = append(dst, byte(size-1))
	for _, e := range m.UDH {
		dst = append(dst, e.ID, byte(len(e.Data)))
		dst = append(dst, e.Data...)
	}
	return dst
}

// Header returns the user data header as octets with its length octet; nil without one.
func (m *Message) Header() []byte { return m.appendHeader(nil) }

// headerSeptets returns the septets that n octets of header take up before the text.
func headerSeptets(n int) int { return (n*8 + 6) / 7 }
