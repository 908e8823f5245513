package modem

import (
	"strings"
	"time"
)

// urcKind sorts indications by what they lead to.
type urcKind uint8

const (
	urcOther        urcKind = iota // known or unknown, without consequence
	urcStored                      // a memory has something new
	urcFull                        // a memory is full
	urcDeliver                     // a message, in two lines
	urcReport                      // a status report, in two lines
	urcBroadcast                   // a cell broadcast, in two lines; dropped
	urcRegistration                // registration changed
	urcSignal                      // signal changed
	urcBoot                        // the modem restarts: what runs gets no answer
	urcBooted                      // the modem finished its start: settings are gone
	urcSIM                         // the card changed its state
	urcCall                        // a call comes, changes or goes
	urcLate                        // answer to a send that was given up
	urcUSSD                        // answer of the network to a USSD request, or a request of its own
	urcDigit                       // the other side of a call pressed a key
)

var urcNames = [...]string{"other", "stored", "full", "deliver", "report", "broadcast", "registration", "signal", "boot",
	"booted", "sim", "call", "late", "ussd", "digit"}

func (k urcKind) String() string { return urcNames[k] }

// urc is one indication.
type urc struct {
	kind    urcKind
	prefix  string    // "+CMTI"; "" for words
	text    string    // first line
	trailer string    // second line of two-line forms: the PDU in hex
	lost    bool      // the second line did not come
	cut     bool      // another indication came before it was complete
	at      time.Time // when the line came that a further one belongs to
}

// twoLines are the indications that a second line belongs to. 3GPP TS 27.005 §3.4.1.
func (u urc) twoLines() bool {
	switch u.kind {
	case urcDeliver, urcBroadcast:
		return true
	case urcUSSD:
		return openUSSD(u.text)
	case urcReport:
		// The text form of a status report has everything in one line.
		return len(fields(valueOf(u.text))) < 5
	}
	return false
}

// prefixIndications are the indications with consequences by prefix. Every other prefixed line that is not of the running
// command is an indication without.
var prefixIndications = map[string]urcKind{
	"+CMTI": urcStored, "+CDSI": urcStored, "+CBMI": urcOther, "+CMT": urcDeliver, "+CDS": urcReport, "+CBM": urcBroadcast,
	"^SMMEMFULL": urcFull, "+CIEV": urcOther,
	"+CREG": urcRegistration, "+CGREG": urcRegistration, "+CEREG": urcRegistration, "+C5GREG": urcRegistration,
	"^RSSI": urcSignal, "+CSQ": urcSignal,
	"+CFUN": urcBoot, "^SYSSTART": urcBoot, "*ATREADY": urcBoot, "+AT": urcBoot, "^SHUTDOWN": urcBoot,
	"+PBREADY": urcBooted,
	"+CPIN":    urcSIM, "^SIMST": urcSIM, "+QUSIM": urcSIM, "+SIMCARD": urcSIM, "+CSMINS": urcSIM, "#QSS": urcSIM, "+QSIMSTAT": urcSIM,
	"+CRING": urcCall, "+CLIP": urcCall, "+CCWA": urcCall, "+CLCC": urcCall, "^ORIG": urcCall, "^CONF": urcCall, "^CONN": urcCall,
	"^CEND": urcCall, "^DSCI": urcCall, "+UCALLSTAT": urcCall, "#ECAM": urcCall, "^SLCC": urcCall, "+ZEND": urcCall,
	"+DTMF": urcDigit, "+RXDTMF": urcDigit, "+QTONEDET": urcDigit, "#DTMFEV": urcDigit, "+UUDTMFD": urcDigit, "^DDTMF": urcDigit,
	"+CUSD": urcUSSD,
	"+CMGS": urcLate, "+CMSS": urcLate, "+CMGW": urcOther,
}

// wordIndications are whole lines or, with a trailing '*', beginnings of lines that have no prefix. Compared in upper case.
var wordIndications = []struct {
	word string
	kind urcKind
}{
	{"RING", urcCall}, {"NO CARRIER", urcCall}, {"BUSY", urcCall}, {"NO ANSWER", urcCall}, {"NO DIALTONE", urcCall},
	{"CONNECT*", urcCall}, {"HANGUP*", urcCall}, {"VOICE CALL*", urcCall}, {"MISSED_CALL*", urcCall}, {"MO RING", urcCall},
	{"MO CONNECTED", urcCall}, {"CALLING", urcCall},
	{"RDY", urcBoot}, {"NORMAL POWER DOWN", urcBoot}, {"POWERED DOWN", urcBoot}, {"UNDER-VOLTAGE POWER DOWN", urcBoot},
	{"OVER-VOLTAGE POWER DOWN", urcBoot}, {"^SYSSTART*", urcBoot}, {"^SHUTDOWN", urcBoot}, {"START", urcBoot},
	{"SMS READY", urcBooted}, {"CALL READY", urcOther}, {"SMS DONE", urcBooted}, {"PB DONE", urcOther},
	{"UNDER-VOLTAGE*", urcOther}, {"OVER-VOLTAGE*", urcOther}, {"DST:*", urcOther}, {"+PACSP*", urcOther}, {"MODEM STARTUP", urcBoot},
}

// indicationOf makes an indication of a prefixed line.
func indicationOf(prefix, text string) urc {
	u := urc{kind: prefixIndications[prefix], prefix: prefix, text: text}
	v := strings.ToUpper(valueOf(text))
	switch prefix {
	case "+QIND":
		if strings.Contains(v, "SMSFULL") {
			u.kind = urcFull
		} else if strings.Contains(v, "SMS DONE") {
			u.kind = urcBooted
		}
	case "+WIND":
		if strings.HasPrefix(v, "5,") || strings.HasPrefix(v, "6,") || v == "2" {
			u.kind = urcCall
		}
	case "+CIEV":
		if strings.HasPrefix(v, "SMSFULL") || strings.HasPrefix(v, `"SMSFULL`) {
			u.kind = urcFull
		}
	case "+CFUN":
		if v != "1" {
			u.kind = urcOther
		}
	}
	return u
}

// wordIndication makes an indication of a line without prefix; ok is false when the line is none.
func wordIndication(text string) (u urc, ok bool) {
	up := strings.ToUpper(text)
	for _, w := range wordIndications {
		begin, open := strings.CutSuffix(w.word, "*")
		if up == begin || open && strings.HasPrefix(up, begin) {
			return urc{kind: w.kind, text: text}, true
		}
	}
	return urc{}, false
}

// unsolicited tells whether a line whose prefix is that of the running command is nevertheless an indication.
// Only prefixes that are both answer and indication come here.
func unsolicited(prefix, command, text string) bool {
	read := strings.HasSuffix(command, "?")
	switch prefix {
	case "+CREG", "+CGREG", "+CEREG", "+C5GREG":
		return !read || !solicitedRegistration(valueOf(text))
	case "+CUSD":
		return !read
	case "+CLIP", "+CCWA":
		return !read && !strings.Contains(command, "=2")
	case "+CMTI", "+CDSI", "+CMT", "+CDS", "+CBM", "+CRING":
		return true
	case "+CPIN":
		return !read
	}
	return false
}

// solicitedRegistration tells the answer "n,stat[,lac,ci…]" from the indication "stat[,lac,ci…]". 3GPP TS 27.007 §7.2.
// With three fields and more the second one decides: a location is quoted or has three characters and more.
func solicitedRegistration(v string) bool {
	raw := strings.Split(v, ",")
	switch {
	case len(raw) < 2:
		return false
	case len(raw) == 2:
		return true
	}
	second, third := strings.TrimSpace(raw[1]), strings.TrimSpace(raw[2])
	if strings.HasPrefix(second, `"`) || strings.HasSuffix(second, `"`) {
		return false
	}
	if strings.HasPrefix(third, `"`) {
		return isDigits(second)
	}
	return len(second) < 3 && isDigits(second)
}

// memoryNames are the message memories that are ever named to a modem. 3GPP TS 27.005 §3.2.2.
var memoryNames = []string{"SM", "ME", "MT", "SR", "BM", "TA"}

// storedOf reads "memory,index" of +CMTI and +CDSI. Anything that is not a known memory or a sane slot is left out and named
// in bad: a sweep finds the message without them.
func storedOf(text string) (memory string, index int, bad []string) {
	index = -1
	v := valueOf(text)
	if v == "" {
		return "", -1, nil
	}
	f := fields(v)
	for _, name := range memoryNames {
		if f[0] == name {
			memory = name
		}
	}
	if memory == "" && f[0] != "" && !isDigits(f[0]) {
		bad = append(bad, "cmti.storage")
	}
	if len(f) < 2 {
		return memory, index, bad
	}
	n, ok := smallNumber(f[len(f)-1], maxSlot)
	if !ok || len(f) > 2 {
		return memory, -1, append(bad, "cmti.index")
	}
	return memory, n, bad
}

// maxSlot is the highest slot number that is believed.
const maxSlot = 65535

// announcedLength reads the length of "+CMT: [alpha],length" and "+CDS: length"; -1 when there is none.
func announcedLength(text string) int {
	f := fields(valueOf(text))
	if n, ok := smallNumber(f[len(f)-1], 999); ok {
		return n
	}
	return -1
}
