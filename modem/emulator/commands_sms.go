package emulator

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

func messageFormat(r *run, c call) error {
	switch c.op {
	case opRead:
		r.info("+CMGF: %d", bit(r.m.set.textMode))
	case opTest:
		r.info("+CMGF: (0,1)")
	default:
		n, ok := splitArgs(c.args).number(0, 0)
		if !ok || n < 0 || n > 1 {
			return cmsError(303)
		}
		r.m.set.textMode = n == 1
	}
	return nil
}

// messageService is AT+CSMS; 1 makes the host acknowledge what is routed to it.
// 3GPP TS 27.005 §3.2.1.
func messageService(r *run, c call) error {
	m := r.m
	switch c.op {
	case opRead:
		r.info("+CSMS: %d,1,1,1", m.set.csms)
	case opTest:
		r.info("+CSMS: (%s)", ranges(m.p.CSMS))
	case opSet:
		n, ok := splitArgs(c.args).number(0, 0)
		if !ok || !slices.Contains(m.p.CSMS, n) {
			return cmsError(303)
		}
		m.set.csms = n
		r.info("+CSMS: 1,1,1")
	}
	return nil
}

// indications is AT+CNMI. Values left out stay as they are. 3GPP TS 27.005 §3.4.1.
func indications(r *run, c call) error {
	m := r.m
	switch c.op {
	case opRead:
		v := m.set.cnmi
		r.info("+CNMI: %d,%d,%d,%d,%d", v[0], v[1], v[2], v[3], v[4])
	case opTest:
		var parts []string
		for _, values := range m.p.CNMI {
			parts = append(parts, "("+ranges(values)+")")
		}
		text := m.p.CNMITest
		setDefault(&text, "+CNMI: "+strings.Join(parts, ","))
		r.info("%s", text)
	default:
		want, a := m.set.cnmi, splitArgs(c.args)
		if len(a) > len(want) {
			return cmsError(304)
		}
		for i := range a {
			n, ok := a.number(i, want[i])
			if !ok || !slices.Contains(m.p.CNMI[i], n) {
				return cmsError(303)
			}
			want[i] = n
		}
		m.set.cnmi = want
	}
	return nil
}

// ranges prints values as test commands do: "0-3" when they follow each other.
func ranges(values []int) string {
	last := len(values) - 1
	if last > 0 && values[last]-values[0] == last {
		return fmt.Sprintf("%d-%d", values[0], values[last])
	}
	var s []string
	for _, v := range values {
		s = append(s, strconv.Itoa(v))
	}
	return strings.Join(s, ",")
}

// preferredMemory is AT+CPMS. 3GPP TS 27.005 §3.2.2.
func preferredMemory(r *run, c call) error {
	m := r.m
	switch c.op {
	case opTest:
		if m.p.CPMSTest != "" {
			r.info("%s", m.p.CPMSTest)
			return nil
		}
		var lists []string
		for _, list := range m.p.Mem {
			lists = append(lists, `("`+strings.Join(list, `","`)+`")`)
		}
		r.info("+CPMS: %s", strings.Join(lists, ","))
	case opRead:
		var parts []string
		for _, name := range m.set.mem {
			used, total := m.fillOf(name)
			parts = append(parts, fmt.Sprintf(`"%s",%d,%d`, name, used, total))
		}
		r.info("+CPMS: %s", strings.Join(parts, ","))
	case opSet:
		want, a := m.set.mem, splitArgs(c.args)
		if len(a) == 0 || len(a) > 3 {
			return cmsError(303)
		}
		for i := range a {
			if !slices.Contains(m.p.Mem[i], a.text(i)) {
				return cmsError(303)
			}
			want[i] = a.text(i)
		}
		m.set.mem = want
		var parts []string
		for _, name := range want {
			used, total := m.fillOf(name)
			parts = append(parts, fmt.Sprintf("%d,%d", used, total))
		}
		r.info("+CPMS: %s", strings.Join(parts, ","))
	}
	return nil
}

// fillOf counts a memory as AT+CPMS shows it: full while a fault says so. The lock is held.
func (m *Modem) fillOf(name string) (used, total int) {
	v := m.view(name)
	used, total = v.used(), v.total()
	if m.noSpace() && name != "SR" {
		used = total
	}
	return used, total
}

// serviceCentre is AT+CSCA. 3GPP TS 27.005 §3.3.1.
func serviceCentre(r *run, c call) error {
	m := r.m
	switch c.op {
	case opRead:
		r.info(`+CSCA: "%s",%d`, m.encodeCharset(m.card.smsc), typeOfAddress(strings.HasPrefix(m.card.smsc, "+")))
	case opSet:
		a := splitArgs(c.args)
		number := m.decodeCharset(a.text(0))
		toa, ok := a.number(1, 129)
		if !ok || !dialable(number) {
			return cmsError(304)
		}
		if toa == 145 && number != "" && number[0] != '+' {
			number = "+" + number
		}
		m.card.smsc = number
	}
	return nil
}

// dialable reports whether s is an optional plus and at most 20 digits.
func dialable(s string) bool {
	digits := strings.TrimPrefix(s, "+")
	return len(digits) <= 20 && strings.Trim(digits, "0123456789*#") == ""
}

// textParameters is AT+CSMP, with a relative validity period. 3GPP TS 27.005 §3.3.2.
func textParameters(r *run, c call) error {
	s := &r.m.set
	switch c.op {
	case opRead:
		r.info("+CSMP: %d,%d,%d,%d", s.fo, s.vp, s.pid, s.dcs)
	case opSet:
		a := splitArgs(c.args)
		values := [4]int{s.fo, s.vp, s.pid, s.dcs}
		for i := range values {
			n, ok := a.number(i, values[i])
			if !ok || n < 0 || n > 255 {
				return cmsError(305)
			}
			values[i] = n
		}
		s.fo, s.vp, s.pid, s.dcs = values[0], values[1], values[2], values[3]
	}
	return nil
}

// moreMessages is AT+CMMS. 3GPP TS 27.005 §3.5.6.
func moreMessages(r *run, c call) error {
	switch c.op {
	case opRead:
		r.info("+CMMS: %d", r.m.set.mms)
	case opTest:
		r.info("+CMMS: (0-2)")
	case opSet:
		n, ok := splitArgs(c.args).number(0, 0)
		if r.m.p.MMSRefused && n == 2 {
			return cmsError(500)
		}
		if !ok || n < 0 || n > 2 {
			return cmsError(303)
		}
		r.m.set.mms = n
	}
	return nil
}

// acknowledge is AT+CNMA: alone, 0 or 1 for yes, 2 for no. 3GPP TS 27.005 §3.4.4, §4.7.
func acknowledge(r *run, c call) error {
	if c.op == opTest {
		r.info("+CNMA: (0-2)")
		return nil
	}
	n, ok := splitArgs(c.args).number(0, 0)
	if !ok || n < 0 || n > 2 {
		return cmsError(304)
	}
	if r.m.ack == nil {
		return cmsError(340)
	}
	r.m.ack <- n != 2
	r.m.ack = nil
	return nil
}
