package main

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"netlmm/mobility/mh"
)

var (
	mag4, lma4 = netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.254")
	mag6, lma6 = netip.MustParseAddr("2001:db8:f0::1"), netip.MustParseAddr("2001:db8:f0::ff")
	home6      = netip.MustParseAddr("2001:db8:f0::4")
)

// heartbeat is a Mobility Header with the checksum of a packet from src to dst.
func heartbeat(t testing.TB, src, dst netip.Addr) []byte {
	t.Helper()
	b, err := (&mh.Heartbeat{Sequence: 7}).AppendTo(nil)
	if err != nil {
		t.Fatal(err)
	}
	octets := slices.Concat(src.AsSlice(), dst.AsSlice(), []byte{0, byte(len(b)), 0, protocolMobility}, b)
	sum := uint32(0)
	for i := 0; i < len(octets); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(octets[i:]))
	}
	binary.BigEndian.PutUint16(b[4:], ^uint16(sum>>16+sum))
	return b
}

func serialized(t testing.TB, list ...gopacket.SerializableLayer) []byte {
	t.Helper()
	b := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, list...); err != nil {
		t.Fatal(err)
	}
	return bytes.Clone(b.Bytes())
}

func ip6(t testing.TB, next layers.IPProtocol, payload ...[]byte) []byte {
	t.Helper()
	h := layers.IPv6{Version: 6, NextHeader: next, HopLimit: 64, SrcIP: mag6.AsSlice(), DstIP: lma6.AsSlice()}
	return serialized(t, &h, gopacket.Payload(slices.Concat(payload...)))
}

func ip4(t testing.TB, next layers.IPProtocol, flags layers.IPv4Flag, payload []byte) []byte {
	t.Helper()
	return serialized(t, &layers.IPv4{Version: 4, Protocol: next, TTL: 64, Flags: flags, SrcIP: mag4.AsSlice(), DstIP: lma4.AsSlice()}, gopacket.Payload(payload))
}

// udp is a UDP datagram with the checksum of a packet between the networks' ends.
func udp(t testing.TB, network gopacket.NetworkLayer, from, to layers.UDPPort, payload []byte) []byte {
	t.Helper()
	u := layers.UDP{SrcPort: from, DstPort: to}
	if err := u.SetNetworkLayerForChecksum(network); err != nil {
		t.Fatal(err)
	}
	return serialized(t, &u, gopacket.Payload(payload))
}

func overIPv4(t testing.TB, from, to layers.UDPPort) []byte {
	t.Helper()
	network := &layers.IPv4{Protocol: layers.IPProtocolUDP, SrcIP: mag4.AsSlice(), DstIP: lma4.AsSlice()}
	return udp(t, network, from, to, pbuOverUDP(t))
}

// pbuOverUDP has a zero checksum, as RFC 5844 section 4.1.3 wants it.
func pbuOverUDP(t testing.TB) []byte {
	t.Helper()
	pbu := mh.BindingUpdate{Sequence: 9, Flags: mh.UpdateAcknowledge | mh.UpdateProxy, Lifetime: 15}
	pbu.Options.IPv4HomeAddressRequest = netip.MustParsePrefix("10.1.2.3/24")
	pbu.Options.Present.Add(mh.OptionIPv4HomeAddressRequest)
	b, err := pbu.AppendTo(nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// extensionHeader is one of 8+len(rest) octets, with four reserved octets after the two that a routing header has.
func extensionHeader(next layers.IPProtocol, a, b byte, rest ...[]byte) []byte {
	body := slices.Concat(rest...)
	return slices.Concat([]byte{byte(next), byte(len(body) / 8), a, b, 0, 0, 0, 0}, body)
}

func fragmentHeader(next layers.IPProtocol, offset uint16, more uint16) []byte {
	b := []byte{byte(next), 0}
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint16(b, offset<<3|more), 99)
}

func ethernet(tags []uint16, packet []byte) []byte {
	b := []byte{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2}
	for _, tag := range tags {
		b = binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(b, tag), 5)
	}
	etherType := layers.EthernetTypeIPv6
	if packet[0]>>4 == 4 {
		etherType = layers.EthernetTypeIPv4
	}
	return append(binary.BigEndian.AppendUint16(b, uint16(etherType)), packet...)
}

type encapsulation struct {
	name     string
	linkType uint16
	data     []byte
	want     string // a start of each error after a bar, behind source, destination and transport; "" where there is nothing
}

const (
	fromMAG     = "2001:db8:f0::1 2001:db8:f0::ff"
	fromMAG4    = "192.0.2.1 192.0.2.254 udp"
	v6in4       = layers.IPProtocolIPv6
	destination = layers.IPProtocolIPv6Destination
	hopByHop    = layers.IPProtocolIPv6HopByHop
	routing     = layers.IPProtocolIPv6Routing
	fragment    = layers.IPProtocolIPv6Fragment
)

func encapsulations(t testing.TB) []encapsulation {
	message := heartbeat(t, mag6, lma6)
	broken := bytes.Clone(message)
	broken[len(broken)-1] ^= 1
	plain := ip6(t, protocolMobility, message)
	padded := extensionHeader(protocolMobility, 1, 4)
	homeAddress := extensionHeader(protocolMobility, 1, 2, slices.Concat([]byte{0, 0, 0, 0, 0, 0, 201, 16}, home6.AsSlice()))[:32]
	network6 := &layers.IPv6{NextHeader: layers.IPProtocolUDP, SrcIP: mag6.AsSlice(), DstIP: lma6.AsSlice()}
	withoutChecksum := overIPv4(t, 5436, 5436)
	withoutChecksum[6], withoutChecksum[7] = 0, 0
	wrong := overIPv4(t, 5436, 5436)
	wrong[8+6] ^= 1
	onTheWay := heartbeat(t, mag6, home6)
	return []encapsulation{
		{"raw", linkRaw, plain, fromMAG},
		{"raw of BSD", linkRawBSD, plain, fromMAG},
		{"raw IPv6", linkIPv6, plain, fromMAG},
		{"Ethernet", linkEthernet, ethernet(nil, plain), fromMAG},
		{"Ethernet with padding", linkEthernet, ethernet(nil, append(plain, make([]byte, 6)...)), fromMAG},
		{"VLAN", linkEthernet, ethernet([]uint16{0x8100}, plain), fromMAG},
		{"VLAN in VLAN", linkEthernet, ethernet([]uint16{0x88a8, 0x8100}, plain), fromMAG},
		{"no IP", linkEthernet, ethernet([]uint16{0x0806}, plain), ""},
		{"Linux SLL", linkLinuxSLL, slices.Concat(make([]byte, 14), []byte{0x86, 0xdd}, plain), fromMAG},
		{"Linux SLL with an impossible address length", linkLinuxSLL, slices.Concat(bytes.Repeat([]byte{255}, 14), []byte{0x86, 0xdd}, plain), fromMAG},
		{"Linux SLL2", linkLinuxSLL2, slices.Concat([]byte{0x86, 0xdd}, make([]byte, 18), plain), fromMAG},
		{"null of macOS", linkNull, slices.Concat([]byte{30, 0, 0, 0}, plain), fromMAG},
		{"loop of OpenBSD", linkLoop, slices.Concat([]byte{0, 0, 0, 24}, plain), fromMAG},

		{"hop-by-hop and destination options, padded", linkEthernet,
			ethernet(nil, append(ip6(t, hopByHop, extensionHeader(destination, 1, 4), padded, message), 0, 0, 0)), fromMAG},
		{"routing header at its end", linkRaw, ip6(t, routing, extensionHeader(protocolMobility, 2, 0, home6.AsSlice()), message), fromMAG},
		{"routing header type 2 on its way", linkRaw, ip6(t, routing, extensionHeader(protocolMobility, 2, 1, home6.AsSlice()), onTheWay), fromMAG},
		{"segment routing header on its way", linkRaw,
			ip6(t, routing, extensionHeader(protocolMobility, 4, 1, home6.AsSlice(), lma6.AsSlice()), onTheWay), fromMAG},
		{"home address", linkRaw, ip6(t, destination, homeAddress, heartbeat(t, home6, lma6)), fromMAG},
		{"fragment that is whole", linkRaw, ip6(t, fragment, fragmentHeader(protocolMobility, 0, 0), message), fromMAG},
		{"first fragment", linkRaw, ip6(t, fragment, fragmentHeader(protocolMobility, 0, 1), message[:8]),
			fromMAG + "|packet: is the first of several|Header Len at offset 1: says 16 octets|message at offset 8: has 8 octets"},
		{"later fragment", linkRaw, ip6(t, fragment, fragmentHeader(protocolMobility, 1, 0), message), ""},
		{"extension header past the end", linkRaw, ip6(t, destination, []byte{protocolMobility, 255, 0, 0, 0, 0, 0, 0}), ""},

		{"IPv6 in IPv6", linkRaw, ip6(t, v6in4, plain), fromMAG},
		{"IPv6 in IPv4", linkRaw, ip4(t, v6in4, 0, plain), fromMAG},
		{"UDP over IPv4", linkIPv4, ip4(t, layers.IPProtocolUDP, 0, overIPv4(t, 5436, 5436)), fromMAG4},
		{"UDP over IPv4 in IPv6", linkRaw, ip6(t, layers.IPProtocolIPv4, ip4(t, layers.IPProtocolUDP, 0, overIPv4(t, 5436, 5436))), fromMAG4},
		{"UDP to the port of a NAT", linkEthernet, ethernet(nil, ip4(t, layers.IPProtocolUDP, 0, overIPv4(t, 5436, 40000))), fromMAG4},
		{"UDP over IPv6", linkRaw, ip6(t, layers.IPProtocolUDP, udp(t, network6, 40000, 5436, pbuOverUDP(t))), fromMAG + " udp"},
		{"UDP of another port", linkRaw, ip4(t, layers.IPProtocolUDP, 0, overIPv4(t, 5437, 5437)), ""},
		{"UDP without a checksum", linkRaw, ip4(t, layers.IPProtocolUDP, 0, withoutChecksum), fromMAG4 + "|UDP checksum: is 0"},
		{"UDP with a wrong checksum", linkRaw, ip4(t, layers.IPProtocolUDP, 0, wrong), fromMAG4 + "|UDP checksum: is 0x"},
		{"UDP in a first fragment", linkRaw, ip4(t, layers.IPProtocolUDP, layers.IPv4MoreFragments, overIPv4(t, 5436, 5436)),
			fromMAG4 + "|packet: is the first of several"},
		{"protocol 135 in IPv4", linkRaw, ip4(t, protocolMobility, 0, message), ""},
		{"wrong checksum", linkRaw, ip6(t, protocolMobility, broken), fromMAG + "|checksum: is 0x"},
		{"cut by the capture", linkRaw, plain[:len(plain)-5],
			fromMAG + "|packet: 11 of 16 octets were captured|Header Len at offset 1: says 16 octets|message at offset 11: has 11 octets"},
		{"an IPv6 header alone", linkRaw, plain[:40], fromMAG + "|packet: 0 of 16 octets|message at offset 0: has 0 octets"},
	}
}

func TestDecodeEncapsulations(t *testing.T) {
	for _, test := range encapsulations(t) {
		t.Run(test.name, func(t *testing.T) {
			messages, err := decodedJSON(t, pcapFile(uint32(test.linkType), test.data))
			if err != nil {
				t.Fatal(err)
			}
			if test.want == "" {
				if len(messages) > 0 {
					t.Errorf("found %+v", messages)
				}
				return
			}
			if len(messages) != 1 {
				t.Fatalf("%d messages", len(messages))
			}
			m, want := messages[0], strings.Split(test.want, "|")
			if got := strings.TrimSpace(m.Src + " " + m.Dst + " " + m.Transport); got != want[0] {
				t.Errorf("got %q, want %q", got, want[0])
			}
			if !slices.EqualFunc(m.Errors, want[1:], strings.HasPrefix) {
				t.Errorf("errors %q, want %q", m.Errors, want[1:])
			}
		})
	}
}

// RFC 5844: what a MAG asks for over IPv4, option by option.
func TestDecodeOverUDP(t *testing.T) {
	capture := pcapFile(linkRaw, ip4(t, layers.IPProtocolUDP, 0, overIPv4(t, 5436, 5436)))
	got, err := run(t, string(capture), "decode", "-")
	want := "1  2026-01-02T03:04:05.000006Z  192.0.2.1 > 192.0.2.254 over udp  Proxy Binding Update (5): flags A P, sequence 9, lifetime 60 s\n" +
		"  IPv4 Home Address Request (36): address 10.1.2.3/24\n"
	if err != nil || got != want {
		t.Errorf("error %v\ngot  %q\nwant %q", err, got, want)
	}
}
