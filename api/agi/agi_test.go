package agi

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"trunkline/api/switches"
	"trunkline/callplan"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve runs a server whose plans route 1…, hand 3… back and end calls of withheld numbers.
func serve(t *testing.T, change func(*Options)) *Server {
	t.Helper()
	plan, found := callplan.Parse([]byte(`{"name":"main","service_provider":"acme","priority":1,"rules":[
		{"criteria":{"match":["anonymous"]},"destination":{"terminate":true}},
		{"criteria":{"zip":[["352xx"]]},"destination":{"sip":"zip@pbx.example.net"}},
		{"criteria":{"called":["1*"]},"destination":{"trunk":[["one"],["two"]],"sip":"a,b@pbx.example.net"}},
		{"criteria":{"called":["3*"]},"destination":{"continue":true}}]}`), callplan.ParseOptions{})
	if err := found.Err(); err != nil {
		t.Fatal(err)
	}
	book, err := callplan.CompileAll([]*callplan.Plan{plan}, &callplan.Env{})
	if err != nil {
		t.Fatal(err)
	}
	pbx := switches.Default()
	pbx.Networks, pbx.Provider = []string{"127.0.0.1"}, "acme"
	table, err := switches.NewTable(map[string]switches.Config{"pbx": pbx}, map[string]switches.Carrier{"one": {Address: "one.example.net"}})
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Config: Default(), Plans: book, Table: table}
	o.Config.Listen = []string{"127.0.0.1:0", "[::1]:0"}
	if change != nil {
		change(&o)
	}
	s, err := Listen(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return s
}

// asterisk plays the part of Asterisk: it sends the lines and answers commands; it returns the variables that the channel got.
func asterisk(t *testing.T, a net.Addr, answer string, lines ...string) (map[string]string, error) {
	t.Helper()
	c, err := net.Dial("tcp", a.String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	fmt.Fprintf(c, "agi_network: yes\nagi_network_script: decide\nagi_request: agi://x/decide\n%s\n\n", strings.Join(lines, "\n"))
	got := map[string]string{}
	r := bufio.NewReader(c)
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			// A server that closes before it has read everything resets the connection.
			if errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) {
				err = nil
			}
			return got, err
		}
		name, value, ok := strings.Cut(strings.TrimPrefix(strings.TrimSuffix(line, "\n"), "SET VARIABLE TRUNKLINE_"), " ")
		if !ok || !strings.HasPrefix(line, "SET VARIABLE TRUNKLINE_") || len(value) < 2 || value[0] != '"' {
			t.Errorf("command %q", line)
		}
		got[name] = value[1 : len(value)-1]
		fmt.Fprint(c, answer)
	}
}

func TestVariables(t *testing.T) {
	s := serve(t, nil)
	usual := []string{"agi_callerid: 2125550100", "agi_callingpres: 0", "agi_dnid: 12055550123", "agi_extension: s", "agi_uniqueid: 17.1"}
	with := func(more ...string) []string { return append(usual[:len(usual):len(usual)], more...) }
	routed := map[string]string{"ACTION": "route", "PLAN": "main", "PATH": "2", "COUNT": "2", "URI_1": "sip:12055550123@one.example.net", "TRUNK_1": "one", "NUMBER_1": "12055550123",
		"TRUNK_2": "two", "NUMBER_2": "12055550123"}
	ended := map[string]string{"ACTION": "terminate", "PLAN": "main", "PATH": "0", "COUNT": "0"}
	for _, tc := range []struct {
		name  string
		lines []string
		want  map[string]string
	}{
		{"a call", usual, routed},
		{"the extension, when there is no DNID", []string{"agi_callerid: 2125550100", "agi_dnid: unknown", "agi_extension: 3"}, map[string]string{"ACTION": "continue", "PLAN": "main", "PATH": "3", "COUNT": "0"}},
		{"an unknown caller", with("agi_callerid: unknown"), ended},
		{"a caller who withholds his number", with("agi_callingpres: 35"), ended},
		{"an anonymous caller by SIP", with("agi_callerid: Anonymous"), ended},
		{"facts as arguments", with("agi_arg_1: called=9", "agi_arg_2: zip=35203", "agi_arg_3: provider=acme"), map[string]string{"ACTION": "route", "PLAN": "main", "PATH": "1", "COUNT": "1", "URI_1": "sip:zip@pbx.example.net"}},
		{"nothing matches", with("agi_arg_1: called=9"), map[string]string{"ACTION": "no_match", "PLAN": "", "PATH": "", "COUNT": "0"}},
		{"a number that would be more than a number", with("agi_arg_1: called=1&SIP/9,60"), map[string]string{"ACTION": "route", "PLAN": "main", "PATH": "2", "COUNT": "0"}},
		{"a wrong argument", with("agi_arg_1: caled=1"), map[string]string{"ACTION": "error", "COUNT": "0",
			"ERROR": "argument 1 is not of the form NAME=VALUE with one of provider, kind, calling, called, opc, calling_lata, called_lata, zip, call_id"}},
		{"a wrong kind", with("agi_arg_1: kind=\"fax"), map[string]string{"ACTION": "error", "COUNT": "0", "ERROR": `kind \"\\\"fax\": use \"voice\" or \"sms\"`}},
		{"another provider", with("agi_arg_1: provider=default"), map[string]string{"ACTION": "error", "COUNT": "0", "ERROR": "provider names no service provider"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := asterisk(t, s.Addresses()[0], "200 result=1\n", tc.lines...)
			if err != nil || !reflect.DeepEqual(got, tc.want) {
				t.Errorf("%v: %v, want %v", err, got, tc.want)
			}
		})
	}
}

// A channel that is gone ends the request; a hangup between the answers does not.
func TestChannelGone(t *testing.T) {
	s := serve(t, nil)
	if got, _ := asterisk(t, s.Addresses()[0], "511 Command Not Permitted on a dead channel or intercept routine\n", "agi_extension: 1", "agi_callerid: 1"); len(got) != 1 {
		t.Errorf("went on: %v", got)
	}
	if got, err := asterisk(t, s.Addresses()[0], "HANGUP\n200 result=1\n", "agi_extension: 1", "agi_callerid: 1"); err != nil || got["COUNT"] != "2" {
		t.Errorf("%v: %v", err, got)
	}
}

// Strangers, requests without an end and those that are too long are closed; a daemon that cannot decide says so.
func TestBounds(t *testing.T) {
	s := serve(t, func(o *Options) { o.Ready = func() error { return errors.New("starting") } })
	if got, _ := asterisk(t, s.Addresses()[1], "200 result=1\n"); len(got) != 0 {
		t.Errorf("a stranger got %v", got)
	}
	if got, err := asterisk(t, s.Addresses()[0], "200 result=1\n"); err != nil || got["ACTION"] != "error" {
		t.Errorf("not ready: %v, %v", err, got)
	}
	s = serve(t, func(o *Options) { o.Config.Timeout = 300 * time.Millisecond })
	for _, text := range []string{"", "agi_x", strings.Repeat("x", 2*maxLine), strings.Repeat("agi_x: y\n", maxLines+1)} {
		c, err := net.Dial("tcp", s.Addresses()[0].String())
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(c, text)
		c.SetReadDeadline(time.Now().Add(10 * time.Second))
		if n, err := c.Read(make([]byte, 1)); n != 0 || err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%.20q: %d octets, %v", text, n, err)
		}
		c.Close()
	}
}

// Whoever comes when all places are taken is closed.
func TestConnections(t *testing.T) {
	s := serve(t, func(o *Options) { o.Config.Connections = 1 })
	first, err := net.Dial("tcp", s.Addresses()[0].String())
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	io.WriteString(first, "agi_extension: 1\nagi_callerid: 1\n\n")
	first.SetReadDeadline(time.Now().Add(time.Minute))
	if _, err := first.Read(make([]byte, 1)); err != nil { // it has the place and is answered
		t.Fatal(err)
	}
	if got, _ := asterisk(t, s.Addresses()[0], "200 result=1\n"); len(got) != 0 {
		t.Errorf("one too many got %v", got)
	}
}

// FuzzRequest: whatever Asterisk says, every command is one line and its value one argument.
func FuzzRequest(f *testing.F) {
	f.Add("agi_callerid: 1\nagi_dnid: 2\nagi_arg_1: zip=35203\n\n")
	f.Add("agi_arg_1: called=\"\\\n\n")
	f.Add("x\r\n\r\n")
	pbx := switches.Default()
	pbx.Networks = []string{"::/0"}
	table, err := switches.NewTable(map[string]switches.Config{"pbx": pbx}, nil)
	if err != nil {
		f.Fatal(err)
	}
	s := &Server{Options: Options{Config: Default(), Table: table, Plans: dialled{}}}
	f.Fuzz(func(t *testing.T, text string) {
		in, err := readRequest(bufio.NewReaderSize(strings.NewReader(text), maxLine))
		if err != nil {
			return
		}
		for _, v := range s.decide(in, table.ByName("pbx")) {
			q := quote(v.value)
			if strings.ContainsAny(q, "\r\n\x00") {
				t.Fatalf("%s is %q", v.name, q)
			}
			inner := strings.NewReplacer(`\\`, "", `\"`, "").Replace(q[1 : len(q)-1])
			if strings.Contains(inner, `"`) {
				t.Fatalf("%s is %q", v.name, q)
			}
		}
	})
}

// dialled routes every call to the number that was dialled, through a trunk.
type dialled struct{}

func (dialled) Decide(f *callplan.Facts, d *callplan.Decision) {
	d.Reset()
	d.Action, d.Plan, d.Path = callplan.Route, "p", "0"
	d.Candidates = append(d.Candidates, callplan.Candidate{Type: callplan.Trunk, Trunk: "t", Number: f.Called})
}
