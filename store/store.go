package store

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// Store is the only writer of its engine. It is safe for concurrent use.
type Store struct {
	engine   Engine
	options  Options
	log      *slog.Logger
	metrics  *metrics
	instance Instance

	mu      sync.Mutex
	copying sync.Mutex    // held by the one Backup that runs
	opened  time.Time     // when that was, by the clock of the machine
	began   time.Time     // the time that counted then, when that clock is not set
	changed chan struct{} // closed when events were written, then replaced
	watched bool          // somebody took changed

	naming sync.Mutex                    // held to read names
	names  atomic.Pointer[providerNames] // nil: every service provider is called by its key
}

// Open brings the engine's content to the newest schema and returns the store over it. The store owns the engine from then on; when Open fails the
// engine is left open.
func Open(ctx context.Context, e Engine, o Options) (*Store, error) {
	o = o.withDefaults()
	s := &Store{engine: e, options: o, log: o.Logger, changed: make(chan struct{})}
	if err := unknownTables(ctx, e); err != nil {
		return nil, err
	}
	instance, err := migrate(ctx, e, migrations)
	if err != nil {
		return nil, err
	}
	s.instance = instance
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	if !s.ClockSet() {
		s.log.Warn("the clock of this machine is not set: time goes on from the newest event until it is", "clock", s.options.Clock().UTC(), "taken", s.Now())
	}
	if err := addDefaultProvider(ctx, e); err != nil {
		return nil, err
	}
	if err := s.loadNames(ctx); err != nil {
		return nil, err
	}
	s.metrics, err = newMetrics(o.Registerer, s)
	return s, err
}

// Close closes the engine. No method may be called after it.
func (s *Store) Close() error {
	s.metrics.unregister()
	return s.engine.Close()
}

// Failed is closed when a sync failed: nothing can be written any more, and the program should end and be started anew.
func (s *Store) Failed() <-chan struct{} { return s.engine.Failed() }

// Instance tells which store this is.
func (s *Store) Instance() Instance { return s.instance }

// add runs fn in a transaction, then tells followers of the feed and the log what it wrote. Damage that fn returns as its error is quarantined in
// a transaction of its own.
func (s *Store) add(ctx context.Context, fn func(*tx) error) error {
	var events int
	var damaged []*Damage
	var names bool
	err := s.engine.Update(ctx, func(e Tx) error {
		t := &tx{Tx: e, s: s}
		err := fn(t)
		events, damaged, names = t.events, t.damaged, t.names
		return err
	})
	if names { // also when it is not known what became of it
		s.renamed(ctx)
	}
	if err == nil {
		s.written(events, damaged)
		return nil
	}
	return s.quarantineError(ctx, err)
}

// addEach does what an add for each function at the same time would; the result of fns[i] is errs[i].
func (s *Store) addEach(ctx context.Context, fns []func(*tx) error, errs []error) {
	runs := make([]tx, len(fns))
	each := make([]func(Tx) error, len(fns))
	for i, fn := range fns {
		each[i] = func(e Tx) error {
			runs[i] = tx{Tx: e, s: s}
			return fn(&runs[i])
		}
	}
	s.engine.UpdateEach(ctx, each, errs)
	events := 0
	var damaged []*Damage
	for i := range runs {
		if errs[i] != nil {
			errs[i] = s.quarantineError(ctx, errs[i])
			continue
		}
		events += runs[i].events
		damaged = append(damaged, runs[i].damaged...)
	}
	s.written(events, damaged)
}

// view runs fn on a consistent state. Damage that fn returns as its error, or adds to the list it is given, is quarantined afterwards.
func (s *Store) view(ctx context.Context, fn func(r Reader, damaged *[]*Damage) error) error {
	var damaged []*Damage
	err := s.engine.View(ctx, func(r Reader) error {
		damaged = damaged[:0]
		return fn(r, &damaged)
	})
	for _, d := range damaged {
		if e := s.quarantine(ctx, d); e != nil {
			s.log.Warn("damaged record not put aside", "table", d.Table, "reason", d.Reason, "error", e)
		}
	}
	if err != nil {
		return s.quarantineError(ctx, err)
	}
	return nil
}

func (s *Store) quarantineError(ctx context.Context, err error) error {
	var d *Damage
	if errors.As(err, &d) {
		if e := s.quarantine(ctx, d); e != nil {
			s.log.Warn("damaged record not put aside", "table", d.Table, "reason", d.Reason, "error", e)
		}
	}
	return err
}

// written tells the world what a transaction did, once it is durable.
func (s *Store) written(events int, damaged []*Damage) {
	for _, d := range damaged {
		s.metrics.damaged.Inc()
		s.log.Error("damaged record put aside", "table", d.Table, "key", hexKey(d.Key), "reason", d.Reason)
	}
	if events == 0 {
		return
	}
	s.metrics.events.Add(float64(events))
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.watched {
		close(s.changed)
		s.changed, s.watched = make(chan struct{}), false
	}
}

// Changed returns a channel that is closed by the next commit that writes an event. Take it before reading, so that nothing is missed.
func (s *Store) Changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watched = true
	return s.changed
}
