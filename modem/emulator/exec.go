package emulator

import (
	"errors"
	"fmt"
	"strings"
)

// Results of a command beside nil, which is OK.
type (
	cmeError int    // +CME ERROR. 3GPP TS 27.007 §9.2
	cmsError int    // +CMS ERROR. 3GPP TS 27.005 §3.2.5
	final    string // another final result code, or what a make prints for an error
)

func (e cmeError) Error() string { return fmt.Sprintf("+CME ERROR: %d", int(e)) }
func (e cmsError) Error() string { return fmt.Sprintf("+CMS ERROR: %d", int(e)) }
func (e final) Error() string    { return string(e) }

var (
	errPlain  = final("ERROR")
	errNone   = final("")               // no final result code at all
	errPrompt = errors.New("typing")    // the command goes on when the message was typed
	errDead   = errors.New("restarted") // the life of the modem ended meanwhile
)

// result is what the commands of a line have printed so far.
type result struct {
	name  string // of the command that answers
	lines []string
}

// run is one command line being executed; handlers get it with the modem's lock
// held.
type run struct {
	*session
	result
	rest []call // after the one that executes

	noDelete    bool // faults that struck this command
	noHangUp    bool
	reportFirst bool
	lengthError int
	truncate    int
}

// handler executes one command. The lock is held.
type handler func(r *run, c call) error

// info prints one information line.
func (r *run) info(format string, a ...any) {
	r.lines = append(r.lines, fmt.Sprintf(format, a...))
}

// unlocked runs fn without the lock; false when the modem restarted meanwhile.
func (r *run) unlocked(fn func()) bool {
	r.m.mu.Unlock()
	fn()
	r.m.mu.Lock()
	return r.alive()
}

// command executes a line that ended with a carriage return. What stands before
// "AT" is noise; a line without it is not answered. V.250 §5.2.1.
func (s *session) command(line string) {
	at := attention(line)
	if at < 0 {
		s.idle()
		return
	}
	s.last = line
	calls, err := parseLine(line[at+2:])
	r := &run{session: s, rest: calls}
	if err != nil {
		r.finish(errPlain)
		return
	}
	r.proceed()
}

// attention finds "AT" or "at" in a line of any octets, -1 when it is not there.
func attention(line string) int {
	for i := 0; i+1 < len(line); i++ {
		if line[i]&^0x20 == 'A' && line[i+1]&^0x20 == 'T' {
			return i
		}
	}
	return -1
}

// idle releases the line without an answer.
func (s *session) idle() {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	if s.alive() {
		s.release()
	}
}

// proceed executes the rest of the line and answers it.
func (r *run) proceed() {
	for len(r.rest) > 0 {
		c := r.rest[0]
		r.rest = r.rest[1:]
		r.name = c.name
		err := r.one(c)
		switch {
		case errors.Is(err, errDead):
			return
		case errors.Is(err, errPrompt):
			r.prompt()
			return
		case err != nil:
			r.finish(err)
			return
		}
	}
	r.finish(nil)
}

// one executes one command, with the faults that strike before it.
func (r *run) one(c call) error {
	if !sleep(r.m.o.Latency, r.life) {
		return errDead
	}
	if err := r.struck(StepCommand); err != nil {
		return err
	}
	r.m.mu.Lock()
	defer r.m.mu.Unlock()
	if !r.alive() {
		return errDead
	}
	return r.dispatch(c)
}

// dispatch finds what executes a command: what the make adds or lacks, then the
// table of the standards.
func (r *run) dispatch(c call) error {
	form := c.name
	switch c.op {
	case opRead:
		form += "?"
	case opTest:
		form += "=?"
	case opSet:
		form += "=" + c.args
	}
	for _, key := range []string{form, c.name} {
		if text, ok := r.m.p.Fixed[key]; ok && (key == form || c.op == opSet || c.op == opExec) {
			if c.name == r.m.p.URCPort && c.op == opSet {
				r.m.set.plain[c.name] = c.args
			}
			if c.name == "^CURC" && c.op == opSet {
				r.m.set.silent = c.args == "0"
			}
			if text != "" {
				r.info("%s", text)
			}
			return nil
		}
	}
	fn := r.m.commands[c.name]
	if own := r.m.vendorCommand(c); own != nil {
		fn = own
	}
	if fn == nil {
		if r.m.p.Unknown != "" {
			return final(r.m.p.Unknown)
		}
		return cmeError(100)
	}
	if err := r.m.cardError(c.name); err != nil {
		return err
	}
	return fn(r, c)
}

// finish prints the answer of the line, with the faults that strike then, and
// releases the line.
func (r *run) finish(err error) {
	if s := r.shape(err); s.write() {
		r.idle()
	}
}

// text is the answer of the line as the modes ask for it. V.250 §6.2.6, §6.2.5.
// The lock is held.
func (r *run) text(err error) []byte {
	set := &r.m.set
	var b strings.Builder
	for _, line := range r.lines {
		if set.verbose {
			b.WriteString("\r\n")
		}
		b.WriteString(line)
		b.WriteString(r.m.p.LineEnd)
	}
	code := r.m.resultCode(err)
	switch {
	case code == "" || set.quiet:
	case set.verbose:
		b.WriteString("\r\n" + code + "\r\n")
	default:
		b.WriteString(code + "\r")
	}
	return []byte(b.String())
}

// numericCodes are the final results of ATV0. V.250 §5.7.1.
var numericCodes = map[string]string{"OK": "0", "NO CARRIER": "3", "ERROR": "4", "BUSY": "7", "NO ANSWER": "8"}

// resultCode words the end of an answer. The lock is held.
func (m *Modem) resultCode(err error) string {
	code := "OK"
	switch e := err.(type) {
	case nil:
	case cmeError:
		switch m.set.cmee {
		case 0:
			code = "ERROR"
		case 1:
			code = e.Error()
		default:
			code = "+CME ERROR: " + errorText(cmeTexts, int(e))
		}
	case cmsError:
		code = e.Error()
		if m.set.cmee == 2 {
			code = "+CMS ERROR: " + errorText(cmsTexts, int(e))
		}
	default:
		code = e.Error()
	}
	if n, ok := numericCodes[code]; ok && !m.set.verbose {
		return n
	}
	return code
}

// errorText words an error code for AT+CMEE=2.
func errorText(texts map[int]string, code int) string {
	if t, ok := texts[code]; ok {
		return t
	}
	return "unknown error"
}

// Texts of 3GPP TS 27.007 §9.2 and TS 27.005 §3.2.5.
var (
	cmeTexts = map[int]string{
		3: "operation not allowed", 4: "operation not supported", 10: "SIM not inserted", 11: "SIM PIN required", 12: "SIM PUK required", 13: "SIM failure",
		14: "SIM busy", 15: "SIM wrong", 16: "incorrect password", 20: "memory full", 21: "invalid index", 22: "not found", 30: "no network service", 50: "Incorrect parameters", 100: "unknown",
	}
	cmsTexts = map[int]string{
		300: "ME failure", 302: "operation not allowed", 303: "operation not supported", 304: "invalid PDU mode parameter", 305: "invalid text mode parameter",
		310: "SIM not inserted", 311: "SIM PIN required", 314: "SIM busy", 316: "SIM PUK required", 320: "memory failure", 321: "invalid memory index", 322: "memory full",
		330: "SMSC address unknown", 331: "no network service", 332: "network timeout", 340: "no +CNMA acknowledgement expected", 500: "unknown error",
	}
)
