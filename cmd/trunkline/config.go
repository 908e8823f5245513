package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"trunkline/config"
)

func newConfigCommand(c *cli) *cobra.Command {
	return group("config", "Check and explain the configuration file", newConfigCheck(c), newConfigReload(), newConfigReference())
}

// checkResult is what config check --json prints.
type checkResult struct {
	File     string          `json:"file"`
	OK       bool            `json:"ok"`
	Trunks   []string        `json:"trunks"`
	Problems []configProblem `json:"problems"`
}

type configProblem struct {
	Line int    `json:"line,omitempty"`
	Key  string `json:"key,omitempty"`
	What string `json:"what"`
	Hint string `json:"hint,omitempty"`
}

func newConfigCheck(c *cli) *cobra.Command {
	return &cobra.Command{
		Use:         "check [FILE]",
		Short:       "Report everything that is wrong with a configuration file (default " + config.DefaultFile + ")",
		Annotations: printsJSON("`{\"file\", \"ok\", \"trunks\": [name, …], \"problems\": [{\"line\", \"key\", \"what\", \"hint\"}, …]}`"),
		Args:        cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			file := config.DefaultFile
			if len(args) > 0 {
				file = args[0]
			}
			conf, err := config.Load(file)
			result := checkResult{File: file, OK: err == nil, Trunks: []string{}, Problems: []configProblem{}}
			var wrong *config.Error
			switch {
			case errors.As(err, &wrong):
				for _, p := range wrong.Problems {
					result.Problems = append(result.Problems, configProblem{p.Line, p.Key, p.What, p.Hint})
				}
			case err != nil:
				return err
			default:
				result.Trunks = append(result.Trunks, conf.Trunks()...)
			}
			out := cmd.OutOrStdout()
			switch {
			case c.json:
				if printErr := printJSON(out, result); printErr != nil {
					return printErr
				}
			case err == nil:
				_, err = fmt.Fprintf(out, "%s is good: %d modems\n", file, len(result.Trunks))
				return err
			default:
				fmt.Fprintln(cmd.ErrOrStderr(), oneScreen(err.Error()))
			}
			if err != nil {
				return shownError{err}
			}
			return nil
		},
	}
}

func newConfigReference() *cobra.Command {
	return &cobra.Command{
		Use:   "reference",
		Short: "Print a configuration file with every key and its default",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprint(cmd.OutOrStdout(), config.Reference())
			return err
		},
	}
}
