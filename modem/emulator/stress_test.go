package emulator

import (
	"context"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// Everything at once: hosts that type and vanish, restarts, faults, messages
// both ways. Nothing deadlocks, races or is left running, and afterwards every
// modem answers.
func TestEverythingAtOnce(t *testing.T) {
	defer goleak.VerifyNone(t)
	n := NewNetwork(NetworkOptions{Latency: time.Millisecond, Retry: 5 * time.Millisecond})
	defer n.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	length, hex := submitTPDU(t, otherSIM, "hello", true)
	faults := []Fault{
		{Kind: Lost}, {Kind: Late, Delay: time.Millisecond}, {Kind: Hang, Delay: 2 * time.Millisecond}, {Kind: Silence, Delay: time.Millisecond},
		{Kind: Reset, On: "+CMGS", Step: StepBody}, {Kind: Unplug, On: "+CSQ"}, {Kind: Duplicate}, {Kind: ReportFirst}, {Kind: Full, Delay: time.Millisecond}, {Kind: Clear},
	}
	var all sync.WaitGroup
	var modems []*Modem
	for _, number := range []string{simNumber, otherSIM} {
		m := New(n, Options{Number: number})
		modems = append(modems, m)
		all.Go(func() {
			for ctx.Err() == nil {
				host, line := net.Pipe()
				var pair sync.WaitGroup
				pair.Go(func() { _, _ = io.Copy(io.Discard, host) })
				pair.Go(func() {
					defer host.Close()
					for range rand.IntN(30) {
						for _, s := range []string{"AT+CSMS=1;+CNMI=2,2,0,1\r", "AT+CMGS=" + itoa(length) + "\r", hex + "\x1a", "AT+CNMA\rAT+CSQ\r", "AT+CMGL=4\r", "AT+CMGD=0,4\r"} {
							if _, err := io.WriteString(host, s); err != nil {
								return
							}
						}
					}
				})
				_ = m.Serve(ctx, line) // unplugged or not
				pair.Wait()
			}
		})
		all.Go(func() {
			for ctx.Err() == nil {
				if err := m.Inject(faults[rand.IntN(len(faults))]); err != nil {
					t.Error(err)
				}
				m.SetSignal(10 + rand.IntN(3))
				m.Info()
				if rand.IntN(5) == 0 {
					m.Restart()
				}
				_ = n.Handset(phoneNumber).Send(ctx, number, "news") // ctx may have ended
				n.Deliveries()
				time.Sleep(time.Duration(rand.IntN(2000)) * time.Microsecond)
			}
		})
	}
	time.Sleep(500 * time.Millisecond)
	if err := n.Wait(t.Context(), func() bool { return len(n.Ledger()) > 0 && len(n.Deliveries()) > 0 }); err != nil {
		t.Error(err)
	}
	cancel()
	all.Wait()
	for _, m := range modems {
		if err := m.Inject(Fault{Kind: Clear}); err != nil {
			t.Fatal(err)
		}
		h := plug(t, m)
		h.ask("ATE0")
		h.want("AT+CGMM", "\r\nEmulator\r\n\r\nOK\r\n")
		h.conn.Close()
	}
	for range 1000 { // the ends of the last lines
		if running := modems[0].Info().Running || modems[1].Info().Running; !running {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("a modem runs without a host")
}
