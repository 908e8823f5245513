package emulator

import "slices"

// sendMessage is AT+CMGS. 3GPP TS 27.005 §3.5.1, §4.3.
func sendMessage(r *run, c call) error {
	m := r.m
	if c.op == opTest {
		return nil
	}
	a := splitArgs(c.args)
	if m.set.textMode {
		to := m.decodeCharset(a.text(0))
		if to == "" || !dialable(to) {
			return cmsError(305)
		}
		r.data = &entry{run: r, text: true, done: func(r *run, body []byte) error {
			r.m.mu.Lock()
			tpdu, err := r.m.textSubmit(to, string(body))
			r.m.mu.Unlock()
			if err != nil {
				return err
			}
			return r.send(nil, tpdu)
		}}
		return errPrompt
	}
	length, ok := a.number(0, 0)
	if c.op != opSet || !ok || length < 1 || length > 176 {
		return cmsError(304)
	}
	r.data = &entry{run: r, done: func(r *run, body []byte) error {
		smsc, tpdu, err := typedPDU(body, length)
		if err != nil {
			return err
		}
		return r.send(smsc, tpdu)
	}}
	return errPrompt
}

// sendStored is AT+CMSS. The message stays where it is and is marked sent.
// 3GPP TS 27.005 §3.5.2, §4.7.
func sendStored(r *run, c call) error {
	m := r.m
	if c.op == opTest {
		return nil
	}
	a := splitArgs(c.args)
	index, ok := a.number(0, -1)
	s := m.view(m.set.mem[1]).at(index)
	if !ok || s == nil || s.tpdu == nil {
		return cmsError(321)
	}
	if s.status != statUnsent && s.status != statSent {
		return cmsError(302)
	}
	smsc, tpdu := s.smsc, s.tpdu
	if to := m.decodeCharset(a.text(1)); to != "" {
		old, err := parseSubmit(tpdu)
		if err != nil || !dialable(to) {
			return cmsError(304)
		}
		tpdu = old.readdressed(to)
	}
	var err error
	m.mu.Unlock()
	err = r.send(smsc, tpdu)
	m.mu.Lock()
	if err == nil {
		s.status = statSent
	}
	return err
}

// send hands a TPDU to the network under the next reference of the card, and
// prints it. The lock is not held.
func (r *run) send(smsc, tpdu []byte) error {
	m := r.m
	s, err := parseSubmit(slices.Clone(tpdu))
	if err != nil {
		return cmsError(304)
	}
	m.mu.Lock()
	switch {
	case !r.alive():
		err = errDead
	case m.domain() != "cs+ps":
		err = cmsError(331)
	case len(smsc) < 2 && m.card.smsc == "":
		err = cmsError(330)
	default:
		m.card.mr++
		s.mr = m.card.mr
		s.octets[1] = s.mr
		for _, line := range m.p.OnSubmit {
			m.urc(line)
		}
	}
	m.mu.Unlock()
	if err != nil {
		return err
	}
	a := m.net.submit(m, s, r.reportFirst, r.life)
	switch {
	case !r.alive():
		return errDead
	case a.lost:
		return errNone
	case a.cms != 0:
		return cmsError(a.cms)
	}
	comma := ""
	if m.p.CommaAfterMR {
		comma = ","
	}
	r.info("%s: %d%s", r.name, s.mr, comma)
	return nil
}

// readdressed is the same message to another number.
func (s *submit) readdressed(to string) []byte {
	digits := int(s.octets[2])
	rest := s.octets[4+(digits+1)/2:]
	return append(appendAddress([]byte{s.octets[0], s.octets[1]}, to), rest...)
}
