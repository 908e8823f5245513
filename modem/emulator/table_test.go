package emulator

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestCommandTable asks every command that has no test of its own, in order, on
// one modem; what a command sets the next ones see.
func TestCommandTable(t *testing.T) {
	onBench(t, Options{ICCID: "89490100000000000012", IMSI: "262010123456789", Signal: 17}, func(t *testing.T, b *faultBench) {
		lines := func(info ...string) string {
			var s strings.Builder
			for _, line := range info {
				s.WriteString("\r\n" + line + "\r\n")
			}
			return s.String()
		}
		start := time.Now() // the clock of the modem is local, and stands still in the test
		_, zone := start.Zone()
		for _, c := range []struct{ in, want string }{
			{"AT+CMEE=1;&C1&D2;+IPR=115200", lines("OK")},
			{"AT+CMEE?", lines("+CMEE: 1", "OK")},
			{"AT+CMEE=?", lines("+CMEE: (0-2)", "OK")},
			{"AT+CMEE=3", lines("+CME ERROR: 50")},
			{"ATE2", lines("ERROR")},
			{"AT+CSDH?", lines("+CSDH: 0", "OK")},
			{"AT+CSDH=?", lines("+CSDH: (0,1)", "OK")},
			{"ATS0=2", lines("OK")},
			{"ATS0?", lines("002", "OK")},
			{"ATS0=256", lines("ERROR")},
			{"ATI", lines("Manufacturer: Trunkline", "Model: Emulator", "Revision: 1.0", "IMEI: "+b.m.IMEI(), "+GCAP: +CGSM,+DS,+ES", "OK")},
			{"AT+GCAP", lines("+GCAP: +CGSM,+DS,+ES", "OK")},
			{"AT+GCAP=?", lines("OK")},
			{"AT+CGSN=?", lines("OK")},
			{"AT+CGSN=1", lines("+CME ERROR: 50")},
			{"AT+CIMI", lines("262010123456789", "OK")},
			{"AT+CCID", lines(`+CCID: "89490100000000000012"`, "OK")},
			{"AT+CRSM=176,12258,0,0,10", lines(`+CRSM: 144,0,"98941000000000000021"`, "OK")},
			{"AT+CRSM=176,28483,0,0,9", lines("+CRSM: 103,0", "OK")},
			{"AT+CRSM=176,1,0,0,1", lines("+CRSM: 106,130", "OK")},
			{"AT+CRSM=176,x", lines("+CME ERROR: 50")},
			{`AT+CLCK="SC",2`, lines("+CLCK: 0", "OK")},
			{`AT+CLCK="SC",1,"1234"`, lines("+CME ERROR: 3")},
			{"AT+CPBS?", lines(`+CPBS: "SM",1,250`, "OK")},
			{"AT+CPBS=?", lines(`+CPBS: ("SM","ON")`, "OK")},
			{"AT+CPBR=1", lines("OK")},
			{`AT+CPBS="ON";+CPBR=1`, lines(`+CPBR: 1,"`+simNumber+`",145,"Own"`, "OK")},
			{"AT+CPBR=?", lines("+CPBR: (1-250),20,14", "OK")},
			{"AT+CPBR=0", lines("+CME ERROR: 21")},
			{`AT+CPBS="XX"`, lines("+CME ERROR: 50")},
			{"AT+CSQ=?", lines("+CSQ: (0-31,99),(0-7,99)", "OK")},
			{"AT+CSQ", lines("+CSQ: 17,99", "OK")},
			{"AT+CESQ", lines("+CESQ: 99,99,255,255,20,61", "OK")},
			{"AT+CREG=?", lines("+CREG: (0-2)", "OK")},
			{"AT+CREG=2;+CREG?", lines(`+CREG: 2,1,"4A2F","01A2D1F5"`, "OK")},
			{"AT+CREG=3", lines("+CME ERROR: 50")},
			{"AT+COPS?", lines(`+COPS: 0,0,"Testnet",7`, "OK")},
			{"AT+COPS=3,2;+COPS?", lines(`+COPS: 0,2,"26201",7`, "OK")},
			{"AT+COPS=?", lines(`+COPS: (2,"Testnet","Testnet","26201",7),,(0-4),(0-2)`, "OK")},
			{"AT+COPS=9", lines("+CME ERROR: 50")},
			{"AT+CFUN=?", lines("+CFUN: (0,1,4),(0,1)", "OK")},
			{"AT+CREG=0;+CFUN=4", lines("OK")},
			{"AT+CFUN?", lines("+CFUN: 4", "OK")},
			{"AT+COPS?", lines("+COPS: 0", "OK")},
			{"AT+CSQ", lines("+CSQ: 99,99", "OK")},
			{"AT+CUSD=1,\"*1#\"", lines("+CME ERROR: 30")},
			{"AT+CFUN=1", lines("OK")},
			{"AT+CFUN=7", lines("+CME ERROR: 50")},
			{"AT+CSCS?", lines(`+CSCS: "IRA"`, "OK")},
			{"AT+CSCS=?", lines(`+CSCS: ("IRA","GSM","UCS2","HEX","8859-1","UTF-8")`, "OK")},
			{`AT+CSCS="EBCDIC"`, lines("+CME ERROR: 50")},
			{"AT+CCLK?", lines(fmt.Sprintf(`+CCLK: "%s%+03d"`, start.Format("06/01/02,15:04:05"), zone/900), "OK")},
			{`AT+CCLK="26/11/21,10:00:00+04"`, lines("OK")},
			{`AT+CCLK="noon"`, lines("+CME ERROR: 50")},
			{"AT+CMGF?", lines("+CMGF: 0", "OK")},
			{"AT+CMGF=?", lines("+CMGF: (0,1)", "OK")},
			{"AT+CMGF=2", lines("+CMS ERROR: 303")},
			{"AT+CSMS?", lines("+CSMS: 0,1,1,1", "OK")},
			{"AT+CSMS=?", lines("+CSMS: (0-1)", "OK")},
			{"AT+CSMS=128", lines("+CMS ERROR: 303")},
			{"AT+CNMI=?", lines("+CNMI: (0-2),(0-3),(0),(0-2),(0-1)", "OK")},
			{"AT+CNMI=2,9", lines("+CMS ERROR: 303")},
			{"AT+CNMI=1,,,1;+CNMI?", lines("+CNMI: 1,0,0,1,0", "OK")},
			{"AT+CNMI=1,1,0,1,0,0", lines("+CMS ERROR: 304")},
			{"AT+CSMP?", lines("+CSMP: 17,167,0,0", "OK")},
			{"AT+CSMP=17,300", lines("+CMS ERROR: 305")},
			{"AT+CMMS=?", lines("+CMMS: (0-2)", "OK")},
			{"AT+CMMS=2;+CMMS?", lines("+CMMS: 2", "OK")},
			{"AT+CMMS=5", lines("+CMS ERROR: 303")},
			{"AT+CNMA=?", lines("+CNMA: (0-2)", "OK")},
			{"AT+CMGL=?", lines("+CMGL: (0-4)", "OK")},
			{"AT+CMGL=7", lines("+CMS ERROR: 305")},
			{"AT+CMGR=999", lines("+CMS ERROR: 321")},
			{"AT+CMGD=x", lines("+CMS ERROR: 321")},
			{"AT+CMGW=0", lines("+CMS ERROR: 305")},
			{"AT+CMSS=5", lines("+CMS ERROR: 321")},
			{`AT+CSCA="+49 x"`, lines("+CMS ERROR: 304")},
			{"AT+CCWA?", lines("+CCWA: 0", "OK")},
			{"AT+CCWA=1;+CCWA?", lines("+CCWA: 1", "OK")},
			{"AT+CPAS", lines("+CPAS: 0", "OK")},
			{"AT+CUSD?", lines("+CUSD: 1", "OK")},
			{"AT+CUSD=?", lines("+CUSD: (0-2)", "OK")},
			{"AT+CUSD=7", lines("+CME ERROR: 50")},
			{"ATD123", lines("NO CARRIER")},
			{"ATA", lines("NO CARRIER")},
			{"AT+CLIP?", lines("+CLIP: 0", "OK")},
			{"AT+CGATT?", lines("+CGATT: 1", "OK")},
			{"AT+CEER", lines("+CEER: No cause information available", "OK")},
		} {
			b.want(c.in, c.want)
		}
		if got := b.ask("AT+CLAC"); strings.Count(got, "\r\n+") < 50 || !strings.Contains(got, "\r\n+CMGS\r\n") {
			t.Errorf("AT+CLAC gives %q", got)
		}
		b.write("AT+CFUN=1,1\r")
		if got, want := b.quiet(time.Second), lines("OK", "RDY", "+CFUN: 1", "+CPIN: READY", "SMS Ready"); got != want {
			t.Errorf("AT+CFUN=1,1 gives %q, want %q", got, want)
		}
		b.want("ATE0", "ATE0\r\r\nOK\r\n")
		b.want("AT+CREG?", lines("+CREG: 0,1", "OK"))
	})
}

func TestCoverageLost(t *testing.T) {
	onBench(t, Options{}, func(t *testing.T, b *faultBench) {
		b.ask("AT+CREG=1;+CEREG=2;+CNMI=2,1")
		b.m.SetSignal(99)
		if got, want := b.quiet(0), "\r\n+CREG: 2\r\n\r\n+CEREG: 2\r\n"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if err := b.n.Handset(phoneNumber).Send(t.Context(), simNumber, "later"); err != nil {
			t.Fatal(err)
		}
		if got := b.quiet(3 * time.Minute); got != "" {
			t.Errorf("got %q", got)
		}
		b.m.SetSignal(9)
		if got, want := b.quiet(0), "\r\n+CREG: 1\r\n\r\n+CEREG: 1,\"4A2F\",\"01A2D1F5\"\r\n\r\n+CMTI: \"ME\",0\r\n"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

// A host that types anything leaves a modem that answers.
func FuzzSession(f *testing.F) {
	for _, s := range []string{"AT\r", "AT+CMGS=20\r00", "\x1a\x1b", "A/", "ATE1\rAT+CMGF=1\rAT+CMGS=\"1\"\rx\x1a", "AT+CSMS=1;+CNMI=2,2,0,1\r", "AT+CFUN=1,1\r", "ATS3=65\r", "AT+CMGW=18\r0011000B919471021000F10000A704F4F29C0E\x1aAT+CMSS=0\r", "ATD1;\r"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, typed []byte) {
		if strings.Contains(strings.ToUpper(string(typed)), "S3") || strings.Contains(strings.ToUpper(string(typed)), "Q") {
			return // the line would end with another character, or answers be off
		}
		synctest.Test(t, func(t *testing.T) {
			n := NewNetwork(NetworkOptions{})
			h := plug(t, New(n, Options{Number: simNumber}))
			h.write(string(typed))
			time.Sleep(time.Second)
			for range 2 { // leave a prompt, end a line; and the prompt that this line may have led to
				h.write("\x1b\r")
				time.Sleep(time.Second)
			}
			h.write("ATE0V1\r")
			time.Sleep(time.Second)
			h.until(`(?s).*`)
			h.write("AT+CGMM\r")
			h.until("\r\nEmulator\r\n\r\nOK\r\n")
			n.Close()
		})
	})
}

func FuzzSubmit(f *testing.F) {
	f.Add([]byte{0x11, 0, 12, 0x91, 0x94, 0x71, 2, 0, 0, 0xF1, 0, 0, 0xA7, 1, 0x41})
	f.Add([]byte{0x41, 0, 1, 0x81, 0xF1, 0, 8, 2, 0, 0x41})
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := parseSubmit(b)
		if err != nil {
			return
		}
		again, err := parseSubmit(s.readdressed("+491234567"))
		if err != nil || again.to != "+491234567" || again.pid != s.pid || again.dcs != s.dcs || string(again.ud) != string(s.ud) {
			t.Fatalf("%X to another number: %+v, %v", b, again, err)
		}
		d := s.deliverTPDU("+491", time.Unix(0, 0).UTC())
		if got := deliverDCS(d); got != int(s.dcs) {
			t.Fatalf("%X becomes %X with DCS %d, want %d", b, d, got, s.dcs)
		}
		_ = fmt.Sprintf("%q", s.text())
	})
}
