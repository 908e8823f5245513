package sip

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"trunkline/api/switches"
)

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

// Server is the redirect server.
type Server struct {
	*responder
	log  *slog.Logger
	udp  []*socket
	tcp  []net.Listener
	open atomic.Int64 // TCP connections
}

// Listen opens all sockets; from then on requests wait for Serve. Without Serve, Close frees them.
func Listen(o Options) (_ *Server, err error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Table.Empty() {
		return nil, errors.New("sip.listen: no switch may ask: add a section [switch.NAME] with its networks")
	}
	s := &Server{log: o.Logger}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	var bound []netip.AddrPort
	for _, l := range o.Config.Listen {
		a, err := netip.ParseAddrPort(l)
		if err != nil {
			return nil, fmt.Errorf("sip.listen: %w", err)
		}
		if a, err = s.openBoth(a, o.Config.Sockets); err != nil {
			return nil, err
		}
		bound = append(bound, a)
	}
	addresses, err := machineAddresses(bound)
	if err != nil {
		return nil, err
	}
	s.responder = newResponder(o, ownPlaces(bound, o.Config.Names, addresses))
	return s, nil
}

func newResponder(o Options, own []place) *responder {
	c, known := o.Config, knownPlaces(o.Table.Addresses())
	return &responder{config: c, plans: o.Plans, ready: o.Ready, table: o.Table, counted: o.Decisions, own: own, known: known, carriers: hopsOf(o.Table, known),
		named:  strings.Join([]string{c.OPCHeader, c.CallingLATAHeader, c.CalledLATAHeader, c.ZIPHeader}, "") != "",
		limits: newLimiter(), capacity: newCapacity(c.Capacity), metrics: newMetrics(o.Registerer), start: time.Now(), now: time.Now}
}

// openBoth opens the UDP sockets and the TCP listener of one address. Port 0 takes one that is free for both: what the kernel gives for UDP may be taken for TCP.
func (s *Server) openBoth(a netip.AddrPort, sockets int) (netip.AddrPort, error) {
	const tries = 100
	for try := 1; ; try++ {
		had := len(s.udp)
		at, err := s.openOnce(a, sockets)
		if err == nil || a.Port() != 0 || try == tries || !errors.Is(err, syscall.EADDRINUSE) {
			return at, err
		}
		for _, c := range s.udp[had:] {
			c.Close()
		}
		s.udp = s.udp[:had]
	}
}

func (s *Server) openOnce(a netip.AddrPort, sockets int) (netip.AddrPort, error) {
	for i := range max(1, sockets) {
		c, err := listenUDP(a, sockets > 1)
		if err != nil {
			return a, err
		}
		s.udp = append(s.udp, c)
		if i == 0 {
			a = netip.AddrPortFrom(a.Addr(), c.at.Port())
		}
	}
	l, err := listenTCP(a)
	if err != nil {
		return a, err
	}
	s.tcp = append(s.tcp, l)
	return a, nil
}

// machineAddresses returns the addresses of this machine when one of the sockets takes requests to all of them.
func machineAddresses(bound []netip.AddrPort) (out []netip.Addr, err error) {
	if !slices.ContainsFunc(bound, func(a netip.AddrPort) bool { return a.Addr().IsUnspecified() }) {
		return nil, nil
	}
	all, err := net.InterfaceAddrs()
	if err != nil {
		return nil, fmt.Errorf("addresses of this machine: %w", err)
	}
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok {
			if addr, ok := netip.AddrFromSlice(n.IP); ok {
				out = append(out, addr)
			}
		}
	}
	return out, nil
}

// Addresses returns where the server listens, in the order of the configuration.
func (s *Server) Addresses() []netip.AddrPort {
	var out []netip.AddrPort
	for _, l := range s.tcp {
		out = append(out, addrPort(l.Addr()))
	}
	return out
}

// Serve answers until ctx ends, and closes all sockets.
func (s *Server) Serve(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var running sync.WaitGroup
	run := func(serve func() error) {
		running.Go(func() { cancel(serve()) })
	}
	for _, c := range s.udp {
		run(func() error { return s.serveUDP(ctx, c) })
	}
	for _, l := range s.tcp {
		run(func() error { return s.serveTCP(ctx, l) })
	}
	<-ctx.Done()
	err := s.Close()
	running.Wait()
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		err = errors.Join(cause, err)
	}
	return err
}

// Close closes all sockets.
func (s *Server) Close() (err error) {
	for _, c := range s.udp {
		err = errors.Join(err, unlessClosed(c.Close()))
	}
	for _, l := range s.tcp {
		err = errors.Join(err, unlessClosed(l.Close()))
	}
	return err
}

func unlessClosed(err error) error {
	if errors.Is(err, net.ErrClosed) || errors.Is(err, os.ErrClosed) {
		return nil
	}
	return err
}
