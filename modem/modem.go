package modem

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// A Port is a byte stream to a modem: an *os.File with deadlines, or a net.Conn. Close must release a blocked Read.
type Port interface {
	io.ReadWriteCloser
	SetWriteDeadline(time.Time) error
}

// Options wire a Modem. The zero value logs nothing, counts nothing and opens Config.Device.
type Options struct {
	Name       string                                  // trunk name; label of metrics, key of logs
	Logger     *slog.Logger                            // nil: silent
	Registerer prometheus.Registerer                   // nil: not exported
	Open       func(ctx context.Context) (Port, error) // nil: finds the port that Config names and opens it
	LastCard   string                                  // ICCID of the card that was in it before this start, "" when unknown
	Finder     *Finder                                 // shared by the modems of a program; nil: one of its own. Unused with Open
	Alphabet   Alphabet                                // packs USSD strings; nil: modems that want them packed cannot be asked
	Memory     Memory                                  // nil: remembered until the Modem is forgotten
}

// Memory keeps which PINs a card has refused, so that no restart tries one again. Keys are opaque; a key gives a PIN away to
// whoever tries all of them, so keep it as private as the PIN file.
type Memory interface {
	Refused(key string) (bool, error)
	SetRefused(key string, refused bool) error
}

// A Modem is one supervised device. All methods may be called at any time from any goroutine; Run only once at a time.
type Modem struct {
	config  Config
	name    string
	log     *slog.Logger
	limiter *logLimiter
	metrics *metrics
	open    func(ctx context.Context) (Port, error)
	memory  Memory
	notices *queue[Notice]
	board   *board

	events   *queue[Event]
	alphabet Alphabet
	life     life
	levels   map[string]string // of memories, under the lock of life
	ussd     ussd
	calls    *switchboard
	locked   unlocks
	silence  *silence
	service  int // of AT+CGSMS that was chosen because another did not work, -1 for none; used by Run only

	requests chan *request
	urgent   chan *request // for calls: taken before all others

	mu      sync.Mutex
	offline chan struct{} // closed while no session serves requests; replaced when one does
	up      bool

	finder    *Finder   // nil with Options.Open
	port      candidate // that is open, or was last; used by Run only, as all below
	tried     []string  // keys of the ports that the last attempt chose from
	lastPlace string    // where a modem answered last
	lastICCID string    // of the card that was in it last

	ladder ladder
	lasted bool    // the last session was a success
	kind   *vendor // of the modem that answered last; nil before

	baud       int  // index into autoBauds, used by Run only
	speedKnown bool // the modem answered at that speed
}

// New returns a Modem that does nothing until Run. It fails when c is invalid or the metrics cannot be registered.
func New(c Config, o Options) (*Modem, error) {
	if o.Open != nil && c.Device == "" && c.USB == "" {
		c.Device = "/dev/null"
	}
	if errs := c.Validate(); len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	log := o.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	mt, err := newMetrics(o.Registerer, o.Name)
	if err != nil {
		return nil, err
	}
	m := &Modem{
		config: c, name: o.Name, log: log.With("modem", o.Name), metrics: mt, open: o.Open, memory: o.Memory,
		notices:  newQueue(noticeLimit, sameHint),
		board:    &board{status: Status{Name: o.Name, Device: c.Device, State: Opening}, changed: make(chan struct{})},
		requests: make(chan *request), urgent: make(chan *request), offline: closedChannel(),
		events: newQueue[Event](eventLimit, nil), alphabet: o.Alphabet, levels: map[string]string{}, calls: newSwitchboard(),
		silence: newSilence(c.SelfTestNumber), service: -1,
	}
	m.board.status.PINTries, m.board.status.PUKTries = -1, -1
	m.lastICCID = o.LastCard
	m.limiter = newLogLimiter(m.log)
	if m.open == nil {
		m.open = m.openDevice
		if m.finder = o.Finder; m.finder == nil {
			m.finder = NewFinder(FinderOptions{Logger: log})
		}
		m.finder.join(m)
	}
	if m.memory == nil {
		m.memory = &processMemory{refused: map[string]bool{}}
	}
	return m, nil
}

// String returns the name.
func (m *Modem) String() string { return "modem " + m.name }

// Status returns a snapshot.
func (m *Modem) Status() Status {
	s := m.board.snapshot()
	s.Restarts = m.life.lately()
	return s
}

// Notices returns what the modem tells without being asked, in order. The channel is never closed; it hands over only while
// Run is running.
func (m *Modem) Notices() <-chan Notice { return m.notices.out }

// Ready waits until the modem is initialised and registered for SMS. It returns the error of ctx when that ends first.
func (m *Modem) Ready(ctx context.Context) error {
	for {
		state, changed := m.board.watch()
		if state == Ready {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// request is work for the owner of the dialogue.
type request struct {
	ctx  context.Context
	run  func(*session) error
	done chan error // capacity 1
}

// do hands run to the owner of the dialogue and waits for its end. Before run is taken up ctx ends the wait; afterwards run
// itself looks at ctx. ErrNotReady when no session serves.
func (m *Modem) do(ctx context.Context, run func(*session) error) error {
	return m.queue(ctx, m.requests, run)
}

// queue is do for one of the two queues.
func (m *Modem) queue(ctx context.Context, requests chan<- *request, run func(*session) error) error {
	m.mu.Lock()
	offline := m.offline
	m.mu.Unlock()
	r := &request{ctx: ctx, run: run, done: make(chan error, 1)}
	select {
	case <-offline:
		return ErrNotReady
	default:
	}
	select {
	case requests <- r:
		return <-r.done
	case <-offline:
		return ErrNotReady
	case <-ctx.Done():
		return ctx.Err()
	}
}

// serving tells callers of do whether a session takes requests.
func (m *Modem) serving(up bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case up && !m.up:
		m.offline = make(chan struct{})
	case !up && m.up:
		close(m.offline)
	}
	m.up = up
}

func closedChannel() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}

// processMemory is the Memory of a process.
type processMemory struct {
	mu      sync.Mutex
	refused map[string]bool
}

func (p *processMemory) Refused(key string) (bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.refused[key], nil
}

func (p *processMemory) SetRefused(key string, refused bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refused[key] = refused
	return nil
}
