package bolt

import (
	"bytes"
	"errors"
	"fmt"
)

// A table of the database file is a bucket of blocks, each of which holds records that follow each other: most writes come in runs, and a fold then asks bbolt once for
// all that belong into a block instead of once for each. Such a bucket is called "+" and the name of the table.
//
// The key of a block is not above that of its first record, and above that of the last record of the block before. Its value is
//
//	number of records, 4 · for each where its key ends, 4, and where its value ends, 4 · for each key and value
//
// in the processor's own order of octets; what ends somewhere begins where the one before ends. A block has at least one record.
type block []byte

const (
	// blockBytes is how much a block of several records may hold, offsets included. Some fit into a page, so that a change in one of them does not cost many.
	blockBytes  = 1000
	blockHead   = 4
	recordIndex = 8
)

// tableMark begins the names of buckets that hold blocks.
const tableMark = '+'

func (b block) count() int { return int(order.Uint32(b)) }

// begin is where a record begins.
func (b block) begin(i int) uint32 {
	if i == 0 {
		return uint32(blockHead + b.count()*recordIndex)
	}
	return order.Uint32(b[blockHead+i*recordIndex-4:])
}

func (b block) key(i int) []byte { return b[b.begin(i):order.Uint32(b[blockHead+i*recordIndex:])] }

func (b block) record(i int) (key, value []byte) {
	ends := b[blockHead+i*recordIndex:]
	middle, end := order.Uint32(ends), order.Uint32(ends[4:])
	return b[b.begin(i):middle:middle], b[middle:end:end]
}

// search returns the first record whose key is not before another, the number of all when there is none.
func (b block) search(key []byte) int {
	low, high := 0, b.count()
	for low < high {
		if i := (low + high) / 2; bytes.Compare(b.key(i), key) < 0 {
			low = i + 1
		} else {
			high = i
		}
	}
	return low
}

// verify tells what is wrong with a block that has a key and stands before another, if that is not nil. It has no holes, so that a damaged offset shows.
func (b block) verify(key, next []byte) error {
	if len(b) < blockHead+recordIndex || uint64(order.Uint32(b)) > uint64(len(b)-blockHead)/recordIndex || order.Uint32(b) == 0 {
		return errors.New("its number of records is wrong")
	}
	for i := range b.count() {
		begin, ends := b.begin(i), b[blockHead+i*recordIndex:]
		middle, end := order.Uint32(ends), order.Uint32(ends[4:])
		if begin >= middle || middle > end || uint64(end) > uint64(len(b)) {
			return fmt.Errorf("its record %d lies outside", i)
		}
		k := b[begin:middle]
		if c := bytes.Compare(key, k); c > 0 || c == 0 && i > 0 {
			return fmt.Errorf("its record %d is out of order", i)
		}
		key = k
		if i+1 == b.count() {
			switch {
			case int(end) != len(b):
				return errors.New("it is longer than its records")
			case next != nil && bytes.Compare(k, next) >= 0:
				return fmt.Errorf("its record %d is out of order", i)
			}
		}
	}
	return nil
}

// run is a sequence of records in order, and the octets that they take in a block.
type run struct {
	keys, values [][]byte
	size         int
}

func (r *run) add(key, value []byte) {
	r.keys, r.values = append(r.keys, key), append(r.values, value)
	r.size += recordIndex + len(key) + len(value)
}

// merge adds the records of a block, nil for none, as they are after writes, which are in order. It tells whether the writes change anything.
func (r *run) merge(b block, writes []write) (changed bool) {
	at, n := 0, 0
	if b != nil {
		n = b.count()
	}
	for _, w := range writes {
		found := false
		for ; at < n && !found; at++ {
			key, value := b.record(at)
			c := bytes.Compare(key, octets(w.key))
			if c > 0 {
				break
			}
			if found = c == 0; !found {
				r.add(key, value)
			}
		}
		if w.value != nil {
			r.add(octets(w.key), w.value)
		}
		changed = changed || found || w.value != nil
	}
	for ; at < n; at++ {
		r.add(b.record(at))
	}
	return changed
}

// blocks makes blocks of about the same size of a run and calls fn with the first key and the content of each.
func (r *run) blocks(fn func(first []byte, b block)) {
	parts := (r.size + blockBytes - blockHead - 1) / (blockBytes - blockHead)
	target := r.size / max(parts, 1)
	for begin := 0; begin < len(r.keys); {
		size, end := 0, begin
		for ; end < len(r.keys) && (end == begin || size < target); end++ {
			n := recordIndex + len(r.keys[end]) + len(r.values[end])
			if end > begin && blockHead+size+n > blockBytes {
				break
			}
			size += n
		}
		fn(r.keys[begin], blockOf(r.keys[begin:end], r.values[begin:end], blockHead+size))
		begin = end
	}
}

// blockOf makes a block of size octets.
func blockOf(keys, values [][]byte, size int) block {
	b := make(block, 0, size)
	b = order.AppendUint32(b, uint32(len(keys)))
	at := blockHead + len(keys)*recordIndex
	for i := range keys {
		at += len(keys[i])
		b = order.AppendUint32(b, uint32(at))
		at += len(values[i])
		b = order.AppendUint32(b, uint32(at))
	}
	for i := range keys {
		b = append(append(b, keys[i]...), values[i]...)
	}
	return b
}
