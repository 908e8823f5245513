package modem

import (
	"context"
	"strings"
	"time"
)

// phase is how far a send has come.
type phase uint8

const (
	plain      phase = iota // not a send
	asking                  // the command is out, the prompt is not there
	prompted                // the prompt came; commit runs; no octet of the PDU is out
	handedOver              // the PDU is being or was written
)

// exchange is one command and what comes of it. All fields but those set by the owner before it runs are under the lock of
// the guard.
type exchange struct {
	text   string // after "AT"
	shown  string // text for errors and logs, secrets masked
	id     string // prefix of the answer lines
	accept []string
	bare   bool          // lines without prefix belong to the answer
	any    bool          // so do lines of any prefix that is no known indication
	limit  time.Duration // from the command to its end, or to the prompt; with idle, between two lines
	idle   bool
	lone   time.Duration // when set, an answer line not followed by OK within it ends the command as OK

	pdu     string // what is given after the prompt: hex without end-of-PDU octet; "" for a command without prompt
	ctx     context.Context
	commit  func() error  // send only: called before the first octet that cannot be taken back; nil for what sends nothing
	result  time.Duration // with pdu or commit: from that octet to the end
	phase   phase
	partial bool // with pdu or commit: the port failed before it took the octet that begins the work

	turn   int64 // number of the command line once it is being written, 0 before: lines that began earlier are not its answer
	answer []string
	octets int
	final  string // "" while running
	cause  error  // why the guard ended it
	timer  *time.Timer
}

// prefixID returns what answer lines of the command text begin with.
func prefixID(text string) string {
	if i := strings.IndexAny(text, "=?"); i >= 0 {
		text = text[:i]
	}
	return strings.ToUpper(text)
}

// first returns the phase that the exchange begins in.
func (e *exchange) first() phase {
	if e.pdu != "" || e.commit != nil {
		return asking
	}
	return plain
}

func (e *exchange) owns(prefix string) bool {
	if prefix == e.id {
		return true
	}
	for _, a := range e.accept {
		if prefix == a {
			return true
		}
	}
	if e.any {
		_, known := prefixIndications[prefix]
		return !known
	}
	return false
}

// isEcho tells whether text is what was sent: the command line, or the PDU.
func (e *exchange) isEcho(text string) bool {
	if strings.EqualFold(text, "AT"+strings.TrimSpace(e.text)) {
		return true
	}
	return e.pdu != "" && strings.EqualFold(strings.TrimLeft(text, "> "), e.pdu)
}

// callWords are final results of commands that place, take or end a call, and indications otherwise. ITU-T V.250 §5.7.1.
var callWords = []string{"NO CARRIER", "BUSY", "NO ANSWER", "NO DIALTONE"}

// finalWords are the final results besides those with a number.
var finalWords = []string{"OK", "ERROR", "COMMAND NOT SUPPORT", "TOO MANY PARAMETERS", "ABORTED", "NA"}

// isFinal tells whether text ends the command id.
func isFinal(text, id string) bool {
	up := strings.ToUpper(text)
	for _, w := range finalWords {
		if up == w {
			return true
		}
	}
	for _, p := range []string{"+CME ERROR", "+CMS ERROR", "MODEM ERROR:"} {
		if strings.HasPrefix(up, p) {
			return true
		}
	}
	if id != "" && strings.ContainsRune("DAH", rune(id[0])) {
		for _, w := range callWords {
			if up == w {
				return true
			}
		}
	}
	return false
}

// splitGlued cuts an error that firmware printed in one line with the answer that follows it, as "ERROR+CNUM: …".
func splitGlued(text string) (final, rest string, ok bool) {
	up := strings.ToUpper(text)
	for _, p := range []string{"+CME ERROR", "+CMS ERROR", "ERROR"} {
		if !strings.HasPrefix(up, p) {
			continue
		}
		if i := strings.IndexAny(text[len(p):], "+^"); i >= 0 {
			cut := len(p) + i
			return strings.TrimSpace(text[:cut]), text[cut:], true
		}
		return "", "", false
	}
	return "", "", false
}
