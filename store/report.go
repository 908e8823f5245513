package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"trunkline/callplan/phone"
)

// Report is a status report of the network about one part.
type Report struct {
	Trunk        string
	SIM          string
	Reference    int // TP-MR, 0 to 255
	Recipient    phone.Number
	Status       int       // TP-ST, 0 to 255. 3GPP TS 23.040 §9.2.3.15
	CentreAt     time.Time // when the centre took the part; zero when unknown
	DischargedAt time.Time // when it was delivered or given up, by the centre's clock; zero when unknown
	At           time.Time // when it reached us
	Raw          []byte    // the PDU; nil when there is none

	until time.Time // of one that is kept: when it is forgotten; zero in records of old
}

// Match says what part a report is about.
type Match uint8

const (
	Matched   Match = 1 // one part awaits it
	Unmatched Match = 2 // no part awaits it
	Ambiguous Match = 3 // several parts await it alike, so nothing was changed
)

func (m Match) String() string {
	switch m {
	case Matched:
		return "matched"
	case Unmatched:
		return "unmatched"
	case Ambiguous:
		return "ambiguous"
	}
	return ""
}

// Two parts whose distance from a report differs by less than this are alike.
const reportPrecision = 2 * time.Second

// Report applies a status report to the part that awaits it: same SIM, same reference, same line, within the window. References come round after 256
// messages, so of several parts the one sent nearest to the centre's time stamp is meant, or the newest when there is none; when two are alike,
// nothing is changed. The message is the one that was meant, zero unless Matched. A report that nobody awaits is kept for a while, in case
// that it came before the answer of the modem. A report with the same PDU as an earlier one changes nothing.
func (s *Store) Report(ctx context.Context, r Report) (Match, Message, error) {
	if r.Reference < 0 || r.Reference > 255 || r.Status < 0 || r.Status > 255 {
		return 0, Message{}, fmt.Errorf("%w: report with reference %d and status %d", ErrInvalid, r.Reference, r.Status)
	}
	var match Match
	var m Message
	err := s.update(ctx, func(t *tx) (err error) {
		match, m = 0, Message{}
		var seen *digestRecord
		var digest []byte
		if len(r.Raw) > 0 {
			digest = digestOf("report", r.SIM, string(r.Raw))
			if seen, err = t.digest(digest, r.At); err != nil {
				return err
			}
			if seen != nil && !seen.Message.IsZero() {
				old, err := readMessage(t, seen.Message)
				if err == nil {
					match, m = Matched, *old
					return nil
				}
				if !errors.Is(err, ErrNotFound) {
					return err
				}
			}
		}
		id, seq, match2, err := t.meant(&r)
		if match = match2; err != nil {
			return err
		}
		switch match {
		case Matched:
			rec, err := t.load(id)
			if err != nil {
				return err
			}
			if part := rec.part(seq); part != nil {
				if err := t.apply(rec, part, &r); err != nil {
					return err
				}
			}
			m = *rec.Message
		case Unmatched:
			if seen == nil {
				err = t.keepReport(&r)
			}
		case Ambiguous:
			if seen == nil {
				err = t.event(reportEvent("report.ambiguous", &r))
			}
		}
		if err != nil || digest == nil || seen != nil && m.ID.IsZero() {
			return err
		}
		return t.putDigest(digest, seen, &digestRecord{Until: r.At.Add(t.s.options.DigestKeep), Message: m.ID})
	})
	if err != nil {
		return 0, Message{}, err
	}
	s.metrics.reports.WithLabelValues(match.String()).Inc()
	return match, m, nil
}

func reportEvent(kind string, r *Report) Event {
	return Event{Type: kind, At: r.At, Reference: r.Reference, Trunk: r.Trunk, Code: statusCode(r.Status)}
}

func statusCode(status int) string { return fmt.Sprintf("status_%02x", status) }

// meant finds the part that a report is about.
func (t *tx) meant(r *Report) (id MessageID, seq int, match Match, err error) {
	prefix := refsPrefix(r.SIM, r.Reference, r.Recipient)
	type candidate struct {
		id  MessageID
		seq int
		far time.Duration
	}
	var found []candidate
	err = t.Scan(tableRefs, prefix, after(prefix), true, func(k, _ []byte) (bool, error) {
		rest := k[len(prefix):]
		if len(rest) != timeBytes+idBytes+1 {
			return true, nil
		}
		sent := readTime(rest)
		if !r.At.Before(sent.Add(t.s.options.ReportWindow)) {
			return false, nil
		}
		centre := r.CentreAt
		if centre.IsZero() {
			centre = r.At
		}
		found = append(found, candidate{MessageID(rest[timeBytes : timeBytes+idBytes]), int(rest[len(rest)-1]), sent.Sub(centre).Abs()})
		return true, nil
	})
	if err != nil || len(found) == 0 {
		return id, 0, Unmatched, err
	}
	best := found[0]
	alike := false
	for _, c := range found[1:] {
		if (c.far - best.far).Abs() < reportPrecision {
			alike = true
		}
		if c.far < best.far {
			alike = (c.far - best.far).Abs() < reportPrecision
			best = c
		}
	}
	if alike {
		return id, 0, Ambiguous, nil
	}
	return best.id, best.seq, Matched, nil
}

// apply changes a part by a report, and its message when that follows.
func (t *tx) apply(m *record, p *Part, r *Report) error {
	proof := p.proven(r)
	failure, changed := p.report(r)
	if !proof && !changed {
		return t.save(m)
	}
	return t.review(m, r.At, p, failure)
}

// proven makes a part Sent whose answer was lost: the network cannot report what it does not have. It is false for every other part.
func (p *Part) proven(r *Report) bool {
	if !p.unclear() && p.State != Unknown {
		return false
	}
	a := p.last()
	p.end(r.At, a.Failure)
	a.Until = time.Time{}
	p.State, p.SentAt, p.Reference, p.Evidence = Sent, a.StartedAt, r.Reference, EvidenceReport
	return true
}

// report sets a part to what a status says about it. changed is false when the network is still trying, or says nothing that we know.
// 3GPP TS 23.040 §9.2.3.15.
func (p *Part) report(r *Report) (failure *Failure, changed bool) {
	p.Status = r.Status
	switch {
	case r.Status <= 0x1F: // transaction completed
		p.State, p.AwaitUntil, p.DeliveredAt = Delivered, time.Time{}, r.DischargedAt
		// The centre's clock may be anywhere and counts seconds: it was delivered between our sending it and our hearing of it.
		if p.DeliveredAt.IsZero() || p.DeliveredAt.After(r.At) {
			p.DeliveredAt = r.At
		}
		if p.DeliveredAt.Before(p.SentAt) {
			p.DeliveredAt = p.SentAt
		}
		return nil, true
	case r.Status >= 0x40 && r.Status <= 0x7F: // permanent error, or temporary error and no more tries
		p.State, p.AwaitUntil = Error, time.Time{}
		return &Failure{Code: statusCode(r.Status), Text: "the network reported that the message was not delivered"}, true
	}
	return nil, false
}

// keepReport keeps a report that nobody awaits.
func (t *tx) keepReport(r *Report) error {
	key := appendTime(refsPrefix(r.SIM, r.Reference, r.Recipient), r.At)
	kept := *r
	kept.until = r.At.Add(t.s.options.ReportKeep)
	unique := sha256.Sum256(fmt.Appendf(nil, "%d %v %v %x", r.Status, r.CentreAt, r.DischargedAt, r.Raw))
	key = append(key, unique[:8]...)
	if err := t.Put(tableReports, key, seal(tableReports, key, appendReport(newFrame(128+len(r.Raw)), &kept))); err != nil {
		return err
	}
	if err := t.Put(tableDeadlines, deadlineKeyOf(kept.until, deadlineReport, key), nil); err != nil {
		return err
	}
	return t.event(reportEvent("report.unmatched", r))
}

// early applies the reports that came before the answer of the modem, since the attempt began.
func (t *tx) early(m *Message, p *Part, reference int, began, at time.Time) error {
	prefix := refsPrefix(p.SIM, reference, m.To)
	var keys [][]byte
	var reports []*Report
	var bad []*Damage
	err := t.Scan(tableReports, appendTime(prefix, began), after(prefix), false, func(k, v []byte) (bool, error) {
		key := append([]byte(nil), k...)
		r, err := openReport(key, v)
		if d, ok := damaged(err); ok {
			bad = append(bad, d)
			return true, nil
		}
		keys, reports = append(keys, key), append(reports, r)
		return true, err
	})
	if err != nil {
		return err
	}
	for _, d := range bad {
		if err := t.putAside(d, at); err != nil {
			return err
		}
	}
	for i, r := range reports {
		if p.AwaitUntil.IsZero() {
			break
		}
		p.proven(r)
		if failure, _ := p.report(r); failure != nil {
			m.Failure = failure
		}
		if err := t.Delete(tableReports, keys[i]); err != nil {
			return err
		}
		until := r.until
		if until.IsZero() {
			until = r.At.Add(t.s.options.ReportKeep)
		}
		if err := t.Delete(tableDeadlines, deadlineKeyOf(until, deadlineReport, keys[i])); err != nil {
			return err
		}
	}
	return nil
}

func openReport(key, value []byte) (*Report, error) {
	payload, err := unseal(tableReports, key, value)
	if err != nil {
		return nil, err
	}
	r, err := decodeReport(payload)
	if err != nil {
		return nil, damage(tableReports, key, err.Error())
	}
	return r, nil
}
