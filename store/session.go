package store

import (
	"bytes"
	"context"
	"fmt"
	"time"
)

// MaxSessions is how many sessions there may be at once; one more ends the one that was seen longest ago.
const MaxSessions = 2000

// SessionKey is the SHA-256 of what the browser shows.
type SessionKey [32]byte

// Session is one login of an administrator.
type Session struct {
	Key           SessionKey
	Administrator uint64
	Role          string // that the administrator had when it began
	Proven        bool   // a second factor was shown
	Address       string // where it began
	Agent         string // what the browser said that it is
	CreatedAt     time.Time
	SeenAt        time.Time // about when it was last used
}

// BeginSession stores a new session and an event "login.succeeded" of the account.
func (s *Store) BeginSession(ctx context.Context, v Session, account string) error {
	if v.Key == (SessionKey{}) || v.Administrator == 0 || v.CreatedAt.IsZero() {
		return fmt.Errorf("%w: a session needs a key, an administrator and a time of creation", ErrInvalid)
	}
	return s.update(ctx, func(t *tx) error {
		n := 0
		var oldest *Session
		err := t.Scan(tableSessions, nil, nil, false, func(k, value []byte) (bool, error) {
			n++
			if o, err := openSession(k, value); err == nil && (oldest == nil || o.SeenAt.Before(oldest.SeenAt)) {
				oldest = o
			}
			return true, nil
		})
		if err == nil && n >= MaxSessions && oldest != nil {
			err = t.Delete(tableSessions, oldest.Key[:])
		}
		if err == nil {
			err = t.saveSession(&v)
		}
		if err != nil {
			return err
		}
		return t.event(Event{Type: "login.succeeded", At: v.CreatedAt, Reference: -1, Text: "from " + v.Address, Account: account})
	})
}

// Session returns a session that did not end, or ErrNotFound.
func (s *Store) Session(ctx context.Context, key SessionKey) (Session, error) {
	var v *Session
	err := s.view(ctx, func(r Reader, _ *[]*Damage) (err error) {
		v, err = readSession(r, key)
		return err
	})
	if err != nil {
		return Session{}, err
	}
	return *v, nil
}

// EditSession changes a session that did not end; ErrNotFound when it did.
func (s *Store) EditSession(ctx context.Context, key SessionKey, fn func(*Session)) error {
	return s.update(ctx, func(t *tx) error {
		v, err := readSession(t, key)
		if err != nil {
			return err
		}
		fn(v)
		v.Key = key
		return t.saveSession(v)
	})
}

// EndSession ends a session; it is no error when it did before.
func (s *Store) EndSession(ctx context.Context, key SessionKey) error {
	return s.update(ctx, func(t *tx) error { return t.Delete(tableSessions, key[:]) })
}

// Sessions returns the sessions of an administrator. Damaged records are left out.
func (s *Store) Sessions(ctx context.Context, administrator uint64) ([]Session, error) {
	var all []Session
	err := s.view(ctx, func(r Reader, found *[]*Damage) error {
		all = nil
		return r.Scan(tableSessions, nil, nil, false, func(k, v []byte) (bool, error) {
			session, err := openSession(k, v)
			if d, ok := damaged(err); ok {
				*found = append(*found, d)
			} else if session.Administrator == administrator {
				all = append(all, *session)
			}
			return true, nil
		})
	})
	return all, err
}

// ExpireLogins removes sessions that began or were seen before the times given, tokens that were revoked or ended before a third one, and tries to log in
// that count no more. It returns how many records it removed.
func (s *Store) ExpireLogins(ctx context.Context, began, seen, ended, now time.Time) (n int, err error) {
	gone := map[Table]func(k, v []byte) bool{
		tableSessions: func(k, v []byte) bool {
			o, err := openSession(k, v)
			return err == nil && (o.CreatedAt.Before(began) || o.SeenAt.Before(seen))
		},
		tableTokens: func(k, v []byte) bool {
			o, err := openToken(k, v)
			return err == nil && (!o.RevokedAt.IsZero() && o.RevokedAt.Before(ended) || !o.ExpiresAt.IsZero() && o.ExpiresAt.Before(ended))
		},
		tableThrottles: func(k, v []byte) bool {
			o, err := openThrottle(k, v)
			return err == nil && !o.ForgetAt.After(now)
		},
	}
	for table, over := range gone {
		var keys [][]byte
		err := s.view(ctx, func(r Reader, _ *[]*Damage) error {
			keys = nil
			return r.Scan(table, nil, nil, false, func(k, v []byte) (bool, error) {
				if over(k, v) {
					keys = append(keys, bytes.Clone(k))
				}
				return len(keys) < tidySlice, nil
			})
		})
		if err != nil || len(keys) == 0 {
			if err != nil {
				return n, err
			}
			continue
		}
		removed := 0
		err = s.update(ctx, func(t *tx) error {
			removed = 0
			for _, k := range keys {
				v, err := t.Get(table, k)
				if err != nil {
					return err
				}
				if v == nil || !over(k, v) {
					continue
				}
				removed++
				if err := t.Delete(table, k); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return n, err
		}
		n += removed
	}
	return n, nil
}

func (t *tx) saveSession(v *Session) error {
	return t.Put(tableSessions, v.Key[:], seal(tableSessions, v.Key[:], appendSession(newFrame(160), v)))
}

func readSession(r Reader, key SessionKey) (*Session, error) {
	value, err := r.Get(tableSessions, key[:])
	if err != nil {
		return nil, err
	}
	if value == nil {
		return nil, fmt.Errorf("session: %w", ErrNotFound)
	}
	return openSession(key[:], value)
}

func openSession(key, value []byte) (*Session, error) {
	return openKeyed(tableSessions, 32, key, value, func(payload []byte) (*Session, error) { return decodeSession(SessionKey(key), payload) })
}
