package store

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	bolt "go.etcd.io/bbolt"

	"netlmm/mobility"
)

const (
	// FlushDelay is how long a change may wait for company before it is written. It is short because a handover that a crash
	// takes away costs its mobile node the traffic until the next re-registration, and long enough to stay behind the
	// acknowledgement and to bound the transactions a second.
	FlushDelay = 5 * time.Millisecond

	firstRetry = 500 * time.Millisecond
	lastRetry  = 30 * time.Second
)

// Store is an open file of bindings. Its methods may be called from any goroutine.
type Store struct {
	path   string
	db     *bolt.DB
	update func(func(*bolt.Tx) error) error // db.Update; tests put a failing disk here

	mu      sync.Mutex
	pending map[netip.Prefix]*mobility.BindingCacheEntry // nil: to be deleted
	status  Status
	closed  bool

	wake chan struct{} // capacity 1: there is something pending
	stop chan struct{}
	done chan struct{}
}

// Status is how the store is doing.
type Status struct {
	Path      string    `json:"path"`
	Pending   int       `json:"pending"`              // changes not written yet
	Written   uint64    `json:"written"`              // changes written since Open
	Rejected  uint64    `json:"rejected"`             // entries without a home network prefix, or given after Close
	Failures  uint64    `json:"failures"`             // failed transactions in a row; 0 when all is well
	LastFlush time.Time `json:"last_flush,omitzero"`  // last successful transaction
	LastError string    `json:"last_error,omitempty"` // of the last failed transaction; cleared by a successful one
}

// Put notes that entry is the state of its session. It never waits.
func (s *Store) Put(entry mobility.BindingCacheEntry) {
	entry.HomeNetworkPrefixes = append([]netip.Prefix(nil), entry.HomeNetworkPrefixes...) // the caller's slice may change
	s.note(entry, &entry)
}

// Delete notes that the session of entry is gone. It never waits.
func (s *Store) Delete(entry mobility.BindingCacheEntry) { s.note(entry, nil) }

func (s *Store) note(entry mobility.BindingCacheEntry, state *mobility.BindingCacheEntry) {
	key, ok := keyOf(entry)
	s.mu.Lock()
	defer s.mu.Unlock()
	if !ok || s.closed {
		s.status.Rejected++
		return
	}
	s.pending[key] = state
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Status says what waits, what was written and what went wrong.
func (s *Store) Status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	status := s.status
	status.Path, status.Pending = s.path, len(s.pending)
	return status
}

// Close writes what is pending and closes the file. It returns an error when something could not be written.
func (s *Store) Close() error {
	s.mu.Lock()
	already := s.closed
	s.closed = true
	s.mu.Unlock()
	if already {
		return nil
	}
	close(s.stop)
	<-s.done
	return errors.Join(s.flush(), s.db.Close())
}

// run writes behind until stop: FlushDelay after the first change, and after a failure at a slower and slower pace.
func (s *Store) run() {
	defer close(s.done)
	for {
		select {
		case <-s.stop:
			return
		case <-s.wake:
		}
		for delay, retry := FlushDelay, firstRetry; ; delay, retry = retry, min(2*retry, lastRetry) {
			select {
			case <-s.stop:
				return
			case <-time.After(delay):
			}
			if s.flush() == nil {
				break
			}
		}
	}
}

// flush writes everything pending in one transaction, or keeps it.
func (s *Store) flush() error {
	s.mu.Lock()
	batch := s.pending
	s.pending = map[netip.Prefix]*mobility.BindingCacheEntry{}
	s.mu.Unlock()
	if len(batch) == 0 {
		return nil
	}
	err := s.update(func(tx *bolt.Tx) error { return write(tx.Bucket(bindingsBucket), batch) })

	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		maps.Copy(batch, s.pending) // what came meanwhile is newer
		s.pending = batch
		s.status.Failures++
		s.status.LastError = err.Error()
		return fmt.Errorf("%d changed bindings could not be written to %s: %w (is the disk full or read-only?)", len(batch), s.path, err)
	}
	s.status.Written += uint64(len(batch))
	s.status.Failures, s.status.LastError, s.status.LastFlush = 0, "", time.Now()
	return nil
}

// write puts the batch into the bucket in the order of its keys, which touches each page once.
func write(bucket *bolt.Bucket, batch map[netip.Prefix]*mobility.BindingCacheEntry) error {
	var key []byte // copied by the bucket, unlike values
	for _, prefix := range slices.SortedFunc(maps.Keys(batch), netip.Prefix.Compare) {
		key = appendKey(key[:0], prefix)
		var err error
		if entry := batch[prefix]; entry == nil {
			err = bucket.Delete(key)
		} else {
			err = bucket.Put(key, appendValue(make([]byte, 0, usualValue), *entry))
		}
		if err != nil {
			return fmt.Errorf("binding of %s: %w", prefix, err)
		}
	}
	return nil
}
