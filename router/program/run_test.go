package program

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if Confined() {
		Confine()
	}
	goleak.VerifyTestMain(m)
}

// script writes a program for a test.
func script(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// needConfinement skips a test where the kernel has no Landlock, but not in CI.
func needConfinement(t *testing.T) {
	t.Helper()
	if err := Check(); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
}

func run(t *testing.T, c Config, q Request) Result {
	t.Helper()
	needConfinement(t)
	if errs := c.Validate(); errs != nil {
		t.Fatal(errs)
	}
	q.Program = "x"
	res, err := New(Options{Programs: map[string]Config{"x": c}}).Run(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// An argument is one argument, whatever it holds; no shell reads it.
func TestArguments(t *testing.T) {
	hostile := []string{"host1; rm -rf / #", "$(id)", "`id`", "a b\tc", "'\"\\", "|cat /etc/passwd", "*", "\x1b[0m", "\u202e", "-rf", "{host}", "=cmd|' /C calc'!A0"}
	for _, v := range hostile {
		res := run(t, Config{Path: script(t, `printf '%s\n' "$#" "$2"; cat`), Args: []string{"--", "{host}", "fixed"}}, Request{Values: map[string]string{"host": v}, Input: map[string]string{"text": v}})
		count, rest, _ := strings.Cut(res.Output, "\n")
		if !res.OK() || count != "3" || !strings.HasPrefix(rest, v+"\n") {
			t.Fatalf("%q: %+v", v, res)
		}
		var in struct{ Text string }
		if err := json.Unmarshal([]byte(rest[len(v)+1:]), &in); err != nil || in.Text != v {
			t.Errorf("%q: standard input %q, %v", v, rest, err)
		}
	}
	if _, err := New(Options{Programs: map[string]Config{"x": {Path: "/bin/true", Args: []string{"{a}"}}}}).Run(t.Context(), Request{Program: "x", Values: map[string]string{"a": "\x00"}}); err == nil {
		t.Error("a NUL byte is taken")
	}
}

func TestEnvironment(t *testing.T) {
	t.Setenv("TRUNKLINE_SECRET_OF_DAEMON", "hidden")
	res := run(t, Config{Path: "/usr/bin/env"}, Request{Env: map[string]string{"SENDER": "+49 $(x)", "bad name": "x", "NUL": "a\x00b"}})
	var names []string
	for line := range strings.Lines(res.Output) {
		name, _, _ := strings.Cut(line, "=")
		names = append(names, name)
	}
	got := strings.Join(names, " ")
	for _, want := range []string{"PATH", "LANG", "HOME", "SENDER"} {
		if !strings.Contains(got, want) {
			t.Errorf("%s is missing in %s", want, got)
		}
	}
	if len(names) != 4 {
		t.Errorf("environment is %s", res.Output)
	}
}

func TestFilesAndNetwork(t *testing.T) {
	dir := t.TempDir()
	secret := filepath.Join(dir, "secret")
	if err := os.WriteFile(secret, []byte("s3cret"), 0o644); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	text := fmt.Sprintf("cat %s 2>&1; echo x > %s/new; [ -e %s/new ] && echo written; exec 3<>/dev/null && echo null", secret, dir, dir)
	for _, c := range []struct {
		name       string
		config     Config
		want, none []string
	}{
		{"nothing given", Config{}, []string{"null"}, []string{"s3cret", "written"}},
		{"may read", Config{Read: []string{dir}}, []string{"s3cret", "null"}, []string{"written"}},
		{"may write", Config{Write: []string{dir}}, []string{"s3cret", "written"}, nil},
		{"unconfined", Config{Unconfined: true}, []string{"s3cret", "written"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			os.Remove(filepath.Join(dir, "new"))
			c.config.Path = script(t, text)
			res := run(t, c.config, Request{})
			for _, w := range c.want {
				if !strings.Contains(res.Output, w) {
					t.Errorf("%q is missing in %q", w, res.Output)
				}
			}
			for _, n := range c.none {
				if strings.Contains(res.Output, n) {
					t.Errorf("%q is in %q", n, res.Output)
				}
			}
		})
	}
	bash, err := os.Stat("/bin/bash")
	if err != nil || bash.IsDir() {
		if os.Getenv("CI") == "true" {
			t.Fatal("install the Debian package bash, whose /dev/tcp this needs")
		}
		t.Skip("the shell of package bash, whose /dev/tcp this needs, is not there")
	}
	dial := fmt.Sprintf("exec 3<>/dev/tcp/127.0.0.1/%s && echo connected", port)
	for _, allowed := range []bool{false, true} {
		res := run(t, Config{Path: "/bin/bash", Args: []string{"-c", dial}, Network: allowed}, Request{})
		if strings.Contains(res.Output, "connected") != allowed {
			t.Errorf("network %v: %+v", allowed, res)
		}
	}
}

func TestLimits(t *testing.T) {
	start := time.Now()
	res := run(t, Config{Path: script(t, "sleep 600 & sleep 600"), Timeout: time.Second}, Request{})
	if !res.TimedOut || res.OK() || time.Since(start) > time.Minute {
		t.Errorf("%+v after %s", res, time.Since(start))
	}
	res = run(t, Config{Path: script(t, "yes | head -c 200000; exit 3"), Output: 1000}, Request{})
	if len(res.Output) != 1000 || !res.Truncated || res.Exit != 3 || res.OK() {
		t.Errorf("%d bytes, %+v", len(res.Output), res.Exit)
	}
	res = run(t, Config{Path: script(t, "ulimit -n; ulimit -f; ulimit -v; ulimit -t; ulimit -c"), Files: 33, FileSize: 512 << 10, Memory: 256 << 20, CPU: 7 * time.Second}, Request{})
	if got := strings.Fields(res.Output); len(got) != 5 || got[0] != "33" || got[1] != "1024" || got[2] != "262144" || got[3] != "7" || got[4] != "0" {
		t.Errorf("%q", res.Output)
	}
	res = run(t, Config{Path: script(t, `printf 'h\303\244'`), Output: 2}, Request{})
	if res.Output != "h" || !res.Truncated {
		t.Errorf("%q", res.Output)
	}
}

func TestRunsThatDoNotStart(t *testing.T) {
	needConfinement(t)
	dir := t.TempDir()
	runs := filepath.Join(dir, "runs")
	r := New(Options{Programs: map[string]Config{"slow": {Path: script(t, "echo > "+runs+"; exec sleep 600"), Write: []string{dir}, Timeout: 10 * time.Minute}, "gone": {Path: "/nonexistent/program"}}})
	if _, err := r.Run(t.Context(), Request{Program: "none"}); !errors.Is(err, ErrUnknown) {
		t.Errorf("%v", err)
	}
	if _, err := r.Run(t.Context(), Request{Program: "gone"}); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		_, err := r.Run(ctx, Request{Program: "slow"})
		done <- err
	}()
	for missing := true; missing; time.Sleep(time.Millisecond) {
		_, err := os.Stat(runs)
		missing = err != nil
	}
	if _, err := r.Run(t.Context(), Request{Program: "slow"}); !errors.Is(err, ErrBusy) {
		t.Errorf("%v", err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("%v", err)
	}
}

func TestConfigsThatAreWrong(t *testing.T) {
	for want, c := range map[string]Config{
		"path: \"wake\" is not absolute": {Path: "wake"},
		"path: /nonexistent":             {Path: "/nonexistent"},
		"path: /etc is no program":       {Path: "/etc"},
		"args: \"{Host}\" has a brace":   {Path: "/bin/true", Args: []string{"{Host}"}},
		"timeout: 1ms is not":            {Path: "/bin/true", Timeout: time.Millisecond},
		"output: 70000 is not":           {Path: "/bin/true", Output: 70000},
		"read: \"x\" is not absolute":    {Path: "/bin/true", Read: []string{"x"}},
		"concurrency: -1 is not":         {Path: "/bin/true", Concurrency: -1},
	} {
		if errs := c.Validate(); len(errs) != 1 || !strings.HasPrefix(errs[0].Error(), want) {
			t.Errorf("%v; want %q", errs, want)
		}
	}
	if names := (Config{Args: []string{"{a}-{b}", "{a}"}}).Names(); len(names) != 2 {
		t.Errorf("%q", names)
	}
}
