package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"trunkline/api"
	"trunkline/config"
	"trunkline/modem/emulator"
)

// reloading is a gateway with a configuration file, modems that can be plugged in, and a way to ask for a reload.
type reloading struct {
	t       *testing.T
	dir     string
	network *emulator.Network
	client  *api.Client
	gateway *gateway
	signals chan os.Signal
	level   *slog.LevelVar
	addr    string
}

func newReloading(t *testing.T, modems ...string) *reloading {
	t.Helper()
	return newReloadingWith(t, "", modems...)
}

// newReloadingWith is newReloading with further text in the configuration.
func newReloadingWith(t *testing.T, more string, modems ...string) *reloading {
	t.Helper()
	r := &reloading{t: t, dir: shortDir(t), signals: make(chan os.Signal), level: new(slog.LevelVar), addr: freeAddress(t)}
	r.network = emulator.NewNetwork(emulator.NetworkOptions{Latency: 300 * time.Millisecond})
	t.Cleanup(r.network.Close)
	air, off := context.WithCancel(context.Background())
	t.Cleanup(off)
	for i, name := range []string{"alpha", "beta", "gamma"} {
		m := emulator.New(r.network, emulator.Options{Name: name, Number: fmt.Sprintf("+49170000000%d", i+1)})
		if _, err := m.PTY(air, filepath.Join(r.dir, name)); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(m.Wait)
		t.Cleanup(off)
	}
	r.write(more, modems...)
	load := func() (config.Config, error) { return config.Load(filepath.Join(r.dir, "t.toml")) }
	c, err := load()
	if err != nil {
		t.Fatal(err)
	}
	// Every second reload only tells that the one before it is done: it gets what that one read.
	reads, read, failed := 0, c, error(nil)
	again := func() (config.Config, error) {
		if reads++; reads%2 == 1 {
			read, failed = load()
		}
		return read, failed
	}
	if r.gateway, err = newGateway(c, gatewayOptions{reloads: r.signals, load: again, level: r.level}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.gateway.run(ctx) }()
	r.client = api.NewClient(c.API.Socket)
	t.Cleanup(func() {
		r.client.Close()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return r
}

// write writes the configuration: the modems, each as NAME or NAME:KEY=VALUE, and further text.
func (r *reloading) write(more string, modems ...string) {
	r.t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "[store]\npath = %q\n[api]\nsocket = %q\nmetrics = %q\n", filepath.Join(r.dir, "db"), filepath.Join(r.dir, "s"), r.addr)
	for _, m := range modems {
		name, setting, _ := strings.Cut(m, ":")
		fmt.Fprintf(&b, "[modem.%s]\ndevice = %q\n%s\n", name, filepath.Join(r.dir, name), setting)
	}
	if err := os.WriteFile(filepath.Join(r.dir, "t.toml"), []byte(b.String()+more), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// reload asks for a reload and returns when it is done, with what the metrics say of it.
func (r *reloading) reload() (ok bool) {
	r.t.Helper()
	r.signals <- syscall.SIGHUP
	r.signals <- syscall.SIGHUP // taken only when the first is done
	return strings.Contains(r.metrics(), "\ntrunkline_config_last_reload_successful 1\n")
}

func (r *reloading) metrics() string {
	r.t.Helper()
	res, err := http.Get("http://" + r.addr + "/metrics")
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return string(b)
}

// modems returns the modems of the API by name, after those named are ready.
func (r *reloading) modems(ready ...string) map[string]api.Modem {
	r.t.Helper()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		list, err := r.client.Modems(r.t.Context())
		if err != nil {
			r.t.Fatal(err)
		}
		all, up := map[string]api.Modem{}, 0
		for _, m := range list {
			all[m.Name] = m
			for _, name := range ready {
				if m.Name == name && m.State == "ready" {
					up++
				}
			}
		}
		if up == len(ready) {
			return all
		}
		if time.Now().After(end) {
			r.t.Fatalf("not ready: %+v", list)
		}
	}
}

func (r *reloading) send(trunk, text string) string {
	r.t.Helper()
	a, err := r.client.Submit(r.t.Context(), api.SubmitRequest{To: api.Recipients{phoneNumber}, Text: text, Trunk: trunk}, "")
	if err != nil {
		r.t.Fatal(err)
	}
	return a.Messages[0].ID
}

// TestReload: modems come, change and go; one that the change is not about keeps its session, and a message in flight gets its answer.
func TestReload(t *testing.T) {
	r := newReloading(t, "alpha", "beta")
	phone := r.network.Handset(phoneNumber)
	before := r.modems("alpha", "beta")

	busy := r.send("beta", "in flight while beta changes")
	r.write("[router]\nparts_per_message = 1\n[log]\nlevel = \"debug\"\n", "alpha", "beta:sweep_interval=\"2s\"", "gamma")
	if !r.reload() {
		t.Fatal("the file was refused")
	}
	after := r.modems("alpha", "beta", "gamma")
	if after["alpha"].Opens != before["alpha"].Opens {
		t.Errorf("alpha was opened %d times, before %d: it was not left alone", after["alpha"].Opens, before["alpha"].Opens)
	}
	if m, err := r.client.Wait(t.Context(), busy, api.Message.Final); err != nil || m.State != "delivered" {
		t.Errorf("the message in flight is %s, %v", m.State, err)
	}
	gamma := r.send("gamma", "through the new one")
	if m, err := r.client.Wait(t.Context(), gamma, api.Message.Final); err != nil || m.State != "delivered" {
		t.Errorf("through the new modem: %s, %v", m.State, err)
	}
	if n := len(phone.Inbox()); n != 2 {
		t.Errorf("the phone has %d texts, want 2: none twice", n)
	}
	if _, err := r.client.Submit(t.Context(), api.SubmitRequest{To: api.Recipients{phoneNumber}, Text: strings.Repeat("long ", 50)}, ""); err == nil {
		t.Error("parts_per_message was not taken")
	}
	if r.level.Level() != slog.LevelDebug {
		t.Errorf("the level is %s", r.level.Level())
	}

	r.write("", "alpha")
	if !r.reload() {
		t.Fatal("the second file was refused")
	}
	if all := r.modems("alpha"); len(all) != 1 || all["alpha"].Opens != before["alpha"].Opens {
		t.Errorf("left over: %+v", all)
	}
	if text := r.metrics(); strings.Contains(text, `trunk="gamma"`) || strings.Contains(text, `trunk="beta"`) || !strings.Contains(text, `trunk="alpha"`) {
		t.Error("the metrics have series of modems that are gone, or lost those of the one that stays")
	}
	var p *api.Problem
	if _, err := r.client.Submit(t.Context(), api.SubmitRequest{To: api.Recipients{phoneNumber}, Text: "x", Trunk: "gamma"}, ""); !errors.As(err, &p) || p.Status/100 != 4 {
		t.Errorf("a trunk that is gone: %v", err)
	}
	if n := r.gateway.finder.Members(); n != 1 {
		t.Error("modems that are gone still claim their ports")
	}
}

// TestReloadRefused: a file that is wrong, or that differs where nothing can change, changes nothing at all.
func TestReloadRefused(t *testing.T) {
	r := newReloading(t, "alpha")
	before := r.modems("alpha")
	for name, text := range map[string]string{
		"faulty":      "[router]\nparts_per_message = 0\n",
		"api changes": "",
	} {
		r.write(text, "alpha:sweep_interval=\"2s\"", "beta")
		if name == "api changes" {
			file := filepath.Join(r.dir, "t.toml")
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			changed := strings.Replace(string(b), "[api]\n", "[api]\nbody_limit = 2048\n", 1)
			if err := os.WriteFile(file, []byte(changed), 0o600); err != nil {
				t.Fatal(err)
			}
			c, err := config.Load(file)
			if err != nil {
				t.Fatal(err)
			}
			if keys := fixedKeys(r.gateway.config, c); len(keys) != 1 || keys[0] != "api.body_limit" {
				t.Errorf("keys %q", keys)
			}
		}
		if r.reload() {
			t.Errorf("%s: it was taken", name)
		}
		after := r.modems("alpha")
		if len(after) != 1 || after["alpha"].Opens != before["alpha"].Opens {
			t.Errorf("%s: something changed: %+v", name, after)
		}
		if line := r.gateway.status(); !strings.HasPrefix(line, "1/1 modems up, 0 waiting; not reloaded: ") {
			t.Errorf("%s: status %q", name, line)
		}
	}
	r.write("", "alpha")
	if !r.reload() {
		t.Error("the right file was refused")
	}
	if line := r.gateway.status(); line != "1/1 modems up, 0 waiting" {
		t.Errorf("status %q", line)
	}
}

// given are the ports that freeAddress has given out.
var given sync.Map

// freeAddress returns a TCP address of this machine that nobody listens on, each only once. Its port lies below those that the kernel gives to whoever asks for
// any, and no other package looks there, so nobody gets it by chance before the program listens on it.
func freeAddress(t *testing.T) string {
	t.Helper()
	for {
		port := 20000 + rand.IntN(3000)
		if _, taken := given.LoadOrStore(port, true); taken {
			continue
		}
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		l, err := net.Listen("tcp", address)
		if errors.Is(err, syscall.EADDRINUSE) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
		return address
	}
}
