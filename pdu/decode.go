package pdu

import (
	"encoding/binary"
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

// strings makes all the text the strings of the message. A mark that was never reached lies at the end of the text that was.
func (d *decoder) strings(all string) {
	m := d.m
	start, end := d.smscEnd, max(d.addressEnd, d.smscEnd)
	if start > 0 || m.SMSC.Value != "" { // pointers cost more to write than to look at
		m.SMSC.Value = all[:start]
	}
	m.Address.Value, m.Text = all[start:end], all[end:]
}

// textRoom is more than the strings of one TPDU take, with what is written ahead.
const textRoom = 576

// textBlock holds the strings of a Message that is used again. Nothing before n is ever written again, so that strings can point there.
// It is behind a pointer since a Message may be copied: copies go on writing behind each other's strings.
type textBlock struct {
	n    int
	text [32<<10 - 8]byte
}

// noBlock is the block of a Message that was used once: it is full.
var noBlock = &textBlock{n: len(textBlock{}.text)}

// room returns where to write text, behind the strings in the block.
func (m *Message) room() []byte {
	b := m.block
	if len(b.text)-b.n < textRoom {
		b = new(textBlock)
		m.block = b
	}
	return b.text[b.n:b.n]
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

// smsc reads the address of the service centre: a length in octets, a type of address and digits. 3GPP TS 24.011 §8.2.5.2.
func (d *decoder) smsc() *Error {
	n := int(d.octet())
	switch {
	case n == 0:
		return nil
	case n > 1+maxDigits/2:
		return fail("smsc.length", 0, "%d octets, at most %d", n, 1+maxDigits/2)
	case n > d.left():
		return fail("smsc.length", 0, "%d octets announced, %d received", n, d.left())
	}
	d.m.SMSC.TOA = d.octet()
	digits := 2 * (n - 1)
	if d.m.SMSC.IsAlphanumeric() {
		d.alphanumeric(digits)
	} else {
		// The length counts octets, so fillers at the end belong to the form and are no deviation.
		for digits > 0 && d.semiOctet(digits-1) == 0xF {
			digits--
		}
		if err := d.digits("smsc", digits); err != nil {
			d.pos = n + 1
			return err
		}
	}
	d.pos = n + 1
	d.smscEnd = len(d.text)
	return nil
}

// address reads TP-OA, TP-DA or TP-RA: a length in semi-octets, a type of address and the value. §9.1.2.5.
func (d *decoder) address() *Error {
	field := d.m.Type.addressField()
	if d.left() < 2 {
		return fail(field, d.pos, "the message ends before it")
	}
	n := int(d.octet())
	if n > maxDigits {
		return fail(field+".length", d.pos-1, "%d semi-octets, at most %d", n, maxDigits)
	}
	d.m.Address.TOA = d.octet()
	octets := (n + 1) / 2
	if octets > d.left() {
		return fail(field, d.pos, "%d octets announced, %d received", octets, d.left())
	}
	end := d.pos + octets
	switch {
	case d.m.Address.IsAlphanumeric():
		d.alphanumeric(n)
	case d.decimal(n):
	default:
		for n > 0 && d.semiOctet(n-1) == 0xF {
			n--
			d.m.Quirks |= FillerDigit
		}
		if err := d.digits(field, n); err != nil {
			return err
		}
	}
	d.pos = end
	d.addressEnd = len(d.text)
	return nil
}

// semiOctet returns the n-th semi-octet from here; the lower half of an octet comes first.
func (d *decoder) semiOctet(n int) byte {
	return d.in[d.pos+n/2] >> (n % 2 * 4) & 15
}

// decimal collects n digits when they are at most sixteen and decimal, as nearly always, and the octets after them can be read too.
func (d *decoder) decimal(n int) bool {
	const each = 0x0101010101010101
	text := d.text
	if n > 16 || d.left() < 8 || cap(text)-len(text) < 16 {
		return false
	}
	x := binary.LittleEndian.Uint64(d.in[d.pos:])
	low, high := semiOctets(uint32(x)), semiOctets(uint32(x>>32))
	ends := &decimalEnds[n]
	if (low+6*each)&ends[0]|(high+6*each)&ends[1] != 0 {
		return false
	}
	room := text[len(text) : len(text)+16]
	binary.LittleEndian.PutUint64(room, low|'0'*each)
	binary.LittleEndian.PutUint64(room[8:], high|'0'*each)
	d.text = text[:len(text)+n]
	return true
}

// decimalEnds has, for a number of digits, the bits that are set in the sum of a semi-octet and six when it is no decimal digit.
var decimalEnds = func() (ends [17][2]uint64) {
	for n := range ends {
		for i := range n {
			ends[n][i/8] |= 0x10 << (i % 8 * 8)
		}
	}
	return ends
}()

// semiOctets spreads eight semi-octets to one per octet, in their order: the lower half of an octet comes first.
func semiOctets(x uint32) uint64 {
	y := uint64(x)
	y = (y | y<<16) & 0x0000FFFF0000FFFF
	y = (y | y<<8) & 0x00FF00FF00FF00FF
	return (y | y<<4) & 0x0F0F0F0F0F0F0F0F
}

// digits collects n digits. A filler among them is an error, since the number without it would be another number.
func (d *decoder) digits(field string, n int) *Error {
	text := d.text
	for i, octet := range d.in[d.pos : d.pos+(n+1)/2] {
		pair := digitPairs[octet]
		switch {
		case byte(pair) == 0 || pair>>8 == 0 && 2*i+1 < n:
			return fail(field, d.pos+i, "a filler in the middle of the number")
		case 2*i+1 == n:
			text = append(text, byte(pair))
		default:
			text = append(text, byte(pair), byte(pair>>8))
		}
	}
	d.text = text
	return nil
}

// digitPairs has the two digits of every octet, the first one in the lower half; 0 for a filler.
var digitPairs = func() (pairs [256]uint16) {
	for i := range pairs {
		if low := i & 15; low < len(digitCharacters) {
			pairs[i] = uint16(digitCharacters[low])
		}
		if high := i >> 4; high < len(digitCharacters) {
			pairs[i] |= uint16(digitCharacters[high]) << 8
		}
	}
	return pairs
}()

// alphanumeric collects the text of an address of n semi-octets: as many septets as fit.
func (d *decoder) alphanumeric(n int) {
	var b septetBuffer
	septets := b.unpack(d.in[d.pos:d.pos+(n+1)/2], n*4/7)
	d.text, _, _ = appendText(d.text, septets, DefaultLanguage, DefaultLanguage, false)
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
