package gsm

import (
	"context"
	"encoding/hex"
	"errors"
	"sync"
	"time"

	"trunkline/modem"
	"trunkline/store"
)

const (
	// storedByHost is the least <stat> of messages that were written to the memory to be sent (3GPP TS 27.005 §3.1).
	storedByHost = 2
	// sentCopy is the <stat> of a message that was written to be sent, and sent: a copy that only takes room.
	sentCopy = 3
	// retrySweep is the pause after a sweep that failed.
	retrySweep = 5 * time.Second
	// stubborn is how many deletions of a slot may do nothing before it is said loudly.
	stubborn = 2
)

// Run brings in what the modem receives, and writes what happens to it into the event feed, until ctx ends.
func (t *Trunk) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { t.chronicle(ctx) })
	for {
		select {
		case <-ctx.Done():
			return nil
		case n := <-t.modem.Notices():
			t.notice(ctx, n)
		}
	}
}

// notice acts on what the modem told. Several hints in a row cause one sweep.
func (t *Trunk) notice(ctx context.Context, n modem.Notice) {
	for hint := false; ; {
		switch n.Kind {
		case modem.NoticeDeliver, modem.NoticeReport:
			t.direct(ctx, n)
		case modem.NoticeOnline:
			t.forgetObedience()
			hint = true
		case modem.NoticeStored:
			hint = true
		case modem.NoticeLate:
			t.late(ctx, n.Index)
		}
		select {
		case n = <-t.modem.Notices():
			continue
		default:
		}
		if hint {
			t.sweep(ctx)
		}
		return
	}
}

// direct takes a message that the modem did not store. It is acknowledged when it is on disk; when it cannot be stored, the network is told to keep it.
func (t *Trunk) direct(ctx context.Context, n modem.Notice) {
	err := t.take(ctx, "", n.Raw, n.Length)
	if err != nil {
		t.log.Error("a directly delivered message could not be stored; the network is asked to keep it", "err", err)
	}
	if err := t.modem.Acknowledge(ctx, err == nil); err != nil {
		t.log.Debug("the modem did not take the acknowledgement", "err", err)
	}
}

// late uses an answer that came after its part was given up: it is evidence that the network took the part.
func (t *Trunk) late(ctx context.Context, reference int) {
	l := t.lost.Swap(nil)
	if l == nil {
		return
	}
	for range 50 { // until the dispatcher has stored that the answer was lost
		m, err := t.store.Message(ctx, l.id)
		if err != nil {
			return
		}
		p := &m.Parts[l.seq-1]
		if a := p.Attempts; len(a) > 0 && a[len(a)-1].Before >= 0 && reference != (a[len(a)-1].Before+1)&255 {
			t.log.Info("a late answer is not about the part whose answer was lost last", "message", l.id, "part", l.seq, "reference", reference)
			return
		}
		if p.State == store.Unknown || p.State == store.Sending && p.Attempts[len(p.Attempts)-1].Phase == store.Unclear {
			_, err := t.store.Settle(ctx, store.Outcome{ID: l.id, Seq: l.seq, At: t.store.Now(), State: store.Sent, Reference: reference, SIM: t.line(),
				Evidence: store.EvidenceLate})
			t.log.Info("a late answer tells that the network took a part", "message", l.id, "part", l.seq, "err", err)
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// sweep lists every memory of the modem, stores what is there and deletes what is stored. It tries again until it succeeds, the modem goes or ctx ends.
func (t *Trunk) sweep(ctx context.Context) {
	start := time.Now()
	for {
		err := t.sweepOnce(ctx)
		if err == nil {
			t.metrics.latency.Observe(time.Since(start).Seconds())
			return
		}
		if ctx.Err() != nil || gone(err) {
			return
		}
		t.log.Error("sweep of the message memory failed; it is repeated", "err", err, "pause", retrySweep)
		select {
		case <-ctx.Done():
			return
		case <-time.After(retrySweep):
		}
	}
}

// gone tells whether the modem's session has ended; the next one begins with a sweep.
func gone(err error) bool {
	return errors.Is(err, modem.ErrNotReady) || errors.Is(err, modem.ErrPortLost) || errors.Is(err, modem.ErrRestarted)
}

// sweepOnce goes over the memories until a pass finds nothing new, so that every deletion has been seen to work: some modems say OK and delete nothing.
func (t *Trunk) sweepOnce(ctx context.Context) error {
	var failed error
	tried := map[string]string{}   // what this sweep deleted or could not store, by slot
	garbled := map[string]string{} // what did not look whole when it was listed first, by slot
	for {
		stored, err := t.modem.List(ctx)
		if err != nil {
			return errors.Join(failed, err)
		}
		if err := t.proveDeleted(ctx, stored); err != nil {
			return errors.Join(failed, err)
		}
		fresh := false
		for _, s := range stored {
			slot := slotOf(s)
			if s.Status == sentCopy && t.crowded(s.Memory) && !t.copies.holds(s) {
				if err := t.modem.Delete(ctx, s); err != nil {
					return errors.Join(failed, err)
				}
				continue
			}
			if raw, again := tried[slot]; s.Status >= storedByHost || again && raw == s.Raw {
				continue
			}
			if raw, again := garbled[slot]; !(again && raw == s.Raw) && !whole(s) {
				garbled[slot], fresh = s.Raw, true
				continue // octets may have been lost on the line: only what is listed so twice is taken for what the modem has
			}
			tried[slot], fresh = s.Raw, true
			if err := t.take(ctx, slot, s.Raw, s.Length); err != nil {
				failed = errors.Join(failed, err) // it stays on the modem
				continue
			}
			err := t.modem.Delete(ctx, s)
			if err != nil && (gone(err) || ctx.Err() != nil) {
				return errors.Join(failed, err)
			}
			t.deleted[slot] = deletion{line: t.line(), raw: s.Raw, tries: t.deleted[slot].tries + 1, obeyed: err == nil}
		}
		if !fresh {
			return failed
		}
	}
}

// crowded tells whether a memory is nearly full.
func (t *Trunk) crowded(memory string) bool {
	for _, st := range t.modem.Status().Storage {
		if st.Memory == memory && st.Total > 0 && st.Used*100 >= st.Total*80 {
			return true
		}
	}
	return false
}

// forgetObedience is for a new session: a card that is still being read lists nothing, which proves nothing about what was deleted before.
func (t *Trunk) forgetObedience() {
	for slot, d := range t.deleted {
		d.obeyed = false
		t.deleted[slot] = d
	}
}

// proveDeleted compares what was deleted with what is there. A slot that is free is released in the store, so that an equal message in it later is a
// repetition by the network and not the same one; what is still there is recognised and deleted again at the next sweep.
func (t *Trunk) proveDeleted(ctx context.Context, stored []modem.Stored) error {
	if len(t.deleted) == 0 {
		return nil
	}
	there := make(map[string]string, len(stored))
	for _, s := range stored {
		there[slotOf(s)] = s.Raw
	}
	for slot, d := range t.deleted {
		if raw, ok := there[slot]; ok && raw == d.raw {
			if d.tries == stubborn {
				t.log.Error("the modem does not delete a message; it stays there and is recognised at each sweep", "slot", slot)
			}
			continue
		}
		delete(t.deleted, slot)
		octets, err := hex.DecodeString(d.raw)
		if err != nil || !d.obeyed {
			continue // it is in quarantine, which knows it by its text; or it may only be out of sight
		}
		if err := t.store.Release(ctx, d.line, slot, octets); err != nil {
			return err
		}
	}
	return nil
}
