package accesslink

import (
	"net/netip"
	"time"

	"netlmm/mobility/accesslink/dhcp4"
	"netlmm/mobility/accesslink/dhcp6"
)

var (
	limitedBroadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})
	smallestMTU      = 68 // of IPv4, RFC 791
)

// takeDHCPv4 handles one frame to the port of DHCP servers. It reports which node it came from, if it is valid.
func (l *Link) takeDHCPv4(frame []byte, p *port, now time.Time) (linkLayer [6]byte, valid bool) {
	d, reason := parseUDPv4(frame)
	if reason == "" && d.linkLayer == p.linkLayer {
		reason = WrongLinkLayer
	}
	if reason != "" {
		l.counters.drop(reason)
		return [6]byte{}, false
	}
	offer, reason := l.nodes.serve(d.linkLayer, dhcpv4, now)
	switch {
	case reason == NoOffer:
		reason = l.nodes.keep(d.linkLayer, dhcpv4, frame, now)
	case reason != "":
	case d.destination != limitedBroadcast && d.destination != offer.IPv4DefaultRouter:
		reason = NotForUs
	case offer.Relay:
		reason = l.relayDHCPv4(d, offer, now)
	default:
		reason = l.answerDHCPv4(p, d, offer, now)
	}
	if reason != "" {
		l.counters.drop(reason)
	}
	return d.linkLayer, true
}

func (l *Link) answerDHCPv4(p *port, d datagram, offer Offer, now time.Time) DropReason {
	reply, reason := dhcp4.Answer(d.payload, d.linkLayer, l.leaseIPv4(p, offer, now))
	if reason != "" {
		return DropReason(reason)
	}
	l.deliverDHCPv4(p, d.linkLayer, reply)
	return ""
}

// deliverDHCPv4 sends an answer, if it is one. The frame goes to the one node even where the packet goes to all: nobody else
// is to see it, as with Router Advertisements.
func (l *Link) deliverDHCPv4(p *port, linkLayer [6]byte, reply dhcp4.Reply) {
	if len(reply.Payload) != 0 {
		from, to := netip.AddrPortFrom(reply.Source, dhcp4.ServerPort), netip.AddrPortFrom(reply.Destination, dhcp4.ClientPort)
		if err := p.sendUDP(linkLayer, from, to, reply.Payload); err != nil {
			l.counters.serveErrors.Add(1)
			return
		}
	}
	l.counters.serve(Service(reply.Kind))
}

// leaseIPv4 is an offer as the DHCPv4 server sees it. The MTU is that of the tunnel (RFC 5844 section 3.4.3), else of the link.
func (l *Link) leaseIPv4(p *port, offer Offer, now time.Time) dhcp4.Lease {
	mtu := l.advertisedMTU()
	if mtu == 0 {
		mtu = max(p.mtu, smallestMTU)
	}
	return dhcp4.Lease{
		Address: offer.IPv4HomeAddress, DefaultRouter: offer.IPv4DefaultRouter, Remaining: offer.Expires.Sub(now),
		DNSServers: l.config.DNSServers, MTU: mtu,
	}
}

// takeDHCPv6 handles one frame to the port of DHCPv6 servers. It reports which node it came from, if it is valid.
func (l *Link) takeDHCPv6(frame []byte, p *port, now time.Time) (linkLayer [6]byte, valid bool) {
	d, reason := parseUDPv6(frame)
	if reason == "" && d.linkLayer == p.linkLayer {
		reason = WrongLinkLayer
	}
	if reason != "" {
		l.counters.drop(reason)
		return [6]byte{}, false
	}
	offer, reason := l.nodes.serve(d.linkLayer, dhcpv6, now)
	switch {
	case reason == NoOffer:
		reason = l.nodes.keep(d.linkLayer, dhcpv6, frame, now)
	case reason != "":
	case d.destination != dhcp6.Servers: // RFC 8415 section 18.4: nobody was told that unicast is welcome
		reason = NotForUs
	case l.config.DHCPv6 == DHCPv6Relay:
		reason = l.relayDHCPv6(d, offer)
	case !d.source.IsLinkLocalUnicast():
		reason = WrongSource
	default:
		reason = l.answerDHCPv6(p, d, offer, now)
	}
	if reason != "" {
		l.counters.drop(reason)
	}
	return d.linkLayer, true
}

func (l *Link) answerDHCPv6(p *port, d datagram, offer Offer, now time.Time) DropReason {
	lease := dhcp6.Lease{Prefixes: offer.HomeNetworkPrefixes, Remaining: offer.Expires.Sub(now), DNSServers: l.config.DNSServers}
	answer, kind, reason := dhcp6.Answer(d.payload, lease)
	if reason != "" {
		return DropReason(reason)
	}
	if l.deliverDHCPv6(p, d.linkLayer, netip.AddrPortFrom(d.source, dhcp6.ClientPort), answer) {
		l.counters.serve(Service(kind))
	}
	return ""
}

// deliverDHCPv6 sends an answer from the address that is this router's towards the node.
func (l *Link) deliverDHCPv6(p *port, linkLayer [6]byte, to netip.AddrPort, payload []byte) bool {
	from := l.sources.of(linkLayer)
	if !from.IsValid() {
		from = l.config.LinkLocalAddress
	}
	if err := p.sendUDP(linkLayer, netip.AddrPortFrom(from, dhcp6.ServerPort), to, payload); err != nil {
		l.counters.serveErrors.Add(1)
		return false
	}
	return true
}
