package nd

import (
	"encoding/binary"
	"net/netip"

	"github.com/mdlayher/ndp"
	"golang.org/x/sys/unix"
)

// solicitation is a frame to one station with a Neighbor Solicitation for one of its addresses, which it must answer at once (RFC 4861
// section 7.2.4).
func solicitation(from, station [6]byte, source, target netip.Addr) ([]byte, error) {
	message := &ndp.NeighborSolicitation{TargetAddress: target, Options: []ndp.Option{&ndp.LinkLayerAddress{Direction: ndp.Source, Addr: from[:]}}}
	body, err := ndp.MarshalMessageChecksum(message, source, target)
	if err != nil {
		return nil, err
	}
	frame := ethernet(from, station, etherTypeIPv6)
	frame = append(frame, 6<<4, 0, 0, 0)
	frame = binary.BigEndian.AppendUint16(frame, uint16(len(body)))
	frame = append(frame, unix.IPPROTO_ICMPV6, ndp.HopLimit)
	frame = append(append(frame, source.AsSlice()...), target.AsSlice()...)
	return append(frame, body...), nil
}

// request is a frame to one station with an ARP request for its address. Without an address of our own it is a probe (RFC 5227), which
// is answered too.
func request(from, station [6]byte, source, target netip.Addr) []byte {
	sender := [4]byte{}
	if source.IsValid() {
		sender = source.As4()
	}
	frame := ethernet(from, station, etherTypeARP)
	frame = append(frame, 0, unix.ARPHRD_ETHER, etherTypeIPv4>>8, 0, 6, 4, 0, 1)
	frame = append(append(frame, from[:]...), sender[:]...)
	frame = append(frame, make([]byte, 6)...)
	return append(frame, target.AsSlice()...)
}

func ethernet(from, to [6]byte, etherType uint16) []byte {
	frame := make([]byte, 0, 128)
	frame = append(append(frame, to[:]...), from[:]...)
	return binary.BigEndian.AppendUint16(frame, etherType)
}

// derived is the link-local address that a station has by the rule of RFC 4291 appendix A, for want of one that it has shown.
func derived(m [6]byte) netip.Addr {
	return netip.AddrFrom16([16]byte{0xfe, 0x80, 8: m[0] ^ 2, m[1], m[2], 0xff, 0xfe, m[3], m[4], m[5]})
}
