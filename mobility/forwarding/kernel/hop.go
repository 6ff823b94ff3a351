package kernel

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// hop is a next hop that routes share: it encapsulates for segment. A route that names one costs the kernel a third of one that
// has an encapsulation of its own.
type hop struct {
	id      uint32
	segment netip.Addr
	dev     string
}

func (h hop) String() string {
	return fmt.Sprintf("ip -6 nexthop replace id %d encap seg6 mode encap.red segs %s dev %s", h.id, h.segment, h.dev)
}

// firstHop begins the range of our identifiers; that of a peer's table follows. Routing daemons count from 1.
const firstHop = 213 << 20

func (l *layout) hopID(p peer) uint32 { return firstHop + uint32(l.inTable(p)) }

// Of include/uapi/linux/rtnetlink.h: the library does not know it.
const attributeHop = 30 // RTA_NH_ID

// hopHeader is struct nhmsg: family, scope, protocol, and flags that are not used here.
type hopHeader [unix.SizeofNhmsg]byte

// Len implements nl.NetlinkRequestData.
func (h hopHeader) Len() int { return len(h) }

// Serialize implements nl.NetlinkRequestData.
func (h hopHeader) Serialize() []byte { return h[:] }

func (c *conn) encodeHop(h hop, remove bool) (*nl.NetlinkRequest, error) {
	if remove {
		req := nl.NewNetlinkRequest(unix.RTM_DELNEXTHOP, 0)
		req.AddData(hopHeader{})
		req.AddData(nl.NewRtAttr(unix.NHA_ID, nl.Uint32Attr(h.id)))
		return req, nil
	}
	index, err := c.indexOnce(h.dev)
	if err != nil {
		return nil, err
	}
	encap, err := nestedSEG6(unix.NHA_ENCAP, h.segment)
	if err != nil {
		return nil, err
	}
	req := nl.NewNetlinkRequest(unix.RTM_NEWNEXTHOP, unix.NLM_F_CREATE|unix.NLM_F_REPLACE)
	req.AddData(hopHeader{familyV6, 0, c.protocol})
	req.AddData(nl.NewRtAttr(unix.NHA_ID, nl.Uint32Attr(h.id)))
	req.AddData(nl.NewRtAttr(unix.NHA_OIF, nl.Uint32Attr(index)))
	req.AddData(nl.NewRtAttr(unix.NHA_ENCAP_TYPE, nl.Uint16Attr(nl.LWTUNNEL_ENCAP_SEG6)))
	req.AddData(encap)
	return req, nil
}

// hops lists the next hops of our protocol. A kernel without any has none of ours.
func (c *conn) hops() ([]hop, error) {
	msgs, err := c.dump(unix.RTM_GETNEXTHOP, hopHeader{}, unix.RTM_NEWNEXTHOP)
	if errors.Is(err, unix.EOPNOTSUPP) {
		return nil, nil
	}
	var hops []hop
	for i := 0; i < len(msgs) && err == nil; i++ {
		var h hop
		var ours bool
		if h, ours, err = c.decodeHop(msgs[i]); ours {
			hops = append(hops, h)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("list next hops: %w", err)
	}
	return hops, nil
}

// decodeHop reads one next hop; ok is false when it is not ours. What is none of what this package makes has no segment.
func (c *conn) decodeHop(b []byte) (h hop, ok bool, err error) {
	if len(b) < unix.SizeofNhmsg || b[2] != c.protocol {
		return hop{}, false, nil
	}
	attrs, err := nl.ParseRouteAttr(b[unix.SizeofNhmsg:])
	if err != nil {
		return hop{}, false, err
	}
	var r route // whose encapsulation looks the same
	var encapType uint16
	var encap []byte
	for _, a := range attrs {
		switch a.Attr.Type &^ unix.NLA_F_NESTED {
		case unix.NHA_ID:
			h.id = nl.NativeEndian().Uint32(a.Value)
		case unix.NHA_OIF:
			h.dev = c.ifname(nl.NativeEndian().Uint32(a.Value))
		case unix.NHA_ENCAP_TYPE:
			encapType = nl.NativeEndian().Uint16(a.Value)
		case unix.NHA_ENCAP:
			encap = a.Value
		}
	}
	err = decodeEncap(&r, encapType, encap)
	h.segment = r.segment
	return h, true, err
}

// missing is those of want that do not stand as wanted. The others are left alone: to replace one makes the kernel tell
// everybody about each of its routes.
func (k *Kernel) missing(want []hop) ([]hop, error) {
	if len(want) == 0 {
		return nil, nil
	}
	have, err := k.system.hops()
	return slices.DeleteFunc(want, func(h hop) bool { return slices.Contains(have, h) }), err
}
