package store

import (
	"bytes"
	"context"
	"time"
)

// The queue is read by seeks only, never walked: at each priority from one account to the next, and of each account the first entry that is to go at
// once and the first that has a time.

// waiting is the first entry of an account in a lane at a priority.
type waiting struct {
	key     []byte    // in the queue
	account []byte    // with its length before it
	timed   bool      // due at a time, else at once
	at      time.Time // when it is due; when at once: when it was accepted
}

// due tells whether it may be sent. What goes at once does so whatever the clock says.
func (w *waiting) due(at time.Time) bool { return w.key != nil && (!w.timed || !w.at.After(at)) }

// earlier tells whether w is to be sent before o.
func (w *waiting) earlier(o *waiting) bool {
	if o.key == nil {
		return true
	}
	if !w.at.Equal(o.at) {
		return w.at.Before(o.at)
	}
	return bytes.Compare(w.key[len(w.key)-idBytes:], o.key[len(o.key)-idBytes:]) < 0
}

// firstWaiting returns the first entry of the queue with from ≤ key < to, whose lane has this prefix; its key is nil when there is none.
func firstWaiting(r Reader, prefix, from, to []byte) (w waiting, err error) {
	err = r.Scan(tableQueue, from, to, false, func(k, _ []byte) (bool, error) {
		if rest := k[len(prefix):]; len(rest) > 2 && len(rest) == 3+int(rest[1])+timeBytes+idBytes {
			k := bytes.Clone(k)
			rest = k[len(prefix):]
			n := 2 + int(rest[1])
			w = waiting{key: k, account: rest[1:n], timed: rest[n] == 1, at: readTime(rest[n+1:])}
		}
		return w.key == nil, nil
	})
	return w, err
}

// laneHead is a lane of the queue, and the first entry that priorityBelow found in it: before it may lie many that were taken since the last fold, which are
// passed over one by one.
type laneHead struct {
	prefix []byte
	first  waiting
}

// eachWaiting calls fn for the accounts that wait in a lane at a priority, in their order from an account on, with their first entry that goes at once
// and their first that has a time; the key of one may be nil. It ends when fn returns false. priorityBelow looked at the lane, for this priority or a higher one.
func eachWaiting(r Reader, lane *laneHead, priority int, from []byte, fn func(atOnce, timed waiting) bool) error {
	level := append(bytes.Clone(lane.prefix), byte(priorityHighest-priority))
	if !bytes.HasPrefix(lane.first.key, level) && (lane.first.key == nil || bytes.Compare(lane.first.key, level) > 0) {
		return nil
	}
	end := after(level)
	for at := append(bytes.Clone(level), from...); at != nil; {
		first, err := lane.first, error(nil)
		if bytes.Compare(first.key, at) < 0 {
			first, err = firstWaiting(r, lane.prefix, at, end)
		}
		if err != nil || first.key == nil {
			return err
		}
		account := append(bytes.Clone(level), first.account...)
		next := after(account)
		var atOnce, timed waiting
		if first.timed {
			timed = first
		} else {
			atOnce = first
			if timed, err = firstWaiting(r, lane.prefix, append(bytes.Clone(account), 1), next); err != nil {
				return err
			}
		}
		if !fn(atOnce, timed) {
			return nil
		}
		at = next
	}
	return nil
}

// priorityBelow returns the highest priority not above a bound at which anything waits in one of the lanes, -1 when nothing does.
func priorityBelow(r Reader, lanes []laneHead, bound int) (int, error) {
	best := -1
	for i := range lanes {
		lane := &lanes[i]
		from := append(bytes.Clone(lane.prefix), byte(priorityHighest-bound))
		if bytes.Compare(lane.first.key, from) < 0 { // else it is the first from there on, too
			var err error
			if lane.first, err = firstWaiting(r, lane.prefix, from, after(lane.prefix)); err != nil {
				return -1, err
			}
		}
		if key := lane.first.key; key != nil {
			best = max(best, priorityHighest-int(key[len(lane.prefix)]))
		}
	}
	return best, nil
}

func laneHeads(lanes []string) []laneHead {
	all := make([]laneHead, len(lanes))
	for i, lane := range lanes {
		all[i].prefix = appendName(nil, lane)
	}
	return all
}

// candidate returns the queue key of the message that a claim is to take, of a priority of at most highest; nil when none is due.
func candidate(r Reader, c *Claim, highest int) ([]byte, error) {
	lanes := laneHeads(c.lanes())
	for highest >= 0 {
		priority, err := priorityBelow(r, lanes, highest)
		if err != nil || priority < 0 {
			return nil, err
		}
		served := appendName(nil, c.After[priority])
		key, err := inTurn(r, lanes, priority, append(bytes.Clone(served), 0xFF), nil, c.At) // behind every key of the one served last
		if err == nil && key == nil {
			key, err = inTurn(r, lanes, priority, nil, served, c.At)
		}
		if err != nil || key != nil {
			return key, err
		}
		highest = priority - 1
	}
	return nil, nil
}

// inTurn returns the key of the first entry that is due of the first account from one on and up to another, nil for the last, that has any.
func inTurn(r Reader, lanes []laneHead, priority int, from, to []byte, at time.Time) ([]byte, error) {
	var best waiting
	for i := range lanes {
		err := eachWaiting(r, &lanes[i], priority, from, func(atOnce, timed waiting) bool {
			w := atOnce
			if timed.due(at) && timed.earlier(&w) {
				w = timed
			}
			if account := cmpAccount(atOnce, timed); to != nil && bytes.Compare(account, to) > 0 || best.key != nil && bytes.Compare(account, best.account) > 0 {
				return false
			}
			if !w.due(at) {
				return true
			}
			if best.key == nil || !bytes.Equal(w.account, best.account) || w.earlier(&best) {
				best = w
			}
			return false
		})
		if err != nil {
			return nil, err
		}
	}
	return best.key, nil
}

// cmpAccount returns the account that two entries, one of which may be none, belong to.
func cmpAccount(a, b waiting) []byte {
	if a.key != nil {
		return a.account
	}
	return b.account
}

// Due returns when Claim can next succeed for a trunk that looks into some lanes, or its usual ones; ok is false when nothing waits there. The zero
// time means at once. Limits are not considered.
func (s *Store) Due(ctx context.Context, trunk string, lanes ...string) (at time.Time, ok bool, err error) {
	if len(lanes) == 0 {
		lanes = usualLanes(trunk)
	}
	err = s.engine.View(ctx, func(r Reader) error {
		at, ok = time.Time{}, false
		heads := laneHeads(lanes)
		for bound := priorityHighest; bound >= 0; {
			priority, err := priorityBelow(r, heads, bound)
			if err != nil || priority < 0 {
				return err
			}
			for i := range heads {
				err := eachWaiting(r, &heads[i], priority, nil, func(atOnce, timed waiting) bool {
					switch {
					case atOnce.key != nil:
						at, ok = time.Time{}, true
					case !ok || timed.at.Before(at):
						at, ok = timed.at, true
					}
					return atOnce.key == nil
				})
				if err != nil || ok && at.IsZero() {
					return err
				}
			}
			bound = priority - 1
		}
		return nil
	})
	return at, ok, err
}

// PreferredTrunks returns the trunks that messages in the queue should go through.
func (s *Store) PreferredTrunks(ctx context.Context) ([]string, error) {
	return s.laneTrunks(ctx, PreferredLane(""))
}
