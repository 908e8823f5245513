package modem

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// A DivertReason is when calls are passed on. 3GPP TS 27.007 §7.11.
type DivertReason int

// The reasons for diverting, as <reason> of +CCFC.
const (
	DivertAlways         DivertReason = 0
	DivertBusy           DivertReason = 1
	DivertNoReply        DivertReason = 2
	DivertUnreachable    DivertReason = 3
	DivertAll            DivertReason = 4 // every reason at once
	DivertAllConditional DivertReason = 5 // busy, no reply, unreachable
)

// A DivertMode is what to do about a diversion.
type DivertMode int

// The modes, as <mode> of +CCFC.
const (
	DivertDisable  DivertMode = 0
	DivertEnable   DivertMode = 1
	DivertRegister DivertMode = 3 // set the number and enable
	DivertErase    DivertMode = 4
)

// divertQuery is the mode that changes nothing.
const divertQuery = 2

// divertLimit is what the network may take: it is a procedure with the home register.
const divertLimit = 60 * time.Second

// voiceClass is the class of voice calls. 3GPP TS 27.007 §7.11.
const voiceClass = 1

// A Diversion is one that the network has, or has not.
type Diversion struct {
	Active bool
	Class  int           // sum of 1 voice, 2 data, 4 fax, …; 3GPP TS 27.007 §7.11
	Number string        // where to; "" when there is none
	After  time.Duration // of no reply; 0 when it does not apply
}

// Divert changes how the network passes voice calls on. number is for DivertRegister only: digits, perhaps with + in front. after, for
// DivertNoReply and the reasons that hold it, is how long it rings first, 5 to 30 s in steps of 5; 0 leaves that to the network. It holds for all
// callers, outlives this program, and the subscriber pays for the leg that is passed on.
func (m *Modem) Divert(ctx context.Context, reason DivertReason, mode DivertMode, number string, after time.Duration) error {
	if reason < DivertAlways || reason > DivertAllConditional {
		return fmt.Errorf("divert: there is no reason %d", reason)
	}
	text := fmt.Sprintf("+CCFC=%d,%d", reason, mode)
	switch mode {
	case DivertDisable, DivertEnable, DivertErase:
		if number != "" {
			return fmt.Errorf("divert: a number belongs to registering only")
		}
		text += fmt.Sprintf(",,,%d", voiceClass)
	case DivertRegister:
		d, international := strings.CutPrefix(number, "+")
		if d == "" || len(d) > 20 || !isDigits(d) {
			return fmt.Errorf("divert: a number has 1 to 20 digits, perhaps with + in front")
		}
		kind := 129
		if international {
			kind = 145
		}
		text += fmt.Sprintf(`,"%s",%d,%d`, number, kind, voiceClass)
	default:
		return fmt.Errorf("divert: there is no mode %d", mode)
	}
	if after != 0 {
		if after < 5*time.Second || after > 30*time.Second || after%(5*time.Second) != 0 || mode != DivertRegister {
			return fmt.Errorf("divert: the time is 5 to 30 s in steps of 5, for registering only")
		}
		text += fmt.Sprintf(",,,%d", int(after/time.Second))
	}
	return m.do(ctx, func(s *session) error {
		_, err := s.run(&exchange{text: text, shown: fmt.Sprintf("+CCFC=%d,%d,…", reason, mode), limit: divertLimit})
		return err
	})
}

// Diversions asks the network what it does about calls for one of the first four reasons.
func (m *Modem) Diversions(ctx context.Context, reason DivertReason) (found []Diversion, err error) {
	if reason < DivertAlways || reason > DivertUnreachable {
		return nil, fmt.Errorf("divert: reason %d cannot be asked for", reason)
	}
	err = m.do(ctx, func(s *session) error {
		answer, err := s.run(&exchange{text: fmt.Sprintf("+CCFC=%d,%d", reason, divertQuery), limit: divertLimit})
		if err != nil {
			return err
		}
		for _, line := range answer {
			if d, ok := parseDiversion(line); ok {
				found = append(found, d)
			}
		}
		return nil
	})
	return found, err
}

// parseDiversion reads "+CCFC: status,class[,number,type[,subaddr,satype[,time]]]".
func parseDiversion(line string) (d Diversion, ok bool) {
	f := fields(valueOf(line))
	if prefixOf(line) != "+CCFC" || len(f) < 2 {
		return d, false
	}
	status, ok1 := smallNumber(f[0], 1)
	class, ok2 := smallNumber(f[1], 255)
	if !ok1 || !ok2 {
		return d, false
	}
	d = Diversion{Active: status == 1, Class: class}
	if len(f) > 3 {
		d.Number = dialled(f[2], f[3])
	}
	if len(f) > 6 {
		if n, ok := smallNumber(f[6], 60); ok {
			d.After = time.Duration(n) * time.Second
		}
	}
	return d, true
}
