package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"syscall"

	"github.com/spf13/cobra"

	"trunkline/api"
)

// defaultSocket is where the daemon listens unless it is told otherwise.
const defaultSocket = "/run/trunkline/api.sock"

// client returns a client of the daemon: on the socket of --socket, else of TRUNKLINE_SOCKET, else the default. Nothing is opened before its first call.
func (c *cli) client() *api.Client {
	return api.NewClient(cmp.Or(c.socket, c.env("TRUNKLINE_SOCKET"), defaultSocket))
}

// unreachableHint tells what to do when no daemon answers.
func unreachableHint(err *api.UnreachableError) string {
	const other = ", or name the socket of another with --socket or TRUNKLINE_SOCKET"
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "there is no such socket: start the daemon (trunkline serve, or trunkline demo to try it)" + other
	case errors.Is(err, syscall.ECONNREFUSED):
		return "the socket is left over from a daemon that ended: start it again" + other
	case errors.Is(err, fs.ErrPermission):
		return "only the socket's group may connect: add yourself to it (usually adduser $USER trunkline) and log in again"
	}
	return "see whether the daemon runs: systemctl status trunkline"
}

// printJSON writes one JSON value on one line.
func printJSON(w io.Writer, v any) error { return json.NewEncoder(w).Encode(v) }

// show asks the daemon for something and prints it: as JSON with --json, else as tell does. doing leads an error, as "show modem desk".
func show[T any](c *cli, cmd *cobra.Command, doing string, ask func(context.Context, *api.Client) (T, error), tell func(*cobra.Command, T) error) error {
	client := c.client()
	defer client.Close()
	v, err := ask(cmd.Context(), client)
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	if c.json {
		return printJSON(cmd.OutOrStdout(), v)
	}
	return tell(cmd, v)
}

// completeTrunks offers the names of the trunks of a running daemon.
func (c *cli) completeTrunks(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	client := c.client()
	defer client.Close()
	modems, err := client.Modems(cmd.Context())
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	for _, m := range modems {
		names = append(names, cobra.CompletionWithDesc(m.Name, oneLine(m.State+" "+m.Operator)))
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// completeMessages offers the ids of the newest messages that match a query.
func (c *cli) completeMessages(q api.MessageQuery) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		client := c.client()
		defer client.Close()
		q.Limit = 20
		page, err := client.Messages(cmd.Context(), q)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		var ids []string
		for _, m := range page.Items {
			ids = append(ids, cobra.CompletionWithDesc(m.ID, oneLine(m.State+" "+party(m))))
		}
		return ids, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
	}
}
