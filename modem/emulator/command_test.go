package emulator

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"
)

func TestModesOfTheLine(t *testing.T) {
	onBench(t, Options{}, func(t *testing.T, b *faultBench) {
		for _, c := range []struct{ in, want string }{
			{"AT\r", "\r\nOK\r\n"},
			{"AT\r\n", "\r\nOK\r\n"},                                      // the line feed is dropped
			{"\x1bAT\r", "\r\nOK\r\n"},                                    // so is an escape
			{"xx\x00at+csq\r", "\r\n+CSQ: 20,99\r\n\r\nOK\r\n"},           // noise before AT
			{"AT+CSW\bQ\r", "\r\n+CSQ: 20,99\r\n\r\nOK\r\n"},              // backspace
			{"A/", "\r\n+CSQ: 20,99\r\n\r\nOK\r\n"},                       // the last line again
			{"nothing\r", ""},                                             // no AT
			{"ATE0V0+CSQ\r", "+CSQ: 20,99\r\n0\r"},                        // numbers for words
			{"AT+CFUN=9\r", "4\r"},                                        //
			{"ATV1Q1+CSQ\r", "\r\n+CSQ: 20,99\r\n"},                       // no result codes
			{"AT+NONE\r", ""},                                             //
			{"ATQ0\r", "\r\nOK\r\n"},                                      //
			{"AT+CSQ;+NONE;+CREG?\r", "\r\n+CSQ: 20,99\r\n\r\nERROR\r\n"}, // the chain ends
			{"AT+CMEE=1;+NONE\r", "\r\n+CME ERROR: 100\r\n"},
			{"ATS3?\r", "\r\n013\r\n\r\nOK\r\n"},
			{"AT+CSQ\rAT+CREG?\r", "\r\n+CSQ: 20,99\r\n\r\nOK\r\n\r\n+CREG: 0,1\r\n\r\nOK\r\n"}, // typed ahead
			{"ATE1\r", "\r\nOK\r\n"},
			{"AT+CSQ\r", "AT+CSQ\r\r\n+CSQ: 20,99\r\n\r\nOK\r\n"},
			{"ATE0\r", "ATE0\r\r\nOK\r\n"},
			{"AT" + strings.Repeat("X", 3*lineLimit) + "?\r", "\r\nOK\r\n"}, // bounded: the question is cut off
			{"AT+CGMM\r", "\r\nEmulator\r\n\r\nOK\r\n"},
			{"ATZ\r", "\r\nOK\r\n"},
			{"AT\r", "AT\r\r\nOK\r\n"},
		} {
			b.write(c.in)
			if got := b.quiet(time.Millisecond); got != c.want {
				t.Errorf("%.40q gives %q, want %q", c.in, got, c.want)
			}
		}
	})
}

func TestMessageEntry(t *testing.T) {
	onBench(t, Options{}, func(t *testing.T, b *faultBench) {
		length, hex := submitTPDU(t, phoneNumber, "hi", false)
		for _, c := range []struct{ command, body, want string }{
			{"AT+CMGS=0", "", "\r\n+CMS ERROR: 304\r\n|"},
			{"AT+CMGS=x", "", "\r\n+CMS ERROR: 304\r\n|"},
			{"AT+CMGS=500", "", "\r\n+CMS ERROR: 304\r\n|"},
			{"AT+CMGS=" + itoa(length), "\x1b", "\r\n> |\r\nOK\r\n"},
			{"AT+CMGS=" + itoa(length), "AT\rATE0\r\x1a", "\r\n> |\r\n+CMS ERROR: 304\r\n"}, // commands are no message
			{"AT+CMGS=" + itoa(length+1), hex + "\x1a", "\r\n> |\r\n+CMS ERROR: 304\r\n"},
			{"AT+CMGS=" + itoa(length), hex[:len(hex)-2] + "\x1a", "\r\n> |\r\n+CMS ERROR: 304\r\n"},
			{"AT+CMGS=" + itoa(length), "\r\n" + hex[:10] + "\r\n" + strings.ToLower(hex[10:]) + "\x1a", "\r\n> |\r\n+CMGS: 0\r\n\r\nOK\r\n"},
			{"AT+CSQ;+CMGS=" + itoa(length), hex + "\x1a", "\r\n> |\r\n+CSQ: 20,99\r\n\r\n+CMGS: 1\r\n\r\nOK\r\n"},
			{"AT+CMGW=" + itoa(length), hex + "\x1a", "\r\n> |\r\n+CMGW: 0\r\n\r\nOK\r\n"},
			{"AT+CMSS=0", "", "|\r\n+CMSS: 2\r\n\r\nOK\r\n"},
			{`AT+CMSS=0,"` + otherSIM + `"`, "", "|\r\n+CMSS: 3\r\n\r\nOK\r\n"},
			{"AT+CMSS=1", "", "\r\n+CMS ERROR: 321\r\n|"},
			{"AT+CRSM=176,28483,0,0,2", "", "\r\n+CRSM: 144,0,\"03FF\"\r\n\r\nOK\r\n|"},
			{`AT+CSCA=""`, "", "\r\nOK\r\n|"},
			{"AT+CMGS=" + itoa(length), hex + "\x1a", "\r\n> |\r\n+CMS ERROR: 330\r\n"},
			{`AT+CSCA="491710760000",145`, "", "\r\nOK\r\n|"},
			{"AT+CFUN=4", "", "\r\nOK\r\n|"},
			{"AT+CMGS=" + itoa(length), hex + "\x1a", "\r\n> |\r\n+CMS ERROR: 331\r\n"},
			{"AT+CFUN=1", "", "\r\nOK\r\n|"},
			{"AT+CMGS=" + itoa(length), hex + "\x1a", "\r\n> |\r\n+CMGS: 4\r\n\r\nOK\r\n"},
		} {
			b.write(c.command + "\r")
			got := b.quiet(time.Millisecond) + "|"
			b.write(c.body)
			if got += b.quiet(2 * time.Second); got != c.want {
				t.Errorf("%s %q gives %q, want %q", c.command, c.body, got, c.want)
			}
		}
		if got := len(b.n.Handset(phoneNumber).Inbox()); got != 4 {
			t.Errorf("phone has %d messages, want 4", got)
		}
	})
}

func TestTextMode(t *testing.T) {
	onBench(t, Options{}, func(t *testing.T, b *faultBench) {
		b.want(`AT+CMGF=1;+CSCS="GSM";+CNMI=2,1`, "\r\nOK\r\n")
		b.write(`AT+CMGS="` + phoneNumber + `"` + "\r")
		b.until(`> `)
		b.write("first line\r")
		b.until(`> `)
		b.write("caf\x05!\b\x1a") // code 5 is é
		b.until(finals)
		inbox, err := b.n.Handset(phoneNumber).Wait(t.Context(), 1)
		if err != nil || inbox[0].Text != "first line\ncafé" {
			t.Errorf("phone has %+v, %v", inbox, err)
		}
		b.want(`AT+CSCS="UCS2"`, "\r\nOK\r\n")
		b.want(`AT+CSMP=17,167,0,8`, "\r\nOK\r\n")
		b.write(`AT+CMGS="` + ucs2(phoneNumber) + `"` + "\r")
		b.until(`> `)
		b.write(ucs2("Привет") + "\x1a")
		b.until(finals)
		if inbox, err = b.n.Handset(phoneNumber).Wait(t.Context(), 2); err != nil || inbox[1].Text != "Привет" {
			t.Errorf("phone has %+v, %v", inbox, err)
		}
		if err := b.n.Handset(phoneNumber).Send(t.Context(), simNumber, "да"); err != nil {
			t.Fatal(err)
		}
		b.until(`\+CMTI: "ME",0\r\n`)
		got := b.ask("AT+CMGR=0")
		if want := `+CMGR: "REC UNREAD","` + ucs2(phoneNumber) + `",,"`; !strings.Contains(got, want) || !strings.Contains(got, "\r\n"+ucs2("да")+"\r\n") {
			t.Errorf("got %q, want %q", got, want)
		}
		if got := b.ask(`AT+CMGL="ALL"`); !strings.Contains(got, `+CMGL: 0,"REC READ",`) {
			t.Errorf("got %q", got)
		}
		b.want(`AT+CMGL="REC UNREAD"`, "\r\nOK\r\n")
	})
}

func ucs2(text string) string {
	var b strings.Builder
	for _, c := range text {
		fmt.Fprintf(&b, "%04X", c)
	}
	return b.String()
}

func TestAlphabet(t *testing.T) {
	if len(gsmAlphabet) != 128 {
		t.Fatalf("alphabet has %d characters", len(gsmAlphabet))
	}
	text := "Hello @£ {€} ÅÄÖ é"
	m := &Modem{set: settings{scs: "GSM"}}
	if got := m.decodeCharset(m.encodeCharset(text)); got != text {
		t.Errorf("got %q, want %q", got, text)
	}
	if got := string(septetsOf("я")); got != "?" {
		t.Errorf("got %q", got)
	}
	for _, scs := range charsets {
		m.set.scs = scs
		if got := m.decodeCharset(m.encodeCharset("plain 123")); got != "plain 123" || !utf8.ValidString(got) {
			t.Errorf("%s: got %q", scs, got)
		}
	}
}

// Nothing comes between the echo of a command and its result, but a line that is never ended holds nothing up for long.
func TestUnsolicitedLinesWaitForTheCommand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := New(NewNetwork(NetworkOptions{}), Options{Number: simNumber})
		h := plug(t, m)
		h.ask("AT")
		typed := func(s string) {
			h.write(s)
			synctest.Wait()
			m.mu.Lock()
			defer m.mu.Unlock()
			m.urc("+X: 1")
		}
		typed("AT+C")
		h.write("IMI\r")
		if got, want := h.until(`X: 1\r\n`), "AT+CIMI\r\r\n"+m.o.IMSI+"\r\n\r\nOK\r\n\r\n+X: 1\r\n"; got != want {
			t.Errorf("%q, want %q", got, want)
		}
		began := time.Now()
		typed("AT+C")
		if got := h.until(`X: 1\r\n`); got != "AT+C\r\n+X: 1\r\n" || time.Since(began) != typingPause {
			t.Errorf("%q after %s", got, time.Since(began))
		}
		h.want("IMI", "IMI\r\r\n"+m.o.IMSI+"\r\n\r\nOK\r\n")
		typed("")
		h.until(`X: 1\r\n`)
		if waited := time.Since(began); waited > typingPause {
			t.Errorf("a line that nothing stands in the way of waits until %s", waited)
		}
	})
}

func TestPIN(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := NewNetwork(NetworkOptions{})
		p, _ := ProfileByName("ec25")
		m := New(n, Options{Number: simNumber, PIN: "1234", Profile: p})
		h := plug(t, m)
		h.ask("ATE0")
		for _, c := range []struct{ in, want string }{
			{"AT+CMEE=1", "\r\nOK\r\n"},
			{"AT+CPIN?", "\r\n+CPIN: SIM PIN\r\n\r\nOK\r\n"},
			{"AT+CREG?", "\r\n+CREG: 0,0\r\n\r\nOK\r\n"},
			{"AT+CIMI", "\r\n+CME ERROR: 11\r\n"},
			{"AT+CMGF=0", "\r\n+CMS ERROR: 311\r\n"},
			{`AT+CPIN="0000"`, "\r\n+CME ERROR: 16\r\n"},
			{"AT+QPINC?", "\r\n+QPINC: \"SC\",2,10\r\n\r\n+QPINC: \"P2\",3,10\r\n\r\nOK\r\n"},
			{`AT+CPIN="1234"`, "\r\nOK\r\n"},
			{"AT+CPIN?", "\r\n+CPIN: READY\r\n\r\nOK\r\n"},
			{"AT+CREG?", "\r\n+CREG: 0,1\r\n\r\nOK\r\n"},
		} {
			h.want(c.in, c.want)
		}
		if on, tries := m.Unlocked(); !on || tries != 3 {
			t.Errorf("unlocked %v, %d tries", on, tries)
		}
		m.Restart()
		h.until(`PB DONE\r\n`)
		h.ask("ATE0;+CMEE=1")
		for _, c := range []struct{ in, want string }{
			{"AT+CPIN=1", "\r\n+CME ERROR: 16\r\n"},
			{"AT+CPIN=2", "\r\n+CME ERROR: 16\r\n"},
			{"AT+CPIN=3", "\r\n+CME ERROR: 12\r\n"},
			{"AT+CPIN?", "\r\n+CPIN: SIM PUK\r\n\r\nOK\r\n"},
			{"AT+CPIN=1234", "\r\n+CME ERROR: 12\r\n"},
			{`AT+CPIN="00000000","4321"`, "\r\n+CME ERROR: 16\r\n"},
			{`AT+CPIN="12345678","4321"`, "\r\nOK\r\n"},
			{"AT+CPIN?", "\r\n+CPIN: READY\r\n\r\nOK\r\n"},
			{"AT+CPIN=4321", "\r\n+CME ERROR: 3\r\n"},
		} {
			h.want(c.in, c.want)
		}
		n.Close()
	})
}

func TestNoSIM(t *testing.T) {
	onBench(t, Options{NoSIM: true}, func(t *testing.T, b *faultBench) {
		b.ask("AT+CMEE=1")
		b.want("AT+CPIN?", "\r\n+CME ERROR: 10\r\n")
		b.want("AT+CIMI", "\r\n+CME ERROR: 10\r\n")
		b.want("AT+CMGL=4", "\r\n+CMS ERROR: 310\r\n")
		b.want("AT+CREG?", "\r\n+CREG: 0,0\r\n\r\nOK\r\n")
	})
}

func TestDelete(t *testing.T) {
	for flag, left := range map[string]string{"0,1": "1,2,3", "0,2": "2,1", "0,3": "1", "0,4": "", "1": "0,2,3"} {
		onBench(t, Options{}, func(t *testing.T, b *faultBench) {
			length, hex := submitTPDU(t, phoneNumber, "hi", false)
			for _, status := range []int{statRead, statUnread, statUnsent, statSent} { // slots 0 to 3
				b.write(fmt.Sprintf("AT+CMGW=%d,%d\r", length, status))
				b.until("> ")
				b.write(hex + "\x1a")
				b.until(finals)
			}
			b.want("AT+CMGD=?", "\r\n+CMGD: (0,1,2,3),(0-4)\r\n\r\nOK\r\n")
			b.want("AT+CMGD="+flag, "\r\nOK\r\n")
			want := left
			if flag == "0,2" {
				want = "1,2"
			}
			b.want("AT+CMGD=?", "\r\n+CMGD: ("+want+"),(0-4)\r\n\r\nOK\r\n")
			b.want("AT+CMGD=200", "\r\n+CMS ERROR: 321\r\n")
		})
	}
}

func TestMemories(t *testing.T) {
	onBench(t, Options{}, func(t *testing.T, b *faultBench) {
		b.want("AT+CPMS=?", "\r\n+CPMS: (\"ME\",\"SM\",\"MT\",\"SR\"),(\"ME\",\"SM\",\"MT\"),(\"ME\",\"SM\",\"MT\")\r\n\r\nOK\r\n")
		b.want(`AT+CPMS="SM","SM","SM"`, "\r\n+CPMS: 0,20,0,20,0,20\r\n\r\nOK\r\n")
		b.want(`AT+CPMS="SM","SM","SR"`, "\r\n+CMS ERROR: 303\r\n")
		b.ask("AT+CNMI=2,1,0,2,0")
		if err := b.n.Handset(phoneNumber).Send(t.Context(), simNumber, "on the card"); err != nil {
			t.Fatal(err)
		}
		b.until(`\+CMTI: "SM",0\r\n`)
		b.want(`AT+CPMS="MT"`, "\r\n+CPMS: 1,120,1,20,1,20\r\n\r\nOK\r\n")
		if got := b.ask("AT+CMGL=4"); !strings.Contains(got, "+CMGL: 100,0,,") { // behind those of ME
			t.Errorf("got %q", got)
		}
		b.typed(2*time.Second, true)
		b.want(`AT+CPMS="SR"`, "\r\n+CPMS: 1,10,1,20,1,20\r\n\r\nOK\r\n")
		if got := b.ask("AT+CMGR=0"); !strings.Contains(got, "+CMGR: 0,,") {
			t.Errorf("got %q", got)
		}
	})
}

func TestUSSDAndCalls(t *testing.T) {
	onBench(t, Options{}, func(t *testing.T, b *faultBench) {
		b.write("AT+CUSD=1,\"*135#\",15\r")
		if got, want := b.quiet(time.Second), "\r\nOK\r\n\r\n+CUSD: 0,\"Your number is "+simNumber+"\",15\r\n"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		b.ask("AT+CLIP=1")
		type result struct {
			answered bool
			err      error
		}
		ring := func() chan result {
			done := make(chan result, 1)
			go func() {
				answered, err := b.n.Handset(phoneNumber).Call(t.Context(), simNumber)
				done <- result{answered, err}
			}()
			return done
		}
		done := ring()
		const once = "\r\nRING\r\n\r\n+CLIP: \"" + phoneNumber + "\",145,,,,0\r\n"
		if got := b.quiet(7 * time.Second); got != once+once {
			t.Errorf("got %q", got)
		}
		b.want("AT+CLCC", "\r\n+CLCC: 1,1,4,0,0,\""+phoneNumber+"\",145\r\n\r\nOK\r\n")
		b.want("AT+CHUP", "\r\nOK\r\n")
		if r := <-done; r.answered || r.err != nil {
			t.Errorf("refused call: %+v", r)
		}
		done = ring()
		b.until("RING")
		b.quiet(0)
		b.want("ATA", "\r\nOK\r\n")
		b.want("AT+CCWA=0,0,1", "\r\nOK\r\n")
		b.want("AT+CCWA=0,2,1", "\r\n+CCWA: 0,1\r\n\r\nOK\r\n")
		if _, err := b.n.Handset("+4917200000009").Call(t.Context(), simNumber); err == nil {
			t.Error("a second caller gets through without call waiting")
		}
		b.want("ATH", "\r\nOK\r\n")
		if r := <-done; !r.answered || r.err != nil {
			t.Errorf("answered call: %+v", r)
		}
		b.want("AT+CLCC", "\r\nOK\r\n")
		b.want("ATD+4930123;", "\r\nOK\r\n")
		b.want("AT+CLCC", "\r\n+CLCC: 1,0,2,0,0,\"+4930123\",145\r\n\r\nOK\r\n")
		b.quiet(3 * time.Second)
		b.want("AT+CLCC", "\r\n+CLCC: 1,0,0,0,0,\"+4930123\",145\r\n\r\nOK\r\n")
		b.want("AT+CHUP", "\r\nOK\r\n")
	})
}
