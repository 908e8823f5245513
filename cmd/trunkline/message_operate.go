package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"trunkline/api"
	"trunkline/store"
)

// What operators decide about messages. Each verb takes several ids; one that fails does not keep the others from being done.

func newMessageResend(c *cli) *cobra.Command {
	return &cobra.Command{
		Use:   "resend ID…",
		Short: "Send again what may or may not have been sent",
		Long: "Resend sends the parts of a message again whose answer was lost, so that nobody knows whether the network has them. The recipient may get them\n" +
			"twice. It is for operators: root and the user that the daemon runs as. Who did it stands in the events.",
		Annotations:       printsJSON("the messages as they are now"),
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: c.completeMessages(api.MessageQuery{State: store.Unknown.String()}),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.decide(cmd, "resend", args, (*api.Client).Resend)
		},
	}
}

func newMessageSettle(c *cli) *cobra.Command {
	var sent, delivered, failed bool
	cmd := &cobra.Command{
		Use:   "settle ID… --sent|--delivered|--failed",
		Short: "Say what became of a message of which nobody knows",
		Long: "Settle ends the doubt about a message whose answer was lost, by what you know: from the recipient, or from the bill. Of a message that was sent\n" +
			"it says that it arrived, or did not. It is for operators: root and the user that the daemon runs as. Who did it stands in the events.",
		Annotations:       printsJSON("the messages as they are now"),
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: c.completeMessages(api.MessageQuery{State: store.Unknown.String()}),
		RunE: func(cmd *cobra.Command, args []string) error {
			state := "failed"
			switch {
			case sent:
				state = "sent"
			case delivered:
				state = "delivered"
			}
			return c.decide(cmd, "settle", args, func(client *api.Client, ctx context.Context, id string) (api.Message, error) {
				return client.Settle(ctx, id, state)
			})
		},
	}
	f := cmd.Flags()
	f.BoolVar(&sent, "sent", false, "the network took it")
	f.BoolVar(&delivered, "delivered", false, "the recipient has it")
	f.BoolVar(&failed, "failed", false, "it did not arrive and will not")
	cmd.MarkFlagsOneRequired("sent", "delivered", "failed")
	cmd.MarkFlagsMutuallyExclusive("sent", "delivered", "failed")
	return cmd
}

func newMessageRelease(c *cli) *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "release ID…|--all",
		Short: "Let messages go that are held",
		Long: "Release lets messages go that are held, as they all are after an old copy of the store was put back: look at them first with\n" +
			"trunkline message list --state held, and cancel what was sent since. It is for operators: root and the user that the daemon runs as.",
		Annotations:       printsJSON("the messages as they are now"),
		ValidArgsFunction: c.completeMessages(api.MessageQuery{State: store.Held.String()}),
		Args: func(_ *cobra.Command, args []string) error {
			if all == (len(args) > 0) {
				return usagef("trunkline message list --state held shows what is held", "name the messages, or write --all")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if all {
				var err error
				if args, err = c.held(cmd.Context()); err != nil {
					return fmt.Errorf("release messages: %w", err)
				}
			}
			return c.decide(cmd, "release", args, (*api.Client).Release)
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "every message that is held")
	return cmd
}

// held returns the ids of all messages that are held.
func (c *cli) held(ctx context.Context) (ids []string, err error) {
	client := c.client()
	defer client.Close()
	for q := (api.MessageQuery{State: store.Held.String(), Limit: 1000, Ascending: true}); ; {
		page, err := client.Messages(ctx, q)
		if err != nil {
			return nil, err
		}
		for _, m := range page.Items {
			ids = append(ids, m.ID)
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			return ids, nil
		}
	}
}

// decide does one thing to each message and prints what became of it.
func (c *cli) decide(cmd *cobra.Command, verb string, ids []string, fn func(*api.Client, context.Context, string) (api.Message, error)) error {
	client := c.client()
	defer client.Close()
	done := []api.Message{}
	var failed []error
	for _, id := range ids {
		m, err := fn(client, cmd.Context(), id)
		if err != nil {
			failed = append(failed, fmt.Errorf("%s message %s: %w", verb, id, err))
			continue
		}
		done = append(done, m)
		if c.json {
			continue
		}
		if _, err := fmt.Fprintf(cmd.OutOrStdout(), "%s %s\n", m.ID, m.State); err != nil {
			return err
		}
	}
	if c.json {
		failed = append(failed, printJSON(cmd.OutOrStdout(), api.MessageList{Items: done}))
	}
	return errors.Join(failed...)
}
