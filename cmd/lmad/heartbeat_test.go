package main

import (
	"os"
	"path/filepath"
	"testing"

	"netlmm/cmd/internal/daemon"
	"netlmm/mobility/store"
)

// TestTheRestartCounterGrowsWhenBindingsMayBeLost, and only then (RFC 5847 section 3.2): after a stop every binding is in the
// file, after a crash the last ones may be missing.
func TestTheRestartCounterGrowsWhenBindingsMayBeLost(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lmad.db")
	start := func() (*store.Store, daemon.HeartbeatConfig) {
		s, _, err := store.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		var c daemon.HeartbeatConfig
		if err := (&anchor{store: s}).restartCounter(&c); err != nil {
			t.Fatal(err)
		}
		return s, c
	}
	s, first := start()
	s.PutPeer(mag1, 7)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s, stopped := start()
	if stopped.RestartCounter != first.RestartCounter || !stopped.StateKept || stopped.Known[mag1] != 7 {
		t.Errorf("after a stop: %d after %d, kept %v, known %v", stopped.RestartCounter, first.RestartCounter, stopped.StateKept, stopped.Known)
	}
	crashed, err := os.ReadFile(path) // as a crash now would leave it
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, crashed, 0o600); err != nil {
		t.Fatal(err)
	}
	s, after := start()
	defer s.Close()
	if after.RestartCounter != first.RestartCounter+1 || after.StateKept {
		t.Errorf("after a crash: %d after %d, kept %v", after.RestartCounter, first.RestartCounter, after.StateKept)
	}
}
