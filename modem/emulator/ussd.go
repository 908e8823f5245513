package emulator

import (
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"trunkline/pdu"
)

// ussdDelay is what the network takes for an answer unless it says otherwise.
const ussdDelay = 200 * time.Millisecond

// USSDAnswer is what the network says in a session.
type USSDAnswer struct {
	Text  string
	More  bool          // a reply is wanted
	Code  int           // <m> of +CUSD instead of 0 or 1: 2 ended, 4 not supported, 5 time out
	Delay time.Duration // default 200 ms
	Line  string        // printed as it is instead of all the others
}

// menu is the network without NetworkOptions.USSD: the own number, a balance,
// and a menu with both.
func menu(number string, said []string) USSDAnswer {
	own, balance := "Your number is "+number, "Balance: 12.50 EUR"
	switch strings.Join(said, " ") {
	case "*135#", "*123# 2":
		return USSDAnswer{Text: own}
	case "*100#", "*123# 1":
		return USSDAnswer{Text: balance}
	case "*123#":
		return USSDAnswer{Text: "Your card\n1 Balance\n2 Number", More: true}
	}
	return USSDAnswer{Code: 4}
}

// ussd is AT+CUSD. 3GPP TS 27.007 §7.15.
func ussd(r *run, c call) error {
	m := r.m
	a := splitArgs(c.args)
	switch c.op {
	case opRead:
		r.info("+CUSD: %d", m.set.cusd)
		return nil
	case opTest:
		r.info("+CUSD: (0-2)")
		return nil
	}
	mode, ok := a.number(0, 0)
	if !ok || mode < 0 || mode > 2 {
		return cmeError(50)
	}
	if mode == 2 {
		if m.said == nil {
			return errPlain
		}
		m.said = nil
		return nil
	}
	m.set.cusd = mode
	said, ok := m.ussdText(a.text(1))
	switch {
	case a.text(1) == "":
		return nil
	case !ok:
		return errPlain
	case !m.registered():
		return cmeError(30)
	}
	m.said = append(m.said, said)
	answer := menu
	if m.net.o.USSD != nil {
		answer = m.net.o.USSD
	}
	reply := answer(m.number, m.said)
	if reply.Delay == 0 {
		reply.Delay = ussdDelay
	}
	m.after(reply.Delay, func() {
		if m.said != nil { // not canceled meanwhile
			m.tellUSSD(reply)
		}
	})
	return nil
}

// PushUSSD lets the network say something of its own accord.
func (m *Modem) PushUSSD(answer USSDAnswer) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.tellUSSD(answer)
}

// tellUSSD prints an answer as the make does. The lock is held.
func (m *Modem) tellUSSD(a USSDAnswer) {
	code := a.Code
	if a.More {
		code = 1
	} else {
		m.said = nil
	}
	switch {
	case a.Line != "":
		m.urc(a.Line)
	case a.Text == "":
		m.urc(fmt.Sprintf("+CUSD: %d", code))
	default:
		text, dcs := m.ussdString(a.Text)
		m.urc(fmt.Sprintf(`+CUSD: %d,"%s",%d`, code, text, dcs))
	}
}

// ussdText reads what the host typed; a make that wants it packed takes nothing
// else. The lock is held.
func (m *Modem) ussdText(s string) (string, bool) {
	if m.p.USSD != "packed" {
		return m.decodeCharset(s), true
	}
	b, err := hex.DecodeString(s)
	if err != nil {
		return "", false
	}
	return pdu.UnpackUSSD(b), true
}

// ussdString writes what the network says, with its coding scheme (3GPP TS
// 23.038 §5). The lock is held.
func (m *Modem) ussdString(text string) (string, int) {
	switch m.p.USSD {
	case "packed":
		if b, err := pdu.PackUSSD(text); err == nil {
			return fmt.Sprintf("%X", b), 15
		}
		fallthrough
	case "ucs2":
		saved := m.set.scs
		m.set.scs = "UCS2"
		defer func() { m.set.scs = saved }()
		return m.encodeCharset(text), 72
	case "octets":
		return fmt.Sprintf("%X00", latin1(text)), 68
	case "latin1":
		return string(latin1(text)), 15
	}
	return m.encodeCharset(text), 15
}

func latin1(text string) []byte {
	var b []byte
	for _, r := range text {
		b = append(b, byte(min(r, 0xFF)))
	}
	return b
}
