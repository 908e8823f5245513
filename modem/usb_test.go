//go:build usb

package modem_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"trunkline/modem/emulator"
)

// guest is a virtual machine with an empty USB controller and trunkline in it.
type guest struct {
	t     *testing.T
	dir   string
	began time.Time
	shell *bufio.Reader
	line  net.Conn
	qmp   *json.Decoder
	ask   net.Conn
}

// boot starts the machine; names are those of the character devices that emulated modems can be put behind.
func boot(t *testing.T, names ...string) *guest {
	t.Helper()
	kernel, initrd := os.Getenv("TRUNKLINE_USB_KERNEL"), os.Getenv("TRUNKLINE_USB_INITRD")
	if kernel == "" || initrd == "" {
		t.Fatal("run it by .ci/interop-usb/run, which makes the machine")
	}
	g := &guest{t: t, dir: t.TempDir(), began: time.Now()}
	args := []string{"-accel", "tcg", "-cpu", "max", "-m", "512", "-display", "none", "-nodefaults", "-no-reboot",
		"-kernel", kernel, "-initrd", initrd, "-append", "console=ttyS0 quiet rdinit=/init panic=-1",
		"-serial", "file:" + filepath.Join(g.dir, "console.log"),
		"-chardev", "socket,id=shell,server=on,wait=off,path=" + filepath.Join(g.dir, "shell"), "-serial", "chardev:shell",
		"-qmp", "unix:" + filepath.Join(g.dir, "qmp") + ",server=on,wait=off", "-device", "qemu-xhci,id=xhci"}
	for _, name := range names {
		args = append(args, "-chardev", "socket,id="+name+",server=on,wait=off,path="+filepath.Join(g.dir, name))
	}
	cmd := exec.Command("qemu-system-x86_64", args...)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			if b, err := os.ReadFile(filepath.Join(g.dir, "console.log")); err == nil {
				t.Logf("end of the console:\n%s", b[max(0, len(b)-4000):])
			}
		}
		cmd.Process.Kill()
		cmd.Wait()
		if t.Failed() {
			t.Logf("the machine ended: %v", cmd.ProcessState)
		}
		for _, c := range []net.Conn{g.line, g.ask} {
			if c != nil {
				c.Close()
			}
		}
	})
	g.ask = g.dial("qmp")
	g.qmp = json.NewDecoder(g.ask)
	g.line = g.dial("shell")
	g.shell = bufio.NewReader(g.line)
	g.do("qmp_capabilities", nil)
	g.line.SetReadDeadline(time.Now().Add(2 * time.Minute))
	for {
		s, err := g.shell.ReadString('\n')
		if err != nil {
			t.Fatalf("the guest did not start: %v", err)
		}
		if strings.Contains(s, "@@ready") {
			break
		}
	}
	g.logf("the guest is up")
	return g
}

func (g *guest) logf(format string, args ...any) {
	g.t.Helper()
	g.t.Logf("%6.1fs %s", time.Since(g.began).Seconds(), fmt.Sprintf(format, args...))
}

// dial connects to a socket of the machine, which may take a moment to be there.
func (g *guest) dial(name string) net.Conn {
	g.t.Helper()
	for range 100 {
		if c, err := net.Dial("unix", filepath.Join(g.dir, name)); err == nil {
			return c
		}
		time.Sleep(100 * time.Millisecond)
	}
	g.t.Fatalf("no socket %s", name)
	return nil
}

// do gives the machine a command and returns when it is done.
func (g *guest) do(command string, arguments map[string]any) {
	g.t.Helper()
	g.ask.SetDeadline(time.Now().Add(30 * time.Second))
	q := map[string]any{"execute": command}
	if arguments != nil {
		q["arguments"] = arguments
	}
	if err := json.NewEncoder(g.ask).Encode(q); err != nil {
		g.t.Fatal(err)
	}
	returned, deleted := false, command != "device_del"
	for !returned || !deleted {
		var m struct {
			Return json.RawMessage
			Error  *struct{ Desc string }
			Event  string
			Data   struct{ Device string }
		}
		if err := g.qmp.Decode(&m); err != nil {
			g.t.Fatal(err)
		}
		if m.Error != nil {
			g.t.Fatalf("%s: %s", command, m.Error.Desc)
		}
		returned = returned || m.Return != nil
		deleted = deleted || m.Event == "DEVICE_DELETED" && m.Data.Device == arguments["id"]
	}
}

// sh runs a command line in the guest.
func (g *guest) sh(line string) (out string, ok bool) {
	g.t.Helper()
	g.line.SetDeadline(time.Now().Add(time.Minute))
	if _, err := io.WriteString(g.line, line+"\n"); err != nil {
		g.t.Fatal(err)
	}
	var b strings.Builder
	for {
		s, err := g.shell.ReadString('\n')
		if err != nil {
			g.t.Fatalf("%s: %v after %q", line, err, b.String())
		}
		if code, end := strings.CutPrefix(strings.TrimSpace(s), "@@"); end {
			return b.String(), code == "0"
		}
		b.WriteString(s)
	}
}

// run is sh for commands that must succeed.
func (g *guest) run(line string) string {
	g.t.Helper()
	out, ok := g.sh(line)
	if !ok {
		g.t.Fatalf("%s: %s", line, out)
	}
	return out
}

// stick is an emulated modem behind a USB serial device.
type stick struct {
	g      *guest
	name   string
	dev    *emulator.Modem
	cancel context.CancelFunc
	done   sync.WaitGroup
}

// plug powers the modem on and puts it into a socket.
func (s *stick) plug(port string) {
	s.g.t.Helper()
	conn := s.g.dial(s.name)
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	s.done.Go(func() { s.dev.Serve(ctx, conn) })
	s.g.do("device_add", map[string]any{"driver": "usb-serial", "id": "dev-" + s.name, "bus": "xhci.0", "port": port, "chardev": s.name})
	s.g.logf("%s is plugged into port %s", s.name, port)
}

// pull takes the modem out, which ends its power. The machine detaches a USB device whose character device is closed; one that is deleted
// while it has data to hand over can take the machine with it (QEMU 7.2).
func (s *stick) pull() {
	s.g.t.Helper()
	s.off()
	s.g.do("device_del", map[string]any{"id": "dev-" + s.name})
	s.g.logf("%s is pulled out", s.name)
}

func (s *stick) off() {
	if s.cancel != nil {
		s.cancel()
		s.done.Wait()
		s.cancel = nil
	}
}

// modemJSON is what trunkline modem list --json prints of a modem.
type modemJSON struct {
	Name, State, Reason, Device, USB, IMEI string
}

func (g *guest) modem(name string) (m modemJSON) {
	g.t.Helper()
	var v struct{ Items []modemJSON }
	out := g.run("trunkline modem list --json")
	if err := json.Unmarshal([]byte(out), &v); err != nil {
		g.t.Fatalf("%v: %s", err, out)
	}
	for _, i := range v.Items {
		if i.Name == name {
			m = i
		}
	}
	return m
}

// await waits until the modem is as wanted.
func (g *guest) await(what, name string, want func(modemJSON) bool) modemJSON {
	g.t.Helper()
	began := time.Now()
	for {
		m := g.modem(name)
		if want(m) {
			g.logf("%s: %s at %s (%s) after %.1fs", what, m.State, m.USB, m.Device, time.Since(began).Seconds())
			return m
		}
		if time.Since(began) > 45*time.Second {
			g.t.Fatalf("%s: %+v", what, m)
		}
	}
}

func ready(m modemJSON) bool { return m.State == "ready" }
func away(m modemJSON) bool  { return m.State == "missing" || m.State == "failed" }

// messageJSON is what trunkline message list --json prints of a message.
type messageJSON struct{ ID, State, Text string }

func (g *guest) messages(direction string) []messageJSON {
	g.t.Helper()
	var v struct{ Items []messageJSON }
	out := g.run("trunkline message list --json --limit 500 --direction " + direction)
	if err := json.Unmarshal([]byte(out), &v); err != nil {
		g.t.Fatalf("%v: %s", err, out)
	}
	return v.Items
}

// TestUSB: modems on USB come back wherever and under whatever number they are plugged in again, and no message is lost or doubled.
func TestUSB(t *testing.T) {
	const (
		imeiB  = "356938035643809"
		phone  = "+4915299999999"
		simA   = "+4915100000001"
		simB   = "+4915100000002"
		config = `[store]\npath = "/var/lib/trunkline/t.db"\n[api]\nsocket = "/run/trunkline/api.sock"\nmetrics = ""\n` +
			`[modem.fixed]\nusb = "1-1.4"\n[modem.roaming]\nimei = "` + imeiB + `"\n`
	)
	g := boot(t, "a", "b", "other")
	network := emulator.NewNetwork(emulator.NetworkOptions{})
	defer network.Close()
	a := &stick{g: g, name: "a", dev: emulator.New(network, emulator.Options{Number: simA})}
	b := &stick{g: g, name: "b", dev: emulator.New(network, emulator.Options{Number: simB, IMEI: imeiB})}
	defer a.off()
	defer b.off()

	g.run(`printf '` + config + `' >/etc/t.toml`)
	g.run("trunkline serve --config /etc/t.toml >/dev/console 2>&1 & sleep 2")
	for range 20 {
		if _, ok := g.sh("trunkline modem list"); ok {
			break
		}
	}
	g.await("nothing is plugged in", "fixed", away)

	g.do("device_add", map[string]any{"driver": "usb-hub", "id": "hub", "bus": "xhci.0", "port": "1"})
	a.plug("1.4")
	if m := g.await("plugged in", "fixed", ready); m.USB != "1-1.4:1.0" || m.Device != "/dev/ttyUSB0" {
		t.Errorf("fixed: %+v", m)
	}
	b.plug("3")
	if m := g.await("found by its IMEI", "roaming", ready); m.USB != "1-3:1.0" || m.Device != "/dev/ttyUSB1" {
		t.Errorf("roaming: %+v", m)
	}
	t.Log(g.run("trunkline modem scan"))
	if out := g.run("echo nobody:x:65534:65534::/:/bin/sh >/etc/passwd; su nobody -c '/bin/trunkline modem scan'"); !strings.Contains(out, "permission") || !strings.Contains(out, "usermod -aG dialout") {
		t.Errorf("scan by a user without rights:\n%s", out)
	}

	sent, received := map[string]bool{}, map[string]bool{}
	send := func(trunk, text string) {
		g.run("trunkline send --trunk " + trunk + " " + phone + " '" + text + "'")
		sent[text] = true
	}
	receive := func(to, text string) {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		if err := network.Handset(phone).Send(ctx, to, text); err != nil {
			t.Fatal(err)
		}
		received[text] = true
	}
	send("fixed", "out 1")
	send("roaming", "out 2")
	receive(simA, "in 1")
	receive(simB, "in 2")

	// Away: what is sent waits here, what comes waits in the network. Back under another number, since that of before is taken.
	a.pull()
	g.await("pulled out", "fixed", away)
	for i := range 3 {
		send("fixed", fmt.Sprintf("out while away %d", i))
		receive(simA, fmt.Sprintf("in while away %d", i))
	}
	other := g.dial("other")
	defer other.Close()
	g.do("device_add", map[string]any{"driver": "usb-serial", "id": "dev-other", "bus": "xhci.0", "port": "2", "chardev": "other"})
	for range 50 {
		if _, ok := g.sh("test -e /dev/ttyUSB0"); ok {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	a.plug("1.4")
	if m := g.await("back under another number", "fixed", ready); m.USB != "1-1.4:1.0" || m.Device != "/dev/ttyUSB2" {
		t.Errorf("fixed: %+v", m)
	}

	// Moved to another socket while messages are on their way.
	for i := range 5 {
		send("roaming", fmt.Sprintf("out around the move %d", i))
	}
	b.pull()
	g.await("pulled out", "roaming", away)
	receive(simB, "in around the move")
	b.plug("1.2")
	if m := g.await("found in another socket", "roaming", ready); m.USB != "1-1.2:1.0" {
		t.Errorf("roaming: %+v", m)
	}

	// A bad contact.
	for range 5 {
		a.pull()
		a.plug("1.4")
	}
	g.await("after a bad contact", "fixed", ready)
	send("fixed", "out at the end")
	receive(simA, "in at the end")

	var out, in []messageJSON
	settled := false
	for range 40 {
		out, in = g.messages("out"), g.messages("in")
		open := 0
		for _, m := range out {
			if m.State == "waiting" || m.State == "sending" {
				open++
			}
		}
		if settled = open == 0 && len(in) >= len(received); settled {
			break
		}
		time.Sleep(500 * time.Millisecond)
	}
	if !settled {
		t.Error("not everything came to an end")
	}
	taken := map[string]int{}
	for _, s := range network.Ledger() {
		if s.CMS == 0 {
			taken[s.Text]++
		}
	}
	unknown := 0
	if len(out) != len(sent) {
		t.Errorf("%d messages out, %d were submitted", len(out), len(sent))
	}
	for _, m := range out {
		switch n := taken[m.Text]; {
		case m.State == "unknown" && n <= 1: // pulled out between the PDU and its answer: said, not guessed
			unknown++
		case (m.State == "sent" || m.State == "delivered") && n == 1:
		default:
			t.Errorf("%q is %s, the network took it %d times", m.Text, m.State, n)
		}
	}
	seen := map[string]int{}
	for _, m := range in {
		seen[m.Text]++
	}
	for text := range received {
		if seen[text] != 1 {
			t.Errorf("%q was received %d times", text, seen[text])
		}
	}
	g.logf("%d out, of which %d unknown; %d in", len(out), unknown, len(in))
	if b, err := os.ReadFile(filepath.Join(g.dir, "console.log")); err == nil {
		g.logf("%d lines on the console", strings.Count(string(b), "\n"))
	}
}
