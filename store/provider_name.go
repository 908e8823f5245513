package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// A service provider has a key, which all that belongs to it is kept under and which never changes, and a name, which may. The key is the name that it began
// with, unless another one has or had that key; so for most the two are the same. Everything in the store and in the parts that decide goes by keys, and names are
// translated where people and programs are met. To rename is to change one record: whatever refers to the service provider goes on as it was.

// maxFormerNames is how many former names are kept of a service provider; the oldest go.
const maxFormerNames = 16

// FormerName is what a service provider was called.
type FormerName struct {
	Name  string
	Until time.Time
}

// rename notes what a service provider was called before. Nothing happens to a new one, when was is nil.
func (p *Provider) rename(was *Provider, at time.Time) {
	if was == nil {
		return
	}
	p.Former = slices.DeleteFunc(p.Former, func(f FormerName) bool { return f.Name == p.Name || f.Name == was.Name })
	p.Former = append(p.Former, FormerName{was.Name, at})
	p.Former = p.Former[max(0, len(p.Former)-maxFormerNames):]
}

// assignKey gives a new service provider its key.
func (p *Provider) assignKey(t *tx, wrong *Faults) error {
	for _, key := range []string{p.Name, p.UUID.String()} {
		switch used, err := keyUsed(t, key); {
		case err != nil:
			return err
		case !used:
			p.Provider = key
			t.names = t.names || key != p.Name
			return nil
		}
	}
	wrong.add("uuid", "exists", "it is the name of another service provider; leave it out")
	return nil
}

// keyUsed tells whether a service provider has a key, or had it.
func keyUsed(t *tx, key string) (bool, error) {
	if p, err := findProvider(t, key); err != nil || p != nil {
		return true, err
	}
	retired, err := t.Get(tableMeta, retiredKey(key))
	return retired != nil, err
}

// retireKey sees to it that the key of a service provider is not given again.
func (p *Provider) retireKey(t *tx) error {
	key := retiredKey(p.Provider)
	return t.Put(tableMeta, key, seal(tableMeta, key, newFrame(0)))
}

func retiredKey(provider string) []byte { return appendName([]byte("retired provider "), provider) }

// providerNames translates between keys and names; what is not in it has the same key and name.
type providerNames struct {
	keys   map[string]string // of a name
	names  map[string]string // of a key
	former map[string]string // key of who had a name last that nobody has
}

// nobody ends the key of a name that no service provider has although another has that key. No name can hold it.
const nobody = "\x00"

// ProviderKey returns the key of the service provider with a name; one that nobody has gives a key that nobody has.
func (s *Store) ProviderKey(name string) string {
	n := s.names.Load()
	if n == nil {
		return name
	}
	if key, ok := n.keys[name]; ok {
		return key
	}
	if _, ok := n.names[name]; ok {
		return name + nobody
	}
	return name
}

// ProviderName returns the name of the service provider with a key; of an unknown key what ProviderKey made it of.
func (s *Store) ProviderName(key string) string {
	if n := s.names.Load(); n != nil {
		if name, ok := n.names[key]; ok {
			return name
		}
	}
	return strings.TrimSuffix(key, nobody)
}

// ProviderMeant returns the key of the service provider that a configuration means by a name: the one that has it, else the one that had it last. So renaming
// does not change what a configuration means.
func (s *Store) ProviderMeant(name string) string {
	if n := s.names.Load(); n != nil {
		if key, ok := n.former[name]; ok {
			return key
		}
	}
	return s.ProviderKey(name)
}

// RoleName returns a role_id with the name of its service provider instead of the key.
func (s *Store) RoleName(id string) string {
	if key, ok := strings.CutPrefix(id, roleOfProvider); ok {
		return ProviderRole(s.ProviderName(key))
	}
	return id
}

// RoleKey returns a role_id with the key of its service provider instead of the name.
func (s *Store) RoleKey(id string) string {
	if name, ok := strings.CutPrefix(id, roleOfProvider); ok {
		return ProviderRole(s.ProviderKey(name))
	}
	return id
}

// loadNames reads the names of all service providers. It runs after every transaction that changes one, so that none is known to have changed before all can see it.
func (s *Store) loadNames(ctx context.Context) error {
	s.naming.Lock()
	defer s.naming.Unlock()
	n := &providerNames{keys: map[string]string{}, names: map[string]string{}, former: map[string]string{}}
	until := map[string]time.Time{}
	taken := map[string]bool{}
	err := s.engine.View(ctx, func(r Reader) error {
		return r.Scan(tableProviders, nil, nil, false, func(k, v []byte) (bool, error) {
			p, err := providerKind.open(k, v)
			if _, bad := damaged(err); bad {
				return true, nil // told when it is read
			}
			if err != nil {
				return false, err
			}
			taken[p.Name] = true
			if p.Name != p.Provider {
				n.keys[p.Name], n.names[p.Provider] = p.Provider, p.Name
			}
			for _, f := range p.Former {
				if f.Until.After(until[f.Name]) {
					n.former[f.Name], until[f.Name] = p.Provider, f.Until
				}
			}
			return true, nil
		})
	})
	if err != nil {
		return fmt.Errorf("read the names of service providers: %w", err)
	}
	for name := range n.former {
		if taken[name] {
			delete(n.former, name)
		}
	}
	if len(n.keys) == 0 && len(n.former) == 0 {
		n = nil
	}
	s.names.Store(n)
	return nil
}

// renamed takes note that the names of service providers changed.
func (s *Store) renamed(ctx context.Context) {
	if err := s.loadNames(context.WithoutCancel(ctx)); err != nil && !errors.Is(err, ErrStopped) {
		s.log.Error("the new name of a service provider is not known before the next start", "err", err)
	}
}
