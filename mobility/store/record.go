package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"net/netip"
	"slices"
	"time"

	"netlmm/mobility"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checksumSize is that of the CRC-32C that every value begins with.
const checksumSize = 4

// usualValue is room for one with one prefix and a short identifier.
const usualValue = 192

// keyOf is the lowest home network prefix, or false for an entry that has none.
func keyOf(entry mobility.BindingCacheEntry) (netip.Prefix, bool) {
	if len(entry.HomeNetworkPrefixes) == 0 {
		return netip.Prefix{}, false
	}
	return slices.MinFunc(entry.HomeNetworkPrefixes, netip.Prefix.Compare), true
}

// appendKey is the form of a key in the file, which sorts as prefixes do.
func appendKey(b []byte, key netip.Prefix) []byte {
	b, _ = key.AppendBinary(b) // never fails
	return b
}

// appendValue appends one binding in its form in the file: a checksum, and the fields of the entry in their order. It is a
// quarter of what JSON would be: at ten thousand registrations a second the pages to write are what costs.
func appendValue(b []byte, entry mobility.BindingCacheEntry) []byte {
	b = append(b, make([]byte, checksumSize)...)
	start := len(b)
	b = append(b, byte(entry.MobileNodeID.Subtype))
	b = appendChunk(b, entry.MobileNodeID.Value)
	b = appendChunk(b, string(entry.MobileNodeLinkLayerID))
	b = append(b, byte(entry.AccessTechnologyType), byte(entry.HandoffIndicator))
	b = binary.AppendUvarint(b, uint64(len(entry.HomeNetworkPrefixes)))
	for _, prefix := range entry.HomeNetworkPrefixes {
		octets, _ := prefix.MarshalBinary() // never fails
		b = appendChunk(b, octets)
	}
	for _, address := range []netip.Addr{entry.LinkLocalAddress, entry.ProxyCareOfAddress, entry.LMAAddress} {
		octets, _ := address.MarshalBinary() // never fails
		b = appendChunk(b, octets)
	}
	b = binary.BigEndian.AppendUint16(b, entry.SequenceNumber)
	b = binary.BigEndian.AppendUint64(b, entry.Timestamp)
	b = appendChunk(b, entry.State)
	for _, t := range []time.Time{entry.Registered, entry.LastUpdate, entry.Expires} {
		b = appendTime(b, t)
	}
	binary.BigEndian.PutUint32(b[start-checksumSize:], crc32.Checksum(b[start:], castagnoli))
	return b
}

func appendChunk[T string | []byte](b []byte, chunk T) []byte {
	return append(binary.AppendUvarint(b, uint64(len(chunk))), chunk...)
}

// appendTime writes nanoseconds since 1970; zero stands for no time at all.
func appendTime(b []byte, t time.Time) []byte {
	if t.IsZero() {
		return binary.BigEndian.AppendUint64(b, 0)
	}
	return binary.BigEndian.AppendUint64(b, uint64(t.UnixNano()))
}

// errShort says that a value ends too early, or too late.
var errShort = errors.New("length does not match")

func decode(key, value []byte) (entry mobility.BindingCacheEntry, err error) {
	if len(value) < checksumSize || binary.BigEndian.Uint32(value) != crc32.Checksum(value[checksumSize:], castagnoli) {
		return entry, errors.New("checksum does not match")
	}
	r := reader{rest: value[checksumSize:]}
	entry.MobileNodeID.Subtype = mobility.MobileNodeIDSubtype(r.fixed(1)[0])
	entry.MobileNodeID.Value = string(r.chunk())
	entry.MobileNodeLinkLayerID = mobility.MobileNodeLinkLayerID(r.chunk())
	entry.AccessTechnologyType = mobility.AccessTechnologyType(r.fixed(1)[0])
	entry.HandoffIndicator = mobility.HandoffIndicator(r.fixed(1)[0])
	for range r.number() {
		var prefix netip.Prefix
		r.note(prefix.UnmarshalBinary(r.chunk()))
		if r.err != nil {
			return entry, r.err
		}
		entry.HomeNetworkPrefixes = append(entry.HomeNetworkPrefixes, prefix)
	}
	for _, address := range []*netip.Addr{&entry.LinkLocalAddress, &entry.ProxyCareOfAddress, &entry.LMAAddress} {
		r.note(address.UnmarshalBinary(r.chunk()))
	}
	entry.SequenceNumber = binary.BigEndian.Uint16(r.fixed(2))
	entry.Timestamp = binary.BigEndian.Uint64(r.fixed(8))
	entry.State = string(r.chunk())
	for _, t := range []*time.Time{&entry.Registered, &entry.LastUpdate, &entry.Expires} {
		if n := int64(binary.BigEndian.Uint64(r.fixed(8))); n != 0 {
			*t = time.Unix(0, n).UTC()
		}
	}
	if len(r.rest) > 0 {
		r.note(errShort)
	}
	if prefix, ok := keyOf(entry); r.err == nil && (!ok || string(appendKey(nil, prefix)) != string(key)) {
		return entry, fmt.Errorf("stands under the wrong prefix %x", key)
	}
	return entry, r.err
}

// reader takes a value apart and keeps the first error; what it returns after one is zero.
type reader struct {
	rest []byte
	err  error
}

func (r *reader) note(err error) {
	if r.err == nil {
		r.err = err
	}
}

func (r *reader) fixed(n int) []byte {
	if r.err != nil || len(r.rest) < n {
		r.note(errShort)
		return make([]byte, n)
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) number() uint64 {
	n, length := binary.Uvarint(r.rest)
	if r.err != nil || length <= 0 {
		r.note(errShort)
		return 0
	}
	r.rest = r.rest[length:]
	return n
}

func (r *reader) chunk() []byte {
	n := r.number()
	if n > uint64(len(r.rest)) {
		r.note(errShort)
		return nil
	}
	return r.fixed(int(n))
}
