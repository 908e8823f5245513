package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"trunkline/api"
	"trunkline/callplan/phone"
	"trunkline/config"
	"trunkline/modem"
	"trunkline/modem/emulator"
	"trunkline/store"
	"trunkline/store/bolt"
)

// The whole gateway on emulated modems in this process. Ratios in one run say something; absolute times of one machine do not.

// rig is a gateway that runs, with its emulated network.
type rig struct {
	gateway *gateway
	client  *api.Client
	network *emulator.Network
	phone   *emulator.Handset
	modems  []*emulator.Modem
}

// newRig starts a gateway with n modems whose network needs air for each SMS.
func newRig(tb testing.TB, n int, air time.Duration) *rig {
	dir := tb.TempDir()
	r := &rig{network: emulator.NewNetwork(emulator.NetworkOptions{Latency: air})}
	tb.Cleanup(r.network.Close)
	r.phone = r.network.Handset(phoneNumber)
	c := config.Default()
	c.Store.Path = filepath.Join(dir, "trunkline.db")
	c.API.Socket = filepath.Join(dir, "api.sock")
	c.API.Metrics = ""
	c.Modem = map[string]modem.Config{}
	emulated := map[string]*emulator.Modem{}
	for i := range n {
		name := fmt.Sprintf("m%02d", i)
		mc := modem.Default()
		mc.Device = "/dev/null/" + name
		c.Modem[name] = mc
		emulated[name] = emulator.New(r.network, emulator.Options{Name: name, Number: fmt.Sprintf("+4917000001%02d", i)})
		r.modems = append(r.modems, emulated[name])
	}
	open := func(name string) func(context.Context) (modem.Port, error) {
		return func(context.Context) (modem.Port, error) {
			host, device := net.Pipe()
			go emulated[name].Serve(context.Background(), device)
			return host, nil
		}
	}
	g, err := newGateway(c, gatewayOptions{open: open})
	if err != nil {
		tb.Fatal(err)
	}
	r.gateway = g
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- g.run(ctx) }()
	r.client = api.NewClient(c.API.Socket)
	tb.Cleanup(func() {
		r.client.Close()
		cancel()
		if err := <-ended; err != nil {
			tb.Error(err)
		}
	})
	for _, m := range g.fleet.all() {
		wait, stop := context.WithTimeout(ctx, 30*time.Second)
		if err := m.Ready(wait); err != nil {
			tb.Fatal(err)
		}
		stop()
	}
	return r
}

func (r *rig) submit(tb testing.TB, text string) string {
	a, err := r.client.Submit(context.Background(), api.SubmitRequest{To: api.Recipients{phoneNumber}, Text: text}, "")
	if err != nil {
		tb.Fatal(err)
	}
	return a.Messages[0].ID
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

// BenchmarkOwnTime sends messages one by one through a modem that needs no time. own-ms is the median from claim to settled, three durable marks included;
// busy-% is how busy that keeps a modem that needs three seconds of air.
func BenchmarkOwnTime(b *testing.B) {
	r := newRig(b, 1, 0)
	var own []time.Duration
	for b.Loop() {
		id := r.submit(b, "own time")
		m, err := r.client.Wait(context.Background(), id, func(m api.Message) bool { return !m.SentAt.IsZero() })
		if err != nil {
			b.Fatal(err)
		}
		own = append(own, m.SentAt.Sub(m.Parts[0].Attempts[0].StartedAt))
	}
	took := median(own)
	b.ReportMetric(float64(took.Microseconds())/1000, "own-ms")
	b.ReportMetric(100*3/(3+took.Seconds()), "busy-%")
}

// BenchmarkInbound is the time from the network's delivery (+CMTI) to the stored event.
func BenchmarkInbound(b *testing.B) {
	r := newRig(b, 1, 0)
	ctx := context.Background()
	var took []time.Duration
	for b.Loop() {
		changed, after := r.gateway.store.Changed(), must(r.gateway.store.LastEvent(ctx))
		start := time.Now()
		if err := r.phone.Send(ctx, gatewayFirst, fmt.Sprint("inbound ", len(took))); err != nil {
			b.Fatal(err)
		}
		for received := false; !received; {
			<-changed
			changed = r.gateway.store.Changed()
			events, err := r.gateway.store.Events(ctx, after, 100)
			if err != nil {
				b.Fatal(err)
			}
			for _, e := range events {
				received = received || e.Type == "message.received"
			}
		}
		took = append(took, time.Since(start))
	}
	b.ReportMetric(float64(median(took).Microseconds())/1000, "cmti-to-event-ms")
}

const gatewayFirst = "+491700000100"

// BenchmarkFleet keeps 64 modems with three seconds of air time each at work in one process, emulators included.
func BenchmarkFleet(b *testing.B) {
	const modems, air, window = 64, 3 * time.Second, 30 * time.Second
	for b.Loop() {
		r := newRig(b, modems, air)
		for i := range modems * int(window/air+3) {
			r.submit(b, fmt.Sprintf("fleet %d", i))
		}
		time.Sleep(2 * air) // all at work
		before, cpu := len(r.network.Ledger()), cpuTime()
		start := time.Now()
		time.Sleep(window)
		took, used := time.Since(start), cpuTime()-cpu
		sent := len(r.network.Ledger()) - before
		b.ReportMetric(100*float64(sent)*air.Seconds()/(modems*took.Seconds()), "busy-%")
		b.ReportMetric(100*used.Seconds()/took.Seconds(), "cpu-%-of-a-core")
		b.ReportMetric(rss(b), "rss-MB")
	}
}

// BenchmarkStart opens a store with a million messages, up to readiness.
func BenchmarkStart(b *testing.B) {
	const messages = 1_000_000
	path := filepath.Join(b.TempDir(), "trunkline.db")
	fill(b, path, messages)
	c := config.Default()
	c.Store.Path, c.API.Socket, c.API.Metrics = path, filepath.Join(b.TempDir(), "api.sock"), ""
	var took []time.Duration
	for b.Loop() {
		start := time.Now()
		g, err := newGateway(c, gatewayOptions{})
		if err != nil {
			b.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- g.run(ctx) }()
		client := api.NewClient(c.API.Socket)
		for client.Ready(ctx) != nil {
			time.Sleep(time.Millisecond)
		}
		took = append(took, time.Since(start))
		client.Close()
		cancel()
		if err := <-ended; err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(median(took).Seconds(), "ready-s")
	if info, err := os.Stat(path); err == nil {
		b.ReportMetric(float64(info.Size())/1e6, "store-MB")
	}
}

// fill writes messages that were sent long ago.
func fill(b *testing.B, path string, n int) {
	engine, err := bolt.Open(path, bolt.Options{})
	if err != nil {
		b.Fatal(err)
	}
	s, err := store.Open(context.Background(), engine, store.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	text := strings.Repeat("x", 300)
	for done := 0; done < n; {
		var batch []store.Message
		for range min(1000, n-done) {
			batch = append(batch, store.Message{ID: store.NewMessageID(), Direction: store.Out, State: store.Waiting, To: phone.FromAddress(fmt.Sprintf("+4917%08d", done+len(batch)), false), Text: text,
				CreatedAt: time.Now().UTC(), Priority: 5, Parts: []store.Part{{Seq: 1, State: store.Waiting, Reference: -1, Status: -1}}})
		}
		if _, err := s.Accept(context.Background(), store.Acceptance{Messages: batch}); err != nil {
			b.Fatal(err)
		}
		done += len(batch)
	}
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// rss is the resident memory of this process in MB.
func rss(b *testing.B) float64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		var kB float64
		if n, _ := fmt.Sscanf(line, "VmRSS: %f kB", &kB); n == 1 {
			return kB / 1000
		}
	}
	return 0
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
