package modem

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/warthog618/modem/at"
)

const (
	answerLines = 4096    // lines of one answer
	answerBytes = 1 << 20 // octets of one answer
)

var errAnswerTooLong = errors.New("answer is too long")

// guard stands between a port and the at package. One goroutine reads the port and sorts its lines; the owner of the
// dialogue runs one exchange at a time. What at gets to read is final results and prompts only: answer lines are kept here,
// since a line that an indication cut in two is repaired after the fact.
type guard struct {
	port    Port
	log     *slog.Logger
	limiter *logLimiter
	metrics *metrics
	on      func(urc) // called in order by the reader; must not block
	reader  sync.WaitGroup
	dead    chan struct{} // closed once the port is unusable; err says why

	split splitter     // used by the reader only
	turn  atomic.Int64 // command lines written

	mu       sync.Mutex
	at       *at.AT // nil after a missed deadline
	link     *link  // what at reads and writes
	ex       *exchange
	headers  []*urc      // indications whose second line is due, the newest last
	overdue  *time.Timer // when it is not waited for any more
	prev     string      // last line that was no indication
	kept     bool        // prev is the last line of the answer
	orphan   bool        // prev is the beginning of an indication, from before the running command
	cut      bool        // an indication began directly where prev ended
	owed     bool        // an answer to sending or storing came late, and its OK is due
	strays   int         // final results that nobody waited for
	echo     bool        // the modem printed what it was told
	syncing  bool        // the dialogue is being brought into step: strays are expected
	refused  bool        // the last exchange was a send that ended before the modem asked for its PDU
	asks     bool        // it asked after all, and waits for a PDU that will not come
	lastLine time.Time
	stopping bool
	err      error
}

// newGuard starts reading port. close must be called.
func newGuard(port Port, m *Modem, on func(urc)) *guard {
	g := &guard{port: port, log: m.log, limiter: m.limiter, metrics: m.metrics, on: on, dead: make(chan struct{})}
	g.split.turn = g.turn.Load
	g.reader.Go(g.read)
	return g
}

func (g *guard) read() {
	buf := make([]byte, 1024)
	for empty := 0; ; {
		n, err := g.port.Read(buf)
		if n > 0 {
			empty = 0
			g.split.feed(buf[:n], g.wantsPrompt, g.take)
		} else if err == nil {
			// Some ports return nothing at the end of a read limit. One that does so at once must not spin.
			if empty++; empty > 16 {
				time.Sleep(time.Millisecond)
			}
		}
		if err != nil {
			g.fail(fmt.Errorf("%w: %w", ErrPortLost, err))
			return
		}
	}
}

// fail makes the port unusable and ends what runs. Only the first cause counts.
func (g *guard) fail(err error) {
	g.mu.Lock()
	first := g.err == nil
	if first {
		g.err = err
		close(g.dead)
	}
	g.endLocked(g.ex, err)
	g.mu.Unlock()
	if first {
		g.port.Close()
	}
}

// close ends everything and waits for the reader and for at.
func (g *guard) close() {
	g.fail(errStopping)
	g.reader.Wait()
	g.mu.Lock()
	g.headers = nil
	if g.overdue != nil {
		g.overdue.Stop()
	}
	a, l := g.at, g.link
	g.at, g.link = nil, nil
	g.mu.Unlock()
	if a != nil {
		l.close()
		<-a.Closed()
	}
}

// stop ends what runs and lets nothing new begin, except that a PDU that was handed over keeps its time to be answered.
func (g *guard) stop() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.stopping = true
	if g.ex != nil && g.ex.phase != handedOver {
		g.endLocked(g.ex, errStopping)
	}
}

// restarted ends what runs, since the modem will not answer it any more.
func (g *guard) restarted() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.endLocked(g.ex, ErrRestarted)
}

// expire ends e at a deadline of phase p. A timer of an earlier phase that fires late changes nothing.
func (g *guard) expire(e *exchange, p phase) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if e.phase == p {
		g.endLocked(e, ErrTimeout)
	}
}

// endLocked ends e, if it still runs, together with the at value that waits for it.
func (g *guard) endLocked(e *exchange, cause error) {
	if e == nil || g.ex != e || e.cause != nil {
		return
	}
	e.cause = cause
	g.link.close()
}

// run issues e and waits for its end. The owner calls it, one at a time. After an error other than *CommandError the
// dialogue is not known to be in step.
func (g *guard) run(e *exchange) ([]string, error) {
	g.mu.Lock()
	if g.err != nil {
		g.mu.Unlock()
		return nil, g.err
	}
	if g.stopping {
		g.mu.Unlock()
		return nil, errStopping
	}
	if g.at == nil {
		g.link = newLink(g.write)
		g.at = at.New(g.link, at.WithEscTime(0))
	}
	a := g.at
	g.ex, g.refused, g.asks = e, false, false
	if g.orphan = g.cut && !g.kept && beginsIndication(g.prev); !g.orphan {
		g.remember("", false)
	}
	e.phase = e.first()
	e.timer = time.AfterFunc(e.limit, func() { g.expire(e, e.first()) })
	g.mu.Unlock()

	g.log.Log(bg, LevelTrace, "to modem", "line", "AT"+e.shown)
	var err error
	if e.pdu != "" {
		_, err = a.SMSCommand(e.text, e.pdu, at.WithTimeout(-1))
	} else {
		_, err = a.Command(e.text, at.WithTimeout(-1))
	}

	g.mu.Lock()
	e.timer.Stop()
	g.ex = nil
	cause, final := e.cause, e.final
	g.refused = final != "" && e.pdu != "" && e.phase == asking
	// A send that ended while its PDU was about to be written leaves a result in the pipeline of at.
	broken := cause != nil || final == "" || e.phase == prompted
	if broken {
		g.link.close()
		g.at, g.link = nil, nil
	}
	g.mu.Unlock()
	if broken {
		<-a.Closed()
	}
	switch {
	case final == "OK":
		return e.answer, nil
	case final != "":
		return e.answer, newCommandError(e.shown, final)
	case cause != nil:
		return e.answer, cause
	}
	return e.answer, err
}

// wantsPrompt tells the splitter whether a '>' at the start of a line is a prompt: only the first one of a send is, even when
// the send was refused before.
func (g *guard) wantsPrompt() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.ex == nil {
		return g.refused && !g.asks
	}
	return g.ex.turn > 0 && g.ex.phase == asking && g.ex.cause == nil
}

// waitsForPDU tells whether the modem asked for the PDU of a send that it had refused, or that the late refusal of an earlier
// one had ended: it takes whatever comes next for that PDU.
func (g *guard) waitsForPDU() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.asks
}

// quiet waits until no line came for d, at most for limit. It returns early when the port is lost.
func (g *guard) quiet(d, limit time.Duration) {
	start := time.Now()
	for {
		g.mu.Lock()
		wait := d - time.Since(later(g.lastLine, start))
		g.mu.Unlock()
		if left := limit - time.Since(start); left < wait {
			wait = left
		}
		if wait <= 0 {
			return
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-g.dead:
			timer.Stop()
			return
		}
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// sync notes whether strays are expected.
func (g *guard) sync(on bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.syncing = on
}

// echoed tells whether the modem printed what it was told since the last time this was asked.
func (g *guard) echoed() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	echo := g.echo
	g.echo = false
	return echo
}

// strayFinals counts the final results so far that nobody waited for.
func (g *guard) strayFinals() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.strays
}
