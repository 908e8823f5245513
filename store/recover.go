package store

import (
	"context"
	"errors"
	"time"
)

// Recovered counts what Recover found.
type Recovered struct {
	Requeued int // messages that wait again
	Unknown  int // parts that may or may not have gone out
}

// CodeCrash is the code of a Failure when the program ended before an attempt did.
const CodeCrash = "crash"

// recoverSlice is how many messages one transaction of Recover looks at.
const recoverSlice = 128

// Recover puts in order what a crash left in Sending: an attempt that was only claimed sent nothing, so the part waits again; one that was marked may
// have, so that evidence is awaited and the part is Unknown, with failure "crash", when none comes. The message waits when it has parts that wait. It
// is called once, before the first Claim.
func (s *Store) Recover(ctx context.Context, at time.Time) (Recovered, error) {
	var all Recovered
	var last MessageID
	for {
		var some Recovered
		var ids []MessageID
		err := s.update(ctx, func(t *tx) (err error) {
			some = Recovered{}
			ids, err = t.sending(last)
			if err != nil {
				return err
			}
			for _, id := range ids {
				if err := t.recover(id, at, &some); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return all, err
		}
		all.Requeued += some.Requeued
		all.Unknown += some.Unknown
		if len(ids) == 0 {
			return all, nil
		}
		last = ids[len(ids)-1]
	}
}

// sending returns a slice of the messages that are Sending, those behind an id.
func (t *tx) sending(last MessageID) ([]MessageID, error) {
	var ids []MessageID
	prefix := []byte{byte(Sending)}
	err := t.Scan(tableOpen, append(openKey(Sending, last), 0), after(prefix), false, func(k, _ []byte) (bool, error) {
		if id, ok := messageOf(entry{tableOpen, k}); ok {
			ids = append(ids, id)
		}
		return len(ids) < recoverSlice, nil
	})
	return ids, err
}

func (t *tx) recover(id MessageID, at time.Time, count *Recovered) error {
	m, err := t.load(id)
	if d, ok := damaged(err); ok {
		return t.putAside(d, at)
	}
	if errors.Is(err, ErrNotFound) {
		return t.Delete(tableOpen, openKey(Sending, id))
	}
	if err != nil {
		return err
	}
	var cut *Part
	for i := range m.Parts {
		p := &m.Parts[i]
		a := p.attempt()
		if a == nil || a.Phase == Unclear {
			continue
		}
		cut = p
		if a.Phase == Claimed {
			if err := t.uncount(m.Message, a); err != nil {
				return err
			}
			p.end(at, &Failure{Code: CodeCrash, Text: "the program ended before anything was sent"})
			p.State = Waiting
			continue
		}
		if err := t.doubt(m, p, at, &Failure{Code: CodeCrash, Text: "the program ended before the answer of the modem was stored"}); err != nil {
			return err
		}
		count.Unknown++
	}
	to := m.outcome()
	if m.next() != nil && !m.failed() {
		to = Waiting
	}
	if cut != nil && !m.failed() {
		m.Failure = cut.last().Failure
	}
	switch to {
	case Waiting:
		count.Requeued++
	case Sending:
		if cut == nil {
			return nil
		}
		return t.finishPart(m, at, cut, m.Failure)
	}
	return t.enter(m, to, at, cut)
}
