package store

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"time"
)

// Factor is the second factor of a contact or an administrator for actions: the secret of one-time codes, and what was done with it. It prints masked.
type Factor struct {
	Administrator bool   // ID is an administrator's, else a contact's
	ID            uint64 // of the contact or administrator
	Secret        []byte
	Last          uint64 // time step of the newest code that was used: no code counts twice
	Failures      int    // wrong codes since the last right one
	LockedUntil   time.Time
	CreatedAt     time.Time
}

func (f Factor) String() string       { return fmt.Sprintf("factor of %d", f.ID) }
func (f Factor) GoString() string     { return f.String() }
func (f Factor) LogValue() slog.Value { return slog.StringValue(f.String()) }

const tableFactors Table = "factors"

func factorKey(administrator bool, id uint64) []byte {
	kind := byte('c')
	if administrator {
		kind = 'a'
	}
	return binary.BigEndian.AppendUint64([]byte{kind}, id)
}

// PutFactor stores a factor in place of the one before.
func (s *Store) PutFactor(ctx context.Context, f Factor, at time.Time, who string) error {
	if f.ID == 0 || len(f.Secret) == 0 {
		return fmt.Errorf("%w: a factor needs an owner and a secret", ErrInvalid)
	}
	f.CreatedAt = at
	return s.update(ctx, func(t *tx) error {
		if err := t.putFactor(&f); err != nil {
			return err
		}
		return t.event(Event{Type: "factor.added", At: at, Reference: -1, Code: f.owner(), Account: who})
	})
}

// RemoveFactor forgets a factor. ErrNotFound when there is none.
func (s *Store) RemoveFactor(ctx context.Context, administrator bool, id uint64, at time.Time, who string) error {
	return s.update(ctx, func(t *tx) error {
		f, err := readFactor(t, administrator, id)
		if err != nil {
			return err
		}
		if err := t.Delete(tableFactors, factorKey(administrator, id)); err != nil {
			return err
		}
		return t.event(Event{Type: "factor.removed", At: at, Reference: -1, Code: f.owner(), Account: who})
	})
}

// UseFactor lets verify look at a factor and store what it changed, in one transaction, so that no code counts twice. verify may run more than once.
// ErrNotFound when there is no factor.
func (s *Store) UseFactor(ctx context.Context, administrator bool, id uint64, verify func(*Factor)) (Factor, error) {
	var f *Factor
	err := s.update(ctx, func(t *tx) (err error) {
		if f, err = readFactor(t, administrator, id); err != nil {
			return err
		}
		verify(f)
		return t.putFactor(f)
	})
	if err != nil {
		return Factor{}, err
	}
	return *f, nil
}

func (f *Factor) owner() string {
	if f.Administrator {
		return fmt.Sprintf("administrator %d", f.ID)
	}
	return fmt.Sprintf("contact %d", f.ID)
}

func (t *tx) putFactor(f *Factor) error {
	key := factorKey(f.Administrator, f.ID)
	return t.Put(tableFactors, key, seal(tableFactors, key, appendFactor(newFrame(64), f)))
}

func readFactor(r Reader, administrator bool, id uint64) (*Factor, error) {
	key := factorKey(administrator, id)
	value, err := r.Get(tableFactors, key)
	if err != nil {
		return nil, err
	}
	if value == nil {
		f := Factor{Administrator: administrator, ID: id}
		return nil, fmt.Errorf("factor of %s: %w", f.owner(), ErrNotFound)
	}
	return openFactor(key, value)
}

func openFactor(key, value []byte) (*Factor, error) {
	if len(key) != 9 {
		return nil, damage(tableFactors, key, "key is none of a factor")
	}
	payload, err := unseal(tableFactors, key, value)
	if err != nil {
		return nil, err
	}
	f, err := decodeFactor(payload)
	if err != nil {
		return nil, damage(tableFactors, key, err.Error())
	}
	f.Administrator, f.ID = key[0] == 'a', binary.BigEndian.Uint64(key[1:])
	return f, nil
}
