package sip

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"trunkline/router"
)

// freePort returns a port of loopback that nobody has, by UDP and by TCP, below those that the kernel gives to whoever asks for any; no other package looks there.
func freePort(t *testing.T) string {
	t.Helper()
	for range 1000 {
		addr := "127.0.0.1:" + strconv.Itoa(29000+rand.IntN(3000))
		packets, err := net.ListenPacket("udp4", addr)
		if err != nil {
			continue
		}
		stream, err := net.Listen("tcp4", addr)
		packets.Close()
		if err != nil {
			continue
		}
		stream.Close()
		return addr[len("127.0.0.1:"):]
	}
	t.Fatal("no port is free")
	return ""
}

// TestKamailio: Kamailio asks who sends, takes the text of who knows the password, and no other. Needs the Debian package kamailio.
func TestKamailio(t *testing.T) {
	kamailio, err := exec.LookPath("kamailio")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("kamailio is missing: install the package kamailio")
		}
		t.Skip("kamailio is not installed (package kamailio)")
	}
	dir, port := t.TempDir(), freePort(t)
	text0, err := os.ReadFile("testdata/account.cfg")
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, s string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(s), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	config := write("account.cfg", strings.ReplaceAll(string(text0), "@LISTEN@", port))
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	var out bytes.Buffer
	server := exec.CommandContext(ctx, kamailio, "-f", config, "-DD", "-E", "-m", "16", "-M", "4", "-w", dir, "-Y", dir)
	server.Stdout, server.Stderr = &out, &out
	server.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	server.Cancel = func() error { return syscall.Kill(-server.Process.Pid, syscall.SIGKILL) }
	server.WaitDelay = 5 * time.Second
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { server.Wait(); close(ended) }()
	defer func() {
		cancel()
		<-ended
		if t.Failed() {
			t.Log(out.String())
		}
	}()
	for up := false; !up; { // TCP comes last
		c, err := net.Dial("tcp4", "127.0.0.1:"+port)
		if up = err == nil; up {
			c.Close()
			break
		}
		select {
		case <-ended:
			t.Fatal("kamailio ended")
		case <-time.After(50 * time.Millisecond):
		}
	}
	right, wrong := write("right", "Circle of Life\n"), write("wrong", "x\n")
	for _, c := range []struct{ transport, to, file, code string }{
		{UDP, "sip:anna@example.com", right, ""}, {TCP, "sip:anna@example.com", right, ""}, {UDP, "sip:bert@example.com", right, "sip_404"}, {UDP, "sip:anna@example.com", wrong, "sip_401"},
	} {
		trunk := newTrunk(t, "127.0.0.1:"+port, func(f *Config) { f.Transport, f.Username, f.PasswordFile = c.transport, "gw", c.file })
		_, err := send(t, trunk, text(c.to, "Grüße aus Köln"))
		var e *router.SendError
		if c.code == "" && err != nil || c.code != "" && (!errors.As(err, &e) || e.Code != c.code || e.Class != router.Rejected) {
			t.Errorf("%s to %s: %v", c.transport, c.to, err)
		}
	}
}
