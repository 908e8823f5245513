package gsm

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"trunkline/modem/emulator"
	"trunkline/store"
	"trunkline/store/memory"
)

// inDoubt is inBubble with a time in which evidence is awaited, and a modem that was found to count as the SIM does.
func inDoubt(t *testing.T, o emulator.NetworkOptions, test func(r *rig)) {
	inBubble(t, o, func(r *rig) {
		r.stop()
		r.unknownAfter = 10 * time.Minute
		r.start()
		for range agreements {
			r.send("calibration")
		}
		time.Sleep(time.Minute)
		test(r)
	})
}

// TestEvidence: after a lost answer the SIM or a status report tells what became of the part, or nothing does.
func TestEvidence(t *testing.T) {
	gone := func(r *rig) { r.phone.SetReachable(false) } // so that no report comes
	for _, c := range []struct {
		name     string
		before   func(r *rig)
		fault    emulator.Fault
		state    store.State
		evidence string // one of these words; empty: not looked at
		taken    int    // by the network
	}{
		{"the SIM knows that it was sent", gone, emulator.Fault{Kind: emulator.Lost, On: "+CMGS"}, store.Sent, store.EvidenceSIM, 1},
		{"a restart may have come while it was in the air", gone, emulator.Fault{Kind: emulator.Reset, On: "+CMGS", Step: emulator.StepAnswer}, store.Unknown, "", 1},
		{"the SIM knows that it was not sent", nil, emulator.Fault{Kind: emulator.Reset, On: "+CMGS", Step: emulator.StepBody}, store.Delivered, "", 1},
		{"the SIM or a report tells, whichever is read first", nil, emulator.Fault{Kind: emulator.Lost, On: "+CMGS"}, store.Delivered, store.EvidenceSIM + " " + store.EvidenceReport, 1},
		{"the answer is late", gone, emulator.Fault{Kind: emulator.Late, On: "+CMGS", Delay: 181 * time.Second}, store.Sent, "", 1},
		{"a modem that keeps its own count, and no report", func(r *rig) { gone(r); r.distrust() }, emulator.Fault{Kind: emulator.Lost, On: "+CMGS"}, store.Unknown, "", 1},
		{"a modem that keeps its own count, and a report", (*rig).distrust, emulator.Fault{Kind: emulator.Lost, On: "+CMGS"}, store.Delivered, store.EvidenceReport, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			inDoubt(t, emulator.NetworkOptions{}, func(r *rig) {
				if c.before != nil {
					c.before(r)
				}
				before := len(r.network.Ledger())
				r.inject(c.fault)
				id := r.send("once")
				time.Sleep(4 * time.Minute)
				if m := r.message(id); m.State == store.Unknown {
					t.Error("unknown while evidence is awaited")
				}
				time.Sleep(20 * time.Minute)
				m := r.message(id)
				if m.State != c.state || c.evidence != "" && !slices.Contains(strings.Fields(c.evidence), m.Parts[0].Evidence) || m.Parts[0].Resends != 0 {
					t.Errorf("%s by %q, want %s by %q: %s", m.State, m.Parts[0].Evidence, c.state, c.evidence, attempts(m))
				}
				if got := len(r.network.Ledger()) - before; got != c.taken {
					t.Errorf("the network took it %d times, want %d", got, c.taken)
				}
			})
		})
	}
}

// distrust makes the trunk know the modem for one whose count is not the SIM's.
func (r *rig) distrust() {
	r.stop()
	if err := r.store.Remember(context.Background(), "reference/"+r.device.IMEI(), []byte(doubted)); err != nil {
		r.t.Fatal(err)
	}
	r.start()
	r.send("after the restart") // its answer is where the references go on from
	time.Sleep(time.Minute)
}

// crash goes back to what was on disk at this moment, while modem and network live on, and starts again.
func (r *rig) crash() {
	disk := r.engine.Snapshot()
	r.stop()
	r.engine = memory.Restore(disk)
	r.start()
}

// TestEvidenceAfterACrash: the program ends while a part is in the air, and finds out from the SIM, which is believed over the restart.
func TestEvidenceAfterACrash(t *testing.T) {
	inDoubt(t, emulator.NetworkOptions{Latency: 4 * time.Second}, func(r *rig) {
		r.phone.SetReachable(false)
		before := len(r.network.Ledger())
		id := r.send("once")
		time.Sleep(time.Second) // the PDU is out, the network has not answered
		if m := r.message(id); m.State != store.Sending || m.Parts[0].Attempts[0].Phase != store.Committing {
			t.Fatalf("%s: %s", m.State, attempts(m))
		}
		r.crash()
		time.Sleep(2 * time.Minute)
		m := r.message(id)
		if m.State != store.Sent || m.Parts[0].Evidence != store.EvidenceSIM {
			t.Errorf("%s by %q, want sent by the SIM: %s", m.State, m.Parts[0].Evidence, attempts(m))
		}
		if got := len(r.network.Ledger()) - before; got != 1 {
			t.Errorf("the network took it %d times", got)
		}
	})
}

// TestOnlyTheLastIsAskedAbout: the SIM tells nothing about a part when another was sent after it.
func TestOnlyTheLastIsAskedAbout(t *testing.T) {
	inDoubt(t, emulator.NetworkOptions{}, func(r *rig) {
		r.phone.SetReachable(false)
		r.inject(emulator.Fault{Kind: emulator.Reset, On: "+CMGS", Step: emulator.StepBody})
		first := r.send("first")
		second := r.send("second") // waits behind it, and goes as soon as the modem is back
		time.Sleep(30 * time.Minute)
		if m := r.message(second); m.State != store.Sent {
			t.Errorf("second: %s", m.State)
		}
		m := r.message(first)
		sent := 0
		for _, s := range r.network.Ledger() {
			if s.Text == "first" {
				sent++
			}
		}
		// Either the SIM was asked in time, and it was sent once, or nobody knows, and it was not sent again.
		if !(m.State == store.Sent && sent == 1) && !(m.State == store.Unknown && sent == 0) {
			t.Errorf("first is %s and was sent %d times: %s", m.State, sent, attempts(m))
		}
	})
}

// TestDeliberateResend: TP-RD is set, the concatenation reference stays, and the recipient gets it in the end.
func TestDeliberateResend(t *testing.T) {
	inDoubt(t, emulator.NetworkOptions{}, func(r *rig) {
		r.phone.SetReachable(false)
		r.distrust()
		r.inject(emulator.Fault{Kind: emulator.Lost, On: "+CMGS"})
		id := r.send("alarm")
		time.Sleep(20 * time.Minute)
		if m := r.message(id); m.State != store.Unknown {
			t.Fatalf("%s: %s", m.State, attempts(m))
		}
		first := r.message(id).Parts[0].TPDU
		if _, err := r.router.Resend(t.Context(), id, "uid:0"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		m := r.message(id)
		const rd = 0x04 // 3GPP TS 23.040 §9.2.3.25
		if m.State != store.Sent || first[0]&rd != 0 || m.Parts[0].TPDU[0]&rd == 0 || m.Parts[0].Resends != 1 {
			t.Errorf("%s, resent %d times, first octets %#x and %#x", m.State, m.Parts[0].Resends, first[0], m.Parts[0].TPDU[0])
		}
	})
}
