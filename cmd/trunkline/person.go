package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"trunkline/api"
)

func newPersonCommand(c *cli) *cobra.Command {
	return group("person", "Show, restrict or forget what is kept about a number", newPersonExport(c), newPersonRestrict(c, "restrict", true), newPersonRestrict(c, "unrestrict", false), newPersonErase(c))
}

func newPersonRestrict(c *cli, verb string, restricted bool) *cobra.Command {
	short := map[bool]string{true: "Send nothing to a number and let it trigger nothing, until it is unrestricted", false: "Let a number be written to again"}[restricted]
	var provider string
	cmd := &cobra.Command{Use: verb + " NUMBER", Short: short, Annotations: printsJSON("the person, as `GET /v1/persons/{number}` answers it"), Args: cobra.ExactArgs(1), ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			return show(c, cmd, verb+" person", func(ctx context.Context, client *api.Client) (api.Person, error) {
				return client.Restrict(ctx, args[0], provider, restricted)
			},
				func(cmd *cobra.Command, p api.Person) error {
					_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s: restricted %s, %d contacts\n", p.Number, text(p.Restricted), len(p.Contacts))
					return err
				})
		}}
	cmd.Flags().StringVar(&provider, "provider", "", "service provider whose contacts are meant (default the caller's)")
	return cmd
}

func newPersonErase(c *cli) *cobra.Command {
	var provider string
	cmd := &cobra.Command{Use: "erase NUMBER", Short: "Forget a person: contacts, texts and number; nothing is sent to it any more",
		Long: "Erase removes the contacts with a number for good, and text, octets and number of its messages, calls and events. What waits is withdrawn. A digest of the number stays on the list of\n" +
			"those who are not written to. Backups still have what was erased, and so have free pages of the database until trunkline db compact.",
		Annotations: printsJSON("`{\"contacts\": n, \"messages\": n, \"calls\": n, \"events\": n, \"left\": n}`"), Args: cobra.ExactArgs(1), ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			return show(c, cmd, "erase person", func(ctx context.Context, client *api.Client) (api.Erased, error) {
				return client.Erase(ctx, args[0], provider)
			},
				func(cmd *cobra.Command, e api.Erased) error {
					_, err := fmt.Fprintf(cmd.OutOrStdout(), "%d contacts were removed, %d messages, %d records of calls and %d events blanked; %d messages are still under way\n", e.Contacts, e.Messages, e.Calls, e.Events, e.Left)
					return err
				})
		}}
	cmd.Flags().StringVar(&provider, "provider", "", "service provider whose contacts and messages are meant (default the caller's)")
	return cmd
}
