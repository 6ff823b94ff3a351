package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"net/netip"
	"time"

	bolt "go.etcd.io/bbolt"
)

// Restart counters (RFC 5847 section 3.2). The own one is written at once, for it must not be lost; those of the peers are
// written behind, for they may be.

var errCounter = errors.New("counter is damaged")

// NextRestartCounter is one more than the counter of every run before, and in the file when it returns: for a run that
// begins without the sessions of the run before. In a file without a counter it begins with the seconds since 1970, so that a
// lost file does not make a number come back. It wraps around.
func (s *Store) NextRestartCounter() (uint32, error) {
	counter, err := s.restartCounter(func(last uint32) uint32 { return last + 1 })
	if err == nil {
		s.mu.Lock()
		s.told = true
		s.mu.Unlock()
	}
	return counter, err
}

// RestartCounter is the counter as it is: for a run that has all sessions of the run before (the counter must not grow then). In
// a file without one it is as NextRestartCounter has it.
func (s *Store) RestartCounter() (uint32, error) {
	return s.restartCounter(func(last uint32) uint32 { return last })
}

func (s *Store) restartCounter(next func(uint32) uint32) (counter uint32, err error) {
	err = s.update(func(tx *bolt.Tx) error {
		meta := tx.Bucket(metaBucket)
		value := meta.Get(counterKey)
		if value == nil {
			counter = uint32(time.Now().Unix())
			return meta.Put(counterKey, counterValue(counterKey, counter))
		}
		last, err := parseCounter(counterKey, value)
		if err != nil {
			return err
		}
		if counter = next(last); counter == last {
			return nil
		}
		return meta.Put(counterKey, counterValue(counterKey, counter))
	})
	if err != nil {
		return 0, fmt.Errorf("restart counter in %s: %w (is the disk full or read-only?)", s.path, err)
	}
	return counter, nil
}

// ClosedCleanly says that the run before ended with Close, and so that the file has all its changes, or those that are missing were
// told of (NextRestartCounter). Without it the last ones, of MaxFlushDelay on a disk that works, may be missing. A file that Open made is not clean: there was no run before, or its
// file is lost with all that it had.
func (s *Store) ClosedCleanly() bool { return s.clean }

// PutPeer notes the restart counter of a peer. It never waits. Only configured peers belong here: their number is bounded by
// nothing else.
func (s *Store) PutPeer(peer netip.Addr, counter uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || !peer.IsValid() {
		s.status.Rejected++
		return
	}
	peer = peer.WithZone("")
	if old, ok := s.known[peer]; ok && old == counter {
		return
	}
	s.known[peer] = counter
	if s.newPeers == nil {
		s.newPeers = map[netip.Addr]uint32{}
	}
	s.newPeers[peer] = counter
	s.signal()
}

// Peers are the restart counters of the peers, those of earlier runs too.
func (s *Store) Peers() map[netip.Addr]uint32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.known)
}

// counterValue is a counter in the file: a checksum that has the key in it, and 32 bits.
func counterValue(key []byte, counter uint32) []byte {
	b := binary.BigEndian.AppendUint32(make([]byte, checksumSize, 2*checksumSize), counter)
	binary.BigEndian.PutUint32(b, counterChecksum(key, b[checksumSize:]))
	return b
}

func parseCounter(key, value []byte) (uint32, error) {
	if len(value) != 2*checksumSize || binary.BigEndian.Uint32(value) != counterChecksum(key, value[checksumSize:]) {
		return 0, errCounter
	}
	return binary.BigEndian.Uint32(value[checksumSize:]), nil
}

func counterChecksum(key, counter []byte) uint32 {
	return crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, counter)
}
