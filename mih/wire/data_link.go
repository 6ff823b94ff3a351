package wire

import (
	"encoding/binary"
	"net/netip"

	"netlmm/mih"
)

// IANA address families, which begin a TRANSPORT_ADDR.
const (
	familyIPv4 = 1
	familyIPv6 = 2
	familyMAC  = 6
)

// Least numbers of octets of the elements of lists.
const (
	leastLinkAddress  = 2 // an empty OCTET_STRING behind its selector
	leastLinkID       = 1 + leastLinkAddress
	leastNetworkType  = 3
	leastLinkDetected = leastLinkID + 1 + 1 + 1 + 2 + 2 + 4 + 1 + 4
)

// transportAddress is TRANSPORT_ADDR: an address family and an OCTET_STRING. Reading returns the octets when there are as many as
// the family has.
func (c *coder) transportAddress(family uint16, octets []byte) []byte {
	if c.encoding {
		c.buf = append(binary.BigEndian.AppendUint16(c.buf, family), byte(len(octets)))
		c.buf = append(c.buf, octets...)
		return octets
	}
	at := c.at
	uint16s(c, &family)
	n := c.length(1, "octets")
	b := c.take(n)
	if c.err == nil && (n == 0 || n != addressOctets(family)) {
		c.fail(at, "address of family %d and %d octets", family, n)
	}
	return b
}

// addressOctets is how many octets an address of the family has; 0 of a family that no data type has.
func addressOctets(family uint16) int {
	switch family {
	case familyIPv4:
		return 4
	case familyIPv6:
		return 16
	case familyMAC:
		return 6
	}
	return 0
}

// ipAddress is IP_ADDR.
func ipAddress(c *coder, v *netip.Addr) {
	if c.encoding {
		family := uint16(familyIPv6)
		if v.Is4() {
			family = familyIPv4
		}
		c.transportAddress(family, v.AsSlice())
		return
	}
	at := c.at
	b := c.transportAddress(0, nil)
	if c.err != nil {
		return
	}
	if *v, _ = netip.AddrFromSlice(b); !v.IsValid() {
		c.fail(at, "is no IP address")
	}
}

// linkAddress is LINK_ADDR. There is none without an address.
func linkAddress(c *coder, v *mih.LinkAddress) {
	if c.encoding {
		c.writeLinkAddress(*v)
		return
	}
	at := c.at
	var selector uint8
	if c.choice(&selector, 6); c.err != nil {
		return
	}
	var b []byte
	switch kind := mih.LinkAddressKind(selector + 1); kind {
	case mih.LinkAddressMAC:
		b = c.transportAddress(0, nil)
	case mih.LinkAddress3GPP3GCell, mih.LinkAddress3GPP2GCell:
		b = c.take(7)
	default:
		b = c.take(c.length(1, "octets"))
	}
	if c.err != nil {
		return
	}
	var ok bool
	if *v, ok = mih.LinkAddressOf(mih.LinkAddressKind(selector+1), b); !ok {
		c.fail(at, "is no MAC address")
	}
}

func (c *coder) writeLinkAddress(v mih.LinkAddress) {
	if v.IsZero() {
		c.fail(0, "has no link address")
		return
	}
	c.buf = append(c.buf, byte(v.Kind()-1))
	switch v.Kind() {
	case mih.LinkAddressMAC:
		mac, _ := v.MAC()
		c.transportAddress(familyMAC, mac[:])
	case mih.LinkAddress3GPP3GCell, mih.LinkAddress3GPP2GCell:
		c.buf = v.AppendOctets(c.buf)
	default:
		octets := v.AppendOctets(nil)
		c.buf = append(appendLength(c.buf, len(octets)), octets...)
	}
}

// linkAddressOrNull is CHOICE(NULL, LINK_ADDR).
func linkAddressOrNull(c *coder, v *mih.LinkAddress) {
	if c.present(!v.IsZero()) {
		linkAddress(c, v)
	}
}

func linkID(c *coder, v *mih.LinkID) {
	octet(c, &v.Type)
	linkAddress(c, &v.Address)
}

func linkTupleID(c *coder, v *mih.LinkTupleID) {
	linkID(c, &v.Link)
	linkAddressOrNull(c, &v.PointOfAttachment)
}

// linkPointsOfAttachment is LINK_POA_LIST.
func linkPointsOfAttachment(c *coder, v *mih.LinkPointsOfAttachment) {
	linkID(c, &v.Link)
	listOf(c, &v.PointsOfAttachment, leastLinkAddress, linkAddress)
}

// signalStrength is SIG_STRENGTH.
func signalStrength(c *coder, v *mih.SignalStrength) {
	var selector, value uint8
	if v.Percentage {
		selector = 1
		value = uint8(min(max(v.Value, 0), 0xff))
	} else {
		value = uint8(int8(min(max(v.Value, -0x80), 0x7f)))
	}
	c.choice(&selector, 2)
	if octet(c, &value); c.encoding {
		return
	}
	if v.Percentage = selector == 1; v.Percentage {
		v.Value = int(value)
	} else {
		v.Value = int(int8(value))
	}
}

// linkDetected is LINK_DET_INFO.
func linkDetected(c *coder, v *mih.LinkDetected) {
	linkTupleID(c, &v.Link)
	octets(c, &v.NetworkID)
	octets(c, &v.NetworkAuxID)
	signalStrength(c, &v.SignalStrength)
	uint16s(c, &v.SINR)
	uint32s(c, &v.DataRate)
	bitmap8(c, &v.MIHCapabilities)
	bitmap32(c, &v.NetworkCapabilities)
}

func networkType(c *coder, v *mih.NetworkType) {
	orNull(c, &v.Link, octet)
	orNull(c, &v.Subtypes, bitmap64)
	orNull(c, &v.Extension, octets)
}

// networkTypeAddress is NET_TYPE_ADDR.
func networkTypeAddress(c *coder, v *mih.NetworkTypeAddress) {
	networkType(c, &v.Network)
	linkAddress(c, &v.Address)
}

// makeBeforeBreak is MBB_HO_SUPP.
func makeBeforeBreak(c *coder, v *mih.MakeBeforeBreak) {
	networkType(c, &v.From)
	networkType(c, &v.To)
	boolean(c, &v.Supported)
}
