package mihnode

import (
	"reflect"
	"slices"

	apadapters "netlmm/ap-adapters"
	"netlmm/mih"
	"netlmm/mih/mihf"
	"netlmm/mih/wire"
)

// linkCommands are those that access points carry out: of the network's handover commands, which are one capability, Net_HO_Commit.
const linkCommands = mih.CommandNetworkHandover | mih.CommandLinkGetParameters | mih.CommandLinkConfigureThresholds | mih.CommandLinkActions

// capabilities are those of Config with what the link SAPs can do, and the links that they have (IEEE 802.21 section 6.4.2).
func (n *Node) capabilities() wire.Capabilities {
	c := n.cfg.Capabilities
	if transports := mih.TransportUDP | mih.TransportTCP; c.Transports == nil && n.conn != nil {
		c.Transports = &transports
	}
	if n.takesCommands() {
		commands := linkCommands
		if c.Commands != nil {
			commands |= *c.Commands
		}
		events := mih.Events(mih.EventLinkParametersReport) // by the thresholds that are set
		if c.Events != nil {
			events |= *c.Events
		}
		c.Commands, c.Events = &commands, &events
	}
	c.Links = slices.Clone(c.Links)
	for _, status := range n.AdapterStatus() {
		for _, peer := range status.Peers {
			if linkType := peer.LinkType; !peer.PointOfAttachment.IsZero() {
				c.Links = append(c.Links, mih.NetworkTypeAddress{Network: mih.NetworkType{Link: &linkType}, Address: peer.PointOfAttachment})
			}
		}
	}
	return c
}

// lookAtAdapters tells the machine what it can say of itself, and when its link SAPs have told of all stations. It says whether
// peers ought to know.
func (n *Node) lookAtAdapters(seen *wholeness) (changed bool) {
	if now := n.capabilities(); !reflect.DeepEqual(now, seen.capabilities) {
		seen.capabilities, changed = now, true
		n.Send(mihf.CapabilitiesChanged{Capabilities: now})
	}
	if !seen.complete && n.complete() {
		seen.complete, changed = true, true
		n.Send(mihf.PictureComplete{})
	}
	return changed
}

// wholeness is what the machine was told of the adapters.
type wholeness struct {
	capabilities wire.Capabilities
	complete     bool
}

// complete says whether every access point has told of its stations. Where one cannot be asked it never has: peers are told who left
// instead (mihf.PictureComplete).
func (n *Node) complete() bool {
	for _, status := range n.AdapterStatus() {
		if slices.ContainsFunc(status.Peers, func(p apadapters.Peer) bool { return !p.Complete }) {
			return false
		}
	}
	return true
}
