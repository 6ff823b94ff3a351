package kernel

import (
	"net/netip"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// The messages about the routes of one tunnel differ in the addresses of the prefix, and in nothing else. Each such
// shape is encoded once; a message of that shape is a copy with the addresses filled in.

// shape is a route with the addresses of its prefixes, and of a next hop that follows from them, absent, and what is to become of it.
type shape struct {
	route  route
	index  uint32 // of its interface: another after an interface was made anew
	remove bool
}

// maximumTemplates bounds the memory; beyond it all are made again.
const maximumTemplates = 8192

// Where things stand in a message.
const (
	flagsAt      = 6
	sequenceAt   = 8
	attributesAt = unix.SizeofNlMsghdr + unix.SizeofRtMsg
)

// append appends the message for r.
func (c *conn) append(datagram []byte, r request) ([]byte, error) {
	if r.rule != nil {
		msg := encodeRule(*r.rule, r.remove)
		msg.Flags &^= unix.NLM_F_ACK
		return append(datagram, msg.Serialize()...), nil
	}
	if r.hop != nil {
		msg, err := c.encodeHop(*r.hop, r.remove)
		if err != nil {
			return datagram, err
		}
		return append(datagram, msg.Serialize()...), nil
	}
	if r.neighbour != nil {
		msg, err := c.encodeNeighbour(*r.neighbour, r.remove)
		if err != nil {
			return datagram, err
		}
		return append(datagram, msg.Serialize()...), nil
	}
	s := shape{route: *r.route, remove: r.remove}
	pinned := !r.remove && pinnedTo(r.route.dst, r.route.via) != ""
	if pinned {
		s.route.via = netip.IPv6Unspecified()
	}
	s.route.dst, s.route.src = blank(s.route.dst), blank(s.route.src)
	if r.remove { // table, prefixes, metric and protocol name it; its device may be gone already
		s.route = route{table: s.route.table, dst: s.route.dst, src: s.route.src, metric: s.route.metric, kind: s.route.kind}
	} else if s.route.dev != "" {
		var err error
		if s.index, err = c.indexOnce(s.route.dev); err != nil {
			return datagram, err
		}
	}
	template, ok := c.templates[s]
	if !ok {
		msg, err := c.encodeRoute(s.route, s.index, s.remove)
		if err != nil {
			return datagram, err
		}
		msg.Flags &^= unix.NLM_F_ACK
		template = msg.Serialize()
		if len(c.templates) >= maximumTemplates {
			clear(c.templates)
		}
		c.templates[s] = template
	}
	start := len(datagram)
	datagram = append(datagram, template...)
	attributes := fill(datagram[start+attributesAt:], r.route.dst)
	attributes = fill(attributes, r.route.src)
	if pinned { // behind table and metric
		copy(attributes[2*(unix.SizeofRtAttr+4)+unix.SizeofRtAttr:], r.route.via.AsSlice())
	}
	return datagram, nil
}

// blank is p with no address.
func blank(p netip.Prefix) netip.Prefix {
	switch {
	case !p.IsValid():
		return p
	case p.Addr().Is4():
		return netip.PrefixFrom(netip.IPv4Unspecified(), p.Bits())
	default:
		return netip.PrefixFrom(netip.IPv6Unspecified(), p.Bits())
	}
}

// fill writes the address of p into the attribute at the beginning, where encodeRoute puts it, and returns what follows.
func fill(attributes []byte, p netip.Prefix) []byte {
	if !p.IsValid() || p.Bits() == 0 {
		return attributes
	}
	n := copy(attributes[unix.SizeofRtAttr:], p.Addr().AsSlice())
	return attributes[unix.SizeofRtAttr+n:]
}

// number gives a message its sequence number.
func number(message []byte, n uint32) { nl.NativeEndian().PutUint32(message[sequenceAt:], n) }

// acknowledge asks the kernel to answer a message also when it succeeds.
func acknowledge(message []byte) {
	nl.NativeEndian().PutUint16(message[flagsAt:], nl.NativeEndian().Uint16(message[flagsAt:])|unix.NLM_F_ACK)
}
