package router

import (
	"context"
	"fmt"
	"time"

	"trunkline/store"
)

// Trunk is a way out under a name that is unique over all kinds of trunks.
type Trunk struct {
	Name    string
	Backend Backend
}

// Backend drives one trunk. One goroutine of the router uses it at a time.
type Backend interface {
	// Ready waits until the trunk can send, and returns the identity of the line that it sends on (of a modem: its SIM), within which references count.
	Ready(ctx context.Context) (line string, err error)
	// Prepare sets the TPDU of every part of a message that has none yet; a part whose Resends is not 0 may be with the network already. It has no
	// effect but on m and gives the same parts for the same m.
	Prepare(m *store.Message) error
	// Send hands part seq to the network and returns the reference that the network gave, -1 when there is none. It calls mark exactly once, right before
	// the first octet that cannot be taken back, with the reference that the line gave last before, -1 when that is not known; when mark fails, nothing is
	// sent. ctx cancels only what comes before mark. The error is a *SendError.
	Send(ctx context.Context, m *store.Message, seq int, mark func(before int) error) (reference int, err error)
}

// selective is what a Backend may be that carries only messages which ask for its trunk by name, as one for mails.
type selective interface{ OnlyPinned() bool }

// addressing is what a Backend may be that sends to SIP addresses, each message in one part. It tells which ones it reaches.
type addressing interface{ Reaches(uri string) bool }

// Class sorts failures by what may be done next.
type Class uint8

const (
	// Unavailable: nothing was sent, and trying again may help.
	Unavailable Class = iota
	// Rejected: nothing was sent, and trying again will not help.
	Rejected
	// Unknown: octets left and the answer was lost. It is shown to the operator and never silently sent again.
	Unknown
)

// SendError is what became of a part that was not sent for sure.
type SendError struct {
	Class      Class
	Code       string        // stable, e.g. "cms_21", "timeout"
	RetryAfter time.Duration // at least this long before the next try; 0: the router decides
	Hold       time.Duration // the trunk, not the message, seems to be at fault: when another message meets that too, the trunk pauses so long
	Err        error         // never nil
}

func (e *SendError) Error() string { return fmt.Sprintf("%s: %v", e.Code, e.Err) }
func (e *SendError) Unwrap() error { return e.Err }
