package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"time"
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

// tables lists every table that there is.
func tables() []Table {
	return []Table{tableCredentials, tableLocalUsers, tableTokens, tableSessions, tableThrottles, tableMeta, tableMessages, tableQueue, tableOpen, tableRefs, tableReports, tableKeys, tableSegments, tableSets, tableDigests,
		tableLookup, tableQuarantine, tableDamaged, tableDeadlines, tableEvents, tableRemembered, tableUsage, tableSent, tableWebhooks, tableCursors, tableDeliveries, tableUndelivered,
		tableRetries, tableProviders, tablePlans, tablePlanVersions, tableAdministrators, tableContacts, tableGroups, tableActions, tableSubscribers, tableCalendars, tableLinks, tableIndex, tableCDRs, tableOpenCDRs, tableOptOuts, tableRuns, tableOpenRuns, tableFactors, tableListEntries}
}

// lister is what an engine may offer: the names of the tables that are in it.
type lister interface {
	Tables(ctx context.Context) ([]Table, error)
}

// unknownTables returns *Damage when the engine has a table that the store never made: its name was damaged, and with it all of a table would be missing.
func unknownTables(ctx context.Context, e Engine) error {
	l, ok := e.(lister)
	if !ok {
		return nil
	}
	there, err := l.Tables(ctx)
	if err != nil {
		return err
	}
	for _, t := range there {
		if !slices.Contains(tables(), t) {
			return damage(t, nil, "there is no table of this name; perhaps its name is damaged")
		}
	}
	return nil
}

// Check reads everything: each record's frame, sum and fields, that every message has exactly the index entries that follow from it, the same for sets of
// segments and all that is kept for a time, that no event is missing, and that no less is counted as sent than there is. It calls found for everything that is wrong and changes nothing. The error is
// about reading, or about the engine's own structures.
func (s *Store) Check(ctx context.Context, found func(Damage)) (CheckReport, error) {
	report := CheckReport{Records: map[Table]int{}}
	if c, ok := s.engine.(checker); ok {
		if err := c.Check(ctx); err != nil {
			return report, err
		}
	}
	if err := unknownTables(ctx, s.engine); err != nil {
		return report, err
	}
	sent := sentTally{}
	for _, table := range tables() {
		from := []byte(nil)
		var events sequence
		for {
			var wrong []Damage
			seen := 0
			var last []byte
			before := events
			here := sentTally{}
			err := s.engine.View(ctx, func(r Reader) error {
				wrong, seen, last, events = nil, 0, nil, before
				clear(here)
				return r.Scan(table, from, nil, false, func(k, v []byte) (bool, error) {
					seen++
					last = bytes.Clone(k)
					reason, err := examine(r, table, k, v)
					switch {
					case reason == "" && table == tableEvents:
						reason = events.next(k, v)
					case table == tableMessages:
						here.add(k, v)
					}
					if reason != "" {
						wrong = append(wrong, *damage(table, k, reason))
					}
					return seen < checkSlice, err
				})
			})
			if err != nil {
				return report, err
			}
			for key, n := range here {
				sent[key] += n
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
	wrong, err := missingSent(ctx, s.engine, sent)
	for _, d := range wrong {
		report.Damaged++
		found(d)
	}
	return report, err
}

// sequence follows the numbers of events.
type sequence struct{ last uint64 }

// next says what is wrong with the number of the next event, empty when nothing is. Only the event of a restore may leave a gap in front of it.
func (s *sequence) next(k, v []byte) string {
	n := binary.BigEndian.Uint64(k)
	last := s.last
	s.last = n
	if last == 0 || n == last+1 {
		return ""
	}
	if e, err := openEvent(k, v); err == nil && e.Type == eventRestored {
		return ""
	}
	return fmt.Sprintf("the event before it is %d; %d are missing", last, n-last-1)
}

// examine says what is wrong with one key, empty when nothing is.
func examine(r Reader, table Table, k, v []byte) (string, error) {
	e := entry{table, k}
	switch table {
	case tableQueue, tableOpen, tableRefs, tableSets, tableDeadlines, tableLookup:
		if len(v) > 0 {
			return fmt.Sprintf("an index entry has a value of %d bytes", len(v)), nil
		}
	}
	switch table {
	case tableQueue, tableOpen, tableRefs, tableLookup:
		return examineEntry(r, e)
	case tableSets:
		return examineSet(r, k)
	case tableUndelivered, tableRetries:
		return examineDeliveryEntry(r, e)
	case tableLocalUsers:
		return examineLocalUser(r, k, v)
	case tableIndex:
		return examineIndex(r, k, v)
	case tableOpenRuns:
		return examineOpenRun(r, k)
	case tableOpenCDRs:
		return examineOpenCDR(r, k, v)
	case tableDeadlines:
		if _, ok := messageOf(e); ok {
			return examineEntry(r, e)
		}
		return examineDeadline(r, k)
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
	case tableCredentials:
		return examineCredential(r, k, v)
	case tableRuns:
		return examineRun(r, k, v)
	case tableLinks:
		return examineLink(r, k, v)
	case tableCDRs:
		return examineCDR(r, k, v)
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
	for _, p := range provisionedKinds() {
		if p.is(table) {
			return p.missing(r, k, v)
		}
	}
	if kind, ok := keptFor[table]; ok {
		at, err := until(table, k, v)
		if err != nil || at.IsZero() {
			return "", err
		}
		has, err := exists(r, entry{tableDeadlines, deadlineKeyOf(at, kind, k)})
		if err == nil && !has {
			return fmt.Sprintf("its deadline of kind %q is missing", kind), nil
		}
		return "", err
	}
	return "", nil
}

// keptFor has the kind of deadline at which a record of a table is forgotten.
var keptFor = map[Table]byte{tableKeys: deadlineKey, tableSegments: deadlineSet, tableDigests: deadlineDigest, tableReports: deadlineReport, tableUsage: deadlineUsage}

// until returns when a record is forgotten, zero when it does not say so itself.
func until(table Table, k, v []byte) (at time.Time, err error) {
	switch table {
	case tableKeys:
		r, err := openKeyRecord(k, v)
		if err == nil {
			at = r.Until
		}
		return at, err
	case tableSegments:
		r, err := openSegment(k, v)
		if err == nil {
			at = r.Until
		}
		return at, err
	case tableDigests:
		r, err := openDigest(k, v)
		if err == nil {
			at = r.Until
		}
		return at, err
	case tableReports:
		r, err := openReport(k, v)
		if err == nil {
			at = r.until
		}
		return at, err
	}
	return at, nil
}

// examineDeadline looks at a deadline that is not a message's: it must be that of a record.
func examineDeadline(r Reader, k []byte) (string, error) {
	if len(k) <= timeBytes+1 {
		return "entry has an unknown form", nil
	}
	for table, kind := range keptFor {
		if kind != k[timeBytes] {
			continue
		}
		key := k[timeBytes+1:]
		v, err := r.Get(table, key)
		if err != nil {
			return "", err
		}
		if v == nil {
			return fmt.Sprintf("it is for a record in table %s that does not exist", table), nil
		}
		at, err := until(table, key, v)
		if _, bad := damaged(err); bad || at.IsZero() { // the record itself is reported
			return "", nil
		}
		if !at.Equal(readTime(k)) {
			return fmt.Sprintf("it is not when its record in table %s is forgotten", table), nil
		}
		return "", err
	}
	return fmt.Sprintf("deadline of unknown kind %q", k[timeBytes]), nil
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
	case tableCredentials:
		_, err = openCredential(key, value)
	case tableTokens:
		_, err = openToken(key, value)
	case tableSessions:
		_, err = openSession(key, value)
	case tableThrottles:
		_, err = openThrottle(key, value)
	case tableCursors:
		_, err = openCursor(key, value)
	case tableDeliveries:
		_, err = openDelivery(key, value)
	case tableUsage:
		_, err = parseUsage(key, value)
	case tableSent:
		_, _, err = openSent(key, value)
	case tableOptOuts:
		_, err = openOptOut(key, value)
	case tableRuns:
		_, err = openRun(key, value)
	case tableFactors:
		_, err = openFactor(key, value)
	case tableLinks:
		_, err = openLink(key, value)
	case tablePlans:
		_, err = openPlan(key, value)
	case tablePlanVersions:
		_, err = openPlanVersion(key, value)
	case tableCDRs:
		_, err = openCDR(key, value)
	case tableMeta, tableRemembered:
		_, err = unseal(table, key, value)
	default:
		for _, k := range provisionedKinds() {
			if k.is(table) {
				return k.inspect(key, value)
			}
		}
	}
	return err
}
