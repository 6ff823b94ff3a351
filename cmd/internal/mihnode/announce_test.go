package mihnode

import (
	"net/netip"
	"testing"
	"time"

	"netlmm/mih"
)

func group(c *Config) {
	c.MIH.Discovery.Multicast, c.MIH.Discovery.Interface, c.MIH.Discovery.Laboratory = netip.MustParseAddr("ff02::4551"), "link0", true
}

// TestAnnouncementsMakePeers: MIH Functions that no configuration names find each other by what they say to a multicast group of their link, and may
// be subscribed at; commands of each other they do not take.
func TestAnnouncementsMakePeers(t *testing.T) {
	sap := &commanded{accessPoint: newAccessPoint(1)}
	ap := runAs(t, "ap", ap6, nil, group, sap)
	mag := runAs(t, "mag", mag6, nil, group)
	eventually(t, "both know each other", func() bool {
		return peerStatus(t, ap, "mag").MIHFID == "mag" && peerStatus(t, mag, "ap").MIHFID == "ap" && mag.Takes("ap", mih.CommandLinkActions)
	})
	mag.subscribe("ap")
	mag.expect(mih.EventLinkUp, 1)
	if ap.directory.configured("mag") {
		t.Error("who was heard passes for one of the configuration")
	}
}

// TestHeardAreBounded, in number and in time.
func TestHeardAreBounded(t *testing.T) {
	var s seeker
	now := time.Unix(1000, 0)
	at := func(i int) netip.AddrPort {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, 100, byte(i)}), 4551)
	}
	for i := range 100 {
		if news := s.hear(at(i), now); news != (i < maximumFound) {
			t.Errorf("%d: news %v", i, news)
		}
	}
	if s.hear(at(0), now.Add(heardFor)) || len(s.servers()) != maximumFound {
		t.Errorf("%d are heard", len(s.heard))
	}
	if !s.forget(now.Add(heardFor+1)) || len(s.servers()) != 1 || s.forget(now.Add(heardFor+1)) {
		t.Errorf("%d are heard", len(s.heard))
	}
}
