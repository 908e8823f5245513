package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"trunkline/callplan/phone"
)

// OptOut says that a number asked not to be written to. It is found by a digest, so that it still holds when the number itself had to be forgotten.
type OptOut struct {
	Number  phone.Number // zero when it was forgotten
	Trunk   string       // only messages through this trunk; empty: all
	At      time.Time
	Source  string    // how it came: "message", "api", "provider", "erased"
	Word    string    // by which word it was asked for, of "message"
	Message MessageID // that asked for it; zero when none did
	By      string    // who entered it, of "api"
	Digest  [16]byte  // of the line; set by the store
}

const tableOptOuts Table = "optouts"

// lineDigest hides a number: it is of the store, so that lists of two stores cannot be compared.
func lineDigest(instance MessageID, n phone.Number) [16]byte {
	b := append(make([]byte, 0, 64), instance[:]...)
	b = append(append(b, "opt-out"...), line(n)...)
	sum := sha256.Sum256(b)
	return [16]byte(sum[:16])
}

func optOutKey(digest [16]byte, trunk string) []byte { return append(digest[:], trunk...) }

// optedOut tells whether a message through a trunk may not go to a number.
func optedOut(r Reader, instance MessageID, n phone.Number, trunk string) (bool, error) {
	digest := lineDigest(instance, n)
	value, err := r.Get(tableOptOuts, digest[:])
	if err == nil && value == nil && trunk != "" {
		value, err = r.Get(tableOptOuts, optOutKey(digest, trunk))
	}
	return err == nil && value != nil, err // a damaged one counts: rather not written to
}

// optOut writes an opt-out; one that is there already stays as it is.
func (t *tx) optOut(o *OptOut) error {
	if o.Number.IsZero() || len(o.Trunk) > maxNameBytes || o.At.IsZero() {
		return fmt.Errorf("%w: an opt-out needs a number and a time", ErrInvalid)
	}
	o.Digest = lineDigest(t.s.instance.ID, o.Number)
	key := optOutKey(o.Digest, o.Trunk)
	value, err := t.Get(tableOptOuts, key)
	if err != nil || value != nil {
		return err
	}
	if err := t.putOptOut(o); err != nil {
		return err
	}
	return t.event(Event{Type: "optout.added", At: o.At, Message: o.Message, Reference: -1, Trunk: o.Trunk, Code: o.Source, Number: o.Number, Account: o.By})
}

func (t *tx) putOptOut(o *OptOut) error {
	key := optOutKey(o.Digest, o.Trunk)
	return t.Put(tableOptOuts, key, seal(tableOptOuts, key, appendOptOut(newFrame(96), o)))
}

// optIn removes every opt-out of a number.
func (t *tx) optIn(n phone.Number, at time.Time, by string) error {
	digest := lineDigest(t.s.instance.ID, n)
	var keys [][]byte
	err := t.Scan(tableOptOuts, digest[:], after(digest[:]), false, func(k, _ []byte) (bool, error) {
		keys = append(keys, bytes.Clone(k))
		return true, nil
	})
	if err != nil || len(keys) == 0 {
		return err
	}
	for _, k := range keys {
		if err := t.Delete(tableOptOuts, k); err != nil {
			return err
		}
	}
	return t.event(Event{Type: "optout.removed", At: at, Reference: -1, Number: n, Account: by})
}

// AddOptOut writes an opt-out; nothing happens when the number is opted out already.
func (s *Store) AddOptOut(ctx context.Context, o OptOut) (OptOut, error) {
	err := s.update(ctx, func(t *tx) error { return t.optOut(&o) })
	return o, err
}

// RemoveOptOut lets a number be written to again. ErrNotFound when it is not opted out.
func (s *Store) RemoveOptOut(ctx context.Context, n phone.Number, at time.Time, by string) error {
	return s.update(ctx, func(t *tx) error {
		digest := lineDigest(s.instance.ID, n)
		found := false
		err := t.Scan(tableOptOuts, digest[:], after(digest[:]), false, func(_, _ []byte) (bool, error) { found = true; return false, nil })
		if err != nil {
			return err
		}
		if !found {
			return fmt.Errorf("opt-out of %s: %w", n, ErrNotFound)
		}
		return t.optIn(n, at, by)
	})
}

// EraseOptOut forgets the number of a line but not that it must not be written to: an opt-out stays, or is made, that holds for the digits alone.
func (s *Store) EraseOptOut(ctx context.Context, n phone.Number, at time.Time, by string) error {
	return s.update(ctx, func(t *tx) error {
		digest := lineDigest(s.instance.ID, n)
		var all []*OptOut
		err := t.Scan(tableOptOuts, digest[:], after(digest[:]), false, func(k, v []byte) (bool, error) {
			o, err := openOptOut(k, v)
			if err == nil {
				all = append(all, o)
			}
			return true, err
		})
		if err != nil {
			return err
		}
		all = append(all, &OptOut{At: at, Source: "erased", By: by, Digest: digest})
		for _, o := range all {
			o.Number, o.Word, o.Message = phone.Number{}, "", MessageID{}
			if err := t.putOptOut(o); err != nil {
				return err
			}
		}
		return nil
	})
}

// OptOuts returns at most limit opt-outs behind a place, "" being the beginning, and the place where the next call goes on, "" at the end.
func (s *Store) OptOuts(ctx context.Context, from string, limit int) (all []OptOut, next string, err error) {
	err = s.view(ctx, func(r Reader, found *[]*Damage) error {
		all, next = nil, ""
		return r.Scan(tableOptOuts, []byte(from), nil, false, func(k, v []byte) (bool, error) {
			if len(all) == limit {
				next = string(k)
				return false, nil
			}
			o, err := openOptOut(k, v)
			if d, ok := damaged(err); ok {
				*found = append(*found, d)
				return true, nil
			}
			if err == nil {
				all = append(all, *o)
			}
			return true, err
		})
	})
	return all, next, err
}

func openOptOut(key, value []byte) (*OptOut, error) {
	if len(key) < 16 {
		return nil, damage(tableOptOuts, key, "key is no digest")
	}
	payload, err := unseal(tableOptOuts, key, value)
	if err != nil {
		return nil, err
	}
	o, err := decodeOptOut(payload)
	if err != nil {
		return nil, damage(tableOptOuts, key, err.Error())
	}
	o.Digest, o.Trunk = [16]byte(key[:16]), string(key[16:])
	return o, nil
}
