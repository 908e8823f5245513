package bolt

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.etcd.io/bbolt"
	"golang.org/x/sys/unix"

	"trunkline/store"
)

// image copies what is on the disk now, as a crash would leave it, and returns the path of the database in it.
func image(t *testing.T, path string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "db")
	for _, name := range []string{"", ".wal"} {
		from, err := os.Open(path + name)
		if name != "" && errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = writeSparse(to+name, from)
			from.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return to
}

// writeSparse makes a file with holes where there are only zeros, as in most of a log and of a young database.
func writeSparse(path string, from io.Reader) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	buf, zeros, size := make([]byte, 16<<10), make([]byte, 16<<10), int64(0)
	for {
		n, err := io.ReadFull(from, buf)
		if !bytes.Equal(buf[:n], zeros[:n]) {
			if _, err := f.WriteAt(buf[:n], size); err != nil {
				return err
			}
		}
		size += int64(n)
		switch err {
		case nil:
		case io.EOF, io.ErrUnexpectedEOF:
			return f.Truncate(size)
		default:
			return err
		}
	}
}

func digest(v []byte) string { return fmt.Sprintf("%d:%08x", len(v), crc32.ChecksumIEEE(v)) }

// content returns everything in a database, as "table/key=value".
func content(t *testing.T, db *DB, tables ...store.Table) (all []string) {
	t.Helper()
	err := db.View(t.Context(), func(r store.Reader) error {
		for _, table := range tables {
			var down []string
			for _, reverse := range []bool{false, true} {
				err := r.Scan(table, nil, nil, reverse, func(k, v []byte) (bool, error) {
					line := fmt.Sprintf("%s/%s=%s", table, k, digest(v))
					if reverse {
						down = append(down, line)
					} else {
						all = append(all, line)
					}
					return true, nil
				})
				if err != nil {
					return err
				}
			}
			slices.Reverse(down)
			if !slices.Equal(down, all[len(all)-len(down):]) {
				t.Errorf("table %s: down %d entries, up %d", table, len(down), len(all))
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// greatestOf returns the greatest key of a table in a model, whose keys are "table/key".
func greatestOf(model map[string]string, table store.Table) (last string) {
	for name := range model {
		if key, ok := strings.CutPrefix(name, string(table)+"/"); ok {
			last = max(last, key)
		}
	}
	return last
}

// A random history, read back while it runs, after crashes at random moments and after ends: at every time everything that was acknowledged is there and
// nothing else. Values are large enough that the log turns often and some go past it.
func TestRandomHistory(t *testing.T) {
	t.Parallel()
	tables := []store.Table{"a", "b", "c"}
	for seed := range uint64(2) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 0))
			path := filepath.Join(t.TempDir(), "db")
			db, err := Open(path, Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { db.Close() }()
			model := map[string]string{} // value of "table/key"
			lines := func() []string {
				all := []string{}
				for k, v := range model {
					all = append(all, k+"="+digest([]byte(v)))
				}
				slices.Sort(all)
				return all
			}
			compare := func(db *DB, what string) {
				t.Helper()
				if got, want := content(t, db, tables...), lines(); !slices.Equal(got, want) {
					t.Fatalf("%s: %d entries, want %d", what, len(got), len(want))
				}
			}
			for step := range 200 {
				var next map[string]string
				boom := errors.New("boom")
				fails := r.IntN(10) == 0
				err := db.Update(t.Context(), func(tx store.Tx) error {
					next = maps.Clone(model) // it runs again when it fails
					for range 1 + r.IntN(8) {
						table, key := tables[r.IntN(len(tables))], fmt.Sprintf("%03d", r.IntN(200))
						if last := greatestOf(next, table); last != "" && r.IntN(6) == 0 {
							key = last
						}
						name := string(table) + "/" + key
						switch r.IntN(4) {
						case 0:
							if err := tx.Delete(table, []byte(key)); err != nil {
								return err
							}
							delete(next, name)
						default:
							size := r.IntN(20_000)
							switch r.IntN(40) {
							case 0:
								size = 0
							case 1:
								size = 3 << 19 // past the log
							}
							value := bytes.Repeat([]byte{byte(step)}, size)
							if err := tx.Put(table, []byte(key), value); err != nil {
								return err
							}
							next[name] = string(value)
						}
						got, err := tx.Get(table, []byte(key))
						if want, ok := next[name]; err != nil || (got != nil) != ok || string(got) != want {
							t.Errorf("own write of %s is not read back: %v", name, err)
						}
						last := ""
						err = tx.Scan(table, nil, nil, true, func(k, v []byte) (bool, error) {
							if last = string(k); next[string(table)+"/"+last] != string(v) {
								t.Errorf("the greatest key of %s, %s, has another value", table, last)
							}
							return false, nil
						})
						if want := greatestOf(next, table); err != nil || last != want {
							t.Errorf("the greatest key of %s is %q, want %q: %v", table, last, want, err)
						}
					}
					if fails {
						return boom
					}
					return nil
				})
				if fails != (err == boom) || err != nil && !fails {
					t.Fatal(err)
				}
				if !fails {
					model = next
				}
				if step%20 == 0 {
					compare(db, "open")
				}
				switch r.IntN(25) {
				case 0:
					crashed, err := Open(image(t, path), Options{})
					if err != nil {
						t.Fatalf("step %d: %v", step, err)
					}
					compare(crashed, "after a crash")
					if err := errors.Join(crashed.Check(t.Context()), crashed.Close()); err != nil {
						t.Error(err)
					}
				case 1:
					reader, err := Open(image(t, path), Options{ReadOnly: true})
					if err != nil {
						t.Fatalf("step %d: %v", step, err)
					}
					compare(reader, "read only after a crash")
					reader.Close()
				case 2:
					if err := db.Close(); err != nil {
						t.Fatal(err)
					}
					if _, err := os.Stat(walPath(path)); !errors.Is(err, fs.ErrNotExist) {
						t.Errorf("the write-ahead log is left behind: %v", err)
					}
					if db, err = Open(path, Options{}); err != nil {
						t.Fatal(err)
					}
					compare(db, "opened again")
				}
			}
		})
	}
}

// Whatever a crash leaves of the last record, which was not acknowledged, the rest is there; a damaged record that was acknowledged is told.
func TestDamagedLog(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "db")
	db, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var offsets []int64 // of the records
	for i := range 5 {
		err := db.Update(t.Context(), func(tx store.Tx) error { return tx.Put("t", fmt.Append(nil, i), make([]byte, 700)) })
		if err != nil {
			t.Fatal(err)
		}
		offsets = append(offsets, db.wal.at)
	}
	ends := offsets
	begins := append([]int64{0}, offsets...)
	r := rand.New(rand.NewPCG(1, 2))
	good := mustRead(t, walPath(path))
	var b []byte
	for round := range 90 {
		crashed := image(t, path)
		b = append(b[:0], good...)
		damaged := r.IntN(len(ends))
		used := int64(recordHead + 700)
		at := begins[damaged] + r.Int64N(used)
		switch round % 3 {
		case 0:
			b[at] ^= 1 << r.IntN(8)
		case 1: // the rest of the record never came
			clear(b[at:ends[damaged]])
			if bytes.Equal(b[begins[damaged]:ends[damaged]], make([]byte, ends[damaged]-begins[damaged])) && damaged == len(ends)-1 {
				continue
			}
		case 2: // nor anything behind it: the file was cut
			b = b[:at]
		}
		if err := writeSparse(walPath(crashed), bytes.NewReader(b)); err != nil {
			t.Fatal(err)
		}
		opened, err := Open(crashed, Options{})
		whole := round%3 == 1 && bytes.Equal(b[begins[damaged]:ends[damaged]], good[begins[damaged]:ends[damaged]])
		lastOnly := damaged == len(ends)-1
		if round%3 == 2 { // no crash shortens it
			if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("it has %d bytes", at)) && at > 0 {
				t.Errorf("cut at octet %d: %v", at, err)
			}
			if err == nil {
				opened.Close()
			}
			continue
		}
		switch {
		case err == nil && !lastOnly && !whole:
			t.Errorf("record %d damaged at octet %d (way %d): nothing is said", damaged+1, at, round%3)
		case err != nil && (lastOnly || whole):
			t.Errorf("record %d damaged at octet %d (way %d): %v", damaged+1, at, round%3, err)
		case err != nil && !strings.Contains(err.Error(), fmt.Sprintf("record %d is damaged", damaged+1)):
			t.Errorf("record %d damaged: %v", damaged+1, err)
		case err == nil:
			want := damaged
			if whole {
				want = len(ends)
			}
			if got := len(content(t, opened, "t")); got != want {
				t.Errorf("record %d damaged at octet %d (way %d): %d entries, want %d", damaged+1, at, round%3, got, want)
			}
			opened.Close()
		}
	}
}

func mustRead(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A database whose log is not there is not opened as if nothing were missing, unless that is asked for. Another log is not taken for its own.
func TestStrayLogs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	db, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := put(db, "kept"); err != nil {
		t.Fatal(err)
	}
	missing := image(t, path)
	os.Remove(walPath(missing))
	for _, readOnly := range []bool{false, true} {
		if _, err := Open(missing, Options{ReadOnly: readOnly}); err == nil || !strings.Contains(err.Error(), walPath(missing)+" is missing") {
			t.Errorf("missing: %v", err)
		}
	}
	if err := os.WriteFile(walPath(missing), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	given, err := Open(missing, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := keys(t, given); len(got) != 0 {
		t.Errorf("given up: %q", got)
	}
	if err := put(given, "new"); err != nil {
		t.Error(err)
	}
	// The log of one beside the file of the other, which needs none.
	other := image(t, path)
	if err := given.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(missing, other); err != nil {
		t.Fatal(err)
	}
	o, err := Open(other, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	if got := keys(t, o); fmt.Sprint(got) != "[new]" {
		t.Errorf("another's write-ahead log: %q", got)
	}
	if err := put(o, "more"); err != nil {
		t.Error(err)
	}
	crashed, err := Open(image(t, other), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer crashed.Close()
	if got := keys(t, crashed); fmt.Sprint(got) != "[more new]" {
		t.Errorf("%q", got)
	}
}

// changeMark changes what a database file says about its log.
func changeMark(t *testing.T, path string, change func(*bbolt.Bucket) error) {
	t.Helper()
	b, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(b.Update(func(tx *bbolt.Tx) error { return change(tx.Bucket(walBucket)) }), b.Close()); err != nil {
		t.Fatal(err)
	}
}

// What the database file says about its log is checked like everything else in it.
func TestDamagedMark(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	db, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := put(db, "kept"); err != nil {
		t.Fatal(err)
	}
	for _, change := range []func(*bbolt.Bucket) error{
		func(b *bbolt.Bucket) error { return b.Delete(walID) },
		func(b *bbolt.Bucket) error { return b.Delete(walFolded) },
		func(b *bbolt.Bucket) error {
			return b.Put(walID, append([]byte{b.Get(walID)[0] ^ 1}, b.Get(walID)[1:]...))
		},
		func(b *bbolt.Bucket) error { return b.Put(walFolded, b.Get(walID)) },
		func(b *bbolt.Bucket) error { return b.Put(walHalf, b.Get(walID)) },
	} {
		crashed := image(t, path)
		changeMark(t, crashed, change)
		if _, err := Open(crashed, Options{}); err == nil || !strings.Contains(err.Error(), "write-ahead log is damaged") {
			t.Errorf("%v", err)
		}
	}
}

// Records of every size are written past the page cache where that can be, and read again after a crash.
func TestPastCache(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	db, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	want := map[string]string{}
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 400 {
		value := make([]byte, r.IntN(1<<(4+i%13)))
		for j := range value {
			value[j] = byte(r.Uint32())
		}
		key := fmt.Sprint(i)
		if err := db.Update(t.Context(), func(tx store.Tx) error { return tx.Put("t", []byte(key), value) }); err != nil {
			t.Fatal(err)
		}
		want[key] = digest(value)
	}
	again, err := Open(image(t, path), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	for key, sum := range want {
		err := again.View(t.Context(), func(r store.Reader) error {
			v, err := r.Get("t", []byte(key))
			if got := digest(v); got != sum {
				t.Errorf("%s: %s, want %s", key, got, sum)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}

	other, err := os.Create(filepath.Join(t.TempDir(), "other"))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	possible, err := os.OpenFile(other.Name(), os.O_RDWR|syscall.O_DIRECT, 0)
	if err == nil {
		_, err = possible.Write(sectors(1))
		possible.Close()
	}
	flags, failure := unix.FcntlInt(db.wal.file.Fd(), unix.F_GETFL, 0)
	if past := flags&unix.O_DIRECT != 0; failure != nil || past != (err == nil) {
		t.Errorf("the log is open with %#x, %v; what the file system says of it: %v", flags, failure, err)
	}
	if got := pastCache(other, filepath.Dir(other.Name())); got != other {
		t.Errorf("what cannot be written past the page cache is %v", got)
	}
}

// A log whose database file does not say how large its halves are is of the former size.
func TestFormerLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	db, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, key := range []string{"a", "b"} {
		if err := put(db, key); err != nil {
			t.Fatal(err)
		}
	}
	crashed := image(t, path)
	changeMark(t, crashed, func(b *bbolt.Bucket) error { return b.Delete(walHalf) })
	if _, err := Open(crashed, Options{}); err == nil || !strings.Contains(err.Error(), "is damaged: it has 16777216 bytes of 8388608") {
		t.Errorf("with a log of today's size: %v", err)
	}
	content, err := os.ReadFile(walPath(crashed))
	if err != nil {
		t.Fatal(err)
	}
	const second = sector // both are short
	former := slices.Concat(content[:second], make([]byte, formerHalf-second), content[second:2*sector], make([]byte, formerHalf-sector))
	if err := writeSparse(walPath(crashed), bytes.NewReader(former)); err != nil {
		t.Fatal(err)
	}
	again, err := Open(crashed, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if got := fmt.Sprint(keys(t, again)); got != "[a b]" {
		t.Errorf("keys %s", got)
	}
}

// While the database file takes nothing, updates are refused and what was accepted is read from the log; when there is room again, all goes on.
func TestFullDiskBehindTheLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	synctest.Test(t, func(t *testing.T) {
		db, err := Open(path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		var full atomic.Bool
		db.commit = func(tx *bbolt.Tx) error {
			if full.Load() {
				return syscall.ENOSPC
			}
			return tx.Commit()
		}
		value := make([]byte, 100_000)
		set := func(db *DB, i int) error {
			return db.Update(t.Context(), func(tx store.Tx) error { return tx.Put("t", fmt.Appendf(nil, "%04d", i), value) })
		}
		if err := set(db, 0); err != nil {
			t.Fatal(err)
		}
		full.Store(true)
		n := 1
		for ; ; n++ {
			if err := set(db, n); errors.Is(err, store.ErrFull) {
				break
			} else if err != nil || n > 100 {
				t.Fatalf("update %d: %v", n, err)
			}
			synctest.Wait()
		}
		for range 10 {
			time.Sleep(time.Minute)
			if err := set(db, n); !errors.Is(err, store.ErrFull) {
				t.Fatalf("an hour later: %v", err)
			}
		}
		if got := len(content(t, db, "t")); got != n {
			t.Errorf("%d entries of %d", got, n)
		}
		if err := db.Update(t.Context(), func(tx store.Tx) error { return nil }); err != nil {
			t.Errorf("an update that writes nothing: %v", err)
		}
		crashed := image(t, path)
		synctest.Wait()
		full.Store(false) // and the next update goes through at once
		if err := set(db, n); err != nil {
			t.Fatal(err)
		}
		// Ended on a full disk: the log stays.
		full.Store(true)
		if err := db.Close(); err != nil {
			t.Error(err)
		}
		for what, there := range map[string]int{path: n + 1, crashed: n} {
			again, err := Open(what, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if got := len(content(t, again, "t")); got != there {
				t.Errorf("%s: %d entries, want %d", what, got, there)
			}
			if err := again.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}

// A fold that fails otherwise stops the engine; what was acknowledged is in the log.
func TestFailedFold(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	db, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var attached atomic.Bool
	db.commit = func(tx *bbolt.Tx) error {
		if attached.Load() {
			return syscall.EIO
		}
		return tx.Commit()
	}
	if err := put(db, "first"); err != nil {
		t.Fatal(err)
	}
	attached.Store(true)
	n := 0
	for ; n < 10_000; n++ {
		err := db.Update(t.Context(), func(tx store.Tx) error { return tx.Put("t", fmt.Append(nil, n), make([]byte, 50_000)) })
		if errors.Is(err, store.ErrStopped) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	<-db.Failed()
	db.Close()
	again, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if got := len(keys(t, again)); got != n+1 {
		t.Errorf("%d entries, want %d", got, n+1)
	}
}

// gate makes what goes to the database file wait, from the time that it is closed until it is told what becomes of it.
type gate struct {
	closed  atomic.Bool
	waits   chan struct{}
	outcome chan error
}

func newGate(db *DB) *gate {
	g := &gate{waits: make(chan struct{}, 100), outcome: make(chan error)}
	db.commit = func(tx *bbolt.Tx) error {
		if g.closed.Load() {
			g.waits <- struct{}{}
			if err := <-g.outcome; err != nil {
				return err
			}
		}
		return tx.Commit()
	}
	return g
}

// fillLog updates until the log has had so many octets since, and returns how many updates that were.
func fillLog(t *testing.T, db *DB, from, octets int) (n int) {
	t.Helper()
	value := make([]byte, 32<<10)
	for ; n*len(value) < octets; n++ {
		if err := db.Update(t.Context(), func(tx store.Tx) error { return tx.Put("t", fmt.Appendf(nil, "%06d", from+n), value) }); err != nil {
			t.Fatal(err)
		}
	}
	return n
}

// While the disk takes its time with the content of one half, commits go on until the other one is nearly full.
func TestCommitsDoNotWaitForAFold(t *testing.T) {
	db, _ := openHere(t)
	g := newGate(db)
	n := fillLog(t, db, 0, halfBytes/4)
	g.closed.Store(true)
	n += fillLog(t, db, n, halfBytes*5/16)
	<-g.waits // the first fold has begun
	n += fillLog(t, db, n, halfBytes*3/4)
	g.closed.Store(false)
	close(g.outcome)
	n += fillLog(t, db, n, 2*halfBytes)
	if got := len(keys(t, db)); got != n {
		t.Errorf("%d entries, want %d", got, n)
	}
}

// A fold that fails while a commit waits for it leaves its content in the log only: the commit must not go to where that is.
func TestFoldFailsWhileACommitWaits(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	db, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	g := newGate(db)
	n := fillLog(t, db, 0, halfBytes/4)
	g.closed.Store(true)
	n += fillLog(t, db, n, halfBytes*5/16)
	<-g.waits
	n += fillLog(t, db, n, halfBytes*3/4)
	var acknowledged atomic.Int64
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		for put(db, fmt.Sprintf("%06d", n+int(acknowledged.Load()))) == nil {
			acknowledged.Add(1)
		}
	}()
	for last := int64(-1); last != acknowledged.Load(); time.Sleep(200 * time.Millisecond) { // until they wait for the fold
		last = acknowledged.Load()
	}
	g.outcome <- syscall.EIO
	<-db.Failed()
	<-stopped
	n += int(acknowledged.Load())
	db.Close()
	again, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if got := len(keys(t, again)); got < n {
		t.Errorf("%d entries, but %d were acknowledged", got, n)
	}
}

func FuzzReadWAL(f *testing.F) {
	j := wal{id: 7}
	var half []byte
	for i := range 3 {
		record := appendWrite(beginRecord(nil), kindPut, "t", fmt.Append(nil, i), []byte("value"))
		file, err := os.CreateTemp(f.TempDir(), "")
		if err != nil {
			f.Fatal(err)
		}
		j.file, j.at = file, 0
		if err := j.write(padded(record), len(record)); err != nil {
			f.Fatal(err)
		}
		j.sequence++
		b, err := os.ReadFile(file.Name())
		if err != nil {
			f.Fatal(err)
		}
		file.Close()
		half = append(half, b...)
	}
	f.Add(half, uint64(7), uint64(0))
	f.Add(half[:700], uint64(7), uint64(1))
	f.Add(half[512:], uint64(7), uint64(0))
	f.Fuzz(func(t *testing.T, content []byte, id, folded uint64) {
		entries, err := readWAL(content, halfBytes, id, folded)
		var all replayed
		for i, e := range entries {
			if e.sequence != folded+1+uint64(i) {
				t.Errorf("record %d follows %d", e.sequence, folded+uint64(i))
			}
			if all.replay(e.payload) != nil {
				return
			}
		}
		_ = err
	})
}

// What goes past the log is seen as a whole, like everything else.
func TestLargeUpdateIsSeenWhole(t *testing.T) {
	db, _ := openHere(t)
	var group sync.WaitGroup
	done := make(chan struct{})
	group.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			err := db.View(t.Context(), func(r store.Reader) error {
				var seen [3]string
				for i, table := range []store.Table{"a", "b", "c"} {
					v, err := r.Get(table, []byte("k"))
					if err != nil {
						return err
					}
					seen[i] = string(v)
				}
				if seen[0] != seen[1] || seen[1] != seen[2] {
					t.Errorf("%q at once", seen)
				}
				return nil
			})
			if err != nil {
				t.Error(err)
				return
			}
		}
	})
	filler := make([]byte, 3<<20)
	for i := range 40 {
		err := db.Update(t.Context(), func(tx store.Tx) error {
			if i%2 == 1 { // the value as it is, so that the log has one of three
				return tx.Put("a", []byte("k"), fmt.Append(nil, i-1))
			}
			for _, table := range []store.Table{"a", "b", "c"} {
				if err := tx.Put(table, []byte("k"), fmt.Append(nil, i)); err != nil {
					return err
				}
			}
			return tx.Put("filler", []byte("k"), filler)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	close(done)
	group.Wait()
}
