package pdu

// DCS is a TP-DCS octet, the data coding scheme. 3GPP TS 23.038 §4.
type DCS byte

// Class is a message class. The zero value: none.
type Class uint8

const (
	NoClass Class = iota
	Class0        // shown at once, not stored ("flash")
	Class1        // for the device
	Class2        // for the SIM
	Class3        // for the terminal equipment
)

// Number returns 0 to 3, or -1 for NoClass.
func (c Class) Number() int { return int(c) - 1 }

// NewDCS returns the plain coding for an alphabet and a class, in the general data coding group. Auto counts as GSM7.
func NewDCS(a Alphabet, c Class) DCS {
	var d DCS
	switch a {
	case Octets:
		d = 0x04
	case UCS2:
		d = 0x08
	}
	if c != NoClass {
		d |= 0x10 | DCS(c-Class0)&3
	}
	return d
}

// general tells whether the octet is of the general data coding groups 00xx and 01xx.
func (d DCS) general() bool { return d < 0x80 }

// Alphabet returns how the user data are written. Reserved codings count as GSM7, as §4 demands.
func (d DCS) Alphabet() Alphabet {
	switch {
	case d.general():
		switch d >> 2 & 3 {
		case 1:
			return Octets
		case 2:
			return UCS2
		}
	case d >= 0xF0:
		if d&0x04 != 0 {
			return Octets
		}
	case d >= 0xE0:
		return UCS2
	}
	return GSM7
}

// Reserved tells whether the octet uses a coding group, an alphabet or a bit that the standard keeps for later.
func (d DCS) Reserved() bool {
	switch {
	case d.general():
		return d>>2&3 == 3
	case d >= 0xF0:
		return d&0x08 != 0
	case d >= 0xC0:
		return d&0x04 != 0
	}
	return true
}

// Compressed tells whether the user data are compressed; they are kept as octets and not decoded.
func (d DCS) Compressed() bool { return d.general() && d&0x20 != 0 }

// AutoDelete tells whether the message is marked for deletion after reading (group 01xx).
func (d DCS) AutoDelete() bool { return d&0xC0 == 0x40 }

// Class returns the message class.
func (d DCS) Class() Class {
	if d.general() && d&0x10 != 0 || d >= 0xF0 {
		return Class0 + Class(d&3)
	}
	return NoClass
}

// Waiting is a message waiting indication.
type Waiting struct {
	Store  bool // the message itself is to be kept; else it may be thrown away
	Active bool // messages are waiting; else none are any more
	Type   WaitingType
}

// WaitingType is what waits.
type WaitingType uint8

const (
	Voicemail WaitingType = iota
	Fax
	Email
	OtherMessage
)

// String returns "voicemail", "fax", "email" or "other".
func (t WaitingType) String() string {
	return [...]string{"voicemail", "fax", "email", "other"}[t&3]
}

// Waiting returns the indication of the groups 1100 to 1110.
func (d DCS) Waiting() (Waiting, bool) {
	if d < 0xC0 || d >= 0xF0 {
		return Waiting{}, false
	}
	return Waiting{Store: d >= 0xD0, Active: d&0x08 != 0, Type: WaitingType(d & 3)}, true
}

// Nearly all messages have one of two codings.
const (
	plainGSM7 DCS = 0x00
	plainUCS2 DCS = 0x08
)

// countsSeptets tells whether TP-UDL counts septets and not octets. 3GPP TS 23.040 §9.2.3.16.
func (d DCS) countsSeptets() bool {
	return d == plainGSM7 || d != plainUCS2 && d.Alphabet() == GSM7 && !d.Compressed()
}
