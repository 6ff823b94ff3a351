package load

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"time"

	"netlmm/mobility"
	"netlmm/mobility/mh"
)

// identity is how gateways of a kind name a mobile node, and its interface. One of kind oai takes both from the MAC address: two
// zero octets before it in the clothes of an NAI, and the modified EUI-64; one of kind opmip names no interface.
func identity(number int, realm string, compat Compat) (mobility.MobileNodeID, mobility.MobileNodeLinkLayerID) {
	mac := binary.BigEndian.AppendUint32([]byte{0x02, 0x4c}, uint32(number))
	switch compat {
	case OAI:
		eui64 := append([]byte{mac[0] ^ 0x02, mac[1], mac[2], 0xff, 0xfe}, mac[3:]...)
		return mobility.NAI("\x00\x00" + string(mac)), mobility.MobileNodeLinkLayerID(eui64)
	case OPMIP:
		return mobility.NAI(fmt.Sprintf("mn%07d@%s", number, realm)), ""
	}
	return mobility.NAI(fmt.Sprintf("mn%07d@%s", number, realm)), mobility.MobileNodeLinkLayerID(mac)
}

// deviate makes the next update of the node what a gateway of another kind would send (wire/pmipv6.md section 6).
func (n *node) deviate(update *mh.BindingUpdate, compat Compat, op Operation, now time.Time) {
	o := &update.Options
	switch compat {
	case OAI:
		update.Flags = mh.UpdateAcknowledge | mh.UpdateProxy
		n.indicator = mobility.HandoffBetweenMAGsSameInterface // whatever happens
		n.timestamp = oaiTimestamp(now)
		o.HandoffIndicator, o.Timestamp = n.indicator, n.timestamp
		o.HomeNetworkPrefixes[0] = netip.PrefixFrom(o.HomeNetworkPrefixes[0].Addr(), 128)
	case OPMIP:
		update.Flags = mh.UpdateAcknowledge | mh.UpdateProxy
		if n.attempts > 0 { // it repeats the same number
			n.sequence--
			update.Sequence = n.sequence
		}
		if op == Register || op == Handover {
			n.indicator = mobility.HandoffStateUnknown
		}
		n.timestamp, n.technology = 0, 0
		o.HandoffIndicator, o.AccessTechnologyType = n.indicator, n.technology
		if op == Handover && n.prefix.IsValid() { // its gateways know the prefix from their configuration
			o.HomeNetworkPrefixes[0] = n.prefix
		} else if mh.IsZeroPrefix(o.HomeNetworkPrefixes[0]) {
			o.HomeNetworkPrefixes[0] = netip.PrefixFrom(netip.IPv6Unspecified(), prefixBits)
		}
	}
}

// oaiTimestamp is two little-endian words, read as the one big-endian number that the option should be.
func oaiTimestamp(now time.Time) mh.Timestamp {
	octets := binary.LittleEndian.AppendUint32(nil, uint32(now.Nanosecond()/1000))
	octets = binary.LittleEndian.AppendUint32(octets, uint32(now.Unix()))
	return mh.Timestamp(binary.BigEndian.Uint64(octets))
}

// encode appends the update as a gateway of the kind would lay it out.
func encode(update *mh.BindingUpdate, compat Compat, dst []byte) ([]byte, error) {
	if compat == Strict {
		return update.AppendTo(dst)
	}
	o, start := &update.Options, len(dst)
	dst = append(dst, 59, 0, byte(mh.TypeBindingUpdate), 0, 0, 0)
	dst = binary.BigEndian.AppendUint16(dst, update.Sequence)
	dst = binary.BigEndian.AppendUint16(dst, uint16(update.Flags))
	dst = binary.BigEndian.AppendUint16(dst, update.Lifetime)
	id := o.MobileNodeID
	if len(id.Value) > 254 {
		return dst[:start], fmt.Errorf("load: identifier of %d octets", len(id.Value))
	}
	dst = append(append(dst, byte(mh.OptionMobileNodeID), byte(1+len(id.Value)), byte(id.Subtype)), id.Value...)
	prefix := o.HomeNetworkPrefixes[0].Addr().As16()
	if compat == OAI {
		dst = padTo(dst, start, 8, 4)
	}
	dst = append(append(dst, byte(mh.OptionHomeNetworkPrefix), 18, 0, byte(o.HomeNetworkPrefixes[0].Bits())), prefix[:]...)
	dst = append(dst, byte(mh.OptionHandoffIndicator), 2, 0, byte(o.HandoffIndicator))
	dst = append(dst, byte(mh.OptionAccessTechnologyType), 2, 0, byte(o.AccessTechnologyType))
	if compat == OPMIP { // Pad1 to the end, and nothing aligned
		for (len(dst)-start)%8 != 0 {
			dst = append(dst, byte(mh.OptionPad1))
		}
		dst[start+1] = byte((len(dst)-start)/8 - 1)
		return dst, nil
	}
	dst = append(append(dst, byte(mh.OptionMobileNodeLinkLayerID), byte(2+len(o.MobileNodeLinkLayerID)), 0, 0), o.MobileNodeLinkLayerID...)
	dst = padTo(dst, start, 8, 2)
	dst = binary.BigEndian.AppendUint64(append(dst, byte(mh.OptionTimestamp), 8), uint64(o.Timestamp))
	dst[start+1] = byte((len(dst)-start)/8 - 1) // rounded down: the timestamp is cut
	return dst, nil
}

// padTo appends a PadN, or a Pad1, so that the message's next octet is at n*x+y.
func padTo(dst []byte, start, x, y int) []byte {
	switch n := ((y-(len(dst)-start))%x + x) % x; n {
	case 0:
		return dst
	case 1:
		return append(dst, byte(mh.OptionPad1))
	default:
		return append(append(dst, byte(mh.OptionPadN), byte(n-2)), make([]byte, n-2)...)
	}
}
