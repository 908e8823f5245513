package emulator

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Inject lets faults happen: at once, or when the command and step that they
// name are reached. They strike in the order in which they were injected.
func (m *Modem) Inject(faults ...Fault) error {
	checked := make([]Fault, len(faults))
	for i, f := range faults {
		var err error
		if checked[i], err = f.Validate(); err != nil {
			return fmt.Errorf("inject fault %d: %w", i, err)
		}
	}
	for _, f := range checked {
		if f.Step != StepNow {
			m.mu.Lock()
			m.faults = append(m.faults, &f)
			m.mu.Unlock()
			continue
		}
		m.strikeNow(f)
	}
	return nil
}

// Faults lists those that wait for their moment.
func (m *Modem) Faults() []Fault {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make([]Fault, 0, len(m.faults))
	for _, f := range m.faults {
		out = append(out, *f)
	}
	return out
}

// take returns the faults that strike at a step of a command. The lock is held.
func (m *Modem) take(step Step, name string) []Fault {
	var hits []Fault
	m.faults = slices.DeleteFunc(m.faults, func(f *Fault) bool {
		if !f.fits(step, name) {
			return false
		}
		hit, spent := f.strike()
		if hit {
			hits = append(hits, *f)
		}
		return spent
	})
	return hits
}

// strikeNow is a fault that waits for nothing.
func (m *Modem) strikeNow(f Fault) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.session
	switch f.Kind {
	case Clear:
		m.faults, m.full, m.deaf = nil, time.Time{}, time.Time{}
		m.setDataOnly(dataOnly{})
		if s != nil {
			s.out.unmuted()
			s.defrost()
		}
		m.net.alert(m.number)
		return
	case Full:
		m.fill(f)
		return
	}
	if s == nil {
		return
	}
	switch f.Kind {
	case Garbage, LongLine, URC:
		s.out.put(f.octets())
	default:
		m.upset(s, f)
	}
}

// upset does what may strike at any step. The lock is held.
func (m *Modem) upset(s *session, f Fault) {
	switch f.Kind {
	case Silence:
		s.out.mute(f.Delay)
	case Hang:
		s.freeze(f.Delay)
	case Reset:
		m.powerOn(true)
	case Unplug:
		m.replug = f.Delay
		s.unplug()
		m.powerOff()
	case EchoOn:
		m.set.echo = true
	case CNMIOff:
		m.set.cnmi = [5]int{m.set.cnmi[0], 0, 0, 0, m.set.cnmi[4]}
	case Full:
		m.fill(f)
	case Deaf:
		m.deaf = m.until(f, func() { m.net.alert(m.number) })
	case DataOnly:
		m.setDataOnly(dataOnly{until: m.until(f, m.dataOnlyEnds), ends: f.Code})
	}
}

// until is when a fault that lasts ends, and lets done happen then. The lock is
// held.
func (m *Modem) until(f Fault, done func()) time.Time {
	if f.Delay <= 0 {
		return farFuture
	}
	end := time.Now().Add(f.Delay)
	m.after(f.Delay, done) // not before the end
	return end
}

// fill leaves no space for what arrives. The lock is held.
func (m *Modem) fill(f Fault) {
	m.full = m.until(f, func() { m.net.alert(m.number) })
}

// code is the result that an error fault gives.
func (f Fault) code() error {
	switch {
	case f.Code >= 1000:
		return cmeError(f.Code - 1000)
	case f.Code > 0:
		return cmsError(f.Code)
	}
	return errPlain
}

// octets are what a fault puts on the line.
func (f Fault) octets() []byte {
	switch f.Kind {
	case LongLine:
		n := f.Code
		if n == 0 {
			n = 70_000
		}
		return bytes.Repeat([]byte("U"), n)
	case URC:
		return []byte("\r\n" + f.Data + "\r\n")
	}
	if f.Data == "" {
		return []byte("\x00\x00\xff\xfe\x80~\x00x\xf0\x0f\x00")
	}
	return []byte(f.Data)
}

// struck lets the faults of a step strike. A result that is not nil ends the
// command.
func (r *run) struck(step Step) error {
	m := r.m
	m.mu.Lock()
	var err error
	for _, f := range m.take(step, r.name) {
		switch f.Kind {
		case Error:
			err = f.code()
		case NoHangUp:
			r.noHangUp = true
		case NoDelete:
			r.noDelete = true
		case ReportFirst:
			r.reportFirst = true
		case WrongLength:
			r.lengthError = orOne(f.Code)
		case Truncate:
			r.truncate = orOne(f.Code)
		default:
			m.upset(r.session, f)
		}
	}
	m.mu.Unlock()
	if !r.waitHang() || !r.alive() {
		return errDead
	}
	return err
}

func orOne(n int) int {
	if n == 0 {
		return 1
	}
	return n
}

// shaped is an answer after the faults of its step.
type shaped struct {
	*run
	data    []byte
	lost    bool
	late    time.Duration
	trickle time.Duration
}

// shape words the answer and lets faults change it.
func (r *run) shape(err error) shaped {
	m := r.m
	m.mu.Lock()
	defer m.mu.Unlock()
	faults := m.take(StepAnswer, r.name)
	for _, f := range faults {
		if f.Kind == Error {
			err = f.code()
		}
	}
	a := shaped{run: r, data: r.text(err)}
	for _, f := range faults {
		switch f.Kind {
		case Lost:
			a.lost = true
		case Late:
			a.late = f.Delay
		case Trickle:
			a.trickle = max(f.Delay, time.Nanosecond)
		case Glue:
			a.data = []byte(strings.NewReplacer("\r", "", "\n", "").Replace(string(a.data)) + "\r\n")
		case Split:
			a.data = insert(a.data, f.Offset, []byte("\r\n"))
		case Garbage, LongLine, URC:
			a.data = insert(a.data, f.Offset, f.octets())
		case Error:
		default:
			m.upset(r.session, f)
		}
	}
	return a
}

func insert(data []byte, offset int, more []byte) []byte {
	if offset == AtEnd || offset > len(data) {
		offset = len(data)
	}
	return slices.Insert(data, max(offset, 0), more...)
}

// write prints the answer; false when a restart came first.
func (a shaped) write() bool {
	if !a.waitHang() || !sleep(a.late, a.life) {
		return false
	}
	a.m.mu.Lock()
	defer a.m.mu.Unlock()
	switch {
	case !a.alive():
		return false
	case a.lost:
	case a.trickle > 0:
		for i := range a.data {
			a.out.putAfter(a.trickle, a.data[i:i+1])
		}
	default:
		a.print(a.data)
	}
	return true
}
