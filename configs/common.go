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
}

// Peer is the other end of a control channel: an LMA in magd.yaml, a MAG in lmad.yaml.
type Peer struct {
	Name string
	security.Peer
	Credentials Credentials
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
}

// The raw forms: as written in YAML.
type (
	rawAdmin struct {
		Socket string `mapstructure:"socket"`
	}
	rawMetrics struct {
		Listen string `mapstructure:"listen"`
	}
	rawLog struct {
		Level  string `mapstructure:"level"`
		Format string `mapstructure:"format"`
	}
	rawSecurity struct {
		Mode           string `mapstructure:"mode"`
		VICISocket     string `mapstructure:"vici_socket"`
		DataPath       string `mapstructure:"data_path"`
		IPsecDevice    string `mapstructure:"ipsec_device"`
		Filter         bool   `mapstructure:"filter"`
		BackoffFirst   string `mapstructure:"initiate_backoff_first"`
		BackoffLongest string `mapstructure:"initiate_backoff_longest"`
	}
	rawPeer struct {
		Name              string   `mapstructure:"name"`
		Address           string   `mapstructure:"address"`
		Identity          string   `mapstructure:"identity"`
		ManagedBy         string   `mapstructure:"managed_by"`
		Connection        string   `mapstructure:"connection"`
		Child             string   `mapstructure:"child"`
		Initiate          *bool    `mapstructure:"initiate"`
		LocalIdentity     string   `mapstructure:"local_identity"`
		PresharedKeyFile  string   `mapstructure:"preshared_key_file"`
		CertificateFile   string   `mapstructure:"certificate_file"`
		PrivateKeyFile    string   `mapstructure:"private_key_file"`
		CACertificateFile string   `mapstructure:"ca_certificate_file"`
		IKEProposals      []string `mapstructure:"ike_proposals"`
		ESPProposals      []string `mapstructure:"esp_proposals"`
	}
	rawForwarding struct {
		Backend string `mapstructure:"backend"`
		Uplink  string `mapstructure:"uplink"`
	}
	rawPolicy struct {
		Default     string          `mapstructure:"default"`
		MobileNodes []rawMobileNode `mapstructure:"mobile_nodes"`
	}
	rawMobileNode struct {
		NAI                 string   `mapstructure:"nai"`
		MAC                 string   `mapstructure:"mac"`
		ProxyRegistration   *bool    `mapstructure:"proxy_registration"`
		LMA                 string   `mapstructure:"lma"`
		HomeNetworkPrefixes []string `mapstructure:"home_network_prefixes"`
		Lifetime            string   `mapstructure:"lifetime"`
	}
)

var defaultSecurity = rawSecurity{VICISocket: "/var/run/charon.vici", DataPath: "auto", IPsecDevice: "ipsec0", Filter: true, BackoffFirst: "200ms", BackoffLongest: "5s"}

func (p *problems) common(admin rawAdmin, metrics rawMetrics, log rawLog) Common {
	return Common{
		AdminSocket:   p.required("admin.socket", admin.Socket),
		MetricsListen: p.loopback("metrics.listen", metrics.Listen),
		LogLevel:      p.oneOf("log.level", log.Level, "debug", "info", "warn", "error"),
		LogFormat:     p.oneOf("log.format", log.Format, "text", "json"),
	}
}

func (p *problems) security(raw rawSecurity) Security {
	mode := p.oneOf("security.mode", raw.Mode, "ipsec", "none")
	return Security{
		None:           mode == "none",
		VICISocket:     p.required("security.vici_socket", raw.VICISocket),
		DataPath:       p.oneOf("security.data_path", raw.DataPath, "auto", "xfrm", "libipsec"),
		IPsecDevice:    p.required("security.ipsec_device", raw.IPsecDevice),
		Filter:         raw.Filter,
		BackoffFirst:   p.duration("security.initiate_backoff_first", raw.BackoffFirst, time.Millisecond, time.Minute),
		BackoffLongest: p.duration("security.initiate_backoff_longest", raw.BackoffLongest, time.Millisecond, time.Hour),
	}
}

func (p *problems) forwarding(raw rawForwarding) Forwarding {
	return Forwarding{Backend: p.oneOf("forwarding.backend", raw.Backend, "auto", "ip6tnl", "seg6", "none"), Uplink: raw.Uplink}
}

// peers reads the list under key; initiate is what a peer that does not say so does.
func (p *problems) peers(key string, raws []rawPeer, local netip.Addr, initiate, protected bool) []Peer {
	if len(raws) == 0 {
		p.add(key, "", "is missing: want at least one peer with its address")
	}
	seen := map[netip.Addr]bool{}
	var peers []Peer
	for i, raw := range raws {
		at := fmt.Sprintf("%s[%d]", key, i)
		peer := p.peer(at, raw, initiate, protected)
		peer.Local = local
		if peer.Address.IsValid() && seen[peer.Address] {
			p.add(at+".address", raw.Address, "stands twice")
		}
		seen[peer.Address] = true
		peers = append(peers, peer)
	}
	return peers
}

func (p *problems) peer(at string, raw rawPeer, initiate, protected bool) Peer {
	if raw.Initiate != nil {
		initiate = *raw.Initiate
	}
	peer := Peer{Name: raw.Name, Peer: security.Peer{
		Address: p.address(at+".address", raw.Address), Identity: raw.Identity, ManagedBy: security.ManagedBy(raw.ManagedBy),
		Connection: raw.Connection, Child: raw.Child, Initiate: initiate,
	}}
	if peer.Name == "" {
		peer.Name = raw.Address
	}
	if !protected {
		return peer
	}
	p.required(at+".identity", raw.Identity)
	p.oneOf(at+".managed_by", raw.ManagedBy, string(security.BySwanctl), string(security.ByNetlmm))
	if peer.ManagedBy == security.ByNetlmm {
		peer.Credentials = p.credentials(at, raw)
		if peer.Connection == "" {
			peer.Connection = "netlmm-" + peer.Name
		}
		if peer.Child == "" {
			peer.Child = "mh"
		}
	}
	return peer
}

func (p *problems) credentials(at string, raw rawPeer) Credentials {
	c := Credentials{LocalIdentity: p.required(at+".local_identity", raw.LocalIdentity), IKEProposals: raw.IKEProposals, ESPProposals: raw.ESPProposals}
	switch {
	case raw.PresharedKeyFile != "" && raw.CertificateFile != "":
		p.add(at, "", "has both preshared_key_file and certificate_file: want one of them")
	case raw.PresharedKeyFile != "":
		c.PresharedKeyFile = p.secretFile(at+".preshared_key_file", raw.PresharedKeyFile)
	case raw.CertificateFile != "":
		c.CertificateFile = p.plainFile(at+".certificate_file", raw.CertificateFile)
		c.PrivateKeyFile = p.secretFile(at+".private_key_file", raw.PrivateKeyFile)
		c.CACertificateFile = p.plainFile(at+".ca_certificate_file", raw.CACertificateFile)
	default:
		p.add(at, "", "managed_by is netlmm: want preshared_key_file, or certificate_file with private_key_file and ca_certificate_file")
	}
	return c
}

// policy reads the profiles. fallback is nil when policy.default is deny.
func (p *problems) policy(raw rawPolicy, defaultLMA netip.Addr) (profiles []mobility.Profile, fallback *mobility.Profile) {
	seen := map[mobility.MobileNodeID]bool{}
	for i, node := range raw.MobileNodes {
		at := fmt.Sprintf("policy.mobile_nodes[%d]", i)
		profile := p.profile(at, node, defaultLMA)
		if !profile.MobileNodeID.IsZero() && seen[profile.MobileNodeID] {
			p.add(at, profile.MobileNodeID.String(), "stands twice")
		}
		seen[profile.MobileNodeID] = true
		profiles = append(profiles, profile)
	}
	if p.oneOf("policy.default", raw.Default, "allow", "deny") == "allow" {
		fallback = &mobility.Profile{ProxyRegistration: true, LMAAddress: defaultLMA}
	}
	return profiles, fallback
}

func (p *problems) profile(at string, node rawMobileNode, defaultLMA netip.Addr) mobility.Profile {
	profile := mobility.Profile{ProxyRegistration: node.ProxyRegistration == nil || *node.ProxyRegistration, LMAAddress: defaultLMA,
		HomeNetworkPrefixes: p.prefixes(at+".home_network_prefixes", node.HomeNetworkPrefixes)}
	switch {
	case (node.NAI == "") == (node.MAC == ""):
		p.add(at, "", "want exactly one of nai and mac")
	case node.NAI != "":
		profile.MobileNodeID = mobility.NAI(node.NAI)
		if len(node.NAI) > 253 {
			p.add(at+".nai", node.NAI, "want at most 253 octets (RFC 4282)")
		}
	default:
		profile.MobileNodeID = mobility.EUI48(p.mac(at+".mac", node.MAC))
	}
	if node.LMA != "" {
		profile.LMAAddress = p.address(at+".lma", node.LMA)
	}
	if node.Lifetime != "" {
		profile.Lifetime = p.duration(at+".lifetime", node.Lifetime, minLifetime, maxLifetime)
	}
	return profile
}

// Bounds of a binding's lifetime: one unit of the Lifetime field, and all of them (RFC 6275 section 6.1.7).
const (
	minLifetime = 4 * time.Second
	maxLifetime = 65535 * 4 * time.Second
)
