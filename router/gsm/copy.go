package gsm

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"trunkline/modem"
	"trunkline/store"
)

// With store_and_send each part lies in a memory of the modem before it is sent, and stays there until what became of it is stored. A copy that is marked
// sent proves that the network took the part. One that is not proves that it did not, under three conditions: the modem gave no answer that it failed,
// since a network may take a part and its acknowledgement be lost on the air; it has neither restarted nor lost power since; and all the time has passed
// that a network may take. Which copies there are is remembered over restarts, from before each is made.

const (
	// maxCopies bounds the copies of a line. Where so many could not be deleted, parts are sent without.
	maxCopies = 16
	// stillInTheAir is how long a modem may be at work on what it was told to send: the longest acknowledgement timer, TR1M for narrow-band networks, is 395
	// to 405 s. 3GPP TS 24.011 §10.
	stillInTheAir = 7 * time.Minute
)

// A placedCopy is a part in a memory of the modem.
type placedCopy struct {
	id     store.MessageID
	seq    int
	digest string // of the TPDU, hex
	memory string // "" while it is not known where it is, or whether
	index  int
	lostIn string // session in which the answer to its sending was lost; "" when that was in an earlier life of the program, or not at all
}

// copies are those of one line.
type copies struct {
	mu   sync.Mutex
	line string
	all  []*placedCopy
}

func copiesKey(line string) string { return "copies/" + line }

// digestTPDU identifies an SMS-SUBMIT, but for the reference: modems set that when they send. 3GPP TS 23.040 §9.2.2.2.
func digestTPDU(tpdu []byte) string {
	if len(tpdu) < 2 {
		return ""
	}
	b := bytes.Clone(tpdu)
	b[1] = 0
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:8])
}

// digestStored is digestTPDU for what a memory holds, "" when that is no TPDU.
func digestStored(s modem.Stored) string {
	raw, err := hex.DecodeString(s.Raw)
	if err != nil || len(raw) == 0 || int(raw[0]) >= len(raw) {
		return ""
	}
	return digestTPDU(raw[1+int(raw[0]):])
}

// text is what is remembered of the copies: a line for each.
func (c *copies) text() []byte {
	var b bytes.Buffer
	for _, p := range c.all {
		fmt.Fprintf(&b, "%s %d %s %s %d\n", p.id, p.seq, p.digest, p.memory+"-", p.index)
	}
	return b.Bytes()
}

// parseCopies reads what text made; lines that it did not make are left out.
func parseCopies(text []byte) (all []*placedCopy) {
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if len(f) != 5 || len(all) == maxCopies {
			continue
		}
		id, err := store.ParseMessageID(f[0])
		if err != nil {
			continue
		}
		p := &placedCopy{id: id, digest: f[2], memory: strings.TrimSuffix(f[3], "-")}
		if _, err := fmt.Sscan(f[1]+" "+f[4], &p.seq, &p.index); err != nil || p.seq < 1 || p.index < 0 {
			continue
		}
		all = append(all, p)
	}
	return all
}

// loadCopies reads which copies the line has when it is another than before.
func (t *Trunk) loadCopies(ctx context.Context, line string) error {
	c := &t.copies
	if c.line == line {
		return nil
	}
	text, err := t.store.Remembered(ctx, copiesKey(line))
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.line, c.all = line, parseCopies(text)
	return nil
}

// saveCopies remembers the copies as change leaves them.
func (t *Trunk) saveCopies(ctx context.Context, change func(c *copies)) error {
	c := &t.copies
	c.mu.Lock()
	change(c)
	text := c.text()
	c.mu.Unlock()
	if len(text) == 0 {
		text = nil
	}
	return t.store.Remember(context.WithoutCancel(ctx), copiesKey(c.line), text)
}

// holds tells whether a copy lies in a slot; it is asked by who sweeps.
func (c *copies) holds(s modem.Stored) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.ContainsFunc(c.all, func(p *placedCopy) bool {
		return p.memory == s.Memory && p.index == s.Index || p.memory == "" && p.digest == digestStored(s)
	})
}

// of returns the newest copy of a part, nil when there is none.
func (c *copies) of(id store.MessageID, seq int) *placedCopy {
	for _, p := range slices.Backward(c.all) {
		if p.id == id && p.seq == seq {
			return p
		}
	}
	return nil
}

// submit hands a part to the modem, by way of its memory when that is wanted.
func (t *Trunk) submit(ctx context.Context, m *store.Message, seq int, mark func() error) (int, error) {
	tpdu, more := m.Parts[seq-1].TPDU, seq < len(m.Parts)
	if !t.modem.StoresAndSends() {
		return t.modem.SubmitPart(ctx, tpdu, more, mark)
	}
	if len(t.copies.all) >= maxCopies {
		t.log.Warn("a part is sent without a copy, since too many lie in the modem that could not be deleted", "copies", len(t.copies.all))
		return t.modem.SubmitPart(ctx, tpdu, more, mark)
	}
	p := &placedCopy{id: m.ID, seq: seq, digest: digestTPDU(tpdu)}
	if err := t.saveCopies(ctx, func(c *copies) { c.all = append(c.all, p) }); err != nil {
		return -1, err
	}
	ref, err := t.modem.SubmitStored(ctx, tpdu, more, func(s modem.Stored) error {
		return t.saveCopies(ctx, func(*copies) { p.memory, p.index = s.Memory, s.Index })
	}, mark)
	if e, ok := errors.AsType[*modem.SubmitError](err); ok && e.Committed {
		p.lostIn = t.count.session
	}
	return ref, err
}

// fromCopy tells by the copy of a part what became of it. o is nil when it does not; waits says that it may later.
func (t *Trunk) fromCopy(ctx context.Context, d store.Doubt) (o *store.Outcome, waits bool, err error) {
	p := t.copies.of(d.ID, d.Seq)
	if p == nil || p.memory == "" {
		return nil, false, nil
	}
	s, there, err := t.readCopy(ctx, p)
	if err != nil || !there {
		return nil, false, err
	}
	now := t.store.Now()
	age := now.Sub(d.StartedAt)
	out := &store.Outcome{ID: d.ID, Seq: d.Seq, At: now, SIM: t.line(), Reference: -1, Evidence: store.EvidenceStored}
	switch {
	case s.Status == modem.StatusSent:
		if out.State = store.Sent; d.Before >= 0 {
			out.Reference = (d.Before + 1) & 255
		}
		return out, false, nil
	case s.Status != modem.StatusUnsent || d.Code != codeAnswerLost && d.Code != store.CodeCrash || !t.uncutSince(p.lostIn, age):
		return nil, false, nil
	case age < stillInTheAir:
		return nil, true, nil
	}
	if moved, err := t.moved(ctx, d); moved || err != nil {
		return nil, false, err
	}
	out.State, out.RetryAt = store.Waiting, now
	out.Failure = &store.Failure{Code: "not_sent", Text: "the answer was lost, and the modem's copy says that it was not sent"}
	return out, false, nil
}

// moved tells whether the SIM counted something since a part was to be sent. One that is not believed counts nothing.
func (t *Trunk) moved(ctx context.Context, d store.Doubt) (bool, error) {
	if !t.count.trust || d.Before < 0 {
		return false, nil
	}
	ref, ok, err := t.lastReference(ctx)
	return ok && ref != d.Before, err
}

// readCopy reads the slot of a copy; there is false when something else or nothing is in it. The error says that the modem is gone.
func (t *Trunk) readCopy(ctx context.Context, p *placedCopy) (s modem.Stored, there bool, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askLimit)
	defer cancel()
	s, ok, err := t.modem.Read(ctx, p.memory, p.index)
	if err != nil {
		if gone(err) || ctx.Err() != nil {
			return s, false, err
		}
		return s, false, nil
	}
	return s, ok && digestStored(s) == p.digest, nil
}

// tidyCopies deletes the copies that are not needed any more: of all parts but those of which evidence is awaited, or whose outcome is not stored yet.
func (t *Trunk) tidyCopies(ctx context.Context, doubts []store.Doubt) error {
	if len(t.copies.all) == 0 {
		return nil
	}
	var done []*placedCopy
	for _, p := range t.copies.all {
		if slices.ContainsFunc(doubts, func(d store.Doubt) bool { return d.ID == p.id && d.Seq == p.seq }) && p == t.copies.of(p.id, p.seq) {
			continue
		}
		if open, err := t.open(ctx, p); err != nil {
			return err
		} else if open {
			continue
		}
		deleted, err := t.deleteCopy(ctx, p)
		if err != nil {
			return err
		}
		if deleted {
			done = append(done, p)
		}
	}
	if len(done) == 0 {
		return nil
	}
	return t.saveCopies(ctx, func(c *copies) {
		c.all = slices.DeleteFunc(c.all, func(p *placedCopy) bool { return slices.Contains(done, p) })
	})
}

// open tells whether a part was on its way when its state was stored last: what became of it could not be stored.
func (t *Trunk) open(ctx context.Context, p *placedCopy) (bool, error) {
	m, err := t.store.Message(ctx, p.id)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil || p.seq > len(m.Parts) {
		return false, err
	}
	attempts := m.Parts[p.seq-1].Attempts
	return len(attempts) > 0 && attempts[len(attempts)-1].Phase == store.Committing, nil
}

// deleteCopy deletes a copy and looks whether it is gone. The error says that the modem is.
func (t *Trunk) deleteCopy(ctx context.Context, p *placedCopy) (deleted bool, err error) {
	if p.memory == "" {
		return t.deleteLost(ctx, p)
	}
	s, there, err := t.readCopy(ctx, p)
	if err != nil || !there {
		return err == nil, err
	}
	if err := t.modem.Delete(context.WithoutCancel(ctx), s); err != nil {
		if gone(err) {
			return false, err
		}
		t.log.Warn("a copy of a message stays in the modem", "memory", p.memory, "slot", p.index, "err", err)
		return false, nil
	}
	_, there, err = t.readCopy(ctx, p)
	return err == nil && !there, err
}

// deleteLost deletes what was stored without our hearing where.
func (t *Trunk) deleteLost(ctx context.Context, p *placedCopy) (bool, error) {
	all, err := t.modem.List(ctx)
	if err != nil {
		return false, err
	}
	for _, s := range all {
		taken := slices.ContainsFunc(t.copies.all, func(o *placedCopy) bool { return o.memory == s.Memory && o.index == s.Index })
		if s.Status < storedByHost || taken || digestStored(s) != p.digest {
			continue
		}
		if err := t.modem.Delete(context.WithoutCancel(ctx), s); err != nil {
			return false, err
		}
	}
	return true, nil
}
