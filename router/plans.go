package router

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"trunkline/callplan"
	"trunkline/store"
)

// ErrPlanInvalid says that a plan has errors, which stand in the findings beside it; what was in use stays in use.
var ErrPlanInvalid = errors.New("the plan has errors and is not used")

// PlansOptions are what Plans works with.
type PlansOptions struct {
	Store  *store.Store
	Book   *callplan.Book  // is kept in step with the store
	Tables Tables          // what all plans share
	Trunks func() []string // names of the trunks that exist, for warnings; nil: not known
	Logger *slog.Logger
	Now    func() time.Time // nil: the store's
}

// Plans is the call plans of all service providers: those in the store, compiled into a Book. A plan that cannot be used never takes the place of one that is.
type Plans struct {
	o     PlansOptions
	mu    sync.Mutex // held while plans change
	read  map[string]map[string]parsedPlan
	nudge chan struct{} // something may be due earlier than was thought
}

// parsedPlan is a document that was read, so that the plans of a provider beside the one that changes need not be read again.
type parsedPlan struct {
	version int64
	plan    *callplan.Plan // nil: it cannot be used
}

// NewPlans makes Plans over a store; Load must follow.
func NewPlans(o PlansOptions) *Plans {
	if o.Now == nil {
		o.Now = o.Store.Now
	}
	return &Plans{o: o, read: map[string]map[string]parsedPlan{}, nudge: make(chan struct{}, 1)}
}

// Load compiles what is in use. A plan in the store that cannot be used any more, as one of a newer version of the program, is left out and logged.
func (p *Plans) Load(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	providers, err := p.o.Store.Providers().All(ctx)
	if err != nil {
		return err
	}
	for _, provider := range providers {
		if err := p.rebuild(ctx, provider.Provider); err != nil {
			return err
		}
	}
	return nil
}

// PlanDocument is a plan to be published.
type PlanDocument struct {
	Provider string                // key of that of a document that names none; empty: the default one
	May      func(key string) bool // whether who publishes may touch this service provider; nil: any. Another is to him as one that does not exist
	Document []byte
	Author   string
	Note     string
	At       time.Time // when it comes into use; zero or past: at once
}

// Publish checks a plan, keeps it as the newest version and brings it into use. Findings hold all warnings too. ErrPlanInvalid when there are errors.
func (p *Plans) Publish(ctx context.Context, doc PlanDocument) (store.Plan, callplan.Findings, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	plan, found, err := p.check(ctx, doc)
	if err != nil {
		return store.Plan{}, found, err
	}
	kept, err := p.o.Store.PublishPlan(ctx, store.PlanVersion{Provider: plan.Provider, Name: plan.Name, Document: doc.Document, Author: doc.Author, Note: doc.Note,
		CreatedAt: p.o.Now()}, doc.At)
	if err != nil {
		return store.Plan{}, found, err
	}
	p.poke()
	return kept, found, p.rebuild(context.WithoutCancel(ctx), plan.Provider)
}

// Check tells all that Publish would find in a plan, and changes nothing. The error is the store's.
func (p *Plans) Check(ctx context.Context, doc PlanDocument) (callplan.Findings, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, found, err := p.check(ctx, doc)
	if errors.Is(err, ErrPlanInvalid) {
		err = nil
	}
	return found, err
}

// check reads a plan and looks at it beside everything else. ErrPlanInvalid when there are errors. p.mu is held.
func (p *Plans) check(ctx context.Context, doc PlanDocument) (*callplan.Plan, callplan.Findings, error) {
	if doc.Provider == "" {
		doc.Provider = store.DefaultProvider
	}
	plan, found := p.readNamed(doc.Document, doc.Provider)
	if plan == nil {
		return nil, found, ErrPlanInvalid
	}
	_, err := p.o.Store.Provider(ctx, plan.Provider)
	if errors.Is(err, store.ErrNotFound) || err == nil && doc.May != nil && !doc.May(plan.Provider) {
		name := p.o.Store.ProviderName(plan.Provider)
		found = append(found, callplan.Finding{Code: "E_PROVIDER_UNKNOWN", Pointer: "/service_provider", Found: name, Allowed: "the name of a service provider",
			Message: fmt.Sprintf("no service provider %q: create it first or correct the name", name)})
		return nil, found, ErrPlanInvalid
	}
	if err != nil {
		return nil, found, err
	}
	calendars, err := p.o.Store.CalendarsOf(ctx, plan.Provider)
	if err != nil {
		return nil, found, err
	}
	return plan, append(found, p.lint(plan, calendars, found)...), nil
}

// readNamed reads a document, which names a service provider or is of that with a key. The plan has the key.
func (p *Plans) readNamed(doc []byte, key string) (*callplan.Plan, callplan.Findings) {
	plan, found := callplan.Parse(doc, callplan.ParseOptions{Areas: p.o.Tables.Areas, Provider: p.o.Store.ProviderName(key)})
	if plan != nil {
		plan.Provider = p.o.Store.ProviderKey(plan.Provider)
	}
	return plan, found
}

// lint returns the warnings that only show beside the other plans, the calendars and the trunks.
func (p *Plans) lint(plan *callplan.Plan, calendars []store.Calendar, known callplan.Findings) callplan.Findings {
	o := callplan.LintOptions{Now: p.o.Now(), Areas: p.o.Tables.Areas, Calendars: []string{}}
	for _, c := range calendars {
		o.Calendars = append(o.Calendars, c.Name)
	}
	if p.o.Trunks != nil {
		o.Trunks = append([]string{}, p.o.Trunks()...)
	}
	for _, other := range p.read[plan.Provider] {
		if other.plan != nil {
			o.Others = append(o.Others, other.plan)
		}
	}
	var more callplan.Findings
	for _, f := range callplan.Lint(plan, o) {
		if !slices.Contains(known, f) {
			more = append(more, f)
		}
	}
	return more
}

// Rollback brings an older version of a plan back into use, 0 being the one before. ErrPlanInvalid when this program cannot use it any more.
func (p *Plans) Rollback(ctx context.Context, provider, name string, version int64, who string) (store.Plan, error) {
	return p.change(ctx, provider, func(now time.Time) (store.Plan, error) {
		plan, err := p.o.Store.Plan(ctx, provider, name)
		if err != nil {
			return plan, err
		}
		if version == 0 {
			version = plan.Before
		}
		v, err := p.o.Store.PlanVersion(ctx, provider, name, version)
		if err != nil {
			return plan, err
		}
		if old, found := callplan.Parse(v.Document, callplan.ParseOptions{Areas: p.o.Tables.Areas, Provider: provider}); old == nil {
			return plan, fmt.Errorf("version %d of plan %q: %w: %w", version, name, ErrPlanInvalid, found.Err())
		}
		return p.o.Store.RollbackPlan(ctx, provider, name, version, now, who)
	})
}

// Archive puts a plan out of use and keeps it.
func (p *Plans) Archive(ctx context.Context, provider, name, who string) (store.Plan, error) {
	return p.change(ctx, provider, func(now time.Time) (store.Plan, error) { return p.o.Store.ArchivePlan(ctx, provider, name, now, who) })
}

// Restore takes an archived plan back into use.
func (p *Plans) Restore(ctx context.Context, provider, name, who string) (store.Plan, error) {
	return p.change(ctx, provider, func(now time.Time) (store.Plan, error) { return p.o.Store.RestorePlan(ctx, provider, name, now, who) })
}

// Purge removes an archived plan for good.
func (p *Plans) Purge(ctx context.Context, provider, name, who string) (store.Plan, error) {
	return p.change(ctx, provider, func(now time.Time) (store.Plan, error) { return p.o.Store.PurgePlan(ctx, provider, name, now, who) })
}

func (p *Plans) change(ctx context.Context, provider string, step func(now time.Time) (store.Plan, error)) (store.Plan, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	plan, err := step(p.o.Now())
	if err != nil {
		return store.Plan{}, err
	}
	return plan, p.rebuild(context.WithoutCancel(ctx), provider)
}

// ProviderChanged takes note that the service provider with a key was added, changed, archived or restored, or its calendars were.
func (p *Plans) ProviderChanged(ctx context.Context, key string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.rebuild(ctx, key)
}

// rebuild compiles the plans of the provider with a key as they stand in the store and swaps them in. p.mu is held.
func (p *Plans) rebuild(ctx context.Context, key string) error {
	provider, err := p.o.Store.Provider(ctx, key)
	if errors.Is(err, store.ErrNotFound) || err == nil && !provider.ArchivedAt.IsZero() {
		p.o.Book.Remove(key)
		delete(p.read, key)
		return nil
	}
	if err != nil {
		return err
	}
	kept, err := p.o.Store.Plans(ctx, key)
	if err != nil {
		return err
	}
	read := map[string]parsedPlan{}
	var live []*callplan.Plan
	for _, k := range kept {
		if k.Live == 0 || !k.ArchivedAt.IsZero() {
			continue
		}
		one, ok := p.read[key][k.Name]
		if !ok || one.version != k.Live {
			if one, err = p.parse(ctx, k); err != nil {
				return err
			}
		}
		if read[k.Name] = one; one.plan != nil {
			live = append(live, one.plan)
		}
	}
	env, err := p.env(ctx, &provider)
	if err != nil {
		return err
	}
	set, err := callplan.Compile(key, live, env)
	if err != nil {
		return fmt.Errorf("call plans of %q: %w", provider.Name, err)
	}
	p.read[key] = read
	p.o.Book.Publish(set)
	return nil
}

// env is what the plans of a provider share.
func (p *Plans) env(ctx context.Context, provider *store.Provider) (*callplan.Env, error) {
	t := &p.o.Tables
	env := &callplan.Env{Timezone: cmp.Or(provider.Timezone, t.Timezone), Areas: t.Areas, LATAs: t.LATAs, ZIPs: t.ZIPs, Calendars: map[string][]callplan.Date{}}
	calendars, err := p.o.Store.CalendarsOf(ctx, provider.Provider)
	if err != nil {
		return nil, fmt.Errorf("calendars of %q: %w", provider.Name, err)
	}
	for _, c := range calendars {
		for _, day := range c.Days {
			if d, err := callplan.ParseDate(day); err == nil { // the store has only such
				env.Calendars[c.Name] = append(env.Calendars[c.Name], d)
			}
		}
	}
	return env, nil
}

// parse reads the version of a plan that is in use.
func (p *Plans) parse(ctx context.Context, k store.Plan) (parsedPlan, error) {
	v, err := p.o.Store.PlanVersion(ctx, k.Provider, k.Name, k.Live)
	var bad *store.Damage
	if errors.As(err, &bad) || errors.Is(err, store.ErrNotFound) {
		p.o.Logger.Error("a call plan cannot be read and is not used", "provider", p.o.Store.ProviderName(k.Provider), "plan", k.Name, "version", k.Live, "err", err)
		return parsedPlan{version: k.Live}, nil
	}
	if err != nil {
		return parsedPlan{}, err
	}
	plan, found := callplan.Parse(v.Document, callplan.ParseOptions{Areas: p.o.Tables.Areas, Provider: k.Provider})
	if plan == nil {
		p.o.Logger.Error("a call plan has errors and is not used", "provider", p.o.Store.ProviderName(k.Provider), "plan", k.Name, "version", k.Live, "err", found.Err())
		return parsedPlan{version: k.Live}, nil
	}
	plan.Provider, plan.Version = k.Provider, k.Live
	return parsedPlan{k.Live, plan}, nil
}

func (p *Plans) poke() {
	select {
	case p.nudge <- struct{}{}:
	default:
	}
}

// longestWait is how long Run waits at most before it looks what is due: clocks are set.
const longestWait = time.Minute

// Run brings versions into use when their time comes, until ctx ends.
func (p *Plans) Run(ctx context.Context) error {
	for {
		wait, err := p.publishDue(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			p.o.Logger.Error("call plans that are due cannot be published", "err", err)
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-p.nudge:
		case <-timer.C:
		}
		timer.Stop()
		if ctx.Err() != nil {
			return nil
		}
	}
}

// publishDue brings into use what is due and returns how long to wait for the next.
func (p *Plans) publishDue(ctx context.Context) (time.Duration, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.o.Now()
	changed, next, err := p.o.Store.PublishDue(ctx, now)
	if err != nil {
		return longestWait, err
	}
	for _, k := range changed {
		if err := p.rebuild(ctx, k.Provider); err != nil {
			return longestWait, err
		}
		p.o.Logger.Info("call plan is in use", "provider", p.o.Store.ProviderName(k.Provider), "plan", k.Name, "version", k.Live)
	}
	if next.IsZero() {
		return longestWait, nil
	}
	return min(longestWait, max(next.Sub(now), time.Millisecond)), nil
}
