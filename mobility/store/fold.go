package store

import (
	"fmt"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"
)

// The journal has generations, each a bucket of buckets with one batch. Folding closes one: flushes go to the next, and the latest change of
// each binding in the closed one goes to the bucket of bindings, slice by slice in the order of the keys, which touches each
// page once. When all are there the generation is dropped.
//
// A crash in between leaves the generation whole. It is then read on top of bindings of which some already are what it makes
// of them, which changes nothing.

// Bounds of a slice, in bindings, and the time that it is to take: a flush must not wait long for it.
const (
	leastSlice, mostSlice = 256, 4096
	sliceTime             = 8 * time.Millisecond
	usualRecord           = 192 // octets of the journal
	fillPercent           = 0.8 // of a page of bindings: more than bbolt's half, for most changes keep the length of a record
)

// folding is a generation on its way into the bucket of bindings.
type folding struct {
	generation uint64
	changes    []change // those that are left, by key
}

// beginFolding closes the oldest generation and copies it out of the file.
func (s *Store) beginFolding() error {
	w := &s.writer
	if w.oldest == w.current && w.journaled == 0 {
		return nil
	}
	var octets []byte
	var changes []change
	err := s.db.View(func(tx *bolt.Tx) error {
		generation := tx.Bucket(journalBucket).Bucket(journalKey(w.oldest))
		if generation == nil {
			return nil // of a flush that failed
		}
		octets = make([]byte, 0, w.octetsOf(w.oldest))
		return generation.ForEachBucket(func(key []byte) error {
			batch := generation.Bucket(key).Get(batchKey)
			if len(batch) < checksumSize {
				return errBatchTorn
			}
			octets = append(octets, batch[checksumSize:]...)
			return nil
		})
	})
	if err == nil {
		changes, err = recordsOf(octets, make([]change, 0, len(octets)/usualRecord))
	}
	if err != nil {
		return fmt.Errorf("generation %d: %w", w.oldest, err)
	}
	w.folding = &folding{generation: w.oldest, changes: latest(changes)}
	if w.oldest == w.current {
		w.current++
		w.journaled = 0
	}
	return nil
}

// octetsOf guesses how much there is in a generation, to make room for it once.
func (w *writer) octetsOf(generation uint64) int {
	if generation == w.current {
		return w.journaled
	}
	return 0
}

// timedSlice folds the next slice, or drops the generation when none is left, and adjusts the size of the next.
func (s *Store) timedSlice(start time.Time) error {
	w := &s.writer
	if len(w.folding.changes) == 0 {
		return s.dropFolded()
	}
	slice := w.folding.changes[:min(w.slice, len(w.folding.changes))]
	if err := s.update(func(tx *bolt.Tx) error { return apply(tx.Bucket(bindingsBucket), slice) }); err != nil {
		return err
	}
	w.folding.changes = w.folding.changes[len(slice):]
	switch took := time.Since(start); {
	case took > sliceTime:
		w.slice = max(w.slice/2, leastSlice)
	case took < sliceTime/2:
		w.slice = min(w.slice*2, mostSlice)
	}
	return nil
}

func (s *Store) dropFolded() error {
	w := &s.writer
	err := s.update(func(tx *bolt.Tx) error {
		journal, key := tx.Bucket(journalBucket), journalKey(w.folding.generation)
		if journal.Bucket(key) == nil {
			return nil
		}
		return journal.DeleteBucket(key)
	})
	if err != nil {
		return err
	}
	w.oldest = w.folding.generation + 1
	w.folding = nil
	unmap(s.db)
	return nil
}

// unmap gives back the memory of the mapped file, all of which reading or folding has touched: it would count as the daemon's
// own. The pages stay in the kernel's cache, and those that are needed come back one by one.
func unmap(db *bolt.DB) {
	_ = db.View(func(tx *bolt.Tx) error { // while it lasts, bbolt does not move the mapping
		_, _, err := syscall.Syscall(syscall.SYS_MADVISE, db.Info().Data, uintptr(tx.Size()), syscall.MADV_DONTNEED)
		if err != 0 {
			return err // memory that stays in use harms nothing
		}
		return nil
	})
}

// apply makes changes in the bucket of bindings.
func apply(bindings *bolt.Bucket, changes []change) error {
	bindings.FillPercent = fillPercent
	for _, c := range changes {
		var err error
		if len(c.value) == 0 {
			err = bindings.Delete(c.key)
		} else {
			err = bindings.Put(c.key, c.value)
		}
		if err != nil {
			return fmt.Errorf("binding of %x: %w", c.key, err)
		}
	}
	return nil
}
