package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"trunkline/modem/emulator"
)

// startEmulate runs emulate in this process until its first lines have come; stop ends it and returns its exit code.
func startEmulate(t *testing.T, until string, args ...string) (out *syncBuffer, stop func() int) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("emulated modems have terminals on Linux only")
	}
	out = &syncBuffer{}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan int, 1)
	go func() {
		done <- run(ctx, append([]string{"emulate"}, args...), strings.NewReader(""), out, out, func(string) string { return "" })
	}()
	stop = sync.OnceValue(func() int {
		cancel()
		select {
		case code := <-done:
			return code
		case <-time.After(30 * time.Second):
			t.Error("emulate does not end")
			return -1
		}
	})
	t.Cleanup(func() { stop() })
	out.until(t, until)
	return out, stop
}

// asNetwork sends a request to the network and returns the answer.
func asNetwork(t *testing.T, socket, method, path, body string) (status int, answer string) {
	t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}}
	request, err := http.NewRequestWithContext(t.Context(), method, "http://network"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	b, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(b)
}

// typist types on a device and reads what comes.
type typist struct {
	t    *testing.T
	file *os.File
	got  syncBuffer
}

func openDevice(t *testing.T, path string) *typist {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	d := &typist{t: t, file: f}
	var wg sync.WaitGroup
	wg.Go(func() { io.Copy(&d.got, f) })
	t.Cleanup(func() {
		f.Close()
		wg.Wait()
	})
	return d
}

// types waits until what comes after the command matches a pattern.
func (d *typist) types(command, pattern string) {
	d.t.Helper()
	before := len(d.got.String())
	if _, err := io.WriteString(d.file, command); err != nil {
		d.t.Fatal(err)
	}
	d.got.until(d.t, `(?s)^.{`+strconv.Itoa(before)+`}.*`+pattern)
}

func TestEmulate(t *testing.T) {
	dir := shortDir(t)
	out, stop := startEmulate(t, "Ctrl-C ends it", "--dir", dir, "--modem", "name=desk,number=+491700000001,profile=sim800", "--modem", "name=roof,profile=ec25,pin=1234", "--latency", "10ms")
	socket := filepath.Join(dir, "network.sock")

	desk, roof := openDevice(t, filepath.Join(dir, "desk")), openDevice(t, filepath.Join(dir, "roof"))
	desk.types("AT+CGMI\r", "SIMCOM_Ltd\r\n\r\nOK")
	roof.types("AT+CPIN?\r", `\+CPIN: SIM PIN\r\n`)
	desk.types("AT+CNMI=2,1\r", "OK\r\n$")

	var typed int // what it prints can be typed
	for _, m := range regexp.MustCompile(`curl --unix-socket (\S+) http://network(\S+)(?: -d '(.*)')?`).FindAllStringSubmatch(out.String(), -1) {
		method := http.MethodGet
		if m[3] != "" {
			method = http.MethodPost
		}
		if status, answer := asNetwork(t, m[1], method, m[2], m[3]); m[1] != socket || status/100 != 2 {
			t.Errorf("%s %s: %d %s", method, m[2], status, answer)
		}
		typed++
	}
	if typed != 4 {
		t.Errorf("%d lines to type, want 4:\n%s", typed, out.String())
	}
	desk.got.until(t, `\+CMTI: "SM",1\r\n`)

	// The printed fault lost the answer to a message that the network has.
	desk.types("AT+CMGF=1\r", "OK\r\n$")
	desk.types(`AT+CMGS="`+demoHandset+"\"\r", "> $")
	desk.types("out\x1a", "out")
	var inbox []emulator.Text
	for end := time.Now().Add(10 * time.Second); len(inbox) == 0 && time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		_, answer := asNetwork(t, socket, "GET", "/handset/"+demoHandset+"/messages", "")
		if err := json.Unmarshal([]byte(answer), &inbox); err != nil {
			t.Fatal(err)
		}
	}
	if len(inbox) != 1 || inbox[0].Text != "out" || inbox[0].From != "+491700000001" {
		t.Errorf("the phone shows %+v", inbox)
	}
	desk.types("AT+CSQ\r", `\+CSQ: 20,`)
	if strings.Contains(desk.got.String(), "+CMGS: ") {
		t.Errorf("the answer was not lost: %q", desk.got.String())
	}

	if code := stop(); code != exitDone {
		t.Errorf("it ended with %d", code)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

// Every kind of fault goes through the socket, and the modem lives after Clear.
func TestEmulateFaults(t *testing.T) {
	dir := shortDir(t)
	startEmulate(t, "Ctrl-C ends it", "--dir", dir, "--profile", "generic")
	socket := filepath.Join(dir, "network.sock")
	for _, kind := range emulator.Kinds() {
		b, err := json.Marshal([]emulator.Fault{{Kind: kind, Delay: 10 * time.Millisecond}})
		if err != nil {
			t.Fatal(err)
		}
		if status, answer := asNetwork(t, socket, "POST", "/modems/modem1/faults", string(b)); status != http.StatusNoContent {
			t.Errorf("%s: %d %s", b, status, answer)
		}
	}
	asNetwork(t, socket, "POST", "/modems/modem1/faults", `{"kind": "clear"}`)
	// Unplug takes it away for a moment: until then the link leads to the terminal that is about to go, and what is typed there is lost.
	var got []byte
	for end := time.Now().Add(10 * time.Second); !strings.HasSuffix(string(got), "OK\r\n"); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the modem does not come back; the last that it said is %.100q", got)
		}
		got = askOnce(filepath.Join(dir, "modem1"), "AT\r")
	}
}

// askOnce types a command on a device and returns what comes within a fifth of a second; nothing when there is no device.
func askOnce(path, command string) []byte {
	f, err := os.OpenFile(path, os.O_RDWR|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0) // for the poller, which knows deadlines
	if err != nil {
		return nil
	}
	defer f.Close()
	f.SetDeadline(time.Now().Add(200 * time.Millisecond))
	io.WriteString(f, command)
	got, _ := io.ReadAll(f)
	return got
}

// With --json it prints one value, and every make has its turn.
func TestEmulateJSON(t *testing.T) {
	dir := shortDir(t)
	socket := filepath.Join(dir, "s")
	out, _ := startEmulate(t, `\}\n$`, "--dir", dir, "--modems", "8", "--listen", socket, "--json")
	var got struct {
		Control string
		Modems  []emulatedModem
	}
	if err := json.Unmarshal([]byte(out.String()), &got); err != nil || got.Control != socket || len(got.Modems) != 8 {
		t.Fatalf("%v in %s", err, out.String())
	}
	profiles := emulator.Profiles()
	seen := map[string]bool{}
	for i, m := range got.Modems {
		if want := profiles[i%len(profiles)].Name; m.Profile != want || seen[m.Number] || len(m.IMEI) != 15 || len(m.ICCID) < 18 {
			t.Errorf("modem %d is %+v, want a %s", i, m, want)
		}
		seen[m.Number] = true
		if target, err := os.Readlink(m.Device); err != nil || target != m.Terminal {
			t.Errorf("%s leads to %s, %v, want %s", m.Device, target, err, m.Terminal)
		}
	}
	if status, _ := asNetwork(t, socket, "GET", "/modems/modem8/faults", ""); status != http.StatusOK {
		t.Errorf("faults of modem8: %d", status)
	}
}

// A second one in the same folder is refused and leaves the first alone; what a killed one left is replaced; a file is not.
func TestEmulateTwice(t *testing.T) {
	dir := shortDir(t)
	_, stop := startEmulate(t, "Ctrl-C ends it", "--dir", dir)
	if got := call(t, "", "emulate", "--dir", dir); got.code != exitFailed || !strings.Contains(got.err, "in use") || !strings.Contains(got.err, "hint: ") {
		t.Errorf("the second: %+v", got)
	}
	openDevice(t, filepath.Join(dir, "modem1")).types("AT\r", "OK\r\n")
	if code := stop(); code != exitDone {
		t.Errorf("the first ended with %d", code)
	}

	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, "network.sock"), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
	if err := os.Symlink("/dev/pts/none", filepath.Join(dir, "modem1")); err != nil {
		t.Fatal(err)
	}
	_, stop = startEmulate(t, "Ctrl-C ends it", "--dir", dir)
	openDevice(t, filepath.Join(dir, "modem1")).types("AT\r", "OK\r\n")
	stop()

	file := filepath.Join(dir, "modem1")
	if err := os.WriteFile(file, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := call(t, "", "emulate", "--dir", dir); got.code != exitFailed || !strings.Contains(got.err, "is there already") {
		t.Errorf("with a file in the way: %+v", got)
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != "mine" {
		t.Errorf("the file has %q, %v", text, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "network.sock")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the socket is left: %v", err)
	}
}

func TestEmulateUsage(t *testing.T) {
	dir := shortDir(t)
	for _, c := range []struct {
		args string
		want string
	}{
		{"--modems 0", "--modems 0 is not possible"},
		{"--modems 1001", "--modems 1001 is not possible"},
		{"--modems 2 --modem name=a", "exclude each other"},
		{"--modem number=+491", "name"},
		{"--modem name=a/b", `name "a/b"`},
		{"--modem name=network", "taken"},
		{"--modem name=a,number=12x", "number"},
		{"--modem name=a,profile=nokia", `profile "nokia" is none of generic, huawei-e173`},
		{"--profile nokia", `profile "nokia" is none of`},
		{"--modem name=a,pin=12", "pin must be 4 to 8 digits"},
		{"--modem name=a,imei=1", "imei must be 15 to 15 digits"},
		{"--modem name=a,iccid=x", "iccid must be"},
		{"--modem name=a,colour=red", `key "colour" is none of`},
		{"--modem name=a,number", `"number" has no value`},
		{"--modem name=a --modem name=a,number=+491511", "two modems have the name \"a\""},
		{"--modem name=a,number=+4917 --modem name=b,number=+4917", "or the number +4917"},
		{"--latency -1s", "negative"},
		{"--retry 0s", "--retry"},
		{"--listen /tmp/" + strings.Repeat("x", 120), "too long"},
		{"now", "usage: "},
	} {
		got := call(t, "", append([]string{"emulate", "--dir", dir}, strings.Fields(c.args)...)...)
		if got.code != exitUsage || !strings.Contains(got.err, c.want) || !strings.Contains(got.err, "hint: ") {
			t.Errorf("%s: %+v, want %q", c.args, got, c.want)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

// docs/emulator.md describes every make, every kind of fault and every step.
func TestEmulatorPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/emulator.md")
	if err != nil {
		t.Fatal(err)
	}
	words := []string{}
	for _, kind := range emulator.Kinds() {
		words = append(words, string(kind))
	}
	for _, step := range []emulator.Step{emulator.StepNow, emulator.StepCommand, emulator.StepPrompt, emulator.StepBody, emulator.StepAnswer, emulator.StepDeliver} {
		words = append(words, string(step))
	}
	for _, word := range append(words, profileNames()...) {
		if !strings.Contains(string(page), "| `"+word+"` |") {
			t.Errorf("there is no row for %q", word)
		}
	}
}
