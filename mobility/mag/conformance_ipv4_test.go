package mag

import (
	"net/netip"
	"testing"
	"time"

	"netlmm/mobility"
	"netlmm/mobility/mh"
)

var (
	homeAddressGiven = netip.MustParsePrefix("10.64.0.9/16")
	homeRouter       = netip.MustParseAddr("10.64.0.1")
)

// answerIPv4 is the acknowledgement of a conforming LMA with IPv4, with changes.
func (c *conforming) answerIPv4(change func(*mh.Options)) {
	c.answer(func(a *mh.BindingAcknowledgement) {
		o := &a.Options
		o.Present &^= 1 << mh.OptionIPv4HomeAddressRequest
		o.Present.Add(mh.OptionIPv4HomeAddressReply, mh.OptionIPv4DefaultRouter, mh.OptionIPv4DHCPSupportMode)
		o.IPv4HomeAddressReply.Address, o.IPv4DefaultRouter, o.IPv4DHCPSupportMode = homeAddressGiven, homeRouter, mh.DHCPServer
		if change != nil {
			change(o)
		}
	})
}

// TestConformanceIPv4Update holds the three PBUs of a stay against RFC 5844 sections 3.2.3.1 and 3.2.3.3: the option of each
// family that the policy names and no other, all zeros first, then exactly what is bound.
func TestConformanceIPv4Update(t *testing.T) {
	for name, policy := range map[string]families{"IPv6": {ipv6: true}, "IPv4": {ipv4: true}, "both": {true, true}} {
		t.Run(name, func(t *testing.T) {
			c := newConforming(t, true)
			c.attach(func(ev *LinkAttached) { ev.IPv6Prohibited, ev.IPv4Mobility = !policy.ipv6, policy.ipv4 })
			wantFamilies(t, c.last(), policy, allZeroPrefix, anyHomeAddress)
			c.answerIPv4(nil)
			c.pass(350 * time.Second)
			wantFamilies(t, c.last(), policy, given, homeAddressGiven)
			c.answerIPv4(nil)
			c.handle(LinkDetached{"wlan0", nodeMAC})
			wantFamilies(t, c.last(), policy, given, homeAddressGiven)
		})
	}
	c := newConforming(t, true)
	asked := netip.MustParsePrefix("10.64.7.7/16")
	c.attach(func(ev *LinkAttached) { ev.IPv4Mobility, ev.IPv4HomeAddress = true, asked })
	wantFamilies(t, c.last(), families{true, true}, allZeroPrefix, asked)
}

func wantFamilies(t *testing.T, u sentUpdate, policy families, prefixes []netip.Prefix, home netip.Prefix) {
	t.Helper()
	o := &u.Options
	if has := (families{o.Present.Has(mh.OptionHomeNetworkPrefix), o.Present.Has(mh.OptionIPv4HomeAddressRequest)}); has != policy {
		t.Errorf("%s: families %+v, want %+v", u.Kind, has, policy)
	}
	if policy.ipv6 && (len(o.HomeNetworkPrefixes) != len(prefixes) || o.HomeNetworkPrefixes[0] != prefixes[0]) {
		t.Errorf("%s: prefixes %v, want %v", u.Kind, o.HomeNetworkPrefixes, prefixes)
	}
	if policy.ipv4 && o.IPv4HomeAddressRequest != home {
		t.Errorf("%s: IPv4 home address %v, want %v", u.Kind, o.IPv4HomeAddressRequest, home)
	}
}

// TestConformanceIPv4Acceptance: the entry, the tunnel, the route and the offer with the default router, in this order and all
// before the Router Advertisement (RFC 5844 sections 3.2.1 and 3.2.3.2); over an IPv4 transport network the tunnel is IPv4 (4.2.2).
func TestConformanceIPv4Acceptance(t *testing.T) {
	c := newConforming(t, true)
	c.attach(func(ev *LinkAttached) { ev.IPv4Mobility = true })
	c.did = nil
	c.answerIPv4(nil)
	applied, offered, advertised := -1, -1, -1
	for i, action := range c.did {
		switch a := action.(type) {
		case ApplyForwarding:
			applied = i
		case OfferAddresses:
			offered = i
			if a.IPv4HomeAddress != homeAddressGiven || a.IPv4DefaultRouter != homeRouter || a.DHCPRelay || len(a.HomeNetworkPrefixes) != len(given) {
				t.Errorf("offers %+v", a)
			}
		case AdvertiseRouter:
			advertised = i
		}
	}
	if applied < 0 || offered < applied || advertised < offered {
		t.Errorf("forwarding %d, offer %d, advertisement %d", applied, offered, advertised)
	}
	route := netip.PrefixFrom(homeAddressGiven.Addr(), 32)
	if e, ok := c.mag.Forwarding().Get(route); !ok || e.Local != proxyCoA || e.Peer != defaultLMA || e.MobileNodeLinkLayerID != nodeMAC {
		t.Errorf("forwarding %+v", e)
	}
	if e := c.mag.Snapshot()[0]; e.IPv4HomeAddress != homeAddressGiven || e.IPv4DefaultRouter != homeRouter {
		t.Errorf("entry %+v", e)
	}
}

// TestConformanceIPv4Rejection: without a reply option, or with one that rejects, nothing of IPv4 stands, also at an extension of
// what stood before; the prefixes are not touched (RFC 5844 sections 3.2.3.2, 3.2.3.3 and 3.4.3).
func TestConformanceIPv4Rejection(t *testing.T) {
	reject := func(o *mh.Options, status int) {
		if o.IPv4HomeAddressReply.Status = mh.IPv4HomeAddressStatus(status); status == 0 {
			o.Present &^= 1 << mh.OptionIPv4HomeAddressReply
		}
	}
	for _, extension := range []bool{false, true} {
		for _, status := range []int{0, 128, 129, 130, 131, 132, 200, 255} {
			c := newConforming(t, true)
			c.attach(func(ev *LinkAttached) { ev.IPv4Mobility = true })
			if extension {
				c.answerIPv4(nil)
				c.pass(350 * time.Second)
			}
			c.did = nil
			c.answerIPv4(func(o *mh.Options) { reject(o, status) })
			if n := c.mag.Forwarding().Len(); n != len(given) {
				t.Errorf("status %d, extension %v: %d forwarding entries", status, extension, n)
			}
			for _, action := range c.did {
				if a, ok := action.(OfferAddresses); ok && a.IPv4HomeAddress.IsValid() {
					t.Errorf("status %d, extension %v: offers %+v", status, extension, a)
				}
			}
			if e := c.mag.Snapshot()[0]; e.IPv4HomeAddress.IsValid() || e.State != "registered" {
				t.Errorf("status %d, extension %v: %+v", status, extension, e)
			}
		}
	}
}

// TestConformanceDHCPSupportMode: a server only where the LMA says so (RFC 5844 section 3.2.3.2).
func TestConformanceDHCPSupportMode(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*mh.Options)
		relay  bool
	}{
		"S is 1":    {nil, false},
		"S is 0":    {func(o *mh.Options) { o.IPv4DHCPSupportMode = mh.DHCPRelay }, true},
		"no option": {func(o *mh.Options) { o.Present &^= 1 << mh.OptionIPv4DHCPSupportMode }, true},
	} {
		c := newConforming(t, true)
		c.attach(func(ev *LinkAttached) { ev.IPv4Mobility = true })
		c.did = nil
		c.answerIPv4(test.change)
		for _, action := range c.did {
			if a, ok := action.(OfferAddresses); ok && a.DHCPRelay != test.relay {
				t.Errorf("%s: relay %v", name, a.DHCPRelay)
			}
		}
	}
}

// TestConformanceLinkLocalAddress: the option is in every PBU where no fixed link-local address is configured, all zero before
// the LMA gave one, and in none where one is (RFC 5213 section 6.9.1.1, 9).
func TestConformanceLinkLocalAddress(t *testing.T) {
	ours := netip.MustParseAddr("fe80::1234")
	for _, anchor := range []bool{false, true} {
		c := newConforming(t, true)
		want := func(address netip.Addr) {
			t.Helper()
			u := c.last()
			if u.Options.Present.Has(mh.OptionLinkLocalAddress) != anchor || anchor && u.Options.LinkLocalAddress != address {
				t.Errorf("anchor %v, %s: %v", anchor, u.Kind, u.Options.LinkLocalAddress)
			}
		}
		grant := func(a *mh.BindingAcknowledgement) {
			a.Options.LinkLocalAddress = ours
			a.Options.Present.Add(mh.OptionLinkLocalAddress)
		}
		c.attach(func(ev *LinkAttached) { ev.AnchorLinkLocal = anchor })
		want(netip.IPv6Unspecified())
		c.answer(grant)
		c.pass(350 * time.Second)
		want(ours)
		c.answer(grant)
		c.handle(LinkDetached{"wlan0", nodeMAC})
		want(ours)
	}
}

// TestConformanceRefusalStands: after 152, and after 170 and 172 where nothing else is wanted, no PBU is sent for that mobile node
// whatever happens on its link, before an administrative action (RFC 5213 section 6.9.1.2, 7; RFC 5844 section 3.2.3.2).
func TestConformanceRefusalStands(t *testing.T) {
	for _, status := range []mobility.Status{
		mobility.StatusProxyRegNotEnabled, mobility.StatusNotAuthorizedForIPv4Mobility, mobility.StatusNotAuthorizedForIPv6Mobility,
	} {
		c := newConforming(t, true)
		attach := func() {
			c.attach(func(ev *LinkAttached) {
				ev.IPv4Mobility = status == mobility.StatusNotAuthorizedForIPv4Mobility
				ev.IPv6Prohibited = ev.IPv4Mobility
			})
		}
		attach()
		c.answer(func(a *mh.BindingAcknowledgement) {
			a.Status = status
			a.Options.Present &^= 1 << mh.OptionIPv4HomeAddressRequest
		})
		sent := len(c.sent)
		attach()
		c.handle(SecurityAssociationChanged{defaultLMA, true})
		c.handle(PeerRestarted{defaultLMA})
		c.handle(ClockSynchronized{})
		c.handle(PresenceConfirmed{"wlan0", nodeMAC})
		c.pass(time.Hour)
		c.handle(LinkDetached{"wlan0", nodeMAC})
		attach()
		if len(c.sent) != sent {
			t.Errorf("status %v: %d more PBUs", status, len(c.sent)-sent)
		}
		c.handle(AdministrativeAction{nodeID})
		attach()
		if len(c.sent) != sent+1 {
			t.Errorf("status %v: %d PBUs after the administrative action", status, len(c.sent)-sent)
		}
	}
}
