package main

import (
	"time"

	"netlmm/mobility/accesslink"
	"netlmm/mobility/mag"
	"netlmm/mobility/policy"
	"netlmm/mobility/policy/decision"
)

// execute carries out one action of the MAG's machine, in its owner's goroutine.
func (g *gateway) execute(a action) {
	switch act := a.Action.(type) {
	case mag.SendMessage:
		g.transmit(act)
	case mag.BindingAccepted:
		g.tell(decision.Registered{Station: policy.Station{Interface: act.Entry.Interface, LinkLayerID: act.Entry.MobileNodeLinkLayerID}, Attached: act.Entry.Attached, LMA: act.Entry.LMAAddress})
		g.traces.accepted(act.Entry.CorrelationID, a.at, act.Entry.HomeNetworkPrefixes)
		g.log.Debug("binding accepted", "correlation_id", act.Entry.CorrelationID, "mobile_node", act.Entry.MobileNodeID, "prefixes", act.Entry.HomeNetworkPrefixes)
	case mag.ApplyForwarding:
		if g.plane.Apply() {
			g.traces.applied(act.CorrelationID, time.Now())
		}
	case mag.OfferAddresses:
		g.offer(act)
	case mag.AdvertiseRouter:
		g.advertise(act)
	case mag.ProbePresence:
		g.probe(act)
	case mag.RequireSecurityAssociation:
		if act.Suspect {
			g.guard.Suspect(act.LMAAddress)
			g.tell(decision.AnchorChanged{LMA: act.LMAAddress, Sign: decision.Unanswered})
			g.heartbeats.Doubt(act.LMAAddress) // which end that, when they come
		} else {
			g.tell(decision.AnchorChanged{LMA: act.LMAAddress, Sign: decision.AssociationMiss})
			g.guard.Require(act.LMAAddress)
		}
	case mag.BindingEnded:
		g.ended(act)
	case mag.HandoverPrepared, mag.HandoverFailed, mag.HandoverExpected, mag.HandoverArrived, mag.HandoverCompleted, mag.HandoverUndone:
		g.handovers.outcome(act)
	case mag.ClockDoubted:
		g.clockDoubted(act)
	case mag.Ignored:
		if a.attachment != 0 {
			g.traces.ended(a.attachment, string(act.Reason))
		}
		g.counters.Add(ignored, string(act.Reason))
		g.log.Debug("ignored", "reason", act.Reason, "from", act.Source, "mobile_node", act.MobileNodeID, "error", act.Err)
	case mag.Stopped:
		close(g.stopped)
	}
}

// transmit sends a PBU, or a Binding Error, which is counted with the message that it answers. A PBU that does not leave is
// retransmitted by the machine like one that was lost.
func (g *gateway) transmit(m mag.SendMessage) {
	at := time.Now() // not after Send: on a busy machine the answer can be here before Send returns
	err := g.sockets.Send(m.Source, m.Destination, m.Payload)
	if err != nil {
		g.limited.Warn("message not sent; an update is retransmitted", "kind", m.Kind, "correlation_id", m.CorrelationID, "to", m.Destination, "error", err)
		return
	}
	switch m.Kind {
	case mag.BindingError:
		return
	case mag.RevocationAcknowledgement:
		g.counters.Add(revocations, "acknowledged")
		return
	case mag.HandoverInitiate, mag.HandoverAcknowledge:
		g.counters.Add(between, "sent_"+string(m.Kind))
		return
	}
	g.counters.Add(updates, string(m.Kind))
	if m.Kind == mag.Registration {
		g.traces.sent(m.CorrelationID, at)
	}
}

func (g *gateway) advertise(a mag.AdvertiseRouter) {
	link, ok := g.access[a.Interface]
	mac, isMAC := a.MobileNodeLinkLayerID.MAC()
	if !ok || !isMAC {
		g.counters.Add(ignored, "no_way_to_advertise")
		return
	}
	err := link.Advertise(accesslink.Advertisement{
		Destination: mac, Prefixes: a.HomeNetworkPrefixes, PrefixLifetime: a.PrefixLifetime,
		RouterLifetime: a.RouterLifetime, DeprecatedPrefixes: a.DeprecatedPrefixes, Source: a.LinkLocalAddress,
	})
	if err != nil {
		g.limited.Warn("router advertisement not sent; the mobile node will solicit one", "correlation_id", a.CorrelationID, "interface", a.Interface, "error", err)
		return
	}
	if a.RouterLifetime == 0 {
		g.log.Info("mobile node told to do without this router", "correlation_id", a.CorrelationID, "interface", a.Interface, "prefixes", a.DeprecatedPrefixes)
		return
	}
	if tr, first := g.traces.advertised(a.CorrelationID, time.Now()); first {
		g.log.Info("attached", "correlation_id", a.CorrelationID, "mobile_node", tr.MobileNodeID, "prefixes", tr.HomeNetworkPrefixes,
			"l2_attach_to_pbu_ms", tr.L2AttachToPBU, "pbu_to_pba_ms", tr.PBUToPBA, "pba_to_ra_ms", tr.PBAToRA, "total_ms", tr.Total)
	}
}

func (g *gateway) probe(p mag.ProbePresence) {
	link, ok := g.access[p.Interface]
	mac, isMAC := p.MobileNodeLinkLayerID.MAC()
	if !ok || !isMAC {
		return // unconfirmed, the binding lapses
	}
	g.later(func() {
		if err := link.Probe(mac, p.HomeNetworkPrefixes); err != nil {
			g.log.Debug("presence not probed", "correlation_id", p.CorrelationID, "error", err)
		}
	})
}

// ended forgets a mobile node on the access link, so that nothing is sent to where it was.
func (g *gateway) ended(b mag.BindingEnded) {
	g.counters.Add(endings, string(b.Reason))
	g.traces.ended(b.Entry.CorrelationID, string(b.Reason))
	g.lapse(b)
	g.endedForPolicy(b)
	g.log.Info("binding ended", "correlation_id", b.Entry.CorrelationID, "mobile_node", b.Entry.MobileNodeID, "reason", b.Reason, "status", b.Status)
	link, ok := g.access[b.Entry.Interface]
	mac, isMAC := b.Entry.MobileNodeLinkLayerID.MAC()
	if !ok || !isMAC {
		return
	}
	g.later(func() {
		if err := link.Forget(mac); err != nil {
			g.log.Debug("neighbour entries not removed", "correlation_id", b.Entry.CorrelationID, "error", err)
		}
	})
}
