package modem

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"trunkline/modem/ports"
)

// FinderOptions wire a Finder. The zero value looks at this machine.
type FinderOptions struct {
	Roots  ports.Roots                               // where to look
	Rescan time.Duration                             // how often to look although nothing was announced; 0 means 5 s
	Events <-chan ports.Event                        // nil: those of the kernel
	Open   func(path string, baud int) (Port, error) // nil: opens, locks and sets up the port; may hang
	Logger *slog.Logger                              // nil: silent
}

// A Finder knows which ports there are, which modem of this program holds which, and what was found out about them. The
// modems of one program share one, so that none takes or asks a port of another. It works without Run too, but then learns
// of plugging and unplugging only by looking.
type Finder struct {
	o       FinderOptions
	log     *slog.Logger
	probing chan struct{} // capacity 1: held while ports are asked

	mu       sync.Mutex
	watching bool          // Run keeps listing current
	listing  ports.Listing // when watching
	changed  chan struct{} // closed and replaced at each change of listing
	members  map[*Modem]struct{}
	holders  map[string]*holding // by real path of the node
	answers  map[string]answer   // by key of the port: what asking it brought
	hangs    map[string]hang     // by place
	radio    time.Time           // when the next radio may be switched on
}

// holding is a port in use.
type holding struct {
	m     *Modem
	at    candidate
	imei  string // once known
	iccid string // once known
}

// hang counts opens of one place that did not return in time.
type hang struct {
	key   string // of the port that hung: another plugging-in starts anew
	count int
}

// The pauses between two radios of a program that are switched on, and the most that one waits for its turn.
const (
	radioGap  = time.Second
	radioWait = 30 * time.Second
)

// radioTurn returns how long to wait before a radio is switched on.
func (f *Finder) radioTurn(now time.Time) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	turn := later(f.radio, now)
	f.radio = turn.Add(radioGap)
	return min(turn.Sub(now), radioWait)
}

// NewFinder returns a Finder.
func NewFinder(o FinderOptions) *Finder {
	log := o.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Finder{o: o, log: log, probing: make(chan struct{}, 1), changed: make(chan struct{}), members: map[*Modem]struct{}{},
		holders: map[string]*holding{}, answers: map[string]answer{}, hangs: map[string]hang{}}
}

// Run follows plugging and unplugging until ctx ends. It always returns nil.
func (f *Finder) Run(ctx context.Context) error {
	defer func() {
		f.mu.Lock()
		f.watching = false
		f.mu.Unlock()
	}()
	return ports.Watch(ctx, ports.WatchOptions{Roots: f.o.Roots, Rescan: f.o.Rescan, Events: f.o.Events, Logger: f.log}, func(l ports.Listing) {
		f.mu.Lock()
		f.listing, f.watching = l, true
		close(f.changed)
		f.changed = make(chan struct{})
		there := map[string]bool{}
		for _, p := range l.Ports {
			there[p.Key()] = true
		}
		for key := range f.answers {
			if !there[key] {
				delete(f.answers, key)
			}
		}
		f.mu.Unlock()
		f.log.Debug("serial ports", "count", len(l.Ports))
	})
}

// list returns what is there now.
func (f *Finder) list() ports.Listing {
	f.mu.Lock()
	l, watching := f.listing, f.watching
	f.mu.Unlock()
	if watching {
		return l
	}
	l, err := ports.List(f.o.Roots)
	if err != nil {
		f.log.Debug("ports cannot be listed", "error", err)
	}
	return l
}

// watch returns a channel that is closed when what is there changes.
func (f *Finder) watch() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.changed
}

// join makes m known to the others: from then on none of them asks a port that m's configuration names.
func (f *Finder) join(m *Modem) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.members[m] = struct{}{}
}

// hold gives c to m, or returns the modem that has it.
func (f *Finder) hold(c candidate, m *Modem) (other *Modem) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if h := f.holders[c.node]; h != nil && h.m != m {
		return h.m
	}
	f.holders[c.node] = &holding{m: m, at: c}
	return nil
}

// release gives c back.
func (f *Finder) release(c candidate, m *Modem) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if h := f.holders[c.node]; h != nil && h.m == m {
		delete(f.holders, c.node)
	}
}

// taken tells whether another modem than m holds c, or names it in its configuration.
func (f *Finder) taken(c candidate, m *Modem) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if h := f.holders[c.node]; h != nil && h.m != m {
		return true
	}
	for other := range f.members {
		if other == m {
			continue
		}
		if other.config.Device != "" && realPath(other.config.Device) == c.node {
			return true
		}
		if other.config.Device == "" && other.config.USB != "" && c.at(other.config.USB) {
			return true
		}
	}
	return false
}

// twin notes who the modem at c is, and returns the other modem of this program that answers with the same IMEI, if any. same
// is true when both are one modem: two ports of one USB device, or the same card in both.
func (f *Finder) twin(c candidate, imei, iccid string) (other string, same bool) {
	if imei == "" {
		return "", false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for node, h := range f.holders {
		if node == c.node {
			h.imei, h.iccid = imei, iccid
		} else if h.imei == imei && !same {
			other = h.m.name
			same = h.iccid == iccid && iccid != "" || c.port.USB != nil && h.at.port.USB != nil && c.port.USB.Topology == h.at.port.USB.Topology
		}
	}
	if h := f.holders[c.node]; h != nil && same {
		h.imei = "" // the other one was first
	}
	return other, same
}

// there tells whether the port that c was is still plugged in. Ports that no listing knows are believed to be.
func (f *Finder) there(c candidate) bool {
	if !c.listed {
		return true
	}
	key := c.port.Key()
	for _, p := range f.list().Ports {
		if p.Key() == key {
			return true
		}
	}
	return false
}

// leave ends what join began.
func (f *Finder) leave(m *Modem) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.members, m)
}
