package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"trunkline/api"
)

func newWebhookCommand(c *cli) *cobra.Command {
	return group("webhook", "Have events delivered to URLs", newWebhookAdd(c), newWebhookList(c), newWebhookShow(c), newWebhookEdit(c), newWebhookSecret(c),
		newWebhookPause(c), newWebhookResume(c), newWebhookTest(c), newWebhookDeliveries(c), newWebhookReplay(c), newWebhookRemove(c), newWebhookRestore(c))
}

func newWebhookAdd(c *cli) *cobra.Command {
	var r api.WebhookRequest
	cmd := &cobra.Command{
		Use:   "add URL",
		Short: "Make an endpoint and print its secret",
		Long: "Add makes an endpoint that is told of what happens from now on. Its secret is printed once and never again: give it to the receiver, which verifies\n" +
			"with it that requests come from here. URL begins with https://; http:// is for networks of webhook.allow_networks. For administrators.",
		Example:     "  trunkline webhook add https://example.com/hook --type 'message.*' --description billing",
		Annotations: printsJSON("a webhook, with its `secret`"),
		Args:        cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			r.URL = args[0]
			return show(c, cmd, "add webhook", func(ctx context.Context, client *api.Client) (api.Webhook, error) { return client.AddWebhook(ctx, r) }, tellSecret)
		},
	}
	cmd.Flags().StringArrayVar(&r.Types, "type", nil, "only events of this type, or with this beginning, such as \"message.*\"; may be given again (default all)")
	cmd.Flags().StringVar(&r.Description, "description", "", "what it is for")
	complete(cmd, "type", cobra.FixedCompletions([]string{"message.*", "message.received", "message.delivered", "part.*", "modem.*", "call.*", "webhook.*"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// tellSecret prints an endpoint that has just got a secret.
func tellSecret(cmd *cobra.Command, w api.Webhook) error {
	fmt.Fprintln(cmd.ErrOrStderr(), "The secret is shown this once:")
	_, err := fmt.Fprintf(cmd.OutOrStdout(), "id      %s\nsecret  %s\n", w.ID, w.Secret)
	return err
}

// tellState prints an endpoint of which something was changed.
func tellState(cmd *cobra.Command, w api.Webhook) error {
	_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s %s\n", w.ID, w.State)
	return err
}

// webhookVerb makes a verb that takes the id of an endpoint.
func (c *cli) webhookVerb(use, short, long string, do func(ctx context.Context, client *api.Client, id string) (api.Webhook, error), tell func(*cobra.Command, api.Webhook) error) *cobra.Command {
	name, _, _ := strings.Cut(use, " ")
	return &cobra.Command{
		Use:               use,
		Short:             short,
		Long:              long,
		Annotations:       printsJSON("a webhook"),
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: c.completeWebhooks,
		RunE: func(cmd *cobra.Command, args []string) error {
			return show(c, cmd, name+" webhook", func(ctx context.Context, client *api.Client) (api.Webhook, error) { return do(ctx, client, args[0]) }, tell)
		},
	}
}

func newWebhookList(c *cli) *cobra.Command {
	return &cobra.Command{
		Use:         "list",
		Short:       "List the endpoints and how they are",
		Annotations: printsJSON("`{\"items\": [webhook, …]}`"),
		Args:        cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return show(c, cmd, "list webhooks", func(ctx context.Context, client *api.Client) (l api.WebhookList, err error) {
				l.Items, err = client.Webhooks(ctx)
				return l, err
			}, listWebhooks)
		},
	}
}

func listWebhooks(cmd *cobra.Command, l api.WebhookList) error {
	if len(l.Items) == 0 {
		_, err := fmt.Fprintln(cmd.OutOrStdout(), "there are no webhooks; make one with trunkline webhook add URL")
		return err
	}
	t := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ID\tSTATE\tBEHIND\tPENDING\tTYPES\tURL\tDESCRIPTION")
	for _, w := range l.Items {
		fmt.Fprintf(t, "%s\t%s\t%d\t%d\t%s\t%s\t%s\n", w.ID, w.State, w.Behind, w.Pending, typesOf(w), oneLine(w.URL), oneLine(w.Description))
	}
	return t.Flush()
}

func typesOf(w api.Webhook) string {
	if len(w.Types) == 0 {
		return "all"
	}
	return oneLine(strings.Join(w.Types, ","))
}

func newWebhookShow(c *cli) *cobra.Command {
	return c.webhookVerb("show ID", "Show all that is known about an endpoint", "", func(ctx context.Context, client *api.Client, id string) (api.Webhook, error) {
		return client.Webhook(ctx, id)
	}, func(cmd *cobra.Command, w api.Webhook) error { return showWebhook(cmd.OutOrStdout(), w) })
}

// showWebhook prints every field that an endpoint has.
func showWebhook(out io.Writer, w api.Webhook) error {
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(t, "%s\t%s\n", name, oneLine(value))
		}
	}
	row("id", w.ID)
	row("url", w.URL)
	row("description", w.Description)
	row("types", typesOf(w))
	row("state", w.State)
	if w.Pause != nil {
		row("paused", clock(w.PausedAt)+" "+w.Pause.Code+": "+w.Pause.Text)
	}
	row("archived", clock(w.ArchivedAt))
	row("failing since", clock(w.FailingSince))
	row("position", fmt.Sprintf("event %d, %d behind", w.Position, w.Behind))
	row("pending", strconv.Itoa(w.Pending))
	for i, s := range w.Secrets {
		text := "of " + clock(s.CreatedAt)
		if !s.ExpiresAt.IsZero() {
			text += ", until " + clock(s.ExpiresAt)
		}
		row(fmt.Sprintf("secret %d", i+1), text)
	}
	row("created", clock(w.CreatedAt))
	row("changed", clock(w.UpdatedAt))
	return t.Flush()
}

func newWebhookEdit(c *cli) *cobra.Command {
	var url, description string
	var types []string
	cmd := c.webhookVerb("edit ID", "Change an endpoint", "Edit changes what its flags name; all else stays.", nil, nil)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		var r api.WebhookChange
		f := cmd.Flags()
		if f.Changed("url") {
			r.URL = &url
		}
		if f.Changed("description") {
			r.Description = &description
		}
		if f.Changed("type") {
			if len(types) == 1 && types[0] == "" {
				types = []string{}
			}
			r.Types = &types
		}
		if r == (api.WebhookChange{}) {
			return usagef("name what to change: --url, --description, --type", "nothing to change")
		}
		return show(c, cmd, "edit webhook", func(ctx context.Context, client *api.Client) (api.Webhook, error) {
			return client.EditWebhook(ctx, args[0], r)
		}, tellState)
	}
	cmd.Flags().StringVar(&url, "url", "", "new URL")
	cmd.Flags().StringVar(&description, "description", "", "what it is for")
	cmd.Flags().StringArrayVar(&types, "type", nil, "only events of this type, instead of those before; may be given again, empty is all")
	return cmd
}

func newWebhookSecret(c *cli) *cobra.Command {
	overlap := 24 * time.Hour
	cmd := c.webhookVerb("secret ID", "Make a new secret and print it",
		"Secret replaces the secret of an endpoint. The one before is used beside it for a while, so that the receiver can change in peace. The new one is printed\nonce and never again.",
		func(ctx context.Context, client *api.Client, id string) (api.Webhook, error) {
			return client.RotateSecret(ctx, id, overlap)
		}, tellSecret)
	cmd.Flags().DurationVar(&overlap, "overlap", overlap, "for so long the secret before is used too; at most 720h")
	cmd.Annotations = printsJSON("a webhook, with its new `secret`")
	return cmd
}

func newWebhookPause(c *cli) *cobra.Command {
	return c.webhookVerb("pause ID", "Stop deliveries to an endpoint", "What happens meanwhile waits in the event feed, for store.events_keep.",
		func(ctx context.Context, client *api.Client, id string) (api.Webhook, error) {
			return client.PauseWebhook(ctx, id)
		}, tellState)
}

func newWebhookResume(c *cli) *cobra.Command {
	var r api.ResumeRequest
	cmd := c.webhookVerb("resume ID", "Take deliveries up again where they stopped", "", func(ctx context.Context, client *api.Client, id string) (api.Webhook, error) {
		return client.ResumeWebhook(ctx, id, r)
	}, tellState)
	cmd.Flags().BoolVar(&r.Skip, "skip", false, "go on with what happens from now on instead")
	return cmd
}

func newWebhookTest(c *cli) *cobra.Command {
	return &cobra.Command{
		Use:               "test ID",
		Short:             "Send an event webhook.test and print what came of it",
		Annotations:       printsJSON("`{\"at\", \"seconds\", \"status\", \"error\", \"answer\"}`"),
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: c.completeWebhooks,
		RunE: func(cmd *cobra.Command, args []string) error {
			var failure string
			err := show(c, cmd, "test webhook", func(ctx context.Context, client *api.Client) (api.DeliveryTry, error) {
				t, err := client.TestWebhook(ctx, args[0])
				failure = t.Error
				return t, err
			}, func(cmd *cobra.Command, t api.DeliveryTry) error {
				_, err := fmt.Fprintln(cmd.OutOrStdout(), tryLine(t))
				return err
			})
			if err == nil && failure != "" {
				err = shownError{errors.New(failure)}
			}
			return err
		},
	}
}

func newWebhookRemove(c *cli) *cobra.Command {
	var purge bool
	cmd := c.webhookVerb("remove ID", "End deliveries to an endpoint",
		"Remove archives an endpoint: it gets nothing any more, its records are kept, and restore brings it back. With --purge it and its deliveries are gone for good.",
		func(ctx context.Context, client *api.Client, id string) (api.Webhook, error) {
			w, err := client.ArchiveWebhook(ctx, id)
			if err == nil && purge {
				if w, err = client.PurgeWebhook(ctx, id); err == nil {
					w.State = "purged"
				}
			}
			return w, err
		}, tellState)
	cmd.Flags().BoolVar(&purge, "purge", false, "remove it and its deliveries for good")
	return cmd
}

func newWebhookRestore(c *cli) *cobra.Command {
	return c.webhookVerb("restore ID", "Bring back an endpoint that was removed, paused", "", func(ctx context.Context, client *api.Client, id string) (api.Webhook, error) {
		return client.RestoreWebhook(ctx, id)
	}, tellState)
}

// completeWebhooks offers the ids of the endpoints.
func (c *cli) completeWebhooks(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	client := c.client()
	defer client.Close()
	all, err := client.Webhooks(cmd.Context())
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var ids []string
	for _, w := range all {
		ids = append(ids, cobra.CompletionWithDesc(w.ID, oneLine(w.State+" "+w.URL)))
	}
	return ids, cobra.ShellCompDirectiveNoFileComp
}
