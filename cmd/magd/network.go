package main

import (
	"net/netip"
	"sync"
	"time"

	"netlmm/cmd/internal/mihnode"
	"netlmm/configs"
	"netlmm/mih"
	"netlmm/mih/handover"
	"netlmm/mih/miis"
	"netlmm/mih/wire"
)

// Bounds of what the map is asked for one station.
const (
	maximumCandidates = 16
	maximumLooked     = 1024 // points of attachment, this gateway's own among them
)

// network is what is known of other gateways and of points of attachment: the network map in the words of handovers.
type network struct {
	cfg         *configs.Magd
	information *mihnode.Information

	mu        sync.Mutex
	functions map[netip.Addr]mih.MIHFID // MIH Functions of gateways
	gateways  map[mih.MIHFID]netip.Addr // the other way round
	last      map[mih.LinkID]mih.LinkAddress
}

// newNetwork has what the configuration says.
func newNetwork(cfg *configs.Magd) (*network, error) {
	n := &network{
		cfg: cfg, information: mihnode.NewInformation(), functions: map[netip.Addr]mih.MIHFID{}, gateways: map[mih.MIHFID]netip.Addr{},
		last: map[mih.LinkID]mih.LinkAddress{},
	}
	n.information.Map(func(m *miis.Map) {
		m.Serves(cfg.MIH.MIHFID, n.own())
		for _, p := range cfg.Handover.PointsOfAttachment {
			if p.MIHFID != "" {
				m.Serves(p.MIHFID, n.named()[p.Gateway])
			}
		}
	})
	for _, p := range cfg.MIH.Peers {
		if p.MIHFID != "" {
			n.meet(p, p.MIHFID)
		}
	}
	return n, n.configure()
}

// own is this gateway.
func (n *network) own() miis.Gateway {
	g := miis.Gateway{MIHF: n.cfg.MIH.MIHFID, Address: n.cfg.ProxyCareOfAddress}
	if !g.Address.IsValid() {
		g.Address = n.cfg.IPv4ProxyCareOfAddress
	}
	return g
}

// named are the gateways by the names that the configuration has for them; "" is this one.
func (n *network) named() map[string]miis.Gateway {
	n.mu.Lock()
	defer n.mu.Unlock()
	named := map[string]miis.Gateway{"": n.own()}
	for _, g := range n.cfg.Gateways {
		named[g.Name] = miis.Gateway{Name: g.Name, MIHF: n.functions[g.Address], Address: g.Address}
	}
	return named
}

// identified learns which MIH Function a peer is.
func (n *network) identified(p configs.MIHPeer, id mih.MIHFID) {
	if n.meet(p, id) {
		_ = n.configure() // which was good at the start, and has no more than one name added
	}
}

// meet learns which gateway is behind an MIH Function: it is the gateway's own, or that of an access point of this one. It says whether
// points of attachment of a gateway are concerned that had no MIH Function.
func (n *network) meet(p configs.MIHPeer, id mih.MIHFID) (news bool) {
	for _, g := range n.cfg.Gateways {
		if g.Address == p.Address.Addr() {
			n.mu.Lock()
			news = n.functions[g.Address] != id
			n.functions[g.Address], n.gateways[id] = id, g.Address
			n.mu.Unlock()
			n.information.Map(func(m *miis.Map) { m.Serves(id, n.named()[g.Name]) })
			return news
		}
	}
	if p.Interface != "" {
		n.information.Map(func(m *miis.Map) { m.Serves(id, n.own()) })
	}
	return false
}

// configure puts into the map what the configuration says of points of attachment. What access points of this gateway have is its own,
// whatever the list of them says.
func (n *network) configure() (err error) {
	own := n.ours()
	list := mihnode.Points(n.cfg.Handover.PointsOfAttachment, n.named())
	for i, p := range list {
		if _, ours := own[p.Address]; ours {
			list[i].Gateway = n.own()
			delete(own, p.Address)
		}
	}
	for address, linkType := range own {
		list = append(list, miis.PointOfAttachment{Address: address, LinkType: linkType, Gateway: n.own()})
	}
	n.information.Map(func(m *miis.Map) { err = m.Configure(list) })
	return err
}

// ours are the points of attachment that the configuration has for the access points of this gateway.
func (n *network) ours() map[mih.LinkAddress]mih.LinkType {
	list := map[mih.LinkAddress]mih.LinkType{}
	for _, h := range n.cfg.Hostapd {
		list[h.PointOfAttachment] = h.LinkType
	}
	for _, s := range n.cfg.CiscoSyslog.Sources {
		list[s.PointOfAttachment] = mih.LinkType80211
	}
	for _, c := range n.cfg.Radius.Clients {
		for _, l := range c.Links {
			list[l.PointOfAttachment] = l.LinkType
		}
	}
	for _, p := range n.cfg.MIH.Peers {
		for _, address := range p.PointsOfAttachment {
			list[address] = 0
		}
	}
	delete(list, mih.LinkAddress{})
	return list
}

// seen learns from an event of a station of this gateway.
func (n *network) seen(ind mih.Indication) {
	tuple := ind.Event.LinkTuple()
	_, up := ind.Event.(mih.LinkUp)
	if _, detected := ind.Event.(mih.LinkDetected); detected && !n.local(tuple.PointOfAttachment) {
		return // a station hears it, which makes it nobody's
	}
	n.information.Map(func(m *miis.Map) {
		m.LearnEvent(time.Now(), ind.Source, ind.Event)
		if up {
			m.LearnMove(n.moved(tuple.Link, tuple.PointOfAttachment), tuple.PointOfAttachment)
		}
	})
}

// completed learns where a station went that another gateway says is there.
func (n *network) completed(b wire.N2NHOCompleteRequest) {
	if to := b.NewLink.PointOfAttachment; b.Result == mih.HandoverSucceeded && !to.IsZero() {
		n.information.Map(func(m *miis.Map) { m.LearnMove(n.moved(b.NewLink.Link, to), to) })
	}
}

// moved remembers where a station is, and returns where it was; zero: not known.
func (n *network) moved(station mih.LinkID, to mih.LinkAddress) (from mih.LinkAddress) {
	n.mu.Lock()
	defer n.mu.Unlock()
	from = n.last[station]
	if from.IsZero() && len(n.last) >= n.cfg.MaximumMobileNodes {
		for other := range n.last { // any of them
			delete(n.last, other)
			break
		}
	}
	n.last[station] = to
	return from
}

// local says whether a point of attachment is this gateway's own.
func (n *network) local(poa mih.LinkAddress) bool {
	e, known := n.entry(poa)
	return known && e.Gateway.MIHF == n.cfg.MIH.MIHFID && (e.Origin == miis.Configured || e.Origin == miis.Reported)
}

func (n *network) entry(poa mih.LinkAddress) (e miis.Entry, known bool) {
	n.information.Map(func(m *miis.Map) { e, known = m.PointOfAttachment(poa) })
	return e, known
}

// candidates are the points of attachment that a station may go to from the given one, those of this gateway among them. As long as nobody
// knows which network that is in, they are those that the configuration has.
func (n *network) candidates(at mih.LinkAddress, _ time.Time) []handover.Candidate {
	return n.someCandidates(at, maximumCandidates, true)
}

// someCandidates are so many of other gateways, and beside them as many of this one where these are wanted.
func (n *network) someCandidates(at mih.LinkAddress, most int, own bool) (list []handover.Candidate) {
	here, elsewhere := 0, 0
	add := func(e miis.Entry) (more bool) {
		switch c := n.candidate(e); {
		case c.MIHFID == "":
		case c.MIHFID != n.cfg.MIH.MIHFID:
			list, elsewhere = append(list, c), elsewhere+1
		case own && here < most:
			list, here = append(list, c), here+1
		}
		return elsewhere < most
	}
	n.information.Map(func(m *miis.Map) {
		found, looked := map[mih.LinkAddress]bool{at: true}, 0
		for e := range m.Candidates(at) {
			found[e.Address] = true
			if looked++; looked > maximumLooked || !add(e) {
				return
			}
		}
		if here, known := m.PointOfAttachment(at); known && here.NetworkID != "" {
			return
		}
		for e := range m.All() {
			if e.Origin == miis.Configured && !found[e.Address] && !add(e) {
				return
			}
		}
	})
	return list
}

// target is a point of attachment that somebody else chose.
func (n *network) target(poa mih.LinkAddress) (handover.Candidate, bool) {
	e, known := n.entry(poa)
	c := n.candidate(e)
	return c, known && c.MIHFID != ""
}

func (n *network) candidate(e miis.Entry) handover.Candidate {
	return handover.Candidate{
		PointOfAttachment: e.Address, LinkType: e.LinkType, NetworkID: e.NetworkID, Channel: int(e.Channel), MIHFID: n.function(e.Gateway), Load: -1,
	}
}

// function is the MIH Function of a gateway; "": nobody said.
func (n *network) function(g miis.Gateway) mih.MIHFID {
	if g.MIHF != "" {
		return g.MIHF
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.functions[g.Address]
}

// gateway is the address of the gateway that a candidate is of; zero: it is none that this one hands over to.
func (n *network) gateway(c handover.Candidate) netip.Addr {
	n.mu.Lock()
	address, known := n.gateways[c.MIHFID]
	n.mu.Unlock()
	if known {
		return address
	}
	return n.gatewayOf(c.PointOfAttachment)
}

// gatewayOf is the gateway that a point of attachment is of; zero: not known, this one, or one that the configuration does not have.
func (n *network) gatewayOf(poa mih.LinkAddress) netip.Addr {
	e, _ := n.entry(poa)
	for _, g := range n.cfg.Gateways {
		if g.Address == e.Gateway.Address {
			return g.Address
		}
	}
	return netip.Addr{}
}
