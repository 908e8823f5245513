package modem

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"trunkline/modem/emulator"
)

const ownNumber1 = "+4915100000001" // of the card of a bench

// told empties the queue of events and returns those of a kind, "" for any code.
func (b *bench) told(kind EventKind, code string) (found []Event) {
	for {
		synctest.Wait()
		select {
		case e := <-b.Events():
			if e.Kind == kind && (code == "" || e.Code == code) {
				found = append(found, e)
			}
		default:
			return found
		}
	}
}

func (b *bench) count(t *testing.T, name, label string) float64 {
	t.Helper()
	return (&rig{Modem: b.Modem, reg: b.reg}).counter(t, "trunkline_modem_"+name, label)
}

func (b *bench) inject(t *testing.T, faults ...emulator.Fault) {
	t.Helper()
	if err := b.dev.Inject(faults...); err != nil {
		t.Fatal(err)
	}
}

// A modem that is registered and hears nothing has its radio switched off and on after max_silence, not before, and not without that setting.
func TestSilence(t *testing.T) {
	for _, tt := range []struct {
		name   string
		limit  time.Duration
		noise  time.Duration // between two messages to it
		radios int           // in eight hours
	}{
		{"not asked for", 0, 0, 0}, {"every two hours", 2 * time.Hour, 0, 3}, {"messages come", 2 * time.Hour, time.Hour, 0}, {"too few messages come", 2 * time.Hour, 3 * time.Hour, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			withEmulator(t, emulator.Options{}, emulator.NetworkOptions{}, func(c *Config, _ *Options) { c.MaxSilence = tt.limit }, func(t *testing.T, b *bench) {
				b.ready(t)
				start := time.Now()
				for time.Since(start) < 8*time.Hour {
					if tt.noise == 0 {
						time.Sleep(8 * time.Hour)
						break
					}
					time.Sleep(tt.noise)
					b.net.Handset(friend).Send(t.Context(), ownNumber1, "x")
				}
				if all := b.told(EventRecovery, stepRadio); len(all) != tt.radios || len(all) > 0 && !strings.Contains(all[0].Text, "nothing came in for 2h") {
					t.Errorf("radio switched %d times, want %d: %+v", len(all), tt.radios, all)
				}
				if s := b.Status(); s.State != Ready || s.LastReceived.IsZero() != (tt.noise == 0) {
					t.Errorf("status %+v", s)
				}
			})
		})
	}
}

// What the radio's cycle is for: messages come again.
func TestDeafModem(t *testing.T) {
	for _, selfTest := range []bool{false, true} {
		withEmulator(t, emulator.Options{}, emulator.NetworkOptions{}, func(c *Config, _ *Options) {
			c.MaxSilence = time.Hour
			if selfTest {
				c.SelfTestNumber = ownNumber1
			}
		}, func(t *testing.T, b *bench) {
			b.ready(t)
			b.inject(t, emulator.Fault{Kind: emulator.Deaf})
			b.net.Handset(friend).Send(t.Context(), ownNumber1, "x")
			start := time.Now()
			for b.Status().LastReceived.IsZero() && time.Since(start) < 2*time.Hour {
				time.Sleep(time.Second)
			}
			if d := time.Since(start); d < time.Hour || d > time.Hour+selfTestWait+3*time.Minute {
				t.Errorf("self-test %v: hears again after %v", selfTest, d)
			}
			time.Sleep(10 * time.Minute)
			found, err := b.List(t.Context())
			if err != nil || len(found) != 1 {
				t.Errorf("%d messages, %v", len(found), err)
			}
			if n := len(b.told(EventRecovery, stepRadio)); n != 1 {
				t.Errorf("self-test %v: radio switched %d times", selfTest, n)
			}
		})
	}
}

// The card writes to itself, and only when that does not arrive something is done. What arrives so is nobody's: it is deleted and not listed.
func TestSelfTest(t *testing.T) {
	for _, profile := range emulator.Profiles() {
		for _, direct := range []bool{false, true} {
			t.Run(profile.Name, func(t *testing.T) {
				withEmulator(t, emulator.Options{Profile: profile}, emulator.NetworkOptions{}, func(c *Config, _ *Options) {
					c.MaxSilence, c.SelfTestNumber, c.Direct = time.Hour, ownNumber1, direct
				}, func(t *testing.T, b *bench) {
					b.ready(t)
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					var listed atomic.Int64
					go func() { // as a gateway does
						for {
							select {
							case n := <-b.Notices():
								if n.Kind == NoticeDeliver {
									t.Errorf("told %+v", n)
								}
								found, _ := b.List(ctx)
								listed.Add(int64(len(found)))
							case <-ctx.Done():
								return
							}
						}
					}()
					time.Sleep(5*time.Hour + 30*time.Minute)
					ledger := b.net.Ledger()
					if len(ledger) != 5 || ledger[0].To != ownNumber1 || !strings.HasPrefix(ledger[0].Text, "trunkline self-test ") {
						t.Errorf("%d sent: %.300v", len(ledger), ledger)
					}
					if used, _ := b.dev.Stored("MT"); used != 0 || listed.Load() != 0 {
						t.Errorf("%d left in the modem, %d listed", used, listed.Load())
					}
					if n := b.count(t, "self_tests_total", "arrived"); n != 5 {
						t.Errorf("%v arrived", n)
					}
					if n := b.count(t, "recoveries_total", stepRadio); n != 0 {
						t.Errorf("radio switched %v times", n)
					}
					if deliveries := b.net.Deliveries(); len(deliveries) != 5 { // acknowledged at once, also when handed over
						t.Errorf("%d deliveries", len(deliveries))
					}
				})
			})
		}
	}
}

// Messages to itself that do not arrive: the radio is switched, the test repeated, then somebody is told, and there are long pauses. What comes
// in ends it all.
func TestSelfTestLost(t *testing.T) {
	for _, tt := range []struct {
		name, outcome string
		rule          emulator.Rule
	}{
		{"not delivered", "lost", emulator.Rule{To: ownNumber1, Outcome: emulator.Outcome{Undelivered: true}}},
		{"refused", "failed", emulator.Rule{To: ownNumber1, Outcome: emulator.Outcome{CMS: 28}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			withEmulator(t, emulator.Options{}, emulator.NetworkOptions{}, func(c *Config, _ *Options) { c.MaxSilence, c.SelfTestNumber = time.Hour, ownNumber1 }, func(t *testing.T, b *bench) {
				b.net.Rule(tt.rule)
				b.ready(t)
				time.Sleep(90 * time.Minute)
				if n := b.count(t, "self_tests_total", tt.outcome); n != 2 {
					t.Errorf("%v %s", n, tt.outcome)
				}
				if n := b.count(t, "recoveries_total", stepRadio); n != 2 {
					t.Errorf("radio switched %v times", n)
				}
				if all := b.told(EventAlarm, string(ReasonDeaf)); len(all) != 1 || !strings.Contains(all[0].Text, "self_test_number") {
					t.Errorf("alarms %+v", all)
				}
				time.Sleep(12 * time.Hour)
				if n := b.count(t, "self_tests_total", tt.outcome); n != 4 {
					t.Errorf("%v %s after half a day", n, tt.outcome)
				}
				if all := b.told(EventAlarm, string(ReasonDeaf)); len(all) != 0 {
					t.Errorf("alarms %+v", all)
				}
				b.net.ClearRules()
				b.net.Handset(friend).Send(t.Context(), ownNumber1, "x")
				time.Sleep(80 * time.Minute)
				if n := b.count(t, "self_tests_total", "arrived"); n != 1 {
					t.Errorf("%v arrived", n)
				}
			})
		})
	}
}

// No call is cut for a test, and a modem without network is not tested.
func TestSilenceSparesCalls(t *testing.T) {
	withEmulator(t, emulator.Options{}, emulator.NetworkOptions{}, func(c *Config, _ *Options) { c.MaxSilence = time.Hour }, func(t *testing.T, b *bench) {
		b.ready(t)
		if _, err := b.Dial(t.Context(), friend); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Hour)
		if n := b.count(t, "recoveries_total", stepRadio); n != 0 || len(b.dev.Calls()) != 1 {
			t.Errorf("radio switched %v times, calls %v", n, b.dev.Calls())
		}
		if err := b.HangUp(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Minute)
		if n := b.count(t, "recoveries_total", stepRadio); n != 1 {
			t.Errorf("radio switched %v times after the call", n)
		}
		b.dev.SetSignal(99)
		time.Sleep(4 * time.Minute)
		b.dev.SetSignal(20)
		time.Sleep(58 * time.Minute)
		if n := b.count(t, "recoveries_total", stepRadio); n != 1 {
			t.Errorf("radio switched %v times, a time without network counts as silence", n)
		}
	})
}

func TestSelfTestTPDU(t *testing.T) {
	for _, tt := range []struct{ number, to string }{{"+4915100000001", "+4915100000001"}, {"015100000001", "+4915100000001"}, {"12345", "12345"}} {
		l := newSilence(tt.number)
		withEmulator(t, emulator.Options{}, emulator.NetworkOptions{}, nil, func(t *testing.T, b *bench) {
			b.ready(t)
			if _, err := b.Submit(t.Context(), l.tpdu, committed); err != nil {
				t.Fatal(err)
			}
			if s := b.net.Ledger(); len(s) != 1 || s[0].To != tt.to || len(s[0].Text) != 32 || s[0].Report {
				t.Errorf("%s: %+v", tt.number, s)
			}
		})
	}
	if l := newSilence(""); l.own("00") || l.own("") {
		t.Error("without a number everything is its own")
	}
}

// A registration for data alone is said for what it is, and helped by the other way to send; one that knows better says so in the configuration.
func TestDataOnly(t *testing.T) {
	for _, tt := range []struct {
		name, service string
		ims           bool
		cure          int // value of AT+CGSMS that ends it
		steps         int
		ready         bool
	}{
		{"preferred helps", "auto", false, 3, 1, true}, {"only the other one helps", "auto", false, 1, 2, true}, {"left alone", "keep", false, 3, 0, false},
		{"named", "cs_preferred", false, 3, 0, false}, {"carries messages", "auto", true, 3, 0, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			withEmulator(t, emulator.Options{}, emulator.NetworkOptions{}, func(c *Config, _ *Options) { c.SMSService, c.SMSOverIMS = tt.service, tt.ims }, func(t *testing.T, b *bench) {
				b.ready(t)
				if s := b.Status(); s.Domain != DomainBoth {
					t.Errorf("domain %q", s.Domain)
				}
				b.inject(t, emulator.Fault{Kind: emulator.DataOnly, Code: tt.cure})
				time.Sleep(time.Minute)
				s := b.Status()
				if s.Domain != DomainPS || (s.Reason == ReasonDataOnly) == tt.ims || !tt.ims && !strings.Contains(s.Hint, "sms_over_ims") {
					t.Errorf("status %+v", s)
				}
				time.Sleep(4 * time.Minute)
				all := b.told(EventRecovery, stepService)
				if s := b.Status(); len(all) != tt.steps || (s.State == Ready) != tt.ready {
					t.Errorf("steps %+v, status %+v", all, s)
				}
				if n := b.count(t, "recoveries_total", stepService); int(n) != tt.steps {
					t.Errorf("%v steps counted", n)
				}
				if tt.steps > 0 {
					b.dev.Restart() // what helped is set again
					time.Sleep(time.Minute)
					b.ready(t)
					b.do(t.Context(), func(s *session) error {
						if s.service != tt.cure {
							t.Errorf("service %d after a restart", s.service)
						}
						return nil
					})
				}
			})
		})
	}
}

// The configured way to send is set in every session.
func TestServiceIsSet(t *testing.T) {
	for name, n := range services {
		withEmulator(t, emulator.Options{}, emulator.NetworkOptions{}, func(c *Config, _ *Options) { c.SMSService = name }, func(t *testing.T, b *bench) {
			for range 2 {
				b.ready(t)
				b.do(t.Context(), func(s *session) error {
					if answer, err := s.ask("+CGSMS?"); err != nil || s.service != n || firstField(answer) != string(rune('0'+n)) {
						t.Errorf("%s: %q, %v", name, answer, err)
					}
					return nil
				})
				b.dev.Restart()
				time.Sleep(time.Minute)
			}
		})
	}
}

// What refusals of the network and of the modem lead to.
func TestRefusals(t *testing.T) {
	for _, code := range []int{69, 331, 332, 500, 1030} {
		withEmulator(t, emulator.Options{}, emulator.NetworkOptions{}, nil, func(t *testing.T, b *bench) {
			b.ready(t)
			b.inject(t, emulator.Fault{Kind: emulator.Error, On: "+CMGS", Code: code, Times: 6})
			for i, want := range [][2]float64{{0, 0}, {1, 0}, {1, 1}, {1, 1}, {1, 1}, {1, 2}} { // service, radio
				if _, err := b.Submit(t.Context(), tpdu, committed); err == nil {
					t.Errorf("%d: sent", code)
				}
				time.Sleep(time.Second)
				if got := [2]float64{b.count(t, "recoveries_total", stepService), b.count(t, "recoveries_total", stepRadio)}; got != want {
					t.Errorf("%d: after %d refusals %v, want %v", code, i+1, got, want)
				}
			}
			time.Sleep(time.Minute)
			b.ready(t)
			if _, err := b.Submit(t.Context(), tpdu, committed); err != nil {
				t.Errorf("%d: %v", code, err)
			}
		})
	}
	withEmulator(t, emulator.Options{}, emulator.NetworkOptions{}, nil, func(t *testing.T, b *bench) {
		b.ready(t)
		b.inject(t, emulator.Fault{Kind: emulator.Error, On: "+CMGS", Code: 302}, emulator.Fault{Kind: emulator.CNMIOff})
		if _, err := b.Submit(t.Context(), tpdu, committed); err == nil {
			t.Error("sent")
		}
		time.Sleep(time.Second)
		b.announced(t) // it was set again at once
		b.await(t, NoticeStored)
		for synctest.Wait(); ; synctest.Wait() {
			select {
			case <-b.Notices():
				continue
			default:
			}
			break
		}
		b.inject(t, emulator.Fault{Kind: emulator.Error, On: "+CMGS", Code: 322})
		if _, err := b.Submit(t.Context(), tpdu, committed); err == nil {
			t.Error("sent")
		}
		select {
		case n := <-b.Notices():
			if n.Kind != NoticeStored {
				t.Errorf("notice %+v", n)
			}
		case <-time.After(time.Second):
			t.Error("a full memory is not swept")
		}
		b.inject(t, emulator.Fault{Kind: emulator.Error, On: "+CMGS", Code: 330})
		_, err := b.Submit(t.Context(), tpdu, committed)
		if se, ok := errors.AsType[*SubmitError](err); !ok || se.Class() != SIM {
			t.Errorf("no service centre: %v", err)
		}
	})
}
