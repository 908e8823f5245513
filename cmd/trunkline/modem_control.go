package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"trunkline/api"
)

func newModemUSSD(c *cli) *cobra.Command {
	return &cobra.Command{
		Use:   "ussd NAME CODE",
		Short: "Send a USSD code and print what the network says",
		Long: "Ussd opens a session with the network, such as for the balance of the card. When the network wants a reply, a line of standard input is\n" +
			"sent; an empty one, or its end, ends the session. Codes can spend credit and divert calls: it is for administrators.",
		Example:           "  trunkline modem ussd desk '*100#'",
		Annotations:       printsJSON("`{\"text\", \"raw\", \"more\"}`, one line for each answer"),
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: c.completeTrunks,
		RunE: func(cmd *cobra.Command, args []string) error {
			client := c.client()
			defer client.Close()
			in := bufio.NewScanner(cmd.InOrStdin())
			request := api.USSDRequest{Code: args[1]}
			for {
				r, err := client.USSD(cmd.Context(), args[0], request)
				if err != nil {
					return fmt.Errorf("USSD on modem %s: %w", args[0], err)
				}
				if request.Cancel {
					return nil
				}
				if c.json {
					err = printJSON(cmd.OutOrStdout(), r)
				} else {
					_, err = fmt.Fprintln(cmd.OutOrStdout(), oneScreen(r.Text))
				}
				if err != nil || !r.More {
					return err
				}
				fmt.Fprint(cmd.ErrOrStderr(), "reply (empty: end): ")
				if request = (api.USSDRequest{Cancel: true}); in.Scan() {
					if text := strings.TrimSpace(in.Text()); text != "" {
						request = api.USSDRequest{Reply: text}
					}
				}
			}
		},
	}
}

func newModemAT(c *cli) *cobra.Command {
	return &cobra.Command{
		Use:   "at NAME [COMMAND]",
		Short: "Run AT commands on a modem, between those of the gateway",
		Long: "At runs one AT command, or each line of standard input. What would break the session or cost money is refused, with the reason. Every command is\n" +
			"recorded in the event feed. It is for administrators: root, and the user that the daemon runs as.",
		Example:           "  trunkline modem at desk AT+CSQ",
		Annotations:       printsJSON("`{\"lines\", \"result\"}`, one line for each command"),
		Args:              cobra.RangeArgs(1, 2),
		ValidArgsFunction: c.completeTrunks,
		RunE: func(cmd *cobra.Command, args []string) error {
			client := c.client()
			defer client.Close()
			run := func(command string) error {
				a, err := client.AT(cmd.Context(), args[0], command)
				if err != nil {
					return fmt.Errorf("AT command on modem %s: %w", args[0], err)
				}
				if c.json {
					return printJSON(cmd.OutOrStdout(), a)
				}
				for _, line := range append(a.Lines, a.Result) {
					if _, err := fmt.Fprintln(cmd.OutOrStdout(), oneLine(line)); err != nil {
						return err
					}
				}
				return nil
			}
			if len(args) == 2 {
				return run(args[1])
			}
			in := bufio.NewScanner(cmd.InOrStdin())
			for in.Scan() {
				if strings.TrimSpace(in.Text()) == "" {
					continue
				}
				err := run(in.Text())
				var problem *api.Problem
				if errors.As(err, &problem) { // the next line may do better
					printError(cmd.ErrOrStderr(), err)
				} else if err != nil {
					return err
				}
			}
			return in.Err()
		},
	}
}

func newModemUnlock(c *cli) *cobra.Command {
	var puk, accept bool
	cmd := &cobra.Command{
		Use:   "unlock NAME",
		Short: "Enter the PIN of a card, or its PUK and a new PIN",
		Long: "Unlock gives the card what is typed, once; from a terminal it is not shown, and it is never an argument. It says first how many tries are left.\n" +
			"With fewer than three left it goes on only after a confirmation, or with --accept. It is for administrators.",
		Args:              cobra.ExactArgs(1),
		Annotations:       printsJSON("modem"),
		ValidArgsFunction: c.completeTrunks,
		RunE: func(cmd *cobra.Command, args []string) error {
			client := c.client()
			defer client.Close()
			m, err := client.Modem(cmd.Context(), args[0])
			if err != nil {
				return fmt.Errorf("unlock modem %s: %w", args[0], err)
			}
			in := bufio.NewReader(cmd.InOrStdin())
			left := m.PINTries
			if puk {
				left = m.PUKTries
			}
			switch {
			case left == nil:
				fmt.Fprintln(cmd.ErrOrStderr(), "the modem does not tell how many tries are left")
			case *left >= 3:
				fmt.Fprintf(cmd.ErrOrStderr(), "tries left: %d\n", *left)
			case !accept:
				fmt.Fprintf(cmd.ErrOrStderr(), "tries left: %d; a wrong entry may lock the card. Type yes to go on: ", *left)
				if line, _ := in.ReadString('\n'); strings.TrimSpace(line) != "yes" {
					return errors.New("nothing was entered")
				}
				accept = true
			}
			request := api.UnlockRequest{Accept: accept}
			if puk {
				if request.PUK, err = readSecret(cmd, in, "PUK: "); err != nil {
					return err
				}
			}
			if request.PIN, err = readSecret(cmd, in, map[bool]string{false: "PIN: ", true: "new PIN: "}[puk]); err != nil {
				return err
			}
			if m, err = client.Unlock(cmd.Context(), args[0], request); err != nil {
				return fmt.Errorf("unlock modem %s: %w", args[0], err)
			}
			if c.json {
				return printJSON(cmd.OutOrStdout(), m)
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), "the card is unlocked")
			return err
		},
	}
	cmd.Flags().BoolVar(&puk, "puk", false, "enter the PUK and a new PIN")
	cmd.Flags().BoolVar(&accept, "accept", false, "go on although few tries are left, or the card refused this before")
	return cmd
}

// readSecret reads one line; from a terminal it is not shown.
func readSecret(cmd *cobra.Command, in *bufio.Reader, prompt string) (string, error) {
	if f, ok := cmd.InOrStdin().(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		fmt.Fprint(cmd.ErrOrStderr(), prompt)
		b, err := term.ReadPassword(int(f.Fd()))
		fmt.Fprintln(cmd.ErrOrStderr())
		return strings.TrimSpace(string(b)), err
	}
	line, err := in.ReadString('\n')
	if err == io.EOF && line != "" {
		err = nil
	}
	return strings.TrimSpace(line), err
}

// interactive tells whether somebody types what is read.
func interactive(cmd *cobra.Command) bool {
	f, ok := cmd.InOrStdin().(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
