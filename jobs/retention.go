package jobs

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"trunkline/store"
)

// RetentionConfig is the section [retention]: how long records are kept that nothing more happens to. "0s" is for good.
type RetentionConfig struct {
	MessagesIn  time.Duration `toml:"messages_in"`  // received messages, from their receipt; "0s": for good
	MessagesOut time.Duration `toml:"messages_out"` // messages that were sent, or could not be, from their acceptance; one that waits, is held, unknown, or awaits a report stays; "0s": for good
	CDRs        time.Duration `toml:"cdrs"`         // records of calls, from their end; "0s": for good
	Runs        time.Duration `toml:"runs"`         // runs of actions that are over, from their begin; "0s": for good
	Archived    time.Duration `toml:"archived"`     // records that were archived: contacts, groups, administrators, actions, service providers and so on; "0s": for good
	Statistics  time.Duration `toml:"statistics"`   // counts of parts sent in a month, from its end; "0s": for good
	Deliveries  time.Duration `toml:"deliveries"`   // deliveries to webhooks, from their success or their end; "0s": for good
}

// DefaultRetention returns what is right for most.
func DefaultRetention() RetentionConfig {
	return RetentionConfig{MessagesIn: 365 * 24 * time.Hour, MessagesOut: 365 * 24 * time.Hour, CDRs: 365 * 24 * time.Hour, Runs: 365 * 24 * time.Hour, Archived: 7 * 24 * time.Hour, Statistics: 10 * 365 * 24 * time.Hour, Deliveries: 30 * 24 * time.Hour}
}

// minRetention is the shortest time: a message that is gone before its reports and repetitions have come would be taken for a new one.
const minRetention = 7 * 24 * time.Hour

// Validate returns everything that is wrong, each error starting with the key.
func (c RetentionConfig) Validate() (errs []error) {
	for _, k := range []struct {
		key   string
		value time.Duration
		least time.Duration
	}{{"messages_in", c.MessagesIn, minRetention}, {"messages_out", c.MessagesOut, minRetention}, {"cdrs", c.CDRs, minRetention}, {"runs", c.Runs, 24 * time.Hour}, {"archived", c.Archived, 24 * time.Hour}, {"statistics", c.Statistics, 366 * 24 * time.Hour}, {"deliveries", c.Deliveries, time.Hour}} {
		if k.value != 0 && k.value < k.least {
			errs = append(errs, fmt.Errorf("%s: %s is too short; use at least %s, or \"0s\" to keep for good", k.key, k.value, k.least))
		}
	}
	return errs
}

// RetentionOptions is what a Retention works with. Store is needed; all else may be zero.
type RetentionOptions struct {
	Config     RetentionConfig
	Store      *store.Store
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Retention deletes records whose time is over, a slice at a time.
type Retention struct {
	store   *store.Store
	classes []class
	log     *slog.Logger
	deleted *prometheus.CounterVec
}

// class is a kind of records with a time of its own.
type class struct {
	name   string
	keep   time.Duration
	delete func(ctx context.Context, before time.Time, from []byte) (store.Deletion, error)
}

// NewRetention returns a Retention that deletes nothing until Run.
func NewRetention(o RetentionOptions) *Retention {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	messages := func(d store.Direction) func(context.Context, time.Time, []byte) (store.Deletion, error) {
		return func(ctx context.Context, before time.Time, from []byte) (store.Deletion, error) {
			return o.Store.ExpireMessages(ctx, d, before, from)
		}
	}
	r := &Retention{store: o.Store, log: o.Logger, deleted: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "trunkline_jobs_retention_deleted_total", Help: "Records that were deleted because their time was over."},
		[]string{"class"})}
	for _, c := range []class{{name: "messages_in", keep: o.Config.MessagesIn, delete: messages(store.In)}, {name: "messages_out", keep: o.Config.MessagesOut, delete: messages(store.Out)},
		{name: "runs", keep: o.Config.Runs, delete: o.Store.ExpireRuns}, {name: "cdrs", keep: o.Config.CDRs, delete: o.Store.ExpireCDRs}, {name: "archived", keep: o.Config.Archived, delete: o.Store.PurgeArchived}, {name: "statistics", keep: o.Config.Statistics, delete: o.Store.ExpireSent}, {name: "deliveries", keep: o.Config.Deliveries, delete: o.Store.ExpireDeliveries}} {
		r.deleted.WithLabelValues(c.name)
		if c.keep > 0 {
			r.classes = append(r.classes, c)
		}
	}
	if o.Registerer != nil {
		o.Registerer.MustRegister(r.deleted)
	}
	return r
}

const (
	retentionEvery = time.Hour
	retentionPause = 50 * time.Millisecond // between two slices: other writers first
)

// Run deletes what is over at once and then every hour, until ctx ends.
func (r *Retention) Run(ctx context.Context) error {
	for {
		for i := range r.classes {
			if err := r.round(ctx, &r.classes[i]); err != nil && ctx.Err() == nil {
				r.log.Error("records whose time is over could not be deleted; trying again in an hour", "class", r.classes[i].name, "err", err)
			}
		}
		if !sleep(ctx, retentionEvery) {
			return nil
		}
	}
}

// round deletes what is over of one class.
func (r *Retention) round(ctx context.Context, c *class) error {
	before, total := r.store.Now().Add(-c.keep), 0
	for from := []byte(nil); ; {
		d, err := c.delete(ctx, before, from)
		if err != nil {
			return err
		}
		r.deleted.WithLabelValues(c.name).Add(float64(d.Deleted))
		total += d.Deleted
		if from = d.Next; from == nil {
			break
		}
		if !sleep(ctx, retentionPause) {
			return nil
		}
	}
	if total > 0 {
		r.log.Info("records whose time is over were deleted", "class", c.name, "records", total, "before", before.Format(time.DateOnly))
	}
	return nil
}
