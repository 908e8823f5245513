package modem

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// maxConsole bounds a command of the console, in octets.
const maxConsole = 256

// A RefusedError says why the console does not pass a command on.
type RefusedError struct{ Reason string }

func (e *RefusedError) Error() string { return e.Reason }

// consoleRule says what of a command the console keeps back. Reading (?) and testing (=?) of a command that a rule names pass, unless the
// rule says otherwise.
type consoleRule struct {
	names   string // of commands, with blanks between; "*" at the end stands for any rest
	reason  string
	reading bool // reading and testing are kept back, too
}

// consoleRules are searched in order. What no rule names passes: the console is for what this program does not know.
var consoleRules = []consoleRule{
	{names: "+CMGS +CMGW +CMSS +CMGC +CMGD", reason: "messages are sent and deleted by the gateway, which keeps account of them: use trunkline send"},
	{names: "+CPMS +CMGF +CNMI +CSMS +CSDH +CMMS +CNMA +CSAS +CRES +CSCB", reason: "the gateway relies on how messages are read and announced"},
	{names: "+CSCA", reason: "a wrong service centre makes every message fail or cost: set smsc in the configuration"},
	{names: "+CPIN +CPIN2 +CPWD +CLCK +EPIN +CSIM ^CPIN ^CARDLOCK ^SIMLOCK #SIMLOCK", reason: "a wrong entry can lock the card for good: use trunkline modem unlock"},
	{names: "+CRSM", reason: "a write can destroy the card, and files of the card can be read with the values that modem show prints"},
	{names: "+CFUN +CPOF +CPOWD +QPOWD +CPWROFF +CRESET ^RESET !RESET #REBOOT #SHDN #ENHRST ^SMSO +CCHO ^SHUTDOWN +MSO", reason: "it would end the session: the gateway restarts a modem by itself when that helps"},
	{names: "+IPR +ICF +IFC +CMUX +ILRR ^PORTSEL ^SETPORT ^U2DIAG +QURCCFG #PORTCFG +UUSBCONF !UDUSBCOMP +CUSBPIDSWITCH", reason: "it would change the line that the gateway speaks on"},
	{names: "+CMEE +CREG +CGREG +CEREG +C5GREG +CLIP +CRC +CCWA +CUSD +CSCS +CSSN +CVHU ^CURC +CIURC ^USSDMODE +WIND", reason: "the gateway relies on this setting; for USSD use trunkline modem ussd"},
	{names: "+CHLD +CHUP +CCFC +VTS +CTFR ^DTMF +CLIR +COLP", reason: "calls are followed by the gateway, and diverting costs money"},
	{names: "+COPS", reason: "it would leave the network or, as a search, block the modem for minutes", reading: false},
	{names: "+CGATT +CGACT +CGDATA +CGDCONT +CGCMOD +NETOPEN +QIACT +QIOPEN +CIPSTART +HTTPACTION +UPSDA #SGACT ^NDISDUP $QCRMCALL +SAPBR", reason: "data connections cost money"},
	{names: "+EGMR +SIMEI ^IMEI #IMEI +IMEI !IMPREF ^DATALOCK +QNVW +QNVFW ^NVWR* !NV*", reason: "identity and inner memory of the device are not changed from here", reading: true},
	{names: "+QFOTADL +QFUPL +QFDEL +CFOTA +FOTA* #OTA* ^FOTA* ^UPDATE* +UFWUPD", reason: "firmware and files of the device are not changed from here", reading: true},
}

// consoleTests are test forms that do more than answer.
var consoleTests = map[string]string{"+COPS": "a search for networks blocks the modem for minutes"}

// basicReasons are the basic commands, ITU-T V.250 §6, that the console keeps back.
var basicReasons = map[string]string{
	"D": "calls are placed by the gateway, and cost money", "A": "calls are answered by the gateway", "H": "calls are ended by the gateway",
	"E": "the gateway relies on the echo being off", "V": "the gateway relies on the form of results", "Q": "without results nothing works",
	"Z": "a reset would end the session", "&F": "a reset would end the session", "&W": "settings of the gateway must not outlive it in the device",
	"O": "there is no data mode", "X": "the gateway relies on the form of results", "&Y": "a profile would change the settings at the next start",
}

// CheckConsole tells whether the console would pass a command on. The error is a *RefusedError with the reason. text is with or without "AT".
func CheckConsole(text string) error {
	_, err := consoleCommand(text)
	return err
}

// consoleCommand checks a command and returns what follows AT.
func consoleCommand(text string) (string, error) {
	refuse := func(format string, a ...any) (string, error) {
		return "", &RefusedError{fmt.Sprintf(format, a...)}
	}
	if len(text) > maxConsole {
		return refuse("a command has at most %d octets", maxConsole)
	}
	for i := range len(text) {
		switch c := text[i]; {
		case c < ' ' || c > '~':
			return refuse("octet %d is no printable ASCII character", i+1)
		case c == ';':
			return refuse("one command at a time: no semicolon")
		}
	}
	text = strings.TrimSpace(text)
	if len(text) >= 2 && strings.EqualFold(text[:2], "AT") {
		text = text[2:]
	}
	if text == "" {
		return "", nil
	}
	if !strings.ContainsRune("+^*#!$%_@", rune(text[0])) {
		return consoleBasic(text)
	}
	end := 1
	for end < len(text) && isNameOctet(text[end]) {
		end++
	}
	name, form := strings.ToUpper(text[:end]), text[end:]
	if name == text[:1] || form != "" && form != "?" && form[0] != '=' {
		return refuse("it is not of the form +NAME, +NAME?, +NAME=? or +NAME=…")
	}
	if form == "=?" {
		if reason := consoleTests[name]; reason != "" {
			return refuse("%s", reason)
		}
	}
	reads := form == "?" || form == "=?"
	for _, rule := range consoleRules {
		if rule.matches(name) && (!reads || rule.reading) {
			return refuse("%s", rule.reason)
		}
	}
	return text, nil
}

// consoleBasic passes basic commands that only tell something: I, L, M, P, S-registers read, &V. One alone, since a line can hold several.
func consoleBasic(text string) (string, error) {
	up := strings.ToUpper(text)
	name := up[:1]
	if name == "&" && len(up) > 1 {
		name = up[:2]
	}
	rest := up[len(name):]
	if reason := basicReasons[name]; reason != "" {
		return "", &RefusedError{reason}
	}
	switch {
	case name == "I" && (rest == "" || isDigits(rest)), name == "&V" && (rest == "" || isDigits(rest)):
		return text, nil
	case name == "S" && strings.HasSuffix(rest, "?") && isDigits(strings.TrimSuffix(rest, "?")):
		return text, nil
	}
	return "", &RefusedError{"of the basic commands only I, &V and S…? are passed on, one at a time"}
}

func isNameOctet(c byte) bool {
	return c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '_'
}

func (r consoleRule) matches(name string) bool {
	for _, n := range strings.Fields(r.names) {
		if begin, open := strings.CutSuffix(n, "*"); n == name || open && strings.HasPrefix(name, begin) {
			return true
		}
	}
	return false
}

// An Answer is what a modem said to a command of the console.
type Answer struct {
	Lines  []string // without the final result
	Result string   // "OK", "ERROR", "+CME ERROR: 100", …
}

// consoleLimit is how long the modem may be silent before a command of the console is given up.
const consoleLimit = 30 * time.Second

// Console runs one AT command, with or without "AT" in front, between those of the gateway. What would break the session or cost money is a
// *RefusedError; a result other than OK is no error. Indications that come meanwhile are not part of the answer.
func (m *Modem) Console(ctx context.Context, text string) (a Answer, err error) {
	command, err := consoleCommand(text)
	if err != nil {
		return Answer{}, err
	}
	err = m.do(ctx, func(s *session) error {
		lines, err := s.run(&exchange{text: command, shown: Redact(command), limit: consoleLimit, idle: true, bare: true, any: true})
		a = Answer{Lines: lines, Result: "OK"}
		if ce, ok := errors.AsType[*CommandError](err); ok {
			a.Result = ce.Result
			return nil
		}
		return err
	})
	return a, err
}

// Redact masks what may be a PIN or a number: four digits and more in a row, and all that follows the name of a command about PINs.
func Redact(command string) string {
	up := strings.ToUpper(command)
	for _, name := range []string{"CPIN", "CLCK", "CPWD"} {
		if i := strings.Index(up, name); i >= 0 {
			if j := strings.IndexByte(command[i:], '='); j >= 0 && command[i+j:] != "=?" {
				return command[:i+j] + "=…"
			}
		}
	}
	var out strings.Builder
	for i := 0; i < len(command); {
		j := i
		for j < len(command) && command[j] >= '0' && command[j] <= '9' {
			j++
		}
		switch {
		case j == i:
			out.WriteByte(command[i])
			j++
		case j-i >= 4:
			out.WriteString("…")
		default:
			out.WriteString(command[i:j])
		}
		i = j
	}
	return out.String()
}
