package main

import (
	"archive/zip"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"trunkline/api"
)

// personExport is everything that is kept about a number.
type personExport struct {
	api.Person
	Messages []api.Message `json:"messages"`
	Calls    []api.CDR     `json:"calls"`
	Runs     []api.Run     `json:"runs"`   // of actions that it started or confirmed
	Events   []api.Event   `json:"events"` // as long as they are kept
}

func newPersonExport(c *cli) *cobra.Command {
	var provider, output, format string
	cmd := &cobra.Command{
		Use: "export NUMBER", Short: "Write everything that is kept about a number",
		Long: "Export writes the contacts with a number, whether it asked not to be written to, all messages and calls from and to it, and the runs of actions that it started: what\n" +
			"somebody may ask for about himself, with the events about all of it that are still kept. It is one JSON object or, with --format zip, an archive with the same object and tables of contacts, messages, calls,\n" +
			"runs and events as CSV. Events are kept for store.events_keep.",
		Example:     "  trunkline person export +4915112345678 --format zip --output anna.zip",
		Annotations: printsJSON("`{\"number\", \"contacts\", \"opted_out\", \"restricted\", \"messages\": [message, …], \"calls\": [record, …], \"runs\": [run, …], \"events\": [event, …]}`, also without --json"), Args: cobra.ExactArgs(1), ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			write := map[string]func(io.Writer, *personExport) error{"json": func(w io.Writer, e *personExport) error { return printJSON(w, e) }, "zip": writePersonZip}[format]
			switch {
			case write == nil:
				return usagef("write --format json or --format zip", "cannot export as %q", format)
			case format == "zip" && output == "":
				return usagef("name the file with --output", "an archive is not printed")
			}
			e, err := c.exportPerson(cmd.Context(), args[0], provider)
			if err != nil {
				return fmt.Errorf("export person: %w", err)
			}
			if output == "" {
				return write(cmd.OutOrStdout(), e)
			}
			f, err := os.OpenFile(output, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
			if err != nil {
				return err
			}
			return errors.Join(write(f, e), f.Close())
		},
	}
	cmd.Flags().StringVar(&provider, "provider", "", "service provider whose contacts are meant (default the caller's)")
	cmd.Flags().StringVar(&output, "output", "", "write to this file, which must not exist")
	cmd.Flags().StringVar(&format, "format", "json", "json, or zip: an archive with JSON and CSV")
	complete(cmd, "format", cobra.FixedCompletions([]string{"json", "zip"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// exportPerson reads everything that is kept about a number.
func (c *cli) exportPerson(ctx context.Context, number, provider string) (*personExport, error) {
	client := c.client()
	defer client.Close()
	e := &personExport{Messages: []api.Message{}, Calls: []api.CDR{}, Runs: []api.Run{}, Events: []api.Event{}}
	var err error
	if e.Person, err = client.Person(ctx, number, provider); err != nil {
		return nil, err
	}
	for q := (api.MessageQuery{Number: e.Number, Limit: 1000, Ascending: true}); ; {
		page, err := client.Messages(ctx, q)
		if err != nil {
			return nil, err
		}
		e.Messages = append(e.Messages, page.Items...)
		if q.Cursor = page.Next; q.Cursor == "" {
			break
		}
	}
	for q := (api.CDRQuery{Number: e.Number, Provider: provider, Kind: "voice", Limit: 1000, Ascending: true}); ; {
		page, err := client.CDRs(ctx, q)
		if err != nil {
			return nil, err
		}
		e.Calls = append(e.Calls, page.Items...)
		if q.Cursor = page.Next; q.Cursor == "" {
			break
		}
	}
	for cursor := ""; ; {
		page, err := client.Runs(ctx, cursor, 1000)
		if err != nil {
			return nil, err
		}
		for _, r := range page.Items {
			if r.Sender == e.Number || r.ConfirmedBy == e.Number {
				e.Runs = append(e.Runs, r)
			}
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	for after := uint64(0); ; {
		page, err := client.PersonEvents(ctx, e.Number, provider, after)
		if err != nil {
			return nil, err
		}
		e.Events = append(e.Events, page.Items...)
		if after = page.Next; after == 0 {
			return e, nil
		}
	}
}

// writePersonZip writes an export as an archive: person.json, and a table for each kind of record, in which nothing is taken for a formula.
func writePersonZip(w io.Writer, e *personExport) error {
	z := zip.NewWriter(w)
	f, err := z.Create("person.json")
	if err == nil {
		err = printJSON(f, e)
	}
	table := func(name string, header []string, n int, row func(i int) []string) {
		if err != nil {
			return
		}
		var f io.Writer
		if f, err = z.Create(name); err != nil {
			return
		}
		t := csv.NewWriter(f)
		t.Write(header)
		for i := range n {
			cells := row(i)
			for j := range cells {
				cells[j] = cell(cells[j])
			}
			t.Write(cells)
		}
		t.Flush()
		err = t.Error()
	}
	at := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.UTC().Format(time.RFC3339)
	}
	table("contacts.csv", []string{"id", "provider", "firstname", "name", "company", "phones", "emails", "description", "restricted", "created_at", "archived_at"}, len(e.Contacts), func(i int) []string {
		k := &e.Contacts[i]
		var phones, emails []string
		for _, p := range k.Phones {
			phones = append(phones, p.Number)
		}
		for _, m := range k.Emails {
			emails = append(emails, m.Email)
		}
		return []string{strconv.FormatUint(k.ID, 10), k.Provider, k.FirstName, k.LastName, k.Company, strings.Join(phones, ", "), strings.Join(emails, ", "), k.Description, strconv.FormatBool(k.Restricted), at(k.CreatedAt), at(k.ArchivedAt)}
	})
	table("messages.csv", []string{"id", "direction", "state", "from", "to", "text", "subject", "trunk", "account", "tag", "parts", "created_at", "sent_at", "delivered_at", "error"}, len(e.Messages), func(i int) []string {
		m := &e.Messages[i]
		return []string{m.ID, m.Direction, m.State, m.From, m.To, m.Text, m.Subject, m.Trunk, m.Account, m.Tag, strconv.Itoa(len(m.Parts)), at(m.CreatedAt), at(m.SentAt), at(m.DeliveredAt), reason(*m)}
	})
	table("calls.csv", []string{"id", "direction", "number", "line", "trunk", "started_at", "answered_at", "ended_at", "seconds", "outcome", "account"}, len(e.Calls), func(i int) []string {
		k := &e.Calls[i]
		return []string{k.ID, k.Direction, k.Number, k.Line, k.Trunk, at(k.StartedAt), at(k.AnsweredAt), at(k.EndedAt), strconv.FormatFloat(k.Seconds, 'f', 3, 64), k.Outcome, k.Account}
	})
	table("runs.csv", []string{"id", "provider", "action", "sender", "who", "state", "reason", "at", "ended_at", "confirmed_by"}, len(e.Runs), func(i int) []string {
		r := &e.Runs[i]
		return []string{r.ID, r.Provider, r.Action, r.Sender, r.Who, r.State, r.Reason, at(r.At), at(r.EndedAt), r.ConfirmedBy}
	})
	table("events.csv", []string{"seq", "type", "at", "message_id", "call_id", "state", "part", "trunk", "code", "text", "account", "number"}, len(e.Events), func(i int) []string {
		v := &e.Events[i]
		return []string{strconv.FormatUint(v.Seq, 10), v.Type, at(v.At), v.MessageID, v.CallID, v.State, strconv.Itoa(v.Part), v.Trunk, v.Code, v.Text, v.Account, v.Number}
	})
	return errors.Join(err, z.Close())
}
