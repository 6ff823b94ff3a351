package store

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"
)

// sample is a file with a few hundred bindings.
func sample(t *testing.T) []byte {
	t.Helper()
	path := newPath(t)
	s, _ := mustOpen(t, path)
	for n := range 300 {
		s.Put(entry(n + 1))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// A file that cannot be used is refused and kept, octet by octet.
func TestUnusableFilesAreKept(t *testing.T) {
	whole := sample(t)
	flipped := bytes.Clone(whole)
	at := bytes.Index(flipped, []byte("mn150@example.net"))
	flipped[at] ^= 1
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
		{"one octet of a binding changed", flipped},
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
