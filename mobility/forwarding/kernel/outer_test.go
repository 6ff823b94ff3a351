package kernel

import (
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"golang.org/x/sys/unix"
)

// Values of the ECN field (RFC 3168 section 5).
const (
	notECT = 0
	ect1   = 1
	ect0   = 2
	ce     = 3
)

// marked is a packet like mark or markIPv4, with an ECN field and a hop limit.
func marked(t testing.TB, from, to, text string, ecn, hops uint8) []byte {
	t.Helper()
	var ip gopacket.SerializableLayer
	udp := &layers.UDP{SrcPort: markPort, DstPort: markPort}
	if netip.MustParseAddr(from).Is4() {
		ipv4 := &layers.IPv4{Version: 4, TOS: ecn, Protocol: layers.IPProtocolUDP, TTL: hops, SrcIP: net.ParseIP(from), DstIP: net.ParseIP(to)}
		_ = udp.SetNetworkLayerForChecksum(ipv4)
		ip = ipv4
	} else {
		ipv6 := &layers.IPv6{Version: 6, TrafficClass: ecn, NextHeader: layers.IPProtocolUDP, HopLimit: hops, SrcIP: net.ParseIP(from), DstIP: net.ParseIP(to)}
		_ = udp.SetNetworkLayerForChecksum(ipv6)
		ip = ipv6
	}
	b := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, ip, udp, gopacket.Payload(text)); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// transmit sends a packet with its own header.
func (s space) transmit(packet []byte) {
	s.t.Helper()
	s.run(func() {
		family := unix.AF_INET6
		var to unix.Sockaddr
		if packet[0]>>4 == 4 {
			family, to = unix.AF_INET, &unix.SockaddrInet4{Addr: [4]byte(packet[16:20])}
		} else {
			to = &unix.SockaddrInet6{Addr: [16]byte(packet[24:40])}
		}
		fd, err := unix.Socket(family, unix.SOCK_RAW, unix.IPPROTO_RAW)
		if err != nil {
			s.t.Errorf("raw socket: %v", err)
			return
		}
		defer unix.Close(fd)
		if err := unix.Sendto(fd, packet, 0, to); err != nil {
			s.t.Errorf("packet to %v: %v", to, err)
		}
	})
}

// capture is the packets that pass an interface, from their network headers on.
type capture struct {
	space
	fd int
}

func (s space) capture(dev string) *capture {
	s.t.Helper()
	c := &capture{s, -1}
	s.run(func() {
		i, err := net.InterfaceByName(dev)
		if err == nil {
			c.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM, 0x0300) // ETH_P_ALL
		}
		if err == nil {
			err = unix.Bind(c.fd, &unix.SockaddrLinklayer{Protocol: 0x0300, Ifindex: i.Index})
		}
		if err == nil {
			err = unix.SetsockoptTimeval(c.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 100_000})
		}
		if err != nil {
			s.t.Errorf("capture on %s: %v", dev, err)
		}
	})
	s.t.Cleanup(func() { unix.Close(c.fd) })
	return c
}

// with is the next packet that has text in it, of those that come within a while.
func (c *capture) with(text string) []byte {
	b := make([]byte, 2000)
	for deadline := time.Now().Add(time.Second); time.Now().Before(deadline); {
		n, err := unix.Read(c.fd, b)
		if err == nil && strings.Contains(string(b[:n]), text) {
			return b[:n]
		}
	}
	return nil
}

// await sends a packet until it is seen.
func (c *capture) await(text string, send func()) []byte {
	c.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		send()
		if b := c.with(text); b != nil {
			return b
		}
	}
	c.t.Fatalf("%q does not arrive", text)
	return nil
}

// ecnOf is the ECN field of the header at the beginning.
func ecnOf(packet []byte) uint8 {
	if packet[0]>>4 == 4 {
		return packet[1] & 3
	}
	return packet[1] >> 4 & 3
}

// RFC 5213 section 5.6.3, RFC 6040: a congestion mark that a router in the core makes reaches the mobile node, and a packet
// that could not have been marked is dropped; on the way in the outer header gets the inner field. RFC 2473 section 6.3: the outer hop
// limit is the tunnel's own.
func TestCongestionMarksAndHopLimitsOfTheOuterHeader(t *testing.T) {
	t.Parallel()
	d := newDualDomain(t)
	d.start()
	for _, r := range []*router{d.lma, d.mag1} {
		if w := r.kernel.Warnings(); len(w) != 0 {
			t.Fatalf("%s: %q", r.name, w)
		}
	}
	d.attachDual(d.mn1, hnp1, mn1Addr, mn1Home, "acc1", d.mag1, false)
	d.mn1.reaches(cnAddr)
	d.mn1.reaches(cn4)
	core, node, correspondent := d.space("sw").capture("mag1"), d.mn1.capture("tomag1"), d.cn.capture("eth0")
	congest := func(on bool) {
		d.space("sw").sh("nft flush ruleset")
		if on {
			d.space("sw").sh("nft add table bridge congestion; nft add chain bridge congestion c '{ type filter hook forward priority 0; }'; " +
				"nft add rule bridge congestion c meta protocol ip6 ip6 nexthdr '{ 4, 41 }' ip6 ecn set ce")
		}
	}
	type way struct {
		from     space
		src, dst string
		at       *capture
	}
	ways := map[string]way{
		"IPv6 down": {d.cn, cnAddr, mn1Addr, node}, "IPv6 up": {d.mn1, mn1Addr, cnAddr, correspondent},
		"IPv4 down": {d.cn, cn4, mn1Home, node}, "IPv4 up": {d.mn1, mn1Home, cn4, correspondent},
	}
	for name, w := range ways {
		for _, ecn := range []uint8{notECT, ect1, ect0, ce} {
			for _, hops := range []uint8{9, 200} {
				text := strings.ReplaceAll(name, " ", "") + string('0'+ecn) + string('a'+hops%26)
				congest(false)
				got := w.at.await(text, func() { w.from.transmit(marked(t, w.src, w.dst, text, ecn, hops)) })
				if ecnOf(got) != ecn {
					t.Errorf("%s, sent with %02b: arrived with %02b", name, ecn, ecnOf(got))
				}
				outer := core.with(text)
				if outer == nil || outer[0]>>4 != 6 || outer[6] != protocolIPv6 && outer[6] != protocolIPv4 {
					t.Fatalf("%s: what passes the core is no tunnel packet: % x", name, outer)
				}
				onTop := ecn
				if ecn == ce && d.lma.kernel.Name() == IP6Tnl {
					onTop = ect0 // as RFC 3168 section 9.1.1 has it, which RFC 6040 replaced
				}
				if ecnOf(outer) != onTop || outer[7] != tunnelHopLimit {
					t.Errorf("%s, sent with %02b and hop limit %d: outer header with %02b and %d, want the mark and %d", name, ecn, hops, ecnOf(outer), outer[7], tunnelHopLimit)
				}
			}
			text := strings.ReplaceAll(name, " ", "") + "congested" + string('0'+ecn)
			congest(true)
			if ecn != notECT {
				if got := w.at.await(text, func() { w.from.transmit(marked(t, w.src, w.dst, text, ecn, 64)) }); ecnOf(got) != ce {
					t.Errorf("%s, sent with %02b: congestion on the way arrives as %02b", name, ecn, ecnOf(got))
				}
				continue
			}
			for range 3 {
				w.from.transmit(marked(t, w.src, w.dst, text, ecn, 64))
			}
			control := w.at.await("control", func() { w.from.transmit(marked(t, w.src, w.dst, "control", ect0, 64)) })
			if strings.Contains(string(control), text) || w.at.with(text) != nil {
				t.Errorf("%s: a packet of a sender without ECN arrives although it met congestion", name)
			}
		}
	}
	// What is no tunnel packet keeps what it has.
	congest(false)
	for _, hops := range []uint8{9, 200} {
		text := "own" + string('a'+hops%26)
		got := core.await(text, func() { d.mag1.transmit(marked(t, mag1Addr, evilAddr, text, ect0, hops)) })
		if ecnOf(got) != ect0 || got[7] != hops {
			t.Errorf("the uplink's own packet with hop limit %d leaves with %02b and %d", hops, ecnOf(got), got[7])
		}
	}
}

// Without the programs packets pass all the same, and the operator is told. An uplink that was made anew gets them again.
func TestOuterHeaderProgramsFollowTheUplink(t *testing.T) {
	d := newDomain(t)
	d.mag1.cfg.Backend, d.lma.cfg.Backend = SEG6, SEG6
	d.start()
	d.attach(d.mn1, hnp1, mn1Addr, "acc1", d.mag1)
	d.mn1.reaches(cnAddr)
	core := func() uint8 {
		c := d.space("sw").capture("mag1")
		return c.await("hops", func() { d.mn1.transmit(marked(t, mn1Addr, cnAddr, "hops", ect0, 200)) })[7]
	}
	if got := core(); got != tunnelHopLimit {
		t.Errorf("outer hop limit %d, want %d", got, tunnelHopLimit)
	}
	d.mag1.sh("ip link del core0")
	d.wire("mag1", "core0", "sw", "mag1")
	d.space("sw").sh("ip link set mag1 master br0")
	d.mag1.sh("ip addr add " + mag1Addr + "/64 dev core0 nodad; ip link set core0 addrgenmode eui64 down; ip link set core0 up; ip addr replace " + mag1Addr + "/64 dev core0 nodad; ip -6 route add default via " + lmaAddr + " dev core0 onlink")
	d.mag1.resync()
	d.mn1.reaches(cnAddr)
	if got := core(); got != tunnelHopLimit {
		t.Errorf("outer hop limit %d over a new uplink, want %d", got, tunnelHopLimit)
	}
	_ = d.mag1.kernel.outer.detach()
	d.mag1.kernel.outer.uplink = "nope0"
	d.mag1.kernel.outer.renew(1)
	if w := d.mag1.kernel.Warnings(); len(w) != 1 || !strings.Contains(w[0], "nope0") {
		t.Errorf("what cannot be attached is not told: %q", w)
	}
	d.mn1.reaches(cnAddr)
}
