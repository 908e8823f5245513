// Package bolt is the store's engine in one file: go.etcd.io/bbolt, under a committer that lets concurrent updates share one sync of a write-ahead log, from which
// they come to the file in larger lots, as blocks of records. The write-ahead log lies beside the file while that is open, or after a crash; closing leaves the one file.
//
// Durability is that of fdatasync: an Update that returned nil survives a power cut. When a sync fails nobody can know what the disk holds, so the
// engine writes nothing any more until the program is started anew and has read the file afresh.
package bolt

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.etcd.io/bbolt"

	"trunkline/store"
)

// Options is what an engine is wired with. Every zero value works.
type Options struct {
	Logger      *slog.Logger          // nil: silent
	Registerer  prometheus.Registerer // nil: metrics are counted but not shown
	ReadOnly    bool                  // for checks: other readers may have the file open too, writers not
	LockTimeout time.Duration         // how long to wait for another process to let go of the file; 0: 1 s

	CompactAbove int // the file is compacted at once when more than so many percent of it are free; 0: never
}

// DB is an open database file.
type DB struct {
	path     string
	bolt     *bbolt.DB
	file     *os.File
	readOnly bool
	log      *slog.Logger
	metrics  *metrics

	requests chan *group
	copies   chan chan<- reading // for backups
	used     sync.Pool           // of *group that were answered
	quit     chan struct{}       // closed by Close
	stopped  chan struct{}       // closed when the committer has ended
	closing  sync.Once
	failed   chan struct{} // closed when a sync failed
	failing  sync.Once
	refused  bool // the last commit was refused as a whole

	shared   atomic.Pointer[base] // what transactions read of the file; nil: the next one opens it
	sharing  sync.Mutex           // held while shared is replaced
	unshared bool                 // nothing is shared any more, for the file is closed
	mapped   int                  // octets that are reserved for the map of the file; 0: it grows with the file
	state    atomic.Pointer[state]
	changing sync.Mutex            // held while state is replaced
	passing  sync.RWMutex          // held while a commit goes past the log: the file then has what the state has not
	refusal  atomic.Pointer[error] // why what is in the write-ahead log cannot go to the database file for now
	refusing chan struct{}         // told when that begins, or goes on
	again    chan struct{}         // asks for another try
	listFrom int64                 // how much the file holds, free pages included, from which on closing writes the free list
	commits  chan *commit          // to the writer
	landed   chan *commit          // and back, on disk or with why not

	// The committer's own. What is on its way to the disk, and the log meanwhile, are the writer's.
	flying  *commit
	wal     *wal          // nil before the first commit
	folding chan struct{} // closed when the fold that was started last has ended; nil: none
	arena   []byte        // where the next record is made
	average time.Duration // of the last commits
	before  int           // updates in the last one

	commit func(*bbolt.Tx) error // writes to the database file and syncs it; a test puts a failing one here
	sync   func(*os.File) error  // syncs the write-ahead log; likewise
}

// A large map is reserved so that growing the file never has to wait for readers; it costs addresses, not memory. It has 16 GiB, or 1 GiB where
// addresses have 32 bits.
const mapBytes = 1 << (30 + strconv.IntSize/64*4)

// longView is how long a View may take before it is logged: as long as it runs, no page that it can see is used again, and the file grows.
const longView = time.Second

// Open opens the database file, which it makes when there is none. A file that is not whole, or not ours, is refused with the reason.
// store.ErrLocked says who has it open.
func Open(path string, o Options) (*DB, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.LockTimeout == 0 {
		o.LockTimeout = time.Second
	}
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) && !o.ReadOnly {
		if err := create(path); errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("create database %s: directory %s does not exist; make it, owned by the user that runs the gateway", path, filepath.Dir(path))
		} else if err != nil {
			return nil, fmt.Errorf("create database %s: %w", path, classify(err))
		}
	}
	file, err := openLocked(path, o)
	if err != nil {
		return nil, err
	}
	db, err := openFile(path, file, o)
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("open database %s: %w", path, err)
	}
	return db.compacted(path, o)
}

// openLocked opens and locks the file that path names. When another process replaced it while the lock was awaited, the new one is meant.
func openLocked(path string, o Options) (*os.File, error) {
	flag := os.O_RDWR
	if o.ReadOnly {
		flag = os.O_RDONLY
	}
	for range 10 {
		file, err := os.OpenFile(path, flag, 0)
		if err != nil {
			return nil, fmt.Errorf("open database: %w", classify(err))
		}
		same := false
		if err = lock(file, o.ReadOnly, o.LockTimeout); err == nil {
			same, err = named(file, path)
		}
		if err == nil && same {
			return file, nil
		}
		file.Close()
		if err != nil {
			return nil, fmt.Errorf("open database %s: %w", path, err)
		}
	}
	return nil, fmt.Errorf("open database %s: it is replaced again and again", path)
}

// openFile verifies the file before bbolt maps it; bbolt then works on the same open file, and so under the same lock.
func openFile(path string, file *os.File, o Options) (*DB, error) {
	if err := verify(file); err != nil {
		return nil, err
	}
	mapped := mapBytes
	b, err := openBolt(path, file, o.ReadOnly, mapped)
	if errors.Is(err, syscall.ENOMEM) {
		// The address space is limited: growing may have to wait for readers.
		mapped = 0
		b, err = openBolt(path, file, o.ReadOnly, mapped)
	}
	if err != nil {
		return nil, classify(err)
	}
	db := &DB{path: path, bolt: b, mapped: mapped, file: file, readOnly: o.ReadOnly, log: o.Logger, requests: make(chan *group), copies: make(chan chan<- reading), commits: make(chan *commit), landed: make(chan *commit, 1), quit: make(chan struct{}),
		stopped: make(chan struct{}), failed: make(chan struct{}), refusing: make(chan struct{}, 1), again: make(chan struct{}), commit: (*bbolt.Tx).Commit, sync: syncFile, listFrom: listFrom}
	db.state.Store(&state{})
	if db.metrics, err = newMetrics(o.Registerer, db); err != nil {
		b.Close()
		return nil, err
	}
	if err = db.convert(); err == nil {
		err = db.takeOver()
	}
	if err != nil {
		db.metrics.unregister()
		b.Close()
		return nil, err
	}
	go db.committer()
	return db, nil
}

func openBolt(path string, file *os.File, readOnly bool, mapSize int) (db *bbolt.DB, err error) {
	// bbolt panics when it finds the tree inconsistent while it collects the free pages.
	defer func() {
		if p := recover(); p != nil {
			db, err = nil, fmt.Errorf("the file is damaged: %v", p)
		}
	}()
	// Measured: with the array free list, not written at each commit, commits stay fast after large deletions. Closing writes it once (freelist.go); after a
	// crash, opening scans the live pages instead.
	return bbolt.Open(path, 0o600, &bbolt.Options{
		Timeout:         time.Second,
		FreelistType:    bbolt.FreelistArrayType,
		NoFreelistSync:  true,
		NoSync:          noSync,
		InitialMmapSize: mapSize,
		ReadOnly:        readOnly,
		OpenFile:        func(string, int, os.FileMode) (*os.File, error) { return file, nil },
	})
}

// View runs fn on the state of this moment.
func (db *DB) View(ctx context.Context, fn func(store.Reader) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	begin := time.Now()
	t, err := db.begin()
	if err != nil {
		return err
	}
	defer func() {
		t.end()
		if d := time.Since(begin); d > longView {
			db.log.Warn("a long read transaction kept pages from being used again", "duration", d)
		}
	}()
	return guarded(func() error { return fn(t) })
}

// guarded runs fn; when a page of the map cannot be read, because the disk fails or the file was cut, that is an error and not the end of the program.
func guarded(fn func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		switch p := recover().(type) {
		case nil:
		case interface {
			error
			Addr() uintptr
		}:
			err = fmt.Errorf("%w: %v", errUnreadable, p)
		default:
			panic(p)
		}
	}()
	return fn()
}

var (
	errUnreadable = errors.New("the database file cannot be read")
	errClosed     = errors.New("database is closed")
)

// Failed is closed when a sync failed. Every later Update returns store.ErrStopped; reading goes on.
func (db *DB) Failed() <-chan struct{} { return db.failed }

// Close waits for the commit that runs, then closes the file. Updates that wait get an error.
func (db *DB) Close() error {
	var err error
	db.closing.Do(func() {
		close(db.quit)
		<-db.stopped
		if db.folding != nil {
			<-db.folding
		}
		if db.wal != nil {
			select {
			case <-db.failed:
				db.wal.file.Close()
			default:
				err = db.endWAL()
			}
		}
		if err == nil {
			db.keepFreelist()
		}
		db.metrics.unregister()
		db.unshare()
		err = errors.Join(err, db.bolt.Close())
	})
	return err
}

// Check looks at the file's own structures: every page is used once, keys are in order. It reads everything in one transaction, so it is meant for
// a file that nobody writes at the time.
func (db *DB) Check(ctx context.Context) error {
	b, err := db.bolt.Begin(false)
	if err != nil {
		return classify(err)
	}
	defer b.Rollback()
	var errs []error
	for err := range b.Check() {
		if ctx.Err() == nil && len(errs) < 20 {
			errs = append(errs, err)
		}
	}
	return errors.Join(append(errs, ctx.Err())...)
}

// classify gives errors of the file system the store's words. When bbolt cannot make the file larger it passes on only the text of the error.
func classify(err error) error {
	is := func(numbers ...syscall.Errno) bool {
		for _, n := range numbers {
			if errors.Is(err, n) || strings.HasSuffix(err.Error(), ": "+n.Error()) {
				return true
			}
		}
		return false
	}
	switch {
	case err == nil:
		return nil
	case is(syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG):
		return fmt.Errorf("%w: %w", store.ErrFull, err)
	case is(syscall.EROFS, syscall.EACCES, syscall.EPERM):
		return fmt.Errorf("%w: %w", store.ErrReadOnly, err)
	}
	return err
}

var _ store.Engine = (*DB)(nil)

// isRefusal tells whether a write was refused as a whole, so that the file is as it was.
func isRefusal(err error) bool {
	return errors.Is(err, store.ErrFull) || errors.Is(err, store.ErrReadOnly)
}
