package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"trunkline/api"
)

// told is what a receiver of webhooks was told, over all lives of the daemon.
type told struct {
	mu    sync.Mutex
	ids   map[uint64]string // webhook-id of each event
	times map[uint64]int
	last  map[string]uint64 // newest event of each message
	wrong []string
}

func (r *told) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	var body struct{ Data api.Event }
	if err := json.NewDecoder(q.Body).Decode(&body); err != nil {
		return // the daemon died in the middle of it
	}
	e, id := body.Data, q.Header.Get("webhook-id")
	r.mu.Lock()
	defer r.mu.Unlock()
	if old, ok := r.ids[e.Seq]; ok && old != id {
		r.wrong = append(r.wrong, fmt.Sprintf("event %d has ids %s and %s", e.Seq, old, id))
	}
	r.ids[e.Seq] = id
	if r.times[e.Seq]++; e.MessageID != "" && r.times[e.Seq] == 1 {
		if e.Seq < r.last[e.MessageID] {
			r.wrong = append(r.wrong, fmt.Sprintf("event %d of message %s came after event %d", e.Seq, e.MessageID, r.last[e.MessageID]))
		}
		r.last[e.MessageID] = e.Seq
	}
}

// The daemon is killed inside every sync of a life in which it sends a message and tells a webhook of it. Every event arrives at least once, those of a
// message in order, and few come twice. Needs the Debian package strace.
func TestWebhookSurvivesEverySync(t *testing.T) {
	t.Parallel()
	needStrace(t)
	s := newStory(t)
	receiver := &told{ids: map[uint64]string{}, times: map[uint64]int{}, last: map[string]uint64{}}
	server := httptest.NewServer(receiver)
	defer server.Close()
	f, err := os.OpenFile(s.config, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprint(f, "\n[webhook]\nallow_networks = [\"127.0.0.1\"]\n"); err != nil {
		t.Fatal(err)
	}
	f.Close()

	cmd, wait := s.life("")
	s.awaitReady(t.Context())
	hook, err := s.client.AddWebhook(t.Context(), api.WebhookRequest{URL: server.URL, Types: []string{"message.*", "part.*"}})
	if err != nil {
		t.Fatal(err)
	}
	kill(cmd)
	wait()

	killed, survived := 0, 0
	for n := 1; survived < 2 && n < 80; n++ {
		cmd, _ := s.life(fmt.Sprintf("fdatasync:signal=KILL:when=%d", n))
		died := make(chan struct{})
		go func() { outlive(cmd); close(died) }()
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			if s.submit(ctx, n) {
				s.quiet(ctx, hook.ID)
			}
			cancel()
		}()
		select {
		case <-died:
			killed++
		case <-ctx.Done():
			survived++
		}
		cancel()
		kill(cmd)
		<-died
	}
	if killed < 5 {
		t.Errorf("only %d lives were cut", killed)
	}

	cmd, wait, out := s.lifeUnder()
	defer func() { kill(cmd); wait() }()
	s.awaitReady(t.Context())
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	if !s.quiet(ctx, hook.ID) {
		t.Fatalf("the deliveries do not come to an end:\n%s", out)
	}
	receiver.mu.Lock()
	newest := uint64(0)
	for seq := range receiver.times {
		newest = max(newest, seq)
	}
	receiver.mu.Unlock()
	feed := map[uint64]string{} // types of events by number
	for e, err := range s.client.Events(ctx, 0) {
		if err != nil {
			t.Fatalf("event %d was delivered and is not in the feed: %v", newest, err)
		}
		if strings.HasPrefix(e.Type, "message.") || strings.HasPrefix(e.Type, "part.") {
			feed[e.Seq] = e.Type
		}
		if e.Seq >= newest {
			break
		}
	}
	receiver.mu.Lock()
	defer receiver.mu.Unlock()
	for seq, kind := range feed {
		if receiver.times[seq] == 0 {
			t.Errorf("event %d (%s) was never delivered", seq, kind)
		}
	}
	twice := 0
	for _, n := range receiver.times {
		twice += n - 1
	}
	for _, w := range receiver.wrong {
		t.Error(w)
	}
	if len(feed) < killed || twice > 8*killed {
		t.Errorf("%d events, %d deliveries too many", len(feed), twice)
	}
	t.Logf("%d lives cut, %d events, all delivered, %d of them once more", killed, len(feed), twice)
}

// quiet waits until nothing is on its way and everything was delivered, and tells whether it came to that.
func (s *story) quiet(ctx context.Context, hook string) bool {
	for ctx.Err() == nil {
		open, err := s.unsent(ctx)
		w, failed := s.client.Webhook(ctx, hook)
		if err == nil && failed == nil && open == 0 && w.Behind == 0 && w.Pending == 0 {
			return true
		}
		select {
		case <-ctx.Done():
		case <-time.After(20 * time.Millisecond):
		}
	}
	return false
}
