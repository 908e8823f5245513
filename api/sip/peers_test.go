package sip

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// serverChild, when it is set in the environment, makes the test program a redirect server, so that what the server uses can be measured apart from
// what asks it. It ends with its standard input.
const serverChild = "TRUNKLINE_SIP_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(serverChild) == "" {
		goleak.VerifyTestMain(m)
		return
	}
	if err := beServer(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// cpuOf is what all threads of a process and of its children have run so far.
func cpuOf(b *testing.B, pid int) time.Duration {
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil || len(files) == 0 {
		b.Fatalf("process %d: %v", pid, err)
	}
	var sum time.Duration
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		b.Fatal(err)
	}
	for _, child := range strings.Fields(string(children)) {
		n, err := strconv.Atoi(child)
		if err != nil {
			b.Fatal(err)
		}
		sum += cpuOf(b, n)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			continue // the thread has ended; those of servers do not
		}
		first, _, _ := strings.Cut(string(text), " ")
		ns, err := strconv.ParseInt(first, 10, 64)
		if err != nil {
			b.Fatal(err)
		}
		sum += time.Duration(ns)
	}
	return sum
}

// ask sends n requests, up to 32 at a time, and reads as many answers.
func ask(b *testing.B, c net.Conn, text []byte, n int, answer string) {
	buf := make([]byte, 65536)
	for n > 0 {
		window := min(32, n)
		for range window {
			if _, err := c.Write(text); err != nil {
				b.Fatal(err)
			}
		}
		for range window {
			c.SetReadDeadline(time.Now().Add(10 * time.Second))
			m, err := c.Read(buf)
			if err != nil || !strings.HasPrefix(string(buf[:min(m, 64)]), answer) {
				b.Fatalf("%v: %.200q", err, buf[:m])
			}
		}
		n -= window
	}
}

// peer is a server that is measured.
type peer struct {
	name, answer string
	pid          int
	conn         net.Conn
	costs        []float64 // µs of CPU for a request, one for each round
}

// pipedServer starts a program that prints its port.
func pipedServer(b *testing.B, cmd *exec.Cmd) (pid, port int) {
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { in.Close(); cmd.Process.Kill(); cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err == nil {
		port, err = strconv.Atoi(strings.TrimSpace(line))
	}
	if err != nil {
		b.Fatal(err)
	}
	return cmd.Process.Pid, port
}

// BenchmarkPeers measures the CPU that one redirected call costs, engine included, beside a UDP echo in C and a stateless redirect by Kamailio, in turn. It
// fails above 2 times the echo and 0.8 times Kamailio. One request is one INVITE with a body and its answer with two contacts.
func BenchmarkPeers(b *testing.B) {
	kamailio, cc := program(b, "kamailio", "kamailio"), program(b, "gcc", "gcc")
	echo := filepath.Join(b.TempDir(), "echo")
	if out, err := exec.Command(cc, "-O2", "-o", echo, filepath.Join("testdata", "echo.c")).CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	own := exec.CommandContext(context.Background(), os.Args[0])
	own.Env = append(os.Environ(), serverChild+"=1")
	peers := []*peer{{name: "echo", answer: "INVITE"}, {name: "trunkline", answer: "SIP/2.0 302"}, {name: "kamailio", answer: "SIP/2.0 302"}}
	ports := make([]int, len(peers))
	peers[0].pid, ports[0] = pipedServer(b, exec.Command(echo))
	peers[1].pid, ports[1] = pipedServer(b, own)
	ports[2] = freePort(b)
	k := start(b, kamailio, "-DD", "-E", "-f", template(b, "stateless.cfg", "@LISTEN@", strconv.Itoa(ports[2])), "-m", "32", "-M", "8", "-Y", b.TempDir())
	udpInUse(b, ports[2])
	peers[2].pid = k.cmd.Process.Pid
	text := []byte(benchInvite)
	for i, p := range peers {
		c, err := net.Dial("udp4", "127.0.0.1:"+strconv.Itoa(ports[i]))
		if err != nil {
			b.Fatal(err)
		}
		defer c.Close()
		p.conn = c
		ask(b, c, text, 2000, p.answer)
	}
	const rounds = 7
	each := max(3000, b.N/rounds)
	b.ResetTimer()
	for range rounds {
		for _, p := range peers {
			before := cpuOf(b, p.pid)
			ask(b, p.conn, text, each, p.answer)
			p.costs = append(p.costs, float64((cpuOf(b, p.pid)-before).Nanoseconds())/1000/float64(each))
		}
	}
	b.StopTimer()
	least := func(p *peer) float64 { // what else the machine does only adds
		b.ReportMetric(slices.Min(p.costs), p.name+"-cpu-µs")
		return slices.Min(p.costs)
	}
	floor, ours, theirs := least(peers[0]), least(peers[1]), least(peers[2])
	b.Logf("µs of each round: echo %.2f, trunkline %.2f, kamailio %.2f", peers[0].costs, peers[1].costs, peers[2].costs)
	b.ReportMetric(ours/floor, "of-echo")
	b.ReportMetric(ours/theirs, "of-kamailio")
	if ours > 2*floor {
		b.Errorf("%.2f µs are more than 2 times the %.2f µs of an echo", ours, floor)
	}
	if ours > 0.8*theirs {
		b.Errorf("%.2f µs are more than 0.8 times the %.2f µs of Kamailio", ours, theirs)
	}
}
