package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// group makes a noun whose verbs are its sub-commands. Called without one it prints what there is.
func group(use, short string, subs ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use:   use,
		Short: short,
		Args:  cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownVerb(cmd, args[0])
			}
			return usagef("one of: "+strings.Join(names(cmd), ", "), "%s needs a verb", cmd.CommandPath())
		},
	}
	cmd.AddCommand(subs...)
	return cmd
}

// unknownVerb reports a sub-command that does not exist, with the nearest ones that do.
func unknownVerb(cmd *cobra.Command, name string) error {
	hint := "one of: " + strings.Join(names(cmd), ", ")
	cmd.SuggestionsMinimumDistance = 2
	if near := cmd.SuggestionsFor(name); len(near) > 0 {
		hint = "did you mean " + strings.Join(near, " or ") + "?"
	}
	return usagef(hint, "%s has no verb %q", cmd.CommandPath(), name)
}

// names lists the visible sub-commands.
func names(cmd *cobra.Command) []string {
	var all []string
	for _, sub := range cmd.Commands() {
		if !sub.Hidden {
			all = append(all, sub.Name())
		}
	}
	return all
}

// wrapArgs makes usage errors of what argument validators of a tree of commands say.
func wrapArgs(cmd *cobra.Command) {
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return usageError{err: err, hint: seeHelp(cmd)}
			}
			return nil
		}
	}
	for _, sub := range cmd.Commands() {
		wrapArgs(sub)
	}
}

// seeHelp is the hint for a command line that does not fit its verb.
func seeHelp(cmd *cobra.Command) string {
	return fmt.Sprintf("usage: %s (more: %s --help)", cmd.UseLine(), cmd.CommandPath())
}

// jsonKey marks, among the annotations of a command, what it prints with --json.
const jsonKey = "json"

// printsJSON tells in docs/cli.md what a command prints with --json.
func printsJSON(what string) map[string]string { return map[string]string{jsonKey: what} }
