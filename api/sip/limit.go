package sip

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"
)

// Size of the table of sources. It never grows: of 4 sources that fall into one set, a fifth replaces the one that was quiet for longest.
const (
	limitSets = 4096
	limitWays = 4
)

// verdict is what becomes of a request by the rate of its source.
type verdict uint8

const (
	pass   verdict = iota
	refuse         // answered 503
	ignore         // not answered at all: a source that goes on regardless gets no amplifier
)

// limiter bounds how often one source is answered, in memory that does not depend on how many sources there are. It is safe for concurrent use.
//
// Each source has the time at which its requests so far would be used up at the allowed rate. Up to one second ahead of now it is served, up to two it is
// refused, and beyond that ignored. A source that was replaced in the table starts anew, with one second's worth.
type limiter struct {
	mu   sync.Mutex
	seed uint64 // so that nobody can choose sources that fall into one set
	sets [][limitWays]usage
}

type usage struct {
	source netip.Addr
	ahead  time.Duration // since the start of the server
}

func newLimiter() *limiter {
	return &limiter{seed: rand.Uint64() | 1, sets: make([][limitWays]usage, limitSets)}
}

// take counts one request of a source that may make rate of them in a second. now is the time since the start of the server.
func (l *limiter) take(source netip.Addr, rate int, now time.Duration) verdict {
	source = sourceOf(source)
	step := time.Second / time.Duration(rate)
	l.mu.Lock()
	defer l.mu.Unlock()
	set := &l.sets[l.hash(source)%limitSets]
	oldest := &set[0]
	for i := range set {
		if set[i].source == source {
			return set[i].take(step, now)
		}
		if set[i].ahead < oldest.ahead {
			oldest = &set[i]
		}
	}
	*oldest = usage{source, now}
	return oldest.take(step, now)
}

func (l *limiter) hash(a netip.Addr) uint64 {
	b := a.As16()
	h := (binary.LittleEndian.Uint64(b[:8]) ^ l.seed) * l.seed
	h = (h ^ h>>32 ^ binary.LittleEndian.Uint64(b[8:])) * l.seed
	return (h ^ h>>29) * 0x9e3779b97f4a7c15 >> 32
}

func (u *usage) take(step, now time.Duration) verdict {
	next := max(u.ahead, now) + step
	switch over := next - now; {
	case over > 2*time.Second:
		return ignore
	case over > time.Second:
		u.ahead = next
		return refuse
	}
	u.ahead = next
	return pass
}

// sourceOf is what has a rate: an IPv4 address, or the /64 of an IPv6 address, since whoever has one of its addresses has all.
func sourceOf(a netip.Addr) netip.Addr {
	if a = a.Unmap().WithZone(""); a.Is6() {
		p, _ := a.Prefix(64) // cannot fail: 64 bits of 128
		return p.Addr()
	}
	return a
}

// capacity bounds what the whole server answers, in requests a second: beyond it, one is in overload and says so. 0 is no bound.
type capacity struct {
	mu    sync.Mutex
	step  time.Duration
	ahead time.Duration
}

func newCapacity(rate int) *capacity {
	if rate == 0 {
		return &capacity{}
	}
	return &capacity{step: time.Second / time.Duration(rate)}
}

// take tells whether there is room for one more request. A tenth of a second's worth may come at once.
func (c *capacity) take(now time.Duration) bool {
	if c.step == 0 {
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	next := max(c.ahead, now) + c.step
	if next-now > max(time.Second/10, c.step) {
		return false
	}
	c.ahead = next
	return true
}
