package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"trunkline/router/program"
)

// built is the program that many tests start as a process of its own.
var built shared

// shared is a program that is built when the first test asks for it, and removed after the last.
type shared struct {
	once sync.Once
	dir  string
	err  error
}

// buildProgram returns the path of the program under test.
func buildProgram(t *testing.T) string {
	t.Helper()
	built.once.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "trunkline-test"); built.err == nil {
			built.err = buildWith(filepath.Join(built.dir, "trunkline"))
		}
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return filepath.Join(built.dir, "trunkline")
}

// buildWith makes the program with some arguments of go build.
func buildWith(file string, args ...string) error {
	if out, err := exec.Command("go", append(append([]string{"build", "-o", file}, args...), ".")...).CombinedOutput(); err != nil {
		return fmt.Errorf("build the program: %w\n%s", err, out)
	}
	return nil
}

func TestMain(m *testing.M) {
	if program.Confined() {
		program.Confine()
	}
	code := m.Run()
	if built.dir != "" {
		os.RemoveAll(built.dir)
	}
	os.Exit(code)
}
