package emulator

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// Every make starts, gets ready, sends, receives and stores.
func TestProfiles(t *testing.T) {
	for _, p := range Profiles() {
		t.Run(p.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := NewNetwork(NetworkOptions{})
				m := New(n, Options{Number: simNumber, Profile: p, Boot: true})
				h := plug(t, m)
				if p.BootTime > 0 {
					h.write("AT\r") // lost: nobody listens yet
				}
				time.Sleep(p.BootTime)
				synctest.Wait()
				if got := h.ask("ATE0"); strings.Count(got, "OK") != 1 {
					t.Errorf("got %q", got)
				}
				if p.SMSReady > p.BootTime {
					if got := h.ask("AT+CMGF=0"); !strings.Contains(got, "+CMS ERROR: 314") {
						t.Errorf("before it is ready: %q", got)
					}
				}
				time.Sleep(p.SMSReady)
				for _, line := range p.Boot {
					if line.After <= p.SMSReady && !strings.Contains(h.seen(), line.Text) && line.After > p.BootTime {
						t.Errorf("no %q in %q", line.Text, h.seen())
					}
				}
				if got := h.ask("AT+CMGF=0"); !strings.Contains(got, "OK") {
					t.Errorf("when it is ready: %q", got)
				}
				if got := h.ask("AT+CGMM"); !strings.Contains(got, m.p.Model) {
					t.Errorf("got %q", got)
				}
				number := m.p.SIMNumber
				if got := h.ask("AT" + number); !strings.Contains(got, m.ICCID()) {
					t.Errorf("AT%s gives %q", number, got)
				}
				if p.PINCounter != "" {
					if got := h.ask("AT" + p.PINCounter); !strings.Contains(got, ",") || strings.Contains(got, "ERROR") {
						t.Errorf("AT%s gives %q", p.PINCounter, got)
					}
				}
				h.ask("AT+CNMI=" + map[bool]string{true: "2,1,0,1,1", false: "2,1,0,1,0"}[p.Name == "wavecom"])
				length, hex := submitTPDU(t, phoneNumber, "hi", true)
				if got := h.sendPDU(length, hex); !strings.Contains(got, "+CMGS: 0") {
					t.Errorf("got %q", got)
				}
				h.until(`\+CDS: \d+`)
				if err := n.Handset(phoneNumber).Send(t.Context(), simNumber, "answer"); err != nil {
					t.Fatal(err)
				}
				h.until(`\+CMTI: "(SM|ME)",` + itoa(p.IndexFrom))
				if got := h.ask("AT+CMGL=4"); !strings.Contains(got, "+CMGL: "+itoa(p.IndexFrom)+",0,,") {
					t.Errorf("got %q", got)
				}
				h.ask("AT+CMGD=" + itoa(p.IndexFrom))
				if used, _ := m.Stored("MT"); used != 0 {
					t.Errorf("%d stored, want 0", used)
				}
				for _, name := range p.Missing {
					if got := h.ask("AT" + name + "?"); !strings.Contains(got, "ERROR") && !strings.Contains(got, "NOT SUPPORT") {
						t.Errorf("%s of a make without it: %q", name, got)
					}
				}
				n.Close()
			})
		})
	}
	if _, ok := ProfileByName("no such make"); ok {
		t.Error("a make that is not there was found")
	}
}

// What the makes do differently from each other, one by one.
func TestPeculiarities(t *testing.T) {
	for _, c := range []struct{ profile, command, want string }{
		{"huawei-e173", "AT+WIND?", "\r\nCOMMAND NOT SUPPORT\r\n"},
		{"huawei-e173", "AT+CMMS=2", "\r\n+CMS ERROR: 500\r\n"},
		{"huawei-e173", "AT+CSQ", "\r\n^RSSI:17\r\r\n\r\n+CSQ: 20,99\r\r\n\r\nOK\r\n"},
		{"huawei-e173", "AT^CURC=0", "\r\nOK\r\n"},
		{"huawei-e173", "AT^CPIN?", "\r\n^CPIN: READY,3,10,3,10,3\r\r\n\r\nOK\r\n"},
		{"huawei-e3372", "AT+CSQ", "\r\n^RSSI:26\r\n\r\n^HCSQ:\"LTE\",60,52,106,24\r\n\r\n+CSQ: 20,99\r\n\r\nOK\r\n"},
		{"sim800", "AT+CLAC", "\r\n+CME ERROR: 100\r\n"},
		{"sim800", "AT+SPIC", "\r\n+SPIC: 3,10,3,10\r\n\r\nOK\r\n"},
		{"ec25", "AT+QINISTAT", "\r\n+QINISTAT: 7\r\n\r\nOK\r\n"},
		{"ec25", `AT+QURCCFG="urcport","usbat"`, "\r\nOK\r\n"},
		{"wavecom", "AT+CPMS=?", "\r\n+CPMS: ((\"SM\",\"BM\",\"SR\"),(\"SM\"))\r\n\r\nOK\r\n"},
		{"wavecom", "AT+CNMI=2,1,0,1,0", "\r\n+CMS ERROR: 303\r\n"},
		{"wavecom", "AT+CLAC", "\r\nERROR\r\n"},
		{"sim7600", "AT+CPMS=\"SR\"", "\r\n+CPMS: 0,0,0,20,0,20\r\n\r\nOK\r\n"},
	} {
		t.Run(c.profile+" "+c.command, func(t *testing.T) {
			p, _ := ProfileByName(c.profile)
			p.Chatter = nil
			onBench(t, Options{Profile: p}, func(t *testing.T, b *faultBench) { b.want(c.command, c.want) })
		})
	}
	t.Run("wavecom CPIN without OK", func(t *testing.T) {
		p, _ := ProfileByName("wavecom")
		onBench(t, Options{Profile: p}, func(t *testing.T, b *faultBench) {
			b.write("AT+CPIN?\r")
			if got, want := b.quiet(time.Second), "\r\n+CPIN: READY\r\n"; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	})
	for profile, want := range map[string]string{"ec25": "\r\n+CDSI: \"SM\",0\r\n", "sim7600": "\r\n+CDSI: \"SR\",0\r\n"} {
		t.Run(profile+" report that cannot be read", func(t *testing.T) {
			p, _ := ProfileByName(profile)
			onBench(t, Options{Profile: p}, func(t *testing.T, b *faultBench) {
				b.ask("AT+CNMI=2,1,0,2,0")
				if got := b.typed(2*time.Second, true); !strings.HasSuffix(got, want) {
					t.Errorf("got %q, want %q", got, want)
				}
				b.ask(`AT+CPMS="SR"`)
				b.want("AT+CMGR=0", "\r\n+CMS ERROR: 321\r\n")
			})
		})
	}
	t.Run("chatter", func(t *testing.T) {
		p, _ := ProfileByName("huawei-e173")
		onBench(t, Options{Profile: p}, func(t *testing.T, b *faultBench) {
			got := b.quiet(61 * time.Second)
			if strings.Count(got, "^RSSI:17") != 12 || strings.Count(got, "^BOOT:") != 3 {
				t.Errorf("got %q", got)
			}
		})
	})
}

func TestLineRate(t *testing.T) {
	onBench(t, Options{LineRate: 9600}, func(t *testing.T, b *faultBench) {
		start := time.Now()
		b.want("AT+CGMM", "\r\nEmulator\r\n\r\nOK\r\n")
		// 8 octets there and 18 back, ten bits each.
		if got, want := time.Since(start), 26*10*time.Second/9600; got < want*9/10 || got > want*13/10 {
			t.Errorf("took %v, want about %v", got, want)
		}
	})
}

// AT^CURC=0 ends the lines that a make prints by itself, and AT^CURC=1 brings them back.
func TestChatterOff(t *testing.T) {
	p, _ := ProfileByName("huawei-e3372")
	onBench(t, Options{Profile: p}, func(t *testing.T, b *faultBench) {
		if got := b.quiet(20 * time.Second); !strings.Contains(got, "^HCSQ:") || !strings.Contains(got, "^RSSI:") {
			t.Errorf("at first %q", got)
		}
		b.ask("AT^CURC=0")
		if got := b.quiet(time.Minute); got != "" {
			t.Errorf("after AT^CURC=0 %q", got)
		}
		b.ask("AT^CURC=1")
		if got := b.quiet(20 * time.Second); !strings.Contains(got, "^HCSQ:") {
			t.Errorf("after AT^CURC=1 %q", got)
		}
	})
}
