package store

import (
	"context"
	"crypto/sha256"
	"time"
)

// Throttle counts tries to log in that did not succeed, under one name, whose first letter is its kind: an account, an address.
type Throttle struct {
	Failures int       // in a row
	Until    time.Time // no try before
	ForgetAt time.Time // then it counts from the beginning
}

// TryLogin counts a try under each name before it is made, so that many at once are no way round; LoginSucceeded takes it back. When one of the names has to
// wait, nothing is counted, and wait is how long. delay says how long the next try under a name has to wait after so many in a row, forget after how long
// without a try none counts.
func (s *Store) TryLogin(ctx context.Context, names []string, at time.Time, forget time.Duration, delay func(failures int) time.Duration) (wait time.Duration, err error) {
	err = s.update(ctx, func(t *tx) error {
		wait = 0
		counts := make([]*Throttle, len(names))
		for i, name := range names {
			v, err := readThrottle(t, name)
			if err != nil {
				return err
			}
			if v == nil || !v.ForgetAt.After(at) {
				v = &Throttle{}
			}
			if longest := at.Add(delay(v.Failures)); v.Until.After(longest) { // the clock was set back
				v.Until = longest
				if err := t.saveThrottle(name, v); err != nil {
					return err
				}
			}
			wait = max(wait, v.Until.Sub(at))
			counts[i] = v
		}
		if wait > 0 {
			return nil
		}
		for i, v := range counts {
			v.Failures++
			v.Until, v.ForgetAt = time.Time{}, at.Add(forget)
			if d := delay(v.Failures); d > 0 {
				v.Until = at.Add(d)
			}
			if err := t.saveThrottle(names[i], v); err != nil {
				return err
			}
		}
		return nil
	})
	return wait, err
}

// TryWait returns how long the next try under a name has to wait. It counts nothing.
func (s *Store) TryWait(ctx context.Context, name string, at time.Time) (wait time.Duration, err error) {
	err = s.view(ctx, func(r Reader, _ *[]*Damage) error {
		v, err := readThrottle(r, name)
		if wait = 0; err == nil && v != nil {
			wait = max(0, v.Until.Sub(at))
		}
		return err
	})
	return wait, err
}

// LoginSucceeded forgets all tries under the names whole, and one try under the names once.
func (s *Store) LoginSucceeded(ctx context.Context, whole, once []string) error {
	return s.update(ctx, func(t *tx) error {
		for _, name := range whole {
			if err := t.Delete(tableThrottles, throttleKey(name)); err != nil {
				return err
			}
		}
		for _, name := range once {
			v, err := readThrottle(t, name)
			if err != nil {
				return err
			}
			if v == nil {
				continue
			}
			v.Until = time.Time{}
			if v.Failures--; v.Failures <= 0 {
				err = t.Delete(tableThrottles, throttleKey(name))
			} else {
				err = t.saveThrottle(name, v)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// throttleKey is the kind of a name and 16 bits of its hash: so strangers cannot make the store keep more than that, and what they typed, perhaps a password, is
// not kept at all. Two names that share a key count together, which costs one of 65,536 a wait that it did not earn.
func throttleKey(name string) []byte {
	sum := sha256.Sum256([]byte(name))
	return append([]byte{(name + "?")[0]}, sum[:2]...)
}

func (t *tx) saveThrottle(name string, v *Throttle) error {
	key := throttleKey(name)
	return t.Put(tableThrottles, key, seal(tableThrottles, key, appendThrottle(newFrame(32), v)))
}

// readThrottle returns what is counted under a name, nil when nothing is.
func readThrottle(r Reader, name string) (*Throttle, error) {
	key := throttleKey(name)
	value, err := r.Get(tableThrottles, key)
	if err != nil || value == nil {
		return nil, err
	}
	return openThrottle(key, value)
}

func openThrottle(key, value []byte) (*Throttle, error) {
	return openKeyed(tableThrottles, 3, key, value, decodeThrottle)
}
