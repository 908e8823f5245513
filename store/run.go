package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"trunkline/callplan/phone"
)

// RunState is how far a run of an action got.
type RunState uint8

const (
	RunWaiting     RunState = 1 // for a code, from who asked or from a second person
	RunRunning     RunState = 2 // it was begun; whether it did anything is not known until it ends
	RunDone        RunState = 3
	RunFailed      RunState = 4
	RunRefused     RunState = 5
	RunExpired     RunState = 6 // no code came in time
	RunInterrupted RunState = 7 // the gateway ended meanwhile: it may have done something, and is not begun again
)

var runStates = [...]string{RunWaiting: "waiting", RunRunning: "running", RunDone: "done", RunFailed: "failed", RunRefused: "refused", RunExpired: "expired", RunInterrupted: "interrupted"}

func (s RunState) String() string {
	if int(s) < len(runStates) {
		return runStates[s]
	}
	return ""
}

// Over tells whether nothing more happens to a run.
func (s RunState) Over() bool { return s >= RunDone }

// Run is one run of an action: one message starts at most one.
type Run struct {
	ID       MessageID // of the message that asked for it
	Provider string
	Action   string // name
	ActionID uint64
	Sender   phone.Number
	Trunk    string // that the message came in through
	Who      string // who the sender is taken for, e.g. "contact 7" or "administrator root"
	Values   []RunValue
	State    RunState
	Reason   string // why it is in its state, for people
	At       time.Time
	EndedAt  time.Time // zero until it is over

	Confirmers []phone.Number // of RunWaiting: from whom the code may come
	Code       []byte         // of RunWaiting: digest of the code and Salt
	Salt       []byte
	Tries      int       // wrong codes so far
	Until      time.Time // of RunWaiting: the code is good until then
	By         string    // who confirmed it, when that is another person

	Exit   int    // status of a program
	Output string // the beginning of what it wrote
	Change uint64 // counts what happened to it; set by the store
}

// RunValue is an argument of a run.
type RunValue struct{ Name, Value string }

// ErrRunChanged says that a run is not as it was when it was decided about.
var ErrRunChanged = errors.New("the run changed meanwhile")

const (
	tableRuns     Table = "runs"
	tableOpenRuns Table = "openruns"
)

// maxConfirmers bounds who is asked for a code.
const maxConfirmers = 16

// runEntries returns the index entries of a run: under each line from which a code may come, and under none while it runs.
func runEntries(r *Run) []entry {
	switch r.State {
	case RunWaiting:
		var all []entry
		for _, n := range r.Confirmers {
			all = append(all, entry{tableOpenRuns, openRunKey(r.State, line(n), r.ID)})
		}
		return all
	case RunRunning:
		return []entry{{tableOpenRuns, openRunKey(r.State, "", r.ID)}}
	}
	return nil
}

func openRunKey(s RunState, line string, id MessageID) []byte {
	return append(appendName([]byte{byte(s)}, line), id[:]...)
}

// addRun stores a new run.
func (t *tx) addRun(r *Run, at time.Time) error {
	if r.ID.IsZero() || r.State == 0 || len(r.Confirmers) > maxConfirmers || r.At.IsZero() {
		return fmt.Errorf("%w: a run needs an id, a state, a time and at most %d confirmers", ErrInvalid, maxConfirmers)
	}
	value, err := t.Get(tableRuns, r.ID[:])
	if err != nil {
		return err
	}
	if value != nil {
		return fmt.Errorf("run %s: %w", r.ID, ErrExists)
	}
	r.Change = 1
	return t.putRun(nil, r, at)
}

// changeRun stores what became of a run.
func (t *tx) changeRun(r *Run, at time.Time) error {
	was, err := readRun(t, r.ID)
	if err != nil {
		return err
	}
	if was.Change != r.Change || was.State.Over() {
		return fmt.Errorf("run %s is %s: %w", r.ID, was.State, ErrRunChanged)
	}
	next := *r
	next.Change++
	return t.putRun(was, &next, at)
}

func (t *tx) putRun(was, now *Run, at time.Time) error {
	if was != nil {
		for _, e := range runEntries(was) {
			if err := t.Delete(e.table, e.key); err != nil {
				return err
			}
		}
	}
	for _, e := range runEntries(now) {
		if err := t.Put(e.table, e.key, nil); err != nil {
			return err
		}
	}
	if now.State.Over() {
		now.Code, now.Salt, now.Confirmers = nil, nil, nil
		if now.EndedAt.IsZero() {
			now.EndedAt = at
		}
	}
	if err := t.Put(tableRuns, now.ID[:], seal(tableRuns, now.ID[:], appendRun(newFrame(256+len(now.Output)), now))); err != nil {
		return err
	}
	if was != nil && was.State == now.State {
		return nil
	}
	return t.event(Event{Type: "run." + now.State.String(), At: at, Message: now.ID, Reference: -1, Trunk: now.Trunk, Code: now.Action, Text: now.Reason, Account: now.Who})
}

// EndRun stores what became of a run together with messages and events that tell of it, and what these count against the bounds on such. ErrRunChanged when it is not as it was.
func (s *Store) EndRun(ctx context.Context, r Run, at time.Time, replies []Message, events []Event, marks ...Mark) error {
	if err := s.prepareReplies(replies); err != nil {
		return err
	}
	return s.update(ctx, func(t *tx) error {
		if err := t.changeRun(&r, at); err != nil {
			return err
		}
		if err := t.mark(marks); err != nil {
			return err
		}
		return t.follow(replies, events)
	})
}

// OpenRuns returns the runs in RunRunning or RunWaiting; of RunWaiting those that wait for a code from a line, or all when the number is zero.
func (s *Store) OpenRuns(ctx context.Context, state RunState, from phone.Number) ([]Run, error) {
	prefix := []byte{byte(state)}
	if !from.IsZero() {
		prefix = appendName(prefix, line(from))
	}
	var all []Run
	err := s.view(ctx, func(r Reader, found *[]*Damage) error {
		all = nil
		seen := map[MessageID]bool{}
		return r.Scan(tableOpenRuns, prefix, after(prefix), false, func(k, _ []byte) (bool, error) {
			if len(k) < idBytes {
				return true, nil
			}
			id := MessageID(k[len(k)-idBytes:])
			if seen[id] {
				return true, nil
			}
			seen[id] = true
			one, err := readRun(r, id)
			if d, ok := damaged(err); ok {
				*found = append(*found, d)
				return true, nil
			}
			if errors.Is(err, ErrNotFound) {
				return true, nil
			}
			if err == nil {
				all = append(all, *one)
			}
			return true, err
		})
	})
	return all, err
}

// Run returns one run, or ErrNotFound.
func (s *Store) Run(ctx context.Context, id MessageID) (Run, error) {
	var one *Run
	err := s.view(ctx, func(r Reader, _ *[]*Damage) (err error) {
		one, err = readRun(r, id)
		return err
	})
	if err != nil {
		return Run{}, err
	}
	return *one, nil
}

// Runs returns at most limit runs that are older than one, the newest first; the zero id begins with the newest. provider selects those of a service provider,
// empty: all. The work is bounded: next is where to go on, zero at the end, and there may be fewer than limit before it.
func (s *Store) Runs(ctx context.Context, provider string, before MessageID, limit int) (all []Run, next MessageID, err error) {
	to := []byte(nil)
	if !before.IsZero() {
		to = before[:]
	}
	err = s.view(ctx, func(r Reader, found *[]*Damage) error {
		all, next = nil, MessageID{}
		steps := 0
		return r.Scan(tableRuns, nil, to, true, func(k, v []byte) (bool, error) {
			one, err := openRun(k, v)
			if d, ok := damaged(err); ok {
				*found = append(*found, d)
				return true, nil
			}
			if err != nil {
				return false, err
			}
			if provider == "" || one.Provider == provider {
				all = append(all, *one)
			}
			if steps++; len(all) == limit || steps == pageBudget {
				next = one.ID
				return false, nil
			}
			return true, nil
		})
	})
	return all, next, err
}

// ExpireRuns deletes runs that are over and were asked for before a time.
func (s *Store) ExpireRuns(ctx context.Context, before time.Time, from []byte) (Deletion, error) {
	return s.expire(ctx, tableRuns, from, func(k, v []byte) (done, old bool, err error) {
		r, err := openRun(k, v)
		if err != nil {
			return false, false, err
		}
		if !createdBefore(r.ID, before) {
			return true, false, nil
		}
		return false, r.State.Over() && r.At.Before(before), nil
	}, nil)
}

func readRun(r Reader, id MessageID) (*Run, error) {
	value, err := r.Get(tableRuns, id[:])
	if err != nil {
		return nil, err
	}
	if value == nil {
		return nil, fmt.Errorf("run %s: %w", id, ErrNotFound)
	}
	return openRun(id[:], value)
}

func openRun(key, value []byte) (*Run, error) {
	if len(key) != idBytes {
		return nil, damage(tableRuns, key, "key is no message id")
	}
	payload, err := unseal(tableRuns, key, value)
	if err != nil {
		return nil, err
	}
	r, err := decodeRun(payload)
	if err != nil {
		return nil, damage(tableRuns, key, err.Error())
	}
	r.ID = MessageID(key)
	return r, nil
}

// examineRun says which index entry of a run is missing.
func examineRun(r Reader, k, v []byte) (string, error) {
	run, err := openRun(k, v)
	if err != nil {
		return "", err
	}
	for _, e := range runEntries(run) {
		has, err := exists(r, e)
		if err != nil {
			return "", err
		}
		if !has {
			return fmt.Sprintf("entry %s in table %s is missing", hexKey(e.key), e.table), nil
		}
	}
	return "", nil
}

// examineOpenRun says whether an index entry follows from its run.
func examineOpenRun(r Reader, k []byte) (string, error) {
	if len(k) < idBytes+2 {
		return "entry has an unknown form", nil
	}
	id := MessageID(k[len(k)-idBytes:])
	value, err := r.Get(tableRuns, id[:])
	if err != nil {
		return "", err
	}
	if value == nil {
		return fmt.Sprintf("run %s does not exist", id), nil
	}
	run, err := openRun(id[:], value)
	if err != nil {
		return "", nil // the run itself is reported
	}
	for _, e := range runEntries(run) {
		if bytes.Equal(e.key, k) {
			return "", nil
		}
	}
	return fmt.Sprintf("does not follow from run %s, which is %s", id, run.State), nil
}
