package callplan

import (
	"maps"
	"sync"
	"sync/atomic"
)

// Book holds the Sets of all providers. Sets are swapped one pointer at a time while decisions go on: a decision sees the old Set or the new one. The zero
// value is empty and ready; it is safe for concurrent use and must not be copied.
type Book struct {
	mu   sync.Mutex                                      // held to add and remove providers
	sets atomic.Pointer[map[string]*atomic.Pointer[Set]] // the map never changes once it is here
}

// CompileAll compiles the plans of all providers that they name.
func CompileAll(plans []*Plan, env *Env) (*Book, error) {
	byProvider := map[string][]*Plan{}
	for _, p := range plans {
		byProvider[p.Provider] = append(byProvider[p.Provider], p)
	}
	sets := make(map[string]*atomic.Pointer[Set], len(byProvider))
	for provider, some := range byProvider {
		s, err := Compile(provider, some, env)
		if err != nil {
			return nil, err
		}
		sets[provider] = new(atomic.Pointer[Set])
		sets[provider].Store(s)
	}
	b := &Book{}
	b.sets.Store(&sets)
	return b, nil
}

func (b *Book) slot(provider string) *atomic.Pointer[Set] {
	if sets := b.sets.Load(); sets != nil {
		return (*sets)[provider]
	}
	return nil
}

// Publish makes a set decide for its provider from now on.
func (b *Book) Publish(s *Set) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if slot := b.slot(s.Provider()); slot != nil {
		slot.Store(s)
		return
	}
	b.change(func(sets map[string]*atomic.Pointer[Set]) {
		slot := new(atomic.Pointer[Set])
		slot.Store(s)
		sets[s.Provider()] = slot
	})
}

// Remove makes a provider one without plans.
func (b *Book) Remove(provider string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.change(func(sets map[string]*atomic.Pointer[Set]) { delete(sets, provider) })
}

// change puts a changed copy in the place of the map.
func (b *Book) change(edit func(map[string]*atomic.Pointer[Set])) {
	sets := map[string]*atomic.Pointer[Set]{}
	if old := b.sets.Load(); old != nil {
		sets = maps.Clone(*old)
	}
	edit(sets)
	b.sets.Store(&sets)
}

// Set returns the set of a provider, nil when it has none.
func (b *Book) Set(provider string) *Set {
	if slot := b.slot(provider); slot != nil {
		return slot.Load()
	}
	return nil
}

// Decide answers facts by the plans of f.Provider, as Set.Decide.
func (b *Book) Decide(f *Facts, d *Decision) { b.Set(f.Provider).Decide(f, d) }
