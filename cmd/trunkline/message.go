package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"trunkline/api"
	"trunkline/store"
)

func newMessageCommand(c *cli) *cobra.Command {
	return group("message", "Show, list, cancel, watch and settle messages", newMessageShow(c), newMessageList(c), newMessageCancel(c), newMessageWatch(c),
		newMessageResend(c), newMessageSettle(c), newMessageRelease(c), newMessageLog(c))
}

func newMessageShow(c *cli) *cobra.Command {
	return &cobra.Command{
		Use:               "show ID",
		Short:             "Show all that is known about a message",
		Annotations:       printsJSON("a message"),
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: c.completeMessages(api.MessageQuery{}),
		RunE: func(cmd *cobra.Command, args []string) error {
			return show(c, cmd, "show message", func(ctx context.Context, client *api.Client) (api.Message, error) {
				return client.Message(ctx, args[0])
			},
				func(cmd *cobra.Command, m api.Message) error { return showMessage(cmd.OutOrStdout(), m) })
		},
	}
}

func newMessageList(c *cli) *cobra.Command {
	var q api.MessageQuery
	var since, until string
	cmd := &cobra.Command{
		Use:         "list",
		Short:       "List messages, the newest first",
		Annotations: printsJSON("`{\"items\": [message, …], \"next\": cursor}`; `next` is absent on the last page"),
		Args:        cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if q.Since, err = listTime("since", since); err != nil {
				return err
			}
			if q.Until, err = listTime("until", until); err != nil {
				return err
			}
			return show(c, cmd, "list messages", func(ctx context.Context, client *api.Client) (api.MessageList, error) { return client.Messages(ctx, q) },
				func(cmd *cobra.Command, page api.MessageList) error {
					err := listMessages(cmd.OutOrStdout(), page.Items)
					if err == nil && page.Next != "" {
						_, err = fmt.Fprintf(cmd.ErrOrStderr(), "more: --cursor %s\n", page.Next)
					}
					return err
				})
		},
	}
	f := cmd.Flags()
	f.StringVar(&q.Direction, "direction", "", "only in or out")
	f.StringVar(&q.State, "state", "", "only in this state")
	f.StringVar(&q.Trunk, "trunk", "", "only of this trunk")
	f.StringVar(&q.Tag, "tag", "", "only with this tag")
	f.StringVar(&q.Number, "number", "", "only to or from this number")
	f.StringVar(&since, "since", "", "only from this time on: 2026-12-24T18:00:00Z, or as long ago as 24h")
	f.StringVar(&until, "until", "", "only before this time")
	f.IntVar(&q.Limit, "limit", 50, "at most so many")
	f.StringVar(&q.Cursor, "cursor", "", "go on after the page that gave this cursor")
	f.BoolVar(&q.Ascending, "ascending", false, "the oldest first")
	complete(cmd, "trunk", c.completeTrunks)
	complete(cmd, "direction", cobra.FixedCompletions([]string{"in", "out"}, cobra.ShellCompDirectiveNoFileComp))
	complete(cmd, "state", cobra.FixedCompletions(stateNames(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// listTime reads a flag that is a point in time, or how long ago that is.
func listTime(flag, s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if ago, err := time.ParseDuration(s); err == nil && ago >= 0 {
		return time.Now().Add(-ago), nil
	}
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return at, usagef("write it as 2026-12-24T18:00:00Z, or as long ago as 24h", "--%s: %q is no time", flag, s)
	}
	return at, nil
}

func newMessageCancel(c *cli) *cobra.Command {
	return &cobra.Command{
		Use:               "cancel ID",
		Short:             "Withdraw a message that waits",
		Annotations:       printsJSON("the message as it is now"),
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: c.completeMessages(api.MessageQuery{State: store.Waiting.String()}),
		RunE: func(cmd *cobra.Command, args []string) error {
			return show(c, cmd, "cancel message", func(ctx context.Context, client *api.Client) (api.Message, error) { return client.Cancel(ctx, args[0]) },
				func(cmd *cobra.Command, m api.Message) error {
					_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s %s\n", m.ID, m.State)
					return err
				})
		},
	}
}

// complete offers values for a flag that the command has.
func complete(cmd *cobra.Command, flag string, values cobra.CompletionFunc) {
	if err := cmd.RegisterFlagCompletionFunc(flag, values); err != nil {
		panic(err) // the flag does not exist: a mistake of the program
	}
}

func stateNames() []string {
	var names []string
	for _, s := range store.States() {
		names = append(names, s.String())
	}
	return names
}

// party returns the other side of a message.
func party(m api.Message) string {
	if m.Direction == "in" {
		return m.From
	}
	return m.To
}

// listMessages prints one line for each message.
func listMessages(w io.Writer, messages []api.Message) error {
	if len(messages) == 0 {
		return nil
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ID\tTIME\tDIRECTION\tSTATE\tNUMBER\tTRUNK\tTEXT")
	for _, m := range messages {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", m.ID, clock(m.CreatedAt), m.Direction, m.State, oneLine(party(m)), m.Trunk, excerpt(m))
	}
	return t.Flush()
}

// excerpt is the beginning of a message on one line.
func excerpt(m api.Message) string {
	text := content(m)
	if r := []rune(text); len(r) > 60 {
		text = string(r[:59]) + "…"
	}
	return oneLine(text)
}

// content returns the text, or the octets of a message that has none, in hex.
func content(m api.Message) string {
	if m.Text == "" && len(m.Data) > 0 {
		return fmt.Sprintf("[%d octets] %x", len(m.Data), m.Data)
	}
	return m.Text
}

// clock shows a time in the zone of the reader, "" when there is none.
func clock(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Local().Format("2006-01-02 15:04:05")
}

// showMessage prints every field that a message has, then its parts, then its text.
func showMessage(w io.Writer, m api.Message) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(t, "%s\t%s\n", name, oneLine(value))
		}
	}
	row("id", m.ID)
	row("direction", m.Direction)
	row("state", m.State)
	row("to", m.To)
	row("from", m.From)
	row("trunk", m.Trunk)
	row("account", m.Account)
	row("tag", m.Tag)
	if m.Direction == "out" {
		row("priority", fmt.Sprint(m.Priority))
	}
	if m.Flash {
		row("flash", "yes")
	}
	if m.Port != 0 {
		row("port", fmt.Sprint(m.Port))
	}
	for _, at := range []struct {
		name string
		time time.Time
	}{{"created", m.CreatedAt}, {"send at", m.SendAt}, {"expires", m.ExpiresAt}, {"next try", m.NotBefore}, {"sent", m.SentAt},
		{"delivered", m.DeliveredAt}, {"received", m.ReceivedAt}, {"centre", m.CentreAt}} {
		row(at.name, clock(at.time))
	}
	row("if in doubt", m.OnAmbiguous)
	row("error", reason(m))
	row("duplicate of", m.DuplicateOf)
	if m.Incomplete {
		row("missing", strings.Trim(fmt.Sprint(m.Missing), "[]"))
	}
	row("notes", strings.Join(m.Notes, ", "))
	for _, p := range m.Parts {
		row(fmt.Sprintf("part %d", p.Seq), partLine(p))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\n%s\n", oneScreen(content(m)))
	return err
}

// partLine tells the state of a part in one line.
func partLine(p api.Part) string {
	words := []string{p.State}
	if p.Reference != nil {
		words = append(words, fmt.Sprintf("reference %d", *p.Reference))
	}
	if p.Status != nil {
		words = append(words, fmt.Sprintf("report 0x%02x", *p.Status))
	}
	if p.Evidence != "" {
		words = append(words, "known by "+p.Evidence)
	}
	if p.Resends > 0 {
		words = append(words, fmt.Sprintf("sent again %d times", p.Resends))
	}
	n := len(p.Attempts)
	if n > 1 {
		words = append(words, fmt.Sprintf("%d attempts", p.Attempts[n-1].Number))
	}
	if n > 0 && p.Attempts[n-1].Phase == "unclear" {
		words = append(words, "answer lost, evidence awaited until "+clock(p.Attempts[n-1].Until))
	}
	return strings.Join(words, ", ")
}

// reason tells why a message is where it is, "" when nothing failed.
func reason(m api.Message) string {
	if m.Error == nil {
		return ""
	}
	return fmt.Sprintf("%s: %s", m.Error.Code, m.Error.Text)
}
