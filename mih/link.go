package mih

import "fmt"

// LinkType is LINK_TYPE of Annex F.3.4.
type LinkType uint8

// Link types. The last three are of IEEE 802.21b.
const (
	LinkTypeGSM      LinkType = 1
	LinkTypeGPRS     LinkType = 2
	LinkTypeEDGE     LinkType = 3
	LinkTypeEthernet LinkType = 15
	LinkTypeWireless LinkType = 18 // wireless, other
	LinkType80211    LinkType = 19
	LinkTypeCDMA2000 LinkType = 22
	LinkTypeUMTS     LinkType = 23
	LinkTypeHRPD     LinkType = 24 // cdma2000-HRPD
	LinkType80216    LinkType = 27
	LinkType80220    LinkType = 28
	LinkType80222    LinkType = 29
	LinkTypeDVB      LinkType = 40
	LinkTypeTDMB     LinkType = 41
	LinkTypeATSC     LinkType = 42 // ATSC-M/H
)

var linkTypes = map[LinkType]string{
	LinkTypeGSM: "GSM", LinkTypeGPRS: "GPRS", LinkTypeEDGE: "EDGE", LinkTypeEthernet: "Ethernet", LinkTypeWireless: "wireless",
	LinkType80211: "IEEE 802.11", LinkTypeCDMA2000: "CDMA2000", LinkTypeUMTS: "UMTS", LinkTypeHRPD: "cdma2000-HRPD",
	LinkType80216: "IEEE 802.16", LinkType80220: "IEEE 802.20", LinkType80222: "IEEE 802.22",
	LinkTypeDVB: "DVB", LinkTypeTDMB: "T-DMB", LinkTypeATSC: "ATSC-M/H",
}

// String names the technology.
func (t LinkType) String() string {
	if name := linkTypes[t]; name != "" {
		return name
	}
	return fmt.Sprintf("link type %d", uint8(t))
}

// LinkID is LINK_ID: a type and the address of the link's mobile end, that is the station.
type LinkID struct {
	Type    LinkType    `json:"type"`
	Address LinkAddress `json:"address"`
}

// LinkTupleID is LINK_TUPLE_ID: a link and the point of attachment at its other end (zero: not known).
type LinkTupleID struct {
	Link              LinkID      `json:"link"`
	PointOfAttachment LinkAddress `json:"point_of_attachment"`
}

// LinkPointsOfAttachment is LINK_POA_LIST: a link and the points of attachment that are meant for it.
type LinkPointsOfAttachment struct {
	Link               LinkID        `json:"link"`
	PointsOfAttachment []LinkAddress `json:"points_of_attachment"`
}

// SignalStrength is SIG_STRENGTH: dBm from -128 to 127, or a percentage from 0 to 100.
type SignalStrength struct {
	Value      int  `json:"value"`
	Percentage bool `json:"percentage,omitempty"`
}

// MIHCapabilities is LINK_MIHCAP_FLAG: which services of 802.21 a point of attachment offers.
type MIHCapabilities uint8

// Services of 802.21.
const (
	CapabilityEventService       MIHCapabilities = 1 << 1
	CapabilityCommandService     MIHCapabilities = 1 << 2
	CapabilityInformationService MIHCapabilities = 1 << 3
)

// NetworkCapabilities is NET_CAPS: what a network offers.
type NetworkCapabilities uint32

// Capabilities of networks.
const (
	NetworkSecurity          NetworkCapabilities = 1 << 0
	NetworkQoSClass0         NetworkCapabilities = 1 << 1
	NetworkQoSClass1         NetworkCapabilities = 1 << 2
	NetworkQoSClass2         NetworkCapabilities = 1 << 3
	NetworkQoSClass3         NetworkCapabilities = 1 << 4
	NetworkQoSClass4         NetworkCapabilities = 1 << 5
	NetworkQoSClass5         NetworkCapabilities = 1 << 6
	NetworkInternet          NetworkCapabilities = 1 << 7
	NetworkEmergencyServices NetworkCapabilities = 1 << 8
	NetworkMIH               NetworkCapabilities = 1 << 9
)

// NetworkType is NETWORK_TYPE: nil means any.
type NetworkType struct {
	Link      *LinkType `json:"link,omitempty"`
	Subtypes  *uint64   `json:"subtypes,omitempty"`  // SUBTYPE: bits by link type, bit 0 of the integer first
	Extension *string   `json:"extension,omitempty"` // TYPE_EXT
}

// NetworkTypeAddress is NET_TYPE_ADDR: a link of an MIH Function.
type NetworkTypeAddress struct {
	Network NetworkType `json:"network"`
	Address LinkAddress `json:"address"`
}

// MakeBeforeBreak is MBB_HO_SUPP: whether a handover between two types of network can make the new link before it breaks the old.
type MakeBeforeBreak struct {
	From      NetworkType `json:"from"`
	To        NetworkType `json:"to"`
	Supported bool        `json:"supported"`
}
