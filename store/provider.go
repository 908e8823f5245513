package store

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// DefaultProvider is the service provider that every store has, from the start and for ever: calls and messages of nobody else are decided by its plans.
const DefaultProvider = "default"

// MaxProviders is how many service providers there may be, archived ones included.
const MaxProviders = 10_000

// Provider is a service provider: who owns call plans, calendars and subscribers.
type Provider struct {
	Name        string // 1 to 64 characters, unique, archived ones included
	DisplayName string
	Timezone    string // IANA name for plans that name none; empty: UTC
	CreatedAt   time.Time
	UpdatedAt   time.Time
	ArchivedAt  time.Time // kept, but none of its plans is used; zero: it is not
}

// validName tells whether a name can be the key of a provider, a plan or a calendar.
func validName(name string) bool {
	return strings.TrimSpace(name) != "" && utf8.ValidString(name) && utf8.RuneCountInString(name) <= 64 && len(name) <= maxNameBytes
}

// AddProvider stores a new service provider. ErrExists when the name is taken, by an archived one too.
func (s *Store) AddProvider(ctx context.Context, p Provider, who string) error {
	if !validName(p.Name) || p.CreatedAt.IsZero() {
		return fmt.Errorf("%w: a service provider needs a name of 1 to 64 characters and a time of creation", ErrInvalid)
	}
	return s.update(ctx, func(t *tx) error {
		value, err := t.Get(tableProviders, []byte(p.Name))
		if err != nil {
			return err
		}
		if value != nil || p.Name == DefaultProvider {
			return fmt.Errorf("service provider %q: %w", p.Name, ErrExists)
		}
		n := 0
		if err := t.Scan(tableProviders, nil, nil, false, func(_, _ []byte) (bool, error) { n++; return true, nil }); err != nil {
			return err
		}
		if n >= MaxProviders {
			return fmt.Errorf("%d service providers: %w", n, ErrTooMany)
		}
		return t.saveProvider(&p, p.CreatedAt, "provider.added", who)
	})
}

// EditProvider changes a service provider that is not archived: fn sets DisplayName or Timezone, and may run more than once; its error ends it without a trace.
func (s *Store) EditProvider(ctx context.Context, name string, at time.Time, who string, fn func(*Provider) error) (Provider, error) {
	return s.changeProvider(ctx, name, func(t *tx, p *Provider) error {
		if !p.ArchivedAt.IsZero() {
			return ErrArchived
		}
		if err := fn(p); err != nil {
			return err
		}
		p.Name = name
		return t.saveProvider(p, at, "provider.changed", who)
	})
}

// ArchiveProvider puts a service provider out of use with everything that it has; DefaultProvider cannot be.
func (s *Store) ArchiveProvider(ctx context.Context, name string, at time.Time, who string) (Provider, error) {
	return s.changeProvider(ctx, name, func(t *tx, p *Provider) error {
		switch {
		case name == DefaultProvider:
			return fmt.Errorf("%w: it is always there", ErrInvalid)
		case !p.ArchivedAt.IsZero():
			return nil
		}
		p.ArchivedAt = at
		return t.saveProvider(p, at, "provider.archived", who)
	})
}

// RestoreProvider takes an archived service provider back into use. ErrNotArchived when it is none.
func (s *Store) RestoreProvider(ctx context.Context, name string, at time.Time, who string) (Provider, error) {
	return s.changeProvider(ctx, name, func(t *tx, p *Provider) error {
		if p.ArchivedAt.IsZero() {
			return ErrNotArchived
		}
		p.ArchivedAt = time.Time{}
		return t.saveProvider(p, at, "provider.restored", who)
	})
}

// Provider returns one service provider, or ErrNotFound.
func (s *Store) Provider(ctx context.Context, name string) (Provider, error) {
	var p *Provider
	err := s.view(ctx, func(r Reader, _ *[]*Damage) (err error) {
		p, err = readProvider(r, name)
		return err
	})
	if err != nil {
		return Provider{}, err
	}
	return *p, nil
}

// Providers returns every service provider by name, archived ones included. Damaged records are left out.
func (s *Store) Providers(ctx context.Context) ([]Provider, error) {
	var all []Provider
	err := s.view(ctx, func(r Reader, found *[]*Damage) error {
		all = nil
		hasDefault := false
		err := r.Scan(tableProviders, nil, nil, false, func(k, v []byte) (bool, error) {
			p, err := openProvider(k, v)
			if d, ok := damaged(err); ok {
				*found = append(*found, d)
				return true, nil
			}
			hasDefault = hasDefault || p.Name == DefaultProvider
			all = append(all, *p)
			return true, nil
		})
		if err == nil && !hasDefault {
			all = append([]Provider{{Name: DefaultProvider}}, all...)
		}
		return err
	})
	return all, err
}

func (s *Store) changeProvider(ctx context.Context, name string, fn func(*tx, *Provider) error) (Provider, error) {
	var p *Provider
	err := s.update(ctx, func(t *tx) (err error) {
		if p, err = readProvider(t, name); err != nil {
			return err
		}
		if err := fn(t, p); err != nil {
			return fmt.Errorf("service provider %q: %w", name, err)
		}
		return nil
	})
	if err != nil {
		return Provider{}, err
	}
	return *p, nil
}

func (t *tx) saveProvider(p *Provider, at time.Time, event, who string) error {
	p.UpdatedAt = at
	key := []byte(p.Name)
	if err := t.Put(tableProviders, key, seal(tableProviders, key, appendProvider(newFrame(64+len(p.DisplayName)), p))); err != nil {
		return err
	}
	return t.event(Event{Type: event, At: at, Reference: -1, Code: p.Name, Account: who})
}

// readProvider returns a service provider; the default one is there even when nothing was ever stored of it.
func readProvider(r Reader, name string) (*Provider, error) {
	value, err := r.Get(tableProviders, []byte(name))
	switch {
	case err != nil:
		return nil, err
	case value != nil:
		return openProvider([]byte(name), value)
	case name == DefaultProvider:
		return &Provider{Name: name}, nil
	}
	return nil, fmt.Errorf("service provider %q: %w", name, ErrNotFound)
}

func openProvider(key, value []byte) (*Provider, error) {
	payload, err := unseal(tableProviders, key, value)
	if err != nil {
		return nil, err
	}
	p, err := decodeProvider(string(key), payload)
	if err != nil {
		return nil, damage(tableProviders, key, err.Error())
	}
	return p, nil
}
