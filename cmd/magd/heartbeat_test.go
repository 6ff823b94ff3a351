package main

import (
	"path/filepath"
	"testing"
)

// TestEveryStartCounts: a gateway begins without bindings, so that each start is one that lost them (RFC 5847 section 3.2).
func TestEveryStartCounts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state", "magd.db")
	var last uint32
	for run := range 3 {
		s, counter, err := openCounters(path)
		if err != nil {
			t.Fatal(err)
		}
		if run > 0 && counter != last+1 {
			t.Errorf("start %d has the counter %d after %d", run, counter, last)
		}
		last = counter
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := openCounters("/proc/none/magd.db"); err == nil {
		t.Error("a file that cannot be made is no error")
	}
}
