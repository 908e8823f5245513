package config

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// productNames maps the words of the vectors' files to ours: the HTTP server is configured under api, and the only kind of trunk with a secret file is a modem.
var productNames = strings.NewReplacer("[http]", "[api]", "http.", "api.", "[backend.twilio]", "[modem.twilio]\ndevice = \"/dev/ttyUSB0\"",
	"backend.twilio.token_file", "modem.twilio.pin_file", "token_file", "pin_file")

// TestVectors runs the configuration cases of the shared vectors. Those about actions, which this configuration does not have, are refused as an unknown
// section; there the field is the section.
func TestVectors(t *testing.T) {
	file := "testdata/bad-inputs.json"
	if dir := os.Getenv("TRUNKLINE_VECTORS"); dir != "" {
		file = filepath.Join(dir, "bad-inputs.json")
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var vectors struct {
		Cases []struct {
			ID, Surface string
			Input       struct {
				TOML  string
				Setup struct {
					FileMode map[string]string `json:"file_mode"`
				}
			}
			Expect struct {
				Outcome, Field string
				Must           []string
			}
		}
	}
	if err := json.Unmarshal(data, &vectors); err != nil {
		t.Fatal(err)
	}
	ran := 0
	for _, c := range vectors.Cases {
		if c.Surface != "config" {
			continue
		}
		ran++
		t.Run(c.ID, func(t *testing.T) {
			dir := t.TempDir()
			const secret = "canary-7f3a"
			for name, mode := range c.Input.Setup.FileMode {
				var bits os.FileMode
				for _, digit := range mode {
					bits = bits<<3 | os.FileMode(digit-'0')
				}
				path := filepath.Join(dir, name)
				if err := errors.Join(os.WriteFile(path, []byte(secret), 0o600), os.Chmod(path, bits)); err != nil {
					t.Fatal(err)
				}
			}
			_, err := Parse(filepath.Join(dir, "trunkline.toml"), []byte(productNames.Replace(c.Input.TOML)))
			if c.Expect.Outcome != "reject" {
				t.Fatalf("outcome %q is not known to this test", c.Expect.Outcome)
			}
			var all *Error
			if !errors.As(err, &all) {
				t.Fatalf("taken, or refused without problems: %v", err)
			}
			field := productNames.Replace(c.Expect.Field)
			if strings.HasPrefix(field, "action.") {
				field = "action"
			}
			at := -1
			for i, p := range all.Problems {
				if p.Key == field {
					at = i
				}
			}
			if at < 0 {
				t.Fatalf("no problem names %s: %v", field, err)
			}
			problem := all.Problems[at]
			if strings.Contains(err.Error(), secret) {
				t.Errorf("the error shows the secret: %v", err)
			}
			for _, must := range c.Expect.Must {
				switch must {
				case "exit code not 0": // shown by the tests of the command line
				case "line number":
					if problem.Line < 1 {
						t.Errorf("no line: %v", problem)
					}
				case "suggest listen":
					if !strings.Contains(problem.Hint, "listen") {
						t.Errorf("hint %q does not suggest listen", problem.Hint)
					}
				case "error shows the mode and the command that mends it":
					if !strings.Contains(problem.What, "0644") || !strings.Contains(problem.Hint, "chmod 600 ") {
						t.Errorf("neither mode nor command in %v", problem)
					}
				default:
					t.Errorf("condition %q is not known to this test", must)
				}
			}
		})
	}
	if ran == 0 {
		t.Fatal("no case ran")
	}
}
