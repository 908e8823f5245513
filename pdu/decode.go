package pdu

import (
	"unicode/utf8"
	"unsafe"
)

// Decode reads one TPDU, with the service centre's address before it when hasSMSC is true. The Message is never nil: beside an *Error it holds what could be read.
func Decode(octets []byte, dir Direction, hasSMSC bool) (*Message, error) {
	m := new(Message)
	return m, m.Decode(octets, dir, hasSMSC)
}

// Decode replaces all of m with what octets say and keeps nothing of octets. It reuses m's slices, so they hold until the next Decode only.
// Strings hold for ever: those of a new Message are one allocation, those of one used again share blocks of 32 KiB, so that decoding in a loop hardly allocates.
func (m *Message) Decode(octets []byte, dir Direction, hasSMSC bool) error {
	if m.block == nil {
		return m.decodeFirst(octets, dir, hasSMSC)
	}
	m.empty()
	var d decoder // by fields, since a literal is made elsewhere and copied
	d.m, d.in, d.text = m, octets, m.room()
	err := d.message(dir, hasSMSC)
	m.block.n += len(d.text)
	d.strings(unsafe.String(unsafe.SliceData(d.text), len(d.text)))
	if err != nil {
		return err
	}
	return nil
}

// decodeFirst is Decode for a Message that was not used before.
func (m *Message) decodeFirst(octets []byte, dir Direction, hasSMSC bool) error {
	m.empty()
	m.block = noBlock
	var d decoder
	d.m, d.in, d.text = m, octets, make([]byte, 0, textRoom)
	err := d.message(dir, hasSMSC)
	d.strings(string(d.text))
	if err != nil {
		return err
	}
	return nil
}

// decoder is the state of one Decode.
type decoder struct {
	m                   *Message
	in                  []byte
	pos                 int
	text                []byte // the service centre, the address and the user data, which become one string at the end
	smscEnd, addressEnd int    // marks in text
}

// empty clears m but for what is used again. It goes by fields, since pointers cost more to clear than to look at; the three strings are those that finish sets.
func (m *Message) empty() {
	m.Type, m.FO, m.MR, m.PID, m.DCS = 0, 0, 0, 0, 0
	m.SMSC.TOA, m.Address.TOA = 0, 0
	m.SCTS = Timestamp{} // assigned together, both would be copied
	m.DT = Timestamp{}
	m.Status, m.PI, m.FCS = 0, 0, 0
	m.Validity = Validity{}
	m.CommandType, m.CommandNumber = 0, 0
	m.MoreMessages, m.LP, m.SRI, m.SRQ, m.SRR, m.RD, m.RP = false, false, false, false, false, false, false
	m.UDL, m.UDHI = 0, false
	m.Concat = Concat{}
	m.Ports = Ports{}
	m.Locking, m.Shift = 0, 0
	m.Quirks, m.Trailing = 0, 0
	m.UDH = m.UDH[:0]
	m.Data = m.Data[:0]
	m.septets = m.septets[:0]
	m.header = m.header[:0]
	if m.ready.text != "" {
		m.ready = ready{}
	}
}

// message reads everything and returns the first thing that could not be read.
func (d *decoder) message(dir Direction, hasSMSC bool) *Error {
	if len(d.in) == 0 {
		return fail("pdu", 0, "no octets")
	}
	if err := d.typed(dir, hasSMSC); err != nil {
		return err
	}
	if d.m.Trailing = d.left(); d.m.Trailing > 0 {
		d.m.Quirks |= TrailingOctets
	}
	return nil
}

// typed reads everything up to the end of the TPDU.
func (d *decoder) typed(dir Direction, hasSMSC bool) *Error {
	if hasSMSC {
		if err := d.smsc(); err != nil {
			return err
		}
	}
	if d.left() == 0 {
		return fail("tp_mti", d.pos, "nothing after the service centre")
	}
	m := d.m
	m.FO = d.octet()
	switch {
	case m.FO&3 == 0 && dir == MobileTerminated:
		return d.deliver()
	case m.FO&3 == 3 && dir == MobileOriginated:
		return fail("tp_mti", d.pos-1, "message type 3 is reserved")
	case m.FO&3 == 3: // §9.2.3.1: to be treated as a DELIVER
		m.Quirks |= ReservedType
		return d.deliver()
	case m.FO&3 == 0:
		return d.deliverReport()
	case m.FO&3 == 1 && dir == MobileOriginated:
		return d.submit()
	case m.FO&3 == 1:
		return d.submitReport()
	case dir == MobileTerminated:
		return d.statusReport()
	}
	return d.command()
}

func (d *decoder) left() int { return len(d.in) - d.pos }

// octet takes one octet; the caller knows that there is one.
func (d *decoder) octet() byte {
	b := d.in[d.pos]
	d.pos++
	return b
}

// take takes one octet for a field.
func (d *decoder) take(field string, to *byte) *Error {
	if d.left() == 0 {
		return fail(field, d.pos, "the message ends before it")
	}
	*to = d.octet()
	return nil
}

// coding takes TP-PID and TP-DCS.
func (d *decoder) coding() *Error {
	if d.left() >= 2 {
		d.m.PID, d.m.DCS = d.octet(), DCS(d.octet())
		return nil
	}
	if err := d.take("tp_pid", &d.m.PID); err != nil {
		return err
	}
	return d.take("tp_dcs", (*byte)(&d.m.DCS))
}

// timestamp reads seven octets and reports as quirk what is no time.
func (d *decoder) timestamp(field string, to *Timestamp, quirk Quirks) *Error {
	if d.left() < len(to) {
		return fail(field, d.pos, "%d octets needed, %d received", len(to), d.left())
	}
	*to = Timestamp(d.in[d.pos:])
	d.pos += len(to)
	if !to.valid() {
		d.m.Quirks |= quirk
	}
	return nil
}

// userData reads TP-UDL and TP-UD. §9.2.3.16 and §9.2.3.24.
func (d *decoder) userData() *Error {
	m := d.m
	if d.left() == 0 {
		return fail("tp_udl", d.pos, "the message ends before it")
	}
	udl := int(d.octet())
	m.UDL = udl
	need, limit := udl, maxOctets
	septets := m.DCS.countsSeptets()
	if septets {
		need, limit = packedLen(udl), maxSeptets
	}
	if udl > limit && (septets || udl > looseOctets || need > d.left()) {
		return fail("tp_udl", d.pos-1, "%d, at most %d", udl, limit)
	}
	ud := d.in[d.pos:min(d.pos+need, len(d.in))]
	start := d.pos
	d.pos += len(ud)

	var problem *Error
	if len(ud) < need {
		problem = fail("tp_ud", start, "%d octets announced, %d received", need, len(ud))
		if m.Quirks.Has(BadSCTS) {
			return problem // octets were lost before this one, so that what follows is not the text
		}
	}
	size := 0
	if m.FO&0x40 != 0 {
		var err *Error
		if size, err = d.header(ud, start); err != nil {
			if problem != nil {
				err = problem
			}
			return err
		}
	}
	if septets {
		d.septets(ud, min(udl, len(ud)*8/7), size)
	} else {
		d.octets(ud[size:])
	}
	return problem
}

// header reads the user data header at the beginning of ud and returns its size. §9.2.3.24.
func (d *decoder) header(ud []byte, offset int) (int, *Error) {
	m := d.m
	m.UDHI = true
	if len(ud) == 0 {
		return 0, fail("udhl", offset, "a header is announced, and there are no user data")
	}
	size := 1 + int(ud[0])
	if size > len(ud) {
		return 0, fail("udhl", offset, "%d octets of header in %d octets of user data", size-1, len(ud)-1)
	}
	m.header = append(m.header, ud[:size]...)
	for at := 1; at < size; {
		if at+2 > size || at+2+int(m.header[at+1]) > size {
			return 0, fail(elementField(len(m.UDH)), offset+at, "the element goes beyond the header")
		}
		end := at + 2 + int(m.header[at+1])
		m.UDH = append(m.UDH, IE{m.header[at], m.header[at+2 : end : end]})
		at = end
	}
	m.readHeader()
	return size, nil
}

// septets reads text of n septets, the first ones of which are covered by size octets of header.
func (d *decoder) septets(ud []byte, n, size int) {
	m := d.m
	skip := headerSeptets(size)
	if skip > n { // the header ends in the last septet's octet
		return
	}
	var b septetBuffer
	all := b.unpack(ud, n)
	if fill := skip*7 - size*8; fill > 0 && size < len(ud) && ud[size]&(1<<fill-1) != 0 {
		m.Quirks |= NonzeroFill
	}
	if used := n * 7 % 8; used != 0 && len(ud) == packedLen(n) && ud[len(ud)-1]>>used != 0 {
		m.Quirks |= NonzeroPadding
	}
	m.septets = append(m.septets, all[skip:]...)
	var escaped bool
	var quirks Quirks
	d.text, escaped, quirks = appendText(d.text, all[skip:], m.Locking, m.Shift, false)
	if escaped {
		quirks |= DanglingEscape
	}
	m.Quirks |= quirks
}

// octets reads 8-bit data, UCS-2 text or compressed data.
func (d *decoder) octets(ud []byte) {
	m := d.m
	m.Data = append(m.Data, ud...)
	if m.DCS != plainUCS2 && (m.DCS.Alphabet() != UCS2 || m.DCS.Compressed()) {
		return
	}
	var high uint16
	var quirks Quirks
	d.text, high, quirks = appendUTF16Text(d.text, ud, 0)
	if high != 0 {
		d.text = utf8.AppendRune(d.text, utf8.RuneError)
		quirks |= LoneSurrogate
	}
	m.Quirks |= quirks
}

// elementField names the n-th element of the header in error paths.
func elementField(n int) string {
	return "udh.ie[" + string(appendInt(nil, n)) + "].length"
}
