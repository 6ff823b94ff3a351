package mihf

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"netlmm/mih"
	"netlmm/mih/wire"
)

// PeerStatus is a row of the table of peers.
type PeerStatus struct {
	MIHFID          mih.MIHFID
	Endpoint        Endpoint
	State           PeerState
	Protected       bool
	Ready           bool // false: its security association does not stand
	Heard           time.Time
	RoundTrip       time.Duration      // nanoseconds; 0: not measured
	Capabilities    *wire.Capabilities // nil: not said
	RegisteredUntil time.Time          // here
	RegisteredThere time.Time          // our registration, until then
	Outstanding     int                // messages that wait for an acknowledgement or a response
	Queued          int                // messages that wait to be sent
	Sent            uint64
	Received        uint64
	Retransmitted   uint64
	Duplicates      uint64
}

// PeerTable is a copy of the table of peers, ordered by identifier.
func (m *MIHF) PeerTable() []PeerStatus {
	table := make([]PeerStatus, 0, len(m.peers))
	for _, p := range m.peers {
		table = append(table, PeerStatus{
			MIHFID: p.MIHFID, Endpoint: p.Endpoint, State: p.state, Protected: p.Protected, Ready: p.ready(), Heard: p.heard,
			RoundTrip: p.rtt.Smoothed(), Capabilities: p.announced, RegisteredUntil: p.registration.until, RegisteredThere: p.registration.valid,
			Outstanding: len(p.transactions) - p.queue.Len(), Queued: p.queue.Len(), Sent: p.sent, Received: p.received,
			Retransmitted: p.retransmitted, Duplicates: p.duplicates,
		})
	}
	slices.SortFunc(table, func(a, b PeerStatus) int { return cmp.Compare(a.MIHFID, b.MIHFID) })
	return table
}

// Associated says whether the security association with an address stands.
func (m *MIHF) Associated(address netip.Addr) bool { return m.associations[address] }

// SubscriptionStatus is a row of the table of subscriptions: of a user here at a peer, of a peer here, or of a user here on links here.
type SubscriptionStatus struct {
	User   mih.MIHFID // who is told
	Name   string
	At     mih.MIHFID // whose links
	Link   mih.LinkTupleID
	Events []mih.EventType
	Stands bool // false: the peer has not answered yet, or not lately
}

// SubscriptionTable is a copy of all subscriptions.
func (m *MIHF) SubscriptionTable() (table []SubscriptionStatus) {
	for _, r := range m.subscriptions.users {
		for _, s := range r.subscriptions {
			table = append(table, SubscriptionStatus{cmp.Or(r.user.MIHF, m.cfg.MIHFID), r.user.Name, m.cfg.MIHFID, s.link, listOf(s.events), true})
		}
	}
	for _, p := range m.peers {
		for _, s := range p.subscriptions {
			for _, u := range s.users {
				table = append(table, SubscriptionStatus{cmp.Or(u.user.MIHF, m.cfg.MIHFID), u.user.Name, p.MIHFID, s.link, listOf(u.events), !s.stale && s.retry == 0})
			}
		}
	}
	slices.SortFunc(table, func(a, b SubscriptionStatus) int {
		return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.User, b.User), cmp.Compare(a.Name, b.Name), a.Link.Link.Address.Compare(b.Link.Link.Address))
	})
	return table
}

func listOf(events mih.EventList) (list []mih.EventType) {
	for t := mih.EventLinkDetected; t <= mih.EventPDUTransmitStatus; t++ {
		if events.Has(t) {
			list = append(list, t)
		}
	}
	return list
}

// TransactionStatus is a row of the table of transactions that this MIH Function began.
type TransactionStatus struct {
	Peer         mih.MIHFID
	ID           uint16
	Message      string
	Attempts     int // 0: waits to be sent
	Acknowledged bool
	Since        time.Time
}

// TransactionTable is a copy of all transactions, at most limit of them.
func (m *MIHF) TransactionTable(limit int) (table []TransactionStatus) {
	for _, p := range m.peers {
		for _, t := range p.transactions {
			if len(table) == limit {
				break
			}
			table = append(table, TransactionStatus{p.MIHFID, t.key.transaction, t.key.id.String(), t.attempts, t.acknowledged, t.sent})
		}
	}
	slices.SortFunc(table, func(a, b TransactionStatus) int {
		return cmp.Or(cmp.Compare(a.Peer, b.Peer), cmp.Compare(a.ID, b.ID))
	})
	return table
}
