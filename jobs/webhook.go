package jobs

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"trunkline/store"
)

// WebhookOptions is what Webhooks works with. Store and Data are needed; all else may be zero.
type WebhookOptions struct {
	Config WebhookConfig // zero: DefaultWebhooks()
	Store  *store.Store
	// Data returns the field data of what endpoints are sent about an event, as JSON.
	Data       func(ctx context.Context, e *store.Event) (json.RawMessage, error)
	Roots      *x509.CertPool // who vouches for endpoints; nil: those that the system trusts
	Logger     *slog.Logger
	Registerer prometheus.Registerer
	Version    string // told to endpoints

	connect  dial          // instead of the network
	resolver *net.Resolver // nil: the system's
}

// Webhooks delivers events to endpoints. It is safe for concurrent use.
type Webhooks struct {
	config  WebhookConfig
	store   *store.Store
	data    func(context.Context, *store.Event) (json.RawMessage, error)
	fence   fence
	sender  *sender
	log     *slog.Logger
	metrics *webhookMetrics
	slots   chan struct{} // one for each request at once
	changed chan struct{} // holds one token: endpoints were changed
}

// NewWebhooks returns a Webhooks that delivers nothing until Run. The error is about the configuration.
func NewWebhooks(o WebhookOptions) (*Webhooks, error) {
	if o.Config.Concurrency == 0 {
		o.Config = DefaultWebhooks()
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	allow, err := o.Config.networks()
	if err != nil {
		return nil, err
	}
	w := &Webhooks{config: o.Config, store: o.Store, data: o.Data, fence: fence{allow}, log: o.Logger, slots: make(chan struct{}, o.Config.Concurrency),
		changed: make(chan struct{}, 1)}
	w.sender = newSender(o, w.fence)
	w.metrics = newWebhookMetrics(o.Registerer, w)
	return w, nil
}

// look is how often the endpoints are looked through although nobody said that they changed.
const look = 30 * time.Second

// stopGrace is how long requests that are under way may take to end when Run is told to.
const stopGrace = 3 * time.Second

// Run delivers until ctx ends; requests that are under way then have a moment to end, and count for nothing when they do not.
func (w *Webhooks) Run(ctx context.Context) error {
	requests, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	defer w.sender.client.CloseIdleConnections()
	stop := context.AfterFunc(ctx, func() {
		t := time.NewTimer(stopGrace)
		defer t.Stop()
		select {
		case <-t.C:
			cut()
		case <-requests.Done():
		}
	})
	defer stop()
	var running sync.WaitGroup
	defer running.Wait()
	loops := map[store.WebhookID]*endpoint{}
	tick := time.NewTicker(look)
	defer tick.Stop()
	for {
		all, err := w.store.Webhooks(ctx)
		if err != nil && ctx.Err() == nil {
			w.log.Error("the endpoints of webhooks cannot be read; trying again", "err", err)
		}
		for id, l := range loops {
			if l.ended() {
				delete(loops, id)
			}
		}
		for i := range all {
			id := all[i].ID
			if l := loops[id]; l != nil {
				l.poke()
			} else if all[i].Active() {
				l := newEndpoint(w, id)
				loops[id] = l
				running.Go(func() {
					l.run(ctx, requests)
					close(l.done)
					w.nudge() // it may have been resumed while it ended
				})
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-w.changed:
		case <-tick.C:
		}
	}
}

// nudge tells Run that endpoints were changed.
func (w *Webhooks) nudge() {
	select {
	case w.changed <- struct{}{}:
	default:
	}
}

// body returns what an endpoint is sent about an event.
func (w *Webhooks) body(ctx context.Context, e *store.Event) ([]byte, error) {
	data, err := w.data(ctx, e)
	if err != nil {
		return nil, fmt.Errorf("describe event %d: %w", e.Seq, err)
	}
	return json.Marshal(Body{Type: e.Type, Timestamp: e.At.UTC(), Data: data})
}
