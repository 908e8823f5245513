package program

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A program with a user runs as him, in no other group and with no capability; who may not become him is told what is missing, and nothing runs.
func TestAnotherUser(t *testing.T) {
	needConfinement(t)
	nobody, err := user.Lookup("nobody")
	if err != nil {
		t.Fatal(err)
	}
	path := script(t, "id -u; id -G; grep -i '^Cap\\(Prm\\|Eff\\|Amb\\)' /proc/self/status; touch "+filepath.Join(os.TempDir(), "x")+" 2>/dev/null || echo cannot write; [ \"$1\" = once ] && exit 3; sleep 30 & exec sleep 30\n")
	if err := os.Chmod(filepath.Dir(filepath.Dir(path)), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, args := range map[string][]string{"nobody": nil, nobody.Uid: {"once"}} {
		c := Config{Path: path, Args: args, User: name, Read: []string{"/proc"}, Timeout: 10 * time.Second}
		if errs := c.Validate(); errs != nil {
			t.Fatal(errs)
		}
		r := New(Options{Programs: map[string]Config{"x": c}})
		res, err := r.Run(t.Context(), Request{Program: "x"})
		if os.Getuid() != 0 {
			if err == nil || !strings.Contains(err.Error(), "CAP_") || !strings.Contains(err.Error(), "AmbientCapabilities=") {
				t.Errorf("as user %d: %+v, %v", os.Getuid(), res, err)
			}
			continue
		}
		if err != nil || res.TimedOut != (args == nil) { // it was ended although it is another's
			t.Fatalf("%+v, %v", res, err)
		}
		zero := strings.Repeat("0", 16)
		want := fmt.Sprintf("%s\n%s\nCapPrm:\t%s\nCapEff:\t%s\nCapAmb:\t%s\ncannot write\n", nobody.Uid, nobody.Gid, zero, zero, zero)
		if res.Output != want {
			t.Errorf("%q, want %q", res.Output, want)
		}
	}
}

func TestUsersThatAreWrong(t *testing.T) {
	for name, want := range map[string]string{"root": "do not run as root", "0": "do not run as root", "nobody-here": "there is no user", "4000000000": "there is no user", "-1": "there is no user"} {
		errs := Config{Path: "/bin/true", User: name}.Validate()
		if len(errs) != 1 || !strings.HasPrefix(errs[0].Error(), "user: ") || !strings.Contains(errs[0].Error(), want) {
			t.Errorf("%q: %v", name, errs)
		}
	}
}
