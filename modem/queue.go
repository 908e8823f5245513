package modem

import (
	"context"
	"sync"
)

// queue is an ordered, bounded queue between those who must never wait, as the reader of a port, and one consumer. What nobody takes
// waits, from one run to the next.
type queue[T any] struct {
	out   chan T
	wake  chan struct{} // capacity 1
	limit int
	same  func(waiting, added T) bool // tells that added is no news beside waiting; nil: everything is news

	mu      sync.Mutex
	waiting []T
}

func newQueue[T any](limit int, same func(waiting, added T) bool) *queue[T] {
	return &queue[T]{out: make(chan T), wake: make(chan struct{}, 1), limit: limit, same: same}
}

// put queues v and reports false when it was dropped because the queue is full.
func (q *queue[T]) put(v T) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.same != nil {
		for _, w := range q.waiting {
			if q.same(w, v) {
				return true
			}
		}
	}
	if len(q.waiting) >= q.limit {
		return false
	}
	q.waiting = append(q.waiting, v)
	signal(q.wake)
	return true
}

// next takes the first one out: from then on nothing is compared with it.
func (q *queue[T]) next() (v T, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		return v, false
	}
	v = q.waiting[0]
	if q.waiting = q.waiting[1:]; len(q.waiting) == 0 {
		q.waiting = nil
	}
	return v, true
}

// run hands over until ctx ends. What was taken and not handed over is put back in front.
func (q *queue[T]) run(ctx context.Context) {
	for {
		v, ok := q.next()
		if !ok {
			select {
			case <-q.wake:
				continue
			case <-ctx.Done():
				return
			}
		}
		select {
		case q.out <- v:
		case <-ctx.Done():
			q.mu.Lock()
			q.waiting = append([]T{v}, q.waiting...)
			q.mu.Unlock()
			return
		}
	}
}
