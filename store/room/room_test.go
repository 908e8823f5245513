package room

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"trunkline/store"
)

// fake is a disk of 10,000 bytes that a test fills.
type fake struct {
	mu       sync.Mutex
	used     int64 // by others
	reserved int64
	err      error
}

func (f *fake) fill(used int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.used = used
}

func (f *fake) Usage() (Usage, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return Usage{Size: 10_000, Free: 10_000 - f.used - f.reserved}, f.err
}

func (f *fake) Reserved() (int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.reserved, nil
}

func (f *fake) Reserve(size int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.used+size > 10_000 {
		return errors.New("no room")
	}
	f.reserved = size
	return nil
}

func (f *fake) Free() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reserved = 0
	return nil
}

func guard(t *testing.T, f *fake, change func(*Options)) *Guard {
	t.Helper()
	o := Options{Disk: f, RefuseAt: 95, StopAt: 99, Reserve: 1 << 20, Registerer: prometheus.NewPedanticRegistry()}
	if change != nil {
		change(&o)
	}
	g, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestLevels(t *testing.T) {
	f := &fake{}
	g := guard(t, f, nil)
	for _, step := range []struct {
		used     int64 // without the reserve, which has 100
		want     store.Level
		reserved int64
	}{
		{9300, store.RoomEnough, 100}, {9399, store.RoomEnough, 100}, {9400, store.RoomLow, 100}, {9350, store.RoomLow, 100}, {9299, store.RoomEnough, 100},
		{9799, store.RoomLow, 100}, {9800, store.RoomOut, 100}, {9750, store.RoomOut, 100}, {9699, store.RoomLow, 100}, {0, store.RoomEnough, 100},
		{9800, store.RoomOut, 100}, {0, store.RoomEnough, 100},
	} {
		f.fill(step.used)
		g.look()
		if got := g.Level(); got != step.want || f.reserved != step.reserved {
			t.Errorf("%d used: %s with %d reserved, want %s with %d", step.used, got, f.reserved, step.want, step.reserved)
		}
		if err := g.Check(); (err == nil) != (step.want == store.RoomEnough) {
			t.Errorf("%d used: %v", step.used, err)
		}
	}
}

func TestReserve(t *testing.T) {
	f := &fake{used: 9890}
	g := guard(t, f, nil)
	if f.reserved != 0 {
		t.Error("a reserve was made that fills the disk")
	}
	f.fill(9000)
	g.look()
	if f.reserved != 100 {
		t.Errorf("%d reserved of a disk with room", f.reserved)
	}
	f.fill(9900)
	if !g.Free() || f.reserved != 0 || g.Level() != store.RoomOut {
		t.Errorf("after Free %d reserved, level %s", f.reserved, g.Level())
	}
	if g.Free() {
		t.Error("a reserve was freed twice")
	}
	g.look()
	if f.reserved != 0 {
		t.Error("the reserve was taken back on a full disk")
	}
	f.fill(9600)
	g.look()
	g.look()
	if f.reserved != 100 || g.Level() != store.RoomLow {
		t.Errorf("with room again %d reserved, level %s", f.reserved, g.Level())
	}
	none := &fake{}
	guard(t, none, func(o *Options) { o.Reserve = 0 })
	small := &fake{}
	guard(t, small, func(o *Options) { o.Reserve = 7 })
	if none.reserved != 0 || small.reserved != 7 {
		t.Errorf("reserves of %d and %d bytes", none.reserved, small.reserved)
	}
}

func TestEnough(t *testing.T) {
	f := &fake{used: 9700}
	if g := guard(t, f, func(o *Options) { o.Enough = 150 }); g.Level() != store.RoomEnough {
		t.Errorf("%s with enough bytes free", g.Level())
	}
	f.fill(9790)
	if g := guard(t, f, func(o *Options) { o.Enough = 150 }); g.Level() != store.RoomLow {
		t.Errorf("%s with too few bytes free", g.Level())
	}
}

// Every change is told once, also when telling fails at first.
func TestEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		g := guard(t, f, nil)
		ctx, cancel := context.WithCancel(t.Context())
		var told []string
		var refuse atomic.Bool
		done := make(chan struct{})
		go func() {
			defer close(done)
			g.Run(ctx, func(_ context.Context, e store.Event) error {
				if refuse.Load() {
					return store.ErrFull
				}
				if !strings.Contains(e.Text, "% used") || e.At.IsZero() {
					t.Errorf("event %+v", e)
				}
				told = append(told, e.Type)
				return nil
			})
		}()
		for _, used := range []int64{9500, 9900, 9900, 0} {
			f.fill(used)
			if used == 9900 {
				refuse.Store(!refuse.Load())
				g.Free()
			}
			time.Sleep(5 * time.Second)
		}
		cancel()
		<-done
		want := []string{"store.room_low", "store.room_out", "store.reserve_used", "store.room_enough", "store.reserve_kept"}
		if !slices.Equal(told, want) {
			t.Errorf("told %q, want %q", told, want)
		}
	})
}

// A disk that does not answer changes nothing, and is complained of once.
func TestDiskThatDoesNotAnswer(t *testing.T) {
	f := &fake{used: 9500}
	g := guard(t, f, nil)
	f.err = errors.New("gone")
	f.fill(0)
	g.look()
	if g.Level() != store.RoomLow {
		t.Errorf("level %s", g.Level())
	}
}

func TestBeside(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	d := Beside(path)
	u, err := d.Usage()
	if err != nil || u.Size <= 0 || u.Free <= 0 || u.Free > u.Size {
		t.Fatalf("%+v, %v", u, err)
	}
	if n, err := d.Reserved(); n != 0 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if err := d.Reserve(1 << 20); err != nil {
		t.Fatal(err)
	}
	if n, err := d.Reserved(); n != 1<<20 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if info, err := os.Stat(path + ".reserve"); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	for range 2 {
		if err := d.Free(); err != nil {
			t.Error(err)
		}
	}
	if err := d.Reserve(1 << 60); err == nil {
		t.Error("more was reserved than there is")
	}
	if n, _ := d.Reserved(); n != 0 {
		t.Errorf("%d bytes are left of a reserve that could not be made", n)
	}
	if _, err := Beside("/nonexistent/db").Usage(); err == nil {
		t.Error("a disk that does not exist was measured")
	}
}

// TestPause: the disk is asked less often only while 4 GiB more could be written before messages are refused, or while that many are enough whatever the percentage.
func TestPause(t *testing.T) {
	const gib = 1 << 30
	for _, c := range []struct {
		size, free, enough int64
		level              store.Level
		want               time.Duration
	}{
		{100 * gib, 50 * gib, 0, store.RoomEnough, rarely},
		{100 * gib, 9*gib + gib/2, 0, store.RoomEnough, rarely},
		{100 * gib, 8 * gib, 0, store.RoomEnough, every},
		{100 * gib, 4 * gib, 0, store.RoomLow, every},
		{1000 * gib, 15 * gib, 10 * gib, store.RoomEnough, rarely},
		{1000 * gib, 13 * gib, 10 * gib, store.RoomEnough, every},
		{2 * gib, 2 * gib, 0, store.RoomEnough, every},
		{0, 0, 0, store.RoomEnough, every},
	} {
		g := &Guard{options: Options{RefuseAt: 95, StopAt: 99, Enough: c.enough}, usage: Usage{Size: c.size, Free: c.free}, level: c.level}
		if got := g.pause(); got != c.want {
			t.Errorf("%s, enough %d GiB, level %s: %s, want %s", g.usage, c.enough/gib, c.level, got, c.want)
		}
	}
}
