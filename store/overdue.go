package store

import (
	"bytes"
	"context"
	"time"
)

// OldestDue returns when the message in the queue that could have been sent for the longest time became due: when it was accepted, or its later time of
// sending or next try. ok is false when none is due at a time. Limits and trunks that are down are not considered: they are why messages grow old.
func (s *Store) OldestDue(ctx context.Context, now time.Time) (since time.Time, ok bool, err error) {
	err = s.engine.View(ctx, func(r Reader) error {
		since, ok = time.Time{}, false
		older := func(atOnce, timed waiting) bool {
			for _, w := range []waiting{atOnce, timed} {
				if w.due(now) && (!ok || w.at.Before(since)) {
					since, ok = w.at, true
				}
			}
			return true
		}
		return eachLane(r, func(lane []byte) error {
			heads := []laneHead{{prefix: lane}}
			for priority := priorityHighest + 1; ; {
				var err error
				if priority, err = priorityBelow(r, heads, priority-1); err != nil || priority < 0 {
					return err
				}
				if err := eachWaiting(r, &heads[0], priority, nil, older); err != nil || priority == 0 {
					return err
				}
			}
		})
	})
	return since, ok, err
}

// eachLane calls fn for the lanes in which anything waits, each with its length before its name, in their order.
func eachLane(r Reader, fn func(lane []byte) error) error {
	for from := []byte{}; from != nil; {
		var lane []byte
		err := r.Scan(tableQueue, from, nil, false, func(k, _ []byte) (bool, error) {
			if n := 1 + int(k[0]); len(k) > n {
				lane = bytes.Clone(k[:n])
			}
			return false, nil
		})
		if err != nil || lane == nil {
			return err
		}
		if err := fn(lane); err != nil {
			return err
		}
		from = after(lane)
	}
	return nil
}
