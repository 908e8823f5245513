package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"trunkline/api"
	"trunkline/modem/emulator"
)

// What must not be seen where it does not belong.
const (
	canaryPIN    = "73914826"
	canaryToken  = "canary-token-5f1c9d2a7b3e"
	canaryText   = "canary-text-9d41"
	canaryNumber = "+4917698765432"
	canarySender = "+4917612312312"
)

// hostileText is what a log, a terminal or a journal could be fooled with.
const hostileText = "\r\n<0>forged line\n{\"level\":\"ERROR\"}\x1b[2J\u202egnp.exe\u2028end"

// whole keeps everything that a process prints.
type whole struct{ tail }

func (w *whole) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.b = append(w.b, p...)
	return len(p), nil
}

// TestCanaries: a gateway works with secrets, numbers and texts, good and hostile, at its most talkative. Secrets are nowhere to be seen afterwards: not
// in the log, the metrics, answers of the API, a backup, the command line or the environment. Numbers are masked and texts left out in log and metrics.
// Every line of the log is one whole record.
func TestCanaries(t *testing.T) {
	t.Parallel()
	binary := buildProgram(t)
	for _, format := range []string{"json", "journal", "text"} {
		t.Run(format, func(t *testing.T) { canaries(t, binary, format) })
	}
}

func canaries(t *testing.T, binary, format string) {
	dir := shortDir(t)
	network := emulator.NewNetwork(emulator.NetworkOptions{})
	t.Cleanup(network.Close)
	air, off := context.WithCancel(context.Background())
	device := emulator.New(network, emulator.Options{Name: "desk", Number: gatewayNumber, PIN: canaryPIN})
	if _, err := device.PTY(air, filepath.Join(dir, "desk")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(device.Wait)
	t.Cleanup(off)
	metrics, alerts := freeAddress(t), freeAddress(t)
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	config := write("t.toml", fmt.Sprintf("[store]\npath = %q\n[api]\nsocket = %q\nmetrics = %q\n[log]\nlevel = \"debug\"\nformat = %q\n[modem.desk]\ndevice = %q\npin_file = %q\n"+
		"[alertmanager]\nlisten = %q\ntoken_file = %q\n[alertmanager.receiver.oncall]\nto = [%q]\n", filepath.Join(dir, "db"), filepath.Join(dir, "s"), metrics, format,
		filepath.Join(dir, "desk"), write("pin", canaryPIN+"\n"), alerts, write("token", canaryToken+"\n"), canaryNumber))
	cmd := exec.Command(binary, "serve", "--config", config)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	log := &whole{}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { cmd.Wait(); close(ended) }()
	defer func() { cmd.Process.Kill(); <-ended }()

	var answers bytes.Buffer
	get := func(url string, header ...string) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(header); i += 2 {
			req.Header.Set(header[i], header[i+1])
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Errorf("%s: %v\n%s", url, err, log)
			return
		}
		defer res.Body.Close()
		answers.ReadFrom(res.Body)
	}
	client := api.NewClient(filepath.Join(dir, "s"))
	defer client.Close()
	keep := func(v any, err error) {
		b, _ := json.Marshal(v)
		fmt.Fprintln(&answers, string(b), err)
	}
	for end := time.Now().Add(40 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		m, err := client.Modem(t.Context(), "desk")
		if err == nil && m.State == "ready" {
			keep(m, nil)
			break
		}
		if time.Now().After(end) {
			t.Fatalf("the modem is not ready: %+v, %v\n%s", m, err, log)
		}
	}
	sent, err := client.Submit(t.Context(), api.SubmitRequest{To: api.Recipients{canaryNumber}, Text: canaryText + hostileText, Tag: canaryText + "\x1b\u202e"}, "canary-key")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Wait(t.Context(), sent.Messages[0].ID, api.Message.Final); err != nil {
		t.Fatal(err)
	}
	keep(client.Submit(t.Context(), api.SubmitRequest{To: api.Recipients{hostileText}, Text: canaryText, Trunk: hostileText}, ""))
	if err := network.Handset(canarySender).Send(t.Context(), gatewayNumber, canaryText+hostileText); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		list, err := client.Messages(t.Context(), api.MessageQuery{Direction: "in"})
		if err == nil && len(list.Items) == 1 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("nothing came in: %v", err)
		}
	}
	keep(client.Unlock(t.Context(), "desk", api.UnlockRequest{PIN: "0000000"}))
	get("http://" + metrics + "/metrics")
	scraped := answers.String()
	get("http://"+alerts+"/alertmanager", "Authorization", "Bearer wrong")
	get("http://"+alerts+"/alertmanager", "Authorization", "Bearer "+canaryToken)
	backup := filepath.Join(dir, "backup")
	if out, err := exec.CommandContext(t.Context(), binary, "db", "backup", "--socket", filepath.Join(dir, "s"), backup).CombinedOutput(); err != nil {
		t.Errorf("backup: %v\n%s", err, out)
	}
	places := map[string]string{"answers": answers.String()}
	for name, file := range map[string]string{"backup": backup, "command line": fmt.Sprintf("/proc/%d/cmdline", cmd.Process.Pid), "environment": fmt.Sprintf("/proc/%d/environ", cmd.Process.Pid)} {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Error(err)
		}
		places[name] = string(b)
	}
	cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-ended:
	case <-time.After(30 * time.Second):
		t.Fatalf("it does not end\n%s", log)
	}
	places["log"], places["database"] = log.String(), readText(t, filepath.Join(dir, "db"))
	for place, text := range places {
		for _, secret := range []string{canaryPIN, canaryToken} {
			if strings.Contains(text, secret) {
				t.Errorf("the secret %s is in the %s", secret, place)
			}
		}
	}
	if !strings.Contains(places["database"], canaryText) || !strings.Contains(places["answers"], "unauthorized") && !strings.Contains(places["answers"], "token is missing or wrong") {
		t.Error("the test looks at the wrong things")
	}
	for _, number := range []string{canaryNumber, canarySender} {
		for _, form := range []string{number, number[1:], number[3:]} {
			if strings.Contains(places["log"], form) || strings.Contains(scraped, form) && strings.Contains(metricsOnly(scraped), form) {
				t.Errorf("the number %s is in the log or the metrics", form)
			}
		}
	}
	checkLines(t, format, places["log"])
}

// metricsOnly returns what of the answers is the exposition of metrics.
func metricsOnly(answers string) string {
	if i := strings.Index(answers, "# HELP"); i >= 0 {
		return answers[i:]
	}
	return ""
}

// checkLines looks at each line of a log: one record, nothing that fools a reader, and no text of a message unless it is at debug.
func checkLines(t *testing.T, format, log string) {
	t.Helper()
	n := 0
	for line := range strings.Lines(log) {
		n++
		line = strings.TrimSuffix(line, "\n")
		if strings.ContainsAny(line, "\r\x1b\x00\u202e\u2028") {
			t.Errorf("a line has a character that fools readers: %q", line)
		}
		debug := false
		switch format {
		case "json":
			var record struct{ Level, Msg string }
			if err := json.Unmarshal([]byte(line), &record); err != nil || record.Level == "" || record.Msg == "" {
				t.Errorf("not a record: %q, %v", line, err)
			}
			debug = record.Level == "DEBUG"
		case "journal":
			if len(line) < 8 || line[0] != '<' || line[1] < '3' || line[1] > '7' || line[2:7] != ">msg=" {
				t.Errorf("not a record: %q", line)
			}
			debug = strings.HasPrefix(line, "<7>")
		default:
			if !strings.HasPrefix(line, "time=") {
				t.Errorf("not a record: %q", line)
			}
			debug = strings.Contains(line, " level=DEBUG ")
		}
		if !debug && strings.Contains(line, canaryText) {
			t.Errorf("the text of a message above debug: %q", line)
		}
	}
	if n < 10 {
		t.Errorf("only %d lines: %q", n, log)
	}
}
