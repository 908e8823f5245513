package emulator

import (
	"encoding/json"
	"io"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// faultBench is a modem in a bubble with its host.
type faultBench struct {
	*host
	n *Network
	m *Modem
}

func onBench(t *testing.T, o Options, fn func(t *testing.T, b *faultBench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n := NewNetwork(NetworkOptions{Latency: time.Second})
		o.Number = simNumber
		m := New(n, o)
		b := &faultBench{host: plug(t, m), n: n, m: m}
		b.ask("ATE0")
		fn(t, b)
		n.Close()
	})
}

func (b *faultBench) inject(faults ...Fault) {
	b.t.Helper()
	if err := b.m.Inject(faults...); err != nil {
		b.t.Fatal(err)
	}
}

// quiet waits d and returns what came meanwhile.
func (b *faultBench) quiet(d time.Duration) string {
	time.Sleep(d)
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.got.String()
	b.got.Reset()
	return s
}

// typed submits a message by hand and returns what comes within d.
func (b *faultBench) typed(d time.Duration, report bool) string {
	length, hex := submitTPDU(b.t, phoneNumber, "hi", report)
	b.write("AT+CMGS=" + itoa(length) + "\r")
	prompt := b.quiet(time.Millisecond)
	b.write(hex + "\x1a")
	return prompt + "|" + b.quiet(d)
}

func TestFaultsOnAnAnswer(t *testing.T) {
	for _, c := range []struct {
		name  string
		fault Fault
		want  string // of AT+CSQ, after two seconds
	}{
		{"lost", Fault{Kind: Lost, On: "+CSQ"}, ""},
		{"late", Fault{Kind: Late, On: "+CSQ", Delay: time.Second}, "\r\n+CSQ: 20,99\r\n\r\nOK\r\n"},
		{"too late", Fault{Kind: Late, On: "+CSQ", Delay: 3 * time.Second}, ""},
		{"plain error", Fault{Kind: Error, On: "AT+CSQ"}, "\r\nERROR\r\n"},
		{"CMS error", Fault{Kind: Error, On: "+CSQ", Code: 500}, "\r\n+CMS ERROR: 500\r\n"},
		{"CME error", Fault{Kind: Error, On: "+CSQ", Code: 1014}, "\r\n+CME ERROR: 14\r\n"},
		{"done but error", Fault{Kind: Error, Step: StepAnswer, Code: 38}, "\r\n+CSQ: 20,99\r\n\r\n+CMS ERROR: 38\r\n"},
		{"URC first", Fault{Kind: URC, On: "+CSQ", Data: "^RSSI:12"}, "\r\n^RSSI:12\r\n\r\n+CSQ: 20,99\r\n\r\nOK\r\n"},
		{"URC inside", Fault{Kind: URC, Step: StepAnswer, Data: "RING", Offset: 7}, "\r\n+CSQ:\r\nRING\r\n 20,99\r\n\r\nOK\r\n"},
		{"URC behind", Fault{Kind: URC, Step: StepAnswer, Data: "RING", Offset: AtEnd}, "\r\n+CSQ: 20,99\r\n\r\nOK\r\n\r\nRING\r\n"},
		{"noise", Fault{Kind: Garbage, On: "+CSQ", Data: "\x00\xff"}, "\x00\xff\r\n+CSQ: 20,99\r\n\r\nOK\r\n"},
		{"long line", Fault{Kind: LongLine, On: "+CSQ", Code: 5}, "UUUUU\r\n+CSQ: 20,99\r\n\r\nOK\r\n"},
		{"glued", Fault{Kind: Glue, On: "+CSQ"}, "+CSQ: 20,99OK\r\n"},
		{"split", Fault{Kind: Split, On: "+CSQ", Offset: 9}, "\r\n+CSQ: 2\r\n0,99\r\n\r\nOK\r\n"},
		{"trickle", Fault{Kind: Trickle, On: "+CSQ", Delay: 10 * time.Millisecond}, "\r\n+CSQ: 20,99\r\n\r\nOK\r\n"},
		{"trickle too slow", Fault{Kind: Trickle, On: "+CSQ", Delay: 200 * time.Millisecond}, "\r\n+CSQ: 20"},
		{"silence", Fault{Kind: Silence, On: "+CSQ"}, ""},
		{"silence ends", Fault{Kind: Silence, On: "+CSQ", Step: StepAnswer, Delay: time.Second}, ""},
		{"hang", Fault{Kind: Hang, On: "+CSQ"}, ""},
		{"hang ends", Fault{Kind: Hang, On: "+CSQ", Delay: time.Second}, "\r\n+CSQ: 20,99\r\n\r\nOK\r\n"},
		{"echo", Fault{Kind: EchoOn, On: "+CSQ"}, "\r\n+CSQ: 20,99\r\n\r\nOK\r\n"},
		{"other command", Fault{Kind: Lost, On: "+CREG"}, "\r\n+CSQ: 20,99\r\n\r\nOK\r\n"},
		{"second time", Fault{Kind: Lost, On: "+CSQ", Skip: 1}, "\r\n+CSQ: 20,99\r\n\r\nOK\r\n"},
		{"restart", Fault{Kind: Reset, On: "+CSQ"}, "\r\nRDY\r\n\r\n+CFUN: 1\r\n\r\n+CPIN: READY\r\n\r\nSMS Ready\r\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			onBench(t, Options{}, func(t *testing.T, b *faultBench) {
				b.ask("AT+CMEE=1")
				b.inject(c.fault)
				b.write("AT+CSQ\r")
				if got := b.quiet(2 * time.Second); got != c.want {
					t.Errorf("got %q, want %q", got, c.want)
				}
			})
		})
	}
}

func TestFaultIsUsedUp(t *testing.T) {
	onBench(t, Options{}, func(t *testing.T, b *faultBench) {
		b.inject(Fault{Kind: Lost, On: "+CSQ", Times: 2})
		b.write("AT+CSQ\rAT+CSQ\rAT+CSQ\r")
		if got, want := b.quiet(time.Second), "\r\n+CSQ: 20,99\r\n\r\nOK\r\n"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		b.inject(Fault{Kind: Error, On: "+CSQ", Times: -1})
		for range 3 {
			b.want("AT+CSQ", "\r\nERROR\r\n")
		}
		b.inject(Fault{Kind: Clear})
		b.want("AT+CSQ", "\r\n+CSQ: 20,99\r\n\r\nOK\r\n")
	})
}

func TestLateAnswerAnswersTheNext(t *testing.T) {
	onBench(t, Options{}, func(t *testing.T, b *faultBench) {
		b.inject(Fault{Kind: Late, On: "+CSQ", Delay: time.Second})
		b.write("AT+CSQ\r")
		b.quiet(500 * time.Millisecond)
		b.write("AT+CREG?\r")
		if got, want := b.quiet(time.Second), "\r\n+CSQ: 20,99\r\n\r\nOK\r\n\r\n+CREG: 0,1\r\n\r\nOK\r\n"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestFaultsNow(t *testing.T) {
	onBench(t, Options{}, func(t *testing.T, b *faultBench) {
		b.inject(Fault{Kind: URC, Data: "+CREG: 2"}, Fault{Kind: Garbage, Data: "\x00~"}, Fault{Kind: LongLine, Code: 3})
		if got, want := b.quiet(0), "\r\n+CREG: 2\r\n\x00~UUU"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		b.inject(Fault{Kind: EchoOn})
		b.want("ATE0", "ATE0\r\r\nOK\r\n")
		b.inject(Fault{Kind: Silence, Delay: time.Second})
		b.write("AT\r")
		if got := b.quiet(2 * time.Second); got != "" {
			t.Errorf("silent modem says %q", got)
		}
		b.want("AT", "\r\nOK\r\n")
		b.ask("AT+CNMI=2,1,0,1,0")
		b.inject(Fault{Kind: CNMIOff})
		b.want("AT+CNMI?", "\r\n+CNMI: 2,0,0,0,0\r\n\r\nOK\r\n")
		b.inject(Fault{Kind: Reset})
		b.until("SMS Ready\r\n")
		b.want("AT", "AT\r\r\nOK\r\n") // echo is on again
	})
}

func TestHangTakesNoOctet(t *testing.T) {
	onBench(t, Options{}, func(t *testing.T, b *faultBench) {
		b.inject(Fault{Kind: Hang, Delay: 10 * time.Second})
		synctest.Wait()
		if err := b.conn.SetWriteDeadline(time.Now().Add(time.Second)); err != nil {
			t.Fatal(err)
		}
		if n, err := io.WriteString(b.conn, "AT\r"); err == nil {
			t.Errorf("a hanging modem took %d octets", n)
		}
		time.Sleep(10 * time.Second)
		_ = b.conn.SetWriteDeadline(time.Time{})
		b.want("AT", "\r\nOK\r\n")
		b.inject(Fault{Kind: Hang})
		synctest.Wait()
		b.inject(Fault{Kind: Clear})
		b.want("AT", "\r\nOK\r\n")
	})
}

func TestFaultsWhileSending(t *testing.T) {
	const prompt, done = "\r\n> ", "\r\n+CMGS: 0\r\n\r\nOK\r\n"
	for _, c := range []struct {
		name   string
		fault  Fault
		want   string
		ledger int
	}{
		{"none", Fault{Kind: Lost, On: "+CSQ"}, prompt + "|" + done, 1},
		{"no prompt", Fault{Kind: NoPrompt}, "|" + done, 1},
		{"two prompts", Fault{Kind: TwoPrompts}, prompt + prompt + "|" + done, 1},
		{"URC before the prompt", Fault{Kind: URC, Step: StepPrompt, Data: "+QIND: SMS DONE"}, "\r\n+QIND: SMS DONE\r\n" + prompt + "|" + done, 1},
		{"URC in the prompt", Fault{Kind: URC, Step: StepPrompt, Data: "RING", Offset: 3}, "\r\n>\r\nRING\r\n |" + done, 1},
		{"refused before the prompt", Fault{Kind: Error, On: "+CMGS", Code: 302}, "\r\n+CMS ERROR: 302\r\n|", 0},
		{"refused after the message", Fault{Kind: Error, Step: StepBody, Code: 500}, prompt + "|\r\n+CMS ERROR: 500\r\n", 0},
		{"sent but error", Fault{Kind: Error, Step: StepAnswer, Code: 332}, prompt + "|\r\n+CMGS: 0\r\n\r\n+CMS ERROR: 332\r\n", 1},
		{"answer lost", Fault{Kind: Lost, On: "+CMGS"}, prompt + "|", 1},
		{"silent before it is sent", Fault{Kind: Hang, Step: StepBody}, prompt + "|", 0},
		{"restart before it is sent", Fault{Kind: Reset, Step: StepBody}, prompt + "|\r\nRDY\r\n\r\n+CFUN: 1\r\n\r\n+CPIN: READY\r\n\r\nSMS Ready\r\n", 0},
		{"restart after it was sent", Fault{Kind: Reset, On: "+CMGS", Step: StepAnswer}, prompt + "|\r\nRDY\r\n\r\n+CFUN: 1\r\n\r\n+CPIN: READY\r\n\r\nSMS Ready\r\n", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			onBench(t, Options{}, func(t *testing.T, b *faultBench) {
				b.inject(c.fault)
				if got := b.typed(5*time.Second, false); got != c.want {
					t.Errorf("got %q, want %q", got, c.want)
				}
				if got := len(b.n.Ledger()); got != c.ledger {
					t.Errorf("ledger has %d entries, want %d", got, c.ledger)
				}
			})
		})
	}
}

// While a message is on the air, a restart loses the answer; whether the centre
// has it depends on when.
func TestRestartOnTheAir(t *testing.T) {
	for after, want := range map[time.Duration]int{300 * time.Millisecond: 0, 700 * time.Millisecond: 1} {
		onBench(t, Options{}, func(t *testing.T, b *faultBench) {
			length, hex := submitTPDU(t, phoneNumber, "hi", false)
			b.write("AT+CMGS=" + itoa(length) + "\r")
			b.until("> ")
			b.write(hex + "\x1a")
			time.Sleep(after)
			b.m.Restart()
			if got := b.quiet(5 * time.Second); strings.Contains(got, "+CMGS") || !strings.Contains(got, "RDY") {
				t.Errorf("restart after %v: got %q", after, got)
			}
			if got := len(b.n.Ledger()); got != want {
				t.Errorf("restart after %v: ledger has %d entries, want %d", after, got, want)
			}
			if got := b.m.LastReference(); got != 0 {
				t.Errorf("card remembers reference %d, want 0", got)
			}
		})
	}
}

func TestReportBeforeTheAnswer(t *testing.T) {
	onBench(t, Options{}, func(t *testing.T, b *faultBench) {
		b.ask("AT+CNMI=2,1,0,1,0")
		b.inject(Fault{Kind: ReportFirst})
		got := b.typed(5*time.Second, true)
		if !regexp.MustCompile(`(?s)^\r\n> \|\r\n\+CDS: \d+\r\n[0-9A-F]+\r\n\r\n\+CMGS: 0\r\n\r\nOK\r\n$`).MatchString(got) {
			t.Errorf("got %q", got)
		}
		got = b.typed(5*time.Second, true)
		if !regexp.MustCompile(`(?s)^\r\n> \|\r\n\+CMGS: 1\r\n\r\nOK\r\n\r\n\+CDS: \d+\r\n[0-9A-F]+\r\n$`).MatchString(got) {
			t.Errorf("got %q", got)
		}
	})
}

func TestFaultsOfStorage(t *testing.T) {
	onBench(t, Options{}, func(t *testing.T, b *faultBench) {
		phone := b.n.Handset(phoneNumber)
		b.ask("AT+CNMI=2,1,0,1,0")
		b.inject(Fault{Kind: Duplicate})
		if err := phone.Send(t.Context(), simNumber, "one"); err != nil {
			t.Fatal(err)
		}
		if got, want := b.quiet(time.Second), "\r\n+CMTI: \"ME\",0\r\n\r\n+CMTI: \"ME\",1\r\n"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		b.inject(Fault{Kind: NoDelete})
		b.want("AT+CMGD=1", "\r\nOK\r\n")
		if used, _ := b.m.Stored("ME"); used != 2 {
			t.Errorf("%d stored, want 2", used)
		}
		b.want("AT+CMGD=1", "\r\nOK\r\n")
		right := b.ask("AT+CMGR=0")
		b.inject(Fault{Kind: WrongLength, Code: 3}, Fault{Kind: Truncate, On: "+CMGR", Code: 2, Skip: 1})
		length := regexp.MustCompile(`,,(\d+)`).FindStringSubmatch(right)[1]
		if got := b.ask("AT+CMGR=0"); strings.Contains(got, ",,"+length) || !strings.Contains(got, ",,"+itoa(atoi(length)+3)) {
			t.Errorf("got %q after %q", got, right)
		}
		if got := b.ask("AT+CMGR=0"); len(got) != len(right)-4 {
			t.Errorf("got %q after %q", got, right)
		}
		b.inject(Fault{Kind: Full, Delay: 10 * time.Second})
		b.want("AT+CPMS?", "\r\n+CPMS: \"ME\",100,100,\"ME\",100,100,\"ME\",100,100\r\n\r\nOK\r\n")
		if err := phone.Send(t.Context(), simNumber, "two"); err != nil {
			t.Fatal(err)
		}
		if got := b.quiet(9 * time.Second); got != "" {
			t.Errorf("full modem took %q", got)
		}
		if got, want := b.quiet(2*time.Second), "\r\n+CMTI: \"ME\",1\r\n"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		attempts := b.n.Deliveries()
		if last := attempts[len(attempts)-1]; last.Attempt != 2 || last.Cause != 0 {
			t.Errorf("last delivery %+v", last)
		}
	})
}

func atoi(s string) int {
	n := 0
	for _, c := range s {
		n = 10*n + int(c-'0')
	}
	return n
}

func TestUnplug(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := NewNetwork(NetworkOptions{})
		m := New(n, Options{Number: simNumber})
		h := plug(t, m)
		h.ask("ATE0")
		if err := m.Inject(Fault{Kind: Unplug, On: "+CSQ"}); err != nil {
			t.Fatal(err)
		}
		h.write("AT+CSQ\r")
		synctest.Wait()
		if _, err := io.WriteString(h.conn, "AT\r"); err == nil {
			t.Error("an unplugged modem takes octets")
		}
		if err := n.Handset(phoneNumber).Send(t.Context(), simNumber, "kept"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		h = plug(t, m) // stored at once, silently: the settings are those of power-on
		synctest.Wait()
		h.want("AT", "AT\r\r\nOK\r\n")
		if used, _ := m.Stored("ME"); used != 1 {
			t.Errorf("%d stored, want 1", used)
		}
		n.Close()
	})
}

func TestFaultValidation(t *testing.T) {
	for _, c := range []struct {
		fault Fault
		step  Step // "" is refused
	}{
		{Fault{Kind: Lost}, StepAnswer},
		{Fault{Kind: Silence}, StepNow},
		{Fault{Kind: Silence, On: "at+cmgs"}, StepCommand},
		{Fault{Kind: URC, On: "+CSQ"}, StepAnswer},
		{Fault{Kind: Duplicate}, StepDeliver},
		{Fault{Kind: Duplicate, On: "+CMGS"}, ""},
		{Fault{Kind: "nonsense"}, ""},
		{Fault{}, ""},
		{Fault{Kind: Lost, Step: StepPrompt}, ""},
		{Fault{Kind: Reset, On: "+CSQ", Step: StepNow}, ""},
	} {
		got, err := c.fault.Validate()
		if (err != nil) != (c.step == "") || err == nil && got.Step != c.step {
			t.Errorf("%+v: step %q, %v, want %q", c.fault, got.Step, err, c.step)
		}
	}
	m := New(NewNetwork(NetworkOptions{}), Options{Number: simNumber})
	if err := m.Inject(Fault{Kind: Lost}, Fault{Kind: "nonsense"}); err == nil || len(m.Faults()) != 0 {
		t.Errorf("a list with a wrong fault injects %v, %v", m.Faults(), err)
	}
}

func TestFaultJSON(t *testing.T) {
	in := Fault{Kind: Late, On: "+CMGS", Skip: 1, Times: -1, Delay: 1500 * time.Millisecond}
	b, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"kind":"late","on":"+CMGS","skip":1,"times":-1,"delay":"1.5s"}`; string(b) != want {
		t.Errorf("got %s, want %s", b, want)
	}
	var out Fault
	if err := json.Unmarshal(b, &out); err != nil || !reflect.DeepEqual(in, out) {
		t.Errorf("got %+v, %v, want %+v", out, err, in)
	}
	if err := json.Unmarshal([]byte(`{"kind":"late","delay":"soon"}`), &out); err == nil {
		t.Error("a delay that is none is taken")
	}
}

// A fault that ends by itself may strike before the modem ever had power.
func TestFaultWithoutPower(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := NewNetwork(NetworkOptions{})
		defer n.Close()
		m := New(n, Options{Number: "+4915100000001"})
		if err := m.Inject(Fault{Kind: Full, Delay: time.Second}, Fault{Kind: Silence, Delay: time.Second}, Fault{Kind: Unplug}); err != nil {
			t.Error(err)
		}
		time.Sleep(2 * time.Second)
	})
}

// withPower runs a test with a modem that has power, in a bubble and with its lock held.
func withPower(t *testing.T, test func(t *testing.T, m *Modem)) {
	synctest.Test(t, func(t *testing.T) {
		n := NewNetwork(NetworkOptions{})
		defer n.Close()
		m := New(n, Options{Number: "+4915100000001"})
		m.mu.Lock()
		m.life = make(chan struct{})
		test(t, m)
		m.mu.Unlock()
		synctest.Wait()
	})
}

// A timer that fires at the very moment at which the power goes does nothing any more.
func TestTimerAfterPowerOff(t *testing.T) {
	withPower(t, func(t *testing.T, m *Modem) {
		m.after(time.Second, func() { t.Error("fired in a life that had ended") })
		time.Sleep(time.Second)
		m.powerOff()
	})
}

// What is due first happens first, also when the machine is so late that all of it is due: a call that is to ring and then to be
// answered would otherwise ring for ever.
func TestLateTimersKeepTheirOrder(t *testing.T) {
	withPower(t, func(t *testing.T, m *Modem) {
		var done string
		does := func(word string) func() { return func() { done += word } }
		m.after(2*time.Second, does("third "))
		m.after(time.Second, does("first "))
		m.after(time.Second, func() {
			done += "second "
			m.after(time.Second, does("last"))
		})
		m.after(2*time.Second, does("fourth "))
		m.timer.Stop()
		m.mu.Unlock()
		time.Sleep(3 * time.Second)
		m.runDue()
		time.Sleep(time.Second)
		synctest.Wait()
		m.mu.Lock()
		if done != "first second third fourth last" {
			t.Errorf("happened: %s", done)
		}
	})
}

// Clearing the faults takes nothing away that the modem is about to print.
func TestClearKeepsAnswers(t *testing.T) {
	o := newOutbox(0)
	o.put([]byte("OK"))
	n := NewNetwork(NetworkOptions{})
	defer n.Close()
	m := New(n, Options{Number: "+4915100000001"})
	m.session = &session{m: m, out: o}
	if err := m.Inject(Fault{Kind: Clear}); err != nil {
		t.Fatal(err)
	}
	if got := o.take(); len(got) != 1 || string(got[0].data) != "OK" {
		t.Errorf("%d pieces wait", len(got))
	}
}
