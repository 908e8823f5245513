package store

import (
	"time"

	"trunkline/callplan/phone"
)

// Event is something that happened: numbered without gaps from 1, written in the transaction of the change that it tells of, kept and replayable.
type Event struct {
	Seq       uint64
	Type      string // "message." + state for a change of a message; else a name such as "modem.up", "report.unmatched", "sms.silent"
	At        time.Time
	Message   MessageID // zero when it is about no message
	State     State     // state of the message after the change; 0 when it is about no message
	Part      int       // part that changed, 0 when it is the whole message
	Reference int       // TP-MR of that part, -1 when there is none
	Trunk     string
	Code      string        // failure code, or a field name
	Text      string        // for people; never holds message text
	Number    phone.Number  // the other side of a call; zero when there is none or it is withheld. Logs show it masked
	Account   string        // who did it, e.g. "uid:0"; empty when nobody in particular did, or for whom it is
	Call      CDRID         // record of the call that it is about; zero when it is about none
	Duration  time.Duration // how long what ended had lasted: the ringing, the talk; 0 when that does not apply
}
