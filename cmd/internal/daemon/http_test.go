package daemon

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"netlmm/cmd/internal/api"
)

func serveAdmin(t *testing.T, socket string, queries map[string]Query) (stop func()) {
	t.Helper()
	admin, err := OpenAdmin(socket)
	if err != nil {
		t.Fatal(err)
	}
	task := admin.Serve(queries)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- task.Run(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("admin API: %v", err)
		}
	}
}

func TestTheAdminSocketIsPrivateAnswersAndGoes(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "admin.sock")
	stop := serveAdmin(t, socket, map[string]Query{
		"GET " + api.PathStatus:    func(context.Context, Parameters) (any, error) { return api.Status{Daemon: "test"}, nil },
		"GET " + api.PathHandovers: func(_ context.Context, p Parameters) (any, error) { return make([]api.Handover, p.Int("last")), nil },
		"GET " + api.PathLinks:     func(context.Context, Parameters) (any, error) { return nil, errors.New("no links here") },
	})
	info, err := os.Stat(socket)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("socket: %v, %v; want mode 0600", info.Mode(), err)
	}
	client := api.NewClient(socket)
	var status api.Status
	if err := client.Get(context.Background(), api.PathStatus, &status); err != nil || status.Daemon != "test" {
		t.Errorf("status %+v, error %v", status, err)
	}
	var handovers []api.Handover
	if err := client.Get(context.Background(), api.PathHandovers+"?last=3", &handovers); err != nil || len(handovers) != 3 {
		t.Errorf("%d handovers, error %v; want 3", len(handovers), err)
	}
	if err := client.Get(context.Background(), api.PathLinks, &handovers); err == nil || !strings.Contains(err.Error(), "no links here") {
		t.Errorf("error %v", err)
	}
	if _, err := OpenAdmin(socket); err == nil || !strings.Contains(err.Error(), "another daemon answers") {
		t.Errorf("a second daemon took the socket over: %v", err)
	}
	stop()
	if _, err := os.Stat(socket); !os.IsNotExist(err) {
		t.Errorf("the socket is left behind: %v", err)
	}
	if err := client.Get(context.Background(), api.PathStatus, &status); err == nil || !strings.Contains(err.Error(), "is the daemon running") {
		t.Errorf("error %v", err)
	}
}

func TestASocketThatAKilledDaemonLeftIsTakenOver(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "admin.sock")
	left, err := listenUnix(socket)
	if err != nil {
		t.Fatal(err)
	}
	left.(*unlinker).Listener.Close() // as a kill does: closed, not removed
	if err := (&api.Client{}).Get(context.Background(), "/", nil); err == nil {
		t.Error("a client without a socket answered")
	}
	serveAdmin(t, socket, nil)()
}

// Who stops removes no socket but its own.
func TestASocketThatCameLaterIsKept(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "admin.sock")
	stop := serveAdmin(t, socket, nil)
	if err := os.Remove(socket); err != nil {
		t.Fatal(err)
	}
	stopLater := serveAdmin(t, socket, map[string]Query{"GET " + api.PathStatus: func(context.Context, Parameters) (any, error) { return api.Status{}, nil }})
	stop()
	if err := api.NewClient(socket).Get(context.Background(), api.PathStatus, &api.Status{}); err != nil {
		t.Error(err)
	}
	stopLater()
}

func TestAFileInThePlaceOfTheSocketIsKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "admin.sock")
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenAdmin(path); err == nil {
		t.Error("accepted")
	}
	if content, _ := os.ReadFile(path); string(content) != "precious" {
		t.Errorf("the file now holds %q", content)
	}
}

func TestCountersComeOutTwice(t *testing.T) {
	registry := prometheus.NewRegistry()
	c := NewCounters(registry, map[string]string{"netlmm_test_total": "Help."})
	c.Add("netlmm_test_total", "one")
	c.Add("netlmm_test_total", "one")
	c.Source("netlmm_part_total", func() map[string]uint64 { return map[string]uint64{"x": 3, "never": 0} })
	snapshot := c.Snapshot()
	if len(snapshot) != 2 || snapshot["netlmm_test_total{one}"] != 2 || snapshot["netlmm_part_total{x}"] != 3 {
		t.Errorf("snapshot %v", snapshot)
	}
	want := "# HELP netlmm_test_total Help.\n# TYPE netlmm_test_total counter\nnetlmm_test_total{reason=\"one\"} 2\n"
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "netlmm_test_total"); err != nil {
		t.Error(err)
	}
}
