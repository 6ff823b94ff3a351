package load

import (
	"net/netip"
	"time"

	"netlmm/mobility"
	"netlmm/mobility/mh"
)

// node is one mobile node as its gateways know it.
type node struct {
	id          mobility.MobileNodeID
	linkLayerID mobility.MobileNodeLinkLayerID
	prefix      netip.Prefix // assigned by the anchor, kept over de-registrations; zero: none yet
	registered  bool
	mag         int // serves it, or is about to
	sequence    uint16
	timestamp   mh.Timestamp
	unanswered  int // transmissions without an answer so far

	// The request under way.
	busy       bool
	place      int // among those outstanding
	indicator  mobility.HandoffIndicator
	technology mobility.AccessTechnologyType
	due        time.Time // when the request was to leave: what its latency counts from
	deadline   time.Time // of the next transmission
	attempts   int
}

func newNode(number int, realm string, compat Compat, mag int) *node {
	n := &node{mag: mag}
	n.id, n.linkLayerID = identity(number, realm, compat)
	return n
}

// wants says whether an operation makes sense for the mobile node as it is.
func (n *node) wants(op Operation) bool { return n.registered != (op == Register) }

// prepare makes the node what a request for op needs, with the Handoff Indicator of RFC 5213 section 6.9.1.
func (n *node) prepare(op Operation, mags int) {
	switch op {
	case Register:
		n.indicator = mobility.AttachmentOverNewInterface
	case Refresh:
		n.indicator = mobility.HandoffStateNotChanged
	case Handover:
		n.indicator, n.mag = mobility.HandoffBetweenMAGsSameInterface, (n.mag+1)%mags
	case Deregister:
		n.indicator = mobility.HandoffStateUnknown
	}
}

// allZero asks for a prefix (RFC 5213 section 6.9.1.1): a gateway that the mobile node is new to knows none.
var allZero = netip.PrefixFrom(netip.IPv6Unspecified(), 0)

// fill writes the next Proxy Binding Update of the node into update: a fresh sequence number and a fresh timestamp, also in
// a retransmission (RFC 5213 section 6.9.4), unless the kind of gateway does otherwise.
func (n *node) fill(update *mh.BindingUpdate, compat Compat, op Operation, now time.Time, lifetime uint16) {
	n.sequence++
	n.timestamp = max(mh.TimestampOf(now), n.timestamp+1)
	prefix := allZero
	if (op == Refresh || op == Deregister) && n.prefix.IsValid() {
		prefix = n.prefix
	}
	if op == Deregister {
		lifetime = 0
	}
	o := &update.Options
	update.Sequence, update.Lifetime, update.Flags = n.sequence, lifetime, mh.UpdateAcknowledge|mh.UpdateHome|mh.UpdateProxy
	o.MobileNodeID, o.MobileNodeLinkLayerID = n.id, n.linkLayerID
	o.HomeNetworkPrefixes = append(o.HomeNetworkPrefixes[:0], prefix)
	n.technology = mobility.AccessWLAN
	o.HandoffIndicator, o.AccessTechnologyType, o.Timestamp = n.indicator, n.technology, n.timestamp
	o.Present = 0
	o.Present.Add(mh.OptionMobileNodeID, mh.OptionHomeNetworkPrefix, mh.OptionHandoffIndicator, mh.OptionAccessTechnologyType,
		mh.OptionMobileNodeLinkLayerID, mh.OptionTimestamp)
	n.deviate(update, compat, op, now)
}
