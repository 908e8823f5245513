package modem

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"trunkline/modem/ports"
)

// probeLimit bounds a whole probe.
const probeLimit = 30 * time.Second

// ProbeOptions wire a probe. The zero value probes this machine.
type ProbeOptions struct {
	Finder *Finder      // nil: one of its own
	Logger *slog.Logger // nil: silent
}

// Probed is what a modem told about itself.
type Probed struct {
	Status            // identity, registration, signal, memories; State is of no use here
	Port   ports.Port // the zero value for a port that the kernel does not list
	Baud   int        // line speed that it answered at
	Vendor string     // the family whose ways are followed, "generic" when none is known
	Card   string     // "READY", "SIM PIN", …, as printed; "" when the modem does not tell

	Receive []string // memories that messages can be received into
	Read    []string // memories that can be read
	Routing string   // what AT+CNMI can be set to, as printed; "" when the modem does not tell
	Service string   // what AT+CSMS can be set to, as printed
}

// Probe opens the port at path, asks the modem behind it who it is and how it is, and closes it again. Nothing is set that
// outlives the modem's next start. baud 0 tries the usual speeds. It takes at most 30 s. Errors are *SetupError, or that of ctx.
func Probe(ctx context.Context, path string, baud int, o ProbeOptions) (Probed, error) {
	ctx, cancel := context.WithTimeout(ctx, probeLimit)
	defer cancel()
	c := Default()
	c.Device, c.Baud = path, baud
	if o.Finder == nil {
		o.Finder = NewFinder(FinderOptions{Logger: o.Logger})
	}
	m, err := New(c, Options{Name: "probe", Finder: o.Finder, Logger: o.Logger})
	if err != nil {
		return Probed{}, err
	}
	defer o.Finder.leave(m)
	all, err := m.candidates()
	if err != nil {
		return Probed{}, err
	}
	at := all[0]
	if baud != 0 || at.port.USB != nil {
		return m.probe(ctx, at)
	}
	for range autoBauds {
		p, err := m.probe(ctx, at)
		if e, ok := errors.AsType[*SetupError](err); !ok || e.Reason != ReasonNoAnswer {
			return p, err
		}
		m.baud++
	}
	return Probed{}, &SetupError{Reason: ReasonNoAnswer, Err: ErrTimeout, Hint: "no answer at any usual line speed: is it a modem, does it have power?"}
}

// probe does one attempt at the present line speed.
func (m *Modem) probe(ctx context.Context, at candidate) (p Probed, err error) {
	port, err := m.openLimited(ctx, at)
	if err != nil {
		return p, err
	}
	g := newGuard(port, m, func(urc) {})
	defer g.close()
	stop := context.AfterFunc(ctx, func() { g.fail(fmt.Errorf("probe took too long: %w", context.Cause(ctx))) })
	defer stop()
	s := &session{m: m, g: g, e: newEvents()}
	if err := s.hail(askTries); err != nil {
		return p, err
	}
	p = Probed{Port: at.port, Baud: m.speed()}
	for _, step := range []func(*Probed) error{s.probeIdentity, s.probeCard, s.probeNetwork, s.probeMessages} {
		if err := step(&p); err != nil {
			return p, err
		}
	}
	p.Status = m.Status()
	p.Device, p.USB = at.path, at.port.Place()
	return p, nil
}

func (s *session) probeIdentity(p *Probed) error {
	if err := s.soft("+CMEE=1"); err != nil {
		return err
	}
	if err := s.identify(); err != nil {
		return err
	}
	p.Vendor = s.vendor.name
	return nil
}

func (s *session) probeCard(p *Probed) error {
	answer, err := s.run(&exchange{text: "+CPIN?", lone: 2 * time.Second})
	if fatal(err) {
		return err
	}
	ce, refused := errors.AsType[*CommandError](err)
	switch {
	case refused && (ce.CME == 10 || ce.CMS == 310):
		p.Card = "not inserted"
	case refused:
		p.Card = ce.Result
	case len(answer) > 0:
		p.Card = strings.ToUpper(strings.Trim(valueOf(answer[len(answer)-1]), `" `))
	}
	if err = s.readTries(); err != nil {
		return err
	}
	if s.iccid, err = s.readICCID(); err != nil {
		return err
	}
	s.m.board.update(func(st *Status) { st.ICCID = s.iccid })
	if p.Card != "READY" {
		return nil
	}
	imsi, err := s.run(&exchange{text: "+CIMI", bare: true})
	if fatal(err) {
		return err
	}
	own, err := s.ask("+CNUM")
	if fatal(err) {
		return err
	}
	centre, err := s.ask("+CSCA?")
	if fatal(err) {
		return err
	}
	s.m.board.update(func(st *Status) {
		st.Number, st.SMSC = ownNumber(own), centreOf(firstField(centre))
		if len(imsi) > 0 {
			st.IMSI = digitsOf(strings.Trim(valueOf(imsi[0]), `" `))
		}
	})
	return nil
}

func (s *session) probeNetwork(*Probed) error {
	if err := s.readRegistration(); err != nil {
		return err
	}
	answer, err := s.ask("+CSQ")
	if fatal(err) {
		return err
	}
	if len(answer) > 0 {
		s.m.setSignal(signalDBm(fields(valueOf(answer[0]))[0]))
	}
	answer, err = s.ask("+COPS?")
	if fatal(err) {
		return err
	}
	if err == nil && len(answer) > 0 {
		s.m.board.update(func(st *Status) { st.Operator = operatorOf(valueOf(answer[0])) })
	}
	return nil
}

func (s *session) probeMessages(p *Probed) error {
	answer, err := s.ask("+CPMS=?")
	if fatal(err) {
		return err
	}
	if err == nil && len(answer) > 0 {
		groups := memoryGroups(valueOf(answer[0]))
		p.Read, p.Receive = groups[0], groups[2]
	}
	if answer, err = s.ask("+CPMS?"); fatal(err) {
		return err
	}
	if err == nil && len(answer) > 0 {
		s.m.board.update(func(st *Status) { st.Storage = storageOf(fields(valueOf(answer[0]))) })
	}
	for _, q := range []struct {
		text string
		to   *string
	}{{"+CNMI=?", &p.Routing}, {"+CSMS=?", &p.Service}} {
		answer, err := s.ask(q.text)
		if fatal(err) {
			return err
		}
		if err == nil && len(answer) > 0 {
			*q.to = valueOf(answer[0])
		}
	}
	return nil
}

// storageOf reads the triples of +CPMS?: memory, used, total. One that comes again is left out.
func storageOf(f []string) (all []Storage) {
	seen := map[string]bool{}
	for ; len(f) >= 3; f = f[3:] {
		name := strings.Trim(f[0], `" `)
		used, ok := smallNumber(f[1], maxSlot)
		total, ok2 := smallNumber(f[2], maxSlot)
		if ok && ok2 && !seen[name] && slices.Contains(memoryNames, name) {
			seen[name] = true
			all = append(all, Storage{name, used, total})
		}
	}
	return all
}
