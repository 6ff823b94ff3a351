package lma

import (
	"net/netip"

	"netlmm/mobility"
	"netlmm/mobility/mh"
)

// compat is the profile of a peer.
func (l *LMA) compat(peer netip.Addr) mobility.Compat {
	if l.cfg.Compat == nil {
		return mobility.CompatStrict
	}
	return l.cfg.Compat(peer)
}

// readAsOAI reads a request of a peer of that kind: its identifier of a mobile node is two zero octets and a MAC address
// in the clothes of an NAI, its link-layer identifier the same address as an EUI-64, its prefixes have the length of an
// address, and its timestamp counts in a way of its own and orders nothing. All of it goes back as it came: the peer
// compares.
func (l *LMA) readAsOAI(r *request) {
	r.timestamp = 0
	if mac, ok := macOfEUI64(string(r.linkLayerID)); ok {
		r.linkLayerID = mobility.LinkLayerID(mac)
	}
	if v := r.id.Value; r.id.Subtype == mobility.SubtypeNAI && len(v) == 8 && v[0] == 0 && v[1] == 0 {
		mac, ok := r.linkLayerID.MAC()
		if !ok {
			mac = [6]byte([]byte(v[2:]))
		}
		r.id = mobility.EUI48(mac)
	}
	l.shortened = l.shortened[:0]
	for _, p := range r.prefixes {
		if p.Bits() == 128 && !mh.IsZeroPrefix(p) {
			p = netip.PrefixFrom(p.Addr(), l.cfg.PrefixLength).Masked()
		}
		l.shortened = append(l.shortened, p)
	}
	r.prefixes = l.shortened
}

// betweenMAGs says whether the request comes with a handoff of the same interface. The kind opmip knows one interface of a
// mobile node only, names its prefix, and says of each attachment that the handoff state is unknown.
func (r *request) betweenMAGs() bool {
	hi := r.options.HandoffIndicator
	return hi == mobility.HandoffBetweenMAGsSameInterface || r.compat == mobility.CompatOPMIP && hi == mobility.HandoffStateUnknown
}

// prefixesFor is what an answer to the request says of the prefixes of its session.
func (l *LMA) prefixesFor(r *request, prefixes []netip.Prefix) []netip.Prefix {
	if r.compat != mobility.CompatOAI {
		return prefixes
	}
	lengthened := make([]netip.Prefix, len(prefixes))
	for i, p := range prefixes {
		lengthened[i] = netip.PrefixFrom(p.Addr(), 128)
	}
	return lengthened
}

// macOfEUI64 is the MAC address that a modified EUI-64 was made of (RFC 4291 appendix A).
func macOfEUI64(id string) (mac [6]byte, ok bool) {
	if len(id) != 8 || id[3] != 0xff || id[4] != 0xfe {
		return mac, false
	}
	copy(mac[:3], id[:3])
	copy(mac[3:], id[5:])
	mac[0] ^= 0x02
	return mac, true
}
