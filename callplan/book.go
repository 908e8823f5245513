package callplan

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
)

// Book holds the Sets of all providers. Sets are swapped one pointer at a time while decisions go on: a decision sees the old Set or the new one. The zero
// value is empty and ready; it is safe for concurrent use and must not be copied.
type Book struct {
	mu     sync.Mutex // held to add and remove providers
	octets int        // of all sets
	table  atomic.Pointer[table]
}

// table finds sets by their provider: a hash table with open addressing, at most half full, so that one line of memory leads to the set. Only pointers to
// sets of the same provider are swapped in it; for another provider a new table is made.
type table struct {
	seed  maphash.Seed
	slots []slot // a power of two
}

type slot struct {
	hash uint64
	set  atomic.Pointer[Set] // nil: the slot is free
}

// newTable makes a table of sets of different providers with room for one more.
func newTable(sets []*Set) *table {
	size := 4
	for size < 2*(len(sets)+1) {
		size *= 2
	}
	t := &table{seed: maphash.MakeSeed(), slots: make([]slot, size)}
	for _, s := range sets {
		one := t.slot(s.provider)
		one.hash = maphash.String(t.seed, s.provider)
		one.set.Store(s)
	}
	return t
}

// slot returns the slot of a provider, a free one when it has none.
func (t *table) slot(provider string) *slot {
	hash := maphash.String(t.seed, provider)
	for i := hash; ; i++ {
		one := &t.slots[i&uint64(len(t.slots)-1)]
		if s := one.set.Load(); s == nil || one.hash == hash && s.provider == provider {
			return one
		}
	}
}

// sets returns all sets but that of a provider.
func (t *table) sets(without string) []*Set {
	if t == nil {
		return nil
	}
	var all []*Set
	for i := range t.slots {
		if s := t.slots[i].set.Load(); s != nil && s.provider != without {
			all = append(all, s)
		}
	}
	return all
}

// CompileAll compiles the plans of all providers that they name.
func CompileAll(plans []*Plan, env *Env) (*Book, error) {
	byProvider := map[string][]*Plan{}
	for _, p := range plans {
		byProvider[p.Provider] = append(byProvider[p.Provider], p)
	}
	b := &Book{}
	var sets []*Set
	for provider, some := range byProvider {
		s, err := Compile(provider, some, env)
		if err != nil {
			return nil, err
		}
		sets = append(sets, s)
		b.took(nil, s)
	}
	b.table.Store(newTable(sets))
	return b, nil
}

// Publish makes a set, which is not nil, decide for its provider from now on.
func (b *Book) Publish(s *Set) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.table.Load()
	if t != nil {
		if one := t.slot(s.provider); one.set.Load() != nil {
			b.took(one.set.Swap(s), s)
			return
		}
	}
	b.table.Store(newTable(append(t.sets(s.provider), s)))
	b.took(nil, s)
}

// took notes that a set took the place of another one; either may be nil.
func (b *Book) took(old, s *Set) {
	if b.octets += s.octets() - old.octets(); s != nil && b.octets > largeFrom {
		s.enlarge()
	}
}

// Remove makes a provider one without plans.
func (b *Book) Remove(provider string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.took(b.Set(provider), nil)
	b.table.Store(newTable(b.table.Load().sets(provider)))
}

// Set returns the set of a provider, nil when it has none.
func (b *Book) Set(provider string) *Set {
	if t := b.table.Load(); t != nil {
		return t.slot(provider).set.Load()
	}
	return nil
}

// Decide answers facts by the plans of f.Provider, as Set.Decide.
func (b *Book) Decide(f *Facts, d *Decision) { b.Set(f.Provider).Decide(f, d) }
