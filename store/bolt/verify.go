package bolt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"runtime"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// The layout of a bbolt file, format 2, in the machine's byte order.
const (
	metaMagic     = 0xED0CDAED
	metaVersion   = 2
	pageHeader    = 16 // id(8) flags(2) count(2) overflow(4)
	elementBytes  = 16
	metaBytes     = 64
	flagBranch    = 0x01
	flagLeaf      = 0x02
	flagFreelist  = 0x10
	elementBucket = 0x01
	bucketHeader  = 16 // root(8) sequence(8)
	noFreelist    = ^uint64(0)
	maxDepth      = 64
)

var order = binary.NativeEndian

// verify refuses a file that bbolt could not read safely. bbolt follows page numbers through its map without asking, and a page behind the end of the
// file would end the program; so every page that the newest state reaches is looked at here first.
func verify(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	switch {
	case !info.Mode().IsRegular():
		return errors.New("it is no regular file")
	case info.Size() == 0:
		return errors.New("the file is empty; move it away to start with a new one")
	case info.Size() < 2*512:
		return fmt.Errorf("%d bytes are too few for a database file", info.Size())
	}
	if int64(int(info.Size())) != info.Size() {
		return errors.New("the file is too large for this machine")
	}
	data, err := unix.Mmap(int(f.Fd()), 0, int(info.Size()), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return fmt.Errorf("map: %w", err)
	}
	defer unix.Munmap(data)
	return guarded(func() error { return verifyPages(data) })
}

// verifyPages is verify for the content of a file.
func verifyPages(data []byte) error {
	m, err := newestMeta(data)
	if err != nil {
		return err
	}
	if need := m.pages * m.pageSize; m.pages > uint64(len(data)) || need > uint64(len(data)) {
		return fmt.Errorf("the file is truncated: it has %d bytes of at least %d", len(data), need)
	}
	w := &walker{data: data, meta: m, seen: make([]atomic.Uint64, m.pages/64+1), helpers: make(chan struct{}, runtime.GOMAXPROCS(0)-1)}
	defer w.helping.Wait() // data may not go before
	var free []byte
	if m.freelist != noFreelist {
		if free, err = w.freelist(m.freelist); err != nil {
			return fmt.Errorf("the file is damaged: %w", err)
		}
	}
	err = w.page(m.root, 0, holdBuckets, nil, nil)
	w.helping.Wait()
	if err == nil {
		err = w.err()
	}
	if err == nil {
		err = w.unused(free)
	}
	if err != nil {
		return fmt.Errorf("the file is damaged: %w", err)
	}
	return nil
}

type meta struct {
	pageSize, root, freelist, pages, txid uint64
}

// newestMeta returns the newer of the two meta pages, or the only good one: a power cut can spoil the one that is written, never both.
func newestMeta(data []byte) (meta, error) {
	first, firstErr := readMeta(data, 0)
	if firstErr == nil {
		if second, err := readMeta(data, first.pageSize); err == nil && second.pageSize == first.pageSize && second.txid > first.txid {
			return second, nil
		}
		return first, nil
	}
	for size := uint64(512); size <= 1<<16; size *= 2 {
		if second, err := readMeta(data, size); err == nil && second.pageSize == size {
			return second, nil
		}
	}
	return meta{}, firstErr
}

func readMeta(data []byte, at uint64) (meta, error) {
	at += pageHeader
	if at+metaBytes > uint64(len(data)) {
		return meta{}, fmt.Errorf("the file is truncated: it has only %d bytes", len(data))
	}
	b := data[at : at+metaBytes]
	h := fnv.New64a()
	h.Write(b[:metaBytes-8])
	switch {
	case order.Uint32(b) != metaMagic:
		return meta{}, errors.New("it is no Trunkline database")
	case order.Uint32(b[4:]) != metaVersion:
		return meta{}, fmt.Errorf("its file format is %d, not %d", order.Uint32(b[4:]), metaVersion)
	case order.Uint64(b[56:]) != h.Sum64():
		return meta{}, errors.New("the file is damaged: both meta pages are bad")
	}
	m := meta{pageSize: uint64(order.Uint32(b[8:])), root: order.Uint64(b[16:]), freelist: order.Uint64(b[32:]), pages: order.Uint64(b[40:]), txid: order.Uint64(b[48:])}
	if m.pageSize < 512 || m.pageSize > 1<<16 || m.pageSize&(m.pageSize-1) != 0 {
		return meta{}, fmt.Errorf("the file is damaged: pages of %d bytes", m.pageSize)
	}
	return m, nil
}

// walker follows every page number from the root, in several goroutines when the tree is large.
type walker struct {
	data    []byte
	meta    meta
	seen    []atomic.Uint64 // one bit per page
	helpers chan struct{}   // holds one for each goroutine besides the first
	helping sync.WaitGroup
	failed  atomic.Pointer[error] // what a helper found
}

// holding is what the leaves of a tree hold.
type holding uint8

const (
	holdBuckets holding = iota
	holdBlocks          // of a table
	holdOthers          // what else has keys and values
)

// shared is down to which depth pages are given to helpers; what is below one is small.
const shared = 3

func (w *walker) err() error {
	if err := w.failed.Load(); err != nil {
		return *err
	}
	return nil
}

// below looks at a page and all below it, in another goroutine when one is free; its error is then found in failed.
func (w *walker) below(id uint64, depth int, what holding, low, high []byte) error {
	if depth > shared {
		return w.page(id, depth, what, low, high)
	}
	select {
	case w.helpers <- struct{}{}:
	default:
		return w.page(id, depth, what, low, high)
	}
	w.helping.Go(func() {
		defer func() { <-w.helpers }()
		if err := guarded(func() error { return w.page(id, depth, what, low, high) }); err != nil {
			w.failed.CompareAndSwap(nil, &err)
		}
	})
	return w.err()
}

// use notes that a page is used and tells whether it was not before.
func (w *walker) use(id uint64) bool {
	bit := uint64(1) << (id % 64)
	return w.seen[id/64].Or(bit)&bit == 0
}

// bytes returns a page with its overflow after its header was found good.
func (w *walker) bytes(id uint64) (page []byte, flags, count uint16, err error) {
	if id < 2 || id >= w.meta.pages {
		return nil, 0, 0, fmt.Errorf("page %d is out of range", id)
	}
	at := id * w.meta.pageSize
	head := w.data[at:]
	overflow := uint64(order.Uint32(head[12:]))
	if got := order.Uint64(head); got != id {
		return nil, 0, 0, fmt.Errorf("page %d says that it is page %d", id, got)
	}
	if id+overflow >= w.meta.pages {
		return nil, 0, 0, fmt.Errorf("page %d with %d more is out of range", id, overflow)
	}
	for i := id; i <= id+overflow; i++ {
		if !w.use(i) {
			return nil, 0, 0, fmt.Errorf("page %d is used twice", i)
		}
	}
	return w.data[at : at+(overflow+1)*w.meta.pageSize], order.Uint16(head[8:]), order.Uint16(head[10:]), nil
}

// freelist returns the numbers of the free pages, 8 bytes each.
func (w *walker) freelist(id uint64) ([]byte, error) {
	page, flags, count, err := w.bytes(id)
	if err != nil {
		return nil, err
	}
	n, at := uint64(count), uint64(pageHeader)
	if count == 0xFFFF {
		n, at = order.Uint64(page[pageHeader:]), pageHeader+8
	}
	if flags != flagFreelist || n > (uint64(len(page))-at)/8 {
		return nil, fmt.Errorf("page %d is no free list", id)
	}
	return page[at : at+8*n], nil
}

// unused makes sure that pages which are said to be free are not used, and are there once: bbolt would write over them.
func (w *walker) unused(free []byte) error {
	for ; len(free) > 0; free = free[8:] {
		id := order.Uint64(free)
		if id < 2 || id >= w.meta.pages {
			return fmt.Errorf("free page %d is out of range", id)
		}
		if !w.use(id) {
			return fmt.Errorf("free page %d is used", id)
		}
	}
	return nil
}

// page looks at a page and all below it. Their keys must be at least low and less than high, nil meaning any.
func (w *walker) page(id uint64, depth int, what holding, low, high []byte) error {
	page, flags, count, err := w.bytes(id)
	if err != nil {
		return err
	}
	if depth > maxDepth {
		return fmt.Errorf("page %d is nested too deep", id)
	}
	if err := w.elements(page, flags, count, depth, what, low, high); err != nil {
		return fmt.Errorf("page %d: %w", id, err)
	}
	return nil
}

// elements looks at what a page holds; page is a bucket's inline page when it is not one of the file. What is written behind the list of elements has no holes, so that a
// damaged number of elements or length shows.
func (w *walker) elements(page []byte, flags, count uint16, depth int, what holding, low, high []byte) error {
	if pageHeader+int(count)*elementBytes > len(page) {
		return fmt.Errorf("%d elements do not fit", count)
	}
	if flags != flagBranch && flags != flagLeaf {
		return fmt.Errorf("unexpected kind %#x", flags)
	}
	if flags == flagBranch && count == 0 {
		return errors.New("branch without children")
	}
	if count == 0 && len(bytes.Trim(page[pageHeader:], "\x00")) > 0 {
		return errors.New("it is said to be empty and is not")
	}
	last := low
	end := pageHeader + int(count)*elementBytes
	for i := range int(count) {
		begin, key, value, err := element(page, flags, i)
		if err != nil {
			return err
		}
		if begin != end || len(key) == 0 {
			return fmt.Errorf("element %d is not where it was written", i)
		}
		end += len(key) + len(value)
		if c := bytes.Compare(last, key); c > 0 || c == 0 && i > 0 || i+1 == int(count) && high != nil && bytes.Compare(key, high) >= 0 { // the last is the highest
			return fmt.Errorf("key %d is out of order", i)
		}
		last = key
		next := high
		if i+1 < int(count) {
			if _, next, _, err = element(page, flags, i+1); err != nil {
				return err
			}
		}
		kind := uint32(0)
		if flags == flagLeaf {
			kind = order.Uint32(page[pageHeader+i*elementBytes:])
		}
		switch {
		case flags == flagBranch:
			if err := w.below(order.Uint64(page[pageHeader+i*elementBytes+8:]), depth+1, what, key, next); err != nil {
				return err
			}
		case what == holdBuckets && kind == elementBucket:
			inside := holdOthers
			if key[0] == tableMark {
				inside = holdBlocks
			}
			if err := w.bucket(value, depth, inside); err != nil {
				return fmt.Errorf("table %q: %w", key, err)
			}
		case what == holdBuckets || kind != 0:
			return fmt.Errorf("element %d has an unexpected kind", i)
		case what == holdBlocks:
			if err := block(value).verify(key, next); err != nil {
				return fmt.Errorf("block %d: %w", i, err)
			}
		}
	}
	if spare := len(page) - end; spare >= int(w.meta.pageSize) {
		return fmt.Errorf("%d bytes are more than it needs", len(page))
	}
	return nil
}

// element returns where one element of a page begins, its key and, in a leaf, its value.
func element(page []byte, flags uint16, i int) (begin int, key, value []byte, err error) {
	at := uint64(pageHeader + i*elementBytes)
	e := page[at:]
	field := func(n int) uint64 { return uint64(order.Uint32(e[4*n:])) }
	if flags == flagBranch { // position, size of key, page(8)
		begin := at + field(0)
		if end := begin + field(1); end <= uint64(len(page)) {
			return int(begin), page[begin:end], nil, nil
		}
	} else { // flags, position, size of key, size of value
		begin := at + field(1)
		middle := begin + field(2)
		if end := middle + field(3); end <= uint64(len(page)) {
			return int(begin), page[begin:middle], page[middle:end], nil
		}
	}
	return 0, nil, nil, fmt.Errorf("element %d lies outside", i)
}

func (w *walker) bucket(value []byte, depth int, what holding) error {
	if len(value) < bucketHeader {
		return errors.New("its header is cut")
	}
	if root := order.Uint64(value); root != 0 {
		return w.below(root, depth+1, what, nil, nil)
	}
	inline := value[bucketHeader:]
	if len(inline) < pageHeader || depth > maxDepth {
		return errors.New("its inline page is cut")
	}
	return w.elements(inline, order.Uint16(inline[8:]), order.Uint16(inline[10:]), depth+1, what, nil, nil)
}
