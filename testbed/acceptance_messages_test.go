package testbed

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"netlmm/mobility"
	"netlmm/mobility/mh"
)

// with is the same domain in a subtest.
func (a *arrived) with(t *testing.T) *arrived {
	b := *a
	b.t = t
	return &b
}

// record records the Mobility Headers that a node receives until the end of the test.
func (a *arrived) record(node string) *Recorder {
	a.t.Helper()
	r, err := a.Record(node)
	if err != nil {
		a.t.Fatal(err)
	}
	a.t.Cleanup(r.Stop)
	return r
}

// registrations are the recorded updates of a MAG that registered a mobile node.
func registrations(r *Recorder, mag netip.Addr) (list []RecordedHeader) {
	for _, header := range r.Received(byte(mh.TypeBindingUpdate)) {
		var u mh.BindingUpdate
		if header.Source == mag && u.Decode(header.Payload) == nil && u.Lifetime > 0 {
			list = append(list, header)
		}
	}
	return list
}

// gateways is what an attacker must not change about the bindings; a MAG's own re-registration may extend one meanwhile.
func gateways(bindings []mobility.BindingCacheEntry) (list []string) {
	for _, b := range bindings {
		list = append(list, fmt.Sprint(b.MobileNodeID, b.MobileNodeLinkLayerID, b.HomeNetworkPrefixes, b.ProxyCareOfAddress, b.State))
	}
	return list
}

func count(r *Recorder, matches func([]byte) bool) (n int) {
	for _, t := range []mh.Type{mh.TypeBindingAcknowledgement, mh.TypeBindingError} {
		for _, header := range r.Received(byte(t)) {
			if matches(header.Payload) {
				n++
			}
		}
	}
	return n
}

func acknowledgedWith(status mobility.Status) func([]byte) bool {
	return func(payload []byte) bool {
		var ack mh.BindingAcknowledgement
		return ack.Decode(payload) == nil && ack.Status == status
	}
}

// bindingError2 says whether a message is a Binding Error for an unknown MH type (RFC 6275 section 6.1.9).
func bindingError2(payload []byte) bool {
	return len(payload) > 6 && payload[2] == byte(mh.TypeBindingError) && payload[6] == byte(mh.UnknownMHType)
}

// wrongLength makes the Access Technology Type option, which has two octets, one of one octet.
func wrongLength(payload []byte) []byte {
	broken := append([]byte{}, payload...)
	for at := 12; at+1 < len(broken); {
		switch mh.OptionType(broken[at]) {
		case mh.OptionPad1:
			at++
			continue
		case mh.OptionAccessTechnologyType:
			broken[at+1]--
			return broken
		}
		at += 2 + int(broken[at+1])
	}
	return broken
}

// acknowledgement is a Proxy Binding Acknowledgement out of nowhere.
func acknowledgement(t *testing.T, binding mobility.BindingCacheEntry) []byte {
	t.Helper()
	ack := mh.BindingAcknowledgement{Flags: mh.AcknowledgementProxy, Sequence: 1, Lifetime: 75, Options: mh.Options{MobileNodeID: binding.MobileNodeID}}
	ack.Options.Present.Add(mh.OptionMobileNodeID)
	payload, err := ack.AppendTo(nil)
	if err != nil {
		t.Fatal(err)
	}
	return payload
}

// garbage is a Mobility Header of random octets behind a Payload Proto that passes IPsec's selector.
func garbage(random *rand.Rand) []byte {
	payload := make([]byte, 8*(1+random.IntN(20)))
	for i := range payload {
		payload[i] = byte(random.Uint32())
	}
	payload[0] = 59
	if random.IntN(2) == 0 {
		payload[1], payload[2] = byte(len(payload)/8-1), byte(random.IntN(9))
	}
	return payload
}

// behind puts a Mobility Header behind one extension header of eight octets. The first octet of the result is the protocol
// of the extension header, the rest is the packet behind the IPv6 header.
func behind(extension byte, rest, payload []byte) []byte {
	payload = append([]byte{}, payload...)
	binary.BigEndian.PutUint16(payload[4:], mobilityChecksum(MAG2Address, LMAAddress, payload))
	return slices.Concat([]byte{extension, unix.IPPROTO_MH}, rest, payload)
}

// mobilityChecksum is RFC 6275 section 6.1.1's, over the pseudo-header with the Mobility Header's protocol.
func mobilityChecksum(source, destination netip.Addr, payload []byte) uint16 {
	from, to := source.As16(), destination.As16()
	var sum uint32
	for _, part := range [][]byte{from[:], to[:], binary.BigEndian.AppendUint32(nil, uint32(len(payload))), {0, unix.IPPROTO_MH}, payload} {
		for i := 0; i < len(part); i += 2 {
			sum += uint32(part[i])<<8 | uint32(part[i+1])
		}
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

// sendRaw sends an IPv6 packet with any protocol number from a node; the source address must be one of its own.
func (d *Domain) sendRaw(node string, protocol int, source, destination netip.Addr, payload []byte) error {
	return d.in(node, func() error {
		socket, err := unix.Socket(unix.AF_INET6, unix.SOCK_RAW|unix.SOCK_CLOEXEC, protocol)
		if err != nil {
			return err
		}
		defer unix.Close(socket)
		if err := unix.Bind(socket, &unix.SockaddrInet6{Addr: source.As16()}); err != nil {
			return err
		}
		return unix.Sendto(socket, payload, 0, &unix.SockaddrInet6{Addr: destination.As16()})
	})
}
