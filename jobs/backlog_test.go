package jobs

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"trunkline/store"
	"trunkline/store/bolt"
)

// instead answers requests without a network.
type instead func(*http.Request) (*http.Response, error)

func (f instead) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// A backlog does not show in memory: what is held is one window. With TRUNKLINE_SOAK set it is one of 100,000 events.
func TestBacklog(t *testing.T) {
	total := 20_000
	if os.Getenv("TRUNKLINE_SOAK") != "" {
		total = 100_000
	}
	db, err := bolt.Open(filepath.Join(t.TempDir(), "db"), bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(ctx, db, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	w, err := NewWebhooks(WebhookOptions{Store: s, Data: testData})
	if err != nil {
		t.Fatal(err)
	}
	var taken atomic.Int64
	var gate sync.RWMutex // closed while memory is measured: else that would be of garbage, the more the slower the machine is
	w.sender.client.Transport = instead(func(r *http.Request) (*http.Response, error) {
		gate.RLock()
		defer gate.RUnlock()
		taken.Add(1)
		return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(nil))}, nil
	})
	hook, _, err := w.Add(ctx, WebhookSpec{URL: "https://receiver.example/", Types: []string{"message.*"}}, "uid:0")
	if err != nil {
		t.Fatal(err)
	}
	work := make(chan struct{})
	for range 64 {
		go func() {
			for range total / 64 {
				if err := s.Append(ctx, store.Event{Type: "message.test", At: time.Now(), Message: store.NewMessageID(), Reference: -1}); err != nil {
					t.Error(err)
				}
			}
			work <- struct{}{}
		}()
	}
	for range 64 {
		<-work
	}
	want := int64(total / 64 * 64)
	heap := func() uint64 {
		gate.Lock()
		defer gate.Unlock()
		time.Sleep(100 * time.Millisecond) // what is under way comes to the gate
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before, most := heap(), uint64(0)
	done := make(chan struct{})
	go func() { defer close(done); w.Run(t.Context()) }()
	began := time.Now()
	for moved, last := began, taken.Load(); taken.Load() < want; {
		if now := taken.Load(); now != last {
			moved, last = time.Now(), now
		}
		if time.Since(moved) > time.Minute {
			t.Fatalf("%d of %d delivered, and no more", taken.Load(), want)
		}
		time.Sleep(200 * time.Millisecond)
		most = max(most, heap())
	}
	t.Logf("%d deliveries in %s, heap %d KiB before, at most %d KiB meanwhile", want, time.Since(began).Round(time.Millisecond), before>>10, most>>10)
	if most > before+16<<20 {
		t.Errorf("the heap grew from %d to %d KiB", before>>10, most>>10)
	}
	if n, err := s.PendingDeliveries(ctx, hook.ID); err != nil || n != 0 {
		t.Errorf("%d pending, %v", n, err)
	}
}
