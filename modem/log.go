package modem

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// LevelTrace is the level of AT traces: below debug, since lines carry message content.
const LevelTrace = slog.LevelDebug - 4

// logLimiter bounds repeated log lines: one per topic and minute; the next tells how many were left out.
type logLimiter struct {
	log  *slog.Logger
	mu   sync.Mutex
	last map[string]time.Time
	left map[string]int
}

func newLogLimiter(log *slog.Logger) *logLimiter {
	return &logLimiter{log: log, last: map[string]time.Time{}, left: map[string]int{}}
}

// warn logs msg under a topic out of a fixed, small set.
func (l *logLimiter) warn(topic, msg string, args ...any) {
	l.at(slog.LevelWarn, topic, msg, args...)
}

func (l *logLimiter) at(level slog.Level, topic, msg string, args ...any) {
	l.mu.Lock()
	now := time.Now()
	if last, ok := l.last[topic]; ok && now.Sub(last) < time.Minute {
		l.left[topic]++
		l.mu.Unlock()
		return
	}
	left := l.left[topic]
	l.last[topic], l.left[topic] = now, 0
	l.mu.Unlock()
	if left > 0 {
		args = append(args, "left_out", left)
	}
	l.log.Log(context.Background(), level, msg, args...)
}
