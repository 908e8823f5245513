package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"trunkline/callplan/phone"
)

// Actions of a Routing.
const (
	RoutingRoute     = "route"
	RoutingContinue  = "continue"
	RoutingTerminate = "terminate"
	RoutingNoMatch   = "no_match"
)

// Routing is what call plans decided about a message, and what they were asked.
type Routing struct {
	Provider string // service provider whose plans decided
	Action   string // one of the actions above
	Plan     string // the one that decided; empty with RoutingNoMatch
	Version  int64  // of it
	Rule     string // path of the deciding rule: "3" is the fourth, "3.0" the first of the list nested in it
	Label    string // of that rule
	Trunk    string // through which they send the message; empty: any
	Note     string // why nothing was done although they route it; empty when all is well

	Calling string    // the sender's number as they were told it; empty: not known
	Called  string    // the recipient's
	Origin  MessageID // received message that this one forwards, or of a received one the message that was made to forward it; zero: none
}

// ErrRouted says that a message is not, or is no more, in a state in which another way can be taken.
var ErrRouted = errors.New("another way can be taken only for what waits and of which nothing was sent")

// PlannedLane names the lane of messages that a trunk must carry because the call plans chose it; they may choose another as long as nothing was sent.
func PlannedLane(trunk string) string { return "=" + trunk }

// Reroute sends a message that waits in the planned lane of a trunk another way: to a number, by the trunk in r, in as many parts as that needs; one of which the
// plans say terminate ends in Error. ErrRouted when it does not wait there any more, or something of it may be with the network already.
func (s *Store) Reroute(ctx context.Context, id MessageID, from string, r Routing, to phone.Number, parts int, at time.Time) (Message, error) {
	return s.change(ctx, id, func(t *tx, m *record) error {
		if m.State != Waiting || m.lane() != PlannedLane(from) || slices.ContainsFunc(m.Parts, func(p Part) bool { return p.Resends > 0 || p.State != Waiting }) {
			return fmt.Errorf("message %s: %w", id, ErrRouted)
		}
		r.Origin = m.Routing.Origin
		m.Routing, m.To = &r, to
		for i := range m.Parts {
			m.Parts[i].TPDU = nil
		}
		if parts != len(m.Parts) {
			m.Parts = make([]Part, parts)
			for i := range m.Parts {
				m.Parts[i] = Part{Seq: i + 1, State: Waiting, Reference: -1, Status: -1}
			}
		}
		if r.Action == RoutingTerminate {
			return t.fail(m, at, Terminated(&r))
		}
		if err := t.save(m); err != nil {
			return err
		}
		return t.event(Event{Type: "message.rerouted", At: at, Message: m.ID, State: m.State, Reference: -1, Trunk: r.Trunk, Code: r.Plan + "/" + r.Rule, Text: "trunk " + from + " is down"})
	})
}

// Terminated is why a message that the call plans terminate is in Error.
func Terminated(r *Routing) *Failure {
	return &Failure{Code: "terminated", Text: fmt.Sprintf("terminated by rule %s of call plan %s", r.Rule, r.Plan)}
}

// RouteReceived stores what the call plans decided about a received message, together with the message that forwards it, if any, in one transaction. When the
// message has a decision already nothing is written: then the first one counts, and changed is false. A *QuotaError says that the forwarding account has no room.
func (s *Store) RouteReceived(ctx context.Context, id MessageID, r Routing, forward *Message, at time.Time) (changed bool, err error) {
	var made []Message
	if forward != nil {
		if err := acceptable(forward); err != nil {
			return false, err
		}
		made = []Message{*forward}
		s.assign(made)
		r.Origin = forward.ID
	}
	err = s.add(ctx, func(t *tx) error {
		changed = false
		m, err := t.load(id)
		if err != nil {
			return err
		}
		if m.State != Received {
			return fmt.Errorf("%w: message %s did not come in", ErrInvalid, id)
		}
		if m.Routing != nil {
			return nil
		}
		changed, m.Routing = true, &r
		if err := t.save(m); err != nil {
			return err
		}
		if err := t.recordMessage(m.Message, at); err != nil {
			return err
		}
		code := ""
		if r.Plan != "" {
			code = r.Plan + "/" + r.Rule
		}
		if err := t.event(Event{Type: "message.decided", At: at, Message: m.ID, State: m.State, Reference: -1, Trunk: m.Trunk, Code: code, Text: r.Action}); err != nil {
			return err
		}
		if made == nil {
			return nil
		}
		if err := s.admit(RoomLow, ErrLow); err != nil {
			return err
		}
		if s.options.Accounting != nil {
			if err := t.charge(made); err != nil {
				return err
			}
		}
		return t.acceptOne(&made[0], sealMessage(&made[0]), entries(&made[0]))
	})
	if err == nil && changed && made != nil {
		s.metrics.accepted.Inc()
	}
	return changed, err
}

// PlannedTrunks returns the trunks in whose planned lanes messages wait.
func (s *Store) PlannedTrunks(ctx context.Context) ([]string, error) {
	return s.laneTrunks(ctx, PlannedLane(""))
}

// laneTrunks returns the trunks of the lanes of the queue whose names begin with a sign.
func (s *Store) laneTrunks(ctx context.Context, sign string) (names []string, err error) {
	err = s.engine.View(ctx, func(r Reader) error {
		names = nil
		for from := []byte{}; from != nil; {
			var lane []byte
			err := r.Scan(tableQueue, from, nil, false, func(k, _ []byte) (bool, error) {
				if n := 1 + int(k[0]); len(k) > n {
					lane = bytes.Clone(k[:n])
				}
				return false, nil
			})
			if err != nil || lane == nil {
				return err
			}
			if trunk, ok := strings.CutPrefix(string(lane[1:]), sign); ok {
				names = append(names, trunk)
			}
			from = after(lane)
		}
		return nil
	})
	return names, err
}

// WaitingPlanned returns up to limit messages that wait in the planned lane of a trunk, in the order of the queue, from a key on: nil at first, else the next that
// was returned, which is nil when there are no more. Damaged records are left out.
func (s *Store) WaitingPlanned(ctx context.Context, trunk string, from []byte, limit int) (all []Message, next []byte, err error) {
	lane := appendName(nil, PlannedLane(trunk))
	if from == nil {
		from = lane
	}
	err = s.view(ctx, func(r Reader, found *[]*Damage) error {
		all, next = nil, nil
		return r.Scan(tableQueue, from, after(lane), false, func(k, _ []byte) (bool, error) {
			if len(all) == limit {
				next = bytes.Clone(k)
				return false, nil
			}
			id, ok := messageOf(entry{tableQueue, k})
			if !ok {
				return true, nil
			}
			m, err := readMessage(r, id)
			switch d, bad := damaged(err); {
			case bad:
				*found = append(*found, d)
			case errors.Is(err, ErrNotFound):
			case err != nil:
				return false, err
			default:
				all = append(all, *m)
			}
			return true, nil
		})
	})
	return all, next, err
}
