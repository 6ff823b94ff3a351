package configs

import (
	"time"

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
		AdminSocket:   p.socket("admin.socket", admin.Socket, longestAdmin),
		MetricsListen: p.loopback("metrics.listen", metrics.Listen),
		LogLevel:      p.oneOf("log.level", log.Level, "debug", "info", "warn", "error"),
		LogFormat:     p.oneOf("log.format", log.Format, "text", "json"),
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
	f := Forwarding{Backend: p.oneOf("forwarding.backend", raw.Backend, "auto", "ip6tnl", "seg6", "none"), Uplink: raw.Uplink}
	if f.Uplink != "" {
		p.interfaceName("forwarding.uplink", f.Uplink)
	}
	return f
}
