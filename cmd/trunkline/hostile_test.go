package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// besieged is a daemon in a process of its own, and somebody who asks it all the time while others do worse.
type besieged struct {
	t       *testing.T
	pid     int
	socket  string
	metrics string
	alerts  string
}

func newBesieged(t *testing.T) *besieged {
	t.Helper()
	dir := shortDir(t)
	binary := buildProgram(t)
	token := filepath.Join(dir, "token")
	if err := os.WriteFile(token, []byte("0123456789abcdef0123"), 0o600); err != nil {
		t.Fatal(err)
	}
	b := &besieged{t: t, socket: filepath.Join(dir, "s"), metrics: freeAddress(t), alerts: freeAddress(t)}
	config := fmt.Sprintf("[store]\npath = %q\n[api]\nsocket = %q\nmetrics = %q\nconnections_per_uid = 0\n[alertmanager]\nlisten = %q\ntoken_file = %q\n[alertmanager.receiver.a]\nto = [\"+4915112345678\"]\n",
		filepath.Join(dir, "db"), b.socket, b.metrics, b.alerts, token)
	file := filepath.Join(dir, "t.toml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, "serve", "--config", file)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out := &tail{}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	b.pid = cmd.Process.Pid
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Errorf("the daemon ended with %v\n%s", err, out)
		}
	})
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if res, err := http.Get("http://" + b.metrics + "/readyz"); err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return b
			}
		}
		if time.Now().After(end) {
			t.Fatalf("it does not start\n%s", out)
		}
	}
}

// rss returns the resident memory of the daemon in bytes.
func (b *besieged) rss() int {
	b.t.Helper()
	for line := range strings.Lines(readText(b.t, fmt.Sprintf("/proc/%d/status", b.pid))) {
		if v, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			n, err := strconv.Atoi(strings.Fields(v)[0])
			if err != nil {
				b.t.Fatal(err)
			}
			return n << 10
		}
	}
	b.t.Fatal("no VmRSS")
	return 0
}

// ask asks until stop is called, on a new connection of the socket and of TCP in turns, and returns how long each answer took.
func (b *besieged) ask() (stop func() []time.Duration) {
	ctx, cancel := context.WithCancel(b.t.Context())
	var took []time.Duration
	done := make(chan struct{})
	overSocket := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", b.socket)
	}}}
	overTCP := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	go func() {
		defer close(done)
		for n := 0; ctx.Err() == nil; n++ {
			client, url := overSocket, "http://socket/v1/messages"
			if n%2 == 1 {
				client, url = overTCP, "http://"+b.metrics+"/healthz"
			}
			start := time.Now()
			res, err := client.Get(url)
			if err == nil {
				io.Copy(io.Discard, res.Body)
				res.Body.Close()
			}
			if err != nil || res.StatusCode != http.StatusOK {
				b.t.Errorf("%s: %v", url, err)
				return
			}
			took = append(took, time.Since(start))
			time.Sleep(10 * time.Millisecond)
		}
	}()
	return func() []time.Duration { cancel(); <-done; return took }
}

func p99(took []time.Duration) time.Duration {
	if len(took) == 0 {
		return 1<<63 - 1
	}
	slices.Sort(took)
	return took[len(took)*99/100]
}

// under runs an attack while somebody asks, and checks that he notices little, that memory stays bounded, and that all is normal soon after.
func (b *besieged) under(name string, more int, attack func()) {
	b.t.Helper()
	calm := b.ask()
	time.Sleep(2 * time.Second)
	usual := p99(calm()) // of a machine that may be busy with other things
	before, peak := b.rss(), 0
	stop := b.ask()
	watched := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(watched)
		for {
			peak = max(peak, b.rss())
			select {
			case <-ended:
				return
			case <-time.After(50 * time.Millisecond):
			}
		}
	}()
	attack()
	close(ended)
	<-watched
	took := stop()
	slow := p99(took)
	b.t.Logf("%s: others' p99 %s of %d requests, before %s; memory %d + %d KiB", name, slow.Round(time.Microsecond), len(took), usual.Round(time.Microsecond), before>>10, (peak-before)>>10)
	if slow > max(200*time.Millisecond, 5*usual) {
		b.t.Errorf("%s: others wait %s (p99), without that %s", name, slow, usual)
	}
	if peak-before > more {
		b.t.Errorf("%s: %d KiB more memory", name, (peak-before)>>10)
	}
	start := time.Now()
	if res, err := http.Get("http://" + b.metrics + "/readyz"); err != nil || res.StatusCode != http.StatusOK || time.Since(start) > 2*time.Second {
		b.t.Errorf("%s: afterwards %v after %s", name, err, time.Since(start))
	} else {
		res.Body.Close()
	}
}

// TestSoakHostileClients: floods, slow heads and bodies and bombs, while others are served within their time, which only a machine that does nothing else can
// show. Needs the Debian package slowhttptest.
func TestSoakHostileClients(t *testing.T) {
	needSoak(t)
	slow, err := exec.LookPath("slowhttptest")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("slowhttptest of the package slowhttptest is missing")
		}
		t.Skip("slowhttptest of the package slowhttptest is missing")
	}
	b := newBesieged(t)
	loris := func(args ...string) func() {
		return func() {
			out, err := exec.CommandContext(t.Context(), slow, append([]string{"-c", "1000", "-r", "500", "-l", "8", "-i", "2", "-v", "0"}, args...)...).CombinedOutput()
			if err != nil {
				t.Logf("slowhttptest: %v\n%s", err, lastLine(string(out))) // it fails when the service withstands in some versions
			}
		}
	}
	const mib = 1 << 20
	b.under("bombs", 16*mib, b.bombs()) // first: what the others make the heap grow by would hide what these do
	b.under("slow heads", 64*mib, loris("-H", "-u", "http://"+b.metrics+"/metrics"))
	b.under("slow bodies", 64*mib, loris("-B", "-u", "http://"+b.alerts+"/alertmanager", "-s", "8192"))
	b.under("slow readers", 64*mib, loris("-X", "-u", "http://"+b.metrics+"/metrics", "-w", "1", "-y", "10", "-z", "8"))
	b.under("silent connections", 64*mib, func() {
		for _, l := range []struct{ network, address string }{{"tcp", b.metrics}, {"unix", b.socket}} {
			b.hold(l.network, l.address, 1000, "", 9*time.Second)
		}
	})
	b.connects()
}

// connects opens and closes connections as fast as it can. Others cannot be served meanwhile where the kernel's queue is full; but right afterwards.
func (b *besieged) connects() {
	var wg sync.WaitGroup
	var made atomic.Int64
	end := time.Now().Add(3 * time.Second)
	for range 4 {
		wg.Go(func() {
			for time.Now().Before(end) {
				if c, err := net.Dial("unix", b.socket); err == nil {
					c.Close()
					made.Add(1)
				}
			}
		})
	}
	wg.Wait()
	start := time.Now()
	for { // what the flood left in the kernel's queue is taken from it first
		c, err := net.Dial("unix", b.socket)
		if err == nil {
			c.Close()
			break
		}
		if time.Since(start) > 2*time.Second {
			b.t.Fatalf("%s after a flood of %d connects: %v", time.Since(start), made.Load(), err)
		}
		time.Sleep(5 * time.Millisecond)
	}
	full := time.Since(start)
	stop := b.ask()
	time.Sleep(2 * time.Second)
	took := stop()
	if len(took) == 0 || full+took[0] > 2*time.Second {
		b.t.Fatalf("%s after a flood of %d connects the answers took %v", full, made.Load(), took)
	}
	b.t.Logf("connects: %d in 3 s; afterwards the queue was full for %s, the first answer took %s", made.Load(), full.Round(time.Microsecond), took[0].Round(time.Microsecond))
}

// hold opens connections, sends a beginning on each, and holds them open, or as long as the daemon lets them.
func (b *besieged) hold(network, address string, n int, beginning string, d time.Duration) {
	var all []net.Conn
	for range n {
		c, err := net.DialTimeout(network, address, 5*time.Second)
		if err != nil {
			b.t.Errorf("%s: %v", address, err)
			break
		}
		io.WriteString(c, beginning)
		all = append(all, c)
	}
	time.Sleep(d)
	open := 0
	for _, c := range all {
		c.SetReadDeadline(time.Now().Add(100 * time.Millisecond)) // one that passes before the read begins would hide the end
		if _, err := c.Read(make([]byte, 1)); err != nil && os.IsTimeout(err) {
			open++
		}
		c.Close()
	}
	if open > 0 {
		b.t.Errorf("%s: %d of %d silent connections are still open after %s", address, open, n, d)
	}
}

// bomb is a request that is large, or is small and wants to be.
type bomb struct {
	name   string
	client *http.Client
	url    string
	body   string
	header [2]string
	want   []int // statuses
}

// bombs makes them, and returns the function that posts them all, with and without saying how long they are.
func (b *besieged) bombs() func() {
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	z.Write(bytes.Repeat([]byte(" "), 100<<20))
	z.Close()
	deep := strings.Repeat(`{"a":`, 20_000)
	many := `{"to":[` + strings.Repeat(`"+4915112345678",`, 100_000) + `"+4915112345678"],"text":"x"}`
	huge := `{"to":["+4915112345678"],"text":"` + strings.Repeat("x", 100<<20)
	long := [2]string{"X-Long", strings.Repeat("x", 1<<20)}
	known := [2]string{"Authorization", "Bearer 0123456789abcdef0123"}
	overSocket := &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", b.socket)
	}}}
	overTCP := &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{}}
	messages, alerts, metrics := "http://s/v1/messages", "http://"+b.alerts+"/alertmanager", "http://"+b.metrics+"/metrics"
	all := []bomb{
		{"gzip", overSocket, messages, zipped.String(), [2]string{"Content-Encoding", "gzip"}, []int{415}},
		{"depth", overSocket, messages, deep, [2]string{}, []int{400}},
		{"body", overSocket, messages, huge, [2]string{}, []int{413}},
		{"recipients", overSocket, messages, many, [2]string{}, []int{400, 413, 422}},
		{"head", overSocket, messages, "", long, []int{431}},
		{"alert depth", overTCP, alerts, deep, known, []int{400}},
		{"alert without", overTCP, alerts, deep, [2]string{}, []int{401}},
		{"alert gzip", overTCP, alerts, zipped.String(), known, []int{400}},
		{"alert body", overTCP, alerts, huge, known, []int{413}},
		{"alert head", overTCP, alerts, "", long, []int{431}},
		{"metrics, posting", overTCP, metrics, many, [2]string{}, []int{405}},
	}
	return func() {
		for range 10 {
			for _, c := range all {
				b.post(c, strings.NewReader(c.body))
				c.want = append(slices.Clone(c.want), http.StatusLengthRequired)
				b.post(c, io.MultiReader(strings.NewReader(c.body))) // net/http cannot know its length
			}
		}
	}
}

// post throws a bomb.
func (b *besieged) post(c bomb, body io.Reader) {
	req, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, c.url, body)
	if err != nil {
		b.t.Error(err)
		return
	}
	req.Header.Set("Content-Type", "application/json")
	if c.header[0] != "" {
		req.Header.Set(c.header[0], c.header[1])
	}
	res, err := c.client.Do(req)
	if err != nil {
		// The daemon may refuse and close before everything is written.
		if !strings.Contains(err.Error(), "broken pipe") && !strings.Contains(err.Error(), "connection reset") {
			b.t.Errorf("%s: %v", c.name, err)
		}
		return
	}
	defer res.Body.Close()
	io.Copy(io.Discard, res.Body)
	if !slices.Contains(c.want, res.StatusCode) {
		b.t.Errorf("%s: status %d, want one of %d", c.name, res.StatusCode, c.want)
	}
}

// TestSoakManyClients: ten thousand connections at once, each of which gets its answer.
func TestSoakManyClients(t *testing.T) {
	needSoak(t)
	const n = 10_000
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || limit.Cur < n+500 {
		t.Skipf("at most %d files may be open here", limit.Cur)
	}
	b := newBesieged(t)
	before := b.rss()
	conns := make([]net.Conn, 0, n)
	defer func() {
		for _, c := range conns {
			c.Close()
		}
	}()
	for len(conns) < n {
		c, err := net.DialTimeout("tcp", b.metrics, 10*time.Second)
		if err != nil {
			t.Fatalf("connection %d: %v", len(conns), err)
		}
		conns = append(conns, c)
		if len(conns)%500 == 0 { // connections that say nothing are closed after some seconds
			for _, c := range conns[len(conns)-500:] {
				if _, err := io.WriteString(c, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	took := make([]time.Duration, n)
	var wg sync.WaitGroup
	answer := make([]byte, 4096)
	for _, c := range conns { // the answers to the first request are there
		c.SetReadDeadline(time.Now().Add(10 * time.Second))
		if k, err := c.Read(answer); err != nil || !bytes.HasPrefix(answer[:k], []byte("HTTP/1.1 200 ")) {
			t.Fatalf("%q, %v", answer[:k], err)
		}
	}
	for i, c := range conns {
		wg.Go(func() {
			c.SetDeadline(time.Now().Add(20 * time.Second))
			start := time.Now()
			buf := make([]byte, 2048)
			_, err := io.WriteString(c, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
			k := 0
			if err == nil {
				k, err = c.Read(buf)
			}
			if took[i] = time.Since(start); err != nil || !bytes.HasPrefix(buf[:k], []byte("HTTP/1.1 200 ")) {
				t.Errorf("%q, %v", buf[:k], err)
			}
		})
	}
	wg.Wait()
	slow, rss := p99(took), b.rss()
	t.Logf("%d clients: p99 %s, memory %d + %d KiB", n, slow.Round(time.Millisecond), before>>10, (rss-before)>>10)
	if slow > time.Second || rss > 400<<20 {
		t.Errorf("p99 %s, resident %d MiB", slow, rss>>20)
	}
}

// needSoak skips what measures times, unless long runs are asked for.
func needSoak(t *testing.T) {
	t.Helper()
	if os.Getenv("TRUNKLINE_SOAK") == "" {
		t.Skip("measures times: run it alone with make soak")
	}
}
