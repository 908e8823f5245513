package systemd

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzJournal: whatever is in a record, it is one line of valid UTF-8 that begins with its priority, has nothing that fools a terminal, and is not
// longer than journald takes.
func FuzzJournal(f *testing.F) {
	f.Add("message", "key", "value", 0)
	f.Add("a\nb", "k e y", "\r\n<0>forged\x1b[2J\u202e\x00", 8)
	f.Add("", "", "\xff\xfe", -4)
	f.Add("msg=x", "level", strings.Repeat("long ", 20_000), 4)
	f.Fuzz(func(t *testing.T, message, key, value string, level int) {
		var out bytes.Buffer
		log := slog.New(NewJournalHandler(&out, slog.Level(-100)))
		level = max(-100, min(level, 100))
		log.With("with", value).WithGroup("g").Log(context.Background(), slog.Level(level), message, key, value, "more", slog.GroupValue(slog.String(key, value)))
		line := out.String()
		if strings.Count(line, "\n") != 1 || !strings.HasSuffix(line, "\n") {
			t.Fatalf("not one line: %q", line)
		}
		if len(line) > maxLine || !utf8.ValidString(line) {
			t.Fatalf("%d octets, valid: %t", len(line), utf8.ValidString(line))
		}
		if len(line) < 4 || line[0] != '<' || line[1] < '3' || line[1] > '7' || line[2] != '>' {
			t.Fatalf("no priority: %q", line)
		}
		if i := strings.IndexFunc(line[:len(line)-1], func(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e }); i >= 0 {
			t.Fatalf("a character that fools readers: %q", line)
		}
	})
}
