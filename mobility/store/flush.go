package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"
)

// writer is where the one goroutine that writes stands.
type writer struct {
	due       time.Time     // of the next flush; zero: nothing is pending
	delay     time.Duration // of a flush after the first change
	retry     time.Duration // after a failure
	noFold    time.Time     // until then, after a failure of either kind
	folding   *folding      // nil: the journal only grows
	slice     int           // bindings folded in one transaction
	oldest    uint64        // generation of the journal in the file
	current   uint64        // generation that flushes append to
	sequence  uint64        // of the next batch in the journal
	journaled int           // octets in the current generation
	format    format        // of the file
}

// run writes behind until stop: FlushDelay after the first change, and after a failure at a slower and slower pace. What time
// is left goes to folding the journal.
func (s *Store) run() {
	defer close(s.done)
	w := &s.writer
	for s.wait() {
		now := time.Now()
		switch {
		case !w.due.IsZero() && !now.Before(w.due):
			s.timedFlush(now)
		case now.Before(w.noFold):
		case w.folding != nil:
			s.pace(s.timedSlice(now))
		default:
			s.pace(s.beginFolding())
		}
	}
}

// wait returns when there is something to do, or false when it is time to stop.
func (s *Store) wait() bool {
	w := &s.writer
	for {
		var timer <-chan time.Time
		now := time.Now()
		if wait, ok := s.untilNext(now); ok {
			timer = time.After(wait)
		}
		select {
		case <-s.stop:
			return false
		case <-timer:
			return true
		case <-s.wake:
			if w.due.IsZero() {
				w.due = time.Now().Add(w.delay)
			}
		}
	}
}

// untilNext is how long nothing has to be done.
func (s *Store) untilNext(now time.Time) (wait time.Duration, ok bool) {
	w := &s.writer
	toFold := w.folding != nil || w.journaled > 0 || w.oldest < w.current
	if toFold {
		if w.folding == nil && w.journaled < s.limits.journal && w.oldest == w.current {
			wait = s.limits.quiet
		}
		wait = max(wait, w.noFold.Sub(now))
	}
	if !w.due.IsZero() && (!toFold || w.due.Sub(now) < wait) {
		return w.due.Sub(now), true
	}
	return wait, toFold
}

// timedFlush writes what is pending and sets the pace of the next flush: a fifth of the time at most goes to writing, as long as
// MaxFlushDelay allows.
func (s *Store) timedFlush(start time.Time) {
	w := &s.writer
	if err := s.flush(); err != nil {
		w.due = time.Now().Add(w.retry)
		w.retry = min(2*w.retry, lastRetry)
		if w.noFold.Before(w.due) { // the retry has to find the generation in which the batch may be
			w.noFold = w.due
		}
		return
	}
	took := time.Since(start)
	w.due, w.retry = time.Time{}, firstRetry
	w.delay = max(FlushDelay, min(4*took, MaxFlushDelay-2*took))
}

// pace takes what came of a step of folding, and puts off the next one after an error: what is in the journal is safe there.
func (s *Store) pace(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status.FoldError = ""
	if err != nil {
		s.writer.noFold = time.Now().Add(lastRetry)
		s.status.FoldError = err.Error()
	}
}

// flush writes everything pending in one transaction, or keeps it.
func (s *Store) flush() error {
	s.lock()
	batch, changes, peers, needs := s.batch, s.changes, s.newPeers, s.needs
	s.batch, s.changes, s.newPeers = beginBatch(s.spare), 0, nil
	s.spare, s.underway = nil, changes+len(peers)
	s.mu.Unlock()
	if changes+len(peers) == 0 {
		s.recycle(batch)
		return nil
	}
	finishBatch(batch)
	err := s.update(func(tx *bolt.Tx) error {
		return errors.Join(s.raise(tx, needs), s.write(tx, batch, changes, peers))
	})
	if err != nil {
		return s.keep(err, batch, changes, peers)
	}
	s.writer.format = needs
	if changes > 0 {
		s.writer.sequence++
		s.writer.journaled += len(batch)
	}
	s.mu.Lock()
	s.underway = 0
	s.status.Written += uint64(changes + len(peers))
	s.status.Failures, s.status.LastError, s.status.LastFlush = 0, "", time.Now()
	s.compactAt = s.limits.pending
	s.mu.Unlock()
	s.recycle(batch)
	return nil
}

// raise makes the file one of the format that its records need.
func (s *Store) raise(tx *bolt.Tx, to format) error {
	if to == s.writer.format {
		return nil
	}
	return tx.Bucket(metaBucket).Put(formatKey, []byte(to.version()))
}

// write appends the batch to the journal.
func (s *Store) write(tx *bolt.Tx, batch []byte, changes int, peers map[netip.Addr]uint32) error {
	for address, counter := range peers {
		if err := tx.Bucket(peersBucket).Put(address.AsSlice(), counterValue(address.AsSlice(), counter)); err != nil {
			return err
		}
	}
	if changes == 0 {
		return nil
	}
	generation, err := tx.Bucket(journalBucket).CreateBucketIfNotExists(journalKey(s.writer.current))
	if err != nil {
		return err
	}
	generation.FillPercent = 1 // nothing is ever put in between
	// A bucket of its own gives the batch pages of its own: those of its neighbours need not be written again.
	// It is there if it was only the last sync of the failed transaction that failed, after the file had its new state.
	own, err := generation.CreateBucketIfNotExists(journalKey(s.writer.sequence))
	if err != nil {
		return err
	}
	return own.Put(batchKey, batch)
}

// keep takes back what could not be written, before what came meanwhile.
func (s *Store) keep(err error, batch []byte, changes int, peers map[netip.Addr]uint32) error {
	s.lock()
	defer s.mu.Unlock()
	s.batch = append(batch, s.batch[checksumSize:]...)
	s.changes += changes
	s.underway = 0
	for address, counter := range s.newPeers {
		if peers == nil {
			peers = map[netip.Addr]uint32{}
		}
		peers[address] = counter
	}
	s.newPeers = peers
	s.status.Failures++
	s.status.LastError = err.Error()
	return fmt.Errorf("%d changed bindings could not be written to %s: %w (is the disk full or read-only?)", s.changes, s.path, err)
}

// beginCompacting keeps memory from growing with the number of changes that gather while a disk is full, or hangs: then run hangs
// with it. Sorting takes long, and Put waits for none of it.
func (s *Store) beginCompacting() {
	batch := s.batch
	s.batch, s.changes, s.aside = beginBatch(nil), 0, s.changes
	s.compacting = true
	go s.compact(batch)
}

func (s *Store) compact(batch []byte) {
	batch, changes := compacted(batch)
	batch = slices.Grow(batch, s.limits.pending/4) // for what came meanwhile
	s.mu.Lock()
	defer s.mu.Unlock()
	s.batch = append(batch, s.batch[checksumSize:]...)
	s.changes, s.aside = changes+s.changes, 0
	s.compactAt = max(s.limits.pending, 2*len(s.batch))
	s.compacting = false
	s.compacted.Broadcast()
}

// lock is for the batch to be taken away or put back, which must not change the order of what is being compacted and what came
// since.
func (s *Store) lock() {
	s.mu.Lock()
	for s.compacting {
		s.compacted.Wait()
	}
}

// recycle keeps the buffer of a batch for the batch after the next, unless a burst made it large.
func (s *Store) recycle(batch []byte) {
	if cap(batch) > 1<<20 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.spare = batch
}

// journalKey is the form of a generation, and of a sequence number in it.
func journalKey(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }
