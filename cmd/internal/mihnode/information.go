package mihnode

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"netlmm/configs"
	"netlmm/mih"
	"netlmm/mih/mihf"
	"netlmm/mih/miis"
	"netlmm/mih/wire"
)

const (
	informationQueue = 256             // requests and answers that wait for the service
	lookAtPeers      = 5 * time.Second // for what they say of their links, and for who is an information server
)

// informant is the user of the machine that is the information service.
const informant = "information"

// informed are what it is asked and told by other MIH Functions.
var informed = []wire.MessageID{wire.IDGetInformationRequest, wire.IDPushInformation}

// Information is a daemon's part in the information service (IEEE 802.21 section 6.5): the network map, who answers from it, and who
// asks others for what is not in it.
type Information struct {
	mu      sync.Mutex
	network *miis.Map
	service *miis.Service

	waiting   chan mihf.Action // RequestReceived and Confirm
	news      chan struct{}    // a peer has said something of itself
	inquiries inquiries
}

// NewInformation has an empty map.
func NewInformation() *Information {
	i := &Information{network: miis.NewMap(miis.Limits{}), waiting: make(chan mihf.Action, informationQueue), news: make(chan struct{}, 1), inquiries: newInquiries()}
	i.service = miis.NewService(i.network, miis.Config{})
	return i
}

// withInformation adds to what the daemon is and handles what the information service is and handles.
func (c Config) withInformation() Config {
	if c.Information == nil {
		return c
	}
	handlers := map[wire.MessageID]mihf.User{}
	maps.Copy(handlers, c.Handlers)
	for _, id := range informed {
		handlers[id] = mihf.User{Name: informant}
	}
	types := c.Information.service.QueryTypes()
	c.Handlers, c.Capabilities.QueryTypes = handlers, &types
	c.Counters.Source(InformationCount, c.Information.counts)
	return c
}

// Map lets f see and change the map; f must not wait.
func (i *Information) Map(f func(*miis.Map)) {
	i.mu.Lock()
	defer i.mu.Unlock()
	f(i.network)
}

// counts are the counters of map and service by reason.
func (i *Information) counts() map[string]uint64 {
	i.mu.Lock()
	defer i.mu.Unlock()
	s, m := i.service.Counters(), i.network.Counters()
	return map[string]uint64{
		"requests": s.Requests, "rejected": s.Rejected, "unauthenticated": s.Unauthenticated, "entries": s.Entries, "cut": s.Cut,
		"map_evicted": m.Evicted, "map_expired": m.Expired, "map_conflicts": m.Conflicts, "map_refused": m.Refused,
	}
}

// InformationServer has what the configuration of one says; nil when it says nothing.
func InformationServer(c configs.Information) (*Information, error) {
	if !c.Serves() {
		return nil, nil
	}
	i, gateways := NewInformation(), map[string]miis.Gateway{}
	for _, g := range c.Gateways {
		gateways[g.Name] = miis.Gateway{Name: g.Name, MIHF: g.MIHFID, Address: g.Address}
		if g.MIHFID != "" {
			i.network.Serves(g.MIHFID, gateways[g.Name])
		}
	}
	for _, p := range c.PointsOfAttachment {
		if g, known := gateways[p.Gateway]; known && p.MIHFID != "" {
			i.network.Serves(p.MIHFID, g)
		}
	}
	return i, i.network.Configure(Points(c.PointsOfAttachment, gateways))
}

// Points are points of attachment of a configuration, for a map. gateways are those that it names.
func Points(list []configs.PointOfAttachment, gateways map[string]miis.Gateway) (points []miis.PointOfAttachment) {
	for _, p := range list {
		points = append(points, miis.PointOfAttachment{
			Address: p.Address, LinkType: p.LinkType, NetworkID: p.NetworkID, Channel: uint8(p.Channel), Gateway: gateways[p.Gateway],
			Subnets: p.Subnets, Neighbours: p.Neighbours,
		})
	}
	return points
}

// informs takes what is for the information service. It runs in the machine's goroutine, which the service does not keep.
func (n *Node) informs(action mihf.Action) bool {
	request, isRequest := action.(mihf.RequestReceived)
	confirm, isConfirm := action.(mihf.Confirm)
	switch {
	case isRequest && request.User.Name == informant, isConfirm && confirm.User.Name == informant:
	default:
		return false
	}
	select {
	case n.cfg.Information.waiting <- action:
		return true
	default:
	}
	n.cfg.Counters.Add(InformationCount, "queue_full")
	if isConfirm {
		n.cfg.Information.inquiries.answered(confirm.RequestID)
	} else if request.Handle != 0 {
		n.Post(mihf.Respond{Handle: request.Handle, Body: wire.GetInformationResponse{Status: mih.StatusUnspecifiedFailure}})
	}
	return true
}

// peerSpoke has the information service look soon.
func (n *Node) peerSpoke() {
	if n.cfg.Information == nil {
		return
	}
	select {
	case n.cfg.Information.news <- struct{}{}:
	default: // it is about to
	}
}

// inform is the information service.
func (n *Node) inform(ctx context.Context) error {
	ticker := time.NewTicker(lookAtPeers)
	defer ticker.Stop()
	n.look(ctx)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			n.look(ctx)
		case <-n.cfg.Information.news:
			n.look(ctx)
		case action := <-n.cfg.Information.waiting:
			n.serve(action)
		}
	}
}

// serve answers a request, or believes an answer or what is pushed, which is for information servers to do.
func (n *Node) serve(action mihf.Action) {
	i := n.cfg.Information
	switch a := action.(type) {
	case mihf.RequestReceived:
		if pushed, ok := a.Body.(wire.PushInformation); ok {
			if !i.inquiries.asks(a.Source) {
				n.cfg.Counters.Add(InformationCount, "push_of_no_server")
				return
			}
			n.believe(a.Source, pushed.Information)
			return
		}
		var answer wire.Body
		i.Map(func(*miis.Map) { answer = i.service.Handle(a.Source, a.Body) })
		if answer != nil {
			n.Send(mihf.Respond{Handle: a.Handle, Body: answer})
		}
	case mihf.Confirm:
		if answer, ok := a.Body.(wire.GetInformationResponse); ok && answer.Status == mih.StatusSuccess {
			n.cfg.Counters.Add(InformationCount, "answered")
			if n.believe(a.Source, answer.Information) > 0 {
				i.inquiries.enough(a.RequestID)
			}
		} else {
			n.cfg.Counters.Add(InformationCount, "not_answered")
		}
		i.inquiries.answered(a.RequestID)
	}
}

// believe says how many points of attachment were told of.
func (n *Node) believe(source mih.MIHFID, information wire.Information) (points int) {
	n.cfg.Information.Map(func(m *miis.Map) { points = m.LearnInformation(time.Now(), source, information) })
	return points
}

// look learns what this MIH Function and its peers say of their links, again and again so that it is not forgotten, and who answers
// queries.
func (n *Node) look(ctx context.Context) {
	i, own := n.cfg.Information, n.capabilities()
	var peers []mihf.PeerStatus
	if n.Do(ctx, func(f *mihf.MIHF) { peers = f.PeerTable() }) != nil {
		return
	}
	now := time.Now()
	i.Map(func(m *miis.Map) {
		m.Expire(now)
		m.LearnLinks(now, n.cfg.MIH.MIHFID, own.Links)
		for _, p := range peers {
			if p.State == mihf.PeerUp && p.Capabilities != nil {
				m.LearnLinks(now, p.MIHFID, n.believed(p.MIHFID, p.Capabilities.Links))
			}
		}
	})
	i.inquiries.serve(servers(peers))
}

// believed are those of a peer's links that it is believed for.
func (n *Node) believed(id mih.MIHFID, links []mih.NetworkTypeAddress) (list []mih.NetworkTypeAddress) {
	for _, p := range n.directory.all() {
		if p.id != id || len(p.PointsOfAttachment) == 0 {
			continue
		}
		for _, l := range links {
			if slices.Contains(p.PointsOfAttachment, l.Address) {
				list = append(list, l)
			}
		}
		return list
	}
	return links
}

// servers are the peers that answer queries, those first that are nothing but information servers.
func servers(peers []mihf.PeerStatus) (first []mih.MIHFID) {
	var others []mih.MIHFID
	for _, p := range peers {
		c := p.Capabilities
		switch {
		case c == nil || c.QueryTypes == nil || !c.QueryTypes.Has(mih.QueryBinaryData) || p.State == mihf.PeerDown || !p.Ready:
		case c.Commands != nil && *c.Commands&mih.CommandNetworkHandover != 0:
			others = append(others, p.MIHFID)
		default:
			first = append(first, p.MIHFID)
		}
	}
	return append(first, others...)
}
