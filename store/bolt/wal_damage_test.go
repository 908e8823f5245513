package bolt

import (
	"bytes"
	"context"
	"fmt"
	"hash/crc32"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"trunkline/store"
)

// A loggedCrash is what a crash left: a database, its log, and what the database held after each record that is in the log only.
type loggedCrash struct {
	path    string
	log     []byte
	entries []entry
	states  []uint32 // sums of the whole content: states[n] after the first n entries
}

// sumOf is a checksum of everything in a table: of keys and the digests of their values.
func sumOf(content map[string]string) uint32 {
	sum := crc32.New(castagnoli)
	for _, k := range slices.Sorted(maps.Keys(content)) {
		fmt.Fprintf(sum, "%q=%q\n", k, content[k])
	}
	return sum.Sum32()
}

// crashed makes a database whose log has turned several times, and takes what a crash would leave of it.
func crashed(t *testing.T) *loggedCrash {
	t.Helper()
	path := filepath.Join(t.TempDir(), "db")
	db, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	model := map[string]string{}
	states := []uint32{sumOf(model)}
	r := rand.New(rand.NewPCG(3, 4))
	update := func(size int) {
		t.Helper()
		next := maps.Clone(model)
		err := db.Update(t.Context(), func(tx store.Tx) error {
			for range 1 + r.IntN(3) {
				key := fmt.Sprintf("%02d", r.IntN(20))
				if r.IntN(5) == 0 {
					delete(next, key)
					if err := tx.Delete("t", []byte(key)); err != nil {
						return err
					}
				}
			}
			key, value := fmt.Sprintf("%02d", r.IntN(20)), bytes.Repeat([]byte{byte(r.Uint32())}, size)
			next[key] = digest(value)
			return tx.Put("t", []byte(key), value)
		})
		if err != nil {
			t.Fatal(err)
		}
		model = next
		states = append(states, sumOf(model))
		for len(db.state.Load().older) > 0 { // until it is folded, so that the log turns at the same records each time
			time.Sleep(time.Millisecond)
		}
	}
	for range 4 * halfBytes / 60_000 { // large ones, so that it turns
		update(50_000 + r.IntN(20_000))
	}
	for range 40 { // and small ones, of one sector to some
		update(r.IntN(3000))
	}
	c := &loggedCrash{path: image(t, path)}
	if c.log, err = os.ReadFile(walPath(c.path)); err != nil {
		t.Fatal(err)
	}
	var id, folded uint64
	b, err := bbolt.Open(c.path, 0o600, &bbolt.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	err = b.View(func(tx *bbolt.Tx) error {
		mark := tx.Bucket(walBucket)
		id, _ = openMark(walID, mark.Get(walID))
		folded, _ = openMark(walFolded, mark.Get(walFolded))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if c.entries, err = readWAL(c.log, halfBytes, id, folded); err != nil {
		t.Fatal(err)
	}
	if len(c.entries) < 41 || len(c.entries) >= len(states)-1 || c.entries[0].offset == 0 {
		t.Fatalf("%d of %d records are in the log, the first at %d", len(c.entries), len(states)-1, c.entries[0].offset)
	}
	c.states = states[len(states)-1-len(c.entries):]
	return c
}

// untouched is how many records stand before the first of those at the end that damage touched without a gap.
func (c *loggedCrash) untouched(bad []byte) int {
	n := len(c.entries)
	for n > 0 {
		e := c.entries[n-1]
		end := e.offset + int(recordSize(recordHead+len(e.payload)))
		if bytes.Equal(bad[e.offset:end], c.log[e.offset:end]) {
			break
		}
		n--
	}
	return n
}

// judge says what became of a damaged log beside the database at path, or what is wrong with that.
func (c *loggedCrash) judge(path string, bad []byte) (string, error) {
	if err := writeSparse(walPath(path), bytes.NewReader(bad)); err != nil {
		return "", err
	}
	db, err := Open(path, Options{ReadOnly: true})
	if err != nil {
		says := err.Error()
		if !strings.Contains(says, walPath(path)) || !strings.Contains(says, "record ") && !strings.Contains(says, " bytes of ") {
			return "", fmt.Errorf("refused without saying where: %w", err)
		}
		return "named", nil
	}
	defer db.Close()
	now := map[string]string{}
	err = db.View(context.Background(), func(r store.Reader) error {
		return r.Scan("t", nil, nil, false, func(k, v []byte) (bool, error) { now[string(k)] = digest(v); return true, nil })
	})
	if err != nil {
		return "", err
	}
	sum, all := sumOf(now), len(c.entries)
	if sum == c.states[all] {
		return "same", nil
	}
	if len(bad) == len(c.log) {
		for n := c.untouched(bad); n < all; n++ {
			if sum == c.states[n] {
				return fmt.Sprintf("cut, %d records", all-n), nil
			}
		}
	}
	return "", fmt.Errorf("it is served with %d keys, and nothing is said", len(now))
}

// logWays are what disks and people do to a log.
var logWays = []struct {
	name   string
	damage func(r *rand.Rand, c *loggedCrash, b []byte) []byte
}{
	{"bit flips", func(r *rand.Rand, c *loggedCrash, b []byte) []byte {
		for range 1 + r.IntN(3) {
			e := c.entries[r.IntN(len(c.entries))]
			b[e.offset+r.IntN(recordHead+len(e.payload))] ^= 1 << r.IntN(8)
		}
		return b
	}},
	{"bit flips at the head of a record", func(r *rand.Rand, c *loggedCrash, b []byte) []byte {
		b[c.entries[r.IntN(len(c.entries))].offset+r.IntN(recordHead)] ^= 1 << r.IntN(8)
		return b
	}},
	{"zeroed sector", func(r *rand.Rand, c *loggedCrash, b []byte) []byte {
		at := c.sector(r)
		clear(b[at : at+sector])
		return b
	}},
	{"garbage in a sector", func(r *rand.Rand, c *loggedCrash, b []byte) []byte {
		at := c.sector(r)
		for i := at + r.IntN(sector); i < at+sector; i++ {
			b[i] = byte(r.Uint32())
		}
		return b
	}},
	{"a sector of another record", func(r *rand.Rand, c *loggedCrash, b []byte) []byte {
		to, from := c.sector(r), c.sector(r)
		copy(b[to:to+sector], c.log[from:])
		return b
	}},
	{"swapped sectors", func(r *rand.Rand, c *loggedCrash, b []byte) []byte {
		x, y := c.sector(r), c.sector(r)
		copy(b[x:x+sector], c.log[y:])
		copy(b[y:y+sector], c.log[x:])
		return b
	}},
	{"a record twice", func(r *rand.Rand, c *loggedCrash, b []byte) []byte {
		e := c.entries[r.IntN(len(c.entries))]
		at := r.IntN(2*halfBytes/sector) * sector
		copy(b[at:], c.log[e.offset:e.offset+int(recordSize(recordHead+len(e.payload)))])
		return b
	}},
	{"zeroed page", func(r *rand.Rand, c *loggedCrash, b []byte) []byte {
		at := c.sector(r) &^ 4095
		clear(b[at : at+4096])
		return b
	}},
	{"shifted", func(r *rand.Rand, c *loggedCrash, b []byte) []byte {
		at := c.sector(r)
		copy(b[at+1+r.IntN(600):], c.log[at:])
		return b
	}},
	{"halves changed places", func(_ *rand.Rand, c *loggedCrash, b []byte) []byte {
		copy(b, c.log[halfBytes:])
		copy(b[halfBytes:], c.log[:halfBytes])
		return b
	}},
	{"cut", func(r *rand.Rand, _ *loggedCrash, b []byte) []byte { return b[:1+r.IntN(len(b)-1)] }},
	{"longer", func(r *rand.Rand, _ *loggedCrash, b []byte) []byte { return append(b, make([]byte, 1+r.IntN(5000))...) }},
}

// sector returns where one of a record that counts begins; every second time it is one of the last ten records, of which damage is hardest to tell.
func (c *loggedCrash) sector(r *rand.Rand) int {
	from := 0
	if r.IntN(2) == 0 {
		from = len(c.entries) - 10
	}
	e := c.entries[from+r.IntN(len(c.entries)-from)]
	return e.offset + r.IntN(int(recordSize(recordHead+len(e.payload))/sector))*sector
}

// TestDamagedLogs: whatever happens to the log that a crash left, it is refused with the place that is damaged, or what is served is what was written: all of
// it, or all but records at the very end that were touched, which look as if the crash had cut them short.
func TestDamagedLogs(t *testing.T) {
	variants := 180
	if os.Getenv("TRUNKLINE_SOAK") != "" {
		variants = 2000
	}
	c := crashed(t)
	good, err := os.ReadFile(c.path)
	if err != nil {
		t.Fatal(err)
	}
	for i, way := range logWays {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "db")
			if err := writeSparse(path, bytes.NewReader(good)); err != nil {
				t.Fatal(err)
			}
			count := map[string]int{}
			var bad []byte
			for n := i; n < variants; n += len(logWays) {
				r := rand.New(rand.NewPCG(20261121, uint64(n)))
				bad = way.damage(r, c, append(bad[:0], c.log...))
				what, err := c.judge(path, bad)
				if err != nil {
					t.Errorf("variant %d: %v", n, err)
				}
				count[what]++
			}
			t.Log(count)
		})
	}
}
