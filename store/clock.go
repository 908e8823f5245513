package store

import (
	"context"
	"time"
)

// Now returns what time it is, in UTC. A machine without a clock of its own starts in 1970, and what was stamped so would be over at once when the right time
// comes: texts with a validity, idempotency keys, what is kept for some days. So a clock that shows less than Options.ClockFrom counts as not set; until it is,
// time goes on from the newest event that the store has. Whatever is kept with a time, or compared with one that is kept, is stamped with Now.
func (s *Store) Now() time.Time {
	if now := s.options.Clock(); !now.Before(s.options.ClockFrom) {
		return now.UTC()
	}
	return s.began.Add(time.Since(s.opened))
}

// Stamp returns the time that the store gives to a moment of the machine's clock, as Now does for this one; zero stays zero.
func (s *Store) Stamp(t time.Time) time.Time {
	switch {
	case t.IsZero():
		return t
	case s.ClockSet():
		return t.UTC()
	}
	return s.began.Add(t.Sub(s.opened))
}

// begin notes from where time goes on while the clock is not set.
func (s *Store) begin(ctx context.Context) error {
	s.opened, s.began = time.Now(), s.options.ClockFrom.UTC()
	return s.engine.View(ctx, func(r Reader) error {
		last, err := lastEvent(r)
		if err != nil || last == 0 {
			return err
		}
		key := eventKey(last)
		value, err := r.Get(tableEvents, key)
		if err != nil || value == nil {
			return err
		}
		e, err := openEvent(key, value)
		if _, bad := damaged(err); bad {
			return nil // it is found, and put aside, when it is read
		}
		if err == nil && e.At.After(s.began) {
			s.began = e.At.UTC()
		}
		return err
	})
}

// ClockSet tells whether the machine's clock is believed.
func (s *Store) ClockSet() bool { return !s.options.Clock().Before(s.options.ClockFrom) }
