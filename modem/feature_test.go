package modem

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"trunkline/modem/emulator"
	"trunkline/pdu"
)

// septets is the alphabet that programs wire.
type septets struct{}

func (septets) PackUSSD(text string) ([]byte, error) { return pdu.PackUSSD(text) }
func (septets) UnpackUSSD(octets []byte) string      { return pdu.UnpackUSSD(octets) }
func withAlphabet(_ *Config, o *Options)             { o.Alphabet = septets{} }
func profile(name string) emulator.Profile           { p, _ := emulator.ProfileByName(name); return p }
func answering(a emulator.USSDAnswer) emulator.NetworkOptions {
	return emulator.NetworkOptions{USSD: func(string, []string) emulator.USSDAnswer { return a }}
}

// event takes events until one of the kind comes.
func (b *bench) event(t *testing.T, kind EventKind, code string) Event {
	t.Helper()
	limit := time.After(5 * time.Minute)
	for {
		select {
		case e := <-b.Events():
			if e.Kind == kind && (code == "" || e.Code == code) {
				return e
			}
		case <-limit:
			t.Fatalf("no event %v %s", kind, code)
		}
	}
}

// Every make answers in its own coding; the text is the same.
func TestUSSDCodings(t *testing.T) {
	text := "Balance: 12.50 EUR\nValid until 31.12."
	for _, coding := range []string{"", "packed", "ucs2", "octets", "latin1"} {
		t.Run("coding "+coding, func(t *testing.T) {
			p := profile("generic")
			p.USSD = coding
			withEmulator(t, emulator.Options{Profile: p}, answering(emulator.USSDAnswer{Text: text}), withAlphabet, func(t *testing.T, b *bench) {
				b.ready(t)
				r, err := b.USSD(t.Context(), "*100#")
				if err != nil || r.Text != text || r.Raw == "" || r.More {
					t.Errorf("USSD = %+v, %v", r, err)
				}
			})
		})
	}
	for _, p := range emulator.Profiles() {
		t.Run(p.Name, func(t *testing.T) {
			withEmulator(t, emulator.Options{Profile: p}, emulator.NetworkOptions{}, withAlphabet, func(t *testing.T, b *bench) {
				b.ready(t)
				if r, err := b.USSD(t.Context(), "*135#"); err != nil || r.Text != "Your number is +4915100000001" {
					t.Errorf("USSD = %+v, %v", r, err)
				}
			})
		})
	}
}

func TestUSSDSession(t *testing.T) {
	withEmulator(t, emulator.Options{}, emulator.NetworkOptions{}, withAlphabet, func(t *testing.T, b *bench) {
		b.ready(t)
		if _, err := b.USSDReply(t.Context(), "1"); !errors.Is(err, ErrNoUSSD) {
			t.Errorf("reply to nothing: %v", err)
		}
		r, err := b.USSD(t.Context(), "*123#")
		if err != nil || !r.More || r.Text != "Your card\n1 Balance\n2 Number" {
			t.Fatalf("USSD = %+v, %v", r, err)
		}
		if _, err := b.USSD(t.Context(), "*100#"); !errors.Is(err, ErrUSSDBusy) {
			t.Errorf("second session: %v", err)
		}
		if r, err := b.USSDReply(t.Context(), "1"); err != nil || r.Text != "Balance: 12.50 EUR" || r.More {
			t.Errorf("reply = %+v, %v", r, err)
		}
		if _, err := b.USSDReply(t.Context(), "1"); !errors.Is(err, ErrNoUSSD) {
			t.Errorf("reply after the end: %v", err)
		}
		// A menu that nobody answers is given up, and so is one that is canceled.
		for _, end := range []func(){func() { time.Sleep(ussdPatient + time.Second) }, func() { b.USSDCancel(t.Context()) }} {
			if _, err := b.USSD(t.Context(), "*123#"); err != nil {
				t.Fatal(err)
			}
			end()
			if r, err := b.USSD(t.Context(), "*100#"); err != nil || r.Text != "Balance: 12.50 EUR" {
				t.Errorf("after the end: %+v, %v", r, err)
			}
		}
		var code *USSDError
		if _, err := b.USSD(t.Context(), "*999#"); !errors.As(err, &code) || code.Code != 4 {
			t.Errorf("a code that nobody knows: %v", err)
		}
		for _, bad := range []string{"", "*1\"#", "*1\r#", strings.Repeat("1", 183)} {
			if _, err := b.USSD(t.Context(), bad); err == nil {
				t.Errorf("%q was sent", bad)
			}
		}
	})
}

// The answer may come within another command, never, or after the caller has gone.
func TestUSSDLate(t *testing.T) {
	withEmulator(t, emulator.Options{Latency: 300 * time.Millisecond}, answering(emulator.USSDAnswer{Text: "x\ny", Delay: 700 * time.Millisecond}), withAlphabet, func(t *testing.T, b *bench) {
		b.ready(t)
		done := make(chan error, 1)
		go func() {
			_, err := b.List(t.Context())
			done <- err
		}()
		if r, err := b.USSD(t.Context(), "*1#"); err != nil || r.Text != "x\ny" {
			t.Errorf("within another command: %+v, %v", r, err)
		}
		if err := <-done; err != nil {
			t.Errorf("the other command: %v", err)
		}
	})
	withEmulator(t, emulator.Options{}, answering(emulator.USSDAnswer{Text: "x", Delay: 10 * time.Minute}), withAlphabet, func(t *testing.T, b *bench) {
		b.ready(t)
		start := time.Now()
		if _, err := b.USSD(t.Context(), "*1#"); !errors.Is(err, ErrUSSDTimeout) || time.Since(start) > 2*time.Minute {
			t.Errorf("no answer: %v after %v", err, time.Since(start))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := b.USSD(ctx, "*1#"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("given up: %v", err)
		}
		synctest.Wait()
		b.dev.PushUSSD(emulator.USSDAnswer{Text: "Your data plan\nis used up"})
		if e := b.event(t, EventUSSD, ""); e.Text != "Your data plan\nis used up" {
			t.Errorf("pushed: %+v", e)
		}
	})
}

func TestBalance(t *testing.T) {
	var balance atomic.Value
	balance.Store("13,50")
	n := emulator.NetworkOptions{USSD: func(string, []string) emulator.USSDAnswer {
		return emulator.USSDAnswer{Text: "Guthaben: " + balance.Load().(string) + " EUR"}
	}}
	withEmulator(t, emulator.Options{}, n, func(c *Config, o *Options) {
		withAlphabet(c, o)
		c.BalanceCode, c.BalanceEvery, c.BalanceMinimum = "*100#", time.Hour, 5
	}, func(t *testing.T, b *bench) {
		b.ready(t)
		low := func() (n int) {
			for {
				select {
				case e := <-b.Events():
					if e.Kind == EventBalance {
						n++
					}
				case <-time.After(time.Second):
					return n
				}
			}
		}
		time.Sleep(balanceDelay + time.Minute)
		if s := b.Status(); s.Balance != 13.5 || s.BalanceAt.IsZero() || low() != 0 {
			t.Errorf("balance %v at %v", s.Balance, s.BalanceAt)
		}
		balance.Store("4.99")
		time.Sleep(3 * time.Hour)
		if n := low(); n != 1 || b.Status().Balance != 4.99 {
			t.Errorf("%d events for one crossing, balance %v", n, b.Status().Balance)
		}
		balance.Store("9")
		time.Sleep(2 * time.Hour)
		balance.Store("1")
		time.Sleep(2 * time.Hour)
		if n := low(); n != 1 {
			t.Errorf("%d events for the second crossing", n)
		}
	})
}

func TestParseAmount(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want float64
		bad  bool
	}{
		{"12.50", 12.5, false}, {"12,5", 12.5, false}, {"1.234,56", 1234.56, false}, {"1,234.56", 1234.56, false}, {"1'234", 1234, false}, {"1,234", 1234, false},
		{"-0.05", -0.05, false}, {".5", .5, false}, {"7", 7, false}, {"", 0, false}, {"abc", 0, true}, {"1.2x", 0, true}, {"9999999999999999", 0, true},
	} {
		if got, err := parseAmount(tt.in); got != tt.want || (err != nil) != tt.bad {
			t.Errorf("parseAmount(%q) = %v, %v", tt.in, got, err)
		}
	}
}

func TestIncomingCall(t *testing.T) {
	for _, name := range []string{"generic", "huawei-e173", "ec25", "sim7600"} {
		t.Run(name, func(t *testing.T) {
			withEmulator(t, emulator.Options{Profile: profile(name)}, emulator.NetworkOptions{}, nil, func(t *testing.T, b *bench) {
				b.ready(t)
				ring := func(o emulator.CallOptions, d time.Duration) <-chan bool {
					done := make(chan bool, 1)
					go func() {
						ctx, cancel := context.WithTimeout(t.Context(), d)
						defer cancel()
						answered, err := b.net.Handset(friend).CallWith(ctx, "+4915100000001", o)
						if err != nil {
							t.Error(err)
						}
						done <- answered
					}()
					return done
				}
				// Answered, keys, ended by the other side.
				done := ring(emulator.CallOptions{}, time.Minute)
				if e := b.event(t, EventCall, CallCodeIncoming); e.Call.Number != friend || e.Call.Caller != CallerKnown || e.Call.State != CallIncoming || e.Call.Rings == 0 {
					t.Errorf("incoming: %+v", e.Call)
				}
				if s := b.Status(); len(s.Calls) != 1 || s.Calls[0].State != CallIncoming {
					t.Errorf("calls: %+v", s.Calls)
				}
				if err := b.Answer(t.Context()); err != nil {
					t.Fatalf("Answer: %v", err)
				}
				if e := b.event(t, EventCall, CallCodeAnswered); e.Call.State != CallActive || e.Call.Answered.IsZero() {
					t.Errorf("answered: %+v", e.Call)
				}
				b.dev.Press('5')
				if e := b.event(t, EventDigit, ""); e.Text != "5" || e.Call.Number != friend {
					t.Errorf("digit: %+v", e)
				}
				if err := b.SendDTMF(t.Context(), "1#"); err != nil || b.dev.Pressed() != "1#" {
					t.Errorf("SendDTMF: %v, pressed %q", err, b.dev.Pressed())
				}
				if _, err := b.Submit(t.Context(), tpdu, committed); err != nil {
					t.Errorf("Submit during a call: %v", err)
				}
				b.dev.HangUp()
				if e := b.event(t, EventCall, CallCodeEnded); e.Call.Cause != CauseRemote || e.Call.Ended.Before(e.Call.Answered) {
					t.Errorf("ended: %+v", e.Call)
				}
				if !<-done {
					t.Error("the caller saw no answer")
				}
				// Missed, without any word of the end; the caller becomes known with the second ring only.
				done = ring(emulator.CallOptions{Quiet: true, LateCLIP: true, Unlisted: true}, 11*time.Second)
				if e := b.event(t, EventCall, CallCodeIncoming); e.Call.Caller != CallerUnknown {
					t.Errorf("late caller: %+v", e.Call)
				}
				if e := b.event(t, EventCall, CallCodeMissed); e.Call.Number != friend || e.Call.Rings < 2 || e.Call.Source != "list" {
					t.Errorf("missed: %+v", e.Call)
				}
				<-done
				// Rejected; the caller is withheld.
				done = ring(emulator.CallOptions{Withheld: true}, time.Minute)
				if e := b.event(t, EventCall, CallCodeIncoming); e.Call.Caller != CallerWithheld || e.Call.Number != "" {
					t.Errorf("withheld: %+v", e.Call)
				}
				if err := b.Reject(t.Context()); err != nil {
					t.Errorf("Reject: %v", err)
				}
				if e := b.event(t, EventCall, CallCodeEnded); e.Call.Cause != CauseRejected {
					t.Errorf("rejected: %+v", e.Call)
				}
				if <-done {
					t.Error("the caller saw an answer")
				}
				for verb, err := range map[string]error{"Answer": b.Answer(t.Context()), "Reject": b.Reject(t.Context()), "HangUp": b.HangUp(t.Context()), "SendDTMF": b.SendDTMF(t.Context(), "1")} {
					if !errors.Is(err, ErrNoCall) {
						t.Errorf("%s without a call: %v", verb, err)
					}
				}
				if s := b.Status(); len(s.Calls) != 0 {
					t.Errorf("calls: %+v", s.Calls)
				}
			})
		})
	}
}

func TestOutgoingCall(t *testing.T) {
	for _, name := range []string{"generic", "huawei-e173", "ec25", "sim7600"} {
		t.Run(name, func(t *testing.T) {
			withEmulator(t, emulator.Options{Profile: profile(name)}, emulator.NetworkOptions{}, nil, func(t *testing.T, b *bench) {
				b.ready(t)
				id, err := b.Dial(t.Context(), friend)
				if err != nil || id == 0 {
					t.Fatalf("Dial = %d, %v", id, err)
				}
				if _, err := b.Dial(t.Context(), friend); !errors.Is(err, ErrCallBusy) {
					t.Errorf("second Dial: %v", err)
				}
				if e := b.event(t, EventCall, CallCodeAnswered); e.Call.ID != id || !e.Call.Outgoing || e.Call.Number != friend {
					t.Errorf("answered: %+v", e.Call)
				}
				if err := b.HangUp(t.Context()); err != nil {
					t.Errorf("HangUp: %v", err)
				}
				if e := b.event(t, EventCall, CallCodeEnded); e.Call.Cause != CauseLocal {
					t.Errorf("ended: %+v", e.Call)
				}
				for _, tt := range []struct {
					busy    bool
					answers time.Duration
					cause   string
				}{{true, 0, CauseBusy}, {false, -1, CauseNoAnswer}} {
					b.dev.NextCalls(tt.busy, tt.answers)
					if _, err := b.Dial(t.Context(), friend); err != nil {
						t.Fatal(err)
					}
					if e := b.event(t, EventCall, CallCodeEnded); e.Call.Cause != tt.cause || !e.Call.Answered.IsZero() {
						t.Errorf("cause %s: %+v", tt.cause, e.Call)
					}
				}
				for _, bad := range []string{"", "+", "49;", "1,2", strings.Repeat("1", 21)} {
					if _, err := b.Dial(t.Context(), bad); err == nil {
						t.Errorf("%q was dialled", bad)
					}
				}
			})
		})
	}
}

// A call that the modem takes with it when it goes is told to be over.
func TestCallLost(t *testing.T) {
	withEmulator(t, emulator.Options{}, emulator.NetworkOptions{}, nil, func(t *testing.T, b *bench) {
		b.ready(t)
		if _, err := b.Dial(t.Context(), friend); err != nil {
			t.Fatal(err)
		}
		b.event(t, EventCall, CallCodeAnswered)
		b.dev.Restart()
		if e := b.event(t, EventCall, CallCodeEnded); e.Call.Cause != CauseLost {
			t.Errorf("ended: %+v", e.Call)
		}
	})
}

// Without a list the indications alone tell; the cadence of the rings tells that the caller gave up.
func TestCallsWithoutList(t *testing.T) {
	p := profile("generic")
	p.Missing = append(p.Missing, "+CLCC")
	withEmulator(t, emulator.Options{Profile: p}, emulator.NetworkOptions{}, nil, func(t *testing.T, b *bench) {
		b.ready(t)
		for _, quiet := range []bool{false, true} {
			ctx, cancel := context.WithTimeout(t.Context(), 12*time.Second)
			start := time.Now()
			b.net.Handset(friend).CallWith(ctx, "+4915100000001", emulator.CallOptions{Quiet: quiet})
			cancel()
			e := b.event(t, EventCall, CallCodeMissed)
			if want := map[bool]string{false: "indication", true: "silence"}[quiet]; e.Call.Source != want || e.Call.Rings != 3 || e.Call.Number != friend {
				t.Errorf("missed after %v: %+v", time.Since(start), e.Call)
			}
		}
	})
}

func TestDivert(t *testing.T) {
	withEmulator(t, emulator.Options{}, emulator.NetworkOptions{}, nil, func(t *testing.T, b *bench) {
		b.ready(t)
		if err := b.Divert(t.Context(), DivertNoReply, DivertRegister, friend, 20*time.Second); err != nil {
			t.Fatal(err)
		}
		d, err := b.Diversions(t.Context(), DivertNoReply)
		if err != nil || len(d) != 1 || d[0] != (Diversion{Active: true, Class: 1, Number: friend, After: 20 * time.Second}) {
			t.Errorf("Diversions = %+v, %v", d, err)
		}
		if err := b.Divert(t.Context(), DivertNoReply, DivertErase, "", 0); err != nil {
			t.Fatal(err)
		}
		if d, err := b.Diversions(t.Context(), DivertNoReply); err != nil || len(d) != 1 || d[0].Active {
			t.Errorf("erased: %+v, %v", d, err)
		}
		for _, bad := range []error{b.Divert(t.Context(), 6, DivertErase, "", 0), b.Divert(t.Context(), 0, 2, "", 0), b.Divert(t.Context(), 0, DivertRegister, "1;", 0),
			b.Divert(t.Context(), 0, DivertErase, friend, 0), b.Divert(t.Context(), DivertNoReply, DivertRegister, friend, 7*time.Second)} {
			if bad == nil {
				t.Error("a bad diversion was asked for")
			}
		}
	})
}

func TestConsole(t *testing.T) {
	withEmulator(t, emulator.Options{Profile: profile("ec25")}, emulator.NetworkOptions{}, nil, func(t *testing.T, b *bench) {
		b.ready(t)
		for _, tt := range []struct{ command, first, result string }{
			{"AT", "", "OK"}, {"at+csq", "+CSQ: 20,99", "OK"}, {"+QNWINFO", `+QNWINFO: "FDD LTE","26201","LTE BAND 3",1300`, "OK"},
			{"ATI", "Manufacturer: Quectel", "OK"}, {"AT+NONSENSE", "", "+CME ERROR: 100"}, {"AT+CPIN?", "+CPIN: READY", "OK"},
		} {
			a, err := b.Console(t.Context(), tt.command)
			if err != nil || a.Result != tt.result || tt.first != "" && (len(a.Lines) == 0 || a.Lines[0] != tt.first) {
				t.Errorf("%s: %+v, %v", tt.command, a, err)
			}
		}
		if _, err := b.Submit(t.Context(), tpdu, committed); err != nil {
			t.Errorf("Submit: %v", err)
		}
	})
}

func TestConsoleRefuses(t *testing.T) {
	for _, bad := range []string{"ATD112;", "ATD112", "ATA", "ATH", "ATZ", "ATE1", "ATV0", "ATQ1", "AT&F", "AT&W", "ATE0Q1", "ATI;+CFUN=0", "ATI+CMGD=1", "AT+CSQ+CMGD=1", "+CMGS=20",
		"at+cmgd=1", "+CMGW=1", "+CMSS=1", `+CPMS="SM"`, "+CMGF=1", "+CNMI=0", "+CSMS=1", `+CPIN="1234"`, `+CLCK="SC",0,"1"`, `+CPWD="SC","1","2"`, "+CFUN=0", "+IPR=9600",
		"+COPS=?", "+COPS=2", "+CSQ;+CSQ", "+CSQ\r", "+CSQ\x1a", "+CSQ\x00", strings.Repeat("A", 257), "+", "+=1", "hello", "ATS0=1", "+EGMR?", `+CUSD=1,"*1#"`, "+CSIM=1", "é"} {
		var refused *RefusedError
		if err := CheckConsole(bad); !errors.As(err, &refused) || refused.Reason == "" {
			t.Errorf("%q passes: %v", bad, err)
		}
	}
	for _, good := range []string{"", "AT", "ATI", "ATI9", "AT&V", "ATS7?", "+CSQ", "+CPMS?", "+CMGS=?", "+CNMI?", "+CPIN?", "^SYSINFO", "+CMGL=4", "+CSCS?", `+QCFG="nwscanmode"`} {
		if err := CheckConsole(good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, r := range consoleRules {
		if r.reason == "" || len(strings.Fields(r.names)) == 0 {
			t.Errorf("rule %+v", r)
		}
	}
	for in, want := range map[string]string{`+CPIN="1234"`: "+CPIN=…", `at+clck="SC",0,"9"`: "at+clck=…", "+CPIN=?": "+CPIN=?", "+FOO=123,491511234567": "+FOO=123,…", "+CSQ": "+CSQ"} {
		if got := Redact(in); got != want {
			t.Errorf("Redact(%q) = %q", in, got)
		}
	}
}

func TestUnlock(t *testing.T) {
	withEmulator(t, emulator.Options{Profile: profile("ec25"), PIN: "4711", PUK: "87654321"}, emulator.NetworkOptions{}, nil, func(t *testing.T, b *bench) {
		time.Sleep(time.Minute)
		if s := b.Status(); s.Reason != ReasonPINRequired || s.PINTries != 3 || s.PUKTries != 10 {
			t.Fatalf("status %+v", s)
		}
		if e := b.event(t, EventAlarm, string(ReasonPINRequired)); e.Text == "" {
			t.Error("an alarm without advice")
		}
		try := func(u Unlock, reason Reason, tries int) {
			t.Helper()
			var e *UnlockError
			if err := b.Unlock(t.Context(), u); !errors.As(err, &e) || e.Reason != reason || e.Tries != tries {
				t.Errorf("Unlock(%+v) = %v, %+v; want %s, %d tries", u, err, e, reason, tries)
			}
			if _, left := b.dev.Unlocked(); left != b.Status().PINTries {
				t.Errorf("%d tries are left, not %d", left, b.Status().PINTries)
			}
		}
		for _, bad := range []Unlock{{}, {PIN: "12"}, {PIN: "123a"}, {PIN: "1234", PUK: "1"}} {
			if err := b.Unlock(t.Context(), bad); err == nil {
				t.Errorf("%+v was tried", bad)
			}
		}
		try(Unlock{PIN: "1111"}, ReasonPINRefused, 2)
		try(Unlock{PIN: "2222"}, ReasonPINTries, 2)
		try(Unlock{PIN: "2222", Accept: true}, ReasonPINRefused, 1)
		try(Unlock{PIN: "1111", PUK: "87654321"}, ReasonPINRequired, 1)
		try(Unlock{PIN: "3333", Accept: true}, ReasonPUKRequired, 10)
		try(Unlock{PIN: "4711", Accept: true}, ReasonPUKRequired, 10)
		try(Unlock{PIN: "4711", PUK: "11111111"}, ReasonPINRefused, 9)
		if err := b.Unlock(t.Context(), Unlock{PIN: "2468", PUK: "87654321"}); err != nil {
			t.Errorf("Unlock by PUK: %v", err)
		}
		b.ready(t)
		if err := b.Unlock(t.Context(), Unlock{PIN: "2468"}); !errors.Is(err, ErrNotLocked) {
			t.Errorf("Unlock of an open card: %v", err)
		}
		b.dev.Restart()
		time.Sleep(time.Minute)
		if err := b.Unlock(t.Context(), Unlock{PIN: "2468"}); err != nil {
			t.Errorf("Unlock by the new PIN: %v", err)
		}
		b.ready(t)
	})
}

// A PIN that the file gives is tried once, whatever a person does beside it.
func TestUnlockBesideFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pin")
	if err := os.WriteFile(file, []byte("9999\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	withEmulator(t, emulator.Options{Profile: profile("ec25"), PIN: "4711"}, emulator.NetworkOptions{}, func(c *Config, _ *Options) { c.PINFile = file }, func(t *testing.T, b *bench) {
		time.Sleep(10 * time.Minute)
		if _, left := b.dev.Unlocked(); left != 2 || b.Status().Reason != ReasonPINRefused {
			t.Errorf("%d tries left, status %+v", left, b.Status())
		}
		if err := b.Unlock(t.Context(), Unlock{PIN: "4711", Accept: true}); err != nil {
			t.Errorf("Unlock: %v", err)
		}
		b.ready(t)
	})
}

func TestLifeIsTold(t *testing.T) {
	withEmulator(t, emulator.Options{Capacity: map[string]int{"ME": 10}}, emulator.NetworkOptions{}, nil, func(t *testing.T, b *bench) {
		b.ready(t)
		b.event(t, EventUp, "")
		for i := range restartsAlarm {
			b.dev.Restart()
			b.event(t, EventRestarted, "")
			if e := b.event(t, EventDown, ""); e.Code == "" {
				t.Errorf("down without a reason: %+v", e)
			}
			if i < restartsAlarm-1 {
				b.event(t, EventUp, "")
			}
		}
		if s := b.Status(); s.Restarts != restartsAlarm {
			t.Errorf("%d restarts", s.Restarts)
		}
		b.ready(t)
		time.Sleep(time.Hour)
		if s := b.Status(); s.Restarts != 0 {
			t.Errorf("%d restarts an hour later", s.Restarts)
		}
		for range 8 {
			b.net.Handset(friend).Send(t.Context(), "+4915100000001", "x")
		}
		if e := b.event(t, EventStorage, StorageNearlyFull); e.Memory != "ME" || e.Used != 8 || e.Total != 10 {
			t.Errorf("storage: %+v", e)
		}
		found, err := b.List(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, st := range found {
			if err := b.Delete(t.Context(), st); err != nil {
				t.Fatal(err)
			}
		}
		b.event(t, EventStorage, StorageOK)
		if q := b.Status().Quality; q.RSRPDBm == 0 || b.Status().Network != "lte" {
			t.Errorf("quality %+v, network %s", q, b.Status().Network)
		}
	})
}

// Who hears that a modem is up finds it ready. That it is so is logged in between.
func TestReadyBeforeItIsTold(t *testing.T) {
	var logged atomic.Bool
	slow := func(_ *Config, o *Options) {
		o.Logger = newTestLogger(writerFunc(func(line []byte) (int, error) {
			if strings.Contains(string(line), "modem is ready") {
				time.Sleep(time.Second)
				logged.Store(true)
			}
			return len(line), nil
		}))
	}
	withEmulator(t, emulator.Options{}, emulator.NetworkOptions{}, slow, func(t *testing.T, b *bench) {
		b.event(t, EventUp, "")
		if s := b.Status(); !logged.Load() || s.State != Ready {
			t.Errorf("told that it is up before that was so: %s", s.State)
		}
	})
}

func TestQuality(t *testing.T) {
	got := qualityOf("23,0,40,30,20,67")
	if want := (Quality{RxLevelDBm: -88, RSCPDBm: -81, EcNoDB: -9.5, RSRPDBm: -74, RSRQDB: -10}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	for _, v := range []string{"99,99,255,255,255,255", "", "x,y", "99"} {
		if got := qualityOf(v); got != (Quality{}) {
			t.Errorf("%q: %+v", v, got)
		}
	}
}

// What stands between the quotes, and what it says.
func TestDecodeUSSD(t *testing.T) {
	for _, tt := range []struct {
		raw   string
		dcs   int
		packs bool
		want  string
	}{
		{"Balance 1.23", 15, false, "Balance 1.23"}, {"", 15, false, ""}, {"1234", 15, false, "1234"}, {"491511234567", 15, false, "491511234567"},
		{"00420061006C0061006E00630065", 72, false, "Balance"}, {"00420061006C0061006E00630065", -1, false, "Balance"}, {"04110430043B0430043D0441", 72, false, "Баланс"},
		{"04110430043B0430043D0441", 15, false, "Баланс"}, {"42616C616E636500", 68, false, "Balance"}, {"42616C616E63653A2031322E35302045555200", -1, false, "Balance: 12.50 EUR"},
		{"AA180C3602", 15, true, "*100#"}, {"Guthaben betr\xe4gt", 15, false, "Guthaben beträgt"}, {"ABBA", 15, false, "ABBA"},
	} {
		if got := decodeUSSD(tt.raw, tt.dcs, tt.packs, septets{}); got != tt.want {
			t.Errorf("decodeUSSD(%q, %d) = %q, want %q", tt.raw, tt.dcs, got, tt.want)
		}
	}
}

func FuzzUSSDAnswer(f *testing.F) {
	for _, s := range []string{`0,"x",15`, `1,"a\nb"`, `2`, `0,"`, `0,"AA180C3602",15`, `0,"04110430",72`, `0,abc,0`, ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, packs := range []bool{false, true} {
			a, _ := parseUSSD(s, packs, septets{})
			if len(a.reply.Raw) > len(s) {
				t.Errorf("raw %q of %q", a.reply.Raw, s)
			}
		}
		openUSSD("+CUSD: " + s)
		callHints(urc{kind: urcCall, text: s})
		parseListed("+CLCC: " + s)
		parseDiversion("+CCFC: " + s)
		CheckConsole(s)
		Redact(s)
	})
}
