package testbed

import (
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"time"

	"netlmm/mobility"
)

// Names of the nodes of a domain; the namespace of a node is `netlmm-<id>-<node>`.
const (
	NodeCorrespondent = "cn"
	NodeLMA           = "lma"
	NodeLMA2          = "lma2" // another anchor, with a pool of its own; exists only when a test adds it
	NodeMAG1          = "mag1"
	NodeMAG2          = "mag2"
	NodeAP1           = "ap1" // access points with hostapd and mihd, apart from the MAGs; with the trigger mih only
	NodeAP2           = "ap2"
	NodeCore          = "core"     // the switch between LMA and MAGs
	NodeAir           = "air"      // one bridge per radio cell
	NodeRogueMAG      = "roguemag" // holds a valid SA, is not authorised at the LMA; exists only when a test adds it
	NodeRogueHost     = "rogue"    // another host on the core link, without any SA; likewise
)

// Interface names inside the namespaces.
const (
	coreInterface     = "core0"  // LMA, MAGs and rogues: to the core switch
	accessInterface   = "acc0"   // MAGs: to their radio cell
	radioInterface    = "radio0" // access points of their own: likewise
	uplinkInterface   = "up0"    // and to the access link of their MAG
	accessBridge      = "br-ap"  // between the two
	cnInterface       = "cn0"    // LMA: to the correspondent
	hostInterface     = "eth0"   // correspondent
	stationInterface  = "wl0"    // mobile nodes
	coreBridge        = "br0"
	accessPointMAC    = "00:00:5e:00:52:13" // RFC 6543 section 4.1: the same on every access link of the domain
	udpPort           = 5001
	tcpPort           = 5002
	mihPort           = 4551 // RFC 5677
	runDirectory      = "/run/netlmm-testbed"
	namespacePrefix   = "netlmm-"
	namespaceRunPath  = "/run/netns"
	eapPassword       = "netlmm-testbed" // of mobile nodes that exist for a minute on this machine only
	syslogListenOnMAG = "192.0.2.1"      // and where it takes RADIUS accounting
	syslogAPAddress   = "192.0.2.2"

	// hostapd starts no second session of a station that comes back before it forgot the first, and accounts for nothing then.
	accountingAging = 100 * time.Millisecond
)

// The addresses of a domain; documentation prefixes (RFC 3849, RFC 5737), and private ones for the mobile nodes' IPv4.
var (
	LMAAddress          = netip.MustParseAddr("2001:db8:f0::1")
	LMA2Address         = netip.MustParseAddr("2001:db8:f0::2")
	MAG1Address         = netip.MustParseAddr("2001:db8:f0::11")
	MAG2Address         = netip.MustParseAddr("2001:db8:f0::12")
	AP1Address          = netip.MustParseAddr("2001:db8:f0::21")
	AP2Address          = netip.MustParseAddr("2001:db8:f0::22")
	RogueMAGAddress     = netip.MustParseAddr("2001:db8:f0::13")
	RogueHostAddress    = netip.MustParseAddr("2001:db8:f0::66")
	LMAOnCNLink         = netip.MustParseAddr("2001:db8:c::1")
	CorrespondentOnLink = netip.MustParseAddr("2001:db8:c::2")
	HNPPool             = netip.MustParsePrefix("2001:db8:1000::/36")
	HNPPool2            = netip.MustParsePrefix("2001:db8:2000::/36") // of the other anchor

	LMAOnCNLink4         = netip.MustParseAddr("198.51.100.1")
	CorrespondentOnLink4 = netip.MustParseAddr("198.51.100.2")
	IPv4Pool             = netip.MustParsePrefix("10.64.0.0/16")
	IPv4DefaultRouter    = netip.MustParseAddr("10.64.0.1")
	IPv4Pool2            = netip.MustParsePrefix("10.65.0.0/16")
	IPv4DefaultRouter2   = netip.MustParseAddr("10.65.0.1")
)

// MobileNodeIDs of the two mobile nodes, the identities of their 802.1X authentication.
var MobileNodeIDs = []string{"mn1@example.net", "mn2@example.net"}

// stationMAC is the link-layer address of mobile node n, counted from 1.
func stationMAC(n int) net.HardwareAddr {
	return net.HardwareAddr{0x02, 0x00, 0x5e, 0x00, 0x01, byte(n)}
}

// ownLinkLayerAddress is that of a MAG's access link where the MAGs do not share one.
func ownLinkLayerAddress(mag string) net.HardwareAddr {
	return net.HardwareAddr{0x02, 0x00, 0x5e, 0x00, 0x03, mag[len(mag)-1] - '0'}
}

// RouterMAC is the link-layer address of a MAG as mobile nodes see it.
func (d *Domain) RouterMAC(mag string) net.HardwareAddr {
	if d.Options.OwnAddresses {
		return ownLinkLayerAddress(mag)
	}
	mac, _ := net.ParseMAC(accessPointMAC) // a constant
	return mac
}

// ownLinkLocalAddress is the one that goes with it, made as RFC 4291 appendix A has it.
func ownLinkLocalAddress(mag string) netip.Addr {
	m := ownLinkLayerAddress(mag)
	return netip.AddrFrom16([16]byte{0xfe, 0x80, 8: m[0] ^ 2, m[1], m[2], 0xff, 0xfe, m[3], m[4], m[5]})
}

// RouterAddress is the link-local address of a MAG as mobile nodes see it.
func (d *Domain) RouterAddress(mag string) netip.Addr {
	if d.Options.OwnAddresses {
		return ownLinkLocalAddress(mag)
	}
	return mobility.FixedMAGLinkLocalAddress
}

// coreNetworkIPv4 is the core link's where the transport is IPv4.
var coreNetworkIPv4 = netip.MustParsePrefix("203.0.113.0/24")

// coreAddress is the address by which the others on the core link reach a node.
func (d *Domain) coreAddress(node string) (netip.Addr, error) {
	address, err := coreAddress(node)
	if err != nil || !d.Options.IPv4Transport {
		return address, err
	}
	last, octets := address.As16(), coreNetworkIPv4.Addr().As4()
	octets[3] = last[15]
	return netip.AddrFrom4(octets), nil
}

// coreAddress is a node's IPv6 address on the core link.
func coreAddress(node string) (netip.Addr, error) {
	switch node {
	case NodeLMA:
		return LMAAddress, nil
	case NodeLMA2:
		return LMA2Address, nil
	case NodeMAG1:
		return MAG1Address, nil
	case NodeMAG2:
		return MAG2Address, nil
	case NodeAP1:
		return AP1Address, nil
	case NodeAP2:
		return AP2Address, nil
	case NodeRogueMAG:
		return RogueMAGAddress, nil
	case NodeRogueHost:
		return RogueHostAddress, nil
	}
	return netip.Addr{}, fmt.Errorf("node %q has no address on the core link", node)
}

// cellOf is the radio cell (a bridge in the namespace of the air) in front of a MAG.
func cellOf(mag string) string {
	if mag == NodeMAG2 {
		return "cell2"
	}
	return "cell1"
}

// Namespace is the name of a node's network namespace.
func (d *Domain) Namespace(node string) string { return namespacePrefix + d.ID + "-" + node }

// Path is a file of a node in the domain's run directory.
func (d *Domain) Path(node, file string) string { return filepath.Join(d.Dir, node, file) }

// AdminSocket is the unix socket of a daemon's admin API. node is lma, mag1 or mag2.
func (d *Domain) AdminSocket(node string) string { return d.Path(node, "admin.sock") }

// VICISocket is the control socket of a node's charon.
func (d *Domain) VICISocket(node string) string { return d.Path(node, "charon.vici") }

// HostapdSocket is the control socket of a MAG's access point.
func (d *Domain) HostapdSocket(mag string) string {
	node, link := d.accessPoint(mag)
	return d.Path(node, filepath.Join("hostapd", link))
}

// accessPoint is where hostapd runs that is in front of a MAG, and its interface there: the MAG itself, or a node of its own.
func (d *Domain) accessPoint(mag string) (node, link string) {
	switch {
	case d.Options.Trigger != TriggerMIH:
		return mag, accessInterface
	case mag == NodeMAG2:
		return NodeAP2, radioInterface
	}
	return NodeAP1, radioInterface
}

// remoteAccessPoints are the access points that are nodes of their own.
func (d *Domain) remoteAccessPoints() []string {
	if d.Options.Trigger != TriggerMIH {
		return nil
	}
	return []string{NodeAP1, NodeAP2}
}

// gatewayOf is the MAG behind an access point of its own.
func gatewayOf(ap string) string {
	if ap == NodeAP2 {
		return NodeMAG2
	}
	return NodeMAG1
}

// other is the MAG that a mobile node moves to when it is at this one.
func other(mag string) string {
	if mag == NodeMAG1 {
		return NodeMAG2
	}
	return NodeMAG1
}

// OtherMAG is the one that a mobile node moves to from this one.
func OtherMAG(mag string) string { return other(mag) }
