package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"trunkline/api"
	"trunkline/callplan"
)

// newPlanCommand makes the verbs about call plans. Those that take files need no daemon.
func newPlanCommand(c *cli) *cobra.Command {
	return group("plan", "Check, try, compare and publish call plans", newPlanCheck(c), newPlanDecide(c), newPlanExplain(c), newPlanLint(c), newPlanDiff(c),
		newPlanList(c), newPlanShow(c), newPlanPublish(c), newPlanRollback(c), newPlanArchive(c), newPlanRestore(c), newPlanPurge(c))
}

// maxPlanFile bounds what a verb reads, in octets.
const maxPlanFile = 256 << 20

// readFile reads a file, or standard input for "-".
func readFile(cmd *cobra.Command, name string) ([]byte, error) {
	in := cmd.InOrStdin()
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	b, err := io.ReadAll(io.LimitReader(in, maxPlanFile+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if len(b) > maxPlanFile {
		return nil, fmt.Errorf("%s: more than %d octets", name, maxPlanFile)
	}
	return b, nil
}

// printFindings writes findings for people: a line each, and an example where there is one.
func printFindings(w io.Writer, file string, found callplan.Findings) {
	for _, f := range found {
		level := "error"
		if f.Warning() {
			level = "warning"
		}
		at := f.Pointer
		if at == "" {
			at = "/"
		}
		fmt.Fprintf(w, "%s: %s: %s %s: %s\n", oneLine(file), oneLine(at), level, f.Code, oneLine(f.Message))
		if f.Example != "" && !f.Warning() {
			fmt.Fprintf(w, "    for example %s\n", oneLine(f.Example))
		}
	}
}

// printPlanFindings is printFindings for those of a daemon.
func printPlanFindings(w io.Writer, file string, found []api.PlanFinding) {
	all := make(callplan.Findings, len(found))
	for i, f := range found {
		all[i] = callplan.Finding(f)
	}
	printFindings(w, file, all)
}

// places lists findings as "CODE /pointer".
func places(found callplan.Findings) []string {
	all := []string{}
	for _, f := range found {
		all = append(all, f.Code+" "+f.Pointer)
	}
	return all
}

func newPlanCheck(c *cli) *cobra.Command {
	return &cobra.Command{
		Use:   "check FILE",
		Short: "Report everything that is wrong, or odd, in a call plan",
		Long: "Reads a call plan, {\"name\",\"service_provider\",\"priority\",\"rules\"}, or a list of them; FILE may be - for standard input. Errors and warnings are reported at once.\n" +
			"Warnings do not fail the verb.",
		Annotations: printsJSON("`{\"errors\": [\"CODE /pointer\", …], \"warnings\": [\"CODE /pointer\", …]}`"),
		Args:        cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			doc, err := readFile(cmd, args[0])
			if err != nil {
				return err
			}
			plans, found := callplan.ParsePlans(doc, callplan.ParseOptions{})
			errs := found.Errors()
			if c.json {
				err = printJSON(cmd.OutOrStdout(), struct {
					Errors   []string `json:"errors"`
					Warnings []string `json:"warnings"`
				}{places(errs), places(found.Warnings())})
			} else {
				printFindings(cmd.OutOrStdout(), args[0], found)
				if errs == nil {
					_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s is good: %s\n", oneLine(args[0]), planNames(plans))
				}
			}
			if err == nil && errs != nil {
				err = shownError{fmt.Errorf("%d errors", len(errs))}
			}
			return err
		},
	}
}

// planNames lists plans for a line.
func planNames(plans []*callplan.Plan) string {
	var names []string
	for _, p := range plans {
		names = append(names, fmt.Sprintf("%s (%d rules)", oneLine(p.Name), len(p.Rules)))
	}
	return strings.Join(names, ", ")
}

// readPlans reads a file of one plan or several. The error holds everything that is wrong with them.
func readPlans(cmd *cobra.Command, file string) ([]*callplan.Plan, error) {
	doc, err := readFile(cmd, file)
	if err != nil {
		return nil, err
	}
	plans, found := callplan.ParsePlans(doc, callplan.ParseOptions{})
	if err := found.Err(); err != nil {
		return nil, hintError{fmt.Errorf("%s: %w", file, err), "trunkline plan check " + file}
	}
	return plans, nil
}

// planEnvFlags name what plans share.
type planEnvFlags struct{ env, areas, latas, zips string }

func (f *planEnvFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.env, "env", "", "`file` of what plans share: {\"timezone\",\"calendars\"}")
	cmd.Flags().StringVar(&f.areas, "area-codes", "", "`file` of a newer table of area codes (CSV npa,region,country,type,in_service,in_service_date)")
	cmd.Flags().StringVar(&f.latas, "latas", "", "`file` that tells the LATA of numbers (CSV npa,nxx,block,lata)")
	cmd.Flags().StringVar(&f.zips, "zips", "", "`file` that tells the ZIP code of numbers (CSV number,zip)")
}

// load reads the files that the flags name.
func (f *planEnvFlags) load(cmd *cobra.Command) (*callplan.Env, error) {
	env := &callplan.Env{}
	if f.env != "" {
		doc, err := readFile(cmd, f.env)
		if err != nil {
			return nil, err
		}
		if env, err = callplan.ParseEnv(doc); err != nil {
			return nil, fmt.Errorf("%s: %w", f.env, err)
		}
	}
	var err error
	open := func(file string, read func(io.Reader) error) {
		if file == "" || err != nil {
			return
		}
		in, openErr := os.Open(file)
		if err = openErr; err != nil {
			return
		}
		defer in.Close()
		if err = read(in); err != nil {
			err = fmt.Errorf("%s: %w", file, err)
		}
	}
	open(f.areas, func(r io.Reader) (err error) { env.Areas, err = callplan.ReadAreas(r, f.areas); return err })
	open(f.latas, func(r io.Reader) (err error) { env.LATAs, err = callplan.ReadLATAs(r, f.latas); return err })
	open(f.zips, func(r io.Reader) (err error) { env.ZIPs, err = callplan.ReadZIPs(r, f.zips); return err })
	return env, err
}
