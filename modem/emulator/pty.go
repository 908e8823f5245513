package emulator

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// PTY lets the modem speak on a pseudo terminal until ctx ends, and returns the
// path that a host opens. Hosts may come and go: the terminal stays. After an
// unplug fault it goes away and comes back, perhaps under another path, which
// link, a symbolic link kept up to date, follows; empty: no link. Link and
// terminal are gone after ctx has ended and Wait returned. On Linux only; elsewhere
// the error is [errors.ErrUnsupported].
func (m *Modem) PTY(ctx context.Context, link string) (path string, err error) {
	t, err := openTerminal(link)
	if err != nil {
		return "", fmt.Errorf("pty of %s: %w", m.o.Name, err)
	}
	path = t.path
	m.wg.Go(func() {
		for cold := m.o.Boot; ; cold = true {
			err := m.serve(ctx, t.master, cold)
			t.close()
			if !errors.Is(err, ErrUnplugged) {
				return
			}
			m.mu.Lock()
			away := m.replug
			m.mu.Unlock()
			if away == 0 {
				away = time.Second
			}
			if !sleep(away, ctx.Done()) {
				return
			}
			if t, err = openTerminal(link); err != nil {
				return // no terminals left: the modem stays unplugged
			}
		}
	})
	return path, nil
}

// Wait blocks until every terminal of the modem is closed.
func (m *Modem) Wait() { m.wg.Wait() }
