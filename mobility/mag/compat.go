package mag

import (
	"net/netip"

	"netlmm/mobility"
	"netlmm/mobility/mh"
)

// What the profiles of wire/pmipv6.md section 6 change at a MAG. A strict peer gets none of it.

// timestamps reports whether PBUs to an LMA carry a Timestamp option. OPMIP knows none.
func (m *MAG) timestamps(lma netip.Addr) bool {
	return m.config.TimestampBasedApproachInUse && m.compat(lma) != mobility.CompatOPMIP
}

// linkLayerIDFor is what the Link-layer Identifier option says to an LMA. OAI takes the mobile node's identity from it, and
// wants it as a modified EUI-64.
func linkLayerIDFor(compat mobility.Compat, id mobility.MobileNodeLinkLayerID) mobility.MobileNodeLinkLayerID {
	mac, ok := id.MAC()
	if compat != mobility.CompatOAI || !ok {
		return id
	}
	return mobility.MobileNodeLinkLayerID([]byte{mac[0] ^ 2, mac[1], mac[2], 0xff, 0xfe, mac[3], mac[4], mac[5]})
}

// prefixesFrom are the home network prefixes of an acceptance. OAI says 128 bits and means 64.
func prefixesFrom(compat mobility.Compat, o *mh.Options) []netip.Prefix {
	if !o.Present.Has(mh.OptionHomeNetworkPrefix) {
		return nil
	}
	prefixes := clone(o.HomeNetworkPrefixes)
	for i, p := range prefixes {
		if wide := netip.PrefixFrom(p.Addr(), 64); compat == mobility.CompatOAI && p.Bits() == 128 && wide.Masked() == wide {
			prefixes[i] = wide
		}
	}
	return prefixes
}

// needsStaticPrefix: OPMIP's LMA assigns nothing. It sends back what it was asked for, the all-zero prefix too.
func (m *MAG) needsStaticPrefix(ev LinkAttached) bool {
	s := m.sessions[sessionKey{ev.MobileNodeID, ev.MobileNodeLinkLayerID}]
	known := len(ev.HomeNetworkPrefixes) > 0 || s != nil && s.lma() == ev.LMAAddress && len(s.known) > 0
	return m.compat(ev.LMAAddress) == mobility.CompatOPMIP && !ev.IPv6Prohibited && !known
}

// repaired is the message as its sender meant it: OAI rounds Header Len down.
func repaired(compat mobility.Compat, payload []byte) []byte {
	if compat == mobility.CompatOAI {
		return mh.RepairHeaderLen(payload)
	}
	return payload
}
