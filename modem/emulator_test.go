package modem

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"trunkline/modem/emulator"
)

// bench is a Modem under test that drives an emulated one.
type bench struct {
	*Modem
	net *emulator.Network
	dev *emulator.Modem
	reg *prometheus.Registry
}

// withEmulator runs f in a bubble with a driver and an emulated modem.
func withEmulator(t *testing.T, o emulator.Options, n emulator.NetworkOptions, change func(*Config, *Options), f func(t *testing.T, b *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		network := emulator.NewNetwork(n)
		o.Number = "+4915100000001"
		dev := emulator.New(network, o)
		ctx, cancel := context.WithCancel(t.Context())
		var serving sync.WaitGroup
		c, mo := Default(), Options{Name: "desk"}
		mo.Open = func(context.Context) (Port, error) {
			host, end := net.Pipe()
			serving.Wait() // an emulated modem has one line
			serving.Go(func() { dev.Serve(ctx, end) })
			return host, nil
		}
		reg := prometheus.NewPedanticRegistry()
		mo.Registerer = reg
		if change != nil {
			change(&c, &mo)
		}
		m, err := New(c, mo)
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- m.Run(ctx) }()
		defer func() {
			cancel()
			if err := <-done; err != nil {
				t.Errorf("Run: %v", err)
			}
			serving.Wait()
			network.Close()
		}()
		f(t, &bench{m, network, dev, reg})
	})
}

func (b *bench) ready(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	if err := b.Ready(ctx); err != nil {
		t.Fatalf("not ready: %+v", b.Status())
	}
}

// await takes notices until one of the kind comes.
func (b *bench) await(t *testing.T, kind NoticeKind) Notice {
	t.Helper()
	limit := time.After(3 * time.Minute)
	for {
		select {
		case n := <-b.Notices():
			if n.Kind == kind {
				return n
			}
		case <-limit:
			t.Fatalf("no notice %v", kind)
		}
	}
}

// announced sends the modem a message and expects its announcement at once, as against the regular hints.
func (b *bench) announced(t *testing.T) {
	t.Helper()
	for drained := false; !drained; {
		synctest.Wait()
		select {
		case <-b.Notices():
		default:
			drained = true
		}
	}
	start := time.Now()
	b.net.Handset(friend).Send(t.Context(), "+4915100000001", "x")
	if n := b.await(t, NoticeStored); n.Memory == "" || time.Since(start) > time.Second {
		t.Errorf("%+v after %v", n, time.Since(start))
	}
}

// withReport is tpdu with a status report asked for.
func withReport() []byte {
	out := append([]byte{}, tpdu...)
	out[0] |= 0x20
	return out
}

const friend = "+491511234567" // the recipient of tpdu

// Every make comes up from power-on and from being found running, sends, hears of the delivery, receives and deletes.
func TestProfiles(t *testing.T) {
	for _, p := range emulator.Profiles() {
		for _, boot := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s boot=%v", p.Name, boot), func(t *testing.T) {
				withEmulator(t, emulator.Options{Profile: p, Boot: boot}, emulator.NetworkOptions{}, nil, func(t *testing.T, b *bench) {
					b.ready(t)
					ref, err := b.Submit(t.Context(), withReport(), committed)
					if err != nil {
						t.Fatalf("Submit: %v", err)
					}
					ledger := b.net.Ledger()
					if len(ledger) != 1 || ledger[0].To != friend || ledger[0].Text != "hello" || int(ledger[0].MR) != ref {
						t.Errorf("reference %d, ledger %+v", ref, ledger)
					}
					if n := b.await(t, NoticeReport); !isHex(n.Raw) || !pduFits(n.Raw, n.Length) {
						t.Errorf("report %+v", n)
					}
					if err := b.net.Handset(friend).Send(t.Context(), "+4915100000001", "hi there"); err != nil {
						t.Fatal(err)
					}
					b.await(t, NoticeStored)
					found, err := b.List(t.Context())
					if err != nil || len(found) != 1 || found[0].Status != 0 || !pduFits(found[0].Raw, found[0].Length) {
						t.Fatalf("List = %+v, %v", found, err)
					}
					if err := b.Delete(t.Context(), found[0]); err != nil {
						t.Fatal(err)
					}
					if found, err := b.List(t.Context()); err != nil || len(found) != 0 {
						t.Errorf("after Delete: %+v, %v", found, err)
					}
					if s := b.Status(); s.IMEI != b.dev.IMEI() || s.ICCID != b.dev.ICCID() || s.Operator != "Testnet" || s.SMSC != "+491710760000" || s.SignalDBm != -73 || s.Opens != 1 {
						t.Errorf("status %+v", s)
					}
				})
			})
		}
	}
}

// An indication at any octet of a whole send and receive dialogue changes nothing: one message goes out, with its reference,
// and what is received is received as it is.
func TestIndicationAtEveryOctet(t *testing.T) {
	for _, urc := range []string{`+CMTI: "SM",9`, "^RSSI:20", "RING", "+CUSD: 0,\"x\",15", "+CDS: 24\r\n0007A20C919451113254764210100000000042101000000000000000"} {
		for _, on := range []struct {
			command string
			step    emulator.Step
			octets  int
		}{{"+CMGS", emulator.StepPrompt, 5}, {"+CMGS", emulator.StepAnswer, 24}, {"+CMGL", emulator.StepAnswer, 130}, {"+CMGD", emulator.StepAnswer, 7}} {
			t.Run(urc+" in "+on.command+" "+string(on.step), func(t *testing.T) {
				withEmulator(t, emulator.Options{}, emulator.NetworkOptions{}, nil, func(t *testing.T, b *bench) {
					b.ready(t)
					go func() {
						for {
							select {
							case <-b.Notices():
							case <-t.Context().Done():
								return
							}
						}
					}()
					for at := range on.octets {
						b.net.Handset(friend).Send(t.Context(), "+4915100000001", "hi there")
						synctest.Wait()
						if err := b.dev.Inject(emulator.Fault{Kind: emulator.URC, On: on.command, Step: on.step, Offset: at, Data: urc}); err != nil {
							t.Fatal(err)
						}
						start := time.Now()
						before := len(b.net.Ledger())
						ref, err := b.Submit(t.Context(), tpdu, committed)
						ledger := b.net.Ledger()
						if err != nil || len(ledger) != before+1 {
							t.Fatalf("at %d: Submit = %d, %v; %d messages out", at, ref, err, len(ledger)-before)
						}
						if want := int(ledger[before].MR); ref != want {
							t.Errorf("at %d: reference %d, want %d", at, ref, want)
						}
						found, err := b.List(t.Context())
						if err != nil || len(found) != 1 {
							t.Fatalf("at %d: List = %+v, %v", at, found, err)
						}
						if raw := found[0].Raw; !pduFits(raw, found[0].Length) {
							t.Errorf("at %d: damaged %+v", at, found[0])
						}
						if err := b.Delete(t.Context(), found[0]); err != nil {
							t.Errorf("at %d: Delete: %v", at, err)
						}
						if d := time.Since(start); d > 100*time.Millisecond {
							t.Errorf("at %d: took %v", at, d)
						}
						b.dev.Inject(emulator.Fault{Kind: emulator.Clear})
					}
					if s := b.Status(); s.Opens != 1 {
						t.Errorf("opened %d times", s.Opens)
					}
				})
			})
		}
	}
}

// So it is with what the modem hands over in two lines, a status report or a message: it arrives whole, and so does the indication that cut it.
func TestIndicationInsideIndication(t *testing.T) {
	const inner = "+CDS: 6\r\n00000102030405"
	for _, direct := range []bool{false, true} {
		for urc, kind := range map[string]urcKind{`+CMTI: "SM",9`: urcStored, "^RSSI:20": urcSignal, "RING": urcCall, "+CUSD: 0,\"x\",15": urcUSSD, "+CREG: 1": urcRegistration, inner: urcReport} {
			withEmulator(t, emulator.Options{}, emulator.NetworkOptions{}, func(c *Config, _ *Options) { c.Direct = direct }, func(t *testing.T, b *bench) {
				b.ready(t)
				octets := len("+CDS: 24\r\n") + len(b.report(t).Raw)
				if direct {
					octets = len("+CMT: ,28\r\n") + len(b.handed(t).Raw)
				}
				for at := range octets {
					before := b.count(t, "urcs_total", kind.String())
					b.inject(t, emulator.Fault{Kind: emulator.URC, Step: emulator.StepDeliver, Offset: at, Data: urc})
					var n Notice
					if direct {
						n = b.handed(t)
					} else {
						n = b.report(t)
					}
					if !pduFits(n.Raw, n.Length) {
						t.Errorf("%s at %d: %+v", urc, at, n)
					}
					more := b.count(t, "urcs_total", kind.String()) - before
					if want := map[bool]float64{false: 1, true: 2}[kind == urcReport && !direct]; more != want {
						t.Errorf("%s at %d: %v indications, want %v", urc, at, more, want)
					}
				}
				if s := b.Status(); s.Opens != 1 {
					t.Errorf("opened %d times", s.Opens)
				}
			})
		}
	}
}

// report sends a message and returns the report about it.
func (b *bench) report(t *testing.T) Notice {
	t.Helper()
	ref, err := b.Submit(t.Context(), withReport(), committed)
	if err != nil {
		t.Fatal(err)
	}
	return b.acknowledged(t, b.routed(t, NoticeReport, fmt.Sprintf("06%02X", ref)))
}

// handed has a message sent to the modem and returns it, acknowledged.
func (b *bench) handed(t *testing.T) Notice {
	t.Helper()
	b.net.Handset(friend).Send(t.Context(), ownNumber1, "hi there")
	return b.acknowledged(t, b.routed(t, NoticeDeliver, ""))
}

func (b *bench) acknowledged(t *testing.T, n Notice) Notice {
	t.Helper()
	if err := b.Acknowledge(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	return n
}

// routed takes what comes until one notice of the kind came whose TPDU begins so, and then all that came at the same time.
func (b *bench) routed(t *testing.T, kind NoticeKind, begins string) (found Notice) {
	t.Helper()
	last := ""
	for limit := time.After(5 * time.Second); ; {
		select {
		case n := <-b.Notices():
			last = fmt.Sprintf("%+v", n)
			if n.Kind == kind && strings.HasPrefix(n.Raw, "07") && strings.HasPrefix(n.Raw[min(16, len(n.Raw)):], begins) {
				for {
					synctest.Wait()
					select {
					case <-b.Notices():
					default:
						return n
					}
				}
			}
		case <-limit:
			t.Errorf("no whole %v, last %s", kind, last)
			return found
		}
	}
}

// Whatever goes wrong during a send, the error tells the truth about what the network may have, and the modem is usable again.
func TestFaultsWhileSending(t *testing.T) {
	type fault = emulator.Fault
	const no, yes, either = 0, 1, 2
	for _, tt := range []struct {
		name  string
		fault fault
		sent  int  // the network has it: no, yes, or either way
		good  bool // Submit succeeds; not looked at for either
	}{
		{"silence at the command", fault{Kind: emulator.Silence, On: "+CMGS", Step: emulator.StepCommand, Delay: 30 * time.Second}, no, false},
		{"silence at the PDU", fault{Kind: emulator.Silence, On: "+CMGS", Step: emulator.StepBody, Delay: 400 * time.Second}, yes, false},
		{"hang at the command", fault{Kind: emulator.Hang, On: "+CMGS", Step: emulator.StepCommand, Delay: 2 * time.Minute}, no, false},
		{"hang at the PDU", fault{Kind: emulator.Hang, On: "+CMGS", Step: emulator.StepBody, Delay: 250 * time.Second}, either, false},
		{"reset at the command", fault{Kind: emulator.Reset, On: "+CMGS", Step: emulator.StepCommand}, no, false},
		{"reset at the prompt", fault{Kind: emulator.Reset, On: "+CMGS", Step: emulator.StepPrompt}, no, false},
		{"reset at the PDU", fault{Kind: emulator.Reset, On: "+CMGS", Step: emulator.StepBody}, no, false},
		{"reset at the answer", fault{Kind: emulator.Reset, On: "+CMGS", Step: emulator.StepAnswer}, yes, false},
		{"unplug at the command", fault{Kind: emulator.Unplug, On: "+CMGS", Step: emulator.StepCommand}, either, false},
		{"unplug at the prompt", fault{Kind: emulator.Unplug, On: "+CMGS", Step: emulator.StepPrompt}, either, false},
		{"unplug at the PDU", fault{Kind: emulator.Unplug, On: "+CMGS", Step: emulator.StepBody}, either, false},
		{"unplug at the answer", fault{Kind: emulator.Unplug, On: "+CMGS", Step: emulator.StepAnswer}, either, false},
		{"answer lost", fault{Kind: emulator.Lost, On: "+CMGS"}, yes, false},
		{"answer late", fault{Kind: emulator.Late, On: "+CMGS", Delay: 170 * time.Second}, yes, true},
		{"garbage", fault{Kind: emulator.Garbage, On: "+CMGS", Step: emulator.StepAnswer}, yes, true},
		{"long line", fault{Kind: emulator.LongLine, On: "+CMGS", Step: emulator.StepAnswer, Data: "x"}, yes, true},
		{"trickle", fault{Kind: emulator.Trickle, On: "+CMGS", Delay: time.Second}, yes, true},
		{"echo", fault{Kind: emulator.EchoOn, On: "+CMGS", Step: emulator.StepCommand}, yes, true},
		{"no prompt", fault{Kind: emulator.NoPrompt, On: "+CMGS"}, no, false},
		{"two prompts", fault{Kind: emulator.TwoPrompts, On: "+CMGS"}, yes, true},
		{"report first", fault{Kind: emulator.ReportFirst, On: "+CMGS"}, yes, true},
		{"error at the command", fault{Kind: emulator.Error, On: "+CMGS", Step: emulator.StepCommand, Code: 302}, no, false},
		{"error at the PDU", fault{Kind: emulator.Error, On: "+CMGS", Step: emulator.StepBody, Code: 38}, no, false},
		{"error at the answer", fault{Kind: emulator.Error, On: "+CMGS", Step: emulator.StepAnswer, Code: 500}, yes, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			withEmulator(t, emulator.Options{}, emulator.NetworkOptions{}, nil, func(t *testing.T, b *bench) {
				b.ready(t)
				if err := b.dev.Inject(tt.fault); err != nil {
					t.Fatal(err)
				}
				commits := 0
				ref, err := b.Submit(t.Context(), withReport(), func() error { commits++; return nil })
				got := len(b.net.Ledger())
				if tt.sent != either && (got != tt.sent || (err == nil) != tt.good) {
					t.Errorf("Submit = %d, %v; network has %d messages", ref, err, got)
				}
				var se *SubmitError
				if err != nil && (!errors.As(err, &se) || got > 0 && !se.Committed) {
					t.Errorf("error denies what the network has: %v", err)
				}
				if se != nil && se.Committed && commits != 1 {
					t.Errorf("%d commits", commits)
				}
				if got > 0 && se != nil && se.Class() != Unclear {
					t.Errorf("class %v invites to send again", se.Class())
				}
				// What hung may get through when the modem comes back: let that happen first.
				time.Sleep(5 * time.Minute)
				before := len(b.net.Ledger())
				if before > 1 {
					t.Errorf("network has %d messages", before)
				}
				b.ready(t)
				if _, err = b.Submit(t.Context(), tpdu, committed); err != nil {
					t.Errorf("next Submit: %v", err)
				}
				if got := len(b.net.Ledger()); got != before+1 {
					t.Errorf("network has %d messages, had %d", got, before)
				}
			})
		})
	}
}

// A modem that switches its announcements off gets them back within the minute, and is swept.
func TestRoutingComesBack(t *testing.T) {
	withEmulator(t, emulator.Options{}, emulator.NetworkOptions{}, nil, func(t *testing.T, b *bench) {
		b.ready(t)
		b.await(t, NoticeOnline)
		b.dev.Inject(emulator.Fault{Kind: emulator.CNMIOff})
		start := time.Now()
		b.await(t, NoticeStored)
		if d := time.Since(start); d > 61*time.Second {
			t.Errorf("swept after %v", d)
		}
		time.Sleep(time.Minute)
		b.announced(t)
	})
}

// A modem that restarts while idle is set up again; what it holds is announced.
func TestRestartWhileIdle(t *testing.T) {
	for _, name := range []string{"generic", "sim800", "ec25", "huawei-e173", "wavecom"} {
		t.Run(name, func(t *testing.T) {
			p, _ := emulator.ProfileByName(name)
			withEmulator(t, emulator.Options{Profile: p}, emulator.NetworkOptions{}, nil, func(t *testing.T, b *bench) {
				b.ready(t)
				b.await(t, NoticeOnline)
				b.dev.Restart()
				time.Sleep(2 * time.Minute)
				b.ready(t)
				if _, err := b.Submit(t.Context(), tpdu, committed); err != nil {
					t.Errorf("Submit: %v", err)
				}
				b.announced(t)
				if s := b.Status(); s.Opens != 1 {
					t.Errorf("opened %d times", s.Opens)
				}
			})
		})
	}
}

// Without network the modem says so, refuses to send, and recovers by itself.
func TestRegistrationLost(t *testing.T) {
	withEmulator(t, emulator.Options{}, emulator.NetworkOptions{}, nil, func(t *testing.T, b *bench) {
		b.ready(t)
		b.dev.SetSignal(99)
		time.Sleep(2 * time.Minute)
		if s := b.Status(); s.State != Searching || s.Reason != ReasonNotRegistered || s.Registered || s.Hint == "" {
			t.Errorf("status %+v", s)
		}
		_, err := b.Submit(t.Context(), tpdu, func() error { t.Error("committed"); return nil })
		if !errors.Is(err, ErrNotReady) {
			t.Errorf("Submit: %v", err)
		}
		b.dev.SetSignal(15)
		b.ready(t)
		if _, err := b.Submit(t.Context(), tpdu, committed); err != nil {
			t.Errorf("Submit: %v", err)
		}
	})
}

// Messages in every memory are found, also when the modem lost PDU mode, and a long list is read whole.
func TestListMany(t *testing.T) {
	withEmulator(t, emulator.Options{Capacity: map[string]int{"ME": 60, "SM": 20}}, emulator.NetworkOptions{}, nil, func(t *testing.T, b *bench) {
		b.ready(t)
		for i := range 70 {
			b.net.Handset(friend).Send(t.Context(), "+4915100000001", fmt.Sprintf("message %d", i))
		}
		synctest.Wait()
		if err := b.do(t.Context(), func(s *session) error { return s.soft("+CMGF=1") }); err != nil {
			t.Fatal(err)
		}
		total := 0
		for range 3 {
			found, err := b.List(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, st := range found {
				if _, err := hex.DecodeString(st.Raw); err != nil || !pduFits(st.Raw, st.Length) {
					t.Errorf("%+v: %v", st, err)
				}
				if err := b.Delete(t.Context(), st); err != nil {
					t.Error(err)
				}
			}
			total += len(found)
			time.Sleep(2 * time.Minute) // what found no space comes again
		}
		if total != 70 {
			t.Errorf("%d messages", total)
		}
		if ref, ok, err := b.LastReference(t.Context()); err != nil || !ok || ref != int(b.dev.LastReference()) {
			t.Errorf("LastReference = %d, %v, %v; the card has %d", ref, ok, err, b.dev.LastReference())
		}
	})
}

func TestStatusIsBounded(t *testing.T) {
	withEmulator(t, emulator.Options{}, emulator.NetworkOptions{}, nil, func(t *testing.T, b *bench) {
		b.ready(t)
		families, err := b.reg.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			if !strings.HasPrefix(f.GetName(), "trunkline_modem_") {
				t.Errorf("name %s", f.GetName())
			}
			for _, m := range f.GetMetric() {
				for _, l := range m.GetLabel() {
					if l.GetName() == "trunk" && l.GetValue() != "desk" {
						t.Errorf("trunk %s", l.GetValue())
					}
				}
			}
		}
	})
}
