package daemon

import (
	"context"
	"log/slog"
	"time"

	sd "github.com/coreos/go-systemd/v22/daemon"
)

// watchdog answers systemd's WatchdogSec as long as every owner of a machine takes its turn: a machine that hangs makes the daemon
// fall silent, and systemd starts it again.
func watchdog(log *slog.Logger, tasks []Task) Task {
	return Task{Name: "watchdog", Run: func(ctx context.Context) error {
		interval, err := sd.SdWatchdogEnabled(false)
		if err != nil {
			log.Warn("the watchdog that systemd asks for cannot be answered", "error", err)
		}
		if err != nil || interval == 0 {
			return nil
		}
		ticker := time.NewTicker(interval / 3)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-ticker.C:
				askOwners(ctx, log, tasks, interval)
				if ctx.Err() == nil {
					notify(log, sd.SdNotifyWatchdog)
				}
			}
		}
	}}
}

// askOwners returns when each owner has had its turn. Who holds it up for half of what systemd waits is named in the log, for those
// who wonder afterwards why the daemon was killed. An owner that ended is no owner any more: the daemon is about to stop.
func askOwners(ctx context.Context, log *slog.Logger, tasks []Task, interval time.Duration) {
	for _, task := range tasks {
		if task.Do == nil {
			continue
		}
		slow := time.AfterFunc(interval/2, func() {
			log.Error("hangs; systemd's watchdog will end this daemon", "task", task.Name)
		})
		_ = task.Do(ctx, func() {})
		slow.Stop()
	}
}
