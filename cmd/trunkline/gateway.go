package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"trunkline/api"
	"trunkline/api/httpd"
	"trunkline/api/httpd/alertmanager"
	"trunkline/api/httpd/login"
	"trunkline/callplan"
	"trunkline/config"
	"trunkline/jobs"
	"trunkline/modem"
	"trunkline/router"
	"trunkline/router/gsm"
	"trunkline/store"
	"trunkline/store/bolt"
	"trunkline/store/room"
	"trunkline/systemd"
)

// clockFrom is before this program was written: a clock that shows less is not set.
func clockFrom() time.Time { return time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC) }

// gateway is the whole daemon: store, modems, router, server.
type gateway struct {
	config    config.Config // what runs; changed by reload, which run calls
	log       *slog.Logger
	level     *slog.LevelVar
	registry  *prometheus.Registry
	engine    store.Engine
	room      *room.Guard
	store     *store.Store
	finder    *modem.Finder
	received  *gsm.Metrics
	fleet     *fleet
	router    *router.Router
	calls     *router.Calls
	server    *httpd.Server
	webhooks  *jobs.Webhooks
	retention *jobs.Retention
	login     *login.Keeper
	network   network
	socket    net.Listener
	metrics   net.Listener // nil: off
	alerting  net.Listener // nil: off
	alerts    *alertmanager.Handler
	screening *router.Screening
	inbound   *router.Inbound
	plans     *router.Plans
	admins    *router.Administration
	board     switchboard
	reloads   <-chan os.Signal
	load      func() (config.Config, error)
	open      func(trunk string) func(ctx context.Context) (modem.Port, error)
	reloaded  *reloadMetrics
	trouble   atomic.Pointer[string]              // why the last reload failed; nil: it did not
	named     atomic.Pointer[map[string][]string] // keys of the configuration that name a service provider, by its name
}

// gatewayOptions are what surrounds a gateway; every field may be left out.
type gatewayOptions struct {
	logger    *slog.Logger
	level     *slog.LevelVar                                                   // of the logger; a reload sets it
	reloads   <-chan os.Signal                                                 // each asks for a reload
	load      func() (config.Config, error)                                    // reads the configuration again; nil: it cannot be reloaded
	listeners map[string]net.Listener                                          // handed over by systemd, by name: "api", "metrics"
	open      func(trunk string) func(ctx context.Context) (modem.Port, error) // nil: the device of the configuration
}

// storeFailedError ends the daemon: what the disk holds is not known any more, and only a new start can find out.
type storeFailedError struct{}

func (storeFailedError) Error() string {
	return "the store could not be synced to disk; stopping, so that a new start reads what is really there"
}

// newGateway opens the store and the listeners. Nothing runs yet; without run, close ends it.
func newGateway(c config.Config, o gatewayOptions) (_ *gateway, err error) {
	if o.logger == nil {
		o.logger = slog.New(slog.DiscardHandler)
	}
	if o.level == nil {
		o.level = new(slog.LevelVar)
	}
	g := &gateway{config: c, log: o.logger, level: o.level, fleet: newFleet(), reloads: o.reloads, load: o.load, open: o.open}
	defer func() {
		if err != nil {
			g.close()
		}
	}()
	registry := prometheus.NewPedanticRegistry()
	g.registry = registry
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), fleetCollector{g.fleet}, buildInfo())
	g.reloaded = newReloadMetrics(registry)

	engine, err := bolt.Open(c.Store.Path, bolt.Options{Logger: o.logger, Registerer: registry, CompactAbove: c.Store.CompactAbove})
	if err != nil {
		return nil, err
	}
	g.engine = engine
	g.room, err = room.New(room.Options{Disk: room.Beside(c.Store.Path), RefuseAt: c.Store.RefuseAt, StopAt: c.Store.StopAt, Enough: c.Store.EnoughRoom, Reserve: c.Store.Reserve,
		Logger: o.logger, Registerer: registry})
	if err != nil {
		return nil, err
	}
	books := router.NewBooks(c.Router)
	g.store, err = store.Open(context.Background(), g.engine, store.Options{Assembler: gsm.Assembler{}, ClockFrom: clockFrom(), Logger: o.logger, Registerer: registry, EventsKeep: c.Store.EventsKeep,
		IdempotencyKeep: c.Store.IdempotencyKeep, Room: g.room, UnknownAfter: c.Router.UnknownAfter, ReportWindow: c.Router.ReportWindow, Accounting: books, MessageCDRs: c.Call.MessageRecords, Screened: true})
	if err != nil {
		return nil, err
	}
	g.board.plans = new(callplan.Book)
	if err := g.newCalls(); err != nil {
		return nil, err
	}
	var trunks []router.Trunk
	g.received = gsm.NewMetrics(registry)
	g.finder = modem.NewFinder(modem.FinderOptions{Logger: o.logger})
	for _, name := range slices.Sorted(maps.Keys(c.Modem)) {
		m, err := g.build(context.Background(), name, c.Modem[name])
		if err != nil {
			return nil, err
		}
		g.fleet.join(name, m)
		trunks = append(trunks, router.Trunk{Name: name, Backend: m.trunk})
	}
	mails, err := mailTrunks(c.SMTP)
	if err != nil {
		return nil, err
	}
	addresses, err := sipTrunks(c.SIPTrunk)
	if err != nil {
		return nil, err
	}
	trunks = append(append(trunks, mails...), addresses...)
	if err := g.newScreening(); err != nil {
		return nil, err
	}
	g.router = router.New(router.Options{Screening: g.screening, Config: c.Router, Books: books, Plans: g.board.plans, Store: g.store, Trunks: trunks, Measure: gsm.Measure, Logger: o.logger, Registerer: registry})
	g.webhooks, err = jobs.NewWebhooks(jobs.WebhookOptions{Config: c.Webhook, Store: g.store, Data: httpd.WebhookData(g.store), Logger: o.logger, Registerer: registry,
		Version: thisBuild().Version})
	if err != nil {
		return nil, fmt.Errorf("webhook: %w", err)
	}
	g.newInbound(mails)
	mail := ""
	if len(mails) > 0 {
		mail = mails[0].Name
	}
	if err := g.newLogin(); err != nil {
		return nil, err
	}
	g.admins = router.NewAdministration(router.AdministrationOptions{Store: g.store, Books: books, Router: g.router, Mail: mail, Invite: g.login.Invite, Logger: o.logger})
	if err := g.admins.Load(context.Background()); err != nil {
		return nil, fmt.Errorf("quotas of administrators: %w", err)
	}
	g.retention = jobs.NewRetention(jobs.RetentionOptions{Config: c.Retention, Store: g.store, Logger: o.logger, Registerer: registry})
	if err := g.newSwitchboard(); err != nil {
		return nil, err
	}
	tables, err := c.Plans.Load()
	if err != nil {
		return nil, err
	}
	g.plans = router.NewPlans(router.PlansOptions{Store: g.store, Book: g.board.plans, Tables: tables, Logger: o.logger, Trunks: g.planTrunks})
	if err := g.plans.Load(context.Background()); err != nil {
		return nil, fmt.Errorf("call plans: %w", err)
	}
	g.namedProviders(&c)
	g.server = httpd.New(httpd.Options{Screening: g.screening, Inbound: g.inbound, Plans: g.board.plans, CallPlans: g.plans, Decides: g.decides, Switches: g.board.table, Decisions: g.board.counted, Router: g.router, Store: g.store, Modems: g.views, Control: modemControl{g}, Calls: g.calls, Webhooks: g.webhooks, Gatherer: registry, Registerer: registry, Logger: o.logger,
		Named: g.wherever, Login: g.login, Mails: mail != "", Config: c.API, Version: thisBuild().Version, Ready: g.ready})
	if c.Alertmanager.Listen != "" {
		if g.alerts, err = alertmanager.New(alertmanager.Options{Config: c.Alertmanager, Submit: g.router.Submit, Measure: gsm.Measure, Logger: o.logger, Registerer: registry}); err != nil {
			return nil, err
		}
	}
	return g, g.listen(o.listeners)
}

// listen takes the sockets that systemd hands over and opens the others.
func (g *gateway) listen(handed map[string]net.Listener) (err error) {
	if g.socket = handed["api"]; g.socket == nil {
		if g.socket, err = httpd.Listen(g.config.API); err != nil {
			return err
		}
	}
	if g.metrics = handed["metrics"]; g.metrics == nil && g.config.API.Metrics != "" {
		if g.metrics, err = net.Listen("tcp", g.config.API.Metrics); err != nil {
			return fmt.Errorf("listen for metrics (api.metrics): %w", err)
		}
	}
	if g.alerting = handed["alertmanager"]; g.alerting == nil && g.alerts != nil {
		if g.alerting, err = net.Listen("tcp", g.config.Alertmanager.Listen); err != nil {
			return fmt.Errorf("listen for Alertmanager (alertmanager.listen): %w", err)
		}
	}
	if err := g.listenForNetwork(context.Background()); err != nil {
		return err
	}
	return g.listenForSwitches()
}

// ready tells whether messages are taken.
func (g *gateway) ready() error {
	select {
	case <-g.store.Failed():
		return storeFailedError{}
	default:
		return g.room.Check()
	}
}

// How long the parts of a gateway may take to end. A part that is in the air is waited for, up to the time limit of its modem.
const (
	stopServer   = 5 * time.Second
	stopModems   = 10 * time.Second
	stopPrograms = 8 * time.Second
	stopFailed   = 4 * time.Second // all of it, when the store has failed
)

// garbagePercent is how much memory requests may leave behind, in percent of what is in use, before it is collected, unless GOGC in the environment says otherwise. What is in
// use is little, so twice Go's own measure is little too, and saves a tenth of the work of an accepted message.
const garbagePercent = 200

// run serves until ctx ends or the store fails, and ends what runs in an order in which nothing that was taken is lost.
func (g *gateway) run(ctx context.Context) error {
	if os.Getenv("GOGC") == "" {
		defer debug.SetGCPercent(debug.SetGCPercent(garbagePercent))
	}
	s := newStages()
	s.start("port finder", stopServer, g.finder.Run)
	s.start("modems", stopModems, g.fleet.devices.Run)
	s.start("inbound pumps", stopModems, g.fleet.pumps.Run)
	s.start("calls", stopModems, g.calls.Run)
	s.start("watch over the disk", stopServer, func(ctx context.Context) error {
		return g.room.Run(ctx, func(ctx context.Context, e store.Event) error {
			e.At = g.store.Stamp(e.At)
			return g.store.Append(ctx, e)
		})
	})
	sending := s.start("router", g.drain(), g.router.Run)
	s.start("logins", stopServer, g.login.Run)
	s.start("what follows from messages", stopPrograms, g.inbound.Run)
	s.start("webhooks and retention", stopServer, g.webhooks.Run, g.retention.Run, g.admins.Run)
	s.start("call plans", stopServer, g.plans.Run)
	serving := []func(context.Context) error{func(ctx context.Context) error { return g.server.Serve(ctx, g.socket) }}
	if g.metrics != nil {
		serving = append(serving, func(ctx context.Context) error { return g.server.ServeMetrics(ctx, g.metrics) })
	}
	if g.config.API.Listen != "" {
		serving = append(serving, g.serveNetwork)
	}
	if g.alerts != nil {
		mux := http.NewServeMux()
		mux.Handle(alertmanager.Path, g.alerts)
		serving = append(serving, func(ctx context.Context) error { return g.server.ServeOther(ctx, g.alerting, mux) })
	}
	s.start("listeners", stopServer, append(serving, g.board.tasks(g)...)...)
	s.start("watchdog", stopServer, g.watchdog, g.tell)
	g.log.Info("the gateway is ready", "socket", g.socket.Addr().String(), "modems", len(g.config.Modem), "store", g.config.Store.Path)

	var cause error
	limit := time.Hour
serving:
	for {
		select {
		case <-g.reloads:
			g.reloadNow(ctx)
			sending.limit = max(sending.limit, g.drain())
			continue
		case <-ctx.Done():
		case <-g.store.Failed():
			cause, limit = storeFailedError{}, stopFailed
		case cause = <-s.failed:
		}
		break serving
	}
	if cause != nil {
		g.log.Error("stopping", "cause", cause)
	} else {
		g.log.Info("stopping")
	}
	if err := systemd.Stopping("draining"); err != nil {
		g.log.Warn("systemd was not told", "err", err)
	}
	err := errors.Join(cause, s.stop(limit), g.close())
	g.log.Info("stopped")
	return err
}

// drain is how long the router may need to end: until the answer to the part in flight has come or is given up.
func (g *gateway) drain() time.Duration {
	limit := 10 * time.Second
	for _, c := range g.config.Modem {
		limit = max(limit, c.SendTimeout+10*time.Second)
	}
	return limit
}

// close frees what newGateway opened.
func (g *gateway) close() (err error) {
	err = g.board.close()
	for _, l := range []net.Listener{g.network.listener, g.socket, g.metrics, g.alerting} {
		if l != nil {
			if e := l.Close(); !errors.Is(e, net.ErrClosed) {
				err = errors.Join(err, e)
			}
		}
	}
	switch {
	case g.store != nil:
		err = errors.Join(err, g.store.Close())
	case g.engine != nil:
		err = errors.Join(err, g.engine.Close())
	}
	return err
}

// watchdog feeds systemd's watchdog, when there is one, by the progress of the router and the store.
func (g *gateway) watchdog(ctx context.Context) error {
	err := systemd.Watchdog(ctx, g.log, g.router.Alive)
	if err == nil {
		<-ctx.Done()
	}
	return err
}

// tell says to systemd that the gateway is ready, and from then on how many modems are.
func (g *gateway) tell(ctx context.Context) error {
	line := g.status()
	if err := systemd.Ready(line); err != nil {
		g.log.Warn("systemd was not told", "err", err)
	}
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if now := g.status(); now != line {
			line = now
			if err := systemd.Status(line); err != nil {
				g.log.Warn("systemd was not told", "err", err)
			}
		}
	}
}

// status is the line that systemd shows.
func (g *gateway) status() string {
	up := 0
	all := g.fleet.all()
	for _, m := range all {
		if m.Status().State == modem.Ready {
			up++
		}
	}
	line := fmt.Sprintf("%d/%d modems up", up, len(all))
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if counts, err := g.store.Counts(ctx); err == nil {
		line += fmt.Sprintf(", %d waiting", counts[store.Waiting])
	}
	if why := g.trouble.Load(); why != nil {
		line += "; not reloaded: " + *why
	}
	return line
}

// planTrunks are the trunks that call plans may name: those of the gateway, and carriers, which switches reach.
func (g *gateway) planTrunks() []string {
	return append(g.router.Trunks(), g.board.table.Carriers()...)
}

// views shows the modems as the API does, in order of their names.
func (g *gateway) views() []api.Modem {
	var out []api.Modem
	all := g.fleet.all()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		out = append(out, modemView(name, all[name].Status()))
	}
	return out
}

func modemView(name string, s modem.Status) api.Modem {
	m := api.Modem{Name: name, Device: s.Device, USB: s.USB, Note: s.Note, State: string(s.State), Reason: string(s.Reason), Hint: s.Hint, Manufacturer: s.Manufacturer, Model: s.Model,
		Revision: s.Revision, IMEI: s.IMEI, IMSI: s.IMSI, ICCID: s.ICCID, SMSC: s.SMSC, Operator: s.Operator, Opens: uint64(s.Opens), LastAnswer: s.LastAnswer.UTC()}
	if s.LastAnswer.IsZero() {
		m.LastAnswer = time.Time{}
	} else {
		m.Registration = s.Registration.String()
	}
	if s.SignalDBm != 0 {
		m.SignalDBm = &s.SignalDBm
	}
	m.Network, m.Restarts, m.Domain = s.Network, s.Restarts, string(s.Domain)
	if !s.LastReceived.IsZero() {
		m.LastReceived = s.LastReceived.UTC()
	}
	m.Roaming = roams(s.Registration)
	if q := s.Quality; q != (modem.Quality{}) {
		m.Quality = &api.Quality{RxLevelDBm: q.RxLevelDBm, RSCPDBm: q.RSCPDBm, EcNoDB: q.EcNoDB, RSRPDBm: q.RSRPDBm, RSRQDB: q.RSRQDB}
	}
	if s.PINTries >= 0 {
		m.PINTries = &s.PINTries
	}
	if s.PUKTries >= 0 {
		m.PUKTries = &s.PUKTries
	}
	if !s.BalanceAt.IsZero() {
		m.Balance, m.BalanceAt = &s.Balance, s.BalanceAt.UTC()
	}
	for _, k := range s.Calls {
		direction := "in"
		if k.Outgoing {
			direction = "out"
		}
		m.Calls = append(m.Calls, api.Call{Direction: direction, State: string(k.State), Caller: string(k.Caller), Number: k.Number, Began: k.Began.UTC(), Answered: k.Answered.UTC()})
	}
	for _, st := range s.Storage {
		m.Storage = append(m.Storage, api.Storage{Memory: st.Memory, Used: st.Used, Total: st.Total})
	}
	return m
}
