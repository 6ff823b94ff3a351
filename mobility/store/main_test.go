package store

import (
	"fmt"
	"os"
	"testing"
)

// TestMain runs the tests, or what TestKill starts in a process of its own to kill it.
func TestMain(m *testing.M) {
	if path := os.Getenv(victimPath); path != "" {
		if err := victim(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}
