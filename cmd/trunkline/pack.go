//go:build pack

package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/cpuguy83/go-md2man/v2/md2man"
	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"trunkline/config"
)

// packagingVerbs makes a program of its own out of the same tree of verbs: it writes the files of a package that are made from the source. What it links
// in for that is no part of the product.
//
//	go run -tags pack ./cmd/trunkline pack --program FILE --date 2026-01-31T00:00:00Z FOLDER
func packagingVerbs() []*cobra.Command {
	var program, date string
	cmd := &cobra.Command{Use: "pack FOLDER", Hidden: true, Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		at, err := time.Parse(time.RFC3339, date)
		if err != nil {
			return usagef("write --date as 2026-01-31T00:00:00Z", "no date: %v", err)
		}
		p := packer{root: newRoot(&cli{env: func(string) string { return "" }}), folder: args[0], date: at.UTC()}
		return errors.Join(p.pages(), p.completions(), p.documents(), p.sbom(program))
	}}
	cmd.Flags().StringVar(&program, "program", "", "the built program that the package is for")
	cmd.Flags().StringVar(&date, "date", "", "date of the pages: that of the commit, so that equal sources make equal files")
	return []*cobra.Command{cmd}
}

// packer writes below folder as the files lie below /usr.
type packer struct {
	root   *cobra.Command
	folder string
	date   time.Time
}

// write makes a file below the folder, compressed when its name ends with .gz.
func (p packer) write(name string, content []byte) error {
	path := filepath.Join(p.folder, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if strings.HasSuffix(name, ".gz") {
		var b bytes.Buffer
		z, err := gzip.NewWriterLevel(&b, gzip.BestCompression) // its header holds neither a name nor a time
		if err != nil {
			return err
		}
		if _, err := z.Write(content); err != nil {
			return err
		}
		if err := z.Close(); err != nil {
			return err
		}
		content = b.Bytes()
	}
	return os.WriteFile(path, content, 0o644)
}

// pages writes one manual page for each verb, and trunkline.toml(5).
func (p packer) pages() error {
	tree, err := os.MkdirTemp("", "pages")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tree)
	hide(p.root)
	p.root.DisableAutoGenTag = true
	header := &doc.GenManHeader{Section: "1", Source: "Trunkline", Manual: "Trunkline", Date: &p.date}
	if err := doc.GenManTree(p.root, header, tree); err != nil {
		return fmt.Errorf("write manual pages: %w", err)
	}
	made, err := fs.Glob(os.DirFS(tree), "*.1")
	if err != nil {
		return err
	}
	for _, name := range made {
		text, err := os.ReadFile(filepath.Join(tree, name))
		if err != nil {
			return err
		}
		if err := p.write("share/man/man1/"+name+".gz", text); err != nil {
			return err
		}
	}
	return p.write("share/man/man5/trunkline.toml.5.gz", p.configPage())
}

// hide drops what prints nothing of use on paper.
func hide(cmd *cobra.Command) {
	for _, sub := range cmd.Commands() {
		if sub.Hidden {
			cmd.RemoveCommand(sub)
			continue
		}
		hide(sub)
	}
}

// configPage makes the manual page of the configuration file from its reference.
func (p packer) configPage() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%% \"TRUNKLINE.TOML\" \"5\" %q \"Trunkline\" \"Trunkline\"\n\n# NAME\n\ntrunkline.toml - configuration of the Trunkline gateway\n\n# SYNOPSIS\n\n**%s**\n\n", p.date.Format("Jan 2006"), config.DefaultFile)
	b.WriteString("# DESCRIPTION\n\nOne TOML file. **trunkline config check** reports everything that is wrong in it, by line. A file needs only what differs from the defaults, " +
		"which the following file holds.\n\n```\n" + config.Reference() + "```\n\n# SEE ALSO\n\n**trunkline-config-check**(1), **trunkline-serve**(1), **trunkline-doctor**(1)\n")
	return md2man.Render(b.Bytes())
}

// completions writes the scripts for the three shells where they look for them.
func (p packer) completions() error {
	var errs []error
	for _, c := range []struct {
		file string
		make func(*bytes.Buffer) error
	}{
		{"share/bash-completion/completions/trunkline", func(b *bytes.Buffer) error { return p.root.GenBashCompletionV2(b, true) }},
		{"share/zsh/vendor-completions/_trunkline", func(b *bytes.Buffer) error { return p.root.GenZshCompletion(b) }},
		{"share/fish/vendor_completions.d/trunkline.fish", func(b *bytes.Buffer) error { return p.root.GenFishCompletion(b, true) }},
	} {
		var b bytes.Buffer
		errs = append(errs, c.make(&b), p.write(c.file, b.Bytes()))
	}
	return errors.Join(errs...)
}

// documents writes the reference of the configuration, the pages of docs and the list of changes.
func (p packer) documents() error {
	errs := []error{p.write("share/trunkline/trunkline.toml", commented(config.Reference()))}
	pages, err := filepath.Glob("docs/*.md")
	if err != nil {
		return err
	}
	slices.Sort(pages)
	for _, page := range append(pages, "README.md") {
		text, err := os.ReadFile(page)
		errs = append(errs, err, p.write("share/doc/trunkline/"+page, text))
	}
	text, err := os.ReadFile("CHANGELOG.md")
	errs = append(errs, err, p.write("share/doc/trunkline/CHANGELOG.md.gz", text))
	licences, err := moduleLicences()
	return errors.Join(append(errs, err, p.write("share/doc/trunkline/licences.txt.gz", licences))...)
}

// commented makes a file out of the reference that changes nothing as it is: every key is commented out, so that what differs from the defaults shows.
func commented(reference string) []byte {
	var b bytes.Buffer
	for line := range strings.Lines(reference) {
		if line != "\n" && !strings.HasPrefix(line, "#") {
			line = "#" + line
		}
		b.WriteString(line)
	}
	return b.Bytes()
}

// sbom writes the bill of materials of the program.
func (p packer) sbom(program string) error {
	if program == "" {
		return usagef("name the built program", "no --program")
	}
	var b bytes.Buffer
	if err := writeSBOM(&b, program); err != nil {
		return err
	}
	return p.write("share/doc/trunkline/sbom.cdx.json", b.Bytes())
}
