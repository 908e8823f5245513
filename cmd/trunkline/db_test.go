package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"trunkline/callplan/phone"
	"trunkline/store"
	"trunkline/store/bolt"
)

// database makes one with a message, and returns its path and the key of the message.
func database(t *testing.T) (path string, id store.MessageID) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "trunkline.db")
	engine, err := bolt.Open(path, bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), engine, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	to, err := phone.Parse("+491700000010")
	if err != nil {
		t.Fatal(err)
	}
	id = store.NewMessageID()
	m := store.Message{ID: id, Direction: store.Out, State: store.Waiting, To: to, Text: "hello", Account: "uid:0", Priority: 5, CreatedAt: time.Now().UTC(),
		Parts: []store.Part{{Seq: 1, State: store.Waiting, Reference: -1, Status: -1}}}
	if _, err := s.Accept(t.Context(), store.Acceptance{Messages: []store.Message{m}}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return path, id
}

func TestDBCheck(t *testing.T) {
	path, id := database(t)
	if got := call(t, "", "db", "check", path); got.code != exitDone || !strings.HasPrefix(got.out, path+" is good: ") {
		t.Errorf("good database: %+v", got)
	}
	var r dbResult
	got := call(t, "", "db", "check", path, "--json")
	if err := json.Unmarshal([]byte(got.out), &r); err != nil || got.code != exitDone || !r.OK || r.Records["messages"] != 1 || len(r.Damaged) != 0 {
		t.Errorf("good database as JSON: %+v, %v", got, err)
	}
	file := filepath.Join(t.TempDir(), "trunkline.toml")
	if err := os.WriteFile(file, []byte("[store]\npath = '"+path+"'\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := call(t, "", "db", "check", "--config", file); got.code != exitDone || !strings.HasPrefix(got.out, path) {
		t.Errorf("database of the configuration: %+v", got)
	}

	engine, err := bolt.Open(path, bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	got = call(t, "", "db", "check", path)
	if got.code != exitFailed || !strings.Contains(got.err, "in use") || !strings.Contains(got.err, "hint: stop the daemon") {
		t.Errorf("database in use: %+v", got)
	}
	flip := func(tx store.Tx) error {
		value, err := tx.Get("messages", id[:])
		if err != nil {
			return err
		}
		changed := append([]byte(nil), value...)
		changed[len(changed)-1] ^= 1
		return tx.Put("messages", id[:], changed)
	}
	if err := engine.Update(t.Context(), flip); err != nil {
		t.Fatal(err)
	}
	if err := engine.Close(); err != nil {
		t.Fatal(err)
	}
	got = call(t, "", "db", "check", path)
	key := strings.ReplaceAll(id.String(), "-", "")
	if got.code != exitFailed || !strings.Contains(got.out, "damaged: table messages, key "+key) {
		t.Errorf("damaged record: %+v", got)
	}
	r = dbResult{}
	got = call(t, "", "db", "check", path, "--json")
	if err := json.Unmarshal([]byte(got.out), &r); err != nil || got.code != exitFailed || r.OK || len(r.Damaged) == 0 || r.Damaged[0].Key != key {
		t.Errorf("damaged record as JSON: %+v, %v", got, err)
	}
}

func TestDBCheckRefusals(t *testing.T) {
	path, _ := database(t)
	if err := os.Truncate(path, 8192); err != nil {
		t.Fatal(err)
	}
	foreign := filepath.Join(t.TempDir(), "foreign.db")
	if err := os.WriteFile(foreign, []byte(strings.Repeat("no database ", 4096)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{path, foreign, "/nonexistent/x.db"} {
		got := call(t, "", "db", "check", file)
		if got.code != exitFailed || !strings.Contains(got.err, file) || len(got.err) < len(file)+20 {
			t.Errorf("%s: %+v", file, got)
		}
	}
	if _, err := os.Stat("/nonexistent"); err == nil {
		t.Error("a check made a folder")
	}
}
