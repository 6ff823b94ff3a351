package guard

import (
	"context"
	"net/netip"
	"os"
	"strings"
	"testing"
	"testing/synctest"

	"netlmm/configs"
	"netlmm/security"
	"netlmm/security/vici"
)

// overIPv4 is a gateway that is reached over IPv4 (RFC 5844 section 4), beside the one over IPv6.
func overIPv4() []configs.Peer {
	return []configs.Peer{
		{Name: "mag4", Kind: configs.Gateway, Peer: security.Peer{Address: mag4, Local: self4, Identity: "mag4", ManagedBy: security.BySwanctl}},
		{Name: "mag1", Kind: configs.Gateway, Peer: peerOfTest},
	}
}

// RFC 5213 section 5.3.1: a peer may register at its own address only, whatever its family, and under its own identity only.
func TestAuthorized(t *testing.T) {
	for _, c := range []struct {
		what     string
		none     bool
		address  netip.Addr
		identity string
		want     bool
	}{
		{"over IPv6", false, mag1, "mag1", true},
		{"over IPv4", false, mag4, "mag4", true},
		{"another's identity", false, mag4, "mag1", false},
		{"another's identity, turned round", false, mag1, "mag4", false},
		{"no identity", false, mag4, "", false},
		{"unknown", false, netip.MustParseAddr("192.0.2.5"), "mag4", false},
		{"the same address in IPv6 clothes", false, netip.AddrFrom16(mag4.As16()), "mag4", false},
		{"in clear", true, mag4, "", true},
		{"in clear, unknown", true, netip.MustParseAddr("192.0.2.5"), "", false},
	} {
		synctest.Test(t, func(t *testing.T) {
			protection := protected("xfrm")
			protection.None = c.none
			g := newRigOf(t, newKernel(), vici.KernelNetlink, protection, overIPv4()...)
			if got := g.Authorized(configs.Gateway)(c.address, c.identity); got != c.want {
				t.Errorf("%s: %v", c.what, got)
			}
		})
	}
}

// Associations of both families come and go on their own, and stand in the configured order.
func TestPeersOfBothFamilies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRigOf(t, newKernel(), vici.KernelNetlink, protected("xfrm"), overIPv4()...)
		sa4 := security.ChildSA{UniqueID: "4", IKEUniqueID: "4", Local: self4, Remote: mag4, Covers: security.MobilityHeaders, RemoteIdentity: "mag4"}
		g.charon.say(g.charon.list(sa4))
		expect := func(when, identity4, identity1 string, states ...string) {
			t.Helper()
			if g.Identity(mag4) != identity4 || g.Identity(mag1) != identity1 {
				t.Errorf("%s: identities %q %q", when, g.Identity(mag4), g.Identity(mag1))
			}
			list, err := g.Peers(context.Background(), map[netip.Addr]int{mag4: 7})
			if err != nil || len(list) != 2 {
				t.Fatalf("%s: %v, %v", when, list, err)
			}
			for i, want := range []struct {
				name     string
				address  netip.Addr
				bindings int
			}{{"mag4", mag4, 7}, {"mag1", mag1, 0}} {
				if p := list[i]; p.Name != want.name || p.Address != want.address || p.Bindings != want.bindings || p.State != states[i] {
					t.Errorf("%s: %+v, want %+v %s", when, p, want, states[i])
				}
			}
		}
		expect("with the one over IPv4", "mag4", "", "up", "waiting")
		g.charon.say(security.ChildUp{SA: sa("1", "mag1")})
		expect("with both", "mag4", "mag1", "up", "up")
		g.charon.say(security.ChildDown{UniqueID: "4"})
		expect("with the one over IPv6", "", "mag1", "down", "up")
		status, warnings := g.Status(context.Background())
		if status.PeersUp != 1 || status.PeersExpected != 2 || len(warnings) != 1 || !strings.Contains(warnings[0], "mag4 (192.0.2.4)") {
			t.Errorf("status %+v, warnings %q", status, warnings)
		}
	})
}

func TestPeersInClear(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRigOf(t, newKernel(), vici.KernelNetlink, configs.Security{None: true}, overIPv4()...)
		list, err := g.Peers(context.Background(), nil)
		if err != nil || len(list) != 2 || list[0].Address != mag4 || list[1].Address != mag1 || list[0].State != "in clear" {
			t.Errorf("%+v, %v", list, err)
		}
		if g.Identity(mag4) != "" || g.Awaits(mag4) {
			t.Error("something is expected of a peer in clear")
		}
	})
}

// What netlmm loads for a peer over IPv4 has its addresses, and its secret without the file's newline.
func TestConnectionOfAPeerOverIPv4(t *testing.T) {
	file := t.TempDir() + "/secret"
	if err := os.WriteFile(file, []byte("hush\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		peer := overIPv4()[0]
		peer.ManagedBy, peer.Connection, peer.Child = security.ByNetlmm, "netlmm-mag4", "mh"
		peer.Credentials.LocalIdentity, peer.Credentials.PresharedKeyFile = "lma", file
		g := newRigOf(t, newKernel(), vici.KernelNetlink, protected("xfrm"), peer)
		g.charon.say(g.charon.list())
		synctest.Wait()
		g.charon.mu.Lock()
		defer g.charon.mu.Unlock()
		want := vici.ConnectionConfig{
			Name: "netlmm-mag4", Child: "mh", LocalAddress: self4, RemoteAddress: mag4, LocalID: "lma", RemoteID: "mag4",
			Auth: vici.AuthPSK, PSK: vici.NewSecret("hush"),
		}
		if len(g.charon.loaded) != 1 {
			t.Fatalf("loaded %+v", g.charon.loaded)
		}
		if got := g.charon.loaded[0]; got.Name != want.Name || got.Child != want.Child || got.LocalAddress != want.LocalAddress || got.RemoteAddress != want.RemoteAddress ||
			got.LocalID != want.LocalID || got.RemoteID != want.RemoteID || got.Auth != want.Auth || got.PSK != want.PSK {
			t.Errorf("%+v, want %+v", got, want)
		}
	})
}

// An end without an address of the peer's family cannot have an association with it: said at the start.
func TestFamiliesOfAPeerMustAgree(t *testing.T) {
	peer := overIPv4()[0]
	peer.Local = self
	_, err := assemble(Config{Daemon: "lmad", Security: protected("xfrm"), Peers: []configs.Peer{peer}, Log: quiet, Counters: noCounters()},
		&fakeCharon{}, newKernel().open)
	if err == nil || !strings.Contains(err.Error(), "192.0.2.4 cannot be reached from 2001:db8::ff") {
		t.Errorf("error %v", err)
	}
}
