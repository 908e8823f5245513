package pdu

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"slices"
	"time"
)

// Bounds of what an Assembly keeps.
const (
	maxOpen      = 4              // incomplete sets at a time; a further one pushes the oldest out as incomplete
	maxCompleted = 8              // completed sets whose late duplicates are known
	remembered   = 24 * time.Hour // how long they are
	sameMessage  = time.Hour      // time stamps of parts of one message are nearer than this
)

// Assembly puts the parts of concatenated messages together that share one SetKey, and tells messages apart whose sender used a reference twice.
// It is a value to be stored: see MarshalBinary. The zero value is empty. It is not safe for concurrent use.
//
// Parts may come in any order and more than once. A part whose place is taken by other content begins another set; later parts go to the set whose time stamps are nearest.
type Assembly struct {
	open      []set // oldest first
	completed []completedSet
}

// set is one incomplete message.
type set struct {
	total uint8
	ports Ports
	class Class
	parts []piece // ordered by seq
}

// piece is one part of a set.
type piece struct {
	seq            uint8
	alphabet       Alphabet
	locking, shift Language
	scts           Timestamp
	at             int64  // arrival, Unix seconds
	payload        []byte // septets one per octet, or octets
	raw            []byte // as it came, for whoever keeps it; nil: not given
}

// completedSet is what is left of a completed message: digests of its parts, by which late duplicates are known.
type completedSet struct {
	at      int64 // completion, Unix seconds
	digests [][8]byte
}

// AddResult says what became of a part.
type AddResult uint8

const (
	NotPart   AddResult = iota // a single message: nothing was kept
	Kept                       // kept; other parts are missing
	Completed                  // it was the last one missing
	Duplicate                  // known already: nothing was kept
	Conflict                   // kept as the beginning of another set, since other content has its place
)

// String returns the name in lower case.
func (r AddResult) String() string {
	return [...]string{"not-part", "kept", "completed", "duplicate", "conflict"}[min(int(r), 4)]
}

// Joined is a message put together, or what there is of it.
type Joined struct {
	Text    string // joined across the seams; valid UTF-8
	Data    []byte // joined 8-bit parts; nil when there are none
	Parts   int    // parts that are there
	Total   int    // parts that the message has
	Missing []int  // sequence numbers that never came, ascending; nil for a complete message
	First   Timestamp
	Last    Timestamp // earliest and latest time stamp of the service centre; zero when no part had a valid one
	Ports   Ports     // of the first part that came
	Class   Class

	Raws [][]byte // what AddRaw was given with each part that is there, in order of sequence; nil when it was given for none
}

// maxRaw is the longest PDU: a service centre address and a TPDU with 140 octets of user data.
const maxRaw = 12 + 176

// AddRaw is Add for a part whose PDU, as it came, is to be given back with the message. A raw that is longer than a PDU can be is not kept.
func (a *Assembly) AddRaw(m *Message, raw []byte, at time.Time) (done []Joined, r AddResult) {
	p := newPiece(m, at)
	if len(raw) <= maxRaw {
		p.raw = slices.Clone(raw)
	}
	return a.add(m, p)
}

// Add takes the part that m is; at is the time of its arrival. done holds the message that it completed, and before that an incomplete one that had to make room.
// The caller sees to it that all parts of one Assembly have the same SetKey. m is not kept.
func (a *Assembly) Add(m *Message, at time.Time) (done []Joined, r AddResult) {
	return a.add(m, newPiece(m, at))
}

func (a *Assembly) add(m *Message, p piece) (done []Joined, r AddResult) {
	if m.Concat.Total == 0 {
		return nil, NotPart
	}
	a.forget(p.at)
	if len(a.completed) > 0 && a.isCompleted(p.digest()) {
		return nil, Duplicate
	}
	i, r := a.place(m.Concat.Total, p)
	if r == Duplicate {
		return nil, Duplicate
	}
	if i < 0 {
		if len(a.open) == maxOpen {
			done = append(done, a.open[0].join())
			a.open = slices.Delete(a.open, 0, 1)
		}
		i = len(a.open)
		a.open = append(a.open, set{total: m.Concat.Total, ports: m.Ports, class: m.DCS.Class()})
	}
	s := &a.open[i]
	s.insert(p)
	if len(s.parts) < int(s.total) {
		return done, r
	}
	done = append(done, s.join())
	a.complete(i, p.at)
	return done, Completed
}

// place finds the set that p belongs to: its index, or -1 for a new one. r is Duplicate, Conflict or Kept.
func (a *Assembly) place(total uint8, p piece) (index int, r AddResult) {
	index, r = -1, Kept
	nearest := sameMessage
	var equal, taken bool
	for i := range a.open {
		s := &a.open[i]
		distance := s.distance(p)
		if s.total != total || distance > sameMessage {
			continue
		}
		old, found := s.find(p.seq)
		switch {
		case !found && (index < 0 || distance < nearest):
			index, nearest = i, distance
		case !found:
		case old.sameContent(p) && old.scts == p.scts:
			return -1, Duplicate
		case old.sameContent(p):
			equal = true
		default:
			taken = true
		}
	}
	switch {
	case index >= 0: // a set still lacks it
	case equal: // sent again by its sender, with a new time stamp
		return -1, Duplicate
	case taken:
		r = Conflict
	}
	return index, r
}

// Flush returns all incomplete messages, oldest first, and forgets them. Late duplicates of completed ones stay known.
func (a *Assembly) Flush() []Joined {
	var all []Joined
	for i := range a.open {
		all = append(all, a.open[i].join())
	}
	a.open = nil
	return all
}

// Expire is Flush for the sets whose last part came before t.
func (a *Assembly) Expire(t time.Time) []Joined {
	var all []Joined
	a.open = slices.DeleteFunc(a.open, func(s set) bool {
		if s.last() >= t.Unix() {
			return false
		}
		all = append(all, s.join())
		return true
	})
	return all
}

// Waiting returns the number of incomplete messages and the arrival of the part that waits longest, for Expire.
func (a *Assembly) Waiting() (n int, since time.Time) {
	for i := range a.open {
		if t := time.Unix(a.open[i].last(), 0).UTC(); since.IsZero() || t.Before(since) {
			since = t
		}
	}
	return len(a.open), since
}

// Forgettable tells whether nothing is lost when the Assembly is thrown away at a time.
func (a *Assembly) Forgettable(at time.Time) bool {
	a.forget(at.Unix())
	return len(a.open) == 0 && len(a.completed) == 0
}

// forget drops completed sets that are older than remembered.
func (a *Assembly) forget(at int64) {
	a.completed = slices.DeleteFunc(a.completed, func(c completedSet) bool { return at-c.at > int64(remembered/time.Second) })
}

func (a *Assembly) isCompleted(digest [8]byte) bool {
	for _, c := range a.completed {
		if slices.Contains(c.digests, digest) {
			return true
		}
	}
	return false
}

// complete moves set i to the completed ones.
func (a *Assembly) complete(i int, at int64) {
	c := completedSet{at: at}
	for _, p := range a.open[i].parts {
		c.digests = append(c.digests, p.digest())
	}
	a.open = slices.Delete(a.open, i, i+1)
	a.completed = append(a.completed, c)
	if len(a.completed) > maxCompleted {
		a.completed = slices.Delete(a.completed, 0, 1)
	}
}

// newPiece copies what is needed of a part.
func newPiece(m *Message, at time.Time) piece {
	p := piece{seq: m.Concat.Seq, alphabet: m.DCS.Alphabet(), locking: m.Locking, shift: m.Shift, at: at.Unix()}
	if m.SCTS.valid() {
		p.scts = m.SCTS
	}
	switch {
	case m.DCS.Compressed():
		p.alphabet, p.payload = Octets, slices.Clone(m.Data)
	case p.alphabet == GSM7 && m.septets != nil:
		p.payload = slices.Clone(m.septets)
	case p.alphabet == GSM7: // made by Split.Message, so that every character has a septet
		p.payload, _ = appendSeptets(nil, m.Text, m.Locking, m.Shift)
	case p.alphabet == UCS2 && len(m.Data) == 0:
		p.payload, _ = appendUTF16(nil, m.Text)
	default:
		p.payload = slices.Clone(m.Data)
	}
	p.payload = p.payload[:min(len(p.payload), maxSeptets)]
	return p
}

// sameContent tells whether two parts say the same.
func (p piece) sameContent(q piece) bool {
	return p.seq == q.seq && p.alphabet == q.alphabet && p.locking == q.locking && p.shift == q.shift && bytes.Equal(p.payload, q.payload)
}

// digest identifies the part with its time stamp: the same part delivered again has the same one, the same text sent again another.
func (p piece) digest() [8]byte {
	var space [16 + maxSeptets]byte
	b := append(space[:0], p.seq, byte(p.alphabet), byte(p.locking), byte(p.shift))
	b = append(b, p.scts[:]...)
	sum := sha256.Sum256(append(b, p.payload...))
	return [8]byte(sum[:8])
}

// find returns the part with a sequence number.
func (s *set) find(seq uint8) (piece, bool) {
	i, found := slices.BinarySearchFunc(s.parts, seq, func(p piece, seq uint8) int { return cmp.Compare(p.seq, seq) })
	if !found {
		return piece{}, false
	}
	return s.parts[i], true
}

// insert adds a part at its place.
func (s *set) insert(p piece) {
	i, _ := slices.BinarySearchFunc(s.parts, p.seq, func(q piece, seq uint8) int { return cmp.Compare(q.seq, seq) })
	s.parts = slices.Insert(s.parts, i, p)
}

// last returns the arrival of the youngest part.
func (s *set) last() (at int64) {
	for _, p := range s.parts {
		at = max(at, p.at)
	}
	return at
}

// distance returns how far the time stamp of p is from the nearest one of the set; sameMessage at most when one of them has none, since then it tells nothing.
func (s *set) distance(p piece) time.Duration {
	t, ok := p.scts.unix()
	nearest := time.Duration(1<<63 - 1)
	for _, q := range s.parts {
		u, known := q.scts.unix()
		d := time.Duration(t-u).Abs() * time.Second
		if !ok || !known {
			d = sameMessage
		}
		nearest = min(nearest, d)
	}
	return nearest
}
