package modem

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// initialise brings a modem of unknown state to where it can be served. ctx ends waits between commands; commands in flight
// are ended by the guard.
func (s *session) initialise(ctx context.Context) error {
	if err := s.greet(); err != nil {
		return err
	}
	drain(s.e.restarted)
	drain(s.e.booted)
	drain(s.e.card)
	if err := s.softly(dialogueSetup); err != nil {
		return err
	}
	if err := s.pinSpeed(); err != nil {
		return err
	}
	if err := s.radioOn(ctx); err != nil {
		return err
	}
	if err := s.identify(); err != nil {
		return err
	}
	if err := s.unlock(ctx); err != nil {
		return err
	}
	if err := s.checkTwin(); err != nil {
		return err
	}
	if err := s.softly(s.vendor.setup); err != nil {
		return err
	}
	if err := s.messageMode(ctx); err != nil {
		return err
	}
	if err := s.readCard(ctx); err != nil {
		return err
	}
	if err := s.prepareService(); err != nil {
		return err
	}
	if err := s.chooseMemories(); err != nil {
		return err
	}
	if err := s.chooseRouting(); err != nil {
		return err
	}
	if err := s.softly(networkSetup); err != nil {
		return err
	}
	if err := s.prepareCalls(); err != nil {
		return err
	}
	s.m.log.Debug("modem is set up", "vendor", s.vendor.name, "cnmi", s.cnmi, "memories", s.memories)
	return nil
}

// greet finds out whether anybody answers: leave a prompt, wait for the end of what is under way, AT until it is answered.
func (s *session) greet() error {
	s.g.sync(true)
	if err := s.g.writeRaw(escape, '\r'); err != nil {
		return err
	}
	s.g.quiet(20*time.Millisecond, 2*time.Second)
	tries := 10
	if s.patient {
		tries = 30
	}
	for range tries {
		_, err := s.g.run(&exchange{limit: time.Second})
		_, refused := errors.AsType[*CommandError](err)
		switch {
		case err == nil:
			return s.inStep(8)
		case refused || errors.Is(err, ErrTimeout) || errors.Is(err, ErrRestarted):
		default:
			return err
		}
	}
	return &SetupError{Reason: ReasonNoAnswer, Err: ErrTimeout,
		Hint: "no answer to AT: is this the AT port of the modem, is the line speed right, does it have power?"}
}

// fatal tells errors that end an initialisation from a plain refusal of the command.
func fatal(err error) bool {
	_, refused := errors.AsType[*CommandError](err)
	return err != nil && !refused
}

// soft runs a command whose refusal does not matter.
func (s *session) soft(text string) error {
	if _, err := s.ask(text); fatal(err) {
		return err
	}
	return nil
}

// dialogueSetup and networkSetup are set in every session, and again whenever the modem turns out to have forgotten its settings.
var (
	dialogueSetup = []string{"E0", "V1", "Q0", "S0=0", "+CMEE=1"}
	networkSetup  = []string{"+CREG=2", "+CGREG=0", "+CEREG=2", "+COPS=3,0"}
)

// softly runs commands whose refusal does not matter.
func (s *session) softly(texts []string) error {
	for _, text := range texts {
		if err := s.soft(text); err != nil {
			return err
		}
	}
	return nil
}

// insist repeats a command while the modem says that it is busy, with growing gaps, for as long as patience lasts.
func (s *session) insist(ctx context.Context, patience time.Duration, e exchange) ([]string, error) {
	gap := 250 * time.Millisecond
	for start := time.Now(); ; {
		try := e
		answer, err := s.run(&try)
		if !busy(err) || time.Since(start)+gap > patience {
			return answer, err
		}
		select {
		case <-time.After(gap):
		case <-ctx.Done():
			return answer, err
		case <-s.g.dead:
			return answer, err
		}
		gap = min(gap*2, 2*time.Second)
	}
}

// busy tells the errors that pass by themselves after a start: SIM busy, please wait.
func busy(err error) bool {
	ce, ok := errors.AsType[*CommandError](err)
	return ok && (ce.CME == 14 || ce.CME == 515 || ce.CMS == 314 || ce.CMS == 515)
}

// pinSpeed has a modem on a serial line, which takes its speed from what it hears, stay at the one in use: noise on the line would set
// another one, and until it heard something it could not tell anything. ITU-T V.250 §6.2.10.
func (s *session) pinSpeed() error {
	if s.m.port.port.USB != nil {
		return nil
	}
	answer, err := s.ask("+IPR?")
	if err != nil || firstField(answer) != "0" {
		return ignoreRefusal(err)
	}
	return s.soft(fmt.Sprintf("+IPR=%d", s.m.speed()))
}

// awaitRadio spaces out the radios of a program that are switched on: each draws the most power then, and hubs give way under several.
func (s *session) awaitRadio() {
	if s.m.finder != nil {
		s.g.rest(bg, s.m.finder.radioTurn(time.Now()))
	}
}

func (s *session) radioOn(ctx context.Context) error {
	answer, err := s.ask("+CFUN?")
	if fatal(err) {
		return err
	}
	if err != nil || firstField(answer) == "1" {
		return nil
	}
	s.awaitRadio()
	_, err = s.insist(ctx, 15*time.Second, exchange{text: "+CFUN=1"})
	if fatal(err) {
		return err
	}
	return nil
}

// identify reads what modem this is and picks its row.
func (s *session) identify() error {
	id, err := s.askIdentity()
	if err != nil {
		return err
	}
	imei := digitsOf(id[3])
	s.vendor = vendorOf(id[0], id[1])
	s.m.kind = s.vendor
	s.m.board.update(func(st *Status) {
		st.Manufacturer, st.Model, st.Revision, st.IMEI = id[0], id[1], id[2], imei
	})
	if want := s.m.config.IMEI; want != "" && imei != want {
		return &SetupError{Reason: ReasonWrongModem, Err: fmt.Errorf("IMEI is %s, not %s", imei, want),
			Hint: "another modem answers at this device; use a path below /dev/serial/by-path or change imei"}
	}
	return nil
}

// identity cleans an identity line: prefix, label and quotes off, length bounded.
func identity(text string) string {
	v := strings.Trim(valueOf(text), `" `)
	if label, rest, ok := strings.Cut(v, ": "); ok && !strings.ContainsAny(label, `"0123456789`) {
		v = strings.Trim(rest, `" `)
	}
	return v[:min(len(v), 64)]
}

func digitsOf(text string) string {
	var out []byte
	for i := 0; i < len(text) && len(out) < 24; i++ {
		if text[i] >= '0' && text[i] <= '9' {
			out = append(out, text[i])
		} else if len(out) > 0 {
			break
		}
	}
	return string(out)
}

// messageMode sets PDU mode. After a start some modems refuse SMS commands until they announce that they are ready; the
// announcement may have been missed, so the commands themselves are the proof. Some take AT+CMGF before the memories answer.
func (s *session) messageMode(ctx context.Context) error {
	patience := 10 * time.Second
	if s.vendor.boots {
		patience = 60 * time.Second
	}
	var err error
	for start := time.Now(); time.Since(start) < patience; {
		if _, err = s.insist(ctx, patience, exchange{text: "+CMGF=0"}); fatal(err) {
			return err
		}
		if err == nil {
			_, err := s.insist(ctx, patience, exchange{text: "+CPMS?"})
			return ignoreRefusal(err)
		}
		select {
		case <-time.After(time.Second):
		case <-s.e.booted:
		case <-ctx.Done():
			return errStopping
		case <-s.g.dead:
			return s.g.err
		}
	}
	return &SetupError{Reason: ReasonSMSMode, Err: err, Hint: "the modem refuses AT+CMGF=0: it may have no SMS service, or another port is the right one"}
}

// firstField returns the first field of the first answer line, "" when there is none.
func firstField(answer []string) string {
	if len(answer) == 0 {
		return ""
	}
	return fields(valueOf(answer[0]))[0]
}
