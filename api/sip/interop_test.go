package sip

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"trunkline/callplan"
)

// program returns the path of a program of a Debian package; without it the test is skipped, unless it runs where all packages are installed.
func program(t testing.TB, name, pkg string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is missing: install the package %s", name, pkg)
		}
		t.Skipf("%s is not installed (package %s)", name, pkg)
	}
	return path
}

// given are the ports that freePort has given out.
var given sync.Map

// freePort returns a UDP port of loopback that nobody has, each only once. It lies below those that the kernel gives to whoever asks for any, and no other
// package looks there, so nobody gets it by chance before the program uses it.
func freePort(t testing.TB) int {
	t.Helper()
	for {
		port := 23000 + rand.IntN(3000)
		if _, taken := given.LoadOrStore(port, true); taken {
			continue
		}
		c, err := net.ListenPacket("udp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if errors.Is(err, syscall.EADDRINUSE) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
		return port
	}
}

// process is another program that runs beside the test, in a folder of its own.
type process struct {
	t      testing.TB
	name   string
	cmd    *exec.Cmd
	out    bytes.Buffer
	done   chan struct{}
	failed error
}

// start runs a program until it ends or the test does.
func start(t testing.TB, name string, args ...string) *process {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	p := &process{t: t, name: filepath.Base(name), cmd: exec.CommandContext(ctx, name, args...), done: make(chan struct{})}
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = t.TempDir(), &p.out, &p.out
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	p.cmd.Cancel = func() error { return syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) }
	p.cmd.WaitDelay = 5 * time.Second
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.failed = p.cmd.Wait(); close(p.done) }()
	t.Cleanup(func() { cancel(); <-p.done })
	return p
}

// wait waits for the end of a program, which must be without failure.
func (p *process) wait() {
	p.t.Helper()
	<-p.done
	if p.failed != nil {
		p.t.Errorf("%s: %v\n%s%s", p.name, p.failed, tail(p.out.String()), p.errors())
	}
}

// errors are what sipp wrote into its error file.
func (p *process) errors() string {
	files, _ := filepath.Glob(filepath.Join(p.cmd.Dir, "*_errors.log"))
	var out string
	for _, f := range files {
		b, _ := os.ReadFile(f)
		out += tail(string(b))
	}
	return out
}

func tail(s string) string { return s[max(0, len(s)-3000):] }

// udpInUse waits until somebody listens on a UDP port. It reads the kernel's table: a look that takes the port itself could take it from the
// program that is about to.
func udpInUse(t testing.TB, port int) {
	t.Helper()
	local := fmt.Sprintf(":%04X ", port)
	for range 600 {
		table, err := os.ReadFile("/proc/net/udp")
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(table), local) {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("nobody listens on port %d", port)
}

// template fills in the ports of a configuration and returns its path.
func template(t testing.TB, file string, values ...string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), file)
	if err := os.WriteFile(path, []byte(strings.NewReplacer(values...).Replace(string(b))), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func scenario(t testing.TB, file string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// loopbackURI is the address of a program of the test.
func loopbackURI(port int) callplan.Candidate {
	return sipURI(fmt.Sprintf("+12055550123@127.0.0.1:%d", port))
}

const interopCalls = 50

// sipp asks this server and calls the contact that it is given: 50 of 50 calls.
func TestSipp(t *testing.T) {
	sipp := program(t, "sipp", "sip-tester")
	port := freePort(t)
	server := serve(t, routed(loopbackURI(port)))
	// Nothing is sent twice (-nr): loopback loses nothing, and an answer that comes again finds its call elsewhere by then.
	uas := start(t, sipp, "-sf", scenario(t, "answers.xml"), "-i", "127.0.0.1", "-p", strconv.Itoa(port), "-m", strconv.Itoa(interopCalls), "-nr", "-nostdin", "-trace_err", "-timeout", "60s")
	udpInUse(t, port)
	uac := start(t, sipp, "-sf", scenario(t, "redirected.xml"), "-i", "127.0.0.1", "-p", strconv.Itoa(freePort(t)), "-m", strconv.Itoa(interopCalls), "-r", "25", "-nr", "-nostdin", "-trace_err",
		"-timeout", "60s", server.Addresses()[0].String())
	uac.wait()
	uas.wait()
}

// sipp calls through Kamailio, which asks this server; the first contact refuses with 503, the second answers: 50 of 50 calls.
func TestKamailio(t *testing.T) {
	sipp, kamailio := program(t, "sipp", "sip-tester"), program(t, "kamailio", "kamailio")
	first, second, proxy := freePort(t), freePort(t), freePort(t)
	server := serve(t, routed(loopbackURI(first), loopbackURI(second)))
	count := strconv.Itoa(interopCalls)
	refuses := start(t, sipp, "-sf", scenario(t, "busy.xml"), "-i", "127.0.0.1", "-p", strconv.Itoa(first), "-m", count, "-nostdin", "-trace_err", "-timeout", "60s")
	answers := start(t, sipp, "-sf", scenario(t, "answers.xml"), "-i", "127.0.0.1", "-p", strconv.Itoa(second), "-m", count, "-nostdin", "-trace_err", "-timeout", "60s")
	cfg := template(t, "kamailio.cfg", "@LISTEN@", strconv.Itoa(proxy), "@REDIRECT@", strconv.Itoa(int(server.Addresses()[0].Port())))
	k := start(t, kamailio, "-DD", "-E", "-f", cfg, "-m", "32", "-M", "8", "-Y", t.TempDir())
	for _, port := range []int{first, second, proxy} {
		udpInUse(t, port)
	}
	uac := start(t, sipp, "-sf", scenario(t, "caller.xml"), "-i", "127.0.0.1", "-p", strconv.Itoa(freePort(t)), "-m", count, "-r", "25", "-nostdin", "-trace_err", "-timeout", "60s", "127.0.0.1:"+strconv.Itoa(proxy))
	uac.wait()
	refuses.wait()
	answers.wait()
	if t.Failed() {
		t.Logf("kamailio: %s", tail(k.out.String()))
	}
}
