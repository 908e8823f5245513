package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"trunkline/config"
	"trunkline/store/bolt"
)

// compactResult is what db compact --json prints.
type compactResult struct {
	File   string `json:"file"`
	Before int64  `json:"before"` // bytes
	After  int64  `json:"after"`
}

func newDBCompact(c *cli) *cobra.Command {
	file := config.DefaultFile
	cmd := &cobra.Command{
		Use:   "compact [FILE]",
		Short: "Write a database anew without the room that became free in it",
		Long: "Compact writes a database that no daemon has open to a new file beside it, which takes its place when it is complete and synced. Without FILE it takes\n" +
			"the one of the configuration. The daemon does the same by itself at its start, when more than store.compact_above percent are free.",
		Annotations: printsJSON("`{\"file\", \"before\", \"after\"}` in bytes"),
		Args:        cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			path, err := databasePath(file, args)
			if err != nil {
				return err
			}
			if err := mustExist(path); err != nil {
				return err
			}
			done, err := bolt.Compact(path, bolt.Options{})
			if err != nil {
				return stopFirst(err)
			}
			if c.json {
				return printJSON(cmd.OutOrStdout(), compactResult{path, done.Before, done.After})
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s: %d bytes before, %d after\n", path, done.Before, done.After)
			return nil
		},
	}
	cmd.Flags().StringVar(&file, "config", file, "configuration file that names the database")
	return cmd
}
