package modem

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"net"
)

// How lines are sorted: what a stream makes of the running command, and which indications it holds.
func TestSorting(t *testing.T) {
	const pdu24 = "00" + "040C9194511132547600004210100000000005E8329BFD06" // 24 octets of TPDU
	const other = "00" + "000102030405"                                     // 6 octets
	for _, tt := range []struct {
		name, command, stream string
		bare                  bool
		answer                []string
		err                   string
		urcs                  []string
	}{
		{name: "echo, answer, end", command: "+CSQ", stream: "AT+CSQ\r\r\n+CSQ: 1,99\r\n\r\nOK\r\n", answer: []string{"+CSQ: 1,99"}},
		{name: "other prefix", command: "+CSQ", stream: "\r\n+CREG: 2\r\n\r\n+CSQ: 1,99\r\n\r\nOK\r\n", answer: []string{"+CSQ: 1,99"}, urcs: []string{"registration +CREG: 2"}},
		{name: "unknown prefix", command: "+CSQ", stream: "\r\n+XYZZY: 2\r\n\r\nOK\r\n", urcs: []string{"other +XYZZY: 2"}},
		{name: "both, answered", command: "+CREG?", stream: "\r\n+CREG: 2,1\r\n\r\nOK\r\n", answer: []string{"+CREG: 2,1"}},
		{name: "both, announced", command: "+CREG?", stream: "\r\n+CREG: 5\r\n\r\n+CREG: 2,1\r\n\r\nOK\r\n", answer: []string{"+CREG: 2,1"}, urcs: []string{"registration +CREG: 5"}},
		{name: "both, while set", command: "+CREG=2", stream: "\r\n+CREG: 2,1\r\n\r\nOK\r\n", urcs: []string{"registration +CREG: 2,1"}},
		{name: "card, asked", command: "+CPIN?", stream: "\r\n+CPIN: READY\r\n\r\nOK\r\n", answer: []string{"+CPIN: READY"}},
		{name: "card, told", command: "+CSQ", stream: "\r\n+CPIN: NOT READY\r\n\r\nOK\r\n", urcs: []string{"sim +CPIN: NOT READY"}},
		{name: "USSD", command: `+CUSD=1,"*100#",15`, stream: "\r\n+CUSD: 0,\"x\",15\r\n\r\nOK\r\n", urcs: []string{"ussd +CUSD: 0,\"x\",15"}},
		{name: "caller setting", command: "+CLIP?", stream: "\r\n+CLIP: 1,1\r\n\r\nOK\r\n", answer: []string{"+CLIP: 1,1"}},
		{name: "caller", command: "+CLIP=1", stream: "\r\nRING\r\n\r\n+CLIP: \"+49151\",145\r\n\r\nOK\r\n", urcs: []string{"call RING", "call +CLIP: \"+49151\",145"}},
		{name: "announcement of a message", command: "+CMTI", stream: "\r\n+CMTI: \"SM\",1\r\n\r\nOK\r\n", urcs: []string{"stored +CMTI: \"SM\",1"}},
		{name: "two lines", command: "+CSQ", stream: "\r\n+CMT: ,24\r\n" + pdu24 + "\r\n\r\n+CSQ: 1,99\r\n\r\nOK\r\n", answer: []string{"+CSQ: 1,99"}, urcs: []string{"deliver +CMT: ,24 " + pdu24}},
		{name: "two lines in a list", command: "+CMGL=4", bare: true, stream: "\r\n+CMGL: 1,1,,6\r\n\r\n+CDS: 24\r\n" + pdu24 + "\r\n" + other + "\r\n\r\nOK\r\n",
			answer: []string{"+CMGL: 1,1,,6", other}, urcs: []string{"report +CDS: 24 " + pdu24}},
		{name: "two lines without the second, in a list", command: "+CMGL=4", bare: true, stream: "\r\n+CMGL: 1,1,,6\r\n\r\n+CDS: 24\r\n" + other + "\r\n\r\nOK\r\n",
			answer: []string{"+CMGL: 1,1,,6", other}, urcs: []string{"report +CDS: 24 lost"}},
		{name: "two lines, the second lost to another", command: "+CSQ", stream: "\r\n+CMT: ,24\r\n\r\n+CMT: ,6\r\n" + other + "\r\n\r\nOK\r\n", urcs: []string{"deliver +CMT: ,6 " + other, "deliver +CMT: ,24 lost"}},
		{name: "a number is no second line", command: "+CIMI", bare: true, stream: "\r\n+CMT: ,24\r\n\r\n262010000000001\r\n\r\nOK\r\n", answer: []string{"262010000000001"}, urcs: []string{"deliver +CMT: ,24 lost"}},
		{name: "two lines within two lines", command: "+CSQ", stream: "\r\n+CMT: ,24\r\n\r\n+CMT: ,6\r\n" + other + "\r\n" + pdu24 + "\r\n\r\nOK\r\n", urcs: []string{"deliver +CMT: ,6 " + other, "deliver +CMT: ,24 " + pdu24}},
		{name: "broadcast", command: "+CSQ", stream: "\r\n+CBM: 6\r\n" + other + "\r\n\r\nOK\r\n", urcs: []string{"broadcast +CBM: 6 " + other}},
		{name: "message in text form", command: "+CSQ", stream: "\r\n+CMT: \"+49151\",,\"24/01/01,00:00:00+04\"\r\nhello\r\n\r\nOK\r\n", urcs: []string{"deliver +CMT: \"+49151\",,\"24/01/01,00:00:00+04\" hello"}},
		{name: "message in text form that says OK", command: "+CSQ", stream: "\r\n+CMT: \"+49151\",,\"24/01/01,00:00:00+04\"\r\nOK\r\n", urcs: []string{"deliver +CMT: \"+49151\",,\"24/01/01,00:00:00+04\" lost"}},
		{name: "report in text form", command: "+CSQ", stream: "\r\n+CDS: 2,10,\"+358\",145,\"95/07/04\",\"95/07/04\",0\r\n\r\nOK\r\n", urcs: []string{"report +CDS: 2,10,\"+358\",145,\"95/07/04\",\"95/07/04\",0"}},
		{name: "words", command: "+CSQ", stream: "\r\nRING\r\n\r\nNO CARRIER\r\n\r\nCall Ready\r\n\r\nMISSED_CALL: 1\r\n\r\n+CSQ: 1,99\r\n\r\nOK\r\n", answer: []string{"+CSQ: 1,99"},
			urcs: []string{"call RING", "call NO CARRIER", "other Call Ready", "call MISSED_CALL: 1"}},
		{name: "end of a call command", command: "D123;", stream: "\r\nNO CARRIER\r\n", err: "ATD123;: NO CARRIER"},
		{name: "memory full", command: "+CSQ", stream: "\r\n^SMMEMFULL:\"SM\"\r\n\r\n+QIND: \"smsfull\",\"ME\"\r\n\r\n+CIEV: smsfull,1\r\n\r\nOK\r\n", urcs: []string{"full ^SMMEMFULL:\"SM\"", "full +QIND: \"smsfull\",\"ME\"", "full +CIEV: smsfull,1"}},
		{name: "restart", command: "+CSQ", stream: "\r\nRDY\r\n", err: "modem restarted", urcs: []string{"boot RDY"}},
		{name: "restart in numbers", command: "+CSQ", stream: "\r\n+CFUN: 1\r\n", err: "modem restarted", urcs: []string{"boot +CFUN: 1"}},
		{name: "radio asked", command: "+CFUN?", stream: "\r\n+CFUN: 1\r\n\r\nOK\r\n", answer: []string{"+CFUN: 1"}},
		{name: "radio switched", command: "+CFUN=4", stream: "\r\n+CFUN: 4\r\n\r\nOK\r\n", answer: []string{"+CFUN: 4"}},
		{name: "periodic start of a stick", command: "+CSQ", stream: "\r\n^BOOT:35323129,0,0,0,26\r\n\r\nOK\r\n", urcs: []string{"other ^BOOT:35323129,0,0,0,26"}},
		{name: "glued error", command: "+CNUM", stream: "\r\nERROR+CNUM: \"\",\"+49151\",145\r\n", answer: []string{"+CNUM: \"\",\"+49151\",145"}, err: "AT+CNUM: ERROR"},
		{name: "texts for errors", command: "+X", stream: "\r\nTOO MANY PARAMETERS\r\n", err: "AT+X: TOO MANY PARAMETERS"},
		{name: "error in lower case", command: "+X", stream: "\r\n+cme error: 3\r\n", err: "AT+X: +cme error: 3"},
		{name: "OK cut in two", command: "+CSQ", stream: "\r\n+CSQ: 1,99\r\n\r\nO\r\n^RSSI:20\r\nK\r\n", answer: []string{"+CSQ: 1,99"}, urcs: []string{"signal ^RSSI:20"}},
		{name: "answer cut in two by two lines", command: "+CSQ", stream: "\r\n+CSQ: 1\r\n+CMT: ,6\r\n" + other + "\r\n7,99\r\n\r\nOK\r\n", answer: []string{"+CSQ: 17,99"}, urcs: []string{"deliver +CMT: ,6 " + other}},
		{name: "prefix cut in two", command: "+CSQ", stream: "\r\n+C\r\nRING\r\n\r\nRING\r\nSQ: 17,99\r\n\r\nOK\r\n", answer: []string{"+CSQ: 17,99"}, urcs: []string{"call RING", "call RING"}},
		{name: "whole lines stay apart", command: "+CGMM", bare: true, stream: "\r\nM1\r\n\r\n^RSSI:20\r\n\r\nV2\r\n\r\nOK\r\n", answer: []string{"M1", "V2"}, urcs: []string{"signal ^RSSI:20"}},
		{name: "late answer to a send", command: "+CSQ", stream: "\r\n+CMGS: 77\r\n\r\nOK\r\n\r\n+CSQ: 1,99\r\n\r\nOK\r\n", answer: []string{"+CSQ: 1,99"}, urcs: []string{"late +CMGS: 77"}},
		{name: "late answer to a send, and an indication", command: "+CSQ", stream: "\r\n+CMSS: 77\r\n\r\nRING\r\n\r\nOK\r\n\r\n+CSQ: 1,99\r\n\r\nOK\r\n", answer: []string{"+CSQ: 1,99"}, urcs: []string{"late +CMSS: 77", "call RING"}},
		{name: "late answer to storing", command: "+CSQ", stream: "\r\n+CMGW: 7\r\n\r\nOK\r\n\r\n+CSQ: 1,99\r\n\r\nOK\r\n", answer: []string{"+CSQ: 1,99"}, urcs: []string{"other +CMGW: 7"}},
		{name: "late answer to a send without its end", command: "+CSQ", stream: "\r\n+CMGS: 77\r\n\r\n+CSQ: 1,99\r\n\r\nOK\r\n", answer: []string{"+CSQ: 1,99"}, urcs: []string{"late +CMGS: 77"}},
		{name: "prompt where none is due", command: "+CSQ", stream: "\r\n> \r\n+CSQ: 1,99\r\n\r\nOK\r\n", answer: []string{"+CSQ: 1,99"}},
		{name: "never ends", command: "+CSQ", stream: "\r\n+CSQ: 1,99\r\n", answer: []string{"+CSQ: 1,99"}, err: "no answer from the modem in time"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, size := range []int{1, 7, 1000} {
				synctest.Test(t, func(t *testing.T) {
					host, dev := net.Pipe()
					m, err := New(Default(), Options{Open: (&peer{}).open})
					if err != nil {
						t.Fatal(err)
					}
					var urcs []string
					g := newGuard(host, m, func(u urc) {
						s := u.kind.String() + " " + u.text
						if u.lost {
							s += " lost"
						} else if u.trailer != "" {
							s += " " + u.trailer
						}
						urcs = append(urcs, s)
					})
					done := make(chan struct{})
					go func() {
						defer close(done)
						buf := make([]byte, 64)
						dev.Read(buf)
						for chunk := range slices.Chunk([]byte(tt.stream), size) {
							dev.Write(chunk)
						}
					}()
					answer, err := g.run(&exchange{text: tt.command, shown: tt.command, id: prefixID(tt.command), bare: tt.bare, limit: time.Second})
					<-done
					synctest.Wait()
					g.close()
					dev.Close()
					if !slices.Equal(answer, tt.answer) || err == nil && tt.err != "" || err != nil && err.Error() != tt.err || !slices.Equal(urcs, tt.urcs) {
						t.Errorf("in pieces of %d:\n got %q, %v, %q\nwant %q, %v, %q", size, answer, err, urcs, tt.answer, tt.err, tt.urcs)
					}
				})
			}
		})
	}
}

// An indication that was cut before a command began is put together although the rest comes while the command runs.
func TestCutBeforeCommand(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		r.ready(t)
		for drained := false; !drained; {
			synctest.Wait()
			select {
			case <-r.Notices():
			default:
				drained = true
			}
		}
		r.p.set(func(p *peer, c string) bool {
			if c == "+CIMI" {
				p.say("T: ,6\r\n00000102030405\r\n\r\n262010000000001\r\n\r\nOK\r\n")
			}
			return c == "+CIMI"
		})
		r.p.say("\r\n+CM\r\n^RSSI:20\r\n")
		synctest.Wait()
		err := r.do(t.Context(), func(s *session) error {
			answer, err := s.run(&exchange{text: "+CIMI", bare: true})
			if len(answer) != 1 || answer[0] != "262010000000001" {
				t.Errorf("answer %q", answer)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
		if n := <-r.Notices(); n.Kind != NoticeDeliver || n.Raw != "00000102030405" {
			t.Errorf("notice %+v", n)
		}
		// What only looks so leaves the answer alone.
		r.p.say("\r\n+CM\r\n^RSSI:20\r\n")
		synctest.Wait()
		r.p.set(nil)
		err = r.do(t.Context(), func(s *session) error {
			answer, err := s.run(&exchange{text: "+CIMI", bare: true})
			if len(answer) != 1 || answer[0] != "262010000000001" {
				t.Errorf("answer %q", answer)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
}

// What is left of an answer that was given up is joined with nothing, even if an indication cut it.
func TestRestOfGivenUpAnswer(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		r.ready(t)
		r.p.set(func(p *peer, c string) bool {
			if c == "+CMGL=4" {
				p.say("\r\n+CM\r\nRING\r\n") // and nothing more in time
			}
			return c == "+CMGL=4"
		})
		time.AfterFunc(30*time.Second+100*time.Millisecond, func() { r.p.say("TI: \"SM\",1\r\n") })
		if _, err := r.List(t.Context()); !errors.Is(err, ErrTimeout) {
			t.Errorf("List: %v", err)
		}
		r.p.set(nil)
		r.ready(t)
	})
}

// A modem whose name comes back after a reload goes on counting in the same series.
func TestMetricsTakenOver(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		r.ready(t)
		again, err := New(Default(), Options{Name: "desk", Registerer: r.reg, Open: r.p.open})
		if err != nil {
			t.Fatal(err)
		}
		if again.metrics.opens != r.metrics.opens {
			t.Error("other series")
		}
		if _, err := New(Default(), Options{Name: "other", Registerer: r.reg, Open: r.p.open}); err != nil {
			t.Error(err)
		}
	})
}

func TestNames(t *testing.T) {
	for _, tt := range [][2]string{
		{fmt.Sprint(Unclear, Permanent, SIM, Temporary, Device, Class(99)), "unclear permanent sim temporary device unclear"},
		{fmt.Sprint(Home, Roaming, Denied, EmergencyOnly, Registration(200)), "home roaming denied emergency_only unknown"},
		{fmt.Sprint(NoticeOnline, NoticeLate, NoticeKind(0), NoticeKind(200)), "online late  "},
		{(&SetupError{Reason: ReasonNoSIM}).Error(), "no_sim"},
		{(&SubmitError{Committed: true, Err: ErrTimeout}).Error(), "submit: after the PDU was written: " + ErrTimeout.Error()},
	} {
		if strings.TrimSpace(tt[0]) != strings.TrimSpace(tt[1]) {
			t.Errorf("got %q, want %q", tt[0], tt[1])
		}
	}
}

// Answers that nobody asked for hint at another program on the port; those that are expected after a missed answer do not.
func TestStrayAnswers(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		r.ready(t)
		time.Sleep(time.Second)
		if n := r.counter(t, "trunkline_modem_damaged_total", "stray"); n != 0 {
			t.Errorf("%v strays at start", n)
		}
		r.p.say("\r\n+CSQ: 20,99\r\n\r\nOK\r\n")
		synctest.Wait()
		if n := r.counter(t, "trunkline_modem_damaged_total", "stray"); n != 1 {
			t.Errorf("%v strays, want 1", n)
		}
		r.p.set(func(p *peer, c string) bool {
			if c == "+SLOW" {
				go func() {
					time.Sleep(5100 * time.Millisecond)
					p.say("\r\nOK\r\n")
				}()
				return true
			}
			return false
		})
		r.ask(t, "+SLOW")
		if n := r.counter(t, "trunkline_modem_damaged_total", "stray"); n != 1 {
			t.Errorf("%v strays, want still 1", n)
		}
	})
}
