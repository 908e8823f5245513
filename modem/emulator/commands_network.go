package emulator

import "time"

// restartPause is the time between OK and silence when the host restarts the modem.
const restartPause = 10 * time.Millisecond

// registration is AT+CREG and its kin. 3GPP TS 27.007 §7.2, §10.1.20, §10.1.22.
func registration(field func(*settings) *int) handler {
	return func(r *run, c call) error {
		mode := field(&r.m.set)
		switch c.op {
		case opRead:
			r.info("%s: %d,%s", c.name, *mode, r.m.registration(c.name, *mode))
		case opTest:
			r.info("%s: (0-2)", c.name)
		default:
			n, ok := splitArgs(c.args).number(0, 0)
			if !ok || n < 0 || n > 2 {
				return cmeError(50)
			}
			*mode = n
		}
		return nil
	}
}

// operator is AT+COPS. 3GPP TS 27.007 §7.3.
func operator(r *run, c call) error {
	m := r.m
	switch c.op {
	case opRead:
		switch {
		case !m.registered():
			r.info("+COPS: 0")
		case m.set.copsFormat == 2:
			r.info(`+COPS: 0,2,"%s",7`, m.net.o.PLMN)
		default:
			r.info(`+COPS: 0,%d,"%s",7`, m.set.copsFormat, m.net.o.Operator)
		}
	case opTest:
		r.info(`+COPS: (2,"%s","%s","%s",7),,(0-4),(0-2)`, m.net.o.Operator, m.net.o.Operator, m.net.o.PLMN)
	case opSet:
		a := splitArgs(c.args)
		mode, ok := a.number(0, 0)
		format, ok2 := a.number(1, m.set.copsFormat)
		if !ok || !ok2 || mode < 0 || mode > 4 || format < 0 || format > 2 {
			return cmeError(50)
		}
		m.set.copsFormat = format
	}
	return nil
}

func signalQuality(r *run, c call) error {
	if c.op == opTest {
		r.info("+CSQ: (0-31,99),(0-7,99)")
		return nil
	}
	for _, line := range r.m.p.OnCSQ {
		r.info("%s", line)
	}
	rssi := r.m.signal
	if r.m.set.fun != 1 {
		rssi = 99
	}
	r.info("+CSQ: %d,99", rssi)
	return nil
}

func extendedSignal(r *run, c call) error {
	if c.op == opTest {
		r.info("+CESQ: (0-63,99),(0-7,99),(0-96,255),(0-7,255),(0-34,255),(0-97,255)")
		return nil
	}
	rsrp := 255
	if r.m.signal != 99 {
		rsrp = min(97, 27+2*r.m.signal) // RSSI -113+2n dBm, RSRP about as much
	}
	r.info("+CESQ: 99,99,255,255,20,%d", rsrp)
	return nil
}
