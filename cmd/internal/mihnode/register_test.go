package mihnode

import (
	"context"
	"testing"

	"netlmm/configs"
	"netlmm/mih"
	"netlmm/mih/mihf"
)

// TestRegistration with a peer that is named, and with one of which only the address is.
func TestRegistration(t *testing.T) {
	for name, hidden := range map[string]func(*configs.MIHPeer){"named": func(*configs.MIHPeer) {}, "unnamed": unnamed} {
		t.Run(name, func(t *testing.T) {
			registers := func(p *configs.MIHPeer) { p.Register = true }
			server := run(t, "server", ap6, []configs.MIHPeer{peer("mag", mag6)})
			mag := run(t, "mag", mag6, []configs.MIHPeer{peer("server", ap6, registers, hidden)})
			eventually(t, "both know of the registration", func() bool {
				here, there := peerStatus(t, server, "mag"), peerStatus(t, mag, "server")
				return !here.RegisteredUntil.IsZero() && !there.RegisteredThere.IsZero()
			})
			if s := peerStatus(t, server, "mag"); !s.RegisteredThere.IsZero() {
				t.Errorf("nobody told the server to register: %+v", s)
			}
		})
	}
}

func peerStatus(t *testing.T, b *bench, id mih.MIHFID) (s mihf.PeerStatus) {
	t.Helper()
	if err := b.Do(context.Background(), func(f *mihf.MIHF) {
		for _, p := range f.PeerTable() {
			if p.MIHFID == id {
				s = p
			}
		}
	}); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestAPeerHasItsShare of the links: half of them, unless the configuration says otherwise.
func TestAPeerHasItsShare(t *testing.T) {
	for _, c := range []struct{ links, peer, want int }{{0, 0, 0}, {1, 0, 1}, {100, 0, 50}, {100, 70, 70}} {
		if got := shareOf(Config{MaximumLinks: c.links, MIH: configs.MIH{MaximumLinksOfPeer: c.peer}}); got != c.want {
			t.Errorf("of %d links, and %d by the configuration: %d", c.links, c.peer, got)
		}
	}
	sap := newAccessPoint(1, 2, 3)
	run(t, "ap", ap6, []configs.MIHPeer{peer("mag", mag6)}, sap)
	mag := runAs(t, "mag", mag6, []configs.MIHPeer{peer("ap", ap6)}, func(c *Config) { c.MaximumLinks = 4 })
	mag.subscribe("ap")
	eventually(t, "the third is not taken", func() bool { return mag.cfg.Counters.Snapshot()[LinkEvents+"{"+string(mihf.IgnoredPeerFull)+"}"] > 0 })
	if n := len(links(mag)); n != 2 {
		t.Errorf("%d links", n)
	}
}
