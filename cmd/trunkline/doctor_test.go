package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"trunkline/api"
	"trunkline/modem/ports"
)

// ward is a machine for doctor on which all is well; tests break single things.
type ward struct {
	t      *testing.T
	dir    string
	host   host
	config string // text of the configuration file; empty: none
	socket string
}

func newWard(t *testing.T) *ward {
	t.Helper()
	dir := t.TempDir()
	w := &ward{t: t, dir: dir, socket: filepath.Join(shortDir(t), "s")}
	for _, d := range []string{"sys", "dev", "proc", "db"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	w.file("dev/modem", "", 0o600)
	w.file("rule", "", 0o644)
	w.config = fmt.Sprintf("[store]\npath = %q\n[api]\nsocket = %q\n[modem.desk]\ndevice = %q\n", w.path("db/trunkline.db"), w.socket, w.path("dev/modem"))
	w.host = host{roots: ports.Roots{Sys: w.path("sys"), Dev: w.path("dev")}, proc: w.path("proc"), rules: []string{w.path("rule")}, user: "nobody-of-this-name", now: time.Now,
		clock: func() (bool, error) { return true, nil },
		mount: func(string) (mountInfo, error) {
			return mountInfo{size: 100 << 30, free: 50 << 30, inodes: 1000, inodeFew: 900}, nil
		},
		run:    func(context.Context, string, ...string) (string, error) { return "", errors.New("not asked for") },
		listen: func(string, string) (io.Closer, error) { return io.NopCloser(nil), nil }}
	return w
}

func (w *ward) path(name string) string { return filepath.Join(w.dir, name) }

func (w *ward) file(name, text string, mode os.FileMode) {
	w.t.Helper()
	if err := os.MkdirAll(filepath.Dir(w.path(name)), 0o700); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(w.path(name), []byte(text), mode); err != nil {
		w.t.Fatal(err)
	}
	if err := os.Chmod(w.path(name), mode); err != nil {
		w.t.Fatal(err)
	}
}

// booted makes it a machine with systemd, whose programs answer so.
func (w *ward) booted(show, security string) {
	w.host.booted = true
	w.host.run = func(_ context.Context, program string, _ ...string) (string, error) {
		if program == "systemctl" {
			return show, nil
		}
		if security != "" {
			return security, errors.New("exit status 1")
		}
		return "", nil
	}
}

// examine returns what doctor finds.
func (w *ward) examine() diagnosis {
	w.t.Helper()
	file := w.path("trunkline.toml")
	if w.config != "" {
		w.file("trunkline.toml", w.config, 0o600)
	}
	d := &doctor{host: w.host, file: file, client: api.NewClient(w.socket)}
	defer d.client.Close()
	return d.examine(w.t.Context())
}

const goodUnit = "LoadState=loaded\nActiveState=active\nUnitFileState=enabled\nTimeoutStopUSec=3min 20s\nRestart=always\nWatchdogUSec=1min\n"

// TestDoctorFinds: each broken thing gives its finding, with a remedy.
func TestDoctorFinds(t *testing.T) {
	for name, c := range map[string]struct {
		broken func(*ward)
		want   string // "LEVEL CHECK TEXT": a finding of that level and check that holds the text in what it says or in its remedy
	}{
		"no configuration":     {func(w *ward) { w.config = "" }, "error config trunkline modem scan"},
		"faulty configuration": {func(w *ward) { w.config += "send_timout = \"1m\"\n" }, "error config did you mean send_timeout"},
		"no modem":             {func(w *ward) { w.config = "[store]\npath = \"/x/y\"\n" }, "warning config names no modem"},
		"no daemon":            {func(*ward) {}, "error daemon there is no such socket"},
		"no user":              {func(w *ward) { w.booted(goodUnit, "") }, "warning rights there is no such user"},
		"device missing":       {func(w *ward) { os.Remove(w.path("dev/modem")) }, "error ports plug it in"},
		"number as name": {func(w *ward) {
			w.file("dev/ttyUSB3", "", 0o600)
			w.config = strings.Replace(w.config, w.path("dev/modem"), w.path("dev/ttyUSB3"), 1)
		}, "warning ports /dev/serial/by-id"},
		"ModemManager": {func(w *ward) {
			w.file("proc/77/comm", "ModemManager\n", 0o600)
			os.Remove(w.path("rule"))
		}, "warning modemmanager 60-trunkline.rules"},
		"ModemManager kept off": {func(w *ward) { w.file("proc/77/comm", "ModemManager\n", 0o600) }, "ok modemmanager tells it to keep off"},
		"clock not kept":        {func(w *ward) { w.host.clock = func() (bool, error) { return false, nil } }, "warning clock chrony"},
		"disk full": {func(w *ward) {
			w.host.mount = func(string) (mountInfo, error) { return mountInfo{size: 100 << 20, free: 1 << 20}, nil }
		}, "error disk 1024 KiB are left"},
		"disk filling": {func(w *ward) {
			w.host.mount = func(string) (mountInfo, error) { return mountInfo{size: 4 << 30, free: 400 << 20}, nil }
		}, "warning disk make room soon"},
		"no inodes": {func(w *ward) {
			w.host.mount = func(string) (mountInfo, error) {
				return mountInfo{size: 100 << 30, free: 50 << 30, inodes: 1000, inodeFew: 3}, nil
			}
		}, "warning disk df -i"},
		"memory disk": {func(w *ward) {
			w.host.mount = func(string) (mountInfo, error) { return mountInfo{kind: "tmpfs", size: 100 << 30, free: 50 << 30}, nil }
		}, "warning disk switched off"},
		"read-only": {func(w *ward) {
			w.host.mount = func(string) (mountInfo, error) {
				return mountInfo{readOnly: true, size: 100 << 30, free: 50 << 30}, nil
			}
		}, "error disk fsck"},
		"no folder":     {func(w *ward) { os.Remove(w.path("db")) }, "error disk install -d -m 700"},
		"no database":   {func(*ward) {}, "note store there is no database yet"},
		"no database 2": {func(w *ward) { w.file("db/trunkline.db", strings.Repeat("x", 8192), 0o600) }, "error store restoring a backup"},
		"open database": {func(w *ward) { w.file("db/trunkline.db", strings.Repeat("x", 8192), 0o644) }, "warning store chmod 600"},
		"unit missing":  {func(w *ward) { w.booted("LoadState=not-found\n", "") }, "warning unit it is not installed (not-found)"},
		"unit disabled": {func(w *ward) { w.booted(strings.Replace(goodUnit, "enabled", "disabled", 1), "") }, "warning unit systemctl enable trunkline"},
		"unit impatient": {func(w *ward) { w.booted(strings.Replace(goodUnit, "3min 20s", "1min 30s", 1), "") },
			"warning unit TimeoutStopSec=200"},
		"unit gives up":         {func(w *ward) { w.booted(strings.Replace(goodUnit, "Restart=always", "Restart=no", 1), "") }, "warning unit WatchdogSec"},
		"unit without watchdog": {func(w *ward) { w.booted(strings.Replace(goodUnit, "1min\n", "0\n", 1), "") }, "warning unit WatchdogSec"},
		"unit not started": {func(w *ward) {
			w.booted(strings.NewReplacer("WatchdogUSec=1min", "WatchdogUSec=0", "=active", "=inactive").Replace(goodUnit), "")
		}, "ok unit starts with the machine"},
		"unit opened": {func(w *ward) {
			w.booted(goodUnit, "table\n→ Overall exposure level for trunkline.service: 9.2 UNSAFE")
		}, "warning unit 9.2 UNSAFE"},
		"unit good":    {func(w *ward) { w.booted(goodUnit, "") }, "ok unit starts with the machine"},
		"open metrics": {func(w *ward) { w.config = strings.Replace(w.config, "[api]", "[api]\nmetrics = \"0.0.0.0:9470\"", 1) }, "warning addresses api.metrics"},
		"port taken": {func(w *ward) {
			w.host.listen = func(string, string) (io.Closer, error) { return nil, errors.New("in use") }
		}, "error addresses ss -ltnp"},
		"socket for all": {func(w *ward) { w.config = strings.Replace(w.config, "[api]", "[api]\nsocket_mode = \"0666\"", 1) }, "warning addresses every user"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWard(t)
			c.broken(w)
			r := w.examine()
			parts := strings.SplitN(c.want, " ", 3)
			for _, f := range r.Findings {
				text := f.Subject + " " + f.What + " " + f.Remedy
				if f.Level == parts[0] && f.Check == parts[1] && strings.Contains(text, parts[2]) {
					if f.Remedy == "" && (f.Level == levelWarning || f.Level == levelError) {
						t.Errorf("%q has no remedy", f.What)
					}
					if (r.Errors == 0) != r.OK || f.Level == levelError && r.OK {
						t.Errorf("it counts %d errors and says ok: %t", r.Errors, r.OK)
					}
					return
				}
			}
			t.Errorf("not found: %s\namong %+v", c.want, r.Findings)
		})
	}
}

// TestDoctorOfModems: what the daemon tells of a modem becomes findings.
func TestDoctorOfModems(t *testing.T) {
	weak, one, two := -111, 1, 2
	ready := api.Modem{Name: "desk", State: "ready", SMSC: "+49171", Operator: "Net"}
	for name, c := range map[string]struct {
		change func(*api.Modem)
		want   string
	}{
		"ready":        {func(*api.Modem) {}, "ok modem"},
		"no card":      {func(m *api.Modem) { m.State, m.Reason = "failed", "no_sim" }, "error sim"},
		"locked":       {func(m *api.Modem) { m.State, m.Reason = "failed", "pin_required" }, "error pin"},
		"searching":    {func(m *api.Modem) { m.State, m.Registration = "searching", "denied" }, "error registration"},
		"missing":      {func(m *api.Modem) { m.State, m.Reason, m.Hint = "missing", "missing", "plug it in" }, "error modem"},
		"coming up":    {func(m *api.Modem) { m.State = "initialising" }, "note modem"},
		"quarantined":  {func(m *api.Modem) { m.State, m.Reason = "quarantined", "no_answer" }, "error modem"},
		"two tries":    {func(m *api.Modem) { m.PINTries = &two }, "warning pin"},
		"one try":      {func(m *api.Modem) { m.PINTries = &one }, "error pin"},
		"no centre":    {func(m *api.Modem) { m.SMSC = "" }, "warning smsc"},
		"weak":         {func(m *api.Modem) { m.SignalDBm = &weak }, "warning signal"},
		"full":         {func(m *api.Modem) { m.Storage = []api.Storage{{Memory: "SM", Used: 9, Total: 10}} }, "warning storage"},
		"restarts":     {func(m *api.Modem) { m.Restarts = 4 }, "warning modem"},
		"remarkable":   {func(m *api.Modem) { m.Note = "odd" }, "note modem"},
		"memory empty": {func(m *api.Modem) { m.Storage = []api.Storage{{Memory: "SM", Used: 0, Total: 0}} }, "ok modem"},
	} {
		m := ready
		c.change(&m)
		d := &doctor{modems: []api.Modem{m}}
		d.examineModems()
		var all []string
		for _, f := range d.found {
			all = append(all, f.Level+" "+f.Check)
		}
		if got := strings.Join(all, ", "); !strings.Contains(got, c.want) || c.want == "ok modem" && len(all) != 1 {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// TestDoctorOfARunningGateway: with a daemon and an emulated modem nothing is wrong; --json and the exit code say so. Then the modem goes.
func TestDoctorOfARunningGateway(t *testing.T) {
	r := newReloading(t, "alpha")
	r.modems("alpha")
	file := filepath.Join(r.dir, "t.toml")
	doctor := func() (int, diagnosis, string) {
		var out strings.Builder
		code := run(t.Context(), []string{"doctor", "--config", file, "--socket", filepath.Join(r.dir, "s"), "--json"}, strings.NewReader(""), &out, io.Discard, func(string) string { return "" })
		var d diagnosis
		if err := json.Unmarshal([]byte(out.String()), &d); err != nil {
			t.Fatalf("%v: %s", err, out.String())
		}
		return code, d, out.String()
	}
	code, d, text := doctor()
	if code != exitDone || !d.OK || d.Errors != 0 {
		t.Errorf("exit code %d: %s", code, text)
	}
	for _, want := range []string{`"check":"daemon","level":"ok"`, `"check":"modem","level":"ok","subject":"alpha"`, `in use by the daemon`} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is missing in %s", want, text)
		}
	}
	os.Remove(filepath.Join(r.dir, "alpha"))
	if code, d, text := doctor(); code != exitFailed || d.OK || !strings.Contains(text, "it is not there") {
		t.Errorf("without the device: exit code %d: %s", code, text)
	}
	var out strings.Builder
	run(t.Context(), []string{"doctor", "--config", file, "--socket", filepath.Join(r.dir, "s")}, strings.NewReader(""), &out, io.Discard, func(string) string { return "" })
	if !strings.Contains(out.String(), "→ plug it in") || !strings.Contains(out.String(), " errors, ") {
		t.Errorf("for people:\n%s", out.String())
	}
}

// TestThisHost: the real answers of this machine can be had.
func TestThisHost(t *testing.T) {
	h := thisHost()
	if _, err := h.clock(); err != nil {
		t.Error(err)
	}
	if m, err := h.mount(t.TempDir() + "/not/there/yet"); err != nil || m.size == 0 {
		t.Errorf("%+v, %v", m, err)
	}
	if text, err := h.run(t.Context(), "echo", "a"); err != nil || text != "a\n" {
		t.Errorf("%q, %v", text, err)
	}
	l, err := h.listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := h.listen("tcp", l.(net.Listener).Addr().String()); err == nil {
		t.Error("an address was free twice")
	}
	for s, want := range map[string]time.Duration{"3min 20s": 200 * time.Second, "1min 30s": 90 * time.Second, "2s": 2 * time.Second, "1h 1min": time.Hour + time.Minute} {
		if got, ok := systemdTime(s); !ok || got != want {
			t.Errorf("%s: %s, %t", s, got, ok)
		}
	}
	if processNamed("/proc", "no process has this name") != 0 {
		t.Error("a process was found that there is not")
	}
}
