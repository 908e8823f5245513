package agi

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"trunkline/api/switches"
	"trunkline/callplan"
)

// Decider decides calls; *callplan.Book is one. Decide resets d and keeps nothing of f.
type Decider interface {
	Decide(f *callplan.Facts, d *callplan.Decision)
}

// Options is what a Server works with. Plans and Table are needed; all else may be zero.
type Options struct {
	Config     Config // valid
	Plans      Decider
	Table      *switches.Table       // who may ask
	Decisions  *switches.Metrics     // counts decisions; nil: nobody does
	Ready      func() error          // why calls cannot be decided now; nil: they always can
	Registerer prometheus.Registerer // nil: no metrics
	Logger     *slog.Logger          // nil: none
}

// Server answers Asterisk.
type Server struct {
	Options
	listeners []net.Listener
	room      chan struct{}
	metrics   *metrics
}

type metrics struct{ refused, failed prometheus.Counter }

// Listen opens the listeners; from then on requests wait for Serve. Without Serve, Close frees them.
func Listen(o Options) (*Server, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Table.Empty() {
		return nil, errors.New("agi.listen: no switch may ask: add a section [switch.NAME] with its networks")
	}
	s := &Server{Options: o, room: make(chan struct{}, o.Config.Connections), metrics: &metrics{
		refused: prometheus.NewCounter(prometheus.CounterOpts{Name: "trunkline_agi_connections_refused_total", Help: "Connections closed at once: of strangers, or over the limit."}),
		failed:  prometheus.NewCounter(prometheus.CounterOpts{Name: "trunkline_agi_failures_total", Help: "Requests that ended before the channel had its decision."})}}
	for _, a := range o.Config.Listen {
		l, err := net.Listen("tcp", a)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("listen for Asterisk (agi.listen): %w", err), s.Close())
		}
		s.listeners = append(s.listeners, l)
	}
	if o.Registerer != nil {
		o.Registerer.MustRegister(s.metrics.refused, s.metrics.failed)
	}
	return s, nil
}

// Addresses returns where the server listens, in the order of the configuration.
func (s *Server) Addresses() (out []net.Addr) {
	for _, l := range s.listeners {
		out = append(out, l.Addr())
	}
	return out
}

// Close closes the listeners.
func (s *Server) Close() (err error) {
	for _, l := range s.listeners {
		if e := l.Close(); !errors.Is(e, net.ErrClosed) {
			err = errors.Join(err, e)
		}
	}
	return err
}

// Serve answers until ctx ends; calls that are being answered then have until their time limit.
func (s *Server) Serve(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var running sync.WaitGroup
	for _, l := range s.listeners {
		running.Go(func() { cancel(s.accept(ctx, l, &running)) })
	}
	<-ctx.Done()
	err := s.Close()
	running.Wait()
	return err
}

// accept takes connections until the listener is closed.
func (s *Server) accept(ctx context.Context, l net.Listener, running *sync.WaitGroup) error {
	for {
		c, err := l.Accept()
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return nil
			}
			s.Logger.Debug("accept for Asterisk failed", "err", err)
			time.Sleep(50 * time.Millisecond) // out of descriptors: others must end first
			continue
		}
		var asker *switches.Switch
		if from, ok := c.RemoteAddr().(*net.TCPAddr); ok {
			asker = s.Table.Find(from.AddrPort().Addr())
		}
		if asker == nil || !s.enter() {
			s.metrics.refused.Inc()
			c.Close()
			continue
		}
		running.Go(func() {
			defer c.Close()
			defer func() { <-s.room }() // first, so that whoever comes again at once finds a place
			c.SetDeadline(time.Now().Add(s.Config.Timeout))
			if err := s.answer(c, asker); err != nil {
				s.metrics.failed.Inc()
				s.Logger.Debug("a request of Asterisk failed", "switch", asker.Name, "err", err)
			}
		})
	}
}

// enter takes a place among the connections, if there is one.
func (s *Server) enter() bool {
	select {
	case s.room <- struct{}{}:
		return true
	default:
		return false
	}
}

// answer decides one call and gives the channel its variables.
func (s *Server) answer(c net.Conn, asker *switches.Switch) error {
	r := bufio.NewReaderSize(c, maxLine)
	in, err := readRequest(r)
	if err != nil {
		return fmt.Errorf("read the request: %w", err)
	}
	for _, v := range s.decide(in, asker) {
		if err := set(c, r, v); err != nil {
			return fmt.Errorf("set TRUNKLINE_%s: %w", v.name, err)
		}
	}
	return nil
}

// decide returns the variables for a request.
func (s *Server) decide(in map[string]string, asker *switches.Switch) []variable {
	failed := func(what string) []variable { return []variable{{"ACTION", "error"}, {"ERROR", what}, {"COUNT", "0"}} }
	if s.Ready != nil && s.Ready() != nil {
		return failed("nothing is decided now")
	}
	f, err := facts(in, asker, s.Table.Down(), time.Now())
	if err != nil {
		return failed(err.Error())
	}
	var d callplan.Decision
	s.Plans.Decide(&f, &d)
	s.Decisions.Count(switches.FastAGI, d.Action)
	return variables(&d, s.Table, asker, s.Config.Candidates)
}
