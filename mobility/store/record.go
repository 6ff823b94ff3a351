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

// keyOf is the lowest home network prefix; of a session that has none its IPv4 home address; false for an entry without both.
func keyOf(entry *mobility.BindingCacheEntry) (netip.Prefix, bool) {
	if len(entry.HomeNetworkPrefixes) == 0 {
		return ipv4KeyOf(entry)
	}
	return slices.MinFunc(entry.HomeNetworkPrefixes, netip.Prefix.Compare), true
}

// ipv4KeyOf is the key of an entry that has nothing but its IPv4 home address: the address alone, since all addresses of a
// pool share the network.
func ipv4KeyOf(entry *mobility.BindingCacheEntry) (netip.Prefix, bool) {
	address := entry.IPv4HomeAddress.Addr()
	return netip.PrefixFrom(address, address.BitLen()), address.IsValid()
}

// appendKey is the form of a key in the file, which sorts as prefixes do.
func appendKey(b []byte, key netip.Prefix) []byte {
	b, _ = key.AppendBinary(b) // never fails
	return b
}

// appendValue appends one binding in its form in the file: a checksum, the fields of the entry in their order, and those that
// later formats added. It is a quarter of what JSON would be: at ten thousand registrations a second the octets to write are
// what costs.
func appendValue(b []byte, entry *mobility.BindingCacheEntry) []byte {
	start := len(b) + checksumSize
	b = appendFields(append(b, make([]byte, checksumSize)...), entry)
	b = appendBinary(b, entry.IPv4HomeAddress)
	b = appendBinary(b, entry.IPv4DefaultRouter)
	if entry.OffloadAnswered {
		b = appendOffload(b, entry.OffloadPolicy, entry.OffloadSuspended)
	}
	binary.BigEndian.PutUint32(b[start-checksumSize:], crc32.Checksum(b[start:], castagnoli))
	return b
}

// appendFields appends the fields that format 2 has.
func appendFields(b []byte, entry *mobility.BindingCacheEntry) []byte {
	b = append(b, byte(entry.MobileNodeID.Subtype))
	b = appendChunk(b, entry.MobileNodeID.Value)
	b = appendChunk(b, string(entry.MobileNodeLinkLayerID))
	b = append(b, byte(entry.AccessTechnologyType), byte(entry.HandoffIndicator))
	b = binary.AppendUvarint(b, uint64(len(entry.HomeNetworkPrefixes)))
	for _, prefix := range entry.HomeNetworkPrefixes {
		b = appendBinary(b, prefix)
	}
	for _, address := range [...]netip.Addr{entry.LinkLocalAddress, entry.ProxyCareOfAddress, entry.LMAAddress} {
		b = appendBinary(b, address)
	}
	b = binary.BigEndian.AppendUint16(b, entry.SequenceNumber)
	b = binary.BigEndian.AppendUint64(b, entry.Timestamp)
	b = appendChunk(b, entry.State)
	for _, t := range [...]time.Time{entry.Registered, entry.LastUpdate, entry.Expires} {
		b = appendTime(b, t)
	}
	return b
}

// appendBinary appends an address or a prefix, whose binary form is shorter than 128 octets, without making a slice for it.
func appendBinary[T interface{ AppendBinary([]byte) ([]byte, error) }](b []byte, value T) []byte {
	length := len(b)
	b, _ = value.AppendBinary(append(b, 0)) // never fails
	b[length] = byte(len(b) - length - 1)
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

// decode reads what appendValue wrote, or did when the format was another one.
func decode(key, value []byte, of format) (entry mobility.BindingCacheEntry, err error) {
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
	if of > format2 {
		r.note(entry.IPv4HomeAddress.UnmarshalBinary(r.chunk()))
		r.note(entry.IPv4DefaultRouter.UnmarshalBinary(r.chunk()))
	}
	if entry.OffloadAnswered = of > format3 && len(r.rest) > 0; entry.OffloadAnswered {
		entry.OffloadPolicy, entry.OffloadSuspended = r.offload()
	}
	if len(r.rest) > 0 {
		r.note(errShort)
	}
	if prefix, ok := keyOf(&entry); r.err == nil && (!ok || string(appendKey(nil, prefix)) != string(key)) {
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
