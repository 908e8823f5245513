package emulator

import (
	"encoding/hex"
	"strings"
)

// entryLimit bounds what is typed after a prompt.
const entryLimit = 4096

// entry is a message being typed after the prompt of AT+CMGS or AT+CMGW.
type entry struct {
	run  *run
	text bool // carriage return starts a line instead of being dropped
	buf  []byte
	done func(r *run, body []byte) error // called without the lock
}

// typed takes one octet of a message. The lock is held. 3GPP TS 27.005 §3.5.1, §4.3.
func (s *session) typed(c byte) (shown bool, act func()) {
	e := s.data
	switch {
	case c == ctrlZ:
		s.data = nil
		return false, e.finish
	case c == escape:
		s.data = nil
		return false, func() { e.run.finish(nil) }
	case c == '\r' && e.text:
		e.buf = append(e.buf, '\n')
		return true, func() { e.run.show(s.m.p.Prompt) }
	case c == '\b' && e.text:
		if len(e.buf) > 0 {
			e.buf = e.buf[:len(e.buf)-1]
		}
	case c == '\n' || c == '\r':
	case len(e.buf) < entryLimit:
		e.buf = append(e.buf, c)
	}
	return true, nil
}

// finish goes on with the command when Ctrl-Z was typed.
func (e *entry) finish() {
	r := e.run
	err := r.struck(StepBody)
	if err == nil {
		err = e.done(r, e.buf)
	}
	switch {
	case err == errDead:
	case err != nil:
		r.finish(err)
	default:
		r.proceed()
	}
}

// prompt asks for the message, with the faults that strike then.
func (r *run) prompt() {
	m := r.m
	m.mu.Lock()
	text := m.p.Prompt
	for _, f := range m.take(StepPrompt, r.name) {
		switch f.Kind {
		case NoPrompt:
			text = ""
		case TwoPrompts:
			text += m.p.Prompt
		case URC:
			text = string(insert([]byte(text), f.Offset, f.octets()))
		default:
			m.upset(r.session, f)
		}
	}
	m.mu.Unlock()
	if r.waitHang() {
		r.show(text)
	}
}

// show prints text while the line stays reserved.
func (r *run) show(text string) {
	r.m.mu.Lock()
	defer r.m.mu.Unlock()
	r.print([]byte(text))
}

// typedPDU checks what was typed in PDU mode against the announced length of the
// TPDU and splits off the SMSC field. 3GPP TS 27.005 §4.3, §4.4.
func typedPDU(body []byte, length int) (smsc, tpdu []byte, err error) {
	octets, err := hex.DecodeString(strings.TrimSpace(string(body)))
	if err != nil || len(octets) == 0 {
		return nil, nil, cmsError(304)
	}
	n := 1 + int(octets[0])
	if len(octets)-n != length {
		return nil, nil, cmsError(304)
	}
	return octets[:n], octets[n:], nil
}
