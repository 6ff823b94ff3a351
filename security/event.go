package security

import "net/netip"

// Event is what happens to security associations: charon's doings, as the VICI client reports them, and the wishes of
// the signalling side.
type Event interface{ isEvent() }

// CharonSnapshot is the complete state of charon: every installed CHILD_SA and every loaded connection. It comes first
// after charon was reached and then periodically; it replaces everything known before.
type CharonSnapshot struct {
	SAs              []ChildSA
	Connections      []Connection
	DataPathInCharon bool // charon does ESP itself (kernel-libipsec): its SAs end with it
}

// CharonLost: the VICI socket cannot be reached, or no longer.
type CharonLost struct{ Err error }

// ChildUp: a CHILD_SA was installed.
type ChildUp struct{ SA ChildSA }

// ChildDown: the CHILD_SA with this UniqueID is gone. Other SAs to the same peer may stand.
type ChildDown struct{ UniqueID string }

// IKEDown: the IKE_SA with this IKEUniqueID is gone, with all its CHILD_SAs.
type IKEDown struct{ IKEUniqueID string }

// ChildRekeyed: SA takes the place of the CHILD_SA with the UniqueID Old.
type ChildRekeyed struct {
	Old string
	SA  ChildSA
}

// Loaded: charon took the connection of this peer (ManagedBy ByNetlmm).
type Loaded struct{ Peer netip.Addr }

// Initiated: charon says that the initiation succeeded. Only ChildUp or a snapshot says that the SA stands.
type Initiated struct{ Peer netip.Addr }

// Failed: loading or initiating the peer's connection failed.
type Failed struct {
	Peer netip.Addr
	Err  error
}

// Required: a message to this peer waits for its SA.
type Required struct{ Peer netip.Addr }

// Suspect: the peer does not answer although its SA is said to stand.
type Suspect struct{ Peer netip.Addr }

func (CharonSnapshot) isEvent() {}
func (CharonLost) isEvent()     {}
func (ChildUp) isEvent()        {}
func (ChildDown) isEvent()      {}
func (IKEDown) isEvent()        {}
func (ChildRekeyed) isEvent()   {}
func (Loaded) isEvent()         {}
func (Initiated) isEvent()      {}
func (Failed) isEvent()         {}
func (Required) isEvent()       {}
func (Suspect) isEvent()        {}
