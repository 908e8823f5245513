package main

import (
	"context"
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
			return show(c, cmd, "release messages", func(ctx context.Context, client *api.Client) (r api.Released, err error) {
				r.Released, err = client.ReleaseRestored(ctx)
				return r, err
			}, func(cmd *cobra.Command, r api.Released) error {
				_, err := fmt.Fprintf(cmd.OutOrStdout(), "%d messages are released\n", r.Released)
				return err
			})
		},
	}
}
