package memory_test

import (
	"context"
	"errors"
	"testing"

	"trunkline/store"
	"trunkline/store/enginetest"
	"trunkline/store/memory"
)

func TestEngine(t *testing.T) {
	enginetest.Run(t, func(t *testing.T) (store.Engine, func(*testing.T) store.Engine) {
		e := memory.New()
		return e, func(t *testing.T) store.Engine {
			s := e.Snapshot()
			if err := e.Close(); err != nil {
				t.Fatal(err)
			}
			return memory.Restore(s)
		}
	})
}

var errFault = errors.New("fault")

func put(e *memory.Engine, key string) error {
	return e.Update(context.Background(), func(tx store.Tx) error { return tx.Put("t", []byte(key), nil) })
}

func has(t *testing.T, e *memory.Engine, key string) (yes bool) {
	t.Helper()
	err := e.View(context.Background(), func(r store.Reader) error {
		v, err := r.Get("t", []byte(key))
		yes = v != nil
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return yes
}

func TestFaults(t *testing.T) {
	for _, test := range []struct {
		name           string
		at             int
		moment         memory.Moment
		applied        bool
		durable, stops bool
	}{
		{"at the put", 1, memory.Before, false, false, false},
		{"before the commit", 2, memory.Before, false, false, false},
		{"at the commit, lost", 2, memory.AtCommit, false, false, true},
		{"at the commit, kept", 2, memory.AtCommit, true, true, true},
		{"answer lost", 2, memory.AfterCommit, false, true, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := memory.New()
			e.FailAt(test.at, test.moment, test.applied, errFault)
			if err := put(e, "k"); !errors.Is(err, errFault) {
				t.Fatalf("error %v, want the fault", err)
			}
			if got := has(t, memory.Restore(e.Snapshot()), "k"); got != test.durable {
				t.Errorf("durable: %v, want %v", got, test.durable)
			}
			err := put(e, "l")
			select {
			case <-e.Failed():
				if !test.stops || !errors.Is(err, store.ErrStopped) {
					t.Errorf("stopped; next update: %v", err)
				}
			default:
				if test.stops || err != nil {
					t.Errorf("goes on; next update: %v", err)
				}
			}
		})
	}
}
