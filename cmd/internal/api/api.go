// Package api is the form of the admin API: JSON over HTTP on a unix socket that only root reads. The daemons serve it,
// netlmmctl and the testbed ask it. Every path is a GET, but for these of lmad: DELETE of PathBindings with the parameter
// mobile_node ends that mobile node's bindings; POST of PathRevocations revokes those of mobile_node, or of gateway, and with
// wait=true answers when the gateways did. POST of PathRegistrations has a magd register again what was refused, of mobile_node
// or of all, and says how many it begins.
package api

import (
	"net/netip"
	"time"

	"netlmm/mobility"
	"netlmm/security"
)

// Paths of the admin API.
const (
	PathStatus       = "/v1/status"
	PathBindings     = "/v1/bindings"
	PathPeers        = "/v1/peers"
	PathHandovers    = "/v1/handovers"
	PathLinks        = "/v1/links"
	PathLinkChanges  = "/v1/links/changes"
	PathPreparations = "/v1/preparations"
	PathConfig       = "/v1/config"

	PathRevocations   = "/v1/revocations"
	PathRegistrations = "/v1/registrations"
)

// Status is what a daemon says of itself.
type Status struct {
	Daemon     string            `json:"daemon"` // "magd", "lmad" or "mihd"
	Version    string            `json:"version"`
	Kernel     string            `json:"kernel"`
	Started    time.Time         `json:"started"`
	Address    netip.Addr        `json:"address"`               // Proxy-CoA or LMA address; the IPv4 one where there is no other
	IPv4       netip.Addr        `json:"ipv4_address,omitzero"` // beside it
	Bindings   int               `json:"bindings"`
	Security   SecurityStatus    `json:"security"`
	Forwarding ForwardingStatus  `json:"forwarding"`
	MIH        *MIHStatus        `json:"mih,omitempty"`    // nil: the daemon has no MIH Function
	Policy     *PolicyStatus     `json:"policy,omitempty"` // magd
	Counters   map[string]uint64 `json:"counters"`         // everything that was dropped, refused or retried, by name and reason
	Warnings   []string          `json:"warnings"`         // what an operator should look at
}

// SecurityStatus is the protection of the control channel as a whole.
type SecurityStatus struct {
	Mode          string `json:"mode"`                    // "ipsec" or "none"
	DataPath      string `json:"data_path,omitempty"`     // "xfrm" or "libipsec"
	KernelPlugin  string `json:"kernel_plugin,omitempty"` // of charon
	Charon        string `json:"charon,omitempty"`        // its version, or "not reached"
	CharonReached bool   `json:"charon_reached"`
	Filter        bool   `json:"filter"`        // fail-closed packet filter in place
	DroppedClear  uint64 `json:"dropped_clear"` // Mobility Headers in clear that the filter dropped
	PeersUp       int    `json:"peers_up"`
	PeersExpected int    `json:"peers_expected"`
}

// PolicyStatus is what a gateway decides about mobile nodes by.
type PolicyStatus struct {
	Profiles     int          `json:"profiles"` // identifiers with a profile of their own
	ProfilesFile string       `json:"profiles_file,omitempty"`
	Loaded       time.Time    `json:"loaded"`                 // when the profiles in force were read
	Error        string       `json:"error,omitempty"`        // of the last reload, which changed nothing
	Served       int          `json:"served"`                 // stations
	Withheld     int          `json:"withheld"`               // stations that are here and not served
	Waiting      int          `json:"waiting"`                // for an AAA server's answer
	Cached       int          `json:"cached"`                 // answers
	DeadAnchors  []netip.Addr `json:"dead_anchors,omitempty"` // that are left
}

// ForwardingStatus is the data plane.
type ForwardingStatus struct {
	Backend   string `json:"backend"` // "ip6tnl", "seg6", "sit" or "none"
	TunnelMTU int    `json:"tunnel_mtu"`
	Entries   int    `json:"entries"` // desired
	Pending   int    `json:"pending"` // desired but not in the kernel yet; they are retried
	LastError string `json:"last_error,omitempty"`

	Tunnels []Tunnel `json:"tunnels,omitempty"`
	Held    *Held    `json:"held,omitempty"`    // magd, where handovers with other gateways are prepared
	Offload *Offload `json:"offload,omitempty"` // magd, where IPv4 traffic offload is enabled (RFC 6909)
}

// Held is what is kept for mobile nodes on their way between two gateways.
type Held struct {
	Prefixes int `json:"prefixes"` // to which packets are kept
	Packets  int `json:"packets"`
	Octets   int `json:"octets"`
}

// Offload is what left at this gateway by its own routes, and came back, since the first run whose state in the kernel still stands.
type Offload struct {
	Packets uint64 `json:"packets"`
	Octets  uint64 `json:"octets"`
	NAT     string `json:"nat"` // "masquerade" or "none"
}

// Tunnel is one tunnel to a peer.
type Tunnel struct {
	Peer    netip.Addr `json:"peer"`
	Entries int        `json:"entries"` // prefixes and addresses that are reached through it
	Static  bool       `json:"static"`  // stands without entries
	Since   time.Time  `json:"since"`   // made, or found from an earlier run
}

// Peer is an LMA or a MAG with the state of its security association.
type Peer struct {
	Name string `json:"name"`
	Kind string `json:"kind"` // "anchor", "gateway", or "mih": no more than an MIH Function
	security.PeerStatus
	Bindings  int        `json:"bindings"`
	Heartbeat *Heartbeat `json:"heartbeat,omitempty"` // nil: none are sent
}

// Heartbeat is what a daemon knows of a peer by its heartbeats (RFC 5847).
type Heartbeat struct {
	State          string    `json:"state"`                     // "up", "failed", "unknown" before the first answer, "none" with a peer that knows no heartbeats
	RestartCounter *uint32   `json:"restart_counter,omitempty"` // nil: never told
	LastHeard      time.Time `json:"last_heard,omitzero"`
	Missing        int       `json:"missing"` // unanswered in a row
}

// Setting is one value of the effective configuration.
type Setting struct {
	Key       string `json:"key"`                 // in the file
	Variable  string `json:"variable,omitempty"`  // its name in an RFC
	Reference string `json:"reference,omitempty"` // where
	Value     any    `json:"value"`               // in the file's terms: text with its unit, number, true or false, list of texts
	Default   any    `json:"default"`             // null: the key has none
	IsDefault bool   `json:"is_default"`
}

// Registrations is how many mobility sessions a gateway registers again.
type Registrations struct {
	Sessions int `json:"sessions"`
}

// Revocation is what became of an order to revoke bindings (RFC 5846). They are gone whatever the gateways say.
type Revocation struct {
	Bindings int                 `json:"bindings"` // revoked
	Outcomes []RevocationOutcome `json:"outcomes"` // of the gateways that have answered or been given up; without wait, none
	Complete bool                `json:"complete"` // nothing more is awaited
}

// RevocationOutcome is one gateway's answer.
type RevocationOutcome struct {
	Gateway      netip.Addr            `json:"gateway"`
	MobileNodeID mobility.MobileNodeID `json:"mobile_node,omitzero"` // none: all of the gateway
	Bindings     int                   `json:"bindings"`
	Answered     bool                  `json:"answered"`
	Status       string                `json:"status"` // the gateway's, or "timeout"
}

// Handover is one attachment (magd) or one change of a binding's gateway (lmad), newest last.
type Handover struct {
	CorrelationID         mobility.CorrelationID         `json:"correlation_id"`
	MobileNodeID          mobility.MobileNodeID          `json:"mobile_node"`
	MobileNodeLinkLayerID mobility.MobileNodeLinkLayerID `json:"mobile_node_link_layer_id"`
	Trigger               string                         `json:"trigger,omitempty"`   // the adapter that saw it
	Interface             string                         `json:"interface,omitempty"` // access link
	From                  netip.Addr                     `json:"from,omitzero"`       // Proxy-CoA before (lmad)
	To                    netip.Addr                     `json:"to,omitzero"`         // Proxy-CoA after
	HomeNetworkPrefixes   []netip.Prefix                 `json:"home_network_prefixes"`
	LinkUp                time.Time                      `json:"link_up"` // lmad: when the update was accepted
	L2AttachToPBU         float64                        `json:"l2_attach_to_pbu_ms"`
	PBUToPBA              float64                        `json:"pbu_to_pba_ms"`
	PBAToRA               float64                        `json:"pba_to_ra_ms"`
	ForwardingApplied     float64                        `json:"pba_to_forwarding_ms"` // part of PBAToRA
	Total                 float64                        `json:"total_ms"`
	Attempts              int                            `json:"attempts"` // PBUs sent for it
	Outcome               string                         `json:"outcome"`  // "complete", "waiting", or why not

	Mode         string  `json:"mode,omitempty"`             // how the gateway that it came from helped: "predictive" or "reactive"
	LinkUpToRA   float64 `json:"link_up_to_ra_ms,omitempty"` // with a Mode: the first Router Advertisement, before the anchor had answered
	BufferedMost int     `json:"buffered_most,omitempty"`    // packets that were kept for it at one time
	Buffered     int     `json:"buffered,omitempty"`         // that went out when it was there
}

// Preparation is one handover that a gateway prepared with another one before the mobile node left (RFC 5949), newest last.
type Preparation struct {
	CorrelationID         mobility.CorrelationID         `json:"correlation_id,omitzero"` // of the latest attempt
	MobileNodeID          mobility.MobileNodeID          `json:"mobile_node,omitzero"`
	MobileNodeLinkLayerID mobility.MobileNodeLinkLayerID `json:"mobile_node_link_layer_id"`
	Interface             string                         `json:"interface,omitempty"`
	To                    netip.Addr                     `json:"to,omitzero"`
	Begun                 time.Time                      `json:"begun"`       // the link event that foretold it
	Prepared              float64                        `json:"prepared_ms"` // from there until packets went to the other gateway; 0: they never did
	Outcome               string                         `json:"outcome"`     // "waiting", "prepared", "completed", or why not
}

// Link is one station that an adapter, or another MIH Function, reported.
type Link struct {
	Station           string    `json:"station"`
	PointOfAttachment string    `json:"point_of_attachment"`
	Technology        string    `json:"technology"`
	Interface         string    `json:"interface"`
	Identity          string    `json:"identity,omitempty"`
	State             string    `json:"state"`
	Source            string    `json:"source"` // MIH Function that says so
	SAP               string    `json:"sap"`
	SignalStrength    int       `json:"signal_strength,omitempty"` // dBm
	Since             time.Time `json:"since"`
}

// LinkChanges is what became of the links since the answer before, whose Incarnation and Revision the question names (parameters
// incarnation and after; without them all of it is told). With the parameter wait=true the answer comes when there is something to tell,
// or after LinkChangesWait without.
type LinkChanges struct {
	Incarnation uint64     `json:"incarnation"` // of the daemon: another one knows nothing of the revisions of its predecessor
	Revision    uint64     `json:"revision"`
	Whole       bool       `json:"whole"` // Links is all there is; what is not in it is gone
	Links       []Link     `json:"links"`
	Gone        []LinkName `json:"gone"` // before Links: one that came anew is in both
}

// LinkName names a link.
type LinkName struct {
	Station    string `json:"station"`
	Technology string `json:"technology"`
}

// Name is that of the link.
func (l Link) Name() LinkName { return LinkName{l.Station, l.Technology} }

// LinkChangesWait is how long an answer may be waited for.
const LinkChangesWait = 25 * time.Second

// Error is the body of an answer that is not 200.
type Error struct {
	Message string `json:"error"`
}
