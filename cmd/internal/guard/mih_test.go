package guard

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"netlmm/configs"
	"netlmm/security"
	"netlmm/security/filter"
	"netlmm/security/vici"
)

var lmaOf, mag2, ap1, tool = netip.MustParseAddr("2001:db8::fe"), netip.MustParseAddr("2001:db8::2"), netip.MustParseAddr("2001:db8::21"), netip.MustParseAddr("192.0.2.9")

const everything = security.MobilityHeaders | security.MIH

// ofEachKind are the peers of a gateway.
func ofEachKind() []configs.Peer {
	peer := func(name string, kind configs.PeerKind, at netip.Addr, traffic security.Traffic) configs.Peer {
		return configs.Peer{Name: name, Kind: kind, Peer: security.Peer{Address: at, Local: self, Identity: name, ManagedBy: security.BySwanctl, Traffic: traffic}}
	}
	return []configs.Peer{
		peer("lma", configs.Anchor, lmaOf, security.MobilityHeaders), peer("mag2", configs.Gateway, mag2, security.MobilityHeaders),
		peer("ap1", configs.OtherPeer, ap1, security.MIH),
	}
}

func saWith(id string, remote netip.Addr, identity string, covers security.Traffic) security.ChildSA {
	return security.ChildSA{UniqueID: id, IKEUniqueID: id, Local: self, Remote: remote, Covers: covers, RemoteIdentity: identity}
}

// spoken is with whom the gateway speaks MIH: an access point, the other gateway, and a tool in clear.
func spoken() configs.MIH {
	peer := func(name string, at netip.Addr, protected bool) configs.MIHPeer {
		return configs.MIHPeer{Name: name, Address: netip.AddrPortFrom(at, 4551), Protected: protected}
	}
	return configs.MIH{Peers: []configs.MIHPeer{peer("ap1", ap1, true), peer("mag2", mag2, true), peer("tool", tool, false), peer("self", netip.IPv6Loopback(), false)}}
}

// An anchor's word does not make a gateway, nor a gateway's an anchor, and an access point is neither, whatever its SA covers.
func TestKindsOfPeers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRigOf(t, newKernel(), vici.KernelNetlink, protected("xfrm"), ofEachKind()...)
		if !g.Awaits(lmaOf) || !g.Awaits(mag2) || g.Awaits(ap1) {
			t.Error("a Mobility Header waits for an access point's identity, or not for a gateway's")
		}
		g.charon.say(g.charon.list(saWith("1", lmaOf, "lma", everything), saWith("2", mag2, "mag2", everything), saWith("3", ap1, "ap1", everything)))
		for _, c := range []struct {
			peer            netip.Addr
			identity, mih   string
			anchor, gateway bool
		}{
			{lmaOf, "lma", "lma", true, false}, {mag2, "mag2", "mag2", false, true}, {ap1, "", "ap1", false, false}, {tool, "", "", false, false},
		} {
			if g.Identity(c.peer) != c.identity || g.MIHIdentity(c.peer) != c.mih {
				t.Errorf("%v: identities %q and %q, want %q and %q", c.peer, g.Identity(c.peer), g.MIHIdentity(c.peer), c.identity, c.mih)
			}
			for _, proved := range []string{g.MIHIdentity(c.peer), g.Identity(c.peer)} {
				if g.Authorized(configs.Anchor)(c.peer, proved) != c.anchor || g.Authorized(configs.Gateway)(c.peer, proved) != c.gateway && proved != "" {
					t.Errorf("%v with %q: authorised as anchor %v, as gateway %v", c.peer, proved, g.Authorized(configs.Anchor)(c.peer, proved), g.Authorized(configs.Gateway)(c.peer, proved))
				}
			}
		}
		want := []Change{{lmaOf, configs.Anchor, true, true}, {mag2, configs.Gateway, true, true}, {ap1, configs.OtherPeer, true, true}}
		if !slices.Equal(g.told, want) {
			t.Errorf("told %+v, want %+v", g.told, want)
		}
		peers, err := g.Peers(context.Background(), nil)
		if err != nil || len(peers) != 3 || peers[0].Kind != "anchor" || peers[1].Kind != "gateway" || peers[2].Kind != "mih" || peers[2].Covers != everything.String() {
			t.Errorf("%+v, %v", peers, err)
		}
	})
}

// The association with a gateway may stand without covering MIH: Mobility Headers go on, MIH is nobody's, and the status says why.
func TestAssociationThatDoesNotCoverMIH(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRigOfMIH(t, newKernel(), vici.KernelNetlink, protected("xfrm"), spoken(), ofEachKind()...)
		all := []security.ChildSA{saWith("1", lmaOf, "lma", security.MobilityHeaders), saWith("2", mag2, "mag2", security.MobilityHeaders|security.MIHOverUDP), saWith("3", ap1, "ap1", security.MIH)}
		g.charon.say(g.charon.list(all...))
		if g.Identity(mag2) != "mag2" || g.MIHIdentity(mag2) != "" || g.MIHIdentity(ap1) != "ap1" {
			t.Errorf("identities %q, %q, %q", g.Identity(mag2), g.MIHIdentity(mag2), g.MIHIdentity(ap1))
		}
		_, warnings := g.Status(context.Background())
		text := strings.Join(warnings, "\n")
		if len(warnings) != 2 || !strings.Contains(text, "does not cover MIH with mag2") || !strings.Contains(text, "MIH with tool (192.0.2.9) is in clear") {
			t.Errorf("warnings %q", warnings)
		}
		g.told = nil
		g.charon.say(security.ChildUp{SA: saWith("4", mag2, "mag2", security.MIH)}) // the operator's second child
		if want := []Change{{mag2, configs.Gateway, true, true}}; !slices.Equal(g.told, want) || g.MIHIdentity(mag2) != "mag2" || g.Identity(mag2) != "mag2" {
			t.Errorf("told %+v, want %+v", g.told, want)
		}
		g.charon.say(security.ChildDown{UniqueID: "3"})
		if g.MIHIdentity(ap1) != "" || g.told[1] != (Change{ap1, configs.OtherPeer, false, false}) {
			t.Errorf("told %+v, identity %q", g.told, g.MIHIdentity(ap1))
		}
	})
}

// The packet filter knows with whom MIH may be in clear: only those whose entry says so, and not the loopback interface's addresses,
// which no packet from outside can have.
func TestTheFilterKnowsWhoIsInClear(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKernel()
		g := newRigOfMIH(t, k, vici.KernelNetlink, protected("auto"), spoken(), ofEachKind()...)
		g.charon.say(g.charon.list()) // and it still does in charon's mode
		if k.opened.Mode != filter.XFRM || !slices.Equal(k.opened.InClear, []netip.Addr{tool}) || k.opened.Traffic != 0 {
			t.Errorf("%+v", k.opened)
		}
	})
}
