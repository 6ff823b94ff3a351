package api

import (
	"net/netip"
	"time"

	"netlmm/mih"
)

// Paths of the MIH Function that a daemon has (IEEE 802.21). PathMIHDiscovery has it ask whoever is at the parameters address, port and
// transport; PathMIHParameters is Link_Get_Parameters at the MIH Function peer ("" or its own: here) for the station link, of the
// given type (as it is known here, else IEEE 802.11).
const (
	PathMIH              = "/v1/mih"
	PathMIHPeers         = "/v1/mih/peers"
	PathMIHSubscriptions = "/v1/mih/subscriptions"
	PathMIHTransactions  = "/v1/mih/transactions"
	PathMIHDiscovery     = "/v1/mih/discovery"
	PathMIHParameters    = "/v1/mih/parameters"
)

// MIHStatus is the part of a Status that is about an MIH Function.
type MIHStatus struct {
	MIHFID        mih.MIHFID `json:"mihf_id"`
	Peers         int        `json:"peers"` // configured or found
	PeersUp       int        `json:"peers_up"`
	Subscriptions int        `json:"subscriptions"` // of users and peers here, and of users here at peers
	Links         int        `json:"links"`         // not down
}

// MIH is all that an MIH Function has to show.
type MIH struct {
	MIHFID        mih.MIHFID        `json:"mihf_id"`
	Listen        []netip.AddrPort  `json:"listen"`
	Capabilities  MIHCapabilities   `json:"capabilities"`
	Peers         []MIHPeer         `json:"peers"`
	Subscriptions []MIHSubscription `json:"subscriptions"`
	Transactions  []MIHTransaction  `json:"transactions"` // some, when there are many
	Links         []Link            `json:"links"`
}

// MIHCapabilities are what an MIH Function says that it has, in the standard's words.
type MIHCapabilities struct {
	Events     []string  `json:"events"`
	Commands   []string  `json:"commands"`
	Queries    []string  `json:"queries"`
	Transports []string  `json:"transports"`
	Links      []MIHLink `json:"links"`
}

// MIHLink is a link of an MIH Function, or a station's.
type MIHLink struct {
	Technology string          `json:"technology"`
	Address    mih.LinkAddress `json:"address"`
}

// MIHPeer is another MIH Function.
type MIHPeer struct {
	Name            string           `json:"name"`    // in the configuration; "" of one that is not there
	MIHFID          mih.MIHFID       `json:"mihf_id"` // "": it has not said yet
	Address         netip.AddrPort   `json:"address"`
	Transport       string           `json:"transport"`
	State           string           `json:"state"`                  // "up", "down", "unknown": nothing was exchanged; "unnamed": it is being asked who it is
	Protection      string           `json:"protection"`             // "ipsec", "waits": for its association; "none"
	Heard           time.Time        `json:"heard,omitzero"`         // latest
	RoundTrip       float64          `json:"round_trip_ms"`          // 0: not measured
	Capabilities    *MIHCapabilities `json:"capabilities,omitempty"` // nil: not said
	RegisteredUntil time.Time        `json:"registered_until,omitzero"`
	RegisteredThere time.Time        `json:"registered_there,omitzero"` // this end at the peer, until then
	Outstanding     int              `json:"outstanding"`               // messages that wait for an acknowledgement or a response
	Queued          int              `json:"queued"`
	Sent            uint64           `json:"sent"`
	Received        uint64           `json:"received"`
	Retransmitted   uint64           `json:"retransmitted"`
	Duplicates      uint64           `json:"duplicates"`
}

// MIHSubscription is who is told of which links.
type MIHSubscription struct {
	User              mih.MIHFID      `json:"user"`           // whose user is told
	Name              string          `json:"name,omitempty"` // of a user here
	At                mih.MIHFID      `json:"at"`             // whose links
	Link              mih.LinkAddress `json:"link,omitzero"`  // zero: all
	PointOfAttachment mih.LinkAddress `json:"point_of_attachment,omitzero"`
	Events            []string        `json:"events"`
	Stands            bool            `json:"stands"` // false: the peer has not answered, or not lately
}

// MIHTransaction is a message to a peer that is not done with.
type MIHTransaction struct {
	Peer         mih.MIHFID `json:"peer"`
	ID           uint16     `json:"tid"`
	Message      string     `json:"message"`
	Attempts     int        `json:"attempts"` // 0: waits to be sent
	Acknowledged bool       `json:"acknowledged"`
	Since        time.Time  `json:"since,omitzero"`
}

// MIHDiscovery is what was found at an address.
type MIHDiscovery struct {
	MIHFID       mih.MIHFID      `json:"mihf_id"`
	Address      netip.AddrPort  `json:"address"`
	Transport    string          `json:"transport"`
	Capabilities MIHCapabilities `json:"capabilities"`
}

// MIHParameters answers Link_Get_Parameters.
type MIHParameters struct {
	Status string              `json:"status"`
	Links  []MIHLinkParameters `json:"links"`
}

// MIHLinkParameters are what is known of one link.
type MIHLinkParameters struct {
	MIHLink
	Mode       string         `json:"mode,omitempty"`
	Channel    *uint16        `json:"channel,omitempty"`
	Parameters []MIHParameter `json:"parameters"`
}

// MIHParameter is one value in the parameter's own unit.
type MIHParameter struct {
	Name  string `json:"name"`
	Value int    `json:"value"`
	Unit  string `json:"unit,omitempty"`
}
