package configs

import (
	"fmt"
	"net/netip"
	"time"

	"netlmm/mobility"
	"netlmm/security"
)

// Common is what every daemon is told.
type Common struct {
	AdminSocket   string
	MetricsListen string // "" = off
	LogLevel      string // debug, info, warn, error
	LogFormat     string // text, json
	Heartbeat
	Settings []Setting // the effective configuration, every key of it
}

// Heartbeat has the variables of RFC 5847 section 5.
type Heartbeat struct {
	HeartbeatInterval        time.Duration // 0: no heartbeats
	MissingHeartbeatsAllowed int
}

// Security is the protection of the control channel.
type Security struct {
	None           bool // security.mode: none, for laboratories
	VICISocket     string
	DataPath       string // auto, xfrm, libipsec
	IPsecDevice    string // with libipsec: the device that protected packets pass
	Filter         bool   // install the fail-closed packet filter
	BackoffFirst   time.Duration
	BackoffLongest time.Duration
	OtherPeers     []Peer // security.peers: those that are neither anchor nor gateway
}

// PeerKind is what a peer is to this end.
type PeerKind string

// Kinds of peers.
const (
	Anchor    PeerKind = "anchor"  // an LMA that this gateway registers at
	Gateway   PeerKind = "gateway" // a MAG: of this anchor, or beside this gateway
	OtherPeer PeerKind = "mih"     // no more than an MIH Function: no Mobility Header of it counts
)

// Peer is the other end of a control channel: an LMA, a MAG, or an MIH Function that is neither.
type Peer struct {
	Name string
	Kind PeerKind
	security.Peer
	Credentials Credentials
	Compat      mobility.Compat

	// Of a MAG, in lmad.yaml: the mobile nodes and the prefixes that it may register; none: all (RFC 5213 section 4).
	MobileNodes         []string // patterns of their identifiers, with * for any text
	HomeNetworkPrefixes []netip.Prefix
}

// Credentials are what a connection that the daemon loads itself (managed_by: netlmm) authenticates with.
type Credentials struct {
	LocalIdentity     string
	PresharedKeyFile  string
	CertificateFile   string
	PrivateKeyFile    string
	CACertificateFile string
	IKEProposals      []string
	ESPProposals      []string
}

// Forwarding chooses and places the data plane.
type Forwarding struct {
	Backend string // auto, ip6tnl, seg6, none
	Uplink  string // "": the interface that holds the tunnel end point

	TunnelMTU           int           // 0: that of the uplink less the outer header
	StaticTunnels       bool          // to every peer, from the start (RFC 5213 sections 5.6.1 and 6.10.2)
	TunnelDeletionDelay time.Duration // how long a tunnel without bindings stays; 0: not at all
}

// Bounds of the largest packet in a tunnel, in octets: the least of IPv6, and an IPv6 packet less the outer header.
const (
	minimumMTU       = 1280
	maximumTunnelMTU = 65495
)

// The raw forms: as written in YAML.
type (
	rawAdmin struct {
		Socket string `mapstructure:"socket"`
	}
	rawMetrics struct {
		Listen string `mapstructure:"listen"`
	}
	rawHeartbeat struct {
		Interval       string `mapstructure:"interval"`
		MissingAllowed int    `mapstructure:"missing_allowed"`
	}
	rawLog struct {
		Level  string `mapstructure:"level"`
		Format string `mapstructure:"format"`
	}
	rawSecurity struct {
		Mode           string    `mapstructure:"mode"`
		VICISocket     string    `mapstructure:"vici_socket"`
		DataPath       string    `mapstructure:"data_path"`
		IPsecDevice    string    `mapstructure:"ipsec_device"`
		Filter         bool      `mapstructure:"filter"`
		BackoffFirst   string    `mapstructure:"initiate_backoff_first"`
		BackoffLongest string    `mapstructure:"initiate_backoff_longest"`
		Peers          []rawPeer `mapstructure:"peers"`
	}
	rawPeer struct {
		Name              string   `mapstructure:"name"`
		Address           string   `mapstructure:"address"`
		Identity          string   `mapstructure:"identity"`
		Compat            string   `mapstructure:"compat" default:"strict"`
		ManagedBy         string   `mapstructure:"managed_by"`
		Connection        string   `mapstructure:"connection"`
		Child             string   `mapstructure:"child"`
		Initiate          *bool    `mapstructure:"initiate"` // default: as the daemon's role
		LocalIdentity     string   `mapstructure:"local_identity"`
		PresharedKeyFile  string   `mapstructure:"preshared_key_file"`
		CertificateFile   string   `mapstructure:"certificate_file"`
		PrivateKeyFile    string   `mapstructure:"private_key_file"`
		CACertificateFile string   `mapstructure:"ca_certificate_file"`
		IKEProposals      []string `mapstructure:"ike_proposals"`
		ESPProposals      []string `mapstructure:"esp_proposals"`
	}
	rawForwarding struct {
		Backend             string `mapstructure:"backend"`
		Uplink              string `mapstructure:"uplink"`
		TunnelMTU           int    `mapstructure:"tunnel_mtu"`
		StaticTunnels       bool   `mapstructure:"static_tunnels"`
		TunnelDeletionDelay string `mapstructure:"tunnel_deletion_delay"`
	}
)

var defaultSecurity = rawSecurity{VICISocket: "/var/run/charon.vici", DataPath: "auto", IPsecDevice: "ipsec0", Filter: true, BackoffFirst: "200ms", BackoffLongest: "5s"}

var (
	defaultForwarding = rawForwarding{Backend: "auto", TunnelDeletionDelay: "10s"}
	defaultHeartbeat  = rawHeartbeat{Interval: "60s", MissingAllowed: 3} // RFC 5847 section 5
)

func (p *problems) common(admin rawAdmin, metrics rawMetrics, log rawLog) Common {
	return Common{
		AdminSocket:   p.socket("admin.socket", admin.Socket, longestAdmin),
		MetricsListen: p.loopback("metrics.listen", metrics.Listen),
		LogLevel:      p.oneOf("log.level", log.Level, "debug", "info", "warn", "error"),
		LogFormat:     p.oneOf("log.format", log.Format, "text", "json"),
	}
}

// heartbeat reads the variables of RFC 5847 section 5; in laboratories heartbeats may be hasty.
func (p *problems) heartbeat(raw rawHeartbeat, laboratory bool) Heartbeat {
	least := 30 * time.Second
	if laboratory {
		least = 100 * time.Millisecond
	}
	return Heartbeat{
		HeartbeatInterval:        p.durationOrOff("heartbeat.interval", raw.Interval, least, time.Hour),
		MissingHeartbeatsAllowed: p.between("heartbeat.missing_allowed", raw.MissingAllowed, 1, 100),
	}
}

func (p *problems) security(raw rawSecurity) Security {
	mode := p.oneOf("security.mode", raw.Mode, "ipsec", "none")
	s := Security{
		None:           mode == "none",
		VICISocket:     p.socket("security.vici_socket", raw.VICISocket, longestSocket),
		DataPath:       p.oneOf("security.data_path", raw.DataPath, "auto", "xfrm", "libipsec"),
		IPsecDevice:    p.interfaceName("security.ipsec_device", raw.IPsecDevice),
		Filter:         raw.Filter,
		BackoffFirst:   p.duration("security.initiate_backoff_first", raw.BackoffFirst, time.Millisecond, time.Minute),
		BackoffLongest: p.duration("security.initiate_backoff_longest", raw.BackoffLongest, time.Millisecond, time.Hour),
	}
	p.notMore("security.initiate_backoff_first", s.BackoffFirst, "security.initiate_backoff_longest", s.BackoffLongest)
	return s
}

func (p *problems) forwarding(raw rawForwarding) Forwarding {
	f := Forwarding{
		Backend: p.oneOf("forwarding.backend", raw.Backend, "auto", "ip6tnl", "seg6", "none"), Uplink: raw.Uplink,
		TunnelMTU: raw.TunnelMTU, StaticTunnels: raw.StaticTunnels,
		TunnelDeletionDelay: p.durationOrOff("forwarding.tunnel_deletion_delay", raw.TunnelDeletionDelay, time.Millisecond, time.Hour),
	}
	if raw.TunnelMTU != 0 && (raw.TunnelMTU < minimumMTU || raw.TunnelMTU > maximumTunnelMTU) {
		p.add("forwarding.tunnel_mtu", fmt.Sprint(raw.TunnelMTU), fmt.Sprintf("want %d to %d (RFC 8200 section 5), or 0 for what the uplink leaves", minimumMTU, maximumTunnelMTU))
	}
	if f.Uplink != "" {
		p.interfaceName("forwarding.uplink", f.Uplink)
	}
	return f
}
