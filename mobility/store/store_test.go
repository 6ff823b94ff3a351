package store

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	bolt "go.etcd.io/bbolt"

	"netlmm/mobility"
)

const patience = 60 * time.Second

func entry(n int) mobility.BindingCacheEntry {
	now := time.Date(2026, 1, 2, 3, 4, 5, 678, time.UTC)
	return mobility.BindingCacheEntry{
		MobileNodeID:          mobility.NAI(fmt.Sprintf("mn%d@example.net", n)),
		MobileNodeLinkLayerID: mobility.LinkLayerID([6]byte{2, 0, 0, 0, byte(n >> 8), byte(n)}),
		AccessTechnologyType:  mobility.AccessWLAN,
		HandoffIndicator:      mobility.HandoffStateUnknown,
		HomeNetworkPrefixes:   []netip.Prefix{netip.MustParsePrefix(fmt.Sprintf("2001:db8:%x::/64", n))},
		LinkLocalAddress:      mobility.FixedMAGLinkLocalAddress,
		ProxyCareOfAddress:    netip.MustParseAddr("2001:db8::a"),
		LMAAddress:            netip.MustParseAddr("2001:db8::b"),
		SequenceNumber:        uint16(n), Timestamp: 1<<63 | uint64(n),
		State: "registered", Registered: now, LastUpdate: now, Expires: now.Add(time.Hour),
	}
}

func mustOpen(t *testing.T, path string) (*Store, []mobility.BindingCacheEntry) {
	t.Helper()
	s, entries, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s, entries
}

func newPath(t *testing.T) string { return filepath.Join(t.TempDir(), "bindings.db") }

// settle waits until everything is written.
func settle(t *testing.T, s *Store) {
	t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		if status := s.Status(); status.Pending == 0 && !status.LastFlush.IsZero() {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("never written: %+v", s.Status())
		}
	}
}

// crash copies the file as a kill -9 would leave it and returns the path of the copy.
func crash(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	copied := newPath(t)
	if err := os.WriteFile(copied, raw, fileMode); err != nil {
		t.Fatal(err)
	}
	return copied
}

func compare(t *testing.T, got []mobility.BindingCacheEntry, want ...mobility.BindingCacheEntry) {
	t.Helper()
	order := cmpopts.SortSlices(func(a, b mobility.BindingCacheEntry) bool { return a.MobileNodeID.Value < b.MobileNodeID.Value })
	if diff := cmp.Diff(want, got, order, cmpopts.EquateComparable(netip.Prefix{}, netip.Addr{}), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("bindings differ (-want +got):\n%s", diff)
	}
}

func TestSurvivesACrash(t *testing.T) {
	path := newPath(t)
	s, found := mustOpen(t, path)
	compare(t, found)
	moved := entry(1)
	moved.ProxyCareOfAddress = netip.MustParseAddr("2001:db8::c")
	s.Put(entry(1))
	s.Put(entry(2))
	s.Put(entry(3))
	settle(t, s)
	s.Put(moved)
	s.Delete(entry(2))
	for end := time.Now().Add(patience); s.Status().Written < 5 && time.Now().Before(end); {
		time.Sleep(5 * time.Millisecond)
	}
	_, found = mustOpen(t, crash(t, path))
	compare(t, found, moved, entry(3))
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

// Identifiers whose printed form is ambiguous, several prefixes in another order, and zero values come back as they were.
func TestAwkwardEntries(t *testing.T) {
	looksLikeMAC, bytesInNAI, sparse, manyPrefixes := entry(1), entry(2), entry(3), entry(4)
	looksLikeMAC.MobileNodeID = mobility.NAI("02:00:00:00:00:01")
	bytesInNAI.MobileNodeID = mobility.NAI("m\x00n\xff@example.net")
	sparse = mobility.BindingCacheEntry{HomeNetworkPrefixes: sparse.HomeNetworkPrefixes}
	sparse.ProxyCareOfAddress, sparse.LMAAddress = netip.MustParseAddr("2001:db8::a"), netip.MustParseAddr("2001:db8::b")
	sparse.MobileNodeLinkLayerID = "\x01\x02\x03\x04\x05\x06\x07\x08"
	manyPrefixes.HomeNetworkPrefixes = []netip.Prefix{netip.MustParsePrefix("2001:db8:b::/64"), netip.MustParsePrefix("2001:db8:a::/64")}
	turned := manyPrefixes
	turned.HomeNetworkPrefixes = []netip.Prefix{manyPrefixes.HomeNetworkPrefixes[1], manyPrefixes.HomeNetworkPrefixes[0]}

	path := newPath(t)
	s, _ := mustOpen(t, path)
	for _, e := range []mobility.BindingCacheEntry{looksLikeMAC, bytesInNAI, sparse, manyPrefixes, turned} {
		s.Put(e)
	}
	s.Put(mobility.BindingCacheEntry{})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if got := s.Status().Warnings(); len(got) != 1 || !strings.HasPrefix(got[0], "1 changes were not taken") {
		t.Errorf("warnings %q, status %+v", got, s.Status())
	}
	_, found := mustOpen(t, path)
	compare(t, found, looksLikeMAC, bytesInNAI, sparse, turned)
}

func TestConcurrentPut(t *testing.T) {
	path := newPath(t)
	s, _ := mustOpen(t, path)
	var writers sync.WaitGroup
	var want []mobility.BindingCacheEntry
	for w := range 8 {
		for i := range 50 {
			if i%2 == 0 {
				want = append(want, entry(w*50+i+1))
			}
		}
		writers.Go(func() {
			for i := range 50 {
				s.Put(entry(w*50 + i + 1))
				if i%2 == 1 {
					s.Delete(entry(w*50 + i + 1))
				}
				_ = s.Status()
			}
		})
	}
	writers.Wait()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s.Put(entry(1))
	if s.Status().Rejected != 1 {
		t.Errorf("a Put after Close was not rejected: %+v", s.Status())
	}
	_, found := mustOpen(t, path)
	compare(t, found, want...)
}

// A session is one whether it is known by a prefix or by its IPv4 home address, and also when the prefix came later.
func TestKeys(t *testing.T) {
	ipv4 := func(e mobility.BindingCacheEntry, address string) mobility.BindingCacheEntry {
		e.IPv4HomeAddress, e.IPv4DefaultRouter = netip.MustParsePrefix(address), netip.MustParseAddr("10.64.0.1")
		return e
	}
	only := func(e mobility.BindingCacheEntry) mobility.BindingCacheEntry {
		e.HomeNetworkPrefixes = nil
		return e
	}
	alone, neighbour := ipv4(only(entry(1)), "10.64.0.9/16"), ipv4(only(entry(2)), "10.64.0.10/16")
	grown, dual := ipv4(entry(3), "10.64.0.11/16"), ipv4(entry(4), "10.64.0.12/16")
	gone, goneDual := ipv4(only(entry(5)), "10.64.0.13/16"), ipv4(entry(6), "10.64.0.14/16")
	for _, folding := range []bool{false, true} {
		t.Run(fmt.Sprintf("folded %t", folding), func(t *testing.T) {
			path := newPath(t)
			s, _ := mustOpen(t, path)
			for _, e := range []mobility.BindingCacheEntry{alone, neighbour, only(grown), dual, gone, goneDual} {
				s.Put(e)
			}
			if folding {
				settle(t, s)
				s.Close()
				foldAll(t, path)
				s, _ = mustOpen(t, path)
			}
			s.Put(grown)
			s.Delete(gone)
			s.Delete(goneDual)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if folding {
				foldAll(t, path)
			}
			_, found := mustOpen(t, path)
			compare(t, found, alone, neighbour, grown, dual)
		})
	}
}

// What waits for a disk grows with the number of bindings, not with that of the changes.
func TestPendingIsBounded(t *testing.T) {
	path := newPath(t)
	s, _, err := openWith(path, limits{journal: 1 << 20, quiet: time.Hour, pending: 10_000})
	if err != nil {
		t.Fatal(err)
	}
	var full sync.Mutex
	full.Lock()
	s.update = func(f func(*bolt.Tx) error) error {
		full.Lock()
		defer full.Unlock()
		return s.db.Update(f)
	}
	newest := entry(2)
	newest.SequenceNumber = 9999
	for range 10_000 {
		s.Put(entry(1))
		s.Put(entry(2))
		s.Put(entry(3))
		s.Delete(entry(3))
	}
	octets := 0
	for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		s.Put(newest)
		s.mu.Lock()
		octets = cap(s.batch)
		done := !s.compacting && octets <= 50_000
		s.mu.Unlock()
		if done {
			break
		}
		if time.Now().After(end) {
			t.Errorf("%d octets wait", octets)
			break
		}
	}
	full.Unlock()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	_, found := mustOpen(t, path)
	compare(t, found, entry(1), newest)
}

// A full disk shows in Status, loses nothing, and what came later wins.
func TestFullDisk(t *testing.T) {
	path := newPath(t)
	s, _ := mustOpen(t, path)
	var full sync.Mutex
	isFull := true
	s.update = func(f func(*bolt.Tx) error) error {
		full.Lock()
		defer full.Unlock()
		if isFull {
			return errors.New("no space left on device")
		}
		return s.db.Update(f)
	}
	newer := entry(1)
	newer.SequenceNumber = 999
	s.Put(entry(1))
	s.Put(entry(2))
	for end := time.Now().Add(patience); s.Status().Failures == 0; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the failure does not show")
		}
	}
	if status := s.Status(); !strings.Contains(status.LastError, "no space left") || status.Pending != 2 {
		t.Errorf("status: %+v", status)
	}
	s.Put(newer)
	full.Lock()
	isFull = false
	full.Unlock()
	settle(t, s)
	if status := s.Status(); status.Failures != 0 || status.LastError != "" || status.Written != 3 {
		t.Errorf("status: %+v", status)
	}
	_, found := mustOpen(t, crash(t, path))
	compare(t, found, newer, entry(2))
}

func TestCloseReportsWhatIsLost(t *testing.T) {
	s, _ := mustOpen(t, newPath(t))
	s.update = func(func(*bolt.Tx) error) error { return errors.New("read-only file system") }
	s.Put(entry(1))
	if err := s.Close(); err == nil || !strings.Contains(err.Error(), "1 changed bindings") {
		t.Errorf("Close: %v", err)
	}
}

// A sync that fails at the end of a transaction leaves in the file what bbolt says was not written. It is written again over itself, with
// what came meanwhile, and the journal is not closed in between: a batch that stood in two generations would be damage.
func TestAFailedSync(t *testing.T) {
	path := newPath(t)
	s, _, err := openWith(path, limits{journal: 1 << 20, quiet: 50 * time.Millisecond, pending: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	transactions := 0
	var written []byte
	s.update = func(f func(*bolt.Tx) error) error {
		err := s.db.Update(f)
		switch transactions++; transactions {
		case 1:
			s.Put(entry(2))
		case 2, 3:
			s.Put(entry(transactions + 1))
			return errors.Join(err, errors.New("input/output error"))
		case 4:
			var readErr error
			written, readErr = os.ReadFile(path)
			return errors.Join(err, readErr)
		}
		return err
	}
	s.Put(entry(1))
	for end := time.Now().Add(patience); s.Status().Written < 4; time.Sleep(time.Millisecond) {
		if status := s.Status(); status.Failures > 2 || time.Now().After(end) {
			t.Fatalf("not written after the failures: %+v", status)
		}
	}
	crashed := newPath(t)
	if err := os.WriteFile(crashed, written, fileMode); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{crashed, path} {
		_, found := mustOpen(t, path)
		compare(t, found, entry(1), entry(2), entry(3), entry(4))
	}
}
