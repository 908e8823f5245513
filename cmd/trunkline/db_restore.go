package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"trunkline/config"
	"trunkline/router/gsm"
	"trunkline/store"
	"trunkline/store/bolt"
)

// restoreResult is what db restore --json prints.
type restoreResult struct {
	File     string `json:"file"`
	Database string `json:"database"`
	Aside    string `json:"aside,omitempty"` // where the database is that was there before
	Records  int    `json:"records"`
	Held     int    `json:"held"`    // messages that wait for db release
	Unknown  int    `json:"unknown"` // of these: with a part that may have gone out
	Epoch    uint64 `json:"epoch"`
}

func newDBRestore(c *cli) *cobra.Command {
	var sum, to string
	file := config.DefaultFile
	cmd := &cobra.Command{
		Use:   "restore FILE",
		Short: "Put a backup in the place of the database",
		Long: "Restore verifies the SHA-256 of a backup and every record in it, and puts a copy of it in the place of the database, which no daemon may have open. The\n" +
			"old database is kept beside it. What the backup says is still to be sent may have been sent since: all of it is held, until you have looked at it\n" +
			"and trunkline db release lets it go; trunkline message cancel withdraws single ones.",
		Annotations: printsJSON("`{\"file\", \"database\", \"aside\", \"records\", \"held\", \"unknown\", \"epoch\"}`; `held` messages wait to be released, `unknown` of them have a part that may have gone out"),
		Args:        cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			r := restoreResult{File: args[0], Database: to}
			var err error
			if r.Database == "" {
				if r.Database, err = databasePath(file, nil); err != nil {
					return err
				}
			}
			if sum == "" {
				if sum, err = readSum(r.File); err != nil {
					return hintError{fmt.Errorf("read the SHA-256 of the backup: %w", err), "it is in the file that backup wrote beside it; without that, give it with --sha256"}
				}
			} else if sum, err = parseSum(sum); err != nil {
				return usageError{err: fmt.Errorf("--sha256: %w", err)}
			}
			if err := restore(cmd.Context(), sum, &r); err != nil {
				return err
			}
			if c.json {
				return printJSON(cmd.OutOrStdout(), r)
			}
			out := cmd.OutOrStdout()
			fmt.Fprintf(out, "%s is restored from %s: %d records, all good, epoch %d\n", r.Database, r.File, r.Records, r.Epoch)
			if r.Aside != "" {
				fmt.Fprintf(out, "the database from before is kept as %s\n", r.Aside)
			}
			if r.Held > 0 {
				fmt.Fprintf(out, "%d messages are held, %d of them with a part that may have gone out: start the daemon, look at them (trunkline message list --state held), then trunkline db release\n", r.Held, r.Unknown)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&sum, "sha256", "", "SHA-256 of the backup in hex (default: what FILE"+sumSuffix+" says)")
	cmd.Flags().StringVar(&to, "to", "", "database to put it in place of (default: that of the configuration)")
	cmd.Flags().StringVar(&file, "config", file, "configuration file that names the database")
	return cmd
}

// restore does it in a file of its own, which takes the place of the database when all is done.
func restore(ctx context.Context, sum string, r *restoreResult) error {
	floor, err := floorOf(ctx, r.Database)
	if err != nil {
		return err
	}
	temporary := r.Database + ".restore"
	if err := copyVerified(r.File, temporary, sum); err != nil {
		return errors.Join(err, remove(temporary))
	}
	if err := fence(ctx, temporary, floor, r); err != nil {
		return errors.Join(err, remove(temporary))
	}
	aside := r.Database + ".before-" + time.Now().UTC().Format("20060102T150405.000Z")
	if err := bolt.Replace(r.Database, temporary, aside); err != nil {
		return errors.Join(stopFirst(err), remove(temporary))
	}
	if _, err := os.Lstat(aside); err == nil {
		r.Aside = aside
	}
	return nil
}

func stopFirst(err error) error {
	if errors.Is(err, store.ErrLocked) {
		return hintError{err, "stop the daemon first: systemctl stop trunkline"}
	}
	return err
}

// floorOf tells what the restored store must stay above. A database that cannot be read, which may be why a backup is restored, tells nothing.
func floorOf(ctx context.Context, path string) (floor store.Floor, err error) {
	engine, err := bolt.Open(path, bolt.Options{ReadOnly: true})
	if errors.Is(err, store.ErrLocked) {
		return floor, stopFirst(fmt.Errorf("restore onto %s: %w", path, err))
	}
	if err != nil {
		return floor, nil
	}
	s, err := store.Open(ctx, engine, store.Options{})
	if err != nil {
		return floor, engine.Close()
	}
	floor.Epoch = s.Instance().Epoch
	if last, err := s.LastEvent(ctx); err == nil {
		floor.Event = last
	}
	return floor, s.Close()
}

// copyVerified copies a file, durably, and fails when it has not the right sum.
func copyVerified(from, to, sum string) error {
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := writeSynced(to, func(w io.Writer) error { _, err := io.Copy(io.MultiWriter(w, h), f); return err }); err != nil {
		return fmt.Errorf("copy %s: %w", from, err)
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != sum {
		return fmt.Errorf("%s is not what was backed up: its SHA-256 is %s, not %s", from, got, sum)
	}
	return syncFolder(filepath.Dir(to))
}

// fence verifies every record of a copy, brings it to the newest schema, and holds what may have been sent since.
func fence(ctx context.Context, path string, floor store.Floor, r *restoreResult) error {
	engine, err := bolt.Open(path, bolt.Options{})
	if err != nil {
		return fmt.Errorf("%s: %w", r.File, err)
	}
	s, err := store.Open(ctx, engine, store.Options{Assembler: gsm.Assembler{}})
	if err != nil {
		return errors.Join(fmt.Errorf("%s: %w", r.File, err), engine.Close())
	}
	var first *store.Damage
	report, err := s.Check(ctx, func(d store.Damage) {
		if first == nil {
			first = &d
		}
	})
	if err == nil && report.Damaged > 0 {
		err = hintError{fmt.Errorf("%d records are damaged, the first: %w", report.Damaged, first), "trunkline db check " + r.File + " lists all; restore an older backup"}
	}
	for _, n := range report.Records {
		r.Records += n
	}
	if err == nil {
		var done store.Fenced
		done, err = s.Fence(ctx, time.Now().UTC(), floor)
		r.Held, r.Unknown, r.Epoch = done.Held, done.Unknown, done.Epoch
	}
	if err != nil {
		err = fmt.Errorf("%s: %w", r.File, err)
	}
	return errors.Join(err, s.Close())
}
