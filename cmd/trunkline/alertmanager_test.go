package main

import (
	"bytes"
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
)

// TestAlertmanager: a real Alertmanager posts to the gateway, and the phone of whoever is on call shows what fires and what is over. Needs the Debian
// package prometheus-alertmanager.
func TestAlertmanager(t *testing.T) {
	program, err := exec.LookPath("prometheus-alertmanager")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("prometheus-alertmanager of the package prometheus-alertmanager is missing")
		}
		t.Skip("prometheus-alertmanager of the package prometheus-alertmanager is missing")
	}
	dir := t.TempDir()
	token := filepath.Join(dir, "token")
	if err := os.WriteFile(token, []byte("0123456789abcdef0123456789\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	listen := freeAddress(t)
	r := newReloadingWith(t, fmt.Sprintf("[alertmanager]\nlisten = %q\ntoken_file = %q\n[alertmanager.receiver.oncall]\nto = [%q]\n", listen, token, phoneNumber), "alpha")
	r.modems("alpha")
	phone := r.network.Handset(phoneNumber)

	config := fmt.Sprintf(`route: {receiver: oncall, group_by: [alertname], group_wait: 200ms, group_interval: 1s, repeat_interval: 2s}
receivers:
- name: oncall
  webhook_configs:
  - url: http://%s/alertmanager
    http_config: {authorization: {credentials_file: %q}}
`, listen, token)
	file := filepath.Join(dir, "alertmanager.yml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	address := freeAddress(t)
	cmd := exec.Command(program, "--config.file="+file, "--storage.path="+filepath.Join(dir, "data"), "--web.listen-address="+address, "--cluster.listen-address=")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out := &tail{}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
		if t.Failed() {
			t.Logf("alertmanager:\n%s", out)
		}
	}()
	tell := func(endsAt time.Time) {
		t.Helper()
		a := map[string]any{"labels": map[string]string{"alertname": "DoorOpen", "instance": "gate"}, "annotations": map[string]string{"summary": "the gate is open"}, "startsAt": time.Now().Add(-time.Minute)}
		if !endsAt.IsZero() {
			a["endsAt"] = endsAt
		}
		body, err := json.Marshal([]any{a})
		if err != nil {
			t.Fatal(err)
		}
		for end := time.Now().Add(30 * time.Second); ; time.Sleep(100 * time.Millisecond) {
			res, err := http.Post("http://"+address+"/api/v2/alerts", "application/json", bytes.NewReader(body))
			if err == nil {
				res.Body.Close()
				if res.StatusCode == http.StatusOK {
					return
				}
			}
			if time.Now().After(end) {
				t.Fatalf("Alertmanager takes no alert: %v", err)
			}
		}
	}
	tell(time.Time{})
	texts, err := phone.Wait(t.Context(), 1)
	if err != nil || texts[0].Text != "FIRING 1: DoorOpen gate the gate is open" {
		t.Fatalf("texts %+v, %v", texts, err)
	}
	// Alertmanager repeats every two seconds; that is no news.
	for end := time.Now().Add(30 * time.Second); !strings.Contains(r.metrics(), `trunkline_alertmanager_notifications_total{outcome="repeated"} 1`); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("Alertmanager did not repeat the notification")
		}
	}
	tell(time.Now())
	if texts, err = phone.Wait(t.Context(), 2); err != nil || texts[1].Text != "RESOLVED 1: DoorOpen gate the gate is open" {
		t.Errorf("texts %+v, %v", texts, err)
	}
	if n := len(phone.Inbox()); n != 2 {
		t.Errorf("%d texts, want 2", n)
	}
}
