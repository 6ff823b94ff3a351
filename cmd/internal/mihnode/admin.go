package mihnode

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"time"

	"netlmm/cmd/internal/api"
	"netlmm/cmd/internal/daemon"
	"netlmm/mih"
	"netlmm/mih/mihf"
	"netlmm/mih/wire"
)

// shownTransactions is how many of them the admin API tells.
const shownTransactions = 1000

// Queries are the Node's part of the admin API.
func (n *Node) Queries() map[string]daemon.Query {
	return map[string]daemon.Query{
		"GET " + api.PathMIH:              func(ctx context.Context, _ daemon.Parameters) (any, error) { return n.whole(ctx) },
		"GET " + api.PathMIHPeers:         part(n, func(m api.MIH) any { return m.Peers }),
		"GET " + api.PathMIHSubscriptions: part(n, func(m api.MIH) any { return m.Subscriptions }),
		"GET " + api.PathMIHTransactions:  part(n, func(m api.MIH) any { return m.Transactions }),
		"GET " + api.PathLinks:            part(n, func(m api.MIH) any { return m.Links }),
		"GET " + api.PathLinkChanges:      n.linkChanges,
		"GET " + api.PathMIHDiscovery:     n.discoverFor,
		"GET " + api.PathMIHParameters:    n.parametersFor,
	}
}

func part(n *Node, of func(api.MIH) any) daemon.Query {
	return func(ctx context.Context, _ daemon.Parameters) (any, error) {
		m, err := n.whole(ctx)
		return of(m), err
	}
}

// whole is all that there is to show. The machine only copies its tables, everything else is done outside of it.
func (n *Node) whole(ctx context.Context) (m api.MIH, err error) {
	var peers peerTable
	var subscriptions []mihf.SubscriptionStatus
	var transactions []mihf.TransactionStatus
	var links []mihf.Link
	err = n.Do(ctx, func(f *mihf.MIHF) {
		peers, subscriptions, transactions, links = n.peerTable(f), f.SubscriptionTable(), f.TransactionTable(shownTransactions), f.Links()
	})
	if err != nil {
		return m, err
	}
	m = api.MIH{
		MIHFID: n.cfg.MIH.MIHFID, Capabilities: words(n.capabilities()), Peers: n.peerRows(peers), Links: n.linkRows(links),
		Listen: []netip.AddrPort{}, Subscriptions: []api.MIHSubscription{}, Transactions: []api.MIHTransaction{},
	}
	for _, a := range n.cfg.MIH.Listen {
		m.Listen = append(m.Listen, netip.AddrPortFrom(a, n.cfg.MIH.Port))
	}
	for _, s := range subscriptions {
		row := api.MIHSubscription{User: s.User, Name: s.Name, At: s.At, Link: s.Link.Link.Address, PointOfAttachment: s.Link.PointOfAttachment, Stands: s.Stands, Events: []string{}}
		for _, e := range s.Events {
			row.Events = append(row.Events, e.String())
		}
		m.Subscriptions = append(m.Subscriptions, row)
	}
	for _, t := range transactions {
		m.Transactions = append(m.Transactions, api.MIHTransaction(t))
	}
	return m, nil
}

// peerTable is what the machine knows of peers.
type peerTable struct {
	peers      []mihf.PeerStatus
	associated map[netip.Addr]bool
}

func (n *Node) peerTable(f *mihf.MIHF) peerTable {
	table := peerTable{f.PeerTable(), map[netip.Addr]bool{}}
	for _, p := range n.directory.all() {
		table.associated[p.Address.Addr()] = f.Associated(p.Address.Addr())
	}
	return table
}

// peerRows are the peers of the machine, and those that have yet to say who they are.
func (n *Node) peerRows(table peerTable) []api.MIHPeer {
	rows, known := []api.MIHPeer{}, map[mih.MIHFID]string{}
	for _, p := range n.directory.all() {
		if known[p.id] = p.Name; p.id == "" {
			e := endpointOf(p.MIHPeer)
			rows = append(rows, api.MIHPeer{Name: p.Name, Address: e.Address, Transport: e.Transport.String(), State: "unnamed", Protection: protection(p.Protected, table.associated[p.Address.Addr()])})
		}
	}
	for _, p := range table.peers {
		row := api.MIHPeer{
			Name: known[p.MIHFID], MIHFID: p.MIHFID, Address: p.Endpoint.Address, Transport: p.Endpoint.Transport.String(), State: p.State.String(),
			Protection: protection(p.Protected, p.Ready), Heard: p.Heard, RoundTrip: float64(p.RoundTrip) / float64(time.Millisecond),
			RegisteredUntil: p.RegisteredUntil, RegisteredThere: p.RegisteredThere, Outstanding: p.Outstanding, Queued: p.Queued,
			Sent: p.Sent, Received: p.Received, Retransmitted: p.Retransmitted, Duplicates: p.Duplicates,
		}
		if p.Capabilities != nil {
			said := words(*p.Capabilities)
			row.Capabilities = &said
		}
		rows = append(rows, row)
	}
	return rows
}

func protection(protected, ready bool) string {
	switch {
	case !protected:
		return "none"
	case !ready:
		return "waits"
	}
	return "ipsec"
}

// words are capabilities in the standard's words.
func words(c wire.Capabilities) api.MIHCapabilities {
	w := api.MIHCapabilities{Events: inWords(c.Events), Commands: inWords(c.Commands), Queries: inWords(c.QueryTypes), Transports: inWords(c.Transports), Links: []api.MIHLink{}}
	for _, l := range c.Links {
		technology := "any"
		if l.Network.Link != nil {
			technology = l.Network.Link.String()
		}
		w.Links = append(w.Links, api.MIHLink{Technology: technology, Address: l.Address})
	}
	return w
}

// inWords are the names of what is in a list that may not be there.
func inWords[T interface{ Names() []string }](list *T) []string {
	if list == nil {
		return []string{}
	}
	return (*list).Names()
}

// linkRows is the table of links for people.
func (n *Node) linkRows(table []mihf.Link) []api.Link {
	rows := make([]api.Link, 0, len(table))
	for _, l := range table {
		if n.cfg.Interface != nil {
			l.Interface = n.cfg.Interface(l.Source, l.Interface)
		}
		rows = append(rows, api.Link{
			Station: l.Station.String(), PointOfAttachment: l.PointOfAttachment.String(), Technology: l.Type.String(), Interface: l.Interface,
			Identity: l.Identity, State: l.State.String(), Source: string(l.Source), SAP: l.SAP, SignalStrength: l.SignalStrength, Since: l.Since,
		})
	}
	return rows
}

// Status sums the MIH Function up; warnings are what an operator should look at.
func (n *Node) Status(ctx context.Context) (s api.MIHStatus, warnings []string, err error) {
	s.MIHFID = n.cfg.MIH.MIHFID
	var peers peerTable
	err = n.Do(ctx, func(f *mihf.MIHF) {
		peers, s.Subscriptions = n.peerTable(f), len(f.SubscriptionTable())
		for _, l := range f.Links() {
			if l.State != mihf.LinkDown {
				s.Links++
			}
		}
	})
	for _, p := range n.peerRows(peers) {
		s.Peers++
		who := fmt.Sprintf("%s (%v)", cmp.Or(p.Name, string(p.MIHFID)), p.Address)
		switch {
		case p.State == "up":
			s.PeersUp++
		case p.State == "down":
			warnings = append(warnings, "the MIH Function "+who+" does not answer")
		case p.State == "unnamed":
			warnings = append(warnings, "the MIH Function "+who+" has not said who it is: is it reached, and does it know this one?")
		}
	}
	return s, append(warnings, Unreached(n.adapters)...), err
}
