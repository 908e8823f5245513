package bolt

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
)

// Whoever looks into a layer finds what was committed up to then and nothing else, however much was written since somebody looked last, and however many look
// at the same time.
func TestLayersAreOrderedWhenLookedAt(t *testing.T) {
	type moment struct {
		layers layers
		want   map[string]string // "" for a key that was deleted
	}
	check := func(t *testing.T, m moment) {
		var keys []string
		for _, w := range m.layers.of("t").inOrder() {
			if keys = append(keys, w.key); string(w.value) != m.want[w.key] || (w.value == nil) != (m.want[w.key] == "") {
				t.Errorf("%s is %q, want %q", w.key, w.value, m.want[w.key])
			}
		}
		if want := slices.Sorted(maps.Keys(m.want)); !slices.Equal(keys, want) {
			t.Errorf("keys %v, want %v", keys, want)
		}
		tree := m.layers.of("t").tree()
		if tree.Len() != len(m.want) {
			t.Errorf("%d keys in the tree, want %d", tree.Len(), len(m.want))
		}
		for key, want := range m.want {
			if value, ok := tree.Get(key); !ok || string(value) != want {
				t.Errorf("%s is %q, %v in the tree, want %q", key, value, ok, want)
			}
		}
	}
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 1))
		var all []moment
		var l layers
		want := map[string]string{}
		var group sync.WaitGroup
		for commit := range 30 {
			p := pending{table: "t", under: l.of("t")}
			mine := maps.Clone(want)
			for i := range r.IntN(20) {
				key := fmt.Sprint(r.IntN(40))
				if r.IntN(8) == 0 {
					p.set(key, nil)
					mine[key] = ""
				} else {
					value := fmt.Sprint(commit, i)
					p.set(key, []byte(value))
					mine[key] = value
				}
				if r.IntN(40) == 0 { // the transaction looks
					if got, _ := p.tree().Get(key); string(got) != mine[key] {
						t.Fatalf("%s is %q in the transaction, want %q", key, got, mine[key])
					}
				}
			}
			if r.IntN(6) == 0 {
				continue // not committed
			}
			want = mine
			l = l.with([]pending{p})
			m := moment{l, want}
			if all = append(all, m); r.IntN(5) == 0 {
				group.Go(func() { check(t, m) })
			}
		}
		for _, i := range r.Perm(len(all)) {
			group.Go(func() { check(t, all[i]) })
		}
		group.Wait()
	}
}
