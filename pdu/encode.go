package pdu

// Append appends the canonical encoding of m: the shortest septets, zeros in padding and fill bits, F as filler. withSMSC writes the service centre first, as one 00 when m.SMSC is zero.
// The *Error names the field that has no encoding; dst is returned unchanged beside it.
func (m *Message) Append(dst []byte, withSMSC bool) ([]byte, error) {
	out, err := m.append(dst, withSMSC)
	if err != nil {
		return dst, err
	}
	return out, nil
}

func (m *Message) append(dst []byte, withSMSC bool) ([]byte, *Error) {
	if withSMSC {
		if m.SMSC.IsZero() {
			dst = append(dst, 0)
		} else {
			if err := m.SMSC.check("smsc"); err != nil {
				return nil, err
			}
			dst = append(dst, byte(1+(m.SMSC.semiOctets()+1)/2))
			dst = m.SMSC.appendValue(dst)
		}
	}
	dst = append(dst, m.firstOctet())
	switch m.Type {
	case Deliver:
		return m.appendDeliver(dst)
	case Submit:
		return m.appendSubmit(dst)
	case StatusReport:
		return m.appendStatusReport(dst)
	case DeliverReport:
		return m.appendOptional(m.appendFailureCause(dst), true)
	case SubmitReport:
		dst = append(m.appendFailureCause(dst), m.indicator())
		return m.appendAnnounced(append(dst, m.SCTS[:]...))
	case Command:
		return m.appendCommand(dst)
	}
	return nil, fail("tp_mti", 0, "type %d is none", m.Type)
}

// firstOctet makes the first octet. §9.2.2.
func (m *Message) firstOctet() byte {
	fo := m.Type.mti()
	set := func(on bool, bit byte) {
		if on {
			fo |= bit
		}
	}
	set(m.headerSize() > 0, 0x40)
	switch m.Type {
	case Deliver:
		set(!m.MoreMessages, 0x04)
		set(m.LP, 0x08)
		set(m.SRI, 0x20)
		set(m.RP, 0x80)
	case Submit:
		set(m.RD, 0x04)
		fo |= byte(m.Validity.Format&3) << 3
		set(m.SRR, 0x20)
		set(m.RP, 0x80)
	case StatusReport:
		set(!m.MoreMessages, 0x04)
		set(m.LP, 0x08)
		set(m.SRQ, 0x20)
	case Command:
		set(m.SRR, 0x20)
	}
	return fo
}

func (m *Message) appendDeliver(dst []byte) ([]byte, *Error) {
	dst, err := m.appendAddress(dst)
	if err != nil {
		return nil, err
	}
	dst = append(dst, m.PID, byte(m.DCS))
	return m.appendUserData(append(dst, m.SCTS[:]...))
}

func (m *Message) appendSubmit(dst []byte) ([]byte, *Error) {
	dst, err := m.appendAddress(append(dst, m.MR))
	if err != nil {
		return nil, err
	}
	dst = append(dst, m.PID, byte(m.DCS))
	return m.appendUserData(append(dst, m.Validity.Octets[:m.Validity.size()]...))
}

func (m *Message) appendStatusReport(dst []byte) ([]byte, *Error) {
	dst, err := m.appendAddress(append(dst, m.MR))
	if err != nil {
		return nil, err
	}
	dst = append(dst, m.SCTS[:]...)
	dst = append(dst, m.DT[:]...)
	return m.appendOptional(append(dst, m.Status), false)
}

// appendCommand writes what follows the first octet of a COMMAND. Its data are at most 156 octets: the TPDU ends at 164 with the shortest address, and the length octet does not tell more.
func (m *Message) appendCommand(dst []byte) ([]byte, *Error) {
	dst, err := m.appendAddress(append(dst, m.MR, m.PID, m.CommandType, m.CommandNumber))
	if err != nil {
		return nil, err
	}
	n := m.headerSize() + len(m.Data)
	if n > 156 {
		return nil, fail("tp_cdl", 0, "%d octets, at most 156", n)
	}
	dst = m.appendHeader(append(dst, byte(n)))
	return append(dst, m.Data...), nil
}

// appendFailureCause writes TP-FCS of a report that has one.
func (m *Message) appendFailureCause(dst []byte) []byte {
	if m.FCS != 0 {
		return append(dst, m.FCS)
	}
	return dst
}

// indicator makes TP-PI: the bits that m asks for and those of the fields that say something. §9.2.3.27.
func (m *Message) indicator() byte {
	pi := m.PI & 7
	if m.PID != 0 {
		pi |= 1
	}
	if m.DCS != 0 {
		pi |= 2
	}
	if m.Text != "" || len(m.Data) > 0 || m.headerSize() > 0 {
		pi |= 4
	}
	return pi
}

// appendOptional writes TP-PI and what it announces; without any of it only when always is set.
func (m *Message) appendOptional(dst []byte, always bool) ([]byte, *Error) {
	pi := m.indicator()
	if pi == 0 && !always {
		return dst, nil
	}
	return m.appendAnnounced(append(dst, pi))
}

// appendAnnounced writes the fields that indicator announces.
func (m *Message) appendAnnounced(dst []byte) ([]byte, *Error) {
	pi := m.indicator()
	if pi&1 != 0 {
		dst = append(dst, m.PID)
	}
	if pi&2 != 0 {
		dst = append(dst, byte(m.DCS))
	}
	if pi&4 != 0 {
		return m.appendUserData(dst)
	}
	return dst, nil
}

// appendAddress writes TP-OA, TP-DA or TP-RA.
func (m *Message) appendAddress(dst []byte) ([]byte, *Error) {
	a := &m.Address
	if n := len(a.Value); n > 0 && n <= maxDigits && !a.IsAlphanumeric() {
		if out, ok := appendDigits(append(dst, byte(n), a.TOA), a.Value); ok {
			return out, nil
		}
	}
	if a.IsZero() {
		a = &Address{TOA: toaUnknown}
	}
	if err := a.check(m.Type.addressField()); err != nil {
		return nil, err
	}
	return a.appendValue(append(dst, byte(a.semiOctets()))), nil
}

// appendUserData writes TP-UDL and TP-UD.
func (m *Message) appendUserData(dst []byte) ([]byte, *Error) {
	for i, e := range m.UDH {
		if len(e.Data) > maxOctets {
			return nil, fail(elementField(i), 0, "%d octets, at most %d", len(e.Data), maxOctets)
		}
	}
	size := m.headerSize()
	if size > maxOctets {
		return nil, fail("udhl", 0, "%d octets, at most %d", size-1, maxOctets-1)
	}
	if m.DCS.countsSeptets() {
		return m.appendSeptetData(dst, size)
	}
	limit := looseOctets
	if m.Type == Submit {
		limit = maxOctets
	}
	at := len(dst)
	dst = m.appendHeader(append(dst, 0))
	switch {
	case m.DCS.Alphabet() != UCS2 || m.DCS.Compressed() || m.Text == "":
		dst = append(dst, m.Data...)
	case len(m.Text) > 3*looseOctets/2: // a unit takes at most three octets of UTF-8
		return nil, fail("tp_udl", 0, "the text takes more than %d octets", limit)
	default:
		dst, _ = appendUTF16(dst, m.Text)
	}
	n := len(dst) - at - 1
	if n > limit {
		return nil, fail("tp_udl", 0, "%d octets, at most %d", n, limit)
	}
	dst[at] = byte(n)
	return dst, nil
}

// appendSeptetData writes text in septets behind size octets of header. Septets are counted from the first octet of the header,
// so the header takes a whole number of them, and fill bits where it ends inside one. §9.2.3.24.
func (m *Message) appendSeptetData(dst []byte, size int) ([]byte, *Error) {
	skip := headerSeptets(size)
	at := len(dst) + 1
	if n := skip + len(m.Text); n <= maxSeptets && m.plain() {
		dst = packBehind(append(dst, byte(n)), skip, []byte(m.Text))
		m.appendHeader(dst[at:at]) // over the zeros that packBehind wrote for it
		return dst, nil
	}
	var space [3 * maxSeptets]byte // the text may be too long before that shows
	septets, ok := m.encoded()
	if !ok {
		var err error
		if septets, err = appendSeptets(space[:0], m.Text, m.Locking, m.Shift); err != nil {
			return nil, fail("tp_ud", 0, "%v", err)
		}
	}
	if n := skip + len(septets); n > maxSeptets {
		return nil, fail("tp_udl", 0, "%d septets, at most %d", n, maxSeptets)
	}
	dst = packBehind(append(dst, byte(skip+len(septets))), skip, septets)
	m.appendHeader(dst[at:at])
	return dst, nil
}
