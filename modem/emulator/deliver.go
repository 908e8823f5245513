package emulator

import "time"

// cause is why a delivery was not acknowledged; 0 means it was. RP causes of
// 3GPP TS 24.011 §8.2.5.4, and one for a recipient that does not answer at all.
type cause int

const (
	acknowledged   cause = 0
	memoryExceeded cause = 22
	noAnswer       cause = 27 // destination out of order
	protocolError  cause = 111
)

// delivery is one TPDU on its way to a subscriber.
type delivery struct {
	from     string
	tpdu     []byte
	report   bool
	attempts int
	due      time.Time // not before
	expires  time.Time // given up at the first failure after; zero: never
	once     bool      // given up at the first failure, whatever it is
	done     func()    // called once acknowledged, with the lock held; may be nil
	expired  func()    // called once given up, with the lock held; may be nil
}

// outdated reports whether the validity period has passed, or with it the only attempt.
func (d *delivery) outdated() bool {
	return d.once || !d.expires.IsZero() && !time.Now().Before(d.expires)
}

// pause is the time until the next attempt: the last one is when the validity
// period ends.
func (d *delivery) pause(retry time.Duration) time.Duration {
	if d.expires.IsZero() {
		return retry
	}
	return min(retry, time.Until(d.expires))
}

// deliver queues d for a subscriber. The lock is held.
func (n *Network) deliver(s *subscriber, d *delivery) {
	s.queue = append(s.queue, d)
	n.pump(s)
}

// pump starts to deliver what waits for s. One message is under way per
// subscriber at any time, as on the air. The lock is held.
func (n *Network) pump(s *subscriber) {
	if s.pumping || len(s.queue) == 0 {
		return
	}
	s.pumping = true
	if s.retry != nil {
		s.retry.Stop()
		s.retry = nil
	}
	n.start(func() { n.run(s) })
}

// run delivers until the queue is empty or the recipient refuses.
func (n *Network) run(s *subscriber) {
	for {
		n.mu.Lock()
		if len(s.queue) == 0 {
			s.pumping = false
			n.mu.Unlock()
			return
		}
		d := s.queue[0]
		n.mu.Unlock()

		if !sleep(time.Until(d.due), n.closed) || !sleep(n.o.Delivery, n.closed) {
			return
		}
		why := n.handOver(s, d)

		n.mu.Lock()
		d.attempts++
		n.deliveries = recent(n.deliveries, n.o.History, Delivery{At: time.Now(), From: d.from, To: s.number, TPDU: d.tpdu, Report: d.report, Attempt: d.attempts, Cause: int(why)})
		over := why == acknowledged || d.outdated()
		if over {
			s.queue[0] = nil
			s.queue = s.queue[1:]
		}
		switch {
		case why == acknowledged && d.done != nil:
			d.done()
		case why != acknowledged && over && d.expired != nil:
			d.expired()
		}
		n.announce()
		if !over && !s.alerted {
			s.pumping = false
			s.retry = time.AfterFunc(d.pause(n.o.Retry), func() { n.alert(s.number) })
			n.mu.Unlock()
			return
		}
		s.alerted = false
		n.mu.Unlock()
	}
}

// handOver gives one TPDU to whoever has the number.
func (n *Network) handOver(s *subscriber, d *delivery) cause {
	n.mu.Lock()
	m := s.modem
	if m == nil {
		why := n.handsetOf(s).receive(d)
		n.mu.Unlock()
		return why
	}
	n.mu.Unlock()
	return m.receive(d)
}

// alert tries again to deliver what waits for a number: its phone is back, or
// has space again. 3GPP TS 23.040 §3.2.7, messages waiting.
func (n *Network) alert(number string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	s := n.sub(number)
	s.alerted = s.pumping
	n.pump(s)
}
