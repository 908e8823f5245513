package modem

import (
	"context"
	"errors"
	"time"
)

// session is one initialised dialogue over one open port. Only the goroutine in Run uses it, but for events.
type session struct {
	m *Modem
	g *guard
	e *events

	vendor       *vendor
	iccid        string
	cnmi         string   // routing in force, "2,1,0,1,0"; "" when it cannot be set
	acknowledges bool     // directly routed messages want an answer
	memories     []string // memories to sweep; one "" when the modem cannot choose
	writable     []string // memories that messages can be written to and sent from
	sending      string   // that of them which is selected, "" when unknown
	selectedAt   time.Time
	selected     string // memory that reading and deleting work on, "" when unknown
	patient      bool   // the modem restarts: greet it for longer
	noLink       bool   // AT+CMMS=2 was refused
	noStore      bool   // messages cannot be stored and sent from the memory
	canStore     bool   // the modem knows AT+CMSS
	storeLost    int    // times in a row that storing one ended out of time
	inBurst      bool   // more parts follow the one that was sent last
	timeouts     int    // commands in a row that ended out of time
	lastEnd      time.Time
	adrift       time.Time // since when there is no registration; zero with one
	nudges       int       // what was done about it

	service      int                         // of AT+CGSMS, -1 when it is not known
	triedService map[int]bool                // that was tried because another did not work
	refusals     int                         // sends in a row that the network would not serve
	mend         func(context.Context) error // to be done before the next request; nil: nothing

	noQuality bool        // AT+CESQ was refused
	listWorks bool        // AT+CLCC was answered once
	unlisted  int         // times in a row that it was refused
	timer     *time.Timer // when to look after the calls again; nil without calls
}

// events is what the reader of the port tells the owner of the dialogue.
type events struct {
	restarted chan struct{} // capacity 1: settings of the modem are gone
	booted    chan struct{} // capacity 1: the modem says that it is ready for messages
	refresh   chan struct{} // capacity 1: registration changed
	card      chan struct{} // capacity 1: the card changed
	calls     chan callHint // what was told about calls; when it is full the list of calls tells the same
	own       chan struct{} // capacity 1: a message to itself was handed over and waits for its acknowledgement
	late      chan int      // capacity 1: reference of a send that was given up
}

func newEvents() *events {
	return &events{restarted: make(chan struct{}, 1), booted: make(chan struct{}, 1), refresh: make(chan struct{}, 1), card: make(chan struct{}, 1), late: make(chan int, 1), own: make(chan struct{}, 1),
		calls: make(chan callHint, 64)}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func drain(c chan struct{}) {
	select {
	case <-c:
	default:
	}
}

const (
	defaultLimit = 5 * time.Second
	statusEvery  = 60 * time.Second
)

// limits are the commands that may take longer than defaultLimit, by prefix: those that touch the card, its memories or the
// radio.
var limits = map[string]time.Duration{
	"+CPIN": 20 * time.Second, "+CFUN": 15 * time.Second, "+CPMS": 20 * time.Second, "+CMGL": 30 * time.Second, "+CMGR": 20 * time.Second,
	"+CMGD": 30 * time.Second, "+CMSS": 10 * time.Second, "+CNMI": 10 * time.Second, "+CSCA": 15 * time.Second, "+CIMI": 15 * time.Second, "+CNUM": 15 * time.Second,
	"+CRSM": 15 * time.Second, "+CCID": 10 * time.Second, "+CMGF": 10 * time.Second, "+COPS": 30 * time.Second, "+CNMA": 10 * time.Second,
}

// ask runs a command within the limit that is usual for it.
func (s *session) ask(text string) ([]string, error) {
	return s.run(&exchange{text: text})
}

// run fills the defaults of e, runs it and brings the dialogue back into step when it missed its deadline. Errors other than
// *CommandError mean that e has no known end.
func (s *session) run(e *exchange) ([]string, error) {
	e.id = prefixID(e.text)
	if e.limit == 0 {
		if e.limit = limits[e.id]; e.limit == 0 {
			e.limit = defaultLimit
		}
	}
	if e.shown == "" {
		e.shown = e.text
	}
	if gap := s.gap(); gap > 0 {
		if wait := gap - time.Since(s.lastEnd); wait > 0 {
			time.Sleep(wait)
		}
	}
	if s.g.waitsForPDU() {
		if err := s.resync(); err != nil {
			return nil, err
		}
	}
	start := time.Now()
	answer, err := s.g.run(e)
	s.lastEnd = time.Now()
	mt := s.m.metrics
	if e.commit == nil {
		mt.commandSeconds.Observe(since(start))
	} else {
		mt.submitSeconds.Observe(since(start))
	}
	_, refused := errors.AsType[*CommandError](err)
	switch {
	case (err == nil || refused) && e.phase != prompted:
		s.timeouts = 0
		s.m.board.update(func(st *Status) { st.LastAnswer = s.lastEnd })
		mt.commands.WithLabelValues(outcome(err)).Inc()
		return answer, err
	case errors.Is(err, ErrTimeout):
		s.timeouts++
		mt.commands.WithLabelValues("timeout").Inc()
		s.m.limiter.warn("timeout", "command timed out", "command", "AT"+e.shown, "limit", e.limit)
	default:
		mt.commands.WithLabelValues("lost").Inc()
	}
	if errors.Is(err, ErrRestarted) {
		// Nothing is in step with a modem that boots: the next session greets it.
		signal(s.e.restarted)
		return answer, err
	}
	if rerr := s.resync(); rerr != nil && !errors.Is(err, rerr) {
		err = errors.Join(err, rerr)
	}
	return answer, err
}

func outcome(err error) string {
	if err == nil {
		return "ok"
	}
	return "error"
}

func (s *session) gap() time.Duration {
	if s.vendor == nil {
		return 0
	}
	return s.vendor.gap
}

// resync leaves a prompt, drains what is under way and proves that question and answer are in step. When that cannot be
// proven the port is given up. The time it takes counts from a missed deadline only: an orderly dialogue never comes here.
func (s *session) resync() error {
	s.m.metrics.resyncs.Inc()
	s.g.sync(true)
	if err := s.g.writeRaw(escape, '\r'); err != nil {
		return err
	}
	s.g.quiet(300*time.Millisecond, 3*time.Second)
	return s.inStep(8)
}

// inStep sends AT until two in a row were each answered by exactly one OK.
func (s *session) inStep(tries int) error {
	good := 0
	for range tries {
		strays := s.g.strayFinals()
		_, err := s.g.run(&exchange{limit: time.Second})
		if err == nil {
			s.g.quiet(50*time.Millisecond, time.Second)
		}
		_, refused := errors.AsType[*CommandError](err)
		switch {
		case err == nil && s.g.strayFinals() == strays:
			if good++; good == 2 {
				s.g.sync(false)
				return nil
			}
		case err == nil || refused || errors.Is(err, ErrTimeout) || errors.Is(err, ErrRestarted):
			good = 0
		default:
			return err
		}
	}
	s.g.fail(errOutOfStep)
	return errOutOfStep
}

// over tells whether err ends the session.
func (s *session) over(err error) bool {
	_, setup := errors.AsType[*SetupError](err)
	return setup || errors.Is(err, ErrRestarted)
}

// serve takes requests until the session ends; the error says why.
func (s *session) serve(ctx context.Context) error {
	s.m.serving(true)
	defer func() {
		// In this order: who is told that the modem is ready finds it serving.
		s.m.starting()
		s.m.serving(false)
	}()
	defer s.m.ussd.finish(nil, ussdAnswer{err: ErrPortLost}, nil)
	defer s.loseCalls()
	if err := s.readStatus(); err != nil {
		return err
	}
	s.m.notices.put(Notice{Kind: NoticeOnline, Length: -1, Index: -1})
	defer s.m.notices.put(Notice{Kind: NoticeOffline, Length: -1, Index: -1})
	status := time.NewTicker(statusEvery)
	defer status.Stop()
	sweep := time.NewTicker(s.m.config.SweepInterval)
	defer sweep.Stop()
	for {
		var err error
		// First what ends the session: a request must not reach a modem that forgot which memory it reads.
		select {
		case <-s.e.restarted:
			return ErrRestarted
		default:
		}
		select {
		case r := <-s.m.urgent:
			r.done <- r.run(s)
			continue
		default:
		}
		if mend := s.mend; mend != nil {
			s.mend = nil
			if err := mend(ctx); s.over(err) {
				return err
			}
			if s.timeouts >= 3 {
				return errOutOfStep
			}
			continue
		}
		select {
		case <-ctx.Done():
			return errStopping
		case r := <-s.m.urgent:
			r.done <- r.run(s)
		case h := <-s.e.calls:
			err = s.heard(h)
		case <-s.callTime():
			err = s.lookAfterCalls()
		case <-s.g.dead:
			return s.g.err
		case <-s.e.restarted:
			return ErrRestarted
		case <-s.e.booted:
			// Late in a start this is no news. When the settings are gone it was another start.
			var kept bool
			if kept, err = s.checkRouting(); err == nil && !kept {
				return ErrRestarted
			}
		case ref := <-s.e.late:
			s.m.put(Notice{Kind: NoticeLate, Length: -1, Index: ref})
		case <-s.e.own:
			if s.acknowledges {
				err = s.soft("+CNMA=0")
			}
		case <-s.e.card:
			err = s.checkCard(ctx)
		case <-s.e.refresh:
			err = s.readRegistration()
		case <-status.C:
			if s.listWorks {
				s.unlisted = 0
			}
			if err = s.readStatus(); err == nil {
				err = s.watchSilence(ctx)
			}
		case <-sweep.C:
			s.m.notices.put(Notice{Kind: NoticeStored, Length: -1, Index: -1})
		case r := <-s.m.requests:
			if err := r.ctx.Err(); err != nil {
				r.done <- err
				continue
			}
			select {
			case <-s.e.restarted:
				r.done <- ErrNotReady
				return ErrRestarted
			default:
			}
			r.done <- r.run(s)
		}
		if s.over(err) {
			return err
		}
		if s.timeouts >= 3 {
			return errOutOfStep
		}
	}
}
