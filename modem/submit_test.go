package modem

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

var errFull = errors.New("disk full")

func TestSubmitOutcomes(t *testing.T) {
	never := func() error { panic("committed without prompt") }
	for _, tt := range []struct {
		name      string
		command   string // answer to the command; "" the prompt
		data      string // answer to the PDU
		commit    func() error
		ref       int
		committed bool
		cms, cme  int
		class     Class
		is        error
		damaged   string
	}{
		{name: "plain", data: "\r\n+CMGS: 12\r\n\r\nOK\r\n", ref: 12},
		{name: "time stamp", data: "\r\n+CMGS: 12,\"24/01/01,00:00:00+04\"\r\n\r\nOK\r\n", ref: 12},
		{name: "dangling comma", data: "\r\n+CMGS: 12,\r\n\r\nOK\r\n", ref: 12},
		{name: "lower case, own line", data: "\r\n+cmgs:\r\n12\r\n\r\nOK\r\n", ref: 12},
		{name: "zero", data: "\r\n+CMGS: 0\r\n\r\nOK\r\n", ref: 0},
		{name: "no number", data: "\r\n+CMGS: abc\r\n\r\nOK\r\n", ref: -1, damaged: "cmgs.mr"},
		{name: "beyond 255", data: "\r\n+CMGS: 256\r\n\r\nOK\r\n", ref: -1, damaged: "cmgs.mr"},
		{name: "negative", data: "\r\n+CMGS: -1\r\n\r\nOK\r\n", ref: -1, damaged: "cmgs.mr"},
		{name: "giant", data: "\r\n+CMGS: 99999999999999999999\r\n\r\nOK\r\n", ref: -1, damaged: "cmgs.mr"},
		{name: "no reference", data: "\r\nOK\r\n", ref: -1, damaged: "cmgs"},
		{name: "echo of the PDU", data: "0" + "\r\n" + tpduHex + "\r\n+CMGS: 3\r\n\r\nOK\r\n", ref: 3},
		{name: "refused by the network", data: "\r\n+CMS ERROR: 38\r\n", ref: -1, committed: true, cms: 38, cme: -1, class: Temporary},
		{name: "text form", data: "\r\n+CMS ERROR: network timeout\r\n", ref: -1, committed: true, cms: 332, cme: -1, class: Unclear},
		{name: "unassigned number", data: "\r\n+CMS ERROR: 1\r\n", ref: -1, committed: true, cms: 1, cme: -1, class: Permanent},
		{name: "vendor number", data: "\r\n+CME ERROR: 15790320\r\n", ref: -1, committed: true, cms: -1, cme: 15790320, class: Unclear},
		{name: "31 bits", data: "\r\n+CMS ERROR: 2147483647\r\n", ref: -1, committed: true, cms: 2147483647, cme: -1, class: Unclear},
		{name: "plain error", data: "\r\nERROR\r\n", ref: -1, committed: true, cms: -1, cme: -1, class: Unclear},
		{name: "text only", data: "\r\nCOMMAND NOT SUPPORT\r\n", ref: -1, committed: true, cms: -1, cme: -1, class: Unclear},
		{name: "refused before the prompt", command: "\r\n+CMS ERROR: 302\r\n", commit: never, ref: -1, cms: 302, cme: -1, class: Device},
		{name: "plain error before the prompt", command: "\r\nERROR\r\n", commit: never, ref: -1, cms: -1, cme: -1, class: Temporary},
		{name: "no prompt", command: "\r\n", commit: never, ref: -1, cms: -1, cme: -1, class: Temporary, is: ErrNoPrompt, damaged: "prompt"},
		{name: "OK instead of the prompt", command: "\r\nOK\r\n", commit: never, ref: -1, cms: -1, cme: -1, class: Temporary, is: ErrNoPrompt},
		{name: "prompt without blank", command: ">", data: "\r\n+CMGS: 5\r\n\r\nOK\r\n", ref: 5},
		{name: "prompt after echo and indications", command: "AT+CMGS=18\r\r\n+QIND: SMS DONE\r\n\r\n^RSSI:20\r\n\r\n> ",
			data: "\r\n^RSSI:21\r\n\r\n+CMGS: 5\r\n\r\nOK\r\n", ref: 5},
		{name: "commit fails", commit: func() error { return errFull }, ref: -1, cms: -1, cme: -1, class: Temporary, is: errFull},
		{name: "late answer before the prompt", command: "\r\n+CMGS: 99\r\n\r\nOK\r\n\r\n> ", data: "\r\n+CMGS: 5\r\n\r\nOK\r\n", ref: 5},
		{name: "late refusal before the prompt", command: "\r\n+CMS ERROR: 38\r\n\r\n> ", commit: never, ref: -1, cms: 38, cme: -1, class: Temporary},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, nil, func(t *testing.T, r *rig) {
				r.ready(t)
				r.p.data = func(p *peer, _ string) { p.say(tt.data) }
				r.p.set(func(p *peer, c string) bool {
					if !strings.HasPrefix(c, "+CMGS=") || tt.command == "" {
						return false
					}
					if strings.Contains(tt.command, ">") {
						p.prompt()
					}
					p.say(tt.command)
					return true
				})
				commits := 0
				ref, err := r.Submit(t.Context(), tpdu, func() error {
					commits++
					if tt.commit != nil {
						return tt.commit()
					}
					return nil
				})
				if ref != tt.ref {
					t.Errorf("reference %d, want %d", ref, tt.ref)
				}
				wantErr := tt.class != 0 || tt.cms != 0 || tt.is != nil
				var se *SubmitError
				if errors.As(err, &se) != wantErr {
					t.Fatalf("error %v", err)
				}
				if wantErr {
					if se.Committed != tt.committed || se.CMS != tt.cms || se.CME != tt.cme || se.Class() != tt.class {
						t.Errorf("error %+v of class %v (%v)", *se, se.Class(), err)
					}
					if tt.is != nil && !errors.Is(err, tt.is) {
						t.Errorf("error %v is not %v", err, tt.is)
					}
				}
				pdus := 1
				if wantErr && !tt.committed {
					pdus = 0
				}
				if n := r.p.heard("PDU:"); n != pdus {
					t.Errorf("PDU written %d times, want %d", n, pdus)
				}
				if tt.commit != nil && pdus == 0 && commits > 0 || tt.is == ErrNoPrompt {
					if r.p.heard("ESC") < 2 {
						t.Error("no ESC was written")
					}
				}
				if tt.damaged != "" {
					if n := r.counter(t, "trunkline_modem_damaged_total", tt.damaged); n != 1 {
						t.Errorf("damaged %s counted %v times", tt.damaged, n)
					}
				}
				// Whatever happened, the next message goes through.
				synctest.Wait()
				r.p.setData(nil)
				r.p.set(nil)
				if ref, err := r.Submit(t.Context(), tpdu, committed); ref != 7 || err != nil {
					t.Errorf("next Submit = %d, %v", ref, err)
				}
				if s := r.Status(); s.Opens != 1 {
					t.Errorf("opened %d times", s.Opens)
				}
			})
		})
	}
}

// Until the PDU is committed ctx ends a send; afterwards it does not.
func TestSubmitContext(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		r.ready(t)
		r.p.set(func(p *peer, c string) bool {
			if strings.HasPrefix(c, "+CMGS=") {
				time.Sleep(2 * time.Second)
			}
			return false
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := r.Submit(ctx, tpdu, func() error { t.Error("committed"); return nil })
		var se *SubmitError
		if !errors.As(err, &se) || se.Committed || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("ended before the prompt: %v", err)
		}

		r.p.set(nil)
		r.p.data = func(p *peer, _ string) {
			time.Sleep(10 * time.Second)
			p.say("\r\n+CMGS: 9\r\n\r\nOK\r\n")
		}
		ctx, cancel = context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if ref, err := r.Submit(ctx, tpdu, committed); ref != 9 || err != nil {
			t.Errorf("ended after the commit: %d, %v", ref, err)
		}
		if n := r.p.heard("PDU:"); n != 1 {
			t.Errorf("PDU written %d times", n)
		}
	})
}

// A stop waits for the answer to a PDU that is out, and takes nothing new.
func TestStopWaitsForAnswer(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		// A second modem of its own, so that this test can stop it.
		p := &peer{t: t}
		m, err := New(Default(), Options{Name: "b", Open: p.open})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		p.data = func(p *peer, _ string) {
			stop()
			time.Sleep(30 * time.Second)
			p.say("\r\n+CMGS: 4\r\n\r\nOK\r\n")
		}
		done := make(chan error, 1)
		go func() { done <- m.Run(ctx) }()
		if err := m.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		type result struct {
			ref int
			err error
		}
		sent := make(chan result, 1)
		go func() {
			ref, err := m.Submit(t.Context(), tpdu, committed)
			sent <- result{ref, err}
		}()
		if r := <-sent; r.ref == 4 && r.err == nil {
			if err := <-done; err != nil {
				t.Errorf("Run: %v", err)
			}
		} else {
			t.Errorf("Submit = %d, %v", r.ref, r.err)
			<-done
		}
		if _, err := m.Submit(t.Context(), tpdu, committed); !errors.Is(err, ErrNotReady) {
			t.Errorf("Submit after the stop: %v", err)
		}
	})
}

// A burst keeps the link of the modem, asked for once per burst; a refusal is remembered.
func TestSubmitBurst(t *testing.T) {
	for _, refuse := range []bool{false, true} {
		bubble(t, nil, func(t *testing.T, r *rig) {
			r.ready(t)
			if refuse {
				r.p.set(func(p *peer, c string) bool {
					if c == "+CMMS=2" {
						p.say("\r\n+CMS ERROR: 500\r\n")
						return true
					}
					return false
				})
			}
			for range 2 {
				for _, more := range []bool{true, true, false} {
					if _, err := r.SubmitPart(t.Context(), tpdu, more, committed); err != nil {
						t.Fatal(err)
					}
				}
			}
			want := 2
			if refuse {
				want = 1
			}
			if n := r.p.heard("+CMMS=2"); n != want {
				t.Errorf("CMMS asked for %d times, want %d", n, want)
			}
		})
	}
}

func TestClassOf(t *testing.T) {
	for cms, want := range map[int]Class{
		-1: Unclear, 0: Unclear, 1: Permanent, 8: SIM, 21: SIM, 22: Temporary, 38: Temporary, 41: Temporary, 69: Permanent,
		95: Permanent, 99: Permanent, 111: Permanent, 127: Temporary, 130: Permanent, 193: SIM, 197: Unclear, 208: Permanent,
		255: Temporary, 256: Unclear, 302: Device, 304: Permanent, 310: SIM, 314: Temporary, 318: SIM, 322: Device, 330: SIM,
		331: Temporary, 332: Unclear, 340: Unclear, 500: Unclear, 512: Device, 513: Unclear, 515: Temporary, 535: Device, 1 << 30: Unclear,
	} {
		if got := ClassOf(cms); got != want {
			t.Errorf("ClassOf(%d) = %v, want %v", cms, got, want)
		}
	}
	for i, last := 0, 0; i < len(cmsClasses); i++ {
		r := cmsClasses[i]
		if r.from <= last || r.to < r.from {
			t.Errorf("row %d is out of order", i)
		}
		last = r.to
	}
	for cme, want := range map[int]Class{10: SIM, 14: Temporary, 31: Unclear, 100: Unclear, 3: Device, -1: Unclear} {
		if got := ClassOfCME(cme); got != want {
			t.Errorf("ClassOfCME(%d) = %v, want %v", cme, got, want)
		}
	}
}

// cutWrites is a port that fails in the middle of a PDU: keep octets of it get out.
type cutWrites struct {
	Port
	keep int
}

func (c *cutWrites) Write(p []byte) (int, error) {
	if len(p) == 0 || p[len(p)-1] != endOfPDU {
		return c.Port.Write(p)
	}
	n := len(p)
	if c.keep >= 0 {
		n = min(n, c.keep)
	}
	n, err := c.Port.Write(p[:n])
	if err == nil {
		err = errors.New("bus reset")
	}
	return n, err
}

// A PDU whose end never left the port is not sent, and said to be not sent; one that left as a whole is unclear.
func TestCutPDU(t *testing.T) {
	for keep, committed := range map[int]bool{0: false, 1: false, 37: false, -1: true} {
		bubble(t, func(_ *Config, o *Options, p *peer) {
			o.Open = func(ctx context.Context) (Port, error) {
				port, err := p.open(ctx)
				if p.opens > 1 {
					return port, err
				}
				return &cutWrites{port, keep}, err
			}
			p.data = func(p *peer, _ string) {} // no answer
		}, func(t *testing.T, r *rig) {
			r.ready(t)
			commits := 0
			_, err := r.Submit(t.Context(), tpdu, func() error { commits++; return nil })
			var se *SubmitError
			if !errors.As(err, &se) || se.Committed != committed || commits != 1 || !errors.Is(err, ErrPortLost) {
				t.Errorf("%d octets written: %v, %d commits", keep, err, commits)
			}
			r.p.setData(nil)
			time.Sleep(time.Second)
			r.ready(t)
			if n := r.p.heard("PDU:"); (n == 1) != committed {
				t.Errorf("%d octets written: the modem got %d PDUs", keep, n)
			}
			if ref, err := r.Submit(t.Context(), tpdu, func() error { return nil }); ref != 7 || err != nil {
				t.Errorf("next Submit = %d, %v", ref, err)
			}
		})
	}
}
