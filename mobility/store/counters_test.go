package store

import (
	"errors"
	"maps"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"
)

// The counter grows by one with every run, over a crash as well, and begins where no run before can have been.
func TestRestartCounter(t *testing.T) {
	path := newPath(t)
	before := uint32(time.Now().Unix())
	s, err := OpenCounters(path)
	if err != nil {
		t.Fatal(err)
	}
	first, err := s.NextRestartCounter()
	if err != nil || first < before || first > uint32(time.Now().Unix()) {
		t.Errorf("first counter %d, %v; want the seconds since 1970", first, err)
	}
	copied := crash(t, path) // nothing but NextRestartCounter has written it
	s.Close()
	for n := range uint32(3) {
		if s, err = OpenCounters(copied); err != nil {
			t.Fatal(err)
		}
		if same, err := s.RestartCounter(); err != nil || same != first+n {
			t.Errorf("counter %d, %v; want %d", same, err, first+n)
		}
		if next, err := s.NextRestartCounter(); err != nil || next != first+n+1 {
			t.Errorf("next counter %d, %v; want %d", next, err, first+n+1)
		}
		s.Close()
	}
}

func TestRestartCounterBegins(t *testing.T) {
	s, _ := mustOpen(t, newPath(t))
	counter, err := s.RestartCounter()
	if again, err2 := s.RestartCounter(); err != nil || err2 != nil || counter == 0 || again != counter {
		t.Errorf("%d, %v, then %d, %v", counter, err, again, err2)
	}
}

func TestRestartCounterWraps(t *testing.T) {
	s, _ := mustOpen(t, newPath(t))
	err := s.db.Update(func(tx *bolt.Tx) error {
		return tx.Bucket(metaBucket).Put(counterKey, counterValue(counterKey, 1<<32-1))
	})
	if err != nil {
		t.Fatal(err)
	}
	if next, err := s.NextRestartCounter(); err != nil || next != 0 {
		t.Errorf("%d, %v", next, err)
	}
}

// A counter that could not be written is none: the peers would see it again after the next restart.
func TestRestartCounterOnAFullDisk(t *testing.T) {
	s, _ := mustOpen(t, newPath(t))
	s.update = func(func(*bolt.Tx) error) error { return errors.New("no space left on device") }
	if counter, err := s.NextRestartCounter(); err == nil || counter != 0 || !strings.Contains(err.Error(), "disk full") {
		t.Errorf("%d, %v", counter, err)
	}
}

func TestPeers(t *testing.T) {
	path := newPath(t)
	s, err := OpenCounters(path)
	if err != nil {
		t.Fatal(err)
	}
	want := map[netip.Addr]uint32{
		netip.MustParseAddr("2001:db8::1"): 1 << 31, netip.MustParseAddr("2001:db8::2"): 0, netip.MustParseAddr("192.0.2.7"): 5,
	}
	s.PutPeer(netip.MustParseAddr("2001:db8::1"), 7)
	settle(t, s)
	for peer, counter := range want {
		s.PutPeer(peer, counter)
	}
	s.PutPeer(netip.Addr{}, 1)
	if got := s.Peers(); !maps.Equal(got, want) || s.Status().Rejected != 1 {
		t.Errorf("%v, %+v", got, s.Status())
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = OpenCounters(path); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if got := s.Peers(); !maps.Equal(got, want) {
		t.Errorf("after a restart: %v", got)
	}
}

// What a full disk kept waiting does not undo what came later.
func TestPeersOnAFullDisk(t *testing.T) {
	path := newPath(t)
	s, _ := mustOpen(t, path)
	var full atomic.Bool
	full.Store(true)
	s.update = func(f func(*bolt.Tx) error) error {
		if full.Load() {
			return errors.New("no space left on device")
		}
		return s.db.Update(f)
	}
	peer := netip.MustParseAddr("2001:db8::1")
	s.PutPeer(peer, 1)
	for end := time.Now().Add(patience); s.Status().Failures == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the failure does not show")
		}
	}
	s.PutPeer(peer, 2)
	full.Store(false)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s, _ = mustOpen(t, path)
	if got := s.Peers(); got[peer] != 2 {
		t.Errorf("%v", got)
	}
}

// A file of an anchor is not a gateway's, and keeps its bindings.
func TestOpenCountersRefusesBindings(t *testing.T) {
	path := newPath(t)
	s, _ := mustOpen(t, path)
	s.Put(entry(1))
	s.Close()
	if _, err := OpenCounters(path); err == nil || !strings.Contains(err.Error(), "1 bindings of an anchor") {
		t.Errorf("OpenCounters: %v", err)
	}
	_, found := mustOpen(t, path)
	compare(t, found, entry(1))
}

func TestClosedCleanly(t *testing.T) {
	path := newPath(t)
	s, _ := mustOpen(t, path)
	if s.ClosedCleanly() {
		t.Error("a new file looks like that of a run that was closed")
	}
	if _, err := s.NextRestartCounter(); err != nil {
		t.Fatal(err)
	}
	s.Put(entry(1))
	settle(t, s)
	if crashed, _ := mustOpen(t, crash(t, path)); crashed.ClosedCleanly() {
		t.Error("a crashed run looks like one that was closed")
	}
	s.Close()
	if closed, _ := mustOpen(t, path); !closed.ClosedCleanly() {
		t.Error("a closed run looks like one that crashed")
	}
}

// What a crash took away is still to be told after a start that failed before it took a counter, and was told by one that took it.
func TestACrashedFileStaysSoUntilItIsTold(t *testing.T) {
	path := newPath(t)
	s, _ := mustOpen(t, path)
	s.Put(entry(1))
	settle(t, s)
	path = crash(t, path)
	for _, step := range []struct {
		name        string
		tell, clean bool
	}{
		{"after the crash", false, false},
		{"after a failed start", false, false},
		{"after another one", true, false},
		{"after a run that told of it", false, true},
		{"after a failed start that met a clean file", false, true},
	} {
		s, found := mustOpen(t, path)
		compare(t, found, entry(1))
		if s.ClosedCleanly() != step.clean {
			t.Errorf("%s: clean %v", step.name, s.ClosedCleanly())
		}
		if step.tell {
			if _, err := s.NextRestartCounter(); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
