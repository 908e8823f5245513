package emulator

import (
	"strings"
	"time"
)

// cardCommands need a card that is there and unlocked; messageCommands say so
// with errors of their own.
var (
	cardCommands    = names("+CIMI +CNUM +CRSM +CPBS +CPBR +CSCA")
	messageCommands = names("+CMGF +CPMS +CNMI +CSMS +CMGL +CMGR +CMGD +CMGW +CMGS +CMSS +CNMA")
)

func names(list string) map[string]bool {
	set := map[string]bool{}
	for _, name := range strings.Fields(list) {
		set[name] = true
	}
	return set
}

// cardError is the answer to a command while card or message service are not
// ready. The lock is held. 3GPP TS 27.007 §9.2, TS 27.005 §3.2.5.
func (m *Modem) cardError(name string) error {
	message := messageCommands[name]
	if !message && !cardCommands[name] {
		return nil
	}
	cme, cms := 0, 0
	switch {
	case m.o.NoSIM:
		cme, cms = 10, 310
	case m.card.locked && m.card.pinTries == 0:
		cme, cms = 12, 316
	case m.card.locked:
		cme, cms = 11, 311
	case time.Now().Before(m.boot.Add(m.p.SMSReady)):
		cme, cms = 14, 314
	default:
		return nil
	}
	if message {
		return cmsError(cms)
	}
	return cmeError(cme)
}

// pin is AT+CPIN. 3GPP TS 27.007 §8.3.
func pin(r *run, c call) error {
	m := r.m
	if m.o.NoSIM {
		return cmeError(10)
	}
	switch c.op {
	case opRead:
		state := "READY"
		if m.card.locked && m.card.pinTries == 0 {
			state = "SIM PUK"
		} else if m.card.locked {
			state = "SIM PIN"
		}
		r.info("+CPIN: %s", state)
		if m.p.PINWithoutOK && !m.card.locked {
			return errNone
		}
	case opSet:
		return m.enterPIN(splitArgs(c.args))
	}
	return nil
}

// enterPIN verifies a PIN, or sets a new one with the PUK. The lock is held.
func (m *Modem) enterPIN(a args) error {
	k := &m.card
	switch {
	case !k.locked:
		return cmeError(3)
	case k.pinTries > 0:
		if a.text(0) != k.pin {
			if k.pinTries--; k.pinTries == 0 {
				return cmeError(12)
			}
			return cmeError(16)
		}
	case k.pukLeft == 0:
		return cmeError(13)
	case len(a) != 2:
		return cmeError(12)
	case a.text(0) != k.puk:
		k.pukLeft--
		return cmeError(16)
	default:
		k.pin = a.text(1)
	}
	k.pinTries, k.pukLeft, k.locked = 3, 10, false
	m.registrationChanged()
	return nil
}

// Unlocked reports whether the card has been unlocked, and how many wrong PINs
// it would still take.
func (m *Modem) Unlocked() (unlocked bool, triesLeft int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return !m.card.locked && m.session != nil, m.card.pinTries
}

// vendorCommand is how the make names what the standards do not. The lock is held.
func (m *Modem) vendorCommand(c call) handler {
	typed := c.name
	if c.op == opRead {
		typed += "?"
	}
	switch typed {
	case m.p.SIMNumber, strings.TrimSuffix(m.p.SIMNumber, "?"):
		return cardNumber
	case m.p.PINCounter:
		return pinCounter
	}
	if typed != "" && typed == m.p.Restart {
		return restart
	}
	return nil
}

func cardNumber(r *run, c call) error {
	switch {
	case r.m.o.NoSIM:
		return cmeError(10)
	case c.name == "^ICCID" || c.name == "+CICCID":
		r.info("%s: %s", strings.Replace(c.name, "+CICCID", "+ICCID", 1), r.m.card.iccid)
	case c.name == "+QCCID":
		r.info("+QCCID: %s", r.m.card.iccid)
	default:
		r.info(`+CCID: "%s"`, r.m.card.iccid)
	}
	return nil
}

func pinCounter(r *run, c call) error {
	k := &r.m.card
	switch c.name {
	case "^CPIN":
		state := "READY"
		if k.locked && k.pinTries == 0 {
			state = "SIM PUK"
		} else if k.locked {
			state = "SIM PIN"
		}
		r.info("^CPIN: %s,%d,%d,%d,10,3", state, k.pinTries, k.pukLeft, k.pinTries)
	case "+SPIC":
		r.info("+SPIC: %d,%d,3,10", k.pinTries, k.pukLeft)
	default:
		r.info(`+QPINC: "SC",%d,%d`, k.pinTries, k.pukLeft)
		r.info(`+QPINC: "P2",3,10`)
	}
	return nil
}

func subscriberIdentity(r *run, c call) error {
	if c.op != opTest {
		r.info("%s", r.m.card.imsi)
	}
	return nil
}

func ownNumber(r *run, _ call) error {
	r.info(`+CNUM: "","%s",%d`, r.m.number, typeOfAddress(strings.HasPrefix(r.m.number, "+")))
	return nil
}

// Elementary files that can be read. 3GPP TS 31.102 §4.2.9, TS 102 221 §13.2.
const (
	fileSMSS  = 28483 // 6F43, SMS status: last TP-MR, memory full
	fileICCID = 12258 // 2FE2
)

// restrictedSIM is AT+CRSM with READ BINARY. 3GPP TS 27.007 §8.18.
func restrictedSIM(r *run, c call) error {
	a := splitArgs(c.args)
	command, ok := a.number(0, 0)
	file, ok2 := a.number(1, 0)
	offset, ok3 := a.number(3, 0)
	length, ok4 := a.number(4, 0)
	if c.op != opSet || !ok || !ok2 || !ok3 || !ok4 {
		return cmeError(50)
	}
	var content []byte
	switch file {
	case fileSMSS:
		content = []byte{r.m.card.mr, 0xFF}
	case fileICCID:
		content = appendSemiOctets(nil, r.m.card.iccid)
	default:
		r.info("+CRSM: 106,130") // file not found
		return nil
	}
	if command != 176 || offset < 0 || length < 0 || offset+length > len(content) {
		r.info("+CRSM: 103,0") // wrong length
		return nil
	}
	r.info(`+CRSM: 144,0,"%X"`, content[offset:offset+length])
	return nil
}

func phonebook(r *run, c call) error {
	switch c.op {
	case opRead:
		r.info(`+CPBS: "%s",1,250`, r.m.set.phonebook)
	case opTest:
		r.info(`+CPBS: ("SM","ON")`)
	case opSet:
		name := splitArgs(c.args).text(0)
		if name != "SM" && name != "ON" {
			return cmeError(50)
		}
		r.m.set.phonebook = name
	}
	return nil
}

// readPhonebook knows one entry: the own number, first of "ON".
func readPhonebook(r *run, c call) error {
	switch c.op {
	case opTest:
		r.info("+CPBR: (1-250),20,14")
	case opSet:
		first, ok := splitArgs(c.args).number(0, 0)
		if !ok || first < 1 || first > 250 {
			return cmeError(21)
		}
		if r.m.set.phonebook == "ON" && first == 1 {
			r.info(`+CPBR: 1,"%s",%d,"Own"`, r.m.number, typeOfAddress(strings.HasPrefix(r.m.number, "+")))
		}
	}
	return nil
}

// facilityLock answers whether the card asks for its PIN; it changes nothing.
func facilityLock(r *run, c call) error {
	a := splitArgs(c.args)
	if mode, ok := a.number(1, -1); c.op != opSet || !ok || mode != 2 {
		return cmeError(3)
	}
	r.info("+CLCK: %d", bit(a.text(0) == "SC" && r.m.card.pin != ""))
	return nil
}
