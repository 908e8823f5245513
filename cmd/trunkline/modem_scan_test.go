package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"

	"trunkline/config"
	"trunkline/modem/emulator"
	"trunkline/modem/ports"
)

// usbTree makes trees in which device nodes are links to pseudo terminals.
type usbTree struct {
	t     *testing.T
	roots ports.Roots
}

func newUSBTree(t *testing.T) *usbTree {
	dir := t.TempDir()
	return &usbTree{t, ports.Roots{Sys: filepath.Join(dir, "sys"), Dev: filepath.Join(dir, "dev")}}
}

func (u *usbTree) link(to string, from ...string) {
	u.t.Helper()
	path := filepath.Join(from...)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		u.t.Fatal(err)
	}
	if err := os.Symlink(to, path); err != nil {
		u.t.Fatal(err)
	}
}

// device adds a USB device; ttys are its ports by number of their interfaces, with the node that each leads to.
func (u *usbTree) device(topology, vendor, product, class string, ttys map[string][2]string) {
	u.t.Helper()
	dir := filepath.Join(u.roots.Sys, "devices", "usb1", topology)
	files := map[string]string{"idVendor": vendor, "idProduct": product, "devnum": "5", "manufacturer": "ACME", "product": "Mobile"}
	files[topology+":1.0/bInterfaceClass"] = class
	for number, tty := range ttys {
		in := topology + ":1." + number
		files[in+"/bInterfaceNumber"] = "0" + number
		files[in+"/"+tty[0]+"/tty/"+tty[0]+"/dev"] = "188:0"
		u.link(filepath.Join(dir, in, tty[0]), dir, in, tty[0], "tty", tty[0], "device")
		u.link(filepath.Join(dir, in, tty[0], "tty", tty[0]), u.roots.Sys, "class", "tty", tty[0])
		if tty[1] != "" {
			u.link(tty[1], u.roots.Dev, tty[0])
			u.link("../../"+tty[0], u.roots.Dev, "serial", "by-id", "usb-ACME_"+topology+"-if0"+number+"-port0")
		}
	}
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			u.t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text+"\n"), 0o644); err != nil {
			u.t.Fatal(err)
		}
	}
	u.link(dir, u.roots.Sys, "bus", "usb", "devices", topology)
}

// emulated starts an emulated modem on a pseudo terminal and returns its path.
func emulated(t *testing.T, o emulator.Options) string {
	t.Helper()
	network := emulator.NewNetwork(emulator.NetworkOptions{})
	dev := emulator.New(network, o)
	ctx, cancel := context.WithCancel(context.Background())
	path, err := dev.PTY(ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		dev.Wait()
		network.Close()
	})
	return path
}

func TestModemScan(t *testing.T) {
	u := newUSBTree(t)
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	sleep := exec.Command("sleep", "60")
	sleep.Stdin = slave
	if err := sleep.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { sleep.Process.Kill(); sleep.Wait() }()
	taken := slave.Name()
	slave.Close()
	at := emulated(t, emulator.Options{Number: "+4915100000001", IMEI: "490154203237518"})
	u.device("1-1.4", "2c7c", "0125", "ff", map[string][2]string{"0": {"ttyUSB0", emulated(t, emulator.Options{})}, "2": {"ttyUSB2", at}})
	u.device("1-2", "0403", "6001", "ff", map[string][2]string{"0": {"ttyUSB4", taken}})
	u.device("1-3", "0403", "6001", "ff", map[string][2]string{"0": {"ttyUSB5", ""}})
	u.device("2-1", "12d1", "14dc", "02", nil)

	scan := func(args ...string) (scanJSON, string) {
		t.Helper()
		c := &cli{env: func(string) string { return filepath.Join(t.TempDir(), "no.sock") }}
		var out bytes.Buffer
		cmd := newModemScan(c, u.roots)
		c.json = slices.Contains(args, "--json")
		// Never nil: cobra would take the arguments of the test itself.
		cmd.SetArgs(append([]string{}, slices.DeleteFunc(args, func(s string) bool { return s == "--json" })...))
		cmd.SetOut(&out)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := cmd.ExecuteContext(ctx); err != nil {
			t.Fatal(err)
		}
		var v scanJSON
		if c.json {
			if err := json.Unmarshal(out.Bytes(), &v); err != nil {
				t.Fatal(err)
			}
		}
		return v, out.String()
	}
	v, _ := scan("--json", "--probe")
	var got []string
	for _, p := range v.Ports {
		line := filepath.Base(p.Path) + " " + p.USB.Place + " " + p.Role + " " + p.Reason
		if p.Probe != nil {
			line += " " + p.Probe.IMEI
		}
		got = append(got, line)
	}
	want := []string{"ttyUSB0 1-1.4:1.0 diag ", "ttyUSB2 1-1.4:1.2 at  490154203237518", "ttyUSB4 1-2:1.0  busy", "ttyUSB5 1-3:1.0  missing"}
	if !slices.Equal(got, want) {
		t.Errorf("ports\n%q, want\n%q", got, want)
	}
	if len(v.Hidden) != 1 || v.Hidden[0].Mode != "network" || v.Hidden[0].USB.Place != "2-1" {
		t.Errorf("hidden %+v", v.Hidden)
	}
	if busy := v.Ports[2]; !strings.Contains(busy.Detail, "sleep") || !strings.Contains(busy.Hint, "stop sleep") {
		t.Errorf("held port: %+v", busy)
	}
	_, text := scan()
	for _, want := range []string{"PORT", "1-1.4:1.2", "usb-ACME_1-1.4-if02-port0", "diag", "free", "busy", "HiLink", "stop sleep"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
	if strings.Contains(text, "490154203237518") {
		t.Error("a port was asked although nobody said so")
	}
}

func TestModemProbe(t *testing.T) {
	at := emulated(t, emulator.Options{Number: "+4915100000001", IMEI: "490154203237518", ICCID: "8949000000000000001"})
	r := call(t, "", "modem", "probe", "--json", at)
	var v probeJSON
	if err := json.Unmarshal([]byte(r.out), &v); err != nil || r.code != exitDone {
		t.Fatalf("%+v: %v", r, err)
	}
	if v.IMEI != "490154203237518" || v.Card != "READY" || v.ICCID != "8949000000000000001" || v.Registration != "home" || v.SignalDBm == nil || len(v.Storage) == 0 ||
		v.Routing == "" || !slices.Contains(v.Receive, "SM") {
		t.Errorf("%+v", v)
	}
	conf, err := config.Parse("probed.toml", []byte(v.Config))
	if err != nil || conf.Modem["desk"].Device != at {
		t.Errorf("section\n%s\n%v", v.Config, err)
	}
	if r := call(t, "", "modem", "probe", at); r.code != exitDone || !strings.Contains(r.out, "[modem.desk]") || !strings.Contains(r.out, "registration") {
		t.Errorf("%+v", r)
	}
	locked := emulated(t, emulator.Options{Number: "+4915100000002", PIN: "1234"})
	if r := call(t, "", "modem", "probe", locked); r.code != exitDone || !strings.Contains(r.out, "SIM PIN") || !strings.Contains(r.out, "pin_file") {
		t.Errorf("%+v", r)
	}
	for _, tt := range []struct {
		device string
		code   int
		want   string
	}{
		{"/dev/null", exitFailed, "not_a_tty"}, {"ttyUSB0", exitUsage, "absolute"}, {filepath.Join(t.TempDir(), "absent"), exitFailed, "missing"},
	} {
		if r := call(t, "", "modem", "probe", tt.device); r.code != tt.code || !strings.Contains(r.err, tt.want) || !strings.Contains(r.err, "hint: ") {
			t.Errorf("probe %s: %+v", tt.device, r)
		}
	}
}
