package main

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"netlmm/configs"
	"netlmm/mih"
	"netlmm/mih/handover"
	"netlmm/mih/miis"
	"netlmm/mih/wire"
	"netlmm/security"
)

func poa(i byte) mih.LinkAddress { return mih.MACAddress([6]byte{2, 0xa, 0, 0, 0, i}) }

var mag1, mag2, mag3 = netip.MustParseAddr("2001:db8:f0::1"), netip.MustParseAddr("2001:db8:f0::2"), netip.MustParseAddr("2001:db8:f0::3")

func gatewayAt(name string, a netip.Addr) configs.Peer {
	return configs.Peer{Name: name, Kind: configs.Gateway, Peer: security.Peer{Address: a}}
}

func functionAt(name string, id mih.MIHFID, a netip.Addr) configs.MIHPeer {
	return configs.MIHPeer{Name: name, MIHFID: id, Address: netip.AddrPortFrom(a, 4551)}
}

// preparing is a gateway with the points of attachment 1 and 2 beside mag2 with 3 and 4, and mag3, whose MIH Function is not known, with 5.
func preparing() *configs.Magd {
	behind := functionAt("ap1", "ap1", netip.MustParseAddr("2001:db8:f0::21"))
	behind.Interface, behind.PointsOfAttachment = "acc0", []mih.LinkAddress{poa(2)}
	at := func(i byte, gateway, network string, id mih.MIHFID) configs.PointOfAttachment {
		return configs.PointOfAttachment{Address: poa(i), LinkType: mih.LinkType80211, Gateway: gateway, NetworkID: network, Channel: 36, MIHFID: id}
	}
	return &configs.Magd{
		ProxyCareOfAddress: mag1, MaximumMobileNodes: 2,
		Gateways: []configs.Peer{gatewayAt("mag2", mag2), gatewayAt("mag3", mag3)},
		Hostapd:  []configs.HostapdSource{{Interface: "acc0", PointOfAttachment: poa(1), LinkType: mih.LinkType80211}},
		MIH: configs.MIH{MIHFID: "magd", Peers: []configs.MIHPeer{
			behind, functionAt("mag2", "mihf.mag2", mag2), functionAt("mag3", "", mag3), functionAt("info", "info", netip.MustParseAddr("2001:db8:f0::9")),
		}},
		Handover: configs.Handover{Predictive: true, OnLinkGoingDown: true, PreparationTimeout: 500 * time.Millisecond, PointsOfAttachment: []configs.PointOfAttachment{
			at(1, "", "blue", ""), at(3, "mag2", "blue", "ap3"), at(4, "mag2", "red", ""), at(5, "mag3", "blue", ""),
		}},
	}
}

func networkOf(t *testing.T, cfg *configs.Magd) *network {
	t.Helper()
	n, err := newNetwork(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func numbers(candidates []handover.Candidate) (list []byte) {
	for _, c := range candidates {
		mac, _ := c.PointOfAttachment.MAC()
		list = append(list, mac[5])
	}
	return list
}

func (n *network) wantCandidates(t *testing.T, at byte, want ...byte) {
	t.Helper()
	if got := numbers(n.candidates(poa(at), time.Time{})); !slices.Equal(got, want) {
		t.Errorf("candidates from %d: %v, want %v", at, got, want)
	}
}

func tupleAt(i, station byte) mih.LinkTupleID {
	return mih.LinkTupleID{Link: mih.LinkID{Type: mih.LinkType80211, Address: mih.MACAddress([6]byte{2, 0, 0, 0, 0, station})}, PointOfAttachment: poa(i)}
}

func TestCandidates(t *testing.T) {
	n := networkOf(t, preparing())
	n.wantCandidates(t, 1, 3)
	n.wantCandidates(t, 2, 1, 3, 4) // which network 2 has nobody knows
	if got := numbers(n.someCandidates(poa(2), maximumCandidates, false)); !slices.Equal(got, []byte{3, 4}) {
		t.Errorf("of other gateways: %v", got)
	}
	n.identified(n.cfg.MIH.Peers[2], "mihf.mag3")
	n.wantCandidates(t, 1, 3, 5)
	c, ok := n.target(poa(4)) // in another network than the station, but that is for who chose it
	if want := (handover.Candidate{PointOfAttachment: poa(4), LinkType: mih.LinkType80211, NetworkID: "red", Channel: 36, MIHFID: "mihf.mag2", Load: -1}); !ok || c != want {
		t.Errorf("4 is %+v", c)
	}
	if _, ok := n.target(poa(9)); ok {
		t.Error("9 is known")
	}
	for i, want := range map[byte]netip.Addr{1: {}, 3: mag2, 5: mag3, 9: {}} {
		if got := n.gatewayOf(poa(i)); got != want {
			t.Errorf("the gateway of %d is %v", i, got)
		}
	}
	if a := n.gateway(handover.Candidate{MIHFID: "mihf.mag3"}); a != mag3 {
		t.Errorf("mihf.mag3 is at %v", a)
	}
}

// TestOwnCandidatesDisplaceNoOthers: they are beside those of other gateways, as many as there are.
func TestOwnCandidatesDisplaceNoOthers(t *testing.T) {
	cfg := preparing()
	cfg.Handover.PointsOfAttachment = nil
	for i := range byte(maximumCandidates + 4) {
		cfg.Handover.PointsOfAttachment = append(cfg.Handover.PointsOfAttachment, configs.PointOfAttachment{Address: poa(100 + i), LinkType: mih.LinkType80211})
	}
	cfg.Handover.PointsOfAttachment = append(cfg.Handover.PointsOfAttachment, configs.PointOfAttachment{Address: poa(200), LinkType: mih.LinkType80211, Gateway: "mag2"})
	got := numbers(networkOf(t, cfg).candidates(poa(100), time.Time{}))
	if len(got) != maximumCandidates+1 || !slices.Contains(got, 200) {
		t.Errorf("candidates %v", got)
	}
}

func TestOwnPointsOfAttachment(t *testing.T) {
	n := networkOf(t, preparing())
	n.seen(mih.Indication{Source: "magd", Interface: "acc0", Event: mih.LinkUp{Link: tupleAt(6, 1)}})
	n.seen(mih.Indication{Source: "ap1", Interface: "acc0", Event: mih.LinkUp{Link: tupleAt(7, 1)}})
	n.seen(mih.Indication{Source: "info", Event: mih.LinkUp{Link: tupleAt(8, 1)}}) // sees it, and serves none
	for i := range byte(2) {                                                       // it hears its own access point, and one of elsewhere
		n.seen(mih.Indication{Source: "magd", Interface: "acc0", Event: mih.LinkDetected{Link: tupleAt(1+9*i, 1)}})
	}
	for i, want := range map[byte]bool{10: false, 0: false, 1: true, 2: true, 3: false, 5: false, 6: true, 7: true, 8: false, 9: false} {
		if n.local(poa(i)) != want {
			t.Errorf("%d is this gateway's own: %v", i, !want)
		}
	}
}

// TestHostapdSaysWhoseItIs: what an access point here has is this gateway's own, though a list copied from another one says otherwise.
func TestHostapdSaysWhoseItIs(t *testing.T) {
	cfg := preparing()
	cfg.Handover.PointsOfAttachment[0].Gateway = "mag2"
	if n := networkOf(t, cfg); !n.local(poa(1)) {
		t.Error("1 is not this gateway's own")
	}
}

// TestPeersTellOfTheirPointsOfAttachment: another gateway's are candidates, those of who serves none are not.
func TestPeersTellOfTheirPointsOfAttachment(t *testing.T) {
	n := networkOf(t, preparing())
	wlan := mih.LinkType80211
	links := func(i byte) []mih.NetworkTypeAddress {
		return []mih.NetworkTypeAddress{{Network: mih.NetworkType{Link: &wlan}, Address: poa(i)}}
	}
	n.information.Map(func(m *miis.Map) {
		m.LearnLinks(time.Now(), "mihf.mag2", links(6))
		m.LearnLinks(time.Now(), "ap3", links(7)) // an access point of mag2, by the list
		m.LearnLinks(time.Now(), "info", links(8))
	})
	for i, want := range map[byte]netip.Addr{6: mag2, 7: mag2, 8: {}} {
		if a := n.gatewayOf(poa(i)); a != want {
			t.Errorf("the gateway of %d is %v", i, a)
		}
	}
	if c, ok := n.target(poa(7)); !ok || c.MIHFID != "mihf.mag2" {
		t.Errorf("7 is %+v", c)
	}
}

// TestMovesAreLearnt: where stations went before comes first.
func TestMovesAreLearnt(t *testing.T) {
	cfg := preparing()
	cfg.Handover.PointsOfAttachment[2].NetworkID = "blue"
	n := networkOf(t, cfg)
	n.wantCandidates(t, 1, 3, 4)
	for i := range byte(5) { // more than are remembered
		n.seen(mih.Indication{Source: "magd", Interface: "acc0", Event: mih.LinkUp{Link: tupleAt(1, i)}})
	}
	if len(n.last) != cfg.MaximumMobileNodes {
		t.Errorf("%d stations are remembered", len(n.last))
	}
	arrived := func(how mih.HandoverResult) {
		n.completed(wire.N2NHOCompleteRequest{NewLink: tupleAt(4, 4), Result: how})
	}
	arrived(mih.HandoverFailed)
	n.wantCandidates(t, 1, 3, 4)
	arrived(mih.HandoverSucceeded)
	n.wantCandidates(t, 1, 4, 3)
}

// TestAForeignGatewayIsNotHandedOverTo, whatever an information server says.
func TestAForeignGatewayIsNotHandedOverTo(t *testing.T) {
	n := networkOf(t, preparing())
	server := miis.NewMap(miis.Limits{})
	if err := server.Configure([]miis.PointOfAttachment{
		{Address: poa(6), NetworkID: "blue", LinkType: mih.LinkType80211, Gateway: miis.Gateway{MIHF: "stranger", Address: netip.MustParseAddr("2001:db8:bad::1")}},
		{Address: poa(7), NetworkID: "blue", LinkType: mih.LinkType80211, Gateway: miis.Gateway{Address: mag2}},
	}); err != nil {
		t.Fatal(err)
	}
	answer := miis.NewService(server, miis.Config{}).Answer(miis.QueryMap(1))
	n.information.Map(func(m *miis.Map) { m.LearnInformation(time.Now(), "info", answer.Information) })
	n.wantCandidates(t, 1, 3, 6, 7)
	for i, want := range map[byte]netip.Addr{6: {}, 7: mag2} {
		c, _ := n.target(poa(i))
		if a := n.gateway(c); a != want {
			t.Errorf("the gateway of %d is %v", i, a)
		}
	}
}
