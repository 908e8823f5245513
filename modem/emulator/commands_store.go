package emulator

import (
	"fmt"
	"slices"
	"strings"
)

// listMessages is AT+CMGL: unread ones become read. 3GPP TS 27.005 §3.4.2, §4.1.
func listMessages(r *run, c call) error {
	m := r.m
	if c.op == opTest {
		r.info("+CMGL: %s", listedStates(m.set.textMode))
		return nil
	}
	a := splitArgs(c.args)
	want, ok := 0, true
	if m.set.textMode {
		want = slices.Index(stateNames, a.text(0))
		if a.text(0) == "" {
			want = statUnread
		}
	} else {
		want, ok = a.number(0, statUnread)
	}
	if !ok || want < 0 || want > 4 {
		return cmsError(305)
	}
	peek := a.text(1) == "1" // a vendor's way not to change the state
	var lines []string
	m.view(m.set.mem[0]).each(func(index int, s *slot) {
		if want != 4 && s.status != want {
			return
		}
		header, body := r.stored(s, true)
		lines = append(lines, fmt.Sprintf("+CMGL: %d,%s", index, header), body)
		if s.status == statUnread && !peek {
			s.status = statRead
		}
	})
	if lines != nil {
		r.info("%s", strings.Join(lines, "\r\n"))
	}
	return nil
}

// stateNames are <stat> of text mode. 3GPP TS 27.005 §3.1.
var stateNames = []string{"REC UNREAD", "REC READ", "STO UNSENT", "STO SENT", "ALL"}

func listedStates(text bool) string {
	if text {
		return `("` + strings.Join(stateNames, `","`) + `")`
	}
	return "(0-4)"
}

// stored words a message: what follows the index or the command name, and the
// line after it. The lock is held.
func (r *run) stored(s *slot, listed bool) (header, body string) {
	if r.m.set.textMode {
		return r.m.textMessage(s, listed)
	}
	return fmt.Sprintf("%d,,%d", s.status, len(s.tpdu)+r.lengthError), r.hex(s)
}

// hex is the PDU line of a message.
func (r *run) hex(s *slot) string {
	line := fmt.Sprintf("%X%X", s.smsc, s.tpdu)
	return line[:max(0, len(line)-2*r.truncate)]
}

// readMessage is AT+CMGR. 3GPP TS 27.005 §3.4.3, §4.2.
func readMessage(r *run, c call) error {
	m := r.m
	if c.op != opSet {
		return nil
	}
	index, ok := splitArgs(c.args).number(0, -1)
	s := m.view(m.set.mem[0]).at(index)
	switch {
	case !ok || s == nil:
		return cmsError(321)
	case s.tpdu == nil && m.p.EmptySlotOK:
		return nil
	case s.tpdu == nil:
		return cmsError(321)
	}
	header, body := r.stored(s, false)
	r.info("+CMGR: %s\r\n%s", header, body)
	if s.status == statUnread {
		s.status = statRead
	}
	return nil
}

// deleteMessage is AT+CMGD, with the flags that delete by state. 3GPP TS 27.005 §3.5.4.
func deleteMessage(r *run, c call) error {
	m := r.m
	v := m.view(m.set.mem[0])
	if c.op == opTest {
		var used []string
		v.each(func(index int, _ *slot) { used = append(used, fmt.Sprint(index)) })
		r.info("+CMGD: (%s),(0-4)", strings.Join(used, ","))
		return nil
	}
	a := splitArgs(c.args)
	index, ok := a.number(0, -1)
	flag, ok2 := a.number(1, 0)
	if !ok || !ok2 || flag < 0 || flag > 4 {
		return cmsError(321)
	}
	if flag == 0 {
		s := v.at(index)
		if s == nil {
			return cmsError(321)
		}
		if !r.noDelete {
			*s = slot{}
		}
	} else if !r.noDelete {
		upTo := [...]int{1: statRead, 2: statSent, 3: statUnsent, 4: statUnsent}[flag]
		v.each(func(_ int, s *slot) {
			if flag == 4 || s.status == statRead || upTo != statRead && s.status == statSent || upTo == statUnsent && s.status == statUnsent {
				*s = slot{}
			}
		})
	}
	m.spaceFreed()
	return nil
}

// spaceFreed tells the network that messages can be taken again. 3GPP TS 23.040
// §10.3, RP-SMMA. The lock is held.
func (m *Modem) spaceFreed() {
	if m.refused && !m.noSpace() {
		m.refused = false
		m.net.alert(m.number)
	}
}

// writeMessage is AT+CMGW. 3GPP TS 27.005 §3.5.3, §4.4.
func writeMessage(r *run, c call) error {
	m := r.m
	if c.op == opTest {
		return nil
	}
	a := splitArgs(c.args)
	if m.set.textMode {
		to := m.decodeCharset(a.text(0))
		if to != "" && !dialable(to) {
			return cmsError(305)
		}
		r.data = &entry{run: r, text: true, done: func(r *run, body []byte) error {
			r.m.mu.Lock()
			defer r.m.mu.Unlock()
			tpdu, err := r.m.textSubmit(to, string(body))
			if err != nil {
				return err
			}
			return r.write(statUnsent, appendSMSC(nil, r.m.card.smsc), tpdu)
		}}
		return errPrompt
	}
	length, ok := a.number(0, 0)
	status, ok2 := a.number(1, statUnsent)
	if !ok || !ok2 || length < 1 || length > 176 || status < 0 || status > 3 {
		return cmsError(305)
	}
	r.data = &entry{run: r, done: func(r *run, body []byte) error {
		smsc, tpdu, err := typedPDU(body, length)
		if err != nil {
			return err
		}
		r.m.mu.Lock()
		defer r.m.mu.Unlock()
		return r.write(status, smsc, tpdu)
	}}
	return errPrompt
}

// write stores a message in <mem2> and prints its index. The lock is held.
func (r *run) write(status int, smsc, tpdu []byte) error {
	if !r.alive() {
		return errDead
	}
	v := r.m.view(r.m.set.mem[1])
	for _, memory := range v.parts {
		if index, ok := memory.add(slot{status: status, smsc: smsc, tpdu: tpdu}); ok {
			r.info("+CMGW: %d", v.indexIn(memory.name, index))
			return nil
		}
	}
	return cmsError(322)
}
