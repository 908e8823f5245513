package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

var update = flag.Bool("update", false, "write the generated pages anew")

const pageHead = `# Command line

` + "`trunkline VERB [flags]`; `trunkline VERB --help` explains a verb. This page is made from the program's source." + `

| exit code | meaning |
| --- | --- |
| 0 | done; also a verb that follows something and was interrupted |
| 1 | failed: the reason is on standard error, often with a hint |
| 2 | wrong command line; a hint tells how it is written |
| 3 | the daemon is not reachable |
| 70 | only ` + "`serve`" + `: the disk did not keep what it was given; a new start finds out what is really there |

Results go to standard output, everything else to standard error. Texts from messages are shown with control characters, escape sequences and
bidirectional marks written as ` + "`\\x1b`, `\\u202e`" + `.

Verbs that need the daemon find it on the socket of ` + "`--socket`, else of the variable `TRUNKLINE_SOCKET`, else `" + defaultSocket + "`" + `. With ` + "`--json`" + ` a verb prints
one JSON value on a line. *message*, *event* and *modem* are the types of the HTTP API ([api.md](api.md)). Fields may be added, none will be taken away.
`

// TestPage: docs/cli.md says what the program says.
func TestPage(t *testing.T) {
	root := newRoot(&cli{env: func(string) string { return "" }})
	var b strings.Builder
	b.WriteString(pageHead)
	for _, cmd := range root.Commands() {
		page(&b, cmd)
	}
	const file = "../../docs/cli.md"
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != b.String() {
		t.Errorf("%s is out of date (%v): run go test ./cmd/trunkline -run TestPage -update", file, err)
	}
}

// page writes the section of a verb and of those below it.
func page(b *strings.Builder, cmd *cobra.Command) {
	if cmd.Hidden {
		return
	}
	if !cmd.HasSubCommands() || cmd.Long != "" { // a group of verbs explains nothing of its own
		fmt.Fprintf(b, "\n## `%s`\n\n%s.\n", strings.TrimSuffix(cmd.UseLine(), " [flags]"), strings.TrimSuffix(cmd.Short, "."))
		if cmd.Long != "" {
			fmt.Fprintf(b, "\n%s\n", strings.TrimSpace(cmd.Long))
		}
		if cmd.Example != "" {
			fmt.Fprintf(b, "\n```\n%s\n```\n", unindent(cmd.Example))
		}
		flags(b, cmd)
		if what := cmd.Annotations[jsonKey]; what != "" {
			fmt.Fprintf(b, "\nJSON: %s.\n", what)
		}
	}
	for _, sub := range cmd.Commands() {
		page(b, sub)
	}
}

// flags writes the table of the flags of a verb, without those of all verbs.
func flags(b *strings.Builder, cmd *cobra.Command) {
	head := false
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		if !head {
			b.WriteString("\n| flag | meaning |\n| --- | --- |\n")
			head = true
		}
		name, usage := pflag.UnquoteUsage(f)
		if name != "" {
			name = " " + name
		}
		if f.NoOptDefVal != "" && f.Value.Type() != "bool" {
			name = "[=" + f.NoOptDefVal + "]"
		}
		if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "0" && f.DefValue != "0s" && f.DefValue != "[]" {
			usage += " (default " + f.DefValue + ")"
		}
		fmt.Fprintf(b, "| `--%s%s` | %s |\n", f.Name, name, strings.ReplaceAll(usage, "|", "\\|"))
	})
}

func unindent(s string) string { return strings.ReplaceAll(strings.TrimPrefix(s, "  "), "\n  ", "\n") }

// TestEveryVerbTellsItsJSON: a verb that prints documents what it prints with --json, but for those that print something else by nature.
func TestEveryVerbTellsItsJSON(t *testing.T) {
	without := map[string]string{"trunkline demo": "a running log", "trunkline demo text": "one line", "trunkline serve": "a log", "trunkline config reference": "TOML", "trunkline config reload": "nothing",
		"trunkline completion": "a script", "trunkline admin password": "nothing", "trunkline admin reset-factor": "nothing", "trunkline admin unlock": "nothing", "trunkline admin redeem": "nothing", "trunkline cdr export": "CSV"}
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		_, exempt := without[cmd.CommandPath()]
		if documented := cmd.Annotations[jsonKey] != ""; !cmd.HasSubCommands() && !cmd.Hidden && documented == exempt {
			t.Errorf("%s: documents its JSON: %t, but it is exempt: %t", cmd.CommandPath(), documented, exempt)
		}
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk(newRoot(&cli{env: func(string) string { return "" }}))
}

// TestPagesNameWhatExists: every file that README and docs link to or name by its path is there.
func TestPagesNameWhatExists(t *testing.T) {
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(pages) < 4 {
		t.Fatalf("pages %v, %v", pages, err)
	}
	links := regexp.MustCompile(`\]\(([^)#:]+)\)`)
	names := regexp.MustCompile("`([a-z]+/[a-z/_]+\\.(?:go|toml|service|rules))`")
	for _, file := range append(pages, "../../README.md", "../../CHANGELOG.md") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range links.FindAllStringSubmatch(string(text), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(file), m[1])); err != nil {
				t.Errorf("%s links to %s: %v", file, m[1], err)
			}
		}
		for _, m := range names.FindAllStringSubmatch(string(text), -1) {
			if _, err := os.Stat(filepath.Join("../..", m[1])); err != nil {
				t.Errorf("%s names %s: %v", file, m[1], err)
			}
		}
	}
}
