package main

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"netlmm/configs"
	"netlmm/mobility/accesslink"
)

// TestAccessMTU: mobile nodes are told what passes the tunnel (RFC 5213 section 6.9.5), unless the operator says otherwise.
func TestAccessMTU(t *testing.T) {
	lo, err := net.InterfaceByName("lo")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name               string
		configured, tunnel int
		want               int
	}{
		{"the tunnel's", 0, 1460, 1460},
		{"the operator's", 1400, 1460, 1400},
		{"the link's, which is smaller", 0, lo.MTU + 1, lo.MTU},
		{"the link's, without a tunnel", 0, 0, lo.MTU},
	} {
		mtu, err := accessMTU(configs.AccessLink{Interface: "lo", MTU: c.configured}, c.tunnel)
		if err != nil || mtu != c.want || linkConfig(&configs.Magd{}, configs.AccessLink{}, mtu, nil).MTU != c.want {
			t.Errorf("%s: %d, error %v", c.name, mtu, err)
		}
	}
	if _, err := accessMTU(configs.AccessLink{Interface: "none"}, 1460); err == nil {
		t.Error("an interface that is not there has an MTU")
	}
}

func TestWhatAnAccessLinkIsTold(t *testing.T) {
	server, dns := netip.MustParseAddr("2001:db8::547"), []netip.Addr{netip.MustParseAddr("2001:db8::53")}
	cfg := &configs.Magd{MaxBindackTimeout: 32 * time.Second, DNSServers: dns}
	relay := &accesslink.Relay{}
	link := configs.AccessLink{Interface: "acc0", AnchorLinkLocal: true, DHCPv4: true, DHCPv6: "relay", DHCPv6Servers: []netip.Addr{server}}
	c := linkConfig(cfg, link, 1460, relay)
	if c.Interface != "acc0" || c.LinkLocalAddress.IsValid() || !c.DHCPv4 || c.DHCPv6 != accesslink.DHCPv6Relay || c.DHCPv6Servers[0] != server ||
		c.Relay != relay || c.DNSServers[0] != dns[0] || c.PresenceWindow <= cfg.MaxBindackTimeout {
		t.Errorf("%+v", c)
	}
	if !relays(link) || relays(configs.AccessLink{DHCPv4: true, DHCPv6: "server"}) {
		t.Error("the relay agents are opened for nothing, or not at all")
	}
}
