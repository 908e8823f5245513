package gsm

import (
	"context"
	"errors"
	"fmt"
	"time"

	"trunkline/store"
)

// When an answer is lost, the SIM may tell whether the part was handed to the network: it keeps the reference of the message sent last, and each
// message takes the next one. That is believed of a modem only after it agreed with the answers to its first sends, since some keep the count in
// their own memory. A count that has moved means that the modem went to send; that it came to the end of it is believed only when the modem has not
// restarted or gone away since. All of this belongs to the goroutine that sends.

const (
	// agreements is how many answers in a row the SIM must agree with.
	agreements = 5
	// stillSending is how long a modem may take to send what it was given: only then does a count that has not moved mean that nothing was sent.
	// TR1M of 3GPP TS 24.011 §10 is 35 to 45 s.
	stillSending = 45 * time.Second
	// askLimit bounds how long the SIM is asked.
	askLimit = 10 * time.Second
	// believed and doubted are what is remembered of a modem besides the number of agreements.
	believed = "believed"
	doubted  = "doubted"
)

// counter follows the references that a line gives.
type counter struct {
	key    string // under which is remembered whether the SIM is believed
	agreed int    // answers that the SIM agreed with, as long as neither below is true
	trust  bool
	reject bool

	session string // line and number of the session that last is from
	lostIn  string // session in which an answer was lost last
	first   bool   // it is the first session with the modem
	last    int    // reference given last, -1 when not known
	asked   string // line of which no doubt is left
}

// follow prepares the counter for the line as it is now.
func (t *Trunk) follow(ctx context.Context) error {
	s := t.modem.Status()
	key := "reference/" + s.IMEI
	if s.IMEI == "" {
		key = "reference/trunk/" + t.name
	}
	t.count.first = s.Opens <= 1 && s.Restarts == 0
	if session := fmt.Sprint(t.line(), " ", s.Opens, " ", s.Restarts); session != t.count.session {
		t.count.session, t.count.last = session, -1
	}
	if key == t.count.key {
		return nil
	}
	known, err := t.store.Remembered(ctx, key)
	if err != nil {
		return err
	}
	t.count.agreed, t.count.trust, t.count.reject = 0, string(known) == believed, string(known) == doubted
	if _, err := fmt.Sscanf(string(known), "agreed %d", &t.count.agreed); err != nil {
		t.count.agreed = 0
	}
	t.count.key = key
	return nil
}

// lastReference asks the SIM. The error says that the modem is gone.
func (t *Trunk) lastReference(ctx context.Context) (ref int, ok bool, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askLimit)
	defer cancel()
	ref, ok, err = t.modem.LastReference(ctx)
	if err != nil && (gone(err) || ctx.Err() != nil) {
		return 0, false, err
	}
	return ref, ok && err == nil, nil
}

// before returns the reference that the line gave last, -1 when nobody knows.
func (t *Trunk) before(ctx context.Context) (int, error) {
	if t.count.last >= 0 || t.count.reject {
		return t.count.last, nil
	}
	ref, ok, err := t.lastReference(ctx)
	if err != nil || !ok {
		return -1, err
	}
	t.count.last = ref
	return ref, nil
}

// answered takes the reference that the modem gave, and compares it with the SIM's as long as it is not known whether that can be believed.
func (t *Trunk) answered(ctx context.Context, ref int) {
	c := &t.count
	c.last = ref
	if ref < 0 || c.trust || c.reject {
		return
	}
	told, ok, err := t.lastReference(ctx)
	if err != nil {
		return
	}
	word := ""
	switch {
	case !ok || told != ref:
		c.reject, word = true, doubted
		t.log.Info("the SIM's count of messages is not that of the modem, so it is no evidence when an answer is lost", "modem", told, "answer", ref, "read", ok)
	default:
		if c.agreed++; c.agreed < agreements {
			word = fmt.Sprint("agreed ", c.agreed)
			break
		}
		c.trust, word = true, believed
	}
	if err := t.store.Remember(context.WithoutCancel(ctx), c.key, []byte(word)); err != nil {
		t.log.Warn("what the SIM's count is worth could not be remembered", "err", err)
	}
}

// consult looks for evidence about the parts whose answer was lost on the line. The SIM tells about the last one only, and only until the next is sent;
// final says that this is now. Copies tell about each, at any time; those that are not needed any more are deleted. The error says that it has to be
// tried again.
func (t *Trunk) consult(ctx context.Context, final bool) error {
	if err := t.follow(ctx); err != nil {
		return err
	}
	line := t.line()
	if err := t.loadCopies(ctx, line); err != nil {
		return err
	}
	if t.count.asked == line && len(t.copies.all) == 0 {
		return nil
	}
	doubts, err := t.store.Doubts(ctx, line)
	if err != nil {
		return err
	}
	newest := 0
	for i, d := range doubts {
		if d.StartedAt.After(doubts[newest].StartedAt) {
			newest = i
		}
	}
	var open []store.Doubt
	for i, d := range doubts {
		waits, err := t.ask(ctx, d, i == newest, final)
		if err != nil {
			return err
		}
		if waits {
			open = append(open, d)
		}
	}
	if err := t.tidyCopies(ctx, open); err != nil {
		return err
	}
	if len(open) == 0 {
		t.count.asked = line
	}
	return nil
}

// ask settles a part by what the SIM tells, when it is the newest, or else its copy. waits says that they may tell more later.
func (t *Trunk) ask(ctx context.Context, d store.Doubt, newest, final bool) (waits bool, err error) {
	var o *store.Outcome
	if newest {
		o, waits, err = t.fromSIM(ctx, d, final)
	}
	if o == nil && err == nil {
		var later bool
		o, later, err = t.fromCopy(ctx, d)
		waits = waits || later
	}
	switch {
	case err != nil:
		return false, err
	case o == nil && waits:
		return true, nil
	case o == nil:
		return false, t.consulted(ctx, d)
	}
	_, err = t.store.Settle(context.WithoutCancel(ctx), *o)
	if known(err) {
		err = nil
	}
	t.log.Info("evidence tells what became of a part whose answer was lost", "message", d.ID, "part", d.Seq, "outcome", o.State, "evidence", o.Evidence, "err", err)
	if err == nil && o.Evidence == store.EvidenceSIM {
		if t.count.last = d.Before; o.State == store.Sent {
			t.count.last = o.Reference
		}
	}
	return false, err
}

// fromSIM tells by the SIM's count what became of the part that was sent last. o is nil when it does not; waits says that it may later.
func (t *Trunk) fromSIM(ctx context.Context, d store.Doubt, final bool) (o *store.Outcome, waits bool, err error) {
	if !t.count.trust || d.Before < 0 {
		return nil, false, nil
	}
	ref, ok, err := t.lastReference(ctx)
	if err != nil || !ok {
		return nil, false, err
	}
	now := t.store.Now()
	age := now.Sub(d.StartedAt)
	out := &store.Outcome{ID: d.ID, Seq: d.Seq, At: now, SIM: t.line(), Reference: -1, Evidence: store.EvidenceSIM}
	switch {
	case ref == (d.Before+1)&255 && t.uncut(age):
		out.State, out.Reference = store.Sent, ref
	case ref == d.Before && age >= stillSending:
		out.State, out.RetryAt = store.Waiting, now
		out.Failure = &store.Failure{Code: "not_sent", Text: "the answer was lost, and the SIM tells that nothing was sent"}
	default:
		return nil, ref == d.Before && age >= 0 && !final, nil
	}
	return out, false, nil
}

// uncut tells whether the modem had power and was not restarted since a part was given to it some time ago: the session in which its answer was lost
// lasts, or it was lost to an end of the program and this is the first session of the next, on a machine that was up all the while.
func (t *Trunk) uncut(age time.Duration) bool { return t.uncutSince(t.count.lostIn, age) }

// uncutSince is uncut for the session in which an answer was lost, "" when that was in an earlier life of the program.
func (t *Trunk) uncutSince(session string, age time.Duration) bool {
	if session != "" {
		return session == t.count.session
	}
	return t.count.first && age >= 0 && (t.uptime == nil || t.uptime() > age)
}

// consulted notes that the SIM tells nothing about a part.
func (t *Trunk) consulted(ctx context.Context, d store.Doubt) error {
	err := t.store.Consulted(context.WithoutCancel(ctx), d.ID, d.Seq)
	if known(err) {
		return nil
	}
	return err
}

// known tells whether an error says that something else has told meanwhile what became of a part.
func known(err error) bool {
	var refused *store.TransitionError
	return errors.Is(err, store.ErrAttempt) || errors.Is(err, store.ErrNotFound) || errors.As(err, &refused)
}
