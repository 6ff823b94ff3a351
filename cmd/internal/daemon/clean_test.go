package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"netlmm/configs"
)

// One that fails does not keep the others from being done.
func TestClean(t *testing.T) {
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
		{[]Cleaning{part(fmt.Errorf("a link: %w", Kept("of others"))), part(nil, "a table")}, "kept a link: of others\nremoved a table\n", false},
	} {
		var out strings.Builder
		done = 0
		if err := Clean(&out, test.parts...); (err != nil) != test.fails || out.String() != test.out || done != len(test.parts) {
			t.Errorf("error %v, %d parts done, output %q, want %q", err, done, out.String(), test.out)
		}
	}
}

// TestCleanCommand: --clean does not start the daemon, does what it can without a configuration, and fails over one that cannot be used.
func TestCleanCommand(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "magd.yaml")
	if err := os.WriteFile(bad, []byte("admn: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		arguments []string
		read      bool
		says      string // the error; "": none
	}{
		{[]string{"--config", "../../../configs/examples/magd.yaml"}, true, ""},
		{nil, false, ""}, // never configured
		{[]string{"--config", "/nonexistent/magd.yaml"}, false, "no such file"},
		{[]string{"--config", bad}, false, "admn"},
	} {
		cleaned := 0
		command := Command(Program[*configs.Magd]{Name: "notthere", Load: configs.LoadMagd,
			Run: func(context.Context, *configs.Magd) error { t.Error("started"); return nil },
			Clean: func(out io.Writer, cfg *configs.Magd, unread error) error {
				if cleaned++; (unread == nil) != test.read || test.read && len(cfg.AccessLinks) == 0 {
					t.Errorf("%q: unread because of %v", test.arguments, unread)
				}
				return Clean(out, func() ([]string, error) { return nil, unread })
			}})
		command.SetOut(io.Discard)
		command.SetErr(io.Discard)
		command.SetArgs(append([]string{"--clean"}, test.arguments...))
		err := command.Execute()
		if cleaned != 1 || (err == nil) != (test.says == "") || err != nil && (!strings.Contains(err.Error(), test.says) || !errors.As(err, new(unusable))) {
			t.Errorf("%q: cleaned %d times, error %v", test.arguments, cleaned, err)
		}
	}
}

// TestOneOfAKind: beside a running daemon neither a second one starts nor does anything clean up, and nobody starts meanwhile.
func TestOneOfAKind(t *testing.T) {
	daemon := func(run func() error, arguments ...string) error {
		command := Command(Program[*configs.Lmad]{Name: "lmad", Load: configs.LoadLmad,
			Run:   func(context.Context, *configs.Lmad) error { return run() },
			Clean: func(io.Writer, *configs.Lmad, error) error { return run() }})
		command.SetErr(io.Discard)
		command.SetArgs(append([]string{"--config", "../../../configs/examples/lmad.yaml"}, arguments...))
		return command.Execute()
	}
	refused := func() error {
		for _, arguments := range [][]string{nil, {"--clean"}} {
			err := daemon(func() error { t.Errorf("%q: not refused", arguments); return nil }, arguments...)
			if want := fmt.Sprintf("lmad runs in this network namespace already (process %d of user 0): stop it", os.Getpid()); err == nil || err.Error() != want {
				t.Errorf("%q: %v, want %s", arguments, err, want)
			}
		}
		lock, err := Lock("magd")
		if err != nil {
			return err
		}
		return lock.Close()
	}
	for _, arguments := range [][]string{nil, {"--clean"}, nil} {
		if err := daemon(refused, arguments...); err != nil {
			t.Errorf("%q: %v", arguments, err)
		}
	}
}
