package store

import (
	"encoding/binary"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"netlmm/mobility"
)

// foldAll does at once what run does when things are quiet.
func foldAll(t *testing.T, path string) {
	t.Helper()
	db, c, err := open(path)
	if err != nil {
		t.Fatal(err)
	}
	s := newStore(path, db, &c, usualLimits)
	for s.foldStep(t) {
	}
	if err := s.db.Close(); err != nil {
		t.Fatal(err)
	}
}

// foldStep does one transaction of folding; false: there was nothing to do.
func (s *Store) foldStep(t testing.TB) bool {
	t.Helper()
	w := &s.writer
	var err error
	switch {
	case w.folding != nil:
		err = s.timedSlice(time.Now())
	case w.oldest == w.current && w.journaled == 0:
		return false
	default:
		err = s.beginFolding()
	}
	if err != nil {
		t.Fatal(err)
	}
	return true
}

// A crash after any transaction of folding, under changes that go on, loses nothing and brings nothing back.
func TestCrashWhileFolding(t *testing.T) {
	path := newPath(t)
	s, _ := mustOpen(t, path)
	for n := range 300 {
		s.Put(entry(n + 1))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	db, c, err := open(path)
	if err != nil {
		t.Fatal(err)
	}
	s = newStore(path, db, &c, usualLimits)
	defer func() { db.Close() }()
	s.writer.slice = 40
	want := map[int]mobility.BindingCacheEntry{}
	for n := range 300 {
		want[n+1] = entry(n + 1)
	}
	for n := 1; s.foldStep(t); n++ {
		if n < 12 { // so that there is an end of it
			moved := entry(7 * n)
			moved.SequenceNumber = uint16(1000 + n)
			s.Put(moved)
			s.Delete(entry(7*n + 1))
			want[7*n] = moved
			delete(want, 7*n+1)
		}
		if err := s.flush(); err != nil {
			t.Fatal(err)
		}
		s.writer.slice = 40
		crashed, found := mustOpen(t, crash(t, path))
		compare(t, found, slices.Collect(maps.Values(want))...)
		crashed.Close()
	}
}

// Folding goes on beside flushes in a store that is never quiet, and what a slice could not write is written later.
func TestFoldsUnderLoad(t *testing.T) {
	path := newPath(t)
	s, _, err := openWith(path, limits{journal: 4000, quiet: time.Hour, pending: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for n, end := 0, time.Now().Add(patience); ; n++ {
		s.Put(entry(n%100 + 1))
		if n%50 == 0 {
			time.Sleep(time.Millisecond)
			if folded(t, s) >= 3 {
				break
			}
			if time.Now().After(end) {
				t.Fatalf("the journal is not folded: %+v", s.Status())
			}
		}
	}
}

// folded is how many generations of the journal are gone.
func folded(t *testing.T, s *Store) (oldest uint64) {
	t.Helper()
	err := s.db.View(func(tx *bolt.Tx) error {
		if key, _ := tx.Bucket(journalBucket).Cursor().First(); key != nil {
			oldest = binary.BigEndian.Uint64(key)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return oldest
}

// When things are quiet the journal empties by itself.
func TestFoldsWhenQuiet(t *testing.T) {
	path := newPath(t)
	s, _, err := openWith(path, limits{journal: 1 << 20, quiet: time.Millisecond, pending: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	s.Put(entry(1))
	s.Put(entry(2))
	s.Delete(entry(2))
	settle(t, s)
	for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		bindings, generations := 0, 0
		err := s.db.View(func(tx *bolt.Tx) error {
			bindings = tx.Bucket(bindingsBucket).Inspect().KeyN
			return tx.Bucket(journalBucket).ForEach(func(_, _ []byte) error { generations++; return nil })
		})
		if err != nil {
			t.Fatal(err)
		}
		if bindings == 1 && generations == 0 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("%d bindings, %d generations", bindings, generations)
		}
	}
	_, found := mustOpen(t, crash(t, path))
	compare(t, found, entry(1))
}

// A disk that is full while the journal is folded loses nothing, whichever transaction it meets.
func TestFoldingOnAFullDisk(t *testing.T) {
	path := newPath(t)
	s, _ := mustOpen(t, path)
	var want []mobility.BindingCacheEntry
	for n := range 100 {
		s.Put(entry(n + 1))
		want = append(want, entry(n+1))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	db, c, err := open(path)
	if err != nil {
		t.Fatal(err)
	}
	s = newStore(path, db, &c, usualLimits)
	defer func() { db.Close() }()
	if err := s.beginFolding(); err != nil {
		t.Fatal(err)
	}
	for s.writer.folding != nil {
		s.writer.slice = 30
		s.update = func(f func(*bolt.Tx) error) error {
			return s.db.Update(func(tx *bolt.Tx) error { return errors.Join(f(tx), errors.New("no space left on device")) })
		}
		if err := s.timedSlice(time.Now()); err == nil {
			t.Fatal("no error")
		}
		crashed, found := mustOpen(t, crash(t, path))
		compare(t, found, want...)
		crashed.Close()
		s.update = s.db.Update
		if err := s.timedSlice(time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	crashed, found := mustOpen(t, crash(t, path))
	compare(t, found, want...)
	crashed.Close()
}

// That the journal cannot be folded shows until it is: changes can be written meanwhile, and are no sign of it.
func TestAJournalThatGrowsShows(t *testing.T) {
	path := newPath(t)
	s, _ := mustOpen(t, path)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	db, c, err := open(path)
	if err != nil {
		t.Fatal(err)
	}
	s = newStore(path, db, &c, usualLimits)
	defer func() { db.Close() }()
	write := func(n int, want string) {
		t.Helper()
		s.Put(entry(n))
		if err := s.flush(); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(s.Status().Warnings(), "; "); (want == "") != (got == "") || !strings.Contains(got, want) {
			t.Errorf("warnings %q, want %q", got, want)
		}
	}
	s.pace(s.beginFolding())
	write(1, "")
	s.pace(s.beginFolding())
	s.update = func(func(*bolt.Tx) error) error { return errors.New("no space left on device") }
	s.pace(s.timedSlice(time.Now()))
	s.update = s.db.Update
	write(2, "folded: no space left")
	s.pace(s.timedSlice(time.Now()))
	write(3, "")
}
