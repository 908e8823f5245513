package modem

import (
	"fmt"
	"time"
)

// writeLimit is how long a port may take for one write.
const writeLimit = 5 * time.Second

// write is what at writes to. The line feed that at ends commands with is left out: it can abort a call and ends up in the
// PDU of some modems.
func (g *guard) write(p []byte) (int, error) {
	if n := len(p); n > 0 && p[n-1] == endOfPDU {
		return g.writePDU(p)
	}
	g.mu.Lock()
	if g.ex != nil && g.ex.turn == 0 {
		g.ex.turn = g.turn.Add(1)
	}
	g.mu.Unlock()
	q := p
	if n := len(q); n >= 2 && q[n-2] == '\r' && q[n-1] == '\n' {
		q = q[:n-1]
	}
	if _, err := g.writePort(q); err != nil {
		return 0, err
	}
	return len(p), nil
}

const (
	endOfPDU = 0x1a
	escape   = 0x1b
)

// writePDU commits and writes the PDU in one piece. When it fails before, at writes the escape that leaves the prompt.
func (g *guard) writePDU(p []byte) (int, error) {
	g.mu.Lock()
	e := g.ex
	g.mu.Unlock()
	if e == nil {
		return 0, ErrNotReady
	}
	if err := e.ctx.Err(); err != nil {
		return 0, err
	}
	if err := e.commit(); err != nil {
		return 0, err
	}
	g.mu.Lock()
	switch {
	case e.cause != nil:
		g.mu.Unlock()
		return 0, e.cause
	case e.final != "":
		g.mu.Unlock()
		return 0, ErrNoPrompt
	}
	e.phase = handedOver
	e.timer = time.AfterFunc(e.result, func() { g.expire(e, handedOver) })
	g.mu.Unlock()
	g.log.Log(bg, LevelTrace, "to modem", "pdu_octets", len(e.pdu)/2)
	n, err := g.writePort(p)
	if err != nil {
		g.mu.Lock()
		e.partial = n < len(p)
		g.mu.Unlock()
	}
	return n, err
}

// writePort writes all of p within writeLimit. A port that fails or takes too long is given up: it is closed, which also
// releases a write that ignores its deadline.
func (g *guard) writePort(p []byte) (int, error) {
	kick := time.AfterFunc(writeLimit+time.Second, func() { g.port.Close() })
	defer kick.Stop()
	g.port.SetWriteDeadline(time.Now().Add(writeLimit))
	done := 0
	for done < len(p) {
		n, err := g.port.Write(p[done:])
		done += max(n, 0)
		if err == nil && n <= 0 {
			err = ErrWriteTimeout
		}
		if err != nil {
			g.metrics.damaged.WithLabelValues("write").Inc()
			err = fmt.Errorf("%w: write: %w", ErrPortLost, err)
			g.fail(err)
			return done, err
		}
	}
	return done, nil
}

// writeRaw writes outside of any exchange: escapes while the dialogue is brought into step.
func (g *guard) writeRaw(p ...byte) error {
	_, err := g.writePort(p)
	return err
}
