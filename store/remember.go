package store

import (
	"bytes"
	"context"
	"fmt"
)

// maxRemembered bounds what one key may hold, in bytes: this is for marks, not for records.
const maxRemembered = 4096

// Remembered returns what was remembered under a key, nil when there is nothing. Keys are the callers' own; they begin with what they are about, as
// in "pin/…".
func (s *Store) Remembered(ctx context.Context, key string) (value []byte, err error) {
	err = s.view(ctx, func(r Reader, _ *[]*Damage) error {
		value = nil
		v, err := r.Get(tableRemembered, []byte(key))
		if err != nil || v == nil {
			return err
		}
		payload, err := unseal(tableRemembered, []byte(key), v)
		value = bytes.Clone(payload)
		return err
	})
	return value, err
}

// Remember keeps value under a key until it is replaced; nil forgets. It returns when that is on disk. The key has 1 to 255 bytes, the value at most
// 4096.
func (s *Store) Remember(ctx context.Context, key string, value []byte) error {
	if key == "" || len(key) > maxNameBytes || len(value) > maxRemembered {
		return fmt.Errorf("remember %d bytes under a key of %d: from 1 to %d are possible for a key, %d for a value", len(value), len(key), maxNameBytes, maxRemembered)
	}
	return s.update(ctx, func(t *tx) error {
		if value == nil {
			return t.Delete(tableRemembered, []byte(key))
		}
		return t.Put(tableRemembered, []byte(key), seal(tableRemembered, []byte(key), append(newFrame(len(value)), value...)))
	})
}

// RememberedAll returns what was remembered under every key that begins with prefix, by key. Damaged records are left out.
func (s *Store) RememberedAll(ctx context.Context, prefix string) (all map[string][]byte, err error) {
	err = s.view(ctx, func(r Reader, found *[]*Damage) error {
		all = map[string][]byte{}
		return r.Scan(tableRemembered, []byte(prefix), after([]byte(prefix)), false, func(k, v []byte) (bool, error) {
			payload, err := unseal(tableRemembered, k, v)
			if d, ok := damaged(err); ok {
				*found = append(*found, d)
				return true, nil
			}
			all[string(k)] = bytes.Clone(payload)
			return true, err
		})
	})
	return all, err
}
