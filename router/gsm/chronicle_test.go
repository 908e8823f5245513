package gsm

import (
	"context"
	"strings"
	"testing"
	"time"

	"trunkline/modem"
	"trunkline/modem/emulator"
	"trunkline/store"
)

// told returns the events of a type, oldest first.
func (r *rig) told(typ string) (out []store.Event) {
	r.t.Helper()
	all, err := r.store.Events(r.t.Context(), 0, 1000)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, e := range all {
		if e.Type == typ {
			out = append(out, e)
		}
	}
	return out
}

func TestCallsAreTold(t *testing.T) {
	inBubble(t, emulator.NetworkOptions{}, func(r *rig) {
		ctx, cancel := context.WithTimeout(r.t.Context(), 12*time.Second)
		defer cancel()
		if answered, err := r.phone.Call(ctx, own); answered || err != nil {
			t.Fatal(answered, err)
		}
		time.Sleep(30 * time.Second)
		for _, typ := range []string{"call.incoming", "call.missed"} {
			all := r.told(typ)
			if len(all) != 1 || all[0].Number.String() != friend || all[0].Trunk != "desk" {
				t.Fatalf("%s: %+v", typ, all)
			}
		}
		if missed := r.told("call.missed")[0]; missed.Duration < 10*time.Second || missed.Duration > 20*time.Second || missed.Code != modem.CauseRemote || missed.Text != "incoming, rings: 3" {
			t.Errorf("missed: %+v", missed)
		}
	})
}

// A message from the network of its own accord is told, but no more than the feed can bear.
func TestFeedIsNotFlooded(t *testing.T) {
	inBubble(t, emulator.NetworkOptions{}, func(r *rig) {
		for range 100 {
			r.device.PushUSSD(emulator.USSDAnswer{Text: strings.Repeat("x", 500)})
			time.Sleep(time.Second)
		}
		all := r.told("modem.ussd")
		if len(all) != eventBurst || len([]rune(all[0].Text)) != maxEventText+1 {
			t.Errorf("%d events", len(all))
		}
		time.Sleep(10 * time.Minute)
		r.device.PushUSSD(emulator.USSDAnswer{Text: "y"})
		time.Sleep(time.Second)
		if all = r.told("modem.ussd"); len(all) != eventBurst+1 || !strings.HasPrefix(all[eventBurst].Text, "y (90 more") {
			t.Errorf("%d events, the last %+v", len(all), all[len(all)-1])
		}
	})
}

// A modem that comes and goes is told of at first, then now and then, and at last as it is.
func TestFlappingModem(t *testing.T) {
	inBubble(t, emulator.NetworkOptions{}, func(r *rig) {
		time.Sleep(time.Second)
		if len(r.told("modem.up")) != 1 {
			t.Error("not up")
		}
		for range 40 {
			r.device.Restart()
			time.Sleep(20 * time.Second)
		}
		time.Sleep(2 * eventPeriod)
		up, down := r.told("modem.up"), r.told("modem.down")
		if n := len(up) + len(down); n > eventBurst+6 || n < eventBurst {
			t.Errorf("told %d times up, %d times down", len(up), len(down))
		}
		if up[len(up)-1].Seq < down[len(down)-1].Seq {
			t.Error("the feed ends with a modem that is down")
		}
		if len(r.told("modem.alarm")) == 0 || len(r.told("modem.restarted")) == 0 {
			t.Error("restarts are not told")
		}
	})
}
