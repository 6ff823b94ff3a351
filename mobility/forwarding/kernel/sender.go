package kernel

import (
	"fmt"
	"net"
	"net/netip"
	"slices"

	"netlmm/mobility"
	"netlmm/mobility/forwarding"
)

// A home network prefix and an IPv4 home address belong to one mobile node, and so do the packets that have them as source.
// Routes and rules judge sources by the link; which station of the link sent a packet only the packet filter can tell. It
// lets pass what comes from a known sender, and nothing else but what the link's own protocols need (senderrules.go).

// sender is one station that may send from one prefix, or from one IPv4 address.
type sender struct {
	mac    [6]byte
	source netip.Addr // the first of the prefix, of keyLengths
}

func (s sender) String() string {
	return fmt.Sprintf("nft add element inet %s %s { %s . %s }", senderTable, s.set(), net.HardwareAddr(s.mac[:]), s.source)
}

// set is the name of the set that it is in.
func (s sender) set() string {
	if s.source.Is4() {
		return senderSetIPv4
	}
	return senderSetIPv6
}

// keyLengths are the lengths by which the filter looks IPv6 sources up: a hash has no longest match. A longer prefix is known
// by the first of these that has it in it; that the source is in the prefix itself is for the routes to see (admission).
var keyLengths = [...]int{64, 60, 56, 52, 48, 32, 0}

// senderOf is the sender that e makes known, which is a station.
func senderOf(e *forwarding.Entry) sender {
	mac, _ := e.Station()
	source := e.Prefix.Masked()
	if source.Addr().Is4() {
		return sender{mac, source.Addr()}
	}
	for _, bits := range keyLengths {
		if bits <= source.Bits() {
			source, _ = source.Addr().Prefix(bits) // never fails: the length is one of IPv6
			break
		}
	}
	return sender{mac, source.Addr()}
}

// known appends what makes the mobile node of e known on its link.
func known(objects []object, e *forwarding.Entry) []object {
	if _, ok := e.Station(); ok {
		objects = append(objects, object{sender: senderOf(e)})
	}
	return pinned(objects, e)
}

// ensureSenders makes, or mends, the filter.
func (k *Kernel) ensureSenders() error {
	if k.layout.Role == forwarding.Anchor {
		return nil
	}
	return k.system.ensureFilter(judgement{k.layout.AccessInterfaces, k.layout.ipv4()}, slices.Collect(k.heldSenders))
}

// ourSenders is none at an anchor, which has no mobile nodes around.
func (k *Kernel) ourSenders() ([]sender, error) {
	if k.layout.Role == forwarding.Anchor {
		return nil, nil
	}
	return k.system.senders()
}

// heldSenders calls yield for those of all that is held, some of them perhaps more than once.
func (k *Kernel) heldSenders(yield func(sender) bool) {
	if k.layout.Role == forwarding.Anchor {
		return
	}
	for e := range k.held.complete.All {
		if _, ok := e.Station(); ok && !yield(senderOf(&e)) {
			return
		}
	}
	for _, objects := range k.held.odd {
		for i := range objects {
			if objects[i].isSender() && !yield(objects[i].sender) {
				return
			}
		}
	}
}

// stations returns whose entry e may be. The route of an IPv6 prefix says it, and who may send from an IPv4 address.
func (s *surroundings) stations() func(e *forwarding.Entry) []mobility.MobileNodeLinkLayerID {
	ipv4 := map[netip.Addr][]mobility.MobileNodeLinkLayerID{}
	for known := range s.senders {
		if known.source.Is4() {
			ipv4[known.source] = append(ipv4[known.source], mobility.LinkLayerID(known.mac))
		}
	}
	return func(e *forwarding.Entry) []mobility.MobileNodeLinkLayerID {
		if macs := ipv4[e.Prefix.Addr()]; len(macs) > 0 {
			return macs
		}
		return []mobility.MobileNodeLinkLayerID{e.MobileNodeLinkLayerID}
	}
}
