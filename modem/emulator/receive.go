package emulator

import (
	"fmt"
	"time"
)

// receive takes one TPDU off the air and does with it what AT+CNMI and the class
// of the message say. It returns once the message is stored or acknowledged.
// 3GPP TS 27.005 §3.4.1.
func (m *Modem) receive(d *delivery) cause {
	m.mu.Lock()
	if !m.registered() || m.domain() == "ps" || time.Now().Before(m.deaf) {
		m.mu.Unlock()
		return noAnswer
	}
	var f flaws
	for _, x := range m.take(StepDeliver, "") {
		switch x.Kind {
		case Duplicate:
			m.net.again(m.number, d)
		case WrongLength:
			f.length = orOne(x.Code)
		case Truncate:
			f.truncate = orOne(x.Code)
		case URC:
			f.between, f.offset = x.octets(), x.Offset
		}
	}
	var why cause
	var pending chan bool
	if d.report {
		why, pending = m.receiveReport(d.tpdu, f)
	} else {
		why, pending = m.receiveMessage(d.tpdu, f)
	}
	life := m.life
	m.mu.Unlock()
	if pending == nil {
		return why
	}
	return m.awaitAck(pending, life)
}

// flaws are what faults do to a routed message.
type flaws struct {
	length, truncate int
	between          []byte // printed at offset
	offset           int
}

// awaitAck waits for AT+CNMA. When it does not come, the network is told so and
// routing ends. 3GPP TS 27.005 §3.4.4.
func (m *Modem) awaitAck(pending chan bool, life chan struct{}) cause {
	t := time.NewTimer(m.p.Ack)
	defer t.Stop()
	select {
	case yes := <-pending:
		if yes {
			return acknowledged
		}
		return protocolError
	case <-life:
		return noAnswer
	case <-t.C:
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if life == m.life {
		m.ack = nil
		m.set.cnmi[1], m.set.cnmi[3] = 0, 0
	}
	return protocolError
}

// receiveMessage stores or routes an SMS-DELIVER. The lock is held.
func (m *Modem) receiveMessage(tpdu []byte, f flaws) (cause, chan bool) {
	class := -1
	if dcs := deliverDCS(tpdu); dcs >= 0 {
		class = messageClass(byte(dcs))
	}
	mt := m.set.cnmi[1]
	if m.set.cnmi[0] == 0 {
		mt = min(mt, 1) // buffered in the modem: nothing is routed
	}
	if mt == 2 && class != 2 || mt == 3 && class == 3 {
		return acknowledged, m.route("+CMT", tpdu, f)
	}
	where := m.set.mem[2]
	if class == 2 {
		where = "SM"
	}
	v := m.view(where)
	if !m.noSpace() {
		for _, memory := range v.parts {
			index, ok := memory.add(slot{status: statUnread, smsc: appendSMSC(nil, m.net.o.SMSC), tpdu: tpdu})
			if !ok {
				continue
			}
			if mt != 0 && m.set.cnmi[0] != 0 {
				m.urc(fmt.Sprintf(`+CMTI: "%s",%d`, memory.name, index))
			}
			return acknowledged, nil
		}
	}
	if !m.refused && m.p.FullURC != "" {
		m.urc(m.p.FullURC)
	}
	m.refused = true
	return memoryExceeded, nil
}

// receiveReport routes or stores an SMS-STATUS-REPORT. The lock is held.
func (m *Modem) receiveReport(tpdu []byte, f flaws) (cause, chan bool) {
	switch m.set.cnmi[3] {
	case 1:
		return acknowledged, m.route("+CDS", tpdu, f)
	case 2:
		if m.p.ReportsAsSM {
			m.urc(`+CDSI: "SM",0`)
			return acknowledged, nil
		}
		if m.p.NoReportMemory {
			m.urc(`+CDSI: "SR",0`)
			return acknowledged, nil
		}
		for _, memory := range m.view("SR").parts {
			if index, ok := memory.add(slot{status: statUnread, smsc: appendSMSC(nil, m.net.o.SMSC), tpdu: tpdu}); ok {
				m.urc(fmt.Sprintf(`+CDSI: "SR",%d`, index))
				return acknowledged, nil
			}
		}
		return memoryExceeded, nil
	}
	return acknowledged, nil // nobody asked for it
}

// route prints a message to the host. The channel gives the acknowledgement when
// one is needed. The lock is held.
func (m *Modem) route(name string, tpdu []byte, f flaws) chan bool {
	s := slot{smsc: appendSMSC(nil, m.net.o.SMSC), tpdu: tpdu}
	r := run{session: m.session, lengthError: f.length, truncate: f.truncate}
	var text string
	switch {
	case m.set.textMode:
		text = m.textRouted(name, &s)
	case name == "+CMT":
		text = fmt.Sprintf("+CMT: ,%d\r\n%s", len(tpdu)+f.length, r.hex(&s))
	default:
		text = fmt.Sprintf("+CDS: %d\r\n%s", len(tpdu)+f.length, r.hex(&s))
	}
	if f.between != nil {
		text = string(insert([]byte(text), f.offset, f.between))
	}
	m.urc(text)
	if m.set.csms == 0 {
		return nil
	}
	m.ack = make(chan bool, 1)
	return m.ack
}

// noSpace reports whether a fault leaves no space. The lock is held.
func (m *Modem) noSpace() bool { return time.Now().Before(m.full) }

// deliverDCS finds TP-DCS of an SMS-DELIVER, -1 when there is none. 3GPP TS 23.040 §9.2.2.1.
func deliverDCS(tpdu []byte) int {
	if len(tpdu) < 3 {
		return -1
	}
	i := 3 + (int(tpdu[1])+1)/2 + 1
	if len(tpdu) <= i {
		return -1
	}
	return int(tpdu[i])
}

// again queues the same TPDU once more, as a centre does that missed the
// acknowledgement.
func (n *Network) again(number string, d *delivery) {
	n.mu.Lock()
	defer n.mu.Unlock()
	copied := *d
	copied.done = nil
	n.deliver(n.sub(number), &copied)
}
