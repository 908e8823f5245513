package main

import "github.com/spf13/cobra"

// defaultSocket is where the daemon listens unless it is told otherwise.
const defaultSocket = "/run/trunkline/api.sock"

// verbs lists everything that trunkline can be told to do.
func verbs(c *cli) []*cobra.Command {
	return []*cobra.Command{
		newVersionCommand(c),
		newCompletionCommand(),
	}
}
