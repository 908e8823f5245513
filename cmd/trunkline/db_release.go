package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"trunkline/api"
)

func newDBRelease(c *cli) *cobra.Command {
	return &cobra.Command{
		Use:   "release",
		Short: "Let all messages go that a restore holds",
		Long: "Release confirms that what a restored backup says is still to be sent shall be sent. Look at it before (trunkline message list --state held) and withdraw\n" +
			"what was sent already (trunkline message cancel). Only administrators may do this.",
		Annotations: printsJSON("`{\"released\"}`, how many"),
		Args:        cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client := c.client()
			defer client.Close()
			n, err := client.ReleaseRestored(cmd.Context())
			if err != nil {
				return err
			}
			if c.json {
				return printJSON(cmd.OutOrStdout(), api.Released{Released: n})
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%d messages are released\n", n)
			return nil
		},
	}
}
