package store

import (
	"context"
	"encoding/binary"
	"fmt"
)

// Plan returns one plan, or ErrNotFound.
func (s *Store) Plan(ctx context.Context, provider, name string) (Plan, error) {
	var p *Plan
	err := s.view(ctx, func(r Reader, _ *[]*Damage) (err error) {
		p, err = readPlan(r, provider, name)
		return err
	})
	if err != nil {
		return Plan{}, err
	}
	return *p, nil
}

// Plans returns the plans of a provider by name, those of all when it is empty, archived ones included. Damaged records are left out.
func (s *Store) Plans(ctx context.Context, provider string) ([]Plan, error) {
	var from, to []byte
	if provider != "" {
		from = appendName(nil, provider)
		to = after(from)
	}
	var all []Plan
	err := s.view(ctx, func(r Reader, found *[]*Damage) error {
		all = nil
		return r.Scan(tablePlans, from, to, false, func(k, v []byte) (bool, error) {
			p, err := openPlan(k, v)
			if d, ok := damaged(err); ok {
				*found = append(*found, d)
				return true, nil
			}
			all = append(all, *p)
			return true, nil
		})
	})
	return all, err
}

// PlanVersion returns a version of a plan, or ErrNotFound.
func (s *Store) PlanVersion(ctx context.Context, provider, name string, version int64) (PlanVersion, error) {
	var v *PlanVersion
	err := s.view(ctx, func(r Reader, _ *[]*Damage) error {
		key := versionKey(provider, name, version)
		value, err := r.Get(tablePlanVersions, key)
		if err != nil {
			return err
		}
		if value == nil {
			return fmt.Errorf("version %d of plan %q of %q: %w", version, name, provider, ErrNotFound)
		}
		v, err = openPlanVersion(key, value)
		return err
	})
	if err != nil {
		return PlanVersion{}, err
	}
	return *v, nil
}

// PlanVersions returns the versions of a plan that are kept, the oldest first, without their documents. Damaged records are left out.
func (s *Store) PlanVersions(ctx context.Context, provider, name string) ([]PlanVersion, error) {
	prefix := planKey(provider, name)
	var all []PlanVersion
	err := s.view(ctx, func(r Reader, found *[]*Damage) error {
		all = nil
		return r.Scan(tablePlanVersions, prefix, after(prefix), false, func(k, value []byte) (bool, error) {
			v, err := openPlanVersion(k, value)
			if d, ok := damaged(err); ok {
				*found = append(*found, d)
				return true, nil
			}
			v.Document = nil
			all = append(all, *v)
			return true, nil
		})
	})
	return all, err
}

func readPlan(r Reader, provider, name string) (*Plan, error) {
	p, err := findPlan(r, provider, name)
	if err == nil && p == nil {
		err = fmt.Errorf("plan %q of %q: %w", name, provider, ErrNotFound)
	}
	return p, err
}

// findPlan returns a plan, nil when there is none.
func findPlan(r Reader, provider, name string) (*Plan, error) {
	key := planKey(provider, name)
	value, err := r.Get(tablePlans, key)
	if err != nil || value == nil {
		return nil, err
	}
	return openPlan(key, value)
}

// cutName reads a name that appendName wrote.
func cutName(b []byte) (name string, rest []byte, ok bool) {
	if len(b) == 0 || len(b) < 1+int(b[0]) {
		return "", nil, false
	}
	end := 1 + int(b[0])
	return string(b[1:end]), b[end:], true
}

func openPlan(key, value []byte) (*Plan, error) {
	provider, rest, ok := cutName(key)
	name, rest, ok2 := cutName(rest)
	if !ok || !ok2 || len(rest) > 0 {
		return nil, damage(tablePlans, key, "key is no name of a plan")
	}
	payload, err := unseal(tablePlans, key, value)
	if err != nil {
		return nil, err
	}
	p, err := decodePlan(provider, name, payload)
	if err != nil {
		return nil, damage(tablePlans, key, err.Error())
	}
	return p, nil
}

func openPlanVersion(key, value []byte) (*PlanVersion, error) {
	provider, rest, ok := cutName(key)
	name, rest, ok2 := cutName(rest)
	if !ok || !ok2 || len(rest) != 8 {
		return nil, damage(tablePlanVersions, key, "key is no version of a plan")
	}
	payload, err := unseal(tablePlanVersions, key, value)
	if err != nil {
		return nil, err
	}
	v, err := decodePlanVersion(payload)
	if err != nil {
		return nil, damage(tablePlanVersions, key, err.Error())
	}
	v.Provider, v.Name, v.Version = provider, name, int64(binary.BigEndian.Uint64(rest))
	return v, nil
}
