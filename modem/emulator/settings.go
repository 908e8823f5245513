package emulator

import "fmt"

// settings are what a power-on forgets. 3GPP TS 27.005, 27.007 and V.250 name
// each by its command.
type settings struct {
	echo        bool
	verbose     bool
	quiet       bool
	cmee        int
	sreg        map[string]int
	fun         int
	registered  bool
	creg        int
	cgreg       int
	cereg       int
	copsFormat  int
	scs         string
	clip        int
	crc         int
	ccwa        int
	callWaiting bool // of the network: it outlives no power-on here
	cusd        int
	textMode    bool
	csms        int
	cnmi        [5]int
	mem         [3]string
	showHeader  bool   // AT+CSDH
	fo          int    // AT+CSMP
	vp          int    // AT+CSMP, relative
	pid         int    // AT+CSMP
	dcs         int    // AT+CSMP
	mms         int    // AT+CMMS
	gsms        int    // AT+CGSMS
	phonebook   string // AT+CPBS
	silent      bool   // AT^CURC=0: no lines of the make by themselves
	plain       map[string]string
}

func (m *Modem) defaults() settings {
	s := settings{echo: true, verbose: true, fun: 1, scs: "IRA", fo: 17, vp: 167, phonebook: "SM", callWaiting: true, gsms: 1, sreg: map[string]int{"S0": 0, "S3": 13, "S4": 10, "S5": 8, "S7": 60}, plain: map[string]string{}}
	for i := range s.cnmi {
		s.cnmi[i] = m.p.CNMI[i][0]
	}
	for i := range s.mem {
		s.mem[i] = m.p.Preferred
	}
	s.registered = false
	return s
}

// registration is what AT+CREG? and its kin print after <n>.
func (m *Modem) registration(command string, mode int) string {
	stat := 0
	if d := m.domain(); d == "cs+ps" || d == "ps" && command != "+CREG" {
		stat = 1
	} else if d != "" {
		stat = 2
	} else if m.session != nil && m.set.fun == 1 && !m.o.NoSIM && !m.card.locked {
		stat = 2
	}
	if mode == 2 && stat == 1 {
		return fmt.Sprintf(`%d,"4A2F","01A2D1F5"`, stat)
	}
	return fmt.Sprint(stat)
}
