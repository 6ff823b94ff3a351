package mag

import (
	"testing"
	"time"

	"netlmm/mobility"
	"netlmm/mobility/mh"
)

// TestConformanceRejection: after any status of 128 or more, of a registration or of an extension, there is no Router
// Advertisement but one that withdraws, and no forwarding, also when the mobile node solicits (RFC 5213 sections 6.9.1.2, 11 and 6.9.2, 2).
func TestConformanceRejection(t *testing.T) {
	for status := 128; status < 256; status++ {
		for _, extension := range []bool{false, true} {
			c := newConforming(t, true)
			c.attach(nil)
			if extension {
				c.answer(nil)
				c.pass(350 * time.Second)
			}
			c.did = nil
			c.answer(func(a *mh.BindingAcknowledgement) { a.Status = mobility.Status(status) })
			c.handle(RouterSolicited{"wlan0", nodeMAC})
			if n := c.mag.Forwarding().Len(); n != 0 {
				t.Errorf("status %d, extension %v: %d forwarding entries", status, extension, n)
			}
			for _, a := range c.did {
				if a, advertised := a.(AdvertiseRouter); advertised && (len(a.HomeNetworkPrefixes) > 0 || a.RouterLifetime > 0) {
					t.Errorf("status %d, extension %v: a Router Advertisement: %+v", status, extension, a)
				}
			}
		}
	}
}

// TestConformanceAcceptance: the tunnel and the routes stand before the Router Advertisement, which has every prefix; the
// Binding Update List has what was granted (RFC 5213 sections 6.1 and 6.9.1.2, 12 to 14).
func TestConformanceAcceptance(t *testing.T) {
	c := newConforming(t, true)
	c.attach(nil)
	if c.mag.Len() != 1 {
		t.Fatal("no Binding Update List entry after the PBU was sent") // section 6.9.1.1, 11
	}
	c.did = nil
	c.answer(func(a *mh.BindingAcknowledgement) { a.Lifetime = 50 })
	applied, advertised := -1, -1
	for i, action := range c.did {
		switch a := action.(type) {
		case ApplyForwarding:
			applied = i
		case AdvertiseRouter:
			advertised = i
			if len(a.HomeNetworkPrefixes) != len(given) || a.PrefixLifetime > 200*time.Second {
				t.Errorf("advertises %+v", a)
			}
		}
	}
	if applied < 0 || advertised < applied {
		t.Errorf("actions %+v, want forwarding before the advertisement", c.did)
	}
	for _, p := range given {
		if e, ok := c.mag.Forwarding().Get(p); !ok || e.Local != proxyCoA || e.Peer != defaultLMA || e.Interface != "wlan0" {
			t.Errorf("forwarding of %v: %+v", p, e)
		}
	}
	e := c.mag.Snapshot()[0]
	if e.MobileNodeID != nodeID || e.MobileNodeLinkLayerID != nodeMAC || e.LMAAddress != defaultLMA || e.Interface != "wlan0" ||
		len(e.HomeNetworkPrefixes) != len(given) || !e.Expires.Equal(c.now.Add(200*time.Second)) {
		t.Errorf("entry %+v", e)
	}
}

// TestConformanceUnknownOptions: an acknowledgement may have options that this MAG does not know, also several of a kind
// (RFC 5213 section 8.2).
func TestConformanceUnknownOptions(t *testing.T) {
	c := newConforming(t, true)
	c.attach(nil)
	c.answer(func(a *mh.BindingAcknowledgement) {
		a.Options.Unknown = []mh.RawOption{{Type: 200, Data: "x"}, {Type: 201, Data: ""}, {Type: 200, Data: "y"}}
	})
	if c.mag.Forwarding().Len() != len(given) {
		t.Error("the acknowledgement was not taken")
	}
}

// TestConformanceChangedEcho: an option that comes back changed makes the acknowledgement void, and the PBU is not sent again
// (RFC 5213 section 6.9.1.2, 6).
func TestConformanceChangedEcho(t *testing.T) {
	for name, change := range map[string]func(*mh.Options){
		"Handoff Indicator":      func(o *mh.Options) { o.HandoffIndicator = mobility.AttachmentOverNewInterface },
		"Access Technology Type": func(o *mh.Options) { o.AccessTechnologyType = mobility.AccessEthernet },
		"Mobile Node Identifier": func(o *mh.Options) { o.MobileNodeID = mobility.NAI("mn2") },
		"Link-layer Identifier":  func(o *mh.Options) { o.MobileNodeLinkLayerID = mobility.LinkLayerID([6]byte{2, 9}) },
	} {
		for _, unanswered := range []time.Duration{0, 10 * time.Second} {
			c := newConforming(t, true)
			c.attach(nil)
			c.pass(unanswered) // after several transmissions a new security association would have it sent at once
			sent := len(c.sent)
			c.answer(func(a *mh.BindingAcknowledgement) { change(&a.Options) })
			c.handle(SecurityAssociationChanged{defaultLMA, true})
			c.handle(PresenceConfirmed{"wlan0", nodeMAC})
			c.pass(time.Hour)
			if len(c.sent) != sent || c.mag.Forwarding().Len() != 0 {
				t.Errorf("%s changed: %d PBUs, %d forwarding entries", name, len(c.sent)-sent, c.mag.Forwarding().Len())
			}
		}
	}
}
