package modem

// EventKind tells what an Event is about.
type EventKind uint8

const (
	// EventUp tells that messages can be sent and received: the modem is initialised and registered.
	EventUp EventKind = iota + 1
	// EventDown tells that they cannot. Code is the Reason, Text the hint.
	EventDown
	// EventRestarted tells of a restart that nobody asked for. Text says how many there were.
	EventRestarted
	// EventRecovery tells of a step of recovery. Code is the step, Text why.
	EventRecovery
	// EventAlarm tells that somebody has to do something. Code is the Reason, Text the hint.
	EventAlarm
	// EventStorage tells that a memory fills or has room again. Code is one of the levels; Memory, Used and Total are set.
	EventStorage
	// EventUSSD is a message that the network sent of its own accord. Text is what it says.
	EventUSSD
	// EventBalance tells that the balance of the card fell below the minimum. Text says it.
	EventBalance
	// EventCall tells of a call. Code says what happened, Call how it stands now.
	EventCall
	// EventDigit is a key that the other side of a call pressed. Text is the key, Call the call.
	EventDigit
	// EventCard tells that another card than before is in the modem. Text says which, by the ends of their numbers.
	EventCard
)

var eventNames = [...]string{"", "up", "down", "restarted", "recovery", "alarm", "storage", "ussd", "balance", "call", "digit", "card"}

// String returns the lower-case name, "" for the zero value.
func (k EventKind) String() string {
	if int(k) < len(eventNames) {
		return eventNames[k]
	}
	return ""
}

// An Event is something in the life of a modem that people and programs want to know. Messages are not among them: see Notice.
type Event struct {
	Kind   EventKind
	Code   string // what exactly, for programs
	Text   string // what exactly, for people
	Memory string // EventStorage: name of the memory, "" when the modem did not say which
	Used   int    // EventStorage: messages held
	Total  int    // EventStorage: messages that fit, 0 when unknown
	Call   Call   // EventCall, EventDigit
}

// Events returns what happens to the modem, in order. The channel is never closed; it hands over only while Run is running. What nobody takes
// waits, up to a bound.
func (m *Modem) Events() <-chan Event { return m.events.out }

// tell queues an event. It never waits.
func (m *Modem) tell(e Event) {
	if !m.events.put(e) {
		m.metrics.dropped.Inc()
		m.limiter.warn("events", "event dropped: nobody takes them", "kind", e.Kind.String())
	}
}

// eventLimit bounds the events that wait for the consumer.
const eventLimit = 1024
