package router

import (
	"context"
	"crypto/sha256"
	"fmt"
	"sync"
	"time"

	"trunkline/store"
)

// guard counts what happened lately, for limits and against loops. What it counts is stored with what it was counted for, and read again at a start.
type guard struct {
	mu    sync.Mutex
	seen  map[store.MarkKey]*counted
	swept time.Time
}

// Kinds of what is counted.
const (
	guardHelp    = 'h' // answers to a help word, to a number
	guardStop    = 'o' // answers to a stop word, to a number
	guardSender  = 's' // runs of an action that a sender started
	guardAction  = 'x' // runs of an action
	guardWrong   = 'w' // answers to a wrong code, to a number
	guardEqual   = 'e' // equal answers to a number
	guardAnswer  = 'a' // answers to a number
	guardRefused = 'r' // refused messages of an account that were kept
)

// guardKey is what is counted, by its kind and by all that it is about.
func guardKey(kind byte, about ...any) (k store.MarkKey) {
	sum := sha256.Sum256(fmt.Appendf(nil, "%#v", about))
	k[0] = kind
	copy(k[1:], sum[:])
	return k
}

type counted struct {
	since time.Time
	n     int
}

// maxGuarded bounds what is remembered. Beyond it nothing new is allowed until something is forgotten: a flood of senders must not switch the limits off.
const maxGuarded = 100_000

func newGuard() *guard { return &guard{seen: map[store.MarkKey]*counted{}} }

// load reads what was counted before the gateway began.
func (g *guard) load(ctx context.Context, s *store.Store) error {
	all, err := s.Marked(ctx, s.Now().Add(-longestGuard))
	if err != nil {
		return fmt.Errorf("read what was counted against the limits of actions: %w", err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, m := range all {
		if c := g.seen[m.Key]; len(g.seen) < maxGuarded && (c == nil || c.since.Before(m.Since)) {
			g.seen[m.Key] = &counted{m.Since, m.N}
		}
	}
	return nil
}

// allow counts one more of something and tells whether there were fewer than limit within the window before. marks takes what is to be stored; nil: it is not.
func (g *guard) allow(marks *[]store.Mark, k store.MarkKey, limit int, window time.Duration, now time.Time) bool {
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
	if marks != nil && c.n <= limit { // more than the limit need not be known
		*marks = append(*marks, store.Mark{Key: k, Since: c.since, Until: c.since.Add(window)})
	}
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
func (g *guard) answer(marks *[]store.Mark, number, text string, now time.Time) bool {
	return g.allow(marks, guardKey(guardEqual, number, text), equalAnswers, equalWindow, now) && g.allow(marks, guardKey(guardAnswer, number), allAnswers, time.Hour, now)
}
