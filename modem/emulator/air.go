package emulator

import "time"

// answer is what the modem hears from the network about a SUBMIT.
type answer struct {
	cms  int  // 0: accepted
	lost bool // nothing is ever heard
}

// submit carries one TPDU from a modem to the centre. It takes the air time and
// returns early when gone is closed: the modem lost its power or its host.
func (n *Network) submit(m *Modem, s *submit, reportFirst bool, gone <-chan struct{}) answer {
	to := n.Number(s.to)
	n.mu.Lock()
	o := n.outcome(m.number, to)
	n.mu.Unlock()
	o.ReportFirst = o.ReportFirst || reportFirst

	if !sleep(n.o.Latency/2, gone) {
		return answer{lost: true}
	}
	at := time.Now()
	entry := Submission{At: at, Modem: m.o.Name, From: m.number, To: to, MR: s.mr, TPDU: s.octets, Text: s.text(), Report: s.srr(), CMS: o.CMS}
	var reported <-chan struct{}
	n.mu.Lock()
	if o.CMS != 0 && !o.Keep {
		n.refused = recent(n.refused, n.o.History, entry)
	} else {
		n.taken = recent(n.taken, n.o.History, entry)
		reported = n.forward(m, s, to, at, o)
	}
	n.announce()
	n.mu.Unlock()
	if o.ReportFirst && reported != nil {
		m.openLine()
		wait(reported, reportFirstLimit, gone)
	}

	if !sleep(n.o.Latency-n.o.Latency/2+o.Delay, gone) || o.Silent {
		return answer{lost: true}
	}
	return answer{cms: o.CMS}
}

// reportFirstLimit ends the wait for a report that must precede the answer when
// the modem does not take it.
const reportFirstLimit = time.Second

// TP-ST of the reports that the centre makes by itself. 3GPP TS 23.040 §9.2.3.15.
const (
	statusReceived = 0x00
	statusExpired  = 0x46
)

// forward queues the message for its recipient and the reports for its sender.
// The channel is closed when the first scripted report was acknowledged; nil
// when there is none. The lock is held.
func (n *Network) forward(m *Modem, s *submit, to string, at time.Time, o Outcome) <-chan struct{} {
	report := func(status byte, due time.Time, done func()) {
		tpdu := reportTPDU(s.mr, to, at, due, status)
		n.deliver(n.sub(m.number), &delivery{from: to, tpdu: tpdu, report: true, due: due, done: done})
	}
	wanted := s.srr() && !o.NoReport
	scripted := o.Reports
	if o.ReportFirst && scripted == nil {
		scripted = []Report{{}}
	}
	var reported chan struct{}
	if wanted {
		due := at
		for i, r := range scripted {
			var done func()
			if i == 0 {
				reported = make(chan struct{})
				done = func() { close(reported) }
			}
			due = due.Add(r.After)
			report(r.Status, due, done)
		}
	}
	if !o.Undelivered {
		d := &delivery{from: m.number, tpdu: s.deliverTPDU(m.number, at)}
		d.expires, d.once = s.expiry(at)
		if wanted && scripted == nil {
			d.done = func() { report(statusReceived, time.Now().Add(n.o.ReportDelay), nil) }
			d.expired = func() { report(statusExpired, time.Now().Add(n.o.ReportDelay), nil) }
		}
		n.deliver(n.sub(to), d)
	}
	return reported
}
