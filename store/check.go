package store

import (
	"bytes"
	"context"
	"fmt"
	"slices"
)

// CheckReport says what Check looked at.
type CheckReport struct {
	Records map[Table]int // keys per table
	Damaged int           // how many times found was called
}

// checkSlice is how many keys one transaction of Check looks at.
const checkSlice = 500

// checker is what an engine may offer: a look at its own structures.
type checker interface {
	Check(ctx context.Context) error
}

// Check reads everything: each record's frame, sum and fields, that every message has exactly the index entries that follow from it, and the same for
// sets of segments. It calls found for everything that is wrong and changes nothing. The error is about reading, or about the engine's own structures.
func (s *Store) Check(ctx context.Context, found func(Damage)) (CheckReport, error) {
	report := CheckReport{Records: map[Table]int{}}
	if c, ok := s.engine.(checker); ok {
		if err := c.Check(ctx); err != nil {
			return report, err
		}
	}
	for _, table := range []Table{tableMeta, tableMessages, tableQueue, tableOpen, tableRefs, tableReports, tableKeys, tableSegments, tableSets, tableDigests,
		tableQuarantine, tableDamaged, tableDeadlines, tableEvents, tableRemembered, tableUsage, tableWebhooks, tableCursors, tableDeliveries, tableUndelivered,
		tableRetries} {
		from := []byte(nil)
		for {
			var wrong []Damage
			seen := 0
			var last []byte
			err := s.engine.View(ctx, func(r Reader) error {
				wrong, seen, last = nil, 0, nil
				return r.Scan(table, from, nil, false, func(k, v []byte) (bool, error) {
					seen++
					last = bytes.Clone(k)
					reason, err := examine(r, table, k, v)
					if reason != "" {
						wrong = append(wrong, *damage(table, k, reason))
					}
					return seen < checkSlice, err
				})
			})
			if err != nil {
				return report, err
			}
			report.Records[table] += seen
			report.Damaged += len(wrong)
			for _, d := range wrong {
				found(d)
			}
			if seen < checkSlice {
				break
			}
			from = append(last, 0)
		}
	}
	return report, nil
}

// examine says what is wrong with one key, empty when nothing is.
func examine(r Reader, table Table, k, v []byte) (string, error) {
	e := entry{table, k}
	switch table {
	case tableQueue, tableOpen, tableRefs:
		return examineEntry(r, e)
	case tableSets:
		return examineSet(r, k)
	case tableUndelivered, tableRetries:
		return examineDeliveryEntry(r, e)
	case tableDeadlines:
		if _, ok := messageOf(e); ok {
			return examineEntry(r, e)
		}
		return "", nil
	}
	if err := inspect(table, k, v); err != nil {
		d, _ := damaged(err)
		return d.Reason, nil
	}
	switch table {
	case tableMessages:
		m, err := openMessage(k, v)
		if err != nil {
			return "", err
		}
		for _, e := range entries(m) {
			has, err := exists(r, e)
			if err != nil {
				return "", err
			}
			if !has {
				return fmt.Sprintf("entry %s in table %s is missing", hexKey(e.key), e.table), nil
			}
		}
	case tableDeliveries:
		return examineDelivery(r, k, v)
	case tableSegments:
		s, err := openSegment(k, v)
		if err != nil {
			return "", err
		}
		has, err := exists(r, entry{tableSets, setKey(s)})
		if err != nil {
			return "", err
		}
		if !has {
			return "its entry in table sets is missing", nil
		}
	}
	return "", nil
}

// examineEntry says whether an index entry follows from its message.
func examineEntry(r Reader, e entry) (string, error) {
	id, ok := messageOf(e)
	if !ok {
		return "entry has an unknown form", nil
	}
	value, err := r.Get(tableMessages, id[:])
	if err != nil {
		return "", err
	}
	if value == nil {
		return fmt.Sprintf("message %s does not exist", id), nil
	}
	m, err := openMessage(id[:], value)
	if err != nil {
		return "", nil // the message itself is reported
	}
	if !slices.ContainsFunc(entries(m), func(o entry) bool { return e.compare(o) == 0 }) {
		return fmt.Sprintf("does not follow from message %s, which is %s", id, m.State), nil
	}
	return "", nil
}

func examineSet(r Reader, k []byte) (string, error) {
	if len(k) < 32 {
		return "entry has an unknown form", nil
	}
	key := k[len(k)-32:]
	value, err := r.Get(tableSegments, key)
	if err != nil {
		return "", err
	}
	if value == nil {
		return "set does not exist", nil
	}
	if s, err := openSegment(key, value); err == nil && !bytes.Equal(setKey(s), k) {
		return "does not follow from its set", nil
	}
	return "", nil
}

func exists(r Reader, e entry) (has bool, err error) {
	err = r.Scan(e.table, e.key, append(bytes.Clone(e.key), 0), false, func(_, _ []byte) (bool, error) {
		has = true
		return false, nil
	})
	return has, err
}

// inspect returns a *Damage when a record does not carry what was written. Tables of index entries have no records.
func inspect(table Table, key, value []byte) error {
	var err error
	switch table {
	case tableMessages:
		_, err = openMessage(key, value)
	case tableEvents:
		_, err = openEvent(key, value)
	case tableKeys:
		_, err = openKeyRecord(key, value)
	case tableDigests:
		_, err = openDigest(key, value)
	case tableSegments:
		_, err = openSegment(key, value)
	case tableReports:
		_, err = openReport(key, value)
	case tableQuarantine:
		_, err = openBad(key, value)
	case tableDamaged:
		var payload []byte
		if payload, err = unseal(table, key, value); err == nil {
			if _, err = decodeDamaged(payload); err != nil {
				err = damage(table, key, err.Error())
			}
		}
	case tableWebhooks:
		_, err = openWebhook(key, value)
	case tableCursors:
		_, err = openCursor(key, value)
	case tableDeliveries:
		_, err = openDelivery(key, value)
	case tableUsage:
		_, err = parseUsage(key, value)
	case tableMeta, tableRemembered:
		_, err = unseal(table, key, value)
	}
	return err
}
