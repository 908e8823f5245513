package modem

import (
	"context"
	"sync"
)

// NoticeKind tells what a Notice is about.
type NoticeKind uint8

const (
	// NoticeOnline follows every successful initialisation: sweep the memories.
	NoticeOnline NoticeKind = iota + 1
	// NoticeOffline follows the loss of a session.
	NoticeOffline
	// NoticeStored is a hint that a memory may hold messages. Memory and Index are set when the modem named them.
	NoticeStored
	// NoticeDeliver is a message routed directly (+CMT).
	NoticeDeliver
	// NoticeReport is a status report routed directly (+CDS).
	NoticeReport
	// NoticeLate is the reference of a send whose answer came after Submit had given up. Index is the reference, 0 to 255.
	NoticeLate
)

var noticeNames = [...]string{"", "online", "offline", "stored", "deliver", "report", "late"}

// String returns the lower-case name, "" for the zero value.
func (k NoticeKind) String() string {
	if int(k) < len(noticeNames) {
		return noticeNames[k]
	}
	return ""
}

// A Notice is something that the modem told without being asked.
type Notice struct {
	Kind   NoticeKind
	Raw    string // NoticeDeliver, NoticeReport: the PDU line in hex as printed, SMSC field included
	Length int    // NoticeDeliver, NoticeReport: octets of the TPDU as announced, SMSC field excluded; -1 when not announced
	Memory string // NoticeStored: memory name of a fixed list (SM, ME, …), "" when unknown
	Index  int    // NoticeStored: slot, -1 when unknown; NoticeLate: the reference
}

// noticeLimit bounds the notices that wait for the consumer.
const noticeLimit = 4096

// noticeQueue is an ordered, bounded queue between the reader of the port, which must never wait, and the consumer.
// Waiting NoticeStored hints without news are merged: one is as good as ten.
type noticeQueue struct {
	out  chan Notice
	wake chan struct{} // capacity 1

	mu      sync.Mutex
	waiting []Notice
}

func newNoticeQueue() *noticeQueue {
	return &noticeQueue{out: make(chan Notice), wake: make(chan struct{}, 1)}
}

// put queues n and reports false when it was dropped because the queue is full.
func (q *noticeQueue) put(n Notice) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if n.Kind == NoticeStored {
		for _, w := range q.waiting {
			if w.Kind == NoticeStored && (w == n || w.Index < 0 && w.Memory == "") {
				return true
			}
		}
	}
	if len(q.waiting) >= noticeLimit {
		return false
	}
	q.waiting = append(q.waiting, n)
	select {
	case q.wake <- struct{}{}:
	default:
	}
	return true
}

func (q *noticeQueue) next() (Notice, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		return Notice{}, false
	}
	n := q.waiting[0]
	q.waiting = q.waiting[1:]
	if len(q.waiting) == 0 {
		q.waiting = nil
	}
	return n, true
}

// run hands notices over until ctx ends. A notice taken but not handed over is put back in front.
func (q *noticeQueue) run(ctx context.Context) {
	for {
		n, ok := q.next()
		if !ok {
			select {
			case <-q.wake:
				continue
			case <-ctx.Done():
				return
			}
		}
		select {
		case q.out <- n:
		case <-ctx.Done():
			q.mu.Lock()
			q.waiting = append([]Notice{n}, q.waiting...)
			q.mu.Unlock()
			return
		}
	}
}
