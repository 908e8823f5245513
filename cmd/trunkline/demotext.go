package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
)

func newDemoText(dir *string) *cobra.Command {
	from := demoHandset
	cmd := &cobra.Command{
		Use:   "text TO TEXT",
		Short: "Write a text on the phone of a running demo",
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if *dir == "" {
				return usagef("copy the line that demo printed when it started", "--dir is missing: the folder of the demo")
			}
			if err := handsetText(cmd.Context(), filepath.Join(*dir, "network.sock"), from, args[0], args[1]); err != nil {
				return fmt.Errorf("text from the phone: %w", err)
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "the network has the text from %s to %s\n", oneLine(from), oneLine(args[0]))
			return err
		},
	}
	cmd.Flags().StringVar(&from, "from", from, "number of the phone, or a sender's name")
	return cmd
}

// handsetText lets a phone of the emulated network write a text.
func handsetText(ctx context.Context, socket, from, to, text string) error {
	body, err := json.Marshal(map[string]string{"to": to, "text": text})
	if err != nil {
		return err
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://network/handset/"+url.PathEscape(from)+"/messages", bytes.NewReader(body))
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	var operation *net.OpError
	if errors.As(err, &operation) {
		return hintError{fmt.Errorf("no demo answers at %s: %w", socket, operation.Err), "start it with trunkline demo, and copy the folder that it prints"}
	}
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		answer, _ := io.ReadAll(io.LimitReader(resp.Body, 4096))
		return fmt.Errorf("the network refused it: %s", strings.TrimSpace(string(answer)))
	}
	return nil
}

// invocation returns how a person calls this program: by its name when the shell finds it, as go run in a checkout, else by its path.
func invocation() string {
	self, err := os.Executable()
	if err != nil {
		return "trunkline"
	}
	if strings.Contains(self, "/go-build") {
		if _, err := os.Stat("cmd/trunkline/demo.go"); err == nil {
			return "go run ./cmd/trunkline"
		}
	}
	for _, folder := range filepath.SplitList(os.Getenv("PATH")) {
		if filepath.Join(folder, "trunkline") == self {
			return "trunkline"
		}
	}
	return shellQuote(self)
}

// shellQuote quotes a word for a POSIX shell when it has to be.
func shellQuote(s string) string {
	plain := func(r rune) bool { return r < 128 && (bare(byte(r)) || strings.ContainsRune("/._-+:,@", r)) }
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

func bare(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' }
