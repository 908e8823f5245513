package main

import (
	"errors"
	"io"
	"log/slog"
	"os"

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
			"A second signal ends it at once.",
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
			log := newLogger(conf.Log, cmd.ErrOrStderr(), c.env)
			g, err := newGateway(conf, gatewayOptions{logger: log, listeners: listeners})
			if err != nil {
				return err
			}
			return g.run(cmd.Context())
		},
	}
	cmd.Flags().StringVar(&file, "config", file, "configuration file")
	return cmd
}

// newLogger returns a logger as the section [log] asks for.
func newLogger(l config.Log, w io.Writer, env func(string) string) *slog.Logger {
	o := &slog.HandlerOptions{Level: l.SlogLevel()}
	format := l.Format
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
