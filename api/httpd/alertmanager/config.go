package alertmanager

import (
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"

	"trunkline/callplan/phone"
)

// Config is the section [alertmanager].
type Config struct {
	Listen    string `toml:"listen"`     // TCP address on which Alertmanager posts to /alertmanager, e.g. "127.0.0.1:9471"; empty: none
	TokenFile string `toml:"token_file"` // file with the token that Alertmanager sends as a bearer; needed with listen
	Parts     int    `toml:"parts"`      // most parts of a text, 1 to 10; alerts that do not fit are counted instead
	Priority  int    `toml:"priority"`   // of the messages, 0 to 9
	// Text is what is sent. {status} is FIRING or RESOLVED, {count} the number of alerts of that status, {alerts} a line for each of them; {receiver},
	// {group} (the values that alerts are grouped by), {labels.NAME} and {annotations.NAME} (those that all have in common) may be used too.
	Text string `toml:"text"`
	// Alert is the line of one alert: {status}, {labels.NAME} and {annotations.NAME} may be used.
	Alert string `toml:"alert"`
	// Receiver has a table for each receiver of Alertmanager, by its name there.
	Receiver map[string]Receiver `toml:"receiver"`
}

// Receiver says to whom the notifications for a receiver of Alertmanager go.
type Receiver struct {
	To    []string `toml:"to"`    // telephone numbers, e.g. ["+4915112345678"]; each gets every text
	Trunk string   `toml:"trunk"` // only through this trunk; empty: any
	Flash bool     `toml:"flash"` // shown at once and not kept by the phone
}

// Default returns what is right for most.
func Default() Config {
	return Config{Parts: 2, Priority: 8, Text: "{status} {count}: {alerts}", Alert: "{labels.alertname} {labels.instance} {annotations.summary}"}
}

// maxNumbers bounds the number of numbers of a receiver: one request makes a message for each.
const maxNumbers = 100

// Validate returns everything that is wrong, each error starting with the key.
func (c Config) Validate() (errs []error) {
	wrong := func(format string, a ...any) { errs = append(errs, fmt.Errorf(format, a...)) }
	if c.Listen != "" {
		_, port, err := net.SplitHostPort(c.Listen)
		if _, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil {
			wrong("listen: %q is not HOST:PORT, e.g. \"127.0.0.1:9471\"", c.Listen)
		}
		if c.TokenFile == "" {
			wrong("token_file: is needed with listen, or anybody on the network could send texts; write a random line into a file of mode 0600 and name it here")
		}
		if len(c.Receiver) == 0 {
			wrong("receiver: there is none; add a table [alertmanager.receiver.NAME] for each receiver of Alertmanager")
		}
	}
	if c.Parts < 1 || c.Parts > 10 {
		wrong("parts: %d is not between 1 and 10", c.Parts)
	}
	if c.Priority < 0 || c.Priority > 9 {
		wrong("priority: %d is not between 0 and 9", c.Priority)
	}
	if _, err := parse(c.Text, textWords); err != nil {
		wrong("text: %v", err)
	}
	if _, err := parse(c.Alert, alertWords); err != nil {
		wrong("alert: %v", err)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Receiver)) {
		to := c.Receiver[name].To
		switch n := len(to); {
		case n == 0:
			wrong("receiver.%s.to: names no number", name)
		case n > maxNumbers:
			wrong("receiver.%s.to: has %d numbers, at most %d are taken", name, n, maxNumbers)
		}
		for i, number := range to[:min(len(to), maxNumbers)] {
			if _, err := phone.Parse(number); err != nil {
				wrong("receiver.%s.to: number %d: %v", name, i+1, err)
			}
		}
	}
	return errs
}
