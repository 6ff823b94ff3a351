package hostapd

import (
	"os"
	"path/filepath"
	"testing"
)

// A directory of sockets goes when its owner does, also when that was killed; one of a living owner stays.
func TestAbandonedSocketDirectoriesAreRemoved(t *testing.T) {
	parent := t.TempDir()
	abandoned, err := os.MkdirTemp(parent, socketDirPrefix) // as a process leaves it that was killed: without its lock
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(abandoned, "1"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	foreign := filepath.Join(parent, "magd.sock")
	if err := os.WriteFile(foreign, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	first, err := newSocketDir(parent)
	if err != nil {
		t.Fatal(err)
	}
	second, err := newSocketDir(parent)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]bool{abandoned: false, foreign: true, first.path: true, second.path: true} {
		if _, err := os.Stat(path); (err == nil) != want {
			t.Errorf("%s: %v, want it to exist: %v", path, err, want)
		}
	}
	first.remove()
	second.remove()
	if left, _ := filepath.Glob(filepath.Join(parent, socketDirPrefix+"*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
