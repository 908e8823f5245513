// Command trunkline runs and operates the gateway: one file per verb. See docs/cli.md.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"trunkline/api"
	"trunkline/router/program"
)

// Exit codes of every verb; part of the documented contract.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitUnreachable = 3
)

func main() {
	if program.Confined() { // this process is to become the program of an action
		program.Confine()
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Getenv)
	stop()
	os.Exit(code)
}

// run executes one command line and returns its exit code. It touches nothing of the process but what it is given, so that tests can run several at once.
// env looks up an environment variable, as os.Getenv does. Canceling ctx ends a verb that follows or serves, which is no failure of it.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, env func(string) string) int {
	root := newRoot(&cli{env: env})
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitDone
	}
	var shown shownError
	if !errors.As(err, &shown) {
		printError(stderr, err)
	}
	return exitCode(err)
}

// newRoot builds the tree of verbs. Every error of parsing a command line becomes a usageError.
func newRoot(c *cli) *cobra.Command {
	root := &cobra.Command{
		Use:   "trunkline",
		Short: "A self-hosted SMS gateway over GSM modems",
		Long: "Trunkline drives GSM modems, sends and receives text messages through them, and answers programs on a socket.\n" +
			"Start with \"trunkline demo\": the whole gateway with emulated modems, without hardware and without root.",
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownVerb(cmd, args[0])
			}
			return cmd.Help()
		},
		Args: cobra.ArbitraryArgs,
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetHelpCommand(&cobra.Command{Use: "no-help", Hidden: true})
	root.PersistentFlags().StringVar(&c.socket, "socket", "", "socket of the daemon (default $TRUNKLINE_SOCKET, else "+defaultSocket+")")
	root.PersistentFlags().BoolVar(&c.json, "json", false, "print JSON as documented in docs/cli.md")
	root.AddCommand(verbs(c)...)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError{err: err, hint: seeHelp(cmd)}
	})
	wrapArgs(root)
	return root
}

// cli is what all verbs of one command line share: its environment and its global flags.
type cli struct {
	env    func(string) string
	socket string
	json   bool
}

// usageError says that the command line was wrong, and how to write it.
type usageError struct {
	err  error
	hint string
}

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

// usagef makes a usageError; hint tells what to do instead.
func usagef(hint, format string, a ...any) error {
	return usageError{err: fmt.Errorf(format, a...), hint: hint}
}

// hintError adds advice to a failure.
type hintError struct {
	err  error
	hint string
}

func (e hintError) Error() string { return e.err.Error() }
func (e hintError) Unwrap() error { return e.err }

// shownError is a failure that the verb has printed already.
type shownError struct{ err error }

func (e shownError) Error() string { return e.err.Error() }
func (e shownError) Unwrap() error { return e.err }

// exitCode tells how a verb that returned err ends.
func exitCode(err error) int {
	var usage usageError
	var unreachable *api.UnreachableError
	var failed storeFailedError
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &failed):
		return exitStoreFailed
	case errors.As(err, &usage):
		return exitUsage
	case errors.As(err, &unreachable):
		return exitUnreachable
	}
	return exitFailed
}

// printError writes what failed, and the hint on a line of its own.
func printError(w io.Writer, err error) {
	fmt.Fprintf(w, "trunkline: %s\n", oneScreen(err.Error()))
	var usage usageError
	var hinted hintError
	var unreachable *api.UnreachableError
	switch {
	case errors.As(err, &usage) && usage.hint != "":
		fmt.Fprintf(w, "hint: %s\n", usage.hint)
	case errors.As(err, &hinted) && hinted.hint != "":
		fmt.Fprintf(w, "hint: %s\n", hinted.hint)
	case errors.As(err, &unreachable):
		fmt.Fprintf(w, "hint: %s\n", unreachableHint(unreachable))
	}
}
