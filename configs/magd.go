package configs

import (
	"fmt"
	"net/netip"
	"time"

	"netlmm/mih"
	"netlmm/mobility"
)

// Magd is the configuration of a Mobile Access Gateway.
type Magd struct {
	Common
	Security
	Forwarding

	ProxyCareOfAddress          netip.Addr
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

	LMAs        []Peer
	AccessLinks []AccessLink
	Hostapd     []HostapdSource
	CiscoSyslog CiscoSyslog

	Profiles []mobility.Profile
	Fallback *mobility.Profile
}

// AccessLink is one interface that mobile nodes are reached on.
type AccessLink struct {
	Interface            string
	AccessTechnologyType mobility.AccessTechnologyType
	LinkLocalAddress     netip.Addr
	LinkLayerAddress     [6]byte // zero: the interface keeps its own
	MTU                  int     // 0: the tunnel's
}

// HostapdSource is one hostapd interface that reports its stations.
type HostapdSource struct {
	ControlSocket string
	Interface     string // access link of its stations
	LinkType      mih.LinkType
}

// CiscoSyslog is the listener for Cisco access points; off without Listen.
type CiscoSyslog struct {
	Listen  netip.AddrPort
	Sources []SyslogSource
}

// SyslogSource is one access point or controller whose lines are believed.
type SyslogSource struct {
	Address           netip.Prefix
	AccessPoint       string // only lines that name it; "": all of this address
	PointOfAttachment mih.LinkAddress
	Interface         string
}

type rawMagd struct {
	Admin       rawAdmin        `mapstructure:"admin"`
	Metrics     rawMetrics      `mapstructure:"metrics"`
	Log         rawLog          `mapstructure:"log"`
	MAG         rawMAG          `mapstructure:"mag"`
	LMAs        []rawPeer       `mapstructure:"lmas"`
	AccessLinks []rawAccessLink `mapstructure:"access_links"`
	Adapters    rawAdapters     `mapstructure:"adapters"`
	Forwarding  rawForwarding   `mapstructure:"forwarding"`
	Security    rawSecurity     `mapstructure:"security"`
	Policy      rawPolicy       `mapstructure:"policy"`
}

type rawMAG struct {
	ProxyCareOfAddress          string `mapstructure:"proxy_care_of_address"`
	Lifetime                    string `mapstructure:"lifetime"`
	ReRegistrationMargin        string `mapstructure:"re_registration_margin"`
	InitialBindackTimeout       string `mapstructure:"initial_bindack_timeout"`
	MaxBindackTimeout           string `mapstructure:"max_bindack_timeout"`
	DeregistrationTimeout       string `mapstructure:"deregistration_timeout"`
	PresenceTimeout             string `mapstructure:"presence_timeout"`
	MaximumMobileNodes          int    `mapstructure:"maximum_mobile_nodes"`
	TimestampBasedApproachInUse bool   `mapstructure:"timestamp_based_approach_in_use"`
	RouterLifetime              string `mapstructure:"router_lifetime"`
	OnStop                      string `mapstructure:"on_stop"`
}

type rawAccessLink struct {
	Interface            string `mapstructure:"interface"`
	AccessTechnologyType string `mapstructure:"access_technology_type"`
	LinkLocalAddress     string `mapstructure:"link_local_address"`
	LinkLayerAddress     string `mapstructure:"link_layer_address"`
	MTU                  int    `mapstructure:"mtu"`
}

type rawAdapters struct {
	Hostapd     []rawHostapd   `mapstructure:"hostapd"`
	CiscoSyslog rawCiscoSyslog `mapstructure:"ciscosyslog"`
}

type rawHostapd struct {
	ControlSocket string `mapstructure:"control_socket"`
	Interface     string `mapstructure:"interface"`
}

type rawCiscoSyslog struct {
	Listen  string            `mapstructure:"listen"`
	Sources []rawSyslogSource `mapstructure:"sources"`
}

type rawSyslogSource struct {
	Address           string `mapstructure:"address"`
	AccessPoint       string `mapstructure:"access_point"`
	PointOfAttachment string `mapstructure:"point_of_attachment"`
	Interface         string `mapstructure:"interface"`
}

func defaultMagd() rawMagd {
	return rawMagd{
		Admin:   rawAdmin{Socket: "/run/netlmm/magd.sock"},
		Metrics: rawMetrics{Listen: "127.0.0.1:9521"},
		Log:     rawLog{Level: "info", Format: "text"},
		MAG: rawMAG{
			Lifetime: "5m", ReRegistrationMargin: "30s", InitialBindackTimeout: "1s", MaxBindackTimeout: "32s",
			DeregistrationTimeout: "1s", PresenceTimeout: "1s", MaximumMobileNodes: 10000, TimestampBasedApproachInUse: true,
			RouterLifetime: "30m", OnStop: "deregister",
		},
		Forwarding: rawForwarding{Backend: "auto"},
		Security:   defaultSecurity,
		Policy:     rawPolicy{Default: "allow"},
	}
}

// LoadMagd reads magd.yaml. The error lists every problem (*Error), or says why the file could not be read.
func LoadMagd(file string) (*Magd, error) {
	raw, p := defaultMagd(), &problems{file: file}
	if err := load(file, &raw, p); err != nil {
		return nil, err
	}
	c := &Magd{
		Common:                      p.common(raw.Admin, raw.Metrics, raw.Log),
		Security:                    p.security(raw.Security),
		Forwarding:                  p.forwarding(raw.Forwarding),
		ProxyCareOfAddress:          p.address("mag.proxy_care_of_address", raw.MAG.ProxyCareOfAddress),
		Lifetime:                    p.duration("mag.lifetime", raw.MAG.Lifetime, minLifetime, maxLifetime),
		InitialBindackTimeout:       p.duration("mag.initial_bindack_timeout", raw.MAG.InitialBindackTimeout, 10*time.Millisecond, time.Minute),
		MaxBindackTimeout:           p.duration("mag.max_bindack_timeout", raw.MAG.MaxBindackTimeout, 10*time.Millisecond, time.Hour),
		DeregistrationTimeout:       p.duration("mag.deregistration_timeout", raw.MAG.DeregistrationTimeout, 10*time.Millisecond, time.Minute),
		PresenceTimeout:             p.duration("mag.presence_timeout", raw.MAG.PresenceTimeout, 10*time.Millisecond, time.Minute),
		MaximumMobileNodes:          p.atLeast("mag.maximum_mobile_nodes", raw.MAG.MaximumMobileNodes, 1),
		TimestampBasedApproachInUse: raw.MAG.TimestampBasedApproachInUse,
		RouterLifetime:              p.duration("mag.router_lifetime", raw.MAG.RouterLifetime, 4*time.Second, 9000*time.Second),
		DeregisterOnStop:            p.oneOf("mag.on_stop", raw.MAG.OnStop, "deregister", "keep") == "deregister",
	}
	c.ReRegistrationMargin = p.duration("mag.re_registration_margin", raw.MAG.ReRegistrationMargin, time.Second, c.Lifetime*3/4)
	c.LMAs = p.peers("lmas", raw.LMAs, c.ProxyCareOfAddress, true, !c.None)
	c.AccessLinks = p.accessLinks(raw.AccessLinks)
	p.adapters(c, raw.Adapters)
	var defaultLMA netip.Addr
	if len(c.LMAs) > 0 {
		defaultLMA = c.LMAs[0].Address
	}
	c.Profiles, c.Fallback = p.policy(raw.Policy, defaultLMA)
	p.anchorsAreKnown(c)
	return c, p.err()
}

var accessTechnologies = map[string]mobility.AccessTechnologyType{"wlan": mobility.AccessWLAN, "ethernet": mobility.AccessEthernet, "wimax": mobility.AccessWiMAX, "virtual": mobility.AccessVirtual, "ppp": mobility.AccessPPP}

func (p *problems) accessLinks(raws []rawAccessLink) []AccessLink {
	if len(raws) == 0 {
		p.add("access_links", "", "is missing: want at least one access link with its interface")
	}
	seen := map[string]bool{}
	var links []AccessLink
	for i, raw := range raws {
		at := fmt.Sprintf("access_links[%d]", i)
		link := AccessLink{Interface: p.required(at+".interface", raw.Interface), MTU: raw.MTU, AccessTechnologyType: mobility.AccessWLAN,
			LinkLocalAddress: mobility.FixedMAGLinkLocalAddress, LinkLayerAddress: mobility.FixedMAGLinkLayerAddress}
		if seen[raw.Interface] {
			p.add(at+".interface", raw.Interface, "stands twice")
		}
		seen[raw.Interface] = true
		if raw.AccessTechnologyType != "" {
			p.oneOf(at+".access_technology_type", raw.AccessTechnologyType, "wlan", "ethernet", "wimax", "virtual", "ppp")
			link.AccessTechnologyType = accessTechnologies[raw.AccessTechnologyType]
		}
		if raw.LinkLocalAddress != "" {
			a, err := netip.ParseAddr(raw.LinkLocalAddress)
			if err != nil || !a.IsLinkLocalUnicast() || !a.Is6() {
				p.add(at+".link_local_address", raw.LinkLocalAddress, "want an IPv6 link-local address such as fe80::200:5eff:fe00:5213")
			}
			link.LinkLocalAddress = a
		}
		switch raw.LinkLayerAddress {
		case "":
		case "own":
			link.LinkLayerAddress = [6]byte{}
		default:
			link.LinkLayerAddress = p.mac(at+".link_layer_address", raw.LinkLayerAddress)
		}
		if raw.MTU != 0 && raw.MTU < 1280 {
			p.add(at+".mtu", fmt.Sprint(raw.MTU), "want at least 1280 (RFC 8200 section 5), or 0 for the tunnel's")
		}
		links = append(links, link)
	}
	return links
}

func (p *problems) adapters(c *Magd, raw rawAdapters) {
	links := map[string]AccessLink{}
	for _, l := range c.AccessLinks {
		links[l.Interface] = l
	}
	known := func(key, name string) {
		if _, ok := links[name]; !ok {
			p.add(key, name, "want the interface of one of access_links")
		}
	}
	for i, h := range raw.Hostapd {
		at := fmt.Sprintf("adapters.hostapd[%d]", i)
		known(at+".interface", h.Interface)
		source := HostapdSource{p.required(at+".control_socket", h.ControlSocket), h.Interface, mih.LinkType80211}
		if links[h.Interface].AccessTechnologyType == mobility.AccessEthernet {
			source.LinkType = mih.LinkTypeEthernet
		}
		c.Hostapd = append(c.Hostapd, source)
	}
	if s := raw.CiscoSyslog; s.Listen != "" {
		c.CiscoSyslog.Listen = p.addrPort("adapters.ciscosyslog.listen", s.Listen)
		if len(s.Sources) == 0 {
			p.add("adapters.ciscosyslog.sources", "", "is missing: syslog has no authentication, so the access points that are believed must be named")
		}
	} else if len(s.Sources) > 0 {
		p.add("adapters.ciscosyslog.listen", "", `is missing although there are sources: want "[::]:514"`)
	}
	for i, s := range raw.CiscoSyslog.Sources {
		at := fmt.Sprintf("adapters.ciscosyslog.sources[%d]", i)
		known(at+".interface", s.Interface)
		source := SyslogSource{Address: p.hostOrPrefix(at+".address", s.Address), AccessPoint: s.AccessPoint, Interface: s.Interface}
		if s.PointOfAttachment != "" {
			source.PointOfAttachment = p.mac(at+".point_of_attachment", s.PointOfAttachment)
		}
		c.CiscoSyslog.Sources = append(c.CiscoSyslog.Sources, source)
	}
	if len(c.Hostapd) == 0 && raw.CiscoSyslog.Listen == "" {
		p.add("adapters", "", "is missing: want hostapd or ciscosyslog, without one no attachment is ever seen")
	}
}

func (p *problems) hostOrPrefix(key, value string) netip.Prefix {
	if a, err := netip.ParseAddr(value); err == nil {
		return netip.PrefixFrom(a, a.BitLen())
	}
	n, err := netip.ParsePrefix(value)
	if err != nil {
		p.add(key, value, "want an address or a prefix of access points")
	}
	return n
}

// anchorsAreKnown refuses a profile that names an LMA which lmas does not list: nothing would protect its signalling.
func (p *problems) anchorsAreKnown(c *Magd) {
	known := map[netip.Addr]bool{}
	for _, l := range c.LMAs {
		known[l.Address] = true
	}
	for i, profile := range c.Profiles {
		if profile.LMAAddress.IsValid() && !known[profile.LMAAddress] {
			p.add(fmt.Sprintf("policy.mobile_nodes[%d].lma", i), profile.LMAAddress.String(), "want the address of one of lmas")
		}
	}
}
