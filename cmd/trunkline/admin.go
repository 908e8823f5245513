package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"trunkline/api"
)

// loginVerbs are the verbs of administrators that have to do with how they log in.
func loginVerbs(c *cli) []*cobra.Command {
	return []*cobra.Command{newInviteCommand(c), newPasswordCommand(c), newForgotCommand(c), newRedeemCommand(c), newLocalUsersCommand(c), newClientCommand(c),
		adminStep(c, "unlock", "Let an administrator try to log in again at once", (*api.Client).UnlockLogin),
		adminStep(c, "reset-factor", "Remove the second factor of an administrator who lost it", (*api.Client).ResetFactor),
		newTokenCommand(c)}
}

// adminStep is a verb that does something for one administrator and has nothing to tell.
func adminStep(c *cli, verb, short string, do func(*api.Client, context.Context, string) error) *cobra.Command {
	return &cobra.Command{Use: verb + " ADMIN", Short: short, Long: short + ". ADMIN is its id or username.", Args: cobra.ExactArgs(1), ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			client := c.client()
			defer client.Close()
			if err := do(client, cmd.Context(), args[0]); err != nil {
				return fmt.Errorf("%s: %w", verb, err)
			}
			return nil
		}}
}

func newInviteCommand(c *cli) *cobra.Command {
	return &cobra.Command{Use: "invite ADMIN", Short: "Make a code with which an administrator sets a password",
		Long: "Make a code with which an administrator sets a password of their own, once, soon, by POST /v1/password. A code that was made before is no longer good. ADMIN is an id or username.",
		Args: cobra.ExactArgs(1), Annotations: printsJSON("`{\"code\", \"expires_at\"}`"), ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			return show(c, cmd, "invite", func(ctx context.Context, client *api.Client) (api.Invite, error) { return client.Invite(ctx, args[0]) },
				func(cmd *cobra.Command, v api.Invite) error {
					_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s\nIt is good until %s, once.\n", v.Code, v.ExpiresAt.Local().Format(time.DateTime))
					return err
				})
		}}
}

func newPasswordCommand(c *cli) *cobra.Command {
	return &cobra.Command{Use: "password ADMIN", Short: "Set the password of an administrator",
		Long: "Set the password of an administrator; all sessions of it end. It is asked for twice, or read from the first line of what is piped in. ADMIN is an id or username.",
		Args: cobra.ExactArgs(1), ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			password, err := newPassword(cmd, bufio.NewReader(io.LimitReader(cmd.InOrStdin(), 4096)))
			if err != nil {
				return err
			}
			client := c.client()
			defer client.Close()
			invite, err := client.Invite(cmd.Context(), args[0])
			if err == nil {
				err = client.ResetPassword(cmd.Context(), api.PasswordReset{Code: invite.Code, Password: password})
			}
			if err != nil {
				return fmt.Errorf("set the password: %w", err)
			}
			return nil
		}}
}

// newPassword reads a password, twice when somebody types it.
func newPassword(cmd *cobra.Command, in *bufio.Reader) (string, error) {
	password, err := readSecret(cmd, in, "New password: ")
	if err == nil && interactive(cmd) {
		var again string
		if again, err = readSecret(cmd, in, "Again: "); err == nil && again != password {
			err = errors.New("the two are not the same")
		}
	}
	if err != nil {
		return "", fmt.Errorf("read the password: %w", err)
	}
	return password, nil
}

func newForgotCommand(c *cli) *cobra.Command {
	return &cobra.Command{Use: "forgot USERNAME", Short: "Have a code mailed to an administrator who forgot the password",
		Long: "Have a code mailed to an administrator who forgot the password; redeem takes it. The answer is the same when there is no such administrator. It needs a section\n" +
			"[smtp.NAME] in the configuration. Three mails a day are sent for one name.",
		Args: cobra.ExactArgs(1), Annotations: printsJSON("`{\"detail\"}`"), ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			return show(c, cmd, "forgot", func(ctx context.Context, client *api.Client) (api.PasswordMail, error) {
				return client.ForgotPassword(ctx, args[0])
			}, func(cmd *cobra.Command, v api.PasswordMail) error {
				_, err := fmt.Fprintln(cmd.OutOrStdout(), v.Detail)
				return err
			})
		}}
}

func newRedeemCommand(c *cli) *cobra.Command {
	return &cobra.Command{Use: "redeem", Short: "Set a password with a code that was mailed, or made by invite",
		Long: "Set a password with a code that was mailed to who forgot his, or made by invite. Code and password are asked for, or read from the first two lines of what is piped in;\n" +
			"all sessions end.",
		Args: cobra.NoArgs, ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			in := bufio.NewReader(io.LimitReader(cmd.InOrStdin(), 4096))
			code, err := readSecret(cmd, in, "Code: ")
			if err != nil {
				return fmt.Errorf("read the code: %w", err)
			}
			password, err := newPassword(cmd, in)
			if err != nil {
				return err
			}
			client := c.client()
			defer client.Close()
			if err := client.ResetPassword(cmd.Context(), api.PasswordReset{Code: code, Password: password}); err != nil {
				return fmt.Errorf("set the password: %w", err)
			}
			return nil
		}}
}

func newLocalUsersCommand(c *cli) *cobra.Command {
	return &cobra.Command{Use: "local-users ADMIN [UID...]", Short: "Say which users of this machine are an administrator on the socket",
		Long: "Say which users of this machine are an administrator on the socket: those named, and no others. ADMIN is an id or username, each UID a number, as id -u prints it.",
		Args: cobra.MinimumNArgs(1), Annotations: printsJSON("`{\"uids\"}`"), ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			users := api.LocalUsers{UIDs: []uint32{}}
			for _, text := range args[1:] {
				uid, err := strconv.ParseUint(text, 10, 32)
				if err != nil {
					return usagef("id -u NAME prints it", "%q is no number of a user", text)
				}
				users.UIDs = append(users.UIDs, uint32(uid))
			}
			return show(c, cmd, "local users", func(ctx context.Context, client *api.Client) (api.LocalUsers, error) {
				return client.SetLocalUsers(ctx, args[0], users)
			}, func(*cobra.Command, api.LocalUsers) error { return nil })
		}}
}

func newClientCommand(c *cli) *cobra.Command {
	renew := false
	cmd := &cobra.Command{Use: "client", Short: "Show what your phone client needs to trigger actions by text",
		Long: "Show your phone token, and the actions that you can trigger with it in the encoded form. It is for administrators who are linked to a user of this machine.",
		Args: cobra.NoArgs, Annotations: printsJSON("`{\"phone_token\", \"actions\": [{\"janua_id\", \"name\", \"arguments\", …}, …]}`"), ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return show(c, cmd, "client", func(ctx context.Context, client *api.Client) (api.ClientConfig, error) {
				if renew {
					return client.NewPhoneToken(ctx)
				}
				return client.ClientConfig(ctx)
			}, func(cmd *cobra.Command, v api.ClientConfig) error {
				t := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
				fmt.Fprintf(t, "token\t%s\n", oneLine(v.PhoneToken))
				for _, a := range v.Actions {
					form := fmt.Sprintf("%s:%d", v.PhoneToken, a.JanuaID)
					for i, g := range a.Arguments {
						form += fmt.Sprintf(":%d,%s", i, g.Name)
					}
					fmt.Fprintf(t, "%s\t%s\n", oneLine(a.Name), oneLine(form))
				}
				return t.Flush()
			})
		}}
	cmd.Flags().BoolVar(&renew, "new", false, "make another token; the one before is no longer good")
	return cmd
}

func newTokenCommand(c *cli) *cobra.Command {
	var r api.TokenRequest
	var life time.Duration
	add := &cobra.Command{Use: "add NAME", Short: "Make a token, which is printed once",
		Long: "Make a token for a program, which shows it as \"Authorization: Bearer\". It is printed once, and kept only as a hash. NAME says what it is for.",
		Args: cobra.ExactArgs(1), Annotations: printsJSON("the token, with its `secret`"), ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			r.Name, r.Life = args[0], api.Duration(life)
			return show(c, cmd, "add token", func(ctx context.Context, client *api.Client) (api.Token, error) { return client.AddToken(ctx, r) },
				func(cmd *cobra.Command, t api.Token) error {
					_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s\nIts id is %s; it ends on %s.\n", t.Secret, t.ID, t.ExpiresAt.Local().Format(time.DateTime))
					return err
				})
		}}
	add.Flags().StringVar(&r.Role, "role", "", "of a token that stands for itself: platform_owner, or service_provider:NAME (default: it stands for the administrator who asks)")
	add.Flags().StringSliceVar(&r.Scope, "scope", []string{"easy0_message_send"}, "permissions that it has at most")
	add.Flags().StringSliceVar(&r.Networks, "network", nil, "where it may come from, e.g. 192.0.2.0/24 (default: anywhere)")
	add.Flags().DurationVar(&life, "life", 0, "it ends after (default: login.token_life)")
	list := &cobra.Command{Use: "list", Short: "List tokens, the newest first", Args: cobra.NoArgs, Annotations: printsJSON("a list of tokens"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return show(c, cmd, "list tokens", func(ctx context.Context, client *api.Client) ([]api.Token, error) { return client.Tokens(ctx) }, printTokens)
		}}
	revoke := &cobra.Command{Use: "revoke ID", Short: "Put a token out of use for good", Args: cobra.ExactArgs(1), Annotations: printsJSON("the token"), ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			return show(c, cmd, "revoke token", func(ctx context.Context, client *api.Client) (api.Token, error) {
				return client.RevokeToken(ctx, args[0])
			},
				func(cmd *cobra.Command, t api.Token) error { return printTokens(cmd, []api.Token{t}) })
		}}
	return group("token", "Make and revoke tokens of programs", list, add, revoke)
}

func printTokens(cmd *cobra.Command, all []api.Token) error {
	w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tNAME\tFOR\tSCOPE\tENDS\tUSED\tSTATE")
	for _, t := range all {
		whose, used, state := t.Role, "never", "good"
		if t.Administrator != 0 {
			whose = "administrator " + strconv.FormatUint(t.Administrator, 10)
		}
		if !t.UsedAt.IsZero() {
			used = t.UsedAt.Local().Format(time.DateTime)
		}
		switch {
		case !t.RevokedAt.IsZero():
			state = "revoked"
		case !t.ExpiresAt.IsZero() && time.Now().After(t.ExpiresAt):
			state = "ended"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", t.ID, oneLine(t.Name), oneLine(whose), strings.Join(t.Scope, ","), t.ExpiresAt.Local().Format(time.DateTime), used, state)
	}
	return w.Flush()
}
