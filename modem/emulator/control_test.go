package emulator

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestControl(t *testing.T) {
	n := NewNetwork(NetworkOptions{})
	defer n.Close()
	m := New(n, Options{Name: "desk", Number: simNumber})
	h := plug(t, m)
	h.ask("ATE0;+CNMI=2,1,0,1,0")
	server := httptest.NewServer(n.Control())
	defer server.Close()

	do := func(method, path, body string, status int) string {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := server.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != status {
			t.Errorf("%s %s: %d %s, %v, want %d", method, path, resp.StatusCode, b, err, status)
		}
		return strings.TrimSpace(string(b))
	}

	if got := do("GET", "/ledger", "", 200); got != "[]" {
		t.Errorf("empty ledger is %s", got)
	}
	if got := do("GET", "/handset/"+phoneNumber+"/messages", "", 200); got != "[]" {
		t.Errorf("empty inbox is %s", got)
	}
	do("POST", "/handset/"+phoneNumber+"/messages", `{"to":"`+simNumber+`","text":"hello"}`, 204)
	h.until(`\+CMTI: "ME",0\r\n`)
	do("POST", "/handset/"+phoneNumber+"/messages", `{"text":"to nobody"}`, 400)
	do("POST", "/handset/"+phoneNumber+"/messages", `{"to":"1","text":""}`, 400)
	do("POST", "/handset/"+phoneNumber+"/messages", `{"to":"1","message":"x"}`, 400)
	do("POST", "/handset/"+phoneNumber+"/messages", `not JSON`, 400)

	length, hex := submitTPDU(t, phoneNumber, "hi", false)
	h.sendPDU(length, hex)
	var ledger []struct {
		Modem, From, To, Text, TPDU string
	}
	if err := json.Unmarshal([]byte(do("GET", "/ledger", "", 200)), &ledger); err != nil || len(ledger) != 1 || ledger[0].Text != "hi" || ledger[0].Modem != "desk" || ledger[0].TPDU != hex[2:] {
		t.Errorf("ledger %+v, %v, want TPDU %s", ledger, err, hex)
	}
	if _, err := n.Handset(phoneNumber).Wait(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if got := do("GET", "/handset/"+phoneNumber+"/messages", "", 200); !strings.Contains(got, `"text":"hi","parts":1`) {
		t.Errorf("inbox %s", got)
	}
	if got := do("GET", "/handset", "", 200); got != `["`+phoneNumber+`"]` {
		t.Errorf("handsets %s", got)
	}
	if got := do("GET", "/deliveries", "", 200); !strings.Contains(got, `"cause":0`) {
		t.Errorf("deliveries %s", got)
	}

	do("POST", "/modems/desk/faults", `{"kind":"error","on":"+CSQ","code":500}`, 204)
	h.want("AT+CSQ", "\r\n+CMS ERROR: 500\r\n")
	do("POST", "/modems/desk/faults", `[{"kind":"late","on":"+CSQ","delay":"1ms"},{"kind":"lost","times":-1}]`, 204)
	if got := do("GET", "/modems/desk/faults", "", 200); got != `[{"kind":"late","on":"+CSQ","step":"answer","delay":"1ms"},{"kind":"lost","step":"answer","times":-1}]` {
		t.Errorf("faults %s", got)
	}
	do("POST", "/modems/desk/faults", `{"kind":"clear"}`, 204)
	do("POST", "/modems/desk/faults", `{"kind":"nonsense"}`, 400)
	do("POST", "/modems/desk/faults", `7`, 400)
	do("POST", "/modems/desk/faults", ` [{"kind":"nonsense"}]`, 400)
	do("POST", "/modems/desk/faults", `{"kind":"lost","command":"+CMGS"}`, 400)
	do("POST", "/modems/desk/faults", `[{"kind":"lost","command":"+CMGS"}]`, 400)
	do("POST", "/rules", `{"number":"`+phoneNumber+`"}`, 400)
	if got := do("GET", "/modems/desk/faults", "", 200); got != "[]" {
		t.Errorf("faults that were refused wait: %s", got)
	}
	do("PUT", "/modems/desk/signal", "32", 400)
	do("PUT", "/modems/desk/signal", `"full"`, 400)
	do("PUT", "/modems/desk/signal", "99", 204)
	h.want("AT+CREG?", "\r\n+CREG: 0,2\r\n\r\nOK\r\n")
	do("PUT", "/modems/desk/signal", "7", 204)
	h.want("AT+CSQ", "\r\n+CSQ: 7,99\r\n\r\nOK\r\n")
	do("POST", "/modems/none/faults", `{"kind":"lost"}`, 404)
	if got := do("GET", "/modems", "", 200); !strings.Contains(got, `"name":"desk"`) || !strings.Contains(got, `"running":true`) || !strings.Contains(got, `"ME":1`) {
		t.Errorf("modems %s", got)
	}

	do("POST", "/rules", `{"to":"`+phoneNumber+`","times":1,"cms":38,"delay":"1ms"}`, 204)
	if got := h.sendPDU(length, hex); got != "\r\n+CMS ERROR: 38\r\n" {
		t.Errorf("got %q", got)
	}
	do("POST", "/rules", `{"cms":38,"reports":[{"status":70,"after":"1s"}]}`, 204)
	do("DELETE", "/rules", "", 204)
	if got := h.sendPDU(length, hex); !strings.Contains(got, "OK") {
		t.Errorf("got %q", got)
	}
	do("PUT", "/handset/"+phoneNumber+"/reachable", "false", 204)
	h.sendPDU(length, hex)
	if err := n.Wait(t.Context(), func() bool { d := n.Deliveries(); return d[len(d)-1].Cause == int(noAnswer) }); err != nil {
		t.Fatal(err)
	}
	do("PUT", "/handset/"+phoneNumber+"/reachable", "true", 204)
	if _, err := n.Handset(phoneNumber).Wait(t.Context(), 3); err != nil {
		t.Fatal(err)
	}
	do("POST", "/modems/desk/restart", "", 204)
	h.until(`SMS Ready\r\n`)
}

func TestRuleJSON(t *testing.T) {
	var r Rule
	err := json.Unmarshal([]byte(`{"to":"+49","times":2,"delay":"3s","silent":true,"reports":[{"status":48},{"status":0,"after":"1m"}]}`), &r)
	if err != nil || r.To != "+49" || r.Times != 2 || r.Delay != 3*time.Second || !r.Silent || len(r.Reports) != 2 || r.Reports[1].After != time.Minute {
		t.Errorf("got %+v, %v", r, err)
	}
	if err := json.Unmarshal([]byte(`{"delay":"long"}`), &r); err == nil {
		t.Error("a delay that is none is taken")
	}
	b, err := json.Marshal(Report{Status: 48, After: time.Second})
	if err != nil || string(b) != `{"status":48,"after":"1s"}` {
		t.Errorf("got %s, %v", b, err)
	}
}

// A network that keeps little keeps the newest.
func TestHistory(t *testing.T) {
	n := NewNetwork(NetworkOptions{History: 3})
	t.Cleanup(n.Close)
	phone := n.Handset(phoneNumber)
	for i := range 10 {
		if err := phone.Send(t.Context(), "+491511", itoa(i)); err != nil {
			t.Fatal(err)
		}
	}
	other := n.Handset("+491511")
	if err := n.Wait(t.Context(), func() bool {
		inbox := other.Inbox()
		return len(inbox) > 0 && inbox[len(inbox)-1].Text == "9"
	}); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, x := range other.Inbox() {
		got = append(got, x.Text)
	}
	if want := []string{"7", "8", "9"}; !slices.Equal(got, want) {
		t.Errorf("the phone shows %q, want %q", got, want)
	}
	if got := n.Deliveries(); len(got) != 3 {
		t.Errorf("%d deliveries, want 3", len(got))
	}
}
