package jobs

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"trunkline/store"
	"trunkline/store/memory"
)

// pipes is a network in memory, for tests in a bubble.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.closed) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p *pipes) dial(ctx context.Context) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case p.conns <- there:
		return here, nil
	case <-p.closed:
		return nil, errors.New("connection refused")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// got is one request as a receiver saw it.
type got struct {
	at          time.Time
	id          string
	seq         uint64
	kind        string
	message     string
	status      int // that it was answered with
	header      http.Header
	body        []byte
	overlapping bool // another request about the same message was under way
}

// receiver is an endpoint in memory. answer decides what it says; nil: 200.
type receiver struct {
	*pipes
	t      testing.TB
	answer func(r *got, w http.ResponseWriter) int
	server *http.Server

	mu     sync.Mutex
	all    []got
	open   map[string]int
	absent bool // connections are refused
}

func newReceiver(t testing.TB, answer func(r *got, w http.ResponseWriter) int) *receiver {
	r := &receiver{pipes: newPipes(), t: t, answer: answer, open: map[string]int{}}
	r.server = &http.Server{Handler: r, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)}
	go r.server.Serve(r.pipes)
	t.Cleanup(func() { r.server.Close(); r.Close() })
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	body, err := io.ReadAll(q.Body)
	if err != nil {
		return
	}
	var in struct {
		Type      string
		Timestamp time.Time
		Data      struct {
			Seq     uint64
			Message string
		}
	}
	if err := json.Unmarshal(body, &in); err != nil || in.Timestamp.IsZero() || q.Method != http.MethodPost || q.Header.Get("Content-Type") != "application/json" {
		r.t.Errorf("request %s %s: %v", q.Method, body, err)
	}
	g := got{at: time.Now(), id: q.Header.Get("webhook-id"), seq: in.Data.Seq, kind: in.Type, message: in.Data.Message, header: q.Header, body: body}
	r.mu.Lock()
	g.overlapping = g.message != "" && r.open[g.message] > 0
	r.open[g.message]++
	r.mu.Unlock()
	status := 200
	if r.answer != nil {
		status = r.answer(&g, w)
	}
	g.status = status
	r.mu.Lock()
	r.open[g.message]--
	r.all = append(r.all, g)
	r.mu.Unlock()
	if status > 0 {
		w.WriteHeader(status)
		fmt.Fprintf(w, "answer to %d", g.seq)
	}
}

// requests returns what came so far.
func (r *receiver) requests() []got {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.all)
}

// taken returns the numbers of the events that were answered with 2xx, in order of arrival.
func (r *receiver) taken() (seqs []uint64) {
	for _, g := range r.requests() {
		if g.status/100 == 2 {
			seqs = append(seqs, g.seq)
		}
	}
	return seqs
}

func (r *receiver) refuse(absent bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.absent = absent
}

// bench is a store with endpoints over receivers in memory: the receiver named a is at http://a.test/.
type bench struct {
	t         testing.TB
	engine    *memory.Engine
	store     *store.Store
	hooks     *Webhooks
	receivers map[string]*receiver
	log       *bytes.Buffer
	stop      func() // ends it and checks the store
	quit      func() // ends it after the store failed
}

var everywhere = WebhookConfig{AllowNetworks: []string{"0.0.0.0/0"}, Concurrency: 32, EndpointConcurrency: 8, ConnectTimeout: 5 * time.Second, Timeout: 10 * time.Second,
	RetryFor: 72 * time.Hour, PauseAfter: 120 * time.Hour}

// start runs Webhooks over an engine; nil: a new one.
func start(t testing.TB, e *memory.Engine, receivers map[string]*receiver) *bench {
	t.Helper()
	if e == nil {
		e = memory.New()
	}
	return startWith(t, e, receivers, store.Options{})
}

// startWith is start with options of the store.
func startWith(t testing.TB, e *memory.Engine, receivers map[string]*receiver, options store.Options) *bench {
	t.Helper()
	s, err := store.Open(context.Background(), e, options)
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, engine: e, store: s, receivers: receivers, log: new(bytes.Buffer)}
	alive, dead := context.WithCancel(context.Background())
	o := WebhookOptions{Config: everywhere, Store: s, Data: testData, Registerer: prometheus.NewPedanticRegistry(), Logger: slog.New(slog.NewTextHandler(b.log, nil))}
	o.connect = func(ctx context.Context, _, address string) (net.Conn, error) {
		name, _, _ := net.SplitHostPort(address)
		r := receivers[name[:len(name)-len(".test")]]
		r.mu.Lock()
		absent := r.absent
		r.mu.Unlock()
		if absent {
			return nil, errors.New("connection refused")
		}
		return r.dial(ctx)
	}
	if b.hooks, err = NewWebhooks(o); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- b.hooks.Run(alive) }()
	b.quit = sync.OnceFunc(func() {
		dead()
		if err := <-done; err != nil {
			t.Error(err)
		}
		for _, r := range receivers {
			r.server.Close()
			r.Close()
		}
		synctest.Wait()
	})
	b.stop = func() {
		b.quit()
		if _, err := s.Check(context.Background(), func(d store.Damage) { t.Errorf("check: %v", &d) }); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(func() { b.stop(); time.Sleep(time.Minute) }) // until the last handler has returned
	return b
}

func testData(_ context.Context, e *store.Event) (json.RawMessage, error) {
	v := map[string]any{"seq": e.Seq}
	if !e.Message.IsZero() {
		v["message"] = e.Message.String()
	}
	return json.Marshal(v)
}

// add makes an endpoint for a receiver.
func (b *bench) add(name string, types ...string) (store.WebhookID, string) {
	b.t.Helper()
	hook, secret, err := b.hooks.Add(context.Background(), WebhookSpec{URL: "http://" + name + ".test/", Types: types}, "uid:0")
	if err != nil {
		b.t.Fatal(err)
	}
	return hook.ID, secret
}

// happen writes an event about a message, "" for none, and returns its number.
func (b *bench) happen(m store.MessageID) uint64 {
	b.t.Helper()
	if err := b.store.Append(context.Background(), store.Event{Type: "message.test", At: b.store.Now(), Message: m, Reference: -1}); err != nil {
		b.t.Fatal(err)
	}
	last, err := b.store.LastEvent(context.Background())
	if err != nil {
		b.t.Fatal(err)
	}
	return last
}

func (b *bench) delivery(id store.WebhookID, seq uint64) store.Delivery {
	b.t.Helper()
	d, err := b.store.Delivery(context.Background(), id, seq)
	if err != nil {
		b.t.Fatal(err)
	}
	return d
}

func (b *bench) hook(id store.WebhookID) store.Webhook {
	b.t.Helper()
	h, err := b.store.Webhook(context.Background(), id)
	if err != nil {
		b.t.Fatal(err)
	}
	return h
}

// events returns the types of all events of a kind, with what they say.
func (b *bench) events(kind string) (all []store.Event) {
	b.t.Helper()
	for after := uint64(0); ; {
		events, err := b.store.Events(context.Background(), after, 1000)
		if err != nil {
			b.t.Fatal(err)
		}
		if len(events) == 0 {
			return all
		}
		for _, e := range events {
			after = e.Seq
			if e.Type == kind {
				all = append(all, e)
			}
		}
	}
}

// stamp reads webhook-timestamp.
func (g *got) stamp(t testing.TB) time.Time {
	n, err := strconv.ParseInt(g.header.Get("webhook-timestamp"), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return time.Unix(n, 0)
}
