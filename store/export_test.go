package store

import (
	"bytes"
	"context"
	"errors"
)

// Step is a migration, for tests that need one that does not exist.
type Step struct {
	Version uint64
	Name    string
	Do      func(Tx) error
}

// Migrate applies steps instead of the real ones.
func Migrate(ctx context.Context, e Engine, steps ...Step) (Instance, error) {
	var all []migration
	for _, s := range steps {
		all = append(all, migration{version: s.Version, name: s.Name, fn: s.Do})
	}
	return migrate(ctx, e, all)
}

// Before makes a store look like one of an earlier schema, which did not have some tables.
func Before(ctx context.Context, e Engine, version uint64, tables ...Table) error {
	return e.Update(ctx, func(t Tx) error {
		for _, table := range tables {
			var keys [][]byte
			err := t.Scan(table, nil, nil, false, func(k, _ []byte) (bool, error) {
				keys = append(keys, bytes.Clone(k))
				return true, nil
			})
			for _, k := range keys {
				err = errors.Join(err, t.Delete(table, k))
			}
			if err != nil {
				return err
			}
		}
		return t.Put(tableMeta, keySchema, seal(tableMeta, keySchema, appendSchema(newFrame(64), version, "earlier")))
	})
}

// PutCDRs writes records as they are, many in one transaction.
func (s *Store) PutCDRs(ctx context.Context, all []CDR) error {
	return s.update(ctx, func(t *tx) error {
		for i := range all {
			if err := t.putCDR(&all[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// Sealed returns the value of a key that holds a payload.
func Sealed(t Table, key, payload []byte) []byte {
	return seal(t, key, append(newFrame(0), payload...))
}
