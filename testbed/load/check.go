package load

import (
	"netlmm/mobility/mh"
)

// Violation is something that an anchor must not do.
type Violation string

// Violations, with the section of RFC 5213 where it names one.
const (
	Malformed           Violation = "malformed"                 // no Mobility Header, or no message of its type
	UnexpectedType      Violation = "unexpected_message_type"   // not a Binding Acknowledgement
	WrongSource         Violation = "wrong_source"              // not the anchor that was asked (5.3.6)
	WrongGateway        Violation = "wrong_gateway"             // not to the gateway that asked (5.3.6)
	UnknownMobileNode   Violation = "unknown_mobile_node"       // an identifier that nobody registered (5.3.6)
	Unsolicited         Violation = "unsolicited"               // more answers than requests
	WrongSequence       Violation = "sequence"                  // a number that was never sent (5.3.6)
	NoProxyFlag         Violation = "proxy_flag"                // the P flag is not set (8.2)
	WrongIndicator      Violation = "handoff_indicator"         // not the request's (5.3.6)
	WrongTechnology     Violation = "access_technology_type"    // not the request's (5.3.6)
	WrongLinkLayerID    Violation = "mobile_node_link_layer_id" // not the request's (5.3.6)
	WrongTimestamp      Violation = "timestamp"                 // not the request's (5.3.6)
	WrongLifetime       Violation = "lifetime"                  // zero for a registration, or more than asked for (5.3.6)
	PrefixMissing       Violation = "prefix_missing"            // not exactly one usable prefix (5.3.6)
	PrefixChanged       Violation = "prefix_changed"            // another one than before (5.3.4)
	PrefixOfAnotherNode Violation = "prefix_of_another_node"    // a prefix is of one mobile node at a time (5.2)
)

// echoes says whether the answer has the options that every one has, whatever its status, as the request had them.
func (g *generator) echoes(n *node, ack *mh.BindingAcknowledgement) (Violation, bool) {
	o := &ack.Options
	switch {
	case ack.Flags&mh.AcknowledgementProxy == 0 && g.cfg.Compat != OAI:
		return NoProxyFlag, false
	case o.HandoffIndicator != n.indicator && g.cfg.Compat != OAI:
		return WrongIndicator, false
	case o.AccessTechnologyType != n.technology && g.cfg.Compat != OAI:
		return WrongTechnology, false
	case o.MobileNodeLinkLayerID != n.linkLayerID:
		return WrongLinkLayerID, false
	}
	return "", true
}

// grants says whether an accepting answer gives the mobile node what it may have.
func (g *generator) grants(n *node, op Operation, ack *mh.BindingAcknowledgement) (Violation, bool) {
	if ack.Options.Timestamp != n.timestamp {
		return WrongTimestamp, false
	}
	if op == Deregister && ack.Lifetime != 0 || op != Deregister && (ack.Lifetime == 0 || ack.Lifetime > g.lifetime) {
		return WrongLifetime, false
	}
	prefixes := ack.Options.HomeNetworkPrefixes
	if len(prefixes) != 1 {
		return PrefixMissing, false
	}
	prefix := prefixes[0]
	if mh.IsZeroPrefix(prefix) {
		return PrefixMissing, g.cfg.Compat == OPMIP
	}
	if n.prefix.IsValid() && prefix != n.prefix && n.registered {
		return PrefixChanged, false
	}
	if owner := g.owners[prefix]; owner != nil && owner != n {
		return PrefixOfAnotherNode, false
	}
	return "", true
}
