package accesslink

import (
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/mdlayher/ndp"
)

const (
	maximumRouterLifetime = 9000 * time.Second // AdvDefaultLifetime, RFC 4861 section 6.2.1
	currentHopLimit       = 64                 // IANA's default for IPv6 hosts
	addressablePrefix     = 64                 // the prefix length of which hosts make addresses, RFC 4862 section 5.5.3 d
)

var allNodes = netip.MustParseAddr("ff02::1")

// Advertise sends one Router Advertisement: IPv6 destination all-nodes, link-layer destination the one mobile node, so that
// no other node on the link sees its prefixes (RFC 5213 section 6.2, RFC 6085). It never waits longer than a few
// milliseconds. While the interface is gone or down the error is ErrInterfaceUnavailable; while it has no carrier, and Run
// runs, the advertisement is held until it has, for a second at most.
//
// The prefixes are on-link (L) because RFC 5213 sections 6.9.1.2 (14) and 6.9.2 (1) say so; nobody but the node has an
// address in them, so nothing is looked for on the link in vain. A prefix of 64 bits is for address autoconfiguration (A).
//
// A Source that the link does not have yet is added to the interface, and the node is asked whether it has that address
// itself (RFC 5213 section 6.9.1.2, 15); it is removed when the last node that it was for is forgotten or gets another one.
// The advertisement does not wait for the node's answer. Probe and the DHCPv6 server use the Source too; Neighbor
// Solicitations of the kernel come from whichever link-local address it picks. From a Source that the node was found to have it is not sent, but
// from the link's own address.
func (l *Link) Advertise(a Advertisement) error {
	if l.hold(a) {
		return nil
	}
	return l.transmit(a)
}

func (l *Link) transmit(a Advertisement) error {
	p, err := l.current()
	if err == nil {
		var source netip.Addr
		if source, err = l.sourceFor(p, a); err == nil {
			err = p.send(a.Destination, source, allNodes, l.routerAdvertisement(p, a))
		}
	}
	if err != nil {
		l.counters.advertisementErrors.Add(1)
		return fmt.Errorf("advertise to %s on %s: %w", net.HardwareAddr(a.Destination[:]), l.config.Interface, err)
	}
	l.counters.advertisements.Add(1)
	return nil
}

func (l *Link) routerAdvertisement(p *port, a Advertisement) *ndp.RouterAdvertisement {
	options := make([]ndp.Option, 0, 2+len(a.Prefixes)+len(a.DeprecatedPrefixes))
	options = append(options, &ndp.LinkLayerAddress{Direction: ndp.Source, Addr: p.linkLayer[:]})
	if mtu := l.advertisedMTU(); mtu != 0 {
		options = append(options, ndp.NewMTU(uint32(mtu)))
	}
	for _, prefix := range a.Prefixes {
		options = append(options, prefixInformation(prefix, a.PrefixLifetime))
	}
	for _, prefix := range a.DeprecatedPrefixes {
		options = append(options, prefixInformation(prefix, 0))
	}
	serves := l.config.DHCPv6 != DHCPv6Off // addresses and other configuration, RFC 4861 section 4.2
	return &ndp.RouterAdvertisement{
		CurrentHopLimit: currentHopLimit, RouterLifetime: clamp(a.RouterLifetime, maximumRouterLifetime), Options: options,
		ManagedConfiguration: serves, OtherConfiguration: serves,
	}
}

func prefixInformation(prefix netip.Prefix, lifetime time.Duration) *ndp.PrefixInformation {
	lifetime = clamp(lifetime, ndp.Infinity)
	return &ndp.PrefixInformation{
		PrefixLength:                   uint8(prefix.Bits()),
		OnLink:                         true,
		AutonomousAddressConfiguration: prefix.Bits() == addressablePrefix,
		ValidLifetime:                  lifetime,
		PreferredLifetime:              lifetime,
		Prefix:                         prefix.Masked().Addr(),
	}
}

// clamp rounds down to seconds, but what is left of a lifetime never to 0, which would mean withdrawal.
func clamp(d, most time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return min(max(d.Truncate(time.Second), time.Second), most)
}
