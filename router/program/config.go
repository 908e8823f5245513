// Package program runs the local programs of actions. A program is defined in the configuration file and nowhere else. It is started directly, never by a
// shell, with fixed arguments, the data as JSON on its standard input, a clean environment, and in bounds: time, processor time, memory, open files, size of
// files, output and number at once. The kernel keeps it from everything that it was not given: Landlock for files, a seccomp filter for the network.
package program

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Config is one section [program.NAME]: a program that actions may run. Path is needed.
type Config struct {
	Path        string        `toml:"path"`        // the program, by its absolute path; no shell reads it
	Args        []string      `toml:"args"`        // its arguments; {NAME} stands for an argument of the action and becomes one argument of the program, whatever it holds
	User        string        `toml:"user"`        // it runs as this user of the machine, by name or number, who is not root; the daemon needs CAP_SETUID, CAP_SETGID and CAP_KILL for that; empty: as the daemon
	Timeout     time.Duration `toml:"timeout"`     // then the program and all that it started are killed; 0: 30s
	Output      int           `toml:"output"`      // bytes of its output that are kept, at most 65536; 0: 4096
	Concurrency int           `toml:"concurrency"` // how many of it may run at once; 0: 1
	CPU         time.Duration `toml:"cpu"`         // processor time of one run; 0: 10s
	Memory      int64         `toml:"memory"`      // address space in bytes; 0: 512 MiB
	Files       int           `toml:"files"`       // open files; 0: 64
	FileSize    int64         `toml:"file_size"`   // bytes that it may write into one file; 0: 1 MiB
	Read        []string      `toml:"read"`        // files and folders that it may read, beside the system's programs and libraries
	Write       []string      `toml:"write"`       // files and folders that it may change; none when empty
	Network     bool          `toml:"network"`     // it may open sockets
	Unconfined  bool          `toml:"unconfined"`  // it may do what the daemon may; for kernels without Landlock only
}

// withDefaults fills in what is zero.
func (c Config) withDefaults() Config {
	def := func(p *time.Duration, d time.Duration) {
		if *p == 0 {
			*p = d
		}
	}
	def(&c.Timeout, 30*time.Second)
	def(&c.CPU, 10*time.Second)
	for p, n := range map[*int]int{&c.Output: 4096, &c.Concurrency: 1, &c.Files: 64} {
		if *p == 0 {
			*p = n
		}
	}
	for p, n := range map[*int64]int64{&c.Memory: 512 << 20, &c.FileSize: 1 << 20} {
		if *p == 0 {
			*p = n
		}
	}
	return c
}

// maxArgs is how many arguments a program may have.
const maxArgs = 64

// Validate returns everything that is wrong, each error starting with the key.
func (c Config) Validate() (errs []error) {
	wrong := func(format string, a ...any) { errs = append(errs, fmt.Errorf(format, a...)) }
	switch info, err := os.Stat(c.Path); {
	case !filepath.IsAbs(c.Path):
		wrong("path: %q is not absolute; write the whole path, e.g. \"/usr/local/bin/wake\"", c.Path)
	case err != nil:
		wrong("path: %s cannot be found", c.Path)
	case !info.Mode().IsRegular() || info.Mode()&0o111 == 0:
		wrong("path: %s is no program that can be run", c.Path)
	case info.Mode()&0o002 != 0:
		wrong("path: everybody can change %s; chmod o-w it", c.Path)
	}
	if _, err := c.credential(); err != nil {
		wrong("user: %v", err)
	}
	if len(c.Args) > maxArgs {
		wrong("args: there are %d, at most %d are taken", len(c.Args), maxArgs)
	}
	for _, a := range c.Args {
		if strings.ContainsRune(a, 0) {
			wrong("args: a NUL byte cannot be in an argument")
		}
		if _, err := expand(a, nil); err != nil {
			wrong("args: %v", err)
		}
	}
	d := c.withDefaults()
	for _, n := range []struct {
		key              string
		value, low, high int64
	}{{"output", int64(d.Output), 1, 64 << 10}, {"concurrency", int64(d.Concurrency), 1, 64}, {"files", int64(d.Files), 8, 4096}, {"memory", d.Memory, 16 << 20, 1 << 40}, {"file_size", d.FileSize, 0, 1 << 40}} {
		if n.value < n.low || n.value > n.high {
			wrong("%s: %d is not between %d and %d", n.key, n.value, n.low, n.high)
		}
	}
	if d.Timeout < time.Second || d.Timeout > time.Hour {
		wrong("timeout: %s is not between 1s and 1h", d.Timeout)
	}
	if d.CPU < time.Second || d.CPU > time.Hour {
		wrong("cpu: %s is not between 1s and 1h", d.CPU)
	}
	for key, paths := range map[string][]string{"read": c.Read, "write": c.Write} {
		for _, p := range paths {
			if !filepath.IsAbs(p) {
				wrong("%s: %q is not absolute", key, p)
			}
		}
	}
	return errs
}

// Names returns the arguments of the action that the program is given, each once.
func (c Config) Names() []string {
	var all []string
	seen := map[string]bool{}
	for _, a := range c.Args {
		expand(a, func(name string) string {
			if !seen[name] {
				seen[name] = true
				all = append(all, name)
			}
			return ""
		})
	}
	return all
}

// expand replaces each {name}; with no function it only checks the form.
func expand(s string, value func(name string) string) (string, error) {
	var b strings.Builder
	for {
		open := strings.IndexByte(s, '{')
		if open < 0 {
			b.WriteString(s)
			return b.String(), nil
		}
		end := strings.IndexByte(s[open:], '}')
		if end < 2 || strings.Trim(s[open+1:open+end], "abcdefghijklmnopqrstuvwxyz0123456789_") != "" {
			return "", fmt.Errorf("%q has a brace that is not part of {name}", s)
		}
		b.WriteString(s[:open])
		if value != nil {
			b.WriteString(value(s[open+1 : open+end]))
		}
		s = s[open+end+1:]
	}
}
