package router

import (
	"hash/fnv"
	"sync"
	"time"
)

// guard counts what happened lately, for limits and against loops. It forgets at a restart.
type guard struct {
	mu    sync.Mutex
	seen  map[guardKey]*counted
	swept time.Time
}

type guardKey struct {
	kind byte
	name string
	text uint64 // hash of an answer, of loops
}

type counted struct {
	since time.Time
	n     int
}

// maxGuarded bounds what is remembered. Beyond it nothing new is allowed until something is forgotten: a flood of senders must not switch the limits off.
const maxGuarded = 100_000

func newGuard() *guard { return &guard{seen: map[guardKey]*counted{}} }

// allow counts one more of something and tells whether there were fewer than limit within the window before.
func (g *guard) allow(k guardKey, limit int, window time.Duration, now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if now.Sub(g.swept) > time.Minute || len(g.seen) >= maxGuarded {
		g.swept = now
		for k, c := range g.seen {
			if now.Sub(c.since) > longestGuard {
				delete(g.seen, k)
			}
		}
	}
	c := g.seen[k]
	if c == nil {
		if len(g.seen) >= maxGuarded {
			return false
		}
		c = &counted{since: now}
		g.seen[k] = c
	}
	if now.Sub(c.since) >= window {
		c.since, c.n = now, 0
	}
	c.n++
	return c.n <= limit
}

// longestGuard is the longest window that anything is counted in.
const longestGuard = 24 * time.Hour

const (
	equalAnswers = 3                // equal answers to one number
	equalWindow  = 10 * time.Minute // within this: then it is a machine that answers us
	allAnswers   = 20               // answers to one number in an hour
)

// answer tells whether a number may be answered with a text: not when it seems to be a machine that answers our answers.
func (g *guard) answer(number, text string, now time.Time) bool {
	h := fnv.New64a()
	h.Write([]byte(text))
	return g.allow(guardKey{'e', number, h.Sum64()}, equalAnswers, equalWindow, now) && g.allow(guardKey{'a', number, 0}, allAnswers, time.Hour, now)
}
