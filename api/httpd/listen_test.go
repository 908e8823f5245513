package httpd

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"trunkline/api"
)

func TestListen(t *testing.T) {
	dir := socketDir(t)
	c := Default()
	c.Socket = filepath.Join(dir, "api.sock")
	l, err := Listen(c)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(c.Socket)
	if err != nil || info.Mode().Perm() != 0o660 {
		t.Errorf("mode is %v (%v), want 0660", info.Mode(), err)
	}
	if _, err := Listen(c); err == nil || !strings.Contains(err.Error(), "is listening there already") || !strings.Contains(err.Error(), c.Socket) {
		t.Errorf("a second daemon: %v", err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false) // as after a crash
	l.Close()
	if _, err := os.Stat(c.Socket); err != nil {
		t.Fatal(err)
	}
	l, err = Listen(c)
	if err != nil {
		t.Fatalf("over a dead socket: %v", err)
	}
	l.Close()
	if _, err := os.Stat(c.Socket); !os.IsNotExist(err) {
		t.Errorf("the socket is still there: %v", err)
	}
	if err := os.WriteFile(c.Socket, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(c); err == nil || !strings.Contains(err.Error(), "no socket is in the way") {
		t.Errorf("over a file: %v", err)
	}
	c.Socket = filepath.Join(dir, "none", "api.sock")
	if _, err := Listen(c); err == nil || !strings.Contains(err.Error(), "there is no directory") {
		t.Errorf("without a directory: %v", err)
	}
}

func TestConfigValidate(t *testing.T) {
	if errs := Default().Validate(); len(errs) != 0 {
		t.Errorf("default: %v", errs)
	}
	bad := Config{Socket: strings.Repeat("x", 108), SocketMode: "0999", SocketGroup: "no such group", Listen: "0.0.0.0:8470", TLSKey: "key.pem", Metrics: "9470", ConnectionsPerUID: -1}
	var got []string
	for _, err := range bad.Validate() {
		key, _, _ := strings.Cut(err.Error(), ":")
		got = append(got, key)
	}
	want := "socket socket_mode socket_group tls_cert listen metrics body_limit header_limit header_timeout body_timeout write_timeout idle_timeout heartbeat stop_timeout connections_per_uid"
	if strings.Join(got, " ") != want {
		t.Errorf("got %v, want %s", got, want)
	}
}

func TestUnreachable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none.sock")
	c := api.NewClient(path)
	err := c.Health(t.Context())
	if e, ok := err.(*api.UnreachableError); !ok || e.Address != path || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v", err)
	}
	failures := 0
	for _, err := range c.Events(t.Context(), 0) {
		if failures++; err == nil || failures == 3 {
			break
		}
	}
	if failures != 3 {
		t.Errorf("%d failures, want 3: it goes on trying", failures)
	}
}
