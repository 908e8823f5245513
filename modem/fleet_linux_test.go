package modem

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"trunkline/modem/emulator"
)

// fleetSize is how many modems the soak of a fleet has.
const fleetSize = 64

// fleetFaults are faults of every kind, at the steps where they hurt. A modem comes back from each by itself.
func fleetFaults() []emulator.Fault {
	return []emulator.Fault{
		{Kind: emulator.Silence, Delay: 3 * time.Second},
		{Kind: emulator.Silence, On: "+CMGS", Step: emulator.StepPrompt, Delay: 3 * time.Second},
		{Kind: emulator.Hang, Delay: 3 * time.Second},
		{Kind: emulator.Hang, On: "+CMGL", Step: emulator.StepCommand, Delay: 3 * time.Second},
		{Kind: emulator.Reset},
		{Kind: emulator.Reset, On: "+CMGS", Step: emulator.StepBody},
		{Kind: emulator.Reset, On: "+CMGD", Step: emulator.StepAnswer},
		{Kind: emulator.Unplug, Delay: time.Second},
		{Kind: emulator.Unplug, On: "+CMGS", Step: emulator.StepAnswer, Delay: time.Second},
		{Kind: emulator.Garbage},
		{Kind: emulator.Garbage, On: "+CMGL", Offset: 9},
		{Kind: emulator.LongLine},
		{Kind: emulator.LongLine, On: "+CMGL"},
		{Kind: emulator.URC, On: "+CMGS", Step: emulator.StepAnswer, Data: "+CREG: 1", Offset: 2},
		{Kind: emulator.URC, On: "+CMGS", Step: emulator.StepPrompt, Data: "RING"},
		{Kind: emulator.Lost, On: "+CMGS"},
		{Kind: emulator.Lost, On: "+CSQ"},
		{Kind: emulator.Late, On: "+CMGS", Delay: 3 * time.Second},
		{Kind: emulator.Error, On: "+CMGS", Step: emulator.StepBody, Code: 42},
		{Kind: emulator.Error, On: "+CMGS", Step: emulator.StepAnswer, Code: 500},
		{Kind: emulator.Glue, On: "+CMGL"},
		{Kind: emulator.Split, On: "+CMGL", Offset: 30},
		{Kind: emulator.Trickle, On: "+CSQ", Delay: 5 * time.Millisecond},
		{Kind: emulator.NoPrompt, On: "+CMGS"},
		{Kind: emulator.TwoPrompts, On: "+CMGS"},
		{Kind: emulator.EchoOn},
		{Kind: emulator.CNMIOff},
		{Kind: emulator.Deaf, Delay: 3 * time.Second},
		{Kind: emulator.DataOnly, Delay: 3 * time.Second},
		{Kind: emulator.Full, Delay: 2 * time.Second},
		{Kind: emulator.NoDelete},
		{Kind: emulator.WrongLength, On: "+CMGL"},
		{Kind: emulator.Truncate, On: "+CMGL"},
		{Kind: emulator.WrongLength, Step: emulator.StepDeliver},
		{Kind: emulator.ReportFirst, On: "+CMGS"},
		{Kind: emulator.Duplicate},
	}
}

// fleetSample is the footprint of the process at one moment: MiB resident, of which so many are its own memory and not pages of
// its program that happen to be loaded; MiB of the heap; counts.
type fleetSample struct{ rss, own, heap, goroutines, files float64 }

// measureFleet gives free memory back before it looks: what is left is in use.
func measureFleet(t *testing.T) fleetSample {
	t.Helper()
	debug.FreeOSMemory()
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	mib := func(key string) float64 {
		_, rest, _ := strings.Cut(string(text), key)
		kib, err := strconv.Atoi(strings.Fields(rest)[0])
		if err != nil {
			t.Fatal(err)
		}
		return float64(kib) / 1024
	}
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	return fleetSample{mib("VmRSS:"), mib("RssAnon:"), float64(mem.HeapAlloc) / (1 << 20), float64(runtime.NumGoroutine()), float64(len(files))}
}

// quarters are the means of the four quarters of the values: growth that ends looks different from growth that goes on.
func quarters(values []float64) (means [4]float64) {
	for i := range means {
		part := values[i*len(values)/4 : (i+1)*len(values)/4]
		for _, v := range part {
			means[i] += v / float64(len(part))
		}
	}
	return means
}

// TestSoakFleet lets the driver run 64 modems on terminals, all of which suffer faults of every kind and carry traffic both ways
// all the time, for TRUNKLINE_SOAK, such as 10m. Memory in use, goroutines and open files must not grow, and at the end every
// modem must serve again.
func TestSoakFleet(t *testing.T) {
	v := os.Getenv("TRUNKLINE_SOAK")
	if v == "" {
		t.Skip("takes long: set TRUNKLINE_SOAK to a time such as 10m")
	}
	lasts, err := time.ParseDuration(v)
	if err != nil || lasts < 30*time.Second {
		t.Fatalf("TRUNKLINE_SOAK is %q: %v; want a time from 30s", v, err)
	}
	atFirst := runtime.NumGoroutine()
	network := emulator.NewNetwork(emulator.NetworkOptions{Latency: 100 * time.Millisecond, Retry: 2 * time.Second, History: 5})
	dir := t.TempDir()
	air, off := context.WithCancel(context.Background())
	driving, halt := context.WithCancel(context.Background())
	traffic, quiet := context.WithTimeout(context.Background(), lasts)
	defer quiet()
	finder := NewFinder(FinderOptions{})
	profiles := emulator.Profiles()
	var drivers, work sync.WaitGroup
	var sent, unknown, refused, received, told, struck atomic.Int64
	modems := make([]*Modem, fleetSize)
	phone := network.Handset("+491700000099")
	for i := range modems {
		name, number := fmt.Sprintf("m%02d", i), fmt.Sprintf("+4917000003%02d", i)
		dev := emulator.New(network, emulator.Options{Name: name, Number: number, Profile: profiles[i%len(profiles)]})
		c := Default()
		c.Device, c.SendTimeout, c.SweepInterval = filepath.Join(dir, name), 2*time.Second, 5*time.Second
		if _, err := dev.PTY(air, c.Device); err != nil {
			t.Fatal(err)
		}
		m, err := New(c, Options{Name: name, Finder: finder})
		if err != nil {
			t.Fatal(err)
		}
		modems[i] = m
		drivers.Go(func() { m.Run(driving) })
		drivers.Go(func() { sweepFleet(driving, m, &received) })
		drivers.Go(func() { // as a gateway does, or they pile up to their limit
			for {
				select {
				case <-driving.Done():
					return
				case <-m.Events():
					told.Add(1)
				}
			}
		})
		work.Go(func() { // sends
			for n := i; traffic.Err() == nil; n++ {
				out, _ := numbered(n % 100)
				committed := false
				_, err := m.Submit(traffic, out, func() error { committed = true; return nil })
				switch {
				case err == nil:
					sent.Add(1)
				case committed:
					unknown.Add(1)
				default:
					refused.Add(1)
				}
				napFleet(traffic, 2*time.Second)
			}
		})
		work.Go(func() { // gets texts
			for n := 0; traffic.Err() == nil; n++ {
				if err := phone.Send(context.Background(), number, fmt.Sprintf("text %d to %s", n, name)); err != nil {
					t.Error(err)
				}
				napFleet(traffic, 3*time.Second)
			}
		})
		work.Go(func() { // suffers
			lot := rand.New(rand.NewPCG(uint64(i), 7))
			faults := fleetFaults()
			for {
				napFleet(traffic, time.Duration(lot.IntN(10_000))*time.Millisecond)
				if traffic.Err() != nil {
					return
				}
				if len(dev.Faults()) > 8 {
					continue // enough wait for their moment
				}
				if err := dev.Inject(faults[lot.IntN(len(faults))]); err != nil {
					t.Error(err)
				}
				struck.Add(1)
			}
		})
	}

	napFleet(traffic, lasts*2/5) // until buffers and pools have their size
	var rss, own, heap, goroutines, files []float64
	every := min(lasts/100, time.Second)
	ticks := time.NewTicker(every)
	defer ticks.Stop()
	for traffic.Err() == nil {
		s := measureFleet(t)
		rss, own, heap = append(rss, s.rss), append(own, s.own), append(heap, s.heap)
		goroutines, files = append(goroutines, s.goroutines), append(files, s.files)
		select {
		case <-ticks.C:
		case <-traffic.Done():
		}
	}
	work.Wait()
	t.Logf("%d modems, %v: %d faults, %d sent, %d of unknown outcome, %d not sent, %d texts received, %d events", fleetSize, lasts, struck.Load(), sent.Load(), unknown.Load(), refused.Load(), received.Load(), told.Load())
	const kib64 = 1. / 16 // MiB
	for _, x := range []struct {
		what   string
		values []float64
		leak   float64 // in a minute, that has to be found
	}{{"MiB resident", rss, kib64}, {"MiB of its own", own, kib64}, {"MiB heap", heap, kib64}, {"goroutines", goroutines, 2}, {"open files", files, 2}} {
		g, d := growth(x.values, every)
		t.Logf("%s: by quarters of the time %.2f, grow by %+.3f ±%.3f in a minute, %d values", x.what, quarters(x.values), g, d, len(x.values))
		is, blind := grows(g, d, x.leak)
		if is {
			t.Errorf("%s grow", x.what)
		}
		if blind && lasts >= 10*time.Minute {
			t.Errorf("%s vary too much: a growth of %.3f in a minute would not be seen", x.what, x.leak)
		}
	}

	for _, dev := range network.Modems() {
		if err := dev.Inject(emulator.Fault{Kind: emulator.Clear}); err != nil {
			t.Fatal(err)
		}
	}
	var healed sync.WaitGroup
	for i, m := range modems {
		healed.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			out, _ := numbered(i)
			for {
				err := m.Ready(ctx)
				if err == nil {
					_, err = m.Submit(ctx, out, func() error { return nil })
				}
				if err == nil {
					return
				}
				if ctx.Err() != nil {
					t.Errorf("%s does not send any more: %v; %+v", m.name, err, m.Status())
					return
				}
				napFleet(ctx, time.Second)
			}
		})
	}
	healed.Wait()
	halt()
	drivers.Wait()
	off()
	for _, dev := range network.Modems() {
		dev.Wait()
	}
	network.Close()
	for end := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > atFirst && time.Now().Before(end); {
		time.Sleep(50 * time.Millisecond)
	}
	if left := runtime.NumGoroutine(); left > atFirst {
		t.Errorf("%d goroutines at first, %d at the end", atFirst, left)
	}
}

// sweepFleet empties the memories of a modem when it says that there may be something, until ctx ends.
func sweepFleet(ctx context.Context, m *Modem, received *atomic.Int64) {
	for {
		select {
		case <-ctx.Done():
			return
		case n := <-m.Notices():
			if n.Kind != NoticeOnline && n.Kind != NoticeStored {
				continue
			}
		}
		stored, err := m.List(ctx)
		if err != nil {
			continue // the next notice comes
		}
		for _, s := range stored {
			if m.Delete(ctx, s) == nil {
				received.Add(1)
			}
		}
	}
}

// napFleet sleeps, at most until ctx ends.
func napFleet(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
