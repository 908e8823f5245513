package bolt_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"trunkline/store"
	"trunkline/store/bolt"
)

var update = flag.Bool("update", false, "write the database of the newest schema, when there is none yet")

// remembered is what a database of an earlier schema holds, as the program of that time showed it.
type remembered struct {
	Messages []rememberedMessage
	Events   int
	Waiting  int // messages that a trunk can claim
}

type rememberedMessage struct {
	ID, Direction, State, To, Text string
	Parts                          []string // their states
}

// show reads a database as remembered has it.
func show(t *testing.T, path string) (r remembered) {
	t.Helper()
	db, err := bolt.Open(path, bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), db, store.Options{Assembler: pairs{}})
	if err != nil {
		t.Fatal(errors.Join(err, db.Close()))
	}
	defer s.Close()
	if _, err := s.Check(t.Context(), func(d store.Damage) { t.Errorf("check: %v", &d) }); err != nil {
		t.Fatal(err)
	}
	for _, m := range every(t, s) {
		shown := rememberedMessage{ID: m.ID.String(), Direction: m.Direction.String(), State: m.State.String(), To: m.To.String(), Text: m.Text}
		for _, p := range m.Parts {
			shown.Parts = append(shown.Parts, p.State.String())
		}
		r.Messages = append(r.Messages, shown)
	}
	events, err := s.Events(t.Context(), 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	r.Events = len(events)
	for {
		_, ok, err := s.Claim(t.Context(), store.Claim{Trunk: "desk", SIM: "sim", At: time.Date(2026, 11, 21, 13, 0, 0, 0, time.UTC)})
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			return r
		}
		r.Waiting++
	}
}

// A database of every schema that there ever was opens, is brought to the newest one, and has everything that it had. A new schema gets its database by
// go test ./store/bolt -run TestUpgrade -update; it is never written again.
func TestUpgrade(t *testing.T) {
	for version := uint64(1); version <= store.Schema(); version++ {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			file := filepath.Join("testdata", fmt.Sprintf("schema-%d.db.gz", version))
			told := filepath.Join("testdata", fmt.Sprintf("schema-%d.json", version))
			path := filepath.Join(t.TempDir(), "db")
			if _, err := os.Stat(file); err != nil && *update && version == store.Schema() {
				now, _ := lived(t)
				if err := errors.Join(os.WriteFile(path, now, 0o600), pack(file, now)); err != nil {
					t.Fatal(err)
				}
				b, err := json.MarshalIndent(show(t, path), "", " ")
				if err := errors.Join(err, os.WriteFile(told, append(b, '\n'), 0o644)); err != nil {
					t.Fatal(err)
				}
			}
			data, err := unpack(file)
			if err != nil {
				t.Fatalf("%v; run go test ./store/bolt -run TestUpgrade -update", err)
			}
			var want remembered
			b, err := os.ReadFile(told)
			if err := errors.Join(err, json.Unmarshal(b, &want), os.WriteFile(path, data, 0o600)); err != nil {
				t.Fatal(err)
			}
			got := show(t, path)
			gotJSON, _ := json.MarshalIndent(got, "", " ")
			wantJSON, _ := json.MarshalIndent(want, "", " ")
			if !bytes.Equal(gotJSON, wantJSON) {
				t.Errorf("after the upgrade it has\n%s\nwant\n%s", gotJSON, wantJSON)
			}
			if len(got.Messages) < 100 || got.Waiting < 20 {
				t.Errorf("%d messages, %d of them waiting, are too few to tell anything", len(got.Messages), got.Waiting)
			}
			again := show(t, path)
			if len(again.Messages) != len(got.Messages) || again.Waiting != 0 {
				t.Errorf("opened again it has %d messages, %d of them waiting", len(again.Messages), again.Waiting)
			}
		})
	}
}

func pack(path string, data []byte) error {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return err
	}
	_, err = w.Write(data)
	return errors.Join(err, w.Close(), os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, b.Bytes(), 0o644))
}

func unpack(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}
