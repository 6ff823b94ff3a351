package daemon

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"netlmm/configs"
)

// One that fails does not keep the others from being done, and nothing is while a daemon runs.
func TestClean(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "admin.sock")
	bad := errors.New("the kernel said no")
	done := 0
	part := func(err error, removed ...string) Cleaning {
		return func() ([]string, error) { done++; return removed, err }
	}
	for _, test := range []struct {
		parts []Cleaning
		out   string
		fails bool
	}{
		{[]Cleaning{part(nil), part(nil)}, "nothing to remove\n", false},
		{[]Cleaning{part(bad, "1 rule"), part(nil, "a table", "a link")}, "removed 1 rule\nremoved a table\nremoved a link\n", true},
		{[]Cleaning{part(bad)}, "", true},
	} {
		var out strings.Builder
		done = 0
		if err := Clean(&out, socket, test.parts...); (err != nil) != test.fails || out.String() != test.out || done != len(test.parts) {
			t.Errorf("error %v, %d parts done, output %q, want %q", err, done, out.String(), test.out)
		}
	}
	running, err := OpenAdmin(socket)
	if err != nil {
		t.Fatal(err)
	}
	defer running.Close()
	done = 0
	if err := Clean(io.Discard, socket, part(nil)); err == nil || !strings.Contains(err.Error(), "another daemon answers there") || done != 0 {
		t.Errorf("beside a running daemon: %v, %d parts done", err, done)
	}
}

// TestCleanCommand: --clean does not start the daemon, and goes without a configuration.
func TestCleanCommand(t *testing.T) {
	for file, good := range map[string]bool{"../../../configs/examples/magd.yaml": true, "/nonexistent/magd.yaml": false} {
		cleaned := 0
		command := Command(Program[*configs.Magd]{Name: "magd", Load: configs.LoadMagd,
			Run: func(context.Context, *configs.Magd) error { t.Error("started"); return nil },
			Clean: func(_ io.Writer, cfg *configs.Magd, usable bool) error {
				if cleaned++; usable != good || usable && cfg.AdminSocket == "" {
					t.Errorf("%s: usable %v", file, usable)
				}
				return nil
			}})
		var out strings.Builder
		command.SetErr(&out)
		command.SetArgs([]string{"--clean", "--config", file})
		if err := command.Execute(); err != nil || cleaned != 1 || good != (out.Len() == 0) {
			t.Errorf("%s: cleaned %d times, error %v, said %q", file, cleaned, err, out.String())
		}
	}
}
