package modem

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"trunkline/modem/emulator"
)

// A device that is absent is a status; it is looked for with growing pauses, logged once, and found within a second or so.
func TestMissingDevice(t *testing.T) {
	var log logBuffer
	var here atomic.Bool
	var opens atomic.Int64
	device := t.TempDir() + "/modem"
	bubble(t, func(c *Config, o *Options, p *peer) {
		c.Device = device
		o.Logger = newTestLogger(&log)
		o.Open = func(ctx context.Context) (Port, error) {
			if opens.Add(1); !here.Load() {
				return nil, &SetupError{Reason: ReasonMissing, Err: os.ErrNotExist, Hint: "plug it in"}
			}
			return p.open(ctx)
		}
	}, func(t *testing.T, r *rig) {
		time.Sleep(time.Hour)
		if s := r.Status(); s.State != Missing || s.Reason != ReasonMissing || s.Hint != "plug it in" || s.Opens != 0 {
			t.Errorf("status %+v", s)
		}
		if n := opens.Load(); n < 100 || n > 150 {
			t.Errorf("%d attempts in an hour", n)
		}
		if n := strings.Count(log.String(), "\n"); n != 1 {
			t.Errorf("%d log lines:\n%s", n, log.String())
		}
		_, err := r.Submit(t.Context(), tpdu, committed)
		if !errors.Is(err, ErrNotReady) {
			t.Errorf("Submit: %v", err)
		}
		if _, err := r.List(t.Context()); !errors.Is(err, ErrNotReady) {
			t.Errorf("List: %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := r.Ready(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Ready: %v", err)
		}
		here.Store(true)
		if err := os.WriteFile(device, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		r.ready(t)
		if d := time.Since(start); d > 2*time.Second {
			t.Errorf("found after %v", d)
		}
	})
}

// A port that comes and goes is opened with growing pauses and logged once a minute at most.
func TestFlappingPort(t *testing.T) {
	var log logBuffer
	bubble(t, func(_ *Config, o *Options, p *peer) {
		o.Logger = newTestLogger(&log)
		p.script = func(p *peer, c string) bool {
			if c == "+CMGF=0" {
				p.conn.Close()
				return true
			}
			return false
		}
	}, func(t *testing.T, r *rig) {
		time.Sleep(10 * time.Minute)
		if n := r.Status().Opens; n < 20 || n > 40 {
			t.Errorf("%d opens in ten minutes", n)
		}
		if n := strings.Count(log.String(), "\n"); n > 12 {
			t.Errorf("%d log lines:\n%s", n, log.String())
		}
		r.p.set(nil)
		r.ready(t)
	})
}

// Nobody answers: said so, with the speeds tried in turn when none is given.
func TestNoAnswer(t *testing.T) {
	var speeds []int
	synctest.Test(t, func(t *testing.T) {
		c := Default()
		c.Device, c.Baud = "/dev/ttyS0", 0
		var m *Modem
		p := &peer{t: t, silent: true}
		m, err := New(c, Options{Open: func(ctx context.Context) (Port, error) {
			speeds = append(speeds, m.speed())
			p.mu.Lock()
			p.silent = m.speed() != 38400
			p.mu.Unlock()
			return p.open(ctx)
		}})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- m.Run(ctx) }()
		time.Sleep(11 * time.Second)
		if s := m.Status(); s.State != Failed && s.State != Initialising {
			t.Errorf("status %+v", s)
		}
		if err := m.Ready(ctx); err != nil {
			t.Error(err)
		}
		// What worked is kept.
		p.conn.Close()
		time.Sleep(time.Second)
		if err := m.Ready(ctx); err != nil {
			t.Error(err)
		}
		cancel()
		<-done
	})
	if got := fmt.Sprint(speeds); got != "[115200 9600 57600 38400 38400]" {
		t.Errorf("speeds %s", got)
	}
}

// Recovery goes from mild to hard: back into step, a new session, the radio off and on, the port opened again.
func TestRecoveryLadder(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		r.ready(t)
		r.p.set(func(p *peer, c string) bool { return c == "+DEAD" || c == "+CPMS=?" }) // not answered
		for range 3 {
			if _, err := r.ask(t, "+DEAD"); !errors.Is(err, ErrTimeout) {
				t.Fatalf("%v", err)
			}
		}
		if n := r.Status().Opens; n != 1 {
			t.Errorf("opened %d times after three missed answers", n)
		}
		time.Sleep(2 * time.Minute)
		if n := r.p.heard("+CFUN=4"); n == 0 {
			t.Error("radio was not cycled")
		}
		if n := r.Status().Opens; n < 2 {
			t.Errorf("opened %d times", n)
		}
		for step, least := range map[string]float64{stepSession: 1, stepRadio: 1, stepReopen: 1} {
			if n := r.counter(t, "trunkline_modem_recoveries_total", step); n < least {
				t.Errorf("step %s taken %v times", step, n)
			}
		}
		if s := r.Status(); s.State == Ready || s.Reason == "" && s.State == Failed {
			t.Errorf("status %+v", s)
		}
		r.p.set(nil)
		r.ready(t)
		if ref, err := r.Submit(t.Context(), tpdu, committed); ref != 7 || err != nil {
			t.Errorf("Submit = %d, %v", ref, err)
		}
	})
}

// Another modem or card than the configured one is refused, and nothing is sent with it.
func TestWrongModem(t *testing.T) {
	for _, tt := range []struct {
		imei, iccid string
		reason      Reason
	}{{"490154203237518", "8949000000000000001", ""}, {"490154203237519", "", ReasonWrongModem}, {"", "8949000000000000002", ReasonWrongSIM}} {
		bubble(t, func(c *Config, _ *Options, _ *peer) { c.IMEI, c.ICCID = tt.imei, tt.iccid }, func(t *testing.T, r *rig) {
			time.Sleep(10 * time.Second)
			if s := r.Status(); s.Reason != tt.reason || (s.State == Ready) != (tt.reason == "") {
				t.Errorf("status %+v", s)
			}
		})
	}
}

// A card without service centre gets the configured one.
func TestServiceCentreIsSet(t *testing.T) {
	bubble(t, func(c *Config, _ *Options, p *peer) {
		c.SMSC = "+491720000000"
		p.script = func(p *peer, c string) bool {
			switch c {
			case "+CSCA?":
				p.say("\r\n+CSCA: \"\",129\r\n\r\nOK\r\n")
			case `+CSCA="+491720000000",145`:
				p.say("\r\nOK\r\n")
			default:
				return false
			}
			return true
		}
	}, func(t *testing.T, r *rig) {
		r.ready(t)
		if s := r.Status(); s.SMSC != "+491720000000" {
			t.Errorf("SMSC %q", s.SMSC)
		}
	})
}

// A busy card is waited for; a modem that leaves out the OK after +CPIN is not.
func TestSlowCard(t *testing.T) {
	busy := 6
	bubble(t, func(_ *Config, _ *Options, p *peer) {
		p.script = func(p *peer, c string) bool {
			if c != "+CPIN?" {
				return false
			}
			if busy--; busy > 0 {
				p.say("\r\n+CME ERROR: 14\r\n")
			} else {
				p.say("\r\n+CPIN: READY\r\n")
			}
			return true
		}
	}, func(t *testing.T, r *rig) {
		r.ready(t)
		if s := r.Status(); s.Opens != 1 {
			t.Errorf("opened %d times", s.Opens)
		}
	})
}

// A modem that cannot list is read slot by slot.
func TestListSlots(t *testing.T) {
	bubble(t, func(_ *Config, _ *Options, p *peer) {
		p.script = func(p *peer, c string) bool {
			switch {
			case c == "+CMGL=4":
				p.say("\r\n+CMS ERROR: 303\r\n")
			case c == "+CMGR=3" || c == "+CMGR=20":
				p.say("\r\n+CMGR: 1,,10\r\n0000000000000000000000\r\n\r\nOK\r\n")
			case c == "+CMGR=5":
				p.say("\r\n+CMGR: 0,,0\r\n\r\nOK\r\n")
			case c == "+CMGR=6":
				p.say("\r\nOK\r\n")
			case strings.HasPrefix(c, "+CMGR="):
				p.say("\r\n+CMS ERROR: 321\r\n")
			default:
				return false
			}
			return true
		}
	}, func(t *testing.T, r *rig) {
		r.ready(t)
		found, err := r.List(t.Context())
		if err != nil || len(found) != 2 || found[0].Index != 3 || found[1].Index != 20 || found[0].Raw == "" || found[0].Status != 1 {
			t.Errorf("%+v, %v", found, err)
		}
	})
}

// A long list takes its time: the limit counts from line to line. One without end is cut.
func TestListLimits(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		r.ready(t)
		r.p.set(func(p *peer, c string) bool {
			if c != "+CMGL=4" {
				return false
			}
			for i := range 50 {
				time.Sleep(20 * time.Second)
				p.say(fmt.Sprintf("\r\n+CMGL: %d,1,,10\r\n0000000000000000000000", i))
			}
			p.say("\r\n\r\nOK\r\n")
			return true
		})
		if found, err := r.List(t.Context()); err != nil || len(found) != 50 {
			t.Errorf("%d messages, %v", len(found), err)
		}
		r.p.set(func(p *peer, c string) bool {
			if c != "+CMGL=4" {
				return false
			}
			go func() {
				for i := range 3 * answerLines {
					p.say(fmt.Sprintf("\r\n+CMGL: %d,1,,10\r\n0000000000000000000000\r\n", i))
				}
			}()
			return true
		})
		if _, err := r.List(t.Context()); !errors.Is(err, errAnswerTooLong) {
			t.Errorf("endless list: %v", err)
		}
		r.p.set(nil)
		r.ready(t)
		if found, err := r.List(t.Context()); err != nil || len(found) != 0 {
			t.Errorf("%d messages, %v", len(found), err)
		}
	})
}

// A modem that acknowledges by itself is not asked; one that does not is, and a superfluous answer does no harm.
func TestAcknowledge(t *testing.T) {
	for _, own := range []bool{true, false} {
		bubble(t, func(_ *Config, _ *Options, p *peer) {
			p.script = func(p *peer, c string) bool {
				switch {
				case c == "+CNMA=0":
					p.say("\r\n+CMS ERROR: 340\r\n")
				case c == "+CNMA=2":
					p.say("\r\nOK\r\n")
				case c == "+CSMS=0" && !own:
					p.say("\r\nERROR\r\n")
				case c == "+CSMS?" && !own:
					p.say("\r\n+CSMS: 1,1,1,1\r\n\r\nOK\r\n")
				default:
					return false
				}
				return true
			}
		}, func(t *testing.T, r *rig) {
			r.ready(t)
			for _, ok := range []bool{true, false} {
				if err := r.Acknowledge(t.Context(), ok); err != nil {
					t.Errorf("Acknowledge(%v): %v", ok, err)
				}
			}
			want := 2
			if own {
				want = 0
			}
			if n := r.p.heard("+CNMA"); n != want {
				t.Errorf("asked %d times, want %d", n, want)
			}
		})
	}
}

// Deleting what is gone already is a success; a refusal is not.
func TestDelete(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		r.ready(t)
		r.p.set(func(p *peer, c string) bool {
			switch c {
			case `+CPMS="SM","SM"`:
				p.say("\r\n+CPMS: 1,20,1,20\r\n\r\nOK\r\n")
			case "+CMGD=1":
				p.say("\r\n+CMS ERROR: 321\r\n")
			case "+CMGD=2":
				p.say("\r\nERROR\r\n")
			case "+CMGD=3":
				time.Sleep(7 * time.Second)
				p.say("\r\nOK\r\n")
			default:
				return false
			}
			return true
		})
		for index, fails := range map[int]bool{1: false, 2: true, 3: false} {
			if err := r.Delete(t.Context(), Stored{Memory: "SM", Index: index}); (err != nil) != fails {
				t.Errorf("Delete %d: %v", index, err)
			}
		}
	})
}

// Requests wait in order, and leave the queue with their context.
func TestQueue(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		r.ready(t)
		r.p.data = func(p *peer, _ string) {
			time.Sleep(5 * time.Second)
			p.say("\r\n+CMGS: 1\r\n\r\nOK\r\n")
		}
		ended := make(chan int, 10)
		for i := range 10 {
			go func() {
				ctx := t.Context()
				if i%2 == 1 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, time.Second)
					defer cancel()
				}
				_, err := r.Submit(ctx, tpdu, committed)
				if i%2 == 1 && !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("request %d: %v", i, err)
				}
				if i%2 == 0 && err != nil {
					t.Errorf("request %d: %v", i, err)
				}
				ended <- i
			}()
			synctest.Wait()
		}
		for i := range 10 {
			got := <-ended
			if i < 5 && got%2 == 0 && got != 0 || i == 9 && got != 8 {
				t.Errorf("request %d ended as number %d", got, i)
			}
		}
	})
}

// A modem goes on after any number of openings without leaving anything behind.
func TestManyOpenings(t *testing.T) {
	withEmulator(t, emulator.Options{}, emulator.NetworkOptions{}, nil, func(t *testing.T, b *bench) {
		for i := range 20 {
			b.ready(t)
			if _, err := b.Submit(t.Context(), tpdu, committed); err != nil {
				t.Fatalf("Submit %d: %v", i, err)
			}
			b.dev.Inject(emulator.Fault{Kind: emulator.Unplug})
			synctest.Wait()
			time.Sleep(time.Minute)
		}
		if n := b.Status().Opens; n != 21 {
			t.Errorf("opened %d times", n)
		}
	})
}

// A modem without network is helped along, ever less often; one that the network refuses is left alone.
func TestNoNetwork(t *testing.T) {
	for _, tt := range []struct {
		creg           string
		network, radio float64
	}{{"+CREG: 2,2", 1, 3}, {"+CREG: 2,3", 0, 0}} {
		bubble(t, func(_ *Config, _ *Options, p *peer) {
			p.script = func(p *peer, c string) bool {
				if c == "+CREG?" {
					p.say("\r\n" + tt.creg + "\r\n\r\nOK\r\n")
					return true
				}
				return false
			}
		}, func(t *testing.T, r *rig) {
			time.Sleep(50 * time.Minute)
			if n := r.counter(t, "trunkline_modem_recoveries_total", stepNetwork); n != tt.network {
				t.Errorf("%s: operator selected %v times", tt.creg, n)
			}
			if n := r.counter(t, "trunkline_modem_recoveries_total", stepRadio); n != tt.radio {
				t.Errorf("%s: radio cycled %v times", tt.creg, n)
			}
			if s := r.Status(); s.State != Searching || s.Opens != 1 {
				t.Errorf("status %+v", s)
			}
			r.p.set(nil)
			r.ready(t)
		})
	}
}

// A card that is taken out or changed is noticed at once.
func TestCardChanges(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		r.ready(t)
		r.p.set(func(p *peer, c string) bool {
			if c == "+CPIN?" {
				p.say("\r\n+CME ERROR: 10\r\n")
				return true
			}
			return false
		})
		r.p.say("\r\n+CPIN: NOT READY\r\n")
		synctest.Wait()
		time.Sleep(time.Second)
		if s := r.Status(); s.State == Ready || s.Reason != ReasonNoSIM && s.State == Failed {
			t.Errorf("status %+v", s)
		}
		r.p.set(func(p *peer, c string) bool {
			if c == "+CCID" {
				p.say("\r\n+CCID: 8949000000000000002\r\n\r\nOK\r\n")
				return true
			}
			return false
		})
		r.ready(t)
		if s := r.Status(); s.ICCID != "8949000000000000002" {
			t.Errorf("ICCID %s", s.ICCID)
		}
		r.p.set(nil)
		r.p.say("\r\n+QUSIM: 1\r\n")
		time.Sleep(2 * time.Second)
		r.ready(t)
		if s := r.Status(); s.ICCID != "8949000000000000001" {
			t.Errorf("ICCID %s", s.ICCID)
		}
	})
}
