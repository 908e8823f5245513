package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"trunkline/callplan"
)

func newPlanLint(c *cli) *cobra.Command {
	var trunks []string
	var now string
	var shared planEnvFlags
	cmd := &cobra.Command{
		Use:   "lint FILE...",
		Short: "Warn of rules that are never used and of other oddities",
		Long: "Reads plans from FILEs, which are looked at together, and warns: rules that are never used, by the name of the rule that is in their way; shares that do not add up to 100;\n" +
			"calls that match no rule; equal priorities; dates that are past; calendars, and with --trunks trunks, that do not exist. Warnings do not fail the verb.",
		Annotations: printsJSON("`[{\"plan\", \"findings\": [{\"code\", \"pointer\", \"message\", …}, …]}, …]`"),
		Args:        cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			plans, err := readAllPlans(cmd, args)
			if err != nil {
				return err
			}
			o := callplan.LintOptions{Now: time.Now(), Others: plans}
			if now != "" {
				if o.Now, err = time.Parse(time.RFC3339, now); err != nil {
					return usagef("write it as 2026-06-10T15:00:00Z", "--at %q is no time", now)
				}
			}
			if cmd.Flags().Changed("trunks") {
				o.Trunks = append([]string{}, trunks...)
			}
			env, err := shared.load(cmd)
			if err != nil {
				return err
			}
			o.Areas = env.Areas
			if shared.env != "" {
				o.Calendars = []string{}
				for name := range env.Calendars {
					o.Calendars = append(o.Calendars, name)
				}
			}
			return printLint(cmd.OutOrStdout(), c.json, plans, o)
		},
	}
	cmd.Flags().StringSliceVar(&trunks, "trunks", nil, "names of the trunks that exist")
	cmd.Flags().StringVar(&now, "at", "", "`time` before which dates are past, as 2026-06-10T15:00:00Z (default now)")
	shared.register(cmd)
	return cmd
}

// lintResult is what plan lint --json prints of a plan.
type lintResult struct {
	Plan     string            `json:"plan"`
	Findings callplan.Findings `json:"findings"`
}

func printLint(w io.Writer, asJSON bool, plans []*callplan.Plan, o callplan.LintOptions) error {
	results := []lintResult{}
	for _, p := range plans {
		found := callplan.Lint(p, o)
		results = append(results, lintResult{p.Name, append(callplan.Findings{}, found...)})
		if !asJSON {
			printFindings(w, p.Name, found)
		}
	}
	if asJSON {
		return printJSON(w, results)
	}
	return nil
}

func newPlanDiff(c *cli) *cobra.Command {
	var calls, provider string
	var shared planEnvFlags
	var o callplan.DiffOptions
	cmd := &cobra.Command{
		Use:   "diff [OLD] NEW",
		Short: "Tell which calls would be decided otherwise by other plans",
		Long: "OLD and NEW are files of one plan or a list of them; without OLD the daemon compares with the plans in use, of which those in NEW take the place by their names. Calls are made from the rules of both: for each rule one that it accepts, and others around every border that it draws.\n" +
			"With --calls recorded ones are decided too. The verb does not fail when there are differences.",
		Annotations: printsJSON("`{\"calls\", \"calls_changed\", \"classes\", \"classes_changed\", \"moved\", \"changes\": [{\"calls\", \"classes\", \"from\", \"to\", \"examples\": [{\"facts\", \"old\", \"new\", \"recorded\"}, …]}, …]}`"),
		Args:        cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			var recorded []callplan.Facts
			if calls != "" {
				var err error
				if recorded, err = readCalls(cmd, calls); err != nil {
					return err
				}
			}
			if len(args) == 1 {
				return c.diffLive(cmd, provider, args[0], recorded, o.Examples)
			}
			env, err := shared.load(cmd)
			if err != nil {
				return err
			}
			var plans [2][]*callplan.Plan
			for i, file := range args {
				if plans[i], err = readPlans(cmd, file); err != nil {
					return err
				}
			}
			if provider == "" && len(plans[1]) > 0 {
				provider = plans[1][0].Provider
			}
			before, err := callplan.Compile(provider, plans[0], env)
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			after, err := callplan.Compile(provider, plans[1], env)
			if err != nil {
				return fmt.Errorf("%s: %w", args[1], err)
			}
			d := callplan.Diff(before, after, recorded, o)
			if c.json {
				return printJSON(cmd.OutOrStdout(), d)
			}
			return printDifference(cmd.OutOrStdout(), &d)
		},
	}
	cmd.Flags().StringVar(&calls, "calls", "", "`file` of recorded calls: facts as JSON, one object a line or a list; - is standard input")
	cmd.Flags().StringVar(&provider, "provider", "", "service provider (default: that of the first new plan)")
	cmd.Flags().IntVar(&o.Examples, "examples", 3, "calls to show of each change")
	shared.register(cmd)
	return cmd
}

// readCalls reads recorded facts.
func readCalls(cmd *cobra.Command, file string) ([]callplan.Facts, error) {
	doc, err := readFile(cmd, file)
	if err != nil {
		return nil, err
	}
	var raw []json.RawMessage
	if doc = bytes.TrimSpace(doc); len(doc) > 0 && doc[0] == '[' {
		err = json.Unmarshal(doc, &raw)
	} else {
		for lines := json.NewDecoder(bytes.NewReader(doc)); err == nil; {
			var one json.RawMessage
			if err = lines.Decode(&one); err == nil {
				raw = append(raw, one)
			}
		}
		if errors.Is(err, io.EOF) {
			err = nil
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%s: call %d: %w", file, len(raw)+1, err)
	}
	all := make([]callplan.Facts, len(raw))
	for i := range raw {
		if all[i], err = callplan.ParseFacts(raw[i]); err != nil {
			return nil, fmt.Errorf("%s: call %d: %w", file, i+1, err)
		}
	}
	return all, nil
}

func printDifference(w io.Writer, d *callplan.Difference) error {
	if d.Calls > 0 {
		fmt.Fprintf(w, "%d of %d recorded calls would be decided otherwise\n", d.CallsChanged, d.Calls)
	}
	_, err := fmt.Fprintf(w, "%d of %d calls made from the rules would be decided otherwise; %d the same, by another rule\n", d.ClassesChanged, d.Classes, d.Moved)
	for _, change := range d.Changes {
		fmt.Fprintf(w, "\n%s -> %s: %d recorded, %d made\n", oneLine(change.From), oneLine(change.To), change.Calls, change.Classes)
		for _, e := range change.Examples {
			facts, marshalErr := json.Marshal(e.Facts)
			if marshalErr != nil {
				return marshalErr
			}
			_, err = fmt.Fprintf(w, "    %s\n        was: %s\n        is:  %s\n", oneLine(string(facts)), decisionText(&e.Old), decisionText(&e.New))
		}
	}
	if d.Omitted > 0 {
		_, err = fmt.Fprintf(w, "\nand %d more kinds of changes\n", d.Omitted)
	}
	return err
}
