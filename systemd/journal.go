package systemd

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// Journaled tells whether f, the standard error, goes to the journal: JOURNAL_STREAM names its device and inode (systemd.exec(5)).
func Journaled(f *os.File, env func(string) string) bool {
	var st unix.Stat_t
	if f == nil || unix.Fstat(int(f.Fd()), &st) != nil {
		return false
	}
	return env("JOURNAL_STREAM") == fmt.Sprintf("%d:%d", st.Dev, st.Ino)
}

// NewJournalHandler returns a handler that writes one line for each record, led by its priority as journald reads it (sd-daemon(3)) and without the time,
// which the journal adds.
func NewJournalHandler(w io.Writer, level slog.Leveler) slog.Handler {
	p := &prioritized{w: w}
	return journalHandler{p, slog.NewTextHandler(p, &slog.HandlerOptions{Level: level, ReplaceAttr: withoutTime})}
}

// withoutTime drops what the journal knows itself.
func withoutTime(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && (a.Key == slog.TimeKey || a.Key == slog.LevelKey) {
		return slog.Attr{}
	}
	return a
}

type journalHandler struct {
	out  *prioritized
	text slog.Handler // writes each record to out in one call
}

func (h journalHandler) Enabled(ctx context.Context, l slog.Level) bool {
	return h.text.Enabled(ctx, l)
}

func (h journalHandler) Handle(ctx context.Context, r slog.Record) error {
	h.out.mu.Lock()
	defer h.out.mu.Unlock()
	h.out.priority = priority(r.Level)
	return h.text.Handle(ctx, r)
}

func (h journalHandler) WithAttrs(a []slog.Attr) slog.Handler {
	return journalHandler{h.out, h.text.WithAttrs(a)}
}

func (h journalHandler) WithGroup(name string) slog.Handler {
	return journalHandler{h.out, h.text.WithGroup(name)}
}

// maxLine is the longest line. journald splits longer ones than 48 KiB (journald.conf(5), LineMax), and what it splits off has no priority.
const maxLine = 32 << 10

const cutOff = " … cut off\n"

// prioritized puts a priority in front of what is written. mu is held around each write.
type prioritized struct {
	mu       sync.Mutex
	w        io.Writer
	priority int
	line     []byte
}

func (p *prioritized) Write(b []byte) (int, error) {
	p.line = fmt.Appendf(p.line[:0], "<%d>%s", p.priority, b)
	if len(p.line) > maxLine {
		p.line = append(bytes.ToValidUTF8(p.line[:maxLine-len(cutOff)], nil), cutOff...)
	}
	// slog quotes such characters in most places, not in all.
	if text := p.line[:len(p.line)-1]; bytes.IndexFunc(text, fools) >= 0 {
		p.line = append(bytes.Map(func(r rune) rune {
			if fools(r) {
				return '?'
			}
			return r
		}, text), '\n')
	}
	if _, err := p.w.Write(p.line); err != nil {
		return 0, err
	}
	return len(b), nil
}

// fools tells whether a character does something else to a terminal or a reader than to be seen.
func fools(r rune) bool {
	return r < ' ' || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069
}

// priority maps levels to those of syslog(3).
func priority(l slog.Level) int {
	switch {
	case l >= slog.LevelError:
		return 3
	case l >= slog.LevelWarn:
		return 4
	case l >= slog.LevelInfo:
		return 6
	}
	return 7
}
