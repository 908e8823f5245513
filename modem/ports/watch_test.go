package ports

import (
	"context"
	"os"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestParseEvent(t *testing.T) {
	for _, c := range []struct {
		in   string
		want Event
		ok   bool
	}{
		{"add@/devices/x/ttyUSB0/tty/ttyUSB0\x00ACTION=add\x00DEVPATH=/devices/x\x00SUBSYSTEM=tty\x00MAJOR=188\x00DEVNAME=ttyUSB0\x00SEQNUM=1\x00",
			Event{"add", "/devices/x/ttyUSB0/tty/ttyUSB0", "tty", "ttyUSB0"}, true},
		{"remove@/devices/usb1/1-1\x00SUBSYSTEM=usb\x00DEVNAME=/dev/bus/usb/001/002\x00", Event{"remove", "/devices/usb1/1-1", "usb", "bus/usb/001/002"}, true},
		{"change@/d\x00SUBSYSTEM=t\x01ty\x00", Event{"change", "/d", "t ty", ""}, true},
		{"add@/d\x00SUBSYSTEM=tty", Event{Action: "add", Path: "/d"}, true}, // the end is missing
		{"libudev\x00\xfe\xed\xca\xfe", Event{}, false}, {"", Event{}, false}, {"add@/d", Event{}, false}, {"add\x00", Event{}, false},
		{"@/d\x00", Event{}, false}, {"add@d\x00", Event{}, false},
	} {
		got, ok := ParseEvent([]byte(c.in))
		if got != c.want || ok != c.ok {
			t.Errorf("ParseEvent(%q) = %+v, %v", c.in, got, ok)
		}
	}
	if _, ok := ParseEvent(make([]byte, eventOctets+1)); ok {
		t.Error("too long a message was taken")
	}
}

func FuzzParseEvent(f *testing.F) {
	f.Add([]byte("add@/devices/x\x00SUBSYSTEM=tty\x00DEVNAME=ttyUSB0\x00"))
	f.Add([]byte("libudev\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, ok := ParseEvent(b)
		if !ok && e != (Event{}) {
			t.Errorf("half an event: %+v", e)
		}
		for _, s := range []string{e.Action, e.Path, e.Subsystem, e.Name} {
			for _, c := range []byte(s) {
				if c < ' ' || c > '~' {
					t.Fatalf("uncleaned %q", s)
				}
			}
		}
	})
}

// TestWatchEvents: an event is acted on at once, links that udev makes later are found soon, and what was not announced at the rescan.
func TestWatchEvents(t *testing.T) {
	tr := newTree(t)
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		events := make(chan Event)
		var mu sync.Mutex
		var all []Listing
		listings := func() []Listing {
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			return slices.Clone(all)
		}
		done := make(chan error)
		go func() {
			done <- Watch(ctx, WatchOptions{Roots: tr.Roots, Events: events}, func(l Listing) {
				mu.Lock()
				defer mu.Unlock()
				all = append(all, l)
			})
		}()
		got := listings()
		if len(got) != 1 || len(got[0].Ports) != 0 {
			t.Fatalf("at the start: %+v", got)
		}
		tr.intf(tr.device("1-1", "12d1", "1506", "4"), "00", "ff/02/02", "ttyUSB0")
		events <- Event{Action: "add", Subsystem: "block"}
		if got = listings(); len(got) != 1 {
			t.Fatal("an event of a disk was acted on")
		}
		events <- Event{Action: "add", Subsystem: "tty", Name: "ttyUSB0"}
		time.Sleep(settle[1])
		if got = listings(); len(got) != 2 || len(got[1].Ports) != 1 {
			t.Fatalf("after the event: %+v", got)
		}
		time.Sleep(30 * time.Millisecond)
		tr.link("../../ttyUSB0", tr.dev("serial", "by-id", "usb-x"))
		time.Sleep(300 * time.Millisecond)
		if got = listings(); len(got) != 3 || len(got[2].Ports[0].Links) != 1 {
			t.Fatalf("after udev: %+v", got)
		}
		time.Sleep(time.Minute)
		if got = listings(); len(got) != 3 {
			t.Fatalf("%d listings although nothing changed", len(got))
		}
		tty0 := tr.sys("class", "tty", "ttyUSB0")
		to, err := os.Readlink(tty0)
		if err != nil || os.Remove(tty0) != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		if got = listings(); len(got) != 4 || len(got[3].Ports) != 0 {
			t.Fatalf("after the rescan: %+v", got)
		}
		// What is pulled out is gone at once; a flood of events does not keep what came from being seen.
		tr.link(to, tty0)
		for range 100 {
			events <- Event{Action: "add", Subsystem: "usb"}
			time.Sleep(10 * time.Millisecond)
		}
		if got = listings(); len(got) != 5 {
			t.Fatalf("during a flood: %d listings", len(got))
		}
		if err := os.Remove(tty0); err != nil {
			t.Fatal(err)
		}
		events <- Event{Action: "remove", Subsystem: "tty"}
		if got = listings(); len(got) != 6 || len(got[5].Ports) != 0 {
			t.Fatalf("after a removal: %+v", got)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// TestWatchHere: a watch of this machine starts, tells what is there, and ends without leaving anything.
func TestWatchHere(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	calls := 0
	if err := Watch(ctx, WatchOptions{}, func(Listing) { calls++; cancel() }); err != nil || calls != 1 {
		t.Errorf("Watch = %v, %d calls", err, calls)
	}
}

func TestNatural(t *testing.T) {
	names := []string{"ttyUSB10", "ttyUSB2", "ttyS0", "ttyACM1", "ttyUSB"}
	slices.SortFunc(names, natural)
	if want := []string{"ttyACM1", "ttyS0", "ttyUSB", "ttyUSB2", "ttyUSB10"}; !slices.Equal(names, want) {
		t.Errorf("order %q, want %q", names, want)
	}
}
