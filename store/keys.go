package store

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"trunkline/callplan/phone"
)

// The tables; the package comment says what is in them.
const (
	tableMeta       Table = "meta"
	tableMessages   Table = "messages"
	tableQueue      Table = "queue"
	tableOpen       Table = "open"
	tableRefs       Table = "refs"
	tableReports    Table = "reports"
	tableKeys       Table = "keys"
	tableSegments   Table = "segments"
	tableSets       Table = "sets"
	tableDigests    Table = "digests"
	tableQuarantine Table = "quarantine"
	tableDamaged    Table = "damaged"
	tableDeadlines  Table = "deadlines"
	tableEvents     Table = "events"
	tableRemembered Table = "remembered"

	tableWebhooks    Table = "webhooks"
	tableCursors     Table = "cursors"
	tableDeliveries  Table = "deliveries"
	tableUndelivered Table = "undelivered"
	tableRetries     Table = "retries"
	tableUsage       Table = "usage"
	tableSent        Table = "sent"

	tableProviders    Table = "providers"
	tablePlans        Table = "plans"
	tablePlanVersions Table = "planversions"

	tableAdministrators Table = "administrators"
	tableContacts       Table = "contacts"
	tableGroups         Table = "groups"
	tableActions        Table = "actions"
	tableSubscribers    Table = "subscribers"
	tableCalendars      Table = "calendars"
	tableLinks          Table = "links"
	tableIndex          Table = "index"

	tableCDRs     Table = "cdrs"
	tableOpenCDRs Table = "opencdrs"
)

// Who may log in, and who did.
const (
	tableCredentials Table = "credentials"
	tableLocalUsers  Table = "localusers"
	tableTokens      Table = "tokens"
	tableSessions    Table = "sessions"
	tableThrottles   Table = "throttles"
)

// Kinds of deadlines; the rest of the key names what it is for.
const (
	deadlineExpire  byte = 'x' // ID: a waiting message expires
	deadlineAwait   byte = 'a' // ID, seq: no status report is awaited any more
	deadlineKey     byte = 'k' // scope, key: an idempotency key is forgotten
	deadlineSet     byte = 's' // digest of the set's key: a set of segments is given up
	deadlineDigest  byte = 'd' // SHA-256: what came in is forgotten
	deadlineReport  byte = 'r' // key in reports: an unmatched report is forgotten
	deadlineUnclear byte = 'u' // ID, seq: evidence about a part is no longer awaited, or it is sent again
	deadlineUsage   byte = 'c' // key in usage: a window's count is forgotten
	maxNameBytes         = 255
	idBytes              = 16
	timeBytes            = 8
	priorityHighest      = 9
)

// appendTime appends t so that byte order is time order; the zero time comes first.
func appendTime(b []byte, t time.Time) []byte {
	if t.IsZero() {
		return append(b, 0, 0, 0, 0, 0, 0, 0, 0)
	}
	return binary.BigEndian.AppendUint64(b, uint64(t.UnixNano())^(1<<63))
}

func readTime(b []byte) time.Time {
	u := binary.BigEndian.Uint64(b)
	if u == 0 {
		return time.Time{}
	}
	return time.Unix(0, int64(u^(1<<63))).UTC()
}

// appendName appends a name of at most maxNameBytes after its length, so that no name is the beginning of another.
func appendName(b []byte, name string) []byte {
	if len(name) > maxNameBytes {
		name = name[:maxNameBytes]
	}
	b = append(b, byte(len(name)))
	return append(b, name...)
}

// line returns the digits by which two numbers are held to be the same line: SameLine is true exactly when they are equal.
func line(n phone.Number) string {
	s := n.Digits()
	if n.Kind() == phone.Alphanumeric {
		return "a" + s
	}
	return s[max(0, len(s)-9):]
}

// lane names the lane in which a message waits: the trunk that must carry it, since it was asked for or sent a part already (phones join only parts
// that come from the same number); PlannedLane of the trunk that the call plans chose; PreferredLane of the trunk that should; empty when any may.
func (m *Message) lane() string {
	if m.Pin != "" {
		return m.Pin
	}
	for i := range m.Parts {
		if p := &m.Parts[i]; p.State != Waiting && p.State != Sending || p.unclear() {
			return m.Trunk
		}
	}
	if m.Routing != nil && m.Routing.Trunk != "" {
		return PlannedLane(m.Routing.Trunk)
	}
	if m.Prefer != "" {
		return PreferredLane(m.Prefer)
	}
	return ""
}

// PreferredLane names the lane of messages that a trunk should carry and others may when it cannot; see Claim.Lanes.
func PreferredLane(trunk string) string { return "~" + trunk }

// due returns when a waiting message may be sent; timed is false when that is at once, whatever the clock says.
func (m *Message) due() (at time.Time, timed bool) {
	at = m.SendAt
	if m.NotBefore.After(at) {
		at = m.NotBefore
	}
	if at.IsZero() {
		return m.CreatedAt, false
	}
	return at, true
}

func appendQueueKey(b []byte, m *Message) []byte {
	b = appendName(b, m.lane())
	b = append(b, priorityHighest-min(m.Priority, priorityHighest))
	b = appendName(b, m.Account)
	at, timed := m.due()
	if timed {
		b = append(b, 1)
	} else {
		b = append(b, 0)
	}
	b = appendTime(b, at)
	return append(b, m.ID[:]...)
}

func openKey(s State, id MessageID) []byte { return append([]byte{byte(s)}, id[:]...) }

func refsPrefix(sim string, reference int, n phone.Number) []byte {
	b := appendName(nil, sim)
	b = append(b, byte(reference))
	return appendName(b, line(n))
}

// refsKey is under the reference by which a report will name the part, which is a guess while the answer is missing.
func refsKey(m *Message, p *Part, reference int, since time.Time) []byte {
	b := appendTime(refsPrefix(p.SIM, reference, m.To), since)
	b = append(b, m.ID[:]...)
	return append(b, byte(p.Seq))
}

func deadlineKeyOf(at time.Time, kind byte, rest ...[]byte) []byte {
	b := appendTime(make([]byte, 0, 64), at)
	b = append(b, kind)
	for _, r := range rest {
		b = append(b, r...)
	}
	return b
}

func eventKey(seq uint64) []byte { return binary.BigEndian.AppendUint64(nil, seq) }

// entry is one index entry; its value is empty.
type entry struct {
	table Table
	key   []byte
}

func (e entry) compare(o entry) int {
	if c := strings.Compare(string(e.table), string(o.table)); c != 0 {
		return c
	}
	return bytes.Compare(e.key, o.key)
}

// entries returns the index entries that a message must have, in order. They follow from the message alone.
func entries(m *Message) []entry {
	l := entryList{all: make([]entry, 0, 4), room: make([]byte, 0, 192)} // of most messages
	l.pending(m)
	l.lookups(m)
	slices.SortFunc(l.all, entry.compare)
	return l.all
}

// entryList collects entries. Their keys lie one behind the other.
type entryList struct {
	all  []entry
	room []byte // empty, where the next key may be appended
}

// add adds an entry whose key was appended to room or made by itself.
func (l *entryList) add(t Table, key []byte) {
	l.all = append(l.all, entry{t, key[:len(key):len(key)]})
	if cap(l.room) > 0 && &key[0] == &l.room[:1][0] {
		l.room = key[len(key):]
	}
}

// pending tells whether something may still happen to a message by itself.
func pending(m *Message) bool {
	var l entryList
	l.pending(m)
	return len(l.all) > 0
}

// pending adds the index entries for what may still happen to a message.
func (l *entryList) pending(m *Message) {
	switch m.State {
	case Waiting:
		l.add(tableQueue, appendQueueKey(l.room, m))
		if !m.ExpiresAt.IsZero() {
			l.add(tableDeadlines, deadlineKeyOf(m.ExpiresAt, deadlineExpire, m.ID[:]))
		}
	case Held, Sending, Unknown:
		l.add(tableOpen, openKey(m.State, m.ID))
	case Received:
		if m.Unhandled {
			l.add(tableOpen, openKey(m.State, m.ID))
		}
	}
	for i := range m.Parts {
		p := &m.Parts[i]
		if !p.AwaitUntil.IsZero() {
			l.add(tableDeadlines, deadlineKeyOf(p.AwaitUntil, deadlineAwait, m.ID[:], []byte{byte(p.Seq)}))
		}
		if reference, since, ok := p.awaited(); ok {
			l.add(tableRefs, refsKey(m, p, reference, since))
		}
		if a := p.last(); a != nil && !a.Until.IsZero() {
			l.add(tableDeadlines, deadlineKeyOf(a.Until, deadlineUnclear, m.ID[:], []byte{byte(p.Seq)}))
		}
		if p.unclear() {
			l.add(tableOpen, unclearKey(m.ID, p.Seq))
		}
	}
}

// messageOf returns the id in an index entry of a message.
func messageOf(e entry) (id MessageID, ok bool) {
	at := -1
	switch e.table {
	case tableQueue, tableLookup:
		at = len(e.key) - idBytes
	case tableOpen:
		at = 1
	case tableRefs:
		at = len(e.key) - idBytes - 1
	case tableDeadlines:
		if len(e.key) > timeBytes && (e.key[timeBytes] == deadlineExpire || e.key[timeBytes] == deadlineAwait || e.key[timeBytes] == deadlineUnclear) {
			at = timeBytes + 1
		}
	}
	if at < 0 || at+idBytes > len(e.key) {
		return id, false
	}
	return MessageID(e.key[at : at+idBytes]), true
}

// after returns the first key behind every key that begins with prefix; nil when there is none.
func after(prefix []byte) []byte {
	end := bytes.Clone(prefix)
	for i := len(end) - 1; i >= 0; i-- {
		if end[i] < 0xFF {
			end[i]++
			return end[:i+1]
		}
	}
	return nil
}

func hexKey(k []byte) string {
	if len(k) > 64 {
		return fmt.Sprintf("%s… (%d bytes)", hex.EncodeToString(k[:64]), len(k))
	}
	return hex.EncodeToString(k)
}
