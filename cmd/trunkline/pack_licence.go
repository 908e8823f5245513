//go:build pack

package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// moduleLicences returns the licence texts of all modules that the product links, as their licences ask for.
func moduleLicences() ([]byte, error) {
	list := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}}\t{{.Dir}}{{end}}{{end}}", "./cmd/trunkline")
	list.Stderr = os.Stderr
	out, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("list modules: %w", err)
	}
	modules := slices.Compact(slices.Sorted(strings.Lines(string(out))))
	var b bytes.Buffer
	for _, line := range modules {
		name, folder, ok := strings.Cut(strings.TrimSpace(line), "\t")
		if !ok {
			continue
		}
		var texts []string
		for _, pattern := range []string{"LICENSE*", "LICENCE*", "COPYING*", "NOTICE*", "LICENSES/*"} { // the last of modules that follow REUSE
			found, err := filepath.Glob(filepath.Join(folder, pattern))
			if err != nil {
				return nil, err
			}
			for _, file := range found {
				if info, err := os.Stat(file); err != nil {
					return nil, err
				} else if info.Mode().IsRegular() {
					texts = append(texts, file)
				}
			}
		}
		if len(texts) == 0 {
			return nil, fmt.Errorf("module %s has no licence file in %s", name, folder)
		}
		for _, file := range texts {
			text, err := os.ReadFile(file)
			if err != nil {
				return nil, err
			}
			fmt.Fprintf(&b, "%s: %s\n\n%s\n\n%s\n\n", name, filepath.Base(file), bytes.TrimSpace(text), strings.Repeat("-", 80))
		}
	}
	return b.Bytes(), nil
}
