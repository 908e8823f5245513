package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"trunkline/api"
)

// demoRun is a demo that runs in this process.
type demoRun struct {
	t      *testing.T
	dir    string
	socket string
	out    *syncBuffer
	stop   func() int // ends it and returns its exit code
}

// syncBuffer is a buffer that is read while it is written.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// until waits until the buffer matches a pattern.
func (s *syncBuffer) until(t *testing.T, pattern string) {
	t.Helper()
	re := regexp.MustCompile(pattern)
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if re.MatchString(s.String()) {
			return
		}
	}
	t.Fatalf("%s did not come in:\n%s", pattern, s.String())
}

// startDemo runs a demo in a folder, a temporary one of its own when it is empty.
func startDemo(t *testing.T, dir string) *demoRun {
	t.Helper()
	args := []string{"demo"}
	if dir != "" {
		args = append(args, "--dir", dir)
	}
	d := &demoRun{t: t, out: &syncBuffer{}}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan int, 1)
	go func() {
		done <- run(ctx, args, strings.NewReader(""), d.out, d.out, func(string) string { return "" })
	}()
	d.stop = sync.OnceValue(func() int {
		cancel()
		select {
		case code := <-done:
			return code
		case <-time.After(30 * time.Second):
			t.Error("the demo does not end")
			return -1
		}
	})
	t.Cleanup(func() { d.stop() })
	d.out.until(t, "What happens:")
	d.socket = regexp.MustCompile(`API socket +(\S+)`).FindStringSubmatch(d.out.String())[1]
	d.dir = filepath.Dir(d.socket)
	return d
}

// call runs a verb against the demo.
func (d *demoRun) call(stdin string, args ...string) result {
	d.t.Helper()
	return call(d.t, stdin, append(args, "--socket", d.socket)...)
}

// TestDemo types what the demo prints, and then ends it.
func TestDemo(t *testing.T) {
	d := startDemo(t, "")
	var typed [][]string
	for line := range strings.Lines(d.out.String()) {
		if _, rest, ok := strings.Cut(strings.TrimSpace(line), invocation()+" "); ok {
			var words []string
			for _, w := range regexp.MustCompile(`"[^"]*"|\S+`).FindAllString(rest, -1) {
				words = append(words, strings.Trim(w, `"`))
			}
			typed = append(typed, words)
		}
	}
	if len(typed) != 3 {
		t.Fatalf("the demo prints %d lines to type:\n%s", len(typed), d.out.String())
	}
	watching, endWatch := context.WithCancel(t.Context())
	watched := &syncBuffer{}
	watcher := make(chan int, 1)
	go func() {
		watcher <- run(watching, typed[0], strings.NewReader(""), watched, watched, func(string) string { return "" })
	}()
	web := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", d.socket)
	}}}
	began := time.Now()
	for following := false; !following; time.Sleep(10 * time.Millisecond) { // the demo itself, and watch, which does not show what was before
		if time.Since(began) > time.Minute {
			t.Fatal("nobody follows")
		}
		res, err := web.Get("http://x/metrics")
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(res.Body)
		res.Body.Close()
		following = err == nil && strings.Contains(string(b), "\ntrunkline_api_event_streams 2\n")
	}
	if got := call(t, "", typed[1]...); got.code != exitDone || !strings.Contains(got.out, " delivered 1 part to "+demoHandset) {
		t.Errorf("send: %+v", got)
	}
	if got := call(t, "", typed[2]...); got.code != exitDone {
		t.Errorf("text: %+v", got)
	}
	watched.until(t, `message\.received +from \`+demoHandset+` via alpha: Hello from the phone`)
	watched.until(t, `message\.delivered +to \`+demoHandset)
	endWatch()
	if code := <-watcher; code != exitDone {
		t.Errorf("watch ended with %d", code)
	}
	d.out.until(t, `phone \`+demoHandset+` shows a text from \`+demoAlpha+`|\`+demoBeta+`: Hello from the gateway`)
	if code := d.stop(); code != exitDone {
		t.Errorf("demo ended with %d:\n%s", code, d.out.String())
	}
	if _, err := os.Stat(d.dir); err == nil {
		t.Errorf("%s is left", d.dir)
	}
}

// TestVerbs goes through what the online verbs print.
func TestVerbs(t *testing.T) {
	d := startDemo(t, shortDir(t))
	got := d.call("from a pipe\n", "send", "--wait", "--timeout", "30s", "--tag", "night", "--trunk", "beta", demoHandset+", "+demoAlpha, "--json")
	var sent api.SubmitResponse
	if err := json.Unmarshal([]byte(got.out), &sent); err != nil || got.code != exitDone || len(sent.Messages) != 2 {
		t.Fatalf("send: %+v, %v", got, err)
	}
	for _, m := range sent.Messages {
		if m.Text != "from a pipe" || m.Trunk != "beta" || m.Tag != "night" || m.State != "sent" && m.State != "delivered" {
			t.Errorf("sent %+v", m)
		}
	}
	id := sent.Messages[0].ID

	got = d.call("", "message", "show", id)
	for _, want := range []string{"state ", "tag ", "night", demoHandset, "part 1", "reference ", "\n\nfrom a pipe\n"} {
		if got.code != exitDone || !strings.Contains(got.out, want) {
			t.Errorf("show does not print %q: %+v", want, got)
		}
	}
	var m api.Message
	if got := d.call("", "message", "show", id, "--json"); json.Unmarshal([]byte(got.out), &m) != nil || m.ID != id {
		t.Errorf("show as JSON: %+v", got)
	}
	if got := d.call("", "message", "show", "0192aaaa-0000-7000-8000-000000000000"); got.code != exitFailed || !strings.Contains(got.err, "trunkline: show message: ") {
		t.Errorf("show what is not there: %+v", got)
	}
	if got := d.call("", "message", "list", "--tag", "night", "--limit", "1"); got.code != exitDone || strings.Count(got.out, "\n") != 2 || !strings.Contains(got.err, "more: --cursor ") {
		t.Errorf("list: %+v", got)
	}
	if got := d.call("", "message", "list", "--state", "asleep"); got.code != exitFailed || !strings.Contains(got.err, "state") {
		t.Errorf("list with a wrong state: %+v", got)
	}
	if got := d.call("", "message", "cancel", id); got.code != exitFailed || !strings.Contains(got.err, "cannot become canceled") {
		t.Errorf("cancel what is sent: %+v", got)
	}
	later := d.call("", "send", "--at", nextMonth(), demoHandset, "later")
	if fields := strings.Fields(later.out); later.code != exitDone || len(fields) < 2 || fields[1] != "waiting" {
		t.Errorf("send later: %+v", later)
	} else if got := d.call("", "message", "cancel", fields[0]); got.code != exitDone || got.out != fields[0]+" canceled\n" {
		t.Errorf("cancel: %+v", got)
	}
	if got := d.call("", "send", "12x", "hi"); got.code != exitFailed || !strings.Contains(got.err, "to") {
		t.Errorf("send to no number: %+v", got)
	}
	got = d.call("", "modem", "list")
	for _, want := range []string{"alpha", "beta", "ready", "dBm"} {
		if got.code != exitDone || !strings.Contains(got.out, want) {
			t.Errorf("modem list does not print %q: %+v", want, got)
		}
	}
	for args, want := range map[string]string{"send --trunk": "alpha\tready", "message show": id} {
		got := d.call("", append(append([]string{"__complete", "--socket", d.socket}, strings.Fields(args)...), "")...)
		if !strings.Contains(got.out, want) && !strings.Contains(call(t, "", append(append([]string{"__complete", "--socket", d.socket}, strings.Fields(args)...), "")...).out, want) {
			t.Errorf("%s does not offer %q: %+v", args, want, got)
		}
	}
}

// TestSendFails: send --wait ends with 1 and the reason when the network refuses, and when the time is over.
func TestSendFails(t *testing.T) {
	d := startDemo(t, shortDir(t))
	rule(t, d, `{"to": "`+demoHandset+`", "cms": 1}`)
	got := d.call("", "send", "--wait=delivered", "--timeout", "30s", demoHandset, "hi")
	if got.code != exitFailed || !strings.Contains(got.err, "is error: cms_1:") || !strings.Contains(got.out, " error 1 part") {
		t.Errorf("refused: %+v", got)
	}
	got = d.call("", "send", "--wait", "--timeout", "300ms", "--at", nextMonth(), demoHandset, "hi")
	if got.code != exitFailed || !strings.Contains(got.err, "still waiting after 300ms") || !strings.Contains(got.err, "hint: ") {
		t.Errorf("too late: %+v", got)
	}
}

func nextMonth() string { return time.Now().AddDate(0, 1, 0).UTC().Format(time.RFC3339) }

// rule tells the network of a demo how to treat messages.
func rule(t *testing.T, d *demoRun, body string) {
	t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(d.dir, "network.sock"))
	}}}
	resp, err := client.Post("http://network/rules", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		t.Fatalf("rule: %s", resp.Status)
	}
}

// TestInboxFollow: what is there, what comes in, and what came in while the daemon was away and after it came back; each once, and harmless to show.
func TestInboxFollow(t *testing.T) {
	dir := shortDir(t)
	d := startDemo(t, dir)
	text := func(words string) {
		t.Helper()
		if got := call(t, "", "demo", "text", "--dir", dir, demoAlpha, words); got.code != exitDone {
			t.Fatalf("text: %+v", got)
		}
	}
	text("before")
	d.out.until(t, "received .*: before")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	box := &syncBuffer{}
	done := make(chan int, 1)
	go func() {
		done <- run(ctx, []string{"inbox", "--follow", "--socket", d.socket}, strings.NewReader(""), box, box, func(string) string { return "" })
	}()
	box.until(t, "    before\n")
	text("red \x1b[31m\u202e")
	box.until(t, `    red \\x1b\[31m\\u202e`)
	if code := d.stop(); code != exitDone {
		t.Fatalf("demo ended with %d:\n%s", code, d.out.String())
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) != 2 || filepath.Base(left[0]) != "trunkline.db" || filepath.Base(left[1]) != "trunkline.db.reserve" {
		t.Errorf("left behind: %v", left)
	}
	box.until(t, "waiting for it to come back\n")
	d = startDemo(t, dir)
	text("after")
	box.until(t, "    after\n")
	box.until(t, "connected again\n")
	cancel()
	if code := <-done; code != exitDone {
		t.Errorf("inbox --follow ended with %d", code)
	}
	for _, words := range []string{"    before\n", "    red ", "    after\n", "waiting for it to come back\n", "connected again\n"} {
		if n := strings.Count(box.String(), words); n != 1 {
			t.Errorf("%q was shown %d times:\n%s", words, n, box.String())
		}
	}
	var page api.MessageList
	if got := d.call("", "inbox", "--json"); json.Unmarshal([]byte(got.out), &page) != nil || len(page.Items) != 3 || page.Items[2].Text != "after" {
		t.Errorf("inbox as JSON: %+v", got)
	}
	if got := d.call("", "inbox", "--limit", "1"); strings.Count(got.out, "\n") != 2 || !strings.Contains(got.out, "    after") {
		t.Errorf("inbox: %+v", got)
	}
}

// TestOneTextToBothModems: the network delivers the same octets to both SIMs, into the same slot; both are messages.
func TestOneTextToBothModems(t *testing.T) {
	d := startDemo(t, shortDir(t))
	time.Sleep(time.Until(time.Now().Truncate(time.Second).Add(time.Second))) // the time stamp of the centre is the same then
	for _, to := range []string{demoAlpha, demoBeta} {
		if got := call(t, "", "demo", "text", "--dir", d.dir, to, "alarm"); got.code != exitDone {
			t.Fatalf("text: %+v", got)
		}
	}
	d.out.until(t, "via alpha: alarm")
	d.out.until(t, "via beta: alarm")
	var page api.MessageList
	if got := d.call("", "inbox", "--json"); json.Unmarshal([]byte(got.out), &page) != nil || len(page.Items) != 2 || page.Items[0].DuplicateOf+page.Items[1].DuplicateOf != "" {
		t.Errorf("inbox: %+v", got)
	}
}

func TestDemoTextWithoutDemo(t *testing.T) {
	dir := shortDir(t)
	got := call(t, "", "demo", "text", "--dir", dir, demoAlpha, "x")
	if got.code != exitFailed || !strings.Contains(got.err, "no demo answers at "+dir) || !strings.Contains(got.err, "hint: ") {
		t.Errorf("got %+v", got)
	}
}

// TestDemoTwice: a second demo in the same folder is refused and leaves the first alone.
func TestDemoTwice(t *testing.T) {
	d := startDemo(t, shortDir(t))
	if got := call(t, "", "demo", "--dir", d.dir); got.code != exitFailed || !strings.Contains(got.err, "in use") {
		t.Errorf("second demo: %+v", got)
	}
	if got := d.call("", "send", "--wait=delivered", "--timeout", "30s", demoHandset, "still there?"); got.code != exitDone {
		t.Errorf("the first demo after that: %+v", got)
	}
	for name, kind := range map[string]fs.FileMode{"api.sock": fs.ModeSocket, "network.sock": fs.ModeSocket, "alpha": fs.ModeDevice, "beta": fs.ModeDevice} {
		if info, err := os.Stat(filepath.Join(d.dir, name)); err != nil || info.Mode()&kind == 0 {
			t.Errorf("%s is gone: %v", name, err)
		}
	}
}
