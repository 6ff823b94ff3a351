package main

import (
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"

	"netlmm/cmd/internal/api"
	"netlmm/cmd/internal/mihnode"
	"netlmm/configs"
	"netlmm/mih"
	"netlmm/mih/handover"
	"netlmm/mih/mihf"
	"netlmm/mih/wire"
	"netlmm/mobility"
	"netlmm/mobility/mag"
	"netlmm/mobility/policy"
	"netlmm/mobility/policy/decision"
)

// The gateway is an MIH user. It acts on the events that say where a station is and where it goes, and counts those that say how well.
var (
	mihUser = mihf.User{Name: "mag"}
	wanted  = mih.Events(mih.EventLinkUp, mih.EventLinkDown, mih.EventLinkGoingDown, mih.EventLinkParametersReport, mih.EventLinkDetected,
		mih.EventLinkHandoverImminent, mih.EventLinkHandoverComplete)
)

// handled are the commands of other MIH Functions that a gateway answers which prepares handovers.
var handled = []wire.MessageID{
	wire.IDN2NHOQueryResourcesRequest, wire.IDN2NHOCommitRequest, wire.IDN2NHOCompleteRequest,
	wire.IDMNHOCandidateQueryRequest, wire.IDMNHOCommitRequest, wire.IDMNHOCompleteRequest,
}

// openMIH makes the MIH Function, and subscribes to its own links and to those of the peers that see stations for this gateway.
func (g *gateway) openMIH() (err error) {
	if g.handovers.network, err = newNetwork(g.cfg); err != nil {
		return err
	}
	handlers := map[wire.MessageID]mihf.User{}
	commands := mih.CommandLinkGetParameters | mih.CommandLinkConfigureThresholds | mih.CommandLinkActions
	if g.cfg.Handover.Predictive {
		commands |= mih.CommandNetworkHandover | mih.CommandMobileHandover
		for _, id := range handled {
			handlers[id] = mihUser
		}
	}
	events := wanted
	g.mih, err = mihnode.Open(mihnode.Config{
		MIH: g.cfg.MIH, MaximumLinks: g.cfg.MaximumMobileNodes, Handlers: handlers, Log: g.log, Counters: g.counters,
		Capabilities: wire.Capabilities{Events: &events, Commands: &commands}, Information: g.handovers.network.information,
		User: g.executeMIH, Identified: func(p configs.MIHPeer, id mih.MIHFID) { g.identified(p, id, g.mih.Send) }, Permits: g.permits,
		Interface: func(source mih.MIHFID, name string) string { return g.behind.access(source, name, g.cfg.MIH.MIHFID) },
	})
	if err != nil {
		return err
	}
	g.mih.Post(mihf.EventSubscribe{User: mihUser, Events: wanted})
	for _, p := range g.cfg.MIH.Peers {
		if p.MIHFID != "" {
			g.identified(p, p.MIHFID, func(e mihf.Event) { g.mih.Post(e) }) // the machine does not run yet, and its queue is empty
		}
	}
	return nil
}

// permits says whether a peer may send a command: what concerns links and other networks' stations only the MIH Functions of gateways,
// what a mobile node says of itself any peer, for it is judged by whom it is about.
func (g *gateway) permits(from mih.MIHFID, command wire.MessageID) bool {
	switch command {
	case wire.IDMNHOCandidateQueryRequest, wire.IDMNHOCommitRequest, wire.IDMNHOCompleteRequest:
		return true
	}
	p, known := g.behind.of(from)
	return known && slices.ContainsFunc(g.cfg.Gateways, func(gateway configs.Peer) bool { return gateway.Address == p.Address.Addr() })
}

// identified learns which MIH Function a peer is, and asks for its events where stations of this gateway are behind it.
func (g *gateway) identified(p configs.MIHPeer, id mih.MIHFID, tell func(mihf.Event)) {
	g.behind.learn(id, p)
	g.handovers.network.identified(p, id)
	if p.Interface != "" {
		tell(mihf.EventSubscribe{User: mihUser, Destination: id, Events: wanted})
	}
}

func (g *gateway) executeMIH(action mihf.Action) {
	switch a := action.(type) {
	case mihf.Deliver:
		g.indicated(a.Indication)
	case mihf.Confirm:
		g.handovers.event(handover.Confirmed{ID: a.RequestID, Body: a.Body, Extra: a.Extra})
	case mihf.RequestReceived:
		if a.Handle != 0 {
			g.handovers.event(handover.Requested{Handle: a.Handle, Source: a.Source, Body: a.Body})
		}
	case mihf.EventSubscribeConfirm:
		if a.Status != mih.StatusSuccess {
			g.log.Error("an MIH Function refused the gateway's subscription", "mihf_id", a.Destination, "status", a.Status)
		}
	}
}

// indicated is the step from 802.21 to Proxy Mobile IPv6. While the machine is swamped this waits and the queue before it
// fills; what does not fit there is counted, and an adapter that can ask its access point does so again.
func (g *gateway) indicated(ind mih.Indication) {
	if reason := g.behind.place(&ind, g.cfg.MIH.MIHFID); reason != "" {
		g.counters.Add(mihnode.LinkEvents, reason)
		return
	}
	if _, known := g.access[ind.Interface]; !known {
		g.counters.Add(mihnode.LinkEvents, "not_an_access_link")
		return
	}
	address, ok := ind.Event.LinkTuple().Link.Address.MAC()
	if !ok {
		g.counters.Add(mihnode.LinkEvents, "no_mac_address")
		return
	}
	switch ev := ind.Event.(type) {
	case mih.LinkUp:
		g.lapsed.take(station{ind.Interface, address})
		g.decide(decision.Attached{Attachment: policy.Attachment{
			Station: stationOn(ind.Interface, address), MobileNodeID: g.mobile(ind.Identity, address), PointOfAttachment: pointOf(ev.Link),
			Trigger: ind.SAP, At: ind.ReceivedAt, Unconfirmed: ind.Resync, PreviousMAG: g.handovers.previous(ind, ev, station{ind.Interface, address}),
		}})
	case mih.LinkDown:
		g.lapsed.take(station{ind.Interface, address})
		g.handovers.searches.end(station{ind.Interface, address})
		g.decide(decision.Detached{Station: stationOn(ind.Interface, address), At: ind.ReceivedAt})
	}
	g.handovers.event(handover.Indicated{Indication: ind})
}

// macAddress is that of a station: access links have no other addresses.
type macAddress [6]byte

func (a macAddress) String() string { return net.HardwareAddr(a[:]).String() }

// stationOn is a station in the words of policy.
func stationOn(access string, mac macAddress) policy.Station {
	return policy.Station{Interface: access, LinkLayerID: mobility.LinkLayerID(mac)}
}

// pointOf is the point of attachment of a link, where it is known by a MAC address.
func pointOf(link mih.LinkTupleID) mobility.MobileNodeLinkLayerID {
	if mac, ok := link.PointOfAttachment.MAC(); ok {
		return mobility.LinkLayerID(mac)
	}
	return ""
}

// linkAttached is what the MAG's machine is told of an attachment, whose trace begins here.
func (g *gateway) linkAttached(s decision.Serve) mag.LinkAttached {
	link, profile := g.access[s.Interface], s.Profile
	localRouting := g.cfg.MAGLocalRouting
	if profile.MAGLocalRouting != nil { // RFC 5213 section 9.2: takes precedence
		localRouting = *profile.MAGLocalRouting
	}
	correlation := g.traces.begin(api.Handover{
		MobileNodeID: profile.MobileNodeID, MobileNodeLinkLayerID: s.LinkLayerID, Trigger: s.Trigger, Interface: s.Interface,
		To: g.address(profile.LMAAddress), LinkUp: s.At,
	})
	return mag.LinkAttached{
		CorrelationID: correlation, Interface: s.Interface, MobileNodeID: profile.MobileNodeID, MobileNodeLinkLayerID: s.LinkLayerID,
		AccessTechnologyType: link.technology, HandoffIndicator: s.Handoff, LMAAddress: profile.LMAAddress,
		HomeNetworkPrefixes: profile.HomeNetworkPrefixes, Lifetime: profile.Lifetime, Unconfirmed: s.Unconfirmed,
		IPv6Prohibited: profile.IPv6Prohibited, IPv4Mobility: profile.IPv4Mobility, IPv4HomeAddress: profile.IPv4HomeAddress,
		LocalRouting: localRouting, AnchorLinkLocal: link.anchorLinkLocal, PreviousMAG: s.PreviousMAG,
		OffloadPolicy: profile.OffloadPolicy,
	}
}

// address is this gateway's Proxy-CoA towards an anchor.
func (g *gateway) address(lma netip.Addr) netip.Addr {
	if lma.Is4() {
		return g.cfg.IPv4ProxyCareOfAddress
	}
	return g.cfg.ProxyCareOfAddress
}

// mobile is the identity of a station's owner: what it authenticated as, else its address (RFC 8371).
func (g *gateway) mobile(identity string, station macAddress) mobility.MobileNodeID {
	if g.cfg.IdentityFromMAC || anonymous(identity) {
		return mobility.EUI48(station)
	}
	return mobility.NAI(identity)
}

// anonymous says whether an identity names nobody: nothing, what an access point writes for nothing, or the outer identity of
// 802.1X that hides the inner one (RFC 7542 section 2.4, and the custom before it). One binding for all who say so would
// give each of them the others' prefix.
func anonymous(identity string) bool {
	user, _, _ := strings.Cut(identity, "@")
	switch strings.ToLower(user) {
	case "", "anonymous", "null", "(null)", "n/a":
		return true
	}
	return false
}

// openAdapters makes the link SAPs that the configuration asks for.
func (g *gateway) openAdapters() error {
	sources := sourcesOf(g.cfg)
	sources.Log = g.log
	adapters, err := sources.Adapters()
	for _, adapter := range adapters {
		g.mih.Add(adapter)
	}
	return err
}

// sourcesOf are the access points of a gateway. None writes from where mobile nodes are.
func sourcesOf(cfg *configs.Magd) mihnode.Sources {
	s := mihnode.Sources{Hostapd: cfg.Hostapd, CiscoSyslog: cfg.CiscoSyslog, Radius: cfg.Radius, Links: cfg.LinkSources, SocketDirectory: filepath.Dir(cfg.AdminSocket)}
	for _, link := range cfg.AccessLinks {
		s.Untrusted = append(s.Untrusted, link.Interface)
	}
	return s
}
