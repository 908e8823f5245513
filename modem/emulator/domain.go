package emulator

import "time"

// dataOnly is a registration for LTE data alone, which carries no messages. The
// zero value is none.
type dataOnly struct {
	until time.Time // far in the future: until ends
	ends  int       // value of AT+CGSMS that ends it; 0: the value 3
}

// domain tells what the modem is registered for: "cs+ps" is all, "ps" LTE data
// alone, "" nothing. The lock is held.
func (m *Modem) domain() string {
	switch {
	case !m.registered():
		return ""
	case !m.lte.until.IsZero():
		return "ps"
	}
	return "cs+ps"
}

// setDataOnly begins or ends a registration for data alone. The lock is held.
func (m *Modem) setDataOnly(d dataOnly) {
	if d.ends == 0 {
		d.ends = 3
	}
	before := m.domain()
	if m.lte = d; m.domain() == before {
		return
	}
	if m.set.creg > 0 {
		m.urc("+CREG: " + m.registration("+CREG", m.set.creg))
	}
	m.net.alert(m.number)
}

// dataOnlyEnds ends a registration for data alone whose time is over, and which
// no later one has replaced. The lock is held.
func (m *Modem) dataOnlyEnds() {
	if !time.Now().Before(m.lte.until) {
		m.setDataOnly(dataOnly{})
	}
}

// messageDomain is AT+CGSMS: by which way the modem sends messages. 3GPP
// TS 27.007 §10.1.21.
func messageDomain(r *run, c call) error {
	m := r.m
	switch c.op {
	case opRead:
		r.info("+CGSMS: %d", m.set.gsms)
		return nil
	case opTest:
		r.info("+CGSMS: (0-3)")
		return nil
	}
	n, ok := splitArgs(c.args).number(0, -1)
	if !ok || n < 0 || n > 3 {
		return cmeError(50)
	}
	if m.set.gsms = n; n == m.lte.ends {
		m.setDataOnly(dataOnly{})
	}
	return nil
}
