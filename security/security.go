// Package security is the vocabulary of the control channel's protection: which peers there are, how their security
// associations are managed and in which state they are. It imports the standard library only.
package security

import (
	"net/netip"
	"time"
)

// ManagedBy says who loads the IKE connection of a peer.
type ManagedBy string

// Who loads a connection.
const (
	BySwanctl ManagedBy = "swanctl" // the operator's swanctl.conf; the daemon finds, initiates and watches it
	ByNetlmm  ManagedBy = "netlmm"  // the daemon loads it over VICI from its own configuration
)

// Peer is one MAG or LMA whose Mobility Headers must be protected.
type Peer struct {
	Address    netip.Addr // traffic selector of the peer: its Proxy-CoA or LMA address
	Local      netip.Addr // traffic selector of our end
	Identity   string     // expected IKE identity of the peer
	ManagedBy  ManagedBy
	Connection string // swanctl connection name; "" with BySwanctl: found by its traffic selectors
	Child      string // swanctl child name; "" likewise
	Initiate   bool   // this end brings the SA up (a MAG does; an LMA usually waits)
}

// ChildSA is an installed CHILD_SA that covers Mobility Headers between two addresses.
type ChildSA struct {
	Connection, Child                        string
	UniqueID                                 string // of the CHILD_SA
	IKEUniqueID                              string
	IKEVersion                               string     // "1" or "2"
	Local, Remote                            netip.Addr // from its traffic selectors
	MobilityHeaders                          bool       // its selectors are these two addresses and cover every Mobility Header type
	RemoteIdentity                           string     // authenticated IKE identity
	LocalIdentity                            string
	Mode                                     string // "TRANSPORT" or "TUNNEL"
	Encapsulated                             bool   // ESP in UDP
	SPIIn, SPIOut                            string
	BytesIn, BytesOut, PacketsIn, PacketsOut uint64
	Algorithm                                string // "AES_GCM_16-128", "AES_CBC-128/HMAC_SHA2_256_128"
	Installed                                time.Time
}

// Connection is one connection+child that charon has loaded, as far as it concerns Mobility Headers.
type Connection struct {
	Name, Child   string
	Local, Remote netip.Addr // traffic selectors of the child; zero when they are not single addresses
}

// PeerStatus is what the operator sees of a peer's protection.
type PeerStatus struct {
	Address   netip.Addr `json:"address"`
	Identity  string     `json:"identity"` // expected; authenticated when Up
	State     string     `json:"state"`    // "up", "connecting", "waiting", "charon unreachable", "down"
	Mode      string     `json:"mode,omitempty"`
	Algorithm string     `json:"algorithm,omitempty"`
	Since     time.Time  `json:"since,omitzero"`
	Rekeys    uint64     `json:"rekeys"`
	Attempts  uint64     `json:"attempts"`
	LastError string     `json:"last_error,omitempty"`
}
