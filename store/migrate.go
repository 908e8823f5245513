package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
)

// Instance tells one store from another.
type Instance struct {
	ID    MessageID // made with the store
	Epoch uint64    // raised whenever the content may have gone back in time, from 1
}

// migration brings the store from the version before it to its own. prepare adds to the content, as often as it is run, what is too much for one transaction; fn
// changes the content in that which writes the new version. Either may run again; nil does nothing.
type migration struct {
	version uint64
	name    string
	prepare func(context.Context, Engine) error
	fn      func(Tx) error
}

// migrations lists every step there ever was, oldest first.
var migrations = []migration{
	{version: 1, name: "messages and events"},
	{version: 2, name: "queue by account", fn: queueByAccount},
	{version: 3, name: "messages by number and tag, parts by month", prepare: prepareThird},
}

// queueByAccount writes the queue anew, with the account of each message in its key, so that accounts can take turns.
func queueByAccount(t Tx) error {
	var old [][]byte
	err := t.Scan(tableQueue, nil, nil, false, func(k, _ []byte) (bool, error) {
		old = append(old, bytes.Clone(k))
		return true, nil
	})
	if err != nil {
		return err
	}
	for _, k := range old {
		if err := t.Delete(tableQueue, k); err != nil {
			return err
		}
	}
	for _, k := range old {
		id, ok := messageOf(entry{tableQueue, k})
		if !ok {
			continue
		}
		m, err := readMessage(t, id)
		if _, bad := damaged(err); bad || errors.Is(err, ErrNotFound) {
			continue // put aside when it is read next
		}
		if err != nil {
			return err
		}
		if m.State != Waiting {
			continue
		}
		if err := t.Put(tableQueue, appendQueueKey(nil, m), nil); err != nil {
			return err
		}
	}
	return nil
}

// prepareThird adds what the third schema finds messages and counts parts by.
func prepareThird(ctx context.Context, e Engine) error {
	if err := findOlder(ctx, e); err != nil {
		return err
	}
	return countOlder(ctx, e)
}

var (
	keySchema   = []byte("schema")
	keyInstance = []byte("instance")
)

// migrate applies the steps that are missing, each in a transaction of its own, and returns the identity of the store, which it makes when there is none.
func migrate(ctx context.Context, e Engine, steps []migration) (Instance, error) {
	version, name, instance, err := readMeta(ctx, e)
	if err != nil {
		return instance, err
	}
	newest := steps[len(steps)-1]
	if version > newest.version {
		return instance, fmt.Errorf("%w: it has schema %d (%s), this program knows schema %d (%s); run that version again, or restore a backup from before it",
			ErrNewer, version, name, newest.version, newest.name)
	}
	if version == 0 {
		if err := mustBeNew(ctx, e); err != nil {
			return instance, err
		}
	}
	for _, step := range steps {
		if step.version <= version {
			continue
		}
		var err error
		if step.prepare != nil {
			err = step.prepare(ctx, e)
		}
		write := func(t Tx) error {
			if step.fn != nil {
				if err := step.fn(t); err != nil {
					return err
				}
			}
			frame := appendSchema(newFrame(64), step.version, step.name)
			return t.Put(tableMeta, keySchema, seal(tableMeta, keySchema, frame))
		}
		if err == nil {
			err = e.Update(ctx, write)
		}
		if err != nil {
			return instance, fmt.Errorf("migrate to schema %d (%s): %w", step.version, step.name, err)
		}
	}
	if instance.ID.IsZero() {
		instance = Instance{ID: NewMessageID(), Epoch: 1}
		err = e.Update(ctx, func(t Tx) error {
			return t.Put(tableMeta, keyInstance, seal(tableMeta, keyInstance, appendInstance(newFrame(32), instance)))
		})
		err = missing(err, tableMeta, keyInstance)
	}
	return instance, err
}

// missing names the record that could not be made anew in a store that is only read: one that was ever written to has it.
func missing(err error, t Table, key []byte) error {
	if errors.Is(err, ErrReadOnly) {
		return fmt.Errorf("%w: %w", damage(t, key, "it is missing"), err)
	}
	return err
}

// mustBeNew returns *Damage when a store without a schema has records: it would be taken for a new one.
func mustBeNew(ctx context.Context, e Engine) error {
	return e.View(ctx, func(r Reader) error {
		for _, table := range tables() {
			err := r.Scan(table, nil, nil, false, func(k, _ []byte) (bool, error) {
				return false, damage(tableMeta, keySchema, fmt.Sprintf("it is missing, although table %s has records", table))
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func readMeta(ctx context.Context, e Engine) (version uint64, name string, instance Instance, err error) {
	err = e.View(ctx, func(r Reader) error {
		version, name, instance = 0, "", Instance{}
		payload, err := readMetaRecord(r, keySchema)
		if err != nil {
			return err
		}
		if version, name, err = decodeSchema(payload); err != nil {
			return damage(tableMeta, keySchema, err.Error())
		}
		if payload, err = readMetaRecord(r, keyInstance); err != nil {
			return err
		}
		if instance, err = decodeInstance(payload); err != nil {
			return damage(tableMeta, keyInstance, err.Error())
		}
		return nil
	})
	return version, name, instance, err
}

func readMetaRecord(r Reader, key []byte) ([]byte, error) {
	value, err := r.Get(tableMeta, key)
	if err != nil || value == nil {
		return nil, err
	}
	return unseal(tableMeta, key, value)
}

// Schema returns the newest schema, to which Open brings every store.
func Schema() uint64 { return migrations[len(migrations)-1].version }
