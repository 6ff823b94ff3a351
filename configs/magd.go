package configs

import (
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// Magd is the configuration of a Mobile Access Gateway.
type Magd struct {
	Common
	Security
	Forwarding

	ProxyCareOfAddress          netip.Addr // zero: signalling over IPv4 only
	IPv4ProxyCareOfAddress      netip.Addr // where anchors are reached over IPv4 (RFC 5844 section 4); zero: none are
	Lifetime                    time.Duration
	ReRegistrationMargin        time.Duration
	InitialBindackTimeout       time.Duration
	MaxBindackTimeout           time.Duration
	DeregistrationTimeout       time.Duration
	PresenceTimeout             time.Duration
	MaximumMobileNodes          int
	TimestampBasedApproachInUse bool
	RouterLifetime              time.Duration
	DeregisterOnStop            bool
	LapseOnUnknownPresence      bool         // a mobile node that does not answer keeps its binding until that ends (RFC 5213 section 6.13)
	MAGLocalRouting             bool         // EnableMAGLocalRouting of mobile nodes whose profile does not say
	StatePath                   string       // the file of the restart counter
	DHCPRelayAddress            netip.Addr   // where DHCPv4 servers reach this gateway's relay agents; zero: none are asked
	DNSServers                  []netip.Addr // told to mobile nodes by the DHCP servers

	EnableIPv4TrafficOffloadSupport bool   // RFC 6909 section 4
	OffloadNAT                      string // masquerade, none: what becomes of the source of packets that leave at this gateway

	LMAs        []Peer
	Gateways    []Peer // others of the domain, for fast handovers (RFC 5949)
	Handover    Handover
	MIH         MIH
	AccessLinks []AccessLink
	Hostapd     []HostapdSource
	CiscoSyslog CiscoSyslog
	LinkSources LinkSources
	Radius      Radius

	Policy
}

type rawMagd struct {
	Admin       rawAdmin          `mapstructure:"admin"`
	Metrics     rawMetrics        `mapstructure:"metrics"`
	Log         rawLog            `mapstructure:"log"`
	MAG         rawMAG            `mapstructure:"mag"`
	LMAs        []rawPeer         `mapstructure:"lmas"`
	Gateways    []rawPeer         `mapstructure:"gateways"`
	Handover    rawHandover       `mapstructure:"handover"`
	MIH         rawGatewayMIH     `mapstructure:"mih"`
	Heartbeat   rawHeartbeat      `mapstructure:"heartbeat"`
	AccessLinks []rawAccessLink   `mapstructure:"access_links"`
	Adapters    rawAdapters       `mapstructure:"adapters"`
	Forwarding  rawMagdForwarding `mapstructure:"forwarding"`
	Security    rawSecurity       `mapstructure:"security"`
	Policy      rawMagdPolicy     `mapstructure:"policy"`
}

type rawMAG struct {
	ProxyCareOfAddress          string   `mapstructure:"proxy_care_of_address"`
	IPv4ProxyCareOfAddress      string   `mapstructure:"ipv4_proxy_care_of_address"`
	Lifetime                    string   `mapstructure:"lifetime"`
	ReRegistrationMargin        string   `mapstructure:"re_registration_margin"`
	InitialBindackTimeout       string   `mapstructure:"initial_bindack_timeout"`
	MaxBindackTimeout           string   `mapstructure:"max_bindack_timeout"`
	DeregistrationTimeout       string   `mapstructure:"deregistration_timeout"`
	PresenceTimeout             string   `mapstructure:"presence_timeout"`
	MaximumMobileNodes          int      `mapstructure:"maximum_mobile_nodes"`
	TimestampBasedApproachInUse bool     `mapstructure:"timestamp_based_approach_in_use"`
	RouterLifetime              string   `mapstructure:"router_lifetime"`
	OnStop                      string   `mapstructure:"on_stop"`
	OnUnknownPresence           string   `mapstructure:"on_unknown_presence"`
	EnableMAGLocalRouting       bool     `mapstructure:"enable_mag_local_routing"`
	StatePath                   string   `mapstructure:"state_path"`
	DHCPRelayAddress            string   `mapstructure:"dhcp_relay_address"`
	DNSServers                  []string `mapstructure:"dns_servers"`

	EnableIPv4TrafficOffloadSupport   bool `mapstructure:"enable_ipv4_traffic_offload_support"`
	MobileNodeGeneratedTimestampInUse bool `mapstructure:"mobile_node_generated_timestamp_in_use"`
}

// rawMagdForwarding has what a gateway has and an anchor has not.
type rawMagdForwarding struct {
	OffloadNAT    string `mapstructure:"offload_nat"`
	rawForwarding `mapstructure:",squash"`
}

func defaultMagd() rawMagd {
	return rawMagd{
		Admin:   rawAdmin{Socket: "/run/netlmm/magd.sock"},
		Metrics: rawMetrics{Listen: "127.0.0.1:9521"},
		Log:     rawLog{Level: "info", Format: "text"},
		MAG: rawMAG{
			Lifetime: "5m", ReRegistrationMargin: "30s", InitialBindackTimeout: "1s", MaxBindackTimeout: "32s",
			DeregistrationTimeout: "1s", PresenceTimeout: "1s", MaximumMobileNodes: 10000, TimestampBasedApproachInUse: true,
			RouterLifetime: "30m", OnStop: "deregister", OnUnknownPresence: "deregister", StatePath: "/var/lib/netlmm/magd.db",
		},
		Heartbeat:  defaultHeartbeat,
		Handover:   defaultHandover,
		MIH:        rawGatewayMIH{rawMIH: defaultMIH},
		Adapters:   rawAdapters{Radius: defaultRadius},
		Forwarding: rawMagdForwarding{rawForwarding: defaultForwarding, OffloadNAT: "masquerade"},
		Security:   defaultSecurity,
		Policy:     defaultGatewayPolicy,
	}
}

// LoadMagd reads magd.yaml. The error lists every problem (*Error), or says why the file could not be read.
func LoadMagd(file string) (*Magd, error) {
	raw, p := defaultMagd(), &problems{file: file}
	if err := load(file, &raw, p); err != nil {
		return nil, err
	}
	end := p.ends("mag.proxy_care_of_address", raw.MAG.ProxyCareOfAddress, "mag.ipv4_proxy_care_of_address", raw.MAG.IPv4ProxyCareOfAddress)
	c := &Magd{
		Common:                      p.common(raw.Admin, raw.Metrics, raw.Log),
		Security:                    p.security(raw.Security),
		Forwarding:                  p.forwarding(raw.Forwarding.rawForwarding),
		ProxyCareOfAddress:          end.address,
		IPv4ProxyCareOfAddress:      end.ipv4,
		Lifetime:                    p.duration("mag.lifetime", raw.MAG.Lifetime, minLifetime, maxLifetime),
		InitialBindackTimeout:       p.duration("mag.initial_bindack_timeout", raw.MAG.InitialBindackTimeout, 10*time.Millisecond, time.Minute),
		MaxBindackTimeout:           p.duration("mag.max_bindack_timeout", raw.MAG.MaxBindackTimeout, 10*time.Millisecond, time.Hour),
		DeregistrationTimeout:       p.duration("mag.deregistration_timeout", raw.MAG.DeregistrationTimeout, 10*time.Millisecond, time.Minute),
		PresenceTimeout:             p.duration("mag.presence_timeout", raw.MAG.PresenceTimeout, 10*time.Millisecond, time.Minute),
		MaximumMobileNodes:          p.between("mag.maximum_mobile_nodes", raw.MAG.MaximumMobileNodes, 1, 65535), // a sequence number each
		TimestampBasedApproachInUse: raw.MAG.TimestampBasedApproachInUse,
		RouterLifetime:              p.duration("mag.router_lifetime", raw.MAG.RouterLifetime, 4*time.Second, 9000*time.Second),
		DeregisterOnStop:            p.oneOf("mag.on_stop", raw.MAG.OnStop, "deregister", "keep") == "deregister",
		LapseOnUnknownPresence:      p.oneOf("mag.on_unknown_presence", raw.MAG.OnUnknownPresence, "deregister", "lapse") == "lapse",
		MAGLocalRouting:             raw.MAG.EnableMAGLocalRouting,
		StatePath:                   p.path("mag.state_path", raw.MAG.StatePath),

		EnableIPv4TrafficOffloadSupport: raw.MAG.EnableIPv4TrafficOffloadSupport,
		OffloadNAT:                      p.oneOf("forwarding.offload_nat", raw.Forwarding.OffloadNAT, "masquerade", "none"),
	}
	c.Heartbeat = p.heartbeat(raw.Heartbeat, c.None)
	p.gatewayTimers(c, raw.MAG)
	p.gatewayTimestamps(raw.MAG)
	p.atLeastOne("lmas", len(raw.LMAs))
	c.LMAs = p.peers(listOfAnchors, raw.LMAs, end, !c.None)
	c.Gateways = p.peers(listOfGateways, raw.Gateways, end, !c.None, c.LMAs...)
	c.OtherPeers = p.peers(listOfOthers, raw.Security.Peers, end, !c.None, slices.Concat(c.LMAs, c.Gateways)...)
	c.AccessLinks = p.accessLinks(raw.AccessLinks, c.Uplink)
	p.dhcp(c, raw.MAG)
	c.MIH = p.gatewayMIH(raw.MIH, end, c)
	c.Handover = p.handover(raw.Handover, c.Gateways)
	p.adapters(c, raw.Adapters)
	p.gatewayPolicy(c, raw.Policy)
	defaults := defaultMagd()
	c.Settings = settings(&raw, &defaults)
	return c, p.err()
}

// Protected are all peers whose associations the daemon looks after.
func (c *Magd) Protected() []Peer { return slices.Concat(c.LMAs, c.Gateways, c.OtherPeers) }

// maximumDNSServers is how many DNS servers a DHCP message of netlmm has room for.
const maximumDNSServers = 8

// dhcp reads what the DHCP servers and relay agents of all access links have in common.
func (p *problems) dhcp(c *Magd, raw rawMAG) {
	if raw.DHCPRelayAddress != "" {
		c.DHCPRelayAddress = p.ipv4Address("mag.dhcp_relay_address", raw.DHCPRelayAddress)
	}
	for i, server := range raw.DNSServers {
		c.DNSServers = append(c.DNSServers, p.transportAddress(fmt.Sprintf("mag.dns_servers[%d]", i), server))
	}
	p.few("mag.dns_servers", len(raw.DNSServers), maximumDNSServers)
	for i, link := range c.AccessLinks {
		if len(link.DHCPv4Servers) > 0 && raw.DHCPRelayAddress == "" {
			p.add(fmt.Sprintf("access_links[%d].dhcpv4_servers", i), "", "answer to mag.dhcp_relay_address, which is missing: want an IPv4 address of this gateway there")
		}
	}
}

// gatewayTimestamps checks the flags of RFC 5213 section 9.3, and that a gateway is not asked for what it cannot do.
func (p *problems) gatewayTimestamps(raw rawMAG) {
	p.timestamps("mag", raw.TimestampBasedApproachInUse, raw.MobileNodeGeneratedTimestampInUse)
	if raw.MobileNodeGeneratedTimestampInUse {
		p.add("mag.mobile_node_generated_timestamp_in_use", "true",
			"want false: none of the access points that netlmm understands tells a gateway a mobile node's timestamp")
	}
}

// gatewayTimers checks what one timer means for another.
func (p *problems) gatewayTimers(c *Magd, raw rawMAG) {
	if c.Lifetime >= minLifetime {
		c.ReRegistrationMargin = p.duration("mag.re_registration_margin", raw.ReRegistrationMargin, time.Second, c.Lifetime*3/4)
	}
	p.notMore("mag.initial_bindack_timeout", c.InitialBindackTimeout, "mag.max_bindack_timeout", c.MaxBindackTimeout)
	// A mobile node that answers in time must still have a binding to extend.
	p.notMore("mag.presence_timeout", c.PresenceTimeout, "mag.re_registration_margin", c.ReRegistrationMargin)
}
