package router

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"trunkline/callplan/phone"
	"trunkline/store"
)

// lane is the dispatch loop of one trunk.
type lane struct {
	*Router
	trunk   Trunk
	log     *slog.Logger
	wake    chan struct{} // holds one token
	beat    moment        // last turn of the loop
	sending atomic.Bool   // a part is with the backend, which has its own time limit
	up      atomic.Bool   // the backend was ready when it was last asked
	limited atomic.Int64  // limits hold messages back until then, Unix nanoseconds; 0: none do
	held    moment        // the trunk is left alone until then
	turns   store.Turns   // whom the trunk served last
	more    bool          // the last claim had a message, so the next may
	faulty  phone.Number  // recipient of the message that was refused by a fault of the trunk
	started bool          // under Router.change, as long as the lane is in the list
	quit    chan struct{} // closed when the trunk was removed
	done    chan struct{} // closed when run has returned
}

func newLane(r *Router, t Trunk) *lane {
	l := &lane{Router: r, trunk: t, log: r.log.With("trunk", t.Name), wake: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{})}
	l.beat.set(time.Now())
	l.up.Store(true)
	return l
}

// able tells whether the trunk could send a usual message now.
func (l *lane) able() bool {
	return l.up.Load() && l.limited.Load() <= l.store.Now().UnixNano() && l.free()
}

// free tells whether the trunk is not left alone.
func (l *lane) free() bool { return !time.Now().Before(l.held.get()) }

// claim says what to ask the queue for.
func (l *lane) claim(line string, lanes []string) store.Claim {
	now := l.store.Now()
	ambiguous := l.books.rules.Load().trunk(l.trunk.Name).ambiguous
	return store.Claim{Trunk: l.trunk.Name, SIM: line, At: now, Lanes: lanes, After: l.turns, Likely: l.more, OnAmbiguous: ambiguous, Prepare: func(m *store.Message) error {
		if m.OnAmbiguous == store.ResendOnce || m.OnAmbiguous == store.AsTrunk && ambiguous == store.ResendOnce {
			shortenValidity(m, now)
		}
		return l.trunk.Backend.Prepare(m)
	}}
}

// shortenValidity asks the network to keep a message only so long that it can be sent again afterwards, in the time that is left for it.
func shortenValidity(m *store.Message, now time.Time) {
	if m.Validity == 0 {
		m.Validity = store.UsualValidity
	}
	if !m.ExpiresAt.IsZero() {
		m.Validity = min(m.Validity, m.ExpiresAt.Sub(now)/2)
	}
}

// jitter waits between two messages, so that they do not come in step.
func (l *lane) jitter(ctx context.Context) {
	if d := l.books.rules.Load().trunk(l.trunk.Name).Jitter; d > 0 {
		l.pauseFor(ctx, rand.N(d))
	}
}

// pauseFor waits, whatever there is to do, in turns that are short enough to show that the loop lives.
func (l *lane) pauseFor(ctx context.Context, d time.Duration) {
	for ; d > 0 && ctx.Err() == nil; d -= idle {
		l.beat.set(time.Now())
		select {
		case <-ctx.Done():
		case <-time.After(min(d, idle)):
		}
	}
}

// nudge tells the loop that there may be work.
func (l *lane) nudge() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// nudgeAll tells every loop that may carry a message pinned so.
func (r *Router) nudgeAll(pin string) {
	for _, l := range r.running() {
		if pin == "" || pin == l.trunk.Name {
			l.nudge()
		}
	}
}

const (
	idle         = 30 * time.Second // longest sleep of a loop that nobody wakes
	storeTrouble = time.Second      // pause after an error of the store
	minimalWait  = time.Millisecond // a loop never spins, whatever the clock does
)

func (l *lane) run(ctx context.Context) {
	for ctx.Err() == nil {
		l.beat.set(time.Now())
		line, err := l.ready(ctx)
		if err != nil {
			continue
		}
		if held := time.Until(l.held.get()); held > 0 {
			l.pauseFor(ctx, min(held, idle))
			continue
		}
		lanes := l.looksInto()
		m, ok, err := l.store.Claim(ctx, l.claim(line, lanes))
		l.more = ok
		if err == nil && ok {
			l.limited.Store(0)
			l.turns[m.Priority] = m.Account
			l.carry(ctx, line, m)
			l.jitter(ctx)
			continue
		}
		wait := idle
		var limit *store.LimitError
		switch {
		case errors.As(err, &limit):
			err = nil
			l.limited.Store(limit.Until.UnixNano())
			wait = min(max(limit.Until.Sub(l.store.Now()), minimalWait), idle)
		case err == nil:
			l.limited.Store(0)
			var due time.Time
			if due, ok, err = l.store.Due(ctx, l.trunk.Name, lanes...); ok {
				wait = min(max(due.Sub(l.store.Now()), minimalWait), idle)
			}
		}
		if err != nil {
			l.pause(ctx, storeTrouble, err)
			continue
		}
		l.sleep(ctx, wait)
	}
}

// ready waits for the trunk in turns that are short enough to show that the loop lives.
func (l *lane) ready(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, idle)
	defer cancel()
	line, err := l.trunk.Backend.Ready(ctx)
	if l.up.Swap(err == nil) && err != nil {
		l.nudgeAll("") // others may carry what this trunk should
		l.lookAgain()
	}
	return line, err
}

func (l *lane) sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-l.wake:
	case <-t.C:
	}
}

func (l *lane) pause(ctx context.Context, d time.Duration, err error) {
	if ctx.Err() != nil {
		return
	}
	l.log.Error("the store refused the dispatcher; it tries again", "err", err)
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// carry sends the parts of a claimed message one after the other. When ctx ends, the part in flight is finished and the rest goes back to the queue.
func (l *lane) carry(ctx context.Context, line string, m store.Message) {
	start := time.Now()
	for m.State == store.Sending {
		seq := claimedPart(&m)
		if seq == 0 {
			break // evidence is awaited
		}
		o := store.Outcome{ID: m.ID, Seq: seq, SIM: line, Reference: -1}
		if ctx.Err() != nil {
			o.State, o.RetryAt = store.Waiting, l.store.Now()
		} else {
			l.send(ctx, &m, &o)
		}
		o.At = l.store.Now()
		next, err := l.settle(ctx, o)
		if err != nil {
			l.log.Error("what became of a part could not be stored; it shows as interrupted after the next start", "message", m.ID, "part", seq, "outcome", o.State, "err", err)
			return
		}
		l.metrics.parts.WithLabelValues(l.trunk.Name, o.State.String()).Inc()
		m = next
	}
	if m.State == store.Waiting {
		l.nudgeAll(m.Pin)
	}
	l.metrics.carried.WithLabelValues(l.trunk.Name).Observe(time.Since(start).Seconds())
	l.log.Info("message carried", "message", m.ID, "to", m.To, "state", m.State, "parts", len(m.Parts))
}

// send hands one part over and says in o what became of it.
func (l *lane) send(ctx context.Context, m *store.Message, o *store.Outcome) {
	l.sending.Store(true)
	defer l.sending.Store(false)
	marking := context.WithoutCancel(ctx)
	ref, err := l.trunk.Backend.Send(ctx, m, o.Seq, func(before int) error {
		return l.store.MarkAfter(marking, m.ID, o.Seq, before, l.store.Now())
	})
	if err == nil {
		o.State, o.Reference, l.faulty = store.Sent, ref, phone.Number{}
		return
	}
	var e *SendError
	if !errors.As(err, &e) {
		e = &SendError{Class: Unknown, Code: "internal", Err: err}
	}
	o.Failure = &store.Failure{Code: e.Code, Text: e.Err.Error()}
	now := l.store.Now()
	switch {
	case e.Class == Rejected:
		o.State = store.Error
	case e.Class == Unknown:
		o.State = store.Unknown
	case ctx.Err() != nil:
		o.State, o.RetryAt = store.Waiting, now // we stopped, it did not fail
	case now.Sub(later(m.CreatedAt, m.SendAt)) > l.settings().GiveUpAfter:
		o.State, o.Failure = store.Error, &store.Failure{Code: "gave_up", Text: "could not be sent in time; last: " + e.Error()}
	default:
		o.State, o.RetryAt = store.Waiting, now.Add(max(e.RetryAfter, l.backoff(m, o.Seq)))
	}
	if e.Hold > 0 {
		l.hold(m.To, e.Hold)
	}
	l.log.Warn("a part was not sent", "message", m.ID, "part", o.Seq, "outcome", o.State, "code", e.Code, "err", e.Err)
}

// hold leaves the trunk alone for a while when messages to two recipients in a row met a fault of it. One alone may be the recipient's own, and must not
// keep the next from being tried.
func (l *lane) hold(to phone.Number, d time.Duration) {
	if !l.faulty.IsZero() && l.faulty != to {
		l.held.set(time.Now().Add(d))
		l.nudgeAll("")
		l.lookAgain()
	}
	l.faulty = to
}

// settle stores an outcome, however long the store needs to take it: what the network has must not be forgotten while we live.
func (l *lane) settle(ctx context.Context, o store.Outcome) (store.Message, error) {
	storing := context.WithoutCancel(ctx)
	for {
		m, err := l.store.Settle(storing, o)
		if err == nil || !errors.Is(err, store.ErrFull) || ctx.Err() != nil {
			return m, err
		}
		l.pause(ctx, storeTrouble, err)
	}
}

// backoff doubles with every attempt and carries up to a quarter of jitter, so that many messages do not come back at once.
func (l *lane) backoff(m *store.Message, seq int) time.Duration {
	config := l.settings()
	d := config.RetryMin
	for range len(m.Parts[seq-1].Attempts) - 1 {
		if d *= 2; d >= config.RetryMax {
			d = config.RetryMax
			break
		}
	}
	return d + rand.N(d/4+1)
}

// claimedPart returns the part whose attempt is open, 0 when there is none.
func claimedPart(m *store.Message) int {
	for i := range m.Parts {
		p := &m.Parts[i]
		if n := len(p.Attempts); p.State == store.Sending && n > 0 && p.Attempts[n-1].Phase == store.Claimed {
			return p.Seq
		}
	}
	return 0
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
