package modem

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"trunkline/modem/emulator"
)

const secondCaller = "+4915122222222"

// ring lets a phone call the bench's modem until stop is called; the channel tells whether it was answered.
func (b *bench) ring(t *testing.T, from string, o emulator.CallOptions) (done <-chan bool, stop func()) {
	t.Helper()
	answered := make(chan bool, 1)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		is, err := b.net.Handset(from).CallWith(ctx, ownNumber1, o)
		if err != nil {
			t.Error(err)
		}
		answered <- is
	}()
	return answered, cancel
}

// busyWith brings about an active call with friend.
func (b *bench) busyWith(t *testing.T) (stop func()) {
	t.Helper()
	_, stop = b.ring(t, friend, emulator.CallOptions{})
	b.event(t, EventCall, CallCodeIncoming)
	if err := b.Answer(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.event(t, EventCall, CallCodeAnswered)
	return stop
}

// calls gives the states of the calls by number of the other side.
func (b *bench) calls() map[string]CallState {
	states := map[string]CallState{}
	for _, c := range b.Status().Calls {
		states[c.Number] = c.State
	}
	return states
}

func (b *bench) wantCalls(t *testing.T, want map[string]CallState) {
	t.Helper()
	synctest.Wait() // the state is told a moment after the event
	got := b.calls()
	if len(got) != len(want) || len(b.dev.Calls()) != len(want) {
		t.Fatalf("calls %v, in the modem %v, want %v", got, b.dev.Calls(), want)
	}
	for number, state := range want {
		if got[number] != state {
			t.Fatalf("calls %v, want %v", got, want)
		}
	}
}

// A second call comes in while one is active: it is told, refused, missed, taken; whatever becomes of it, the other one is followed rightly.
func TestCallWaiting(t *testing.T) {
	for _, name := range []string{"generic", "huawei-e173", "ec25", "sim7600"} {
		for _, tt := range []struct {
			name string
			f    func(t *testing.T, b *bench, waits <-chan bool, gone, over func())
		}{
			{"refused", func(t *testing.T, b *bench, waits <-chan bool, _, _ func()) {
				if err := b.Reject(t.Context()); err != nil {
					t.Fatal(err)
				}
				if e := b.event(t, EventCall, CallCodeEnded); e.Call.Number != secondCaller || e.Call.Cause != CauseRejected {
					t.Errorf("refused: %+v", e.Call)
				}
				if <-waits {
					t.Error("the caller saw an answer")
				}
				b.wantCalls(t, map[string]CallState{friend: CallActive})
			}},
			{"given up", func(t *testing.T, b *bench, _ <-chan bool, gone, _ func()) {
				time.Sleep(30 * time.Second)
				gone()
				if e := b.event(t, EventCall, CallCodeMissed); e.Call.Number != secondCaller || e.Call.Source != "list" {
					t.Errorf("missed: %+v", e.Call)
				}
				b.wantCalls(t, map[string]CallState{friend: CallActive})
			}},
			{"taken, then the first one again", func(t *testing.T, b *bench, waits <-chan bool, _, _ func()) {
				if err := b.Swap(t.Context()); !errors.Is(err, ErrCallBusy) {
					t.Errorf("Swap with a waiting call: %v", err)
				}
				if err := b.Answer(t.Context()); err != nil {
					t.Fatal(err)
				}
				if e := b.event(t, EventCall, CallCodeAnswered); e.Call.Number != secondCaller {
					t.Errorf("answered: %+v", e.Call)
				}
				b.wantCalls(t, map[string]CallState{friend: CallHeld, secondCaller: CallActive})
				if err := b.Swap(t.Context()); err != nil {
					t.Fatal(err)
				}
				b.wantCalls(t, map[string]CallState{friend: CallActive, secondCaller: CallHeld})
				if err := b.Swap(t.Context()); err != nil {
					t.Fatal(err)
				}
				if err := b.HangUp(t.Context()); err != nil {
					t.Fatal(err)
				}
				if e := b.event(t, EventCall, CallCodeEnded); e.Call.Number != secondCaller || e.Call.Cause != CauseLocal {
					t.Errorf("ended: %+v", e.Call)
				}
				if !<-waits {
					t.Error("the caller saw no answer")
				}
				b.wantCalls(t, map[string]CallState{friend: CallHeld})
				if err := b.HangUp(t.Context()); err != nil { // also a call that is held
					t.Fatal(err)
				}
				if e := b.event(t, EventCall, CallCodeEnded); e.Call.Number != friend || e.Call.Cause != CauseLocal {
					t.Errorf("ended: %+v", e.Call)
				}
				b.wantCalls(t, map[string]CallState{})
			}},
			{"the first one ends on the other side", func(t *testing.T, b *bench, waits <-chan bool, _, over func()) {
				over()
				if e := b.event(t, EventCall, CallCodeEnded); e.Call.Number != friend || e.Call.Cause != CauseRemote {
					t.Errorf("ended: %+v", e.Call)
				}
				b.wantCalls(t, map[string]CallState{secondCaller: CallIncoming})
				if err := b.Answer(t.Context()); err != nil {
					t.Fatal(err)
				}
				if e := b.event(t, EventCall, CallCodeAnswered); e.Call.Number != secondCaller {
					t.Errorf("answered: %+v", e.Call)
				}
				b.dev.HangUp()
				if e := b.event(t, EventCall, CallCodeEnded); e.Call.Number != secondCaller || !<-waits {
					t.Errorf("ended: %+v", e.Call)
				}
			}},
			{"the first one is hung up", func(t *testing.T, b *bench, waits <-chan bool, gone, _ func()) {
				if err := b.HangUp(t.Context()); err != nil {
					t.Fatal(err)
				}
				if e := b.event(t, EventCall, CallCodeEnded); e.Call.Number != friend || e.Call.Cause != CauseLocal {
					t.Errorf("ended: %+v", e.Call)
				}
				b.wantCalls(t, map[string]CallState{secondCaller: CallIncoming})
				gone()
				if e := b.event(t, EventCall, CallCodeMissed); e.Call.Number != secondCaller || <-waits {
					t.Errorf("missed: %+v", e.Call)
				}
			}},
			{"both wait for long", func(t *testing.T, b *bench, waits <-chan bool, _, _ func()) {
				// Nobody waits so long: what the modem lists is a ghost, and it is taken away.
				if e := b.event(t, EventCall, CallCodeMissed); e.Call.Number != secondCaller || e.Call.Cause != CauseTimeout || <-waits {
					t.Errorf("missed: %+v", e.Call)
				}
				b.wantCalls(t, map[string]CallState{friend: CallActive})
			}},
		} {
			t.Run(name+" "+tt.name, func(t *testing.T) {
				withEmulator(t, emulator.Options{Profile: profile(name)}, emulator.NetworkOptions{}, nil, func(t *testing.T, b *bench) {
					b.ready(t)
					over := b.busyWith(t)
					waits, gone := b.ring(t, secondCaller, emulator.CallOptions{})
					if e := b.event(t, EventCall, CallCodeIncoming); e.Call.Number != secondCaller || e.Call.State != CallWaiting {
						t.Fatalf("incoming: %+v", e.Call)
					}
					b.wantCalls(t, map[string]CallState{friend: CallActive, secondCaller: CallWaiting})
					tt.f(t, b, waits, gone, over)
					if _, err := b.Submit(t.Context(), tpdu, committed); err != nil {
						t.Errorf("Submit: %v", err)
					}
				})
			})
		}
	}
}

// A call that does not end although it was hung up twice: the radio goes off and on, and the call is told to be over.
func TestStuckCall(t *testing.T) {
	for _, waiting := range []bool{false, true} {
		withEmulator(t, emulator.Options{}, emulator.NetworkOptions{}, nil, func(t *testing.T, b *bench) {
			b.ready(t)
			b.busyWith(t)
			if waiting {
				b.ring(t, secondCaller, emulator.CallOptions{})
				b.event(t, EventCall, CallCodeIncoming)
			}
			b.inject(t, emulator.Fault{Kind: emulator.NoHangUp, Times: -1})
			start := time.Now()
			if err := b.HangUp(t.Context()); err != nil {
				t.Fatal(err)
			}
			if s := b.calls()[friend]; s != CallEnding {
				t.Errorf("state %s", s)
			}
			if e := b.event(t, EventRecovery, stepRadio); e.Text != errStuckCall.Error() {
				t.Errorf("recovery %+v", e)
			}
			if e := b.event(t, EventCall, CallCodeEnded); e.Call.Number != friend || e.Call.Cause != CauseLocal || e.Call.Source != "session" {
				t.Errorf("ended: %+v", e.Call)
			}
			if d := time.Since(start); d < 2*endingLimit || d > 2*endingLimit+10*time.Second {
				t.Errorf("after %v", d)
			}
			if waiting { // it went with the radio
				if e := b.event(t, EventCall, CallCodeMissed); e.Call.Number != secondCaller {
					t.Errorf("missed: %+v", e.Call)
				}
			}
			b.wantCalls(t, map[string]CallState{})
			time.Sleep(time.Minute)
			b.ready(t)
		})
	}
}

// Without a word about the end of a call the next one may already have its number: it is another call.
func TestCallNumberTakenAgain(t *testing.T) {
	withEmulator(t, emulator.Options{}, emulator.NetworkOptions{}, nil, func(t *testing.T, b *bench) {
		b.ready(t)
		_, over := b.ring(t, friend, emulator.CallOptions{Quiet: true})
		b.event(t, EventCall, CallCodeIncoming)
		if err := b.Answer(t.Context()); err != nil {
			t.Fatal(err)
		}
		first := b.event(t, EventCall, CallCodeAnswered).Call
		over()
		synctest.Wait()
		b.ring(t, secondCaller, emulator.CallOptions{})
		told := map[string]Call{}
		for len(told) < 2 { // which one is told first depends on when the list was looked at last
			e := b.event(t, EventCall, "")
			told[e.Code] = e.Call
		}
		if c := told[CallCodeIncoming]; c.Number != secondCaller || c.ID == first.ID || c.State != CallIncoming {
			t.Errorf("incoming: %+v", c)
		}
		if c := told[CallCodeEnded]; c.ID != first.ID || c.Number != friend {
			t.Errorf("ended: %+v", c)
		}
		b.wantCalls(t, map[string]CallState{secondCaller: CallIncoming})
	})
}

// A list that is refused for a while says nothing about the calls; then it tells again, also of an end that nothing else told.
func TestListRefusedForAWhile(t *testing.T) {
	for _, times := range []int{1, 4, 20} {
		withEmulator(t, emulator.Options{}, emulator.NetworkOptions{}, nil, func(t *testing.T, b *bench) {
			b.ready(t)
			_, over := b.ring(t, friend, emulator.CallOptions{Quiet: true})
			b.event(t, EventCall, CallCodeIncoming)
			if err := b.Answer(t.Context()); err != nil {
				t.Fatal(err)
			}
			b.event(t, EventCall, CallCodeAnswered)
			b.inject(t, emulator.Fault{Kind: emulator.Error, On: "+CLCC", Code: 302, Times: times})
			time.Sleep(5 * time.Second)
			if b.calls()[friend] != CallActive {
				t.Errorf("calls %v", b.calls())
			}
			over()
			start := time.Now()
			if e := b.event(t, EventCall, CallCodeEnded); e.Call.Number != friend || e.Call.Source != "list" {
				t.Errorf("ended: %+v", e.Call)
			}
			if d := time.Since(start); d > 6*time.Minute {
				t.Errorf("%d refusals: after %v", times, d)
			}
		})
	}
}
