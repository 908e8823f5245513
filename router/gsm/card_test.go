package gsm

import (
	"testing"
	"time"

	"trunkline/modem/emulator"
)

// TestCardChange: another card than before is told once, over a new start too.
func TestCardChange(t *testing.T) {
	inBubble(t, emulator.NetworkOptions{}, func(r *rig) {
		again := func() {
			time.Sleep(time.Second)
			r.stop()
			r.start()
			time.Sleep(time.Second)
		}
		again()
		if n := r.events("modem.card_changed"); n != 0 {
			t.Errorf("%d events although the card stayed", n)
		}
		r.device = emulator.New(r.network, emulator.Options{Name: "other card", Number: "+4915100000077"})
		again()
		again()
		all := r.told("modem.card_changed")
		if len(all) != 1 || all[0].Trunk != "desk" || all[0].Code != "changed" || all[0].Text == "" {
			t.Errorf("events %+v", all)
		}
	})
}
