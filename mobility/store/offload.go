package store

import (
	"encoding/binary"
	"errors"
	"net/netip"

	"netlmm/mobility"
)

// What a MAG was told of offloading (RFC 6909) stands behind the other fields of a record, and only where it asked: an octet of flags,
// the number of selectors, and each of these as an octet that says which ranges it has, and their ends.

// Flags.
const (
	offloadOthers    = 1 << 0 // the mode of the policy
	offloadSuspended = 1 << 1 // it did not ask the last time
)

var errOffload = errors.New("what it says of offloading is unknown")

// offloadNumbers are the ranges of numbers of a selector in their order in the file, whose bits follow those of its two addresses.
func offloadNumbers(s *mobility.TrafficSelector) [5]*mobility.NumberRange {
	return [...]*mobility.NumberRange{&s.SPI, &s.SourcePort, &s.DestinationPort, &s.DS, &s.Protocol}
}

func appendOffload(b []byte, p mobility.OffloadPolicy, suspended bool) []byte {
	flags := byte(p.Mode) & offloadOthers
	if suspended {
		flags |= offloadSuspended
	}
	b = append(b, flags, byte(p.Selectors.Len()))
	if p.IsZero() {
		return b
	}
	for _, s := range p.Selectors.List() {
		b = appendSelector(b, &s)
	}
	return b
}

func appendSelector(b []byte, s *mobility.TrafficSelector) []byte {
	at := len(b)
	b = append(b, 0)
	for i, r := range [...]mobility.AddressRange{s.Source, s.Destination} {
		if !r.IsZero() {
			first, last := r.First.As4(), r.Last.As4()
			b[at] |= 1 << i
			b = append(append(b, first[:]...), last[:]...)
		}
	}
	for i, r := range offloadNumbers(s) {
		if !r.IsZero() {
			b[at] |= 4 << i
			b = binary.AppendUvarint(binary.AppendUvarint(b, uint64(r.First)), uint64(r.Last))
		}
	}
	return b
}

// offload reads what appendOffload wrote.
func (r *reader) offload() (p mobility.OffloadPolicy, suspended bool) {
	flags, n := r.fixed(1)[0], int(r.fixed(1)[0])
	if flags&^(offloadOthers|offloadSuspended) != 0 || n > mobility.MaximumTrafficSelectors {
		r.note(errOffload)
	}
	var selectors []mobility.TrafficSelector
	for ; n > 0 && r.err == nil; n-- {
		selectors = append(selectors, r.selector())
	}
	if r.err == nil && len(selectors) > 0 {
		var err error
		p, err = mobility.NewOffloadPolicy(mobility.OffloadMode(flags&offloadOthers), selectors...)
		r.note(err)
	}
	return p, flags&offloadSuspended != 0
}

func (r *reader) selector() (s mobility.TrafficSelector) {
	ranges := r.fixed(1)[0]
	if ranges > 0x7f {
		r.note(errOffload)
	}
	for i, a := range [...]*mobility.AddressRange{&s.Source, &s.Destination} {
		if ranges&(1<<i) != 0 {
			first, last := [4]byte(r.fixed(4)), [4]byte(r.fixed(4))
			*a = mobility.AddressRange{First: netip.AddrFrom4(first), Last: netip.AddrFrom4(last)}
		}
	}
	for i, n := range offloadNumbers(&s) {
		if ranges&(4<<i) != 0 {
			*n = mobility.Numbers(r.uint32(), r.uint32())
		}
	}
	return s
}

func (r *reader) uint32() uint32 {
	n := r.number()
	if n > 1<<32-1 {
		r.note(errOffload)
	}
	return uint32(n)
}
