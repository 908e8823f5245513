package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

	"trunkline/config"
)

// newConfigReload makes the verb that the unit calls for systemctl reload.
func newConfigReload() *cobra.Command {
	pid := 0
	cmd := &cobra.Command{
		Use:   "reload [FILE]",
		Short: "Check a configuration file and have a running daemon take it over",
		Long: "Reload reads the file as the daemon would, and fails with everything that is wrong with it before the daemon hears of it. Then it sends SIGHUP.\n" +
			"systemctl reload trunkline does the same. What came of it is in the status line of systemctl status and in the log: a key that cannot change\n" +
			"while the daemon runs is named there.",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			file := config.DefaultFile
			if len(args) > 0 {
				file = args[0]
			}
			if _, err := config.Load(file); err != nil {
				return err
			}
			return hangUp(pid)
		},
	}
	cmd.Flags().IntVar(&pid, "pid", 0, "process of the daemon, as systemctl show trunkline -p MainPID tells it")
	return cmd
}

// hangUp sends SIGHUP to a daemon of this program, and to nothing else.
func hangUp(pid int) error {
	if pid <= 1 {
		return usagef("name the daemon with --pid, or use systemctl reload trunkline", "no process to reload")
	}
	command, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	switch {
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("there is no process %d", pid)
	case err != nil:
		return fmt.Errorf("look at process %d: %w", pid, err)
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if name := filepath.Base(self); string(command) != name[:min(len(name), 15)]+"\n" { // comm holds 15 characters
		return fmt.Errorf("process %d is %q, not a daemon of this program", pid, command[:len(command)-1])
	}
	if err := syscall.Kill(pid, syscall.SIGHUP); err != nil {
		return fmt.Errorf("signal process %d: %w", pid, err)
	}
	return nil
}
