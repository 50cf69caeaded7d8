package jobs

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// riverLog hands what River logs to the program's log. River tells of its own life
// at level info, and of a database that does not answer every second: here the
// first is for debugging, and the second is a warning that comes once in a while.
type riverLog struct {
	to      slog.Handler
	repeats *repeats
}

func (h *riverLog) Enabled(ctx context.Context, level slog.Level) bool {
	return h.to.Enabled(ctx, quieter(level))
}

func (h *riverLog) Handle(ctx context.Context, r slog.Record) error {
	if strings.HasPrefix(r.Message, "jobexecutor.JobExecutor: ") && !strings.Contains(r.Message, "stuck") {
		return nil // a job that failed: failures logs it
	}
	if r.Level >= slog.LevelWarn && !h.repeats.isNew(r.Message, r.Time) {
		return nil
	}
	mine := slog.NewRecord(r.Time, quieter(r.Level), "job queue", r.PC)
	mine.AddAttrs(slog.String("event", r.Message))
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "error" {
			a.Key = "err"
		}
		mine.AddAttrs(a)
		return true
	})
	return h.to.Handle(ctx, mine)
}

func (h *riverLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &riverLog{to: h.to.WithAttrs(attrs), repeats: h.repeats}
}

func (h *riverLog) WithGroup(name string) slog.Handler {
	return &riverLog{to: h.to.WithGroup(name), repeats: h.repeats}
}

func quieter(level slog.Level) slog.Level {
	switch {
	case level >= slog.LevelError:
		return slog.LevelWarn
	case level >= slog.LevelInfo && level < slog.LevelWarn:
		return slog.LevelDebug
	}
	return level
}

// repeats remembers what was logged within the last ten seconds.
type repeats struct {
	mu   sync.Mutex
	last map[string]time.Time // guarded by mu; by message
}

const quietFor = 10 * time.Second

func newRepeats() *repeats { return &repeats{last: make(map[string]time.Time)} }

func (r *repeats) isNew(message string, at time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if last, ok := r.last[message]; ok && at.Sub(last) < quietFor {
		return false
	}
	if len(r.last) >= 100 { // River's messages are fewer
		clear(r.last)
	}
	r.last[message] = at
	return true
}
