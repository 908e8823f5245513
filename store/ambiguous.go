package store

import (
	"fmt"
	"time"
)

// Ambiguity says what to do with a part whose answer was lost, when nothing tells whether the network has it.
type Ambiguity uint8

const (
	// AsTrunk leaves it to the trunk's setting.
	AsTrunk Ambiguity = 0
	// StayUnknown shows the part as Unknown and leaves it to people: never twice.
	StayUnknown Ambiguity = 1
	// Resend sends the part again: rather twice than never, for alarms.
	Resend Ambiguity = 2
	// ResendOnce sends the part again, once, when no status report came until the time passed that the network keeps it.
	ResendOnce Ambiguity = 3
)

var ambiguityNames = [...]string{StayUnknown: "unknown", Resend: "resend", ResendOnce: "resend_once_if_no_report"}

// Ambiguities lists the names that ParseAmbiguity reads.
func Ambiguities() []string { return ambiguityNames[StayUnknown:] }

// String returns the name, empty for AsTrunk.
func (a Ambiguity) String() string {
	if int(a) < len(ambiguityNames) {
		return ambiguityNames[a]
	}
	return ""
}

// ParseAmbiguity reads the name of what to do.
func ParseAmbiguity(name string) (Ambiguity, error) {
	for i, n := range ambiguityNames {
		if n == name && n != "" {
			return Ambiguity(i), nil
		}
	}
	return 0, fmt.Errorf("%q is none of unknown, resend and resend_once_if_no_report", name)
}

// How the state of a part is known when it was not the modem's answer in time.
const (
	EvidenceLate     = "late_answer"   // the answer came after its time
	EvidenceSIM      = "sim"           // the SIM told the reference that it used last
	EvidenceReport   = "status_report" // a status report came for it
	EvidenceStored   = "stored_copy"   // the modem's copy of it says so
	EvidenceOperator = "operator"      // somebody said so
)

const (
	maxResends    = 3              // of one part under Resend: an alarm that cannot be sent must not go on for ever
	UsualValidity = 24 * time.Hour // what ResendOnce waits for when the message does not say how long the network may keep it
)

// doubt notes that the answer to the open attempt of a part was lost. Evidence is awaited for a while; with none to wait for, the part is Unknown
// at once. A status report that came already may tell.
func (t *tx) doubt(m *record, p *Part, at time.Time, failure *Failure) error {
	a := p.attempt()
	if !m.failed() {
		m.Failure = failure
	}
	p.AwaitUntil = at.Add(t.s.options.ReportWindow)
	if wait := t.s.options.UnknownAfter; wait > 0 {
		a.Phase, a.Failure, a.Until = Unclear, failure, at.Add(wait)
	} else {
		p.end(at, failure)
		p.giveUp(m.Message, at)
	}
	reference, since, ok := p.awaited()
	if !ok {
		return nil
	}
	return t.early(m.Message, p, reference, since, at)
}

// giveUp makes a part Unknown, and sets when it is sent again if that is wanted.
func (p *Part) giveUp(m *Message, at time.Time) {
	a := p.last()
	p.State, a.Until = Unknown, time.Time{}
	switch {
	case a.OnAmbiguous == Resend && p.Resends < maxResends:
		a.Until = at
	case a.OnAmbiguous == ResendOnce && p.Resends == 0:
		validity := m.Validity
		if validity <= 0 {
			validity = UsualValidity
		}
		a.Until = a.StartedAt.Add(validity)
		if a.Until.Before(at) {
			a.Until = at
		}
	}
}

// lapse does what is due for a part of which nothing is known: it becomes Unknown, or is sent again.
func (t *tx) lapse(m *record, p *Part, at time.Time) error {
	if p == nil || p.last() == nil || p.last().Until.IsZero() || p.last().Until.After(at) {
		return nil
	}
	a := p.last()
	failure := a.Failure
	if p.unclear() {
		a.Phase, a.EndedAt = Ended, at
		p.giveUp(m.Message, at)
		if a.Until.IsZero() || a.Until.After(at) {
			return t.review(m, at, p, failure)
		}
	}
	if p.State != Unknown {
		return nil
	}
	if !m.ExpiresAt.IsZero() && !at.Before(m.ExpiresAt) || m.State.Final() {
		a.Until = time.Time{}
		return t.review(m, at, p, failure)
	}
	if m.State == Sending && !m.busy() { // it goes through Unknown, as the table of transitions has it
		if err := t.review(m, at, p, failure); err != nil {
			return err
		}
	}
	p.again()
	m.NotBefore = at
	return t.review(m, at, p, &Failure{Code: "resent", Text: "sent again, since nothing told whether the network has it"})
}

// again makes a part wait that the network may have.
func (p *Part) again() {
	p.last().Until = time.Time{}
	p.State, p.Reference, p.AwaitUntil, p.TPDU, p.Evidence = Waiting, -1, time.Time{}, nil, ""
	if p.Resends < 255 {
		p.Resends++
	}
}

// unclear tells whether evidence is awaited about a part.
func (p *Part) unclear() bool {
	a := p.last()
	return a != nil && a.Phase == Unclear
}

// last returns the newest attempt of a part, nil when there is none.
func (p *Part) last() *Attempt {
	if n := len(p.Attempts); n > 0 {
		return &p.Attempts[n-1]
	}
	return nil
}

// awaited returns the reference and the time by which a status report is known to be about a part; ok is false when none can be.
func (p *Part) awaited() (reference int, since time.Time, ok bool) {
	if p.AwaitUntil.IsZero() {
		return 0, since, false
	}
	if p.Reference >= 0 {
		return p.Reference, p.SentAt, true
	}
	if a := p.last(); a != nil && a.Before >= 0 {
		return (a.Before + 1) & 255, a.StartedAt, true
	}
	return 0, since, false
}

// busy tells whether a trunk is at work on a message: an attempt is open whose answer is not yet given up.
func (m *Message) busy() bool {
	for i := range m.Parts {
		if a := m.Parts[i].attempt(); a != nil && a.Phase != Unclear {
			return true
		}
	}
	return false
}
