package router

import (
	"context"
	"errors"
	"time"
)

// Line is a trunk that carries voice calls. Its errors wrap one of those below, where one fits. It is safe for concurrent use.
type Line interface {
	// Identity names the card in it, with which diversions stay; empty: not known now.
	Identity() string
	// AnswerCall takes a call that rings.
	AnswerCall(ctx context.Context, id uint64) error
	// EndCall ends a call; one that rings is refused.
	EndCall(ctx context.Context, id uint64) error
	// Dial places a call. After ErrLineBusy and ErrLineDown nothing was placed; after any other error its end is told as that of any call.
	Dial(ctx context.Context, number string) (id uint64, err error)
	// Press presses keys in the active call.
	Press(ctx context.Context, keys string) error
	// Transfer answers a call and passes it on to a number that must answer within wait. handed tells that the network connects both from then on; else
	// both are joined here, and second is the other call.
	Transfer(ctx context.Context, id uint64, number string, wait time.Duration) (handed bool, second uint64, err error)
	// Divert has the network pass calls on; an empty To ends that.
	Divert(ctx context.Context, d Diversion) error
	// Diverted asks the network where it passes calls on to.
	Diverted(ctx context.Context, when string) (Diversion, error)
}

var (
	// ErrNoCall says that the call is not there any more, or not in a state for what was asked.
	ErrNoCall = errors.New("there is no such call")
	// ErrLineBusy says that another call is in the way.
	ErrLineBusy = errors.New("the line has a call already")
	// ErrLineDown says that the line cannot be reached now.
	ErrLineDown = errors.New("the line cannot be reached now")
	// ErrNoTransfer says that the line cannot pass calls on; nothing was done.
	ErrNoTransfer = errors.New("the line cannot pass calls on")
)

// When the network passes calls on.
const (
	DivertAlways      = "always"
	DivertBusy        = "busy"
	DivertNoReply     = "no_reply"
	DivertUnreachable = "unreachable"
)

var divertReasons = []string{DivertAlways, DivertBusy, DivertNoReply, DivertUnreachable}

// Diversion is what the network does, or should do, with calls to a line.
type Diversion struct {
	When  string        // one of the reasons
	To    string        // number; empty: it passes none on
	After time.Duration // of DivertNoReply; 0: as the network likes
}

// What happened to a call, LineCall.Happened.
const (
	LineIncoming = "incoming" // it rings, and as much is known of the caller as will be soon
	LineDialled  = "dialled"
	LineAnswered = "answered"
	LineMissed   = "missed"
	LineEnded    = "ended"
	LineKey      = "dtmf" // the other side pressed Key
)

// LineCall is a call on a line, as it stands when something happened to it.
type LineCall struct {
	ID       uint64 // unique on the line as long as it is configured
	Happened string // one of the above
	At       time.Time
	Outgoing bool
	Number   string // of the other side; empty: not known
	Withheld bool   // the other side does not want to be known
	Key      string
	Rings    int
	Began    time.Time
	Answered time.Time // zero: never
	Ended    time.Time // zero: it lasts
	Cause    string    // of the end: remote, local, rejected, busy, no_answer, failed, timeout, lost or handed
}
