package hostapd

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"netlmm/mih"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 30 * time.Second

// shortDir is a directory with a path short enough for a socket.
func shortDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "nlh")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// started is a running adapter and what it emitted.
type started struct {
	*Adapter
	t    testing.TB
	got  chan mih.Indication
	stop func()
}

func start(t testing.TB, cfg Config) *started {
	t.Helper()
	return startWith(t, cfg, func(mih.Indication) bool { return true })
}

// startWith runs an adapter; take decides which indications find room.
func startWith(t testing.TB, cfg Config, take func(mih.Indication) bool) *started {
	t.Helper()
	if cfg.SocketDirectory == "" {
		cfg.SocketDirectory = shortDir(t)
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	a, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &started{Adapter: a, t: t, got: make(chan mih.Indication, 10000)}
	done := make(chan error, 1)
	go func() {
		done <- a.Run(ctx, func(ind mih.Indication) bool {
			if !take(ind) {
				return false
			}
			s.got <- ind
			return true
		})
	}()
	s.stop = func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
		left, err := os.ReadDir(cfg.SocketDirectory)
		if err != nil || len(left) != 0 {
			t.Errorf("left in the socket directory: %v, %v", left, err)
		}
		done <- nil
	}
	t.Cleanup(s.stop)
	return s
}

func text(ind mih.Indication) string {
	resync := ""
	if ind.Resync {
		resync = " resync"
	}
	return fmt.Sprintf("%s %s %s %q%s", ind.Event.EventType(), ind.Interface, ind.Event.LinkTuple().Link.Address, ind.Identity, resync)
}

// expect waits for the next indication and compares its text.
func (s *started) expect(want string) mih.Indication {
	s.t.Helper()
	select {
	case ind := <-s.got:
		if text(ind) != want {
			s.t.Fatalf("got  %s\nwant %s", text(ind), want)
		}
		return ind
	case <-time.After(patience):
		s.t.Fatalf("nothing came; want %s; status %+v", want, s.Status())
	}
	panic("not reached")
}

// eventually polls until ok.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not in time: %s", what)
		}
	}
}
