package emulator

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"trunkline/pdu"
)

// classTPDU is a DELIVER of one letter with a message class.
func classTPDU(t *testing.T, dcs byte) []byte {
	t.Helper()
	from, err := pdu.ParseAddress(phoneNumber)
	if err != nil {
		t.Fatal(err)
	}
	m := pdu.Message{Type: pdu.Deliver, Address: from, DCS: pdu.DCS(dcs), SCTS: pdu.TimestampOf(time.Now()), Text: "x"}
	b, err := m.Append(nil, false)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestRouting is the table of 3GPP TS 27.005 §3.4.1.
func TestRouting(t *testing.T) {
	const stored, sm, routed = "+CMTI: \"ME\",0", "+CMTI: \"SM\",0", "+CMT: "
	for _, c := range []struct {
		mode, mt int
		dcs      byte
		want     string
	}{
		{2, 0, 0x00, ""}, {2, 1, 0x00, stored}, {2, 2, 0x00, routed}, {2, 3, 0x00, stored},
		{2, 1, 0x12, sm}, {2, 2, 0x12, sm}, {2, 3, 0x12, sm},
		{2, 1, 0x13, stored}, {2, 2, 0x13, routed}, {2, 3, 0x13, routed},
		{2, 2, 0x10, routed}, {2, 1, 0xF1, stored},
		{0, 1, 0x00, ""}, {0, 2, 0x00, ""}, {1, 1, 0x00, stored},
	} {
		t.Run(fmt.Sprintf("mode %d mt %d dcs %02X", c.mode, c.mt, c.dcs), func(t *testing.T) {
			onBench(t, Options{}, func(t *testing.T, b *faultBench) {
				b.ask(fmt.Sprintf("AT+CNMI=%d,%d", c.mode, c.mt))
				b.n.Handset(phoneNumber).SendTPDU(simNumber, classTPDU(t, c.dcs))
				got := b.quiet(time.Second)
				if !strings.HasPrefix(strings.TrimSpace(got), c.want) || (c.want == "") != (got == "") {
					t.Errorf("got %q, want %q", got, c.want)
				}
				used, _ := b.m.Stored("MT")
				if want := bit(c.want != routed); used != want {
					t.Errorf("%d stored, want %d", used, want)
				}
			})
		})
	}
}

func TestAcknowledgedRouting(t *testing.T) {
	onBench(t, Options{}, func(t *testing.T, b *faultBench) {
		phone := b.n.Handset(phoneNumber)
		send := func(text string) {
			t.Helper()
			if err := phone.Send(t.Context(), simNumber, text); err != nil {
				t.Fatal(err)
			}
		}
		b.want("AT+CSMS=1", "\r\n+CSMS: 1,1,1\r\n\r\nOK\r\n")
		b.ask("AT+CNMI=2,2,0,1,0")
		b.want("AT+CNMA", "\r\n+CMS ERROR: 340\r\n")
		send("first")
		send("second")
		if got := b.quiet(10 * time.Second); strings.Count(got, "+CMT: ") != 1 {
			t.Errorf("the second is routed before the first is acknowledged: %q", got)
		}
		b.want("AT+CNMA", "\r\nOK\r\n")
		if got := b.quiet(time.Second); strings.Count(got, "+CMT: ") != 1 {
			t.Errorf("after the acknowledgement: %q", got)
		}
		b.want("AT+CNMA=2", "\r\nOK\r\n") // RP-ERROR: the network repeats
		if got := b.quiet(59 * time.Second); got != "" {
			t.Errorf("repeated too early: %q", got)
		}
		if got := b.quiet(2 * time.Second); strings.Count(got, "+CMT: ") != 1 {
			t.Errorf("not repeated: %q", got)
		}
		b.quiet(15 * time.Second) // no acknowledgement: routing ends
		b.want("AT+CNMI?", "\r\n+CNMI: 2,0,0,0,0\r\n\r\nOK\r\n")
		b.quiet(time.Minute)
		if used, _ := b.m.Stored("ME"); used != 1 {
			t.Errorf("%d stored after the repetition, want 1", used)
		}
		var causes []int
		for _, d := range b.n.Deliveries() {
			causes = append(causes, d.Cause)
		}
		if got, want := fmt.Sprint(causes), "[0 111 111 0]"; got != want {
			t.Errorf("causes %s, want %s", got, want)
		}
	})
}

func TestUnsolicitedLinesWaitForTheAnswer(t *testing.T) {
	onBench(t, Options{}, func(t *testing.T, b *faultBench) {
		b.ask("AT+CNMI=2,1,0,1,0")
		length, hex := submitTPDU(t, simNumber, "to myself", true)
		b.write("AT+CMGS=" + itoa(length) + "\r")
		if got := b.quiet(time.Millisecond); got != "\r\n> " {
			t.Fatalf("got %q", got)
		}
		if err := b.n.Handset(phoneNumber).Send(t.Context(), simNumber, "early"); err != nil {
			t.Fatal(err)
		}
		if got := b.quiet(time.Minute); got != "" {
			t.Errorf("%q while a message is typed", got)
		}
		b.write(hex + "\x1a")
		got := b.quiet(time.Minute)
		if !regexp.MustCompile(`(?s)^\r\n\+CMGS: 0\r\n\r\nOK\r\n\r\n\+CMTI: "ME",0\r\n\r\n\+CMTI: "ME",1\r\n\r\n\+CDS: \d+\r\n[0-9A-F]+\r\n$`).MatchString(got) {
			t.Errorf("got %q", got)
		}
	})
}

func TestReports(t *testing.T) {
	report := regexp.MustCompile(`\+CDS: \d+\r\n([0-9A-F]+)\r\n`)
	statuses := func(t *testing.T, got string) []byte {
		var out []byte
		for _, line := range report.FindAllStringSubmatch(got, -1) {
			p, err := pdu.DecodeHex(line[1], pdu.MobileTerminated, true)
			if err != nil || p.Type != pdu.StatusReport || p.MR != 0 || p.Address.String() != phoneNumber {
				t.Fatalf("%q is %+v, %v", line[1], p, err)
			}
			out = append(out, p.Status)
		}
		return out
	}
	for _, c := range []struct {
		name string
		rule Rule
		off  bool
		want string
	}{
		{"delivered", Rule{}, false, "[0]"},
		{"never", Rule{Outcome: Outcome{NoReport: true}}, false, "[]"},
		{"not reachable", Rule{}, true, "[]"},
		{"temporary, then final", Rule{Outcome: Outcome{Reports: []Report{{0x30, time.Second}, {0x46, 10 * time.Second}}, Undelivered: true}}, false, "[48 70]"},
		{"for another number", Rule{To: otherSIM, Outcome: Outcome{NoReport: true}}, false, "[0]"},
		{"for this number as dialled here", Rule{To: "0172 00000001", Outcome: Outcome{NoReport: true}}, false, "[]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			onBench(t, Options{}, func(t *testing.T, b *faultBench) {
				b.ask("AT+CNMI=2,1,0,1,0")
				b.n.Rule(c.rule)
				b.n.Handset(phoneNumber).SetReachable(!c.off)
				if got := fmt.Sprint(statuses(t, b.typed(50*time.Second, true))); got != c.want {
					t.Errorf("statuses %s, want %s", got, c.want)
				}
				if c.off {
					b.n.Handset(phoneNumber).SetReachable(true)
					if got := statuses(t, b.quiet(time.Second)); len(got) != 1 || got[0] != 0 {
						t.Errorf("after the phone is back: %v", got)
					}
				}
				if got, want := len(b.n.Handset(phoneNumber).Inbox()), 1-bit(c.rule.Undelivered); got != want {
					t.Errorf("phone has %d messages, want %d", got, want)
				}
			})
		})
	}
}

// A phone that stays off lets the validity period pass.
func TestExpiry(t *testing.T) {
	onBench(t, Options{}, func(t *testing.T, b *faultBench) {
		b.ask("AT+CNMI=2,1,0,1,0;+CMGF=1;+CSMP=49,0,0,0") // five minutes, with a report
		b.n.Handset(phoneNumber).SetReachable(false)
		b.write(`AT+CMGS="` + phoneNumber + `"` + "\r")
		b.until("> ")
		b.write("too late\x1a")
		b.until(finals)
		if got := b.quiet(4*time.Minute + 50*time.Second); got != "" {
			t.Errorf("got %q", got)
		}
		if got := b.quiet(20 * time.Second); !strings.Contains(got, "+CDS: 6,0,\""+phoneNumber+"\",145,") || !strings.HasSuffix(got, ",70\r\n") {
			t.Errorf("got %q", got)
		}
		b.n.Handset(phoneNumber).SetReachable(true)
		if got := b.n.Handset(phoneNumber).Inbox(); len(got) != 0 {
			t.Errorf("phone has %+v", got)
		}
	})
}

// Every form of validity period ends the centre's attempts when it says; one without a period leaves that to the phone.
func TestValidityForms(t *testing.T) {
	start := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) // where fake time begins; the centre has the message within a second
	for _, c := range []struct {
		name     string
		validity pdu.Validity
		ends     time.Duration // after the submission; 0: never
	}{
		{"none", pdu.Validity{}, 0},
		{"relative", pdu.RelativeValidity(30 * time.Minute), 30 * time.Minute},
		{"relative, long", pdu.RelativeValidity(12*time.Hour + 30*time.Minute), 12*time.Hour + 30*time.Minute},
		{"absolute", pdu.AbsoluteValidity(start.Add(2*time.Hour + time.Second)), 2 * time.Hour},
		{"absolute in another zone", pdu.AbsoluteValidity(start.Add(2*time.Hour + time.Second).In(time.FixedZone("", 5*3600+1800))), 2 * time.Hour},
		{"absolute, in the past", pdu.AbsoluteValidity(start.Add(-time.Hour)), time.Millisecond},
		{"seconds", pdu.EnhancedValidity(90*time.Second, false), 90 * time.Second},
		{"hours, minutes, seconds", pdu.EnhancedValidity(3*time.Hour+4*time.Minute+5*time.Second, false), 3*time.Hour + 4*time.Minute + 5*time.Second},
		{"relative within enhanced", pdu.Validity{Format: pdu.Enhanced, Octets: [7]byte{1, 5}}, 30 * time.Minute},
		{"once", pdu.EnhancedValidity(time.Hour, true), time.Millisecond},
		{"once, without a period", pdu.Validity{Format: pdu.Enhanced, Octets: [7]byte{0x40}}, time.Millisecond},
		{"a month that does not exist", pdu.Validity{Format: pdu.Absolute, Octets: [7]byte{0x00, 0x31, 0x10}}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			onBench(t, Options{}, func(t *testing.T, b *faultBench) {
				b.ask("AT+CNMI=2,1,0,1,0")
				phone := b.n.Handset(phoneNumber)
				phone.SetReachable(false)
				split, err := pdu.SplitText("too late?", pdu.SplitOptions{})
				if err != nil {
					t.Fatal(err)
				}
				message := split.Message(0, pdu.Submit)
				if message.Address, err = pdu.ParseAddress(phoneNumber); err != nil {
					t.Fatal(err)
				}
				message.Validity, message.SRR = c.validity, true
				octets, err := message.Append(nil, false)
				if err != nil {
					octets = withValidity(t, message, c.validity)
				}
				b.sendPDU(len(octets), fmt.Sprintf("00%X", octets))
				if c.ends > time.Second {
					if got := b.quiet(c.ends - time.Second); got != "" {
						t.Errorf("before the end of the period: %q", got)
					}
				}
				got := b.quiet(3 * time.Second)
				if c.ends == 0 {
					got += b.quiet(10 * 24 * time.Hour)
				}
				if expired := strings.Contains(got, "+CDS: ") && strings.HasSuffix(got, "46\r\n"); expired != (c.ends != 0) {
					t.Errorf("at the end of the period: %q", got)
				}
				phone.SetReachable(true)
				if c.ends != 0 {
					b.quiet(time.Minute)
					if inbox := phone.Inbox(); len(inbox) != 0 {
						t.Errorf("the phone has %+v", inbox)
					}
				} else if _, err := phone.Wait(t.Context(), 1); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// withValidity encodes a message with a period that the encoder refuses.
func withValidity(t *testing.T, message pdu.Message, v pdu.Validity) []byte {
	t.Helper()
	raw := v.Raw()
	message.Validity = pdu.AbsoluteValidity(time.Now())
	octets, err := message.Append(nil, false)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(octets, message.Validity.Raw())
	copy(octets[at:], raw)
	octets[0] = octets[0]&^0x18 | byte(v.Format)<<3
	return octets
}

// Names may send too.
func TestAlphanumericSender(t *testing.T) {
	onBench(t, Options{}, func(t *testing.T, b *faultBench) {
		b.ask("AT+CNMI=2,1")
		if err := b.n.Handset("Bank 24").Send(t.Context(), simNumber, "code 1234"); err != nil {
			t.Fatal(err)
		}
		b.until(`\+CMTI: "ME",0\r\n`)
		line := strings.Split(b.ask("AT+CMGR=0"), "\r\n")[2]
		p, err := pdu.DecodeHex(line, pdu.MobileTerminated, true)
		if err != nil || p.Address.String() != "Bank 24" || !p.Address.IsAlphanumeric() {
			t.Errorf("%q is %+v, %v", line, p, err)
		}
		if err := b.n.Handset("a name that is too long").Send(t.Context(), simNumber, "x"); err == nil {
			t.Error("a name of 23 characters sends")
		}
	})
}

// What is stored survives a restart and the end of power; settings do not.
func TestMemorySurvives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := NewNetwork(NetworkOptions{})
		m := New(n, Options{Number: simNumber})
		first := plug(t, m)
		first.ask("ATE0;+CNMI=2,1")
		if err := n.Handset(phoneNumber).Send(t.Context(), simNumber, "kept"); err != nil {
			t.Fatal(err)
		}
		first.until(`\+CMTI: "ME",0\r\n`)
		before := first.ask("AT+CMGR=0")
		m.Restart()
		first.until(`SMS Ready\r\n`)
		first.want("AT+CNMI?", "AT+CNMI?\r\r\n+CNMI: 0,0,0,0,0\r\n\r\nOK\r\n")
		first.conn.Close()
		synctest.Wait()
		second := plug(t, m)
		second.ask("ATE0")
		if got := second.ask("AT+CMGR=0"); got != strings.Replace(before, "+CMGR: 0,", "+CMGR: 1,", 1) {
			t.Errorf("got %q, before %q", got, before)
		}
		if m.Serve(t.Context(), second.conn) == nil {
			t.Error("served twice at once")
		}
		n.Close()
	})
}

func TestOutcomes(t *testing.T) {
	const ok = "\r\n+CMGS: 0\r\n\r\nOK\r\n"
	for _, c := range []struct {
		name           string
		outcome        Outcome
		want           string
		taken, refused int
	}{
		{"taken", Outcome{}, ok, 1, 0},
		{"refused", Outcome{CMS: 38}, "\r\n+CMS ERROR: 38\r\n", 0, 1},
		{"refused but kept", Outcome{CMS: 332, Keep: true}, "\r\n+CMS ERROR: 332\r\n", 1, 0},
		{"never answered", Outcome{Silent: true}, "", 1, 0},
		{"slow", Outcome{Delay: 30 * time.Second}, ok, 1, 0},
		{"too slow", Outcome{Delay: 90 * time.Second}, "", 1, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			onBench(t, Options{}, func(t *testing.T, b *faultBench) {
				b.n.Rule(Rule{From: simNumber, Times: 1, Outcome: c.outcome})
				if got, want := b.typed(time.Minute, false), "\r\n> |"+c.want; got != want {
					t.Errorf("got %q, want %q", got, want)
				}
				if len(b.n.Ledger()) != c.taken || len(b.n.Refused()) != c.refused {
					t.Errorf("taken %d, refused %d", len(b.n.Ledger()), len(b.n.Refused()))
				}
				b.quiet(2 * time.Minute)
				if got, want := b.typed(time.Minute, false), "\r\n> |\r\n+CMGS: 1\r\n\r\nOK\r\n"; got != want {
					t.Errorf("the rule is used up, got %q, want %q", got, want)
				}
			})
		})
	}
}

func TestFullMemory(t *testing.T) {
	p, _ := ProfileByName("huawei-e173")
	p.Chatter = nil
	onBench(t, Options{Profile: p, Capacity: map[string]int{"SM": 2}}, func(t *testing.T, b *faultBench) {
		b.ask("AT+CNMI=2,1,0,1,0")
		for _, text := range []string{"one", "two", "three"} {
			if err := b.n.Handset(phoneNumber).Send(t.Context(), simNumber, text); err != nil {
				t.Fatal(err)
			}
		}
		want := "\r\n+CMTI: \"SM\",0\r\n\r\n+CMTI: \"SM\",1\r\n\r\n^SMMEMFULL:\"SM\"\r\n"
		if got := b.quiet(time.Second); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		b.write("AT+CMGD=0\r") // at once, not after the network's pause
		if got, want := b.quiet(time.Second), "\r\nOK\r\n\r\n+CMTI: \"SM\",0\r\n"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if got := b.ask("AT+CMGL=4"); strings.Count(got, "+CMGL: ") != 2 {
			t.Errorf("got %q", got)
		}
	})
}

// Two SIMs on one network write to each other, in parts.
func TestBetweenModems(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := NewNetwork(NetworkOptions{})
		a, z := plug(t, New(n, Options{Number: simNumber})), plug(t, New(n, Options{Number: otherSIM}))
		z.ask("ATE0;+CNMI=2,1")
		to, err := pdu.ParseAddress("0151 00000002")
		if err != nil {
			to, err = pdu.ParseAddress("015100000002")
		}
		if err != nil {
			t.Fatal(err)
		}
		split, err := pdu.SplitText(longText, pdu.SplitOptions{Reference: 7, MaxParts: 10})
		if err != nil {
			t.Fatal(err)
		}
		for i := range split.Parts {
			m := split.Message(i, pdu.Submit)
			m.Address = to
			b, err := m.Append(nil, false)
			if err != nil {
				t.Fatal(err)
			}
			if got := a.sendPDU(len(b), fmt.Sprintf("00%X", b)); !strings.Contains(got, fmt.Sprintf("+CMGS: %d\r\n", i)) {
				t.Errorf("part %d: %q", i, got)
			}
			z.until(fmt.Sprintf(`\+CMTI: "ME",%d\r\n`, i))
		}
		var text strings.Builder
		for _, line := range strings.Split(z.ask("AT+CMGL=4"), "\r\n") {
			if p, err := pdu.DecodeHex(line, pdu.MobileTerminated, true); err == nil {
				if p.Address.String() != simNumber || p.Concat.Ref != 7 {
					t.Errorf("part %+v", p)
				}
				text.WriteString(p.Text)
			}
		}
		if text.String() != longText {
			t.Errorf("got %q", text.String())
		}
		n.Close()
	})
}
