package sip

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"
	"unsafe"
)

// One source: a second's worth at once, then refused, then ignored, and served again in time.
func TestLimit(t *testing.T) {
	l := newLimiter()
	a, b := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	var got [3]int
	for range 100 {
		got[l.take(a, 10, time.Second)]++
	}
	if got != [3]int{10, 10, 80} {
		t.Errorf("passed, refused, ignored: %v", got)
	}
	if v := l.take(b, 10, time.Second); v != pass {
		t.Errorf("another source: %v", v)
	}
	if v := l.take(a, 10, 2*time.Second); v != refuse {
		t.Errorf("a second later: %v", v)
	}
	if v := l.take(a, 10, 3*time.Second); v != pass {
		t.Errorf("when it is used up: %v", v)
	}
	for i, pair := range [][2]string{{"::ffff:192.0.2.77", "192.0.2.77"}, {"2001:db8::1", "2001:db8::ffff:2"}} {
		if sourceOf(netip.MustParseAddr(pair[0])) != sourceOf(netip.MustParseAddr(pair[1])) {
			t.Errorf("pair %d is two sources", i)
		}
	}
	if sourceOf(netip.MustParseAddr("2001:db8::1")) == sourceOf(netip.MustParseAddr("2001:db8:0:1::1")) {
		t.Error("two networks are one source")
	}
}

// A flood from any number of sources takes no memory, and a source that goes on asking keeps its limit meanwhile.
func TestLimitFlood(t *testing.T) {
	l := newLimiter()
	if size := unsafe.Sizeof(l.sets[0]) * uintptr(len(l.sets)); size > 1<<20 {
		t.Fatalf("the table has %d bytes", size)
	}
	steady := netip.MustParseAddr("192.0.2.1")
	passed := 0
	if allocs := testing.AllocsPerRun(3, func() {
		for i := range uint32(160_000) {
			var a [4]byte
			binary.BigEndian.PutUint32(a[:], 10<<24+i)
			now := time.Second + time.Duration(i)*time.Microsecond
			l.take(netip.AddrFrom4(a), 100, now)
			if i%100 == 0 && l.take(steady, 100, now) == pass {
				passed++
			}
		}
	}); allocs > 0 {
		t.Errorf("%v allocations", allocs)
	}
	// 1,600 requests in 0.16 s, four times; a second's worth is 100. What the flood replaces starts anew, so it may be some more.
	if passed < 100 || passed > 800 {
		t.Errorf("%d requests of the steady source passed", passed)
	}
}

// The capacity is used up evenly, whoever asks.
func TestCapacity(t *testing.T) {
	c := newCapacity(100)
	n := 0
	for i := range 2000 {
		if c.take(time.Duration(i) * time.Millisecond) {
			n++
		}
	}
	if n < 200 || n > 211 {
		t.Errorf("%d in two seconds at 100 a second", n)
	}
	if !newCapacity(0).take(0) {
		t.Error("no bound refused")
	}
}
