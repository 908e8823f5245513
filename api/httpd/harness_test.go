package httpd

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"trunkline/api"
	"trunkline/router"
	"trunkline/store"
	"trunkline/store/memory"
)

// idle is a backend that never becomes ready, so that what is accepted goes on waiting.
type idle struct{ router.Backend }

func (idle) Ready(ctx context.Context) (string, error) {
	<-ctx.Done()
	return "", ctx.Err()
}

// gateway is a served socket over a real router and a real store.
type gateway struct {
	t      testing.TB
	engine *memory.Engine // nil when the test brought its own
	store  *store.Store
	router *router.Router
	server *Server
	client *api.Client
	path   string // of the socket
	log    *logBuffer
	stop   func() // ends Serve and waits for it
}

// logBuffer takes a log from several goroutines.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// socketDir returns a directory whose path is short enough for a socket, whatever the test is called.
func socketDir(t testing.TB) string {
	dir, err := os.MkdirTemp("", "tl")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// serve starts a gateway on a memory engine.
func serve(t testing.TB, adapt func(*Config, *Options)) *gateway {
	e := memory.New()
	g := serveOn(t, e, adapt)
	g.engine = e
	return g
}

// serveOn starts a gateway on an engine.
func serveOn(t testing.TB, e store.Engine, adapt func(*Config, *Options)) *gateway {
	t.Helper()
	return serveAt(t, e, nil, adapt)
}

// serveAt is serveOn with a clock.
func serveAt(t testing.TB, e store.Engine, clock func() time.Time, adapt func(*Config, *Options)) *gateway {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	st, err := store.Open(t.Context(), e, store.Options{Registerer: registry, Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	measure := func(text string, limit int) (int, error) { return len(text)/160 + 1, nil }
	g := &gateway{t: t, store: st, log: &logBuffer{}, path: filepath.Join(socketDir(t), "api.sock")}
	g.router = router.New(router.Options{Config: router.Default(), Store: st, Trunks: []router.Trunk{{Name: "desk", Backend: idle{}}}, Measure: measure, Registerer: registry})
	c := Default()
	c.Socket, c.ConnectionsPerUID = g.path, 0
	o := Options{Router: g.router, Store: st, Gatherer: registry, Registerer: registry, Version: "test",
		Logger: slog.New(slog.NewTextHandler(g.log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	if adapt != nil {
		adapt(&c, &o)
	}
	o.Config = c
	g.server = New(o)
	l, err := Listen(c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- g.server.Serve(ctx, l) }()
	g.client = api.NewClient(g.path)
	g.stop = sync.OnceFunc(func() {
		g.client.Close()
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("Serve: %v", err)
			}
		case <-time.After(20 * time.Second):
			t.Error("Serve does not end")
		}
	})
	t.Cleanup(g.stop)
	return g
}

// dial opens a connection to the socket.
func (g *gateway) dial() net.Conn {
	g.t.Helper()
	c, err := net.Dial("unix", g.path)
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(30 * time.Second))
	return c
}

// http returns a client that sends any request to the socket; the host in the URL does not matter.
func (g *gateway) http() *http.Client {
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", g.path)
	}}}
}

// submit accepts one message.
func (g *gateway) submit(to, text string) api.Message {
	g.t.Helper()
	a, err := g.client.Submit(g.t.Context(), api.SubmitRequest{To: api.Recipients{to}, Text: text}, "")
	if err != nil {
		g.t.Fatal(err)
	}
	return a.Messages[0]
}

// lastEvent is the number of events so far: equal numbers before and after a request mean that it changed nothing.
func (g *gateway) lastEvent() uint64 {
	g.t.Helper()
	n, err := g.store.LastEvent(g.t.Context())
	if err != nil {
		g.t.Fatal(err)
	}
	return n
}
