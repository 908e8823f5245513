package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
)

// DefaultProvider is the service provider that every store has, from the start and for ever: calls and messages of nobody else are decided by its plans.
const DefaultProvider = "default"

// defaultProviderID is its number, even when nothing was ever stored of it.
const defaultProviderID = 1

// MaxProviders is how many service providers there may be, archived ones included.
const MaxProviders = 10_000

// Provider is a service provider: a tenant, who owns administrators, contacts, actions, call plans, calendars and subscribers. Others refer to it by its key,
// which is Meta.Provider and never changes; its name is for people and configurations, and may. See ProviderKey.
type Provider struct {
	Meta
	Name             string       // 1 to 64 characters, unique, archived ones included
	Former           []FormerName // what it was called before, the oldest first; set by the store
	DisplayName      string       // at most 250 characters, like all that follow but Notes
	FirstName        string       // of who is to be spoken to
	LastName         string
	Email            string // notifications and resets of passwords go there
	Address          string
	Phone            string
	Notes            string // at most 2048 characters
	Timezone         string // IANA name for plans that name none; empty: UTC
	Locale           string // of what is said to its people, e.g. "de"; empty: English
	DefaultTreatment string // of its call plans
	DefaultTrunk     string // by which its messages go when nothing else is said
	DefaultPhoneCode string // country code of its national numbers, 1 to 4 digits
}

var providerKind = &kind[Provider]{
	name: "provider", table: tableProviders, letter: 'v',
	meta: func(p *Provider) *Meta { return &p.Meta }, append: appendProvider, decode: decodeProvider,
	indexes: []index[Provider]{{'n', "name", func(p *Provider) [][]byte { return [][]byte{appendName(nil, p.Name)} }}},
	orders:  []order[Provider]{},
	words:   func(p *Provider) []string { return []string{p.Name, p.DisplayName, p.FirstName, p.LastName, p.Email} },
}

// Providers returns the collection of service providers.
func (s *Store) Providers() Records[Provider] { return Records[Provider]{s, providerKind} }

// validName tells whether a name can be the key of a provider, a plan or a calendar.
func validName(name string) bool {
	return strings.TrimSpace(name) != "" && utf8.ValidString(name) && utf8.RuneCountInString(name) <= 64 && len(name) <= maxNameBytes
}

func (p *Provider) check(t *tx, was *Provider, wrong *Faults) error {
	if !validName(p.Name) {
		wrong.add("name", "invalid", "is 1 to 64 characters")
	}
	wrong.word("name", p.Name, 64)
	for _, f := range []struct{ field, s string }{{"display_name", p.DisplayName}, {"first_name", p.FirstName}, {"last_name", p.LastName}, {"phone", p.Phone},
		{"default_treatment", p.DefaultTreatment}, {"default_trunk", p.DefaultTrunk}, {"locale", p.Locale}} {
		wrong.word(f.field, f.s, 250)
	}
	p.Former = nil
	if was != nil {
		p.Former = slices.Clone(was.Former)
	}
	wrong.text("address", p.Address, 250)
	wrong.text("notes", p.Notes, 2048)
	wrong.email("email", p.Email)
	if _, err := time.LoadLocation(p.Timezone); err != nil || p.Timezone == "Local" {
		wrong.add("timezone", "invalid", "is no IANA time zone, for example Europe/Berlin")
	}
	if strings.Trim(p.DefaultPhoneCode, "0123456789") != "" || len(p.DefaultPhoneCode) > 4 || strings.HasPrefix(p.DefaultPhoneCode, "0") {
		wrong.add("default_phone_code", "invalid", "is a country code of 1 to 4 digits, for example 49")
	}
	switch {
	case was != nil && p.Name == was.Name:
		return nil
	case was != nil && was.Name == DefaultProvider:
		wrong.add("name", "immutable", "the service provider %q keeps its name, which means it everywhere; change its display name", DefaultProvider)
		return nil
	case p.Name == DefaultProvider:
		wrong.taken("name", &Meta{ID: defaultProviderID})
		return nil
	}
	if err := providerKind.unique(t, p, wrong); err != nil || was != nil {
		p.rename(was, p.UpdatedAt)
		return err
	}
	n := 0
	if err := t.Scan(tableProviders, nil, nil, false, func(_, _ []byte) (bool, error) { n++; return n <= MaxProviders, nil }); err != nil {
		return err
	}
	if n >= MaxProviders {
		return fmt.Errorf("%d service providers: %w", n, ErrTooMany)
	}
	return p.assignKey(t, wrong)
}

// changed tells of a new name, which from now on is the one that counts.
func (p *Provider) changed(t *tx, was *Provider) error {
	if p.Name == was.Name {
		return nil
	}
	t.names = true
	return t.event(Event{Type: "provider.renamed", At: p.UpdatedAt, Reference: -1, Code: recordCode(&p.Meta), Account: p.UpdatedBy, Text: fmt.Sprintf("%q is called %q now", was.Name, p.Name)})
}

func (p *Provider) removable() error {
	if p.Name == DefaultProvider {
		return fmt.Errorf("%w: it is always there", ErrInvalid)
	}
	return nil
}

// drop removes all that a service provider has. Its key is never given again: messages and calls of it may still be kept.
func (p *Provider) drop(t *tx, limit int) (bool, error) {
	t.names = true
	if err := p.retireKey(t); err != nil {
		return true, err
	}
	return dropAll(limit,
		func(n int) (bool, error) { return dropProvided(t, actionKind, p, n) },
		func(n int) (bool, error) { return dropProvided(t, groupKind, p, n) },
		func(n int) (bool, error) { return dropProvided(t, listEntryKind, p, n) },
		func(n int) (bool, error) { return dropProvided(t, subscriberKind, p, n) },
		func(n int) (bool, error) { return dropProvided(t, calendarKind, p, n) },
		func(n int) (bool, error) { return dropProvided(t, contactKind, p, n) },
		func(n int) (bool, error) { return dropProvided(t, administratorKind, p, n) },
		func(n int) (bool, error) { return t.dropNamed(tablePlanVersions, p.Provider, n) },
		func(n int) (bool, error) { return t.dropNamed(tablePlans, p.Provider, n) })
}

// dropProvided removes records of a service provider with what belongs to them.
func dropProvided[T any](t *tx, k *kind[T], p *Provider, limit int) (left bool, err error) {
	var ids []uint64
	prefix := k.prefix(byProvider, p.Provider)
	err = t.Scan(tableIndex, prefix, after(prefix), false, func(key, _ []byte) (bool, error) {
		ids = append(ids, lastID(key))
		return len(ids) < max(1, limit/10), nil
	})
	for _, id := range ids {
		if err != nil {
			return true, err
		}
		v, e := k.read(t, id)
		if e != nil {
			return true, e
		}
		if left, err = rulesOf(v).drop(t, limit); left || err != nil {
			return true, err
		}
		err = k.remove(t, v, p.ArchivedAt, p.UpdatedBy)
	}
	return len(ids) > 0, err
}

// dropNamed removes records of a table whose keys begin with the key of a service provider.
func (t *tx) dropNamed(table Table, provider string, limit int) (left bool, err error) {
	prefix := appendName(nil, provider)
	var keys [][]byte
	err = t.Scan(table, prefix, after(prefix), false, func(k, _ []byte) (bool, error) {
		keys = append(keys, append([]byte(nil), k...))
		return len(keys) < limit, nil
	})
	for _, k := range keys {
		if err == nil {
			err = t.Delete(table, k)
		}
	}
	return len(keys) == limit, err
}

// Provider returns the service provider with a key, or ErrNotFound.
func (s *Store) Provider(ctx context.Context, key string) (Provider, error) {
	var p *Provider
	err := s.view(ctx, func(r Reader, _ *[]*Damage) (err error) {
		p, err = readProvider(r, key)
		return err
	})
	if err != nil {
		return Provider{}, err
	}
	return *p, nil
}

func readProvider(r Reader, key string) (*Provider, error) {
	p, err := findProvider(r, key)
	if err == nil && p == nil {
		err = fmt.Errorf("service provider %q: %w", key, ErrNotFound)
	}
	return p, err
}

// findProvider returns the service provider with a key, nil when there is none.
func findProvider(r Reader, key string) (*Provider, error) {
	return providerKind.first(r, providerKind.prefix(byProvider, key))
}

// defaultUUID is that of the default service provider until somebody has another one: every store begins with the same.
var defaultUUID = uuid.NewSHA1(uuid.NameSpaceURL, []byte("trunkline:provider:default"))

// addDefaultProvider makes the service provider that every store has, when it is not there.
func addDefaultProvider(ctx context.Context, e Engine) error {
	there := false
	err := e.View(ctx, func(r Reader) error {
		v, err := r.Get(tableProviders, idKey(defaultProviderID))
		there = v != nil
		return err
	})
	if err != nil || there {
		return err
	}
	err = e.Update(ctx, func(e Tx) error {
		t := &tx{Tx: e}
		p := &Provider{Name: DefaultProvider, Meta: Meta{ID: defaultProviderID, Provider: DefaultProvider, UUID: defaultUUID}}
		if v, err := t.Get(tableProviders, idKey(p.ID)); err != nil || v != nil {
			return err
		}
		for _, e := range providerKind.entries(p) {
			if err := t.Put(e.table, e.key, nil); err != nil {
				return err
			}
		}
		key := idKey(p.ID)
		if _, err := t.number(providerKind.name); err != nil {
			return err
		}
		return t.Put(tableProviders, key, seal(tableProviders, key, appendProvider(newFrame(64), p)))
	})
	return missing(err, tableProviders, idKey(defaultProviderID))
}
