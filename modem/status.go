package modem

import (
	"sync"
	"time"
)

// State is where a modem stands.
type State string

const (
	// Missing means that the device is not there.
	Missing State = "missing"
	// Opening means that the port is being opened, or waited for between two attempts.
	Opening State = "opening"
	// Initialising means that the port is open and the modem is being set up.
	Initialising State = "initialising"
	// Searching means that the modem is set up but not registered for SMS.
	Searching State = "searching"
	// Ready means that messages can be sent and received.
	Ready State = "ready"
	// Failed means that the last attempt ended with Reason; another follows.
	Failed State = "failed"
	// Quarantined means that no step of recovery helped. The modem is tried again every ten minutes, and when it is plugged in anew.
	Quarantined State = "quarantined"
)

// Reason is a stable code that says why a modem is not ready.
type Reason string

// The reasons. Status.Hint has the words for people.
const (
	ReasonMissing       Reason = "missing"
	ReasonNotATTY       Reason = "not_a_tty"
	ReasonPermission    Reason = "permission"
	ReasonBusy          Reason = "busy"
	ReasonOpenHangs     Reason = "open_hangs"
	ReasonOpen          Reason = "open"
	ReasonNoAnswer      Reason = "no_answer"
	ReasonLost          Reason = "lost"
	ReasonRestarted     Reason = "restarted"
	ReasonOutOfStep     Reason = "out_of_step"
	ReasonWrongModem    Reason = "wrong_modem"
	ReasonDuplicate     Reason = "duplicate"
	ReasonWrongSIM      Reason = "wrong_sim"
	ReasonNoSIM         Reason = "no_sim"
	ReasonSIMFailure    Reason = "sim_failure"
	ReasonPINRequired   Reason = "pin_required"
	ReasonPINFile       Reason = "pin_file"
	ReasonPINRefused    Reason = "pin_refused"
	ReasonPINTries      Reason = "pin_tries"
	ReasonPUKRequired   Reason = "puk_required"
	ReasonSMSMode       Reason = "sms_mode"
	ReasonNotRegistered Reason = "not_registered"
	ReasonDataOnly      Reason = "data_only" // registered for LTE alone, without messages
	ReasonDeaf          Reason = "deaf"      // of an alarm only: registered, but nothing arrives
	ReasonDenied        Reason = "registration_denied"
)

// Registration is the state of the best network registration. 3GPP TS 27.007 §7.2.
type Registration uint8

// The registrations of 3GPP TS 27.007 §7.2, in its order.
const (
	NotSearching   Registration = 0
	Home           Registration = 1
	SearchingNet   Registration = 2
	Denied         Registration = 3
	UnknownNet     Registration = 4
	Roaming        Registration = 5
	HomeSMSOnly    Registration = 6
	RoamingSMSOnly Registration = 7
	EmergencyOnly  Registration = 8
	HomeNoCSFB     Registration = 9
	RoamingNoCSFB  Registration = 10
	EmergencyRLOS  Registration = 11
)

var registrationNames = [...]string{"idle", "home", "searching", "denied", "unknown", "roaming", "home_sms_only",
	"roaming_sms_only", "emergency_only", "home_csfb_not_preferred", "roaming_csfb_not_preferred", "emergency_only"}

// String returns the lower-case name.
func (r Registration) String() string {
	if int(r) < len(registrationNames) {
		return registrationNames[r]
	}
	return "unknown"
}

// MarshalText implements encoding.TextMarshaler with the name.
func (r Registration) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// Storage is how full one message memory is.
type Storage struct {
	Memory string // name, as SM or ME
	Used   int    // messages held
	Total  int    // messages that fit; 0 when the modem did not tell
}

// Status is a snapshot of a modem. The zero value is a modem that never ran.
type Status struct {
	Name   string
	Device string // path of the port: as configured, else as found last; "" when none was found yet
	USB    string // where the port is on USB, as "1-1.4:1.2"; "" when it is not, or not found
	State  State
	Reason Reason    // why State is not Ready; "" when it is
	Hint   string    // what an operator can do about it
	Since  time.Time // when State or Reason last changed
	Note   string    // what an operator should know although it keeps nothing from working: another card, a second modem with this IMEI

	IMEI         string
	IMSI         string
	ICCID        string
	Manufacturer string
	Model        string
	Revision     string
	Number       string // own number, when the card knows it
	SMSC         string // service centre address as printed, "" when unknown

	Operator     string
	Registration Registration
	Domain       Domain  // what it is registered for; "" for nothing, or unknown
	Registered   bool    // SMS can be sent as far as the registration tells
	Network      string  // radio technology: "gsm", "edge", "umts", "hsdpa", "hsupa", "hspa", "lte", "nb-iot", "nr", …; "" when unknown
	SignalDBm    int     // received power; 0 when unknown
	Quality      Quality // finer measures, where the modem has them

	Storage []Storage // memories that are swept

	Opens      int       // successful opens of the port
	LastAnswer time.Time // when the modem last finished a command
	// LastReceived is when a message or report came in last; zero before the first of this process.
	LastReceived time.Time
	Restarts     int // restarts that nobody asked for, within the last hour

	PINTries int // entries of the PIN that the card still takes; -1 when unknown
	PUKTries int // entries of the PUK that the card still takes; -1 when unknown

	Balance   float64   // of the card, as asked for last
	BalanceAt time.Time // when that was; zero when the balance is not known

	Calls []Call // that are there now
}

// board is the status and those who wait for it.
type board struct {
	mu      sync.Mutex
	status  Status
	changed chan struct{} // closed and replaced at each change of State
}

func (b *board) snapshot() Status {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.status
	s.Storage = append([]Storage(nil), s.Storage...)
	s.Calls = append([]Call(nil), s.Calls...)
	return s
}

// update changes the status under the lock. f must not block.
func (b *board) update(f func(*Status)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f(&b.status)
}

// state sets State, Reason and Hint, and wakes waiters when one of the first two changed. It reports whether they did.
func (b *board) state(s State, reason Reason, hint string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.status.Hint = hint
	if b.status.State == s && b.status.Reason == reason {
		return false
	}
	b.status.State, b.status.Reason, b.status.Since = s, reason, time.Now()
	close(b.changed)
	b.changed = make(chan struct{})
	return true
}

// watch returns the present state and a channel that is closed at its next change.
func (b *board) watch() (State, <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.status.State, b.changed
}
