package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"trunkline/config"
	"trunkline/store"
	"trunkline/store/bolt"
)

func newDBCommand(c *cli) *cobra.Command {
	return group("db", "Look after the database file", newDBCheck(c), newDBBackup(c), newDBRestore(c), newDBRelease(c), newDBCompact(c))
}

// dbResult is what db check --json prints.
type dbResult struct {
	File    string         `json:"file"`
	OK      bool           `json:"ok"`
	Records map[string]int `json:"records"` // by table
	Damaged []dbDamage     `json:"damaged"`
}

type dbDamage struct {
	Table  string `json:"table"`
	Key    string `json:"key"` // hex
	Reason string `json:"reason"`
}

func newDBCheck(c *cli) *cobra.Command {
	file := config.DefaultFile
	cmd := &cobra.Command{
		Use:   "check [FILE]",
		Short: "Read every record of a database and name those that are damaged",
		Long: "Check opens the database read-only, verifies its pages and the sum of every record, and that every index entry has its record and every record its\n" +
			"entries. Without FILE it takes the one of the configuration. A daemon that has the file open must be stopped first. Nothing is changed.",
		Annotations: printsJSON("`{\"file\", \"ok\", \"records\": {table: count, …}, \"damaged\": [{\"table\", \"key\", \"reason\"}, …]}`; keys are in hex"),
		Args:        cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			path, err := databasePath(file, args)
			if err != nil {
				return err
			}
			return c.dbCheck(cmd, path)
		},
	}
	cmd.Flags().StringVar(&file, "config", file, "configuration file that names the database")
	return cmd
}

// databasePath returns the database that is named, else that of the configuration.
func databasePath(file string, args []string) (string, error) {
	if len(args) > 0 {
		return args[0], nil
	}
	conf, err := config.Load(file)
	return conf.Store.Path, err
}

func (c *cli) dbCheck(cmd *cobra.Command, path string) error {
	s, err := openForCheck(cmd, path)
	if err != nil {
		return err
	}
	defer s.Close()
	out := cmd.OutOrStdout()
	result := dbResult{File: path, Records: map[string]int{}, Damaged: []dbDamage{}}
	report, err := s.Check(cmd.Context(), func(d store.Damage) {
		found := dbDamage{Table: string(d.Table), Key: hex.EncodeToString(d.Key), Reason: d.Reason}
		result.Damaged = append(result.Damaged, found)
		if !c.json {
			fmt.Fprintf(out, "damaged: table %s, key %s: %s\n", found.Table, found.Key, oneLine(found.Reason))
		}
	})
	if err != nil {
		return fmt.Errorf("check %s: %w", path, err)
	}
	total := 0
	for table, n := range report.Records {
		result.Records[string(table)] = n
		total += n
	}
	result.OK = report.Damaged == 0
	if c.json {
		if err := printJSON(out, result); err != nil {
			return err
		}
	}
	if report.Damaged > 0 {
		return fmt.Errorf("%s: %d of %d records are damaged", path, report.Damaged, total)
	}
	if !c.json {
		fmt.Fprintf(out, "%s is good: %d records\n", path, total)
	}
	return nil
}

// mustExist keeps commands from making a database where none is.
func mustExist(path string) error {
	if _, err := os.Stat(path); err != nil {
		return fmt.Errorf("look for the database: %w", err)
	}
	return nil
}

// openForCheck opens a database that exists for reading.
func openForCheck(cmd *cobra.Command, path string) (*store.Store, error) {
	if err := mustExist(path); err != nil {
		return nil, err
	}
	engine, err := bolt.Open(path, bolt.Options{ReadOnly: true})
	if errors.Is(err, store.ErrLocked) {
		return nil, hintError{err, "stop the daemon first: systemctl stop trunkline"}
	}
	if err != nil {
		return nil, err
	}
	s, err := store.Open(cmd.Context(), engine, store.Options{})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("check %s: %w", path, err), engine.Close())
	}
	return s, nil
}
