package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"trunkline/api"
)

func newMessageWatch(c *cli) *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:         "watch",
		Short:       "Print what happens, as it happens",
		Annotations: printsJSON("one event on each line"),
		Args:        cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client := c.client()
			defer client.Close()
			after := api.FromNow
			if all {
				after = 0
			}
			return watch(cmd.Context(), client, after, cmd.OutOrStdout(), cmd.ErrOrStderr(), c.json)
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "begin with the oldest event that is kept")
	return cmd
}

// watch prints events after a position until ctx ends, which is no failure.
func watch(ctx context.Context, client *api.Client, after uint64, out, notices io.Writer, asJSON bool) error {
	reached := false
	for e, err := range client.Follow(ctx, after, func() { reached = true }) {
		if err := broken(err, reached, notices); err != nil {
			return err
		}
		if err != nil {
			continue
		}
		if asJSON {
			err = printJSON(out, e)
		} else {
			_, err = fmt.Fprintln(out, eventLine(e))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// eventLine tells of an event in one line.
func eventLine(e api.Event) string {
	line := fmt.Sprintf("%s  %-18s", e.At.Local().Format("15:04:05.000"), e.Type)
	if m := e.Message; m != nil {
		arrow := "to"
		if m.Direction == "in" {
			arrow = "from"
		}
		line += fmt.Sprintf(" %s %s", arrow, party(*m))
	}
	if e.Part > 0 && (e.Message == nil || len(e.Message.Parts) > 1) {
		line += fmt.Sprintf(" part %d", e.Part)
	}
	if e.Trunk != "" {
		line += " via " + e.Trunk
	}
	if e.Code != "" {
		line += " " + e.Code
	}
	if e.Text != "" {
		line += " (" + e.Text + ")"
	}
	if m := e.Message; m != nil && e.State == "received" {
		line += ": " + excerpt(*m)
	}
	return oneLine(line)
}
