package accesslink

import (
	"net"
	"net/netip"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	dhcp "github.com/insomniacslk/dhcp/dhcpv4"
)

func discover(t testing.TB, mac [6]byte) []byte {
	t.Helper()
	m, err := dhcp.NewDiscovery(net.HardwareAddr(mac[:]))
	if err != nil {
		t.Fatal(err)
	}
	return m.ToBytes()
}

// dhcpv4Frame is a message to all DHCP servers as a client without an address sends it.
func dhcpv4Frame(t testing.TB, mac [6]byte, message []byte) []byte {
	t.Helper()
	network := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolUDP, SrcIP: net.IPv4zero, DstIP: net.IPv4bcast}
	return udpFrame(t, mac, layers.EthernetTypeIPv4, network, &layers.UDP{SrcPort: 68, DstPort: 67}, message)
}

// dhcpv6Frame is a message to all DHCPv6 servers and relay agents.
func dhcpv6Frame(t testing.TB, mac [6]byte, source netip.Addr, message []byte) []byte {
	t.Helper()
	network := &layers.IPv6{Version: 6, HopLimit: 1, NextHeader: layers.IPProtocolUDP, SrcIP: source.AsSlice(), DstIP: net.ParseIP("ff02::1:2")}
	return udpFrame(t, mac, layers.EthernetTypeIPv6, network, &layers.UDP{SrcPort: 546, DstPort: 547}, message)
}

func udpFrame(t testing.TB, mac [6]byte, kind layers.EthernetType, network interface {
	gopacket.NetworkLayer
	gopacket.SerializableLayer
}, udp *layers.UDP, message []byte) []byte {
	t.Helper()
	if err := udp.SetNetworkLayerForChecksum(network); err != nil {
		t.Fatal(err)
	}
	buffer := gopacket.NewSerializeBuffer()
	err := gopacket.SerializeLayers(buffer, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true},
		&layers.Ethernet{SrcMAC: mac[:], DstMAC: net.HardwareAddr{255, 255, 255, 255, 255, 255}, EthernetType: kind}, network, udp, gopacket.Payload(message))
	if err != nil {
		t.Fatal(err)
	}
	return buffer.Bytes()
}
