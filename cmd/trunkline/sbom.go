package main

import (
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"runtime/debug"
	"strings"

	"github.com/google/uuid"
)

// The types of a software bill of materials: the part of CycloneDX 1.5 that a Go program can fill in from what the Go tool stamped into it.
type (
	sbom struct {
		Format       string           `json:"bomFormat"`
		SpecVersion  string           `json:"specVersion"`
		Serial       string           `json:"serialNumber"` // follows from the content: equal programs have equal bills
		Version      int              `json:"version"`
		Metadata     sbomMetadata     `json:"metadata"`
		Components   []sbomComponent  `json:"components"`
		Dependencies []sbomDependency `json:"dependencies"`
	}
	sbomMetadata struct {
		Timestamp string        `json:"timestamp,omitempty"` // of the commit
		Component sbomComponent `json:"component"`
	}
	sbomComponent struct {
		Type       string         `json:"type"`
		Ref        string         `json:"bom-ref"`
		Name       string         `json:"name"`
		Version    string         `json:"version,omitempty"`
		URL        string         `json:"purl,omitempty"`
		Hashes     []sbomHash     `json:"hashes,omitempty"`
		Properties []sbomProperty `json:"properties,omitempty"`
	}
	sbomHash struct {
		Algorithm string `json:"alg"`
		Content   string `json:"content"`
	}
	sbomProperty struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	}
	sbomDependency struct {
		Ref       string   `json:"ref"`
		DependsOn []string `json:"dependsOn"`
	}
)

// newSBOM lists what a program was built from: itself with its build settings, the Go release, and every module that is linked in.
func newSBOM(info *debug.BuildInfo) (sbom, error) {
	self := sbomComponent{Type: "application", Name: info.Main.Path, Version: info.Main.Version}
	self.URL = packageURL(info.Main.Path, info.Main.Version)
	self.Ref = self.URL
	b := sbom{Format: "CycloneDX", SpecVersion: "1.5", Version: 1}
	for _, s := range info.Settings {
		if s.Key == "vcs.time" {
			b.Metadata.Timestamp = s.Value
		}
		self.Properties = append(self.Properties, sbomProperty{"build:" + s.Key, s.Value})
	}
	b.Metadata.Component = self
	goVersion := strings.TrimPrefix(info.GoVersion, "go")
	std := sbomComponent{Type: "library", Name: "std", Version: goVersion, URL: packageURL("std", goVersion)}
	std.Ref = std.URL
	b.Components = append(b.Components, std)
	depends := sbomDependency{Ref: self.Ref, DependsOn: []string{std.Ref}}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		c := sbomComponent{Type: "library", Name: m.Path, Version: m.Version, URL: packageURL(m.Path, m.Version)}
		c.Ref = c.URL
		if sum, ok := strings.CutPrefix(m.Sum, "h1:"); ok {
			raw, err := base64.StdEncoding.DecodeString(sum)
			if err != nil || len(raw) != sha256.Size {
				return sbom{}, fmt.Errorf("module %s: %q is no checksum", m.Path, m.Sum)
			}
			// A dirhash: SHA-256 over the list of the SHA-256 of all files, as go.sum has it.
			c.Properties = []sbomProperty{{"go:h1", m.Sum}}
			c.Hashes = []sbomHash{{"SHA-256", hex.EncodeToString(raw)}}
		}
		b.Components = append(b.Components, c)
		depends.DependsOn = append(depends.DependsOn, c.Ref)
	}
	b.Dependencies = []sbomDependency{depends}
	content, err := json.Marshal(b)
	if err != nil {
		return sbom{}, err
	}
	b.Serial = uuid.NewSHA1(uuid.NameSpaceURL, content).URN()
	return b, nil
}

// packageURL names a Go module as package-url does: pkg:golang/PATH@VERSION.
func packageURL(path, version string) string {
	u := "pkg:golang/" + path
	if version != "" {
		u += "@" + url.PathEscape(version)
	}
	return u
}

// writeSBOM writes the bill of a program file, or of this program when file is empty.
func writeSBOM(w io.Writer, file string) error {
	info, ok := debug.ReadBuildInfo()
	var err error
	if file != "" {
		info, err = buildinfo.ReadFile(file)
	} else if !ok {
		err = fmt.Errorf("this program was built without the names of its modules")
	}
	if err != nil {
		return fmt.Errorf("read what a program is made of: %w", err)
	}
	b, err := newSBOM(info)
	if err != nil {
		return err
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(b)
}
