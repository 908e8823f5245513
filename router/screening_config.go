package router

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"trunkline/callplan/phone"
	"trunkline/router/screen"
	"trunkline/router/template"
)

// ScreenConfig is the section [screening]: who may write to the gateway, whom it writes to, and what it answers by itself.
type ScreenConfig struct {
	Prefixes    []string      `toml:"prefixes"`     // numbers must begin with one of these, e.g. ["+49", "+33"]; empty: any
	Emergency   []string      `toml:"emergency"`    // emergency numbers, which nothing is sent to
	Premium     []string      `toml:"premium"`      // patterns of expensive numbers, which nothing is sent to
	Languages   []string      `toml:"languages"`    // languages whose words for stop, start and help are known; empty: all of cs, de, en, es, fr, it, nl, pl, pt, ru
	StopWords   []string      `toml:"stop_words"`   // further words by which somebody asks not to be written to
	StartWords  []string      `toml:"start_words"`  // further words by which somebody asks to be written to again
	HelpWords   []string      `toml:"help_words"`   // further words by which somebody asks who writes
	StopReply   string        `toml:"stop_reply"`   // the one answer to a stop word; empty: none
	StartReply  string        `toml:"start_reply"`  // answer to a start word; empty: none
	HelpReply   string        `toml:"help_reply"`   // answer to a help word, at most once a day; empty: none
	OptOutScope string        `toml:"optout_scope"` // a stop word stops messages from "all" trunks, or only from the "trunk" that it came to
	UnknownText string        `toml:"unknown_text"` // answer to a text that starts no action; empty: none
	SenderLimit int           `toml:"sender_limit"` // runs of actions that one sender may start in an hour, unless the action says otherwise
	ActionLimit int           `toml:"action_limit"` // runs of one action in an hour, unless it says otherwise
	CodeFor     time.Duration `toml:"code_for"`     // a code that was sent to somebody is good so long; 1m to 1h
	PairFor     time.Duration `toml:"pair_for"`     // a second person may confirm so long; 1m to 24h
	CodeTries   int           `toml:"code_tries"`   // wrong codes until a sender is locked out; 1 to 10
	ClientURL   string        `toml:"client_url"`   // address that phone clients get their configuration from, e.g. "https://gw.example.org"; empty: they get none
	LockFor     time.Duration `toml:"lock_for"`     // a number that gave too many wrong codes, one-time passwords or tokens is locked out so long
}

// DefaultScreening returns what is right for most.
func DefaultScreening() ScreenConfig {
	return ScreenConfig{Emergency: screen.Emergency(), Premium: screen.Premium(), OptOutScope: "all", SenderLimit: 30, ActionLimit: 600, CodeFor: 5 * time.Minute, PairFor: 10 * time.Minute, CodeTries: 5,
		LockFor: time.Hour, StopReply: "You get no more messages from us. Answer START to get them again.", StartReply: "You get messages from us again. Answer STOP to end them."}
}

// Validate returns everything that is wrong, each error starting with the key.
func (c ScreenConfig) Validate() (errs []error) {
	wrong := func(format string, a ...any) { errs = append(errs, fmt.Errorf(format, a...)) }
	for _, p := range c.Prefixes {
		if p == "" || strings.Trim(strings.TrimPrefix(p, "+"), "0123456789") != "" {
			wrong("prefixes: %q is not the beginning of a number, e.g. \"+49\"", clip(p))
		}
	}
	for key, all := range map[string][]string{"emergency": c.Emergency, "premium": c.Premium} {
		if _, err := screen.Numbers(all); err != nil {
			wrong("%s: %v", key, err)
		}
	}
	for _, l := range c.Languages {
		if !slices.Contains(screen.Languages(), l) {
			wrong("languages: %q is none of %s", clip(l), strings.Join(screen.Languages(), ", "))
		}
	}
	if c.OptOutScope != "all" && c.OptOutScope != "trunk" {
		wrong("optout_scope: %q is neither \"all\" nor \"trunk\"", clip(c.OptOutScope))
	}
	for key, text := range map[string]string{"stop_reply": c.StopReply, "start_reply": c.StartReply, "help_reply": c.HelpReply, "unknown_text": c.UnknownText} {
		if len(text) > template.MaxBytes {
			wrong("%s: has %d bytes, at most %d can be sent", key, len(text), template.MaxBytes)
		}
	}
	for _, n := range []struct {
		key              string
		value, low, high int64
	}{{"sender_limit", int64(c.SenderLimit), 1, 100_000}, {"action_limit", int64(c.ActionLimit), 1, 1_000_000}, {"code_tries", int64(c.CodeTries), 1, 10}} {
		if n.value < n.low || n.value > n.high {
			wrong("%s: %d is not between %d and %d", n.key, n.value, n.low, n.high)
		}
	}
	for _, d := range []struct {
		key       string
		value     time.Duration
		low, high time.Duration
	}{{"code_for", c.CodeFor, time.Minute, time.Hour}, {"pair_for", c.PairFor, time.Minute, 24 * time.Hour}, {"lock_for", c.LockFor, time.Minute, 30 * 24 * time.Hour}} {
		if d.value < d.low || d.value > d.high {
			wrong("%s: %s is not between %s and %s", d.key, d.value, d.low, d.high)
		}
	}
	return errs
}

// policy is what a configuration makes of screening.
type policy struct {
	ScreenConfig
	screen screen.Policy
	words  *screen.Words
}

func newPolicy(c ScreenConfig) (*policy, error) {
	emergency, err := screen.Numbers(c.Emergency)
	if err != nil {
		return nil, fmt.Errorf("emergency: %w", err)
	}
	premium, err := screen.Numbers(c.Premium)
	if err != nil {
		return nil, fmt.Errorf("premium: %w", err)
	}
	return &policy{c, screen.Policy{Prefixes: c.Prefixes, Emergency: emergency, Premium: premium},
		screen.NewWords(c.Languages, screen.WordLists{Stop: c.StopWords, Start: c.StartWords, Help: c.HelpWords})}, nil
}

// trusted tells whether somebody can be written back to: names and short numbers are machines, or cannot be reached at all.
func trusted(n phone.Number) bool {
	return n.Kind() != phone.Alphanumeric && len(strings.TrimPrefix(n.String(), "+")) >= shortestSubscriber-1
}
