package emulator

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// Several calls at once: what each command of the standards makes of them.
func TestSeveralCalls(t *testing.T) {
	const first, second = phoneNumber, "+4917200000009"
	listed := func(states ...int) string {
		var b strings.Builder
		for i, state := range states {
			joined := 0
			if state == 10 { // active, and joined
				state, joined = 0, 1
			}
			fmt.Fprintf(&b, "\r\n+CLCC: %d,1,%d,0,%d,\"%s\",145\r\n", i+1, state, joined, []string{first, second}[i])
		}
		return b.String() + "\r\nOK\r\n"
	}
	const ok, notAllowed = "\r\nOK\r\n", "\r\n+CME ERROR: 3\r\n"
	waiting := "\r\n+CCWA: \"" + second + "\",145,1,,0\r\n"
	for _, tt := range []struct {
		name   string
		talk   [][2]string // what the host says, and what it gets
		states []int       // at the end
	}{
		{"refused", [][2]string{{"AT+CHLD=0", ok}, {"AT+CLCC", listed(0)}}, []int{0}},
		{"taken, the other held, and back", [][2]string{{"AT+CHLD=2", ok}, {"AT+CLCC", listed(1, 0)}, {"AT+CHLD=2", ok}, {"AT+CLCC", listed(0, 1)}}, []int{0, 1}},
		{"taken in place of the other", [][2]string{{"AT+CHLD=1", ok}}, []int{0}},
		{"held one is released", [][2]string{{"AT+CHLD=2", ok}, {"AT+CHLD=0", ok}}, []int{0}},
		{"one by its number", [][2]string{{"AT+CHLD=2", ok}, {"AT+CHLD=11", ok}, {"AT+CHLD=17", "\r\n+CME ERROR: 22\r\n"}}, []int{0}},
		{"joined and parted", [][2]string{{"AT+CHLD=3", notAllowed}, {"AT+CHLD=2", ok}, {"AT+CHLD=3", ok}, {"AT+CLCC", listed(10, 10)}, {"AT+CHLD=22", ok}, {"AT+CLCC", listed(1, 0)}}, []int{1, 0}},
		{"held ones come back joined", [][2]string{{"AT+CHLD=2", ok}, {"AT+CHLD=3", ok}, {"AT+CHLD=2", ok}, {"AT+CLCC", strings.ReplaceAll(listed(1, 1), ",0,\"", ",1,\"")}, {"AT+CHLD=2", ok}, {"AT+CLCC", listed(10, 10)}}, []int{0, 0}},
		{"the active one ends, the other rings", [][2]string{{"AT+CHUP", ok}, {"ATA", "\r\nRING\r\n" + ok}}, []int{0}},
		{"hanging up leaves what is held", [][2]string{{"AT+CHLD=2", ok}, {"ATH", ok}, {"AT+CHUP", ok}}, []int{1}},
		{"nonsense", [][2]string{{"AT+CHLD=9", notAllowed}, {"AT+CHLD=", "\r\n+CME ERROR: 50\r\n"}, {"AT+CHLD=31", "\r\n+CME ERROR: 22\r\n"}, {"AT+CHLD=?", "\r\n+CHLD: (0,1,1x,2,2x,3)\r\n\r\nOK\r\n"}, {"ATA", "\r\nNO CARRIER\r\n"}}, []int{0, 5}},
		{"the radio goes off", [][2]string{{"AT+CFUN=4", ok}, {"AT+CHLD=0", notAllowed}}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			onBench(t, Options{}, func(t *testing.T, b *faultBench) {
				b.want("AT+CMEE=1", ok)
				b.want("AT+CCWA=1", ok)
				call := func(from string) {
					go b.n.Handset(from).Call(t.Context(), simNumber)
					synctest.Wait()
				}
				call(first)
				b.until("RING\r\n")
				b.want("ATA", ok)
				call(second)
				if got := b.quiet(20 * time.Second); got != waiting {
					t.Errorf("waiting call: %q", got)
				}
				b.want("AT+CLCC", listed(0, 5))
				b.want("AT+CPAS", "\r\n+CPAS: 4\r\n\r\nOK\r\n")
				for _, x := range tt.talk {
					b.want(x[0], x[1])
				}
				if got := b.m.Calls(); fmt.Sprint(got) != fmt.Sprint(tt.states) {
					t.Errorf("calls %v, want %v", got, tt.states)
				}
			})
		})
	}
}

// Who gives up while he waits is gone without a word about the active call; when that ends first, the waiting one rings.
func TestWaitingCallerAndRemoteEnd(t *testing.T) {
	onBench(t, Options{Profile: func() Profile { p, _ := ProfileByName("huawei-e173"); return p }()}, func(t *testing.T, b *faultBench) {
		b.ask("AT^CURC=0")
		b.ask("AT+CCWA=1")
		go b.n.Handset(phoneNumber).Call(t.Context(), simNumber)
		b.until("RING\r\n")
		b.ask("ATA")
		for _, quiet := range []bool{true, false} {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			answered, err := b.n.Handset("+4917200000009").CallWith(ctx, simNumber, CallOptions{Withheld: true, Quiet: quiet})
			cancel()
			if answered || err != nil {
				t.Errorf("answered %v, %v", answered, err)
			}
			got := b.quiet(time.Second)
			if !strings.Contains(got, `+CCWA: "",128,1,,1`) || strings.Contains(got, "NO CARRIER") || strings.Contains(got, "^CEND:2,") == quiet {
				t.Errorf("quiet %v: %q", quiet, got)
			}
		}
		go b.n.Handset("+4917200000009").Call(t.Context(), simNumber)
		synctest.Wait()
		b.m.HangUp()
		if got := b.quiet(time.Second); !strings.Contains(got, "^CEND:1,") || !strings.Contains(got, "NO CARRIER") || !strings.Contains(got, "RING") {
			t.Errorf("the active call ends: %q", got)
		}
		if got := b.m.Calls(); len(got) != 1 || got[0] != callIncoming {
			t.Errorf("calls %v", got)
		}
		// It does not end for a host that wants it to.
		b.inject(Fault{Kind: NoHangUp})
		b.ask("AT+CHUP")
		if got := b.m.Calls(); len(got) != 1 {
			t.Errorf("calls %v", got)
		}
		b.ask("AT+CHUP")
		if got := b.m.Calls(); len(got) != 0 {
			t.Errorf("calls %v", got)
		}
	})
}

// A deaf modem is registered and hears nothing, until its radio is switched off and on or the time is over.
func TestDeaf(t *testing.T) {
	onBench(t, Options{}, func(t *testing.T, b *faultBench) {
		b.ask("AT+CNMI=2,1,0,1,0")
		for _, cure := range []func(){
			func() { b.ask("AT+CFUN=4"); b.ask("AT+CFUN=1") },
			func() { b.inject(Fault{Kind: Clear}) },
			func() { time.Sleep(time.Minute) },
		} {
			b.inject(Fault{Kind: Deaf, Delay: 70 * time.Second})
			b.n.Handset(phoneNumber).Send(t.Context(), simNumber, "x")
			if got := b.quiet(10 * time.Second); got != "" || !strings.Contains(b.ask("AT+CREG?"), "+CREG: 0,1") {
				t.Errorf("deaf: %q", got)
			}
			cure()
			if got := b.quiet(time.Second); !strings.Contains(got, "+CMTI") {
				t.Errorf("cured: %q", got)
			}
		}
	})
}

// Registered for data alone a modem sends and receives nothing, until it uses the other way for messages.
func TestDataOnly(t *testing.T) {
	onBench(t, Options{}, func(t *testing.T, b *faultBench) {
		b.ask("AT+CNMI=2,1,0,1,0")
		b.ask("AT+CREG=1")
		b.want("AT+CGSMS?", "\r\n+CGSMS: 1\r\n\r\nOK\r\n")
		b.inject(Fault{Kind: DataOnly})
		if got := b.quiet(0); got != "\r\n+CREG: 2\r\n" {
			t.Errorf("told %q", got)
		}
		if cs, ps := b.ask("AT+CREG?"), b.ask("AT+CEREG?"); !strings.Contains(cs, "+CREG: 1,2") || !strings.Contains(ps, "+CEREG: 0,1") {
			t.Errorf("registrations %q, %q", cs, ps)
		}
		b.n.Handset(phoneNumber).Send(t.Context(), simNumber, "x")
		if got := b.quiet(10 * time.Second); got != "" {
			t.Errorf("received %q", got)
		}
		b.ask("AT+CGSMS=1")
		b.ask("AT+CGSMS=3")
		if got := b.quiet(time.Second); !strings.Contains(got, "+CREG: 1") || !strings.Contains(got, "+CMTI") {
			t.Errorf("received %q", got)
		}
		b.inject(Fault{Kind: DataOnly, Code: 1, Delay: time.Minute})
		b.ask("AT+CGSMS=3")
		if got := b.ask("AT+CREG?"); !strings.Contains(got, "+CREG: 1,2") {
			t.Errorf("registration %q", got)
		}
		if got := b.quiet(time.Minute); !strings.Contains(got, "+CREG: 1") {
			t.Errorf("told %q when its time was over", got)
		}
		if got := b.ask("AT+CREG?"); !strings.Contains(got, "+CREG: 1,1") {
			t.Errorf("registration %q", got)
		}
	})
}
