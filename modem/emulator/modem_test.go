package emulator

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"trunkline/pdu"
)

const (
	simNumber   = "+4915100000001"
	otherSIM    = "+4915100000002"
	phoneNumber = "+4917200000001"
)

func itoa(n int) string { return strconv.Itoa(n) }

// submitTPDU is a SUBMIT without SMSC.
func submitTPDU(t testing.TB, to, text string, report bool) (length int, hex string) {
	t.Helper()
	split, err := pdu.SplitText(text, pdu.SplitOptions{MaxParts: 1})
	if err != nil {
		t.Fatal(err)
	}
	m := split.Message(0, pdu.Submit)
	if m.Address, err = pdu.ParseAddress(to); err != nil {
		t.Fatal(err)
	}
	m.SRR = report
	b, err := m.Append(nil, false)
	if err != nil {
		t.Fatal(err)
	}
	return len(b), fmt.Sprintf("00%X", b)
}

func TestIdentity(t *testing.T) {
	n := NewNetwork(NetworkOptions{})
	m := New(n, Options{Number: simNumber, IMEI: "356938035643809"})
	h := plug(t, m)
	h.want("AT", "AT\r\r\nOK\r\n")
	h.want("ATE0", "ATE0\r\r\nOK\r\n")
	h.want("AT+CGSN", "\r\n356938035643809\r\n\r\nOK\r\n")
	h.want("at+cgmi;+cgmm", "\r\nTrunkline\r\n\r\nEmulator\r\n\r\nOK\r\n")
	h.want("AT+CREG?", "\r\n+CREG: 0,1\r\n\r\nOK\r\n")
	h.want("AT+CSQ", "\r\n+CSQ: 20,99\r\n\r\nOK\r\n")
	h.want("AT+NOTHING", "\r\nERROR\r\n")
	h.want("AT+CMEE=1", "\r\nOK\r\n")
	h.want("AT+NOTHING", "\r\n+CME ERROR: 100\r\n")
	h.want("AT+CMEE=2", "\r\nOK\r\n")
	h.want("AT+NOTHING", "\r\n+CME ERROR: unknown\r\n")
	h.want("AT+CPIN?", "\r\n+CPIN: READY\r\n\r\nOK\r\n")
	h.want(`AT+CSCA?`, "\r\n+CSCA: \"+491710760000\",145\r\n\r\nOK\r\n")
	h.want("AT+CNUM", "\r\n+CNUM: \"\",\""+simNumber+"\",145\r\n\r\nOK\r\n")
}

func TestSendAndReceive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := NewNetwork(NetworkOptions{Latency: 3 * time.Second, ReportDelay: time.Second})
		m := New(n, Options{Name: "desk", Number: simNumber, Latency: time.Millisecond, LineRate: 115200})
		h := plug(t, m)
		h.ask("ATE0")
		h.ask("AT+CMGF=0")
		h.ask("AT+CNMI=2,1,0,1,0")
		length, hex := submitTPDU(t, phoneNumber, "hello", true)
		start := time.Now()
		got := h.sendPDU(length, hex)
		if want := "\r\n+CMGS: 0\r\n\r\nOK\r\n"; got != want {
			t.Errorf("AT+CMGS answers %q, want %q", got, want)
		}
		if took := time.Since(start); took < 3*time.Second || took > 3200*time.Millisecond {
			t.Errorf("took %v", took)
		}
		if got := h.until("\r\n\\+CDS: \\d+\r\n[0-9A-F]+\r\n"); !strings.Contains(got, "+CDS: ") {
			t.Error(got)
		}
		ledger := n.Ledger()
		if len(ledger) != 1 || ledger[0].Text != "hello" || ledger[0].To != phoneNumber || ledger[0].From != simNumber || ledger[0].Modem != "desk" || !ledger[0].Report {
			t.Errorf("ledger %+v", ledger)
		}
		phone := n.Handset(phoneNumber)
		inbox, err := phone.Wait(t.Context(), 1)
		if err != nil || inbox[0].Text != "hello" || inbox[0].From != simNumber {
			t.Errorf("inbox %+v, %v", inbox, err)
		}
		if err := phone.Send(t.Context(), simNumber, "Grüße"); err != nil {
			t.Fatal(err)
		}
		h.until(`\r\n\+CMTI: "ME",0\r\n`)
		got = h.ask("AT+CMGR=0")
		line := strings.Split(got, "\r\n")[2]
		p, err := pdu.DecodeHex(line, pdu.MobileTerminated, true)
		if err != nil || p.Text != "Grüße" || p.Address.String() != phoneNumber {
			t.Errorf("%q is %+v, %v", got, p, err)
		}
		h.want("AT+CMGD=0", "\r\nOK\r\n")
		h.want("AT+CMGR=0", "\r\n+CMS ERROR: 321\r\n")
		n.Close()
	})
}

// BenchmarkSubmit is a whole AT+CMGS over a pipe: command, prompt, PDU, answer.
func BenchmarkSubmit(b *testing.B) {
	n := NewNetwork(NetworkOptions{})
	m := New(n, Options{Number: simNumber})
	near, far := net.Pipe()
	served := make(chan error, 1)
	go func() { served <- m.Serve(b.Context(), far) }()
	buf := make([]byte, 1024)
	until := func(end string) {
		for got := ""; !strings.HasSuffix(got, end); {
			k, err := near.Read(buf)
			if err != nil {
				b.Fatal(err)
			}
			got += string(buf[:k])
		}
	}
	say := func(s, end string) {
		if _, err := near.Write([]byte(s)); err != nil {
			b.Fatal(err)
		}
		until(end)
	}
	say("ATE0\r", "OK\r\n")
	length, hex := submitTPDU(b, phoneNumber, "hello", false)
	for b.Loop() {
		say("AT+CMGS="+itoa(length)+"\r", "> ")
		say(hex+"\x1a", "OK\r\n")
	}
	b.StopTimer()
	near.Close()
	<-served
	n.Close()
	if got := len(n.Ledger()); got != b.N {
		b.Errorf("ledger has %d entries, want %d", got, b.N)
	}
}
