package router

import (
	"sync/atomic"
	"time"
)

// moment is a time that goroutines share, zero at first. It keeps the reading of the clock that nobody sets, so that a step of the other one neither holds
// anything up nor lets it look stalled.
type moment struct{ at atomic.Pointer[time.Time] }

func (m *moment) set(t time.Time) { m.at.Store(&t) }

func (m *moment) get() time.Time {
	if t := m.at.Load(); t != nil {
		return *t
	}
	return time.Time{}
}
