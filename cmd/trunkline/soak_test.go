package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"trunkline/api"
	"trunkline/config"
	"trunkline/modem"
	"trunkline/modem/emulator"
)

// soakModems is how many modems a soak has.
const soakModems = 4

// soakFaults are what may happen to a modem at any time, and from which it comes back by itself. None of them may lose or double anything.
func soakFaults() []emulator.Fault {
	return []emulator.Fault{
		{Kind: emulator.Silence, Delay: 3 * time.Second},
		{Kind: emulator.Silence, On: "+CMGS", Step: emulator.StepPrompt, Delay: 3 * time.Second},
		{Kind: emulator.Hang, Delay: 3 * time.Second},
		{Kind: emulator.Reset},
		{Kind: emulator.Reset, On: "+CMGS", Step: emulator.StepBody},
		{Kind: emulator.Reset, On: "+CMGS", Step: emulator.StepAnswer},
		{Kind: emulator.Reset, On: "+CMGD", Step: emulator.StepAnswer},
		{Kind: emulator.Unplug, Delay: time.Second},
		{Kind: emulator.Unplug, On: "+CMGS", Step: emulator.StepBody, Delay: time.Second},
		{Kind: emulator.Garbage},
		{Kind: emulator.LongLine},
		{Kind: emulator.URC, On: "+CMGS", Step: emulator.StepAnswer, Data: "+CREG: 1", Offset: 2},
		{Kind: emulator.URC, On: "+CMGS", Step: emulator.StepPrompt, Data: "RING"},
		{Kind: emulator.Lost, On: "+CMGS"},
		{Kind: emulator.Late, On: "+CMGS", Delay: 3 * time.Second},
		{Kind: emulator.Error, On: "+CMGS", Step: emulator.StepBody, Code: 42},
		{Kind: emulator.NoPrompt, On: "+CMGS"},
		{Kind: emulator.TwoPrompts, On: "+CMGS"},
		{Kind: emulator.EchoOn},
		{Kind: emulator.CNMIOff},
		{Kind: emulator.NoDelete},
		{Kind: emulator.Truncate, On: "+CMGL", Code: 3},
		{Kind: emulator.WrongLength, On: "+CMGL"},
		{Kind: emulator.ReportFirst, On: "+CMGS"},
		{Kind: emulator.Full, Delay: 2 * time.Second},
	}
}

// soakTime is how long traffic and faults go on: TRUNKLINE_SOAK, else a few seconds.
func soakTime(t *testing.T) time.Duration {
	v := os.Getenv("TRUNKLINE_SOAK")
	if v == "" {
		return 10 * time.Second
	}
	d, err := time.ParseDuration(v)
	if err != nil {
		t.Fatalf("TRUNKLINE_SOAK: %v", err)
	}
	return d
}

// TestSoak lets messages go both ways while the modems suffer every fault that there is, and then compares all of it with what the network saw.
// Goroutines and open files must not grow with time. They are those of the whole process, so that nothing runs beside it.
func TestSoak(t *testing.T) {
	s, stop := newSoak(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	lot := rand.New(rand.NewPCG(seed, 0))
	before := footprint(t)
	ctx, cancel := context.WithTimeout(t.Context(), soakTime(t))
	defer cancel()
	var traffic sync.WaitGroup
	traffic.Go(func() {
		for n := 0; ctx.Err() == nil; n++ {
			s.submit(ctx, n)
			pause(ctx, 50*time.Millisecond)
		}
	})
	traffic.Go(func() {
		for n := 0; ctx.Err() == nil; n++ {
			s.texted++
			if err := s.phone.Send(context.Background(), soakNumber(n%soakModems), inText(n)); err != nil {
				t.Error(err)
			}
			pause(ctx, 150*time.Millisecond)
		}
	})
	faults := soakFaults()
	struck := 0
	for ; ctx.Err() == nil; struck++ {
		f, m := faults[lot.IntN(len(faults))], s.network.Modems()[lot.IntN(soakModems)]
		if err := m.Inject(f); err != nil {
			t.Fatalf("%+v: %v", f, err)
		}
		t.Logf("%s %s: %s %s %s", clockExact(time.Now().UTC()), m.Name(), f.Kind, f.On, f.Step)
		pause(ctx, time.Duration(lot.IntN(1500))*time.Millisecond)
	}
	traffic.Wait()
	for _, m := range s.network.Modems() {
		if err := m.Inject(emulator.Fault{Kind: emulator.Clear}); err != nil {
			t.Fatal(err)
		}
	}
	drain(t, s)
	t.Logf("%d faults", struck)
	tellTwice(t, s)
	s.compare()
	if after := footprint(t); after.goroutines > before.goroutines+20 || after.files > before.files+10 {
		t.Errorf("it grew: %+v at first, %+v at the end", before, after)
	}
	if err := stop(); err != nil {
		t.Errorf("the gateway ended with %v", err)
	}
}

func soakNumber(i int) string { return fmt.Sprintf("+4917000002%02d", i) }

// newSoak starts a gateway on modems with terminals. stop ends it.
func newSoak(t *testing.T) (s *story, stop func() error) {
	dir := shortDir(t)
	s = &story{t: t, accepted: map[int]string{}, redelivers: true, network: emulator.NewNetwork(emulator.NetworkOptions{Latency: 100 * time.Millisecond, Retry: 2 * time.Second})}
	s.phone = s.network.Handset(phoneNumber)
	c := config.Default()
	c.Store.Path = filepath.Join(dir, "trunkline.db")
	c.API.Socket = filepath.Join(dir, "api.sock")
	c.API.Metrics = ""
	c.Router.RetryMin, c.Router.RetryMax, c.Router.UnknownAfter = 100*time.Millisecond, time.Second, 5*time.Second
	air, off := context.WithCancel(context.Background())
	profiles := emulator.Profiles()
	for i := range soakModems {
		name := fmt.Sprintf("m%d", i)
		m := emulator.New(s.network, emulator.Options{Name: name, Number: soakNumber(i), Profile: profiles[i%len(profiles)]})
		link := filepath.Join(dir, name)
		if _, err := m.PTY(air, link); err != nil {
			t.Fatal(err)
		}
		section := modem.Default()
		section.Device, section.SendTimeout, section.SweepInterval = link, 2*time.Second, 2*time.Second
		c.Modem[name] = section
	}
	g, err := newGateway(c, gatewayOptions{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- g.run(ctx) }()
	s.client = api.NewClient(c.API.Socket)
	stop = sync.OnceValue(func() error {
		s.client.Close()
		cancel()
		err := <-ended
		off()
		for _, m := range s.network.Modems() {
			m.Wait()
		}
		s.network.Close()
		return err
	})
	t.Cleanup(func() { stop() })
	for name, m := range g.fleet.all() {
		wait, done := context.WithTimeout(ctx, 30*time.Second)
		if err := m.Ready(wait); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		done()
	}
	return s, stop
}

// drain waits until nothing is left to send and every text has come in. It fails when nothing moves for a minute.
func drain(t *testing.T, s *story) {
	t.Helper()
	moved, last := time.Now(), ""
	for {
		open, err := s.unsent(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		in := len(s.received(t.Context()))
		if open == 0 && in >= s.texted {
			return
		}
		if now := fmt.Sprintf("%d to send, %d of %d texts in", open, in, s.texted); now != last {
			moved, last = time.Now(), now
		}
		if time.Since(moved) > time.Minute {
			t.Fatalf("nothing moves any more: %s", last)
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// tellTwice describes texts that came in twice: from the network, or from the modem.
func tellTwice(t *testing.T, s *story) {
	first := map[string]api.Message{}
	for m := range s.all(t.Context(), "in") {
		if f, again := first[m.Text]; again {
			t.Logf("twice via %s: received %s and %s, centre %s and %s, parts %d, duplicate of %q", m.Trunk, clockExact(f.ReceivedAt), clockExact(m.ReceivedAt),
				clockExact(f.CentreAt), clockExact(m.CentreAt), len(m.Parts), m.DuplicateOf)
		}
		first[m.Text] = m
	}
}

func clockExact(t time.Time) string { return t.Format("15:04:05.000") }

type footprintOf struct{ goroutines, files int }

// footprint counts what a leak would make grow.
func footprint(t *testing.T) footprintOf {
	t.Helper()
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return footprintOf{runtime.NumGoroutine(), len(files)}
}

// pause waits, at most until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
