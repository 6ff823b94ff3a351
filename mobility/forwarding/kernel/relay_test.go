package kernel

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"golang.org/x/sys/unix"
)

// icmpError is an ICMP or ICMPv6 error as it arrives.
type icmpError struct {
	kind, code uint8
	mtu        uint32
	source     netip.Addr
	about      string // from the header of the packet in error on
}

// icmpErrorIn reads one, if packet is one.
func icmpErrorIn(packet []byte) (e icmpError, ok bool) {
	switch {
	case len(packet) > 48 && packet[0]>>4 == 6 && packet[6] == unix.IPPROTO_ICMPV6 && packet[40] < 128:
		return icmpError{packet[40], packet[41], binary.BigEndian.Uint32(packet[44:]), netip.AddrFrom16([16]byte(packet[8:24])), string(packet[48:])}, true
	case len(packet) > 28 && packet[0] == 4<<4|5 && packet[9] == unix.IPPROTO_ICMP && (packet[20] == 3 || packet[20] == 11 || packet[20] == 12):
		return icmpError{packet[20], packet[21], binary.BigEndian.Uint32(packet[24:]), netip.AddrFrom4([4]byte(packet[12:16])), string(packet[28:])}, true
	}
	return e, false
}

// told sends a packet, of which text is a part, until an error about it arrives.
func (c *capture) told(text string, send func()) icmpError {
	c.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
		send()
		for b := c.with(text); b != nil; b = c.with(text) {
			if e, ok := icmpErrorIn(b); ok {
				return e
			}
		}
	}
	c.t.Fatalf("nobody tells of %q", text)
	return icmpError{}
}

// longMark is a packet of length octets that must not be fragmented.
func longMark(t testing.TB, from, to, text string, length int) []byte {
	t.Helper()
	if netip.MustParseAddr(from).Is6() {
		return mark(t, from, to, text+strings.Repeat(".", length-40-8-len(text)))
	}
	packet := markIPv4(t, from, to, text+strings.Repeat(".", length-20-8-len(text)))
	packet[6] |= 0x40 // the kernel makes the checksum anew
	return packet
}

// RFC 2473 section 8: what a router inside the tunnel says of a tunnel packet, the entry tells the source of the original one.
func TestErrorsInsideTheTunnelReachTheSource(t *testing.T) {
	lma, mag, cn, mn := newNarrowDomain(t, "1500")
	rt := mag.space.lab.space("rt")
	for _, s := range []space{rt, lma.space, mag.space} { // or Linux reports once a second
		s.sh("sysctl -qw net.ipv6.icmp.ratelimit=0 net.ipv4.icmp_ratelimit=0")
	}
	mn.reaches(cnAddr)
	mn.reaches(cn4)
	const expired = "nft add table ip6 loop; nft add chain ip6 loop c '{ type filter hook prerouting priority 0; }'; nft add rule ip6 loop c ip6 nexthdr '{ 4, 41 }' ip6 hoplimit set 1"
	type way struct {
		name     string
		from     space
		at       *capture
		src, dst string
		entry    *router
		peer     netip.Addr
	}
	node, correspondent := mn.capture("tomag"), cn.capture("eth0")
	ways := []way{
		{"up6", mn, node, mn1Addr, cnAddr, mag, lma.cfg.Local}, {"up4", mn, node, mn1Home, cn4, mag, lma.cfg.Local},
		{"down6", cn, correspondent, cnAddr, mn1Addr, lma, mag.cfg.Local}, {"down4", cn, correspondent, cn4, mn1Home, lma, mag.cfg.Local},
	}
	for _, w := range ways {
		is6 := netip.MustParseAddr(w.src).Is6()
		check := func(what string, want icmpError, length int) {
			t.Helper()
			text := w.name + what
			packet := longMark(t, w.src, w.dst, text, length)
			got := w.at.told(text, func() { w.from.transmit(packet) })
			if got.kind != want.kind || got.code != want.code || got.mtu != want.mtu {
				t.Errorf("%s, %s: type %d, code %d, MTU %d; want %d, %d, %d", w.name, what, got.kind, got.code, got.mtu, want.kind, want.code, want.mtu)
			}
			if !strings.Contains(w.entry.sh("ip -o addr"), " "+got.source.String()+"/") || got.source.Is6() != is6 {
				t.Errorf("%s, %s: told by %v, which is no address of the tunnel's entry", w.name, what, got.source)
			}
			if from := strings.Index(got.about, text); is6 && from != 48 || !is6 && from != 28 {
				t.Errorf("%s, %s: what is told is not about the original packet, as it was sent", w.name, what)
			}
		}
		unreachable := icmpError{kind: 3, code: 1}
		if is6 {
			unreachable = icmpError{kind: 1, code: 3}
		}
		rt.sh("ip -6 route add unreachable " + w.peer.String() + "/128")
		check("unreachable", unreachable, 200)
		check("unreachablelong", unreachable, 1460)
		rt.sh("ip -6 route del unreachable " + w.peer.String() + "/128; " + expired)
		check("expired", unreachable, 200)
		rt.sh("nft flush ruleset")
		w.from.reaches(w.dst)
		w.entry.sh("ip -6 neigh flush all; ip -6 route add unreachable " + w.peer.String() + "/128")
		check("noroute", unreachable, 200)
		w.entry.sh("ip -6 route del unreachable " + w.peer.String() + "/128")
		w.from.reaches(w.dst)
	}
	// Too big for the path.
	rt.sh("ip link set far mtu 1400")
	for _, w := range ways[:2] {
		text := w.name + "big"
		got := w.at.told(text, func() { w.from.transmit(longMark(t, w.src, w.dst, text, 1450)) })
		want := icmpError{kind: 2, mtu: 1360}
		if netip.MustParseAddr(w.src).Is4() {
			want = icmpError{kind: 3, code: 4, mtu: 1360}
		}
		if got.kind != want.kind || got.code != want.code || got.mtu != want.mtu {
			t.Errorf("%s: type %d, code %d, MTU %d; want %d, %d, %d", text, got.kind, got.code, got.mtu, want.kind, want.code, want.mtu)
		}
		mn.reaches(w.dst)
	}
}

// forged sends an ICMPv6 error about a tunnel packet from outer to peer, with inner in it, to the one that would have sent that.
func (s space) forged(from, outer, peer string, inner []byte) {
	s.t.Helper()
	tunnel := &layers.IPv6{Version: 6, NextHeader: layers.IPProtocolIPv6, HopLimit: 64, SrcIP: net.ParseIP(outer), DstIP: net.ParseIP(peer)}
	if inner[0]>>4 == 4 {
		tunnel.NextHeader = layers.IPProtocolIPv4
	}
	about := gopacket.NewSerializeBuffer()
	ip := &layers.IPv6{Version: 6, NextHeader: layers.IPProtocolICMPv6, HopLimit: 64, SrcIP: net.ParseIP(from), DstIP: net.ParseIP(outer)}
	unreachable := &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(layers.ICMPv6TypeDestinationUnreachable, 0)}
	whole, options := gopacket.NewSerializeBuffer(), gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}
	err := errors.Join(unreachable.SetNetworkLayerForChecksum(ip), gopacket.SerializeLayers(about, options, tunnel, gopacket.Payload(inner)),
		gopacket.SerializeLayers(whole, options, ip, unreachable, gopacket.Payload(make([]byte, 4)), gopacket.Payload(about.Bytes())))
	if err != nil {
		s.t.Fatal(err)
	}
	s.transmit(whole.Bytes())
}

// Errors are easily forged, and the data plane must not be made to send others to whom it likes.
func TestForgedErrorsAreNotRelayed(t *testing.T) {
	t.Parallel()
	d := newDualDomain(t)
	for _, r := range []*router{d.mag1, d.lma} {
		r.cfg.Backend = SEG6 // devices relay by what Linux thinks right
	}
	d.start()
	d.attachDual(d.mn1, hnp1, mn1Addr, mn1Home, "acc1", d.mag1, false)
	d.attachDual(d.mn2, hnp2, mn2Addr, mn2Home, "acc2", d.mag1, false)
	d.mn1.reaches(cnAddr)
	node, correspondent, evil := d.mn1.capture("tomag1"), d.cn.capture("eth0"), d.evil.capture("core0")
	never := func(what, text string, at *capture, send func(), outcome string, by *router) {
		t.Helper()
		before := by.kernel.TunnelErrors()[outcome]
		for deadline := time.Now().Add(20 * time.Second); by.kernel.TunnelErrors()[outcome] == before; {
			if send(); time.Now().After(deadline) {
				t.Fatalf("%s: not counted as %s: %v", what, outcome, by.kernel.TunnelErrors())
			}
			if b := at.with(text); b != nil {
				if e, is := icmpErrorIn(b); is && e.source != netip.MustParseAddr(evilAddr) {
					t.Errorf("%s: relayed", what)
				}
			}
		}
	}
	// A control: what comes by the uplink about a packet that may be of the mobile node is told.
	node.told("fromthecore", func() { d.evil.forged(evilAddr, mag1Addr, lmaAddr, mark(t, mn1Addr, cnAddr, "fromthecore")) })
	node.told("fromthecore4", func() { d.evil.forged(evilAddr, mag1Addr, lmaAddr, markIPv4(t, mn1Home, cn4, "fromthecore4")) })
	correspondent.told("down", func() { d.evil.forged(evilAddr, lmaAddr, mag1Addr, mark(t, cnAddr, mn1Addr, "down")) })
	correspondent.told("down4", func() { d.evil.forged(evilAddr, lmaAddr, mag1Addr, markIPv4(t, cn4, mn1Home, "down4")) })

	never("from an access link", "access", node, func() { d.mn2.forged(mn2Addr, mag1Addr, lmaAddr, mark(t, mn1Addr, cnAddr, "access")) }, "not_ours", d.mag1)
	never("about a packet of no mobile node", "foreign", evil, func() { d.evil.forged(evilAddr, mag1Addr, lmaAddr, mark(t, evilAddr, cnAddr, "foreign")) }, "not_ours", d.mag1)
	never("about a packet to no mobile node", "elsewhere", correspondent, func() { d.evil.forged(evilAddr, lmaAddr, mag1Addr, mark(t, cnAddr, "2001:db8:dead::1", "elsewhere")) }, "not_ours", d.lma)
	never("about IPv4 to no mobile node", "elsewhere4", correspondent, func() { d.evil.forged(evilAddr, lmaAddr, mag1Addr, markIPv4(t, cn4, "192.0.2.66", "elsewhere4")) }, "not_ours", d.lma)
	never("about a fragment of a packet", "ffffffff", node, func() { d.evil.forged(evilAddr, mag1Addr, lmaAddr, mark(t, mn1Addr, cnAddr, "ffffffff")[:30]) }, "malformed", d.mag1)

	// What is not relayed takes nothing of the limit from what is.
	before := d.mag1.kernel.TunnelErrors()
	for deadline := time.Now().Add(20 * time.Second); d.mag1.kernel.TunnelErrors()["not_ours"] < before["not_ours"]+3*reportsAtOneStroke; {
		if time.Now().After(deadline) {
			t.Fatalf("a burst of errors about packets of no mobile node is not counted: %v", d.mag1.kernel.TunnelErrors())
		}
		d.evil.forged(evilAddr, mag1Addr, lmaAddr, mark(t, evilAddr, cnAddr, "foreignburst"))
	}
	if n := d.mag1.kernel.TunnelErrors()["rate_limit"] - before["rate_limit"]; n != 0 {
		t.Errorf("a burst of errors about packets of no mobile node: %d over the limit", n)
	}
	node.told("afterthat", func() { d.evil.forged(evilAddr, mag1Addr, lmaAddr, mark(t, mn1Addr, cnAddr, "afterthat")) })

	// Not faster than the limit: a burst is told in part.
	for range 4 * reportsAtOneStroke {
		d.evil.forged(evilAddr, mag1Addr, lmaAddr, mark(t, mn1Addr, cnAddr, "burst"))
	}
	never("faster than the limit", "", evil, func() {
		for range 2 * reportsAtOneStroke {
			d.evil.forged(evilAddr, mag1Addr, lmaAddr, mark(t, mn1Addr, cnAddr, "burst"))
		}
	}, "rate_limit", d.mag1)
}

// Errors are heard again after a time in which Linux did not let the relay wait for them, and it can be closed in such a time.
func TestRelayGoesOnAfterAFailedPoll(t *testing.T) {
	for _, recovers := range []bool{true, false} {
		wake, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
		if err != nil {
			t.Fatal(err)
		}
		waiting, calls := make(chan struct{}, 1), 0
		r := &relay{reports: [2]int{-1, -1}, wake: wake, ended: make(chan struct{}), counts: map[string]uint64{}}
		r.poll = func(wait []unix.PollFd, timeout int) (int, error) {
			if calls++; calls == 3 {
				waiting <- struct{}{}
			}
			if calls < 3 || !recovers {
				return -1, unix.ENOMEM
			}
			return unix.Poll(wait, timeout)
		}
		go r.run()
		<-waiting
		r.close()
		if n := r.counts[pollFailed]; n != 2 && recovers || n < 2 {
			t.Errorf("recovers %t: %d failures counted", recovers, n)
		}
	}
}

// RFC 5213 section 6.10.5: a gateway drops silently what the tunnel brings for a mobile node that is not there. What else it has to
// say of a packet that came through the tunnel is for the source of that packet: its way is behind the tunnel (RFC 2473 section 8).
func TestGatewayIsSilentAboutWhatItCannotDeliver(t *testing.T) {
	t.Parallel()
	d := newDualDomain(t)
	d.start()
	d.attachDual(d.mn1, hnp1, mn1Addr, mn1Home, "acc1", d.mag1, false)
	d.mn1.reaches(cnAddr)
	d.mn1.reaches(cn4)
	d.detach(hnp1, d.mag1) // the anchor has not heard of it
	d.detach(mn1Home+"/32", d.mag1)
	d.attachDual(d.mn2, hnp2, mn2Addr, mn2Home, "acc2", d.mag1, false)
	core, correspondent := d.space("sw").capture("mag1"), d.cn.capture("eth0")
	for _, w := range []struct{ name, src, lost, there string }{{"6", cnAddr, mn1Addr, mn2Addr}, {"4", cn4, mn1Home, mn2Home}} {
		for range 5 {
			d.cn.transmit(longMark(t, w.src, w.lost, "lost"+w.name, 100))
		}
		// A control, and the error that there is: the hop limit ends at the gateway.
		got := correspondent.told("expired"+w.name, func() {
			d.cn.transmit(marked(t, w.src, w.there, "expired"+w.name, notECT, 2))
		})
		if want := map[bool]uint8{true: 3, false: 11}[w.name == "6"]; got.kind != want || got.code != 0 {
			t.Errorf("IPv%s: a hop limit that ends behind the tunnel is told as type %d, code %d", w.name, got.kind, got.code)
		}
		for _, c := range []*capture{core, correspondent} {
			for b := c.with("lost" + w.name); b != nil; b = c.with("lost" + w.name) {
				if e, is := icmpErrorIn(b); is {
					t.Errorf("IPv%s: the gateway tells of a packet that it must drop silently: type %d, code %d, from %v", w.name, e.kind, e.code, e.source)
					t.Logf("% x", b)
				}
			}
		}
	}
}
