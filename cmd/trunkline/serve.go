package main

import (
	"errors"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"trunkline/config"
	"trunkline/systemd"
)

// exitStoreFailed is how serve ends when the disk did not keep what it was given: EX_SOFTWARE of sysexits.h, so that a supervisor starts it anew.
const exitStoreFailed = 70

func newServeCommand(c *cli) *cobra.Command {
	file := config.DefaultFile
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the gateway",
		Long: "Serve runs the gateway until it gets SIGTERM or SIGINT; then it takes no more, waits for the answer to the message in flight, and ends.\n" +
			"A second signal ends it at once. SIGHUP reads the configuration again: see docs/operations.md.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			conf, err := config.Load(file)
			var wrong *config.Error
			if errors.As(err, &wrong) {
				return hintError{err, "trunkline config check " + file + " tells the same without starting anything"}
			}
			if err != nil {
				return err
			}
			listeners, err := systemd.Listeners()
			if err != nil {
				return err
			}
			level := new(slog.LevelVar)
			level.Set(conf.Log.SlogLevel())
			log := newLogger(conf.Log.Format, level, cmd.ErrOrStderr(), c.env)
			reloads := make(chan os.Signal, 1) // several in a row are one
			signal.Notify(reloads, syscall.SIGHUP)
			defer signal.Stop(reloads)
			g, err := newGateway(conf, gatewayOptions{logger: log, level: level, listeners: listeners, reloads: reloads,
				load: func() (config.Config, error) { return config.Load(file) }})
			if err != nil {
				return err
			}
			return g.run(cmd.Context())
		},
	}
	cmd.Flags().StringVar(&file, "config", file, "configuration file")
	return cmd
}

// newLogger returns a logger that writes in a format of the section [log].
func newLogger(format string, level slog.Leveler, w io.Writer, env func(string) string) *slog.Logger {
	o := &slog.HandlerOptions{Level: level}
	if format == "auto" {
		format = "text"
		if f, ok := w.(*os.File); ok && systemd.Journaled(f, env) {
			format = "journal"
		}
	}
	switch format {
	case "json":
		return slog.New(slog.NewJSONHandler(w, o))
	case "journal":
		return slog.New(systemd.NewJournalHandler(w, o.Level))
	}
	return slog.New(slog.NewTextHandler(w, o))
}
