package store

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"net/netip"
	"slices"

	"netlmm/mobility"
)

// A batch is what one flush writes: a checksum, and records in the order of the changes. A record is a key with its length in
// one octet, and a value with its length in four. A value of no octets says that the binding is gone.

const valueLengthSize = 4

// change is one record of a batch.
type change struct {
	key, value []byte
	place      int // in the order of the changes
}

// beginBatch makes room for the checksum.
func beginBatch(b []byte) []byte { return append(b[:0], make([]byte, checksumSize)...) }

// finishBatch writes the checksum.
func finishBatch(b []byte) {
	binary.BigEndian.PutUint32(b, crc32.Checksum(b[checksumSize:], castagnoli))
}

// appendPut appends the record of a binding, or says that it has no key. A session known by a home network prefix may have been
// known by its IPv4 home address before, when it had no other: that binding goes.
func appendPut(b []byte, entry *mobility.BindingCacheEntry) ([]byte, bool) {
	key, ok := keyOf(entry)
	if !ok {
		return b, false
	}
	if former, ok := ipv4KeyOf(entry); ok && former != key {
		b = appendGone(b, former)
	}
	b = append(appendBinary(b, key), make([]byte, valueLengthSize)...)
	start := len(b)
	b = appendValue(b, entry)
	binary.BigEndian.PutUint32(b[start-valueLengthSize:], uint32(len(b)-start))
	return b, true
}

// appendDelete appends what takes a binding away, under whichever key it stands.
func appendDelete(b []byte, entry *mobility.BindingCacheEntry) ([]byte, bool) {
	key, ok := keyOf(entry)
	if !ok {
		return b, false
	}
	if other, ok := ipv4KeyOf(entry); ok && other != key {
		b = appendGone(b, other)
	}
	return appendGone(b, key), true
}

func appendGone(b []byte, key netip.Prefix) []byte {
	return append(appendBinary(b, key), make([]byte, valueLengthSize)...)
}

var (
	errBatchChecksum = errors.New("checksum does not match")
	errBatchTorn     = errors.New("a record is cut short")
)

// changesOf takes a whole batch apart, after its checksum.
func changesOf(batch []byte, changes []change) ([]change, error) {
	if len(batch) < checksumSize || binary.BigEndian.Uint32(batch) != crc32.Checksum(batch[checksumSize:], castagnoli) {
		return changes, errBatchChecksum
	}
	return recordsOf(batch[checksumSize:], changes)
}

// recordsOf appends the records, which are slices of b.
func recordsOf(b []byte, changes []change) ([]change, error) {
	for len(b) > 0 {
		keyEnd := 1 + int(b[0])
		if len(b) < keyEnd+valueLengthSize {
			return changes, errBatchTorn
		}
		length, rest := binary.BigEndian.Uint32(b[keyEnd:]), b[keyEnd+valueLengthSize:]
		if uint64(length) > uint64(len(rest)) {
			return changes, errBatchTorn
		}
		changes = append(changes, change{b[1:keyEnd:keyEnd], rest[:length:length], len(changes)})
		b = rest[length:]
	}
	return changes, nil
}

// latest sorts changes by key and keeps the last of each.
func latest(changes []change) []change {
	slices.SortFunc(changes, func(a, b change) int {
		return cmp.Or(bytes.Compare(a.key, b.key), cmp.Compare(a.place, b.place))
	})
	kept := changes[:0]
	for i, c := range changes {
		if i+1 == len(changes) || !bytes.Equal(c.key, changes[i+1].key) {
			kept = append(kept, c)
		}
	}
	return kept
}

// compacted is the batch without what later records of it make void: while a disk is full, changes gather, and memory must
// not grow with their number but with that of the bindings.
func compacted(batch []byte) (result []byte, records int) {
	changes, err := recordsOf(batch[checksumSize:], nil)
	if err != nil {
		return batch, 0 // never: we wrote it
	}
	changes = latest(changes)
	result = beginBatch(nil)
	for _, c := range changes {
		result = append(append(result, byte(len(c.key))), c.key...)
		result = binary.BigEndian.AppendUint32(result, uint32(len(c.value)))
		result = append(result, c.value...)
	}
	return result, len(changes)
}
