package kernel

import (
	"errors"
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"netlmm/mobility"
	"netlmm/mobility/forwarding"
)

var update = flag.Bool("update", false, "write the golden files anew")

func testLayout(backend string, role forwarding.Role) layout {
	l := layout{mtu: 1460, Config: Config{Backend: backend, Local: netip.MustParseAddr(lmaAddr), Uplink: "core0", Role: role,
		Aggregates: []netip.Prefix{netip.MustParsePrefix(pool)}}.withDefaults()}
	if role == forwarding.Gateway {
		l.Local, l.AccessInterfaces = netip.MustParseAddr(mag1Addr), []string{"acc1", "acc2"}
	}
	return l
}

func testEntry(role forwarding.Role, hnp, peer, access string) forwarding.Entry {
	l := testLayout(SEG6, role)
	e := forwarding.Entry{Prefix: netip.MustParsePrefix(hnp), Role: role, Local: l.Local, Peer: netip.MustParseAddr(peer), Interface: access}
	if role == forwarding.Gateway {
		e.MobileNodeLinkLayerID = mobility.LinkLayerID([6]byte{2, 0, 0, 0, 0, e.Prefix.Addr().As16()[7]})
	}
	return e
}

// TestGolden renders what each backend makes of two entries, a handover, and the end.
func TestGolden(t *testing.T) {
	discarded := forwarding.Entry{Prefix: netip.MustParsePrefix(hnp1), Role: forwarding.Discard}
	steps := map[forwarding.Role][]struct {
		name string
		do   func(s *forwarding.State)
	}{
		forwarding.Anchor: {
			{"two mobile nodes at two MAGs", func(s *forwarding.State) {
				s.Set(testEntry(forwarding.Anchor, hnp1, mag1Addr, ""))
				s.Set(testEntry(forwarding.Anchor, hnp2, mag2Addr, ""))
			}},
			{"handover of the first", func(s *forwarding.State) { s.Set(testEntry(forwarding.Anchor, hnp1, mag2Addr, "")) }},
			{"the first detached", func(s *forwarding.State) { s.Set(discarded) }},
			{"all gone", func(s *forwarding.State) {
				s.Delete(netip.MustParsePrefix(hnp1))
				s.Delete(netip.MustParsePrefix(hnp2))
			}},
		},
		forwarding.Gateway: {
			{"two mobile nodes", func(s *forwarding.State) {
				s.Set(testEntry(forwarding.Gateway, hnp1, lmaAddr, "acc1"))
				s.Set(testEntry(forwarding.Gateway, hnp2, lmaAddr, "acc2"))
			}},
			{"the first on the other link", func(s *forwarding.State) { s.Set(testEntry(forwarding.Gateway, hnp1, lmaAddr, "acc2")) }},
			{"all gone", func(s *forwarding.State) {
				s.Delete(netip.MustParsePrefix(hnp1))
				s.Delete(netip.MustParsePrefix(hnp2))
			}},
		},
	}
	for _, backend := range []string{SEG6, IP6Tnl} {
		for role, file := range map[forwarding.Role]string{forwarding.Anchor: "anchor", forwarding.Gateway: "gateway"} {
			t.Run(backend+"/"+file, func(t *testing.T) {
				f := newFakeSystem()
				k := newKernel(testLayout(backend, role), f)
				if err := k.ensureBase(); err != nil {
					t.Fatal(err)
				}
				state, rec := forwarding.NewState(), forwarding.New(k)
				got := "# before\n" + f.String()
				for _, step := range steps[role] {
					step.do(state)
					if err := rec.Sync(state); err != nil {
						t.Fatal(err)
					}
					got += "\n# " + step.name + "\n" + f.String()
				}
				if err := rec.Resync(state); err != nil {
					t.Fatal(err)
				}
				got += "\n# resynchronized\n" + f.String()
				if err := k.Close(false); err != nil {
					t.Fatal(err)
				}
				compareGolden(t, filepath.Join("testdata", backend+"-"+file+".txt"), got+"\n# closed\n"+f.String())
			})
		}
	}
}

// TestGoldenDualStack renders a mobile node with both addresses, and one more with local routing at a gateway.
func TestGoldenDualStack(t *testing.T) {
	for _, backend := range []string{SEG6, IP6Tnl} {
		for role, file := range map[forwarding.Role]string{forwarding.Anchor: "anchor", forwarding.Gateway: "gateway"} {
			t.Run(backend+"/"+file, func(t *testing.T) {
				f := newFakeSystem()
				l := testLayout(backend, role)
				l.IPv4, l.Aggregates = true, append(l.Aggregates, netip.MustParsePrefix("10.64.0.0/16"))
				l.StaticTunnels = []netip.Addr{netip.MustParseAddr("2001:db8:c::99")}
				k := newKernel(l, f)
				if err := errors.Join(k.ensureBase(), k.ensureStatic()); err != nil {
					t.Fatal(err)
				}
				state, rec := forwarding.NewState(), forwarding.New(k)
				got := "# before, with one static tunnel\n" + f.String()
				peer, access := mag1Addr, ""
				if role == forwarding.Gateway {
					peer, access = lmaAddr, "acc1"
				}
				for _, p := range []string{hnp1, "10.64.0.9/32", hnp2, "10.64.0.10/32"} {
					e := testEntry(role, p, peer, access)
					e.LocalRouting = role == forwarding.Gateway && (p == hnp2 || p == "10.64.0.10/32")
					state.Set(e)
				}
				if role == forwarding.Anchor {
					state.Set(forwarding.Entry{Prefix: netip.MustParsePrefix("10.64.0.10/32"), Role: forwarding.Discard})
				}
				if err := rec.Sync(state); err != nil {
					t.Fatal(err)
				}
				got += "\n# both\n" + f.String()
				if err := rec.Resync(forwarding.NewState()); err != nil {
					t.Fatal(err)
				}
				got += "\n# nobody\n" + f.String()
				if err := k.Close(false); err != nil {
					t.Fatal(err)
				}
				compareGolden(t, filepath.Join("testdata", backend+"-"+file+"-dual.txt"), got+"\n# closed\n"+f.String())
			})
		}
	}
}

func compareGolden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got; `go test -update` if it is meant):\n%s", path, diff)
	}
}
