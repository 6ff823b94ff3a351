package kernel

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"netlmm/mobility"
	"netlmm/mobility/forwarding"
)

// A home network prefix belongs to one mobile node (RFC 5213, the point-to-point link model), whose link-layer address is
// known. Its routes at the gateway lead by a next hop with a permanent neighbour entry, so that no address of the prefix is
// ever resolved: no other node of the link can claim one, and who tries all of them from afar makes no neighbour entries.
// Nor does Linux send redirects, for packets that leave by the link they came from (EnableMAGLocalRouting), to a source that
// it reaches by a next hop: mobile nodes do not learn of each other that they are on one link.

// neighbour is one permanent neighbour entry.
type neighbour struct {
	address netip.Addr
	dev     string
	mac     [6]byte
}

// key is what the kernel tells two neighbour entries apart by.
func (n *neighbour) key() neighbour { return neighbour{address: n.address, dev: n.dev} }

func (n neighbour) String() string {
	return fmt.Sprintf("ip neigh replace %s lladdr %s dev %s nud permanent", n.address, net.HardwareAddr(n.mac[:]), n.dev)
}

// pin is the next hop for a prefix: fe80 in front of 64 bits of the prefix, or for it, and the link-layer address. No host
// has such an address: RFC 4291 section 2.5.6 has 54 zero bits where the prefix is. With the prefix in it no two entries
// share one, and with the link-layer address the route says where it leads.
func pin(prefix netip.Prefix, mac [6]byte) netip.Addr {
	octets := prefix.Masked().Addr().As16()
	upper := octets[:8]
	if prefix.Bits() != 64 {
		h := fnv.New64a()
		_, _ = h.Write(append(octets[:], byte(prefix.Bits()))) // never fails
		upper = binary.BigEndian.AppendUint64(nil, h.Sum64())
	}
	a := [16]byte{0xfe, 0x80}
	copy(a[2:], upper)
	copy(a[10:], mac[:])
	return netip.AddrFrom16(a)
}

// pinnedTo is the inverse of pin: the mobile node to which a route by via leads for prefix, if it is such a route.
func pinnedTo(prefix netip.Prefix, via netip.Addr) mobility.MobileNodeLinkLayerID {
	if !via.Is6() || !prefix.Addr().Is6() {
		return ""
	}
	octets := via.As16()
	mac := [6]byte(octets[10:])
	if pin(prefix, mac) != via {
		return ""
	}
	return mobility.LinkLayerID(mac)
}

// pinned appends the neighbour entry of e, which its routes need.
func pinned(objects []object, e *forwarding.Entry) []object {
	if mac, ok := e.Pinned(); ok {
		return append(objects, object{neighbour: neighbour{address: pin(e.Prefix, mac), dev: e.Interface, mac: mac}})
	}
	return objects
}

// towards is r by the way to the mobile node of e.
func towards(e *forwarding.Entry, r route) route {
	r.dev = e.Interface
	if mac, ok := e.Pinned(); ok {
		r.via = pin(e.Prefix, mac)
	}
	return r
}

// Of include/uapi/linux/neighbour.h: struct ndmsg is family, 3 octets of padding, interface (4), state (2), flags, type.
const (
	sizeofNeighbour   = 12
	neighbourIndexAt  = 4
	neighbourStateAt  = 8
	attributeProtocol = 12 // NDA_PROTOCOL
)

// neighbourHeader is struct ndmsg.
type neighbourHeader [sizeofNeighbour]byte

// Len implements nl.NetlinkRequestData.
func (h neighbourHeader) Len() int { return len(h) }

// Serialize implements nl.NetlinkRequestData.
func (h neighbourHeader) Serialize() []byte { return h[:] }

// noInterface is an index that no interface has: what was to be removed there is gone, says the kernel.
const noInterface = 1<<31 - 1

func (c *conn) encodeNeighbour(n neighbour, remove bool) (*nl.NetlinkRequest, error) {
	index, err := c.indexOnce(n.dev)
	if err != nil {
		if !remove {
			return nil, err
		}
		index = noInterface
	}
	header := neighbourHeader{familyV6}
	nl.NativeEndian().PutUint32(header[neighbourIndexAt:], index)
	if remove {
		req := nl.NewNetlinkRequest(unix.RTM_DELNEIGH, 0)
		req.AddData(header)
		req.AddData(nl.NewRtAttr(unix.NDA_DST, n.address.AsSlice()))
		return req, nil
	}
	nl.NativeEndian().PutUint16(header[neighbourStateAt:], unix.NUD_PERMANENT)
	req := nl.NewNetlinkRequest(unix.RTM_NEWNEIGH, unix.NLM_F_CREATE|unix.NLM_F_REPLACE)
	req.AddData(header)
	req.AddData(nl.NewRtAttr(unix.NDA_DST, n.address.AsSlice()))
	req.AddData(nl.NewRtAttr(unix.NDA_LLADDR, n.mac[:]))
	req.AddData(nl.NewRtAttr(attributeProtocol, []byte{c.protocol}))
	return req, nil
}

// neighbours lists the neighbour entries of our protocol.
func (c *conn) neighbours() ([]neighbour, error) {
	msgs, err := c.dump(unix.RTM_GETNEIGH, neighbourHeader{familyV6}, unix.RTM_NEWNEIGH)
	var found []neighbour
	names := map[uint32]string{}
	for i := 0; i < len(msgs) && err == nil; i++ {
		var n neighbour
		var index uint32
		if n, index, err = c.decodeNeighbour(msgs[i]); index == 0 {
			continue
		}
		name, known := names[index]
		if !known {
			name = c.ifname(index)
			names[index] = name
		}
		n.dev = name
		found = append(found, n)
	}
	if err != nil {
		return nil, fmt.Errorf("list neighbours: %w", err)
	}
	return found, nil
}

// decodeNeighbour reads one neighbour entry; index is 0 when it is not ours. One that is not permanent any more has no link-layer address.
func (c *conn) decodeNeighbour(b []byte) (n neighbour, index uint32, err error) {
	if len(b) < sizeofNeighbour || b[0] != familyV6 {
		return n, 0, nil
	}
	attrs, err := nl.ParseRouteAttr(b[sizeofNeighbour:])
	if err != nil {
		return n, 0, err
	}
	permanent := nl.NativeEndian().Uint16(b[neighbourStateAt:])&unix.NUD_PERMANENT != 0
	for _, a := range attrs {
		switch {
		case a.Attr.Type == unix.NDA_DST:
			n.address, _ = netip.AddrFromSlice(a.Value)
		case a.Attr.Type == unix.NDA_LLADDR && len(a.Value) == 6 && permanent:
			n.mac = [6]byte(a.Value)
		case a.Attr.Type == attributeProtocol && len(a.Value) == 1 && a.Value[0] == c.protocol:
			index = nl.NativeEndian().Uint32(b[neighbourIndexAt:])
		}
	}
	return n, index, nil
}
