package main

import (
	"context"
	"sync"
	"time"

	"netlmm/cmd/internal/mihnode"
	"netlmm/mih"
	"netlmm/mih/mihf"
	"netlmm/mobility/mag"
	"netlmm/mobility/policy"
	"netlmm/mobility/policy/decision"
)

// station is a mobile node's interface on an access link.
type station struct {
	access    string
	linkLayer [6]byte
}

// lapsed are stations whose bindings ended although no access point said that they left. When one of them shows itself again
// its access point has nothing new to tell; the gateway takes it for attached anew, if the access point still lists it.
type lapsed struct {
	mu  sync.Mutex
	set map[station]struct{}
}

// mayReturn says whether a binding that ended so may begin again without a word of the access point. Who was refused or
// revoked waits until it attaches anew (RFC 5846), and who left is told of by its access point.
func mayReturn(reason mag.EndReason) bool {
	switch reason {
	case mag.EndPresenceUnknown, mag.EndLifetimeExpired, mag.EndDisplaced:
		return true
	}
	return false
}

// add notes a station, if there is room for it among most.
func (l *lapsed) add(s station, most int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.set == nil {
		l.set = map[station]struct{}{}
	}
	if len(l.set) < most {
		l.set[s] = struct{}{}
	}
}

// take forgets a station, and says whether it was noted.
func (l *lapsed) take(s station) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, noted := l.set[s]
	delete(l.set, s)
	return noted
}

// sawAgain indicates a station whose binding had lapsed as attached, when its access point still lists it.
func (g *gateway) sawAgain(s station) {
	if !g.lapsed.take(s) {
		return
	}
	g.later(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		var table []mihf.Link
		if g.mih.Do(ctx, func(m *mihf.MIHF) { table = m.Links() }) != nil {
			g.lapsed.add(s, g.cfg.MaximumMobileNodes) // for the next sign of it
			return
		}
		for _, link := range table {
			if g.behind.access(link.Source, link.Interface, g.cfg.MIH.MIHFID) == s.access && link.Station == mih.MACAddress(s.linkLayer) && link.State != mihf.LinkDown {
				g.counters.Add(mihnode.LinkEvents, "seen_again")
				g.decide(decision.Attached{Attachment: policy.Attachment{
					Station: stationOn(s.access, s.linkLayer), MobileNodeID: g.mobile(link.Identity, s.linkLayer), PointOfAttachment: pointOf(mih.LinkTupleID{PointOfAttachment: link.PointOfAttachment}),
					Trigger: link.SAP, At: time.Now(),
				}})
			}
		}
	})
}

// lapse notes the station of a binding that ended, when it may return.
func (g *gateway) lapse(b mag.BindingEnded) {
	if mac, isMAC := b.Entry.MobileNodeLinkLayerID.MAC(); isMAC && mayReturn(b.Reason) {
		g.lapsed.add(station{b.Entry.Interface, mac}, g.cfg.MaximumMobileNodes)
	}
}

// endedForPolicy tells policy that a binding ended, and whether anybody says that its station is still there.
func (g *gateway) endedForPolicy(b mag.BindingEnded) {
	at := policy.Station{Interface: b.Entry.Interface, LinkLayerID: b.Entry.MobileNodeLinkLayerID}
	g.tell(decision.Ended{Station: at, Attached: b.Entry.Attached, Gone: mayReturn(b.Reason) || b.Reason == mag.EndHandedOver})
}
