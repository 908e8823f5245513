package main

import "github.com/spf13/cobra"

// verbs lists everything that trunkline can be told to do.
func verbs(c *cli) []*cobra.Command {
	return []*cobra.Command{
		newSendCommand(c),
		newMessageCommand(c),
		newModemCommand(c),
		newConfigCommand(c),
		newVersionCommand(c),
		newCompletionCommand(),
	}
}
