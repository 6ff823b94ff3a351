package kernel

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"netlmm/mobility"
)

// fragments is an IPv4 packet in two parts: the first has 8 octets after the header.
func fragments(packet []byte, id byte) (first, last []byte) {
	const header, some = 20, 8
	first = append([]byte{}, packet[:header+some]...)
	last = append(append([]byte{}, packet[:header]...), packet[header+some:]...)
	first[5], last[5] = id, id
	first[6], last[7] = 0x20, some/8 // more follow, offset
	for _, part := range [][]byte{first, last} {
		part[2], part[3] = byte(len(part)>>8), byte(len(part))
	}
	return first, last
}

// Fragments of another station of the link are not put together with those of the mobile node.
func TestOffloadJudgesFragments(t *testing.T) {
	d := newOffloadDomain(t, Masquerade)
	d.start()
	d.attachDual(d.mn1, hnp1, mn1Addr, mn1Home, "acc1", d.mag1, false)
	d.offload(d.mag1, mn1Home, allButWeb)
	own, router := d.mn1.mac("tomag1"), d.mag1.mac("acc1")
	as := func(mac [6]byte) {
		d.mn1.sh(fmt.Sprintf("ip link set tomag1 address %s; ip neigh replace %s lladdr %s nud permanent dev tomag1", net.HardwareAddr(mac[:]), router4, net.HardwareAddr(router[:])))
	}
	from, to := netip.MustParseAddrPort(mn1Home+":7000"), netip.MustParseAddrPort(cn4+":7777")
	id := byte(0)
	send := func(text string, finishes [6]byte) func() {
		return func() {
			id++
			first, last := fragments(datagram(t, from, to, text), id)
			as(own)
			d.mn1.transmit(first)
			as(finishes)
			d.mn1.transmit(last)
		}
	}
	d.cn.listenIPv4().only("the rest of a datagram from another", send("bad", [6]byte{2, 9, 9, 9, 9, 9}), send("good", own))
}

// What others mark is not taken for ours.
func TestOffloadIgnoresMarksOfOthers(t *testing.T) {
	d := newOffloadDomain(t, Masquerade)
	d.start()
	d.attachDual(d.mn1, hnp1, mn1Addr, mn1Home, "acc1", d.mag1, false)
	d.attachDual(d.mn2, hnp2, mn2Addr, mn2Home, "acc2", d.mag1, false)
	d.offload(d.mag1, mn1Home, allButWeb)
	d.mag1.sh("nft 'add table ip t; add chain ip t f { type filter hook prerouting priority -160; }; add rule ip t f iifname { acc1, acc2 } meta mark set 0x10000000'")
	d.mn1.seenAs(mn1Home, "tcp4", any1, cn4+":443")
	d.mn1.seenAs(mag1Seen, "tcp4", any1, cn4+":80")
	d.mn2.seenAs(mn2Home, "tcp4", any2, cn4+":80")
}

// RFC 6909 section 3.3: what does not go beyond the link is not offloaded, nor what goes to many.
func TestOffloadLeavesTheLinkAlone(t *testing.T) {
	d := newOffloadDomain(t, Masquerade)
	d.start()
	d.attachDual(d.mn1, hnp1, mn1Addr, mn1Home, "acc1", d.mag1, false)
	d.offload(d.mag1, mn1Home, allButWeb)
	for _, to := range []string{"169.254.9.9", "240.0.0.9"} {
		d.mn1.transmit(datagram(t, netip.MustParseAddrPort(mn1Home+":7000"), netip.MustParseAddrPort(to+":7000"), "link"))
		d.mn1.seenAs(mag1Seen, "udp4", any1, cn4+":80") // it has arrived
		flows := d.mag1.tracked("dst=" + to + " ")
		if len(flows) != 1 || strings.Contains(flows[0], "dst="+mag1Seen+" ") {
			t.Errorf("to %s: %q", to, flows)
		}
	}
}

// What belongs to no flow cannot be translated, and does not leave with the home address.
func TestOffloadDropsWhatIsInvalid(t *testing.T) {
	d := newOffloadDomain(t, Masquerade)
	d.start()
	d.attachDual(d.mn1, hnp1, mn1Addr, mn1Home, "acc1", d.mag1, false)
	d.offload(d.mag1, mn1Home, allButWeb)
	var heard net.PacketConn
	d.cn.run(func() {
		var err error
		if heard, err = net.ListenPacket("ip4:icmp", cn4); err != nil {
			t.Errorf("listen to ICMP: %v", err)
		}
	})
	if heard == nil {
		return
	}
	defer heard.Close()
	ip := &layers.IPv4{Version: 4, Protocol: layers.IPProtocolICMPv4, TTL: 64, SrcIP: net.ParseIP(mn1Home), DstIP: net.ParseIP(cn4)}
	b := gopacket.NewSerializeBuffer()
	answer := &layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(layers.ICMPv4TypeEchoReply, 0), Id: 1, Seq: 1} // to nothing
	if err := gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, ip, answer); err != nil {
		t.Fatal(err)
	}
	d.mn1.transmit(b.Bytes())
	d.mn1.reaches(cn4) // the same way
	_ = heard.SetDeadline(time.Now().Add(20 * time.Second))
	p := make([]byte, 1000)
	for {
		n, from, err := heard.ReadFrom(p)
		if err != nil || n == 0 {
			t.Fatalf("nothing is heard: %v", err)
		}
		if p[0] == layers.ICMPv4TypeEchoRequest {
			return
		}
		t.Errorf("ICMP of type %d comes from %v", p[0], from)
	}
}

// A policy that is there again keeps the flows that have not been deleted yet.
func TestOffloadKeepsFlowsOfWhoComesBack(t *testing.T) {
	d := newOffloadDomain(t, Masquerade)
	d.start()
	d.attachDual(d.mn1, hnp1, mn1Addr, mn1Home, "acc1", d.mag1, false)
	d.offload(d.mag1, mn1Home, allButWeb)
	f := d.mag1.kernel.system.(*conn).offloading.flows
	pending := func() int {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.delete = func(uint32) error { return errors.New("not now") }
		return len(f.marks)
	}
	if n := pending(); n != 0 {
		t.Errorf("%d marks are to be deleted", n)
	}
	d.offload(d.mag1, mn1Home, mobility.OffloadPolicy{})
	if n := pending(); n != 1 {
		t.Errorf("%d marks are to be deleted", n)
	}
	d.offload(d.mag1, mn1Home, allButWeb)
	if n := pending(); n != 0 {
		t.Errorf("%d marks are to be deleted although the policy is there", n)
	}
}
