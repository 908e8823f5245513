package program

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
	"unicode/utf8"
)

// Errors of Run.
var (
	ErrUnknown = errors.New("there is no such program in the configuration")
	ErrBusy    = errors.New("as many of this program run as may")
)

// Options is what a Runner works with.
type Options struct {
	Programs map[string]Config
	Self     string // this program's file, which confines itself before it becomes the other; empty: /proc/self/exe
}

// Runner runs programs. It is safe for concurrent use.
type Runner struct {
	programs map[string]Config
	self     string
	mu       sync.Mutex
	running  map[string]int
}

// New returns a Runner for programs that passed Validate.
func New(o Options) *Runner {
	r := &Runner{programs: map[string]Config{}, self: o.Self, running: map[string]int{}}
	if r.self == "" {
		r.self = "/proc/self/exe"
	}
	for name, c := range o.Programs {
		r.programs[name] = c.withDefaults()
	}
	return r
}

// Config returns the definition of a program.
func (r *Runner) Config(name string) (Config, bool) {
	c, ok := r.programs[name]
	return c, ok
}

// Request is one run.
type Request struct {
	Program string            // name of its section
	Values  map[string]string // for its arguments; an absent one is empty
	Input   any               // written to its standard input as JSON
	Env     map[string]string // beside PATH, LANG and HOME; names of A-Z and _ only
}

// Result is what became of a run that was started.
type Result struct {
	Exit      int    // status; -1 when a signal ended it
	Signal    string // that ended it; empty: none did
	TimedOut  bool   // it was killed because its time was over
	Output    string // the beginning of what it wrote to its standard output and error, valid UTF-8
	Truncated bool   // there was more output
	Took      time.Duration
}

// OK tells whether the program says that it succeeded.
func (r Result) OK() bool { return r.Exit == 0 && !r.TimedOut }

// waitAfterKill is how long the output is read on after the program was killed: what it started may hold the pipe.
const waitAfterKill = 2 * time.Second

// Run starts a program and waits for its end. ErrUnknown, ErrBusy, or another error when it could not be started; nothing ran then. When ctx ends, the program is
// killed as if its time were over.
func (r *Runner) Run(ctx context.Context, q Request) (Result, error) {
	c, ok := r.programs[q.Program]
	if !ok {
		return Result{}, fmt.Errorf("program %q: %w", q.Program, ErrUnknown)
	}
	input, err := json.Marshal(q.Input)
	if err != nil {
		return Result{}, fmt.Errorf("program %q: input: %w", q.Program, err)
	}
	args := make([]string, len(c.Args))
	for i, a := range c.Args {
		if args[i], err = expand(a, func(name string) string { return q.Values[name] }); err != nil {
			return Result{}, fmt.Errorf("program %q: %w", q.Program, err)
		}
		if strings.ContainsRune(args[i], 0) {
			return Result{}, fmt.Errorf("program %q: argument %d has a NUL byte", q.Program, i+1)
		}
	}
	r.mu.Lock()
	if r.running[q.Program] >= c.Concurrency {
		r.mu.Unlock()
		return Result{}, fmt.Errorf("program %q: %w", q.Program, ErrBusy)
	}
	r.running[q.Program]++
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		r.running[q.Program]--
		r.mu.Unlock()
	}()
	return r.run(ctx, c, q, args, input)
}

func (r *Runner) run(ctx context.Context, c Config, q Request, args []string, input []byte) (Result, error) {
	if err := c.May(); err != nil {
		return Result{}, fmt.Errorf("program %q: %w", q.Program, err)
	}
	as, err := c.credential()
	if err != nil {
		return Result{}, fmt.Errorf("program %q: %w", q.Program, err)
	}
	spec, err := json.Marshal(order{Config: c, Argv: append([]string{c.Path}, args...)})
	if err != nil {
		return Result{}, err
	}
	limited, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	cmd := exec.CommandContext(limited, r.self)
	cmd.Args = []string{confineName, string(spec)}
	cmd.Env = []string{"PATH=/usr/bin:/bin", "LANG=C.UTF-8", "HOME=/nonexistent"}
	for name, v := range q.Env {
		if strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_") == "" && !strings.ContainsRune(v, 0) {
			cmd.Env = append(cmd.Env, name+"="+v)
		}
	}
	cmd.Dir = "/"
	cmd.Stdin = bytes.NewReader(input)
	out := &limitedBuffer{limit: c.Output}
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Credential: as} // a session and a process group of its own, which is killed as one
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = waitAfterKill
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return Result{}, fmt.Errorf("program %q: %w", q.Program, err)
	}
	err = cmd.Wait()
	killGroup(cmd.Process.Pid) // what it left behind
	took := time.Since(start)
	res := Result{Exit: cmd.ProcessState.ExitCode(), TimedOut: limited.Err() != nil && !cmd.ProcessState.Success(), Took: took}
	res.Output, res.Truncated = out.text()
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		res.Signal = status.Signal().String()
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) && !errors.Is(err, exec.ErrWaitDelay) && limited.Err() == nil && cmd.ProcessState.ExitCode() != 0 {
		return res, fmt.Errorf("program %q: %w", q.Program, err)
	}
	if failure, ok := strings.CutPrefix(res.Output, confineFailed); ok && res.Exit == confineExit {
		return Result{}, fmt.Errorf("program %q: %s", q.Program, strings.TrimSpace(failure))
	}
	return res, nil
}

// killGroup ends what is left of a process group. Its leader was waited for, and its number is not given again while the group has members.
func killGroup(pid int) {
	_ = syscall.Kill(-pid, syscall.SIGKILL) // ESRCH: nothing is left
}

// limitedBuffer keeps the beginning of what is written and takes the rest without keeping it, so that a program never waits for a reader.
type limitedBuffer struct {
	mu    sync.Mutex
	b     []byte
	limit int
	more  bool
}

func (l *limitedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := min(len(p), l.limit-len(l.b))
	l.b = append(l.b, p[:n]...)
	l.more = l.more || n < len(p)
	return len(p), nil
}

// text returns what was kept, without the beginning of a character that was cut.
func (l *limitedBuffer) text() (string, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.b
	if l.more {
		for i := 0; i < utf8.UTFMax && len(b) > 0; i++ {
			if r, n := utf8.DecodeLastRune(b); r != utf8.RuneError || n != 1 {
				break
			}
			b = b[:len(b)-1]
		}
	}
	return strings.ToValidUTF8(string(b), "\uFFFD"), l.more
}

// Check tells why programs cannot be confined here, nil when they can.
func Check() error {
	if _, err := landlockABI(); err != nil {
		return err
	}
	if _, err := os.Stat("/proc/self/exe"); err != nil {
		return fmt.Errorf("programs are started by way of /proc/self/exe: %w", err)
	}
	return nil
}
