package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// result is what one command line did.
type result struct {
	code     int
	out, err string
}

// call runs a command line with an input and an empty environment.
func call(t *testing.T, stdin string, args ...string) result {
	t.Helper()
	return callEnv(t.Context(), func(string) string { return "" }, stdin, args...)
}

func callEnv(ctx context.Context, env func(string) string, stdin string, args ...string) result {
	var out, errs bytes.Buffer
	code := run(ctx, args, strings.NewReader(stdin), &out, &errs, env)
	return result{code, out.String(), errs.String()}
}

// shortDir returns a temporary folder whose path leaves room for the name of a socket.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "tl")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func TestUsage(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string // in what is printed
	}{
		{[]string{"sned"}, "hint: did you mean send?"},
		{[]string{"xyzzy"}, "hint: one of: "},
		{[]string{"message"}, "hint: one of: cancel, list, log, release, resend, settle, show, watch"},
		{[]string{"message", "shwo"}, "hint: did you mean show?"},
		{[]string{"message", "show"}, "accepts 1 arg(s), received 0"},
		{[]string{"message", "show", "a", "b"}, "hint: usage: trunkline message show ID"},
		{[]string{"message", "list", "--limit", "many"}, "invalid argument"},
		{[]string{"send"}, "hint: usage: trunkline send TO"},
		{[]string{"send", "1", "2", "3"}, "hint: usage: trunkline send TO"},
		{[]string{"send", "--wait=read", "1", "x"}, "hint: write --wait, --wait=sent or --wait=delivered"},
		{[]string{"send", "--prio", "1", "x"}, "unknown flag: --prio"},
		{[]string{"inbox", "now"}, "hint: usage: trunkline inbox"},
		{[]string{"completion", "tcsh"}, "hint: one of: bash, zsh, fish"},
		{[]string{"demo", "text", "1", "x"}, "--dir is missing"},
		{[]string{"version", "--jsno"}, "unknown flag: --jsno"},
	} {
		got := call(t, "", c.args...)
		if got.code != exitUsage || !strings.Contains(got.err, c.want) || !strings.Contains(got.err, "hint: ") || got.out != "" {
			t.Errorf("%q: code %d, printed %q and %q, want code 2 and %q", c.args, got.code, got.out, got.err, c.want)
		}
	}
}

func TestHelp(t *testing.T) {
	for _, args := range [][]string{{}, {"--help"}, {"send", "--help"}, {"message", "--help"}} {
		if got := call(t, "", args...); got.code != exitDone || !strings.Contains(got.out, "Usage:") || got.err != "" {
			t.Errorf("%q: code %d, %q, %q", args, got.code, got.out, got.err)
		}
	}
}

func TestVersion(t *testing.T) {
	if got := call(t, "", "version"); got.code != exitDone || !strings.HasPrefix(got.out, "trunkline ") {
		t.Errorf("got %+v", got)
	}
	var b build
	if got := call(t, "", "version", "--json"); got.code != exitDone || json.Unmarshal([]byte(got.out), &b) != nil || b.Version == "" || b.Go == "" {
		t.Errorf("got %+v", got)
	}
}

func TestCompletion(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish"} {
		if got := call(t, "", "completion", shell); got.code != exitDone || !strings.Contains(got.out, "__complete") || !strings.Contains(got.out, "trunkline") {
			t.Errorf("%s: code %d, %d bytes, %s", shell, got.code, len(got.out), got.err)
		}
	}
	if got := call(t, "", "__complete", "message", "list", "--state", ""); !strings.Contains(got.out, "delivered") {
		t.Errorf("states are not offered: %s", got.out)
	}
}

// TestUnreachable: every online verb ends with 3 and says what to do, whatever keeps it from the daemon.
func TestUnreachable(t *testing.T) {
	dir := shortDir(t)
	dead := filepath.Join(dir, "dead.sock")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: dead, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
	for socket, want := range map[string]string{filepath.Join(dir, "none.sock"): "there is no such socket", dead: "left over"} {
		for _, args := range [][]string{{"send", "123", "x"}, {"message", "list"}, {"message", "show", "x"}, {"message", "cancel", "x"}, {"message", "watch"},
			{"inbox"}, {"inbox", "--follow"}, {"modem", "list"}} {
			got := call(t, "", append(args, "--socket", socket)...)
			if got.code != exitUnreachable || !strings.Contains(got.err, "hint: ") || !strings.Contains(got.err, want) || !strings.Contains(got.err, socket) {
				t.Errorf("%q: code %d, %q, want 3 and %q", args, got.code, got.err, want)
			}
		}
		env := func(name string) string { return map[string]string{"TRUNKLINE_SOCKET": socket}[name] }
		if got := callEnv(t.Context(), env, "", "inbox"); got.code != exitUnreachable || !strings.Contains(got.err, socket) {
			t.Errorf("TRUNKLINE_SOCKET: code %d, %q", got.code, got.err)
		}
	}
}

func TestConfigCheck(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := write("good.toml", "[modem.desk]\ndevice = '/dev/ttyUSB0'\n")
	bad := write("bad.toml", "[api]\nlisen = ''\n[router]\nparts_per_message = 0\n")
	if got := call(t, "", "config", "check", good); got.code != exitDone || got.out != good+" is good: 1 modems\n" {
		t.Errorf("good file: %+v", got)
	}
	got := call(t, "", "config", "check", bad)
	if got.code != exitFailed || got.out != "" || !strings.Contains(got.err, bad+":2: api.lisen: unknown key (did you mean listen?)\n"+bad+":4: router.parts_per_message: ") {
		t.Errorf("bad file: %+v", got)
	}
	var r checkResult
	got = call(t, "", "config", "check", bad, "--json")
	if err := json.Unmarshal([]byte(got.out), &r); err != nil || got.code != exitFailed || r.OK || len(r.Problems) != 2 || r.Problems[0].Line != 2 ||
		r.Problems[0].Key != "api.lisen" || got.err != "" {
		t.Errorf("bad file as JSON: %+v, %v", got, err)
	}
	got = call(t, "", "config", "check", good, "--json")
	if err := json.Unmarshal([]byte(got.out), &r); err != nil || got.code != exitDone || !r.OK || len(r.Trunks) != 1 || r.Trunks[0] != "desk" {
		t.Errorf("good file as JSON: %+v, %v", got, err)
	}
	reference := call(t, "", "config", "reference")
	if got := call(t, "", "config", "check", write("reference.toml", reference.out)); got.code != exitDone {
		t.Errorf("the reference is not good: %+v", got)
	}
	if got := call(t, "", "serve", "--config", bad); got.code != exitFailed || !strings.Contains(got.err, "api.lisen") {
		t.Errorf("serve with a bad file: %+v", got)
	}
}

func TestEscaping(t *testing.T) {
	for in, want := range map[string]string{
		"plain ü € 漢 \U0001F600":   "plain ü € 漢 \U0001F600",
		"two\nlines\tand":          "two\nlines\tand",
		"\x1b[31mred\x1b]0;t\x07":  `\x1b[31mred\x1b]0;t\x07`,
		"a\u202eb\u2066c\u200fd":   `a\u202eb\u2066c\u200fd`,
		"\r\x00\x7f\u0085\u2028":   `\x0d\x00\x7f\x85\u2028`,
		"broken \xff":              "broken \ufffd",
		"\ufeffmark":               `\ufeffmark`,
		"family \U0001F468\u200d👩": "family \U0001F468\u200d👩",
	} {
		if got := oneScreen(in); got != want {
			t.Errorf("oneScreen(%q) = %q, want %q", in, got, want)
		}
	}
	if got := oneLine("a\nb\tc\x1b"); got != `a\nb\tc\x1b` {
		t.Errorf("oneLine: %q", got)
	}
}

func TestSendText(t *testing.T) {
	for _, c := range []struct {
		args     []string
		in, want string
	}{{[]string{"hi"}, "no", "hi"}, {[]string{"-"}, "piped\n", "piped"}, {nil, "piped\r\n", "piped"}, {nil, "two\n\n", "two\n"}, {[]string{"-"}, "", ""}} {
		if got, err := sendText(strings.NewReader(c.in), c.args); err != nil || got != c.want {
			t.Errorf("%q, %q: %q, %v, want %q", c.args, c.in, got, err, c.want)
		}
	}
	if _, err := sendText(strings.NewReader(strings.Repeat("x", maxText+1)), nil); err == nil {
		t.Error("a text without end was read")
	}
}

func TestShellQuote(t *testing.T) {
	for in, want := range map[string]string{"/tmp/a-b.c": "/tmp/a-b.c", "": "''", "a b": "'a b'", "it's": `'it'\''s'`, "$x": "'$x'"} {
		if got := shellQuote(in); got != want {
			t.Errorf("shellQuote(%q) = %s, want %s", in, got, want)
		}
	}
}
