package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// pduVectors reads the published PDUs: those of the codec's tests, or those in the folder that TRUNKLINE_VECTORS names.
func pduVectors(t *testing.T) []byte {
	t.Helper()
	dir := os.Getenv("TRUNKLINE_VECTORS")
	if dir == "" {
		dir = "../../pdu/testdata"
	}
	raw, err := os.ReadFile(filepath.Join(dir, "pdu.json"))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// runPDU runs a "pdu" verb and returns what it printed and its exit code.
func runPDU(t *testing.T, stdin string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), append([]string{"pdu"}, args...), strings.NewReader(stdin), &out, &errs, func(string) string { return "" })
	return out.String(), errs.String(), code
}

// A file of vectors goes in as it is, and every field of it comes out.
func TestPDUDecodeVectors(t *testing.T) {
	raw := pduVectors(t)
	var want []map[string]any
	if err := json.Unmarshal(raw, &want); err != nil {
		t.Fatal(err)
	}
	stdout, stderr, code := runPDU(t, string(raw), "decode", "--json")
	if code != exitDone || stderr != "" {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	lines := strings.Split(strings.TrimSuffix(stdout, "\n"), "\n")
	if len(lines) != len(want) {
		t.Fatalf("%d lines for %d PDUs", len(lines), len(want))
	}
	skip := map[string]bool{"verified_by": true, "source": true, "source_asserts_text": true, "note": true, "reencodes": true}
	for i, line := range lines {
		var got map[string]any
		if err := json.Unmarshal([]byte(line), &got); err != nil {
			t.Fatal(err)
		}
		id := want[i]["id"]
		if want[i]["malformed"] == true {
			if got["error"] == nil || got["field"] == nil || got["offset"] == nil || got["id"] != id {
				t.Errorf("%v: %s", id, line)
			}
			for field, value := range want[i]["partial"].(map[string]any) {
				if !reflect.DeepEqual(got[field], value) {
					t.Errorf("%v: %s: got %v, want %v", id, field, got[field], value)
				}
			}
			continue
		}
		for field, value := range want[i] {
			if !skip[field] && !reflect.DeepEqual(got[field], value) {
				t.Errorf("%v: %s: got %v, want %v", id, field, got[field], value)
			}
		}
		if want[i]["reencodes"] == true && got["reencodes"] != true {
			t.Errorf("%v does not encode to itself", id)
		}
	}
}

func TestPDUCommands(t *testing.T) {
	const howAreYou = "07911326040000F0040B911346610089F60000208062917314080CC8F71D14969741F977FD07"
	tests := []struct {
		name   string
		stdin  string
		args   []string
		code   int
		stdout []string // parts of what is printed
		stderr string
	}{
		{"decode", "", []string{"decode", howAreYou}, exitDone, []string{"How are you?", "+31641600986", "2002-08-26T19:37:41+00:00"}, ""},
		{"decode lines", howAreYou + "\n\n" + strings.ToLower(howAreYou), []string{"decode"}, exitDone, []string{"How are you?\n\ntype", "deliver"}, ""},
		{"decode malformed", "", []string{"decode", howAreYou[:70]}, exitFailed, []string{"MALFORMED", "tp_ud at octet", "+31641600986"}, "1 of 1 malformed"},
		{"decode bare", "", []string{"decode", "--mo", "--no-smsc", "0100039121F300000141"}, exitDone, []string{"submit", "+123", "A"}, ""},
		{"decode both ways", "", []string{"decode", "--mo", "--mt", "00"}, exitUsage, nil, "mo"},
		{"decode no list", "{}", []string{"decode", "--json"}, exitUsage, nil, "hint:"},
		{"decode no direction", `[{"id":"a","pdu":"00","direction":"up"}]`, []string{"decode", "--json"}, exitUsage, nil, `direction "up"`},
		{"encode", "", []string{"encode", "--to", "+31641600986", "How are you?"}, exitDone, []string{"24 0001000B911346610089F600000CC8F71D14969741F977FD07\n"}, ""},
		{"encode many", "", []string{"encode", "--json", "--to", "123", "--ref", "7", strings.Repeat("x", 161)}, exitDone, []string{`"part":1`, `"part":2`, "050003070202"}, ""},
		{"encode no number", "", []string{"encode", "--to", "+", "hello"}, exitUsage, nil, "hint:"},
		{"encode nobody", "", []string{"encode", "hello"}, exitUsage, nil, "--to or --from"},
		{"encode received", "", []string{"encode", "--from", "ACME", "hello"}, exitDone, []string{"07D0C161B308"}, ""},
		{"split", "", []string{"split", "hello", "мир"}, exitDone, []string{"parts", "ucs2", "'м' (U+043C)"}, ""},
		{"split json", "", []string{"split", "--json", "--national", "turkish", "ığüşöç İstanbul'da hava güzel, akşam dışarı çıkalım mı? Kışın böyle günler az olur."}, exitDone, []string{`"shift":"turkish"`, `"forced_by":"ı"`}, ""},
		{"split, replaced", "", []string{"split", "--transliterate", "gsm7", "žluť"}, exitDone, []string{"gsm7", "zlut"}, ""},
		{"split, forced", "", []string{"split", "--alphabet", "gsm7", "ž"}, exitFailed, nil, "hint: --alphabet auto"},
		{"split, too long", "", []string{"split", "--max-parts", "1", strings.Repeat("x", 200)}, exitFailed, nil, "needs 2 parts, at most 1"},
		{"split, no alphabet", "", []string{"split", "--alphabet", "morse", "x"}, exitUsage, nil, "morse"},
		{"no verb", "", nil, exitUsage, nil, "decode, encode, split"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			stdout, stderr, code := runPDU(t, tt.stdin, tt.args...)
			if code != tt.code {
				t.Errorf("exit %d, want %d; %s", code, tt.code, stderr)
			}
			for _, part := range tt.stdout {
				if !strings.Contains(stdout, part) {
					t.Errorf("printed\n%s\nwithout %q", stdout, part)
				}
			}
			if !strings.Contains(stderr, tt.stderr) {
				t.Errorf("error %q without %q", stderr, tt.stderr)
			}
		})
	}
}
