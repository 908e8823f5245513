package template

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestVectors runs the cases of the shared vectors about templates. A field that a case names as content is the text after filling in; parts_per_message of
// the cases is 10.
func TestVectors(t *testing.T) {
	file := filepath.Join("..", "..", "config", "testdata", "bad-inputs.json")
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
			Input       json.RawMessage
			Expect      struct{ Outcome, Field string }
		}
	}
	if err := json.Unmarshal(data, &vectors); err != nil {
		t.Fatal(err)
	}
	ran := 0
	for _, c := range vectors.Cases {
		if c.Surface != "template" {
			continue
		}
		ran++
		t.Run(c.ID, func(t *testing.T) {
			var in struct {
				Body    string
				Context map[string]any
				Gen     struct {
					Kind, Char string
					Count      int
				}
			}
			if err := json.Unmarshal(c.Input, &in); err != nil {
				t.Fatal(err)
			}
			parsed, err := Parse(in.Body)
			if c.Expect.Field == "body" {
				var e *Error
				if !errors.As(err, &e) {
					t.Errorf("saved: %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			values := map[string]string{}
			if in.Gen.Kind == "context_value" {
				values["name"] = strings.Repeat(in.Gen.Char, in.Gen.Count)
			}
			text, err := parsed.Render(values, 10*153)
			var missing *MissingError
			var long *LongError
			switch {
			case strings.HasPrefix(c.Expect.Field, "context."):
				if !errors.As(err, &missing) || "context."+missing.Name != c.Expect.Field || text != "" {
					t.Errorf("%q, %v", text, err)
				}
			case c.Expect.Field == "content":
				if !errors.As(err, &long) || text != "" {
					t.Errorf("%d bytes, %v", len(text), err)
				}
			default:
				t.Errorf("field %q is not known here", c.Expect.Field)
			}
		})
	}
	if ran < 7 {
		t.Errorf("only %d cases", ran)
	}
}
