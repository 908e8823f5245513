package modem

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"time"
)

const (
	powerLimit  = time.Minute     // of Config.PowerCommand
	powerOutput = 4096            // octets of its output that are kept
	powerRest   = 5 * time.Second // for the modem to appear afterwards
)

// power runs Config.PowerCommand. Its failure is logged: what follows finds out whether the modem is back.
func (m *Modem) power(ctx context.Context, cause error) {
	m.recover(stepPower, cause)
	start := time.Now()
	out, err := runPower(ctx, m.config.PowerCommand, m.name, powerLimit)
	if err != nil {
		m.limiter.warn("power", "power command failed", "command", m.config.PowerCommand[0], "error", err, "output", out)
		return
	}
	m.log.Info("power command was run", "command", m.config.PowerCommand[0], "took", time.Since(start).Round(time.Millisecond))
	m.ladder.graceEnds = time.Now().Add(grace)
}

// runPower runs argv without shell, input or inherited environment, for limit at most, and returns the beginning of its output.
// The command and what it started are killed at the limit.
func runPower(ctx context.Context, argv []string, name string, limit time.Duration) (string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("not done within %v", limit))
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", "TRUNKLINE_MODEM=" + name}
	cmd.Dir = "/"
	cmd.WaitDelay = 2 * time.Second
	out := &head{limit: powerOutput}
	cmd.Stdout, cmd.Stderr = out, out
	ownGroup(cmd)
	err := cmd.Run()
	if err != nil && ctx.Err() != nil {
		err = errors.Join(err, context.Cause(ctx))
	}
	return out.kept.String(), err
}

// head keeps the first octets written to it and drops the rest.
type head struct {
	kept  bytes.Buffer
	limit int
}

func (h *head) Write(p []byte) (int, error) {
	h.kept.Write(p[:min(len(p), h.limit-h.kept.Len())])
	return len(p), nil
}
