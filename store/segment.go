package store

import (
	"bytes"
	"fmt"
	"slices"
	"time"
)

// Assembler joins segments. It keeps no state of its own: what it has to remember between two segments of a set goes through State. Its methods are
// pure and may run more than once for one segment.
type Assembler interface {
	// Add takes one segment, the PDU with its SMSC. state is nil for the first one of a set.
	Add(state []byte, raw []byte, at time.Time) (Assembly, error)
	// Flush returns what is readable of a set that will not become complete; nothing when all of it was given out before.
	Flush(state []byte) ([]Content, error)
}

// Assembly is what a set has become by one segment.
type Assembly struct {
	State    []byte    // to be remembered; nil: nothing more is expected of the set
	Complete []Content // became complete
	Note     string    // a deviation, e.g. "conflict" when a part came twice with other text; empty when all is well
}

// Content is a joined message.
type Content struct {
	Text    string
	Data    []byte
	Raws    [][]byte // the PDUs in it, in order of sequence
	Missing []int    // sequence numbers that did not come
	Total   int
	Notes   []string
}

// At most this many sets are open; beyond it the oldest is given up. As many again are remembered after they were completed.
const (
	maxSetsPerSender = 32
	maxSets          = 4096
)

func segmentKey(set []byte) []byte { return digestOf("set", string(set)) }

func setKey(s *segmentRecord) []byte {
	b := appendName([]byte{setKind(s.Open)}, s.Sender)
	b = appendTime(b, s.OpenedAt)
	return append(b, segmentKey(s.Key)...)
}

func setKind(open bool) byte {
	if open {
		return 'o'
	}
	return 'r'
}

// segment adds a part to its set and returns the messages that became complete, or were given up to make room.
func (t *tx) segment(a *Arrival, ids *idPool) ([]Message, error) {
	ids.rewind()
	key := segmentKey(a.Segment.Key)
	old, err := t.set(key, a.At)
	if err != nil {
		return nil, err
	}
	template := a.Message
	set := &segmentRecord{Key: a.Segment.Key, Sender: a.Segment.Sender, OpenedAt: a.At, Until: a.At.Add(t.s.options.SegmentKeep), Template: &template}
	var state []byte
	if old != nil {
		set.OpenedAt, set.Until, state = old.OpenedAt, old.Until, old.State
	}
	joined, err := t.s.options.Assembler.Add(state, a.Raw, a.At)
	if err != nil {
		return nil, fmt.Errorf("join segment %d of %d: %w", a.Segment.Seq, a.Segment.Total, err)
	}
	if old != nil && old.Open {
		template.Notes = merge(old.Template.Notes, template.Notes...)
	}
	template.Notes = merge(template.Notes, joined.Note)
	var done []Message
	for i := range joined.Complete {
		id := a.Message.ID
		if i > 0 {
			id = ids.next()
		}
		m, err := t.assembled(set, &joined.Complete[i], id)
		if err != nil {
			return nil, err
		}
		done = append(done, *m)
	}
	if err := t.dropSet(old); err != nil || joined.State == nil {
		return done, err
	}
	set.State, set.Open = joined.State, len(joined.Complete) == 0
	if err := t.putSet(set); err != nil {
		return done, err
	}
	lost, err := t.bound(set, ids)
	return append(done, lost...), err
}

// assembled writes the message that a set became.
func (t *tx) assembled(set *segmentRecord, c *Content, id MessageID) (*Message, error) {
	m := *set.Template
	m.ID, m.Text, m.Data, m.Missing, m.Incomplete = id, c.Text, c.Data, c.Missing, len(c.Missing) > 0
	m.Notes = merge(m.Notes, c.Notes...)
	m.Parts = nil
	seq := 0
	for _, raw := range c.Raws {
		seq++
		for slices.Contains(c.Missing, seq) {
			seq++
		}
		m.Parts = append(m.Parts, Part{Seq: seq, State: Received, Reference: -1, Status: -1, TPDU: raw, Trunk: m.Trunk})
	}
	return &m, t.received(&m)
}

// merge returns notes with more behind them, each once; it changes neither.
func merge(notes []string, more ...string) []string {
	notes = slices.Clone(notes)
	for _, n := range more {
		if n != "" && !slices.Contains(notes, n) {
			notes = append(notes, n)
		}
	}
	return notes
}

// giveUp writes what is readable of a set and forgets it.
func (t *tx) giveUp(set *segmentRecord, ids *idPool) ([]Message, error) {
	var done []Message
	if t.s.options.Assembler != nil {
		contents, err := t.s.options.Assembler.Flush(set.State)
		if err != nil {
			d := damage(tableSegments, segmentKey(set.Key), "state cannot be read: "+err.Error())
			if err := t.putAside(d, set.Until); err != nil {
				return nil, err
			}
		}
		for i := range contents {
			m, err := t.assembled(set, &contents[i], ids.next())
			if err != nil {
				return nil, err
			}
			done = append(done, *m)
		}
	}
	return done, t.dropSet(set)
}

// bound gives up the oldest sets when there are too many of the kind of this one.
func (t *tx) bound(set *segmentRecord, ids *idPool) ([]Message, error) {
	var done []Message
	kind := []byte{setKind(set.Open)}
	for _, limit := range []struct {
		prefix []byte
		max    int
	}{{appendName(bytes.Clone(kind), set.Sender), maxSetsPerSender}, {kind, maxSets}} {
		count := 0
		var oldest []byte
		var since time.Time
		err := t.Scan(tableSets, limit.prefix, after(limit.prefix), false, func(k, _ []byte) (bool, error) {
			count++
			if at := readTime(k[len(k)-40:]); oldest == nil || at.Before(since) {
				oldest, since = bytes.Clone(k[len(k)-32:]), at
			}
			return true, nil
		})
		if err != nil {
			return nil, err
		}
		if count <= limit.max {
			continue
		}
		victim, err := t.set(oldest, set.OpenedAt)
		if err != nil {
			return nil, err
		}
		if victim == nil {
			continue
		}
		lost, err := t.giveUp(victim, ids)
		if err != nil {
			return nil, err
		}
		done = append(done, lost...)
	}
	return done, nil
}

// set returns a set of segments, nil when there is none. A damaged record is put aside with its entry.
func (t *tx) set(key []byte, at time.Time) (*segmentRecord, error) {
	value, err := t.Get(tableSegments, key)
	if err != nil || value == nil {
		return nil, err
	}
	s, err := openSegment(key, value)
	d, ok := damaged(err)
	if !ok {
		return s, err
	}
	if err := t.putAside(d, at); err != nil {
		return nil, err
	}
	var entries [][]byte
	err = t.Scan(tableSets, nil, nil, false, func(k, _ []byte) (bool, error) {
		if bytes.HasSuffix(k, key) {
			entries = append(entries, bytes.Clone(k))
		}
		return true, nil
	})
	for _, k := range entries {
		if err := t.Delete(tableSets, k); err != nil {
			return nil, err
		}
	}
	return nil, err
}

func (t *tx) putSet(s *segmentRecord) error {
	key := segmentKey(s.Key)
	if err := t.Put(tableSets, setKey(s), nil); err != nil {
		return err
	}
	if err := t.Put(tableDeadlines, deadlineKeyOf(s.Until, deadlineSet, key), nil); err != nil {
		return err
	}
	return t.Put(tableSegments, key, seal(tableSegments, key, appendSegment(newFrame(256+len(s.State)), s)))
}

func (t *tx) dropSet(s *segmentRecord) error {
	if s == nil {
		return nil
	}
	key := segmentKey(s.Key)
	if err := t.Delete(tableSets, setKey(s)); err != nil {
		return err
	}
	if err := t.Delete(tableDeadlines, deadlineKeyOf(s.Until, deadlineSet, key)); err != nil {
		return err
	}
	return t.Delete(tableSegments, key)
}

func openSegment(key, value []byte) (*segmentRecord, error) {
	payload, err := unseal(tableSegments, key, value)
	if err != nil {
		return nil, err
	}
	s, err := decodeSegment(payload)
	if err != nil {
		return nil, damage(tableSegments, key, err.Error())
	}
	return s, nil
}

// flushSet gives up a set whose time passed.
func (t *tx) flushSet(key []byte, at time.Time, ids *idPool) error {
	s, err := t.set(key, at)
	if err != nil || s == nil || s.Until.After(at) {
		return err
	}
	_, err = t.giveUp(s, ids)
	return err
}
