package emulator

import (
	"fmt"
	"hash/fnv"
	"slices"
	"sync"
	"time"
)

// Options describe one modem and its SIM. The zero value of every field but
// Number is useful.
type Options struct {
	Name     string         // in the ledger and the control interface; default: the number
	Number   string         // of the SIM, as the network knows it
	Profile  Profile        // default: the first of [Profiles]
	IMEI     string         // default: made from the profile and the number
	IMSI     string         // default: made from the network and the number
	ICCID    string         // default: made from the number
	PIN      string         // asked for at every power-on; empty: none
	PUK      string         // default "12345678"
	Capacity map[string]int // slots of a memory instead of those of the profile
	Latency  time.Duration  // from a command to its answer
	LineRate int            // bit/s of the line, both ways; 0: unlimited
	Signal   int            // <rssi> of AT+CSQ, 1..31; default 20
	Boot     bool           // every Serve starts with a power-on and its boot lines; else the modem is found running
	NoSIM    bool           // the card holder is empty
}

// Modem is one device with its SIM. What is stored on card and device survives
// from one Serve to the next; settings do not. Make one with [New]; all methods
// may be called from any goroutine.
type Modem struct {
	net    *Network
	o      Options
	p      Profile
	number string
	wg     sync.WaitGroup // ptys

	commands map[string]handler // of the standards, without those that the make lacks

	mu      sync.Mutex
	memory  []*memory
	card    card
	set     settings
	session *session      // nil: no power
	life    chan struct{} // closed at the end of power: restart or end of the session
	boot    time.Time     // power-on
	agenda  []task        // of this life, the first due in front
	timer   *time.Timer   // fires when that is due; nil before the first
	faults  []*Fault
	full    time.Time // no space before; far in the future: until cleared
	deaf    time.Time // nothing from the network gets through before
	lte     dataOnly
	ack     chan bool // a routed message waits for AT+CNMA
	refused bool      // a message was refused for lack of space
	signal  int
	replug  time.Duration  // how long a pty stays away after unplug
	calls   []*voiceCall   // in the order of their numbers
	called  *callee        // how the other sides of its calls behave; nil: the usual
	pressed string         // keys that the host pressed
	handed  []Handover     // calls that the host connected with others
	divert  map[int]string // numbers by reason of AT+CCFC
	said    []string       // in the open USSD session; nil: none
}

// card is the SIM: identity, PIN and what EF_SMSS and EF_SMSP keep.
type card struct {
	imsi, iccid       string
	pin, puk          string
	locked            bool
	pinTries, pukLeft int
	mr                byte // TP-MR of the last SUBMIT. 3GPP TS 31.102 §4.2.9
	smsc              string
}

// farFuture stands for "until cleared".
var farFuture = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

// New puts a modem with its SIM on the network. It has no power until it is
// served.
func New(n *Network, o Options) *Modem {
	m := &Modem{net: n, o: o, p: o.Profile.withDefaults(), number: n.Number(o.Number)}
	if o.Profile.Name == "" && o.Profile.Model == "" {
		m.p = generic().withDefaults()
	}
	setDefault(&m.o.Name, m.number)
	sum := fnv.New32a()
	sum.Write([]byte(m.number))
	serial := sum.Sum32() % 1e9
	setDefault(&m.o.IMEI, withLuhn(fmt.Sprintf("%s%06d", m.p.TAC, serial%1e6)))
	setDefault(&m.o.IMSI, fmt.Sprintf("%s%010d", n.o.PLMN, serial)[:15])
	setDefault(&m.o.ICCID, withLuhn(fmt.Sprintf("894901%012d", serial)))
	setDefault(&m.o.PUK, "12345678")
	if m.o.Signal == 0 {
		m.o.Signal = 20
	}
	m.signal = m.o.Signal
	m.card = card{imsi: m.o.IMSI, iccid: m.o.ICCID, pin: m.o.PIN, puk: m.o.PUK, pinTries: 3, pukLeft: 10, mr: 0xFF, smsc: n.o.SMSC}
	for _, size := range m.p.Memories {
		slots := size.Slots
		if c, ok := m.o.Capacity[size.Name]; ok {
			slots = c
		}
		m.memory = append(m.memory, &memory{name: size.Name, first: m.p.IndexFrom, slots: make([]slot, slots)})
	}
	m.commands = commandTable()
	for _, missing := range m.p.Missing {
		delete(m.commands, missing)
	}
	m.divert = map[int]string{}
	m.life = make(chan struct{})
	close(m.life)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.modems = append(n.modems, m)
	n.sub(m.number).modem = m
	return m
}

// Name, Number, IMEI and ICCID identify the modem and its card.
func (m *Modem) Name() string   { return m.o.Name }
func (m *Modem) Number() string { return m.number }
func (m *Modem) IMEI() string   { return m.o.IMEI }
func (m *Modem) ICCID() string  { return m.o.ICCID }

// LastReference returns the TP-MR of the last SUBMIT, 255 before the first.
func (m *Modem) LastReference() byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.card.mr
}

// Stored counts the messages in a memory such as "SM", or in "MT".
func (m *Modem) Stored(memory string) (used, total int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v := m.view(memory)
	return v.used(), v.total()
}

// Booted returns when the modem last came to power; zero before.
func (m *Modem) Booted() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.boot
}

// SetSignal sets <rssi> of AT+CSQ, 0..31 or 99; at 99 the modem is not
// registered and nothing reaches it.
func (m *Modem) SetSignal(rssi int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.signal = rssi
	m.registrationChanged()
}

// Restart cuts the power and starts the modem again, with its boot lines.
func (m *Modem) Restart() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.session != nil {
		m.powerOn(true)
	}
}

// view finds a memory by the name that commands use.
func (m *Modem) view(name string) view {
	v := view{name: name}
	for _, x := range m.memory {
		if x.name == name || name == "MT" && x.name != "SR" {
			v.parts = append(v.parts, x)
		}
	}
	return v
}

// powerOn begins a new life: settings as from the factory, the PIN asked for
// again. Cold prints the boot lines and answers nothing before their time. The
// lock is held and a session is there.
func (m *Modem) powerOn(cold bool) {
	m.powerOff()
	m.life = make(chan struct{})
	m.set = m.defaults()
	m.card.locked = m.card.pin != ""
	m.full, m.replug = time.Time{}, 0
	m.session.restarted()
	m.boot = time.Now()
	if !cold {
		m.boot = m.boot.Add(-max(m.p.SMSReady, m.p.BootTime))
	}
	if cold {
		for _, line := range m.p.Boot {
			m.after(line.After, func() { m.session.out.put([]byte("\r\n" + line.Text + "\r\n")) })
		}
	}
	for _, line := range m.p.Chatter {
		var again func()
		again = func() {
			if !m.set.silent {
				m.urc(line.Text)
			}
			m.after(line.After, again)
		}
		m.after(line.After, again)
	}
	m.after(time.Until(m.boot.Add(m.p.SMSReady)), m.registrationChanged)
}

// powerOff ends a life. The lock is held.
func (m *Modem) powerOff() {
	select {
	case <-m.life:
	default:
		close(m.life)
	}
	m.agenda = nil
	m.ack, m.said = nil, nil
	m.endCalls()
	m.deaf, m.lte = time.Time{}, dataOnly{}
}

// task is something that a modem does at a time.
type task struct {
	at time.Time
	do func()
}

// after runs fn with the lock held, unless this life has ended by then; at once
// when d is not positive. What is due first runs first, however late both are.
// The lock is held.
func (m *Modem) after(d time.Duration, fn func()) {
	if d <= 0 {
		fn()
		return
	}
	select {
	case <-m.life:
		return
	default:
	}
	t := task{time.Now().Add(d), fn}
	i := slices.IndexFunc(m.agenda, func(o task) bool { return o.at.After(t.at) })
	if i < 0 {
		i = len(m.agenda)
	}
	m.agenda = slices.Insert(m.agenda, i, t)
	if i == 0 {
		m.wake()
	}
}

// wake sets the timer to the first task. The lock is held.
func (m *Modem) wake() {
	if m.timer != nil {
		m.timer.Stop()
	}
	m.timer = time.AfterFunc(time.Until(m.agenda[0].at), m.runDue)
}

// runDue does what is due. A timer of an earlier life finds nothing.
func (m *Modem) runDue() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for len(m.agenda) > 0 {
		first := m.agenda[0]
		if time.Until(first.at) > 0 {
			m.wake()
			return
		}
		m.agenda = slices.Delete(m.agenda, 0, 1)
		first.do()
	}
}

// registered reports whether the network can reach the modem. The lock is held.
func (m *Modem) registered() bool {
	return m.session != nil && !m.o.NoSIM && !m.card.locked && m.set.fun == 1 && m.signal != 99 && !time.Now().Before(m.boot.Add(m.p.SMSReady))
}

// registrationChanged tells host and network. The lock is held.
func (m *Modem) registrationChanged() {
	on := m.registered()
	if on == m.set.registered {
		return
	}
	m.set.registered = on
	for _, r := range []struct {
		name string
		mode int
	}{{"+CREG", m.set.creg}, {"+CGREG", m.set.cgreg}, {"+CEREG", m.set.cereg}} {
		if r.mode > 0 {
			m.urc(r.name + ": " + m.registration(r.name, r.mode))
		}
	}
	if on {
		m.net.alert(m.number)
	}
}

// withLuhn appends the check digit of an IMEI or ICCID. ISO/IEC 7812-1 annex B.
func withLuhn(digits string) string {
	sum := 0
	for i := range digits {
		d := int(digits[len(digits)-1-i] - '0')
		if i%2 == 0 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return digits + string(rune('0'+(10-sum%10)%10))
}
