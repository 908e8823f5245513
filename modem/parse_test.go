package modem

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestSplitter(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		want     []string
	}{
		{"usual", "\r\n+CSQ: 1,2\r\n\r\nOK\r\n", []string{"+CSQ: 1,2", "_OK"}},
		{"CR CR LF", "\r\r\n+CSQ: 1,2\r\r\nOK\r\r\n", []string{"_+CSQ: 1,2", "_OK"}},
		{"LF only", "AT\nOK\n", []string{"AT", "OK"}},
		{"CR only", "AT\rOK\r", []string{"AT", "OK"}},
		{"no line end", "OK", nil},
		{"blanks", "\r\n  \r\n OK \r\n", []string{"_OK"}},
		{"noise", "\x00\xff\x00\xfe\r\n+CSQ: 20,99\r\n\xff\x00\r\nOK\r\n", []string{"+CSQ: 20,99", "_OK"}},
		{"noise inside", "+C\x00SQ\x1a: 1\r\n", []string{"+CSQ: 1"}},
		{"octets of a name", "+COPS: 0,0,\"T\xe9l\"\r\n", []string{"+COPS: 0,0,\"T\xe9l\""}},
	} {
		// However the octets arrive, the lines are the same.
		for size := 1; size <= len(tt.in); size++ {
			var s splitter
			var got []string
			for chunk := range slices.Chunk([]byte(tt.in), size) {
				s.feed(chunk, func() bool { return false }, func(l line) {
					if l.blank {
						l.text = "_" + l.text
					}
					got = append(got, l.text)
				})
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("%s in pieces of %d: %q, want %q", tt.name, size, got, tt.want)
			}
		}
	}
}

func FuzzSplitter(f *testing.F) {
	f.Add([]byte("\r\n+CSQ: 1,2\r\n\r\nOK\r\n> \x00\xff"), true)
	f.Add([]byte(strings.Repeat("A", lineLimit+2)+"\r\n"), false)
	f.Fuzz(func(t *testing.T, in []byte, prompt bool) {
		collect := func(size int) (out []line) {
			var s splitter
			for chunk := range slices.Chunk(in, size) {
				s.feed(chunk, func() bool { return prompt }, func(l line) {
					if len(l.text) > lineLimit || l.text == "" && !l.prompt && l.overlong == 0 || strings.ContainsAny(l.text, "\r\n\x00") {
						t.Fatalf("line %+v", l)
					}
					out = append(out, l)
				})
				if len(s.buf) > lineLimit {
					t.Fatalf("%d octets kept", len(s.buf))
				}
			}
			return out
		}
		if a, b := collect(max(len(in), 1)), collect(1); !slices.Equal(a, b) {
			t.Errorf("at once %+v, in pieces %+v", a, b)
		}
	})
}

func FuzzParsers(f *testing.F) {
	for _, s := range []string{`+CMGL: 1,1,,25`, `+CMTI: "SM",3`, `+CREG: 2,1,"1A2B","01C3",7`, `+CPMS: (("ME","SM")),("ME")`, "+CMGS: 5,", "+CMT: ,24", `+CME ERROR: 25+CNUM: ""`} {
		f.Add(s, "0791000000")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		v := valueOf(a)
		if len(fields(v)) == 0 {
			t.Fatal("no field")
		}
		found, _ := parseList("SM", "+CMGL", []string{a, b})
		for _, st := range found {
			if st.Index < 0 || st.Index > maxSlot || st.Raw != "" && !isHex(st.Raw) {
				t.Errorf("%+v", st)
			}
		}
		parseList("SM", "+CMGR", []string{a, b})
		if memory, index, _ := storedOf(a); memory != "" && !slices.Contains(memoryNames, memory) || index < -1 || index > maxSlot {
			t.Errorf("storedOf(%q) = %q, %d", a, memory, index)
		}
		for _, group := range memoryGroups(v) {
			for _, name := range group {
				if !slices.Contains(memoryNames, name) {
					t.Errorf("memory %q", name)
				}
			}
		}
		if n := referenceOf([]string{a, b}); n < -1 || n > 255 {
			t.Errorf("reference %d", n)
		}
		for _, r := range routings(fields(v), false) {
			if strings.Trim(r, "0123,") != "" || len(strings.Split(r, ",")) != 5 {
				t.Errorf("routing %q", r)
			}
		}
		registrationOf(v, true)
		solicitedRegistration(v)
		operatorOf(v)
		ownNumber([]string{a})
		centreOf(v)
		if dbm := signalDBm(v); dbm > 0 {
			t.Errorf("signal %d dBm", dbm)
		}
		newCommandError("+X", a)
		if final, rest, ok := splitGlued(a); ok && (final == "" || rest == "" || !isFinal(final, "")) {
			t.Errorf("splitGlued(%q) = %q, %q", a, final, rest)
		}
		indicationOf(prefixOf(a), a)
		wordIndication(a)
		announcedLength(a)
		if pduFits(a, 10) && len(a) < 20 {
			t.Errorf("%q holds no TPDU of 10 octets", a)
		}
		swapNibbles(a)
		identity(a)
	})
}

func TestParseList(t *testing.T) {
	const pdu = "0791000000000000"
	for _, tt := range []struct {
		name string
		in   []string
		want string
		ok   bool
	}{
		{"usual", []string{"+CMGL: 1,0,,25", pdu, "+CMGL: 3,1,\"x\",26", pdu}, "[{SM 1 0 25 P} {SM 3 1 26 P}]", true},
		{"without name", []string{"+CMGL: 17,3,35", pdu}, "[{SM 17 3 35 P}]", true},
		{"slot 0", []string{"+CMGL: 0,1,,25", pdu}, "[{SM 0 1 25 P}]", true},
		{"one line", []string{"+CMGL: 1,1,,147 0791430607301100"}, "[{SM 1 1 147 0791430607301100}]", true},
		{"cut in two", []string{"+CMGL: 1,1,,25", pdu[:7], pdu[7:]}, "[{SM 1 1 25 P}]", true},
		{"trailing quote", []string{"+CMGL: 1,1,,25", pdu + `"`}, "[{SM 1 1 25 P}]", true},
		{"no PDU", []string{"+CMGL: 1,1,,25", "+CMGL: 2,1,,25", pdu}, "[{SM 1 1 25 } {SM 2 1 25 P}]", true},
		{"odd", []string{"+CMGL: 1,1,,25", pdu + "0"}, "[{SM 1 1 25 }]", false},
		{"text form", []string{`+CMGL: 1,"REC READ","+49151",,"24/01/01,00:00:00+04"`, "hello"}, "[]", false},
		{"no slot", []string{"+CMGL: x,1,,25", pdu}, "[]", false},
		{"giant slot", []string{"+CMGL: 99999999999999999999,1,,25", pdu}, "[]", false},
		{"no length", []string{"+CMGL: 1,1,,x", pdu}, "[{SM 1 1 -1 P}]", true},
		{"empty", nil, "[]", true},
	} {
		got, ok := parseList("SM", "+CMGL", tt.in)
		if s := strings.ReplaceAll(fmt.Sprint(got), pdu, "P"); s != tt.want || ok != tt.ok {
			t.Errorf("%s: %s, %v; want %s, %v", tt.name, s, ok, tt.want, tt.ok)
		}
	}
}

func TestMemoryGroups(t *testing.T) {
	for v, want := range map[string]string{
		`("ME","SM"),("ME"),("SM")`: "[[ME SM] [ME] [SM]]", `"ME","MT","SM"`: "[[ME] [MT] [SM]]", `(),(),()`: "[[] [] []]",
		`(("ME","SM"),("ME"),("SM"))`: "[[ME SM] [ME] [SM]]", `(ME", "SR"), ("ME", "SR"), ("ME")`: "[[ME SR] [ME SR] [ME]]",
		`    (  "ME"  ,  "MT"  )   ,  "ME" ,   (  "SM"  )`: "[[ME MT] [ME] [SM]]", `(SM,ME),(SM),(SM)`: "[[SM ME] [SM] [SM]]",
		"": "[[] [] []]", `("SM;+CFUN=0","XX"),("SM")`: "[[] [SM] []]",
	} {
		if got := fmt.Sprint(memoryGroups(v)); got != want {
			t.Errorf("memoryGroups(%q) = %s, want %s", v, got, want)
		}
	}
}

func TestRoutings(t *testing.T) {
	for offered, want := range map[string]string{
		"(0-2),(0-3),(0,2),(0-2),(0,1)":    "2,1,0,1,0",
		"(0-3),(0,1),(0,2,3),(0,2),(1)":    "2,1,0,2,1",
		"(2),(0-1,3),(0,2),(0-1),(0)":      "2,1,0,1,0",
		"(1),(0-3),(0),(0,1),(0)":          "1,1,0,1,0",
		"(0-2),(0,2),(0),(0),(0)":          "2,2,0,0,0",
		"":                                 "2,1,0,1,0",
		"(0-99999999999),(0-1),(),(x),(-)": "2,1,0,1,0",
	} {
		if got := routings(fields(offered), false); got[0] != want {
			t.Errorf("routings(%q) = %q, want %q first", offered, got, want)
		}
	}
}

func TestStoredOf(t *testing.T) {
	for text, want := range map[string]string{
		`+CMTI: "SM",3`: "SM 3 []", `+CMTI: 0,111`: " 111 []", `+CMTI:`: " -1 []", `+CMTI: "ME",0`: "ME 0 []", `+CDSI: "SR",8`: "SR 8 []",
		`+CMTI: "SM",99999999999999999999`: "SM -1 [cmti.index]", `+CMTI: "SM";+CFUN=0;",3`: " -1 [cmti.storage]",
		`+CMTI: "SM",-1`: "SM -1 [cmti.index]", `+CMTI: "SM"`: "SM -1 []", `+CMTI: "XX",1`: " 1 [cmti.storage]", `+CMTI: "SM",65536`: "SM -1 [cmti.index]",
	} {
		memory, index, bad := storedOf(text)
		if got := fmt.Sprint(memory, " ", index, " ", bad); got != want {
			t.Errorf("storedOf(%q) = %s, want %s", text, got, want)
		}
	}
}

func TestSolicitedRegistration(t *testing.T) {
	for v, want := range map[string]bool{
		"3": false, "0,1": true, "2,1": true, `2,1,"1A2B","01C3"`: true, `1,"1A2B","01C3"`: false, `1,"8BE3","00002B5D",3`: false,
		"1,8BE3,2BAF": false, "2,1,0001,0010": true, "10,0001,0010,0": false, `002,0011,"0f0d","14c3"`: true, "2,0,00,0": true,
		"11, 78FE, 20 ,14419E ,7": false, "2,10, 2CA8, 20 ,B5583D ,7": true, `2,1,"5E25`: true, `2,1,"","605F"`: true, "": false,
	} {
		if got := solicitedRegistration(v); got != want {
			t.Errorf("solicitedRegistration(%q) = %v", v, got)
		}
	}
}

func TestRegister(t *testing.T) {
	for _, tt := range []struct {
		cs, lte int
		ims     bool
		want    State
		reason  Reason
	}{
		{1, -1, false, Ready, ""}, {5, 0, false, Ready, ""}, {6, -1, false, Ready, ""}, {7, -1, false, Ready, ""}, {0, 0, false, Searching, ReasonNotRegistered},
		{2, -1, false, Searching, ReasonNotRegistered}, {3, -1, false, Searching, ReasonDenied}, {4, -1, false, Searching, ReasonNotRegistered},
		{11, -1, false, Searching, ReasonNotRegistered}, {8, -1, false, Searching, ReasonNotRegistered}, {-1, 1, false, Ready, ""}, {0, 1, false, Searching, ReasonDataOnly},
		{2, 5, true, Ready, ""}, {-1, -1, false, Ready, ""}, {99, -1, false, Searching, ReasonNotRegistered},
	} {
		c := Default()
		c.Device, c.SMSOverIMS = "/dev/x", tt.ims
		m, err := New(c, Options{})
		if err != nil {
			t.Fatal(err)
		}
		m.register(tt.cs, tt.lte)
		if s := m.Status(); s.State != tt.want || s.Reason != tt.reason || s.Registered != (tt.want == Ready) {
			t.Errorf("register(%d, %d), IMS %v: %+v", tt.cs, tt.lte, tt.ims, s)
		}
	}
}

func TestIdentity(t *testing.T) {
	for text, want := range map[string]string{
		"huawei": "huawei", `+CGMI: "ACME Inc."`: "ACME Inc.", "Manufacturer: Q": "Q", "+CGMM:M1": "M1", "R1: 2.0": "R1: 2.0", strings.Repeat("x", 200): strings.Repeat("x", 64),
	} {
		if got := identity(text); got != want {
			t.Errorf("identity(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestVendors(t *testing.T) {
	for _, tt := range [][3]string{{"huawei", "E3372", "huawei"}, {"SIMCOM_Ltd", "SIM800", "simcom"}, {"Quectel", "EC25", "quectel"},
		{"Telit", "GL865", "telit"}, {"u-blox", "SARA", "u-blox"}, {"Cinterion", "MC55i", "cinterion"}, {"ZTE INCORPORATED", "K3565-Z", "zte"},
		{"WAVECOM MODEM", "", "wavecom"}, {"Sierra Wireless", "MC8775", "sierra"}, {"ACME", "X", "generic"}, {"", "", "generic"}} {
		if got := vendorOf(tt[0], tt[1]); got.name != tt[2] {
			t.Errorf("vendorOf(%q, %q) = %s, want %s", tt[0], tt[1], got.name, tt[2])
		}
	}
}

func TestSignal(t *testing.T) {
	for v, want := range map[string]int{"0": -113, "20": -73, "31": -51, "99": 0, "32": 0, "": 0, "x": 0, "-1": 0} {
		if got := signalDBm(v); got != want {
			t.Errorf("signalDBm(%q) = %d, want %d", v, got, want)
		}
	}
}

func TestNoticeQueue(t *testing.T) {
	q := newQueue(noticeLimit, sameHint)
	hint := Notice{Kind: NoticeStored, Index: -1}
	for range 3 {
		q.put(hint)
		q.put(Notice{Kind: NoticeStored, Memory: "SM", Index: 1})
	}
	for i := range noticeLimit + 5 {
		if ok := q.put(Notice{Kind: NoticeReport, Length: i}); ok != (i < noticeLimit-1) {
			t.Fatalf("report %d taken: %v", i, ok)
		}
	}
	if len(q.waiting) != noticeLimit || q.waiting[0] != hint || q.waiting[1].Length != 0 {
		t.Errorf("%d wait, first %+v", len(q.waiting), q.waiting[:2])
	}
}

func TestLogLimiter(t *testing.T) {
	bubble(t, func(_ *Config, o *Options, _ *peer) {}, func(t *testing.T, r *rig) {
		var out logBuffer
		l := newLogLimiter(newTestLogger(&out))
		for range 130 {
			l.warn("a", "flood")
			time.Sleep(time.Second)
		}
		l.warn("b", "other")
		if n := strings.Count(out.String(), "flood"); n != 3 || !strings.Contains(out.String(), "left_out=59") || !strings.Contains(out.String(), "other") {
			t.Errorf("log:\n%s", out.String())
		}
	})
}
