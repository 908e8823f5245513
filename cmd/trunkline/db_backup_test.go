package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"trunkline/api"
)

// decode reads what a command printed with --json.
func decode[T any](t *testing.T, r result) (v T) {
	t.Helper()
	if r.code != exitDone {
		t.Fatalf("exit code %d: %s%s", r.code, r.out, r.err)
	}
	if err := json.Unmarshal([]byte(r.out), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// A backup is taken from a daemon under load and restored: it is whole, has all that was accepted before, and sends nothing before somebody says so.
func TestBackupAndRestore(t *testing.T) {
	s := newStory(t)
	cmd, wait, _ := s.lifeUnder()
	s.awaitReady(t.Context())
	socket := filepath.Join(filepath.Dir(s.store), "api.sock")
	later := time.Now().Add(time.Hour)
	waiting, err := s.client.Submit(t.Context(), api.SubmitRequest{To: api.Recipients{phoneNumber}, Text: "at its time", SendAt: later.Format(time.RFC3339)}, "")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var traffic sync.WaitGroup
	for w := range 3 {
		traffic.Go(func() {
			for n := w * 1000; ctx.Err() == nil && n < w*1000+40; n++ {
				s.submit(ctx, n)
				time.Sleep(5 * time.Millisecond)
			}
		})
	}
	before := map[int]string{}
	for len(before) < 5 {
		time.Sleep(20 * time.Millisecond)
		s.mu.Lock()
		maps.Copy(before, s.accepted)
		s.mu.Unlock()
	}
	backup := filepath.Join(t.TempDir(), "backup.db")
	made := decode[backupResult](t, call(t, "", "db", "backup", backup, "--socket", socket, "--json"))
	cancel()
	traffic.Wait()
	if info, err := os.Stat(backup); err != nil || info.Size() != made.Bytes || info.Mode().Perm() != 0o600 || made.From != "daemon" || len(made.SHA256) != 64 {
		t.Errorf("%+v, %v, %v", made, info, err)
	}
	if got := call(t, "", "db", "backup", backup, "--socket", socket); got.code != exitFailed || !strings.Contains(got.err, "--replace") {
		t.Errorf("onto a file that exists: %+v", got)
	}
	if got := call(t, "", "db", "backup", s.store, "--socket", socket, "--replace"); got.code != exitFailed || !strings.Contains(got.err, "in use by process") {
		t.Errorf("onto the database itself: %+v", got)
	}
	if got := call(t, "", "db", "backup", backup, "--config", s.config, "--replace", "--offline"); got.code != exitFailed || !strings.Contains(got.err, "leave out --offline") {
		t.Errorf("offline under a daemon: %+v", got)
	}
	if got := call(t, "", "db", "check", backup); got.code != exitDone {
		t.Errorf("deep check of the backup: %+v", got)
	}

	// Restored, after the original went on.
	if got := call(t, "", "db", "restore", backup, "--config", s.config); got.code != exitFailed || !strings.Contains(got.err, "stop the daemon first") {
		t.Errorf("onto a live database: %+v", got)
	}
	if err := s.accept(5000); err != nil {
		t.Fatal(err)
	}
	kill(cmd)
	wait()
	done := decode[restoreResult](t, call(t, "", "db", "restore", backup, "--config", s.config, "--json"))
	if done.Held == 0 || done.Epoch != 2 || done.Database != s.store || done.Aside == "" {
		t.Errorf("%+v", done)
	}
	for _, path := range []string{s.store, done.Aside} {
		if got := call(t, "", "db", "check", path); got.code != exitDone {
			t.Errorf("deep check of %s: %+v", path, got)
		}
	}
	took := len(s.network.Ledger())
	cmd, wait, out := s.lifeUnder()
	defer func() { kill(cmd); wait() }()
	s.awaitReady(t.Context())
	for n, id := range before {
		if m, err := s.client.Message(t.Context(), id); err != nil || m.Text != outText(n) {
			t.Errorf("message %d, accepted before the backup began: %v", n, err)
		}
	}
	time.Sleep(2 * time.Second)
	if now := len(s.network.Ledger()); now != took {
		t.Errorf("%d parts were sent from behind the fence\n%s", now-took, out)
	}
	if m, err := s.client.Message(t.Context(), waiting.Messages[0].ID); err != nil || m.State != "held" || m.Error == nil || m.Error.Code != "restored" {
		t.Errorf("%+v, %v", m, err)
	}
	if r := decode[api.Released](t, call(t, "", "db", "release", "--socket", socket, "--json")); r.Released != done.Held {
		t.Errorf("released %d of %d", r.Released, done.Held)
	}
	if m, err := s.client.Message(t.Context(), waiting.Messages[0].ID); err != nil || m.State != "waiting" {
		t.Errorf("%+v, %v", m, err)
	}
	restored := 0
	for _, e := range s.events(t.Context()) {
		if e.Type == "store.restored" {
			restored++
		}
	}
	if restored != 1 {
		t.Errorf("%d events tell of the restore", restored)
	}
}

func TestRestoreRefusals(t *testing.T) {
	path, id := database(t)
	config := filepath.Join(t.TempDir(), "trunkline.toml")
	if err := os.WriteFile(config, []byte("[store]\npath = '"+path+"'\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	backup := filepath.Join(t.TempDir(), "backup")
	got := call(t, "", "db", "backup", backup, "--config", config, "--offline", "--json")
	if made := decode[backupResult](t, got); made.From != path {
		t.Errorf("%+v", made)
	}
	good, err := os.ReadFile(backup)
	if err != nil {
		t.Fatal(err)
	}
	original, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	sum, err := readSum(backup)
	if err != nil {
		t.Fatal(err)
	}
	to := []string{"--to", path}
	for name, c := range map[string]struct {
		prepare func() // changes the backup
		args    []string
		want    string
	}{
		"another sum": {func() {}, append(to, "--sha256", strings.Repeat("0", 64)), "is not what was backed up"},
		"no sum":      {func() { os.Remove(backup + sumSuffix) }, to, "hint: it is in the file"},
		"a wrong sum": {func() {}, append(to, "--sha256", "xyz"), "no SHA-256"},
		"no file":     {func() { os.Remove(backup) }, append(to, "--sha256", sum), "no such file"},
		"cut":         {func() { os.Truncate(backup, 8192) }, to, "is not what was backed up"},
		"flipped": {func() {
			bad := bytes.Clone(good)
			i := bytes.Index(bad, []byte("hello"))
			bad[i] ^= 1
			os.WriteFile(backup, bad, 0o600)
		}, to, "is not what was backed up"},
		"damaged before it was backed up": {func() {
			bad := bytes.Replace(good, []byte("hello"), []byte("hullo"), 1)
			os.WriteFile(backup, bad, 0o600)
			writeBackup(&backupResult{File: backup, SHA256: hexSum(bad)}, func(w io.Writer) error { _, err := w.Write(bad); return err })
		}, to, "1 records are damaged, the first: record " + strings.ReplaceAll(id.String(), "-", "")},
	} {
		t.Run(name, func(t *testing.T) {
			os.WriteFile(backup, good, 0o600)
			os.WriteFile(backup+sumSuffix, []byte(sum+"  backup\n"), 0o600)
			c.prepare()
			got := call(t, "", append([]string{"db", "restore", backup}, c.args...)...)
			if got.code == exitDone || !strings.Contains(got.err, c.want) {
				t.Errorf("%+v, want %q", got, c.want)
			}
			if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, original) {
				t.Errorf("the database was changed: %v", err)
			}
			if files, _ := filepath.Glob(path + "*"); len(files) != 1 {
				t.Errorf("left behind: %q", files)
			}
		})
	}
	// Where no database is yet, and where it cannot be read any more.
	os.WriteFile(backup, good, 0o600)
	os.WriteFile(backup+sumSuffix, []byte(sum+"  backup\n"), 0o600)
	fresh := filepath.Join(t.TempDir(), "db")
	if r := decode[restoreResult](t, call(t, "", "db", "restore", backup, "--to", fresh, "--json")); r.Held != 1 || r.Aside != "" || r.Epoch != 2 {
		t.Errorf("%+v", r)
	}
	if err := os.WriteFile(path, []byte("broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := decode[restoreResult](t, call(t, "", "db", "restore", backup, "--to", path, "--json"))
	if b, err := os.ReadFile(r.Aside); err != nil || string(b) != "broken" {
		t.Errorf("the broken database is not kept: %v", err)
	}
	if r := decode[restoreResult](t, call(t, "", "db", "restore", backup, "--to", path, "--json")); r.Epoch != 3 {
		t.Errorf("epoch %d after a second restore", r.Epoch)
	}
}

func TestDBCompact(t *testing.T) {
	path, _ := database(t)
	if r := decode[compactResult](t, call(t, "", "db", "compact", path, "--json")); r.File != path || r.Before == 0 || r.After == 0 {
		t.Errorf("%+v", r)
	}
	if got := call(t, "", "db", "check", path); got.code != exitDone {
		t.Errorf("%+v", got)
	}
	if got := call(t, "", "db", "compact", "/nonexistent/db"); got.code != exitFailed || !strings.Contains(got.err, "/nonexistent/db") {
		t.Errorf("%+v", got)
	}
}

func hexSum(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
