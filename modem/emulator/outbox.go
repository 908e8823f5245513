package emulator

import (
	"io"
	"sync"
	"time"
)

// outboxLimit is how many octets wait for a host that does not read; what comes
// then is dropped, as the buffer of a serial port does.
const outboxLimit = 1 << 20

// outbox writes to the host in order, paced to the line rate, without making
// its callers wait.
type outbox struct {
	mu       sync.Mutex
	queue    []chunk
	size     int
	muted    bool
	unmute   time.Time // when muted ends by itself; zero: it does not
	kick     chan struct{}
	bitsRate int // bit/s, ten bits per octet; 0: unlimited
}

// chunk is written in one piece, after a pause.
type chunk struct {
	data  []byte
	pause time.Duration
}

func newOutbox(bitsRate int) *outbox {
	return &outbox{kick: make(chan struct{}, 1), bitsRate: bitsRate}
}

// put queues data, which it keeps.
func (o *outbox) put(data []byte) { o.putAfter(0, data) }

// putAfter queues data to be written the given time after what stands before it.
func (o *outbox) putAfter(pause time.Duration, data []byte) {
	if len(data) == 0 {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.silent() || o.size+len(data) > outboxLimit {
		return
	}
	o.queue = append(o.queue, chunk{data, pause})
	o.size += len(data)
	select {
	case o.kick <- struct{}{}:
	default:
	}
}

// silent reports whether output is discarded now. The lock is held.
func (o *outbox) silent() bool {
	if o.muted && !o.unmute.IsZero() && !time.Now().Before(o.unmute) {
		o.muted = false
	}
	return o.muted
}

// mute discards all output for d, or until sound is called when d is 0.
func (o *outbox) mute(d time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.muted, o.unmute = true, time.Time{}
	if d > 0 {
		o.unmute = time.Now().Add(d)
	}
}

// unmuted ends a mute; what is waiting is written.
func (o *outbox) unmuted() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.muted = false
}

// sound ends a mute and drops what is still waiting.
func (o *outbox) sound() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.muted, o.queue, o.size = false, nil, 0
}

// empty tells whether all was taken to be written.
func (o *outbox) empty() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.queue) == 0
}

func (o *outbox) take() []chunk {
	o.mu.Lock()
	defer o.mu.Unlock()
	q := o.queue
	o.queue, o.size = nil, 0
	return q
}

// run writes to w until done is closed or a write fails.
func (o *outbox) run(w io.Writer, done <-chan struct{}) {
	pace := newPacer(o.bitsRate)
	for {
		for _, c := range o.take() {
			if c.pause > 0 && !sleep(c.pause, done) {
				return
			}
			if err := o.write(w, c.data, pace, done); err != nil {
				return
			}
		}
		select {
		case <-o.kick:
		case <-done:
			return
		}
	}
}

func (o *outbox) write(w io.Writer, data []byte, pace *pacer, done <-chan struct{}) error {
	for len(data) > 0 {
		n := pace.octets(len(data))
		if _, err := w.Write(data[:n]); err != nil {
			return err
		}
		if !pace.spent(n, done) {
			return nil
		}
		data = data[n:]
	}
	return nil
}

// pacer spreads octets over time as a serial line does: in pieces of about two
// milliseconds, so that no timer is needed per octet.
type pacer struct {
	perOctet time.Duration
	due      time.Time
}

func newPacer(bitsRate int) *pacer {
	if bitsRate <= 0 {
		return &pacer{}
	}
	return &pacer{perOctet: 10 * time.Second / time.Duration(bitsRate)}
}

// octets says how many of n octets go into the next piece.
func (p *pacer) octets(n int) int {
	if p.perOctet == 0 {
		return n
	}
	return min(n, max(1, int(2*time.Millisecond/p.perOctet)))
}

// spent waits until n more octets have passed the line; false when done closed.
func (p *pacer) spent(n int, done <-chan struct{}) bool {
	if p.perOctet == 0 {
		return true
	}
	now := time.Now()
	if p.due.Before(now) {
		p.due = now
	}
	p.due = p.due.Add(time.Duration(n) * p.perOctet)
	return sleep(p.due.Sub(now), done)
}

// sleep waits for d; false when done was closed before.
func sleep(d time.Duration, done <-chan struct{}) bool {
	if d <= 0 {
		select {
		case <-done:
			return false
		default:
			return true
		}
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-done:
		return false
	}
}

// wait blocks until c is closed, for at most d; false when done was closed before.
func wait(c <-chan struct{}, d time.Duration, done <-chan struct{}) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-c:
		return true
	case <-t.C:
		return true
	case <-done:
		return false
	}
}
