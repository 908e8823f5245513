package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"trunkline/api"
	"trunkline/store"
)

// The verbs about the plans that a running daemon keeps.

// planAt names a plan of a service provider on the command line: NAME, and --provider.
type planAt struct{ provider string }

func (p *planAt) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&p.provider, "provider", store.DefaultProvider, "service provider that the plan belongs to")
}

// failed is an error of a verb about a plan; of one that is missing it says where it was looked for.
func (p *planAt) failed(verb, name string, err error) error {
	if problem := new(api.Problem); errors.As(err, &problem) && problem.Status == http.StatusNotFound {
		return hintError{fmt.Errorf("%s plan %s: service provider %s has no such plan", verb, name, p.provider), "trunkline plan list; --provider names another service provider"}
	}
	return fmt.Errorf("%s plan %s: %w", verb, name, err)
}

// planVerb makes a verb that takes the name of a plan and prints what became of it.
func (c *cli) planVerb(use, short, long string, do func(ctx context.Context, client *api.Client, provider, name string) (api.Plan, error)) *cobra.Command {
	var at planAt
	cmd := &cobra.Command{
		Use:         use,
		Short:       short,
		Long:        long,
		Annotations: printsJSON("a plan"),
		Args:        cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			client := c.client()
			defer client.Close()
			p, err := do(cmd.Context(), client, at.provider, args[0])
			if err != nil {
				return at.failed(cmd.Name(), args[0], err)
			}
			if c.json {
				return printJSON(cmd.OutOrStdout(), p)
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), planLine(&p))
			return err
		},
	}
	at.register(cmd)
	cmd.ValidArgsFunction = c.completePlans(&at)
	return cmd
}

// planLine tells in a line how a plan stands.
func planLine(p *api.Plan) string {
	line := oneLine(p.Provider + "/" + p.Name)
	switch {
	case !p.ArchivedAt.IsZero():
		line += ": archived"
	case p.Live == 0:
		line += ": not in use yet"
	default:
		line += fmt.Sprintf(": version %d is in use", p.Live)
	}
	if p.Next != 0 {
		line += fmt.Sprintf(", version %d from %s on", p.Next, clock(p.NextAt))
	}
	return line
}

// completePlans offers the names of plans.
func (c *cli) completePlans(at *planAt) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		client := c.client()
		defer client.Close()
		page, err := client.Plans(cmd.Context(), api.PlanQuery{Provider: at.provider, Limit: 100})
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		var names []string
		for _, p := range page.Items {
			names = append(names, p.Name)
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}

func newPlanList(c *cli) *cobra.Command {
	q := api.PlanQuery{Limit: 1000}
	cmd := &cobra.Command{
		Use:         "list",
		Short:       "List the plans that the daemon keeps",
		Annotations: printsJSON("`{\"items\": [plan, …]}`"),
		Args:        cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client := c.client()
			defer client.Close()
			all := api.PlanList{Items: []api.Plan{}}
			for {
				page, err := client.Plans(cmd.Context(), q)
				if err != nil {
					return fmt.Errorf("list plans: %w", err)
				}
				all.Items = append(all.Items, page.Items...)
				if q.Cursor = page.Next; q.Cursor == "" {
					break
				}
			}
			if c.json {
				return printJSON(cmd.OutOrStdout(), all)
			}
			return printPlans(cmd.OutOrStdout(), all.Items)
		},
	}
	cmd.Flags().StringVar(&q.Provider, "provider", "", "only those of this service provider")
	cmd.Flags().BoolVar(&q.Archived, "archived", false, "those that are archived instead")
	return cmd
}

func printPlans(w io.Writer, all []api.Plan) error {
	if len(all) == 0 {
		_, err := fmt.Fprintln(w, "there are no such plans; publish one with trunkline plan publish FILE")
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "PROVIDER\tNAME\tIN USE\tBEFORE\tNEWEST\tNEXT\tCHANGED")
	number := func(n int64) string {
		if n == 0 {
			return ""
		}
		return strconv.FormatInt(n, 10)
	}
	for _, p := range all {
		next := number(p.Next)
		if next != "" {
			next += " at " + clock(p.NextAt)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", oneLine(p.Provider), oneLine(p.Name), number(p.Live), number(p.Before), number(p.Last), next, clock(p.UpdatedAt))
	}
	return t.Flush()
}

// planShown is what plan show --json prints.
type planShown struct {
	Plan     api.Plan          `json:"plan"`
	Versions []api.PlanVersion `json:"versions"`
	Document json.RawMessage   `json:"document,omitempty"`
}

func newPlanShow(c *cli) *cobra.Command {
	var at planAt
	var version int64
	var document bool
	cmd := &cobra.Command{
		Use:         "show NAME",
		Short:       "Show a plan that the daemon keeps, with its versions",
		Long:        "Show prints how a plan stands, who made its versions, and the document that is in use. With --document only that is printed.",
		Annotations: printsJSON("`{\"plan\": plan, \"versions\": [{\"version\", \"author\", \"note\", \"created_at\"}, …], \"document\"}`"),
		Args:        cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			client := c.client()
			defer client.Close()
			shown, err := showPlan(cmd.Context(), client, at.provider, args[0], version)
			if err != nil {
				return at.failed("show", args[0], err)
			}
			out := cmd.OutOrStdout()
			if c.json {
				return printJSON(out, shown)
			}
			if !document {
				fmt.Fprintln(out, planLine(&shown.Plan))
				t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
				for _, v := range shown.Versions {
					fmt.Fprintf(t, "version %d\t%s\t%s\t%s\n", v.Version, clock(v.CreatedAt), oneLine(v.Author), oneLine(v.Note))
				}
				if err := t.Flush(); err != nil {
					return err
				}
			}
			var pretty bytes.Buffer
			if err := json.Indent(&pretty, shown.Document, "", "  "); err != nil {
				return err
			}
			_, err = fmt.Fprintln(out, oneScreen(pretty.String()))
			return err
		},
	}
	at.register(cmd)
	cmd.ValidArgsFunction = c.completePlans(&at)
	cmd.Flags().Int64Var(&version, "version", 0, "document of this version (default: the one in use, else the newest)")
	cmd.Flags().BoolVar(&document, "document", false, "print the document only")
	return cmd
}

// showPlan asks for all that is known of a plan.
func showPlan(ctx context.Context, client *api.Client, provider, name string, version int64) (s planShown, err error) {
	if s.Plan, err = client.Plan(ctx, provider, name); err != nil {
		return s, err
	}
	if s.Versions, err = client.PlanVersions(ctx, provider, name); err != nil {
		return s, err
	}
	if version == 0 {
		version = s.Plan.Live
	}
	if version == 0 {
		version = s.Plan.Last
	}
	v, err := client.PlanVersion(ctx, provider, name, version)
	s.Document = v.Document
	return s, err
}

func newPlanPublish(c *cli) *cobra.Command {
	var at, note string
	var dry bool
	cmd := &cobra.Command{
		Use:   "publish FILE",
		Short: "Bring a plan into use, now or at a time",
		Long: "Publish gives a plan to the daemon, which keeps it as the newest version and uses it at once, or from --at on. A plan with errors is refused with all of them,\n" +
			"and what is in use stays in use. FILE may be - for standard input.",
		Example:     "  trunkline plan publish office.json --at 2026-12-24T12:00:00+01:00 --note 'holidays'",
		Annotations: printsJSON("`{\"plan\": plan, \"version\", \"warnings\": [{\"code\", \"pointer\", \"message\", …}, …]}`; with --dry-run `{\"errors\", \"warnings\"}`"),
		Args:        cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var when time.Time
			if at != "" {
				var err error
				if when, err = time.Parse(time.RFC3339, at); err != nil {
					return usagef("write it as 2026-12-24T18:00:00Z", "--at %q is no time", at)
				}
			}
			doc, err := readFile(cmd, args[0])
			if err != nil {
				return err
			}
			if !json.Valid(doc) { // what is no JSON cannot be sent as such
				return hintError{fmt.Errorf("%s is no JSON", args[0]), "trunkline plan check " + args[0]}
			}
			client := c.client()
			defer client.Close()
			if dry {
				return c.dryPublish(cmd, client, args[0], doc)
			}
			out, err := client.PublishPlan(cmd.Context(), doc, when, note)
			if err != nil {
				return fmt.Errorf("publish %s: %w", args[0], err)
			}
			if c.json {
				return printJSON(cmd.OutOrStdout(), out)
			}
			printPlanFindings(cmd.OutOrStdout(), args[0], out.Warnings)
			_, err = fmt.Fprintln(cmd.OutOrStdout(), planLine(&out.Plan))
			return err
		},
	}
	cmd.Flags().StringVar(&at, "at", "", "`time` from which on it is used, as 2026-12-24T18:00:00Z (default now)")
	cmd.Flags().StringVar(&note, "note", "", "why, kept with the version")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "only tell what is wrong or odd in it, beside the plans in use and the trunks")
	return cmd
}

func (c *cli) dryPublish(cmd *cobra.Command, client *api.Client, file string, doc json.RawMessage) error {
	checked, err := client.CheckPlan(cmd.Context(), doc)
	if err != nil {
		return fmt.Errorf("check %s: %w", file, err)
	}
	if c.json {
		err = printJSON(cmd.OutOrStdout(), checked)
	} else {
		printPlanFindings(cmd.OutOrStdout(), file, append(checked.Errors, checked.Warnings...))
		if len(checked.Errors) == 0 {
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s could be published\n", oneLine(file))
		}
	}
	if n := len(checked.Errors); err == nil && n > 0 {
		err = shownError{fmt.Errorf("%d errors", n)}
	}
	return err
}

func newPlanRollback(c *cli) *cobra.Command {
	var version int64
	cmd := c.planVerb("rollback NAME", "Bring an older version of a plan back into use", "Rollback uses the version that was in use before, or the one of --version. What waits for its time is given up.",
		func(ctx context.Context, client *api.Client, provider, name string) (api.Plan, error) {
			return client.RollbackPlan(ctx, provider, name, version)
		})
	cmd.Flags().Int64Var(&version, "version", 0, "the one to be used again (default: the one before)")
	return cmd
}

func newPlanArchive(c *cli) *cobra.Command {
	return c.planVerb("archive NAME", "Put a plan out of use and keep it", "", func(ctx context.Context, client *api.Client, provider, name string) (api.Plan, error) {
		return client.ArchivePlan(ctx, provider, name)
	})
}

func newPlanRestore(c *cli) *cobra.Command {
	return c.planVerb("restore NAME", "Take an archived plan back into use", "", func(ctx context.Context, client *api.Client, provider, name string) (api.Plan, error) {
		return client.RestorePlan(ctx, provider, name)
	})
}

func newPlanPurge(c *cli) *cobra.Command {
	return c.planVerb("purge NAME", "Remove an archived plan with all its versions for good", "", func(ctx context.Context, client *api.Client, provider, name string) (api.Plan, error) {
		return client.PurgePlan(ctx, provider, name)
	})
}
