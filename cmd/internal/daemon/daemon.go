// Package daemon is what every daemon shares: its life from start to stop, logging, metrics, the admin API's server and
// the word to systemd.
package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"strconv"
	"syscall"

	sd "github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// Task is one job of a daemon. Run returns when ctx ends, or earlier with the error that ends the daemon.
type Task struct {
	Name string
	Run  func(ctx context.Context) error
	// Do, of the owner of a machine, runs f in Run's goroutine and returns when it is done: systemd's watchdog hears that
	// the daemon lives only when every one of these does.
	Do func(ctx context.Context, f func()) error
}

// Owner is the task that owns a machine.
func Owner(name string, machine interface {
	Run(ctx context.Context) error
	Do(ctx context.Context, f func()) error
}) Task {
	return Task{name, machine.Run, machine.Do}
}

// Run runs the tasks until ctx ends or one of them fails. ready is told to systemd once all are started.
func Run(ctx context.Context, log *slog.Logger, tasks []Task) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, task := range append(tasks, watchdog(log, tasks)) {
		group.Go(func() error {
			if err := task.Run(ctx); err != nil && ctx.Err() == nil {
				return fmt.Errorf("%s: %w", task.Name, err)
			}
			return nil
		})
	}
	notify(log, sd.SdNotifyReady)
	log.Info("ready")
	err := group.Wait()
	notify(log, sd.SdNotifyStopping)
	return err
}

// SignalContext ends with the first SIGINT or SIGTERM; a second one kills.
func SignalContext() (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}

func notify(log *slog.Logger, state string) {
	if _, err := sd.SdNotify(false, state); err != nil {
		log.Warn("systemd could not be notified", "error", err)
	}
}

// NewLogger writes to standard error. Levels and formats are those that configs accepts.
func NewLogger(daemon, level, format string) *slog.Logger {
	var l slog.Level
	if l.UnmarshalText([]byte(level)) != nil {
		l = slog.LevelInfo
	}
	options := &slog.HandlerOptions{Level: l}
	var handler slog.Handler = slog.NewTextHandler(os.Stderr, options)
	if format == "json" {
		handler = slog.NewJSONHandler(os.Stderr, options)
	}
	return slog.New(handler).With("daemon", daemon, "pid", strconv.Itoa(os.Getpid()))
}

// release is the version of the package that the binary is in (-ldflags -X); "" when it is in none.
var release string

// Version is that of the package, or the version of the module, with the commit it was built from where that is known.
func Version() string {
	if release != "" {
		return release
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	version := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 && (version == "" || version == "(devel)") {
			version = "devel-" + s.Value[:12]
		}
	}
	return version
}

// Kernel is the running kernel's release.
func Kernel() string {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return "unknown"
	}
	return unix.ByteSliceToString(u.Release[:])
}
