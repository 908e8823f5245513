package bolt_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"trunkline/store"
	"trunkline/store/bolt"
	"trunkline/store/enginetest"
)

func TestMain(m *testing.M) {
	if path := os.Getenv("TRUNKLINE_TEST_HOLD"); path != "" {
		hold(path)
	}
	if path := os.Getenv("TRUNKLINE_TEST_WRITE"); path != "" {
		write(path)
	}
	goleak.VerifyTestMain(m)
}

// hold opens a database and keeps it until standard input ends.
func hold(path string) {
	db, err := bolt.Open(path, bolt.Options{})
	if err != nil {
		os.Stdout.WriteString(err.Error())
		os.Exit(1)
	}
	os.Stdout.WriteString("open\n")
	os.Stdin.Read(make([]byte, 1))
	db.Close()
	os.Exit(0)
}

func open(t testing.TB, path string) *bolt.DB {
	t.Helper()
	db, err := bolt.Open(path, bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func put(e store.Engine, key string) error {
	return e.Update(context.Background(), func(tx store.Tx) error { return tx.Put("t", []byte(key), []byte("v")) })
}

func TestEngine(t *testing.T) {
	enginetest.Run(t, func(t *testing.T) (store.Engine, func(*testing.T) store.Engine) {
		path := filepath.Join(t.TempDir(), "db")
		db := open(t, path)
		return db, func(t *testing.T) store.Engine {
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			return open(t, path)
		}
	})
}

func TestNewFileIsPrivateAndAlone(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "db")
	if err := os.WriteFile(path+".new", []byte("left behind"), 0o644); err != nil {
		t.Fatal(err)
	}
	open(t, path)
	info, err := os.Stat(path)
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if names, _ := filepath.Glob(filepath.Join(dir, "*")); len(names) != 1 {
		t.Errorf("files %q", names)
	}
}

func TestLockedNamesTheHolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	holder := exec.Command(os.Args[0])
	holder.Env = append(os.Environ(), "TRUNKLINE_TEST_HOLD="+path)
	in, err := holder.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := holder.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 5)
	if _, err := out.Read(b); err != nil || string(b) != "open\n" {
		t.Fatalf("holder says %q, %v", b, err)
	}
	_, err = bolt.Open(path, bolt.Options{})
	if !errors.Is(err, store.ErrLocked) {
		t.Fatalf("error %v, want ErrLocked", err)
	}
	if want := strconv.Itoa(holder.Process.Pid); !strings.Contains(err.Error(), "process "+want+" (") {
		t.Errorf("error %q does not name process %s", err, want)
	}
	if _, err := bolt.Open(path, bolt.Options{ReadOnly: true, LockTimeout: time.Millisecond}); !errors.Is(err, store.ErrLocked) {
		t.Errorf("read-only: %v, want ErrLocked", err)
	}
	in.Close()
	if err := holder.Wait(); err != nil {
		t.Fatal(err)
	}
	open(t, path)
}

func TestReadOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	db := open(t, path)
	if err := put(db, "k"); err != nil {
		t.Fatal(err)
	}
	db.Close()
	for range 2 { // two readers at a time
		r, err := bolt.Open(path, bolt.Options{ReadOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if err := put(r, "l"); !errors.Is(err, store.ErrReadOnly) {
			t.Errorf("Update: %v, want ErrReadOnly", err)
		}
		if err := r.Check(t.Context()); err != nil {
			t.Error(err)
		}
		err = r.View(t.Context(), func(r store.Reader) error {
			if v, err := r.Get("t", []byte("k")); string(v) != "v" || err != nil {
				t.Errorf("Get: %q, %v", v, err)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	if _, err := bolt.Open(filepath.Join(t.TempDir(), "none"), bolt.Options{ReadOnly: true}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("absent file: %v", err)
	}
}

func TestNoDirectory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none", "db")
	if _, err := bolt.Open(path, bolt.Options{}); err == nil || !strings.Contains(err.Error(), "directory "+filepath.Dir(path)+" does not exist") {
		t.Errorf("error %v", err)
	}
}
