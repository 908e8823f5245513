package store

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"time"
)

// Accounting says what is counted and where limits are. Its methods are pure: they give the same for the same arguments and may run inside
// transactions.
type Accounting interface {
	// Trunk returns the windows in which a part of a priority counts for a trunk at a time.
	Trunk(trunk string, priority uint8, at time.Time) []Window
	// Account returns the window in which parts count for an account's quota at a time; ok is false when it has none.
	Account(account string, at time.Time) (w Window, ok bool)
}

// Window is a stretch of time in which parts are counted and perhaps limited.
type Window struct {
	Kind       byte // tells windows of one subject apart that begin together, as 'd' and 'm'
	Start, End time.Time
	Limit      int // most parts in it; 0: none may go, and none are counted; Unlimited: as many as come
}

// Unlimited is the limit of a window that only counts.
const Unlimited = -1

// LimitError says that a limit holds messages of a trunk back.
type LimitError struct {
	Trunk string
	Until time.Time // the first of the windows that hold something back ends

	kinds []byte // of the windows
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("the limits of trunk %s hold messages back until %s", e.Trunk, e.Until.Format(time.RFC3339))
}

// join returns what two limits are together; either may be nil.
func (e *LimitError) join(o *LimitError) *LimitError {
	if e == nil {
		return o
	}
	if o.Until.Before(e.Until) {
		e.Until = o.Until
	}
	e.kinds = append(e.kinds, o.kinds...)
	return e
}

// QuotaError says that an account's quota does not allow a submission. Nothing was stored.
type QuotaError struct {
	Account string
	Window
	Used, Wanted int       // parts: counted already, asked for
	At           time.Time // when it was asked for
}

func (e *QuotaError) Error() string {
	if e.Limit == 0 {
		return fmt.Sprintf("account %s may send nothing", e.Account)
	}
	return fmt.Sprintf("account %s used %d of %d parts until %s, and asks for %d", e.Account, e.Used, e.Limit, e.End.Format(time.RFC3339), e.Wanted)
}

// A row of usage is: parts · told, as two numbers of variable length. Told is 1 once an event said that the limit was reached.
type usage struct {
	parts int
	told  bool
}

// Subjects of usage.
const (
	subjectTrunk   = "trunk/"
	subjectAccount = "account/"
)

func usageKey(subject string, w Window) []byte {
	return appendTime(append(appendName(nil, subject), w.Kind), w.Start)
}

func readUsage(r Reader, key []byte) (u usage, err error) {
	value, err := r.Get(tableUsage, key)
	if err != nil || value == nil {
		return u, err
	}
	return parseUsage(key, value)
}

func parseUsage(key, value []byte) (u usage, err error) {
	payload, err := unseal(tableUsage, key, value)
	if err != nil {
		return u, err
	}
	parts, n := binary.Uvarint(payload)
	if n <= 0 || len(payload) != n+1 || parts > 1<<40 {
		return u, damage(tableUsage, key, "counts nothing")
	}
	return usage{parts: int(parts), told: payload[n] == 1}, nil
}

// putUsage writes a row. A new one is forgotten some time after its window: not at once, since a clock may be put back.
func (t *tx) putUsage(key []byte, u usage, end time.Time, fresh bool) error {
	payload := binary.AppendUvarint(newFrame(12), uint64(max(u.parts, 0)))
	told := byte(0)
	if u.told {
		told = 1
	}
	if fresh {
		start := readTime(key[len(key)-timeBytes:])
		if err := t.Put(tableDeadlines, deadlineKeyOf(end.Add(max(48*time.Hour, end.Sub(start))), deadlineUsage, key), nil); err != nil {
			return err
		}
	}
	return t.Put(tableUsage, key, seal(tableUsage, key, append(payload, told)))
}

// addUsage counts parts in a window and returns how many there are then.
func (t *tx) addUsage(key []byte, parts int, end time.Time) (int, error) {
	u, err := readUsage(t, key)
	if err != nil {
		return 0, err
	}
	fresh := u == usage{}
	u.parts += parts
	return u.parts, t.putUsage(key, u, end, fresh)
}

// subUsage takes parts back that were counted. A window that was forgotten stays so.
func (t *tx) subUsage(key []byte, parts int) error {
	value, err := t.Get(tableUsage, key)
	if err != nil || value == nil {
		return err
	}
	u, err := readUsage(t, key)
	if err != nil {
		return err
	}
	u.parts = max(0, u.parts-parts)
	return t.putUsage(bytes.Clone(key), u, time.Time{}, false)
}

// count counts the part of an attempt that was opened.
func (t *tx) count(m *Message, a *Attempt) error { return t.countBy(m, a, 1) }

// uncount takes that back for an attempt that sent nothing.
func (t *tx) uncount(m *Message, a *Attempt) error { return t.countBy(m, a, -1) }

func (t *tx) countBy(m *Message, a *Attempt, parts int) error {
	if t.s.options.Accounting == nil {
		return nil
	}
	for _, w := range t.s.options.Accounting.Trunk(a.Trunk, m.Priority, a.StartedAt) {
		if w.Limit == 0 {
			continue
		}
		key := usageKey(subjectTrunk+a.Trunk, w)
		if parts < 0 {
			if err := t.subUsage(key, -parts); err != nil {
				return err
			}
			continue
		}
		if _, err := t.addUsage(key, parts, w.End); err != nil {
			return err
		}
	}
	return nil
}

// within tells which limit of the trunk a message would exceed with the parts that wait, nil when it exceeds none. A message of more parts than a
// limit allows goes when the window is still empty: it would wait for ever. What met a limit already that is for this message too makes it wait.
func (t *tx) within(m *Message, c *Claim, known *LimitError) (*LimitError, error) {
	if t.s.options.Accounting == nil {
		return nil, nil
	}
	parts := m.unsent()
	for _, w := range t.s.options.Accounting.Trunk(c.Trunk, m.Priority, c.At) {
		if w.Limit == Unlimited {
			continue
		}
		over := w.Limit == 0 || known != nil && bytes.IndexByte(known.kinds, w.Kind) >= 0
		if !over {
			u, err := readUsage(t, usageKey(subjectTrunk+c.Trunk, w))
			if err != nil {
				return nil, err
			}
			over = u.parts > 0 && u.parts+parts > w.Limit
		}
		if over {
			return &LimitError{Trunk: c.Trunk, Until: w.End, kinds: []byte{w.Kind}}, nil
		}
	}
	return nil, nil
}

// unsent returns how many parts wait to be sent.
func (m *Message) unsent() (n int) {
	for i := range m.Parts {
		if m.Parts[i].State == Waiting {
			n++
		}
	}
	return n
}
