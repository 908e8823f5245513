package pdu

// usual reads what follows the first octet of a DELIVER in UCS-2 as nearly all are, all at once: a decimal number of at most sixteen digits, a time, text without header, surrogates and odd octets, and nothing behind it.
// It returns false, and changes nothing that counts, for all others.
func (d *decoder) usual() bool {
	m, in := d.m, d.in[d.pos:]
	const fixed = 2 + 7 + 1 // TP-PID and TP-DCS, TP-SCTS, TP-UDL
	if m.FO&0x40 != 0 || len(in) < 2+8 || cap(d.text)-len(d.text) < textRoom-maxDigits-1 {
		return false
	}
	n, toa := int(in[0]), in[1]
	if n > 16 || (Address{TOA: toa}).IsAlphanumeric() {
		return false
	}
	rest := in[2+(n+1)/2:]
	size := len(rest) - fixed
	if size < 0 || size > maxOctets || int(rest[fixed-1]) != size || DCS(rest[1]) != plainUCS2 {
		return false
	}
	stamp, start := (*Timestamp)(rest[2:9]), len(d.text)
	if !stamp.valid() || !decimalDigits(d.text[start:start+16], in[2:10], n) {
		return false
	}
	octets := rest[fixed:]
	written, read := appendUnits((*textSpace)(d.text[start+n:cap(d.text)]), 0, octets, 0)
	if read < size {
		return false
	}
	m.Address.TOA, m.PID, m.DCS, m.SCTS, m.UDL = toa, rest[0], plainUCS2, *stamp, size
	m.Data = append(m.Data, octets...)
	d.text = d.text[:start+n+int(written)]
	d.addressEnd, d.pos = start+n, len(d.in)
	return true
}
