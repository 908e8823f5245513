package modem

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"trunkline/modem/emulator"
)

const third = "+4915133333333"

// TestTransfer passes calls on in each way that modems can, and in none.
func TestTransfer(t *testing.T) {
	able := profile("generic")
	able.Transfer = true
	unable := profile("generic")
	unable.Missing = append(unable.Missing, "+CHLD")
	hopeful := profile("generic") // says that it can, and the network refuses
	hopeful.Fixed = map[string]string{"+CHLD=?": "+CHLD: (0,1,1x,2,2x,3,4)"}
	for _, c := range []struct {
		name    string
		profile emulator.Profile
		callee  func(*emulator.Modem)
		how     Transferred
		err     error
		causes  []string // of the two ends, in any order
	}{
		{"handed over", able, nil, TransferHanded, nil, []string{CauseHanded, CauseHanded}},
		{"joined", profile("generic"), nil, TransferJoined, nil, nil},
		{"the network has no ECT", hopeful, nil, TransferJoined, nil, nil},
		{"unable", unable, nil, "", ErrNoTransfer, nil},
		{"nobody answers", able, func(d *emulator.Modem) { d.NextCalls(false, -1) }, "", ErrNotAnswered, []string{CauseLocal}},
		{"busy", able, func(d *emulator.Modem) { d.NextCalls(true, 0) }, "", ErrNoCall, []string{CauseRemote}},
	} {
		t.Run(c.name, func(t *testing.T) {
			withEmulator(t, emulator.Options{Profile: c.profile}, emulator.NetworkOptions{}, nil, func(t *testing.T, b *bench) {
				b.ready(t)
				answered, stop := b.ring(t, friend, emulator.CallOptions{})
				e := b.event(t, EventCall, CallCodeIncoming)
				if c.callee != nil {
					c.callee(b.dev)
				}
				how, _, err := b.Transfer(t.Context(), e.Call.ID, third, 20*time.Second)
				if how != c.how || !errors.Is(err, c.err) {
					t.Fatalf("Transfer = %q, %v, want %q, %v", how, err, c.how, c.err)
				}
				time.Sleep(10 * time.Second)
				var causes []string
				for _, e := range b.drainCalls() {
					if e.Code == CallCodeEnded {
						causes = append(causes, e.Call.Cause)
					}
				}
				if !slices.Equal(causes, c.causes) {
					t.Errorf("ends: %v, want %v", causes, c.causes)
				}
				want := 0
				if c.how == TransferHanded {
					want = 1
				}
				if got := b.dev.Handovers(); len(got) != want || want > 0 && (got[0] != emulator.Handover{Caller: friend, To: third}) {
					t.Errorf("handed over: %v", got)
				}
				if c.err != nil {
					if states := b.calls(); len(states) != 1 || c.err == ErrNoTransfer && states[friend] != CallIncoming {
						t.Errorf("calls after a failure: %v", states)
					}
				}
				stop()
				if got := <-answered; got != (c.err != ErrNoTransfer) {
					t.Errorf("answered: %v", got)
				}
			})
		})
	}
}

// drainCalls returns the events of calls that wait.
func (b *bench) drainCalls() (all []Event) {
	for {
		synctest.Wait() // the next one is offered only then
		select {
		case e := <-b.Events():
			if e.Kind == EventCall {
				all = append(all, e)
			}
		default:
			return all
		}
	}
}

// TestOneCall: what is asked of one call is never done to another.
func TestOneCall(t *testing.T) {
	withEmulator(t, emulator.Options{}, emulator.NetworkOptions{}, nil, func(t *testing.T, b *bench) {
		b.ready(t)
		_, stop := b.ring(t, friend, emulator.CallOptions{})
		first := b.event(t, EventCall, CallCodeIncoming).Call.ID
		stop()
		b.event(t, EventCall, CallCodeMissed)
		_, stop = b.ring(t, secondCaller, emulator.CallOptions{})
		defer stop()
		second := b.event(t, EventCall, CallCodeIncoming).Call.ID
		for verb, err := range map[string]error{"AnswerCall": b.AnswerCall(t.Context(), first), "EndCall": b.EndCall(t.Context(), first)} {
			if !errors.Is(err, ErrNoCall) {
				t.Errorf("%s of a call that is over: %v", verb, err)
			}
		}
		b.wantCalls(t, map[string]CallState{secondCaller: CallIncoming})
		if err := b.AnswerCall(t.Context(), second); err != nil {
			t.Fatal(err)
		}
		b.event(t, EventCall, CallCodeAnswered)
		if err := b.AnswerCall(t.Context(), second); !errors.Is(err, ErrNoCall) {
			t.Errorf("AnswerCall twice: %v", err)
		}
		if err := b.EndCall(t.Context(), second); err != nil {
			t.Fatal(err)
		}
		if e := b.event(t, EventCall, CallCodeEnded); e.Call.Cause != CauseLocal {
			t.Errorf("cause %q", e.Call.Cause)
		}
	})
}
