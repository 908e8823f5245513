package main

import (
	"context"
	"errors"
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
	line := connection{notices: notices}
	for e, err := range client.Follow(ctx, after, func() { line.opened() }) {
		if err := line.broken(err); err != nil {
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

// connection is that of a follower to the daemon, which may go away and come back.
type connection struct {
	notices io.Writer
	reached bool // it stood at least once
	away    bool // told that it broke, and not yet that it stands again
}

// opened notes that the connection stands; first tells whether it is the first time.
func (c *connection) opened() (first bool) {
	if c.away {
		fmt.Fprintln(c.notices, "trunkline: connected again")
	}
	first, c.reached, c.away = !c.reached, true, false
	return first
}

// broken sorts the errors of an event stream. Nil goes on: the client connects again, and the first of a row of failures is told. A daemon that was never
// reached, or that refuses, ends it.
func (c *connection) broken(err error) error {
	var p *api.Problem
	switch {
	case err == nil:
		return nil
	case errors.As(err, &p) || !c.reached:
		return fmt.Errorf("follow events: %w", err)
	case !c.away:
		c.away = true
		fmt.Fprintf(c.notices, "trunkline: %s; waiting for it to come back\n", oneLine(err.Error()))
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
