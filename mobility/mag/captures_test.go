package mag

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/gopacket/layers"

	"netlmm/mobility"
	"netlmm/mobility/mh"
	"netlmm/testbed/capturetest"
)

// The captures are of two other implementations, as they ran (../../../shared/vectors/README.md): their LMAs' answers are replayed, octet
// by octet, to a MAG that sent the PBU which they fit. To fit, a MAG begins with the sequence number of the capture and attaches the
// mobile node of the capture; nothing in the answers is changed.

// captured is the Mobility Header of one frame, with the addresses that it had.
func captured(t *testing.T, file string, frame int) MessageReceived {
	t.Helper()
	packets := capturetest.Packets(t, "testdata/"+file)
	if frame > len(packets) {
		t.Fatalf("%s has no frame %d", file, frame)
	}
	ip, ok := packets[frame-1].NetworkLayer().(*layers.IPv6)
	if !ok || ip.NextHeader != 135 {
		t.Fatalf("%s, frame %d is no Mobility Header", file, frame)
	}
	source, _ := netip.AddrFromSlice(ip.SrcIP)
	destination, _ := netip.AddrFromSlice(ip.DstIP)
	return MessageReceived{Source: source, Destination: destination, Payload: ip.Payload}
}

var (
	capturedLMA    = netip.MustParseAddr("2001:db8:1::1")
	capturedPrefix = netip.MustParsePrefix("2001:db8:aaaa:1::/64")
)

// replay is a MAG of a capture. Its next PBU has the sequence number next.
func replay(t *testing.T, compat mobility.Compat, proxyCareOfAddress netip.Addr, next uint16) *conforming {
	t.Helper()
	m, err := New(Config{
		ProxyCareOfAddress: proxyCareOfAddress, TimestampBasedApproachInUse: true,
		Compat: func(netip.Addr) mobility.Compat { return compat },
	})
	if err != nil {
		t.Fatal(err)
	}
	m.sequence = next - 1
	return &conforming{t: t, mag: m, now: start}
}

func (c *conforming) ignored() (reasons []DropReason) {
	for _, a := range c.did {
		if a, ok := a.(Ignored); ok {
			reasons = append(reasons, a.Reason)
		}
	}
	return reasons
}

// wantBound: the mobile node of the capture has its prefix until then, and its packets a way.
func (c *conforming) wantBound(t *testing.T, expires time.Time) {
	t.Helper()
	e, ok := c.mag.Forwarding().Get(capturedPrefix)
	if !ok || e.Peer != capturedLMA || c.mag.Forwarding().Len() != 1 {
		t.Fatalf("forwarding %+v; ignored %v", e, c.ignored())
	}
	if s := c.mag.Snapshot(); len(s) != 1 || s[0].State != "registered" || !s[0].Expires.Equal(expires) {
		t.Errorf("binding update list %+v, want one registered until %v", s, expires)
	}
}

// oaiNode attaches as the mobile node of the capture did: the identifier is two zero octets and the MAC address, taken for an NAI.
func oaiNode(c *conforming) {
	mac := [6]byte{2, 0, 0, 0, 0, 0xa1}
	c.attach(func(ev *LinkAttached) {
		ev.MobileNodeID, ev.MobileNodeLinkLayerID = mobility.NAI("\x00\x00"+string(mac[:])), mobility.LinkLayerID(mac)
		ev.LMAAddress, ev.HomeNetworkPrefixes = capturedLMA, []netip.Prefix{capturedPrefix}
		ev.HandoffIndicator, ev.Lifetime = mobility.HandoffBetweenMAGsSameInterface, 8*time.Second
	})
}

// TestCapturedOAI: registration, extension, de-registration and the registration at the second MAG. The answers have a Header Len that
// is too small, no P flag, no HI and ATT, a prefix of 128 bits, and the last one a timestamp of another request.
func TestCapturedOAI(t *testing.T) {
	first := netip.MustParseAddr("2001:db8:1::2")
	c := replay(t, mobility.CompatOAI, first, 0)
	oaiNode(c)
	ours, theirs := c.last(), captured(t, "oai-core.pcap", 4)
	var want mh.BindingUpdate
	if err := want.Decode(mh.RepairHeaderLen(theirs.Payload)); err != nil {
		t.Fatal(err)
	}
	if o, w := ours.Options, want.Options; ours.Sequence != want.Sequence || o.MobileNodeID != w.MobileNodeID || o.MobileNodeLinkLayerID != w.MobileNodeLinkLayerID ||
		o.HandoffIndicator != w.HandoffIndicator || o.AccessTechnologyType != w.AccessTechnologyType || o.Present != w.Present ||
		ours.Source != theirs.Source || ours.Destination != theirs.Destination || ours.BindingUpdate.Lifetime != want.Lifetime {
		t.Errorf("our PBU\n%+v\nthat of the capture\n%+v", ours, want)
	}
	c.handle(captured(t, "oai-core.pcap", 5))
	c.wantBound(t, start.Add(8*time.Second))

	c.pass(4 * time.Second)
	if u := c.last(); u.Kind != ReRegistration || u.Sequence != 1 || u.Options.HomeNetworkPrefixes[0] != capturedPrefix {
		t.Fatalf("extension %+v", u)
	}
	c.handle(captured(t, "oai-core.pcap", 7))
	c.wantBound(t, c.now.Add(8*time.Second))

	c.mag.sequence = 4
	c.handle(LinkDetached{"wlan0", ours.llid()})
	c.handle(captured(t, "oai-core.pcap", 28))
	if u := c.last(); u.Kind != DeRegistration || c.mag.Len() != 0 {
		t.Errorf("after the answer to %s: %d mobile nodes; ignored %v", u.Kind, c.mag.Len(), c.ignored())
	}

	second := replay(t, mobility.CompatOAI, netip.MustParseAddr("2001:db8:1::3"), 0)
	oaiNode(second)
	second.handle(captured(t, "oai-core.pcap", 32))
	second.wantBound(t, start.Add(8*time.Second))
}

// llid is the link-layer identifier as the access link has it.
func (u sentUpdate) llid() mobility.MobileNodeLinkLayerID {
	id := []byte(u.Options.MobileNodeLinkLayerID)
	return mobility.LinkLayerID([6]byte{id[0] ^ 2, id[1], id[2], id[5], id[6], id[7]})
}

// TestCapturedOAIFromStrictPeer: the same answers, from a peer that is said to follow the RFCs, are none; not even with the Header
// Len that they should have had.
func TestCapturedOAIFromStrictPeer(t *testing.T) {
	c := replay(t, mobility.CompatStrict, netip.MustParseAddr("2001:db8:1::2"), 0)
	oaiNode(c)
	answer := captured(t, "oai-core.pcap", 5)
	c.handle(answer)
	answer.Payload = mh.RepairHeaderLen(answer.Payload)
	c.handle(answer)
	if got := c.ignored(); len(got) != 2 || got[0] != DropMalformed || got[1] != DropNotProxy || c.mag.Forwarding().Len() != 0 {
		t.Errorf("ignored %v, %d forwarding entries", got, c.mag.Forwarding().Len())
	}
	if id := c.last().Options.MobileNodeLinkLayerID; len(id) != 6 {
		t.Errorf("link-layer identifier %v, want the MAC address as it is", id)
	}
}

func opmipNode(c *conforming, prefixes ...netip.Prefix) {
	c.attach(func(ev *LinkAttached) {
		ev.MobileNodeID, ev.MobileNodeLinkLayerID = mobility.NAI("mn1@example.net"), ""
		ev.LMAAddress, ev.HomeNetworkPrefixes, ev.Lifetime, ev.AccessTechnologyType = capturedLMA, prefixes, time.Minute, 0
	})
}

// TestCapturedOPMIP: both registrations. Our PBU is that of the capture, option for option: no Timestamp.
func TestCapturedOPMIP(t *testing.T) {
	for _, test := range []struct {
		proxyCareOfAddress string
		update, answer     int
		sequence           uint16
	}{
		{"2001:db8:1::2", 4, 5, 0x1406},
		{"2001:db8:1::3", 18, 19, 0x1411},
	} {
		c := replay(t, mobility.CompatOPMIP, netip.MustParseAddr(test.proxyCareOfAddress), test.sequence)
		opmipNode(c, capturedPrefix)
		var want mh.BindingUpdate
		if err := want.Decode(captured(t, "opmip-core.pcap", test.update).Payload); err != nil {
			t.Fatal(err)
		}
		if u := c.last(); u.Options.Present != want.Options.Present || u.Sequence != want.Sequence || u.Flags != want.Flags {
			t.Errorf("our PBU\n%+v\nthat of the capture\n%+v", u, want)
		}
		c.handle(captured(t, "opmip-core.pcap", test.answer))
		c.wantBound(t, start.Add(time.Minute))
	}
}

// TestCapturedOPMIPFromStrictPeer: to a peer that is said to follow the RFCs the PBU has a timestamp and may ask for any prefix.
// OPMIP would send that back, which is no grant; in its own profile it is not asked.
func TestCapturedOPMIPFromStrictPeer(t *testing.T) {
	c := replay(t, mobility.CompatStrict, netip.MustParseAddr("2001:db8:1::2"), 0x1406)
	opmipNode(c)
	u := c.last()
	if !u.Options.Present.Has(mh.OptionTimestamp) {
		t.Error("no timestamp")
	}
	answer := captured(t, "opmip-core.pcap", 5)
	var echo mh.BindingAcknowledgement
	if err := echo.Decode(answer.Payload); err != nil {
		t.Fatal(err)
	}
	echo.Options.HomeNetworkPrefixes = u.Options.HomeNetworkPrefixes // as that LMA does; the capture has no such request
	payload, err := echo.AppendTo(nil)
	if err != nil {
		t.Fatal(err)
	}
	answer.Payload = payload
	c.handle(answer)
	if got := c.ignored(); len(got) != 1 || got[0] != DropInvalidGrant {
		t.Errorf("ignored %v", got)
	}

	c = replay(t, mobility.CompatOPMIP, netip.MustParseAddr("2001:db8:1::2"), 0x1406)
	opmipNode(c)
	if got := c.ignored(); len(got) != 1 || got[0] != DropInvalidAttachment || len(c.sent) != 0 {
		t.Errorf("ignored %v, %d PBUs", got, len(c.sent))
	}
}
