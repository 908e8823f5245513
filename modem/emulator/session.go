package emulator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// ErrUnplugged is returned by Serve when a fault closed the stream.
var ErrUnplugged = errors.New("modem was unplugged")

// ErrServed is returned by Serve while another Serve of the modem runs.
var ErrServed = errors.New("modem is served already")

// lineLimit bounds a command line, inputLimit what the modem reads ahead.
const (
	lineLimit  = 2048
	inputLimit = 64 << 10
)

// What ends or leaves the typing of a message. 3GPP TS 27.005 §3.5.1.
const (
	ctrlZ  = 0x1A
	escape = 0x1B
)

// session is the modem's power: it lasts as long as one stream.
type session struct {
	m    *Modem
	rw   io.ReadWriteCloser
	out  *outbox
	gone chan struct{} // closed at the end
	once sync.Once
	err  error
	wake chan struct{} // input, restart or the end of a hang

	// Owned by the goroutine of Serve; line is written under the modem's lock.
	life chan struct{} // the life that line, entry and last belong to
	line []byte        // command line that is being typed
	last string        // for A/
	data *entry        // message being typed after the prompt

	// Guarded by the modem's lock.
	busy    bool          // a command runs: unsolicited lines wait
	typedAt time.Time     // when the last octet came
	held    []string      // unsolicited lines that wait
	in      []byte        // read and not yet used
	hang    time.Time     // frozen until then
	thaw    chan struct{} // closed when a freeze ends early
}

// Serve lets the modem speak on rw until ctx ends, the host closes the stream or
// a fault unplugs it. It closes rw, and returns nil when the host or ctx ended it.
func (m *Modem) Serve(ctx context.Context, rw io.ReadWriteCloser) error {
	return m.serve(ctx, rw, m.o.Boot)
}

func (m *Modem) serve(ctx context.Context, rw io.ReadWriteCloser, cold bool) error {
	s := &session{m: m, rw: rw, out: newOutbox(m.o.LineRate), gone: make(chan struct{}), wake: make(chan struct{}, 1)}
	m.mu.Lock()
	if m.session != nil {
		m.mu.Unlock()
		return fmt.Errorf("serve %s: %w", m.o.Name, ErrServed)
	}
	m.session = s
	m.powerOn(cold)
	m.mu.Unlock()

	var wg sync.WaitGroup
	stop := context.AfterFunc(ctx, s.end)
	wg.Go(func() { s.read(); s.end() })
	wg.Go(func() { s.out.run(rw, s.gone); s.end() })
	s.run()
	stop()

	m.mu.Lock()
	m.session = nil
	m.powerOff()
	m.mu.Unlock()
	wg.Wait()
	return s.err
}

// end closes the stream. A host that went away is no error.
func (s *session) end() {
	s.once.Do(func() {
		close(s.gone)
		s.rw.Close()
	})
}

// unplug ends the session at once. Closing the stream may block, so nobody waits
// for it.
func (s *session) unplug() {
	s.once.Do(func() {
		s.err = ErrUnplugged
		close(s.gone)
		go s.rw.Close()
	})
}

// read takes octets from the host, also while a command runs, as a UART does.
func (s *session) read() {
	buf := make([]byte, 4096)
	pace := newPacer(s.m.o.LineRate)
	for {
		if !s.waitHang() {
			return
		}
		n, err := s.rw.Read(buf)
		if !pace.spent(n, s.gone) {
			return
		}
		s.m.mu.Lock()
		if free := inputLimit - len(s.in); n > free {
			n = free
		}
		s.in = append(s.in, buf[:n]...)
		s.m.mu.Unlock()
		s.poke()
		if err != nil && !isTimeout(err) { // only a freeze sets a deadline
			return
		}
	}
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}

func (s *session) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// run is the owner of the dialogue.
func (s *session) run() {
	for {
		if !s.waitHang() {
			return
		}
		if act := s.gather(); act != nil {
			act()
			continue
		}
		select {
		case <-s.wake:
		case <-s.gone:
			return
		}
	}
}

// gather takes input up to the octet that completes something, echoes it and
// returns what is to be done; nil when more input is needed. What was typed
// before a restart is gone.
func (s *session) gather() (act func()) {
	m := s.m
	m.mu.Lock()
	defer m.mu.Unlock()
	if s.life != m.life {
		s.life, s.line, s.data = m.life, nil, nil
	}
	if time.Now().Before(m.boot.Add(m.p.BootTime)) {
		s.in = nil // starting: the UART is not listening yet
	}
	var echo []byte
	used := 0
	for used < len(s.in) && act == nil {
		c := s.in[used]
		used++
		var shown bool
		if s.data != nil {
			shown, act = s.typed(c)
		} else {
			shown, act = s.typedLine(c)
		}
		if shown && m.set.echo {
			echo = append(echo, c)
		}
	}
	if s.in = s.in[used:]; len(s.in) == 0 {
		s.in = nil
	}
	if used > 0 {
		s.typedAt = time.Now()
	}
	if act != nil {
		s.busy = true
	}
	s.out.put(echo)
	return act
}

// typedLine takes one octet of a command line. The lock is held.
func (s *session) typedLine(c byte) (shown bool, act func()) {
	set := &s.m.set
	switch {
	case c == byte(set.sreg["S3"]):
		line := string(s.line)
		s.line = s.line[:0]
		return true, func() { s.command(line) }
	case c == byte(set.sreg["S5"]):
		if len(s.line) == 0 {
			return false, nil
		}
		s.line = s.line[:len(s.line)-1]
	case len(s.line) == 0 && (c == '\n' || c == 0 || c == escape):
		return false, nil
	case len(s.line) < lineLimit:
		s.line = append(s.line, c)
	}
	if len(s.line) == 2 && s.line[0]&^0x20 == 'A' && s.line[1] == '/' { // V.250 §5.2.4: no carriage return
		s.line = s.line[:0]
		return true, func() { s.command(s.last) }
	}
	return true, nil
}

// restarted forgets what belongs to the life before. The lock is held.
func (s *session) restarted() {
	s.out.sound()
	s.busy, s.held, s.in = false, nil, nil
	s.defrost()
	s.poke()
}

// freeze stops reading and answering for d, until a restart when d is 0. The
// lock is held.
func (s *session) freeze(d time.Duration) {
	s.defrost()
	s.hang, s.thaw = farFuture, make(chan struct{})
	if d > 0 {
		s.hang = time.Now().Add(d)
	}
	s.setReadDeadline(time.Unix(1, 0))
}

// defrost ends a freeze. The lock is held.
func (s *session) defrost() {
	if s.thaw != nil {
		close(s.thaw)
		s.thaw, s.hang = nil, time.Time{}
		s.setReadDeadline(time.Time{})
	}
}

// setReadDeadline ends a Read under way, where the stream can.
func (s *session) setReadDeadline(t time.Time) {
	if d, ok := s.rw.(interface{ SetReadDeadline(time.Time) error }); ok {
		_ = d.SetReadDeadline(t) // a pty of an old kernel cannot: then one Read more gets through
	}
}

// waitHang blocks while the modem is frozen; false at the end of the session.
func (s *session) waitHang() bool {
	for {
		s.m.mu.Lock()
		left, thaw := time.Until(s.hang), s.thaw
		if left <= 0 {
			s.defrost()
		}
		s.m.mu.Unlock()
		select {
		case <-s.gone:
			return false
		default:
		}
		if left <= 0 {
			return true
		}
		if !wait(thaw, left, s.gone) {
			return false
		}
	}
}

// print writes to the host what a command of the present life answers; after a
// restart it is nobody's. The lock is held, the owner calls.
func (s *session) print(data []byte) {
	if s.alive() {
		s.out.put(data)
	}
}

// alive reports whether the life in which the owner works still lasts.
func (s *session) alive() bool {
	select {
	case <-s.life:
		return false
	default:
		return true
	}
}

// typingPause is how long after its last octet a command line that has no end
// keeps unsolicited lines waiting.
const typingPause = time.Second

// urc prints an unsolicited line, or keeps it until the command that is being
// typed or that runs has answered: makes promise that nothing comes between the
// echo of AT and the final result. The lock is held.
func (m *Modem) urc(text string) {
	s := m.session
	if s == nil || m.elsewhere() {
		return
	}
	typing := time.Until(s.typedAt.Add(typingPause))
	switch {
	case s.busy:
		s.held = append(s.held, text)
	case len(s.line) > 0 && typing > 0:
		s.held = append(s.held, text)
		m.after(typing, s.paused)
	default:
		s.out.put([]byte("\r\n" + text + "\r\n"))
	}
}

// paused prints what waited for the end of a line that did not come. The lock is
// held.
func (s *session) paused() {
	if s.m.session == s && !s.busy {
		s.release()
	}
}

// elsewhere reports whether unsolicited lines go to another port of the modem.
// The lock is held.
func (m *Modem) elsewhere() bool {
	if m.p.URCPort == "" {
		return false
	}
	_, brought := m.set.plain[m.p.URCPort]
	return !brought
}

// openLine lets unsolicited lines through while a command runs.
func (m *Modem) openLine() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.session != nil {
		m.session.release()
	}
}

// release ends the reservation of the line and prints what waited. The lock is held.
func (s *session) release() {
	s.busy = false
	held := s.held
	s.held = nil
	for _, text := range held {
		s.m.urc(text)
	}
}
