package pdu

import "encoding/binary"

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
	text := d.text
	if n > 16 || d.left() < 8 || cap(text)-len(text) < 16 || !decimalDigits(text[len(text):len(text)+16], d.in[d.pos:d.pos+8], n) {
		return false
	}
	d.text = text[:len(text)+n]
	return true
}

// decimalDigits writes the digits in eight octets to sixteen; it returns false when one of the first n is none.
func decimalDigits(out, octets []byte, n int) bool {
	const each = 0x0101010101010101
	x := binary.LittleEndian.Uint64(octets)
	low, high := semiOctets(uint32(x)), semiOctets(uint32(x>>32))
	ends := &decimalEnds[n]
	if (low+6*each)&ends[0]|(high+6*each)&ends[1] != 0 {
		return false
	}
	binary.LittleEndian.PutUint64(out, low|'0'*each)
	binary.LittleEndian.PutUint64(out[8:], high|'0'*each)
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
