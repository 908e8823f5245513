package modem

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

var (
	// ErrInvalid means that what was asked for cannot be asked of any modem; the text says why.
	ErrInvalid = errors.New("not possible")
	// ErrNotReady means that no initialised session is up; nothing was written to the modem.
	ErrNotReady = errors.New("modem is not ready")
	// ErrTimeout means that the modem did not answer within the limit of the command.
	ErrTimeout = errors.New("no answer from the modem in time")
	// ErrPortLost means that the port failed or was closed while the command ran.
	ErrPortLost = errors.New("port lost")
	// ErrRestarted means that the modem restarted while the command ran.
	ErrRestarted = errors.New("modem restarted")
	// ErrNoPrompt means that the modem ended a send command before it asked for the PDU.
	ErrNoPrompt = errors.New("modem did not ask for the PDU")
	// ErrWriteTimeout means that the port took no octets within the write limit.
	ErrWriteTimeout = errors.New("port takes no octets")
	// errOutOfStep means that two plain AT commands could not be matched with their answers any more.
	errOutOfStep = errors.New("modem is out of step")
	// errNoNetwork is why a registration is helped along.
	errNoNetwork = errors.New("not registered")
	// errStuckCall is why the radio is switched off under a call that does not end.
	errStuckCall = errors.New("a call does not end")
	// errStopping ends the running command when Run is told to stop.
	errStopping = errors.New("modem driver is stopping")
)

// A CommandError is a final result other than OK.
type CommandError struct {
	Command string // what was asked, without "AT"; secrets are masked
	Result  string // the final result line as printed
	CME     int    // +CME ERROR number, 3GPP TS 27.007 §9.2; -1 when there is none
	CMS     int    // +CMS ERROR number, 3GPP TS 27.005 §3.2.5; -1 when there is none
}

func (e *CommandError) Error() string { return "AT" + e.Command + ": " + e.Result }

// newCommandError reads numbers and the well-known text forms (AT+CMEE=2) out of a final result line.
func newCommandError(command, result string) *CommandError {
	e := &CommandError{Command: command, Result: result, CME: -1, CMS: -1}
	if v, ok := cutError(result, "+CME ERROR"); ok {
		e.CME = errorNumber(v, cmeTexts)
	} else if v, ok := cutError(result, "+CMS ERROR"); ok {
		e.CMS = errorNumber(v, cmsTexts)
	}
	return e
}

func cutError(line, prefix string) (string, bool) {
	if len(line) < len(prefix) || !strings.EqualFold(line[:len(prefix)], prefix) {
		return "", false
	}
	return strings.Trim(line[len(prefix):], ": "), true
}

// errorNumber reads v as a number or as a text of the table; -1 when it is neither. Vendors print numbers beyond 32 bits.
func errorNumber(v string, texts map[string]int) int {
	if n, err := strconv.ParseInt(v, 10, 64); err == nil && n >= 0 {
		return int(n)
	}
	if n, ok := texts[errorText(v)]; ok {
		return n
	}
	return -1
}

// errorText keeps letters and digits, lower-cased, so that spelling variants of one text compare equal.
func errorText(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9':
			return r
		case 'A' <= r && r <= 'Z':
			return r + 'a' - 'A'
		}
		return -1
	}, s)
}

// cmeTexts are the texts of 3GPP TS 27.007 §9.2 that lead to decisions here.
var cmeTexts = map[string]int{
	"operationnotallowed": 3, "operationnotsupported": 4, "simnotinserted": 10, "simpinrequired": 11,
	"simpukrequired": 12, "simfailure": 13, "simbusy": 14, "simwrong": 15, "incorrectpassword": 16,
	"simpin2required": 17, "simpuk2required": 18, "memoryfull": 20, "invalidindex": 21, "notfound": 22,
	"memoryfailure": 23, "nonetworkservice": 30, "networktimeout": 31, "networknotallowedemergencycallsonly": 32,
	"incorrectparameters": 50, "unknown": 100, "unknownerror": 100,
}

// cmsTexts are the texts of 3GPP TS 27.005 §3.2.5 that lead to decisions here.
var cmsTexts = map[string]int{
	"mefailure": 300, "smsserviceofmereserved": 301, "operationnotallowed": 302, "operationnotsupported": 303,
	"invalidpdumodeparameter": 304, "invalidtextmodeparameter": 305, "simnotinserted": 310, "simpinrequired": 311,
	"phsimpinrequired": 312, "simfailure": 313, "simbusy": 314, "simwrong": 315, "simpukrequired": 316,
	"simpin2required": 317, "simpuk2required": 318, "memoryfailure": 320, "invalidmemoryindex": 321, "memoryfull": 322,
	"smscaddressunknown": 330, "nonetworkservice": 331, "networktimeout": 332, "nocnmaacknowledgementexpected": 340,
	"unknownerror": 500,
}

// A SubmitError says why a send has no good end, and what is known about it.
type SubmitError struct {
	// Committed is true when the end-of-PDU octet may have left the port. False is proof that the network got nothing.
	Committed bool
	CMS       int   // +CMS ERROR number, -1 when there is none
	CME       int   // +CME ERROR number, -1 when there is none
	Err       error // cause: *CommandError, ErrTimeout, ErrPortLost, a context error, the error of commit, …
}

func (e *SubmitError) Error() string {
	if e.Committed {
		return "submit: after the PDU was written: " + e.Err.Error()
	}
	return "submit: nothing was sent: " + e.Err.Error()
}

func (e *SubmitError) Unwrap() error { return e.Err }

// Class sorts the error by what to do about it. An error after the PDU without a number is Unclear.
func (e *SubmitError) Class() Class {
	switch {
	case e.CMS >= 0:
		return ClassOf(e.CMS)
	case e.CME >= 0:
		return ClassOfCME(e.CME)
	case e.Committed:
		return Unclear
	}
	return Temporary
}

func newSubmitError(committed bool, err error) *SubmitError {
	e := &SubmitError{Committed: committed, CMS: -1, CME: -1, Err: err}
	if ce, ok := errors.AsType[*CommandError](err); ok {
		e.CMS, e.CME = ce.CMS, ce.CME
	}
	return e
}

// A SetupError ends an attempt to bring the modem up. Reason and Hint go into Status.
type SetupError struct {
	Reason Reason
	Hint   string // what the operator can do; "" when there is nothing to say
	Err    error
}

func (e *SetupError) Error() string {
	if e.Err == nil {
		return string(e.Reason)
	}
	return fmt.Sprintf("%s: %v", e.Reason, e.Err)
}

func (e *SetupError) Unwrap() error { return e.Err }
