package main

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
)

func TestSBOM(t *testing.T) {
	info := &debug.BuildInfo{GoVersion: "go1.26.8", Main: debug.Module{Path: "trunkline", Version: "v1.2.3+dirty"},
		Settings: []debug.BuildSetting{{Key: "vcs.time", Value: "2026-01-02T03:04:05Z"}, {Key: "CGO_ENABLED", Value: "0"}},
		Deps: []*debug.Module{
			{Path: "example.org/a", Version: "v0.1.0", Sum: "h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="},
			{Path: "example.org/b", Version: "v0.2.0", Replace: &debug.Module{Path: "example.org/c", Version: "v0.3.0"}},
		}}
	b, err := newSBOM(info)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range b.Components {
		got = append(got, c.URL)
	}
	want := []string{"pkg:golang/std@1.26.8", "pkg:golang/example.org/a@v0.1.0", "pkg:golang/example.org/c@v0.3.0"}
	if !slices.Equal(got, want) || !slices.Equal(b.Dependencies[0].DependsOn, want) {
		t.Errorf("components %q depend %q, want %q", got, b.Dependencies[0].DependsOn, want)
	}
	if b.Metadata.Component.URL != "pkg:golang/trunkline@v1.2.3+dirty" || b.Metadata.Timestamp != "2026-01-02T03:04:05Z" {
		t.Errorf("the program is %+v", b.Metadata)
	}
	// SHA-256 of nothing, whose base64 form is above.
	if h := b.Components[1].Hashes; len(h) != 1 || h[0].Content != "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" {
		t.Errorf("hashes %v", h)
	}
	again, err := newSBOM(info)
	if err != nil || again.Serial != b.Serial || !strings.HasPrefix(b.Serial, "urn:uuid:") {
		t.Errorf("serials %q and %q, %v", b.Serial, again.Serial, err)
	}
	info.Deps[0].Sum = "h1:short"
	if _, err := newSBOM(info); err == nil {
		t.Error("a checksum that is none was taken")
	}
}

// TestSBOMOfAProgram: the bill of a built program names each module that go version -m names.
func TestSBOMOfAProgram(t *testing.T) {
	file := buildProgram(t)
	modules, err := exec.CommandContext(t.Context(), "go", "version", "-m", file).Output()
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), file, "version", "--sbom").Output()
	if err != nil {
		t.Fatal(err)
	}
	var b sbom
	if err := json.Unmarshal(out, &b); err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{}
	for _, c := range b.Components {
		named[c.Name+" "+c.Version] = true
	}
	n := 0
	for line := range bytes.Lines(modules) {
		if f := strings.Fields(string(line)); len(f) >= 3 && f[0] == "dep" {
			n++
			if !named[f[1]+" "+f[2]] {
				t.Errorf("%s %s is missing", f[1], f[2])
			}
		}
	}
	if n < 10 || len(named) != n+1 {
		t.Errorf("%d modules, %d components", n, len(named))
	}
	if _, err := exec.CommandContext(t.Context(), file, "version", "--sbom", "--json").Output(); err != nil {
		t.Errorf("with --json: %v", err)
	}
}
