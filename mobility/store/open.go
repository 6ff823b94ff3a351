package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"netlmm/mobility"
)

const (
	lockTimeout   = 2 * time.Second
	fileMode      = 0o600
	directoryMode = 0o700
)

// formats are the versions of a file that are read.
var formats = map[string]format{format4.version(): format4, format3.version(): format3, format2.version(): format2}

// format is what a file of one version has.
type format int

const (
	format2 format = iota + 2 // neither IPv4 nor a journal: it is rewritten
	format3                   // nothing of offloading; what it has is the same in the next one
	format4
)

// version is how a file says what it is.
func (f format) version() string { return fmt.Sprintf("netlmm bindings %d", int(f)) }

var (
	metaBucket     = []byte("meta")
	formatKey      = []byte("format")
	openKey        = []byte("open") // is there while a run has the file open
	counterKey     = []byte("restart counter")
	bindingsBucket = []byte("bindings")
	journalBucket  = []byte("journal") // of generations, of batches, which are buckets too
	batchKey       = []byte("batch")
	peersBucket    = []byte("peers")
)

// ErrUnusable says that the file is damaged, foreign or of another version. The file is left as it was.
var ErrUnusable = errors.New("file of bindings is unusable")

// Open opens the file at path, made with mode 0600, and its directory with 0700, if there is none, and
// returns the bindings in it. A file with a wider mode gets that one; of a directory with a wider one Status warns. Only one
// process may have it open. A file that is damaged, or not ours, is refused with an error that is ErrUnusable and is not touched.
func Open(path string) (*Store, []mobility.BindingCacheEntry, error) {
	return openWith(path, usualLimits)
}

// OpenCounters opens, on the terms of Open, a file for restart counters alone: that of a MAG, whose sessions come back by
// themselves. One that has bindings is an anchor's and is refused.
func OpenCounters(path string) (*Store, error) {
	s, entries, err := Open(path)
	if err == nil && len(entries) > 0 {
		err = errors.Join(fmt.Errorf("open counters %s: it has %d bindings of an anchor: name another file", path, len(entries)), s.Close())
		return nil, err
	}
	return s, err
}

func openWith(path string, limits limits) (*Store, []mobility.BindingCacheEntry, error) {
	if err := os.MkdirAll(filepath.Dir(path), directoryMode); err != nil {
		return nil, nil, explain(path, err)
	}
	db, c, err := open(path)
	if err != nil {
		return nil, nil, explain(path, err)
	}
	s := newStore(path, db, &c, limits)
	s.status.Warning = restrict(path)
	go s.run()
	return s, c.entries, nil
}

// restrict takes a file that was there already from others, and says what of it or its directory they can still reach. The
// directory may be one of many things, and is left to the operator.
func restrict(path string) (warning string) {
	for _, one := range []struct {
		path string
		mode os.FileMode
	}{{filepath.Dir(path), directoryMode}, {path, fileMode}} {
		info, err := os.Stat(one.path)
		if err != nil || info.Mode().Perm()&^one.mode == 0 {
			continue
		}
		if one.path == path && os.Chmod(path, fileMode) == nil {
			continue
		}
		warning = fmt.Sprintf("others can reach %s: its mode is %#o, want %#o (chmod)", one.path, info.Mode().Perm(), one.mode)
	}
	return warning
}

func newStore(path string, db *bolt.DB, c *content, limits limits) *Store {
	s := &Store{
		path: path, db: db, update: db.Update, clean: c.clean, limits: limits, writer: c.writer, needs: c.format,
		batch: beginBatch(nil), compactAt: limits.pending, known: c.peers,
		wake: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}),
	}
	s.compacted.L = &s.mu
	s.writer.delay, s.writer.retry, s.writer.slice, s.writer.format = FlushDelay, firstRetry, leastSlice, c.format
	return s
}

func explain(path string, err error) error {
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return fmt.Errorf("open bindings %s: another process holds the file (is the daemon running already?)", path)
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("open bindings %s: %w (it must belong to the user that runs the daemon)", path, err)
	}
	return fmt.Errorf("open bindings %s: %w (move the file away to start without bindings; the MAGs register again)", path, err)
}

// open reads everything once, and only then writes. bbolt panics, and a truncated file even faults, on pages that make no sense;
// here both become errors, and the file is closed again.
func open(path string) (db *bolt.DB, c content, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	var file *os.File
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v", ErrUnusable, r)
		}
		if err != nil && file != nil {
			file.Close()
			db = nil
		}
	}()
	db, err = bolt.Open(path, fileMode, &bolt.Options{
		Timeout:      lockTimeout,
		NoStatistics: true,
		OpenFile: func(name string, flag int, mode os.FileMode) (*os.File, error) {
			var err error
			file, err = os.OpenFile(name, flag, mode)
			return file, err
		},
	})
	if err != nil {
		return nil, c, classify(err)
	}
	if c, err = load(db); err == nil {
		err = db.Update(c.begin)
	}
	if err == nil {
		unmap(db)
	}
	if err != nil {
		db.Close()
	}
	return db, c, err
}

// begin gives the file the form of this version and marks it as open. It is of format 4 from the first record on that says something of
// offloading: without one, the version of before can still read it when it is installed again.
func (c *content) begin(tx *bolt.Tx) error {
	for _, name := range [][]byte{metaBucket, bindingsBucket, journalBucket, peersBucket} {
		if _, err := tx.CreateBucketIfNotExists(name); err != nil {
			return err
		}
	}
	meta := tx.Bucket(metaBucket)
	if c.format == format2 {
		bindings := tx.Bucket(bindingsBucket)
		for i := range c.entries {
			key, _ := keyOf(&c.entries[i]) // it stood under one
			if err := bindings.Put(appendKey(nil, key), appendValue(nil, &c.entries[i])); err != nil {
				return err
			}
		}
	}
	c.format = max(c.format, format3)
	return errors.Join(meta.Put(formatKey, []byte(c.format.version())), meta.Put(openKey, []byte{1}))
}

// classify marks what bbolt says of a file's content; it has no error value for a file that is too short.
func classify(err error) error {
	var system syscall.Errno
	if errors.Is(err, bolterrors.ErrTimeout) || errors.As(err, &system) {
		return err
	}
	return fmt.Errorf("%w: not a bbolt file, or damaged: %w", ErrUnusable, err)
}
