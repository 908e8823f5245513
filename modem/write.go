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
	e := g.ex
	sends := e != nil && e.pdu == "" && e.commit != nil && e.phase == asking
	g.mu.Unlock()
	if sends {
		if err := g.handOver(e); err != nil {
			return 0, err
		}
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
	if n, err := g.writePort(q); err != nil {
		if sends {
			g.cutShort(e, n < len(q))
		}
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
	if err := g.handOver(e); err != nil {
		return 0, err
	}
	g.log.Log(bg, LevelTrace, "to modem", "pdu_octets", len(e.pdu)/2)
	n, err := g.writePort(p)
	if err != nil {
		g.cutShort(e, n < len(p))
	}
	return n, err
}

// handOver commits an exchange right before its octets leave that cannot be taken back. After an error nothing may be written.
func (g *guard) handOver(e *exchange) error {
	if err := e.ctx.Err(); err != nil {
		return err
	}
	if e.commit != nil {
		if err := e.commit(); err != nil {
			return err
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case e.cause != nil:
		return e.cause
	case e.final != "":
		return ErrNoPrompt
	}
	e.phase = handedOver
	e.timer = time.AfterFunc(e.result, func() { g.expire(e, handedOver) })
	return nil
}

// cutShort notes that the port failed while the octets of a send were written.
func (g *guard) cutShort(e *exchange, partial bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	e.partial = partial
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
