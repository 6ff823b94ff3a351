package daemon

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	sd "github.com/coreos/go-systemd/v22/daemon"
)

// TestWatchdogHearsTheOwners: systemd is told that the daemon lives while each owner takes its turn, and nothing while one hangs,
// whose name is in the log.
func TestWatchdogHearsTheOwners(t *testing.T) {
	systemd := listenAsSystemd(t, 60*time.Millisecond)
	hold := make(chan struct{})
	var turns sync.WaitGroup
	turns.Add(3)
	owner := func(name string, turn func()) Task {
		return Task{Name: name, Run: func(ctx context.Context) error { <-ctx.Done(); return nil },
			Do: func(_ context.Context, f func()) error { turn(); f(); return nil }}
	}
	turn := 0
	tasks := []Task{
		owner("healthy", func() {}),
		owner("ill", func() {
			if turn++; turn == 4 {
				<-hold
			} else if turn < 4 {
				turns.Done()
			}
		}),
		{Name: "owns nothing", Run: func(ctx context.Context) error { <-ctx.Done(); return nil }},
	}
	log := &syncBuffer{said: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- Run(ctx, slog.New(slog.NewTextHandler(log, nil)), tasks) }()

	if got := systemd(); got != sd.SdNotifyReady {
		t.Errorf("first %q, want %q", got, sd.SdNotifyReady)
	}
	for range 3 {
		if got := systemd(); got != sd.SdNotifyWatchdog {
			t.Errorf("%q, want %q", got, sd.SdNotifyWatchdog)
		}
	}
	turns.Wait()
	<-log.said
	if text := log.String(); !strings.Contains(text, "task=ill") || strings.Contains(text, "task=healthy") {
		t.Errorf("log: %s", text)
	}
	cancel()
	close(hold)
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if got := systemd(); got != sd.SdNotifyStopping {
		t.Errorf("%q while an owner hung, want nothing before %q", got, sd.SdNotifyStopping)
	}
}

// listenAsSystemd is systemd's socket for this process, and returns what reads the next message.
func listenAsSystemd(t *testing.T, watchdog time.Duration) func() string {
	path := filepath.Join(t.TempDir(), "notify")
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { socket.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("WATCHDOG_USEC", strconv.FormatInt(watchdog.Microseconds(), 10))
	t.Setenv("WATCHDOG_PID", strconv.Itoa(os.Getpid()))
	return func() string {
		b := make([]byte, 100)
		n, err := socket.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		return string(b[:n])
	}
}

// syncBuffer is a log; said is closed when it says that something hangs.
type syncBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
	once sync.Once
	said chan struct{}
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if bytes.Contains(p, []byte("hangs")) {
		b.once.Do(func() { close(b.said) })
	}
	return b.text.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
