package bolt

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// Keys that begin alike, are short, differ in zeros only or far behind come in order, the last write to each.
func TestInOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	prefixes := []string{"", "p", "pppppppppppp", strings.Repeat("q", 100)}
	for round := range 2000 {
		count, least, some := r.IntN(40), r.IntN(10), prefixes[:1+r.IntN(len(prefixes))]
		if round%10 == 0 {
			count = r.IntN(30 * few)
		}
		var all []write
		last := map[string]string{}
		for i := range count {
			key := []byte("k" + some[r.IntN(len(some))])
			for i := range least + r.IntN(11) {
				key = append(key, "\x00\x01\xff"[r.IntN(1+(round+i)%3)]) // some octets are the same in all
			}
			value := fmt.Sprint(i)
			all, last[string(key)] = append(all, write{key: string(key), value: []byte(value)}), value
		}
		got := inOrder(all)
		if len(got) != len(last) || !slices.IsSortedFunc(got, func(a, b write) int { return strings.Compare(a.key, b.key) }) {
			t.Fatalf("%d keys became %d, or are not in order", len(last), len(got))
		}
		for _, w := range got {
			if string(w.value) != last[w.key] {
				t.Fatalf("%q has %s, not %s", w.key, w.value, last[w.key])
			}
		}
	}
}

// BenchmarkInOrder sorts what ten thousand messages of one tag write to an index.
func BenchmarkInOrder(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	var all []write
	for i := range 10_000 {
		id := fmt.Sprintf("%08d%016x", i/50, r.Uint64())
		all = append(all, write{key: "t5bench" + id}, write{key: fmt.Sprintf("n+49151%08d%s", r.IntN(512), id)})
	}
	again := make([]write, len(all))
	for b.Loop() {
		copy(again, all)
		inOrder(again)
	}
}
