package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"trunkline/api"
	"trunkline/config"
	"trunkline/store"
	"trunkline/store/bolt"
)

// sumSuffix ends the name of the file that has the SHA-256 of a backup, in the form of sha256sum.
const sumSuffix = ".sha256"

// backupResult is what db backup --json prints.
type backupResult struct {
	File    string  `json:"file"`
	Bytes   int64   `json:"bytes"`
	SHA256  string  `json:"sha256"`
	From    string  `json:"from"` // "daemon", or the path of the database that was copied without one
	Seconds float64 `json:"seconds"`
}

func newDBBackup(c *cli) *cobra.Command {
	var offline, replace bool
	file := config.DefaultFile
	cmd := &cobra.Command{
		Use:   "backup FILE",
		Short: "Copy the database, while the daemon goes on or without it",
		Long: "Backup asks the daemon for a copy of its database as it is at this moment, and writes it to FILE. Everything that was accepted before is in it. With\n" +
			"--offline, or when no daemon answers on the usual socket, the database of the configuration is copied directly. FILE gets its name when it is\n" +
			"complete and synced; its SHA-256 is written to FILE" + sumSuffix + ", as sha256sum does. Only administrators may make copies of a daemon's database.",
		Annotations: printsJSON("`{\"file\", \"bytes\", \"sha256\", \"from\", \"seconds\"}`; `from` is `daemon`, or the database that was copied without one"),
		Args:        cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			r := backupResult{File: args[0]}
			if _, err := os.Lstat(r.File); err == nil && !replace {
				return hintError{fmt.Errorf("%s exists", r.File), "take another name, or --replace to put the new backup in its place"}
			}
			if err := notInUse(r.File); err != nil {
				return err
			}
			begin := time.Now()
			err := errOffline
			if !offline {
				err = c.backupOfDaemon(cmd.Context(), &r)
			}
			var unreachable *api.UnreachableError
			if offline || errors.As(err, &unreachable) && c.socket == "" {
				err = backupOfFile(cmd.Context(), file, &r, err)
			}
			if err != nil {
				return err
			}
			r.Seconds = time.Since(begin).Seconds()
			if c.json {
				return printJSON(cmd.OutOrStdout(), r)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s: %d bytes from %s in %.1f s, SHA-256 %s\n", r.File, r.Bytes, r.From, r.Seconds, r.SHA256)
			return nil
		},
	}
	cmd.Flags().BoolVar(&offline, "offline", false, "copy the database itself, without asking a daemon")
	cmd.Flags().BoolVar(&replace, "replace", false, "put the backup in the place of a FILE that exists")
	cmd.Flags().StringVar(&file, "config", file, "configuration file that names the database, for a copy without a daemon")
	return cmd
}

var errOffline = errors.New("no daemon was asked")

// notInUse refuses a file that somebody has open as a database.
func notInUse(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return nil // it does not exist, or writing it will say why not
	}
	defer f.Close()
	if err := bolt.Free(f); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

func (c *cli) backupOfDaemon(ctx context.Context, r *backupResult) error {
	client := c.client()
	defer client.Close()
	r.From = "daemon"
	return writeBackup(r, func(w io.Writer) error {
		_, sum, err := client.Backup(ctx, w)
		r.SHA256 = sum
		return err
	})
}

// backupOfFile copies a database that no daemon has open. asked is what asking the daemon brought.
func backupOfFile(ctx context.Context, file string, r *backupResult, asked error) error {
	path, err := databasePath(file, nil)
	if err != nil {
		return errors.Join(asked, err)
	}
	// Opening it for writing brings what a crash left beside the file into it.
	engine, err := bolt.Open(path, bolt.Options{})
	if errors.Is(err, store.ErrReadOnly) {
		engine, err = bolt.Open(path, bolt.Options{ReadOnly: true})
	}
	if errors.Is(err, store.ErrLocked) {
		return hintError{errors.Join(asked, err), "a daemon has it open: leave out --offline, or name its socket with --socket"}
	}
	if err != nil {
		return err
	}
	defer engine.Close()
	r.From = path
	return writeBackup(r, func(w io.Writer) error {
		sum := sha256.New()
		_, err := engine.Backup(ctx, io.MultiWriter(w, sum))
		r.SHA256 = hex.EncodeToString(sum.Sum(nil))
		return err
	})
}

// writeBackup writes the file and the one with its sum; each gets its name when it is complete and synced.
func writeBackup(r *backupResult, write func(io.Writer) error) error {
	temporary := r.File + ".part"
	size, err := writeSynced(temporary, write)
	if err != nil {
		return errors.Join(err, remove(temporary))
	}
	r.Bytes = size
	sum := r.File + sumSuffix
	line := fmt.Sprintf("%s  %s\n", r.SHA256, filepath.Base(r.File))
	if _, err := writeSynced(sum+".part", func(w io.Writer) error { _, err := io.WriteString(w, line); return err }); err != nil {
		return errors.Join(err, remove(temporary), remove(sum+".part"))
	}
	for _, rename := range []struct{ from, to string }{{temporary, r.File}, {sum + ".part", sum}} {
		if err := os.Rename(rename.from, rename.to); err != nil {
			return err
		}
	}
	return syncFolder(filepath.Dir(r.File))
}

func remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// writeSynced makes a file that only its owner may read and returns its size.
func writeSynced(path string, write func(io.Writer) error) (int64, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return 0, err
	}
	err = write(f)
	if err == nil {
		err = f.Sync()
	}
	size, seekErr := f.Seek(0, io.SeekEnd)
	return size, errors.Join(err, seekErr, f.Close())
}

func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// readSum returns the SHA-256 that stands beside a backup.
func readSum(backup string) (string, error) {
	f, err := os.Open(backup + sumSuffix)
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, 4096))
	if err != nil {
		return "", err
	}
	sum, _, _ := bytes.Cut(b, []byte(" "))
	return parseSum(strings.TrimSpace(string(sum)))
}

func parseSum(s string) (string, error) {
	if b, err := hex.DecodeString(s); err != nil || len(b) != sha256.Size {
		return "", fmt.Errorf("%q is no SHA-256 in hex", oneLine(s))
	}
	return strings.ToLower(s), nil
}
