package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"time"
)

// Bounds on call plans.
const (
	MaxPlans        = 1000    // of a provider, archived ones included
	MaxPlanVersions = 100     // of a plan: the oldest that is not in use goes when there is one more
	MaxPlanBytes    = 4 << 20 // of a document
)

// Plan is a call plan as it stands: which of its versions is in use, and which will be. Its documents are PlanVersions; nothing here knows what is in them.
type Plan struct {
	Provider   string
	Name       string
	Live       int64     // version in use, 0 when none is yet
	Before     int64     // version that was in use before, 0 when none was
	Last       int64     // newest version
	Next       int64     // version that comes into use at NextAt, 0 when none does
	NextAt     time.Time // zero when Next is 0
	CreatedAt  time.Time
	UpdatedAt  time.Time
	ArchivedAt time.Time // kept, never used; zero: it is not
}

// PlanVersion is a document of a plan. It never changes.
type PlanVersion struct {
	Provider  string
	Name      string // of the plan
	Version   int64  // counted from 1 by the plan
	Document  []byte
	Author    string
	Note      string
	CreatedAt time.Time
}

// PublishPlan adds a version to a plan, which is made when it does not exist, and brings it into use: at once, or at a time that is still to come; a later
// publication takes the place of one that waits. Only documents that can be used may be given. ErrNotFound when there is no such provider, ErrArchived when it or
// the plan is archived.
func (s *Store) PublishPlan(ctx context.Context, v PlanVersion, at time.Time) (Plan, error) {
	if !validName(v.Name) || v.CreatedAt.IsZero() || len(v.Document) == 0 || len(v.Document) > MaxPlanBytes {
		return Plan{}, fmt.Errorf("%w: a plan needs a name of 1 to 64 characters, a time of creation and a document of at most %d bytes", ErrInvalid, MaxPlanBytes)
	}
	var p *Plan
	err := s.update(ctx, func(t *tx) error {
		provider, err := readProvider(t, v.Provider)
		if err != nil {
			return err
		}
		if !provider.ArchivedAt.IsZero() {
			return fmt.Errorf("service provider %q: %w", v.Provider, ErrArchived)
		}
		if p, err = t.planToPublish(&v); err != nil {
			return err
		}
		p.Last++
		v.Version = p.Last
		key := versionKey(v.Provider, v.Name, v.Version)
		if err := t.Put(tablePlanVersions, key, seal(tablePlanVersions, key, appendPlanVersion(newFrame(64+len(v.Document)), &v))); err != nil {
			return err
		}
		event := "plan.published"
		if at.After(v.CreatedAt) {
			event, p.Next, p.NextAt = "plan.scheduled", v.Version, at
		} else {
			p.use(v.Version)
			p.Next, p.NextAt = 0, time.Time{}
		}
		if err := t.dropVersions(p); err != nil {
			return err
		}
		return t.savePlan(p, v.CreatedAt, event, v.Author, v.Version)
	})
	if err != nil {
		return Plan{}, err
	}
	return *p, nil
}

// planToPublish returns the plan of a version, a new one when there is none yet.
func (t *tx) planToPublish(v *PlanVersion) (*Plan, error) {
	p, err := findPlan(t, v.Provider, v.Name)
	if err != nil || p != nil {
		if err == nil && !p.ArchivedAt.IsZero() {
			err = fmt.Errorf("plan %q of %q: %w", v.Name, v.Provider, ErrArchived)
		}
		return p, err
	}
	n := 0
	prefix := appendName(nil, v.Provider)
	err = t.Scan(tablePlans, prefix, after(prefix), false, func(_, _ []byte) (bool, error) { n++; return true, nil })
	if err == nil && n >= MaxPlans {
		err = fmt.Errorf("%d plans of %q: %w", n, v.Provider, ErrTooMany)
	}
	return &Plan{Provider: v.Provider, Name: v.Name, CreatedAt: v.CreatedAt}, err
}

// use makes a version the one in use.
func (p *Plan) use(version int64) {
	if p.Live != version {
		p.Before, p.Live = p.Live, version
	}
}

// dropVersions removes the oldest versions that nothing needs when there are too many.
func (t *tx) dropVersions(p *Plan) error {
	prefix := planKey(p.Provider, p.Name)
	var keys [][]byte
	err := t.Scan(tablePlanVersions, prefix, after(prefix), false, func(k, _ []byte) (bool, error) {
		keys = append(keys, bytes.Clone(k))
		return true, nil
	})
	for i := 0; err == nil && i < len(keys)-MaxPlanVersions; i++ {
		if v := int64(binary.BigEndian.Uint64(keys[i][len(prefix):])); v != p.Live && v != p.Before && v != p.Next {
			err = t.Delete(tablePlanVersions, keys[i])
		}
	}
	return err
}

// PublishDue brings every version into use whose time has come. It returns the plans that changed, and when the next one is due, zero when none waits.
func (s *Store) PublishDue(ctx context.Context, now time.Time) (changed []Plan, next time.Time, err error) {
	err = s.update(ctx, func(t *tx) error {
		var due []*Plan
		changed, next = nil, time.Time{}
		err := t.Scan(tablePlans, nil, nil, false, func(k, v []byte) (bool, error) {
			p, err := openPlan(k, v)
			switch {
			case err != nil: // damage is told when the plan is read
			case p.Next == 0 || !p.ArchivedAt.IsZero():
			case !p.NextAt.After(now):
				due = append(due, p)
			case next.IsZero() || p.NextAt.Before(next):
				next = p.NextAt
			}
			return true, nil
		})
		if err != nil {
			return err
		}
		for _, p := range due {
			version := p.Next
			p.use(version)
			p.Next, p.NextAt = 0, time.Time{}
			if err := t.savePlan(p, now, "plan.published", "", version); err != nil {
				return err
			}
			changed = append(changed, *p)
		}
		return nil
	})
	return changed, next, err
}

// RollbackPlan brings an older version back into use, 0 being the one that was in use before; a publication that waits is given up. ErrNotFound when the version
// is no longer kept.
func (s *Store) RollbackPlan(ctx context.Context, provider, name string, version int64, at time.Time, who string) (Plan, error) {
	return s.changePlan(ctx, provider, name, func(t *tx, p *Plan) error {
		if !p.ArchivedAt.IsZero() {
			return ErrArchived
		}
		if version == 0 {
			version = p.Before
		}
		value, err := t.Get(tablePlanVersions, versionKey(provider, name, version))
		if err != nil {
			return err
		}
		if version == 0 || value == nil {
			return fmt.Errorf("version %d: %w", version, ErrNotFound)
		}
		p.use(version)
		p.Next, p.NextAt = 0, time.Time{}
		return t.savePlan(p, at, "plan.rolledback", who, version)
	})
}

// ArchivePlan puts a plan out of use and keeps it; a publication that waits is given up.
func (s *Store) ArchivePlan(ctx context.Context, provider, name string, at time.Time, who string) (Plan, error) {
	return s.changePlan(ctx, provider, name, func(t *tx, p *Plan) error {
		if !p.ArchivedAt.IsZero() {
			return nil
		}
		p.ArchivedAt, p.Next, p.NextAt = at, 0, time.Time{}
		return t.savePlan(p, at, "plan.archived", who, p.Live)
	})
}

// RestorePlan takes an archived plan back into use. ErrNotArchived when it is none.
func (s *Store) RestorePlan(ctx context.Context, provider, name string, at time.Time, who string) (Plan, error) {
	return s.changePlan(ctx, provider, name, func(t *tx, p *Plan) error {
		if p.ArchivedAt.IsZero() {
			return ErrNotArchived
		}
		p.ArchivedAt = time.Time{}
		return t.savePlan(p, at, "plan.restored", who, p.Live)
	})
}

// PurgePlan removes an archived plan with all its versions for good, and returns what it was. ErrNotArchived when it is in use.
func (s *Store) PurgePlan(ctx context.Context, provider, name string, at time.Time, who string) (Plan, error) {
	return s.changePlan(ctx, provider, name, func(t *tx, p *Plan) error {
		if p.ArchivedAt.IsZero() {
			return ErrNotArchived
		}
		prefix := planKey(provider, name)
		keys := [][]byte{}
		err := t.Scan(tablePlanVersions, prefix, after(prefix), false, func(k, _ []byte) (bool, error) {
			keys = append(keys, bytes.Clone(k))
			return true, nil
		})
		if err != nil {
			return err
		}
		for _, k := range keys {
			if err := t.Delete(tablePlanVersions, k); err != nil {
				return err
			}
		}
		if err := t.Delete(tablePlans, prefix); err != nil {
			return err
		}
		return t.planEvent(p, at, "plan.purged", who, p.Live)
	})
}

func (s *Store) changePlan(ctx context.Context, provider, name string, fn func(*tx, *Plan) error) (Plan, error) {
	var p *Plan
	err := s.update(ctx, func(t *tx) (err error) {
		if p, err = readPlan(t, provider, name); err != nil {
			return err
		}
		if err := fn(t, p); err != nil {
			return fmt.Errorf("plan %q of %q: %w", name, provider, err)
		}
		return nil
	})
	if err != nil {
		return Plan{}, err
	}
	return *p, nil
}

// savePlan writes a plan and the event that tells what happened to it: the code is provider/name, the text the version.
func (t *tx) savePlan(p *Plan, at time.Time, event, who string, version int64) error {
	p.UpdatedAt = at
	key := planKey(p.Provider, p.Name)
	if err := t.Put(tablePlans, key, seal(tablePlans, key, appendPlan(newFrame(96), p))); err != nil {
		return err
	}
	return t.planEvent(p, at, event, who, version)
}

func (t *tx) planEvent(p *Plan, at time.Time, event, who string, version int64) error {
	return t.event(Event{Type: event, At: at, Reference: -1, Code: p.Provider + "/" + p.Name, Text: fmt.Sprintf("version %d", version), Account: who})
}

func planKey(provider, name string) []byte { return appendName(appendName(nil, provider), name) }

func versionKey(provider, name string, version int64) []byte {
	return binary.BigEndian.AppendUint64(planKey(provider, name), uint64(version))
}
