package mh

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"netlmm/mobility"
)

// selectorFields are the ranges of an IPv4 binary traffic selector (RFC 6088 section 3.1) in order of the wire. Each has two flags, for
// its Start and its End, from the most significant bit on. Bits that count in no comparison are cleared on the way in and out, so that
// selectors that mean the same are the same.
var selectorFields = [...]struct {
	name    string
	size    int    // of either end, in octets
	ignored uint32 // bits
}{
	{name: "Source Address", size: 4}, {name: "Destination Address", size: 4}, {name: "IPsec SPI", size: 4},
	{name: "Source Port", size: 2}, {name: "Destination Port", size: 2}, {name: "DS", size: 1, ignored: 3}, {name: "Protocol", size: 1},
}

// A selector is 32 bits of flags and the fields that they announce.
const (
	addressFields = 2 // the first ones
	selectorFlags = 4
	selectorMost  = selectorFlags + 3*8 + 2*4 + 2*2
	flagStart     = uint32(1 << 31) // of the first field
	flagEnd       = uint32(1 << 30)
)

// selectorNumbers are the ranges of a selector as numbers, in the order of selectorFields.
type selectorNumbers [len(selectorFields)]mobility.NumberRange

func numbersOf(s *mobility.TrafficSelector) selectorNumbers {
	return selectorNumbers{addressNumbers(s.Source), addressNumbers(s.Destination), s.SPI, s.SourcePort, s.DestinationPort, s.DS, s.Protocol}
}

func (n *selectorNumbers) selector() mobility.TrafficSelector {
	return mobility.TrafficSelector{
		Source: numberAddresses(n[0]), Destination: numberAddresses(n[1]), SPI: n[2], SourcePort: n[3], DestinationPort: n[4], DS: n[5], Protocol: n[6],
	}
}

// wide says whether the selector has a field of four octets.
func (n *selectorNumbers) wide() bool { return n[0].Set || n[1].Set || n[2].Set }

func addressNumbers(r mobility.AddressRange) mobility.NumberRange {
	if r.IsZero() {
		return mobility.NumberRange{}
	}
	first, last := r.First.As4(), r.Last.As4()
	return mobility.Numbers(binary.BigEndian.Uint32(first[:]), binary.BigEndian.Uint32(last[:]))
}

func numberAddresses(r mobility.NumberRange) mobility.AddressRange {
	if !r.Set {
		return mobility.AddressRange{}
	}
	var first, last [4]byte
	binary.BigEndian.PutUint32(first[:], r.First)
	binary.BigEndian.PutUint32(last[:], r.Last)
	return mobility.AddressRange{First: netip.AddrFrom4(first), Last: netip.AddrFrom4(last)}
}

// decodeTrafficSelector reads the selector that is data and begins at the given offset.
func decodeTrafficSelector(data string, at int) (mobility.TrafficSelector, *DecodeError) {
	r := selectorReader{rest: data, at: at}
	flags := r.number(selectorFlags, "field of", "flags")
	var numbers selectorNumbers
	for i, field := range selectorFields {
		start, end := flags&(flagStart>>(2*i)) != 0, flags&(flagEnd>>(2*i)) != 0
		if end && !start {
			r.fail("an End %s without its Start", field.name)
		}
		if !start {
			continue
		}
		first := r.number(field.size, "Start", field.name) &^ field.ignored
		last := first
		if end {
			last = r.number(field.size, "End", field.name) &^ field.ignored
		}
		if last < first {
			r.fail("an End %s below its Start", field.name)
		}
		numbers[i] = mobility.Numbers(first, last)
	}
	if r.rest != "" {
		r.fail("%d octets behind its last field", len(r.rest))
	}
	if r.err != nil {
		return mobility.TrafficSelector{}, r.err
	}
	return numbers.selector(), nil
}

// selectorReader reads numbers and keeps the first error.
type selectorReader struct {
	rest string
	at   int // of rest
	err  *DecodeError
}

func (r *selectorReader) number(size int, what, name string) (n uint32) {
	if len(r.rest) < size {
		r.fail("%d octets left for its %s %s", len(r.rest), what, name)
		r.rest = ""
		return 0
	}
	for _, octet := range []byte(r.rest[:size]) {
		n = n<<8 | uint32(octet)
	}
	r.rest, r.at = r.rest[size:], r.at+size
	return n
}

func (r *selectorReader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = offloadError(r.at, "has a traffic selector with "+format, args...)
	}
}

// trafficSelector appends a selector. An End that is its Start is not written.
func (e *encoder) trafficSelector(numbers *selectorNumbers) {
	flags, at := uint32(0), len(e.buf)
	e.buf = append(e.buf, make([]byte, selectorFlags)...)
	for i, field := range selectorFields {
		r := numbers[i]
		if !r.Set {
			continue
		}
		if most := uint32(1<<(8*field.size) - 1); r.Last < r.First || r.Last > most {
			e.fail(OptionIPv4TrafficOffloadSelector, fmt.Sprintf("has %s %v: want a range within 0-%d", field.name, r, most))
		}
		first, last := r.First&^field.ignored, r.Last&^field.ignored
		flags |= flagStart >> (2 * i)
		e.number(first, field.size)
		if last != first {
			flags |= flagEnd >> (2 * i)
			e.number(last, field.size)
		}
	}
	binary.BigEndian.PutUint32(e.buf[at:], flags)
}

// number appends the lower octets of n, size of them.
func (e *encoder) number(n uint32, size int) {
	for shift := 8 * (size - 1); shift >= 0; shift -= 8 {
		e.buf = append(e.buf, byte(n>>shift))
	}
}
