package store

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// examineDelivery says what is wrong with a good record of a delivery: which index entry is missing, or that it would wait for ever.
func examineDelivery(r Reader, k, v []byte) (string, error) {
	d, err := openDelivery(k, v)
	if err != nil {
		return "", err
	}
	for _, e := range d.indexes() {
		has, err := exists(r, e)
		if err != nil {
			return "", err
		}
		if !has {
			return fmt.Sprintf("entry %s in table %s is missing", hexKey(e.key), e.table), nil
		}
	}
	if d.State != Pending || !d.NextAt.IsZero() {
		return "", nil
	}
	first := d.Event.Seq
	prefix := undeliveredPrefix(d.Webhook, d.Event.Message)
	err = r.Scan(tableUndelivered, prefix, after(prefix), false, func(k, _ []byte) (bool, error) {
		first = binary.BigEndian.Uint64(k[len(k)-8:])
		return false, nil
	})
	if err == nil && first == d.Event.Seq {
		return "waits for an earlier event of its message, and there is none", nil
	}
	return "", err
}

// examineDeliveryEntry says whether an index entry follows from its delivery.
func examineDeliveryEntry(r Reader, e entry) (string, error) {
	if len(e.key) < idBytes+8 {
		return "entry has an unknown form", nil
	}
	key := append(slices.Clone(e.key[:idBytes]), e.key[len(e.key)-8:]...)
	value, err := r.Get(tableDeliveries, key)
	if err != nil {
		return "", err
	}
	if value == nil {
		return fmt.Sprintf("delivery of event %d does not exist", binary.BigEndian.Uint64(key[idBytes:])), nil
	}
	d, err := openDelivery(key, value)
	if err != nil {
		return "", nil // the delivery itself is reported
	}
	if !slices.ContainsFunc(d.indexes(), func(o entry) bool { return e.compare(o) == 0 }) {
		return fmt.Sprintf("does not follow from the delivery of event %d, which is %s", d.Event.Seq, d.State), nil
	}
	return "", nil
}
