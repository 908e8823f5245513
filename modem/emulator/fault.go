package emulator

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Kind names what goes wrong.
type Kind string

// Kinds of faults. Each says at which steps it may strike; the first is where it
// does when [Fault.Step] is empty. A fault without a command ([Fault.On] empty)
// that may strike now, does.
const (
	Silence     Kind = "silence"      // now, command, prompt, body, answer: nothing is printed for Delay; 0: until the modem restarts
	Hang        Kind = "hang"         // now, command, prompt, body, answer: nothing is read for Delay; 0: until the modem restarts
	Reset       Kind = "reset"        // now, command, prompt, body, answer: the modem restarts, with its boot lines
	Unplug      Kind = "unplug"       // now, command, prompt, body, answer: the stream is closed; a pty comes back after Delay, default 1 s
	Garbage     Kind = "garbage"      // answer, now: Data, by default NUL octets and line noise, at Offset of the answer
	LongLine    Kind = "long-line"    // answer, now: Code octets (default 70,000) without a line end at Offset of the answer
	URC         Kind = "urc"          // answer, prompt, deliver, now: the line Data at Offset of the answer, the prompt or the routed message
	Lost        Kind = "lost"         // answer: everything done, but the answer is not printed
	Late        Kind = "late"         // answer: printed only after Delay; the modem reads on then
	Error       Kind = "error"        // command, body, answer: Code (below) instead of OK; at command and body nothing is done, at answer everything is
	Glue        Kind = "glue"         // answer: its lines without line ends between them
	Split       Kind = "split"        // answer: a line end at Offset
	Trickle     Kind = "trickle"      // answer: one octet at a time, Delay apart
	NoPrompt    Kind = "no-prompt"    // prompt: the modem waits for data without saying so
	TwoPrompts  Kind = "two-prompts"  // prompt: printed twice
	EchoOn      Kind = "echo-on"      // now, command, answer: as after ATE1
	CNMIOff     Kind = "cnmi-off"     // now, command, answer: as after AT+CNMI=x,0,0,0
	Full        Kind = "full"         // now, command, answer: no space for what arrives for Delay; 0: until cleared or restarted
	NoHangUp    Kind = "no-hang-up"   // command of AT+CHUP, ATH, AT+CHLD: OK, and the calls are still there
	Deaf        Kind = "deaf"         // now, command, answer: registered, but nothing arrives for Delay; 0: until the radio is switched off, or a restart
	DataOnly    Kind = "data-only"    // now, command, answer: registered for LTE data alone, without messages, for Delay; 0: until AT+CGSMS is set to Code, default 3, or a restart
	NoDelete    Kind = "no-delete"    // command of AT+CMGD: OK, and the message is still there
	WrongLength Kind = "wrong-length" // command of AT+CMGL, AT+CMGR, deliver: the length in the header is off by Code, default 1
	Truncate    Kind = "truncate"     // command of AT+CMGL, AT+CMGR, deliver: the PDU line ends Code octets early, default 1
	ReportFirst Kind = "report-first" // body: the status report comes before the answer to AT+CMGS
	Duplicate   Kind = "duplicate"    // deliver: the network sends the message once more
	Clear       Kind = "clear"        // now: ends silence, hang, full, deaf and data-only, and forgets all faults that wait
)

// Kinds lists the kinds of faults in the order of the alphabet.
func Kinds() []Kind { return slices.Sorted(maps.Keys(steps)) }

// Step is a moment at which a fault may strike.
type Step string

const (
	StepNow     Step = "now"     // at once
	StepCommand Step = "command" // read, nothing done
	StepPrompt  Step = "prompt"  // about to ask for the message
	StepBody    Step = "body"    // the message was read to its Ctrl-Z, nothing sent
	StepAnswer  Step = "answer"  // all done, about to print the answer
	StepDeliver Step = "deliver" // a message or report arrived from the network
)

// AtEnd as an Offset means behind the last octet of the answer.
const AtEnd = -1

// Fault is one thing that goes wrong, once or often. The zero value of every
// field but Kind is useful.
type Fault struct {
	Kind   Kind          `json:"kind"`
	On     string        `json:"on,omitempty"`     // name of the command, such as "+CMGS"; empty: any
	Step   Step          `json:"step,omitempty"`   // empty: the first that the kind allows, see above
	Skip   int           `json:"skip,omitempty"`   // how many matches pass before it strikes
	Times  int           `json:"times,omitempty"`  // how often it strikes; 0: once, negative: for ever
	Offset int           `json:"offset,omitempty"` // octet of the answer; AtEnd: behind it
	Code   int           `json:"code,omitempty"`   // CMS error below 1000, 1000 + CME error, 0: plain ERROR; or the number that the kind names
	Data   string        `json:"data,omitempty"`   // octets to print
	Delay  time.Duration `json:"-"`                // "delay" in JSON, as "1.5s"
}

// steps are the moments at which a kind may strike, its default first.
var steps = map[Kind][]Step{
	Silence: {StepNow, StepCommand, StepPrompt, StepBody, StepAnswer},
	Hang:    {StepNow, StepCommand, StepPrompt, StepBody, StepAnswer},
	Reset:   {StepNow, StepCommand, StepPrompt, StepBody, StepAnswer},
	Unplug:  {StepNow, StepCommand, StepPrompt, StepBody, StepAnswer},
	Garbage: {StepNow, StepAnswer}, LongLine: {StepNow, StepAnswer}, URC: {StepNow, StepAnswer, StepPrompt, StepDeliver},
	Lost: {StepAnswer}, Late: {StepAnswer}, Error: {StepCommand, StepBody, StepAnswer},
	Glue: {StepAnswer}, Split: {StepAnswer}, Trickle: {StepAnswer},
	NoPrompt: {StepPrompt}, TwoPrompts: {StepPrompt},
	EchoOn: {StepNow, StepCommand, StepAnswer}, CNMIOff: {StepNow, StepCommand, StepAnswer}, Full: {StepNow, StepCommand, StepAnswer},
	NoHangUp: {StepCommand}, Deaf: {StepNow, StepCommand, StepAnswer}, DataOnly: {StepNow, StepCommand, StepAnswer},
	NoDelete: {StepCommand}, WrongLength: {StepCommand, StepDeliver}, Truncate: {StepCommand, StepDeliver},
	ReportFirst: {StepBody}, Duplicate: {StepDeliver}, Clear: {StepNow},
}

// Validate returns the fault with its step filled in, or what is wrong with it.
func (f Fault) Validate() (Fault, error) {
	allowed, known := steps[f.Kind]
	if !known {
		return f, fmt.Errorf("fault kind %q is not known", f.Kind)
	}
	f.On = strings.ToUpper(strings.TrimPrefix(strings.ToUpper(f.On), "AT"))
	if f.Step == "" {
		f.Step = allowed[0]
		if f.Step == StepNow && f.On != "" && len(allowed) > 1 {
			f.Step = allowed[1]
		}
	}
	for _, s := range allowed {
		if s == f.Step {
			if f.On != "" && (s == StepNow || s == StepDeliver) {
				return f, fmt.Errorf("fault %q at step %q has no command: leave \"on\" out", f.Kind, s)
			}
			return f, nil
		}
	}
	return f, fmt.Errorf("fault %q cannot strike at step %q: allowed are %v", f.Kind, f.Step, allowed)
}

// only names the commands that a kind is about; it passes by all others.
var only = map[Kind][]string{NoDelete: {"+CMGD"}, NoHangUp: {"+CHUP", "H", "+CHLD"}, WrongLength: {"+CMGL", "+CMGR"}, Truncate: {"+CMGL", "+CMGR"}}

// fits reports whether a fault may strike at a step of a command; name is empty
// where no command is involved.
func (f *Fault) fits(step Step, name string) bool {
	if f.Step != step || f.On != "" && f.On != name {
		return false
	}
	about := only[f.Kind]
	return about == nil || name == "" || slices.Contains(about, name)
}

// strike counts one match and reports whether the fault strikes, and whether it
// is used up by that.
func (f *Fault) strike() (hit, spent bool) {
	if f.Skip > 0 {
		f.Skip--
		return false, false
	}
	if f.Times < 0 {
		return true, false
	}
	f.Times--
	return true, f.Times <= 0
}

// fault as JSON: the delay is text such as "300ms".
type faultJSON struct {
	plainFault
	Delay string `json:"delay,omitempty"`
}

type plainFault Fault

// MarshalJSON writes the delay as text.
func (f Fault) MarshalJSON() ([]byte, error) {
	j := faultJSON{plainFault: plainFault(f)}
	if f.Delay != 0 {
		j.Delay = f.Delay.String()
	}
	return json.Marshal(j)
}

// UnmarshalJSON reads what MarshalJSON writes, and refuses keys that it does not know.
func (f *Fault) UnmarshalJSON(b []byte) error {
	var j faultJSON
	if err := strict(bytes.NewReader(b), &j); err != nil {
		return err
	}
	*f = Fault(j.plainFault)
	return parseDelay(j.Delay, &f.Delay)
}

func parseDelay(s string, d *time.Duration) (err error) {
	if s == "" {
		return nil
	}
	if *d, err = time.ParseDuration(s); err != nil {
		return fmt.Errorf("delay: %w", err)
	}
	return nil
}
