// Package security is the vocabulary of the control channel's protection: which peers there are, what they say, how their security
// associations are managed and in which state they are. It imports the standard library only.
package security

import (
	"net/netip"
	"strings"
	"time"
)

// ManagedBy says who loads the IKE connection of a peer.
type ManagedBy string

// Who loads a connection.
const (
	BySwanctl ManagedBy = "swanctl" // the operator's swanctl.conf; the daemon finds, initiates and watches it
	ByNetlmm  ManagedBy = "netlmm"  // the daemon loads it over VICI from its own configuration
)

// Traffic is a set of what two peers say to each other and must be protected.
type Traffic uint8

// What peers say to each other.
const (
	MobilityHeaders Traffic = 1 << iota // every type of them: protocol 135; over IPv4 UDP port 5436 (RFC 5844 section 4)
	MIHOverUDP                          // IEEE 802.21 between two sockets of port 4551 (RFC 5677)
	MIHOverTCP                          // all of TCP, for the port of who connects may be any

	MIH = MIHOverUDP | MIHOverTCP
)

// Has says whether all of other is in the set.
func (t Traffic) Has(other Traffic) bool { return t&other == other }

// String is for people: "Mobility Headers and MIH".
func (t Traffic) String() string {
	var parts []string
	if t.Has(MobilityHeaders) {
		parts = append(parts, "Mobility Headers")
	}
	switch t & MIH {
	case MIH:
		parts = append(parts, "MIH")
	case MIHOverUDP:
		parts = append(parts, "MIH over UDP")
	case MIHOverTCP:
		parts = append(parts, "MIH over TCP")
	}
	if len(parts) == 0 {
		return "nothing"
	}
	return strings.Join(parts, " and ")
}

// Peer is the other end of a control channel: an MAG or LMA whose Mobility Headers must be protected, or another MIH Function.
type Peer struct {
	Address    netip.Addr // traffic selector of the peer: its Proxy-CoA or LMA address
	Local      netip.Addr // traffic selector of our end
	Identity   string     // expected IKE identity of the peer
	ManagedBy  ManagedBy
	Connection string  // swanctl connection name; "" with BySwanctl: found by its traffic selectors
	Child      string  // swanctl child name; "" likewise
	Initiate   bool    // this end brings the SA up (a MAG does; an LMA usually waits)
	Traffic    Traffic // what its SA must cover to stand; 0: MobilityHeaders
}

// ChildSA is an installed CHILD_SA.
type ChildSA struct {
	Connection, Child                        string
	UniqueID                                 string // of the CHILD_SA
	IKEUniqueID                              string
	IKEVersion                               string     // "1" or "2"
	Local, Remote                            netip.Addr // from its traffic selectors; zero when they are not those of one address
	Covers                                   Traffic    // by its selectors, between these two addresses
	RemoteIdentity                           string     // authenticated IKE identity
	LocalIdentity                            string
	Mode                                     string // "TRANSPORT" or "TUNNEL"
	Encapsulated                             bool   // ESP in UDP
	SPIIn, SPIOut                            string
	BytesIn, BytesOut, PacketsIn, PacketsOut uint64
	Algorithm                                string // "AES_GCM_16-128", "AES_CBC-128/HMAC_SHA2_256_128"
	Installed                                time.Time
}

// Connection is one connection+child that charon has loaded.
type Connection struct {
	Name, Child   string
	Local, Remote netip.Addr // traffic selectors of the child; zero when they are not those of one address
	Covers        Traffic    // by these selectors
}

// PeerStatus is what the operator sees of a peer's protection.
type PeerStatus struct {
	Address   netip.Addr `json:"address"`
	Identity  string     `json:"identity"`         // expected; authenticated when Up
	State     string     `json:"state"`            // "up", "connecting", "waiting", "charon unreachable", "down"
	Covers    string     `json:"covers,omitempty"` // what is protected when Up: "Mobility Headers and MIH"
	Mode      string     `json:"mode,omitempty"`
	Algorithm string     `json:"algorithm,omitempty"`
	Since     time.Time  `json:"since,omitzero"`
	Rekeys    uint64     `json:"rekeys"`
	Attempts  uint64     `json:"attempts"`
	LastError string     `json:"last_error,omitempty"`
}
