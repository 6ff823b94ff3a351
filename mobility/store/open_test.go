package store

import (
	"bytes"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"
)

// sample is a file with a few hundred bindings, all of them in the journal, or folded.
func sample(t *testing.T, folded bool) []byte {
	t.Helper()
	path := newPath(t)
	s, _ := mustOpen(t, path)
	for n := range 300 {
		s.Put(entry(n + 1))
		if n%100 == 0 {
			settle(t, s) // several batches
		}
	}
	s.PutPeer(netip.MustParseAddr("2001:db8:5ee::1"), 7)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if folded {
		foldAll(t, path)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// A file that cannot be used is refused and kept, octet by octet.
func TestUnusableFilesAreKept(t *testing.T) {
	whole, journal := sample(t, true), sample(t, false)
	holes := bytes.Clone(whole)
	clear(holes[4*os.Getpagesize() : len(holes)/2])
	for _, test := range []struct {
		name    string
		content []byte
	}{
		{"text", []byte("proxy mobile\n")},
		{"a page of text", bytes.Repeat([]byte("proxy mobile IPv6 "), 10000)},
		{"zeroes", make([]byte, 65536)},
		{"truncated", whole[:len(whole)/2]},
		{"truncated to one page", whole[:os.Getpagesize()]},
		{"truncated within the last used page", whole[:5*os.Getpagesize()+100]},
		{"one octet of a binding changed", flipped(t, whole, []byte("mn150@example.net"))},
		{"one octet of the journal changed", flipped(t, journal, []byte("mn150@example.net"))},
		{"the counter of a peer changed", flipped(t, whole, netip.MustParseAddr("2001:db8:5ee::1").AsSlice())},
		{"a batch torn", damaged(t, journal, func(generation *bolt.Bucket) error {
			last := lastBatch(generation)
			batch := last.Get(batchKey)
			return last.Put(batchKey, bytes.Clone(batch[:len(batch)-10]))
		})},
		{"a batch torn, with a checksum that fits", damaged(t, journal, func(generation *bolt.Bucket) error {
			last := lastBatch(generation)
			batch := last.Get(batchKey)
			torn := bytes.Clone(batch[:len(batch)-10])
			finishBatch(torn)
			return last.Put(batchKey, torn)
		})},
		{"an empty batch", damaged(t, journal, func(generation *bolt.Bucket) error {
			return lastBatch(generation).Delete(batchKey)
		})},
		{"a batch lost", damaged(t, journal, func(generation *bolt.Bucket) error {
			return generation.DeleteBucket(journalKey(1))
		})},
		{"something else for a batch", damaged(t, journal, func(generation *bolt.Bucket) error {
			return generation.Put(journalKey(1000), []byte("proxy mobile"))
		})},
		{"journal truncated", journal[:len(journal)/2]},
		{"pages zeroed", holes},
		{"another program's", foreign(t, "widgets", "", "")},
		{"another version", foreign(t, "meta", "format", "netlmm bindings 1")},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := newPath(t)
			if err := os.WriteFile(path, test.content, fileMode); err != nil {
				t.Fatal(err)
			}
			s, _, err := Open(path)
			if err == nil {
				s.Close()
			}
			if !errors.Is(err, ErrUnusable) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "move the file away") {
				t.Fatalf("Open: %v", err)
			}
			if kept, err := os.ReadFile(path); err != nil || !bytes.Equal(kept, test.content) {
				t.Errorf("the file was changed: %d octets, were %d, %v", len(kept), len(test.content), err)
			}
		})
	}
}

// flipped is the file with one bit changed wherever pattern stands, of which one place is in use.
func flipped(t *testing.T, raw, pattern []byte) []byte {
	t.Helper()
	if !bytes.Contains(raw, pattern) {
		t.Fatalf("there is no %q", pattern)
	}
	changed := bytes.Clone(pattern)
	changed[0] ^= 1
	return bytes.ReplaceAll(raw, pattern, changed)
}

func lastBatch(generation *bolt.Bucket) *bolt.Bucket {
	key, _ := generation.Cursor().Last()
	return generation.Bucket(key)
}

// damaged is the file with a journal that was changed by someone who knows bbolt.
func damaged(t *testing.T, raw []byte, damage func(*bolt.Bucket) error) []byte {
	t.Helper()
	path := newPath(t)
	if err := os.WriteFile(path, raw, fileMode); err != nil {
		t.Fatal(err)
	}
	db, err := bolt.Open(path, fileMode, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bolt.Tx) error {
		journal := tx.Bucket(journalBucket)
		key, _ := journal.Cursor().First()
		return damage(journal.Bucket(key))
	})
	if err = errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	if raw, err = os.ReadFile(path); err != nil {
		t.Fatal(err)
	}
	return raw
}

// A file of the version before, which testdata has as that version wrote it, is read, and rewritten.
func TestFormerFormat(t *testing.T) {
	raw, err := os.ReadFile("testdata/format2.db")
	if err != nil {
		t.Fatal(err)
	}
	path := newPath(t)
	if err := os.WriteFile(path, raw, fileMode); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time it is of the present format
		s, found := mustOpen(t, path)
		compare(t, found, entry(1), entry(2), entry(3))
		if !s.ClosedCleanly() {
			t.Error("a file that knows no marks looks unclean")
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	foldAll(t, path)
	if _, found := mustOpen(t, path); len(found) != 3 {
		t.Errorf("%d bindings", len(found))
	}
	damaged := newPath(t)
	if err := os.WriteFile(damaged, flipped(t, raw, []byte("mn2@example.net")), fileMode); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Open(damaged); !errors.Is(err, ErrUnusable) {
		t.Errorf("Open: %v", err)
	}
}

// foreign is a good bbolt file that we did not write.
func foreign(t *testing.T, bucket, key, value string) []byte {
	t.Helper()
	path := newPath(t)
	db, err := bolt.Open(path, fileMode, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bolt.Tx) error {
		b, err := tx.CreateBucket([]byte(bucket))
		if err != nil || key == "" {
			return err
		}
		if _, err := tx.CreateBucket(bindingsBucket); err != nil {
			return err
		}
		return b.Put([]byte(key), []byte(value))
	})
	if err = errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestOpenSaysWhatToDo(t *testing.T) {
	path := newPath(t)
	mustOpen(t, path)
	for _, test := range []struct{ name, path, want string }{
		{"held by another", path, "another process"},
		{"a file for a directory", filepath.Join(path, "bindings.db"), "not a directory"},
		{"a directory", t.TempDir(), "is a directory"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, _, err := Open(test.path)
			if err == nil {
				s.Close()
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("Open: %v", err)
			}
		})
	}
}

func TestOpenMakesItsDirectoryPrivate(t *testing.T) {
	directory := filepath.Join(t.TempDir(), "netlmm")
	mustOpen(t, filepath.Join(directory, "bindings.db"))
	info, err := os.Stat(directory)
	if err != nil || info.Mode().Perm() != directoryMode {
		t.Errorf("%v, %v; want mode %04o", info, err, directoryMode)
	}
}

// A file that others could read is taken from them; a directory is the operator's, who is told.
func TestWideModes(t *testing.T) {
	directory := filepath.Join(t.TempDir(), "state")
	path := filepath.Join(directory, "bindings.db")
	s, _ := mustOpen(t, path)
	if w := s.Status().Warning; w != "" {
		t.Errorf("warning of a new file: %s", w)
	}
	s.Close()
	if err := errors.Join(os.Chmod(path, 0o644), os.Chmod(directory, 0o755)); err != nil {
		t.Fatal(err)
	}
	s, _ = mustOpen(t, path)
	defer s.Close()
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v, %v", info.Mode(), err)
	}
	info, err = os.Stat(directory)
	if w := s.Status().Warning; err != nil || info.Mode().Perm() != 0o755 || !strings.Contains(w, directory) || !strings.Contains(w, "0755") {
		t.Errorf("the directory: %v, %v, warning %q", info.Mode(), err, w)
	}
}
