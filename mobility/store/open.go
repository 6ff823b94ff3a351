package store

import (
	"errors"
	"fmt"
	"net/netip"
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
	formatVersion = "netlmm bindings 2"
	lockTimeout   = 2 * time.Second
	fileMode      = 0o600
	directoryMode = 0o700
)

var (
	metaBucket     = []byte("meta")
	formatKey      = []byte("format")
	bindingsBucket = []byte("bindings")
)

// ErrUnusable says that the file is damaged, foreign or of another version. The file is left as it was.
var ErrUnusable = errors.New("file of bindings is unusable")

// Open opens the file at path, made with mode 0600, and its directory with 0700, if there is none, and returns the bindings in it. Only one process may
// have it open. A file that is damaged, or not ours, is refused with an error that is ErrUnusable and is not touched.
func Open(path string) (*Store, []mobility.BindingCacheEntry, error) {
	if err := os.MkdirAll(filepath.Dir(path), directoryMode); err != nil {
		return nil, nil, explain(path, err)
	}
	db, entries, err := open(path)
	if err != nil {
		return nil, nil, explain(path, err)
	}
	s := &Store{
		path: path, db: db, update: db.Update,
		pending: map[netip.Prefix]*mobility.BindingCacheEntry{},
		wake:    make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}),
	}
	go s.run()
	return s, entries, nil
}

func explain(path string, err error) error {
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return fmt.Errorf("open bindings %s: another process holds the file (is an lmad running already?)", path)
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("open bindings %s: %w (it must belong to the user that runs lmad)", path, err)
	}
	return fmt.Errorf("open bindings %s: %w (move the file away to start without bindings; the MAGs register again)", path, err)
}

// open reads everything once. bbolt panics, and a truncated file even faults, on pages that make no sense; here both become
// errors, and the file is closed again.
func open(path string) (db *bolt.DB, entries []mobility.BindingCacheEntry, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	var file *os.File
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v", ErrUnusable, r)
		}
		if err != nil && file != nil {
			file.Close()
			db, entries = nil, nil
		}
	}()
	db, err = bolt.Open(path, fileMode, &bolt.Options{
		Timeout: lockTimeout,
		OpenFile: func(name string, flag int, mode os.FileMode) (*os.File, error) {
			var err error
			file, err = os.OpenFile(name, flag, mode)
			return file, err
		},
	})
	if err != nil {
		return nil, nil, classify(err)
	}
	if err = prepare(db); err == nil {
		entries, err = load(db)
	}
	if err != nil {
		db.Close()
	}
	return db, entries, err
}

// classify marks what bbolt says of a file's content; it has no error value for a file that is too short.
func classify(err error) error {
	var system syscall.Errno
	if errors.Is(err, bolterrors.ErrTimeout) || errors.As(err, &system) {
		return err
	}
	return fmt.Errorf("%w: not a bbolt file, or damaged: %w", ErrUnusable, err)
}
