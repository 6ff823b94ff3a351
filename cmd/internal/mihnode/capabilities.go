package mihnode

import (
	"context"
	"reflect"
	"slices"
	"time"

	"netlmm/mih"
	"netlmm/mih/mihf"
	"netlmm/mih/wire"
)

// capabilitiesCheck is how often the access points are looked at for addresses that were not known before.
const capabilitiesCheck = time.Second

const linkCommands = mih.CommandLinkGetParameters | mih.CommandLinkConfigureThresholds | mih.CommandLinkActions

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

// watchCapabilities tells the machine what it can say of itself: an access point's address is known when that is reached.
func (n *Node) watchCapabilities(ctx context.Context) error {
	ticker := time.NewTicker(capabilitiesCheck)
	defer ticker.Stop()
	said := n.cfg.Capabilities
	for {
		if now := n.capabilities(); !reflect.DeepEqual(now, said) {
			said = now
			n.Send(mihf.CapabilitiesChanged{Capabilities: now})
			select {
			case n.askAgain <- struct{}{}:
			default: // they are about to be asked
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}
