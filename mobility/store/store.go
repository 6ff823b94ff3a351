package store

import (
	"errors"
	"fmt"
	"net/netip"
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
	// MaxFlushDelay bounds what a disk that is slow, but not failing, makes of FlushDelay.
	MaxFlushDelay = 50 * time.Millisecond

	firstRetry = 500 * time.Millisecond
	lastRetry  = 30 * time.Second
)

// Store is an open file of bindings and counters. Its methods may be called from any goroutine.
type Store struct {
	path   string
	db     *bolt.DB
	update func(func(*bolt.Tx) error) error // db.Update; tests put a failing disk here
	clean  bool                             // as Open found it
	limits limits
	writer writer // belongs to run, and to Close when run has ended

	mu        sync.Mutex
	batch     []byte // changes not written yet; see journal.go
	spare     []byte // the buffer of the batch before
	changes   int    // in batch
	needs     format // of what was put
	underway  int    // changes that are being written
	compactAt int    // octets
	known     map[netip.Addr]uint32
	newPeers  map[netip.Addr]uint32 // counters not written yet
	status    Status
	told      bool // the restart counter has grown in this run, because of what the run before may have lost
	closed    bool

	compacting bool // the changes before batch
	aside      int  // of these
	compacted  sync.Cond

	wake chan struct{} // capacity 1: there is something pending
	stop chan struct{}
	done chan struct{}
}

// limits are what a test sets lower.
type limits struct {
	journal int           // octets of journal that are folded also when things are not quiet
	quiet   time.Duration // without a change before the journal is folded
	pending int           // octets not written yet that are compacted
}

var usualLimits = limits{journal: 4 << 20, quiet: time.Second, pending: 16 << 20}

// Status is how the store is doing.
type Status struct {
	Path      string    `json:"path"`
	Pending   int       `json:"pending"`              // changes not written yet
	Written   uint64    `json:"written"`              // changes written since Open, in the order in which they came
	Rejected  uint64    `json:"rejected"`             // entries without a home address and peers without one, or given after Close
	Failures  uint64    `json:"failures"`             // failed transactions with changes in a row; 0 when all is well
	LastFlush time.Time `json:"last_flush,omitzero"`  // last successful one
	LastError string    `json:"last_error,omitempty"` // of the last failed one; cleared by a successful one
	FoldError string    `json:"fold_error,omitempty"` // why the journal was not folded at the last attempt
	Warning   string    `json:"warning,omitempty"`    // others can reach the file or its directory
}

// Warnings are what keeps the store from writing, and that it did not take something.
func (s Status) Warnings() (warnings []string) {
	if s.Failures > 0 {
		warnings = append(warnings, fmt.Sprintf("changes cannot be written to %s: %s", s.Path, s.LastError))
	}
	if s.FoldError != "" {
		warnings = append(warnings, fmt.Sprintf("%s grows, for its journal cannot be folded: %s", s.Path, s.FoldError))
	}
	if s.Rejected > 0 {
		warnings = append(warnings, fmt.Sprintf("%d changes were not taken for %s, and a restart will not know them: they had no address, or came after its end", s.Rejected, s.Path))
	}
	return warnings
}

// Put notes that entry is the state of its session. It never waits.
func (s *Store) Put(entry mobility.BindingCacheEntry) { s.note(&entry, false) }

// Delete notes that the session of entry is gone. It never waits.
func (s *Store) Delete(entry mobility.BindingCacheEntry) { s.note(&entry, true) }

func (s *Store) note(entry *mobility.BindingCacheEntry, gone bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ok := !s.closed
	switch {
	case !ok:
	case gone: // called by name in both cases: the compiler sees then that the entry stays off the heap
		s.batch, ok = appendDelete(s.batch, entry)
	default:
		s.batch, ok = appendPut(s.batch, entry)
		if entry.OffloadAnswered {
			s.needs = format4
		}
	}
	if !ok {
		s.status.Rejected++
		return
	}
	// Those behind the first go with it. Waking run costs its caller a system call, and in an answer that waits for it that is a
	// large part of all the time it takes.
	if s.changes++; s.changes == 1 {
		s.signal()
	}
	if len(s.batch) > s.compactAt && !s.compacting {
		s.beginCompacting()
	}
}

// signal wakes run.
func (s *Store) signal() {
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
	status.Path, status.Pending = s.path, s.changes+s.aside+len(s.newPeers)+s.underway
	return status
}

// Close writes what is pending, notes that nothing is lost, and closes the file. It returns an error when something could not
// be written. What an earlier run may have lost stays noted until NextRestartCounter has told of it: a run may end before that.
func (s *Store) Close() error {
	s.mu.Lock()
	already, whole := s.closed, s.clean || s.told
	s.closed = true
	s.mu.Unlock()
	if already {
		return nil
	}
	close(s.stop)
	<-s.done
	err := s.flush()
	if err == nil && whole {
		err = s.update(func(tx *bolt.Tx) error { return tx.Bucket(metaBucket).Delete(openKey) })
	}
	return errors.Join(err, s.db.Close())
}
