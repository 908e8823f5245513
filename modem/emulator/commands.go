package emulator

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// commandTable lists the commands of V.250, 3GPP TS 27.007 and TS 27.005 that
// modems have in common.
func commandTable() map[string]handler {
	t := map[string]handler{
		"E": flag(func(s *settings) *bool { return &s.echo }), "V": flag(func(s *settings) *bool { return &s.verbose }), "Q": flag(func(s *settings) *bool { return &s.quiet }),
		"Z": reset, "&F": reset, "I": identify, "+CLAC": listCommands,
		"+CGMI": identity(func(m *Modem) string { return m.p.Manufacturer }), "+GMI": identity(func(m *Modem) string { return m.p.Manufacturer }),
		"+CGMM": identity(func(m *Modem) string { return m.p.Model }), "+GMM": identity(func(m *Modem) string { return m.p.Model }),
		"+CGMR": identity(func(m *Modem) string { return m.p.Revision }), "+GMR": identity(func(m *Modem) string { return m.p.Revision }),
		"+CGSN": identity(func(m *Modem) string { return m.o.IMEI }), "+GSN": identity(func(m *Modem) string { return m.o.IMEI }),
		"+GCAP": answerWith("+GCAP: +CGSM,+DS,+ES"), "+WS46": remembered("25", "(12,22,25,28,29)"), "+CPAS": activity,
		"+CMEE": number("+CMEE", 2, func(s *settings) *int { return &s.cmee }),
		"+CFUN": functionality, "+CSCS": characterSet, "+CCLK": clock,

		"+CPIN": pin, "+CIMI": subscriberIdentity, "+CNUM": ownNumber, "+CRSM": restrictedSIM, "+CPBS": phonebook, "+CPBR": readPhonebook, "+CLCK": facilityLock,

		"+CREG": registration(func(s *settings) *int { return &s.creg }), "+CGREG": registration(func(s *settings) *int { return &s.cgreg }), "+CEREG": registration(func(s *settings) *int { return &s.cereg }),
		"+COPS": operator, "+CSQ": signalQuality, "+CESQ": extendedSignal, "+CUSD": ussd, "+CGATT": answerWith("+CGATT: 1"),

		"+CMGF": messageFormat, "+CSMS": messageService, "+CNMI": indications, "+CPMS": preferredMemory, "+CSCA": serviceCentre, "+CSMP": textParameters,
		"+CSDH": flag(func(s *settings) *bool { return &s.showHeader }), "+CMMS": moreMessages, "+CGSMS": messageDomain, "+CNMA": acknowledge,
		"+CMGL": listMessages, "+CMGR": readMessage, "+CMGD": deleteMessage, "+CMGW": writeMessage, "+CMGS": sendMessage, "+CMSS": sendStored,

		"+CLIP": number("+CLIP", 1, func(s *settings) *int { return &s.clip }), "+CRC": number("+CRC", 1, func(s *settings) *int { return &s.crc }),
		"+VTS": pressKey, "+CCFC": forwarding, "D": dial, "A": answerCall, "H": hangUp, "+CHUP": hangUp, "+CLCC": currentCalls, "+CHLD": holdCalls, "+CCWA": waitingCalls, "+CEER": answerWith("+CEER: No cause information available"),
	}
	for _, name := range []string{"L", "M", "O", "T", "P", "X", "&C", "&D", "&K", "&S", "&V", "&W"} {
		t[name] = func(*run, call) error { return nil }
	}
	for _, name := range []string{"S0", "S2", "S3", "S4", "S5", "S6", "S7", "S8", "S10"} {
		t[name] = register
	}
	for name, initial := range map[string]string{
		"+CSSN": "0,0", "+CLIR": "0,2", "+COLP": "0,2", "+CVHU": "0", "+CTZU": "0", "+CTZR": "0", "+CMER": "0,0,0,0,0", "+CSCB": `0,"",""`,
		"+IPR": "115200", "+ICF": "3,3", "+IFC": "0,0", "+CSTA": "129", "+CMOD": "0", "+CR": "0", "+CGEREP": "0,0", "+CLVL": "5", "+CMUT": "0",
	} {
		t[name] = remembered(initial, "(0-2)")
	}
	return t
}

// flag sets or clears what an optional digit says; ATE alone is ATE0.
func flag(field func(*settings) *bool) handler {
	return func(r *run, c call) error {
		p := field(&r.m.set)
		switch {
		case c.op == opRead:
			r.info("%s: %d", c.name, bit(*p))
			return nil
		case c.op == opTest:
			r.info("%s: (0,1)", c.name)
			return nil
		case c.args == "0" || c.args == "1" || c.op == opExec:
			*p = c.args == "1"
			return nil
		}
		return errPlain
	}
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

// number is a setting from 0 to limit.
func number(name string, limit int, field func(*settings) *int) handler {
	return func(r *run, c call) error {
		switch c.op {
		case opRead:
			r.info("%s: %d", name, *field(&r.m.set))
		case opTest:
			r.info("%s: (0-%d)", name, limit)
		default:
			n, ok := splitArgs(c.args).number(0, 0)
			if !ok || n < 0 || n > limit {
				return cmeError(50)
			}
			*field(&r.m.set) = n
		}
		return nil
	}
}

// remembered is a setting that has no effect here: it is kept and read back. The test form prints values.
func remembered(initial, values string) handler {
	return func(r *run, c call) error {
		switch c.op {
		case opSet:
			r.m.set.plain[c.name] = c.args
		case opRead:
			value, ok := r.m.set.plain[c.name]
			if !ok {
				value = initial
			}
			r.info("%s: %s", c.name, value)
		case opTest:
			r.info("%s: %s", c.name, values)
		}
		return nil
	}
}

// answerWith prints a fixed line.
func answerWith(line string) handler {
	return func(r *run, c call) error {
		if c.op == opExec || c.op == opRead {
			r.info("%s", line)
		}
		return nil
	}
}

// identity prints one text about the device.
func identity(text func(*Modem) string) handler {
	return func(r *run, c call) error {
		if c.op == opExec {
			r.info("%s", text(r.m))
		} else if c.op != opTest {
			return cmeError(50)
		}
		return nil
	}
}

func identify(r *run, _ call) error {
	r.info("Manufacturer: %s", r.m.p.Manufacturer)
	r.info("Model: %s", r.m.p.Model)
	r.info("Revision: %s", r.m.p.Revision)
	r.info("IMEI: %s", r.m.o.IMEI)
	r.info("+GCAP: +CGSM,+DS,+ES")
	return nil
}

// reset goes back to the settings of the factory; what power-on decides stays.
func reset(r *run, _ call) error {
	m := r.m
	fun, registered := m.set.fun, m.set.registered
	m.set = m.defaults()
	m.set.fun, m.set.registered = fun, registered
	return nil
}

func listCommands(r *run, _ call) error {
	names := slices.Sorted(maps.Keys(r.m.commands))
	r.info("%s", strings.Join(names, "\r\n"))
	return nil
}

// register reads and writes an S-register. V.250 §5.3.2.
func register(r *run, c call) error {
	switch c.op {
	case opRead:
		r.info("%03d", r.m.set.sreg[c.name])
	case opSet:
		n, err := strconv.Atoi(c.args)
		if err != nil || n > 255 {
			return errPlain
		}
		r.m.set.sreg[c.name] = n
	}
	return nil
}

// functionality is AT+CFUN; 1,1 and every reset value restart. 3GPP TS 27.007 §8.2.
func functionality(r *run, c call) error {
	m := r.m
	switch c.op {
	case opRead:
		r.info("+CFUN: %d", m.set.fun)
		return nil
	case opTest:
		r.info("+CFUN: (0,1,4),(0,1)")
		return nil
	}
	a := splitArgs(c.args)
	fun, ok := a.number(0, 1)
	rst, ok2 := a.number(1, 0)
	if !ok || !ok2 || fun != 0 && fun != 1 && fun != 4 || rst < 0 || rst > 1 {
		return cmeError(50)
	}
	if rst == 1 {
		return restart(r, c)
	}
	m.set.fun = fun
	if fun != 1 {
		m.endCalls()
		m.deaf = time.Time{}
	}
	m.registrationChanged()
	return nil
}

// restart answers and starts the modem anew.
func restart(r *run, _ call) error {
	r.print(r.text(nil))
	r.unlocked(func() {
		for i := 0; i == 0 || i < 100 && !r.out.empty(); i++ { // a host that reads gets the result
			sleep(restartPause, r.life)
		}
	})
	if r.alive() {
		r.m.powerOn(true)
	}
	return errDead
}

func activity(r *run, _ call) error {
	state := 0
	switch {
	case r.m.callIn(callActive, callHeld, callDialling, callAlerting) != nil:
		state = 4
	case len(r.m.calls) > 0:
		state = 3
	}
	r.info("+CPAS: %d", state)
	return nil
}

var charsets = []string{"IRA", "GSM", "UCS2", "HEX", "8859-1", "UTF-8"}

func characterSet(r *run, c call) error {
	switch c.op {
	case opRead:
		r.info(`+CSCS: "%s"`, r.m.set.scs)
	case opTest:
		r.info(`+CSCS: ("%s")`, strings.Join(charsets, `","`))
	case opSet:
		name := strings.ToUpper(splitArgs(c.args).text(0))
		if !slices.Contains(charsets, name) {
			return cmeError(50)
		}
		r.m.set.scs = name
	}
	return nil
}

func clock(r *run, c call) error {
	switch c.op {
	case opRead:
		r.info(`+CCLK: "%s"`, clockText(appendTimestamp(nil, time.Now())))
	case opSet:
		if len(splitArgs(c.args).text(0)) < 17 {
			return cmeError(50)
		}
	}
	return nil
}

// clockText prints the seven octets of a time stamp as "yy/MM/dd,hh:mm:ss±zz".
// 3GPP TS 27.005 §3.1 <scts>.
func clockText(b []byte) string {
	two := func(v byte) string { return fmt.Sprintf("%d%d", v&0x0F, v>>4) }
	zone, sign := b[6], "+"
	if zone&0x08 != 0 {
		zone, sign = zone&^0x08, "-"
	}
	return two(b[0]) + "/" + two(b[1]) + "/" + two(b[2]) + "," + two(b[3]) + ":" + two(b[4]) + ":" + two(b[5]) + sign + two(zone)
}
