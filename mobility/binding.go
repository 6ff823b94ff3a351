package mobility

import (
	"net/netip"
	"time"
)

// BindingCacheEntry is one mobility session as a plain record (RFC 5213 section 5.1): what the anchor's snapshot, its store
// and its admin API speak. The machine in package lma keeps its own, richer form.
type BindingCacheEntry struct {
	MobileNodeID          MobileNodeID          `json:"mobile_node_id"`
	MobileNodeLinkLayerID MobileNodeLinkLayerID `json:"mobile_node_link_layer_id"`
	AccessTechnologyType  AccessTechnologyType  `json:"access_technology_type"`
	HandoffIndicator      HandoffIndicator      `json:"handoff_indicator"`
	HomeNetworkPrefixes   []netip.Prefix        `json:"home_network_prefixes"`
	IPv4HomeAddress       netip.Prefix          `json:"ipv4_home_address,omitzero"`   // with the length of its network (RFC 5844 section 3.1.1)
	IPv4DefaultRouter     netip.Addr            `json:"ipv4_default_router,omitzero"` // of that network
	LinkLocalAddress      netip.Addr            `json:"link_local_address,omitzero"`
	ProxyCareOfAddress    netip.Addr            `json:"proxy_care_of_address"`
	LMAAddress            netip.Addr            `json:"lma_address"` // the anchor's address that this session's PBUs were sent to
	SequenceNumber        uint16                `json:"sequence_number"`
	Timestamp             uint64                `json:"timestamp"` // last accepted, 48.16 fixed point as on the wire (RFC 5213 section 8.8); 0 = none
	State                 string                `json:"state"`     // "registered", "deregistered" (kept for MinDelayBeforeBCEDelete) or "revoking"
	Registered            time.Time             `json:"registered"`
	LastUpdate            time.Time             `json:"last_update"`
	Expires               time.Time             `json:"expires"`
	OffloadPolicy         OffloadPolicy         `json:"offload_policy,omitzero"` // negotiated with the MAG of the session (RFC 6909 section 3.3)

	// OffloadAnswered: that MAG asked for a policy and was told, OffloadPolicy or that there is none. That does not change while it stays there.
	OffloadAnswered bool `json:"offload_answered,omitzero"`
	// OffloadSuspended: it asked earlier in this stay, and not the last time. Until it asks again nothing is offloaded, and then by OffloadPolicy.
	OffloadSuspended bool `json:"offload_suspended,omitzero"`
}

// BindingUpdateListEntry is one attached mobile node as a plain record (RFC 5213 section 6.1): what the access gateway's
// snapshot and its admin API speak.
type BindingUpdateListEntry struct {
	MobileNodeID          MobileNodeID          `json:"mobile_node_id"`
	MobileNodeLinkLayerID MobileNodeLinkLayerID `json:"mobile_node_link_layer_id"`
	AccessTechnologyType  AccessTechnologyType  `json:"access_technology_type"`
	Interface             string                `json:"interface"` // the access link
	HomeNetworkPrefixes   []netip.Prefix        `json:"home_network_prefixes"`
	IPv4HomeAddress       netip.Prefix          `json:"ipv4_home_address,omitzero"`   // with the length of its network (RFC 5844 section 3.2.1)
	IPv4DefaultRouter     netip.Addr            `json:"ipv4_default_router,omitzero"` // of that network
	LinkLocalAddress      netip.Addr            `json:"link_local_address,omitzero"`  // this MAG's on the link, where it is not the fixed one
	LMAAddress            netip.Addr            `json:"lma_address"`
	ProxyCareOfAddress    netip.Addr            `json:"proxy_care_of_address"`
	State                 string                `json:"state"`
	LastStatus            Status                `json:"last_status"`
	Attached              time.Time             `json:"attached"`
	LastUpdate            time.Time             `json:"last_update"`
	Expires               time.Time             `json:"expires"`
	CorrelationID         CorrelationID         `json:"correlation_id"`
	OffloadPolicy         OffloadPolicy         `json:"offload_policy,omitzero"` // what the LMA answered (RFC 6909 section 3.2)
}

// CorrelationID names one attachment through every log line, trace and report of one daemon.
type CorrelationID uint64

// Profile is what the policy store says of one mobile node (RFC 5213 section 6.2).
type Profile struct {
	MobileNodeID        MobileNodeID
	ProxyRegistration   bool           // false: status 152, PROXY_REG_NOT_ENABLED
	LMAAddress          netip.Addr     // the anchor that serves it; zero: the domain's default
	HomeNetworkPrefixes []netip.Prefix // static prefixes; empty: from the pool
	IPv6Prohibited      bool           // no home network prefix: status 172 (RFC 5844 section 3.3.5)
	IPv4Mobility        bool           // may have an IPv4 home address; at the MAG: asks for one (RFC 5844 section 3.2)
	IPv4HomeAddress     netip.Prefix   // static; zero: from the pool
	AlsoKnownAs         []MobileNodeID // temporary identifiers that it authenticates itself with (RFC 5213 section 6.6)
	SeveralDevices      bool           // the identifier is a user's, whose devices are mobile nodes each: known by their addresses (section 6.6)
	MAGLocalRouting     *bool          // EnableMAGLocalRouting of this mobile node (RFC 5213 section 9.2); nil: the gateway's
	Lifetime            time.Duration  // of a registration; zero: the daemon's default
	OffloadPolicy       OffloadPolicy  // at the MAG what it proposes, at the LMA what it wants (RFC 6909); zero: none of its own
}

// The fixed addresses of every MAG on every access link (RFC 6543 section 4), as IANA assigned them.
var (
	FixedMAGLinkLocalAddress = netip.MustParseAddr("fe80::200:5eff:fe00:5213")
	FixedMAGLinkLayerAddress = [6]byte{0x00, 0x00, 0x5e, 0x00, 0x52, 0x13}
)
