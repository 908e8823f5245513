package pdu

import "strconv"

// deliver reads an SMS-DELIVER. 3GPP TS 23.040 §9.2.2.1.
func (d *decoder) deliver() *Error {
	m := d.m
	m.Type = Deliver
	m.MoreMessages, m.LP, m.SRI, m.RP = m.FO&0x04 == 0, m.FO&0x08 != 0, m.FO&0x20 != 0, m.FO&0x80 != 0
	if m.block != noBlock && d.usual() {
		return nil
	}
	if err := d.address(); err != nil {
		return err
	}
	if fixed := d.in[d.pos:]; len(fixed) >= 9 {
		m.PID, m.DCS = fixed[0], DCS(fixed[1])
		stamp := (*Timestamp)(fixed[2:9])
		m.SCTS = *stamp
		d.pos += 9
		if !stamp.valid() {
			m.Quirks |= BadSCTS
		}
	} else { // to say which field is not there
		if err := d.coding(); err != nil {
			return err
		}
		if err := d.timestamp("tp_scts", &m.SCTS, BadSCTS); err != nil {
			return err
		}
	}
	if err := d.userData(); err != nil {
		return err
	}
	if !m.Quirks.Has(BadSCTS) && d.left() == 0 {
		return nil // as nearly always
	}
	return d.damaged()
}

// submit reads an SMS-SUBMIT. §9.2.2.2.
func (d *decoder) submit() *Error {
	m := d.m
	m.Type = Submit
	m.RD, m.SRR, m.RP = m.FO&0x04 != 0, m.FO&0x20 != 0, m.FO&0x80 != 0
	if err := d.take("tp_mr", &m.MR); err != nil {
		return err
	}
	if err := d.address(); err != nil {
		return err
	}
	if err := d.coding(); err != nil {
		return err
	}
	m.Validity.Format = ValidityFormat(m.FO >> 3 & 3)
	size := m.Validity.size()
	if d.left() < size {
		return fail("tp_vp", d.pos, "%d octets needed, %d received", size, d.left())
	}
	d.pos += copy(m.Validity.Octets[:size], d.in[d.pos:])
	if !m.Validity.valid() {
		m.Quirks |= BadValidity
	}
	if err := d.userData(); err != nil {
		return err
	}
	return d.damaged()
}

// Signs of shifted octets that alone are harmless.
const shiftedText = LoneSurrogate | OddUCS2

// damaged refuses a message with two signs of lost or shifted octets. One sign alone is common and harmless: padded SIM records, clocks that were never set, half an emoji.
func (d *decoder) damaged() *Error {
	m := d.m
	var problem *Error
	switch badTime := m.Quirks.Has(BadSCTS); {
	case badTime && d.left() > 0:
		problem = fail("tp_udl", d.pos, "the time stamp is no time and %d octets follow the message: octets were lost before it", d.left())
	case badTime && m.Quirks.Has(shiftedText):
		problem = fail("tp_ud", d.pos-m.UDL, "the time stamp is no time and the text is none: octets were lost before it")
	case badTime && m.DCS.Reserved():
		problem = fail("tp_dcs", d.pos, "the time stamp is no time and the coding is reserved: octets were lost before it")
	case m.DCS.Reserved() && d.left() > 0:
		problem = fail("tp_udl", d.pos, "the coding is reserved and %d octets follow the message: its length is wrong", d.left())
	default:
		return nil
	}
	// What was read as user data is not what was written.
	d.text = d.text[:max(d.addressEnd, d.smscEnd)]
	m.Data, m.septets = m.Data[:0], m.septets[:0]
	return problem
}

// statusReport reads an SMS-STATUS-REPORT. §9.2.2.3.
func (d *decoder) statusReport() *Error {
	m := d.m
	m.Type = StatusReport
	m.MoreMessages, m.LP, m.SRQ = m.FO&0x04 == 0, m.FO&0x08 != 0, m.FO&0x20 != 0
	if err := d.take("tp_mr", &m.MR); err != nil {
		return err
	}
	if err := d.address(); err != nil {
		return err
	}
	if err := d.timestamp("tp_scts", &m.SCTS, BadSCTS); err != nil {
		return err
	}
	if err := d.timestamp("tp_dt", &m.DT, BadDT); err != nil {
		return err
	}
	if err := d.take("tp_st", &m.Status); err != nil {
		return err
	}
	if d.left() == 0 { // the rest is optional
		return nil
	}
	return d.optional()
}

// optional reads TP-PI and what it announces. §9.2.3.27.
func (d *decoder) optional() *Error {
	m := d.m
	if err := d.indicator(); err != nil {
		return err
	}
	return d.announced(m.PI)
}

// indicator reads TP-PI with its extensions, of which only the first octet means anything.
func (d *decoder) indicator() *Error {
	if err := d.take("tp_pi", &d.m.PI); err != nil {
		return err
	}
	for more := d.m.PI; more&0x80 != 0; {
		if err := d.take("tp_pi", &more); err != nil {
			return err
		}
	}
	return nil
}

// announced reads the fields whose bits are set in a TP-PI.
func (d *decoder) announced(pi byte) *Error {
	if pi&1 != 0 {
		if err := d.take("tp_pid", &d.m.PID); err != nil {
			return err
		}
	}
	if pi&2 != 0 {
		if err := d.take("tp_dcs", (*byte)(&d.m.DCS)); err != nil {
			return err
		}
	}
	if pi&4 != 0 {
		return d.userData()
	}
	return nil
}

// failureCause reads the TP-FCS that only reports of an error have. Causes are 80 and above, where a TP-PI would announce an extension that nobody defined. §9.2.3.22.
func (d *decoder) failureCause() {
	if d.left() > 0 && d.in[d.pos] >= 0x80 {
		d.m.FCS = d.octet()
	}
}

// deliverReport reads an SMS-DELIVER-REPORT. §9.2.2.1a.
func (d *decoder) deliverReport() *Error {
	d.m.Type = DeliverReport
	d.failureCause()
	return d.optional()
}

// submitReport reads an SMS-SUBMIT-REPORT, or a stored SUBMIT. §9.2.2.2a.
//
// Modems keep reports to themselves, but list our own stored messages among received ones. So what is not a report to the last octet is read as a SUBMIT.
func (d *decoder) submitReport() *Error {
	start := *d
	fo := d.m.FO
	again := func() {
		smsc := d.m.SMSC
		d.m.empty()
		*d = start
		d.m.SMSC, d.m.FO = smsc, fo
	}
	err := d.readSubmitReport()
	if err == nil && d.left() == 0 && !d.m.Quirks.Has(BadSCTS) {
		return nil
	}
	again()
	if e := d.submit(); e == nil || err != nil && d.addressEnd > 0 {
		d.m.Quirks |= StoredSubmit
		return e
	}
	again()
	return d.readSubmitReport()
}

// readSubmitReport reads the fields of the report itself.
func (d *decoder) readSubmitReport() *Error {
	d.m.Type = SubmitReport
	d.failureCause()
	if err := d.indicator(); err != nil {
		return err
	}
	if err := d.timestamp("tp_scts", &d.m.SCTS, BadSCTS); err != nil {
		return err
	}
	return d.announced(d.m.PI)
}

// command reads an SMS-COMMAND. §9.2.2.4.
func (d *decoder) command() *Error {
	m := d.m
	m.Type = Command
	m.SRR = m.FO&0x20 != 0
	if err := d.take("tp_mr", &m.MR); err != nil {
		return err
	}
	if err := d.take("tp_pid", &m.PID); err != nil {
		return err
	}
	if err := d.take("tp_ct", &m.CommandType); err != nil {
		return err
	}
	if err := d.take("tp_mn", &m.CommandNumber); err != nil {
		return err
	}
	if err := d.address(); err != nil {
		return err
	}
	var n byte
	if err := d.take("tp_cdl", &n); err != nil {
		return err
	}
	m.UDL = int(n)
	data := d.in[d.pos:min(d.pos+int(n), len(d.in))]
	start := d.pos
	d.pos += len(data)
	if len(data) < int(n) {
		m.Data = append(m.Data, data...)
		return fail("tp_cd", start, "%d octets announced, %d received", n, len(data))
	}
	if m.FO&0x40 != 0 {
		size, err := d.header(data, start)
		if err != nil {
			return err
		}
		data = data[size:]
	}
	m.Data = append(m.Data, data...)
	return nil
}

// appendInt appends n in decimal.
func appendInt(dst []byte, n int) []byte { return strconv.AppendInt(dst, int64(n), 10) }
