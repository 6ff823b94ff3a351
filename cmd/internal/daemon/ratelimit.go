package daemon

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// What Limited lets through of each message.
const (
	logBurst   = 5
	logEvery   = 10 * time.Second
	logSubject = 256 // distinct messages that are told apart; further ones share one limit
)

// Limited returns a logger for what may happen with every packet or every attempt: of each message, told apart by level and
// text but not by attributes, it passes a burst of 5 and then one in 10 seconds. The next one that passes says how many were
// left out (attribute "suppressed"). Loggers derived from it with With share its limits.
func Limited(log *slog.Logger) *slog.Logger {
	return slog.New(limited{log.Handler(), &limits{subjects: map[subject]*limit{}}})
}

type limited struct {
	slog.Handler
	limits *limits
}

type subject struct {
	level   slog.Level
	message string
}

type limit struct {
	pace       *rate.Limiter
	suppressed int
}

type limits struct {
	mu       sync.Mutex
	subjects map[subject]*limit
}

func (h limited) Handle(ctx context.Context, r slog.Record) error {
	passes, suppressed := h.limits.pass(subject{r.Level, r.Message}, r.Time)
	if !passes {
		return nil
	}
	if suppressed > 0 {
		r = r.Clone()
		r.AddAttrs(slog.Int("suppressed", suppressed))
	}
	return h.Handler.Handle(ctx, r)
}

func (h limited) WithAttrs(attrs []slog.Attr) slog.Handler {
	return limited{h.Handler.WithAttrs(attrs), h.limits}
}

func (h limited) WithGroup(name string) slog.Handler {
	return limited{h.Handler.WithGroup(name), h.limits}
}

// pass says whether one more record may pass at now, and how many did not since the last that did.
func (l *limits) pass(s subject, now time.Time) (passes bool, suppressed int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	entry := l.subjects[s]
	if entry == nil {
		if len(l.subjects) >= logSubject {
			s = subject{}
			entry = l.subjects[s]
		}
		if entry == nil {
			entry = &limit{pace: rate.NewLimiter(rate.Every(logEvery), logBurst)}
			l.subjects[s] = entry
		}
	}
	if !entry.pace.AllowN(now, 1) {
		entry.suppressed++
		return false, 0
	}
	suppressed, entry.suppressed = entry.suppressed, 0
	return true, suppressed
}
