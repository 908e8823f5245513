package httpd

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"trunkline/api"
)

func TestEventsResumeWithNothingLostOrDoubled(t *testing.T) {
	g := serve(t, nil)
	const total = 300
	go func() {
		for i := range total {
			g.client.Submit(context.Background(), api.SubmitRequest{To: api.Recipients{fmt.Sprintf("+49151%07d", i)}, Text: "x"}, "")
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	var position uint64
	for position < total {
		// Each connection is dropped after a few events, wherever it stands.
		seen := 0
		for e, err := range g.client.Events(ctx, position) {
			if err != nil {
				t.Fatal(err)
			}
			if e.Seq != position+1 {
				t.Fatalf("event %d came after %d", e.Seq, position)
			}
			if e.Type != "message.waiting" || e.State != "waiting" || e.Message == nil || e.Message.ID != e.MessageID || e.Message.State != "waiting" {
				t.Fatalf("event %+v", e)
			}
			position = e.Seq
			if seen++; seen == 7 || position == total {
				break
			}
		}
		if ctx.Err() != nil {
			t.Fatalf("only %d events came", position)
		}
	}
}

func TestEventsFromNow(t *testing.T) {
	g := serve(t, nil)
	g.submit("+4915100000001", "before")
	c := g.dial()
	io.WriteString(c, "GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n")
	lines := bufio.NewScanner(c)
	waitFor(t, lines, "id: 1")
	m := g.submit("+4915100000002", "after")
	waitFor(t, lines, "id: 2")
	waitFor(t, lines, "event: message.waiting")
	if line := waitFor(t, lines, "data: "); !strings.Contains(line, m.ID) {
		t.Errorf("event of another message: %s", line)
	}
}

func TestEventsHeartbeat(t *testing.T) {
	const bodyTimeout = 2 * time.Second
	g := serve(t, func(c *Config, _ *Options) { c.Heartbeat, c.BodyTimeout = 20*time.Millisecond, bodyTimeout })
	c := g.dial()
	io.WriteString(c, "GET /v1/events?after=0 HTTP/1.1\r\nHost: x\r\n\r\n")
	lines := bufio.NewScanner(c)
	for began := time.Now(); time.Since(began) < 2*bodyTimeout; {
		waitFor(t, lines, ":")
	}
	g.submit("+4915100000001", "x")
	waitFor(t, lines, "id: 1")
}

// A reader that takes nothing is dropped after the write timeout, and holds nobody else up meanwhile.
func TestEventsDropAReaderThatDoesNotRead(t *testing.T) {
	g := serve(t, func(c *Config, _ *Options) { c.WriteTimeout = 300 * time.Millisecond })
	text := strings.Repeat("long ", 250)
	for i := range 400 {
		g.submit(fmt.Sprintf("+49151%07d", i), text)
	}
	c := g.dial()
	io.WriteString(c, "GET /v1/events?after=0 HTTP/1.1\r\nHost: x\r\n\r\n")
	deadline := time.Now().Add(10 * time.Second)
	for !strings.Contains(g.log.String(), "event stream ended") {
		if time.Now().After(deadline) {
			t.Fatal("the stream is still open")
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// waitFor reads lines until one begins with prefix.
func waitFor(t *testing.T, lines *bufio.Scanner, prefix string) string {
	t.Helper()
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), prefix) {
			return lines.Text()
		}
	}
	t.Fatalf("stream ended before %q: %v", prefix, lines.Err())
	return ""
}

func TestClientWait(t *testing.T) {
	g := serve(t, nil)
	m := g.submit("+4915100000001", "x")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if got, err := g.client.Wait(ctx, m.ID, func(m api.Message) bool { return m.State == "waiting" }); err != nil || got.ID != m.ID {
		t.Errorf("what is so already: %+v, %v", got, err)
	}
	looking := make(chan struct{})
	first := true
	go func() {
		<-looking
		g.client.Cancel(ctx, m.ID)
	}()
	got, err := g.client.Wait(ctx, m.ID, func(m api.Message) bool {
		if first {
			first = false
			close(looking)
		}
		return m.Final()
	})
	if err != nil || got.State != "canceled" {
		t.Errorf("what comes later: %+v, %v", got, err)
	}
	_, err = g.client.Wait(ctx, "01890000-0000-7000-8000-000000000000", api.Message.Final)
	wantProblem(t, err, 404, api.CodeNotFound)
	short, done := context.WithTimeout(ctx, 50*time.Millisecond)
	defer done()
	other := g.submit("+4915100000002", "x")
	if _, err := g.client.Wait(short, other.ID, api.Message.Final); err == nil {
		t.Error("a message that waits is waited for without an end")
	}
}

func FuzzParseSeq(f *testing.F) {
	for _, s := range []string{"0", "18446744073709551615", "18446744073709551616", "-1", "+1", "01", "1 ", "0x1", "１"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if n, err := parseSeq(s); err == nil && fmt.Sprint(n) != s {
			t.Errorf("%q is taken as %d", s, n)
		}
	})
}
