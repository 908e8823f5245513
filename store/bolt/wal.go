package bolt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"unsafe"

	"trunkline/store"
)

// The write-ahead log makes a commit durable with one sync of a few sectors that lie side by side, where the database file needs two syncs of many pages that do
// not. What is in it goes to the database file later, in one go (fold.go). It is a file beside the database as long as that is open, and after a crash.
//
// The file has two halves. One is written while the content of the other goes to the database file, then they change places. A half is a sequence of
// records, each at a multiple of 512 octets, so that no write touches the sector of an earlier record:
//
//	magic "TLW1" · length of the payload, 4 · identity of the log, 8 · number of the record, 8 · CRC-32C over all before and the payload, 4 · 4 zeros
//	payload: for each write  kind, 1 · length and name of the table · length and key · length and value, if it is a put
//
// in the processor's own order of octets, like the database file. Numbers rise by one. A record counts when everything in it is as it must be and
// the number is the next: the identity tells it from those of an earlier log, the number from those that were in the half before. Only the last record can be
// cut short by a crash, since the next is written when it is synced; so when a later one is found, an acknowledged one is damaged.
const (
	sector      = 512
	halfBytes   = 8 << 20
	formerHalf  = 4 << 20 // of logs whose database file does not say how large their halves are
	recordMagic = 0x31574C54
	recordHead  = 32
	kindPut     = 'p'
	kindDelete  = 'd'
)

// Keys of the bucket in which the database file says which log belongs to it, and how far its content is already here.
var (
	walBucket = []byte(".wal")
	walID     = []byte("id")
	walFolded = []byte("folded")
	walHalf   = []byte("half") // octets of a half
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// wal is an open log file. Its position is the committer's own.
type wal struct {
	file     *os.File
	id       uint64 // never 0 while the database file says that the log is its own
	sequence uint64 // of the last record that was written
	half     int64  // 0 or 1: the one that is written
	at       int64  // where in the half the next record goes
}

func walPath(path string) string { return path + ".wal" }

// createWAL makes a log full of zeros. It is complete before it gets its name; a file of that name belongs to nobody any more.
func createWAL(path string) (*os.File, error) {
	temporary := path + ".new"
	f, err := os.OpenFile(temporary, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	// Sectors that were written before are overwritten in place later: a sync then has no need to change the file system's own tables.
	zeros := make([]byte, 256<<10)
	for written := 0; written < 2*halfBytes && err == nil; written += len(zeros) {
		_, err = f.Write(zeros)
	}
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = os.Rename(temporary, path)
	}
	if err == nil {
		err = syncDirectory(filepath.Dir(path))
	}
	if err != nil {
		return nil, errors.Join(err, f.Close(), os.Remove(temporary))
	}
	return pastCache(f, path), nil
}

// pastCache returns a new log opened such that what is written goes to the disk without a copy in the page cache (O_DIRECT, open(2)), since a sync then takes about
// a fifth less time and nobody reads it; f itself where the file system or the disk does not take sectors so.
func pastCache(f *os.File, path string) *os.File {
	direct, err := os.OpenFile(path, os.O_RDWR|syscall.O_DIRECT, 0)
	if err != nil {
		return f
	}
	if _, err := direct.WriteAt(sectors(1), 0); err != nil { // zeros over zeros
		direct.Close()
		return f
	}
	f.Close()
	return direct
}

// sectors returns n sectors of zeros at an address that is a multiple of their size, as it has to be to write them past the page cache.
func sectors(n int) []byte {
	b := make([]byte, (n+1)*sector)
	at := -uintptr(unsafe.Pointer(&b[0])) % sector
	return b[at : at+uintptr(n)*sector : at+uintptr(n)*sector]
}

// record begins a record at the end of b.
func beginRecord(b []byte) []byte { return append(b, make([]byte, recordHead)...) }

func appendWrite(b []byte, kind byte, table string, key, value []byte) []byte {
	b = append(b, kind)
	b = binary.AppendUvarint(b, uint64(len(table)))
	b = append(b, table...)
	b = binary.AppendUvarint(b, uint64(len(key)))
	b = append(b, key...)
	if kind == kindPut {
		b = binary.AppendUvarint(b, uint64(len(value)))
		b = append(b, value...)
	}
	return b
}

// size is what a record of n octets takes in the file.
func recordSize(n int) int64 { return (int64(n) + sector - 1) &^ (sector - 1) }

// fits tells whether a record of n octets has room in the half that is written.
func (j *wal) fits(n int) bool { return j.at+recordSize(n) <= halfBytes }

// turn goes to the beginning of the other half, whose content must be in the database file.
func (j *wal) turn() { j.half, j.at = 1-j.half, 0 }

// padded returns a record with the zeros that fill its last sector, ready to be written: in its place when it began in sectors that have room, else copied.
func padded(record []byte) []byte {
	n := recordSize(len(record))
	if int64(cap(record)) < n || uintptr(unsafe.Pointer(&record[0]))%sector != 0 {
		copied := sectors(int(n / sector))
		copy(copied, record)
		return copied
	}
	clear(record[len(record):n])
	return record[:n]
}

// write finishes a padded record, n octets without its padding, and writes it. The next one goes to the same place until advance is called.
func (j *wal) write(padded []byte, n int) error {
	order.PutUint32(padded, recordMagic)
	order.PutUint32(padded[4:], uint32(n-recordHead))
	order.PutUint64(padded[8:], j.id)
	order.PutUint64(padded[16:], j.sequence+1)
	order.PutUint32(padded[24:], recordSum(padded[:n]))
	_, err := j.file.WriteAt(padded, j.half*halfBytes+j.at)
	return err
}

// advance counts the record that was written last, of size octets in the file.
func (j *wal) advance(size int) {
	j.sequence++
	j.at += int64(size)
}

// recordSum is the checksum of a record without the field that holds it.
func recordSum(record []byte) uint32 {
	return crc32.Update(crc32.Checksum(record[:24], castagnoli), castagnoli, record[recordHead:])
}

func syncFile(f *os.File) error {
	if noSync {
		return nil
	}
	return syscall.Fdatasync(int(f.Fd()))
}

// entry is a record as it was found.
type entry struct {
	sequence uint64
	payload  []byte
	offset   int
}

// readRecord reads the record at an offset; ok is false when there is none that is whole and of this log.
func readRecord(half []byte, offset int, id uint64) (e entry, size int, ok bool) {
	b := half[offset:]
	if len(b) < recordHead || order.Uint32(b) != recordMagic || order.Uint64(b[8:]) != id {
		return e, 0, false
	}
	n := int64(order.Uint32(b[4:])) + recordHead
	if n > int64(len(b)) || order.Uint32(b[24:]) != recordSum(b[:n]) {
		return e, 0, false
	}
	return entry{order.Uint64(b[16:]), b[recordHead:n], offset}, int(recordSize(int(n))), true
}

// readWAL returns the records behind number folded of a log with halves of size octets, in order. An error says that some that were acknowledged are missing.
func readWAL(content []byte, size int, id, folded uint64) ([]entry, error) {
	var all []entry
	last := folded
	for range 2 { // the halves can be in either order
		for half := range 2 {
			from := min(half*size, len(content))
			found := chain(content[from:min(from+size, len(content))], id, last+1)
			for i := range found {
				found[i].offset += from
			}
			all = append(all, found...)
			last += uint64(len(found))
		}
	}
	// Whatever lies behind a record that is not whole was acknowledged after it, wherever it may have come to lie.
	for offset := range marks(content) {
		if e, _, ok := readRecord(content, offset, id); ok && e.sequence > last {
			return nil, fmt.Errorf("record %d is damaged or missing, but record %d at octet %d was written after it", last+1, e.sequence, offset)
		}
	}
	return all, nil
}

// marks yields where a record may begin.
func marks(content []byte) iter.Seq[int] {
	magic := order.AppendUint32(nil, recordMagic)
	return func(yield func(int) bool) {
		for at := 0; ; at++ {
			i := bytes.Index(content[at:], magic)
			if i < 0 {
				return
			}
			if at += i; !yield(at) {
				return
			}
		}
	}
}

// tornRecord tells where the record behind the last one begins, when it is there and not whole.
func tornRecord(content []byte, id, last uint64) (offset int, torn bool) {
	for offset := range marks(content) {
		b := content[offset:]
		if len(b) >= recordHead && order.Uint64(b[8:]) == id && order.Uint64(b[16:]) == last+1 {
			return offset, true
		}
	}
	return 0, false
}

// chain returns the records of a half from number first on. Those before it, which are in the database file already, are passed over.
func chain(half []byte, id, first uint64) (found []entry) {
	for offset := 0; offset < len(half); {
		e, size, ok := readRecord(half, offset, id)
		if !ok || e.sequence > first+uint64(len(found)) {
			break
		}
		if e.sequence == first+uint64(len(found)) {
			found = append(found, e)
		}
		offset += size
	}
	return found
}

var errRecord = errors.New("a record of the write-ahead log is whole but makes no sense")

// replayed is what the records of a log wrote.
type replayed []pending

// replay adds the writes of a record.
func (r *replayed) replay(payload []byte) error {
	next := func() ([]byte, bool) {
		n, w := binary.Uvarint(payload)
		if w <= 0 || n > uint64(len(payload)-w) {
			return nil, false
		}
		b := payload[w : w+int(n) : w+int(n)]
		payload = payload[w+int(n):]
		return b, true
	}
	for len(payload) > 0 {
		kind := payload[0]
		payload = payload[1:]
		table, ok1 := next()
		key, ok2 := next()
		if !ok1 || !ok2 || len(key) == 0 {
			return errRecord
		}
		var value []byte
		switch kind {
		case kindPut:
			if value, ok1 = next(); !ok1 {
				return errRecord
			}
		case kindDelete:
		default:
			return errRecord
		}
		at := slices.IndexFunc(*r, func(p pending) bool { return p.table == store.Table(table) })
		if at < 0 {
			at = len(*r)
			*r = append(*r, pending{table: store.Table(table)})
		}
		(*r)[at].set(text(key), value)
	}
	return nil
}
