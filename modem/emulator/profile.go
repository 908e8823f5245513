package emulator

import "time"

// Profile is how one make of modem differs from another. The zero value of a
// field means the plain behaviour of the standards, given with each field.
type Profile struct {
	Name         string
	Manufacturer string
	Model        string
	Revision     string
	TAC          string // first eight digits of the IMEI

	Boot      []Timed       // what is printed after power-on, in order
	BootTime  time.Duration // nothing is answered before
	SMSReady  time.Duration // message commands answer "busy" before; counted from power-on
	Chatter   []Timed       // printed again and again while the modem is on
	OnSubmit  []string      // printed when a message goes to the air, held back until the answer as all others
	OnCSQ     []string      // printed between AT+CSQ and its answer
	FullURC   string        // printed when a message finds no space
	Memories  []MemorySize  // default: ME 100, SM 20, SR 10
	Mem       [3][]string   // what <mem1>, <mem2>, <mem3> may be; default: every memory and MT
	Preferred string        // memory chosen at power-on; default: the first of Mem[0]
	CPMSTest  string        // answer to AT+CPMS=?; default: built from Mem
	CNMI      [5][]int      // allowed values of AT+CNMI; default: 0-2, 0-3, 0, 0-2, 0-1
	CNMITest  string        // answer to AT+CNMI=?; default: built from CNMI
	CSMS      []int         // services; default: 0, 1
	Ack       time.Duration // how long the modem waits for AT+CNMA; default 15 s

	Unknown        string            // answer to a command that does not exist; default: error 100 or ERROR by AT+CMEE
	Missing        []string          // commands of the standards that this make lacks
	Fixed          map[string]string // further commands: full text after AT to its answer, "" for a bare OK; a name alone takes any parameters
	SIMNumber      string            // command that prints the card number, "+CCID", "^ICCID?"; default "+CCID"
	Restart        string            // command that restarts the modem, besides AT+CFUN=1,1; none when empty
	PINCounter     string            // command that prints the tries left: "^CPIN?", "+SPIC", "+QPINC?"; none when empty
	PINWithoutOK   bool              // AT+CPIN? answers without OK once the card is ready
	LineEnd        string            // end of each line of an answer; default CR LF
	Prompt         string            // default CR LF > blank
	EmptySlotOK    bool              // reading an empty slot answers OK, not error 321
	IndexFrom      int               // index of the first slot of each memory
	ReportsAsSM    bool              // +CDSI names "SM",0 and the report cannot be read
	NoReportMemory bool              // AT+CNMI accepts ds=2, announces the report, and nothing is there
	MMSRefused     bool              // AT+CMMS=2 answers error 500
	CommaAfterMR   bool              // +CMGS: 12, with a dangling comma
	USSD           string            // how strings of AT+CUSD stand between the quotes: "packed", "ucs2", "octets", "latin1"; default: in the character set of AT+CSCS
	URCPort        string            // command that brings unsolicited lines to this port, such as "+QURCCFG"; they go to another one before. Empty: they are here
	CallLines      CallLines         // what is printed besides the lines of the standards while a call goes on
	Transfer       bool              // AT+CHLD=4 connects an active and a held call without the modem
	Digit          string            // printed for a key that the caller presses, with %s for the key or %d for its character code; default "+DTMF: %s"
}

// Timed is a line and when it is printed: counted from power-on in a boot
// sequence, the period in chatter.
type Timed struct {
	After time.Duration
	Text  string
}

// MemorySize says how many messages a memory holds.
type MemorySize struct {
	Name  string
	Slots int
}

// withDefaults fills in what the zero value of a field stands for.
func (p Profile) withDefaults() Profile {
	setDefault(&p.Name, "generic")
	setDefault(&p.Manufacturer, "Trunkline")
	setDefault(&p.Model, "Emulator")
	setDefault(&p.Revision, "1.0")
	setDefault(&p.TAC, "35999900")
	setDefault(&p.LineEnd, "\r\n")
	setDefault(&p.Prompt, "\r\n> ")
	setDefault(&p.SIMNumber, "+CCID")
	if p.Memories == nil {
		p.Memories = []MemorySize{{"ME", 100}, {"SM", 20}, {"SR", 10}}
	}
	for i := range p.Mem {
		if p.Mem[i] == nil {
			p.Mem[i] = []string{"ME", "SM", "MT"}
			if i == 0 {
				p.Mem[i] = append(p.Mem[i], "SR")
			}
		}
	}
	setDefault(&p.Preferred, p.Mem[0][0])
	for i, values := range [5][]int{{0, 1, 2}, {0, 1, 2, 3}, {0}, {0, 1, 2}, {0, 1}} {
		if p.CNMI[i] == nil {
			p.CNMI[i] = values
		}
	}
	if p.CSMS == nil {
		p.CSMS = []int{0, 1}
	}
	if p.Ack == 0 {
		p.Ack = 15 * time.Second
	}
	return p
}

func setDefault(s *string, def string) {
	if *s == "" {
		*s = def
	}
}
