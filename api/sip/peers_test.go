package sip

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// serverChild, when it is set in the environment, makes the test program a server, "redirect" or "echo", so that what the server uses can be measured apart
// from what asks it. It ends with its standard input.
const serverChild = "TRUNKLINE_SIP_CHILD"

func TestMain(m *testing.M) {
	var err error
	switch os.Getenv(serverChild) {
	case "redirect":
		err = beServer()
	case "echo":
		err = beEcho()
	default:
		goleak.VerifyTestMain(m)
	}
	if err != nil {
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
	for _, c := range childrenOf(b, pid) {
		sum += cpuOf(b, c)
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

// peer is a server that is measured.
type peer struct {
	name, answer string
	pid          int
	load         *load
	costs        []float64 // µs of CPU for a request, one for each round
}

// measure notes what each of n requests costs, of which so many wait for their answers at any time.
func (p *peer) measure(b *testing.B, waiting, n int) {
	before := cpuOf(b, p.pid)
	if err := p.load.ask(waiting, n); err != nil {
		b.Fatalf("%s, %d waiting: %v", p.name, waiting, err)
	}
	if got := p.load.text(0); !strings.HasPrefix(got, p.answer) {
		b.Fatalf("%s answers %.200q", p.name, got)
	}
	p.costs = append(p.costs, float64((cpuOf(b, p.pid)-before).Nanoseconds())/1000/float64(n))
}

// child is the test program as a server.
func child(what string) *exec.Cmd {
	cmd := exec.CommandContext(context.Background(), os.Args[0])
	cmd.Env = append(os.Environ(), serverChild+"="+what)
	return cmd
}

// beEcho sends every datagram back that comes on a free port of loopback, which it prints, until standard input ends.
func beEcho() error {
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return err
	}
	if err := c.SetReadBuffer(socketBuffer); err != nil {
		return err
	}
	fmt.Println(c.LocalAddr().(*net.UDPAddr).Port)
	go func() {
		io.Copy(io.Discard, os.Stdin)
		c.Close()
	}()
	for buf := make([]byte, 65536); ; {
		n, from, err := c.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err == nil {
			_, err = c.WriteToUDPAddrPort(buf[:n], from)
		}
		if err != nil {
			return err
		}
	}
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

// BenchmarkPeers measures the CPU that one redirected call costs, engine included, beside UDP echoes in C and in Go and a stateless redirect by Kamailio, in
// turn, with 1, 16, 64 and 256 requests under way. The servers share one processor and the load has another, where it never sleeps: waking who asks costs
// as much as answering does, and is no work of the server. One request is one INVITE with a body and its answer with two contacts; all come from one
// switch and have one length, which is what answers are sent in trains for. An echo is what the words mean: a loop that receives one datagram and sends it back.
//
// It fails above 2 times the echo in C, with 1 request under way too, and above 0.8 times Kamailio. What else the machine does only adds, so that the
// least of all rounds counts.
func BenchmarkPeers(b *testing.B) {
	kamailio, cc := program(b, "kamailio", "kamailio"), program(b, "gcc", "gcc")
	echo := filepath.Join(b.TempDir(), "echo")
	if out, err := exec.Command(cc, "-O2", "-o", echo, filepath.Join("testdata", "echo.c")).CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	peers := []*peer{{name: "echo", answer: "INVITE"}, {name: "goecho", answer: "INVITE"}, {name: "trunkline", answer: "SIP/2.0 302"}, {name: "kamailio", answer: "SIP/2.0 302"}}
	ports := make([]int, len(peers))
	peers[0].pid, ports[0] = pipedServer(b, exec.Command(echo))
	peers[1].pid, ports[1] = pipedServer(b, child("echo"))
	peers[2].pid, ports[2] = pipedServer(b, child("redirect"))
	ports[3] = freePort(b)
	k := start(b, kamailio, "-DD", "-E", "-f", template(b, "stateless.cfg", "@LISTEN@", strconv.Itoa(ports[3])), "-m", "32", "-M", "8", "-Y", b.TempDir())
	udpInUse(b, ports[3])
	peers[3].pid = k.cmd.Process.Pid
	theirs, ours := processors(b)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	unpin := pin(b, 0, ours)
	defer unpin()
	for i, p := range peers {
		p.load = newLoad(b, ports[i], []byte(benchInvite))
		p.measure(b, 16, 2000)
		pinAll(b, p.pid, theirs)
	}
	const rounds = 15
	each := max(3000, b.N/rounds)
	b.ResetTimer()
	for _, waiting := range []int{1, 16, 64, 256} {
		for _, p := range peers {
			p.costs = nil
		}
		for range rounds {
			for _, p := range peers {
				p.measure(b, waiting, each)
			}
		}
		least, text := make([]float64, len(peers)), []byte(nil)
		for i, p := range peers {
			slices.Sort(p.costs)
			least[i] = p.costs[0]
			text = fmt.Appendf(text, " %s %.2f (%.2f)", p.name, least[i], p.costs[rounds/2])
		}
		b.Logf("%d under way, µs, least and median:%s", waiting, text)
		inC, inGo, own, other := least[0], least[1], least[2], least[3]
		b.ReportMetric(own, fmt.Sprintf("cpu-µs@%d", waiting))
		b.ReportMetric(own/inC, fmt.Sprintf("of-echo@%d", waiting))
		b.ReportMetric(own/inGo, fmt.Sprintf("of-Go-echo@%d", waiting))
		b.ReportMetric(own/other, fmt.Sprintf("of-kamailio@%d", waiting))
		if own > 2*inC {
			b.Errorf("%d under way: %.2f µs are more than 2 times the %.2f µs of an echo", waiting, own, inC)
		}
		if own > 0.8*other {
			b.Errorf("%d under way: %.2f µs are more than 0.8 times the %.2f µs of Kamailio", waiting, own, other)
		}
	}
}
