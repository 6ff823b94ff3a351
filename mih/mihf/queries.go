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
	MIHFID          mih.MIHFID         `json:"mihf_id"`
	Endpoint        Endpoint           `json:"endpoint"`
	State           PeerState          `json:"state"`
	Protected       bool               `json:"protected"`
	Ready           bool               `json:"ready"` // false: its security association does not stand
	Heard           time.Time          `json:"heard,omitzero"`
	RoundTrip       time.Duration      `json:"round_trip"`                // nanoseconds; 0: not measured
	Capabilities    *wire.Capabilities `json:"capabilities,omitempty"`    // nil: not said
	RegisteredUntil time.Time          `json:"registered_until,omitzero"` // here
	RegisteredThere time.Time          `json:"registered_there,omitzero"` // our registration, until then
	Outstanding     int                `json:"outstanding"`               // messages that wait for an acknowledgement or a response
	Queued          int                `json:"queued"`                    // messages that wait to be sent
	Sent            uint64             `json:"sent"`
	Received        uint64             `json:"received"`
	Retransmitted   uint64             `json:"retransmitted"`
	Duplicates      uint64             `json:"duplicates"`
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
	User   mih.MIHFID      `json:"user"` // who is told
	Name   string          `json:"name,omitempty"`
	At     mih.MIHFID      `json:"at"` // whose links
	Link   mih.LinkTupleID `json:"link"`
	Events []mih.EventType `json:"events"`
	Stands bool            `json:"stands"` // false: the peer has not answered yet, or not lately
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
	Peer         mih.MIHFID `json:"peer"`
	ID           uint16     `json:"tid"`
	Message      string     `json:"message"`
	Attempts     int        `json:"attempts"` // 0: waits to be sent
	Acknowledged bool       `json:"acknowledged"`
	Since        time.Time  `json:"since,omitzero"`
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
