// Package httpd serves the native HTTP interface on a unix socket, and metrics.
//
//	connection: listener (who is it, how many has he) → lane (plain submissions, fast) → guard (strict HTTP only) → net/http
//	request:    mux → endpoint (query, account, errors, metrics) → handler → router or store
//
// The table of routes is in openapi.go; bodies are read by json.go (strict JSON) and decode.go (fields); problem.go maps every error to an answer.
package httpd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"trunkline/api"
	"trunkline/api/httpd/login"
	"trunkline/api/switches"
	"trunkline/callplan"
	"trunkline/jobs"
	"trunkline/router"
	"trunkline/store"
)

// Options is what a Server works with. Router and Store are needed; all else may be zero.
type Options struct {
	Config     Config // zero: Default()
	Router     *router.Router
	Store      *store.Store
	Modems     func() []api.Modem         // nil: none
	Control    Control                    // nil: modems can be looked at only
	Calls      CallControl                // nil: no call can be placed
	Webhooks   *jobs.Webhooks             // nil: endpoints cannot be changed
	Screening  *router.Screening          // nil: nothing is screened
	Inbound    *router.Inbound            // nil: nothing follows from what comes in
	Plans      Decider                    // nil: no plan decides anything
	CallPlans  *router.Plans              // keeps the plans that decide; nil: they cannot be seen or changed
	Decides    func() error               // why calls cannot be decided now; nil: they always can
	Switches   *switches.Table            // nil: no switch may ask
	Decisions  *switches.Metrics          // counts decisions; nil: nobody does
	Named      func(name string) []string // where the configuration names a service provider so; nil: nowhere
	Login      *login.Keeper              // nil: only the users of this machine are known, on the socket
	Mails      bool                       // mails can be sent, so that who forgot his password can be sent a code
	Ready      func() error               // why the daemon does not take messages; nil: it does as soon as it is served
	Gatherer   prometheus.Gatherer        // what /metrics shows; nil: nothing
	Registerer prometheus.Registerer      // where the server's own metrics go; nil: nowhere
	Logger     *slog.Logger               // nil: none
	Version    string
}

// Server answers requests. It is safe for concurrent use.
type Server struct {
	config     Config
	router     *router.Router
	store      *store.Store
	modems     func() []api.Modem
	control    Control
	calls      CallControl
	webhooks   *jobs.Webhooks
	screening  *router.Screening
	inbound    *router.Inbound
	plans      Decider
	callPlans  *router.Plans
	decides    func() error
	switches   *switches.Table
	decided    *switches.Metrics
	named      func(string) []string
	login      *login.Keeper
	mails      bool
	crossSite  *http.CrossOriginProtection
	ready      func() error
	version    string
	log        *slog.Logger
	metrics    *metrics
	prometheus http.Handler
	mux        *http.ServeMux
	keys       runningKeys
	document   func() ([]byte, error)
	stopping   chan struct{}
	stop       func() // closes stopping
}

// New returns a server that does nothing until it is served.
func New(o Options) *Server {
	if o.Config == (Config{}) {
		o.Config = Default()
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Gatherer == nil {
		o.Gatherer = prometheus.NewRegistry()
	}
	if o.Plans == nil {
		o.Plans = new(callplan.Book)
	}
	s := &Server{screening: o.Screening, inbound: o.Inbound, plans: o.Plans, callPlans: o.CallPlans, decides: o.Decides, switches: o.Switches, decided: o.Decisions, config: o.Config, router: o.Router, store: o.Store, modems: o.Modems, control: o.Control, calls: o.Calls, webhooks: o.Webhooks, ready: o.Ready, version: o.Version, log: o.Logger,
		metrics: newMetrics(o.Registerer), stopping: make(chan struct{})}
	s.named, s.login, s.mails, s.crossSite = o.Named, o.Login, o.Mails, http.NewCrossOriginProtection()
	s.stop = sync.OnceFunc(func() { close(s.stopping) })
	s.prometheus = promhttp.HandlerFor(o.Gatherer, promhttp.HandlerOpts{ErrorLog: promLog{o.Logger}, ErrorHandling: promhttp.ContinueOnError,
		MaxRequestsInFlight: 4, Timeout: 10 * time.Second})
	s.mux = s.newMux(routes)
	s.document = sync.OnceValues(func() ([]byte, error) { return openAPI(routes, s.version) })
	return s
}

// promLog takes what the metrics handler complains about.
type promLog struct{ log *slog.Logger }

func (l promLog) Println(v ...any) { l.log.Error("metrics", "err", fmt.Sprint(v...)) }

// Handler serves every route. An account is known only for connections that came through Serve on a unix socket; without one the routes under /v1
// answer 401.
func (s *Server) Handler() http.Handler { return s.mux }

// MetricsHandler serves only /metrics, /healthz and /readyz, for a listener without accounts.
func (s *Server) MetricsHandler() http.Handler {
	mux := http.NewServeMux()
	for _, path := range []string{"/metrics", "/healthz", "/readyz"} {
		mux.Handle(path, s.mux)
	}
	return mux
}

// Serve answers on the unix socket until ctx ends; then it lets requests end within StopTimeout, and closes l.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	return s.serveLanes(ctx, &listener{Listener: l, header: s.config.HeaderLimit, limit: s.config.ConnectionsPerUID, log: s.log, metrics: s.metrics, open: map[uint32]int{}}, false, s.mux)
}

// ServeSwitches answers on a TCP listener where switches ask until ctx ends: with h, which SwitchHandler is, or is a part of.
func (s *Server) ServeSwitches(ctx context.Context, l net.Listener, h http.Handler) error {
	return s.serveLanes(ctx, &guarded{bounded: s.bounded(l), header: s.config.HeaderLimit}, true, h)
}

// serveLanes answers on a listener of *conn, in lanes and with h.
func (s *Server) serveLanes(ctx context.Context, l net.Listener, switches bool, h http.Handler) error {
	running, cancel := context.WithCancel(context.WithoutCancel(ctx)) // requests outlive the wish to stop, until StopTimeout
	defer cancel()
	a := newLanes(running, s, l, switches)
	err := s.serve(ctx, a, h)
	a.Close()
	a.wait(s.config.StopTimeout, cancel)
	return err
}

// ServeMetrics answers on the listener for Prometheus until ctx ends.
func (s *Server) ServeMetrics(ctx context.Context, l net.Listener) error {
	return s.ServeOther(ctx, l, s.MetricsHandler())
}

func (s *Server) serve(ctx context.Context, l net.Listener, h http.Handler) error {
	server := &http.Server{Handler: h, ReadHeaderTimeout: s.config.HeaderTimeout, ReadTimeout: s.config.BodyTimeout, WriteTimeout: s.config.WriteTimeout,
		IdleTimeout: s.config.IdleTimeout, MaxHeaderBytes: s.config.HeaderLimit, ConnContext: withConn,
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug)}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	select {
	case err := <-served:
		return fmt.Errorf("serve %s: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	s.stop()
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.config.StopTimeout)
	defer cancel()
	err := server.Shutdown(grace)
	if err != nil {
		server.Close()
	}
	if e := <-served; !errors.Is(e, http.ErrServerClosed) {
		return fmt.Errorf("serve %s: %w", l.Addr(), e)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		s.log.Warn("requests were cut off at the end", "address", l.Addr().String(), "after", s.config.StopTimeout)
		return nil
	}
	return err
}
