package httpd

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"trunkline/api"
	"trunkline/callplan/phone"
	"trunkline/router"
	"trunkline/store"
)

func plainRequest(extra, body string) string {
	return fmt.Sprintf("POST /v1/messages HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n%sContent-Length: %d\r\n\r\n%s", extra, len(body), body)
}

func TestReadLaneHead(t *testing.T) {
	const good = "POST /v1/messages HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
	for _, c := range []struct {
		name, head string
		ok         bool
	}{
		{"plain", good + "\r\n{}", true},
		{"what programs add", good + "User-Agent: curl/8\r\nAccept: */*\r\nAccept-Encoding: gzip\r\nConnection: keep-alive\r\nIdempotency-Key: k\r\n\r\n{}", true},
		{"not whole", good, false},
		{"no host", "POST /v1/messages HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}", false},
		{"no type", "POST /v1/messages HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}", false},
		{"no length", "POST /v1/messages HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\r\n", false},
		{"another method", strings.Replace(good, "POST", "GET", 1) + "\r\n{}", false},
		{"a query", strings.Replace(good, "messages", "messages?token=x", 1) + "\r\n{}", false},
		{"HTTP/1.0", strings.Replace(good, "1.1", "1.0", 1) + "\r\n{}", false},
		{"another type", strings.Replace(good, "application/json", "text/plain", 1) + "\r\n{}", false},
		{"chunks", good + "Transfer-Encoding: chunked\r\n\r\n{}", false},
		{"expectation", good + "Expect: 100-continue\r\n\r\n{}", false},
		{"close", good + "Connection: close\r\n\r\n{}", false},
		{"two hosts", good + "Host: y\r\n\r\n{}", false},
		{"two types", good + "Content-Type: application/json\r\n\r\n{}", false},
		{"two lengths", good + "Content-Length: 2\r\n\r\n{}", false},
		{"two keys", good + "Idempotency-Key: a\r\nIdempotency-Key: a\r\n\r\n{}", false},
		{"bad key", good + "Idempotency-Key: a b\r\n\r\n{}", false},
		{"unknown header", good + "X-Anything: y\r\n\r\n{}", false},
		{"other spelling", good + "idempotency-key: k\r\n\r\n{}", false},
		{"blank before the colon", good + "Accept : y\r\n\r\n{}", false},
		{"odd host", strings.Replace(good, "Host: x", "Host: x y", 1) + "\r\n{}", false},
		{"host with a port", strings.Replace(good, "Host: x", "Host: [::1]:80", 1) + "\r\n{}", true},
		{"bare LF", good + "Accept: y\n\r\n{}", false},
		{"folded", good + "Accept: y\r\n z\r\n\r\n{}", false},
		{"control character", good + "Accept: y\x00\r\n\r\n{}", false},
		{"signed length", strings.Replace(good, ": 2", ": +2", 1) + "\r\n{}", false},
		{"huge length", strings.Replace(good, ": 2", ": 100000", 1) + "\r\n{}", false},
	} {
		if _, ok := readLaneHead([]byte(c.head)); ok != c.ok {
			t.Errorf("%s: taken is %v, want %v", c.name, ok, c.ok)
		}
	}
}

// FuzzReadLaneHead: what a lane takes, the guard lets pass and net/http reads in the same way.
func FuzzReadLaneHead(f *testing.F) {
	f.Add("Host: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\nIdempotency-Key: k\r\n\r\n{}")
	f.Add("Host: x\r\nContent-Type:application/json  \r\nAccept:\r\nContent-Length: 02\r\n\r\n{}")
	f.Fuzz(func(t *testing.T, rest string) {
		text := laneStarts[laneSubmit] + rest
		h, ok := readLaneHead([]byte(text))
		if !ok {
			return
		}
		g := guard{limit: 1 << 20}
		if p := g.feed([]byte(text[:h.size])); p != nil {
			t.Fatalf("the guard refuses %q: %v", text, p)
		}
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(text[:h.size] + strings.Repeat(" ", h.length))))
		if err != nil {
			t.Fatalf("net/http refuses %q: %v", text, err)
		}
		if r.Method != "POST" || r.RequestURI != "/v1/messages" || r.ContentLength != int64(h.length) || r.Header.Get(api.IdempotencyKey) != h.key || checkMedia(r.Header["Content-Type"]) != nil || r.Close {
			t.Errorf("%q is read as %+v by a lane, as %+v by net/http", text, h, r)
		}
	})
}

// The same requests get the same answers, whether a lane or net/http gives them, however they are cut, and from one to the other on one connection.
func TestLaneAnswersLikeTheServerBehindIt(t *testing.T) {
	g := serve(t, nil)
	type answer struct {
		status  int
		headers string
		problem string
		n       int
	}
	ask := func(requests []string, step int) (all []answer) {
		c := g.dial()
		go func() {
			for s := strings.Join(requests, ""); len(s) > 0; {
				n := min(step, len(s))
				io.WriteString(c, s[:n])
				s = s[n:]
				if step < 1000 {
					time.Sleep(time.Millisecond)
				}
			}
		}()
		r := bufio.NewReader(c)
		for range requests {
			resp, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatalf("after %d answers: %v", len(all), err)
			}
			body, _ := io.ReadAll(resp.Body)
			var p api.Problem
			var s api.SubmitResponse
			if resp.StatusCode == http.StatusAccepted {
				if err := json.Unmarshal(body, &s); err != nil {
					t.Fatal(err)
				}
			} else if err := json.Unmarshal(body, &p); err != nil {
				t.Fatal(err)
			}
			if resp.Header.Get("Date") == "" {
				t.Error("an answer has no date")
			}
			all = append(all, answer{resp.StatusCode, resp.Header.Get("Content-Type") + resp.Header.Get("Cache-Control") + resp.Header.Get("Retry-After") + resp.Header.Get(api.IdempotentReplayed),
				p.Type + p.Instance + fieldsOf(&p), len(s.Messages)})
		}
		return all
	}
	bodies := []string{`{"to":"+4915112345678","text":"x"}`, `{}`, `{"to":"1","to":"2"}`, ``, `{"to":["1","2"],"text":"Grüße <&> \u2028"}`, `{"to":"1","text":"x","send_at":"soon"}`}
	var fast, slow []string
	for _, b := range bodies {
		fast = append(fast, plainRequest("", b))
		slow = append(slow, plainRequest("X-Slow: yes\r\n", b))
	}
	key := plainRequest("Idempotency-Key: same\r\n", bodies[0])
	fast, slow = append(fast, key, key), append(slow, key, key)
	want := ask(slow, 1<<20)
	if want[0].status != 202 || want[1].status != 422 || want[2].status != 400 {
		t.Fatalf("net/http answers %+v", want)
	}
	want[len(want)-2] = want[len(want)-1] // the key was new then, and is not now
	for _, step := range []int{1 << 20, 200, 17} {
		if got := ask(fast, step); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("in steps of %d: got\n%+v, want\n%+v", step, got, want)
		}
	}
	mixed := ask([]string{fast[0], fast[1], slow[0], fast[0], "GET /v1/messages/x HTTP/1.1\r\nHost: x\r\n\r\n"}, 1<<20)
	for i, status := range []int{202, 422, 202, 202, 400} {
		if mixed[i].status != status {
			t.Errorf("request %d of a mixed connection: %d, want %d", i, mixed[i].status, status)
		}
	}
}

// A lane that waits ends with the server; one that has a request answers it first. Timeouts hold in lanes too.
func TestLaneTimeouts(t *testing.T) {
	g := serve(t, func(c *Config, _ *Options) {
		c.HeaderTimeout, c.IdleTimeout, c.BodyTimeout = 200*time.Millisecond, 300*time.Millisecond, 200*time.Millisecond
	})
	for name, text := range map[string]string{"silence": "", "after an answer": plainRequest("", "{}"), "half a body": plainRequest("", "{}")[:len(plainRequest("", "{}"))-1]} {
		start := time.Now()
		c := g.dial()
		io.WriteString(c, text)
		if _, err := io.Copy(io.Discard, c); err != nil || time.Since(start) < 100*time.Millisecond {
			t.Errorf("%s: %v after %s", name, err, time.Since(start))
		}
	}
}

// A client that ends its side behind a request gets its answer, and the connection ends with it and not after a silence.
func TestLanesSeeTheEnd(t *testing.T) {
	g := serve(t, nil)
	c := g.dial()
	io.WriteString(c, plainRequest("", `{"to":"1","text":"x"}`))
	if err := c.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	all, err := io.ReadAll(c)
	if err != nil || !strings.HasPrefix(string(all), "HTTP/1.1 202 ") {
		t.Errorf("%q, %v", all, err)
	}
	if took := time.Since(start); took > 30*time.Second { // silence is borne for two minutes
		t.Errorf("the connection ended after %s", took)
	}
}

// What comes behind a request that is as long as what a lane reads at once is not left lying.
func TestLaneReadsAll(t *testing.T) {
	g := serve(t, nil)
	const body = `{"to":"1","text":"x"}`
	head := "Accept: " + strings.Repeat("x", 4000) + "\r\n"
	room := laneRequest - len(plainRequest(head, "")) - len("16000") + len("0")
	request := plainRequest(head, body+strings.Repeat(" ", room-len(body)))
	if len(request) != laneRequest {
		t.Fatalf("%d octets", len(request))
	}
	c := g.dial()
	go io.WriteString(c, request+request)
	r := bufio.NewReader(c)
	for i := range 2 {
		resp, err := http.ReadResponse(r, nil)
		if err != nil || resp.StatusCode != 202 {
			t.Fatalf("answer %d: %v, %v", i, resp, err)
		}
		io.Copy(io.Discard, resp.Body)
	}
}

// A client that sends without reading fills the socket; it gets every answer in the end, and its lane goes on meanwhile.
func TestLaneWithAPeerThatDoesNotRead(t *testing.T) {
	g := serve(t, nil)
	slow, other := g.dial(), g.dial()
	request := plainRequest("", `{"to":"1","text":"x"}`)
	const count = 700 // far more than there are answers that fit into the socket
	go func() {
		for range count {
			io.WriteString(slow, request)
			time.Sleep(50 * time.Microsecond) // so that most come alone
		}
	}()
	for range 200 {
		time.Sleep(time.Millisecond)
		io.WriteString(other, plainRequest("", "{}"))
		if resp, err := http.ReadResponse(bufio.NewReader(other), nil); err != nil || resp.StatusCode != 422 {
			t.Fatalf("the other client, after %d messages: %v", g.lastEvent(), err)
		}
	}
	r := bufio.NewReader(slow)
	for i := range count {
		resp, err := http.ReadResponse(r, nil)
		if err != nil || resp.StatusCode != 202 {
			t.Fatalf("answer %d: %v, %v", i, resp, err)
		}
		io.Copy(io.Discard, resp.Body)
	}
	if n := g.lastEvent(); n != count {
		t.Errorf("%d messages for %d requests", n, count)
	}
}

// Requests that have come when the server ends are answered; connections without one are closed.
func TestLanesEndWithAnswers(t *testing.T) {
	g := serve(t, nil)
	request := plainRequest("", `{"to":"1","text":"x"}`)
	const count = 20
	connections, readers := make([]net.Conn, count), make([]*bufio.Reader, count)
	status := func(i int) int {
		resp, err := http.ReadResponse(readers[i], nil)
		if err != nil {
			return 0
		}
		io.Copy(io.Discard, resp.Body)
		return resp.StatusCode
	}
	for i := range connections {
		connections[i] = g.dial()
		readers[i] = bufio.NewReader(connections[i])
		io.WriteString(connections[i], request)
		if got := status(i); got != 202 {
			t.Fatalf("first request of %d: %d", i, got)
		}
	}
	for i := range count / 2 {
		io.WriteString(connections[i], request)
	}
	g.stop()
	for i := range connections {
		if got, want := status(i), map[bool]int{true: 202}[i < count/2]; got != want {
			t.Errorf("connection %d: %d, want %d", i, got, want)
		}
	}
	if n := g.lastEvent(); n != count*3/2 {
		t.Errorf("%d messages, want %d", n, count*3/2)
	}
}

// Switches get from a lane what net/http answers, and no other route.
func TestDecisionsInLanes(t *testing.T) {
	g := serve(t, withPlans(t))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- g.server.ServeSwitches(ctx, l, g.server.SwitchHandler()) }()
	defer func() { cancel(); <-done }()
	tcp := func() net.Conn {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	for name, dial := range map[string]func() net.Conn{"socket": g.dial, "switch": tcp} {
		for _, path := range []string{"/v1/decide", "/v1/decide?format=rtjson", "/v1/messages"} {
			for _, body := range []string{`{"called":"2"}`, `[{"called":"2"},{"called":"1"}]`, `{"called":"2","provider":"acme"}`, `{"called":7}`, `{"kind":"fax"}`, ``, `{"provider":"other"}`} {
				ask := func(extra string) string {
					c := dial()
					fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n%sContent-Length: %d\r\n\r\n%s", path, extra, len(body), body)
					resp, err := http.ReadResponse(bufio.NewReader(c), nil)
					if err != nil {
						t.Fatal(err)
					}
					b, _ := io.ReadAll(resp.Body)
					return fmt.Sprint(resp.StatusCode, resp.Header.Get("Content-Type"), resp.Header.Get("Cache-Control"), resp.Header.Get("Content-Length"), string(b))
				}
				if fast, slow := ask(""), ask("X-Slow: yes\r\n"); fast != slow {
					t.Errorf("%s, %s, %s: a lane answers\n%s, net/http\n%s", name, path, body, fast, slow)
				}
			}
		}
	}
}

func TestAcceptedMessagesAreEncodedAsTheContractSays(t *testing.T) {
	s := &Server{}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String()
		number := func() phone.Number {
			return phone.FromAddress(rapid.StringMatching(`\+?[0-9]{3,15}`).Draw(t, "number"), false)
		}
		moment := func(name string) time.Time {
			if rapid.Bool().Draw(t, name) {
				return time.Time{}
			}
			return time.Unix(rapid.Int64Range(0, 4e9).Draw(t, name), rapid.Int64Range(0, 999999999).Draw(t, name))
		}
		m := store.Message{ID: store.NewMessageID(), Direction: store.Out, State: store.Waiting, To: number(), Text: text.Draw(t, "text"), Pin: text.Draw(t, "pin"),
			Account: text.Draw(t, "account"), Tag: text.Draw(t, "tag"), Priority: rapid.Uint8Range(0, 9).Draw(t, "priority"), Flash: rapid.Bool().Draw(t, "flash"),
			CreatedAt: time.Now(), SendAt: moment("send"), ExpiresAt: moment("expires")}
		for i := range rapid.IntRange(0, 4).Draw(t, "parts") {
			m.Parts = append(m.Parts, store.Part{Seq: i + 1, State: store.Waiting, Reference: -1, Status: -1})
		}
		var want bytes.Buffer
		e := json.NewEncoder(&want)
		e.SetEscapeHTML(false)
		if err := e.Encode(api.SubmitResponse{Messages: []api.Message{s.messageOf(&m), s.messageOf(&m)}}); err != nil {
			t.Fatal(err)
		}
		if got := s.appendSubmitted(nil, &router.Accepted{Messages: []store.Message{m, m}}); string(got) != want.String() {
			t.Fatalf("got\n%s, want\n%s", got, want.String())
		}
	})
}
