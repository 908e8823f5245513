package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"trunkline/api"
	"trunkline/callplan"
)

// switchConfig lets this machine ask by every interface, and returns their addresses.
func switchConfig(t *testing.T) (text, sip, agi, web string) {
	sip, agi, web = freeAddress(t), freeAddress(t), freeAddress(t)
	return fmt.Sprintf(`[sip]
listen = [%q]
[agi]
listen = [%q]
[decide]
listen = %q
[switch.here]
networks = ["127.0.0.0/8"]
provider = "acme"
next_hop = "hop.example.net"
[carrier.one]
address = "one.example.net:5070"
`, sip, agi, web), sip, agi, web
}

// publish makes acme's calls to 1… leave by carrier one, and ends all others.
func publish(t *testing.T, book *callplan.Book) {
	t.Helper()
	plan, found := callplan.Parse([]byte(`{"name":"main","service_provider":"acme","priority":1,"rules":[
		{"criteria":{"called":["1*"]},"destination":{"trunk":[["one"]]}},{"criteria":{"always":true},"destination":{"terminate":true}}]}`), callplan.ParseOptions{})
	if err := found.Err(); err != nil {
		t.Fatal(err)
	}
	set, err := callplan.Compile("acme", []*callplan.Plan{plan}, &callplan.Env{})
	if err != nil {
		t.Fatal(err)
	}
	book.Publish(set)
}

// askSIP sends one request over UDP, again only while nobody is there, and returns the answer.
func askSIP(t *testing.T, address, method, called string) string {
	t.Helper()
	c, err := net.Dial("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	buf := make([]byte, 4096)
	for began := time.Now(); time.Since(began) < 30*time.Second; time.Sleep(50 * time.Millisecond) {
		fmt.Fprintf(c, "%s sip:%s@example.net SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK1;rport\r\nFrom: <sip:+12125550100@example.net>;tag=1\r\nTo: <sip:%[2]s@example.net>\r\nCall-ID: c1\r\nCSeq: 1 %[1]s\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
			method, called, c.LocalAddr())
		c.SetReadDeadline(time.Now().Add(30 * time.Second))
		n, err := c.Read(buf)
		if err == nil {
			return string(buf[:n])
		}
		if !errors.Is(err, syscall.ECONNREFUSED) {
			t.Fatal(err)
		}
	}
	t.Fatalf("%s does not answer", address)
	return ""
}

// TestSwitches: one published plan answers by SIP, HTTP on the socket and over TCP, FastAGI and mod_xml_curl, and a change of it is seen by all at once.
func TestSwitches(t *testing.T) {
	more, sip, agi, web := switchConfig(t)
	r := newReloadingWith(t, more)
	type answers struct{ sip, socket, http, agi, freeswitch string }
	ask := func() (a answers) {
		line, rest, _ := strings.Cut(askSIP(t, sip, "INVITE", "12055550123"), "\r\n")
		a.sip = line
		if _, contact, ok := strings.Cut(rest, "Contact: "); ok {
			a.sip, _, _ = strings.Cut(contact, "\r\n")
		}
		out, err := r.client.Decide(t.Context(), []api.DecideRequest{{Provider: "acme", Called: "12055550123"}})
		if err != nil {
			t.Fatal(err)
		}
		a.socket = out[0].Action
		post := func(path, media, body string) string {
			res, err := http.Post("http://"+web+path, media, strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			b, err := io.ReadAll(res.Body)
			if err != nil || res.StatusCode != 200 {
				t.Fatalf("%s: %d, %v, %s", path, res.StatusCode, err, b)
			}
			return string(b)
		}
		a.http = post("/v1/decide?format=rtjson", "application/json", `{"called":"12055550123"}`)
		form := url.Values{"section": {"dialplan"}, "Caller-Destination-Number": {"12055550123"}, "Caller-Context": {"public"}}
		a.freeswitch = post("/freeswitch/dialplan", "application/x-www-form-urlencoded", form.Encode())
		c, err := net.Dial("tcp", agi)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(10 * time.Second))
		fmt.Fprint(c, "agi_callerid: 2125550100\nagi_extension: 12055550123\n\n")
		lines := bufio.NewReader(c)
		a.agi, err = lines.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	want := answers{"<sip:12055550123@hop.example.net>;q=1.0", "no_match", `{"version":"1.0","routing":"serial","action":"no_match","routes":[]}`, "SET VARIABLE TRUNKLINE_ACTION \"no_match\"\n", ""}
	got := ask()
	if got.freeswitch, want.freeswitch = "", ""; got != want {
		t.Errorf("without a plan %+v, want %+v", got, want)
	}
	publish(t, r.gateway.board.plans)
	want = answers{"<sip:12055550123@one.example.net:5070>;q=1.0", "route", `{"version":"1.0","routing":"serial","action":"route","routes":[{"uri":"sip:12055550123@one.example.net:5070"}]}`,
		"SET VARIABLE TRUNKLINE_ACTION \"route\"\n", ""}
	got = ask()
	if !strings.Contains(got.freeswitch, "sofia/external/sip:12055550123@one.example.net:5070") {
		t.Errorf("FreeSWITCH gets %s", got.freeswitch)
	}
	if got.freeswitch = ""; got != want {
		t.Errorf("with a plan %+v, want %+v", got, want)
	}
	for _, line := range []string{`trunkline_decide_decisions_total{action="route",interface="sip"} 1`, `trunkline_decide_decisions_total{action="no_match",interface="agi"} 1`,
		`trunkline_decide_decisions_total{action="route",interface="freeswitch"} 1`, `trunkline_decide_decisions_total{action="route",interface="rtjson"} 1`, `trunkline_sip_answers_total{status="302"} 2`} {
		if !strings.Contains(r.metrics(), "\n"+line+"\n") {
			t.Errorf("the metrics lack %s", line)
		}
	}
}

// TestKamailioAsksByHTTP: Kamailio takes the answer of /v1/decide as it is, without a script that takes it apart. Needs the Debian packages kamailio
// and kamailio-utils-modules.
func TestKamailioAsksByHTTP(t *testing.T) {
	program, err := exec.LookPath("kamailio")
	module, _ := filepath.Glob("/usr/lib/*/kamailio/modules/http_client.so")
	if err != nil || len(module) == 0 {
		if os.Getenv("CI") == "true" {
			t.Fatal("kamailio or its http_client of the package kamailio-utils-modules is missing")
		}
		t.Skip("kamailio or its http_client of the package kamailio-utils-modules is missing")
	}
	more, _, _, web := switchConfig(t)
	r := newReloadingWith(t, more)
	publish(t, r.gateway.board.plans)
	address := freeAddress(t)
	cfg := filepath.Join(t.TempDir(), "kamailio.cfg")
	if err := os.WriteFile(cfg, []byte(`#!KAMAILIO
fork=yes
children=1
log_stderror=yes
listen=udp:`+address+`
auto_aliases=no
disable_tcp=yes
loadmodule "sl.so"
loadmodule "tm.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "http_client.so"
loadmodule "rr.so"
loadmodule "uac.so"
loadmodule "rtjson.so"
request_route {
	$var(ask) = "{\"calling\":\"" + $fU + "\",\"called\":\"" + $rU + "\",\"call_id\":\"" + $ci + "\"}";
	http_client_query("http://`+web+`/v1/decide?format=rtjson", "$var(ask)", "Content-Type: application/json", "$var(doc)");
	rtjson_init_routes("$var(doc)");
	if (!rtjson_push_routes()) { sl_send_reply("404", "No Route"); exit; }
	sl_send_reply("200", "to $ru");
}
`), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-DD", "-E", "-f", cfg, "-m", "32", "-M", "8", "-Y", t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	out := &tail{}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		cmd.Wait()
		if t.Failed() {
			t.Logf("kamailio:\n%s", out)
		}
	}()
	for called, want := range map[string]string{"12055550123": "SIP/2.0 200 to sip:12055550123@one.example.net:5070", "2": "SIP/2.0 404 No Route"} {
		if line, _, _ := strings.Cut(askSIP(t, address, "OPTIONS", called), "\r\n"); line != want {
			t.Errorf("%s is answered %q, want %q", called, line, want)
		}
	}
}
